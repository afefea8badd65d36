-- Accounts that are verified at random: what is wrong with one is found, stays known, and is forgotten when it is right. All of these
-- tables are smaller than a sample, so that each account is looked at each time.
\set SHOW_CONTEXT never
\set ada '00000000-0000-7000-8000-00000000000a'
\set bob '00000000-0000-7000-8000-00000000000b'
\set eve '00000000-0000-7000-8000-00000000000e'
\set purchase '00000000-0000-7000-8000-0000000000a1'
\set open '00000000-0000-7000-8000-0000000000a2'
-- others may have left accounts here, and much room
VACUUM (FULL, ANALYZE) swipesavvy.reward_accounts;
BEGIN;
SELECT (c ->> 'accounts_checked')::int = count(a) AS all_of_them, c - 'accounts_checked' AS found FROM swipesavvy.check_ledger() c LEFT JOIN swipesavvy.reward_accounts a ON true GROUP BY c;
-- some of everything
SELECT count(swipesavvy.create_user(name || '@example.com', name, user_id => id::uuid)) AS users
  FROM (VALUES ('ada', :'ada'), ('bob', :'bob'), ('eve', :'eve')) v (name, id);
SELECT swipesavvy.create_campaign(campaign_id => 'TEN', name => 'Ten', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, budget => 1000, bonus_points => 5,
    start_date => '2020-01-01') IS NOT NULL AS made, swipesavvy.launch_campaign('TEN') IS NOT NULL AS launched;
SELECT count(swipesavvy.record_transaction(u::uuid, 10 + n)) AS purchases FROM unnest(ARRAY[:'ada', :'bob', :'eve']) u, generate_series(1, 5) n;
SELECT swipesavvy.record_transaction(:'ada', 100, transaction_id => :'purchase') IS NOT NULL AS bought,
       swipesavvy.record_transaction(:'ada', 100, transaction_id => :'open', status => 'pending') IS NOT NULL AS pending;
SELECT swipesavvy.refund_transaction(:'purchase', 25) IS NOT NULL AS refunded, swipesavvy.settle_transaction(:'open') IS NOT NULL AS settled;
SELECT swipesavvy.create_charity('Trees', charity_id => :'ada') IS NOT NULL AS made, swipesavvy.redeem_points(:'ada', points => 3) IS NOT NULL AS redeemed,
       swipesavvy.donate_points(:'ada', 2, :'ada') IS NOT NULL AS donated, swipesavvy.adjust_points(:'ada', 7, 'sorry') IS NOT NULL AS adjusted;
