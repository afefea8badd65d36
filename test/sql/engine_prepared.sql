-- Purchases in a prepared transaction; where the server allows none, the other expected output says so.
SELECT current_setting('max_prepared_transactions') = '0' AS none \gset
\if :none
\echo max_prepared_transactions is 0
\quit
\endif
SELECT swipesavvy.create_user('ann@prepared.test', 'ann', user_id => '00000000-0000-7000-8000-0000e0000001') ->> 'name' AS name;
BEGIN;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-0000e0000001', 1000);
PREPARE TRANSACTION 'swipesavvy one';
-- it holds the lock on its user; the session has left nothing of it behind
SELECT user_id FROM swipesavvy.reward_accounts WHERE user_id = '00000000-0000-7000-8000-0000e0000001' FOR UPDATE NOWAIT;
COMMIT PREPARED 'swipesavvy one';
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-0000e0000001', 2000) RETURNING amount_minor;
BEGIN;
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-0000e0000001', 4000);
PREPARE TRANSACTION 'swipesavvy two';
ROLLBACK PREPARED 'swipesavvy two';
SELECT points_available, transaction_count FROM swipesavvy.reward_accounts WHERE user_id = '00000000-0000-7000-8000-0000e0000001';
SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
