-- What is not folded yet: by days of zones as by quarters of an hour, past the executor and through it, taken back, and unreadable.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
SET LOCAL jit = off;
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
\set one '018f3c2a-7b10-7c4d-9e21-0000000000a1'
\set two '018f3c2a-7b10-7c4d-9e21-0000000000a2'
SELECT create_user('ada@tail.test', 'Ada', user_id => :'ada') IS NOT NULL AS made,
       create_campaign(campaign_id => 'AT-TEN', name => 'Ten', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, bonus_points => 3, start_date => '2020-01-01', stackable => true, priority => 2) IS NOT NULL AS ten,
       create_campaign(campaign_id => 'AT-FIVE', name => 'Five', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 5, start_date => '2020-01-01', stackable => true) IS NOT NULL AS five,
       launch_campaign('AT-TEN') IS NOT NULL AS ten_runs, launch_campaign('AT-FIVE') IS NOT NULL AS five_runs,
       rebuild_analytics() IS NOT NULL AS built \gset

-- --- the same sums by either function, in zones whose days begin at odd hours --------------------------------------
CREATE TEMP TABLE zones AS SELECT unnest('{UTC,Asia/Kolkata,America/New_York,Australia/Lord_Howe,Pacific/Kiritimati,America/Santiago}'::text[]) AS zone;
SELECT count(record_transaction(:'ada', 10 + n, status => CASE n % 3 WHEN 0 THEN 'pending' ELSE 'completed' END, occurred_at => '2026-03-28 22:52Z'::timestamptz + n * interval '37 minutes')) AS purchases FROM generate_series(1, 80) n;
SELECT count(track_event('AT-TEN', (ARRAY['impression', 'view', 'click', 'conversion'])[1 + n % 4], value => CASE n % 4 WHEN 3 THEN n * 1.01 END, occurred_at => '2026-03-28 20:00Z'::timestamptz + n * interval '2 hours')) AS events FROM generate_series(1, 20) n;
CREATE TEMP VIEW by_slots AS
    SELECT zone, d.campaign_no, analytics_day(slot, zone) AS day, d.currency::char(3), sum(impressions)::bigint AS i, sum(views)::bigint AS v, sum(clicks)::bigint AS c, sum(tracked_conversions)::bigint AS tc,
           sum(tracked_value)::bigint AS tv, sum(purchase_conversions)::bigint AS pc, sum(pending_conversions)::bigint AS p, sum(revenue)::bigint AS rev, sum(revenue_primary)::bigint AS prim, sum(cost)::bigint AS cost,
           sum(discount)::bigint AS disc, sum(bonus_points)::bigint AS bonus
      FROM zones, unfolded_deltas(NULL) d WHERE campaign_no <> 0 GROUP BY 1, 2, 3, 4;
CREATE TEMP VIEW by_days AS SELECT zone, d.* FROM zones, unfolded_days(NULL, zone) d;
CREATE TEMP VIEW by_campaign AS SELECT zone, d.* FROM zones, campaigns c, unfolded_days(c.campaign_no, zone) d;
CREATE TEMP VIEW of_purchases AS SELECT d.* FROM unfolded_deltas(0) d;
SELECT zone, count(*) AS rows, count(DISTINCT day) AS days, sum(pc) AS conversions FROM by_slots GROUP BY 1 ORDER BY 1;
SELECT (SELECT count(*) FROM (TABLE by_slots EXCEPT ALL TABLE by_days) x) AS missing, (SELECT count(*) FROM (TABLE by_days EXCEPT ALL TABLE by_slots) x) AS too_many,
       (SELECT count(*) FROM (TABLE by_days EXCEPT ALL TABLE by_campaign) x) AS not_of_one, (SELECT count(*) FROM (TABLE by_campaign EXCEPT ALL TABLE by_days) x) AS of_one_only,
       (SELECT count(*) FROM unfolded_days(-7, 'UTC')) AS of_none,
       (SELECT sum(purchases) || ' ' || sum(pending_purchases) FROM of_purchases) AS purchases;
CREATE TEMP TABLE directly AS TABLE by_days;
CREATE TEMP TABLE directly_of_purchases AS TABLE of_purchases;
SET LOCAL swipesavvy.direct_tables = off;
SELECT (SELECT count(*) FROM (TABLE directly EXCEPT ALL TABLE by_days) x) + (SELECT count(*) FROM (TABLE by_days EXCEPT ALL TABLE directly) x)
     + (SELECT count(*) FROM (TABLE directly EXCEPT ALL TABLE by_campaign) x) AS differ_by_query,
       (SELECT count(*) FROM (TABLE directly_of_purchases EXCEPT ALL TABLE of_purchases) x) + (SELECT count(*) FROM (TABLE of_purchases EXCEPT ALL TABLE directly_of_purchases) x) AS purchases_differ;
SET LOCAL swipesavvy.direct_tables = on;
SELECT unfolded_days(1, NULL);
SELECT unfolded_days(1, 'Mars/Phobos');

-- --- what is rolled back has never been; what is done is there at once ------------------------------------------------
CREATE TEMP VIEW total AS SELECT get_campaign_metrics('AT-TEN', '2026-03-01', '2026-04-30') -> 'purchase_conversions' AS conversions, get_campaign_metrics('AT-TEN') #>> '{period,start_date}' AS since,
       (SELECT sum((c ->> 'purchase_conversions')::int) FROM jsonb_array_elements(get_top_campaigns('revenue', '2026-03-01', '2026-04-30') -> 'campaigns') c) AS of_all;
