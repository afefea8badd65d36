-- What a purchase earns, by record_transaction: the rules of the award engine one by one, to the point and the cent, each
-- with a merchant of its own. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.setting(settings jsonb) RETURNS text LANGUAGE sql
    RETURN swipesavvy.update_system_settings(settings) ->> 'status';
CREATE FUNCTION pg_temp.person(name text) RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_user(name || '@purchases.test', name, user_id => pg_temp.id(name)) ->> 'name';
CREATE FUNCTION pg_temp.shop(name text, category text DEFAULT 'Services') RETURNS text LANGUAGE sql
    RETURN swipesavvy.create_merchant(name, category, merchant_id => pg_temp.id(name)) ->> 'name';
-- A running campaign of 2026 at a merchant; what is given is laid over that.
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
-- Records a purchase as a backend: "points (balance, tier) awards", or the error.
CREATE FUNCTION pg_temp.buy(who text, amount numeric, shop text DEFAULT NULL, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
    r jsonb;
    message text;
    detail text;
BEGIN
    SELECT string_agg(format('%I => %L', key, value), ', ') INTO arguments
      FROM jsonb_each_text(jsonb_build_object('user_id', pg_temp.id(who), 'amount', amount::text, 'occurred_at', '2026-03-01 12:00',
               'merchant_id', pg_temp.id(shop)) || more);
    PERFORM set_config('role', 'swipesavvy_backend', true);
    EXECUTE format('SELECT swipesavvy.record_transaction(%s)', arguments) INTO r;
    PERFORM set_config('role', 'none', true);
    RETURN format('%s (%s, %s)', r ->> 'points_earned', r ->> 'points_balance', r ->> 'tier')
        || CASE WHEN r ->> 'status' <> 'completed' THEN ' ' || (r ->> 'status') ELSE '' END
        || CASE WHEN (r -> 'replayed')::boolean THEN ' replayed' ELSE '' END
        || coalesce((SELECT string_agg(format(' %s:%s:%s', a ->> 'campaign_id', a ->> 'points', a ->> 'discount'), '' ORDER BY n)
                       FROM jsonb_array_elements(r -> 'awards') WITH ORDINALITY e (a, n)), '');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, message, detail);
END
$$;
-- What a user has: available, pending, lifetime, purchases, spent.
CREATE FUNCTION pg_temp.account(who text) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s available, %s pending, %s lifetime, %s purchases, %s spent', points_available, points_pending,
                          lifetime_points, transaction_count, spent_minor)
              FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id(who));
SELECT pg_temp.person('ann'), pg_temp.person('bob'), pg_temp.person('cat'), pg_temp.person('dan'), pg_temp.person('eve'),
       pg_temp.person('fay'), pg_temp.person('gus'), pg_temp.person('hal'), pg_temp.person('ida'), pg_temp.person('max');

-- the whole answer
SELECT pg_temp.shop('full'), pg_temp.offer('P-FULL', 'full', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 5, "bonus_points": 3}');
SELECT jsonb_pretty(swipesavvy.record_transaction(pg_temp.id('ann'), 12.50, merchant_id => pg_temp.id('full'),
    transaction_id => '00000000-0000-7000-8000-00000000f001')) AS answer;
SELECT occurred_at = now() AS now, recorded_at >= now() AS recorded, currency, status, points_earned, discount_minor
  FROM swipesavvy.purchases WHERE transaction_id = '00000000-0000-7000-8000-00000000f001';

-- base points -----------------------------------------------------------------------------------------------------------
-- floor of whole units; currencies with none or three decimals count their own units; 0.00 is a purchase
SELECT v.*, pg_temp.buy('bob', amount, more => jsonb_build_object('currency', currency))
  FROM (VALUES (10, 'USD'), (0.99, 'USD'), (1.99, 'USD'), (0, 'USD'), (150, 'JPY'), (1.999, 'BHD'), (0.999, 'BHD')) v (amount, currency);
