-- The bonus for bringing a user: both sides, once, with the new user's first completed purchase, through every door; and
-- tiers at the end of their time. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
-- ids in an order of our own: accounts are locked by it
CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-0000e0' || lpad(n::text, 6, '0'))::uuid;
CREATE FUNCTION pg_temp.person(n integer, brought_by integer DEFAULT NULL) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(n || '@referral.test', n::text, user_id => pg_temp.id(n), referred_by => pg_temp.id(brought_by)) ->> 'name';
CREATE FUNCTION pg_temp.buy(n integer, amount numeric, status text DEFAULT 'completed', more text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
BEGIN
    EXECUTE format('SELECT swipesavvy.record_transaction(%L, %L, status => %L, occurred_at => %L %s)', pg_temp.id(n), amount, status, '2026-03-01', more) INTO r;
    RETURN format('%s (%s, %s)%s', r ->> 'points_earned', r ->> 'points_balance', r ->> 'tier', CASE WHEN (r -> 'replayed')::boolean THEN ' replayed' END);
END
$$;
CREATE FUNCTION pg_temp.accounts(variadic people integer[]) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(format('%s: %s %s %s%s', n, points_available, lifetime_points, tier, CASE WHEN referral_for IS NOT NULL THEN ' due' END), ', ' ORDER BY o)
                || format('; %s mismatches', swipesavvy.verify_ledger() -> 'mismatches')
              FROM unnest(people) WITH ORDINALITY p (n, o) JOIN swipesavvy.reward_accounts ON user_id = pg_temp.id(n));
CREATE FUNCTION pg_temp.entries(variadic people integer[]) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(format('%s: %s %s %s > %s', n, kind, points, debit_account, credit_account), ', ' ORDER BY o, entry_id)
              FROM unnest(people) WITH ORDINALITY p (n, o) JOIN swipesavvy.points_entries ON user_id = pg_temp.id(n));
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 30}') ->> 'status' AS changed;

-- who is brought has the larger id, then the smaller one: once, beside what the purchase earns
SELECT pg_temp.person(11), pg_temp.person(12, 11), pg_temp.accounts(11, 12);
SELECT pg_temp.buy(12, 5), pg_temp.accounts(11, 12), pg_temp.buy(12, 5), pg_temp.accounts(11, 12), pg_temp.entries(11, 12);
SELECT pg_temp.person(14), pg_temp.person(13, 14), pg_temp.buy(13, 5), pg_temp.accounts(13, 14);
-- both entries name the purchase
SELECT count(*), count(DISTINCT e.transaction_id), bool_and(t.user_id = pg_temp.id(13)) AS of_the_new_user
  FROM swipesavvy.points_entries e JOIN swipesavvy.transactions t USING (transaction_id) WHERE e.kind = 'referral' AND e.user_id IN (pg_temp.id(13), pg_temp.id(14));
-- a purchase of who brought somebody is none of the one who was brought
SELECT pg_temp.person(15), pg_temp.person(16, 15), pg_temp.buy(15, 5), pg_temp.accounts(15, 16);
-- one that earns nothing is completed, too; one that failed or is pending is not
SELECT pg_temp.buy(16, 0), pg_temp.accounts(15, 16);
SELECT pg_temp.person(17), pg_temp.person(18, 17), pg_temp.buy(18, 5, 'failed'), pg_temp.buy(18, 5, 'cancelled'),
       pg_temp.buy(18, 5, 'pending', format(', transaction_id => %L', pg_temp.id(999))), pg_temp.buy(18, 7, 'pending', format(', transaction_id => %L', pg_temp.id(998))), pg_temp.accounts(17, 18);
-- but settled it is
SELECT swipesavvy.settle_transaction(pg_temp.id(999)) - 'transaction_id' AS settled, pg_temp.accounts(17, 18), pg_temp.entries(17, 18);
SELECT swipesavvy.settle_transaction(pg_temp.id(998), pg_temp.id(18)) - 'transaction_id' AS second, pg_temp.accounts(17, 18);
SELECT pg_temp.person(20), pg_temp.person(19, 20), pg_temp.buy(19, 5, 'pending', format(', transaction_id => %L', pg_temp.id(997))),
       swipesavvy.settle_transaction(pg_temp.id(997)) - 'transaction_id' AS the_other_order, pg_temp.accounts(19, 20);
