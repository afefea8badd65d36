-- experiments: A/B tests between campaigns, or between values of a flag: what each group gets, who was told which, and the
-- sums that statistics rest on.

CREATE SEQUENCE swipesavvy.ab_tests_test_no_seq AS integer;

CREATE TABLE swipesavvy.ab_tests (
    test_no integer NOT NULL DEFAULT nextval('swipesavvy.ab_tests_test_no_seq'),
    test_id uuid NOT NULL,
    test_key text COLLATE "C" NOT NULL,
    version integer NOT NULL DEFAULT 1,
    kind text NOT NULL,
    test_name text NOT NULL,
    hypothesis text,
    status text NOT NULL DEFAULT 'draft',
    flag_no integer,
    condition jsonb NOT NULL DEFAULT '{}',
    segment_no integer,
    exposure text NOT NULL,
    outside text NOT NULL,
    seed text NOT NULL,
    hash_version smallint NOT NULL DEFAULT 2,
    coverage numeric(5, 4) NOT NULL,
    namespace_id text COLLATE "C",
    namespace_start numeric(4, 3),
    namespace_end numeric(4, 3),
    bucket_version integer NOT NULL DEFAULT 0,
    currency char(3) NOT NULL,
    scope text NOT NULL,
    primary_metric text NOT NULL,
    metrics text[] NOT NULL,
    guardrails text[] NOT NULL,
    window_days integer,
    covariate_days integer NOT NULL,
    confidence_level numeric(3, 2) NOT NULL,
    power numeric(3, 2) NOT NULL,
    minimum_effect_size numeric NOT NULL,
    baseline numeric,
    target_sample_size bigint,
    sequential boolean NOT NULL,
    sequential_tuning integer,
    minimum_days integer NOT NULL,
    minimum_conversions integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    winner_group smallint,
    recommended_group smallint,
    end_reason text,
    archived_at timestamptz,
    CONSTRAINT ab_tests_pkey PRIMARY KEY (test_no),
    CONSTRAINT a_test_id_is_used_once UNIQUE (test_id),
    CONSTRAINT a_test_key_is_used_once UNIQUE (test_key),
    CONSTRAINT a_test_key_is_short_and_plain CHECK (test_key ~ '^[A-Za-z0-9][A-Za-z0-9_.:|-]{0,99}$'),
    CONSTRAINT a_test_is_of_campaigns_or_of_a_flag CHECK (kind IN ('campaign', 'flag') AND (kind = 'flag') = (flag_no IS NOT NULL)),
    CONSTRAINT a_test_has_a_name CHECK (test_name ~ '\S' AND length(test_name) <= 200),
    CONSTRAINT a_test_has_a_known_status CHECK (status IN ('draft', 'running', 'paused', 'ended', 'archived')),
    CONSTRAINT a_test_counts_a_population_or_assignments CHECK (exposure IN ('population', 'assignment')),
    CONSTRAINT outside_of_a_test_is_control_or_none CHECK (outside IN ('control', 'none')),
    CONSTRAINT a_test_hashes_by_version_2 CHECK (hash_version = 2),
    CONSTRAINT coverage_is_a_share CHECK (coverage BETWEEN 0.0001 AND 1),
    CONSTRAINT a_namespace_is_a_range CHECK ((namespace_id IS NULL) = (namespace_start IS NULL) AND (namespace_id IS NULL) = (namespace_end IS NULL)
                                            AND namespace_start >= 0 AND namespace_end <= 1 AND namespace_start < namespace_end),
    CONSTRAINT a_test_has_a_known_scope CHECK (scope IN ('all', 'target')),
    CONSTRAINT a_window_has_1_to_365_days CHECK (window_days BETWEEN 1 AND 365),
    CONSTRAINT a_covariate_has_0_to_90_days CHECK (covariate_days BETWEEN 0 AND 90),
    CONSTRAINT a_test_is_of_a_known_flag FOREIGN KEY (flag_no) REFERENCES swipesavvy.feature_flags,
    CONSTRAINT a_test_is_for_a_known_segment FOREIGN KEY (segment_no) REFERENCES swipesavvy.segments,
    CONSTRAINT a_test_is_in_a_known_currency FOREIGN KEY (currency) REFERENCES swipesavvy.currencies
);
COMMENT ON TABLE swipesavvy.ab_tests IS 'A/B tests between campaigns, or between values of a flag.';
COMMENT ON COLUMN swipesavvy.ab_tests.test_no IS 'The short key inside the database; test_id is the one of the API, test_key the one of SDKs.';
COMMENT ON COLUMN swipesavvy.ab_tests.version IS 'Counts the changes; what was before is in ab_test_versions.';
COMMENT ON COLUMN swipesavvy.ab_tests.exposure IS 'Who is counted: everybody in a group from the start (population), or who was told the group (assignment).';
COMMENT ON COLUMN swipesavvy.ab_tests.outside IS 'What users outside of the test are served: the control, or none of its campaigns.';
COMMENT ON COLUMN swipesavvy.ab_tests.coverage IS 'Share of the users that the test takes; may only rise once it runs.';
COMMENT ON COLUMN swipesavvy.ab_tests.sequential_tuning IS 'Units at which the sequential interval is narrowest; fixed when the test starts.';
COMMENT ON COLUMN swipesavvy.ab_tests.winner_group IS 'What was chosen at the end; null: the control stays.';
COMMENT ON COLUMN swipesavvy.ab_tests.recommended_group IS 'What the statistics recommended at the end; null: nothing.';
ALTER SEQUENCE swipesavvy.ab_tests_test_no_seq OWNED BY swipesavvy.ab_tests.test_no;
CREATE INDEX ab_tests_status ON swipesavvy.ab_tests (status, test_no);
CREATE INDEX ab_tests_segment_no ON swipesavvy.ab_tests (segment_no) WHERE segment_no IS NOT NULL;
CREATE INDEX ab_tests_currency ON swipesavvy.ab_tests (currency);
CREATE INDEX ab_tests_flag_no ON swipesavvy.ab_tests (flag_no, test_no) WHERE flag_no IS NOT NULL;

