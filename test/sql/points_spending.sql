-- Spending points, rule by rule: redeeming, donating, adjusting, expiry, and the history of it all. All is rolled back.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) = quote_ident(session_user) AS trusted;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5('spending ' || name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.setting(settings jsonb) RETURNS text LANGUAGE sql
    RETURN swipesavvy.update_system_settings(settings) ->> 'status';
CREATE FUNCTION pg_temp.person(name text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(name || '@spending.test', name, user_id => pg_temp.id(name)) ->> 'name';
-- so many points, earned then
CREATE FUNCTION pg_temp.earn(who text, points int, at timestamptz DEFAULT now(), status text DEFAULT 'completed') RETURNS bigint LANGUAGE sql
    RETURN (swipesavvy.record_transaction(pg_temp.id(who), points, occurred_at => at, status => status) -> 'points_balance')::bigint;
-- Calls; what came of it without ids and codes, or the error. Which of them are the same is told apart.
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO r;
    RETURN format('%s points, %s left', r -> 'points', r -> 'points_balance') || CASE WHEN (r -> 'replayed')::boolean THEN ', replayed' ELSE '' END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END
$$;
CREATE FUNCTION pg_temp.redeem(who text, reward text DEFAULT NULL, points bigint DEFAULT NULL, key text DEFAULT NULL) RETURNS text LANGUAGE sql
    RETURN pg_temp.try(format('redeem_points(%L, %L, %L, %L)', pg_temp.id(who), pg_temp.id(reward), points, key));
CREATE FUNCTION pg_temp.donate(who text, points bigint, charity text, key text DEFAULT NULL) RETURNS text LANGUAGE sql
    RETURN pg_temp.try(format('donate_points(%L, %L, %L, %L)', pg_temp.id(who), points, pg_temp.id(charity), key));
CREATE FUNCTION pg_temp.adjust(who text, points bigint, reason text DEFAULT 'because', key text DEFAULT NULL) RETURNS text LANGUAGE sql
    RETURN pg_temp.try(format('adjust_points(%L, %L, %L, %L)', pg_temp.id(who), points, reason, key));
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s pending, %s lifetime, %s taken, %s', points_available, points_pending, lifetime_points, points_debited, tier)
              FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(who));
CREATE FUNCTION pg_temp.entries(who text) RETURNS TABLE (kind swipesavvy.entry_kind, points bigint, debit swipesavvy.ledger_account, credit swipesavvy.ledger_account, reason text)
    LANGUAGE sql BEGIN ATOMIC
    SELECT kind, points, debit_account, credit_account, reason FROM swipesavvy.points_entries WHERE user_id = pg_temp.id(who) ORDER BY entry_id;
END;
SELECT count(pg_temp.person(p)) FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida']) p;
SELECT count(swipesavvy.create_reward(name, points, stock, starts_at => '2020-01-01', reward_id => pg_temp.id(name)))
  FROM (VALUES ('mug', 30, NULL), ('last', 10, 1), ('gone', 10, 0), ('withdrawn', 1, 5), ('dear', 101, 5)) v (name, points, stock);
SELECT swipesavvy.update_reward(pg_temp.id('withdrawn'), '{"is_active": false}') -> 'is_active' AS active;
SELECT count(swipesavvy.create_reward(name, 1, 5, starts_at => starts, ends_at => ends, reward_id => pg_temp.id(name)))
  FROM (VALUES ('over', '2020-01-01'::timestamptz, now()), ('not yet', '2999-01-01', NULL)) v (name, starts, ends);
SELECT count(swipesavvy.create_charity(name, charity_id => pg_temp.id(name))) FROM unnest(ARRAY['trees', 'closed']) name;
SELECT swipesavvy.update_charity(pg_temp.id('closed'), '{"is_active": false}') -> 'is_active' AS active;

-- redeeming -----------------------------------------------------------------------------------------------------------------
-- the whole answer, the row and the entry; the code is of that form, and every code another
SELECT pg_temp.earn('ann', 100);
SELECT swipesavvy.redeem_points(pg_temp.id('ann'), pg_temp.id('mug')) AS redeemed \gset
SELECT jsonb_object_keys(:'redeemed') AS keys;
SELECT d ->> 'entry_id' = d ->> 'redemption_id' AS one_id, d ->> 'confirmation_code' ~ '^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$' AS code, d - ARRAY['entry_id', 'redemption_id', 'confirmation_code'] AS rest
  FROM (SELECT :'redeemed'::jsonb) v (d);
SELECT r.points, r.reward_id = pg_temp.id('mug') AS mug, r.from_stock, r.confirmation_code = :'redeemed'::jsonb ->> 'confirmation_code' AS code, r.idempotency_key, r.redeemed_at = e.recorded_at AS at,
       e.kind, e.points, e.debit_account, e.credit_account, e.transaction_id, e.reason
  FROM swipesavvy.reward_redemptions r JOIN swipesavvy.points_entries e USING (user_id, entry_id) WHERE user_id = pg_temp.id('ann');
-- a point too few, and exactly enough; without a reward; pending points do not count
SELECT pg_temp.redeem('ann', points => 41) AS to_29, pg_temp.redeem('ann', 'mug') AS one_too_few, pg_temp.adjust('ann', 1), pg_temp.redeem('ann', 'mug') AS just_enough;
SELECT pg_temp.earn('ann', 50, status => 'pending') AS balance, pg_temp.redeem('ann', points => 1) AS only_pending, pg_temp.account('ann');
SELECT pg_temp.earn('bob', 100) AS balance, pg_temp.redeem('bob', 'dear') AS one_too_few, pg_temp.redeem('bob', points => 101) AS one_too_few;
SELECT stock FROM swipesavvy.rewards WHERE reward_id = pg_temp.id('dear');
-- stock, dates, withdrawn, unknown
SELECT pg_temp.redeem('bob', 'last') AS last, pg_temp.redeem('bob', 'last') AS none_left, pg_temp.redeem('bob', 'gone') AS gone,
       pg_temp.redeem('bob', 'withdrawn') AS withdrawn, pg_temp.redeem('bob', 'over') AS over, pg_temp.redeem('bob', 'not yet') AS not_yet, pg_temp.redeem('bob', 'nothing') AS unknown;
SELECT name, stock, stocked, (SELECT count(*) FROM swipesavvy.reward_redemptions r WHERE r.reward_id = w.reward_id AND from_stock) AS taken
  FROM swipesavvy.rewards w WHERE reward_id IN (pg_temp.id('last'), pg_temp.id('gone'), pg_temp.id('withdrawn')) ORDER BY 1;
-- one more is put in; the stock ends, or is not counted any more, and what was taken stays known
SELECT swipesavvy.update_reward(pg_temp.id('last'), '{"stock": 1}') -> 'stock' AS stock, pg_temp.redeem('bob', 'last') AS taken, pg_temp.redeem('bob', 'last') AS none_left,
       swipesavvy.update_reward(pg_temp.id('last'), '{"stock": null}') -> 'stock' AS stock, pg_temp.redeem('bob', 'last') AS taken,
       swipesavvy.update_reward(pg_temp.id('last'), '{"stock": 9}') -> 'stock' AS stock, pg_temp.redeem('bob', 'last') AS taken;
SELECT stock, stocked, (SELECT count(*) FROM swipesavvy.reward_redemptions r WHERE r.reward_id = w.reward_id AND from_stock) AS taken FROM swipesavvy.rewards w WHERE reward_id = pg_temp.id('last');
-- what cannot be asked for
SELECT pg_temp.redeem('bob') AS neither, pg_temp.redeem('bob', 'mug', 30) AS both, pg_temp.redeem('bob', points => 0) AS zero, pg_temp.redeem('bob', points => -5) AS negative,
       pg_temp.redeem('bob', 'mug', 0) AS both_and_zero, pg_temp.redeem('nobody', points => 1) AS unknown_user, pg_temp.redeem('bob', points => 1, key => ' ') AS key;
SELECT pg_temp.try('redeem_points(NULL, points => 1)') AS no_user, pg_temp.try(format('redeem_points(%L, points => 1, idempotency_key => %L)', pg_temp.id('bob'), repeat('k', 201))) AS long_key,
       pg_temp.try(format('redeem_points(%L, points => 9223372036854775807)', pg_temp.id('bob'))) AS all_of_them;
-- users who are not active
SELECT pg_temp.earn('cat', 100), pg_temp.redeem('cat', points => 1, key => 'before') AS active, swipesavvy.suspend_user(pg_temp.id('cat')) ->> 'account_status' AS status,
       pg_temp.redeem('cat', points => 1) AS suspended, pg_temp.donate('cat', 1, 'trees') AS suspended, pg_temp.redeem('cat', points => 1, key => 'before') AS repeated,
       pg_temp.adjust('cat', -1) AS adjusted, swipesavvy.reactivate_user(pg_temp.id('cat')) ->> 'account_status' AS status, pg_temp.redeem('cat', points => 98) AS all_left;
SELECT swipesavvy.deactivate_user(pg_temp.id('cat')) ->> 'account_status' AS status, pg_temp.redeem('cat', points => 1) AS inactive, pg_temp.account('cat');
-- every code is another
SELECT count(*) = count(DISTINCT confirmation_code) AS all_differ, count(*) > 8 AS some FROM swipesavvy.reward_redemptions;

-- donating ------------------------------------------------------------------------------------------------------------------
SELECT pg_temp.earn('dan', 50), pg_temp.donate('dan', 51, 'trees') AS one_too_many, pg_temp.donate('dan', 20, 'trees') AS some, pg_temp.donate('dan', 30, 'trees') AS the_rest, pg_temp.donate('dan', 1, 'trees') AS none_left;
SELECT pg_temp.donate('dan', 0, 'trees') AS zero, pg_temp.donate('dan', -1, 'trees') AS negative, pg_temp.donate('dan', NULL, 'trees') AS no_points, pg_temp.donate('dan', 1, NULL) AS no_charity,
       pg_temp.donate('dan', 1, 'closed') AS closed, pg_temp.donate('dan', 1, 'nothing') AS unknown, pg_temp.donate('nobody', 1, 'trees') AS unknown_user;
SELECT d.points, d.charity_id = pg_temp.id('trees') AS trees, e.kind, e.debit_account, e.credit_account FROM swipesavvy.donations d JOIN swipesavvy.points_entries e USING (user_id, entry_id) WHERE user_id = pg_temp.id('dan') ORDER BY entry_id;
SELECT pg_temp.account('dan');

-- adjusting -----------------------------------------------------------------------------------------------------------------
-- lifetime and tier stay; what is taken must be there; 0 and no reason are refused
SELECT pg_temp.earn('eve', 1999), pg_temp.adjust('eve', 5000, 'a gift'), pg_temp.account('eve');
SELECT pg_temp.adjust('eve', -7000) AS one_too_many, pg_temp.adjust('eve', -6999, 'a mistake') AS all_of_it, pg_temp.adjust('eve', -1) AS none_left, pg_temp.account('eve');
SELECT pg_temp.adjust('eve', 0) AS zero, pg_temp.adjust('eve', NULL) AS no_points, pg_temp.adjust('eve', 1, NULL) AS no_reason, pg_temp.adjust('eve', 1, ' ') AS blank, pg_temp.adjust('eve', 1, repeat('x', 4001)) AS long,
       pg_temp.adjust('nobody', 1) AS unknown_user, pg_temp.adjust('eve', -9223372036854775808) AS least, pg_temp.adjust('eve', 9223372036854775807) AS greatest, pg_temp.adjust('eve', 1) AS beyond;
SELECT * FROM pg_temp.entries('eve');
SELECT points, reason, idempotency_key FROM swipesavvy.points_adjustments WHERE user_id = pg_temp.id('eve') ORDER BY entry_id;
-- a balance below zero, as refunds may leave it: nothing is spent or taken, what is given counts
UPDATE swipesavvy.reward_accounts SET points_available = -5 WHERE user_id = pg_temp.id('hal');
SELECT pg_temp.redeem('hal', points => 1), pg_temp.donate('hal', 1, 'trees'), pg_temp.adjust('hal', -1), pg_temp.adjust('hal', 5), pg_temp.redeem('hal', points => 1), pg_temp.adjust('hal', 1), pg_temp.redeem('hal', points => 1);
DELETE FROM swipesavvy.reward_redemptions WHERE user_id = pg_temp.id('hal');
DELETE FROM swipesavvy.points_adjustments WHERE user_id = pg_temp.id('hal');

-- keys ----------------------------------------------------------------------------------------------------------------------
-- the same again: the first ids and code, the present balance, nothing changed; other arguments are refused, other operations and users are others
SELECT pg_temp.earn('fay', 100), pg_temp.earn('gus', 100);
CREATE FUNCTION pg_temp.raw(call text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO r;
    RETURN r;
END
$$;
SELECT format('redeem_points(%L, %L, idempotency_key => ''k'')', pg_temp.id('fay'), pg_temp.id('mug')) AS by_reward, format('redeem_points(%L, points => 5, idempotency_key => ''p'')', pg_temp.id('fay')) AS by_points,
       format('donate_points(%L, 5, %L, ''k'')', pg_temp.id('fay'), pg_temp.id('trees')) AS donated, format('adjust_points(%L, -5, ''x'', ''k'')', pg_temp.id('fay')) AS adjusted \gset
SELECT c AS call, pg_temp.raw(c) AS first INTO TEMP firsts FROM unnest(ARRAY[:'by_reward', :'by_points', :'donated', :'adjusted']) c;
SELECT swipesavvy.update_reward(pg_temp.id('mug'), '{"points": 31, "is_active": false}') -> 'is_active' AS active, swipesavvy.update_charity(pg_temp.id('trees'), '{"is_active": false}') -> 'is_active' AS active;
SELECT split_part(call, '(', 1) AS call, again - 'points_balance' - 'replayed' = first - 'points_balance' - 'replayed' AS same, first -> 'points_balance' AS then, again -> 'points_balance' AS now, first -> 'replayed' AS first, again -> 'replayed' AS again
  FROM firsts, LATERAL pg_temp.raw(call) again;
SELECT swipesavvy.update_reward(pg_temp.id('mug'), '{"points": 30, "is_active": true}') -> 'is_active' AS active, swipesavvy.update_charity(pg_temp.id('trees'), '{"is_active": true}') -> 'is_active' AS active;
SELECT pg_temp.redeem('fay', points => 30, key => 'k') AS points_for_reward, pg_temp.redeem('fay', 'dear', key => 'k') AS other_reward, pg_temp.redeem('fay', 'nothing', key => 'k') AS unknown_reward, pg_temp.redeem('fay', points => 6, key => 'p') AS other_points,
       pg_temp.redeem('fay', 'mug', key => 'p') AS reward_for_points, pg_temp.donate('fay', 6, 'trees', 'k') AS other_points, pg_temp.donate('fay', 5, 'closed', 'k') AS other_charity,
       pg_temp.adjust('fay', 5, 'x', 'k') AS other_sign, pg_temp.adjust('fay', -5, 'y', 'k') AS other_reason;
SELECT pg_temp.redeem('gus', points => 1, key => 'k') AS other_user, pg_temp.account('fay'), (SELECT count(*) FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('fay')) AS entries;
-- an error stores no key; without a key nothing is protected
SELECT pg_temp.redeem('gus', points => 1000, key => 'e') AS too_many, pg_temp.redeem('gus', points => 2, key => 'e') AS then, pg_temp.redeem('gus', points => 2) AS again, pg_temp.redeem('gus', points => 2) AS and_again,
       pg_temp.donate('gus', 1, 'closed', 'e') AS closed, pg_temp.donate('gus', 1, 'trees', 'e') AS then, pg_temp.adjust('gus', -1000, 'x', 'e') AS too_many, pg_temp.adjust('gus', 1, 'x', 'e') AS then;

-- expiry --------------------------------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.expire(as_of timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
BEGIN
    r := swipesavvy.expire_points(as_of);
    ASSERT (r ->> 'as_of')::timestamptz = as_of;
    RETURN format('%s users, %s points of before %s', r -> 'users', r -> 'points', r ->> 'earned_before');
END
$$;
-- N months after the end of the month, in the programme's time zone: a leap February, either side of its end, and clocks that were set back in between
SELECT pg_temp.setting('{"timezone": "America/New_York", "points_expiry_months": 24}'), pg_temp.person('jan'), pg_temp.person('joe');
SELECT pg_temp.earn('jan', 7, '2020-02-01 05:00Z'), pg_temp.earn('jan', 10, '2020-03-01 04:59:59.999999Z'), pg_temp.earn('jan', 200, '2020-03-01 05:00Z'), pg_temp.earn('joe', 3, '2020-01-31 23:00Z'), pg_temp.earn('joe', 4000, '2020-03-20');
SELECT at, pg_temp.expire(at), pg_temp.account('jan'), pg_temp.account('joe') FROM unnest(ARRAY['2022-02-01 04:59:59.999999Z', '2022-02-01 05:00Z', '2022-02-01 05:00Z', '2022-03-01 04:59:59.999999Z', '2022-03-01 05:00Z',
    '2022-04-01 03:59:59.999999Z']::timestamptz[]) at;
SELECT * FROM pg_temp.entries('jan');
-- the oldest are spent first: 150 of the 200 are, so 50 expire; a late posting is older than what was taken already
SELECT pg_temp.redeem('jan', points => 150), pg_temp.expire('2022-04-01 04:00Z'), pg_temp.account('jan');
SELECT pg_temp.earn('jan', 20, '2021-06-15'), pg_temp.earn('jan', 5, '2020-03-01'), pg_temp.expire('2022-04-01 04:00Z') AS late_posting, pg_temp.redeem('jan', points => 20), pg_temp.expire('2023-07-01 03:59Z'), pg_temp.expire('2023-07-01 04:00Z') AS all_spent;
SELECT pg_temp.account('jan'), pg_temp.account('joe');
-- an adjustment is as old as its entry; what it takes, it takes from the oldest
SELECT pg_temp.adjust('jan', 40), pg_temp.expire('2026-01-01') AS too_new, pg_temp.account('jan');
SELECT pg_temp.person('kit'), pg_temp.earn('kit', 10, '2021-01-15'), pg_temp.earn('kit', 10, '2021-02-15'), pg_temp.adjust('kit', -4), pg_temp.expire('2023-02-01 05:00Z') AS the_rest_of_january, pg_temp.account('kit');
-- other months: none, fewer, more again; what is gone stays gone
SELECT pg_temp.setting('{"points_expiry_months": 0}'), swipesavvy.expire_points('2026-01-01') AS never;
SELECT pg_temp.setting('{"points_expiry_months": 1}'), pg_temp.person('lou'), pg_temp.earn('lou', 1, '2021-01-31'), pg_temp.earn('lou', 2, '2021-02-01 05:00Z'), pg_temp.expire('2021-03-01 04:59Z'), pg_temp.expire('2021-03-01 05:00Z');
SELECT pg_temp.setting('{"points_expiry_months": 1200}'), pg_temp.expire('2026-01-01'), pg_temp.earn('lou', 5, '2021-01-01'), pg_temp.expire('2026-01-01'), pg_temp.setting('{"points_expiry_months": 1}'), pg_temp.expire('2021-03-15'), pg_temp.account('lou');
-- the month of a purchase goes by the time zone of now
SELECT pg_temp.person('max'), pg_temp.earn('max', 8, '2021-05-31 12:00Z'), pg_temp.setting('{"timezone": "Pacific/Kiritimati", "points_expiry_months": 12}'), pg_temp.expire('2022-05-31 10:00Z') AS june_of_june, pg_temp.account('max'),
       pg_temp.setting('{"timezone": "America/Los_Angeles"}'), pg_temp.expire('2022-06-01 06:59Z') AS still_may, pg_temp.expire('2022-06-01 07:00Z') AS june, pg_temp.account('max');
-- where clocks are set back to midnight of the first, the month begins with the first of the two hours
SELECT pg_temp.setting('{"timezone": "America/Havana"}'), pg_temp.person('ned'), pg_temp.earn('ned', 1, '2020-11-01 03:59:59Z') AS october, pg_temp.earn('ned', 2, '2020-11-01 04:30Z') AS november, pg_temp.earn('ned', 4, '2020-11-01 05:30Z') AS november_again,
       pg_temp.expire('2021-11-01 12:00Z'), pg_temp.account('ned'), pg_temp.expire('2021-12-01 05:00Z'), pg_temp.account('ned');
SELECT pg_temp.setting('{"timezone": "UTC", "points_expiry_months": 24}');
-- pending points do not expire; nor are users found who are not due; the future is refused
SELECT pg_temp.person('oda'), pg_temp.earn('oda', 9, '2020-01-01', 'pending'), pg_temp.expire('2025-01-01'), pg_temp.account('oda');
SELECT swipesavvy.expire_points(now() + interval '1 minute');
SELECT swipesavvy.expire_points('infinity');
SELECT pg_temp.setting('{"points_expiry_months": 1200}');
SELECT r - 'as_of' - 'earned_before' AS now, (r ->> 'as_of')::timestamptz >= now() AS as_of_now FROM swipesavvy.expire_points(NULL) r;
SELECT swipesavvy.expire_points('4000-01-01 BC') - ARRAY['as_of', 'earned_before'] AS long_ago, pg_temp.setting('{"points_expiry_months": 24}');

-- the history -----------------------------------------------------------------------------------------------------------------
SELECT swipesavvy.create_merchant('History shop', 'Services', merchant_id => pg_temp.id('shop')) ->> 'name' AS name;
SELECT swipesavvy.create_campaign('History', 'SEASONAL', 0, 'OTHER', '2020-01-01', campaign_id => 'HISTORY', target_merchant_id => pg_temp.id('shop'), bonus_points => 3) ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('HISTORY') ->> 'status' AS status;
SELECT swipesavvy.record_transaction(pg_temp.id('ida'), 40, merchant_id => pg_temp.id('shop'), occurred_at => '2020-01-15 12:00', status => s) -> 'points_earned' AS points FROM unnest(ARRAY['completed', 'pending', 'failed']) s;
SELECT pg_temp.redeem('ida', 'mug'), pg_temp.redeem('ida', points => 2), pg_temp.donate('ida', 1, 'trees'), pg_temp.adjust('ida', 4, 'sorry'), pg_temp.expire('2022-02-01');
SELECT e ->> 'kind' AS kind, e -> 'points' AS points, e -> 'balance_change' AS balance, e -> 'pending_change' AS pending, e ->> 'merchant' AS merchant, e ->> 'campaign_id' AS campaign, e ->> 'reward' AS reward, e ->> 'charity' AS charity,
       e ->> 'confirmation_code' IS NOT NULL AS code, e ->> 'reason' AS reason, e ->> 'transaction_id' IS NOT NULL AS purchase, CASE WHEN e ->> 'occurred_at' = e ->> 'recorded_at' THEN 'now' ELSE e ->> 'occurred_at' END AS occurred_at
  FROM jsonb_array_elements(swipesavvy.get_points_history(pg_temp.id('ida')) -> 'entries') e;
SELECT h - 'entries' AS envelope, (SELECT sum((e -> 'balance_change')::int) FROM jsonb_array_elements(h -> 'entries') e) AS balance, (SELECT sum((e -> 'pending_change')::int) FROM jsonb_array_elements(h -> 'entries') e) AS pending, pg_temp.account('ida')
  FROM swipesavvy.get_points_history(pg_temp.id('ida')) h;
WITH RECURSIVE pages AS (
    SELECT 1 AS n, swipesavvy.get_points_history(pg_temp.id('ida'), 4) AS page
    UNION ALL SELECT n + 1, swipesavvy.get_points_history(pg_temp.id('ida'), 4, page ->> 'next_cursor') FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
SELECT n, (SELECT string_agg(e ->> 'kind', ' ') FROM jsonb_array_elements(page -> 'entries') e) AS kinds, page -> 'total' AS total, page ->> 'next_cursor' IS NOT NULL AS more FROM pages;
SELECT swipesavvy.get_points_history(pg_temp.id('nobody'));
SELECT swipesavvy.get_points_history(pg_temp.id('ida'), 101);
SELECT swipesavvy.get_points_history(pg_temp.id('ida'), after => 'x');
SELECT pg_temp.person('pia');
SELECT swipesavvy.get_points_history(pg_temp.id('pia')) AS nothing;

-- who, and for whom -------------------------------------------------------------------------------------------------------------
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.id('gus'))::text, true) IS NOT NULL AS gus, pg_temp.id('gus') AS gus_id, pg_temp.id('ida') AS ida_id, pg_temp.id('trees') AS trees_id \gset
SET LOCAL ROLE swipesavvy_customer;
SELECT swipesavvy.redeem_points(:'gus_id', points => 3) -> 'points_balance' AS own, swipesavvy.donate_points(:'gus_id', 3, :'trees_id') -> 'points_balance' AS own, swipesavvy.get_points_history(:'gus_id', 1) #> '{entries,0,kind}' AS own;
SELECT swipesavvy.redeem_points(:'ida_id', points => 1);
SELECT swipesavvy.donate_points(:'ida_id', 1, :'trees_id');
SELECT swipesavvy.get_points_history(:'ida_id');
RESET ROLE;

-- what the world outside is told, what is written down, and that it all adds up -----------------------------------------------------
SELECT event, version, order_key = 'user:' || pg_temp.id('ann') AS by_user, body - ARRAY['redemption_id', 'user_id', 'reward_id', 'confirmation_code', 'occurred_at'] AS body, (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(body) k) AS keys
  FROM swipesavvy.outbox WHERE body ->> 'user_id' = pg_temp.id('ann')::text ORDER BY 4 LIMIT 1;
SELECT event, count(*), count(*) = (SELECT count(*) FROM swipesavvy.donations) AS as_many FROM swipesavvy.outbox WHERE event = 'points.donated' GROUP BY 1;
SELECT event_type, user_id = pg_temp.id('eve') AS eve, resource_id = user_id::text AS of_the_user, details #> '{after,points}' AS points, details #>> '{after,reason}' AS reason FROM swipesavvy.audit_logs WHERE event_type = 'points.adjust' AND user_id = pg_temp.id('eve') ORDER BY log_id LIMIT 2;
UPDATE swipesavvy.reward_accounts SET points_available = 0, points_debited = 0, lot_before = 0 WHERE user_id = pg_temp.id('hal');
ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER USER;
DELETE FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('hal');
ALTER TABLE swipesavvy.points_entries ENABLE ALWAYS TRIGGER the_ledger_is_append_only;
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK;