-- a repeat pays nobody again, and a refund takes the purchase's own points only
SELECT pg_temp.person(21), pg_temp.person(22, 21), pg_temp.buy(22, 5, more => ', idempotency_key => ''once'''), pg_temp.buy(22, 5, more => ', idempotency_key => ''once'''), pg_temp.accounts(21, 22);
SELECT swipesavvy.refund_transaction(transaction_id) -> 'points_reversed' AS reversed, pg_temp.accounts(21, 22), pg_temp.buy(22, 5), pg_temp.accounts(21, 22)
  FROM swipesavvy.purchases WHERE user_id = pg_temp.id(22);
-- lifetime and tier of both: 1,970 and 30
SELECT pg_temp.person(23), pg_temp.person(24, 23), pg_temp.buy(23, 1970), pg_temp.buy(24, 1969.99), pg_temp.accounts(23, 24);
SELECT pg_temp.person(25, 23), pg_temp.buy(25, 1970), pg_temp.accounts(23, 25);

-- a chain in one statement, in any order; who brought and who was brought in the same one
SELECT pg_temp.person(31), pg_temp.person(32, 31), pg_temp.person(33, 32), pg_temp.person(34, 33);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) SELECT pg_temp.id(n), 100 * n, '2026-03-01'::timestamptz + n * interval '1 s' FROM generate_series(34, 31, -1) n;
SELECT pg_temp.accounts(31, 32, 33, 34);
SELECT pg_temp.person(44), pg_temp.person(43, 44), pg_temp.person(42, 43), pg_temp.person(41, 42);
INSERT INTO swipesavvy.purchases (user_id, amount_minor) SELECT pg_temp.id(n), 100 FROM generate_series(41, 43) n, generate_series(1, 3);
SELECT pg_temp.accounts(41, 42, 43, 44);
-- each sees what the one before left: 1,970 and 30 are silver, so 8.00 earns 10
SELECT pg_temp.person(46), pg_temp.person(47, 46), pg_temp.buy(46, 1970);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) VALUES (pg_temp.id(46), 800, '2026-03-03'), (pg_temp.id(47), 100, '2026-03-02');
SELECT pg_temp.accounts(46, 47);
-- over several chunks: who brought earns before and after, the new user's first one is pending
SELECT pg_temp.person(51), pg_temp.person(52, 51), pg_temp.person(50, 52);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at, status)
SELECT pg_temp.id(CASE n WHEN 1 THEN 52 WHEN 2500 THEN 52 WHEN 2900 THEN 50 ELSE 51 END), 100, '2026-03-01'::timestamptz + n * interval '1 s', CASE n WHEN 1 THEN 'pending' ELSE 'completed' END
  FROM generate_series(1, 3000) n;
SELECT pg_temp.accounts(50, 51, 52);
-- by COPY
SELECT pg_temp.person(61), pg_temp.person(62, 61), pg_temp.person(63, 62);
COPY swipesavvy.purchases (user_id, amount_minor, occurred_at, status) FROM STDIN;
00000000-0000-7000-8000-0000e0000063	100	2026-03-02	completed
00000000-0000-7000-8000-0000e0000062	100	2026-03-01	pending
00000000-0000-7000-8000-0000e0000062	100	2026-03-03	completed
\.
SELECT pg_temp.accounts(61, 62, 63);
-- by a list in which others are refused
SELECT pg_temp.person(71), pg_temp.person(72, 71), pg_temp.person(73, 71);
SELECT jsonb_agg(r #> '{error,code}' ORDER BY n) AS errors FROM jsonb_array_elements(swipesavvy.record_transactions(jsonb_build_array(jsonb_build_object('user_id', pg_temp.id(72), 'amount', 1),
    jsonb_build_object('user_id', pg_temp.id(999), 'amount', 1), jsonb_build_object('user_id', pg_temp.id(73), 'amount', 1), jsonb_build_object('user_id', pg_temp.id(72), 'amount', -1),
    jsonb_build_object('user_id', pg_temp.id(73), 'amount', 1))) -> 'results') WITH ORDINALITY e (r, n);
SELECT pg_temp.accounts(71, 72, 73);

