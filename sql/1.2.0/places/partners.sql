-- partners: what merchants pay for the purchases that come to them, by versions that are never changed; and how they fare.

CREATE TABLE swipesavvy.merchant_partnerships (
    merchant_id uuid NOT NULL,
    version integer NOT NULL,
    tier text NOT NULL,
    rate_milli integer NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchant_partnerships_pkey PRIMARY KEY (merchant_id, version),
    CONSTRAINT a_partnership_is_a_merchants FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT a_partnership_has_a_known_tier CHECK (tier IN ('premium', 'standard', 'trial')),
    CONSTRAINT a_commission_is_at_most_everything CHECK (rate_milli BETWEEN 0 AND 100000),
    CONSTRAINT a_partnership_ends_after_it_starts CHECK (ends_on >= starts_on)
);
COMMENT ON TABLE swipesavvy.merchant_partnerships IS
    'What was agreed with each merchant, in the order in which it was: a version is in force from starts_on to ends_on, as long as no later one has started.';
COMMENT ON COLUMN swipesavvy.merchant_partnerships.rate_milli IS 'The commission in thousandths of a per cent.';
COMMENT ON COLUMN swipesavvy.merchant_partnerships.ends_on IS 'The last day; null: none.';

CREATE TABLE swipesavvy.merchant_customers (
    merchant_id uuid NOT NULL,
    last_30_days bigint NOT NULL,
    last_90_days bigint NOT NULL,
    last_365_days bigint NOT NULL,
    new_30_days bigint NOT NULL,
    CONSTRAINT merchant_customers_pkey PRIMARY KEY (merchant_id)
);
COMMENT ON TABLE swipesavvy.merchant_customers IS 'How many users have bought at each merchant, as of the last refresh; no row: none in 365 days.';
COMMENT ON COLUMN swipesavvy.merchant_customers.new_30_days IS 'Those of the last 30 days who had never bought there before.';

CREATE TABLE swipesavvy.merchant_analytics (
    only_row boolean NOT NULL DEFAULT true,
    as_of timestamptz NOT NULL,
    today date NOT NULL,
    CONSTRAINT merchant_analytics_pkey PRIMARY KEY (only_row),
    CONSTRAINT merchant_analytics_are_of_one_refresh CHECK (only_row)
);
COMMENT ON TABLE swipesavvy.merchant_analytics IS 'When merchant_customers were last counted; no row before the first time.';
COMMENT ON COLUMN swipesavvy.merchant_analytics.today IS 'The local date of as_of; purchases of earlier days count.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_partnerships', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_customers', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_analytics', '');

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('privacy_threshold', '10', 'int', 1, 1000, false, 'Figures of a merchant that rest on fewer users are not shown', true);

CREATE FUNCTION swipesavvy.set_partnership(
    merchant_id uuid,
    tier text,
    commission_rate numeric,
    starts_on date DEFAULT NULL,
    ends_on date DEFAULT NULL,
    notes text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_partnership';
COMMENT ON FUNCTION swipesavvy.set_partnership(uuid, text, numeric, date, date, text) IS
    'What is agreed with a merchant from starts_on (today) on, in the place of what was; a trial ends after 90 days unless told otherwise.';

CREATE FUNCTION swipesavvy.get_partnership(merchant_id uuid, on_date date DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_partnership';
COMMENT ON FUNCTION swipesavvy.get_partnership(uuid, date) IS
    'What is agreed with a merchant on that day (today), and everything that ever was.';

CREATE FUNCTION swipesavvy.refresh_merchant_analytics() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_merchant_analytics';
COMMENT ON FUNCTION swipesavvy.refresh_merchant_analytics() IS
    'Counts the customers of merchants anew; for a job.';

CREATE FUNCTION swipesavvy.get_merchant_analytics(
    merchant_id uuid,
    start_date date DEFAULT NULL,
    end_date date DEFAULT NULL,
    currency text DEFAULT NULL,
    suppress boolean DEFAULT true
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_analytics';
COMMENT ON FUNCTION swipesavvy.get_merchant_analytics(uuid, date, date, text, boolean) IS
    'How a merchant fares: purchases, commission, customers, campaigns and visits. What rests on fewer users than privacy_threshold is null, unless an admin says otherwise, which is recorded.';
