-- Partnerships: versions, and the commission that follows from them to the minor unit; a merchant's figures, against a count of the
-- stored purchases and visits in plain SQL; what rests on few users is not shown, and does not follow from what is.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
SET LOCAL timezone = 'UTC';
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
\set cafe '00000000-0000-7000-8000-00000000cafe'
\set shop '00000000-0000-7000-8000-000000005409'
\set nobody '00000000-0000-7000-8000-00000000dead'
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => :'cafe') ->> 'name', swipesavvy.create_merchant('Shop', 'Services', merchant_id => :'shop') ->> 'name';

-- --- what is agreed -----------------------------------------------------------------------------------
-- days as distances from today
CREATE FUNCTION pg_temp.terms(p jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s %s%% from %s to %s%s', p ->> 'tier', p ->> 'commission_rate', (p ->> 'starts_on')::date - current_date, coalesce(((p ->> 'ends_on')::date - current_date)::text, 'open'),
        ', replaced on ' || ((p ->> 'replaced_on')::date - current_date)) $$;
SELECT swipesavvy.get_partnership(:'cafe') - 'on_date';
SELECT pg_temp.try(format('set_partnership(%s)', a)) FROM (VALUES (format('%L, NULL, 1', :'cafe')), (format('%L, ''gold'', 1', :'cafe')), (format('%L, ''trial'', NULL', :'cafe')), (format('%L, ''trial'', 0.0001', :'cafe')),
    (format('%L, ''trial'', 100.001', :'cafe')), (format('%L, ''trial'', -1', :'cafe')), (format('%L, ''trial'', ''NaN''', :'cafe')), (format('NULL, ''trial'', 1')), (format('%L, ''trial'', 1', :'nobody')),
    (format('%L, ''trial'', 1, ends_on => current_date - 1', :'cafe')), (format('%L, ''trial'', 1, ''infinity''', :'cafe')), (format('%L, ''trial'', 1, ends_on => ''infinity''', :'cafe')), (format('%L, ''trial'', 1, current_date - 4', :'cafe')),
    (format('%L, ''trial'', 1, notes => '' ''', :'cafe'))) v (a);
SELECT pg_temp.try('get_partnership(' || a || ')') FROM (VALUES ('NULL'), (quote_literal(:'nobody')), (format('%L, ''-infinity''', :'cafe'))) v (a);
-- a trial has 90 days; three days ago is as early as it gets
SELECT pg_temp.terms(swipesavvy.set_partnership(:'cafe', 'trial', 2.5, current_date - 3, notes => 'let us see'));
SELECT swipesavvy.set_partnership(:'cafe', 'standard', 7.125, current_date + 10) - '{starts_on,created_at}'::text[];
-- overlapping: a later one stands in the place of what was from its first day on, and what it replaces does not come back
SELECT pg_temp.terms(swipesavvy.set_partnership(:'cafe', 'premium', 0, current_date + 20, current_date + 29)), pg_temp.terms(swipesavvy.set_partnership(:'cafe', 'standard', 5, current_date + 5, current_date + 24));
SELECT pg_temp.terms(h) FROM jsonb_array_elements(swipesavvy.get_partnership(:'cafe') -> 'history') h;
SELECT day, CASE WHEN p -> 'version' <> 'null' THEN pg_temp.terms(p) ELSE 'none' END FROM unnest('{-4,-3,0,4,5,19,24,25,35}'::int[]) day, swipesavvy.get_partnership(:'cafe', current_date + day) p;
SELECT (swipesavvy.get_partnership(:'cafe') - 'history') #- '{starts_on}' #- '{ends_on}' #- '{on_date}';
SELECT event_type, resource_id, details::jsonb #>> '{after,tier}', details::jsonb #>> '{after,commission_rate}' FROM swipesavvy.audit_logs WHERE event_type = 'partnership.set' ORDER BY log_id;

