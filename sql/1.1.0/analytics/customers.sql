-- customers: who buys how often, who comes back, who has fallen silent, and what points are owed. A job works it out, so that
-- readers add up nothing. Sums over all users are integers that a bigint may be too small for.

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('rfm_segments', 'false', 'bool', NULL, NULL, false, 'Segments rfm:NAME have the customers of the RFM segments as members', true);

CREATE TABLE swipesavvy.customer_analytics (
    only_row boolean NOT NULL DEFAULT true,
    as_of timestamptz NOT NULL,
    today date NOT NULL,
    timezone text NOT NULL,
    currency char(3) NOT NULL,
    CONSTRAINT customer_analytics_pkey PRIMARY KEY (only_row),
    CONSTRAINT customer_analytics_are_of_one_refresh CHECK (only_row)
);
COMMENT ON TABLE swipesavvy.customer_analytics IS 'When the analytics of customers were last refreshed, and by which settings; no row before the first time.';
COMMENT ON COLUMN swipesavvy.customer_analytics.today IS 'The local date of as_of; purchases of earlier days count.';

CREATE TABLE swipesavvy.customer_figures (
    user_id uuid NOT NULL,
    segment text COLLATE "C" NOT NULL,
    recency_score smallint,
    frequency_score smallint,
    monetary_score smallint,
    last_purchase_date date NOT NULL,
    frequency bigint NOT NULL,
    monetary_minor numeric(38, 0) NOT NULL,
    purchases bigint NOT NULL,
    typical_gap_days numeric,
    ratio numeric,
    CONSTRAINT customer_figures_pkey PRIMARY KEY (user_id)
);
COMMENT ON TABLE swipesavvy.customer_figures IS 'Customers who ever bought something: RFM segment and scores, and rhythm, as of the last refresh.';
COMMENT ON COLUMN swipesavvy.customer_figures.segment IS 'RFM segment; inactive, without scores: nothing was bought in the last 365 days.';
COMMENT ON COLUMN swipesavvy.customer_figures.frequency IS 'Purchases of the last 365 days.';
COMMENT ON COLUMN swipesavvy.customer_figures.monetary_minor IS 'What they amount to, net of refunds, in minor units.';
COMMENT ON COLUMN swipesavvy.customer_figures.purchases IS 'Purchases of all time.';
COMMENT ON COLUMN swipesavvy.customer_figures.typical_gap_days IS 'Median of the days between purchase days; null with fewer than three of these.';
COMMENT ON COLUMN swipesavvy.customer_figures.ratio IS 'Days since the last purchase over the typical gap.';
CREATE INDEX customer_figures_segment ON swipesavvy.customer_figures (segment, user_id);
CREATE INDEX customer_figures_ratio ON swipesavvy.customer_figures (ratio DESC, user_id) WHERE ratio IS NOT NULL;

CREATE TABLE swipesavvy.customer_scores (
    segment text COLLATE "C" NOT NULL,
    recency_score smallint NOT NULL,
    frequency_score smallint NOT NULL,
    monetary_score smallint NOT NULL,
    users bigint NOT NULL,
    recency_days numeric(38, 0) NOT NULL,
    frequency numeric(38, 0) NOT NULL,
    monetary_minor numeric(38, 0) NOT NULL,
    CONSTRAINT customer_scores_pkey PRIMARY KEY (segment, recency_score, frequency_score, monetary_score)
);
COMMENT ON TABLE swipesavvy.customer_scores IS 'Sums of customer_figures by segment and scores, which are 0 where there are none.';

CREATE TABLE swipesavvy.customer_cohorts (
    granularity text COLLATE "C" NOT NULL,
    cohort date NOT NULL,
    period date NOT NULL,
    users bigint NOT NULL,
    net_minor numeric(38, 0) NOT NULL,
    CONSTRAINT customer_cohorts_pkey PRIMARY KEY (granularity, cohort, period),
    CONSTRAINT a_cohort_is_of_a_week_or_a_month CHECK (granularity IN ('weekly', 'monthly'))
);
COMMENT ON TABLE swipesavvy.customer_cohorts IS 'How many of the customers whose first purchase lies in one week or month bought in another, and for how much.';
COMMENT ON COLUMN swipesavvy.customer_cohorts.cohort IS 'First day of the period of the first purchase.';
COMMENT ON COLUMN swipesavvy.customer_cohorts.period IS 'First day of the period in question; the cohort''s own has its size.';
COMMENT ON COLUMN swipesavvy.customer_cohorts.net_minor IS 'What they bought in it, net of refunds, in minor units.';