SELECT count(*) AS entries, sum(points) AS points, pg_temp.account('bob') FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('bob');
-- earn_rate
SELECT pg_temp.setting('{"earn_rate": 1.239}'), pg_temp.buy('bob', 100), pg_temp.buy('bob', 0.80), pg_temp.buy('bob', 0.81);
SELECT pg_temp.setting('{"earn_rate": 0}'), pg_temp.buy('bob', 100), pg_temp.setting('{"earn_rate": 1}');
-- tiers: the one held before counts, the one reached is told
SELECT pg_temp.buy('cat', 1999), pg_temp.buy('cat', 1), pg_temp.buy('cat', 10), pg_temp.buy('cat', 2390.40), pg_temp.buy('cat', 10);
SELECT pg_temp.buy('cat', 3323.34), pg_temp.buy('cat', 10), tier_until > now() AS kept_a_while FROM swipesavvy.reward_accounts WHERE user_id = pg_temp.id('cat');
-- boosts: the largest that is in force counts, for its category, from its start to before its end; rounded once
SELECT pg_temp.shop('fuel', 'Gas Stations'), pg_temp.shop('plain');
SELECT count(swipesavvy.create_boost(name, multiplier, category, starts, ends, pg_temp.id(name)))
  FROM (VALUES ('double', 2, NULL, '2026-02-01'::timestamptz, NULL::timestamptz), ('fuel week', 3.5, 'Gas Stations', '2026-03-01', '2026-03-08'),
               ('idle', 9, NULL, '2026-01-01', NULL), ('dropped', 9, NULL, '2026-01-01', NULL)) v (name, multiplier, category, starts, ends);
SELECT count(swipesavvy.activate_boost(pg_temp.id('dan'), pg_temp.id(name))) FROM unnest(ARRAY['double', 'fuel week', 'dropped']) name;
SELECT swipesavvy.deactivate_boost(pg_temp.id('dan'), pg_temp.id('dropped')) -> 'active' AS active;
SELECT v.*, pg_temp.buy('dan', 10.01, shop, jsonb_build_object('occurred_at', at))
  FROM (VALUES (NULL, '2026-01-31 23:59:59.999999'), (NULL, '2026-02-01'), ('plain', '2026-03-01'), ('fuel', '2026-02-28 23:59:59'),
               ('fuel', '2026-03-01'), ('fuel', '2026-03-07 23:59:59.999999'), ('fuel', '2026-03-08')) v (shop, at);
SELECT pg_temp.buy('dan', 1900) AS to_silver, pg_temp.buy('dan', 0.79) AS "floor(0.79 x 1.25 x 2)", pg_temp.buy('dan', 0.80) AS "floor(2.00)";

-- what each offer gives ---------------------------------------------------------------------------------------------------
SELECT count(pg_temp.shop(shop)), count(pg_temp.offer(id, shop, given)) FROM (VALUES
    ('fixed', 'P-FIXED', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 5, "max_discount": 1}'::jsonb),
    ('percent', 'P-PERCENT', '{"offer_type": "PERCENTAGE", "offer_amount": 12.345}'),
    ('percent max', 'P-PERCENT-MAX', '{"offer_type": "PERCENTAGE", "offer_amount": 50, "max_discount": 1}'),
    ('percent all', 'P-PERCENT-ALL', '{"offer_type": "PERCENTAGE", "offer_amount": 100}'),
    ('bogo', 'P-BOGO', '{"offer_type": "BOGO"}'),
    ('bogo max', 'P-BOGO-MAX', '{"offer_type": "BOGO", "max_discount": 2}'),
    ('ship', 'P-SHIP', '{"offer_type": "FREE_SHIPPING", "offer_amount": 5, "max_discount": 1}'),
    ('other', 'P-OTHER', '{"offer_amount": 7}'),
    ('points', 'P-POINTS', '{"points_multiplier": 1.5, "bonus_points": 7}'),
    ('nothing', 'P-NOTHING', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0}'),
    ('yen', 'P-YEN', '{"offer_type": "PERCENTAGE", "offer_amount": 33.333, "currency": "JPY"}'),
    ('dinar', 'P-DINAR', '{"offer_type": "BOGO", "max_discount": 1.234, "currency": "BHD"}')) v (shop, id, given);
SELECT shop, amount, pg_temp.buy('eve', amount, shop) FROM (VALUES ('fixed', 12.50), ('fixed', 3.20), ('percent', 10.01), ('percent max', 1.99),
    ('percent max', 2.01), ('percent all', 0.01), ('bogo', 9.99), ('bogo', 0.02), ('bogo', 0.01), ('bogo max', 4.01), ('ship', 20), ('ship', 2),
    ('other', 1), ('points', 11.99), ('points', 0.50), ('nothing', 10)) v (shop, amount);
SELECT pg_temp.buy('eve', 100, 'yen', '{"currency": "JPY"}') AS yen, pg_temp.buy('eve', 3, 'dinar', '{"currency": "BHD"}') AS dinar,
       pg_temp.buy('eve', 1.001, 'dinar', '{"currency": "BHD"}') AS dinar, pg_temp.buy('eve', 3, 'dinar') AS of_another_currency;
