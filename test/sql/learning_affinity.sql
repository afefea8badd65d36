-- Where and when users are at home: the affinity to merchants and the hours to send something, against examples that were worked out by hand.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    more text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS more = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' / ', SQLSTATE, SQLERRM, nullif(more, ''));
END
$$;
-- noon, so many days before today
CREATE FUNCTION pg_temp.noon(days integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT ((now() AT TIME ZONE 'UTC')::date - days + time '12:00') AT TIME ZONE 'UTC' $$;
SELECT count(swipesavvy.create_user(format('a%s@example.com', n), 'A', user_id => pg_temp.uid(n))) AS users FROM generate_series(1, 5) n;
SELECT count(swipesavvy.create_merchant(name, category, mcc, merchant_id => id)) AS merchants
  FROM (VALUES ('X', 'Grocery & Food', '5411', pg_temp.uid(11)), ('Y', 'Services', '7230', pg_temp.uid(12)), ('Pharmacy', 'Health & Wellness', '5912', pg_temp.uid(13)),
               ('Closed', 'Services', '7230', pg_temp.uid(14))) m (name, category, mcc, id);
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, merchant_id, status)
VALUES (pg_temp.uid(101), pg_temp.uid(1), 2000, 'USD', pg_temp.noon(40), pg_temp.uid(11), 'completed'), (pg_temp.uid(102), pg_temp.uid(1), 2000, 'USD', pg_temp.noon(20), pg_temp.uid(11), 'completed'),
       (pg_temp.uid(103), pg_temp.uid(1), 3000, 'USD', pg_temp.noon(10), pg_temp.uid(11), 'completed'), (pg_temp.uid(104), pg_temp.uid(1), 2000, 'USD', pg_temp.noon(1), pg_temp.uid(11), 'completed'),
       (pg_temp.uid(105), pg_temp.uid(1), 5000, 'USD', pg_temp.noon(30), pg_temp.uid(12), 'completed'),
       -- none of these count: before the year, today, given back, another currency, pending, of an excluded code, of a merchant that is not listed any more, without one
       (pg_temp.uid(106), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(366), pg_temp.uid(12), 'completed'), (pg_temp.uid(107), pg_temp.uid(1), 9900, 'USD', now(), pg_temp.uid(12), 'completed'),
       (pg_temp.uid(108), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(2), pg_temp.uid(12), 'completed'), (pg_temp.uid(109), pg_temp.uid(1), 9900, 'EUR', pg_temp.noon(2), pg_temp.uid(12), 'completed'),
       (pg_temp.uid(110), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(2), pg_temp.uid(12), 'pending'), (pg_temp.uid(111), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(2), pg_temp.uid(13), 'completed'),
       (pg_temp.uid(112), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(2), pg_temp.uid(14), 'completed'), (pg_temp.uid(113), pg_temp.uid(1), 9900, 'USD', pg_temp.noon(2), NULL, 'completed');
SELECT swipesavvy.update_merchant(pg_temp.uid(14), '{"is_active": false}') ->> 'is_active' AS active, swipesavvy.refund_transaction(pg_temp.uid(108)) ->> 'status' AS whole,
       (swipesavvy.refund_transaction(pg_temp.uid(103), 10) ->> 'transaction_id')::uuid = pg_temp.uid(103) AS in_part;
SELECT m -> 'name' AS name, m -> 'score' AS score, m -> 'components' AS components, m -> 'visits' AS visits, m -> 'net_amount' AS net, m -> 'category' AS category, (m ->> 'last_visit_at')::timestamptz = pg_temp.noon(CASE m ->> 'name' WHEN 'X' THEN 1 ELSE 30 END) AS last
  FROM jsonb_array_elements(swipesavvy.get_merchant_affinity(pg_temp.uid(1)) -> 'merchants') m;
