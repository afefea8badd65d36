-- A statement of more purchases than the engine takes at once (1,000): what one chunk took from a budget and a daily limit,
-- and what its users earned, is what the next one finds, though it is written only when the statement ends.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ann '00000000-0000-7000-8000-0000c0000001'
\set shop '00000000-0000-7000-8000-0000c0000010'
BEGIN;
SELECT swipesavvy.create_user('ann@chunks.test', 'ann', user_id => :'ann') ->> 'name' AS name;
SELECT swipesavvy.create_merchant('chunks', 'Services', merchant_id => :'shop') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('B', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'CH-BUDGET', target_merchant_id => :'shop', budget => 1000.50) ->> 'status' AS status,
       swipesavvy.launch_campaign('CH-BUDGET') ->> 'status' AS status;
SELECT swipesavvy.create_campaign('D', 'SEASONAL', 0, 'OTHER', '2026-01-01', campaign_id => 'CH-DAY', target_merchant_id => :'shop', daily_limit => 1000, bonus_points => 1, stackable => true) ->> 'status' AS status,
       swipesavvy.launch_campaign('CH-DAY') ->> 'status' AS status;
CREATE FUNCTION pg_temp.outcome(OUT points bigint, OUT tier text, OUT awards text, OUT mismatches text) LANGUAGE sql AS $$
    SELECT a.points_available, a.tier, (SELECT string_agg(concat_ws(' ', c.campaign_id, r.n, r.cost, s.used, s.allotted), '; ' ORDER BY c.campaign_id)
               FROM (SELECT campaign_no, count(*) AS n, sum(cost_minor) AS cost FROM swipesavvy.campaign_redemptions
                      WHERE user_id = a.user_id GROUP BY campaign_no) r
               JOIN swipesavvy.campaigns c USING (campaign_no)
               JOIN (SELECT campaign_no, sum(used) AS used, sum(allotted) AS allotted FROM swipesavvy.campaign_slots GROUP BY campaign_no) s USING (campaign_no)),
           swipesavvy.verify_ledger() ->> 'mismatches'
      FROM swipesavvy.reward_accounts a JOIN swipesavvy.users u USING (user_id) WHERE u.email = 'ann@chunks.test'
$$;
SAVEPOINT setup;
-- the last chunk is a single purchase: too late for both
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at)
    SELECT :'ann', :'shop', 1000, timestamptz '2026-03-01' + n * interval '1 second' FROM generate_series(1, 1001) n;
SELECT * FROM pg_temp.outcome();
-- and so is the next statement's
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at) VALUES (:'ann', :'shop', 1000, '2026-03-01 12:00');
SELECT * FROM pg_temp.outcome();
ROLLBACK TO setup;
-- accounts that take more memory than work_mem are written between chunks
SET LOCAL work_mem = '64kB';
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at)
    SELECT :'ann', :'shop', 1000, timestamptz '2026-03-01' + n * interval '1 second' FROM generate_series(1, 2001) n;
SELECT * FROM pg_temp.outcome();
ROLLBACK TO setup;
-- through the executor it is the same
SET LOCAL swipesavvy.direct_tables = off;
INSERT INTO swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at)
    SELECT :'ann', :'shop', 1000, timestamptz '2026-03-01' + n * interval '1 second' FROM generate_series(1, 2001) n;
SELECT * FROM pg_temp.outcome();
ROLLBACK;
