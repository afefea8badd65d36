-- verify_ledger finds what does not add up: each check is given something to find, by a superuser, and all of it is rolled back.
\set ON_ERROR_ROLLBACK on
BEGIN;
\set ann '00000000-0000-7000-8000-0000f0000001'
\set nobody '00000000-0000-7000-8000-0000f000ffff'
SELECT swipesavvy.create_user('ann@ledger.test', 'ann', user_id => :'ann') ->> 'name' AS name, swipesavvy.create_merchant('ledger', 'Services', merchant_id => :'ann') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('L', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'L', target_merchant_id => :'ann', budget => 100, daily_limit => 10, bonus_points => 3) ->> 'status' AS status,
       swipesavvy.launch_campaign('L') ->> 'status' AS status;
SELECT r -> 'points_earned' AS points, r ->> 'status' AS status FROM unnest(ARRAY['completed', 'pending']) s, LATERAL swipesavvy.record_transaction(:'ann', 10, merchant_id => :'ann', occurred_at => '2026-03-01', status => s) r;
SELECT swipesavvy.create_reward('ledger', 2, 5, reward_id => :'ann') -> 'stock' AS stock, swipesavvy.create_charity('ledger', charity_id => :'ann') -> 'is_active' AS active;
SELECT swipesavvy.redeem_points(:'ann', :'ann') -> 'points' AS redeemed;
SELECT swipesavvy.donate_points(:'ann', 1, :'ann') -> 'points' AS donated, swipesavvy.adjust_points(:'ann', 5, 'x') -> 'points' AS given, swipesavvy.adjust_points(:'ann', -3, 'x') -> 'points' AS taken;
-- what is found, compared with what was before
CREATE TEMP TABLE sound AS SELECT swipesavvy.verify_ledger() AS report;
SELECT report -> 'mismatches' AS mismatches FROM sound;
CREATE FUNCTION pg_temp.found() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s: %s', report -> 'mismatches', (SELECT string_agg(key || ' ' || value, ', ' ORDER BY key) FROM jsonb_each(report -> 'checks') WHERE value <> '0'))
      FROM swipesavvy.verify_ledger() report