CREATE TABLE swipesavvy.points_by_month (
    month date NOT NULL,
    credited numeric(38, 0) NOT NULL,
    remaining numeric(38, 0) NOT NULL,
    expires_at timestamptz,
    CONSTRAINT points_by_month_pkey PRIMARY KEY (month)
);
COMMENT ON TABLE swipesavvy.points_by_month IS 'Points by the month they were credited for, and what is left of them: the oldest are used first.';
COMMENT ON COLUMN swipesavvy.points_by_month.expires_at IS 'Null: never.';

CREATE TABLE swipesavvy.points_liability (
    day date NOT NULL,
    as_of timestamptz NOT NULL,
    points_available numeric(38, 0) NOT NULL,
    points_overdrawn numeric(38, 0) NOT NULL,
    points_pending numeric(38, 0) NOT NULL,
    point_value_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    points_expired numeric(38, 0),
    points_matured numeric(38, 0),
    CONSTRAINT points_liability_pkey PRIMARY KEY (day)
);
COMMENT ON TABLE swipesavvy.points_liability IS 'Points of all accounts at the last refresh of each day.';
COMMENT ON COLUMN swipesavvy.points_liability.points_matured IS
    'Points credited for the twelve months whose expiry is over; null while these are fewer, or points do not expire.';
COMMENT ON COLUMN swipesavvy.points_liability.points_expired IS 'How many of them expired.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.customer_analytics', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.customer_figures', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.customer_scores', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.customer_cohorts', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.points_by_month', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.points_liability', '');

CREATE FUNCTION swipesavvy.refresh_customer_analytics() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_customer_analytics';
COMMENT ON FUNCTION swipesavvy.refresh_customer_analytics() IS
    'Works out RFM segments, cohorts, rhythms, liability and ageing of points anew; for a job.';

CREATE FUNCTION swipesavvy.get_rfm_segments() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_rfm_segments';
COMMENT ON FUNCTION swipesavvy.get_rfm_segments() IS
    'Customers by how recently, how often and for how much they bought in the last 365 days: segments and scores.';

CREATE FUNCTION swipesavvy.list_rfm_users(segment text, page_size integer DEFAULT 20, after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_rfm_users';
COMMENT ON FUNCTION swipesavvy.list_rfm_users(text, integer, text) IS
    'The customers of an RFM segment with their scores, by user_id; after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.get_cohort_retention(granularity text DEFAULT 'monthly', cohorts integer DEFAULT 12, periods integer DEFAULT 12) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_cohort_retention';
COMMENT ON FUNCTION swipesavvy.get_cohort_retention(text, integer, integer) IS
    'How many customers of each week or month bought again in the periods after it, newest first; null for a period that has not ended.';

CREATE FUNCTION swipesavvy.get_churn_list(min_ratio numeric DEFAULT 2.0, page_size integer DEFAULT 20, after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_churn_list';
COMMENT ON FUNCTION swipesavvy.get_churn_list(numeric, integer, text) IS
    'Customers who have not bought for min_ratio times as long as they usually do, the longest first; after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.get_points_liability(days integer DEFAULT 30) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_points_liability';
COMMENT ON FUNCTION swipesavvy.get_points_liability(integer) IS
    'Points that users hold, what they are worth, and how many of them are expected to expire unused; and how that was on the days before.';

CREATE FUNCTION swipesavvy.get_points_ageing() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_points_ageing';
COMMENT ON FUNCTION swipesavvy.get_points_ageing() IS
    'Points by the month they were credited for: how many are left of them, when they expire, and what they are worth.';
