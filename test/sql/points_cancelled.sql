-- Redemptions and donations that are cancelled: points back as old as they were, the piece back in stock, once. Everything
-- is rolled back.
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.person(who text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(who || '@cancelled.test', who, user_id => pg_temp.id(who)) ->> 'name';
-- Points that are so many months old.
CREATE FUNCTION pg_temp.earn(who text, points int, months int) RETURNS text LANGUAGE sql
    RETURN swipesavvy.record_transaction(pg_temp.id(who), points, occurred_at => date_trunc('month', now()) - make_interval(months => months) + interval '1 day') ->> 'points_balance';
-- What was redeemed or donated under a name.
CREATE TEMP TABLE done (name text PRIMARY KEY, redemption_id uuid, confirmation_code text);
CREATE FUNCTION pg_temp.note(name text, r jsonb) RETURNS text LANGUAGE sql AS $$
    INSERT INTO done VALUES (name, (coalesce(r ->> 'redemption_id', r ->> 'donation_id'))::uuid, r ->> 'confirmation_code') RETURNING (SELECT r ->> 'points_balance');
$$;
CREATE FUNCTION pg_temp.redeem(name text, who text, points int) RETURNS text LANGUAGE sql
    RETURN pg_temp.note(name, swipesavvy.redeem_points(pg_temp.id(who), points => points));
CREATE FUNCTION pg_temp.take(name text, who text, reward text) RETURNS text LANGUAGE sql
    RETURN pg_temp.note(name, swipesavvy.redeem_points(pg_temp.id(who), reward_id => pg_temp.id(reward)));
CREATE FUNCTION pg_temp.give(name text, who text, points int) RETURNS text LANGUAGE sql
    RETURN pg_temp.note(name, swipesavvy.donate_points(pg_temp.id(who), points, pg_temp.id('trees')));
-- Cancels it in that role; or the error.
CREATE FUNCTION pg_temp.cancel(name text, who text DEFAULT NULL, as_role text DEFAULT 'swipesavvy_backend', reason text DEFAULT 'it broke') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    id uuid := coalesce((SELECT d.redemption_id FROM done d WHERE d.name = cancel.name), pg_temp.id(name));
    r jsonb;
    message text;
    detail text;
BEGIN
    PERFORM set_config('role', as_role, true);
    r := swipesavvy.cancel_redemption(id, reason, pg_temp.id(who));
    PERFORM set_config('role', 'none', true);
    RETURN format('%s, %s back, balance %s%s', r ->> 'status', r ->> 'points_returned', r ->> 'points_balance', CASE WHEN r ->> 'redemption_id' <> id::text THEN ', of another' END);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, message, replace(detail, id::text, 'ID'));
END
$$;
CREATE FUNCTION pg_temp.stock(reward text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s of %s', coalesce(stock::text, 'unlimited'), stocked) FROM swipesavvy.rewards WHERE reward_id = pg_temp.id(reward));
-- Points, when the oldest of them expire (in months from now), and whether all adds up.
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s lifetime, %s ever taken, oldest expire in %s months, %s mismatches', points_available, lifetime_points, points_debited,
                          coalesce(((extract(year FROM x.at) - extract(year FROM now())) * 12 + extract(month FROM x.at) - extract(month FROM now()))::text, '-'),
                          swipesavvy.verify_ledger() -> 'mismatches')
              FROM swipesavvy.reward_accounts, LATERAL (SELECT (swipesavvy.get_user_rewards(user_id) ->> 'points_expiry_date')::timestamptz AS at) x WHERE user_id = pg_temp.id(who));
SELECT string_agg(pg_temp.person(name), ' ') FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'fay']) name;
SELECT swipesavvy.create_reward('Mug', 100, stock => 3, reward_id => pg_temp.id('mug')) ->> 'name' AS mug, swipesavvy.create_reward('Song', 5, reward_id => pg_temp.id('song')) ->> 'name' AS song,
       swipesavvy.create_charity('Trees', charity_id => pg_temp.id('trees')) ->> 'name' AS charity;

