-- What a user and a support agent see: purchases, rewards, spending. Sums are compared with SQL that adds up the same
-- table. Everything is rolled back.
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

-- --- get_user_transactions -----------------------------------------------------------------

SELECT swipesavvy.get_user_transactions(:'new');

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
SELECT jsonb_pretty(swipesavvy.get_user_transactions(:'ada'));

-- pages: limit and offset, the cursor, a range of time from its start on and before its end
CREATE FUNCTION pg_temp.page(who uuid, page_size int DEFAULT NULL, page_offset int DEFAULT NULL, start_date timestamptz DEFAULT NULL,
                             end_date timestamptz DEFAULT NULL, after text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s of %s%s (%s, %s) %s', (SELECT string_agg(right(t ->> 'transaction_id', 1), '') FROM jsonb_array_elements(r -> 'transactions') t),
                  r ->> 'total', CASE WHEN r ? 'total_capped' THEN '+' END, r ->> 'limit', r ->> 'offset', right(r ->> 'next_cursor', 1))
      FROM swipesavvy.get_user_transactions(who, page_size, page_offset, start_date, end_date, after) r
$$;
SELECT pg_temp.page(:'ada', 2) AS first, pg_temp.page(:'ada', 2, after => '00000000-0000-7000-8000-0000000d2005') AS second,
       pg_temp.page(:'ada', 2, after => '00000000-0000-7000-8000-0000000d2003') AS third, pg_temp.page(:'ada', 2, 4) AS by_offset,
       pg_temp.page(:'ada', 1, 2, after => '00000000-0000-7000-8000-0000000d2006') AS both, pg_temp.page(:'ada', 100, 6) AS beyond;
SELECT pg_temp.page(:'ada', start_date => '2026-01-02 12:00') AS from_start, pg_temp.page(:'ada', end_date => '2026-01-02 12:00') AS before_end,
       pg_temp.page(:'ada', 1, start_date => '2026-01-02', end_date => '2026-01-05') AS between,
       pg_temp.page(:'ada', 1, start_date => '2026-01-02', end_date => '2026-01-05', after => '00000000-0000-7000-8000-0000000d2003') AS next,
       pg_temp.page(:'ada', start_date => '2026-01-02', end_date => '2026-01-02') AS nothing;
-- a walk through ties shows each purchase once, in order; totals are exact without a range and up to 10,000 with one
INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus, discount_minor, status,
                                     currency, request, decision)
SELECT format('00000000-0000-7000-8000-0000%s', lpad((n * 7919 % 10007)::text, 8, '0'))::uuid, :'eve', 100, '2026-02-01'::timestamptz + interval '1 hour' * (n / 40),
       now(), 0, 0, 0, 'completed', 'USD', 0, '' FROM generate_series(1, 10001) n;
UPDATE swipesavvy.reward_accounts SET transaction_count = 10001 WHERE user_id = :'eve';
WITH RECURSIVE pages AS (
    SELECT 1 AS n, swipesavvy.get_user_transactions(:'eve', 100) AS r
    UNION ALL
    SELECT n + 1, swipesavvy.get_user_transactions(:'eve', 100, after => r ->> 'next_cursor') FROM pages WHERE r ->> 'next_cursor' IS NOT NULL)
SELECT max(n) AS pages, count(*) AS rows, min(r ->> 'total') AS total, bool_or(r ? 'total_capped') AS capped,
       array_agg((t.value ->> 'transaction_id')::uuid ORDER BY n, t.ordinality)
       = (SELECT array_agg(transaction_id ORDER BY occurred_at DESC, transaction_id DESC) FROM swipesavvy.transactions WHERE user_id = :'eve') AS in_order
  FROM pages, jsonb_array_elements(r -> 'transactions') WITH ORDINALITY t;
SELECT pg_temp.page(:'eve', 1, start_date => '2026-01-01') AS ten_thousand_and_one,
       pg_temp.page(:'eve', 1, start_date => '2026-02-01 01:00') AS less, pg_temp.page(:'eve', 1, 10000) AS last;

