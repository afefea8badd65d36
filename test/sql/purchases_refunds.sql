-- Refunds, to the point and the cent: shares, budgets and limits, tiers, repeats, errors. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.person(name text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(name || '@refunds.test', name, user_id => pg_temp.id(name)) ->> 'name';
CREATE FUNCTION pg_temp.offer(campaign text, shop text, given jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
BEGIN
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('name', campaign, 'campaign_id', campaign, 'campaign_type', 'SEASONAL',
               'start_date', '2026-01-01', 'offer_type', 'OTHER', 'target_merchant_id', pg_temp.id(shop)) || given);
    EXECUTE format('SELECT swipesavvy.create_campaign(%s)', arguments);
    RETURN swipesavvy.launch_campaign(campaign, 'scheduled') ->> 'status';
END
$$;
CREATE FUNCTION pg_temp.buy(name text, who text, amount numeric, shop text DEFAULT NULL, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
    r jsonb;
BEGIN
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('user_id', pg_temp.id(who), 'amount', amount::text, 'occurred_at', '2026-03-01 12:00',
               'merchant_id', pg_temp.id(shop), 'transaction_id', pg_temp.id(name)) || more);
    EXECUTE format('SELECT swipesavvy.record_transaction(%s)', arguments) INTO r;
    RETURN format('%s (%s, %s)', r ->> 'points_earned', r ->> 'points_balance', r ->> 'tier')
        || coalesce((SELECT string_agg(format(' %s:%s:%s', a ->> 'campaign_id', a ->> 'points', a ->> 'discount'), '' ORDER BY n)
                       FROM jsonb_array_elements(r -> 'awards') WITH ORDINALITY e (a, n)), '');
END
$$;
-- Refunds as a backend: "amount of total -points (balance, tier) campaign:discount:cost", or the error.
CREATE FUNCTION pg_temp.refund(name text, amount numeric DEFAULT NULL, key text DEFAULT NULL, who text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
    message text;
    detail text;
BEGIN
    PERFORM set_config('role', 'swipesavvy_backend', true);
    r := swipesavvy.refund_transaction(pg_temp.id(name), amount, key, pg_temp.id(who));
    PERFORM set_config('role', 'none', true);
    RETURN format('%s of %s -%s (%s, %s)', r ->> 'refunded', r ->> 'refunded_total', r ->> 'points_reversed', r ->> 'points_balance', r ->> 'tier')
        || CASE WHEN (r -> 'replayed')::boolean THEN ' replayed' ELSE '' END
        || coalesce((SELECT string_agg(format(' %s:%s:%s', a ->> 'campaign_id', a ->> 'discount', a ->> 'cost'), '' ORDER BY n)
                       FROM jsonb_array_elements(r -> 'returned') WITH ORDINALITY e (a, n)), '');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, message, detail);
END
$$;
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s pending, %s lifetime, %s, %s purchases, %s spent, %s debited', points_available, points_pending,
                          lifetime_points, tier, transaction_count, spent_minor, points_debited)
              FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(who));
CREATE FUNCTION pg_temp.campaign(campaign text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('spent %s; slots %s; %s redemptions, %s count; %s mismatches', swipesavvy.get_campaign(campaign) ->> 'spent',
                          (SELECT string_agg(format('%s: %s of %s', CASE WHEN day > '-infinity' THEN day::text ELSE 'budget' END, used, allotted), ', ' ORDER BY day, slot)
                             FROM swipesavvy.campaign_slots s WHERE s.campaign_no = c.campaign_no),
                          count(r.*), count(r.*) FILTER (WHERE r.counts), swipesavvy.verify_ledger() -> 'mismatches')
              FROM swipesavvy.campaigns c LEFT JOIN swipesavvy.campaign_redemptions r USING (campaign_no)
             WHERE c.campaign_id = campaign GROUP BY c.campaign_no);
CREATE FUNCTION pg_temp.entries(name text) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(format('%s %s: %s > %s', kind, points, debit_account, credit_account), ', ' ORDER BY entry_id)
              FROM swipesavvy.points_entries WHERE transaction_id = pg_temp.id(name));
SELECT pg_temp.person('ann'), pg_temp.person('bob'), pg_temp.person('cat'), pg_temp.person('dan'), pg_temp.person('eve'), pg_temp.person('fay'),
       pg_temp.person('gus'), pg_temp.person('max');
SELECT swipesavvy.create_merchant(shop, 'Services', merchant_id => pg_temp.id(shop)) ->> 'name' AS shop FROM unnest(ARRAY['thirds', 'limits', 'edited', 'large', 'late']) shop;

-- the whole answer
SELECT pg_temp.buy('full', 'fay', 5);
SELECT jsonb_pretty(swipesavvy.refund_transaction(pg_temp.id('full'), 2.5, 'full') - 'refund_id' || jsonb_build_object('transaction_id', NULL)) AS answer;

