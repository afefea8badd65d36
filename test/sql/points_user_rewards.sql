-- get_user_rewards: points, tiers, boosts, what expires when. Everything is rolled back.
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

SELECT swipesavvy.get_user_rewards(:'new');
SELECT r - 'recent_point_transactions' AS rewards, jsonb_array_length(r -> 'recent_point_transactions') AS entries FROM swipesavvy.get_user_rewards(:'ada') r;
SELECT e ->> 'kind' AS kind, e -> 'points' AS points, right(e ->> 'transaction_id', 4) AS purchase, e -> 'reason' AS reason,
       (e ->> 'timestamp')::timestamptz = p.recorded_at AS at, (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(e) k) AS keys
  FROM jsonb_array_elements(swipesavvy.get_user_rewards(:'ada') -> 'recent_point_transactions') WITH ORDINALITY t (e, n)
  JOIN swipesavvy.points_entries p ON p.entry_id = (e ->> 'entry_id')::uuid ORDER BY n;
-- the ten newest; what leaves the user's points is negative
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, reason)
SELECT :'bob', format('00000000-0000-7000-8000-0000000d30%s', lpad(n::text, 2, '0'))::uuid, n, now(), k[1]::swipesavvy.entry_kind,
       k[2]::swipesavvy.ledger_account, k[3]::swipesavvy.ledger_account, 'n ' || n
  FROM unnest(ARRAY['earn issuance pending', 'settle pending available', 'decline pending issuance', 'refund available issuance', 'redeem available redemption',
                    'donate available donation', 'expire available expiry', 'adjust issuance available', 'adjust available issuance',
                    'referral issuance available', 'bonus issuance available']) WITH ORDINALITY e (what, n), string_to_array(what, ' ') k;
SELECT string_agg(format('%s %s', e ->> 'kind', e ->> 'points'), ', ' ORDER BY n) AS entries
  FROM jsonb_array_elements(swipesavvy.get_user_rewards(:'bob') -> 'recent_point_transactions') WITH ORDINALITY t (e, n);
-- tiers: the one held; what is missing to the next; benefits are the multiplier as it is now, and what the admin says
CREATE FUNCTION pg_temp.tier(who uuid, tier text, lifetime bigint, until timestamptz) RETURNS jsonb LANGUAGE sql AS $$
    UPDATE swipesavvy.reward_accounts SET tier = $2, lifetime_points = $3, tier_until = $4 WHERE user_id = who;
    SELECT r - '{points_balance,points_pending,points_expiry_date,active_boosts,recent_point_transactions}'::text[] FROM swipesavvy.get_user_rewards(who) r;
$$;
SELECT v.*, pg_temp.tier(:'bob', v.tier, v.lifetime, v.until) AS rewards
  FROM (VALUES ('bronze', 1999, NULL), ('silver', 2000, NULL), ('gold', 4000, '2100-01-01'::timestamptz), ('gold', 4000, '2020-01-01'),
               ('platinum', 10000, NULL), ('bronze', 2500, NULL), ('gone', 6000, NULL)) v (tier, lifetime, until);
SELECT swipesavvy.update_tiers('[{"tier": "bronze", "threshold": 0, "multiplier": 1.05},
    {"tier": "gold", "threshold": 300, "multiplier": 3, "benefits": ["lounge", "a \"free\" coffee"]}]') IS NOT NULL AS changed;
SELECT pg_temp.tier(:'bob', 'bronze', 100, NULL) AS rewards UNION ALL SELECT pg_temp.tier(:'bob', 'gold', 400, NULL);
-- boosts: activated, not deactivated, begun and not over
SELECT swipesavvy.create_boost(name, multiplier, category, starts_at, expires_at, id::uuid) ->> 'name' AS boost,
       (swipesavvy.activate_boost(:'bob', id::uuid)) -> 'active' AS active
  FROM (VALUES ('for all', 1.5, NULL, now() - interval '1 day', NULL, '00000000-0000-7000-8000-0000000d4001'),
               ('coffee', 2.125, 'Restaurants & Cafes', now(), '2100-01-01'::timestamptz, '00000000-0000-7000-8000-0000000d4002'),
               ('over', 3, NULL, now() - interval '2 days', now(), '00000000-0000-7000-8000-0000000d4003'),
               ('not yet', 3, NULL, now() + interval '1 second', NULL, '00000000-0000-7000-8000-0000000d4004'),
               ('deactivated', 3, NULL, now() - interval '2 days', NULL, '00000000-0000-7000-8000-0000000d4005')) b (name, multiplier, category, starts_at, expires_at, id);
