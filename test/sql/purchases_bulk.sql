-- Purchases in bulk: INSERT and COPY into the view purchases, and record_transactions. What earns what is in purchases.sql;
-- here it is the order, the whole or nothing, and statements within statements.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SET timezone = 'UTC';
SET datestyle = ISO;
\set ann '00000000-0000-7000-8000-0000b0000001'
\set bob '00000000-0000-7000-8000-0000b0000002'
\set cat '00000000-0000-7000-8000-0000b0000003'
\set nobody '00000000-0000-7000-8000-0000b000ffff'
\set shop '00000000-0000-7000-8000-0000b0000010'
\set wide '00000000-0000-7000-8000-0000b0000011'
BEGIN;
SELECT count(swipesavvy.create_user(n || '@bulk.test', n, user_id => id::uuid)) FROM (VALUES ('ann', :'ann'), ('bob', :'bob'), ('cat', :'cat')) v (n, id);
SELECT count(swipesavvy.create_merchant('bulk', 'Services', merchant_id => id::uuid)) FROM (VALUES (:'shop'), (:'wide')) v (id);
-- the first two purchases get a dollar each, a third would not fit
SELECT swipesavvy.create_campaign('B', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'B-TWO', target_merchant_id => :'shop', budget => 2.50) ->> 'status' AS status,
       swipesavvy.launch_campaign('B-TWO') ->> 'status' AS status;
CREATE FUNCTION pg_temp.bought() RETURNS TABLE (who text, amount bigint, at timestamptz, status text, points bigint, discount bigint) LANGUAGE sql AS $$
    SELECT u.name, p.amount_minor, p.occurred_at, p.status, p.points_earned, p.discount_minor
      FROM swipesavvy.purchases p JOIN swipesavvy.users u USING (user_id) WHERE u.email LIKE '%@bulk.test' ORDER BY p.occurred_at, p.transaction_id
$$;
SAVEPOINT setup;

-- INSERT: what RETURNING shows is known before anything is awarded -------------------------------------------------------
SET LOCAL ROLE swipesavvy_backend;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor) VALUES (:'ann', :'shop', 1250)
    RETURNING transaction_id IS NOT NULL AS has_id, user_id, currency, status, occurred_at = now() AS now, refunded_minor;
INSERT INTO swipesavvy.purchases SELECT * FROM swipesavvy.purchases WHERE false;
RESET ROLE;
SELECT who, amount, points, discount FROM pg_temp.bought();
ROLLBACK TO setup;

-- the order is that of (occurred_at, transaction_id), however the rows come; made ids ascend as they come ------------------
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES
    (:'ann', :'shop', 400, '2026-03-03'), (:'bob', :'shop', 300, '2026-03-02'), (:'cat', :'shop', 200, '2026-03-02'), (:'ann', :'shop', 100, '2026-03-01');
SELECT * FROM pg_temp.bought();
ROLLBACK TO setup;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, occurred_at) VALUES
    ('00000000-0000-7000-8000-0000b00000a3', :'ann', :'shop', 300, '2026-03-01'), ('00000000-0000-7000-8000-0000b00000a1', :'bob', :'shop', 100, '2026-03-01'),
    ('00000000-0000-7000-8000-0000b00000a2', :'cat', :'shop', 200, '2026-03-01');
SELECT * FROM pg_temp.bought();
ROLLBACK TO setup;
-- each sees the tier that the one before left, in one statement as in three
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at)
    SELECT :'ann'::uuid, amount, timestamptz '2026-03-01' + n * interval '1 minute' FROM (VALUES (1, 200000), (2, 1000), (3, 400000), (4, 1000)) v (n, amount) ORDER BY n DESC;
SELECT amount, points FROM pg_temp.bought();
ROLLBACK TO setup;

