-- flags: stored feature flags, when each is on and for whom, and who changed what.

CREATE SEQUENCE swipesavvy.feature_flags_flag_no_seq AS integer;

CREATE TABLE swipesavvy.feature_flags (
    flag_no integer NOT NULL DEFAULT nextval('swipesavvy.feature_flags_flag_no_seq'),
    flag_key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text,
    category text NOT NULL DEFAULT 'experimental',
    value_type text NOT NULL DEFAULT 'boolean',
    default_value jsonb NOT NULL DEFAULT 'false',
    value jsonb NOT NULL DEFAULT 'true',
    targeting jsonb NOT NULL DEFAULT '{}',
    rules jsonb NOT NULL DEFAULT '[]',
    prerequisites jsonb NOT NULL DEFAULT '[]',
    audience text NOT NULL DEFAULT 'client',
    hash_attribute text NOT NULL DEFAULT 'id',
    seed text NOT NULL,
    sticky boolean NOT NULL DEFAULT false,
    owner text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    archived_at timestamptz,
    is_seed boolean NOT NULL DEFAULT false,
    CONSTRAINT feature_flags_pkey PRIMARY KEY (flag_no),
    CONSTRAINT a_flag_key_is_used_once UNIQUE (flag_key),
    CONSTRAINT a_flag_key_is_a_name CHECK (flag_key ~ '^[A-Za-z0-9][A-Za-z0-9_.:|-]{0,99}$'),
    CONSTRAINT a_flag_has_a_known_category CHECK (category IN ('ui', 'advanced', 'experimental', 'rollout')),
    CONSTRAINT a_flag_has_a_known_value_type CHECK (value_type IN ('boolean', 'string', 'number', 'json')),
    CONSTRAINT a_flag_has_a_known_audience CHECK (audience IN ('server', 'client', 'public'))
);
COMMENT ON TABLE swipesavvy.feature_flags IS 'Feature flags as they are now; what they give is default_value, value and rules.';
COMMENT ON COLUMN swipesavvy.feature_flags.flag_key IS 'Its name in apps: never changed, and never used again.';
COMMENT ON COLUMN swipesavvy.feature_flags.default_value IS 'What it gives while it is off, and to whom no rule applies.';
COMMENT ON COLUMN swipesavvy.feature_flags.value IS 'What the roll-out gives.';
COMMENT ON COLUMN swipesavvy.feature_flags.seed IS 'What users are hashed with; another one draws them anew.';
COMMENT ON COLUMN swipesavvy.feature_flags.sticky IS 'Users keep the variation they have once been assigned.';
COMMENT ON COLUMN swipesavvy.feature_flags.archived_at IS 'Since when it gives its default alone; it is never deleted.';
COMMENT ON COLUMN swipesavvy.feature_flags.is_seed IS 'Came with the extension; a row of a dump takes its place when it is restored.';
ALTER SEQUENCE swipesavvy.feature_flags_flag_no_seq OWNED BY swipesavvy.feature_flags.flag_no;

CREATE TABLE swipesavvy.feature_flag_rollouts (
    flag_no integer NOT NULL,
    starts_at timestamptz NOT NULL,
    enabled boolean NOT NULL,
    from_bp integer NOT NULL,
    to_bp integer NOT NULL,
    ends_at timestamptz,
    set_at timestamptz NOT NULL DEFAULT now(),
    set_by uuid,
    reason text,
    CONSTRAINT feature_flag_rollouts_pkey PRIMARY KEY (flag_no, starts_at),
    CONSTRAINT a_roll_out_is_of_a_flag FOREIGN KEY (flag_no) REFERENCES swipesavvy.feature_flags,
    CONSTRAINT a_share_is_at_most_everybody CHECK (from_bp BETWEEN 0 AND 10000 AND to_bp BETWEEN 0 AND 10000),
    CONSTRAINT a_ramp_ends_after_it_starts CHECK (ends_at > starts_at)
);
COMMENT ON TABLE swipesavvy.feature_flag_rollouts IS 'When each flag is on and for what share of the users, past and planned.';
COMMENT ON COLUMN swipesavvy.feature_flag_rollouts.from_bp IS 'Share of the users in hundredths of a percent at starts_at.';
COMMENT ON COLUMN swipesavvy.feature_flag_rollouts.ends_at IS 'When the share is to_bp; between, it grows or shrinks evenly. Null: at once.';

