-- get_user_spending_analytics: sums are compared with SQL that adds up the same table. Everything is rolled back.
\set SHOW_CONTEXT never
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
\set ada 00000000-0000-7000-8000-0000000d0001
\set bob 00000000-0000-7000-8000-0000000d0002
\set eve 00000000-0000-7000-8000-0000000d0003
\set new 00000000-0000-7000-8000-0000000d0004
\set nobody 00000000-0000-7000-8000-0000000dffff
SELECT swipesavvy.create_user(name || '@readers.test', name, user_id => id::uuid) ->> 'name' AS name
  FROM (VALUES ('Ada', :'ada'), ('Bob', :'bob'), ('Eve', :'eve'), ('New', :'new')) u (name, id);
SELECT count(swipesavvy.create_merchant(format('Shop %s', n), c.category, merchant_id => format('00000000-0000-7000-8000-0000000d10%s', lpad(n::text, 2, '0'))::uuid))
  FROM generate_series(0, 15) n JOIN swipesavvy.merchant_categories c ON c.category_no = n % 8 + 1;

SELECT swipesavvy.link_account(:'ada', 'card', '4242', issuer => 'Visa', card_type => 'credit') ->> 'account_id' AS card,
       swipesavvy.link_account(:'ada', 'bank', '0001', bank_name => 'First Bank', account_type => 'checking') ->> 'account_id' AS bank,
       swipesavvy.link_account(:'ada', 'wallet', '0002') ->> 'account_id' AS wallet \gset
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, merchant_id, account_id, occurred_at, status) VALUES
    ('00000000-0000-7000-8000-0000000d2001', :'ada', 1250, 'USD', '00000000-0000-7000-8000-0000000d1000', :'card', '2026-01-01 12:00', 'completed'),
    ('00000000-0000-7000-8000-0000000d2002', :'ada', 12345, 'BHD', '00000000-0000-7000-8000-0000000d1001', :'bank', '2026-01-02 12:00', 'completed'),
    ('00000000-0000-7000-8000-0000000d2003', :'ada', 500, 'JPY', NULL, :'wallet', '2026-01-03 12:00:00.25', 'pending'),
    ('00000000-0000-7000-8000-0000000d2004', :'ada', 700, 'USD', '00000000-0000-7000-8000-0000000d1001', NULL, '2026-01-03 12:00:00.25', 'failed'),
    ('00000000-0000-7000-8000-0000000d2005', :'ada', 0, 'USD', NULL, NULL, '2026-01-05', 'cancelled');
-- points with those of campaigns; the category is that of the time
SELECT swipesavvy.create_campaign('More', 'SEASONAL', offer_type => 'OTHER', bonus_points => 7, start_date => '2026-01-01', target_merchant_id =>
    '00000000-0000-7000-8000-0000000d1002', campaign_id => 'READERS') ->> 'status' AS made, swipesavvy.launch_campaign('READERS') ->> 'status' AS launched;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, merchant_id, occurred_at)
VALUES ('00000000-0000-7000-8000-0000000d2006', :'ada', 4000, 'USD', '00000000-0000-7000-8000-0000000d1002', '2026-01-06');
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-0000000d1002', '{"name": "Renamed", "category": "Services"}') ->> 'category' AS category;
SELECT swipesavvy.unlink_account(:'bank') IS NOT NULL AS unlinked;

