-- The finished rows that a load left, as files in the order in which they lie.
\set ON_ERROR_STOP on
CREATE TEMPORARY TABLE loaded AS SELECT * FROM swipesavvy.transactions WHERE idempotency_key LIKE 'load-%' ORDER BY ctid;
CREATE UNIQUE INDEX ON loaded (transaction_id);
ANALYZE loaded;
\copy loaded TO transactions.csv WITH (FORMAT csv)
\copy (SELECT * FROM swipesavvy.points_entries WHERE transaction_id IN (SELECT transaction_id FROM loaded) ORDER BY ctid) TO entries.csv WITH (FORMAT csv)
\copy (SELECT * FROM swipesavvy.campaign_redemptions WHERE transaction_id IN (SELECT transaction_id FROM loaded) ORDER BY ctid) TO redemptions.csv WITH (FORMAT csv)
\copy (SELECT * FROM swipesavvy.reward_accounts WHERE user_id IN (SELECT user_id FROM loaded)) TO accounts.csv WITH (FORMAT csv)
\copy (SELECT * FROM swipesavvy.campaign_slots WHERE used > 0) TO slots.csv WITH (FORMAT csv)