CREATE TABLE swipesavvy.feature_flag_overrides (
    user_id uuid NOT NULL,
    flag_no integer NOT NULL,
    value jsonb NOT NULL,
    expires_at timestamptz,
    reason text,
    set_at timestamptz NOT NULL DEFAULT now(),
    set_by uuid,
    CONSTRAINT feature_flag_overrides_pkey PRIMARY KEY (user_id, flag_no),
    CONSTRAINT an_override_is_of_a_flag FOREIGN KEY (flag_no) REFERENCES swipesavvy.feature_flags
);
COMMENT ON TABLE swipesavvy.feature_flag_overrides IS 'Values that single users get whatever the rules say.';
CREATE INDEX feature_flag_overrides_flag_no ON swipesavvy.feature_flag_overrides (flag_no, user_id);

CREATE TABLE swipesavvy.feature_flag_assignments (
    user_id uuid NOT NULL,
    experiment_key text COLLATE "C" NOT NULL,
    bucket_version integer NOT NULL,
    variation text NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_flag_assignments_pkey PRIMARY KEY (user_id, experiment_key, bucket_version)
);
-- for what is kept of experiments that are no more
CREATE INDEX feature_flag_assignments_experiment ON swipesavvy.feature_flag_assignments (experiment_key);
COMMENT ON TABLE swipesavvy.feature_flag_assignments IS 'Which variation a user keeps, of flags that are sticky.';

CREATE TABLE swipesavvy.feature_flag_audit_log (
    flag_no integer NOT NULL,
    log_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL,
    actor_id uuid,
    reason text,
    version integer NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT feature_flag_audit_log_pkey PRIMARY KEY (flag_no, log_id),
    CONSTRAINT a_change_is_of_a_flag FOREIGN KEY (flag_no) REFERENCES swipesavvy.feature_flags
);
COMMENT ON TABLE swipesavvy.feature_flag_audit_log IS 'Every change of a flag, with the flag before and after; never changed.';
CREATE TRIGGER changes_of_flags_are_kept BEFORE UPDATE OR DELETE ON swipesavvy.feature_flag_audit_log
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.refuse_change('log');
CREATE TRIGGER changes_of_flags_are_not_truncated BEFORE TRUNCATE ON swipesavvy.feature_flag_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.refuse_change('log');
ALTER TABLE swipesavvy.feature_flag_audit_log ENABLE ALWAYS TRIGGER changes_of_flags_are_kept, ENABLE ALWAYS TRIGGER changes_of_flags_are_not_truncated;

-- The ten flags that come with the extension.
INSERT INTO swipesavvy.feature_flags (flag_no, flag_key, name, category, seed, is_seed)
SELECT n, key, name, category, key, true
  FROM (VALUES (1, 'tier_progress_bar', 'Tier progress bar', 'ui'), (2, 'amount_chip_selector', 'Amount chip selector', 'ui'),
               (3, 'platform_goal_meter', 'Platform goal meter', 'ui'), (4, 'ai_concierge_chat', 'AI concierge chat', 'ui'), (5, 'dark_mode', 'Dark mode', 'ui'),
               (6, 'social_sharing', 'Social sharing', 'advanced'), (7, 'receipt_generation', 'Receipt generation', 'advanced'),
               (8, 'community_feed', 'Community feed', 'advanced'), (9, 'advanced_analytics', 'Advanced analytics', 'advanced'),
               (10, 'notification_center', 'Notification center', 'experimental')) f (n, key, name, category);
SELECT setval('swipesavvy.feature_flags_flag_no_seq', 10);
INSERT INTO swipesavvy.feature_flag_rollouts (flag_no, starts_at, enabled, from_bp, to_bp)
SELECT n, '2000-01-01 00:00:00+00', n <= 7, 10000, 10000 FROM generate_series(1, 10) n;