SELECT shipping, amount, pg_temp.buy('eve', amount, 'ship', jsonb_build_object('metadata', jsonb_build_object('shipping_amount', shipping)))
  FROM (VALUES (3.25, 20), (3.25, 2), (6, 20), (0, 20), (3.250, 20)) v (shipping, amount);
-- a bonus is on base points, tier and boost included; amount 0 matches nothing
SELECT pg_temp.buy('cat', 10, 'points') AS platinum, pg_temp.buy('eve', 0, 'points') AS nothing;

-- which campaigns match ---------------------------------------------------------------------------------------------------
SELECT swipesavvy.create_segment('p-fans') ->> 'name' AS segment, swipesavvy.add_segment_members('p-fans', ARRAY[pg_temp.id('fay')]) ->> 'added' AS added;
SELECT count(pg_temp.shop(shop)), count(pg_temp.offer(id, shop, given)) FROM (VALUES
    ('min', 'P-MIN', '{"min_spend": 10}'::jsonb), ('fans', 'P-FANS', '{"target_segment": "p-fans"}'),
    ('dates', 'P-DATES', '{"start_date": "2026-03-01", "end_date": "2026-03-02"}'),
    ('both', 'P-BOTH', '{"target_category": "Gas Stations"}')) v (shop, id, given);
SELECT pg_temp.shop('sauna', 'Health & Wellness'), pg_temp.offer('P-CATEGORY', 'sauna', '{"target_merchant_id": null, "target_category": "Health & Wellness"}'),
       pg_temp.offer('P-SEGMENT', 'sauna', '{"target_merchant_id": null, "target_segment": "p-fans", "min_spend": 5000}'),
       pg_temp.offer('P-ANY', 'sauna', '{"target_merchant_id": null, "currency": "EUR"}');
SELECT who, amount, shop, at, pg_temp.buy(who, amount, shop, CASE WHEN at IS NULL THEN '{}' ELSE jsonb_build_object('occurred_at', at) END)
  FROM (VALUES ('fay', 9.99, 'min', NULL), ('fay', 10, 'min', NULL), ('fay', 1, 'fans', NULL), ('eve', 1, 'fans', NULL), ('fay', 1, 'both', NULL),
    ('fay', 1, 'dates', '2026-02-28 23:59:59.999999'), ('fay', 1, 'dates', '2026-03-01'), ('fay', 1, 'dates', '2026-03-01 23:59:59.999999'),
    ('fay', 1, 'dates', '2026-03-02'), ('fay', 1, 'sauna', NULL), ('fay', 1, NULL, NULL), ('gus', 5000, 'plain', NULL)) v (who, amount, shop, at);
SELECT pg_temp.buy('fay', 5000, 'plain') AS in_segment, pg_temp.buy('fay', 1, more => '{"currency": "EUR"}') AS everybody,
       swipesavvy.remove_segment_members('p-fans', ARRAY[pg_temp.id('fay')]) ->> 'removed' AS removed, pg_temp.buy('fay', 5000, 'plain') AS removed_from_it;
-- only what runs; a launch counts at once
SELECT pg_temp.shop('states'), pg_temp.offer('P-STATE', 'states', '{"start_date": "2020-01-01"}');
SELECT pg_temp.buy('gus', 1, 'states') AS running, swipesavvy.pause_campaign('P-STATE') ->> 'status' AS status, pg_temp.buy('gus', 1, 'states') AS paused,
       swipesavvy.launch_campaign('P-STATE') ->> 'status' AS status, pg_temp.buy('gus', 1, 'states', '{"occurred_at": "2020-01-01"}') AS before_the_launch,
       swipesavvy.update_campaign('P-STATE', '{"status": "completed"}') ->> 'status' AS status, pg_temp.buy('gus', 1, 'states') AS completed;
-- hold_out: the same users every time, all at 100
SELECT pg_temp.shop('held'), pg_temp.offer('P-HELD', 'held', '{"hold_out": 100}'), pg_temp.buy('gus', 1, 'held');
SELECT swipesavvy.update_campaign('P-HELD', '{"hold_out": 99.99}') -> 'hold_out' AS hold_out, pg_temp.buy('gus', 1, 'held');
SELECT swipesavvy.update_campaign('P-HELD', '{"hold_out": 50}') -> 'hold_out' AS hold_out;
SELECT who, pg_temp.buy(who, 1, 'held') LIKE '%P-HELD%' AS first, pg_temp.buy(who, 1, 'held') LIKE '%P-HELD%' AS second
  FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal']) who;

