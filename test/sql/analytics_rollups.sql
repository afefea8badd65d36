-- Roll-ups: what each change of a purchase adds or takes away, folded and not, built anew, in other zones, and what is kept of old events.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
\set shop '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d99'
SELECT create_user('ada@rollups.test', 'Ada', user_id => :'ada') IS NOT NULL AS made, create_merchant('Shop', 'Services', merchant_id => :'shop') IS NOT NULL AS made_too \gset
CREATE FUNCTION pg_temp.campaign(id text, percent numeric, points int) RETURNS void LANGUAGE sql AS $$
    SELECT create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => percent, bonus_points => points,
                           start_date => '2020-01-01', stackable => true, priority => percent::int);
    SELECT launch_campaign(id) $$;
SELECT pg_temp.campaign('AR-TEN', 10, 0), pg_temp.campaign('AR-FIVE', 5, 7) \gset
SELECT fold_analytics() AS nothing_to_fold_into;
SELECT verify_analytics();
ROLLBACK;
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
SELECT create_user('ada@rollups.test', 'Ada', user_id => :'ada') IS NOT NULL AS made, create_merchant('Shop', 'Services', merchant_id => :'shop') IS NOT NULL AS made_too \gset
CREATE FUNCTION pg_temp.campaign(id text, percent numeric, points int) RETURNS void LANGUAGE sql AS $$
    SELECT create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => percent, bonus_points => points,
                           start_date => '2020-01-01', stackable => true, priority => percent::int);
    SELECT launch_campaign(id) $$;
SELECT pg_temp.campaign('AR-TEN', 10, 0), pg_temp.campaign('AR-FIVE', 5, 7) \gset
SELECT rebuild_analytics() - 'duration_ms' AS built;

-- what is there, of both campaigns and the shop
CREATE TEMP VIEW tail AS SELECT coalesce(c.campaign_id, 'purchases') AS what, d.* FROM unfolded_deltas(NULL) d LEFT JOIN campaigns c USING (campaign_no);
CREATE TEMP VIEW campaign_tail AS SELECT what, slot, currency, impressions AS i, views AS v, clicks AS c, tracked_conversions AS tc, tracked_value AS tv, purchase_conversions AS pc, pending_conversions AS p,
       revenue AS rev, revenue_primary AS prim, cost, discount AS disc, bonus_points AS bonus FROM tail WHERE campaign_no <> 0 ORDER BY what, slot, currency;
CREATE TEMP VIEW purchase_tail AS SELECT slot, merchant_id IS NOT NULL AS shop, category_no AS cat, currency, purchases, pending_purchases AS pending, refunded_purchases AS whole, amount, refunded, points_earned AS points
  FROM tail WHERE campaign_no = 0 ORDER BY slot;
CREATE TEMP VIEW days AS SELECT c.campaign_id, d.day, d.currency, impressions AS i, views AS v, clicks AS c, tracked_conversions AS tc, tracked_value AS tv, purchase_conversions AS pc, pending_conversions AS p,
       revenue AS rev, revenue_primary AS prim, cost, discount AS disc, d.bonus_points AS bonus FROM campaign_days d JOIN campaigns c USING (campaign_no) ORDER BY 1, 2, 3;

-- --- one purchase through its life ---------------------------------------------------------------
SELECT record_transaction(:'ada', 100, merchant_id => :'shop', status => 'pending', occurred_at => '2026-03-02 10:44:59Z', transaction_id => '018f3c2a-7b10-7c4d-9e21-000000000001') IS NOT NULL AS recorded;
TABLE campaign_tail;
TABLE purchase_tail;
SELECT count(*) AS rows_of_a_call FROM rollup_deltas;
SELECT settle_transaction('018f3c2a-7b10-7c4d-9e21-000000000001', amount => 120) IS NOT NULL AS settled;
TABLE campaign_tail;
TABLE purchase_tail;
SELECT fold_analytics() AS folded;
TABLE campaign_tail;
TABLE days;
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-000000000001', 33.33) IS NOT NULL AS refunded;
TABLE campaign_tail;
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e21-000000000001') IS NOT NULL AS refunded_whole;
TABLE campaign_tail;
TABLE purchase_tail;
SELECT fold_analytics() AS folded;
TABLE days;
SELECT verify_analytics();
-- declined: nothing is left of it; a repeat and a failed purchase are none
SELECT record_transaction(:'ada', 50, status => 'pending', idempotency_key => 'k', transaction_id => '018f3c2a-7b10-7c4d-9e21-000000000002') IS NOT NULL AS recorded,
       record_transaction(:'ada', 50, status => 'failed') IS NOT NULL AS failed;