SELECT a -> 'total' AS total, jsonb_array_length(a -> 'merchants') AS shown, (a ->> 'as_of')::timestamptz = pg_temp.noon(0) - interval '12 hours' AS today FROM swipesavvy.get_merchant_affinity(pg_temp.uid(1), 1) a;
SELECT swipesavvy.get_merchant_affinity(pg_temp.uid(2)) - 'as_of' AS nobody_knows;
SELECT swipesavvy.predict('affinity', pg_temp.uid(1), merchant_id => pg_temp.uid(12)) - 'as_of' - 'last_visit_at' AS of_one;
SELECT swipesavvy.predict('affinity', pg_temp.uid(1), merchant_id => pg_temp.uid(13)) - 'as_of' AS of_an_excluded_one;
-- what the user thinks of a merchant, or what others do, if it counts
SAVEPOINT rated;
SELECT swipesavvy.rate_merchant(pg_temp.uid(1), pg_temp.uid(11), 5) -> 'rating' AS rating;
INSERT INTO swipesavvy.merchant_ratings (merchant_id, rating_sum, rating_count, fives) VALUES (pg_temp.uid(12), 5, 1, 1);
SELECT m -> 'name' AS name, m -> 'score' AS score, m #> '{components,rating}' AS rating FROM jsonb_array_elements(swipesavvy.get_merchant_affinity(pg_temp.uid(1)) -> 'merchants') m;
INSERT INTO swipesavvy.merchant_reviews (user_id, merchant_id, review_id, rating, comment_status, created_at, updated_at) VALUES (pg_temp.uid(1), pg_temp.uid(12), pg_temp.uid(300), 1, 'removed', now(), now());
SELECT m -> 'name' AS name, m #> '{components,rating}' AS rating FROM jsonb_array_elements(swipesavvy.get_merchant_affinity(pg_temp.uid(1)) -> 'merchants') m;
ROLLBACK TO rated;
-- a code that is excluded no longer, and one that is from now on
UPDATE swipesavvy.ml_excluded_mccs SET excluded = false WHERE mcc = '5912';
SELECT jsonb_path_query_array(swipesavvy.get_merchant_affinity(pg_temp.uid(1)), '$.merchants[*].name') AS names;
INSERT INTO swipesavvy.ml_excluded_mccs (mcc, reason) VALUES ('5411', 'test');
SELECT jsonb_path_query_array(swipesavvy.get_merchant_affinity(pg_temp.uid(1)), '$.merchants[*].name') AS names;
SELECT swipesavvy.update_merchant(pg_temp.uid(11), '{"mcc": "5814"}') ->> 'mcc' AS mcc;
SELECT jsonb_path_query_array(swipesavvy.get_merchant_affinity(pg_temp.uid(1)), '$.merchants[*].name') AS names;

-- --- send times ---------------------------------------------------------------------------------------------

-- nothing is known of anybody
SELECT s -> 'hours' = to_jsonb(array_fill(0.041667, '{24}')) AS hours, s -> 'weekdays' = to_jsonb(array_fill(0.142857, '{7}')) AS weekdays, s - '{hours,weekdays}'::text[] AS rest FROM swipesavvy.get_send_times(pg_temp.uid(3)) s;
-- two purchases before midnight and two after it, local, on two Mondays: they are one another's neighbours
SELECT swipesavvy.update_system_settings('{"timezone": "Europe/Berlin"}') IS NOT NULL AS set;
CREATE TEMP TABLE monday AS SELECT date_trunc('week', now() AT TIME ZONE 'Europe/Berlin') - interval '7 days' AS at;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at)
SELECT pg_temp.uid(4), 100, (m.at + o) AT TIME ZONE 'Europe/Berlin' FROM monday m, unnest('{23:30,23:45,-167:30,0:30,0:00,2000:00}'::interval[]) o WHERE o < '100 hours';
SELECT (swipesavvy.get_send_times(pg_temp.uid(4)) -> 'events') AS events;
CREATE FUNCTION pg_temp.shares(of_user uuid) RETURNS TABLE (hour integer, share numeric) LANGUAGE sql AS $$
    WITH seen AS (SELECT extract(hour FROM at)::int AS h FROM (
                SELECT occurred_at AT TIME ZONE 'Europe/Berlin' AS at FROM swipesavvy.transactions WHERE user_id = of_user AND status = 'completed' AND refunded_minor < amount_minor
                UNION ALL SELECT occurred_at AT TIME ZONE 'Europe/Berlin' FROM swipesavvy.campaign_events WHERE user_id = of_user AND kind IN ('view', 'click')) e
             WHERE at < (now() AT TIME ZONE 'Europe/Berlin')::date AND at >= (now() AT TIME ZONE 'Europe/Berlin')::date - 180 AND at::time <> '00:00')
    SELECT o, round(((SELECT coalesce(sum(k), 0) / 16.0 FROM seen, unnest('{1,4,6,4,1}'::int[]) WITH ORDINALITY w (k, i) WHERE (h + i - 3 + 24) % 24 = o) + 12 / 24.0) / ((SELECT count(*) FROM seen) + 12), 6)
      FROM generate_series(0, 23) o