-- The same from the table, by the server's own aggregates.
CREATE FUNCTION pg_temp.expected(who uuid, days int, granularity text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH s AS (SELECT (SELECT value #>> '{}' FROM swipesavvy.system_settings WHERE setting = 'timezone') AS tz, c.code, c.minor_unit AS places
                 FROM swipesavvy.currencies c JOIN swipesavvy.system_settings y ON y.setting = 'currency' AND y.value #>> '{}' = c.code),
    today AS (SELECT (now() AT TIME ZONE tz)::date AS d, tz, code, places FROM s),
    p AS (SELECT (t.amount_minor - t.refunded_minor) / 10::numeric ^ places AS amount, t.merchant_id, t.category_no, t.occurred_at AT TIME ZONE tz AS local,
                 (t.occurred_at AT TIME ZONE tz)::date > d - days AS current
            FROM swipesavvy.transactions t, today
           WHERE t.user_id = who AND t.status = 'completed' AND t.currency = code
             AND t.occurred_at >= (d - 2 * days + 1)::timestamp AT TIME ZONE tz AND t.occurred_at < (d + 1)::timestamp AT TIME ZONE tz),
    now_ AS (SELECT * FROM p WHERE current),
    sums AS (SELECT coalesce(sum(amount) FILTER (WHERE current), 0) AS total, count(*) FILTER (WHERE current) AS n,
                    coalesce(sum(amount) FILTER (WHERE NOT current), 0) AS before, min(amount) FILTER (WHERE current) AS least,
                    max(amount) FILTER (WHERE current) AS most,
                    (array_agg(amount ORDER BY amount) FILTER (WHERE current)) AS amounts FROM p),
    unit AS (SELECT CASE granularity WHEN 'daily' THEN 'day' WHEN 'weekly' THEN 'week' ELSE 'month' END AS u),
    periods AS (SELECT DISTINCT date_trunc(u, g)::date AS period FROM unit, today, generate_series(d - days + 1, d::timestamp, '1 day') g)
    SELECT jsonb_build_object('period_days', days, 'total_spent', total, 'transaction_count', n, 'average_transaction', round(total / nullif(n, 0), places),
               'median_transaction', (amounts[(n + 1) / 2] + amounts[n / 2 + 1]) / 2, 'min_transaction', least, 'max_transaction', most,
               'daily_average', round(total / days, places),
               'spending_trend', CASE WHEN total > before * 1.05 THEN 'up' WHEN total < before * 0.95 THEN 'down' ELSE 'stable' END,
               'trend_percentage', round(100 * (total - before) / nullif(before, 0), 2),
               'spending_by_category', (SELECT coalesce(jsonb_object_agg(coalesce(c.category, 'Uncategorized'), v), '{}')
                   FROM (SELECT category_no, jsonb_build_object('amount', sum(amount), 'percentage', round(100 * sum(amount) / nullif(total, 0), 2), 'count', count(*)) v
                           FROM now_ GROUP BY category_no) x LEFT JOIN swipesavvy.merchant_categories c USING (category_no)),
               'top_merchants', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', m.name, 'amount', amount, 'visit_count', visits) ORDER BY amount DESC, visits DESC, merchant_id), '[]')
                   FROM (SELECT merchant_id, sum(amount) AS amount, count(*) AS visits FROM now_ WHERE merchant_id IS NOT NULL GROUP BY merchant_id
                         ORDER BY sum(amount) DESC, count(*) DESC, merchant_id LIMIT 10) x LEFT JOIN swipesavvy.merchants m USING (merchant_id)),
               'series', (SELECT jsonb_agg(jsonb_build_object('period', period, 'amount', coalesce(a, 0), 'count', coalesce(k, 0)) ORDER BY period)
                   FROM periods LEFT JOIN (SELECT date_trunc(u, local)::date AS period, sum(amount) AS a, count(*) AS k FROM now_, unit GROUP BY 1) x USING (period)))
      FROM sums, today
$$;
CREATE FUNCTION pg_temp.differs(who uuid, days int DEFAULT 30, granularity text DEFAULT 'daily') RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(format('%s: %s, not %s', key, got -> key, wanted -> key), E'\n'), 'as expected')
      FROM swipesavvy.get_user_spending_analytics(who, days, granularity) got, pg_temp.expected(who, days, granularity) wanted,
           jsonb_object_keys(got || wanted) key WHERE key <> 'analysis_date' AND got -> key IS DISTINCT FROM wanted -> key
$$;
CREATE FUNCTION pg_temp.spend(who uuid, amounts bigint[], days_ago int DEFAULT 0, more jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
    WITH i AS (INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus, discount_minor,
                                                    refunded_minor, status, currency, category_no, merchant_id, request, decision)
        SELECT gen_random_uuid(), who, a, now() - interval '1 day' * days_ago, now(), 0, 0, 0, coalesce((more ->> 'refunded')::bigint, 0),
               coalesce(more ->> 'status', 'completed')::swipesavvy.purchase_status, coalesce(more ->> 'currency', 'USD'), (more ->> 'category')::smallint,
               (more ->> 'merchant')::uuid, 0, '' FROM unnest(amounts) a RETURNING 1)
    SELECT count(*) FROM i
$$;

-- nobody spent anything; one purchase; an even number with half a cent in the middle; what does not count
SELECT swipesavvy.get_user_spending_analytics(:'new') - '{analysis_date,series}'::text[] AS empty,
       (swipesavvy.get_user_spending_analytics(:'new') ->> 'analysis_date')::timestamptz = now() AS analysed_now,
       jsonb_array_length(swipesavvy.get_user_spending_analytics(:'new') -> 'series') AS days;
SELECT pg_temp.differs(:'new'), pg_temp.differs(:'new', 1), pg_temp.differs(:'new', 365, 'weekly'), pg_temp.differs(:'new', 365, 'monthly');
SELECT pg_temp.spend(:'new', '{1001}', 1, '{"merchant": "00000000-0000-7000-8000-0000000d1003", "category": 4}');
SELECT swipesavvy.get_user_spending_analytics(:'new') - '{analysis_date,series}'::text[] AS one_purchase, pg_temp.differs(:'new');
SELECT pg_temp.spend(:'new', '{1002}', 2), pg_temp.spend(:'new', '{5000}', 3, '{"status": "pending"}'), pg_temp.spend(:'new', '{5000}', 3, '{"status": "failed"}'),
       pg_temp.spend(:'new', '{5000}', 3, '{"status": "cancelled"}'), pg_temp.spend(:'new', '{5000}', 3, '{"currency": "EUR"}');
SELECT swipesavvy.get_user_spending_analytics(:'new') - '{analysis_date,series}'::text[] AS two_purchases, pg_temp.differs(:'new');
SELECT pg_temp.spend(:'new', '{3000}', 4, '{"refunded": 1999}'), pg_temp.spend(:'new', '{3000}', 5, '{"refunded": 3000}'), pg_temp.spend(:'new', '{0}', 6);
SELECT r -> 'total_spent' AS total_spent, r -> 'transaction_count' AS transaction_count, r -> 'median_transaction' AS median_transaction,
       r -> 'min_transaction' AS min_transaction, pg_temp.differs(:'new')
  FROM swipesavvy.get_user_spending_analytics(:'new') r;
-- the trend: 5 per cent are not enough
CREATE TEMP TABLE trends AS SELECT gen_random_uuid() AS id, b.* FROM (VALUES (10000, 10500), (10000, 10501), (10000, 9500), (10000, 9499), (3, 1), (0, 1),
    (0, 0), (1, 9000000000000000000)) b (before, spent);
SELECT count(swipesavvy.create_user(id || '@readers.test', 'T', user_id => id)), sum(pg_temp.spend(id, ARRAY[before], 2)), sum(pg_temp.spend(id, ARRAY[spent]))
  FROM trends;
SELECT before, spent, r ->> 'spending_trend' AS trend, r -> 'trend_percentage' AS percentage
  FROM trends, LATERAL (SELECT swipesavvy.get_user_spending_analytics(id, 2) AS r OFFSET 0) a ORDER BY before, spent;

-- Many purchases over three years, at the first and the last microsecond of days in particular; in zones whose clocks change.
INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus, discount_minor, refunded_minor,
                                     status, currency, category_no, merchant_id, request, decision)