SELECT record_transaction(:'ada', 50, status => 'pending', idempotency_key => 'k', transaction_id => '018f3c2a-7b10-7c4d-9e21-000000000002') ->> 'replayed' AS replayed;
SELECT decline_transaction('018f3c2a-7b10-7c4d-9e21-000000000002') IS NOT NULL AS declined;
SELECT count(*) AS nothing FROM unfolded_deltas(NULL);
SELECT verify_analytics();

-- --- many at once: few rows of deltas; sums that are too large for an integer are two ------------------
DELETE FROM rollup_deltas;
SELECT rebuild_analytics() ->> 'generation' AS generation;
INSERT INTO purchases (user_id, amount_minor, occurred_at) SELECT :'ada', 1000, '2026-03-02 12:00Z' FROM generate_series(1, 500);
SELECT count(*) < 50 AS few, (SELECT sum(pc) FROM campaign_tail) AS conversions, (SELECT purchases FROM purchase_tail) AS purchases FROM rollup_deltas;
SELECT fold_analytics() ->> 'more' AS more;
SELECT verify_analytics();

-- --- events --------------------------------------------------------------------------------------------
SELECT track_event('AR-TEN', kind, occurred_at => '2026-03-03 23:59Z') IS NOT NULL AS tracked FROM unnest('{impression,impression,view,click}'::text[]) kind;
SELECT track_event('AR-TEN', 'conversion', value => 12.3456, occurred_at => '2026-03-04 00:00Z', event_id => '018f3c2a-7b10-7c4d-9e21-0000000000e1') ->> 'replayed' AS replayed;
SELECT track_event('AR-TEN', 'conversion', value => 12.3456, event_id => '018f3c2a-7b10-7c4d-9e21-0000000000e1') ->> 'replayed' AS replayed;
SELECT track_events('[{"campaign_id": "AR-FIVE", "kind": "click"}, {"campaign_id": "AR-FIVE", "kind": "clack"}, {"kind": "click"}, 7, {"campaign_id": "AR-NONE", "kind": "click"},
    {"campaign_id": "AR-FIVE", "kind": "view", "event_id": "018f3c2a-7b10-7c4d-9e21-0000000000e2", "occurred_at": "2026-03-05"},
    {"campaign_id": "AR-FIVE", "kind": "view", "event_id": "018f3c2a-7b10-7c4d-9e21-0000000000e2", "occurred_at": "2026-03-05"},
    {"campaign_id": "AR-FIVE", "kind": "click", "event_id": "018f3c2a-7b10-7c4d-9e21-0000000000e2", "occurred_at": "2026-03-05"},
    {"campaign_id": "AR-TEN", "kind": "conversion", "value": 12.34567}, {"campaign_id": "AR-TEN", "kind": "click", "user_id": "018f3c2a-7b10-7c4d-9e21-0000000000ff"},
    {"campaign_id": "AR-TEN", "kind": "click", "occurred_at": "2999-01-01"}, {"campaign_id": "AR-TEN", "kind": "click", "x": 1}]');
SELECT what, sum(i) AS i, sum(v) AS v, sum(c) AS c, sum(tc) AS tc, sum(tv) AS tv FROM campaign_tail GROUP BY 1 ORDER BY 1;
SELECT fold_analytics() ->> 'more' AS more;
SELECT verify_analytics();
SAVEPOINT s;
SELECT track_events('[]');
ROLLBACK TO s;
SELECT track_events('{}');
ROLLBACK TO s;
SELECT track_events(NULL);
ROLLBACK TO s;
SELECT track_events((SELECT jsonb_agg(n) FROM generate_series(1, 10001) n));
ROLLBACK TO s;
SELECT verify_analytics('AR-NONE');
ROLLBACK TO s;