-- limits -------------------------------------------------------------------------------------------------------------------
-- per user: failed and cancelled purchases do not count, pending ones do; over all versions of the campaign
SELECT pg_temp.shop('twice'), pg_temp.offer('P-TWICE', 'twice', '{"per_user_limit": 2}');
SELECT pg_temp.buy('hal', 1, 'twice', '{"status": "failed"}') AS failed, pg_temp.buy('hal', 1, 'twice', '{"status": "cancelled"}') AS cancelled,
       pg_temp.buy('hal', 1, 'twice', '{"status": "pending"}') AS pending, swipesavvy.update_campaign('P-TWICE', '{"priority": 5}') -> 'version' AS version,
       pg_temp.buy('hal', 1, 'twice') AS second, pg_temp.buy('hal', 1, 'twice') AS third, pg_temp.buy('gus', 1, 'twice') AS another_user;
-- per day of the programme's time zone, all users together
SELECT pg_temp.setting('{"timezone": "Asia/Tokyo"}'), pg_temp.shop('daily'), pg_temp.offer('P-DAILY', 'daily', '{"daily_limit": 1}');
SELECT who, at, pg_temp.buy(who, 1, 'daily', jsonb_build_object('occurred_at', at)) FROM (VALUES ('hal', '2026-03-01 14:59:59.999999+00'),
    ('gus', '2026-03-01 00:00:00+00'), ('hal', '2026-03-01 15:00:00+00'), ('gus', '2026-03-02 14:59:59+00'), ('gus', '2026-03-02 15:00:00+00'),
    ('gus', '2026-02-28 15:00:00+00'), ('gus', '2026-02-28 14:59:59+00')) v (who, at);
SELECT s.day, s.used, s.allotted FROM swipesavvy.campaign_slots s JOIN swipesavvy.campaigns USING (campaign_no) WHERE campaign_id = 'P-DAILY' ORDER BY 1;
SELECT pg_temp.setting('{"timezone": "UTC"}');
-- budgets: a cost is covered in full or the campaign does not apply; the last cent can be spent; a cost of 0 fits
SELECT pg_temp.shop('budget'), pg_temp.offer('P-BUDGET', 'budget', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 4, "budget": 10}');
SELECT n, amount, pg_temp.buy('gus', amount, 'budget') FROM (VALUES (1, 10), (2, 10), (3, 10), (4, 2.01), (5, 1.99), (6, 0.02), (7, 0.01), (8, 0.01)) v (n, amount);
SELECT swipesavvy.get_campaign('P-BUDGET') -> 'spent' AS spent, swipesavvy.update_campaign('P-BUDGET', '{"budget": 10.01}') -> 'budget' AS budget,
       pg_temp.buy('gus', 0.02, 'budget') AS too_dear, pg_temp.buy('gus', 0.01, 'budget') AS last_cent;
-- a bonus costs its points times point_value_minor, of the base included
SELECT pg_temp.shop('cost'), pg_temp.offer('P-COST', 'cost', '{"points_multiplier": 2, "bonus_points": 5, "budget": 0.30}'), pg_temp.person('col');
SELECT pg_temp.buy('col', 25, 'cost') AS "30 points, 30 cents", pg_temp.buy('col', 0.50, 'cost') AS "5 points, nothing left",
       pg_temp.setting('{"point_value_minor": 0}'), pg_temp.buy('col', 0.50, 'cost') AS "5 points for nothing", pg_temp.setting('{"point_value_minor": 3}');
SELECT swipesavvy.update_campaign('P-COST', '{"budget": 0.60}') -> 'budget' AS budget, pg_temp.buy('col', 6, 'cost') AS "11 points, 33 cents",
       pg_temp.buy('col', 5, 'cost') AS "10 points, 30 cents", pg_temp.setting('{"point_value_minor": 1}');
SELECT pg_temp.shop('free'), pg_temp.offer('P-FREE', 'free', '{"budget": 0}'), pg_temp.buy('gus', 1, 'free');

