-- The list of a user's purchases; what a user and a support agent see of purchases, rewards and spending, read directly and by
-- queries; and who may see it. Everything is rolled back.
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