-- a reward: points, their age and the piece are as before
SELECT pg_temp.earn('ann', 60, 20), pg_temp.earn('ann', 70, 3), pg_temp.account('ann');
SELECT pg_temp.take('mug', 'ann', 'mug'), pg_temp.account('ann'), pg_temp.stock('mug');
SELECT pg_temp.cancel('mug'), pg_temp.account('ann'), pg_temp.stock('mug');
-- once
SELECT pg_temp.cancel('mug') AS again, pg_temp.cancel('mug', 'ann') AS by_its_user, pg_temp.account('ann'), pg_temp.stock('mug');
-- the entry, the row beside it, the record of who and why, the message
SELECT kind, points, debit_account, credit_account, reason, transaction_id, campaign_no FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('ann') AND kind IN ('redeem', 'return') ORDER BY entry_id;
SELECT x.points, x.reason, x.redemption_id = d.redemption_id AS of_it, x.entry_id = e.entry_id AS its_entry
  FROM swipesavvy.redemption_returns x JOIN done d USING (redemption_id) JOIN swipesavvy.points_entries e ON e.user_id = x.user_id AND e.kind = 'return';
SELECT l.event_type, l.resource, l.resource_id::uuid = d.redemption_id AS of_it, l.user_id = pg_temp.id('ann') AS of_ann, l.details::jsonb #- '{after,entry_id}' AS details
  FROM swipesavvy.audit_logs l JOIN done d ON d.redemption_id::text = l.resource_id;
SELECT event, version, order_key = 'user:' || pg_temp.id('ann') AS in_order, body ->> 'redemption_id' = d.redemption_id::text AS of_it, body ->> 'confirmation_code' = d.confirmation_code AS code,
       body - 'redemption_id' - 'confirmation_code' - 'occurred_at' AS body FROM swipesavvy.outbox, done d WHERE event = 'points.returned';
-- what the user sees
SELECT e ->> 'kind' AS kind, e ->> 'points' AS points, e ->> 'balance_change' AS change, e ->> 'reward' AS reward, e ->> 'reason' AS reason, (e ->> 'redemption_id')::uuid = d.redemption_id AS of_it,
       e ->> 'confirmation_code' = d.confirmation_code AS code, e ->> 'cancelled_at' IS NOT NULL AS cancelled
  FROM done d, jsonb_array_elements(swipesavvy.get_points_history(pg_temp.id('ann'), 2) -> 'entries') WITH ORDINALITY t (e, n) ORDER BY n;
SELECT e ->> 'kind' AS kind, e ->> 'points' AS points FROM jsonb_array_elements(swipesavvy.get_user_rewards(pg_temp.id('ann')) -> 'recent_point_transactions') WITH ORDINALITY t (e, n) WHERE n <= 2 ORDER BY n;
SET LOCAL swipesavvy.direct_tables = off;
SELECT e ->> 'kind' AS kind, e ->> 'points' AS points FROM jsonb_array_elements(swipesavvy.get_user_rewards(pg_temp.id('ann')) -> 'recent_point_transactions') WITH ORDINALITY t (e, n) WHERE n <= 2 ORDER BY n;
SET LOCAL swipesavvy.direct_tables = on;
SELECT r - 'entry_id' - 'redemption_id' - 'returned_at' AS exported FROM jsonb_array_elements(swipesavvy.export_user_data(pg_temp.id('ann')) -> 'redemption_returns') r;