-- COPY ---------------------------------------------------------------------------------------------------------------------
SET LOCAL ROLE swipesavvy_backend;
COPY swipesavvy.purchases (user_id, merchant_id, amount_minor, currency, status, occurred_at, idempotency_key, metadata) FROM stdin (FORMAT csv);
00000000-0000-7000-8000-0000b0000002,,99,JPY,,2026-03-03,,
00000000-0000-7000-8000-0000b0000001,00000000-0000-7000-8000-0000b0000010,500,USD,pending,2026-03-02,k1,"{""shipping_amount"": 1.5}"
00000000-0000-7000-8000-0000b0000001,00000000-0000-7000-8000-0000b0000010,500,,failed,2026-03-01,k2,
\.
RESET ROLE;
SELECT * FROM pg_temp.bought();
COPY swipesavvy.purchases (user_id, amount_minor) FROM stdin;
\.
-- one bad row, and nothing is recorded
COPY swipesavvy.purchases (user_id, amount_minor) FROM stdin (FORMAT csv);
00000000-0000-7000-8000-0000b0000002,1
00000000-0000-7000-8000-0000b000ffff,1
\.
COPY swipesavvy.purchases (user_id, amount_minor) FROM stdin (FORMAT csv);
00000000-0000-7000-8000-0000b0000002,1
00000000-0000-7000-8000-0000b0000002,-1
\.
SELECT count(*) FROM pg_temp.bought();
ROLLBACK TO setup;

-- statements within statements -------------------------------------------------------------------------------------------------
WITH one AS (INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'ann', 100, '2026-03-01') RETURNING transaction_id)
SELECT count(*) AS returned, (SELECT count(*) FROM swipesavvy.transactions t WHERE t.transaction_id IN (TABLE one)) AS not_yet_there FROM one;
-- two in one statement are one collection: their rows are processed in one order
WITH one AS (INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'ann', :'shop', 200, '2026-03-02'), (:'bob', :'shop', 400, '2026-03-04')),
     two AS (INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'bob', :'shop', 300, '2026-03-03') RETURNING 1)
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) SELECT :'cat'::uuid, :'shop'::uuid, 100, timestamptz '2026-03-01' FROM two;
SELECT * FROM pg_temp.bought();
ROLLBACK TO setup;
-- a function that itself inserts: its purchase is recorded by the time it returns, before the outer ones
CREATE FUNCTION pg_temp.insert_one(who uuid, amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (who, amount, '2026-03-01');
    RETURN (SELECT sum(points) FROM pg_temp.bought());
END
$$;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at)
    SELECT :'ann'::uuid, 1000 * pg_temp.insert_one(who::uuid, amount), timestamptz '2026-03-02' + n * interval '1 day'
      FROM (VALUES (1, :'bob', 700), (2, :'cat', 200)) v (n, who, amount)
    RETURNING amount_minor;
SELECT * FROM pg_temp.bought();
ROLLBACK TO setup;
-- one that fails in it, on a row or in the engine, leaves the outer rows alone
CREATE FUNCTION pg_temp.try_one(who uuid, amount bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (who, 100, '2026-03-01'), (who, amount, '2026-03-01');
    RETURN 'recorded';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key, occurred_at)
    SELECT :'ann'::uuid, amount, 'inner ' || pg_temp.try_one(who::uuid, amount - 2) || ' ' || n, '2026-03-02'
      FROM (VALUES (1, :'bob', 300), (2, :'bob', 1), (3, :'nobody', 500), (4, :'cat', 700)) v (n, who, amount)
    RETURNING amount_minor, idempotency_key;
SELECT * FROM pg_temp.bought();
-- after a statement that failed on a row, in the engine, or because of its source, the next one starts afresh
SELECT pg_temp.try_one(:'cat', -1) AS row, pg_temp.try_one(:'nobody', 1) AS engine, pg_temp.try_one(:'cat', 1) AS then_a_good_one;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT :'cat'::uuid, 1 / (3 - n) FROM generate_series(1, 3) n;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'cat', 5, '2026-03-09');
SELECT * FROM pg_temp.bought() WHERE who = 'cat';
ROLLBACK TO setup;
-- a savepoint that is rolled back takes its purchases, their awards and what they took of budgets with it
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'ann', :'shop', 100, '2026-03-01');
SAVEPOINT inner_one;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'bob', :'shop', 200, '2026-03-02');
ROLLBACK TO inner_one;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'cat', :'shop', 300, '2026-03-03'), (:'cat', :'shop', 400, '2026-03-04');
SELECT * FROM pg_temp.bought();
SELECT swipesavvy.get_campaign('B-TWO') -> 'spent' AS spent;
ROLLBACK TO setup;

