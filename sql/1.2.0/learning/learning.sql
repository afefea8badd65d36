-- learning: models, what they are made of, what is thought of users, and what users have said.

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('churn_horizon_days', '60', 'int', 7, 365, false, 'Days without a purchase after which a user counts as lost', true),
    ('ml_retrain_days', '30', 'int', 1, 3650, true, 'Days after which an active model is trained anew; null = never', true),
    ('quiet_hours_start', '21', 'int', 0, 23, false, 'The hour from which on nobody is to be sent anything', true),
    ('quiet_hours_end', '8', 'int', 0, 23, false, 'The hour from which on people may be sent something again', true);

CREATE TABLE swipesavvy.ml_models (
    model_name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    reason text,
    as_of timestamptz NOT NULL,
    seed integer NOT NULL,
    zone text,
    horizon_days integer,
    queued_at timestamptz NOT NULL DEFAULT now(),
    queued_by uuid,
    trainer_pid integer,
    trainer_started_at timestamptz,
    trained_at timestamptz,
    duration_ms bigint,
    train_examples integer,
    test_examples integer,
    train_positives integer,
    test_positives integer,
    lambda double precision,
    platt_a double precision,
    platt_b double precision,
    threshold double precision,
    metrics jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT ml_models_pkey PRIMARY KEY (model_name, version),
    CONSTRAINT a_model_is_a_known_one CHECK (model_name IN ('conversion', 'churn', 'affinity', 'offer')),
    CONSTRAINT a_version_has_a_known_status CHECK (status IN ('queued', 'training', 'active', 'held', 'retired', 'rejected', 'failed')),
    CONSTRAINT versions_count_from_one CHECK (version >= 1),
    CONSTRAINT a_seed_is_not_negative CHECK (seed >= 0)
);
COMMENT ON TABLE swipesavvy.ml_models IS 'Every version of every model, with how good it was when it was tested; a number is never used again.';
COMMENT ON COLUMN swipesavvy.ml_models.status IS
    'queued, training; active: it is asked; held: an admin may activate it; retired: it was active; rejected: no better than a constant; failed.';
COMMENT ON COLUMN swipesavvy.ml_models.reason IS 'Why it has that status.';
COMMENT ON COLUMN swipesavvy.ml_models.zone IS 'The time zone whose days were counted.';
COMMENT ON COLUMN swipesavvy.ml_models.trainer_pid IS 'The process that trains it, as long as it does.';
COMMENT ON COLUMN swipesavvy.ml_models.lambda IS 'How strongly weights were held down.';
COMMENT ON COLUMN swipesavvy.ml_models.platt_a IS 'With platt_b: probability = 1 / (1 + exp(platt_a * score + platt_b)).';
COMMENT ON COLUMN swipesavvy.ml_models.threshold IS 'The probability from which on it decides for yes.';
CREATE UNIQUE INDEX one_version_is_active ON swipesavvy.ml_models (model_name) WHERE status = 'active';
CREATE UNIQUE INDEX one_version_is_on_its_way ON swipesavvy.ml_models (model_name) WHERE status IN ('queued', 'training');

CREATE TABLE swipesavvy.ml_coefficients (
    model_name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    position integer NOT NULL,
    feature text NOT NULL,
    mean double precision,
    deviation double precision,
    weight double precision,
    bins double precision[],
    shares double precision[],
    CONSTRAINT ml_coefficients_pkey PRIMARY KEY (model_name, version, position),
    CONSTRAINT a_coefficient_is_of_a_version FOREIGN KEY (model_name, version) REFERENCES swipesavvy.ml_models,
    CONSTRAINT nine_deciles_make_ten_shares CHECK (cardinality(bins) = 9 AND cardinality(shares) = 10)
);
COMMENT ON TABLE swipesavvy.ml_coefficients IS 'What a version is made of: score = sum of weight * (value - mean) / deviation, and the intercept, position 0.';
COMMENT ON COLUMN swipesavvy.ml_coefficients.weight IS 'Null: the feature was the same for everybody and was left out.';
COMMENT ON COLUMN swipesavvy.ml_coefficients.bins IS 'The deciles of the values it was trained on.';
COMMENT ON COLUMN swipesavvy.ml_coefficients.shares IS 'The share of those values below the first decile, from it on, and so on; a value that several deciles are has one of the parts between them to itself.';

