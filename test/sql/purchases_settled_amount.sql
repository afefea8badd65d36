-- Pending purchases that are settled for another amount, to the point and the cent: every figure here was worked out by
-- hand from doc/awards.md. Everything is rolled back.
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.person(name text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(name || '@amount.test', name, user_id => pg_temp.id(name)) ->> 'name';
-- A running campaign at a shop; what is given is laid over that.
CREATE FUNCTION pg_temp.offer(campaign text, shop text, given jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
BEGIN
    IF NOT EXISTS (SELECT FROM swipesavvy.merchants WHERE merchant_id = pg_temp.id(shop)) THEN
        PERFORM swipesavvy.create_merchant(shop, 'Services', merchant_id => pg_temp.id(shop));
    END IF;
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('name', campaign, 'campaign_id', campaign, 'campaign_type', 'SEASONAL',
               'start_date', '2026-01-01', 'offer_type', 'OTHER', 'target_merchant_id', pg_temp.id(shop)) || given);
    EXECUTE format('SELECT swipesavvy.create_campaign(%s)', arguments);
    RETURN swipesavvy.launch_campaign(campaign, 'scheduled') ->> 'status';
END
$$;
CREATE FUNCTION pg_temp.awards(r jsonb) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN (SELECT coalesce(string_agg(format('%s:%s:%s', a ->> 'campaign_id', a ->> 'points', a ->> 'discount'), ' ' ORDER BY n), '-')
              FROM jsonb_array_elements(r -> 'awards') WITH ORDINALITY e (a, n));
-- Records a pending purchase under that name: points and awards.
CREATE FUNCTION pg_temp.buy(name text, who text, amount numeric, shop text DEFAULT NULL, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
    r jsonb;
BEGIN
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('user_id', pg_temp.id(who), 'amount', amount::text, 'occurred_at', '2026-03-01 12:00', 'status', 'pending',
               'merchant_id', pg_temp.id(shop), 'transaction_id', pg_temp.id(name)) || more);
    EXECUTE format('SELECT swipesavvy.record_transaction(%s)', arguments) INTO r;
    RETURN format('%s %s', r ->> 'points_earned', pg_temp.awards(r));
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Settles as a backend: points, awards and the amount; or the error.
CREATE FUNCTION pg_temp.settle(name text, amount numeric DEFAULT NULL, who text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
    message text;
    detail text;
    hint text;
BEGIN
    PERFORM set_config('role', 'swipesavvy_backend', true);
    r := swipesavvy.settle_transaction(pg_temp.id(name), pg_temp.id(who), amount);
    PERFORM set_config('role', 'none', true);
    RETURN format('%s %s for %s', r ->> 'points_earned', pg_temp.awards(r), r ->> 'amount');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN format('%s %s: %s %s', SQLSTATE, message, detail, hint);
END
$$;
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s pending, %s lifetime, %s, %s spent', points_available, points_pending, lifetime_points, tier, spent_minor)
              FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(who));
CREATE FUNCTION pg_temp.entries(name text) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(format('%s%s %s: %s > %s', kind, ' ' || c.campaign_id, points, debit_account, credit_account), ', ' ORDER BY entry_id)
              FROM swipesavvy.points_entries LEFT JOIN swipesavvy.campaigns c USING (campaign_no) WHERE transaction_id = pg_temp.id(entries.name));
-- What a campaign has spent, what its slots say, and whether all adds up.
CREATE FUNCTION pg_temp.campaign(campaign text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('spent %s, slots %s, %s count, %s mismatches', swipesavvy.get_campaign(campaign) ->> 'spent',
                          (SELECT string_agg(format('%s of %s', used, allotted), ', ' ORDER BY day, slot) FROM swipesavvy.campaign_slots s WHERE s.campaign_no = c.campaign_no),
                          count(r.*) FILTER (WHERE r.counts), swipesavvy.verify_ledger() -> 'mismatches')
              FROM swipesavvy.campaigns c LEFT JOIN swipesavvy.campaign_redemptions r USING (campaign_no) WHERE c.campaign_id = campaign GROUP BY c.campaign_no);
CREATE FUNCTION pg_temp.set(settings jsonb) RETURNS text LANGUAGE sql RETURN swipesavvy.update_system_settings(settings) ->> 'status';
SELECT string_agg(pg_temp.person(name), ' ') FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim']) name;

