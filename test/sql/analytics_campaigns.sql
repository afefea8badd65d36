-- Figures of a campaign: in a period, day by day, by hour, week and month, and what it earned; and what is refused.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
SELECT create_user('ada@figures.test', 'Ada', user_id => :'ada') IS NOT NULL AS made,
       create_campaign(campaign_id => 'AC-TEN', name => 'Ten', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01', end_date => '2026-03-20') IS NOT NULL AS made_too \gset
SELECT launch_campaign('AC-TEN') IS NOT NULL AS launched \gset
SELECT get_campaign_metrics('AC-TEN');
SELECT get_campaign('AC-TEN') ->> 'conversions' AS before_they_are_built;
SELECT rebuild_analytics() ->> 'generation' AS generation;

-- --- the example of the documents: 100 impressions, 8 clicks, three purchases ---------------------------------------
SELECT track_events(jsonb_agg(jsonb_build_object('campaign_id', 'AC-TEN', 'kind', kind, 'occurred_at', '2026-03-02T12:00:00Z'))) AS events
  FROM (SELECT 'impression' AS kind FROM generate_series(1, 100) UNION ALL SELECT 'click' FROM generate_series(1, 8)) e;
SELECT record_transaction(:'ada', 100, occurred_at => '2026-03-02 12:00Z') IS NOT NULL AS first, record_transaction(:'ada', 50, occurred_at => '2026-03-04 08:00Z', transaction_id => '018f3c2a-7b10-7c4d-9e21-0000000000f2') IS NOT NULL AS second,
       record_transaction(:'ada', 80, occurred_at => '2026-03-09 23:00Z', status => 'pending') IS NOT NULL AS third;
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000f2', 20) IS NOT NULL AS refunded;
SELECT jsonb_pretty(get_campaign_metrics('AC-TEN', end_date => '2026-03-31') - 'as_of');
SELECT get_campaign_roi('AC-TEN', '2026-03-01', '2026-03-31', 40) - '{as_of,period}'::text[] AS roi;
CREATE TEMP VIEW answers AS SELECT get_campaign_metrics('AC-TEN') - 'as_of' AS m, get_campaign_roi('AC-TEN') - 'as_of' AS r, get_campaign('AC-TEN') AS c,
       (SELECT jsonb_agg(d - 'updated_at') FROM jsonb_array_elements(get_campaign_daily('AC-TEN', '2026-03-01', '2026-03-31') -> 'days') d) AS d,
       (SELECT jsonb_agg(get_campaign_trends('AC-TEN', g, '2026-03-01', '2026-03-31') - 'as_of') FROM unnest('{hourly,daily,weekly,monthly}'::text[]) g) AS t;
CREATE TEMP TABLE unfolded AS TABLE answers;
SELECT fold_analytics();
SELECT a.m = u.m AS same_metrics, a.r = u.r AS same_roi, a.c = u.c AS same_counters, a.d = u.d AS same_days, a.t = u.t AS same_trends FROM unfolded u, answers a;
SELECT (get_campaign('AC-TEN') ->> 'spent')::numeric = (get_campaign_metrics('AC-TEN') ->> 'cost')::numeric AS spent_is_cost,
       (pause_campaign('AC-TEN') #>> '{metrics,revenue_generated}')::numeric = (get_campaign_metrics('AC-TEN') ->> 'revenue')::numeric AS generated_is_revenue;

-- --- day by day, and what has changed since ---------------------------------------------------------
SELECT d ->> 'date' AS date, d ->> 'conversions' AS conversions, d ->> 'revenue' AS revenue, d #>> '{rates,click_through_rate}' AS ctr, d -> 'updated_at' <> 'null' AS changed, d ->> 'provisional' AS provisional
  FROM jsonb_array_elements(get_campaign_daily('AC-TEN', '2026-03-01', '2026-03-10') -> 'days') d;
SELECT jsonb_array_length(get_campaign_daily('AC-TEN', '2026-03-01', '2026-03-10', changed_since => '2000-01-01') -> 'days') AS ever_changed,
       jsonb_array_length(get_campaign_daily('AC-TEN', '2026-03-01', '2026-03-10', changed_since => clock_timestamp() + interval '1 hour') -> 'days') AS to_come;
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000f2') IS NOT NULL AS refunded;
SELECT d ->> 'date' AS date, (d ->> 'updated_at')::timestamptz >= statement_timestamp() AS just_now FROM jsonb_array_elements(get_campaign_daily('AC-TEN', '2026-03-04', '2026-03-04') -> 'days') d;
SELECT jsonb_array_length(get_campaign_daily('AC-TEN') -> 'days') AS by_default, get_campaign_daily('AC-TEN', end_date => '2026-03-10') #>> '{period,start_date}' AS thirty_days_to_that;

-- --- over time: each bucket is there, the first and last only as far as the period goes ----------------------
SELECT g, p ->> 'period_start' AS "from", p ->> 'period_end' AS until, p ->> 'complete' AS complete, p ->> 'conversions' AS conversions, p ->> 'impressions' AS impressions, p ->> 'revenue' AS revenue
  FROM (VALUES ('weekly', '2026-03-03'::date, '2026-03-10'::date), ('monthly', '2026-02-27', '2026-03-03'), ('daily', '2026-03-09', '2026-03-10')) v (g, s, e),
       jsonb_array_elements(get_campaign_trends('AC-TEN', g, s, e) -> 'points') p;
SELECT jsonb_pretty(get_campaign_trends('AC-TEN', 'daily', '2026-03-03', '2026-03-09') -> 'change');
SELECT count(*) AS hours, sum((p ->> 'impressions')::int) AS impressions, min(p ->> 'period_start') FILTER (WHERE p ->> 'impressions' <> '0') AS at
  FROM jsonb_array_elements(get_campaign_trends('AC-TEN', 'hourly', '2026-03-02', '2026-03-02') -> 'points') p;
-- by the clocks of zones, on days on which they change
CREATE TEMP TABLE zones AS SELECT * FROM (VALUES ('Europe/Berlin', '2026-03-29'::date), ('Europe/Berlin', '2026-10-25'), ('America/New_York', '2026-03-08'), ('America/New_York', '2026-11-01'),
    ('Australia/Lord_Howe', '2026-04-05'), ('Australia/Lord_Howe', '2026-10-04'), ('Asia/Kolkata', '2026-03-29'), ('America/Santiago', '2026-09-06'), ('America/Santiago', '2026-04-04')) v (zone, day);
CREATE TEMP TABLE by_clock (zone text, day date, points jsonb, mismatches int);
DO $$
DECLARE
    z record;
BEGIN
    FOR z IN SELECT * FROM zones LOOP
        PERFORM update_system_settings(jsonb_build_object('timezone', z.zone));
        PERFORM refresh_analytics();
        INSERT INTO by_clock SELECT z.zone, z.day, get_campaign_trends('AC-TEN', 'hourly', z.day, z.day) -> 'points', (verify_analytics() ->> 'mismatches')::int;
    END LOOP;
END $$;
SELECT zone, day, jsonb_array_length(points) AS hours, points #>> '{0,period_start}' AS "from", points #>> '{-1,period_end}' AS until, mismatches,
       (SELECT max((p ->> 'period_end')::timestamptz - (p ->> 'period_start')::timestamptz) FROM jsonb_array_elements(points) p) AS longest FROM by_clock;

-- --- what is refused ----------------------------------------------------------------------------------
SELECT get_campaign_metrics('AC-NONE');
SELECT get_campaign_metrics('AC-TEN', '2026-03-02', '2026-03-01');
-- where one end is given alone, that is the one that is wrong
CREATE FUNCTION pg_temp.refused(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'not refused';
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN message || ': ' || regexp_replace(regexp_replace(detail, 'after [-\d]+', 'after (today)'), 'has \d+ days', 'has (many) days');
END $$;
SELECT call, pg_temp.refused(call) FROM unnest(ARRAY['get_campaign_metrics(''AC-TEN'', end_date => ''2019-12-31'')', 'get_campaign_roi(''AC-TEN'', ''9000-01-01'')', 'get_campaign_daily(''AC-TEN'', ''2019-01-01'')',
    'get_campaign_trends(''AC-TEN'', start_date => ''9000-01-01'')', 'get_campaign_portfolio(''9000-01-01'')', 'get_campaign_portfolio(''2026-03-02'', ''2026-03-01'')']) call;
SELECT get_campaign_metrics('AC-TEN', '-infinity');
SELECT get_campaign_metrics('AC-TEN', '5000000-01-01', '5000000-01-01');
SELECT get_campaign_daily('AC-TEN', '2025-01-01', '2026-01-02');
SELECT get_campaign_daily('AC-TEN', changed_since => 'infinity');
SELECT get_campaign_trends('AC-TEN', 'yearly');
SELECT get_campaign_trends('AC-TEN', 'hourly', '2026-03-01', '2026-04-01');
SELECT get_campaign_roi('AC-TEN', margin_percent => 100.001);
SELECT get_campaign_roi('AC-TEN', margin_percent => 33.3333);
SELECT get_campaign_roi('AC-TEN', fixed_cost => -1);
SELECT get_campaign_roi('AC-TEN', fixed_cost => 0.001);
SELECT get_campaign_roi('AC-TEN', '2019-01-01', '2019-01-31') - '{as_of,period}'::text[] AS nothing_earned;
SELECT get_campaign_roi('AC-TEN', '2026-03-01', '2026-03-31', 0, 5) - '{as_of,period}'::text[] AS no_margin;
ROLLBACK;