CREATE TABLE swipesavvy.ml_profiling_refusals (
    user_id uuid NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ml_profiling_refusals_pkey PRIMARY KEY (user_id)
);
COMMENT ON TABLE swipesavvy.ml_profiling_refusals IS 'Users of whom nothing is learned, and whom no model is asked about: they have said so.';

CREATE TABLE swipesavvy.ml_excluded_mccs (
    mcc char(4) NOT NULL,
    excluded boolean NOT NULL DEFAULT true,
    reason text,
    is_seed boolean NOT NULL DEFAULT false,
    CONSTRAINT ml_excluded_mccs_pkey PRIMARY KEY (mcc),
    CONSTRAINT an_excluded_code_is_a_known_one FOREIGN KEY (mcc) REFERENCES swipesavvy.mcc_codes
);
COMMENT ON TABLE swipesavvy.ml_excluded_mccs IS
    'Merchant category codes that tell of health, belief, politics, sex, gambling or courts: nothing is learned of where such purchases were made.';
COMMENT ON COLUMN swipesavvy.ml_excluded_mccs.excluded IS 'False: not any more (a seeded row is switched off, not deleted).';

INSERT INTO swipesavvy.ml_excluded_mccs (mcc, reason, is_seed)
SELECT m.mcc,
       CASE WHEN m.mcc = '7995' THEN 'gambling' WHEN m.mcc IN ('7273', '7277', '7297') THEN 'private life' WHEN m.mcc IN ('8398', '8641', '8651', '8661') THEN 'belief, politics'
            WHEN m.mcc IN ('9211', '9222', '9223') THEN 'courts' WHEN m.mcc = '8351' THEN 'children' ELSE 'health' END, true
  FROM swipesavvy.mcc_codes m
 WHERE m.mcc IN ('4119', '5122', '5912', '5975', '5976', '7273', '7277', '7297', '7995', '8351', '8398', '8641', '8651', '8661', '9211', '9222', '9223')
    OR m.mcc BETWEEN '8011' AND '8099';

CREATE TABLE swipesavvy.ml_send_prior (
    weekdays boolean NOT NULL,
    slot integer NOT NULL,
    share double precision NOT NULL,
    CONSTRAINT ml_send_prior_pkey PRIMARY KEY (weekdays, slot),
    CONSTRAINT a_slot_is_an_hour_or_a_weekday CHECK (slot >= 0 AND slot < CASE WHEN weekdays THEN 7 ELSE 24 END)
);
COMMENT ON TABLE swipesavvy.ml_send_prior IS 'The share of everybody''s events in each hour of the day and on each weekday, from Monday, 0.';

CREATE FUNCTION swipesavvy.restore_ml_excluded_mccs() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.ml_excluded_mccs x SET excluded = NEW.excluded, reason = NEW.reason, is_seed = NEW.is_seed WHERE x.mcc = NEW.mcc AND x.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_ml_excluded_mccs() IS 'Trigger: a restored row takes the place of the seeded one.';
CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.ml_excluded_mccs
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_ml_excluded_mccs();
ALTER TABLE swipesavvy.ml_excluded_mccs ENABLE ALWAYS TRIGGER restore_over_seed;

-- Which merchants are excluded, sessions keep; this table tells them that it has changed.
CREATE TABLE swipesavvy.learning_sentinel ();
COMMENT ON TABLE swipesavvy.learning_sentinel IS
    'Always empty: an invalidation of this table tells every session to look up again of which merchants nothing is learned.';
CREATE TRIGGER learning_after_insert AFTER INSERT ON swipesavvy.merchants FOR EACH ROW
    WHEN (NEW.mcc IS NOT NULL) EXECUTE FUNCTION swipesavvy.rules_changed('learning_sentinel');
CREATE TRIGGER learning_after_update AFTER UPDATE ON swipesavvy.merchants FOR EACH ROW
    WHEN (OLD.mcc IS DISTINCT FROM NEW.mcc OR OLD.merchant_id <> NEW.merchant_id) EXECUTE FUNCTION swipesavvy.rules_changed('learning_sentinel');
CREATE TRIGGER learning_after_truncate AFTER TRUNCATE ON swipesavvy.merchants FOR EACH STATEMENT
    EXECUTE FUNCTION swipesavvy.rules_changed('learning_sentinel');
CREATE TRIGGER learning_after_change AFTER INSERT OR UPDATE OR DELETE ON swipesavvy.ml_excluded_mccs FOR EACH ROW
    EXECUTE FUNCTION swipesavvy.rules_changed('learning_sentinel');