CREATE FUNCTION swipesavvy.restore_feature_flags() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.feature_flags f
       SET name = NEW.name, description = NEW.description, category = NEW.category, value_type = NEW.value_type, default_value = NEW.default_value,
           value = NEW.value, targeting = NEW.targeting, rules = NEW.rules, prerequisites = NEW.prerequisites, audience = NEW.audience,
           hash_attribute = NEW.hash_attribute, seed = NEW.seed, sticky = NEW.sticky, owner = NEW.owner, version = NEW.version,
           created_at = NEW.created_at, created_by = NEW.created_by, updated_at = NEW.updated_at, updated_by = NEW.updated_by,
           archived_at = NEW.archived_at, is_seed = NEW.is_seed
     WHERE f.flag_key = NEW.flag_key AND f.flag_no = NEW.flag_no AND f.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_feature_flags() IS 'Trigger: a restored row takes the place of the seeded one.';
CREATE FUNCTION swipesavvy.restore_feature_flag_rollouts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.feature_flag_rollouts r
       SET enabled = NEW.enabled, from_bp = NEW.from_bp, to_bp = NEW.to_bp, ends_at = NEW.ends_at, set_at = NEW.set_at, set_by = NEW.set_by, reason = NEW.reason
     WHERE r.flag_no = NEW.flag_no AND r.starts_at = NEW.starts_at;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_feature_flag_rollouts() IS 'Trigger: a restored row takes the place of the seeded one.';
CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.feature_flags
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_feature_flags();
CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.feature_flag_rollouts
    FOR EACH ROW WHEN (NEW.starts_at = '2000-01-01 00:00:00+00'::timestamptz) EXECUTE FUNCTION swipesavvy.restore_feature_flag_rollouts();
ALTER TABLE swipesavvy.feature_flags ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.feature_flag_rollouts ENABLE ALWAYS TRIGGER restore_over_seed;

-- What a session compiles of flags, and the table that tells it to do so again (rules.sql).
CREATE TABLE swipesavvy.flag_sentinel ();
COMMENT ON TABLE swipesavvy.flag_sentinel IS
    'Always empty: an invalidation of this table tells every session to compile the flags again.';
DO $$
DECLARE
    table_name text;
    change text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['feature_flags', 'feature_flag_rollouts', 'feature_flag_overrides', 'system_settings'] LOOP
        FOREACH change IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
            EXECUTE pg_catalog.format('CREATE TRIGGER %I AFTER %s ON swipesavvy.%I FOR EACH %s EXECUTE FUNCTION swipesavvy.rules_changed(''flag_sentinel'')',
                                      'flags_after_' || pg_catalog.lower(change), change, table_name, CASE change WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END);
            EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER %I', table_name, 'flags_after_' || pg_catalog.lower(change));
        END LOOP;
    END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flags', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flags_flag_no_seq', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_rollouts', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_overrides', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_assignments', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.feature_flag_audit_log', '');

-- --- evaluating ---------------------------------------------------------------------------------------------