-- a tip: base points by rate, tier and boost of the recording; awards by the version of then, though the campaign has changed
SELECT pg_temp.set('{"earn_rate": 2}'), swipesavvy.adjust_points(pg_temp.id('ann'), 1, 'a start') -> 'points' AS points,
       swipesavvy.record_transaction(pg_temp.id('ann'), 1000) ->> 'tier' AS tier,
       swipesavvy.create_boost('Half more', 1.5, starts_at => '2026-01-01', expires_at => '2026-12-31', boost_id => pg_temp.id('boost')) ->> 'name' AS boost,
       swipesavvy.activate_boost(pg_temp.id('ann'), pg_temp.id('boost')) IS NOT NULL AS activated;
SELECT pg_temp.offer('TIP', 'diner', '{"offer_type": "PERCENTAGE", "offer_amount": 10, "points_multiplier": 2, "bonus_points": 4, "budget": 100, "min_spend": 45, "per_user_limit": 1, "daily_limit": 1}');
-- 50.00 x 2 x 1.25 x 1.5 = 187.5; bonus 187 + 4; 60.00: 225 and 225 + 4
SELECT pg_temp.buy('t1', 'ann', 50, 'diner'), pg_temp.account('ann'), pg_temp.campaign('TIP');
SELECT base_rate, base_rate = 2000::bigint * 1250 * 1500 AS the_product FROM swipesavvy.transactions WHERE transaction_id = pg_temp.id('t1');
SELECT pg_temp.set('{"earn_rate": 7}'), swipesavvy.deactivate_boost(pg_temp.id('ann'), pg_temp.id('boost')) IS NOT NULL AS deactivated,
       swipesavvy.update_campaign('TIP', '{"offer_amount": 50, "points_multiplier": 9, "bonus_points": 0, "min_spend": 500}') -> 'version' AS version,
       swipesavvy.pause_campaign('TIP') ->> 'status' AS status, swipesavvy.update_campaign('TIP', '{"end_date": "2026-02-01"}') ->> 'end_date' AS ended;
SELECT pg_temp.settle('t1', 60, 'ann'), pg_temp.account('ann'), pg_temp.campaign('TIP');
SELECT pg_temp.entries('t1');
SELECT recorded_amount_minor, recorded_points_base, recorded_points_bonus, recorded_discount_minor, recorded_awards FROM swipesavvy.settlements WHERE transaction_id = pg_temp.id('t1');
SELECT amount_minor, status, points_base, points_bonus, points_earned, discount_minor, refunded_minor FROM swipesavvy.purchases WHERE transaction_id = pg_temp.id('t1');
SELECT pg_temp.settle('t1', 60) AS again, pg_temp.settle('t1') AS without_amount;
-- the explanation shows both amounts, and what each campaign had given
SELECT e - 'candidates' - 'transaction_id' - 'user_id' - 'recorded_at' AS purchase, e -> 'candidates' -> 0 AS candidate FROM swipesavvy.explain_award(pg_temp.id('t1')) e;
SELECT pg_temp.set('{"earn_rate": 1}');

-- a fuel pump: 100.00 held, 42.17 taken; a third part of it comes back. 42.17 x 1.25 = 52.7125 points; 10 per cent are 4.217
SELECT pg_temp.offer('PUMP', 'pump', '{"offer_type": "PERCENTAGE", "offer_amount": 10, "points_multiplier": 1.5, "budget": 20}');
SELECT pg_temp.buy('f1', 'ann', 100, 'pump'), pg_temp.campaign('PUMP');
SELECT pg_temp.settle('f1', 42.17), pg_temp.campaign('PUMP');
SELECT pg_temp.entries('f1');
-- floor(78 x 14.05 / 42.17) = 25 points; floor(421 x 1405 / 4217) = 140 cents, and of the cost 447 it is 148
SELECT r - 'refund_id' - 'transaction_id' - 'points_balance' AS refund FROM swipesavvy.refund_transaction(pg_temp.id('f1'), 14.05) r;
SELECT swipesavvy.refund_transaction(pg_temp.id('f1'), 28.13) IS NULL AS more_than_the_settled_amount;

-- cut in the recorded order: the discounts of 30.00 and 30.00 of a purchase of 40.00, then of 100.00, then of 5.00
SELECT pg_temp.offer('CUT-A', 'cut', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 30, "stackable": true, "budget": 1000}'),
       pg_temp.offer('CUT-B', 'cut', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 30, "stackable": true, "budget": 1000, "bonus_points": 3}');