-- choosing -----------------------------------------------------------------------------------------------------------------
-- of those that do not stack one: priority, then the larger uncut cost, then the smaller id in byte order
SELECT count(pg_temp.shop(shop)) FROM unnest(ARRAY['priority', 'larger', 'bytes', 'next', 'stack', 'gain']) shop;
SELECT count(pg_temp.offer(id, shop, given)) FROM (VALUES
    ('P-A', 'priority', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 9, "priority": 1}'::jsonb),
    ('P-B', 'priority', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0.01, "priority": 2}'),
    ('P-C', 'larger', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1}'),
    ('P-D', 'larger', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0.50, "bonus_points": 51}'),
    ('P-b', 'bytes', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1}'),
    ('P-Z', 'bytes', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 2}'),
    ('P-N1', 'next', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 3, "priority": 3, "budget": 2.99}'),
    ('P-N2', 'next', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0, "priority": 2}'),
    ('P-N3', 'next', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "priority": 1}'),
    ('P-N4', 'next', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 2}')) v (id, shop, given);
SELECT pg_temp.buy('ida', 10, 'priority') AS priority, pg_temp.buy('ida', 10, 'larger') AS larger, pg_temp.buy('ida', 1, 'bytes') AS equal,
       pg_temp.buy('ida', 10, 'bytes') AS larger, pg_temp.buy('ida', 10, 'next') AS next, pg_temp.buy('ida', 2.99, 'next') AS fits;
-- all that stack, after that one; discounts of the full amount, cut to what is left of it; the cut cost is what the budget must cover
SELECT count(pg_temp.offer(id, 'stack', given || '{"stackable": true}')) FROM (VALUES
    ('P-S5', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 3, "budget": 1}'::jsonb), ('P-S4', '{"offer_type": "PERCENTAGE", "offer_amount": 40, "priority": 7}'),
    ('P-S6', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 2}'), ('P-S7', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 2, "bonus_points": 4}'),
    ('P-S8', '{}'), ('P-S9', '{"bonus_points": 1, "budget": 0}')) v (id, given);
SELECT pg_temp.offer('P-S1', 'stack', '{"offer_type": "BOGO"}'), pg_temp.offer('P-S2', 'stack', '{"offer_type": "BOGO", "priority": -1, "bonus_points": 50}');
SELECT pg_temp.buy('ida', 10, 'stack') AS stacked;
SELECT r.position, c.campaign_id, r.points, r.discount_minor, r.cost_minor FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no)
 WHERE c.target_merchant_id = pg_temp.id('stack') ORDER BY 1;
SELECT e.kind, e.points, c.campaign_id, e.debit_account, e.credit_account FROM swipesavvy.points_entries e LEFT JOIN swipesavvy.campaigns c USING (campaign_no)
  JOIN swipesavvy.transactions t USING (user_id, transaction_id) WHERE t.merchant_id = pg_temp.id('stack') ORDER BY e.entry_id;
-- what gains nothing does not take the place of the one that may apply, and counts against no limit
SELECT pg_temp.offer('P-G1', 'gain', '{"offer_type": "BOGO", "priority": 2, "per_user_limit": 1}'),
       pg_temp.offer('P-G2', 'gain', '{"bonus_points": 1}'), pg_temp.buy('ida', 0.01, 'gain') AS one_cent, pg_temp.buy('ida', 0.02, 'gain') AS two_cents;

-- statuses -----------------------------------------------------------------------------------------------------------------
SELECT pg_temp.person('jim'), pg_temp.buy('jim', 100, 'full', '{"status": "pending"}') AS pending, pg_temp.account('jim');
SELECT pg_temp.buy('jim', 100, 'full', '{"status": "failed"}') AS failed, pg_temp.buy('jim', 100, 'full', '{"status": "cancelled"}') AS cancelled,
       pg_temp.buy('jim', 100, 'full') AS completed, pg_temp.buy('jim', 5, more => '{"currency": "EUR"}') AS euro;
SELECT pg_temp.account('jim');
SELECT kind, points, debit_account, credit_account FROM swipesavvy.points_entries WHERE user_id = pg_temp.id('jim') ORDER BY entry_id;

-- the programme's limits: reached exactly is allowed; other currencies and what did not succeed are not counted -------------------
SELECT pg_temp.setting('{"max_transaction_amount": 100, "daily_spending_limit": 150, "timezone": "America/New_York"}'), pg_temp.person('kim');
SELECT n, amount, more, pg_temp.buy('kim', amount, more => more) FROM (VALUES (1, 100.01, '{}'::jsonb), (2, 100, '{}'), (3, 1000, '{"currency": "EUR"}'),
    (4, 101, '{"status": "failed"}'), (5, 100, '{"status": "cancelled"}'), (6, 50.01, '{}'), (7, 49, '{"status": "pending"}'), (8, 1.01, '{}'), (9, 1, '{}'),
    (10, 0, '{}'), (11, 0.01, '{}'), (12, 0.01, '{"occurred_at": "2026-03-02 04:59:59+00"}'), (13, 100, '{"occurred_at": "2026-03-02 05:00:00+00"}'),
    (14, 100, '{"occurred_at": "2026-03-01 04:59:59+00"}'), (15, 100, '{"status": "pending", "occurred_at": "2026-03-01 05:00:00+00"}')) v (n, amount, more);