-- what is refused, whole -----------------------------------------------------------------------------------------------------------
INSERT INTO swipesavvy.purchases (user_id, amount_minor, points_base) VALUES (:'ann', 1, 5);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO swipesavvy.purchases (user_id, amount_minor, recorded_at) VALUES (:'ann', 1, now());
INSERT INTO swipesavvy.purchases (user_id, amount_minor, refunded_minor) VALUES (:'ann', 1, 0);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key, transaction_id) VALUES (:'ann', 100, 'k1', '00000000-0000-7000-8000-0000b00000b1');
UPDATE swipesavvy.purchases SET amount_minor = 0 WHERE user_id = :'ann';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM swipesavvy.purchases WHERE user_id = :'ann';
\echo :LAST_ERROR_SQLSTATE
TRUNCATE swipesavvy.purchases;
-- duplicates: with what is there, within the statement, of another user
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key) VALUES (:'bob', 1, NULL), (:'ann', 100, 'k1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key) VALUES (:'bob', 1, 'k9'), (:'bob', 1, 'k9');
\echo :LAST_ERROR_SQLSTATE
SET LOCAL swipesavvy.direct_tables = off;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key) VALUES (:'bob', 1, NULL), (:'ann', 100, 'k1');
SET LOCAL swipesavvy.direct_tables = on;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, transaction_id) VALUES (:'ann', 1, '00000000-0000-7000-8000-0000b00000b1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO swipesavvy.purchases (user_id, amount_minor, transaction_id) VALUES (:'bob', 1, '00000000-0000-7000-8000-0000b00000b1');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, transaction_id) VALUES (:'ann', 1, '00000000-0000-7000-8000-0000b00000b2'), (:'bob', 1, '00000000-0000-7000-8000-0000b00000b2');
\echo :LAST_ERROR_SQLSTATE
-- ON CONFLICT is refused: whether there is a conflict is not known before the statement ends
INSERT INTO swipesavvy.purchases (user_id, amount_minor, transaction_id) VALUES (:'ann', 1, '00000000-0000-7000-8000-0000b00000b1') ON CONFLICT DO NOTHING;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, transaction_id) VALUES (:'ann', 1, '00000000-0000-7000-8000-0000b00000b1') ON CONFLICT (transaction_id) DO UPDATE SET amount_minor = 2;
INSERT INTO swipesavvy.purchases AS p (user_id, amount_minor) VALUES (:'ann', 1) ON CONFLICT (transaction_id) DO NOTHING RETURNING p.*;
-- RETURNING of what is computed when the statement ends is refused, and is not null; each such column, and all of them
SAVEPOINT asked;
CREATE FUNCTION pg_temp.returning(what text, who uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('INSERT INTO swipesavvy.purchases AS p (user_id, amount_minor) VALUES (%L, 1), (%L, 2) RETURNING %s', who, who, what);
    RETURN 'recorded';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || detail;
END
$$;
SELECT what, pg_temp.returning(what, :'ann') FROM unnest(ARRAY['*', 'p.*', '1', 'row_to_json(p)', 'amount_minor + coalesce(points_bonus, 0)', 'CASE WHEN amount_minor = 2 THEN points_base END',
    'CASE WHEN amount_minor = 3 THEN points_base END']) WITH ORDINALITY w (what, n) ORDER BY n;
SELECT column_name, pg_temp.returning(quote_ident(column_name), :'ann') FROM information_schema.columns WHERE table_schema = 'swipesavvy' AND table_name = 'purchases' ORDER BY ordinal_position;
SELECT amount_minor, count(*) AS recorded FROM swipesavvy.purchases WHERE user_id = :'ann' AND amount_minor < 3 GROUP BY amount_minor ORDER BY amount_minor;
SET LOCAL ROLE swipesavvy_backend;
WITH made AS (INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1) RETURNING *) SELECT points_earned FROM made;
PREPARE asked AS INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ($1, 1) RETURNING points_earned;
EXECUTE asked (:'ann');
RESET ROLE;
DEALLOCATE asked;
SET LOCAL ROLE swipesavvy_analytics;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1);
SET LOCAL ROLE swipesavvy_backend;
INSERT INTO swipesavvy.purchases_door (user_id, amount_minor) VALUES (:'ann', 1);
RESET ROLE;
ROLLBACK TO asked;
-- unknown references
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1), (:'nobody', 1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO swipesavvy.purchases (user_id, amount_minor, merchant_id) VALUES (:'ann', 1, :'shop'), (:'ann', 1, :'nobody');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO swipesavvy.accounts (user_id, account_id, type, last_four) VALUES (:'bob', :'nobody', 'card', '4242');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, account_id) VALUES (:'bob', 1, :'nobody'), (:'ann', 1, :'nobody');
\echo :LAST_ERROR_SQLSTATE
-- values: each rule of purchase.c by this door
INSERT INTO swipesavvy.purchases (user_id) VALUES (:'ann');
INSERT INTO swipesavvy.purchases (amount_minor) VALUES (1);
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', -1);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency) VALUES (:'ann', 1, 'XAU');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, status) VALUES (:'ann', 1, 'done');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'ann', 1, 'infinity');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, metadata) VALUES (:'ann', 1, '{"shipping_amount": "1"}');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, metadata) VALUES (:'ann', 1, '[]');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, idempotency_key) VALUES (:'ann', 1, ' ');
-- states and limits
SELECT swipesavvy.suspend_user(:'cat') ->> 'account_status' AS status;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1), (:'cat', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 1.01}') ->> 'status' AS status;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'bob', 100), (:'bob', 1), (:'bob', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT who, amount FROM pg_temp.bought();
ROLLBACK TO setup;
-- who may
SET LOCAL ROLE swipesavvy_customer;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1);
SET LOCAL ROLE swipesavvy_analytics;
SELECT count(*) AS readable FROM swipesavvy.purchases WHERE user_id = :'ann';
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1);
SET LOCAL ROLE swipesavvy_backend;
INSERT INTO swipesavvy.transactions SELECT * FROM swipesavvy.transactions;
UPDATE swipesavvy.purchases SET amount_minor = 0;
SELECT swipesavvy.purchases_insert();
RESET ROLE;
-- A superuser's session_replication_role = replica silences the view's triggers with all others: nothing is recorded.
SET LOCAL session_replication_role = replica;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1);
SET LOCAL session_replication_role = origin;
SELECT count(*) AS recorded FROM pg_temp.bought();
ROLLBACK TO setup;