SELECT pg_temp.buy('c1', 'bob', 40, 'cut'), pg_temp.buy('c2', 'bob', 40, 'cut'), pg_temp.campaign('CUT-A'), pg_temp.campaign('CUT-B');
-- the later priority of one does not change the order
SELECT swipesavvy.update_campaign('CUT-B', '{"priority": 9}') -> 'priority' AS priority;
SELECT pg_temp.settle('c1', 100), pg_temp.settle('c2', 5), pg_temp.campaign('CUT-A'), pg_temp.campaign('CUT-B');
SELECT pg_temp.entries('c1') AS c1, pg_temp.entries('c2') AS c2;

-- what an award costs more must be there in full: to the last cent, and not one more
SELECT pg_temp.offer('LAST', 'last', '{"offer_type": "PERCENTAGE", "offer_amount": 10, "budget": 11, "bonus_points": 1, "points_multiplier": 2}');
SELECT pg_temp.set('{"point_value_minor": 0}'), pg_temp.buy('l1', 'cat', 50, 'last'), pg_temp.buy('l2', 'cat', 50, 'last'), pg_temp.campaign('LAST');
SELECT pg_temp.settle('l1', 60.10) AS a_cent_too_much, pg_temp.campaign('LAST');
SELECT pg_temp.settle('l2', 60.09) AS exactly, pg_temp.campaign('LAST');
-- what one gives back another may take
SELECT pg_temp.offer('BACK', 'back', '{"offer_type": "PERCENTAGE", "offer_amount": 10, "budget": 10}');
SELECT pg_temp.buy('b1', 'cat', 50, 'back'), pg_temp.buy('b2', 'cat', 50, 'back'), pg_temp.settle('b1', 20), pg_temp.settle('b2', 80), pg_temp.campaign('BACK');
-- an award that is kept is cut to what is left of the amount, and the others go on: 60 per cent of 50.00, then 20.00 of 30.00
SELECT pg_temp.offer('KEEP-A', 'keep', '{"offer_type": "PERCENTAGE", "offer_amount": 60}'),
       pg_temp.offer('KEEP-B', 'keep', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 30, "stackable": true, "priority": 5, "bonus_points": 10, "budget": 30}'),
       pg_temp.offer('KEEP-C', 'keep', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 15, "stackable": true, "budget": 100, "points_multiplier": 1.1}');
SELECT pg_temp.buy('k1', 'dan', 100, 'keep'), pg_temp.campaign('KEEP-B'), pg_temp.campaign('KEEP-C');
-- a point is worth 1.00 now: B's 10 points would cost 10.00 more than is given back; C's 5 points cost 5.00
SELECT pg_temp.set('{"point_value_minor": 100}'), pg_temp.settle('k1', 50), pg_temp.campaign('KEEP-B'), pg_temp.campaign('KEEP-C');
SELECT pg_temp.entries('k1');
SELECT pg_temp.set('{"point_value_minor": 1}');

-- no limit, date or least amount is looked at again, and nothing is chosen anew
SELECT pg_temp.offer('ONCE', 'once', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 5, "min_spend": 40, "per_user_limit": 1, "daily_limit": 1, "budget": 50}');
SELECT pg_temp.buy('o1', 'eve', 50, 'once'), pg_temp.offer('BETTER', 'once', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 20, "priority": 9}');
SELECT pg_temp.settle('o1', 39.99), pg_temp.campaign('ONCE'), pg_temp.campaign('BETTER');
-- also of a campaign that is archived, or whose budget was taken off or put on meanwhile
SELECT pg_temp.offer('GONE', 'gone', '{"offer_type": "PERCENTAGE", "offer_amount": 50, "budget": 100}');
SELECT pg_temp.buy('g1', 'fay', 10, 'gone'), pg_temp.buy('g2', 'fay', 10, 'gone'), pg_temp.buy('g3', 'fay', 10, 'gone');
SELECT swipesavvy.update_campaign('GONE', '{"budget": null}') ->> 'status' AS without, pg_temp.settle('g1', 1000), pg_temp.campaign('GONE');
SELECT swipesavvy.update_campaign('GONE', '{"budget": 520}') ->> 'status' AS with, pg_temp.settle('g2', 30), pg_temp.campaign('GONE');
SELECT swipesavvy.delete_campaign('GONE') ->> 'status' AS status, pg_temp.settle('g3', 11), pg_temp.campaign('GONE');