CREATE TRIGGER learning_after_truncate AFTER TRUNCATE ON swipesavvy.ml_excluded_mccs FOR EACH STATEMENT
    EXECUTE FUNCTION swipesavvy.rules_changed('learning_sentinel');
ALTER TABLE swipesavvy.merchants ENABLE ALWAYS TRIGGER learning_after_insert, ENABLE ALWAYS TRIGGER learning_after_update,
    ENABLE ALWAYS TRIGGER learning_after_truncate;
ALTER TABLE swipesavvy.ml_excluded_mccs ENABLE ALWAYS TRIGGER learning_after_change, ENABLE ALWAYS TRIGGER learning_after_truncate;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_models', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_coefficients', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_profiling_refusals', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_excluded_mccs', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_send_prior', '');

-- --- models -----------------------------------------------------------------------------------------------------

CREATE FUNCTION swipesavvy.train_ml_model(model_name text, as_of timestamptz DEFAULT NULL, seed integer DEFAULT 1) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_train_ml_model';
COMMENT ON FUNCTION swipesavvy.train_ml_model(text, timestamptz, integer) IS
    'Queues the training of a new version, from what had happened by as_of (now unless given); one that is queued or training already is returned instead.';

CREATE FUNCTION swipesavvy.cancel_ml_training(model_name text) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_cancel_ml_training';
COMMENT ON FUNCTION swipesavvy.cancel_ml_training(text) IS 'Gives up the version that is queued or training.';

CREATE FUNCTION swipesavvy.activate_ml_model(model_name text, version integer) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_activate_ml_model';
COMMENT ON FUNCTION swipesavvy.activate_ml_model(text, integer) IS 'Makes a version that is held or retired the one that is asked.';

CREATE FUNCTION swipesavvy.list_ml_models() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_ml_models';
COMMENT ON FUNCTION swipesavvy.list_ml_models() IS 'The models, the version of each that is asked, and how good it was when it was tested.';

CREATE FUNCTION swipesavvy.get_ml_performance(model_name text DEFAULT NULL, version integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_ml_performance';
COMMENT ON FUNCTION swipesavvy.get_ml_performance(text, integer) IS 'How good each version was when it was tested, the newest first.';

CREATE FUNCTION swipesavvy.train_models() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_train_models';
COMMENT ON FUNCTION swipesavvy.train_models() IS 'Job: trains the version that has been queued for longest; more tells whether there is one still.';

CREATE FUNCTION swipesavvy.predict(
    model_name text, user_id uuid, campaign_id text DEFAULT NULL, merchant_id uuid DEFAULT NULL, as_of timestamptz DEFAULT NULL,
    explain boolean DEFAULT true) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_predict';
COMMENT ON FUNCTION swipesavvy.predict(text, uuid, text, uuid, timestamptz, boolean) IS
    'What the active version of a model says of a user, and what it says so for. Nothing is kept of the question.';

CREATE FUNCTION swipesavvy.export_ml_data(model_name text, as_of timestamptz, seed integer DEFAULT 1) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_export_ml_data';
COMMENT ON FUNCTION swipesavvy.export_ml_data(text, timestamptz, integer) IS
    'The examples that a version would be trained and tested on, as lines of CSV, the first of them the names of the columns.';

CREATE FUNCTION swipesavvy.set_profiling_consent(user_id uuid, profiling boolean) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_profiling_consent';
COMMENT ON FUNCTION swipesavvy.set_profiling_consent(uuid, boolean) IS
    'Whether anything may be learned of a user and models be asked about it; true unless the user has said otherwise.';

-- --- what users are like --------------------------------------------------------------------------------------

CREATE FUNCTION swipesavvy.get_merchant_affinity(user_id uuid, page_size integer DEFAULT 10) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_affinity';
COMMENT ON FUNCTION swipesavvy.get_merchant_affinity(uuid, integer) IS 'The merchants at which a user has bought within a year, by how much it is at home there, and why.';

CREATE FUNCTION swipesavvy.get_send_times(user_id uuid, page_size integer DEFAULT 3) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_send_times';
COMMENT ON FUNCTION swipesavvy.get_send_times(uuid, integer) IS 'At which hours and on which days a user is there, and the best hours outside of the quiet ones.';

CREATE FUNCTION swipesavvy.refresh_models() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_models';
COMMENT ON FUNCTION swipesavvy.refresh_models() IS 'Job: queues models that have become old or whose users have changed, asks models about everybody, and sees what came to pass of what they said before.';