-- many rows -----------------------------------------------------------------------------------------------------------------------------
CREATE TEMP TABLE digest (purchases bigint, points numeric, discount numeric, last_discounted bigint, digest text);
CREATE FUNCTION pg_temp.take_digest() RETURNS void LANGUAGE sql AS $$
    INSERT INTO digest SELECT count(*), sum(points), sum(discount), max(amount) FILTER (WHERE discount > 0), md5(string_agg(b::text, ' ' ORDER BY at, amount)) FROM pg_temp.bought() b
$$;
CREATE VIEW pg_temp.many AS
    SELECT n AS amount_minor, ('00000000-0000-7000-8000-0000b000000' || 1 + n % 3)::uuid AS user_id, '00000000-0000-7000-8000-0000b0000010'::uuid AS merchant_id,
           timestamptz '2026-01-01' + n * interval '1 minute' AS occurred_at, jsonb_build_object('note', repeat(md5(n::text), 4)) AS metadata
      FROM generate_series(1, 20000) n;
SELECT swipesavvy.update_campaign('B-TWO', '{"budget": 1450.99, "per_user_limit": 500}') -> 'budget' AS budget;
SAVEPOINT many;
-- more than one chunk, in any order of rows: as by calls in the order of time; budget and limit hold over chunks
SELECT count(swipesavvy.record_transaction(user_id, amount_minor / 100.0, merchant_id => merchant_id, occurred_at => occurred_at)) AS calls
  FROM (SELECT * FROM pg_temp.many WHERE amount_minor <= 2500 ORDER BY occurred_at) m;