-- points without a reward; and those of a reward that has no stock, or has none any more
SELECT pg_temp.redeem('cash', 'ann', 65), pg_temp.account('ann'), pg_temp.cancel('cash', 'ann'), pg_temp.account('ann');
SELECT pg_temp.take('song', 'ann', 'song'), pg_temp.cancel('song'), pg_temp.stock('song');
SELECT pg_temp.take('mug2', 'ann', 'mug'), pg_temp.stock('mug'), swipesavvy.update_reward(pg_temp.id('mug'), '{"stock": null}') -> 'stock' AS unlimited, pg_temp.stock('mug'), pg_temp.cancel('mug2'), pg_temp.stock('mug'), pg_temp.account('ann');
SELECT pg_temp.take('mug3', 'ann', 'mug'), swipesavvy.update_reward(pg_temp.id('mug'), '{"stock": 1, "is_active": false}') -> 'stock' AS limited, pg_temp.cancel('mug3') AS not_from_stock, pg_temp.stock('mug'), pg_temp.account('ann');
SELECT swipesavvy.update_reward(pg_temp.id('mug'), '{"is_active": true}') -> 'is_active' AS active, pg_temp.take('mug4', 'ann', 'mug'), pg_temp.stock('mug'),
       swipesavvy.update_reward(pg_temp.id('mug'), '{"is_active": false}') -> 'is_active' AS withdrawn, pg_temp.cancel('mug4'), pg_temp.stock('mug'), pg_temp.account('ann');

-- a donation: by an admin alone
SELECT pg_temp.earn('bob', 50, 2), pg_temp.give('gift', 'bob', 20), pg_temp.cancel('gift') AS by_a_backend, pg_temp.cancel('gift', NULL, 'swipesavvy_admin'), pg_temp.cancel('gift', NULL, 'swipesavvy_admin') AS again, pg_temp.account('bob');
SELECT kind, points, debit_account, credit_account FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('bob') AND kind IN ('donate', 'return') ORDER BY entry_id;
SELECT body - 'donation_id' - 'confirmation_code' - 'occurred_at' = jsonb_build_object('user_id', pg_temp.id('bob'), 'points', 20, 'charity_id', pg_temp.id('trees')) AS told FROM swipesavvy.outbox WHERE event = 'points.returned' AND body ? 'donation_id';
SELECT e ->> 'kind' AS kind, e ->> 'charity' AS charity, e ->> 'reason' AS reason FROM jsonb_array_elements(swipesavvy.get_points_history(pg_temp.id('bob'), 1) -> 'entries') e;

-- what has fallen due meanwhile goes with the next expiry: 40 points of 30 months ago were redeemed before they expired
SELECT pg_temp.earn('cat', 40, 30), pg_temp.earn('cat', 25, 1), pg_temp.redeem('old', 'cat', 50);
SELECT swipesavvy.expire_points() -> 'points' AS nothing_due, pg_temp.account('cat');
SELECT pg_temp.cancel('old'), pg_temp.account('cat');
SELECT swipesavvy.expire_points() -> 'points' AS due, pg_temp.account('cat'), swipesavvy.expire_points() -> 'points' AS nothing_left;
-- of several, only as much as is due: 30 due and 20 not, of which 35 were redeemed in two steps
SELECT pg_temp.earn('dan', 30, 30), pg_temp.earn('dan', 20, 1), pg_temp.redeem('one', 'dan', 25), pg_temp.redeem('two', 'dan', 10), swipesavvy.expire_points() -> 'points' AS nothing_due;
SELECT pg_temp.cancel('two'), swipesavvy.expire_points() -> 'points' AS due, pg_temp.account('dan');
SELECT pg_temp.cancel('one'), swipesavvy.expire_points() -> 'points' AS due, pg_temp.account('dan');
-- after an expiry the points of then stay taken: 100 of which 60 expired, 40 were redeemed
SELECT pg_temp.earn('eve', 100, 30), pg_temp.redeem('forty', 'eve', 40), swipesavvy.expire_points() -> 'points' AS due, pg_temp.earn('eve', 10, 1), pg_temp.cancel('forty'), pg_temp.account('eve');
SELECT swipesavvy.expire_points() -> 'points' AS due, pg_temp.account('eve'), pg_temp.redeem('rest', 'eve', 10), pg_temp.account('eve');

-- when nothing is taken any more, a late posting is the oldest, and is taken first
SELECT pg_temp.person('gil'), pg_temp.earn('gil', 40, 3), pg_temp.redeem('five', 'gil', 5), pg_temp.cancel('five'), pg_temp.earn('gil', 30, 20), pg_temp.account('gil');
SELECT pg_temp.redeem('forty5', 'gil', 45), pg_temp.account('gil'), pg_temp.cancel('forty5'), pg_temp.redeem('seventy', 'gil', 70), pg_temp.account('gil');

