-- live: what came to pass of what models thought, and whether users are still like those that a version was trained on.

CREATE TABLE swipesavvy.ml_live_months (
    model_name text COLLATE "C" NOT NULL,
    month date NOT NULL,
    version integer NOT NULL,
    as_of timestamptz NOT NULL,
    until timestamptz NOT NULL,
    zone text NOT NULL,
    users integer NOT NULL,
    worked_out_at timestamptz,
    examples integer,
    positives integer,
    auc double precision,
    log_loss double precision,
    brier double precision,
    CONSTRAINT ml_live_months_pkey PRIMARY KEY (model_name, month),
    CONSTRAINT a_month_is_of_a_version FOREIGN KEY (model_name, version) REFERENCES swipesavvy.ml_models,
    CONSTRAINT a_month_is_its_first_day CHECK (extract(day FROM month) = 1),
    CONSTRAINT labels_come_later CHECK (until > as_of),
    CONSTRAINT a_month_is_worked_out_or_not CHECK (num_nonnulls(worked_out_at, examples, positives) IN (0, 3))
);
COMMENT ON TABLE swipesavvy.ml_live_months IS 'Each month: which version was asked about some users and when, and once its horizon is over, how good it was.';
COMMENT ON COLUMN swipesavvy.ml_live_months.as_of IS 'The first time in the month that the job ran and there was an active version.';
COMMENT ON COLUMN swipesavvy.ml_live_months.until IS 'The same local time after the horizon of the version, when it is known what has come to pass.';
COMMENT ON COLUMN swipesavvy.ml_live_months.users IS 'How many were kept at first; examples: how many of them there were still when it was worked out.';
CREATE INDEX ml_live_months_of_version ON swipesavvy.ml_live_months (model_name, version);
CREATE INDEX ml_live_months_open ON swipesavvy.ml_live_months (until) WHERE worked_out_at IS NULL;

CREATE TABLE swipesavvy.ml_live (
    user_id uuid NOT NULL,
    model_name text COLLATE "C" NOT NULL,
    month date NOT NULL,
    probability double precision NOT NULL,
    CONSTRAINT ml_live_pkey PRIMARY KEY (user_id, model_name, month),
    CONSTRAINT a_live_probability_is_of_a_month FOREIGN KEY (model_name, month) REFERENCES swipesavvy.ml_live_months,
    CONSTRAINT a_live_probability_is_between_0_and_1 CHECK (probability BETWEEN 0 AND 1)
);
COMMENT ON TABLE swipesavvy.ml_live IS
    'What was thought of 5,000 users at the beginning of each month, until it is known what came to pass of it: then the rows are deleted.';
CREATE INDEX ml_live_of_month ON swipesavvy.ml_live (model_name, month, user_id);

CREATE TABLE swipesavvy.ml_drift (
    model_name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    position integer NOT NULL,
    feature text NOT NULL,
    psi double precision NOT NULL,
    as_of timestamptz NOT NULL,
    users bigint NOT NULL,
    CONSTRAINT ml_drift_pkey PRIMARY KEY (model_name, version, position),
    CONSTRAINT drift_is_from_a_version FOREIGN KEY (model_name, version) REFERENCES swipesavvy.ml_models,
    CONSTRAINT drift_is_not_negative CHECK (psi >= 0)
);
COMMENT ON TABLE swipesavvy.ml_drift IS 'How far each feature of a version is from what it was trained on, as of its last weekly check.';
COMMENT ON COLUMN swipesavvy.ml_drift.psi IS
    'Population stability index over the ten parts that the deciles of train make: sum of (a - e) * ln(a / e), shares of at least 0.0001; above 0.25 it has drifted.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_live_months', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_live', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ml_drift', '');
