-- After a mixed set of purchases through all doors: what the tables say must add up, recomputed here from the rows alone.
\set QUIET on
BEGIN;
SELECT no_plan();

-- --- a world: users, campaigns with every limit, and purchases of every kind ----------------------

CREATE TEMP TABLE people AS
    SELECT n, (swipesavvy.create_user(email => format('u%s@example.com', n), name => 'U',
                   user_id => format('00000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid) ->> 'user_id')::uuid AS user_id
      FROM generate_series(1, 12) n;
CREATE TEMP TABLE shops AS
    SELECT n, (swipesavvy.create_merchant('Shop ' || n, c.category) ->> 'merchant_id')::uuid AS merchant_id, c.category
      FROM generate_series(1, 5) n JOIN swipesavvy.merchant_categories c ON c.category_no = n;
CREATE TEMP TABLE done AS SELECT swipesavvy.update_system_settings('{"earn_rate": 10, "point_value_minor": 1}');
INSERT INTO done SELECT swipesavvy.create_segment('odd');
INSERT INTO done SELECT swipesavvy.add_segment_members('odd', (SELECT array_agg(user_id) FROM people WHERE n % 2 = 1));
INSERT INTO done SELECT swipesavvy.create_boost('Food', 3, category => 'Grocery & Food', starts_at => '2024-01-01',
       expires_at => '2025-01-01', boost_id => '00000000-0000-7000-8000-0000000000d0');
INSERT INTO done SELECT swipesavvy.activate_boost(user_id, '00000000-0000-7000-8000-0000000000d0') FROM people WHERE n % 3 = 0;
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-BUDGET', name => 'b', campaign_type => 'SEASONAL',
       offer_type => 'PERCENTAGE', offer_amount => 7.5,
    start_date => '2024-01-01', budget => 60, points_multiplier => 2, stackable => true, priority => 5);
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-DAILY', name => 'd', campaign_type => 'FLASH_SALE',
       offer_type => 'FIXED_DISCOUNT', offer_amount => 1,
    start_date => '2024-01-01', daily_limit => 4, budget => 1000, stackable => true, priority => 4);
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-USER', name => 'u', campaign_type => 'LOYALTY_BOOST', offer_type => 'OTHER',
    start_date => '2024-01-01', per_user_limit => 3, bonus_points => 50, stackable => true, priority => 3);
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-SEGMENT', name => 's', campaign_type => 'EMAIL_OFFER',
       offer_type => 'FIXED_DISCOUNT', offer_amount => 2.5,
    start_date => '2024-01-01', target_segment => 'odd', min_spend => 20, max_discount => 2, priority => 9);
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-SHOP', name => 'm', campaign_type => 'LOCATION_DEAL', offer_type => 'BOGO',
    start_date => '2024-01-01', target_merchant_id => (SELECT merchant_id FROM shops WHERE n = 2), max_discount => 5, budget => 30,
           per_user_limit => 2, priority => 20);
INSERT INTO done SELECT swipesavvy.create_campaign(campaign_id => 'C-EURO', name => 'e', campaign_type => 'SEASONAL',
       offer_type => 'FIXED_DISCOUNT', offer_amount => 3,
    start_date => '2024-01-01', currency => 'EUR', budget => 12, priority => 1);
INSERT INTO done SELECT swipesavvy.launch_campaign(c) FROM unnest(ARRAY['C-BUDGET', 'C-DAILY', 'C-USER', 'C-SEGMENT', 'C-SHOP', 'C-EURO']) c;

-- The purchases: none is random, all differ.
CREATE TEMP TABLE planned AS
    SELECT g, p.user_id, (g * 7919 % 9973)::bigint AS amount_minor, CASE WHEN g % 11 = 0 THEN 'EUR' ELSE 'USD' END AS currency,
           s.merchant_id, timestamptz '2024-03-01 12:00Z' + g * interval '2 hours' AS occurred_at,
           (ARRAY['completed', 'completed', 'completed', 'pending', 'completed', 'failed', 'completed', 'cancelled'])[1 + g % 8] AS status,
           CASE WHEN g % 2 = 0 THEN 'key-' || g END AS idempotency_key
      FROM generate_series(1, 300) g JOIN people p ON p.n = 1 + (g * 5) % 12 LEFT JOIN shops s ON s.n = g % 7;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency, merchant_id, occurred_at, status, idempotency_key)