TABLE total;
SAVEPOINT bought;
SELECT record_transaction(:'ada', 40, occurred_at => '2026-03-05Z', transaction_id => :'one') IS NOT NULL AS bought;
TABLE total;
SAVEPOINT folded;
SELECT fold_analytics() -> 'more' AS more;
TABLE total;
ROLLBACK TO folded;
TABLE total;
SELECT refund_transaction(:'one') IS NOT NULL AS refunded;
TABLE total;
ROLLBACK TO folded;
SELECT fold_analytics() -> 'more' AS more;
SELECT refund_transaction(:'one') IS NOT NULL AS refunded;
TABLE total;
SELECT fold_analytics() -> 'more' AS more;
TABLE total;
ROLLBACK TO bought;
TABLE total;

-- --- the first day is that of the first fact that is still one, folded or not; a period that begins later does not ask for it ------
SELECT record_transaction(:'ada', 40, status => 'pending', occurred_at => '2026-02-05Z', transaction_id => :'one') IS NOT NULL AS pending;
SELECT get_campaign_metrics('AT-TEN') #>> '{period,start_date}' AS metrics, get_campaign_roi('AT-TEN') #>> '{period,start_date}' AS roi;
SELECT fold_analytics() -> 'more' AS more;
SELECT decline_transaction(:'one') IS NOT NULL AS declined;
SELECT get_campaign_metrics('AT-TEN') #>> '{period,start_date}' AS metrics, get_campaign_roi('AT-TEN') #>> '{period,start_date}' AS roi;
SELECT get_campaign_metrics('AT-TEN', end_date => '2026-02-10');
SELECT get_campaign_metrics('AT-TEN', '2026-03-29', '2026-03-29') -> 'purchase_conversions' AS a_day, get_campaign_metrics('AT-TEN', '2026-03-29') #>> '{period,end_date}' = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS to_today;
\set VERBOSITY terse
SELECT get_campaign_metrics('AT-TEN', current_date + 2);
\set VERBOSITY default
SELECT get_campaign_metrics('AT-TEN', '-infinity');
SELECT create_campaign(campaign_id => 'AT-NEW', name => 'New', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 5, start_date => now()) IS NOT NULL AS made;
SELECT track_event('AT-NEW', 'click', occurred_at => now() + interval '23 hours') IS NOT NULL AS to_come;
SELECT get_campaign_metrics('AT-NEW') -> 'clicks' AS clicks, get_campaign_metrics('AT-NEW', (now() AT TIME ZONE 'UTC' + interval '23 hours')::date) -> 'clicks' AS clicks_to_come;

-- --- redemptions in a currency that the campaign had before: they are named until the last of them is taken back ------------
SELECT record_transaction(:'ada', 40, occurred_at => '2026-02-05Z', transaction_id => :'two') IS NOT NULL AS bought;
SELECT fold_analytics() -> 'more' AS more;
UPDATE campaigns SET currency = 'EUR' WHERE campaign_id = 'AT-TEN';
CREATE TEMP VIEW otherwise AS SELECT get_campaign_metrics('AT-TEN', '2026-02-01', '2026-02-28') -> 'other_currencies' AS metrics,
       get_campaign_portfolio('2026-02-01', '2026-02-28', currency => 'EUR') #> '{totals,other_currencies}' AS portfolio;
TABLE otherwise;
SELECT refund_transaction(:'two') IS NOT NULL AS refunded;
TABLE otherwise;
SELECT fold_analytics() -> 'more' AS more;
TABLE otherwise;

-- --- an index that somebody adds gets its entries ------------------------------------------------------------------------
CREATE INDEX tail_records ON rollup_deltas (records);
SELECT record_transaction(:'ada', 7) IS NOT NULL AS bought;
INSERT INTO purchases (user_id, amount_minor) SELECT :'ada', 800 + n FROM generate_series(1, 3) n;
SELECT track_event('AT-TEN', 'view') IS NOT NULL AS told;
SET LOCAL enable_seqscan = off;
SELECT count(*) AS by_index FROM rollup_deltas WHERE records >= '' \gset
SET LOCAL enable_seqscan = on;
DROP INDEX tail_records;
SELECT count(*) = :by_index AS all_found, count(*) >= 3 AS some FROM rollup_deltas;
SELECT fold_analytics() -> 'more' AS more;

-- --- rows that hold no records -----------------------------------------------------------------------------------------
SELECT count(*) AS left_over FROM rollup_deltas;
CREATE FUNCTION pg_temp.try(records bytea) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    question text;
BEGIN
    INSERT INTO swipesavvy.rollup_deltas VALUES (records);
    FOREACH question IN ARRAY ARRAY['SELECT count(*) FROM swipesavvy.unfolded_deltas(NULL)', 'SELECT count(*) FROM swipesavvy.unfolded_deltas(999999)', 'SELECT count(*) FROM swipesavvy.unfolded_days(NULL, ''UTC'')', 'SELECT swipesavvy.fold_analytics()'] LOOP
        BEGIN
            EXECUTE question;
            RETURN NEXT 'accepted: ' || question;
        EXCEPTION WHEN OTHERS THEN
            RETURN NEXT SQLSTATE || ' ' || SQLERRM;
        END;
    END LOOP;
    DELETE FROM swipesavvy.rollup_deltas d WHERE d.records = try.records;
END $$;
SELECT pg_temp.try('\x05') AS ends_early;
SELECT pg_temp.try('\x0101') AS without_a_slot;
SELECT pg_temp.try('\x0b0102805555534480ffffff') AS of_an_endless_number;
SELECT pg_temp.try('\x08010200555344aabb') AS with_something_behind_it;
SELECT pg_temp.try('') AS with_nothing;
ROLLBACK;