SELECT FROM pg_temp.take_digest();
SELECT digest FROM digest \gset calls_
ROLLBACK TO many;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at)
    SELECT user_id, merchant_id, amount_minor, occurred_at FROM pg_temp.many WHERE amount_minor <= 2500 ORDER BY md5(occurred_at::text);
SELECT FROM pg_temp.take_digest();
SELECT purchases, points, discount, last_discounted, digest = :'calls_digest' AS as_by_calls FROM digest;
SELECT swipesavvy.get_campaign('B-TWO') -> 'spent' AS spent, swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK TO many;
-- more than work_mem: sorted on disk, the same result
SET LOCAL work_mem = '64kB';
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at, metadata) SELECT user_id, merchant_id, amount_minor, occurred_at, metadata FROM pg_temp.many ORDER BY md5(occurred_at::text);
SELECT FROM pg_temp.take_digest();
SELECT digest FROM digest \gset small_
ROLLBACK TO many;
SET LOCAL work_mem = '64MB';
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at, metadata) SELECT user_id, merchant_id, amount_minor, occurred_at, metadata FROM pg_temp.many;
SELECT FROM pg_temp.take_digest();
SELECT purchases, digest = :'small_digest' AS the_same FROM digest;
ROLLBACK TO setup;

-- record_transactions ----------------------------------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.record(purchases jsonb) RETURNS TABLE (n bigint, status text, points integer, balance integer, replayed boolean, awards jsonb, error text) LANGUAGE sql AS $$
    SELECT n, r ->> 'status', (r -> 'points_earned')::int, (r -> 'points_balance')::int, (r -> 'replayed')::boolean, r -> 'awards',
           concat_ws(' ', r #>> '{error,code}', r #>> '{error,message}', r #>> '{error,detail}')
      FROM jsonb_array_elements(swipesavvy.record_transactions(purchases) -> 'results') WITH ORDINALITY e (r, n)
$$;
-- results in the order of the argument; processed in the order of time: the last in the argument is the first to get the budget
SET LOCAL ROLE swipesavvy_backend;
SELECT * FROM pg_temp.record(jsonb_build_array(
    jsonb_build_object('user_id', :'ann', 'amount', 10, 'merchant_id', :'shop', 'occurred_at', '2026-03-03T00:00:00Z'),
    jsonb_build_object('user_id', :'bob', 'amount', 20.5, 'merchant_id', :'shop', 'occurred_at', '2026-03-02T00:00:00Z', 'status', 'pending', 'idempotency_key', 'r1'),
    jsonb_build_object('user_id', :'nobody', 'amount', 1),
    jsonb_build_object('user_id', :'bob', 'amount', 20.50, 'merchant_id', :'shop', 'occurred_at', '2026-03-02T00:00:00Z', 'status', 'pending', 'idempotency_key', 'r1'),
    jsonb_build_object('user_id', :'bob', 'amount', 20.51, 'merchant_id', :'shop', 'occurred_at', '2026-03-02T00:00:00Z', 'status', 'pending', 'idempotency_key', 'r1'),
    jsonb_build_object('user_id', :'ann', 'amount', 30, 'merchant_id', :'shop', 'occurred_at', '2026-03-01T00:00:00Z', 'currency', NULL, 'metadata', '{}'::jsonb)));
RESET ROLE;
-- every way to be a bad element; those beside it are recorded
SELECT n, status, error FROM pg_temp.record(jsonb_build_array(1, 'text', NULL, '[]'::jsonb, '{}'::jsonb, jsonb_build_object('user_id', :'cat'), jsonb_build_object('amount', 1),
    jsonb_build_object('user_id', 'cat', 'amount', 1), jsonb_build_object('user_id', 5, 'amount', 1), jsonb_build_object('user_id', :'cat', 'amount', '1'),
    jsonb_build_object('user_id', :'cat', 'amount', 0.001), jsonb_build_object('user_id', :'cat', 'amount', -1), jsonb_build_object('user_id', :'cat', 'amount', 1, 'amont', 1),
    jsonb_build_object('user_id', :'cat', 'amount', 1, 'status', 'done'), jsonb_build_object('user_id', :'cat', 'amount', 1, 'occurred_at', 5),
    jsonb_build_object('user_id', :'cat', 'amount', 1, 'merchant_id', :'nobody'), jsonb_build_object('user_id', :'cat', 'amount', 1, 'account_id', :'nobody'),
    jsonb_build_object('user_id', :'cat', 'amount', 1, 'metadata', 'x'), jsonb_build_object('user_id', :'cat', 'amount', 1, 'transaction_id', '00000000-0000-7000-8000-0000b00000c1'),
    jsonb_build_object('user_id', :'bob', 'amount', 1, 'transaction_id', '00000000-0000-7000-8000-0000b00000c1')));
SELECT who, amount, status, points FROM pg_temp.bought() WHERE who = 'cat';
-- many with few bad ones among them
SELECT count(*) FILTER (WHERE status = 'completed') AS recorded, string_agg(n || ': ' || error, ', ' ORDER BY n) FILTER (WHERE status IS NULL) AS refused
  FROM pg_temp.record((SELECT jsonb_agg(jsonb_build_object('user_id', CASE WHEN n IN (1, 777, 1500) THEN :'nobody' ELSE :'cat' END, 'amount', 1) ORDER BY n) FROM generate_series(1, 1500) n));
SELECT swipesavvy.record_transactions('[]');
SELECT swipesavvy.record_transactions(NULL);
SELECT swipesavvy.record_transactions('{}');
SELECT swipesavvy.record_transactions('5');
SELECT swipesavvy.record_transactions((SELECT jsonb_agg(n) FROM generate_series(1, 10001) n));
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK;

-- the levels of isolation: one session's own purchases build on each other in all of them ------------------------------------------------------
BEGIN;
SELECT count(swipesavvy.create_user(n || '@bulk.test', n, user_id => id::uuid)) FROM (VALUES ('ann', :'ann'), ('bob', :'bob'), ('cat', :'cat')) v (n, id);
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM swipesavvy.purchases WHERE user_id = :'ann';
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'ann', 200000, '2026-03-01');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'ann', 1000, '2026-03-02');
SELECT r -> 'points_earned' AS points, r ->> 'tier' AS tier FROM swipesavvy.record_transaction(:'ann', 10, occurred_at => '2026-03-03') r;
SELECT amount_minor, points_earned FROM swipesavvy.purchases WHERE user_id = :'ann' ORDER BY occurred_at;
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (:'ann', 200000, '2026-03-01'), (:'ann', 1000, '2026-03-02');
SELECT r -> 'points_earned' AS points, r ->> 'tier' AS tier FROM swipesavvy.record_transaction(:'ann', 10, occurred_at => '2026-03-03') r;
SELECT amount_minor, points_earned FROM swipesavvy.purchases WHERE user_id = :'ann' ORDER BY occurred_at;
COMMIT;
BEGIN READ ONLY;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ann', 1);
SELECT swipesavvy.record_transaction(:'ann', 10);
ROLLBACK;
-- what was rolled back would slow the tests that follow
VACUUM swipesavvy.transactions, swipesavvy.points_entries, swipesavvy.campaign_redemptions, swipesavvy.reward_accounts, swipesavvy.campaign_slots;