$$;
-- Does something as a superuser, with the ledger's own guard off, reports what is found, and undoes it.
CREATE FUNCTION pg_temp.plant(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    planted bigint;
BEGIN
    BEGIN
        ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER USER;
        EXECUTE statement;
        GET DIAGNOSTICS planted = ROW_COUNT;
        result := format('%s planted, found %s', planted, pg_temp.found());
        RAISE EXCEPTION USING ERRCODE = 'RB000';
    EXCEPTION WHEN SQLSTATE 'RB000' THEN
        RETURN result;
    END;
END
$$;
SELECT what, pg_temp.plant('UPDATE swipesavvy.' || what || format(' AND user_id = %L', :'ann')) FROM (VALUES
    ('reward_accounts SET points_available = points_available + 1 WHERE true'), ('reward_accounts SET points_pending = 0 WHERE true'),
    ('reward_accounts SET lifetime_points = lifetime_points - 1 WHERE true'), ('reward_accounts SET spent_minor = spent_minor + 1 WHERE true'),
    ('reward_accounts SET transaction_count = 1 WHERE true'), ('transactions SET points_base = points_base - 1 WHERE status = ''completed'''),
    ('transactions SET points_refunded = 1 WHERE status = ''completed'''), ('transactions SET amount_minor = 999 WHERE status = ''completed'''),
    ('transactions SET discount_minor = 99 WHERE status = ''pending'''), ('transactions SET merchant_id = user_id, account_id = merchant_id WHERE status = ''pending'''),
    ('points_entries SET points = 11 WHERE kind = ''earn'' AND credit_account = ''pending'''), ('points_entries SET campaign_no = 0 WHERE kind = ''bonus'' AND credit_account = ''pending'''),
    ('points_entries SET transaction_id = swipesavvy.uuid_v7() WHERE kind = ''earn'' AND credit_account = ''pending'''),
    ('reward_redemptions SET points = 3 WHERE true'), ('reward_redemptions SET from_stock = false WHERE true'), ('donations SET points = 2 WHERE true'),
    ('points_adjustments SET points = -points WHERE points < 0'), ('points_entries SET credit_account = ''donation'' WHERE kind = ''redeem'''), ('points_entries SET kind = ''donate'' WHERE kind = ''adjust'''),
    ('reward_accounts SET points_debited = points_debited + 1 WHERE true'), ('reward_accounts SET lot_before = lot_before + 1 WHERE true'), ('reward_accounts SET lot_at = ''2026-04-01'' WHERE true'),
    ('campaign_redemptions SET cost_minor = cost_minor + 1 WHERE true'), ('campaign_redemptions SET counts = false WHERE true'),
    ('campaign_redemptions SET day = day - 1 WHERE true'), ('campaign_redemptions SET discount_minor = 98 WHERE true'), ('campaign_redemptions SET campaign_no = 0 WHERE true')) v (what);
SELECT what, pg_temp.plant('UPDATE swipesavvy.' || what || ' = (SELECT campaign_no FROM swipesavvy.campaigns WHERE campaign_id = ''L'')') FROM (VALUES
    ('campaign_slots SET used = used - 1 WHERE used > 0 AND day = ''-infinity'' AND campaign_no'), ('campaign_slots SET allotted = allotted + 1 WHERE slot = 0 AND day = ''-infinity'' AND campaign_no'),
    ('campaign_slots SET used = used - 1 WHERE used > 0 AND day > ''-infinity'' AND campaign_no'), ('campaigns SET budget = 1 WHERE campaign_no'), ('campaigns SET budget = NULL WHERE campaign_no')) v (what);
SELECT what, pg_temp.plant('DELETE FROM swipesavvy.' || what || format(' AND user_id = %L', :'ann')) FROM (VALUES ('points_entries WHERE kind = ''bonus'' AND credit_account = ''pending'''),
    ('reward_redemptions WHERE true'), ('donations WHERE true'), ('points_adjustments WHERE points > 0'), ('points_entries WHERE kind = ''donate'''), ('transactions WHERE status = ''pending'''), ('campaign_redemptions WHERE true'), ('reward_accounts WHERE true')) v (what);
SELECT what, pg_temp.plant('UPDATE swipesavvy.' || what || format(' AND user_id = %L', :'ann')) FROM (VALUES
    ('transactions SET status = ''completed'' WHERE status = ''pending'''), ('transactions SET status = ''failed'' WHERE status = ''pending'''),
    ('transactions SET status = ''pending'' WHERE status = ''completed'''), ('transactions SET refunded_minor = 1 WHERE status = ''completed'''),
    ('transactions SET refunded_minor = amount_minor WHERE status = ''completed'''), ('campaign_redemptions SET cost_returned_minor = 1 WHERE true'),
    ('points_entries SET kind = ''settle'' WHERE kind = ''earn'' AND credit_account = ''pending''')) v (what);
SELECT points, pg_temp.plant(format('INSERT INTO swipesavvy.refunds SELECT user_id, swipesavvy.uuid_v7(), transaction_id, 1, 0, %s, false, NULL, now() FROM swipesavvy.transactions WHERE user_id = %L AND status = ''completed''', points, :'ann')) AS refund
  FROM generate_series(0, 1) points;
-- a referral as it should be but for the balances; paid twice to one; with a pending purchase; with none
SELECT what, pg_temp.plant(format('INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, transaction_id)
    SELECT user_id, swipesavvy.uuid_v7(), points, now(), ''referral'', ''issuance'', ''available'', %s
      FROM swipesavvy.transactions, unnest(%L::integer[]) points WHERE user_id = %L AND status = %L', id, points, :'ann', status)) AS referral
  FROM (VALUES ('sound', 'transaction_id', '{5}', 'completed'), ('twice', 'transaction_id', '{5, 5}', 'completed'), ('pending', 'transaction_id', '{5}', 'pending'),
               ('no purchase', 'NULL', '{5}', 'completed')) v (what, id, points, status);
SELECT pg_temp.plant(format('UPDATE swipesavvy.reward_accounts SET referral_for = %L WHERE user_id = %L', :'nobody', :'ann')) AS due;
SELECT what, pg_temp.plant('UPDATE swipesavvy.rewards SET ' || what || format(' WHERE reward_id = %L', :'ann')) FROM (VALUES ('stock = stock + 1'), ('stock = NULL'), ('stocked = stocked - 1')) v (what);
SELECT pg_temp.plant(format('UPDATE swipesavvy.transactions SET user_id = %L WHERE user_id = %L AND status = ''completed''', :'nobody', :'ann')) AS of_an_unknown_user;
SELECT pg_temp.plant(format('INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account) VALUES (%L, swipesavvy.uuid_v7(), 1, now(), ''adjust'', ''issuance'', ''available'')', :'nobody')) AS entry_of_nobody;
SELECT report = swipesavvy.verify_ledger() AS as_before FROM sound;
-- who may
SET LOCAL ROLE swipesavvy_analytics;
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
SET LOCAL ROLE swipesavvy_backend;
SELECT swipesavvy.verify_ledger();
ROLLBACK;