SELECT user_id, amount_minor, currency, merchant_id, occurred_at, status, idempotency_key FROM planned WHERE g <= 120;
INSERT INTO done SELECT swipesavvy.record_transaction(user_id, amount_minor / 100.0, currency, merchant_id, NULL, occurred_at, status, idempotency_key)
  FROM planned WHERE g BETWEEN 121 AND 180 ORDER BY g;
INSERT INTO done SELECT swipesavvy.record_transactions(jsonb_agg(jsonb_build_object('user_id', user_id, 'amount', amount_minor / 100.0,
       'currency', currency,
    'merchant_id', merchant_id, 'occurred_at', occurred_at, 'status', status, 'idempotency_key', idempotency_key)
    || CASE WHEN g % 50 = 0 THEN '{"amount": -1}' ELSE '{}' END::jsonb ORDER BY g)) FROM planned WHERE g BETWEEN 181 AND 260;
-- a limit set and a budget raised while there are redemptions, and a repeat of what was recorded
INSERT INTO done SELECT swipesavvy.update_campaign('C-USER', '{"daily_limit": 3, "budget": 40}');
INSERT INTO done SELECT swipesavvy.update_campaign('C-BUDGET', '{"budget": 90}');
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency, merchant_id, occurred_at, status)
SELECT user_id, amount_minor, currency, merchant_id, occurred_at, status FROM planned WHERE g > 260;
INSERT INTO done SELECT swipesavvy.record_transaction(user_id, amount_minor / 100.0, currency, merchant_id, NULL, occurred_at, status, idempotency_key)
  FROM planned WHERE g BETWEEN 121 AND 180 AND idempotency_key IS NOT NULL;

-- --- the world is worth testing -------------------------------------------------------------------

-- 181 to 260 hold two of a negative amount
SELECT is((SELECT count(*) FROM swipesavvy.transactions), 298::bigint, 'every purchase is there once');
SELECT is_empty('SELECT c.campaign_id FROM swipesavvy.campaigns c WHERE NOT EXISTS (SELECT FROM swipesavvy.campaign_redemptions r
       WHERE r.campaign_no = c.campaign_no)',
                'every campaign was redeemed');
SELECT set_eq('SELECT DISTINCT status::text FROM swipesavvy.transactions', ARRAY['completed', 'pending', 'failed', 'cancelled'], 'of every status');
SELECT cmp_ok((SELECT count(DISTINCT tier) FROM swipesavvy.reward_accounts)::int, '>=', 2, 'of several tiers');
SELECT ok(EXISTS (SELECT FROM swipesavvy.campaign_redemptions GROUP BY user_id, transaction_id HAVING count(*) >= 3),
       'some purchases were awarded three campaigns');
SELECT cmp_ok((SELECT count(*) FROM swipesavvy.campaigns c WHERE budget - (SELECT sum(cost_minor)
       FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = c.campaign_no) < 400)::int,
              '>=', 2, 'some budgets are all but spent');

-- --- the ledger --------------------------------------------------------------------------------------

-- Each entry as its two sides.
CREATE TEMP VIEW sides AS
    SELECT user_id, transaction_id, kind, credit_account AS account, points FROM swipesavvy.points_entries
     UNION ALL SELECT user_id, transaction_id, kind, debit_account, -points FROM swipesavvy.points_entries;
SELECT is((SELECT sum(points) FROM sides), 0::numeric, 'all accounts together hold nothing');
SELECT set_eq('SELECT user_id, coalesce(points, 0)::bigint FROM swipesavvy.reward_accounts
                 LEFT JOIN (SELECT user_id, sum(points) AS points FROM sides WHERE account = ''available'' GROUP BY 1) s USING (user_id)',
              'SELECT user_id, points_available FROM swipesavvy.reward_accounts', 'available points are the sum of their entries');