-- what is refused
SELECT swipesavvy.get_user_transactions(NULL);
SELECT swipesavvy.get_user_transactions(:'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.get_user_transactions(:'ada', 0);
SELECT swipesavvy.get_user_transactions(:'ada', 101);
SELECT swipesavvy.get_user_transactions(:'ada', page_offset => -1);
SELECT swipesavvy.get_user_transactions(:'ada', start_date => '2026-01-02', end_date => '2026-01-01');
SELECT swipesavvy.get_user_transactions(:'ada', start_date => 'infinity');
SELECT swipesavvy.get_user_transactions(:'ada', after => 'x');
SELECT swipesavvy.get_user_transactions(:'bob', after => '00000000-0000-7000-8000-0000000d2005');

-- --- get_user_rewards ------------------------------------------------------------------------

SELECT swipesavvy.get_user_rewards(:'new');
SELECT r - 'recent_point_transactions' AS rewards, jsonb_array_length(r -> 'recent_point_transactions') AS entries FROM swipesavvy.get_user_rewards(:'ada') r;
SELECT e ->> 'kind' AS kind, e -> 'points' AS points, right(e ->> 'transaction_id', 4) AS purchase, e -> 'reason' AS reason,
       (e ->> 'timestamp')::timestamptz = p.recorded_at AS at, (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(e) k) AS keys
  FROM jsonb_array_elements(swipesavvy.get_user_rewards(:'ada') -> 'recent_point_transactions') WITH ORDINALITY t (e, n)
  JOIN swipesavvy.points_entries p ON p.entry_id = (e ->> 'entry_id')::uuid ORDER BY n;
-- the ten newest; what leaves the user's points is negative
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, reason)
SELECT :'bob', format('00000000-0000-7000-8000-0000000d30%s', lpad(n::text, 2, '0'))::uuid, n, now(), k[1]::swipesavvy.entry_kind,
       k[2]::swipesavvy.ledger_account, k[3]::swipesavvy.ledger_account, 'n ' || n
  FROM unnest(ARRAY['earn issuance pending', 'settle pending available', 'decline pending issuance', 'refund available issuance', 'redeem available redemption',
                    'donate available donation', 'expire available expiry', 'adjust issuance available', 'adjust available issuance',
                    'referral issuance available', 'bonus issuance available']) WITH ORDINALITY e (what, n), string_to_array(what, ' ') k;
SELECT string_agg(format('%s %s', e ->> 'kind', e ->> 'points'), ', ' ORDER BY n) AS entries
  FROM jsonb_array_elements(swipesavvy.get_user_rewards(:'bob') -> 'recent_point_transactions') WITH ORDINALITY t (e, n);
-- tiers: the one held; what is missing to the next; benefits are the multiplier as it is now, and what the admin says
CREATE FUNCTION pg_temp.tier(who uuid, tier text, lifetime bigint, until timestamptz) RETURNS jsonb LANGUAGE sql AS $$
    UPDATE swipesavvy.reward_accounts SET tier = $2, lifetime_points = $3, tier_until = $4 WHERE user_id = who;
    SELECT r - '{points_balance,points_pending,points_expiry_date,active_boosts,recent_point_transactions}'::text[] FROM swipesavvy.get_user_rewards(who) r;
$$;
SELECT v.*, pg_temp.tier(:'bob', v.tier, v.lifetime, v.until) AS rewards
  FROM (VALUES ('bronze', 1999, NULL), ('silver', 2000, NULL), ('gold', 4000, '2100-01-01'::timestamptz), ('gold', 4000, '2020-01-01'),
               ('platinum', 10000, NULL), ('bronze', 2500, NULL), ('gone', 6000, NULL)) v (tier, lifetime, until);
SELECT swipesavvy.update_tiers('[{"tier": "bronze", "threshold": 0, "multiplier": 1.05},
    {"tier": "gold", "threshold": 300, "multiplier": 3, "benefits": ["lounge", "a \"free\" coffee"]}]') IS NOT NULL AS changed;
SELECT pg_temp.tier(:'bob', 'bronze', 100, NULL) AS rewards UNION ALL SELECT pg_temp.tier(:'bob', 'gold', 400, NULL);
-- boosts: activated, not deactivated, begun and not over
SELECT swipesavvy.create_boost(name, multiplier, category, starts_at, expires_at, id::uuid) ->> 'name' AS boost,
       (swipesavvy.activate_boost(:'bob', id::uuid)) -> 'active' AS active
  FROM (VALUES ('for all', 1.5, NULL, now() - interval '1 day', NULL, '00000000-0000-7000-8000-0000000d4001'),
               ('coffee', 2.125, 'Restaurants & Cafes', now(), '2100-01-01'::timestamptz, '00000000-0000-7000-8000-0000000d4002'),
               ('over', 3, NULL, now() - interval '2 days', now(), '00000000-0000-7000-8000-0000000d4003'),
               ('not yet', 3, NULL, now() + interval '1 second', NULL, '00000000-0000-7000-8000-0000000d4004'),
               ('deactivated', 3, NULL, now() - interval '2 days', NULL, '00000000-0000-7000-8000-0000000d4005')) b (name, multiplier, category, starts_at, expires_at, id);