SELECT swipesavvy.deactivate_boost(:'bob', '00000000-0000-7000-8000-0000000d4005') -> 'active' AS active;
SELECT swipesavvy.get_user_rewards(:'bob') -> 'active_boosts' AS active_boosts;
-- the oldest points that are left expire first: 24 months after the end of their month in the programme's time zone
CREATE FUNCTION pg_temp.expiry(who uuid, settings jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.update_system_settings(settings);
    RETURN swipesavvy.get_user_rewards(who) ->> 'points_expiry_date';
END
$$;
SELECT swipesavvy.create_user('x@readers.test', 'X', user_id => :'nobody') ->> 'name' AS name, pg_temp.expiry(:'nobody') AS none;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency, occurred_at, status)
VALUES (:'nobody', 1000, 'USD', '2025-01-31 23:30', 'pending'), (:'nobody', 1000, 'USD', '2025-02-28 23:30', 'completed'),
       (:'nobody', 1000, 'USD', '2025-12-31 23:30', 'completed'), (:'nobody', 50, 'USD', '2025-01-01', 'completed');
SELECT pg_temp.expiry(:'nobody') AS of_february, pg_temp.expiry(:'nobody', '{"timezone": "Europe/Berlin"}') AS of_march_in_berlin,
       pg_temp.expiry(:'nobody', '{"points_expiry_months": 1}') AS a_month, pg_temp.expiry(:'nobody', '{"points_expiry_months": 10}') AS ten,
       pg_temp.expiry(:'nobody', '{"points_expiry_months": 0}') AS never, pg_temp.expiry(:'nobody', '{"timezone": "UTC", "points_expiry_months": 24}') AS of_february;
-- what was taken is not left: part of the oldest, all of it, all there is
UPDATE swipesavvy.reward_accounts SET points_debited = 9 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_february;
UPDATE swipesavvy.reward_accounts SET points_debited = 10 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_december;
UPDATE swipesavvy.reward_accounts SET lot_at = '2025-12-01', lot_before = 10 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS of_december;
UPDATE swipesavvy.reward_accounts SET points_debited = 20, points_available = 0 WHERE user_id = :'nobody';
SELECT pg_temp.expiry(:'nobody') AS none;
-- other credits are as old as their entries, and are used up in the order of time with the purchases
CREATE FUNCTION pg_temp.credit(at timestamptz, points bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
    VALUES ('00000000-0000-7000-8000-0000000dffff', (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(points::text, 15, '0'))::uuid,
            points, at, 'adjust', 'issuance', 'available') RETURNING points;
$$;
UPDATE swipesavvy.reward_accounts SET points_debited = 0, points_available = 40, lot_at = '-infinity', lot_before = 0 WHERE user_id = :'nobody';
SELECT pg_temp.credit('2025-01-15', 5), pg_temp.credit('2025-06-15', 7), pg_temp.credit('2026-03-15', 8);
CREATE FUNCTION pg_temp.expiry_after(debited bigint) RETURNS text LANGUAGE sql AS $$
    UPDATE swipesavvy.reward_accounts SET points_debited = debited WHERE user_id = '00000000-0000-7000-8000-0000000dffff';
    SELECT pg_temp.expiry('00000000-0000-7000-8000-0000000dffff');
$$;
SELECT debited, pg_temp.expiry_after(debited) FROM unnest(ARRAY[0, 4, 5, 14, 15, 21, 22, 31, 32, 39, 40]) debited;
SELECT swipesavvy.get_user_rewards(NULL);
SELECT swipesavvy.get_user_rewards('00000000-0000-7000-8000-0000000dfffe');
ROLLBACK;