-- the same through the executor
SET LOCAL swipesavvy.direct_tables = off;
SELECT pg_temp.person(81), pg_temp.person(82, 81), pg_temp.person(83, 82), pg_temp.person(80, 83);
SELECT pg_temp.buy(82, 5), pg_temp.accounts(81, 82), pg_temp.buy(82, 5), pg_temp.accounts(81, 82), pg_temp.entries(81, 82);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, status) SELECT pg_temp.id(n), 100, s FROM unnest(ARRAY[83, 82, 80]) n, unnest(ARRAY['pending', 'completed', 'completed']) s;
SELECT pg_temp.accounts(80, 81, 82, 83);
RESET swipesavvy.direct_tables;

-- who brought somebody gets the points whatever the status, unless erased; and is not needed
SELECT pg_temp.person(91), pg_temp.person(92, 91), swipesavvy.suspend_user(pg_temp.id(91)) ->> 'account_status' AS status, pg_temp.buy(92, 1), pg_temp.accounts(91, 92);
SELECT pg_temp.person(93), pg_temp.person(94, 93);
UPDATE swipesavvy.users SET erased_at = now() WHERE user_id = pg_temp.id(93);
SELECT pg_temp.buy(94, 1), pg_temp.accounts(93, 94);
SELECT pg_temp.person(95), pg_temp.person(96, 95), pg_temp.person(97, 95), pg_temp.buy(97, 1, 'pending', format(', transaction_id => %L', pg_temp.id(996)));
DELETE FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(95);
SELECT pg_temp.buy(96, 1), swipesavvy.settle_transaction(pg_temp.id(996)) - 'transaction_id' AS settled, pg_temp.accounts(96, 97);

-- 0 points: nobody gets anything, then or later
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 0}') ->> 'status' AS changed;
SELECT pg_temp.person(101), pg_temp.person(102, 101), pg_temp.buy(102, 5), pg_temp.entries(101, 102);
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 30}') ->> 'status' AS changed;
SELECT pg_temp.buy(102, 5), pg_temp.accounts(101, 102);
-- no room below 64 bits: nothing is recorded
SELECT swipesavvy.update_system_settings('{"earn_rate": 100}') ->> 'status' AS changed, pg_temp.person(103), pg_temp.person(104, 103), pg_temp.buy(103, 92233720368547757.78);
SELECT swipesavvy.update_system_settings('{"earn_rate": 1}') ->> 'status' AS changed;
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never
SELECT pg_temp.buy(104, 1);
\set SHOW_CONTEXT errors
SELECT pg_temp.accounts(103, 104);
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 29}') ->> 'status' AS changed, pg_temp.buy(104, 1), pg_temp.accounts(103, 104);

-- --- the end of a year --------------------------------------------------------------------------------

-- kept tiers fall to what the points make when their time is over: for who reads it at once, in the table when refresh_tiers() is called
CREATE FUNCTION pg_temp.tiers(variadic people integer[]) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(format('%s: %s %s', n, lifetime_points, tier), ', ' ORDER BY o) FROM unnest(people) WITH ORDINALITY p (n, o) JOIN swipesavvy.reward_accounts ON user_id = pg_temp.id(n));
SELECT string_agg(pg_temp.person(n), ' ') FROM generate_series(201, 205) n;
SELECT pg_temp.buy(201, 10000), pg_temp.buy(202, 5000), pg_temp.buy(203, 5000), pg_temp.buy(204, 2000), pg_temp.buy(205, 2000);
SELECT swipesavvy.refund_transaction(transaction_id, refund) -> 'tier' AS tier FROM (VALUES (201, 5000), (202, 1), (203, 4999), (204, 1)) v (n, refund) JOIN swipesavvy.purchases ON user_id = pg_temp.id(n) ORDER BY n;
SELECT swipesavvy.refresh_tiers() AS not_yet, pg_temp.tiers(201, 202, 203, 204, 205);
UPDATE swipesavvy.reward_accounts SET tier_until = '2020-01-01' WHERE user_id BETWEEN pg_temp.id(201) AND pg_temp.id(205);
UPDATE swipesavvy.reward_accounts SET tier_until = '2021-01-01' WHERE user_id = pg_temp.id(203);
SELECT swipesavvy.refresh_tiers('2019-12-31 23:59:59.999999') AS not_a_microsecond_early;
SELECT swipesavvy.refresh_tiers('2020-01-01', 2) AS two_of_them, pg_temp.tiers(201, 202, 203, 204, 205);
SELECT swipesavvy.refresh_tiers('2020-01-01', 2) AS the_last, pg_temp.tiers(201, 202, 203, 204, 205);
SELECT swipesavvy.refresh_tiers('2020-01-01') AS none_left, swipesavvy.refresh_tiers('2021-01-01') AS a_year_later, pg_temp.tiers(203);
-- each change of a tier is told once, for both sides of a referral, once for a statement
SELECT n, string_agg(format('%s > %s at %s', body ->> 'previous_tier', body ->> 'tier', body ->> 'lifetime_points'), ', ' ORDER BY message_id) AS told
  FROM unnest(ARRAY[11, 23, 25, 46, 47, 51, 52, 201, 202, 203, 204, 205]) n JOIN swipesavvy.outbox ON event = 'user.tier_changed' AND body ->> 'user_id' = pg_temp.id(n)::text GROUP BY n ORDER BY n;