SELECT pg_temp.account('kim'), pg_temp.setting('{"max_transaction_amount": null, "daily_spending_limit": null, "timezone": "UTC"}'), pg_temp.buy('kim', 1000);

-- who and where --------------------------------------------------------------------------------------------------------------
SELECT pg_temp.person('lea'), pg_temp.person('mia');
SELECT swipesavvy.deactivate_user(pg_temp.id('lea')) ->> 'account_status' AS lea, swipesavvy.suspend_user(pg_temp.id('mia')) ->> 'account_status' AS mia;
SELECT pg_temp.buy('lea', 1) AS inactive, pg_temp.buy('mia', 1, more => '{"status": "failed"}') AS suspended, pg_temp.buy('nobody', 1) AS unknown;
SELECT swipesavvy.reactivate_user(pg_temp.id('lea')) ->> 'account_status' AS lea, pg_temp.buy('lea', 1) AS active, pg_temp.buy('lea', 1, 'no such shop') AS unknown_shop;
SELECT swipesavvy.link_account(pg_temp.id('lea'), 'card', '4242') ->> 'account_id' AS card \gset
SELECT pg_temp.buy('lea', 1, more => jsonb_build_object('account_id', :'card')) AS own, pg_temp.buy('ann', 1, more => jsonb_build_object('account_id', :'card'))
       LIKE 'PT404 account not found: There is no account "' || :'card' || '".' AS of_somebody_else, pg_temp.buy('lea', 1, more => jsonb_build_object('account_id', pg_temp.id('no card'))) AS unknown;
SELECT swipesavvy.unlink_account(:'card') ->> 'last_four' AS unlinked, pg_temp.buy('lea', 1, more => jsonb_build_object('account_id', :'card')) AS made_with_it_before;

-- bad input ------------------------------------------------------------------------------------------------------------------
SELECT v.*, pg_temp.buy('ann', 1, more => given) FROM (VALUES ('{"amount": null}'::jsonb), ('{"amount": -0.01}'), ('{"amount": 0.001}'), ('{"amount": "NaN"}'),
    ('{"amount": "Infinity"}'), ('{"amount": 92233720368547758.08}'), ('{"amount": 1e30}'), ('{"currency": "JPY", "amount": 0.5}'),
    ('{"currency": "BHD", "amount": 0.0001}'), ('{"user_id": null}'), ('{"currency": "usd"}'), ('{"currency": "XXX"}'), ('{"currency": "USDX"}'), ('{"currency": ""}'),
    ('{"occurred_at": "infinity"}'), ('{"occurred_at": "-infinity"}'), ('{"status": "refunded"}'), ('{"status": ""}'), ('{"idempotency_key": ""}'),
    ('{"metadata": []}'), ('{"metadata": "5"}'), ('{"metadata": {"shipping_amount": "5"}}'), ('{"metadata": {"shipping_amount": -0.01}}'),
    ('{"metadata": {"shipping_amount": 5.001}}'), ('{"metadata": {"shipping_amount": null}}'), ('{"metadata": {"shipping_amount": {}}}'),
    ('{"metadata": {"shipping_amount": true}}'), ('{"currency": "JPY", "metadata": {"shipping_amount": 0.5}}')) v (given);
SELECT pg_temp.buy('ann', 1, more => jsonb_build_object('occurred_at', now() + interval '1 day')) AS a_day_ahead,
       pg_temp.buy('ann', 1, more => jsonb_build_object('occurred_at', now() + interval '1 day 0.001 seconds')) AS more;
SELECT pg_temp.buy('ann', 1, more => jsonb_build_object('idempotency_key', repeat('k', 201))) AS key,
       pg_temp.buy('ann', 1, more => jsonb_build_object('metadata', jsonb_build_object('k', repeat('x', 66000)))) AS metadata;