-- --- hours and days of zones: clocks forward and back, by half an hour, over midnight, and before there were zones ------
SELECT zone, slot AT TIME ZONE 'UTC' AS utc, slot AT TIME ZONE zone AS clock, analytics_hour(slot, zone) AT TIME ZONE 'UTC' AS hour_utc, analytics_day(slot, zone) AS day
  FROM (VALUES ('Europe/Berlin', '2026-03-29 00:45Z'::timestamptz), ('Europe/Berlin', '2026-03-29 01:14:59Z'), ('Europe/Berlin', '2026-10-25 00:45Z'), ('Europe/Berlin', '2026-10-25 01:45Z'),
               ('America/New_York', '2026-03-08 07:00Z'), ('America/New_York', '2026-11-01 05:59Z'), ('America/New_York', '2026-11-01 06:00Z'),
               ('Australia/Lord_Howe', '2026-04-04 14:45Z'), ('Australia/Lord_Howe', '2026-04-04 15:15Z'), ('Australia/Lord_Howe', '2026-10-03 15:30Z'), ('Australia/Lord_Howe', '2026-10-03 16:00Z'),
               ('Asia/Kolkata', '2026-01-01 18:29Z'), ('Asia/Kolkata', '2026-01-01 18:30Z'), ('America/Santiago', '2026-09-06 03:45Z'), ('America/Santiago', '2026-09-06 04:00Z'),
               ('Europe/Berlin', '1850-01-01 00:00Z'), ('Asia/Kolkata', '4714-11-24 00:00Z BC'), ('UTC', '-infinity'), ('UTC', 'infinity')) v (zone, slot);
-- a day has as many hours as its clock shows full hours
SELECT zone, day, count(DISTINCT analytics_hour(slot, zone)) AS hours, count(*) AS slots
  FROM (VALUES ('Europe/Berlin', '2026-03-29'::date), ('Europe/Berlin', '2026-10-25'), ('Europe/Berlin', '2026-06-01'), ('Australia/Lord_Howe', '2026-04-05'), ('Australia/Lord_Howe', '2026-10-04'),
               ('America/Santiago', '2026-09-06')) v (zone, day),
       generate_series('2026-01-01Z'::timestamptz, '2026-12-31Z', '15 minutes') slot WHERE analytics_day(slot, zone) = day GROUP BY 1, 2 ORDER BY 1, 2;
SELECT analytics_day(now(), 'Mars/Phobos');
ROLLBACK TO s;

-- --- another zone is one from the next build on; old events go, their counts stay --------------------------
SELECT update_system_settings('{"timezone": "Asia/Kolkata"}') IS NOT NULL AS set;
SELECT zone FROM analytics_state;
SELECT verify_analytics() -> 'mismatches' AS mismatches;
SELECT refresh_analytics() AS refreshed;
SELECT refresh_analytics() AS not_again;
SELECT verify_analytics() -> 'mismatches' AS mismatches;
SELECT zone, generation FROM analytics_state;
SELECT * FROM days WHERE currency = 'XXX' AND day < '2026-03-10';
SELECT apply_event_retention() AS kept_for_ever;
SELECT update_system_settings('{"event_retention_days": 0}');
ROLLBACK TO s;
SELECT update_system_settings('{"timezone": "Asia/Kolkata", "event_retention_days": 2}') IS NOT NULL AS set;
SELECT refresh_analytics() ->> 'rebuilt' AS rebuilt;
-- a day that is kept is kept as a whole, and those before are gone as a whole
UPDATE campaign_events SET occurred_at = (date_trunc('day', now() AT TIME ZONE 'Asia/Kolkata') - interval '2 days') AT TIME ZONE 'Asia/Kolkata' - CASE kind WHEN 'click' THEN interval '0' ELSE interval '1 microsecond' END;
SELECT rebuild_analytics() ->> 'generation' AS generation;
CREATE TEMP TABLE before AS SELECT * FROM days;
SELECT apply_event_retention() AS deleted;
SELECT kind, count(*) FROM campaign_events GROUP BY 1;
SELECT rebuild_analytics() IS NOT NULL AS rebuilt;
SELECT verify_analytics() -> 'mismatches' AS mismatches;
SELECT count(*) AS lost FROM (TABLE before EXCEPT TABLE days) x;
-- one that comes late is counted, too, and stays when its row is gone
SELECT track_event('AR-TEN', 'view', occurred_at => '2026-03-01Z') IS NOT NULL AS late;
SELECT apply_event_retention() AS deleted;
SELECT rebuild_analytics() IS NOT NULL AS rebuilt;
SELECT day, v FROM days WHERE day = '2026-03-01';
SELECT update_system_settings('{"timezone": "America/New_York"}') IS NOT NULL AS moved;
SELECT refresh_analytics() ->> 'rebuilt' AS rebuilt;
SELECT verify_analytics() -> 'mismatches' AS mismatches;
SELECT sum(v) FILTER (WHERE currency = 'XXX') AS views, sum(rev) AS revenue, (SELECT sum(rev) FROM before) AS as_before FROM days;
-- a day of which all was taken back has changed, after a build, too
SELECT record_transaction(:'ada', 10, occurred_at => '2026-02-02 12:00Z', transaction_id => '018f3c2a-7b10-7c4d-9e21-0000000000aa') IS NOT NULL AS bought,
       refund_transaction('018f3c2a-7b10-7c4d-9e21-0000000000aa') IS NOT NULL AS and_returned;