-- --- figures ---------------------------------------------------------------------------------------------
SELECT count(swipesavvy.create_user(format('user%s@example.com', n), 'User', user_id => format('00000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid)) FROM generate_series(1, 40) n;
SELECT pg_temp.try(format('get_merchant_analytics(%L)', :'cafe'));
SELECT swipesavvy.rebuild_analytics() ->> 'generation';
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01', target_merchant_id => m::uuid, per_user_limit => per_user)),
       count(swipesavvy.launch_campaign(id)) FROM (VALUES ('PP-CAFE', :'cafe', 1), ('PP-RARE', :'cafe', 1), ('PP-SHOP', :'shop', NULL)) v (id, m, per_user);
SELECT swipesavvy.pause_campaign('PP-RARE') ->> 'status';
-- 70 days of purchases: more on some days than on others, none on some, in two currencies, some pending, some for nothing
INSERT INTO swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, currency, status, occurred_at)
SELECT format('10000000-0000-7000-8000-%s', lpad(i::text, 12, '0'))::uuid, format('00000000-0000-7000-8000-%s', lpad((1 + i * 7 % 37)::text, 12, '0'))::uuid, CASE i % 3 WHEN 0 THEN :'shop' ELSE :'cafe' END::uuid,
       i * 7919 % 10007 * (i % 11)::bigint, CASE i % 13 WHEN 5 THEN 'JPY' ELSE 'USD' END, CASE i % 17 WHEN 3 THEN 'pending' ELSE 'completed' END,
       (current_date - day)::timestamptz + i % 24 * interval '1 hour'
  FROM (SELECT row_number() OVER (ORDER BY day, n)::int AS i, day FROM generate_series(1, 70) day CROSS JOIN LATERAL generate_series(1, CASE WHEN day % 7 = 0 THEN 0 ELSE day * 31 % 23 END) n) d;
SELECT swipesavvy.fold_analytics() ->> 'folded' <> '0';
-- a third stays unfolded: refunds, whole and in part
SELECT count(swipesavvy.refund_transaction(transaction_id, CASE WHEN n % 2 = 0 THEN NULL ELSE round(amount_minor / 300.0, CASE currency WHEN 'JPY' THEN 0 ELSE 2 END) END)) FROM
    (SELECT *, row_number() OVER (ORDER BY transaction_id) AS n FROM swipesavvy.transactions WHERE status = 'completed' AND amount_minor > 1000 AND merchant_id IN (:'cafe', :'shop')) t WHERE n % 9 = 0;
-- terms of the past, as if they had been agreed then
DELETE FROM swipesavvy.merchant_partnerships;
INSERT INTO swipesavvy.merchant_partnerships (merchant_id, version, tier, rate_milli, starts_on, ends_on) VALUES
    (:'cafe', 1, 'trial', 1333, current_date - 55, current_date - 30), (:'cafe', 2, 'standard', 3777, current_date - 40, NULL), (:'cafe', 3, 'premium', 100000, current_date - 12, current_date - 9),
    (:'cafe', 4, 'standard', 2001, current_date - 20, current_date - 6), (:'shop', 1, 'standard', 5, current_date - 365, NULL);
-- fences, and visits to them: by many and few, staying or not, and buying within a day or not
SELECT count(swipesavvy.create_geofence(name, 0, 0, 100, merchant_id => m::uuid, geofence_id => id::uuid)) FROM (VALUES ('Cafe', :'cafe', '00000000-0000-7000-8000-0000000000f1'), ('Cafe, behind', :'cafe', '00000000-0000-7000-8000-0000000000f2'), ('Shop', :'shop', '00000000-0000-7000-8000-0000000000f3')) v (name, m, id);
INSERT INTO swipesavvy.geofence_visits (user_id, geofence_id, entered_at, dwelt_at, exited_at)
SELECT format('00000000-0000-7000-8000-%s', lpad((1 + n % 37)::text, 12, '0'))::uuid, format('00000000-0000-7000-8000-0000000000f%s', 1 + n % 3)::uuid, at, CASE WHEN n % 4 <> 0 THEN at + interval '10 minutes' END, at + interval '1 hour'
  FROM (SELECT n, (current_date - 1 - n % 45)::timestamptz + n * 7 % 24 * interval '1 hour' AS at FROM generate_series(1, 200) n) v;
SELECT swipesavvy.refresh_merchant_analytics();
SELECT swipesavvy.refresh_merchant_analytics() ->> 'written';

-- The same from what is stored. Days, periods, campaigns and visits below k are null; of days, if one alone is, the smallest other one, too.
CREATE FUNCTION pg_temp.half_away(n numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT sign(n) * floor(abs(n) + 0.5) $$;
CREATE FUNCTION pg_temp.bought(m uuid, c text) RETURNS TABLE (day date, net numeric, amount numeric, refunded numeric, whole boolean, rate numeric) LANGUAGE sql AS $$
    SELECT d.day, d.amount - d.refunded, d.amount, d.refunded, d.amount = d.refunded AND d.amount > 0, coalesce((SELECT CASE WHEN d.day <= coalesce(p.ends_on, 'infinity') THEN p.rate_milli END
             FROM swipesavvy.merchant_partnerships p WHERE p.merchant_id = m AND p.starts_on <= d.day ORDER BY p.version DESC LIMIT 1), 0)
      FROM (SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, amount_minor::numeric AS amount, refunded_minor::numeric AS refunded FROM swipesavvy.transactions WHERE merchant_id = m AND currency = c AND status = 'completed') d $$;
CREATE FUNCTION pg_temp.counted(m uuid, s date, e date, c text, k int) RETURNS jsonb LANGUAGE sql AS $$
    WITH unit AS (SELECT minor_unit AS exponent, 10::numeric ^ minor_unit AS parts FROM swipesavvy.currencies WHERE code = c),
    b AS MATERIALIZED (SELECT * FROM pg_temp.bought(m, c)),
    now AS (SELECT count(*) AS n, count(*) FILTER (WHERE whole) AS whole, coalesce(sum(amount), 0) AS amount, coalesce(sum(refunded), 0) AS refunded, coalesce(sum(net), 0) AS net, coalesce(sum(net * rate), 0) AS due FROM b WHERE day BETWEEN s AND e),
    past AS (SELECT count(*) AS n, coalesce(sum(net), 0) AS net FROM b WHERE day BETWEEN s - (e - s + 1) AND s - 1),
    days AS (SELECT g::date AS day, count(b.day) AS n, coalesce(sum(b.net), 0) AS net FROM generate_series(s, e, interval '1 day') g LEFT JOIN b ON b.day = g::date GROUP BY 1),
    told AS (SELECT *, n >= k AND NOT ((SELECT count(*) FROM days WHERE n < k) = 1 AND day = (SELECT day FROM days WHERE n >= k ORDER BY n, day LIMIT 1)) AS shown FROM days),
    -- customers of the days before today
    users AS (SELECT user_id, min(occurred_at) AS first, max(occurred_at) AS last FROM swipesavvy.transactions WHERE merchant_id = m AND status = 'completed' AND refunded_minor < amount_minor AND occurred_at < current_date::timestamptz GROUP BY 1),
    many AS (SELECT count(*) FILTER (WHERE last >= (current_date - 30)::timestamptz) AS a, count(*) FILTER (WHERE last >= (current_date - 90)::timestamptz) AS b, count(*) FILTER (WHERE last >= (current_date - 365)::timestamptz) AS c,
                    count(*) FILTER (WHERE first >= (current_date - 30)::timestamptz) AS d FROM users),
    ads AS (SELECT g.campaign_id, g.name, count(*) AS n, sum(t.amount_minor - t.refunded_minor) AS revenue, sum(r.cost_minor - r.cost_returned_minor) AS cost FROM swipesavvy.campaigns g JOIN swipesavvy.campaign_redemptions r USING (campaign_no) JOIN swipesavvy.transactions t USING (user_id, transaction_id)
             WHERE g.target_merchant_id = m AND g.currency = c AND r.counts AND (t.occurred_at AT TIME ZONE 'UTC')::date BETWEEN s AND e GROUP BY 1, 2),
    visits AS (SELECT v.*, EXISTS (SELECT FROM swipesavvy.transactions t WHERE t.user_id = v.user_id AND t.merchant_id = m AND t.status IN ('pending', 'completed') AND t.occurred_at BETWEEN v.entered_at AND v.entered_at + interval '24 hours') AS bought
                 FROM swipesavvy.geofence_visits v JOIN swipesavvy.geofences f USING (geofence_id) WHERE f.merchant_id = m AND (v.entered_at AT TIME ZONE 'UTC')::date BETWEEN s AND e)
    SELECT jsonb_build_object('currency', c,
        'purchases', CASE WHEN now.n >= k THEN now.n END, 'refunded_purchases', CASE WHEN now.n >= k THEN now.whole END,
        'amount', CASE WHEN now.n >= k THEN round(now.amount / parts, exponent) END, 'refunded', CASE WHEN now.n >= k THEN round(now.refunded / parts, exponent) END, 'net_amount', CASE WHEN now.n >= k THEN round(now.net / parts, exponent) END,
        'average_net', CASE WHEN now.n >= k AND now.n > 0 THEN round(pg_temp.half_away(now.net / now.n) / parts, exponent) END, 'commission', CASE WHEN now.n >= k THEN round(pg_temp.half_away(now.due / 100000) / parts, exponent) END,
        'previous', jsonb_build_object('net_amount', CASE WHEN past.n >= k THEN round(past.net / parts, exponent) END, 'purchases', CASE WHEN past.n >= k THEN past.n END,
            'percent', CASE WHEN past.n >= k AND now.n >= k AND past.net > 0 THEN round(pg_temp.half_away(10000 * (now.net - past.net) / past.net) / 100, 2) END),
        'days', (SELECT jsonb_agg(jsonb_build_object('date', day, 'purchases', CASE WHEN shown THEN n END, 'net_amount', CASE WHEN shown THEN round(net / parts, exponent) END) ORDER BY day) FROM told),
        'customers', (SELECT jsonb_build_object('last_30_days', CASE WHEN a >= k THEN a END, 'last_90_days', CASE WHEN b >= k THEN b END, 'last_365_days', CASE WHEN many.c >= k THEN many.c END,
            'new_30_days', CASE WHEN d >= k AND a - d >= k THEN d END, 'returning_30_days', CASE WHEN d >= k AND a - d >= k THEN a - d END) FROM many),
        'campaigns', (SELECT coalesce(jsonb_agg(jsonb_build_object('campaign_id', campaign_id, 'name', name, 'conversions', CASE WHEN n >= k THEN n END, 'revenue', CASE WHEN n >= k THEN round(revenue / parts, exponent) END, 'cost', CASE WHEN n >= k THEN round(cost / parts, exponent) END) ORDER BY campaign_id), '[]') FROM ads),
        'visits', (SELECT jsonb_build_object('entered', CASE WHEN count(DISTINCT user_id) >= k THEN count(*) END, 'dwelt', CASE WHEN count(DISTINCT user_id) FILTER (WHERE dwelt_at IS NOT NULL) >= k THEN count(dwelt_at) END,
            'converted_24h', CASE WHEN count(DISTINCT user_id) FILTER (WHERE bought) >= k THEN count(*) FILTER (WHERE bought) END) FROM visits))
      FROM now, past, unit $$;
CREATE FUNCTION pg_temp.told(m uuid, s date, e date, c text, suppress boolean) RETURNS jsonb LANGUAGE sql AS $$
    SELECT swipesavvy.get_merchant_analytics(m, s, e, c, suppress) - '{merchant_id,period,as_of,suppressed,rating,rating_count}'::text[] #- '{customers,as_of}' $$;
CREATE FUNCTION pg_temp.threshold(k int) RETURNS text LANGUAGE sql AS $$ SELECT swipesavvy.update_system_settings(jsonb_build_object('privacy_threshold', k)) ->> 'status' $$;
CREATE TEMP TABLE asked AS
    SELECT m::uuid, c, current_date - s AS s, current_date - s + n - 1 AS e FROM unnest(ARRAY[:'cafe', :'shop']) m, unnest('{USD,JPY}'::text[]) c, (VALUES (69, 70), (29, 30), (41, 22), (12, 4), (12, 1), (7, 1), (100, 10)) v (s, n);
CREATE FUNCTION pg_temp.compare(thresholds int[]) RETURNS TABLE (k int, sheets bigint, differ bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH k IN ARRAY thresholds LOOP
        PERFORM pg_temp.threshold(k);
        SELECT count(*), count(*) FILTER (WHERE t IS DISTINCT FROM pg_temp.counted(m, s, e, c, compare.k))
          INTO sheets, differ FROM asked, pg_temp.told(m, s, e, c, true) t;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT * FROM pg_temp.compare('{1,5,10,40}');
SELECT count(*), count(*) FILTER (WHERE pg_temp.told(m, s, e, c, false) IS DISTINCT FROM pg_temp.counted(m, s, e, c, 0)) FROM asked;
-- and the sheet says whether something is missing
SELECT pg_temp.threshold(10);
SELECT count(*), count(*) FILTER (WHERE (sheet -> 'suppressed')::bool), count(*) FILTER (WHERE (sheet -> 'suppressed')::bool <> (pg_temp.told(m, s, e, c, true) <> pg_temp.told(m, s, e, c, false)))
  FROM (SELECT * FROM asked UNION ALL SELECT m, 'USD', current_date - 69, current_date - 69 FROM asked WHERE c = 'USD') a, swipesavvy.get_merchant_analytics(m, s, e, c) sheet;
-- folded or not, it is the same
SELECT pg_temp.threshold(1);
CREATE TEMP TABLE before AS SELECT m, c, s, e, pg_temp.told(m, s, e, c, true) AS told FROM asked;
SELECT swipesavvy.fold_analytics() ->> 'folded' <> '0';
SELECT count(*), count(*) FILTER (WHERE told IS DISTINCT FROM pg_temp.told(m, s, e, c, true)) FROM before;

-- one of them, as it looks
SELECT jsonb_pretty(pg_temp.told(:'cafe', current_date - 9, current_date - 8, NULL, true) || jsonb_build_object('days', 0));
INSERT INTO swipesavvy.merchant_ratings (merchant_id, rating_sum, rating_count, fours, fives) VALUES (:'cafe', 14, 3, 1, 2);
SELECT s -> 'rating', s -> 'rating_count', s -> 'period' ->> 'days', (s -> 'period' ->> 'end_date')::date - current_date, s ->> 'currency', s -> 'suppressed', jsonb_array_length(s -> 'days'), (s #>> '{customers,as_of}')::timestamptz <= clock_timestamp() FROM swipesavvy.get_merchant_analytics(:'cafe') s;

-- --- what is not shown does not follow from what is -----------------------------------------------------------
-- a shop with 12 purchases on each of three days and 3 on a fourth, by as many users
DELETE FROM swipesavvy.geofence_visits;
\set kiosk '00000000-0000-7000-8000-00000000c105'
SELECT swipesavvy.create_merchant('Kiosk', 'Services', merchant_id => :'kiosk') ->> 'name';
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at)
SELECT format('00000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, :'kiosk', 100 * n + day, (current_date - day)::timestamptz FROM (VALUES (1, 3), (2, 14), (3, 12), (4, 13), (40, 25)) v (day, many), generate_series(1, many) n;
SELECT swipesavvy.refresh_merchant_analytics() ->> 'written', pg_temp.threshold(10);
CREATE FUNCTION pg_temp.days(s jsonb) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(coalesce(d ->> 'purchases', '-'), ' ' ORDER BY d ->> 'date') FROM jsonb_array_elements(s -> 'days') d $$;
-- the total less the days that are shown is not the day that is not; a period of that day alone shows nothing; nor do the days before another period
SELECT pg_temp.days(s), s -> 'purchases', s -> 'net_amount', s -> 'suppressed' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 4, current_date - 1) s;
SELECT pg_temp.days(s), s -> 'purchases', s -> 'amount', s -> 'refunded', s -> 'net_amount', s -> 'average_net', s -> 'commission', s -> 'previous', s -> 'suppressed' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 1, current_date - 1) s;
SELECT s -> 'purchases', s -> 'previous' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date, current_date) s;
-- nor does the change tell the period that is not shown
SELECT s -> 'net_amount', s -> 'previous' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 1, current_date - 1) s;
SELECT s -> 'net_amount', s -> 'previous' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 2, current_date - 2) s;
-- two days that are not shown stay two
SELECT pg_temp.days(s) FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 4, current_date) s;
-- of 14 customers in 30 days none is new, of 25 in all: the other part is not shown, either
SELECT (s -> 'customers') - 'as_of' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 4, current_date) s;
SELECT (s -> 'customers') - 'as_of' FROM swipesavvy.get_merchant_analytics(:'kiosk', current_date - 4, current_date, suppress => false) s;
-- ten visits of nine users are visits of nine users
INSERT INTO swipesavvy.geofence_visits (user_id, geofence_id, entered_at) SELECT format('00000000-0000-7000-8000-%s', lpad((1 + n % 9)::text, 12, '0'))::uuid, '00000000-0000-7000-8000-0000000000f1', (current_date - 1)::timestamptz + n * interval '1 minute' FROM generate_series(1, 10) n;
SELECT s -> 'visits' FROM swipesavvy.get_merchant_analytics(:'cafe', current_date - 1, current_date - 1) s;
SELECT s #> '{visits,entered}' FROM swipesavvy.get_merchant_analytics(:'cafe', current_date - 1, current_date - 1, suppress => false) s;
-- an admin alone sees everything, which is recorded
SELECT event_type, resource_id = :'cafe', (details::jsonb #>> '{after,start_date}')::date - current_date, (details::jsonb #>> '{after,currency}') FROM swipesavvy.audit_logs WHERE event_type = 'merchant_analytics.disclose' ORDER BY log_id DESC LIMIT 1;
SET LOCAL ROLE swipesavvy_analytics;
SELECT pg_temp.try(format('get_merchant_analytics(%L, suppress => false)', :'cafe'));
RESET ROLE;
SELECT pg_temp.try(format('get_merchant_analytics(%s)', a)) FROM (VALUES ('NULL'), (quote_literal(:'nobody')), (format('%L, current_date, current_date - 1', :'cafe')), (format('%L, current_date - 366, current_date', :'cafe')), (format('%L, ''infinity''', :'cafe')),
    (format('%L, currency => ''XYZ''', :'cafe'))) v (a);
SELECT pg_temp.try(format('update_system_settings(''{"privacy_threshold": %s}'')', k)) FROM unnest(ARRAY['0', '1001', 'null']) k;
ROLLBACK;