DELETE FROM swipesavvy.ledger_check_days;
SELECT (c ->> 'accounts_checked')::int = count(a) AS all_of_them, c - 'accounts_checked' AS found FROM swipesavvy.check_ledger() c LEFT JOIN swipesavvy.reward_accounts a ON true GROUP BY c;
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
SELECT accounts = (SELECT count(*) FROM swipesavvy.reward_accounts) AS accounts, mismatches, last_at BETWEEN now() AND clock_timestamp() AS just_now FROM swipesavvy.ledger_check_days;

ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER USER;
-- Each check finds what is wrong, of that account, and all of them find what verify_ledger() finds.
CREATE FUNCTION pg_temp.wrong(statement text) RETURNS TABLE (check_ledger text, verify_ledger text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE statement;
    SET LOCAL session_replication_role = origin;
    SELECT string_agg(right(a ->> 'user_id', 1) || ' ' || (SELECT string_agg(c, ' ') FROM jsonb_array_elements_text(a -> 'checks') c), ', ')
      INTO check_ledger FROM jsonb_array_elements(swipesavvy.check_ledger() -> 'accounts') a;
    SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") INTO verify_ledger FROM jsonb_each(swipesavvy.verify_ledger() -> 'checks') WHERE value <> '0';
    RETURN NEXT;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = 'undone';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    NULL;
END
$$;
-- the block above undoes what it found, too: what it returned stays
SELECT w.* FROM (VALUES
    (1, $$UPDATE swipesavvy.reward_accounts SET points_available = points_available + 1 WHERE user_id = '00000000-0000-7000-8000-00000000000a'$$),
    (2, $$UPDATE swipesavvy.reward_accounts SET points_pending = points_pending + 1 WHERE user_id = '00000000-0000-7000-8000-00000000000b'$$),
    (3, $$UPDATE swipesavvy.reward_accounts SET lifetime_points = 1 WHERE user_id = '00000000-0000-7000-8000-00000000000b'$$),
    (4, $$UPDATE swipesavvy.reward_accounts SET spent_minor = 1 WHERE user_id = '00000000-0000-7000-8000-00000000000b'$$),
    (5, $$UPDATE swipesavvy.reward_accounts SET transaction_count = 1000000000000 WHERE user_id = '00000000-0000-7000-8000-00000000000b'$$),
    (6, $$UPDATE swipesavvy.reward_accounts SET transaction_count = -1 WHERE user_id = '00000000-0000-7000-8000-00000000000b'$$),
    (7, $$DELETE FROM swipesavvy.transactions WHERE transaction_id = '00000000-0000-7000-8000-0000000000a1'$$),
    (8, $$UPDATE swipesavvy.transactions SET points_bonus = points_bonus + 1 WHERE transaction_id = '00000000-0000-7000-8000-0000000000a2'$$),
    (9, $$UPDATE swipesavvy.transactions SET status = 'failed' WHERE transaction_id = '00000000-0000-7000-8000-0000000000a2'$$),
    (10, $$UPDATE swipesavvy.campaign_redemptions SET points = points + 1 WHERE transaction_id = '00000000-0000-7000-8000-0000000000a1'$$),
    (11, $$UPDATE swipesavvy.campaign_redemptions SET counts = false WHERE transaction_id = '00000000-0000-7000-8000-0000000000a2'$$),
    (12, $$UPDATE swipesavvy.campaign_redemptions SET campaign_no = 999 WHERE transaction_id = '00000000-0000-7000-8000-0000000000a2'$$),
    (13, $$UPDATE swipesavvy.refunds SET points = points + 1$$),
    (14, $$UPDATE swipesavvy.reward_redemptions SET points = points + 1$$),
    (15, $$DELETE FROM swipesavvy.donations$$),
    (16, $$UPDATE swipesavvy.points_adjustments SET points = -7$$),
    (17, $$UPDATE swipesavvy.reward_accounts SET points_debited = points_debited + 1 WHERE user_id = '00000000-0000-7000-8000-00000000000e'$$),
    (18, $$UPDATE swipesavvy.reward_accounts SET referral_for = '00000000-0000-7000-8000-00000000000a' WHERE user_id = '00000000-0000-7000-8000-00000000000e'$$),
    (19, $$DELETE FROM swipesavvy.points_entries WHERE user_id = '00000000-0000-7000-8000-00000000000e' AND kind = 'bonus'$$),
    (20, $$UPDATE swipesavvy.transactions SET merchant_id = gen_random_uuid() WHERE user_id = '00000000-0000-7000-8000-00000000000e'$$)) s (n, statement),
    LATERAL pg_temp.wrong(statement) w ORDER BY n;
SELECT swipesavvy.check_ledger() -> 'mismatches' AS all_undone;

-- What was found is known until the account is right again; what else is wrong is added, and what was mended goes.
UPDATE swipesavvy.reward_accounts SET points_available = points_available + 1 WHERE user_id IN (:'ada', :'bob');
SELECT c -> 'mismatches' AS found, (SELECT count(*) FROM jsonb_array_elements(c -> 'accounts') a WHERE a -> 'checks' = '["balances"]' AND (a ->> 'found_at')::timestamptz > now()) AS accounts FROM swipesavvy.check_ledger() c;
CREATE TEMP TABLE found AS SELECT * FROM swipesavvy.ledger_mismatches;
UPDATE swipesavvy.reward_accounts SET transaction_count = 1 WHERE user_id = :'bob';
UPDATE swipesavvy.reward_accounts SET points_available = points_available - 1 WHERE user_id = :'ada';
SELECT c -> 'mismatches' AS found FROM swipesavvy.check_ledger(3) c;
SELECT user_id, m.checks, m.found_at = f.found_at AS known_since, m.checked_at > f.checked_at AS checked_again FROM swipesavvy.ledger_mismatches m JOIN found f USING (user_id);
-- it is a figure of health, and of its samples two make an alert
SELECT count(swipesavvy.record_health('{"cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT figure, severity, value, threshold FROM swipesavvy.health_alerts WHERE resolved_at IS NULL AND figure = 'ledger_mismatches';
SELECT h #>> '{services,database,status}' AS database, a - 'opened_at' AS alert FROM swipesavvy.get_system_health() h, jsonb_array_elements(h -> 'alerts') a WHERE a ->> 'name' ~ 'ledger';
-- accounts that are found by chance and those that are known are looked at, even when there is no account any more
SET LOCAL session_replication_role = replica;
DELETE FROM swipesavvy.reward_accounts WHERE user_id = :'bob';
SELECT c -> 'mismatches' AS found, c #> '{accounts,0,checks}' AS checks FROM swipesavvy.check_ledger() c;
DELETE FROM swipesavvy.points_entries WHERE user_id = :'bob';
DELETE FROM swipesavvy.transactions WHERE user_id = :'bob';
DELETE FROM swipesavvy.campaign_redemptions WHERE user_id = :'bob';
SELECT c -> 'mismatches' AS found FROM swipesavvy.check_ledger() c;
SET LOCAL session_replication_role = origin;
SELECT count(swipesavvy.record_health('{"cpu_percent": null, "memory_percent": null}')) AS samples FROM generate_series(1, 2);
SELECT resolved_at IS NOT NULL AS resolved FROM swipesavvy.health_alerts WHERE figure = 'ledger_mismatches';

-- an account with more purchases than a sample may have is looked at alone, up to twenty times as many; it counts what there is
DELETE FROM swipesavvy.ledger_check_days;
SELECT count(swipesavvy.record_transaction(:'eve', 1)) AS purchases FROM generate_series(1, 95) n;
SELECT string_agg(DISTINCT c ->> 'accounts_checked', ' ') AS one FROM (SELECT swipesavvy.check_ledger(1) AS c FROM generate_series(1, 20)) c;
SELECT accounts = 20 AS each_time FROM swipesavvy.ledger_check_days;
INSERT INTO swipesavvy.ledger_check_days VALUES ('2020-01-01', 1, 0, '2020-01-01');
SELECT count(swipesavvy.record_transaction(:'eve', 1)) AS purchases FROM generate_series(1, 110) n;
UPDATE swipesavvy.reward_accounts SET points_available = 0 WHERE user_id = :'eve';
SELECT sum((swipesavvy.check_ledger(1) ->> 'mismatches')::int) AS too_large_for_one FROM generate_series(1, 20);
SELECT swipesavvy.check_ledger(100) -> 'mismatches' AS of_more;
SELECT count(*) AS days FROM swipesavvy.ledger_check_days;
-- purchases are counted of the accounts that are drawn, and not of all in their blocks
SELECT count(swipesavvy.create_user(format('drawn-%s@example.com', n), 'Drawn')) AS users FROM generate_series(1, 100) n;
SET LOCAL session_replication_role = replica;
UPDATE swipesavvy.reward_accounts SET transaction_count = 1000000;
DELETE FROM swipesavvy.reward_accounts WHERE user_id = :'eve';
DELETE FROM swipesavvy.ledger_mismatches;
SET LOCAL session_replication_role = origin;
SELECT idx_scan AS before FROM pg_stat_xact_all_tables WHERE relid = 'swipesavvy.transactions'::regclass \gset
SELECT swipesavvy.check_ledger(3) IS NOT NULL AS checked;
SELECT idx_scan - :before < 50 AS no_other FROM pg_stat_xact_all_tables WHERE relid = 'swipesavvy.transactions'::regclass;
ROLLBACK;

-- errors
SELECT swipesavvy.check_ledger(0);
SELECT swipesavvy.check_ledger(10001);
