-- Two offers tested over the real purchases of one quarter, October to December 1997. :purchases is the file with them.
SELECT swipesavvy.create_campaign('A tenth off', 'SEASONAL', 10, 'PERCENTAGE', '1997-10-01 00:00+00', '1998-01-01 00:00+00',
           min_spend => 20, campaign_id => 'CAMP-TENTH') IS NULL,
       swipesavvy.create_campaign('Five off', 'SEASONAL', 5, 'FIXED_DISCOUNT', '1997-10-01 00:00+00', '1998-01-01 00:00+00',
           min_spend => 30, campaign_id => 'CAMP-FIVE') IS NULL \g /dev/null
SELECT swipesavvy.launch_campaign(c, 'scheduled') FROM unnest('{CAMP-TENTH,CAMP-FIVE}'::text[]) AS c \g /dev/null
SELECT swipesavvy.create_ab_test('A tenth or five off', 'CAMP-TENTH', '{CAMP-FIVE}', hold_out => 0.1, covariate_days => 0,
           metrics => '{buyers,orders,revenue,cost}', guardrails => '{}', test_key => 'demo', seed => 'demo',
           test_id => 'f0000000-0000-4000-8000-000000000001') IS NULL \g /dev/null
SELECT swipesavvy.start_ab_test('f0000000-0000-4000-8000-000000000001') IS NULL \g /dev/null

\copy swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, currency, occurred_at, status, idempotency_key, metadata) FROM pstdin WITH (FORMAT csv)

SELECT swipesavvy.end_ab_test('f0000000-0000-4000-8000-000000000001', campaigns => 'leave') IS NULL \g /dev/null
-- A test starts and ends now, and these purchases are of 1997: its time, and the users', is put where the log is.
UPDATE swipesavvy.ab_tests SET started_at = '1997-10-01 00:00+00', ended_at = '1998-01-01 00:00+00';
UPDATE swipesavvy.users SET created_at = '1997-09-30 00:00+00';
SELECT swipesavvy.refresh_ab_tests('f0000000-0000-4000-8000-000000000001') IS NULL \g /dev/null
CREATE TABLE demo.ab_result AS SELECT swipesavvy.get_ab_test_results('f0000000-0000-4000-8000-000000000001') AS r;