SELECT set_eq('SELECT user_id, coalesce(points, 0)::bigint FROM swipesavvy.reward_accounts
                 LEFT JOIN (SELECT user_id, sum(points) AS points FROM sides WHERE account = ''pending'' GROUP BY 1) s USING (user_id)',
              'SELECT user_id, points_pending FROM swipesavvy.reward_accounts', 'so are pending points');
SELECT is((SELECT -sum(points) FROM sides WHERE account = 'issuance'), (SELECT sum(points_available + points_pending)::numeric
       FROM swipesavvy.reward_accounts),
          'what the programme issued is what users hold');
SELECT is((SELECT sum(points_available) FROM swipesavvy.reward_accounts),
          (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions WHERE status = 'completed'),
                 'which is what completed purchases earned');
SELECT is((SELECT sum(points_pending) FROM swipesavvy.reward_accounts),
          (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions WHERE status = 'pending'), 'and pending ones');
SELECT is_empty('SELECT transaction_id FROM swipesavvy.transactions WHERE status IN (''failed'', ''cancelled'')
       AND (points_base, points_bonus, discount_minor) <> (0, 0, 0)',
                'failed and cancelled purchases earned nothing');
SELECT set_eq('SELECT transaction_id, points_base, points_bonus FROM swipesavvy.transactions',
              'SELECT t.transaction_id, coalesce(sum(e.points) FILTER (WHERE e.kind = ''earn''), 0)::bigint AS base,
                      coalesce(sum(e.points) FILTER (WHERE e.kind = ''bonus''), 0)::bigint AS bonus
                 FROM swipesavvy.transactions t LEFT JOIN swipesavvy.points_entries e USING (user_id, transaction_id) GROUP BY 1',
                        'each purchase''s points are its entries');
SELECT is_empty('SELECT entry_id FROM swipesavvy.points_entries e LEFT JOIN swipesavvy.transactions t USING (user_id, transaction_id)
                  WHERE t.transaction_id IS NULL OR (e.credit_account = ''pending'') <> (t.status = ''pending'')',
                         'each entry belongs to a purchase of its user');
SELECT is_empty('SELECT entry_id FROM swipesavvy.points_entries WHERE (kind = ''bonus'') <> (campaign_no IS NOT NULL)',
       'a bonus names its campaign, base points none');

-- --- accounts -----------------------------------------------------------------------------------------