SELECT gen_random_uuid(), :'bob', a, at - shift, now(), 0, 0, 0, CASE WHEN n % 5 = 0 THEN a / 3 ELSE 0 END,
       CASE n % 11 WHEN 3 THEN 'pending' ELSE 'completed' END::swipesavvy.purchase_status, CASE WHEN n % 13 = 5 THEN 'JPY' ELSE 'USD' END,
       m % 8 + 1, format('00000000-0000-7000-8000-0000000d10%s', lpad(m::text, 2, '0'))::uuid, 0, ''
  FROM generate_series(0, 740) n, unnest(ARRAY['America/New_York', 'Asia/Beirut', 'Australia/Lord_Howe', 'Asia/Kathmandu']) tz,
       unnest(ARRAY[interval '0', interval '1 microsecond']) shift,
       LATERAL (SELECT ((now() AT TIME ZONE tz)::date + 1 - n)::timestamp AT TIME ZONE tz AS at, (n * 7919 + length(tz) * 104729) % 10000 AS a,
                       (n * 31 + length(tz)) % 16 AS m OFFSET 0) x;
CREATE FUNCTION pg_temp.differs_with(settings jsonb, who uuid, days int DEFAULT 30, granularity text DEFAULT 'daily') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.update_system_settings(settings);
    RETURN pg_temp.differs(who, days, granularity);
END
$$;
SELECT tz, days, granularity, pg_temp.differs_with(jsonb_build_object('timezone', tz), :'bob', days, granularity)
  FROM unnest(ARRAY['America/New_York', 'Asia/Beirut', 'Australia/Lord_Howe', 'Asia/Kathmandu']) tz,
       (VALUES (1, 'daily'), (30, 'weekly'), (365, 'daily'), (365, 'monthly')) g (days, granularity);
SELECT pg_temp.differs_with('{"currency": "JPY"}', :'bob') AS yen, pg_temp.differs_with('{"currency": "JPY"}', :'bob', 200, 'monthly') AS yen,
       pg_temp.differs_with('{"currency": "BHD"}', :'bob') AS no_dinars, pg_temp.differs_with('{"currency": "USD"}', :'ada', 365) AS dollars,
       pg_temp.differs_with('{"currency": "USD"}', :'eve', 365, 'weekly') AS dollars;

SELECT swipesavvy.get_user_spending_analytics(:'ada', NULL, NULL) ->> 'period_days' AS nulls_are_defaults;
SELECT swipesavvy.get_user_spending_analytics(:'ada', 0);
SELECT swipesavvy.get_user_spending_analytics(:'ada', 366);
SELECT swipesavvy.get_user_spending_analytics(:'ada', granularity => 'hourly');
SELECT swipesavvy.get_user_spending_analytics(NULL);
SELECT swipesavvy.get_user_spending_analytics('00000000-0000-7000-8000-0000000dfffe');
ROLLBACK;
