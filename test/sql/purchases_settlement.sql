-- What becomes of pending purchases: settled, declined or lapsed, to the point and the cent. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.person(name text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(name || '@settlement.test', name, user_id => pg_temp.id(name)) ->> 'name';
-- A running campaign of 2026 at a merchant; what is given is laid over that.
CREATE FUNCTION pg_temp.offer(campaign text, given jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
BEGIN
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('name', campaign, 'campaign_id', campaign, 'campaign_type', 'SEASONAL',
               'start_date', '2026-01-01', 'offer_type', 'OTHER', 'target_merchant_id', pg_temp.id(campaign)) || given);
    PERFORM swipesavvy.create_merchant(campaign, 'Services', merchant_id => pg_temp.id(campaign));
    EXECUTE format('SELECT swipesavvy.create_campaign(%s)', arguments);
    RETURN swipesavvy.launch_campaign(campaign, 'scheduled') ->> 'status';
END
$$;
-- Records a purchase under that name: points and the campaigns it was awarded.
CREATE FUNCTION pg_temp.buy(name text, who text, amount numeric, shop text DEFAULT NULL, status text DEFAULT 'pending', on_day date DEFAULT '2026-03-01')
RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r ->> 'status', r ->> 'points_earned', (SELECT string_agg(a ->> 'campaign_id', ' ') FROM jsonb_array_elements(r -> 'awards') a))
      FROM swipesavvy.record_transaction(pg_temp.id(who), amount, merchant_id => pg_temp.id(shop), occurred_at => on_day + time '12:00',
               status => status, transaction_id => pg_temp.id(name)) r
$$;
-- Settles or declines as a backend; or the error.
CREATE FUNCTION pg_temp.does(what text, name text, who text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
    message text;
    detail text;
BEGIN
    PERFORM set_config('role', 'swipesavvy_backend', true);
    EXECUTE format('SELECT swipesavvy.%I(%L, %L)', what || '_transaction', pg_temp.id(name), pg_temp.id(who)) INTO r;
    PERFORM set_config('role', 'none', true);
    RETURN (r - 'transaction_id')::text;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, message, detail);
END
$$;
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s pending, %s lifetime, %s, %s purchases, %s spent', points_available, points_pending,
                          lifetime_points, tier, transaction_count, spent_minor)
              FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(who));
-- What a campaign has left, and who redeemed it; and whether all adds up.
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
SELECT pg_temp.person('ann'), pg_temp.person('bob'), pg_temp.person('cat'), pg_temp.person('dan'), pg_temp.person('eve'), pg_temp.person('fay');

-- settling: the points of then, at the tier of then, become available now; spent, lifetime and tier follow
SELECT pg_temp.offer('S-SET', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "bonus_points": 4, "budget": 100, "daily_limit": 5}');
SELECT pg_temp.buy('s1', 'ann', 1995.99, 'S-SET'), pg_temp.account('ann'), pg_temp.campaign('S-SET');
SELECT swipesavvy.update_system_settings('{"earn_rate": 7, "point_value_minor": 9}') ->> 'status' AS changed;
SELECT pg_temp.does('settle', 's1');
SELECT swipesavvy.update_system_settings('{"earn_rate": 1, "point_value_minor": 1}') ->> 'status' AS changed_back;
SELECT pg_temp.account('ann'), pg_temp.campaign('S-SET');
SELECT pg_temp.entries('s1');
-- one point more is silver
SELECT pg_temp.buy('s2', 'ann', 0.99), pg_temp.does('settle', 's2', 'ann'), pg_temp.entries('s2') AS nothing_moved;
SELECT pg_temp.buy('s3', 'ann', 1), pg_temp.does('settle', 's3', 'ann');
-- another currency counts points, not the total
SELECT swipesavvy.record_transaction(pg_temp.id('bob'), 500, 'JPY', status => 'pending', transaction_id => pg_temp.id('s4')) -> 'points_earned' AS points;
SELECT pg_temp.does('settle', 's4'), pg_temp.account('bob');
-- a settled purchase keeps what it holds
SELECT pg_temp.does('settle', 's1') AS again, pg_temp.does('decline', 's1') AS declined, pg_temp.does('settle', 'nothing') AS unknown,
       pg_temp.does('settle', 's3', 'bob') AS of_another_user, pg_temp.does('decline', 's3', 'nobody') AS of_nobody;

-- declining gives back the budget, the day's place and the user's, and the points
SELECT pg_temp.offer('S-DEC', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 5, "bonus_points": 10, "budget": 5.10, "daily_limit": 1, "per_user_limit": 1}');
SELECT pg_temp.buy('d1', 'cat', 20, 'S-DEC'), pg_temp.account('cat'), pg_temp.campaign('S-DEC');
SELECT pg_temp.buy('d2', 'cat', 20, 'S-DEC') AS second_of_cat, pg_temp.buy('d3', 'dan', 20, 'S-DEC') AS second_of_the_day,
       pg_temp.buy('d4', 'dan', 20, 'S-DEC', on_day => '2026-03-02') AS no_budget;
