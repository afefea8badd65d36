-- rollups: what campaigns and merchants brought, hour by hour and day by day; and what has not been added to that yet.

-- A purchase under way writes facts without their deltas: it ends before this begins, and the next one finds the table of deltas.
LOCK swipesavvy.campaign_redemptions, swipesavvy.campaign_events IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE swipesavvy.rollup_deltas (
    records bytea NOT NULL
) WITH (fillfactor = 100, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
-- Rows are short: they are stored as they are.
ALTER TABLE swipesavvy.rollup_deltas ALTER COLUMN records SET STORAGE PLAIN;
COMMENT ON TABLE swipesavvy.rollup_deltas IS
    'What changed since it was last folded into the roll-ups: appended with each fact, deleted by fold_analytics().';
COMMENT ON COLUMN swipesavvy.rollup_deltas.records IS
    'Signed differences of measures, as unfolded_deltas() shows them. They are packed because every purchase pays for them.';
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

-- --- what the library's own queries use -----------------------------------------------------------------

CREATE FUNCTION swipesavvy.analytics_hour(moment timestamptz, zone text) RETURNS timestamptz
    LANGUAGE C STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_analytics_hour';
COMMENT ON FUNCTION swipesavvy.analytics_hour(timestamptz, text) IS
    'When the clock of the zone last showed a full hour, by the quarter of an hour that the moment is in.';

CREATE FUNCTION swipesavvy.analytics_day(moment timestamptz, zone text) RETURNS date
    LANGUAGE C STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_analytics_day';
COMMENT ON FUNCTION swipesavvy.analytics_day(timestamptz, text) IS
    'The day in the zone of the quarter of an hour that the moment is in.';

CREATE FUNCTION swipesavvy.unfolded_deltas(
    of_campaign integer,
    OUT slot timestamptz, OUT campaign_no integer, OUT merchant_id uuid, OUT category_no smallint, OUT currency text,
    OUT impressions bigint, OUT views bigint, OUT clicks bigint, OUT tracked_conversions bigint, OUT tracked_value bigint,
    OUT purchase_conversions bigint, OUT pending_conversions bigint, OUT revenue bigint, OUT revenue_primary bigint,
    OUT cost bigint, OUT discount bigint, OUT bonus_points bigint,
    OUT purchases bigint, OUT pending_purchases bigint, OUT refunded_purchases bigint,
    OUT amount bigint, OUT refunded bigint, OUT points_earned bigint) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
    AS 'MODULE_PATHNAME', 'swipesavvy_unfolded_deltas';
COMMENT ON FUNCTION swipesavvy.unfolded_deltas(integer) IS
    'What rollup_deltas holds, summed: of one campaign, of all purchases (0), or of both (null); slot is a quarter of an hour of UTC. '
    'tracked_value is in ten-thousandths.';

CREATE FUNCTION swipesavvy.unfolded_days(
    of_campaign integer, zone text, OUT campaign_no integer, OUT day date, OUT currency char(3),
    OUT impressions bigint, OUT views bigint, OUT clicks bigint, OUT tracked_conversions bigint, OUT tracked_value bigint,
    OUT purchase_conversions bigint, OUT pending_conversions bigint, OUT revenue bigint, OUT revenue_primary bigint,
    OUT cost bigint, OUT discount bigint, OUT bonus_points bigint) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
    AS 'MODULE_PATHNAME', 'swipesavvy_unfolded_days';
COMMENT ON FUNCTION swipesavvy.unfolded_days(integer, text) IS
    'The same of one campaign, or of all campaigns (null), summed by days of the zone. tracked_value is in ten-thousandths.';

-- --- keeping them ---------------------------------------------------------------------------------------

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('event_retention_days', 'null', 'int', 1, 36500, true, 'Days that events of campaigns are kept; their counts stay', true);

CREATE FUNCTION swipesavvy.fold_analytics() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_fold_analytics';
COMMENT ON FUNCTION swipesavvy.fold_analytics() IS
    'Adds at most 50,000 rows of what changed to the roll-ups; more tells whether to call it again. Figures are the same before and after.';

CREATE FUNCTION swipesavvy.rebuild_analytics() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_rebuild_analytics';
COMMENT ON FUNCTION swipesavvy.rebuild_analytics() IS
    'Builds the roll-ups from the stored purchases, redemptions and events, in the time zone that is set now. Purchases go on meanwhile.';

CREATE FUNCTION swipesavvy.refresh_analytics() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_analytics';
COMMENT ON FUNCTION swipesavvy.refresh_analytics() IS
    'The same, only if they were never built, or for another time zone.';

CREATE FUNCTION swipesavvy.apply_event_retention() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_apply_event_retention';
COMMENT ON FUNCTION swipesavvy.apply_event_retention() IS
    'Deletes at most 10,000 events of days before event_retention_days; more tells whether to call it again.';

CREATE FUNCTION swipesavvy.verify_analytics(campaign_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_verify_analytics';
COMMENT ON FUNCTION swipesavvy.verify_analytics(text) IS
    'Counts the figures anew from what is stored, of one campaign or of everything, and compares: 0 mismatches on sound tables. It reads all of it.';

CREATE FUNCTION swipesavvy.track_events(events jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_track_events';
COMMENT ON FUNCTION swipesavvy.track_events(jsonb) IS
    'Records 1 to 10,000 events, an array of objects with the arguments of track_event(); what is wrong with one does not touch the others.';