-- a campaign that gives nothing for the new amount stays an award; whole points are cut off; nothing becomes something
SELECT pg_temp.buy('n2', 'fay', 0), pg_temp.buy('n3', 'fay', 12);
SELECT pg_temp.settle('n2', 12.99), pg_temp.settle('n3', 0.99), pg_temp.entries('n3'), pg_temp.account('fay');
SELECT pg_temp.offer('NONE', 'none', '{"offer_type": "PERCENTAGE", "offer_amount": 1, "points_multiplier": 1.5, "per_user_limit": 1}');
SELECT pg_temp.buy('n5', 'fay', 10, 'none'), pg_temp.settle('n5', 0.99), pg_temp.campaign('NONE'), pg_temp.buy('n6', 'fay', 10, 'none') AS counts_still;
-- the cost of shipping is that of the purchase; buy one get one is half of the new amount
SELECT pg_temp.offer('SHIP', 'ship', '{"offer_type": "FREE_SHIPPING", "offer_amount": 8}'), pg_temp.offer('HALF', 'half', '{"offer_type": "BOGO", "offer_amount": 0, "max_discount": 20}');
SELECT pg_temp.buy('s1', 'fay', 2, 'ship', '{"metadata": {"shipping_amount": 6.5}}'), pg_temp.settle('s1', 50), pg_temp.buy('s2', 'fay', 10.01, 'half'), pg_temp.settle('s2', 10.03),
       pg_temp.buy('s3', 'fay', 10, 'half'), pg_temp.settle('s3', 50);

-- the recorded amount, named, is no other one: what points are worth now does not matter
SELECT pg_temp.buy('r1', 'gus', 50, 'cut'), pg_temp.set('{"point_value_minor": 50}'), pg_temp.settle('r1', 50.00), pg_temp.campaign('CUT-B'), pg_temp.set('{"point_value_minor": 1}');
SELECT count(*) AS settlements FROM swipesavvy.settlements WHERE transaction_id = pg_temp.id('r1');

-- the limits of a purchase and a day refuse nothing, but the day's total counts what was settled
SELECT pg_temp.set('{"max_transaction_amount": 40, "daily_spending_limit": 60}');
SELECT pg_temp.buy('d1', 'hal', 40), pg_temp.settle('d1', 55), pg_temp.account('hal'), pg_temp.buy('d2', 'hal', 6) AS over, pg_temp.buy('d3', 'hal', 5);
SELECT pg_temp.buy('d4', 'ida', 40), pg_temp.settle('d4', 500), pg_temp.buy('d5', 'ida', 0.01) AS over, pg_temp.buy('d6', 'jon', 40), pg_temp.settle('d6', 10), pg_temp.buy('d7', 'jon', 40), pg_temp.buy('d8', 'jon', 10.01) AS over;
SELECT pg_temp.set('{"max_transaction_amount": null, "daily_spending_limit": null}');

-- other currencies, in their own decimals
SELECT pg_temp.buy('y1', 'kim', 500, NULL, '{"currency": "JPY"}'), pg_temp.settle('y1', 600.5) AS half_a_yen, pg_temp.settle('y1', 601), pg_temp.buy('y2', 'kim', 1.5, NULL, '{"currency": "BHD"}'), pg_temp.settle('y2', 2.999), pg_temp.account('kim');

-- a repeat of the recording is answered as then, by the amount of then
SELECT r - 'points_balance' AS first FROM swipesavvy.record_transaction(pg_temp.id('kim'), 40, merchant_id => pg_temp.id('cut'), status => 'pending', idempotency_key => 'authorised', transaction_id => pg_temp.id('i1')) r;
SELECT pg_temp.settle('i1', 45);
SELECT r - 'points_balance' AS repeated FROM swipesavvy.record_transaction(pg_temp.id('kim'), 40.00, merchant_id => pg_temp.id('cut'), status => 'pending', idempotency_key => 'authorised', transaction_id => pg_temp.id('i1')) r;
SELECT swipesavvy.record_transaction(pg_temp.id('kim'), 45, merchant_id => pg_temp.id('cut'), status => 'pending', idempotency_key => 'authorised', transaction_id => pg_temp.id('i1'));