SELECT swipesavvy.deactivate_boost(:'bob', '00000000-0000-7000-8000-0000000d4005') -> 'active' AS active;
SELECT swipesavvy.get_user_rewards(:'bob') -> 'active_boosts' AS active_boosts;
-- the oldest points that are left expire first: 24 months after the end of their month in the programme's time zone
CREATE FUNCTION pg_temp.expiry(who uuid, settings jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.update_system_settings(settings);
    RETURN swipesavvy.get_user_rewards(who) ->> 'points_expiry_date';
END
$$;
SELECT swipesavvy.create_user('x@readers.test', 'X', user_id => :'nobody') ->> 'name' AS name, pg_temp.expiry(:'nobody') AS none;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency, occurred_at, status)
VALUES (:'nobody', 1000, 'USD', '2025-01-31 23:30', 'pending'), (:'nobody', 1000, 'USD', '2025-02-28 23:30', 'completed'),
       (:'nobody', 1000, 'USD', '2025-12-31 23:30', 'completed'), (:'nobody', 50, 'USD', '2025-01-01', 'completed');
SELECT pg_temp.expiry(:'nobody') AS of_february, pg_temp.expiry(:'nobody', '{"timezone": "Europe/Berlin"}') AS of_march_in_berlin,
       pg_temp.expiry(:'nobody', '{"points_expiry_months": 1}') AS a_month, pg_temp.expiry(:'nobody', '{"points_expiry_months": 10}') AS ten,
       pg_temp.expiry(:'nobody', '{"points_expiry_months": 0}') AS never, pg_temp.expiry(:'nobody', '{"timezone": "UTC", "points_expiry_months": 24}') AS of_february;