-- in parts: each sum is rounded down by itself, and what was taken before is taken off; in the end it is all
SELECT pg_temp.offer('R-FIRST', 'thirds', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "bonus_points": 3, "budget": 50, "priority": 1}'),
       pg_temp.offer('R-SECOND', 'thirds', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0.50, "stackable": true, "budget": 50, "points_multiplier": 1.5}');
SELECT pg_temp.buy('t', 'ann', 10, 'thirds'), pg_temp.campaign('R-FIRST'), pg_temp.campaign('R-SECOND');
-- 18 x 333/1000 = 5.994; 103, 55 and 100, 50 likewise 34.3, 18.3, 33.3, 16.65
SELECT pg_temp.refund('t', 3.33), pg_temp.campaign('R-FIRST'), pg_temp.campaign('R-SECOND');
-- of 6.67: 12.006, 68.7, 36.7, 66.7, 33.35
SELECT pg_temp.refund('t', 3.34), pg_temp.campaign('R-FIRST'), pg_temp.campaign('R-SECOND');
-- a cent at a time: 12.024 of 6.68 moves no point
SELECT pg_temp.refund('t', 0.01), pg_temp.refund('t', 3.33) AS a_cent_too_much_is_refused, pg_temp.refund('t', 3.32);
SELECT pg_temp.campaign('R-FIRST'), pg_temp.campaign('R-SECOND'), pg_temp.entries('t'), pg_temp.account('ann');
SELECT status, refunded_minor, points_refunded FROM swipesavvy.transactions WHERE transaction_id = pg_temp.id('t');
SELECT amount_minor, refunded_before_minor, points, amount_was_given, idempotency_key FROM swipesavvy.refunds WHERE transaction_id = pg_temp.id('t') ORDER BY refund_id;
SELECT pg_temp.refund('t') AS nothing_left, pg_temp.refund('t', 0.01) AS not_a_cent;
-- all at once, and the rest at once
SELECT pg_temp.buy('t2', 'ann', 10, 'thirds'), pg_temp.refund('t2'), pg_temp.buy('t3', 'ann', 10, 'thirds'), pg_temp.refund('t3', 9.99), pg_temp.refund('t3');
SELECT pg_temp.campaign('R-FIRST'), pg_temp.account('ann');

-- only a full refund gives the limits back
SELECT pg_temp.offer('R-LIMITS', 'limits', '{"offer_type": "PERCENTAGE", "offer_amount": 50, "daily_limit": 1, "per_user_limit": 1, "budget": 5}');
SELECT pg_temp.buy('l1', 'bob', 10, 'limits'), pg_temp.refund('l1', 9.99), pg_temp.buy('l2', 'bob', 1, 'limits') AS bob_had_it, pg_temp.buy('l3', 'cat', 1, 'limits') AS the_day_is_full,
       pg_temp.buy('l4', 'cat', 9.99, 'limits', '{"occurred_at": "2026-03-02"}') AS the_budget_is_not;
SELECT pg_temp.campaign('R-LIMITS');
SELECT pg_temp.refund('l1'), pg_temp.buy('l5', 'bob', 0.02, 'limits') AS free_again, pg_temp.campaign('R-LIMITS');

-- budgets and limits that came or went in between
SELECT pg_temp.offer('R-EDITED', 'edited', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 2, "budget": 100, "daily_limit": 9}');
SELECT string_agg(pg_temp.buy('e' || n, 'dan', 10, 'edited'), ' ') FROM generate_series(1, 4) n;
SELECT swipesavvy.update_campaign('R-EDITED', '{"budget": null, "daily_limit": null}') ->> 'status' AS unlimited, pg_temp.refund('e1', 5), pg_temp.refund('e2'), pg_temp.campaign('R-EDITED');
SELECT swipesavvy.update_campaign('R-EDITED', '{"budget": 5, "daily_limit": 2}') ->> 'status' AS limited, pg_temp.campaign('R-EDITED');
SELECT pg_temp.refund('e1'), pg_temp.refund('e3', 2.50), pg_temp.campaign('R-EDITED');
SELECT swipesavvy.delete_campaign('R-EDITED') ->> 'status' AS status, pg_temp.refund('e3'), pg_temp.refund('e4'), pg_temp.campaign('R-EDITED');

-- 128 bits in between
SELECT swipesavvy.update_system_settings('{"earn_rate": 100}') ->> 'status' AS changed;
SELECT pg_temp.buy('huge', 'max', 92233720368547758.07), pg_temp.refund('huge', 92233720368547758.06), pg_temp.account('max');
SELECT pg_temp.refund('huge'), pg_temp.account('max');
SELECT swipesavvy.update_system_settings('{"earn_rate": 1}') ->> 'status' AS changed;

