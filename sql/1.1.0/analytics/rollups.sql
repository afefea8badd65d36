-- rollups: what campaigns and merchants brought, hour by hour and day by day; and what has not been added to that yet.

-- A purchase under way writes facts without their deltas: it ends before this begins, and the next one finds the table of deltas.
LOCK swipesavvy.campaign_redemptions, swipesavvy.campaign_events IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE swipesavvy.rollup_deltas (
    slot timestamptz NOT NULL,
    campaign_no integer NOT NULL,
    merchant_id uuid,
    category_no smallint,
    currency char(3) NOT NULL,
    impressions bigint,
    views bigint,
    clicks bigint,
    tracked_conversions bigint,
    tracked_value bigint,
    purchase_conversions bigint,
    pending_conversions bigint,
    revenue bigint,
    revenue_primary bigint,
    cost bigint,
    discount bigint,
    bonus_points bigint,
    purchases bigint,
    pending_purchases bigint,
    refunded_purchases bigint,
    amount bigint,
    refunded bigint,
    points_earned bigint
) WITH (fillfactor = 100, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE swipesavvy.rollup_deltas IS
    'What changed since it was last folded into the roll-ups: appended with each fact, deleted by fold_analytics(). Null = 0.';
COMMENT ON COLUMN swipesavvy.rollup_deltas.slot IS 'When the event or purchase occurred, floored to 15 minutes of UTC.';
COMMENT ON COLUMN swipesavvy.rollup_deltas.campaign_no IS '0: of the purchase itself, with its merchant and category.';
COMMENT ON COLUMN swipesavvy.rollup_deltas.tracked_value IS 'In ten-thousandths of a major unit; other money is in minor units.';
-- There is no key, and a subscriber that copies all tables must find the rows all the same.
ALTER TABLE swipesavvy.rollup_deltas REPLICA IDENTITY FULL;

CREATE TABLE swipesavvy.campaign_hours (
    campaign_no integer NOT NULL,
    hour timestamptz NOT NULL,
    currency char(3) NOT NULL,
    impressions bigint NOT NULL,
    views bigint NOT NULL,
    clicks bigint NOT NULL,
    tracked_conversions bigint NOT NULL,
    purchase_conversions bigint NOT NULL,
    pending_conversions bigint NOT NULL,
    tracked_value numeric NOT NULL,
    revenue numeric NOT NULL,
    revenue_primary numeric NOT NULL,
    cost numeric NOT NULL,
    discount numeric NOT NULL,
    bonus_points numeric NOT NULL,
    CONSTRAINT campaign_hours_pkey PRIMARY KEY (campaign_no, hour, currency)
);
COMMENT ON TABLE swipesavvy.campaign_hours IS 'What each campaign brought in each hour of the local clock; with the rows of rollup_deltas exact.';
COMMENT ON COLUMN swipesavvy.campaign_hours.hour IS 'When the local clock showed the full hour.';

CREATE TABLE swipesavvy.campaign_days (
    campaign_no integer NOT NULL,
    day date NOT NULL,
    currency char(3) NOT NULL,
    updated_at timestamptz NOT NULL,
    impressions bigint NOT NULL,
    views bigint NOT NULL,
    clicks bigint NOT NULL,
    tracked_conversions bigint NOT NULL,
    purchase_conversions bigint NOT NULL,
    pending_conversions bigint NOT NULL,
    tracked_value numeric NOT NULL,
    revenue numeric NOT NULL,
    revenue_primary numeric NOT NULL,
    cost numeric NOT NULL,
    discount numeric NOT NULL,
    bonus_points numeric NOT NULL,
    CONSTRAINT campaign_days_pkey PRIMARY KEY (campaign_no, day, currency)
);
COMMENT ON TABLE swipesavvy.campaign_days IS 'What each campaign brought on each local day; with the rows of rollup_deltas exact.';
CREATE INDEX campaign_days_day ON swipesavvy.campaign_days (day);

CREATE TABLE swipesavvy.merchant_days (
    merchant_id uuid NOT NULL,
    day date NOT NULL,
    category_no smallint NOT NULL,
    currency char(3) NOT NULL,
    updated_at timestamptz NOT NULL,
    purchases bigint NOT NULL,
    pending_purchases bigint NOT NULL,
    refunded_purchases bigint NOT NULL,
    amount numeric NOT NULL,
    refunded numeric NOT NULL,
    points_earned numeric NOT NULL,
    CONSTRAINT merchant_days_pkey PRIMARY KEY (merchant_id, day, category_no, currency)
);
COMMENT ON TABLE swipesavvy.merchant_days IS 'The purchases at each merchant on each local day; with the rows of rollup_deltas exact.';
COMMENT ON COLUMN swipesavvy.merchant_days.merchant_id IS 'The nil UUID: purchases without a merchant.';
COMMENT ON COLUMN swipesavvy.merchant_days.category_no IS 'Of the merchant when the purchase was processed; 0 = none.';
CREATE INDEX merchant_days_day ON swipesavvy.merchant_days (day);

CREATE TABLE swipesavvy.analytics_state (
    state_no integer NOT NULL DEFAULT 1,
    zone text NOT NULL,
    generation bigint NOT NULL,
    rebuilt_at timestamptz NOT NULL,
    folded_at timestamptz NOT NULL,
    events_since timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT analytics_state_pkey PRIMARY KEY (state_no),
    CONSTRAINT there_is_one_state CHECK (state_no = 1)
);
COMMENT ON TABLE swipesavvy.analytics_state IS 'What the roll-ups are of: one row, or none before they were built for the first time.';
COMMENT ON COLUMN swipesavvy.analytics_state.zone IS 'The time zone whose hours and days they have.';
COMMENT ON COLUMN swipesavvy.analytics_state.generation IS 'How often they were built.';
COMMENT ON COLUMN swipesavvy.analytics_state.events_since IS 'Events before this moment may have been deleted: their counts are kept as they are.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.rollup_deltas', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_hours', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_days', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_days', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.analytics_state', '');