SELECT rebuild_analytics() IS NOT NULL AS rebuilt;
SELECT d ->> 'date' AS date, d -> 'conversions' AS conversions, d ->> 'updated_at' IS NOT NULL AS changed FROM jsonb_array_elements(get_campaign_daily('AR-TEN', '2026-02-01', '2026-02-03') -> 'days') d;
SELECT jsonb_array_length(get_campaign_daily('AR-TEN', '2026-02-01', '2026-02-03', now()) -> 'days') AS days_that_changed;
-- the hour of a zone in which old counts and new ones meet is counted once, however often it is built, and hours show what days do
CREATE FUNCTION pg_temp.moved(zone text) RETURNS TABLE (by_day numeric, by_hour numeric, trend numeric, mismatches jsonb) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM update_system_settings(jsonb_build_object('timezone', zone));
    PERFORM rebuild_analytics();
    RETURN QUERY SELECT (SELECT sum(d.views + d.clicks) FROM campaign_days d), (SELECT sum(h.views + h.clicks) FROM campaign_hours h),
        (SELECT sum((p ->> 'views')::numeric + (p ->> 'clicks')::numeric) FROM campaigns c CROSS JOIN LATERAL jsonb_array_elements(get_campaign_trends(c.campaign_id, 'hourly', now()::date - 5, now()::date + 1) -> 'points') p),
        verify_analytics() -> 'mismatches';
END $$;
DELETE FROM campaign_hours WHERE currency = 'XXX' AND hour < '2026-03-10';
SELECT count(track_event('AR-TEN', 'click', occurred_at => s.events_since + n * interval '5 minutes')) AS events FROM analytics_state s, generate_series(0, 23) n;
SELECT zone, m.* FROM unnest('{America/New_York,Asia/Kolkata,Asia/Kolkata,Asia/Kathmandu,Europe/Berlin,Europe/Berlin,Asia/Kolkata,Pacific/Chatham}'::text[]) zone CROSS JOIN LATERAL pg_temp.moved(zone) m;
ROLLBACK;

-- --- rows of deltas that somebody looks at: a trigger, a policy, a view in the place of the table ---------------------
BEGIN;
SET search_path = swipesavvy, public;
SELECT create_user('ada@rollups.test', 'Ada', user_id => :'ada') IS NOT NULL AS made \gset
CREATE TABLE public.seen (n int);
CREATE FUNCTION public.note_delta() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen SELECT count(*) FROM swipesavvy.transactions; RETURN NEW; END $$;
GRANT INSERT ON public.seen TO swipesavvy_owner;
CREATE TRIGGER note BEFORE INSERT ON rollup_deltas FOR EACH ROW EXECUTE FUNCTION public.note_delta();
SELECT record_transaction(:'ada', 5) IS NOT NULL AS recorded;
INSERT INTO purchases (user_id, amount_minor) VALUES (:'ada', 100), (:'ada', 200);
SELECT n FROM public.seen ORDER BY n;
SELECT sum(purchases) AS purchases, sum(amount) AS amount FROM unfolded_deltas(0);
ROLLBACK;