CREATE TABLE swipesavvy.ab_test_groups (
    test_no integer NOT NULL,
    group_no smallint NOT NULL,
    name text COLLATE "C" NOT NULL,
    campaign_no integer,
    value jsonb,
    weight numeric(5, 4) NOT NULL,
    version_at_start integer,
    active boolean NOT NULL DEFAULT false,
    CONSTRAINT ab_test_groups_pkey PRIMARY KEY (test_no, group_no),
    CONSTRAINT a_group_belongs_to_a_test FOREIGN KEY (test_no) REFERENCES swipesavvy.ab_tests,
    CONSTRAINT a_group_gets_a_known_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    CONSTRAINT a_weight_is_a_share CHECK (weight > 0 AND weight <= 1)
);
COMMENT ON TABLE swipesavvy.ab_test_groups IS 'What each group of a test gets, and its share.';
COMMENT ON COLUMN swipesavvy.ab_test_groups.campaign_no IS 'Null: the hold-out, or a test of a flag.';
COMMENT ON COLUMN swipesavvy.ab_test_groups.version_at_start IS 'Version of the campaign when the test started.';
COMMENT ON COLUMN swipesavvy.ab_test_groups.active IS 'While the test runs or is paused.';
CREATE UNIQUE INDEX a_campaign_is_in_one_test_at_a_time ON swipesavvy.ab_test_groups (campaign_no) WHERE active;
CREATE INDEX ab_test_groups_campaign_no ON swipesavvy.ab_test_groups (campaign_no) WHERE campaign_no IS NOT NULL;

CREATE TABLE swipesavvy.ab_test_pauses (
    test_no integer NOT NULL,
    paused_at timestamptz NOT NULL,
    resumed_at timestamptz,
    CONSTRAINT ab_test_pauses_pkey PRIMARY KEY (test_no, paused_at),
    CONSTRAINT a_pause_belongs_to_a_test FOREIGN KEY (test_no) REFERENCES swipesavvy.ab_tests
);
COMMENT ON TABLE swipesavvy.ab_test_pauses IS 'When a test was paused.';

CREATE TABLE swipesavvy.ab_test_exposures (
    user_id uuid NOT NULL,
    test_no integer NOT NULL,
    group_no smallint NOT NULL,
    first_at timestamptz NOT NULL,
    multiple boolean NOT NULL DEFAULT false,
    CONSTRAINT ab_test_exposures_pkey PRIMARY KEY (user_id, test_no)
);
COMMENT ON TABLE swipesavvy.ab_test_exposures IS 'Who was told its group first when, of tests that count by assignment.';
COMMENT ON COLUMN swipesavvy.ab_test_exposures.multiple IS 'Reported in another group as well: the user is in no group.';
CREATE INDEX ab_test_exposures_first_at ON swipesavvy.ab_test_exposures (test_no, first_at);

CREATE TABLE swipesavvy.ab_test_sums (
    test_no integer NOT NULL,
    day date NOT NULL,
    metric text COLLATE "C" NOT NULL,
    group_no smallint NOT NULL,
    as_of timestamptz NOT NULL,
    final boolean NOT NULL DEFAULT false,
    n numeric NOT NULL,
    s numeric NOT NULL,
    q numeric NOT NULL,
    s_d numeric NOT NULL DEFAULT 0,
    q_d numeric NOT NULL DEFAULT 0,
    s_md numeric NOT NULL DEFAULT 0,
    s_x numeric NOT NULL DEFAULT 0,
    q_x numeric NOT NULL DEFAULT 0,
    s_yx numeric NOT NULL DEFAULT 0,
    CONSTRAINT ab_test_sums_pkey PRIMARY KEY (test_no, day, metric, group_no),
    CONSTRAINT sums_belong_to_a_test FOREIGN KEY (test_no) REFERENCES swipesavvy.ab_tests
);
COMMENT ON TABLE swipesavvy.ab_test_sums IS 'What the statistics of a test rest on, by day.';
COMMENT ON COLUMN swipesavvy.ab_test_sums.day IS 'Local day of the run; a later run of the day takes its place.';
COMMENT ON COLUMN swipesavvy.ab_test_sums.s IS 'Exact sums over the n units: of y and its square (q), d, its square, y times d, of the covariate x, its square and y times x; money in minor units.';

CREATE TABLE swipesavvy.ab_test_versions (
    test_no integer NOT NULL,
    version integer NOT NULL,
    valid_until timestamptz NOT NULL,
    changed_by uuid,
    test jsonb NOT NULL,
    CONSTRAINT ab_test_versions_pkey PRIMARY KEY (test_no, version),
    CONSTRAINT a_test_version_belongs_to_a_test FOREIGN KEY (test_no) REFERENCES swipesavvy.ab_tests
);
COMMENT ON TABLE swipesavvy.ab_test_versions IS 'Tests as they were before each change.';
COMMENT ON COLUMN swipesavvy.ab_test_versions.test IS 'The row of ab_tests as it was, its columns as keys.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_tests', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_tests_test_no_seq', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_test_groups', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_test_pauses', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_test_exposures', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_test_sums', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.ab_test_versions', '');