SELECT set_eq('SELECT user_id, transaction_count, spent_minor FROM swipesavvy.reward_accounts',
              'SELECT p.user_id, count(t.*), coalesce(sum(t.amount_minor) FILTER (WHERE t.status = ''completed'' AND t.currency = ''USD''), 0)::bigint
                 FROM people p LEFT JOIN swipesavvy.transactions t USING (user_id) GROUP BY 1', 'counts and spending of each user');
SELECT set_eq('SELECT user_id, lifetime_points FROM swipesavvy.reward_accounts',
              'SELECT p.user_id, coalesce(sum(points_base + points_bonus) FILTER (WHERE status = ''completed''), 0)::bigint
                 FROM people p LEFT JOIN swipesavvy.transactions t USING (user_id) GROUP BY 1', 'lifetime points are those of completed purchases');
SELECT set_eq('SELECT user_id, tier FROM swipesavvy.reward_accounts',
              'SELECT a.user_id, (SELECT t.tier FROM swipesavvy.tiers t WHERE t.threshold <= a.lifetime_points ORDER BY t.threshold DESC LIMIT 1)
                 FROM swipesavvy.reward_accounts a', 'the tier is that of the lifetime points');

-- --- campaigns ------------------------------------------------------------------------------------------

SELECT set_eq('SELECT transaction_id, points_bonus, discount_minor FROM swipesavvy.transactions',
              'SELECT t.transaction_id, coalesce(sum(r.points), 0)::bigint AS bonus, coalesce(sum(r.discount_minor), 0)::bigint AS discount
                 FROM swipesavvy.transactions t LEFT JOIN swipesavvy.campaign_redemptions r USING (user_id, transaction_id) GROUP BY 1',
              'bonus and discount of each purchase are its redemptions');
SELECT set_eq('SELECT user_id, transaction_id, campaign_no, points FROM swipesavvy.campaign_redemptions WHERE points > 0',
              'SELECT user_id, transaction_id, campaign_no, points FROM swipesavvy.points_entries WHERE kind = ''bonus''',
                     'each bonus is a redemption');
SELECT is_empty('SELECT transaction_id FROM swipesavvy.campaign_redemptions WHERE cost_minor <> discount_minor + points',
       'the cost is the discount and the points at 1 each');
SELECT is_empty('SELECT c.campaign_id FROM swipesavvy.campaigns c
                   LEFT JOIN (SELECT campaign_no, sum(cost_minor) AS cost FROM swipesavvy.campaign_redemptions GROUP BY 1) r USING (campaign_no)
                   LEFT JOIN (SELECT campaign_no, sum(used) AS used, sum(allotted) AS allotted FROM swipesavvy.campaign_slots
                          WHERE day = ''-infinity'' GROUP BY 1) s USING (campaign_no)
                  WHERE c.budget IS DISTINCT FROM s.allotted OR (c.budget IS NOT NULL AND (coalesce(r.cost, 0) <> s.used OR s.used > c.budget))',
                'of each budget the slots say what the redemptions cost, and that is no more than the budget');
SELECT set_eq('SELECT campaign_id, (swipesavvy.get_campaign(campaign_id) ->> ''spent'')::numeric FROM swipesavvy.campaigns',
              'SELECT c.campaign_id, coalesce(sum(r.cost_minor), 0) / 100 FROM swipesavvy.campaigns c LEFT
                     JOIN swipesavvy.campaign_redemptions r USING (campaign_no) GROUP BY 1',
              'get_campaign tells the same');
SELECT set_eq('SELECT campaign_no, day, sum(used)::bigint FROM swipesavvy.campaign_slots WHERE day > ''-infinity'' GROUP BY 1, 2
       HAVING sum(used) > 0',
              'SELECT r.campaign_no, (t.occurred_at AT TIME ZONE ''UTC'')::date, count(*) FROM swipesavvy.campaign_redemptions r
                 JOIN swipesavvy.transactions t USING (user_id, transaction_id) JOIN swipesavvy.campaigns c USING (campaign_no)
                WHERE c.daily_limit IS NOT NULL GROUP BY 1, 2', 'the slots of days count their redemptions');
SELECT is_empty('SELECT c.campaign_id, r.day FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_redemptions r USING (campaign_no)
                  WHERE c.campaign_id = ''C-DAILY'' GROUP BY 1, 2, c.daily_limit HAVING count(*) > c.daily_limit', 'no day is over its limit');
SELECT ok(EXISTS (SELECT FROM swipesavvy.campaign_redemptions JOIN swipesavvy.campaigns c USING (campaign_no)
       WHERE campaign_id = 'C-DAILY' GROUP BY day, daily_limit HAVING count(*) = daily_limit),
          'and one is at it');
SELECT is_empty('SELECT campaign_id, user_id FROM swipesavvy.campaign_redemptions JOIN swipesavvy.campaigns c USING (campaign_no)
                  WHERE per_user_limit IS NOT NULL GROUP BY 1, 2, per_user_limit HAVING count(*) > per_user_limit',
                         'no user is over the limit of a campaign');
SELECT is_empty('SELECT transaction_id FROM swipesavvy.campaign_redemptions r
       JOIN swipesavvy.transactions t USING (user_id, transaction_id) JOIN swipesavvy.campaigns c USING (campaign_no)
                  WHERE (r.discount_minor > 0 OR r.cost_minor > 0) AND c.currency <> t.currency OR t.amount_minor < c.min_spend
                         OR t.occurred_at < c.start_date
                     OR (r.discount_minor > c.max_discount AND c.offer_type IN (''PERCENTAGE'', ''BOGO''))
                            OR (c.target_merchant_id IS NOT NULL AND c.target_merchant_id IS DISTINCT FROM t.merchant_id)',
                'no award outside of its campaign''s terms');
SELECT is_empty('SELECT r.transaction_id FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c USING (campaign_no)
                  WHERE NOT c.stackable GROUP BY 1 HAVING count(*) > 1 OR max(r.position) > 1',
                         'at most one that is not stackable, and it comes first');
SELECT is_empty('SELECT transaction_id FROM swipesavvy.campaign_redemptions GROUP BY user_id, transaction_id
                 HAVING min(position) <> 1 OR max(position) <> count(*) OR count(DISTINCT position) <> count(*)',
                        'the awards of a purchase are numbered from 1');

-- --- and verify_ledger says so too; a wrong number it finds ------------------------------------------------

CREATE FUNCTION pg_temp.mismatches(statement text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    found integer;
BEGIN
    EXECUTE statement;
    found := (swipesavvy.verify_ledger() ->> 'mismatches')::integer;
    RAISE EXCEPTION USING errcode = 'XXOK0';
EXCEPTION WHEN SQLSTATE 'XXOK0' THEN
    RETURN found;
END
$$;
SELECT is(pg_temp.mismatches('SELECT 1'), 0, 'verify_ledger agrees');
SELECT cmp_ok(pg_temp.mismatches(s), '>', 0, 'verify_ledger finds: ' || regexp_replace(s, '\s+', ' ', 'g'))
  FROM (VALUES ('UPDATE swipesavvy.reward_accounts SET points_available = points_available + 1 WHERE user_id = (SELECT user_id
         FROM people WHERE n = 1)'),
               ('UPDATE swipesavvy.reward_accounts SET points_pending = points_pending + 1 WHERE user_id = (SELECT user_id FROM people WHERE n = 1)'),
               ('UPDATE swipesavvy.reward_accounts SET lifetime_points = lifetime_points + 1 WHERE user_id = (SELECT user_id
                      FROM people WHERE n = 1)'),
               ('UPDATE swipesavvy.reward_accounts SET transaction_count = transaction_count + 1 WHERE user_id = (SELECT user_id
                      FROM people WHERE n = 1)'),
               ('UPDATE swipesavvy.reward_accounts SET spent_minor = spent_minor + 1 WHERE user_id = (SELECT user_id FROM people WHERE n = 1)'),
               ('UPDATE swipesavvy.transactions SET points_base = points_base + 1 WHERE ctid = (SELECT min(ctid) FROM swipesavvy.transactions)'),
               ('UPDATE swipesavvy.transactions SET merchant_id = gen_random_uuid() WHERE ctid = (SELECT min(ctid) FROM swipesavvy.transactions)'),
               ('DELETE FROM swipesavvy.transactions WHERE ctid = (SELECT min(ctid) FROM swipesavvy.transactions)'),
               ('UPDATE swipesavvy.campaign_redemptions SET cost_minor = cost_minor + 1 WHERE campaign_no = (SELECT campaign_no
                      FROM swipesavvy.campaigns WHERE campaign_id = ''C-BUDGET'')'),
               ('UPDATE swipesavvy.campaign_redemptions SET points = points + 1 WHERE points > 0'),
               ('DELETE FROM swipesavvy.campaign_redemptions WHERE ctid = (SELECT min(ctid) FROM swipesavvy.campaign_redemptions)'),
               ('UPDATE swipesavvy.campaign_slots SET used = used - 1 WHERE used > 0 AND day = ''-infinity'''),
               ('UPDATE swipesavvy.campaign_slots SET used = used - 1 WHERE used > 0 AND day > ''-infinity'''),
               ('INSERT INTO swipesavvy.campaign_slots (campaign_no, day, slot, used, allotted) VALUES (2000000000, ''2024-01-01'', 0, 0, 1)'),
               ('UPDATE swipesavvy.campaigns SET budget = budget - 1 WHERE budget IS NOT NULL'),
               ('INSERT INTO swipesavvy.points_entries SELECT user_id, gen_random_uuid(), 1, now(), ''earn'', ''issuance'',
                      ''available'', NULL, transaction_id FROM swipesavvy.transactions LIMIT 1'))
       v (s);

SELECT * FROM finish();
ROLLBACK;