-- a day that was over its limit when that was set: what comes back is not for others until the day is below it
SELECT pg_temp.person('liz'), pg_temp.offer('late', 'late', '{}');
SELECT pg_temp.buy('late' || n, 'liz', 1, 'late') FROM generate_series(1, 4) n;
SELECT swipesavvy.update_campaign('late', '{"daily_limit": 2}') -> 'daily_limit' AS daily_limit;
SELECT pg_temp.refund('late1'), pg_temp.buy('late5', 'liz', 1, 'late') AS three, pg_temp.refund('late2'), pg_temp.buy('late6', 'liz', 1, 'late') AS two;
SELECT pg_temp.refund('late3'), pg_temp.buy('late7', 'liz', 1, 'late') AS one, pg_temp.buy('late8', 'liz', 1, 'late') AS again_two;
SELECT swipesavvy.update_campaign('late', '{"daily_limit": 5}') -> 'daily_limit' AS daily_limit;
SELECT pg_temp.buy('late' || n, 'liz', 1, 'late') FROM generate_series(9, 12) n;
SELECT swipesavvy.update_campaign('late', '{"daily_limit": 1}') -> 'daily_limit' AS daily_limit, pg_temp.refund('late9'), pg_temp.buy('late13', 'liz', 1, 'late') AS four;
SET LOCAL swipesavvy.direct_tables = off;
SELECT pg_temp.refund('late10'), pg_temp.buy('late14', 'liz', 1, 'late') AS three, pg_temp.refund('late4'), pg_temp.refund('late11'), pg_temp.buy('late15', 'liz', 1, 'late') AS one;
SET LOCAL swipesavvy.direct_tables = on;
SELECT pg_temp.refund('late7'), pg_temp.buy('late16', 'liz', 1, 'late') AS none, pg_temp.buy('late17', 'liz', 1, 'late') AS one;
SELECT s.day, sum(s.used) AS used, sum(s.allotted) AS allotted FROM swipesavvy.campaign_slots s JOIN swipesavvy.campaigns c USING (campaign_no) WHERE c.campaign_id = 'late' GROUP BY s.day;

-- the day's spending is net of refunds
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 10}') ->> 'status' AS changed;
SELECT pg_temp.buy('day1', 'eve', 10), pg_temp.refund('day1', 4), pg_temp.buy('day2', 'eve', 4) AS what_came_back;
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": null}') ->> 'status' AS changed;
-- other currencies: in their own decimals, and not part of the total
SELECT pg_temp.buy('yen', 'eve', 500, NULL, '{"currency": "JPY"}'), pg_temp.refund('yen', 0.5), pg_temp.refund('yen', 250), pg_temp.account('eve');
SELECT pg_temp.buy('dinar', 'eve', 1.234, NULL, '{"currency": "BHD"}'), pg_temp.refund('dinar', 1.2345), pg_temp.refund('dinar', 0.234);
-- below zero, when the points were used
SELECT swipesavvy.redeem_points(pg_temp.id('eve'), points => 50) -> 'points_balance' AS balance;
SELECT pg_temp.buy('debt', 'eve', 40), pg_temp.refund('debt'), pg_temp.refund('yen'), pg_temp.account('eve'), swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
-- users who may no longer buy
SELECT pg_temp.buy('gone', 'gus', 10), swipesavvy.deactivate_user(pg_temp.id('gus')) ->> 'account_status' AS status, pg_temp.refund('gone', 5), pg_temp.account('gus');

-- the tier is kept to the end of the next year
SELECT pg_temp.buy('tier1', 'fay', 4996), pg_temp.buy('tier2', 'fay', 1) AS at_gold;
SELECT pg_temp.refund('tier2', 1) AS gold_is_kept, pg_temp.account('fay'), tier_until = make_timestamptz(extract(year FROM now())::int + 2, 1, 1, 0, 0, 0, 'UTC') AS until_then
  FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id('fay');
UPDATE swipesavvy.reward_accounts SET tier_until = now() + interval '1 minute' WHERE user_id = pg_temp.id('fay');
SELECT pg_temp.refund('tier1', 4990) AS up_to_then;
UPDATE swipesavvy.reward_accounts SET tier_until = now() WHERE user_id = pg_temp.id('fay');
SELECT pg_temp.refund('tier1', 1) AS no_longer, pg_temp.account('fay');
-- a rise after that time begins the time anew, though nobody wrote down the fall before it
SELECT pg_temp.person('flo'), pg_temp.buy('tier3', 'flo', 5000), pg_temp.refund('tier3', 4000) AS kept;
UPDATE swipesavvy.reward_accounts SET tier_until = now() WHERE user_id = pg_temp.id('flo');
SELECT pg_temp.buy('tier4', 'flo', 5000) AS as_bronze, pg_temp.refund('tier4') AS gold_is_kept_again, pg_temp.account('flo');
-- and so does a rise from a tier that is no longer one
SELECT pg_temp.person('fox'), pg_temp.buy('tier5', 'fox', 2000);
UPDATE swipesavvy.reward_accounts SET tier = 'amber' WHERE user_id = pg_temp.id('fox');
SELECT pg_temp.buy('tier6', 'fox', 3000) AS to_gold, pg_temp.refund('tier6') AS gold_is_kept;
UPDATE swipesavvy.reward_accounts SET tier = 'amber', tier_until = NULL WHERE user_id = pg_temp.id('fox');
SELECT pg_temp.buy('tier7', 'fox', 3000) AS to_gold, pg_temp.refund('tier7') AS gold_is_kept;

