-- The views of merchants for BI tools: figures as get_merchant_analytics and plain SQL have them, whose favourites they are, and what is near.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
SET LOCAL timezone = 'UTC';
\set cafe '00000000-0000-7000-8000-00000000cafe'
\set shop '00000000-0000-7000-8000-000000005409'
\set idle '00000000-0000-7000-8000-0000000001d1'
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => :'cafe') ->> 'name', swipesavvy.create_merchant('Shop', 'Services', merchant_id => :'shop') ->> 'name', swipesavvy.create_merchant('Idle', 'Services', merchant_id => :'idle') ->> 'name';
SELECT count(swipesavvy.create_user(format('user%s@example.com', n), 'User', user_id => format('00000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid)) FROM generate_series(1, 5) n;
SAVEPOINT unbuilt;
SELECT count(*) FROM swipesavvy.merchant_network_performance;
ROLLBACK TO unbuilt;
SELECT swipesavvy.rebuild_analytics() ->> 'generation';
-- two currencies, some pending, some refunded; the idle merchant sold something once, long ago
INSERT INTO swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, currency, status, occurred_at)
SELECT format('20000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, format('00000000-0000-7000-8000-%s', lpad((1 + n * n % 5)::text, 12, '0'))::uuid, CASE WHEN n % 4 = 0 THEN :'shop' ELSE :'cafe' END::uuid, n * 7919 % 10007 + 1,
       CASE n % 7 WHEN 5 THEN 'JPY' ELSE 'USD' END, CASE n % 11 WHEN 3 THEN 'pending' ELSE 'completed' END, (current_date - n * 3)::timestamptz + interval '9 hours' FROM generate_series(0, 140) n;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) SELECT '00000000-0000-7000-8000-000000000001', :'idle', 500, (current_date - 400)::timestamptz;
SELECT count(swipesavvy.refund_transaction(format('20000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, CASE WHEN n % 2 = 0 THEN NULL ELSE 0 + 1 END)) FROM unnest('{2,8,9,27,49,57}'::int[]) n;
INSERT INTO swipesavvy.merchant_partnerships (merchant_id, version, tier, rate_milli, starts_on, ends_on) VALUES (:'cafe', 1, 'trial', 1333, current_date - 200, current_date - 15), (:'cafe', 2, 'premium', 3777, current_date - 10, NULL), (:'shop', 1, 'standard', 12345, current_date - 300, current_date - 1);
SELECT swipesavvy.add_merchant_location(:'cafe', lat, lon, city => city) ->> 'city' FROM (VALUES (52.5163, 13.3777, 'Berlin'), (48.8584, 2.2945, 'Paris'), (-16.4332, 179.36451, 'Labasa')) v (lat, lon, city);
SELECT swipesavvy.remove_merchant_location((SELECT location_id FROM swipesavvy.merchant_locations WHERE city = 'Labasa')) -> 'is_active';
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => '2020-01-01', target_merchant_id => :'cafe')) FROM unnest('{PV-1,PV-2}'::text[]) id;
SELECT swipesavvy.launch_campaign('PV-1') ->> 'status';
SELECT swipesavvy.rate_merchant('00000000-0000-7000-8000-000000000001', :'cafe', 5) -> 'rating';

-- --- how they fare -----------------------------------------------------------------------------------
\pset tuples_only off
\pset format aligned
SELECT name, category, is_active, locations, tier, commission_rate, currency, purchases_30_days AS p30, net_amount_30_days AS n30, average_net_30_days AS a30, commission_30_days AS c30, purchases_365_days AS p365, net_amount_365_days AS n365,
       rating, rating_count AS rated, running_campaigns AS running, current_date - last_purchase_day AS days_ago FROM swipesavvy.merchant_network_performance
 WHERE merchant_id IN (:'cafe', :'shop', :'idle') ORDER BY name, currency;
-- the figures of 30 days are those of get_merchant_analytics, those of 365 what is stored; folded or not
CREATE TEMP VIEW wrong AS
SELECT p.name, p.currency FROM swipesavvy.merchant_network_performance p CROSS JOIN LATERAL swipesavvy.get_merchant_analytics(p.merchant_id, currency => p.currency, suppress => false) s
 CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(t.amount_minor - t.refunded_minor), 0) AS net FROM swipesavvy.transactions t WHERE t.merchant_id = p.merchant_id AND t.currency = p.currency AND t.status = 'completed' AND t.occurred_at >= (current_date - 364)::timestamptz) y
 WHERE (p.purchases_30_days, p.net_amount_30_days, p.average_net_30_days, p.commission_30_days) IS DISTINCT FROM ((s ->> 'purchases')::bigint, (s ->> 'net_amount')::numeric, (s ->> 'average_net')::numeric, (s ->> 'commission')::numeric)
    OR (p.purchases_365_days, p.net_amount_365_days) IS DISTINCT FROM (y.n, y.net / CASE p.currency WHEN 'JPY' THEN 1 ELSE 100 END)
    OR p.last_purchase_day IS DISTINCT FROM (SELECT max(t.occurred_at AT TIME ZONE 'UTC')::date FROM swipesavvy.transactions t WHERE t.merchant_id = p.merchant_id AND t.status = 'completed');
SELECT count(*) FROM wrong;
SELECT swipesavvy.fold_analytics() ->> 'folded' <> '0' AS folded;
SELECT count(*) FROM wrong;
-- whoever may read it
SET LOCAL ROLE swipesavvy_analytics;
SELECT count(*) > 4 AS figures FROM swipesavvy.merchant_network_performance;
SELECT count(*) > 0 AS favourites FROM swipesavvy.user_favorite_merchants_view;
SELECT count(*) > 2 AS places FROM swipesavvy.nearby_merchants_view;
RESET ROLE;
SAVEPOINT refused;
SET LOCAL ROLE swipesavvy_customer;
SELECT count(*) FROM swipesavvy.user_favorite_merchants_view;
ROLLBACK TO refused;

-- --- favourites -----------------------------------------------------------------------------------------
SELECT right(user_id::text, 1) AS "user", name, category, visits, net_amount, currency, last_visit_at = (SELECT max(t.occurred_at) FROM swipesavvy.transactions t WHERE t.user_id = v.user_id AND t.merchant_id = v.merchant_id AND t.currency = v.currency AND t.status = 'completed' AND t.refunded_minor < t.amount_minor) AS last, user_rating, rank
  FROM swipesavvy.user_favorite_merchants_view v ORDER BY user_id, rank;
SELECT count(*) AS wrong FROM swipesavvy.user_favorite_merchants_view v WHERE (visits, net_amount) IS DISTINCT FROM
    (SELECT (count(*), sum(t.amount_minor - t.refunded_minor) / CASE v.currency WHEN 'JPY' THEN 1 ELSE 100.00 END) FROM swipesavvy.transactions t WHERE t.user_id = v.user_id AND t.merchant_id = v.merchant_id AND t.currency = v.currency AND t.status = 'completed' AND t.refunded_minor < t.amount_minor);
-- as often here as there: the greater amount, as it is shown, comes first
SAVEPOINT as_often;
SELECT swipesavvy.create_user('eve@example.com', 'Eve', user_id => '00000000-0000-7000-8000-0000000000ee') ->> 'name';
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-0000000000ee', a, c, m::uuid) ->> 'status' FROM (VALUES (20.00, 'USD', :'shop'), (1000, 'JPY', :'cafe'), (30.00, 'USD', :'idle')) v (a, c, m);
SELECT name, visits, net_amount, currency, rank FROM swipesavvy.user_favorite_merchants_view WHERE user_id = '00000000-0000-7000-8000-0000000000ee' ORDER BY rank;
ROLLBACK TO as_often;
-- of one user only that user's purchases are read
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN NEXT line;
    END LOOP;
END
$$;
SET LOCAL enable_seqscan = off;
SELECT bool_or(l ~ ' transactions_\w') AS by_an_index, bool_or(l ~ 'Index Cond: \(user_id = ') AS of_that_user, bool_or(l ~ 'Seq Scan on transactions') AS all_of_them
  FROM pg_temp.plan($$SELECT * FROM swipesavvy.user_favorite_merchants_view WHERE user_id = '00000000-0000-7000-8000-000000000001'$$) l;

-- --- what is near ----------------------------------------------------------------------------------------
SELECT name, location_name, latitude, longitude, city, country, rating, rating_count, is_active FROM swipesavvy.nearby_merchants_view WHERE merchant_id = :'cafe' ORDER BY latitude;
SELECT city, round((position <-> swipesavvy.place_position(3871000, 921000, 4970000))::numeric / 1000) AS chord_km FROM swipesavvy.nearby_merchants_view WHERE is_active ORDER BY position <-> swipesavvy.place_position(3871000, 921000, 4970000) LIMIT 5;
SET LOCAL enable_sort = off;
SELECT trim(l) AS from_the_index FROM pg_temp.plan('SELECT city FROM swipesavvy.nearby_merchants_view WHERE is_active ORDER BY position <-> swipesavvy.place_position(3871000, 921000, 4970000) LIMIT 5') l WHERE l ~ 'merchant_locations|Sort';
ROLLBACK;