-- whoever may no longer buy has them back, too, and so does a balance below zero; an erased user's reason is gone
SELECT swipesavvy.record_transaction(pg_temp.id('fay'), 30, transaction_id => pg_temp.id('f')) -> 'points_earned' AS points, pg_temp.redeem('debt', 'fay', 20), pg_temp.redeem('debt2', 'fay', 5),
       swipesavvy.refund_transaction(pg_temp.id('f')) -> 'points_balance' AS below_zero, swipesavvy.suspend_user(pg_temp.id('fay')) ->> 'account_status' AS status, pg_temp.cancel('debt'), pg_temp.account('fay');
SELECT swipesavvy.erase_user(pg_temp.id('fay')) ->> 'account_status' AS erased, pg_temp.cancel('debt2'), pg_temp.account('fay');
SELECT reason, count(*) FROM swipesavvy.redemption_returns WHERE user_id = pg_temp.id('fay') GROUP BY reason ORDER BY reason;

-- what cannot be
SELECT pg_temp.cancel('nothing') AS unknown, pg_temp.redeem('mine', 'cat', 1), pg_temp.cancel('mine', 'dan') AS of_another, pg_temp.cancel('mine', 'nobody') AS of_nobody,
       pg_temp.cancel('mine', reason => '') AS no_reason, pg_temp.cancel('mine', reason => NULL) AS null_reason, pg_temp.cancel('mine', reason => repeat('x', 4001)) AS long_reason;
SELECT role, pg_temp.cancel('mine', as_role => role) FROM unnest(ARRAY['swipesavvy_anon', 'swipesavvy_customer', 'swipesavvy_support', 'swipesavvy_analytics']) role;
SELECT swipesavvy.cancel_redemption(NULL, 'no id');
SELECT swipesavvy.cancel_redemption(redemption_id) - 'redemption_id' - 'entry_id' AS without_a_reason FROM done WHERE name = 'mine';
SELECT x.reason FROM swipesavvy.redemption_returns x JOIN done USING (redemption_id) WHERE name = 'mine';
SELECT pg_temp.redeem('full', 'cat', 1);
SELECT swipesavvy.adjust_points(pg_temp.id('cat'), 9223372036854775807 - points_available, 'as many as can be') -> 'points_balance' AS full FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id('cat');
SELECT pg_temp.cancel('full') AS beyond_a_bigint;

-- an account from which nothing is taken any more: points that are older than those taken then count from their own time on
SELECT pg_temp.person('gus'), pg_temp.earn('gus', 60, 3), pg_temp.redeem('gus', 'gus', 10), pg_temp.cancel('gus'), pg_temp.earn('gus', 40, 5), pg_temp.account('gus');
SELECT pg_temp.redeem('gus again', 'gus', 30), pg_temp.account('gus');
-- planted: a return of what was never redeemed, a piece too many
SAVEPOINT sound;
UPDATE swipesavvy.redemption_returns SET points = points + 1 WHERE user_id = pg_temp.id('bob');
SELECT jsonb_path_query_array(swipesavvy.verify_ledger() -> 'checks', '$.keyvalue() ? (@.value > 0).key') AS checks;
ROLLBACK TO sound;
UPDATE swipesavvy.rewards SET stock = stock + 1 WHERE reward_id = pg_temp.id('mug');
SELECT jsonb_path_query_array(swipesavvy.verify_ledger() -> 'checks', '$.keyvalue() ? (@.value > 0).key') AS checks;
ROLLBACK TO sound;
DELETE FROM swipesavvy.redemption_returns WHERE user_id = pg_temp.id('ann');
SELECT jsonb_path_query_array(swipesavvy.verify_ledger() -> 'checks', '$.keyvalue() ? (@.value > 0).key') AS checks;
ROLLBACK;