SELECT pg_temp.does('decline', 'd1'), pg_temp.entries('d1');
SELECT pg_temp.account('cat'), pg_temp.campaign('S-DEC');
SELECT pg_temp.buy('d5', 'cat', 20, 'S-DEC') AS free_again, pg_temp.campaign('S-DEC');
SELECT pg_temp.does('decline', 'd1') AS again, pg_temp.does('settle', 'd1') AS settled, pg_temp.does('decline', 'd2') AS without_award;
SELECT pg_temp.buy('d6', 'cat', 20, status => 'failed'), pg_temp.does('settle', 'd6') AS failed, pg_temp.buy('d7', 'cat', 20, status => 'cancelled'), pg_temp.does('decline', 'd7') AS cancelled;
-- what was taken off or put on the campaign meanwhile
SELECT pg_temp.buy('d8', 'eve', 20, 'S-SET'), pg_temp.buy('d9', 'eve', 20, 'S-SET'), pg_temp.buy('d10', 'eve', 20, 'S-SET');
SELECT swipesavvy.update_campaign('S-SET', '{"budget": null, "daily_limit": null}') ->> 'status' AS without_limits;
SELECT pg_temp.does('decline', 'd8'), pg_temp.campaign('S-SET');
SELECT swipesavvy.update_campaign('S-SET', '{"budget": 50, "daily_limit": 3}') ->> 'status' AS with_limits, pg_temp.campaign('S-SET');
SELECT pg_temp.does('decline', 'd9'), pg_temp.campaign('S-SET');
SELECT swipesavvy.delete_campaign('S-SET') ->> 'status' AS status, pg_temp.does('decline', 'd10'), pg_temp.campaign('S-SET');
-- users who may no longer buy
SELECT pg_temp.buy('u1', 'eve', 10), pg_temp.buy('u2', 'eve', 20), swipesavvy.suspend_user(pg_temp.id('eve')) ->> 'account_status' AS status;
SELECT pg_temp.does('settle', 'u1'), pg_temp.does('decline', 'u2'), pg_temp.account('eve');

-- what is held in several slots is given back whatever slot it is in
SELECT pg_temp.offer('S-PART', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 10, "budget": 10}');
SELECT pg_temp.buy('p1', 'dan', 20, 'S-PART');
UPDATE swipesavvy.campaign_slots s SET used = 300, allotted = 300 FROM swipesavvy.campaigns c WHERE c.campaign_no = s.campaign_no AND c.campaign_id = 'S-PART';
INSERT INTO swipesavvy.campaign_slots (campaign_no, day, slot, used, allotted)
SELECT campaign_no, '-infinity', n, 350, 350 FROM swipesavvy.campaigns, generate_series(1, 2) n WHERE campaign_id = 'S-PART';
SELECT pg_temp.does('decline', 'p1'), pg_temp.campaign('S-PART');

-- lapsing: when more than pending_expiry_days have passed, to the microsecond
SELECT pg_temp.offer('S-LAPSE', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "budget": 4, "daily_limit": 4, "bonus_points": 7}');
SELECT string_agg(pg_temp.buy('l' || n, who, 10, 'S-LAPSE'), ', ' ORDER BY n) FROM (VALUES (1, 'dan'), (2, 'bob'), (3, 'ann')) v (n, who);
UPDATE swipesavvy.transactions SET recorded_at = '2026-01-01 00:00+00' WHERE transaction_id IN (pg_temp.id('l1'), pg_temp.id('l2'));
SELECT pg_temp.does('settle', 'l1') AS too_late, pg_temp.account('dan'), pg_temp.campaign('S-LAPSE');
SELECT swipesavvy.lapse_transactions('2026-01-31 00:00+00') AS just_in_time;
SELECT swipesavvy.lapse_transactions('2026-01-31 00:00:00.000001+00', 1) AS one_of_them, swipesavvy.lapse_transactions('2026-01-31 00:00:00.000001+00', 1) AS the_other;
SELECT swipesavvy.lapse_transactions('2026-01-31 00:00:00.000001+00', 1) AS none_left;
SELECT n, status, pg_temp.entries('l' || n) FROM generate_series(1, 3) n JOIN swipesavvy.transactions ON transaction_id = pg_temp.id('l' || n) ORDER BY n;
SELECT pg_temp.account('dan'), pg_temp.account('bob'), pg_temp.campaign('S-LAPSE');
SELECT pg_temp.does('settle', 'l1') AS lapsed, pg_temp.does('settle', 'l3') AS in_time;
-- one that is due may still be declined, and the setting counts
SELECT pg_temp.buy('l5', 'dan', 10), pg_temp.buy('l6', 'dan', 10);
UPDATE swipesavvy.transactions SET recorded_at = now() - interval '3 days' WHERE transaction_id IN (pg_temp.id('l5'), pg_temp.id('l6'));
SELECT swipesavvy.update_system_settings('{"pending_expiry_days": 2}') ->> 'status' AS changed;
SELECT pg_temp.does('settle', 'l5'), pg_temp.does('decline', 'l5');
SELECT swipesavvy.update_system_settings('{"pending_expiry_days": 3650}') ->> 'status' AS changed, swipesavvy.lapse_transactions() AS none_due, pg_temp.does('settle', 'l6');

-- arguments and callers
\set ON_ERROR_ROLLBACK on
SELECT swipesavvy.settle_transaction(NULL);
SELECT swipesavvy.decline_transaction(NULL);
SELECT swipesavvy.lapse_transactions('infinity');
SELECT swipesavvy.lapse_transactions(clock_timestamp() + interval '1 minute');
SELECT swipesavvy.lapse_transactions(page_size => 0);
SELECT swipesavvy.lapse_transactions(NULL);
SET LOCAL ROLE swipesavvy_support;
SELECT swipesavvy.settle_transaction(pg_temp.id('s1'));
SET LOCAL ROLE swipesavvy_backend;
SELECT swipesavvy.lapse_transactions();
RESET ROLE;
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK;