-- beyond bigint: an error, and nothing is recorded -----------------------------------------------------------------------------
SELECT pg_temp.shop('huge'), pg_temp.offer('P-HUGE', 'huge', '{"points_multiplier": 1000, "budget": 1000, "currency": "JPY"}');
SELECT pg_temp.buy('max', 92233720368547758.07) AS the_largest, pg_temp.buy('max', 0.01) AS spent, pg_temp.buy('max', 0.01, more => '{"status": "pending"}') AS pending;
SELECT pg_temp.setting('{"earn_rate": 1000}');
SELECT pg_temp.buy('max', 92233720368547758.07) AS base, pg_temp.buy('max', 4500000000000000, more => '{"currency": "EUR"}') AS fits,
       pg_temp.buy('max', 100000000000000, more => '{"currency": "EUR"}') AS balance,
       pg_temp.buy('max', 1000000000000000, 'huge', '{"currency": "JPY", "status": "pending"}') AS over_budget_is_no_error,
       pg_temp.buy('max', 4500000000000000, more => '{"currency": "EUR", "status": "pending"}') AS pending,
       swipesavvy.update_campaign('P-HUGE', '{"budget": null}') -> 'budget' AS budget,
       pg_temp.buy('max', 1000000000000000, 'huge', '{"currency": "JPY", "status": "pending"}') AS bonus;
SELECT pg_temp.account('max'), pg_temp.setting('{"earn_rate": 1}');

-- idempotency --------------------------------------------------------------------------------------------------------------------
SELECT pg_temp.person('ned'), pg_temp.person('oda');
SELECT pg_temp.buy('ned', 12.5, 'full', '{"idempotency_key": "k1", "metadata": {"a": 1, "b": [2]}}') AS first;
SELECT v.*, pg_temp.buy('ned', amount, 'full', '{"idempotency_key": "k1", "metadata": {"b": [2.0], "a": 1.00}}' || more) FROM (VALUES (12.50, '{}'::jsonb),
    (12.5, '{"occurred_at": null}'), (12.5, '{"currency": "USD"}'), (12.5, '{"occurred_at": "2026-03-01 13:00+01"}'), (12.5, '{"occurred_at": "2026-03-01 13:00"}'),
    (12.51, '{}'), (12.5, '{"currency": "EUR"}'), (12.5, '{"status": "pending"}'), (12.5, '{"merchant_id": null}'), (12.5, '{"metadata": null}'),
    (12.5, '{"metadata": {"a": 1, "b": [2], "c": null}}'), (12.5, '{"transaction_id": "00000000-0000-7000-8000-00000000f002"}')) v (amount, more);
SELECT pg_temp.buy('oda', 12.5, more => '{"idempotency_key": "k1"}') AS of_another_user, pg_temp.account('ned');
SELECT pg_temp.buy('ned', 1, more => '{"idempotency_key": "k2", "occurred_at": null}') AS now, pg_temp.buy('ned', 1, more => '{"idempotency_key": "k2", "occurred_at": null}') AS now_again,
       pg_temp.buy('ned', 1, more => '{"idempotency_key": "k2"}') AS at_another_time;
-- a repeat tells the status, balance and tier of now, and is no purchase of an inactive user
SELECT pg_temp.buy('ned', 3000) AS to_silver, swipesavvy.suspend_user(pg_temp.id('ned')) ->> 'account_status' AS status;
UPDATE swipesavvy.transactions SET status = 'failed' WHERE user_id = pg_temp.id('ned') AND idempotency_key = 'k1';
SELECT pg_temp.buy('ned', 12.5, 'full', '{"idempotency_key": "k1", "metadata": {"a": 1, "b": [2]}}') AS again;
UPDATE swipesavvy.transactions SET status = 'completed' WHERE user_id = pg_temp.id('ned') AND idempotency_key = 'k1';
-- an error stores no key; a null key protects nothing; an id that was given is used once, by anybody
SELECT pg_temp.buy('oda', 1, 'no such shop', '{"idempotency_key": "k3"}') AS error, pg_temp.buy('oda', 1, more => '{"idempotency_key": "k3"}') AS recorded,
       pg_temp.buy('oda', 1) AS once, pg_temp.buy('oda', 1) AS twice;
SELECT pg_temp.buy('oda', 1, more => '{"transaction_id": "00000000-0000-7000-8000-00000000f003", "idempotency_key": "k4"}') AS given,
       pg_temp.buy('oda', 1, more => '{"transaction_id": "00000000-0000-7000-8000-00000000f003", "idempotency_key": "k4"}') AS again,
       pg_temp.buy('ann', 1, more => '{"transaction_id": "00000000-0000-7000-8000-00000000f003"}') AS by_somebody_else;

-- explain_award: the first rule that excluded each campaign ---------------------------------------------------------------------------
CREATE FUNCTION pg_temp.explain(key text) RETURNS TABLE (campaign text, version integer, applied boolean, reason text, recorded boolean, points integer, discount numeric) LANGUAGE sql AS $$
    SELECT c.campaign_id, c.version, c.applied, c.reason, c.recorded, c.points, c.discount
      FROM swipesavvy.transactions t, jsonb_to_recordset(swipesavvy.explain_award(t.transaction_id) -> 'candidates')
           c (campaign_id text, version integer, applied boolean, reason text, recorded boolean, points integer, discount numeric)
     WHERE t.idempotency_key = key AND t.user_id = pg_temp.id('pam') AND campaign_id LIKE 'W-%' ORDER BY 1