-- beyond a bigint is an error, and nothing is recorded; where a budget says no to it, the award is kept
SELECT pg_temp.offer('HUGE', 'huge', '{"offer_type": "OTHER", "points_multiplier": 1000}'), pg_temp.offer('HUGE-B', 'huge-b', '{"offer_type": "OTHER", "points_multiplier": 1000, "budget": 1000}');
SELECT pg_temp.buy('h1', 'kim', 1, 'huge'), pg_temp.buy('h2', 'kim', 1, 'huge-b');
SELECT pg_temp.settle('h1', 90000000000000000) AS unlimited, pg_temp.settle('h2', 80000000000000000) AS budget, pg_temp.campaign('HUGE-B'), pg_temp.settle('h1', 92233720368547758.08) AS no_amount;
SELECT pg_temp.settle('h1', 2), pg_temp.account('kim');

-- what is no amount, and who may not
SELECT pg_temp.buy('e1', 'bob', 10);
SELECT v AS amount, pg_temp.settle('e1', v) FROM unnest(ARRAY[0, -1, 0.001, 'NaN', 'Infinity', 1e30]::numeric[]) WITH ORDINALITY u (v, n) ORDER BY n;
SELECT pg_temp.settle('nothing', 1) AS unknown, pg_temp.settle('e1', 1, 'ann') AS of_another;
SELECT s, pg_temp.buy(s, 'bob', 10, NULL, jsonb_build_object('status', s)), pg_temp.settle(s, 11) FROM unnest(ARRAY['completed', 'failed', 'cancelled']) s;
UPDATE swipesavvy.transactions SET recorded_at = now() - interval '31 days' WHERE transaction_id = pg_temp.id('e1');
SELECT pg_temp.settle('e1', 11) AS lapsed;
SET LOCAL ROLE swipesavvy_customer;
SELECT swipesavvy.settle_transaction(pg_temp.id('e1'), amount => 11);
RESET ROLE;

-- the same without the direct way
SET LOCAL swipesavvy.direct_tables = off;
SELECT pg_temp.offer('SLOW', 'slow', '{"offer_type": "PERCENTAGE", "offer_amount": 10, "budget": 10.50}');
SELECT pg_temp.buy('x1', 'bob', 40, 'cut'), pg_temp.settle('x1', 50), pg_temp.campaign('CUT-A');
SELECT pg_temp.buy('x2', 'bob', 50, 'slow'), pg_temp.buy('x3', 'cat', 50, 'slow'), pg_temp.settle('x2', 60) AS too_much, pg_temp.settle('x3', 55) AS exactly, pg_temp.campaign('SLOW');
SET LOCAL swipesavvy.direct_tables = on;

-- who brought the user is paid; and everything is seen as it was settled
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 20}') ->> 'status' AS changed, swipesavvy.create_user('new@amount.test', 'new', user_id => pg_temp.id('new'), referred_by => pg_temp.id('hal')) ->> 'name' AS name;
SELECT pg_temp.buy('w1', 'new', 10, 'cut', jsonb_build_object('occurred_at', now() - interval '1 hour')), pg_temp.settle('w1', 70), pg_temp.account('new'), pg_temp.entries('w1');
SELECT t ->> 'amount' AS amount, t -> 'points_earned' AS points, t ->> 'refunded_amount' AS refunded FROM jsonb_array_elements(swipesavvy.get_user_transactions(pg_temp.id('new')) -> 'transactions') t;
SELECT a ->> 'total_spent' AS total_spent, a ->> 'max_transaction' AS largest FROM swipesavvy.get_user_spending_analytics(pg_temp.id('new')) a;
SELECT e #- '{settlements,0,settled_at}' -> 'settlements' AS settlements FROM swipesavvy.export_user_data(pg_temp.id('new')) e;
SELECT swipesavvy.erase_user(pg_temp.id('new')) ->> 'account_status' AS erased, swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
-- planted: a settlement that does not fit
UPDATE swipesavvy.settlements SET recorded_points_base = recorded_points_base + 1 WHERE transaction_id = pg_temp.id('w1');
SELECT jsonb_path_query_array(swipesavvy.verify_ledger() -> 'checks', '$.keyvalue() ? (@.value > 0).key') AS checks;
DELETE FROM swipesavvy.settlements WHERE transaction_id = pg_temp.id('c2');
SELECT jsonb_path_query_array(swipesavvy.verify_ledger() -> 'checks', '$.keyvalue() ? (@.value > 0).key') AS checks;
ROLLBACK;