CREATE FUNCTION swipesavvy.evaluate_flag(key text, user_id uuid DEFAULT NULL, attributes jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_evaluate_flag';
COMMENT ON FUNCTION swipesavvy.evaluate_flag(text, uuid, jsonb) IS
    'What a flag gives a user, and why. Attributes that are stored count before those that are given.';

CREATE FUNCTION swipesavvy.evaluate_flags(user_id uuid DEFAULT NULL, attributes jsonb DEFAULT '{}', keys text[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_evaluate_flags';
COMMENT ON FUNCTION swipesavvy.evaluate_flags(uuid, jsonb, text[]) IS
    'What all flags that the caller may see give a user, or those of the keys that exist.';

CREATE FUNCTION swipesavvy.flag_enabled(key text, user_id uuid, attributes jsonb DEFAULT NULL) RETURNS boolean
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_enabled';
COMMENT ON FUNCTION swipesavvy.flag_enabled(text, uuid, jsonb) IS
    'Whether a flag is on for a user, for queries over many; where columns of users decide, flag_users() is faster.';

CREATE FUNCTION swipesavvy.flag_users(key text, attributes jsonb DEFAULT NULL, OUT user_id uuid, OUT enabled boolean, OUT value jsonb, OUT variant text) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100000
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_users';
COMMENT ON FUNCTION swipesavvy.flag_users(text, jsonb) IS
    'What a flag gives every user who has not been erased, read in one pass.';

CREATE FUNCTION swipesavvy.get_flags_document(
    user_id uuid DEFAULT NULL,
    attributes jsonb DEFAULT '{}',
    "forcedVariations" jsonb DEFAULT NULL,
    "forcedFeatures" jsonb DEFAULT NULL,
    url text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_flags_document';
COMMENT ON FUNCTION swipesavvy.get_flags_document(uuid, jsonb, jsonb, jsonb, text) IS
    'The document that GrowthBook''s SDKs load: public flags with their rules, others as they are for the caller.';

CREATE FUNCTION swipesavvy.assign_flag(key text, user_id uuid, attributes jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_assign_flag';
COMMENT ON FUNCTION swipesavvy.assign_flag(text, uuid, jsonb) IS
    'What a flag gives a user, and from then on: the variation is kept where the flag is sticky, and who was shown it is counted.';

-- --- changing ---------------------------------------------------------------------------------------------

CREATE FUNCTION swipesavvy.create_flag(
    key text,
    name text,
    description text DEFAULT NULL,
    category text DEFAULT 'experimental',
    value_type text DEFAULT 'boolean',
    default_value jsonb DEFAULT NULL,
    value jsonb DEFAULT NULL,
    enabled boolean DEFAULT false,
    rollout_percentage numeric DEFAULT 100,
    targeting jsonb DEFAULT '{}',
    rules jsonb DEFAULT '[]',
    prerequisites jsonb DEFAULT '[]',
    audience text DEFAULT 'client',
    hash_attribute text DEFAULT 'id',
    sticky boolean DEFAULT false,
    owner text DEFAULT NULL,
    reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_flag';
COMMENT ON FUNCTION swipesavvy.create_flag(text, text, text, text, text, jsonb, jsonb, boolean, numeric, jsonb, jsonb, jsonb, text, text, boolean, text, text) IS
    'Creates a flag: what it gives while it is off, what its roll-out gives, to what share of which users, and rules that come before.';

CREATE FUNCTION swipesavvy.get_flag(key text) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_flag';
COMMENT ON FUNCTION swipesavvy.get_flag(text) IS 'A flag with its schedule, and the document that SDKs get of it.';

CREATE FUNCTION swipesavvy.update_flag(key text, changes jsonb, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_flag';
COMMENT ON FUNCTION swipesavvy.update_flag(text, jsonb, text) IS
    'Changes a flag; with the version that was read, only if nobody has changed it since.';

CREATE FUNCTION swipesavvy.list_flags(
    category text DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    status text DEFAULT NULL,
    search text DEFAULT NULL,
    after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_flags';
COMMENT ON FUNCTION swipesavvy.list_flags(text, integer, integer, text, text, text) IS
    'Flags by key; archived ones only where the status asks for them.';

CREATE FUNCTION swipesavvy.delete_flag(key text, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_flag';
COMMENT ON FUNCTION swipesavvy.delete_flag(text, text) IS 'Archives a flag: from then on it gives its default. Its history stays.';

CREATE FUNCTION swipesavvy.restore_flag(key text, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_restore_flag';
COMMENT ON FUNCTION swipesavvy.restore_flag(text, text) IS 'Takes a flag out of the archive, switched off.';

CREATE FUNCTION swipesavvy.toggle_flag(key text, enabled boolean DEFAULT NULL, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_toggle_flag';
COMMENT ON FUNCTION swipesavvy.toggle_flag(text, boolean, text) IS
    'Switches a flag on or off, or to the contrary of what it is; the share of users stays what it is now.';

CREATE FUNCTION swipesavvy.set_flag_rollout(key text, percentage numeric, until timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_flag_rollout';
COMMENT ON FUNCTION swipesavvy.set_flag_rollout(text, numeric, timestamptz, text) IS
    'Sets the share of users that a flag''s roll-out reaches, at once or evenly until then.';

CREATE FUNCTION swipesavvy.schedule_flag(
    key text,
    at timestamptz,
    enabled boolean DEFAULT NULL,
    percentage numeric DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_schedule_flag';
COMMENT ON FUNCTION swipesavvy.schedule_flag(text, timestamptz, boolean, numeric, timestamptz, text) IS
    'Plans when a flag is switched on or off, or its share changes, at once or evenly until then.';

CREATE FUNCTION swipesavvy.cancel_flag_schedule(key text, at timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_cancel_flag_schedule';
COMMENT ON FUNCTION swipesavvy.cancel_flag_schedule(text, timestamptz) IS 'Takes back what is planned for a moment, or all that is planned.';

CREATE FUNCTION swipesavvy.set_flag_override(key text, user_id uuid, value jsonb, expires_at timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_flag_override';
COMMENT ON FUNCTION swipesavvy.set_flag_override(text, uuid, jsonb, timestamptz, text) IS
    'Gives one user a value of a flag whatever its rules say, even while it is off.';

CREATE FUNCTION swipesavvy.remove_flag_override(key text, user_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_remove_flag_override';
COMMENT ON FUNCTION swipesavvy.remove_flag_override(text, uuid) IS 'Takes a user''s own value of a flag away.';

CREATE FUNCTION swipesavvy.list_flag_overrides(key text, page_size integer DEFAULT 20, after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_flag_overrides';
COMMENT ON FUNCTION swipesavvy.list_flag_overrides(text, integer, text) IS 'Users with a value of their own of a flag.';

CREATE FUNCTION swipesavvy.get_flag_audit(key text, days integer DEFAULT 30, page_size integer DEFAULT 50) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_flag_audit';
COMMENT ON FUNCTION swipesavvy.get_flag_audit(text, integer, integer) IS 'Who changed a flag when and why, newest first.';

CREATE FUNCTION swipesavvy.import_flags_document(document jsonb, replace boolean DEFAULT false, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_import_flags_document';
COMMENT ON FUNCTION swipesavvy.import_flags_document(jsonb, boolean, text) IS
    'Makes flags of a document that get_flags_document gave elsewhere: new ones are off, and those that are there change only if they may be replaced.';

CREATE FUNCTION swipesavvy.flag_cache_status() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_cache_status';
COMMENT ON FUNCTION swipesavvy.flag_cache_status() IS
    'What this session holds of the compiled flags: flags, overrides, bytes, generation, builds, last build time.';

CREATE VIEW swipesavvy.v_active_feature_flags AS
SELECT f.flag_key, f.name, f.category, f.description, f.default_value,
       (CASE WHEN r.ends_at IS NULL OR statement_timestamp() >= r.ends_at THEN r.to_bp
             ELSE r.from_bp + sign(r.to_bp - r.from_bp)::integer * floor(abs(r.to_bp - r.from_bp) * extract(epoch FROM statement_timestamp() - r.starts_at)
                                                                         / extract(epoch FROM r.ends_at - r.starts_at))::integer END / 100.0)::numeric(5, 2) AS rollout_percentage,
       f.owner, f.updated_at, f.value_type, f.audience, f.version
  FROM swipesavvy.feature_flags f
  JOIN LATERAL (SELECT * FROM swipesavvy.feature_flag_rollouts t
                 WHERE t.flag_no = f.flag_no AND t.starts_at <= statement_timestamp() ORDER BY t.starts_at DESC LIMIT 1) r ON r.enabled
 WHERE f.archived_at IS NULL;
COMMENT ON VIEW swipesavvy.v_active_feature_flags IS 'Flags that are on now, with the share of users that their roll-out reaches.';