-- what was taken is not left: part of the oldest, all of it, all there is
UPDATE swipesavvy.reward_accounts SET points_debited = 9 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_february;
UPDATE swipesavvy.reward_accounts SET points_debited = 10 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_december;
UPDATE swipesavvy.reward_accounts SET lot_at = '2025-12-01', lot_before = 10 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_december;
UPDATE swipesavvy.reward_accounts SET points_debited = 20, points_available = 0 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS none;
-- other credits are as old as their entries, and are used up in the order of time with the purchases
CREATE FUNCTION pg_temp.credit(at timestamptz, points bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
    VALUES ('00000000-0000-7000-8000-0000000dffff', (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(points::text, 15, '0'))::uuid,
            points, at, 'adjust', 'issuance', 'available') RETURNING points;
$$;
UPDATE swipesavvy.reward_accounts SET points_debited = 0, points_available = 40, lot_at = '-infinity', lot_before = 0 WHERE user_id = :'nobody';
SELECT pg_temp.credit('2025-01-15', 5), pg_temp.credit('2025-06-15', 7), pg_temp.credit('2026-03-15', 8);
CREATE FUNCTION pg_temp.expiry_after(debited bigint) RETURNS text LANGUAGE sql AS $$
    UPDATE swipesavvy.reward_accounts SET points_debited = debited WHERE user_id = '00000000-0000-7000-8000-0000000dffff';
    SELECT pg_temp.expiry('00000000-0000-7000-8000-0000000dffff');
$$;
SELECT debited, pg_temp.expiry_after(debited) FROM unnest(ARRAY[0, 4, 5, 14, 15, 21, 22, 31, 32, 39, 40]) debited;
SELECT swipesavvy.get_user_rewards(NULL);
SELECT swipesavvy.get_user_rewards('00000000-0000-7000-8000-0000000dfffe');

-- --- get_user_spending_analytics ---------------------------------------------------------------

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

-- --- tables read directly, and by queries: the same ------------------------------------------------

SELECT count(swipesavvy.adjust_points(:'ada', points, 'by hand ' || points)) AS adjusted FROM unnest(ARRAY[30, -20, 5]) points;
SELECT swipesavvy.create_boost(name, multiplier, category) ->> 'boost_id' IS NOT NULL AS made
  FROM (VALUES ('All', 1.5, NULL), ('Services', 3, 'Services'), ('Twin', 1.5, NULL), ('Left', 2, NULL)) b (name, multiplier, category);
SELECT count(swipesavvy.activate_boost(:'ada', boost_id)) AS activated FROM swipesavvy.boosts WHERE name IN ('All', 'Services', 'Twin', 'Left');
SELECT swipesavvy.deactivate_boost(:'ada', boost_id) IS NOT NULL AS deactivated FROM swipesavvy.boosts WHERE name = 'Left';
CREATE FUNCTION pg_temp.answers() RETURNS TABLE (who uuid, what text, answer text) LANGUAGE sql AS $$
    SELECT u.user_id, what, answer::text FROM swipesavvy.users u,
        LATERAL (SELECT swipesavvy.get_user_transactions(u.user_id, 3) ->> 'next_cursor' AS next) c,
        LATERAL (VALUES ('profile', swipesavvy.get_user_profile(u.user_id)), ('rewards', swipesavvy.get_user_rewards(u.user_id)),
                 ('purchases', swipesavvy.get_user_transactions(u.user_id)), ('more', swipesavvy.get_user_transactions(u.user_id, 4, 1, after => c.next)),
                 ('range', swipesavvy.get_user_transactions(u.user_id, 5, 2, '2026-01-02', '2026-02-03')),
                 ('spent', swipesavvy.get_user_spending_analytics(u.user_id, 365, 'weekly'))) v (what, answer)
     WHERE u.name IN ('Ada', 'Eve', 'New')
$$;
CREATE TEMP TABLE directly AS SELECT * FROM pg_temp.answers();
SET LOCAL swipesavvy.direct_tables = off;
CREATE TEMP TABLE planned AS SELECT * FROM pg_temp.answers();
SET LOCAL swipesavvy.direct_tables = on;
SELECT count(*) AS answers, count(DISTINCT d.answer) AS different, bool_and(d.answer = p.answer) AS the_same
  FROM directly d FULL JOIN planned p USING (who, what);
SELECT boost ->> 'name' AS boost, boost ->> 'multiplier' AS multiplier
  FROM directly, jsonb_array_elements(answer::jsonb -> 'active_boosts') boost WHERE who = :'ada' AND what = 'rewards';
-- an index that is not the extension's has the executor read instead
SAVEPOINT another_index;
DROP INDEX swipesavvy.transactions_user;
CREATE INDEX transactions_user ON swipesavvy.transactions (user_id, occurred_at DESC, transaction_id);
SELECT count(*) AS answers, bool_and(d.answer = p.answer) AS the_same FROM directly d FULL JOIN pg_temp.answers() p USING (who, what);
ROLLBACK TO another_index;

-- --- who may; and a transaction that must not write ------------------------------------------------

SET LOCAL ROLE swipesavvy_customer;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000d0001"}';
SELECT swipesavvy.get_user_transactions(:'ada') -> 'total' AS own, swipesavvy.get_user_rewards(:'ada') ? 'tier' AS own,
       swipesavvy.get_user_spending_analytics(:'ada') ? 'series' AS own;
SELECT swipesavvy.get_user_transactions(:'bob');
SELECT swipesavvy.get_user_rewards(:'bob');
SELECT swipesavvy.get_user_spending_analytics(:'bob');
SET LOCAL ROLE swipesavvy_support;
SELECT swipesavvy.get_user_transactions(:'ada') -> 'total' AS support, swipesavvy.get_user_rewards(:'ada') ? 'tier' AS support;
SELECT swipesavvy.get_user_spending_analytics(:'ada');
RESET ROLE;
ROLLBACK;

\set ada 00000000-0000-7000-8000-0000000d0009
SELECT swipesavvy.create_user('read@readers.test', 'Reader', user_id => :'ada') ->> 'name' AS name;
BEGIN READ ONLY;
SELECT swipesavvy.get_user_transactions(:'ada') -> 'total' AS total, swipesavvy.get_user_rewards(:'ada') ->> 'tier' AS tier,
       swipesavvy.get_user_spending_analytics(:'ada') -> 'total_spent' AS total_spent, swipesavvy.get_user_profile(:'ada') ->> 'name' AS name,
       swipesavvy.get_user_accounts(:'ada') -> 'count' AS accounts;
-- nor can what writes do it there past the executor
SAVEPOINT written;
SELECT swipesavvy.record_transaction(:'ada', 5);
ROLLBACK TO written;
SELECT swipesavvy.adjust_points(:'ada', 5, 'no');
ROLLBACK TO written;
COMMIT;