$$;
SELECT pg_temp.person('pam'), pg_temp.shop('why'), pg_temp.shop('elsewhere');
SELECT count(pg_temp.offer(id, 'why', given)) FROM (VALUES
    ('W-AMOUNT', '{}'::jsonb), ('W-START', '{"start_date": "2026-03-02"}'), ('W-END', '{"end_date": "2026-03-01"}'), ('W-CURRENCY', '{"currency": "EUR"}'),
    ('W-CATEGORY', '{"target_category": "Gas Stations"}'), ('W-SEGMENT', '{"target_segment": "p-fans"}'), ('W-MIN', '{"min_spend": 10.01}'), ('W-HELD', '{"hold_out": 100}'),
    ('W-USER', '{"per_user_limit": 1, "stackable": true}'), ('W-DAILY', '{"daily_limit": 1, "stackable": true}'), ('W-EXCLUSIVE', '{"priority": -1}'),
    ('W-GAIN', '{"offer_type": "FIXED_DISCOUNT", "offer_amount": 0, "priority": 9}'), ('W-BUDGET', '{"bonus_points": 1, "budget": 0, "priority": 8}'),
    ('W-TARGET', '{"target_merchant_id": null, "currency": "BHD", "target_category": "Hotels & Travel"}')) v (id, given);
SELECT pg_temp.offer('W-MERCHANT', 'elsewhere', '{}'), swipesavvy.create_campaign('W', 'SEASONAL', NULL, 'OTHER', '2026-01-01', campaign_id => 'W-STATUS') ->> 'status' AS status;
SELECT pg_temp.buy('pam', 10, 'why', '{"idempotency_key": "w1"}') AS first, pg_temp.buy('pam', 10, 'why', '{"idempotency_key": "w2"}') AS second,
       pg_temp.buy('pam', 0, 'why', '{"idempotency_key": "w3"}') AS nothing, pg_temp.buy('pam', 10, 'why', '{"idempotency_key": "w4", "status": "failed"}') AS failed;
SELECT * FROM pg_temp.explain('w1');
SELECT * FROM pg_temp.explain('w2') WHERE campaign IN ('W-USER', 'W-DAILY', 'W-AMOUNT');
SELECT reason, recorded, count(*) FROM pg_temp.explain('w3') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT reason, recorded, count(*) FROM pg_temp.explain('w4') GROUP BY 1, 2 ORDER BY 1, 2;
-- later changes do not alter it
SELECT swipesavvy.update_campaign('W-MIN', '{"min_spend": 0}') -> 'min_spend' AS min_spend, swipesavvy.delete_campaign('W-AMOUNT') ->> 'status' AS status;
SELECT * FROM pg_temp.explain('w1') WHERE campaign IN ('W-MIN', 'W-AMOUNT');
-- who joins a segment afterwards was not in it, also in the same transaction
SELECT pg_temp.offer('W-LATER', 'why', '{"target_merchant_id": null, "target_segment": "p-fans", "min_spend": 20}'), pg_temp.buy('pam', 10, 'why', '{"idempotency_key": "w5"}') AS fifth,
       swipesavvy.add_segment_members('p-fans', ARRAY[pg_temp.id('pam')]) ->> 'added' AS added;
SELECT * FROM pg_temp.explain('w5') WHERE campaign = 'W-LATER';
SELECT swipesavvy.explain_award(t.transaction_id, t.user_id) - '{candidates,recorded_at,transaction_id,user_id,candidate_count}'::text[] AS purchase,
       jsonb_array_length(swipesavvy.explain_award(t.transaction_id) -> 'candidates') > 0 AS any_user
  FROM swipesavvy.transactions t WHERE idempotency_key = 'w1' AND user_id = pg_temp.id('pam');
\set VERBOSITY terse
SAVEPOINT s;
SELECT swipesavvy.explain_award(pg_temp.id('no such purchase'));
ROLLBACK TO s;
SELECT swipesavvy.explain_award(transaction_id, pg_temp.id('ann')) FROM swipesavvy.transactions WHERE idempotency_key = 'w1' AND user_id = pg_temp.id('pam');
ROLLBACK TO s;
SELECT swipesavvy.explain_award(NULL);
ROLLBACK TO s;

-- after all that the ledger is sound
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
ROLLBACK;