-- repeats: the first answer with the present balance and tier; nothing changes
SELECT pg_temp.buy('k', 'bob', 10, 'thirds'), pg_temp.refund('k', 3.33, 'key'), pg_temp.refund('k', 3.330, 'key'), pg_temp.refund('k', 3.33, 'key', 'bob');
SELECT pg_temp.buy('k2', 'bob', 7), pg_temp.refund('k', 3.33, 'key') AS present_balance, pg_temp.refund('k', 3.34, 'other') AS another_key, pg_temp.refund('k', 3.33, 'key') AS as_before;
SELECT pg_temp.refund('k', 3.32, 'key') AS other_amount, pg_temp.refund('k', NULL, 'key') AS no_amount, pg_temp.refund('k2', 3.33, 'key') AS other_purchase;
SELECT pg_temp.refund('k', NULL, 'rest'), pg_temp.refund('k', NULL, 'rest'), pg_temp.refund('k', 3.33, 'rest') AS now_with_amount, pg_temp.refund('k', 3.33, 'key') AS nothing_left_and_still;
-- a key is the user's and the operation's own; an error stores none
SELECT pg_temp.buy('k3', 'cat', 10, NULL, '{"idempotency_key": "key"}'), pg_temp.refund('k3', 11, 'key') AS refused, pg_temp.refund('k3', 1, 'key'), pg_temp.refund('k3', 1) AS without_key, pg_temp.refund('k3', 1) AS once_more;

-- the customer sees what came back: nothing, a part, all of it; read by either way
CREATE FUNCTION pg_temp.seen(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(' ', t ->> 'status', t ->> 'amount', t ->> 'refund_status', t ->> 'refunded_amount', t ->> 'currency')
      FROM swipesavvy.transactions o, jsonb_array_elements(swipesavvy.get_user_transactions(o.user_id, 100) -> 'transactions') t
     WHERE o.transaction_id = pg_temp.id(name) AND (t ->> 'transaction_id')::uuid = o.transaction_id
$$;
SELECT direct, set_config('swipesavvy.direct_tables', direct, true) = direct AS set, pg_temp.seen('k3') AS part, pg_temp.seen('debt') AS whole,
       pg_temp.seen('day2') AS nothing, pg_temp.seen('dinar') AS dinar FROM unnest(ARRAY['off', 'on']) direct;

-- each refund is told once, a repeat never; a tier whenever it is another one
SELECT event, order_key = 'user:' || pg_temp.id('ann') AS in_order, body - 'refund_id' - 'refunded_at' AS body FROM swipesavvy.outbox WHERE body ->> 'transaction_id' = pg_temp.id('t')::text ORDER BY message_id;
SELECT count(*) > 20 AS many, count(*) - (SELECT count(*) FROM swipesavvy.refunds) AS more_than_refunds FROM swipesavvy.outbox WHERE event = 'purchase.refunded';
SELECT body - 'changed_at' AS body FROM swipesavvy.outbox WHERE event = 'user.tier_changed' AND order_key = 'user:' || pg_temp.id('fay') ORDER BY message_id;

-- what cannot be refunded
SELECT pg_temp.refund('nothing') AS unknown, pg_temp.refund('k3', 1, NULL, 'ann') AS of_another, pg_temp.refund('k3', 0) AS zero, pg_temp.refund('k3', -1) AS negative,
       pg_temp.refund('k3', 0.001) AS decimals, pg_temp.refund('k3', 'NaN') AS nan, pg_temp.refund('k3', 1e30) AS much, pg_temp.refund('k3', 1, '') AS empty_key;
SELECT s, pg_temp.buy(s, 'cat', 10, NULL, jsonb_build_object('status', s)), pg_temp.refund(s) FROM unnest(ARRAY['pending', 'failed', 'cancelled']) s;
SELECT pg_temp.buy('free', 'cat', 0), pg_temp.refund('free') AS of_nothing;
\set ON_ERROR_ROLLBACK on
SELECT swipesavvy.refund_transaction(NULL);
SET LOCAL ROLE swipesavvy_customer;
SELECT swipesavvy.refund_transaction(pg_temp.id('k3'));
RESET ROLE;
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK;