$$;
SELECT hour, share FROM pg_temp.shares(pg_temp.uid(4)) WHERE share > 0.03125;
SELECT jsonb_agg(share ORDER BY hour) = swipesavvy.get_send_times(pg_temp.uid(4)) -> 'hours' AS by_plain_sql FROM pg_temp.shares(pg_temp.uid(4));
SELECT (SELECT sum(v::text::numeric) BETWEEN 0.99999 AND 1.00001 FROM jsonb_array_elements(s -> 'hours') v) AS one, s -> 'weekdays' AS weekdays, s -> 'best_hours' AS best_hours, s -> 'best_weekday' AS best_weekday, s -> 'confidence' AS confidence, s -> 'source' AS source
  FROM swipesavvy.get_send_times(pg_temp.uid(4), 2) s;
-- views and clicks count like purchases; impressions, what was given back, what is older or of today, and dates without a time do not
SELECT swipesavvy.create_campaign(campaign_id => 'SEEN', name => 'Seen', campaign_type => 'EMAIL_OFFER', offer_type => 'OTHER', offer_amount => 0, start_date => '2020-01-01') ->> 'status' AS made;
SELECT count(swipesavvy.track_event('SEEN', kind, pg_temp.uid(2), occurred_at => (m.at + o) AT TIME ZONE 'Europe/Berlin')) AS tracked
  FROM monday m, (VALUES ('view', '33:10'::interval), ('click', '33:20'), ('impression', '35:00'), ('conversion', '36:00'), ('view', '24:00'), ('view', '-190 days 9:00')) e (kind, o);
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, occurred_at)
SELECT pg_temp.uid(200), pg_temp.uid(2), 100, (m.at + '59:59:59.999999') AT TIME ZONE 'Europe/Berlin' FROM monday m UNION ALL
SELECT pg_temp.uid(201), pg_temp.uid(2), 100, (m.at + '60:00') AT TIME ZONE 'Europe/Berlin' FROM monday m UNION ALL SELECT pg_temp.uid(202), pg_temp.uid(2), 100, now();
SELECT swipesavvy.refund_transaction(pg_temp.uid(201)) -> 'refunded' IS NOT NULL AS given_back;
SELECT s -> 'events' AS events, s -> 'best_hours' AS best_hours, s -> 'weekdays' AS weekdays, s -> 'best_weekday' AS best_weekday, s -> 'confidence' AS confidence,
       s -> 'hours' = (SELECT jsonb_agg(share ORDER BY hour) FROM pg_temp.shares(pg_temp.uid(2))) AS by_plain_sql FROM swipesavvy.get_send_times(pg_temp.uid(2), 1) s;
-- quiet hours, which may lie within a day, or be none
SELECT swipesavvy.update_system_settings('{"quiet_hours_start": 0, "quiet_hours_end": 23}') IS NOT NULL AS set;
SELECT swipesavvy.get_send_times(pg_temp.uid(4)) -> 'best_hours' AS only_the_last;
SELECT swipesavvy.update_system_settings('{"quiet_hours_start": 5, "quiet_hours_end": 5}') IS NOT NULL AS set;
SELECT jsonb_path_query_array(swipesavvy.get_send_times(pg_temp.uid(4)), '$.best_hours[*].hour') AS any_hour;
-- what everybody does is what is thought of whom nobody knows; the job counts it
SELECT swipesavvy.refresh_models();
SELECT count(*) AS slots, round(sum(share) FILTER (WHERE weekdays)::numeric, 9) AS weekdays, round(sum(share) FILTER (WHERE NOT weekdays)::numeric, 9) AS hours FROM swipesavvy.ml_send_prior;
-- that of users who may be learned of: events without a user, of staff, and of who refuses or was erased do not count
CREATE FUNCTION pg_temp.prior() RETURNS TABLE (weekdays boolean, slot bigint, share float8) LANGUAGE sql AS $$
    WITH seen AS (SELECT at FROM (
                SELECT user_id, occurred_at AT TIME ZONE 'Europe/Berlin' AS at FROM swipesavvy.transactions WHERE status = 'completed' AND refunded_minor < amount_minor
                UNION ALL SELECT user_id, occurred_at AT TIME ZONE 'Europe/Berlin' FROM swipesavvy.campaign_events WHERE kind IN ('view', 'click')) e
              JOIN swipesavvy.users u USING (user_id)
             WHERE at < (now() AT TIME ZONE 'Europe/Berlin')::date AND at >= (now() AT TIME ZONE 'Europe/Berlin')::date - 180 AND at::time <> '00:00'
               AND u.role = 'customer' AND u.erased_at IS NULL AND u.user_id NOT IN (SELECT user_id FROM swipesavvy.ml_profiling_refusals))
    SELECT false, o, (SELECT coalesce(sum(k), 0) / 16.0 FROM seen, unnest('{1,4,6,4,1}'::int[]) WITH ORDINALITY w (k, i) WHERE (extract(hour FROM at)::int + i - 3 + 24) % 24 = o) / (SELECT count(*) FROM seen) FROM generate_series(0, 23) o
    UNION ALL SELECT true, o, (SELECT count(*) FROM seen WHERE extract(isodow FROM at) = o + 1)::float8 / (SELECT count(*) FROM seen) FROM generate_series(0, 6) o