-- one address brings one bonus: not again after its user was erased or has another address, however it is written
CREATE FUNCTION pg_temp.comes(n integer, email text, brought_by integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.create_user(email, n::text, user_id => pg_temp.id(n), referred_by => pg_temp.id(brought_by));
    PERFORM pg_temp.buy(n, 5);
    RETURN pg_temp.accounts(brought_by, n);
END
$$;
SELECT pg_temp.person(301), pg_temp.comes(302, U&'Zo\00EB@once.test', 301);
SELECT swipesavvy.erase_user(pg_temp.id(302)) ->> 'account_status' AS erased, swipesavvy.erase_user(pg_temp.id(302)) ->> 'account_status' AS again;
SELECT pg_temp.comes(303, U&' ZOE\0308@once.test', 301) AS the_same;
SELECT referred_by = pg_temp.id(301) AS brought_all_the_same FROM swipesavvy.users WHERE user_id = pg_temp.id(303);
SELECT pg_temp.comes(304, 'zoe@once.test', 301) AS another;
SELECT swipesavvy.update_user(pg_temp.id(304), '{"email": "zoe2@once.test"}') ->> 'email' AS moved, pg_temp.comes(305, 'Zoe@once.test', 301) AS the_one_that_was_left;
SELECT swipesavvy.erase_user(pg_temp.id(304)) ->> 'account_status' AS erased, pg_temp.comes(306, 'zoe2@once.test', 301) AS and_the_one_after_it;
-- whoever brought none, or has not bought anything yet, may be brought later; and who brought somebody
SELECT pg_temp.person(307), pg_temp.person(308, 301), swipesavvy.erase_user(pg_temp.id(307)) ->> 'account_status' AS erased, swipesavvy.erase_user(pg_temp.id(308)) ->> 'account_status' AS erased;
SELECT pg_temp.comes(309, '307@referral.test', 301), pg_temp.comes(310, '308@referral.test', 301);
SELECT swipesavvy.erase_user(pg_temp.id(301)) ->> 'account_status' AS erased, pg_temp.person(312), pg_temp.comes(311, '301@referral.test', 312) AS who_brought_others;
SELECT count(*) AS digests, bool_and(octet_length(email_digest) = 32) AS of_32_bytes, (SELECT count(*) FROM swipesavvy_private.referral_salts) AS salts,
       bool_or(email_digest IN (sha256(convert_to('zoe@once.test', 'UTF8')), sha256(swipesavvy.email_key('zoe2@once.test')))) AS without_salt FROM swipesavvy_private.referred_emails;
-- a tier that is no longer one
SELECT pg_temp.person(206), pg_temp.buy(206, 2000);
UPDATE swipesavvy.reward_accounts SET tier_until = '2020-01-01' WHERE user_id = pg_temp.id(206);
SELECT swipesavvy.update_tiers('[{"tier": "bronze", "threshold": 0, "multiplier": 1}, {"tier": "gold", "threshold": 1500, "multiplier": 1.5}]') -> 'tiers' -> 1 ->> 'tier' AS tier;
SELECT swipesavvy.refresh_tiers('2020-01-01'), pg_temp.tiers(206);
SELECT swipesavvy.refresh_tiers(NULL);
SELECT swipesavvy.refresh_tiers('infinity');
SELECT swipesavvy.refresh_tiers(clock_timestamp() + interval '1 minute');
SELECT swipesavvy.refresh_tiers(page_size => 100001);
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS one_is_the_account_that_was_deleted;
SET LOCAL ROLE swipesavvy_backend;
SELECT swipesavvy.refresh_tiers();
ROLLBACK;