$$;
SELECT count(*) AS other_shares FROM swipesavvy.ml_send_prior p JOIN pg_temp.prior() w USING (weekdays, slot) WHERE abs(p.share - w.share) > 1e-12;
SAVEPOINT fewer;
UPDATE swipesavvy.users SET role = 'support' WHERE user_id = pg_temp.uid(2);
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(1), false) -> 'profiling' AS profiling, swipesavvy.track_event('SEEN', 'view', occurred_at => now() - interval '2 days 1 hour 1 minute') ->> 'kind' AS of_nobody;
SELECT swipesavvy.refresh_models();
SELECT count(*) AS slots, count(*) FILTER (WHERE abs(p.share - w.share) > 1e-12) AS other_shares FROM swipesavvy.ml_send_prior p JOIN pg_temp.prior() w USING (weekdays, slot);
SELECT swipesavvy.erase_user(pg_temp.uid(4)) ->> 'account_status' AS erased;
SELECT swipesavvy.refresh_models();
SELECT count(*) AS none_is_left FROM swipesavvy.ml_send_prior;
ROLLBACK TO fewer;
SELECT s -> 'source' AS source, round((s #>> '{best_hours,0,share}')::numeric, 6) = round(share::numeric, 6) AS as_everybody
  FROM swipesavvy.get_send_times(pg_temp.uid(3)) s, swipesavvy.ml_send_prior p WHERE NOT p.weekdays AND p.slot = (s #>> '{best_hours,0,hour}')::int;
-- and queues a model that is old, once
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, queued_at, trained_at) VALUES ('offer', 1, 'active', now(), 7, now() - interval '31 days', now() - interval '31 days');
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT swipesavvy.cancel_ml_training('offer') -> 'version' AS cancelled;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT version, status, seed FROM swipesavvy.ml_models ORDER BY version;

-- --- who refuses ------------------------------------------------------------------------------------------------

SELECT swipesavvy.set_profiling_consent(pg_temp.uid(1), false) -> 'profiling' AS profiling, swipesavvy.erase_user(pg_temp.uid(5)) ->> 'account_status' AS erased;
SELECT statement, pg_temp.attempt('SELECT ' || statement) AS answer FROM (VALUES
    ($$swipesavvy.get_merchant_affinity(pg_temp.uid(1))$$), ($$swipesavvy.get_send_times(pg_temp.uid(1))$$), ($$swipesavvy.predict('affinity', pg_temp.uid(1), merchant_id => pg_temp.uid(11))$$),
    ($$swipesavvy.get_merchant_affinity(pg_temp.uid(5))$$), ($$swipesavvy.get_send_times(pg_temp.uid(5))$$), ($$swipesavvy.get_merchant_affinity(NULL)$$), ($$swipesavvy.get_merchant_affinity(pg_temp.uid(77))$$),
    ($$swipesavvy.get_merchant_affinity(pg_temp.uid(2), 101)$$), ($$swipesavvy.get_send_times(pg_temp.uid(2), 25)$$), ($$swipesavvy.get_send_times(pg_temp.uid(2), 0)$$), ($$swipesavvy.get_send_times(pg_temp.uid(77))$$),
    ($$swipesavvy.predict('affinity', pg_temp.uid(2))$$), ($$swipesavvy.predict('affinity', pg_temp.uid(2), merchant_id => pg_temp.uid(99))$$), ($$swipesavvy.predict('affinity', pg_temp.uid(2), 'X', pg_temp.uid(11))$$)) s (statement);
-- to the user itself it is as if nothing were known
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS set, set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.uid(1))::text, true) IS NOT NULL AS signed_in;
SET LOCAL ROLE swipesavvy_customer;
SELECT swipesavvy.get_merchant_affinity('00000000-0000-7000-8000-000000000001') - 'as_of' AS own;
SELECT swipesavvy.get_send_times('00000000-0000-7000-8000-000000000001') -> 'source' AS own;
ROLLBACK;
