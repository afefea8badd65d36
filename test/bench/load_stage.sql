-- Puts beside the tables what the accounts and budgets will be, and writes the finished rows as statements, arrays.sql: for
-- every thousand purchases one INSERT into each table, from arrays.
\set ON_ERROR_STOP on
CREATE TABLE bench.accounts (LIKE swipesavvy.reward_accounts INCLUDING ALL);
CREATE TABLE bench.slots (LIKE swipesavvy.campaign_slots INCLUDING ALL);
CREATE TEMPORARY TABLE t (n bigserial, LIKE swipesavvy.transactions);
CREATE TEMPORARY TABLE e (n bigserial, LIKE swipesavvy.points_entries);
CREATE TEMPORARY TABLE r (n bigserial, LIKE swipesavvy.campaign_redemptions);
\copy bench.accounts FROM accounts.csv WITH (FORMAT csv)
\copy bench.slots FROM slots.csv WITH (FORMAT csv)
\copy t (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus, discount_minor, refunded_minor, points_refunded, status, currency, category_no, request, merchant_id, account_id, idempotency_key, metadata, decision, base_rate) FROM transactions.csv WITH (FORMAT csv)
\copy e (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, campaign_no, transaction_id, reason) FROM entries.csv WITH (FORMAT csv)
\copy r (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, cost_returned_minor, day, position, counts) FROM redemptions.csv WITH (FORMAT csv)

-- arrays: one for each column, in their order.
CREATE FUNCTION pg_temp.statement(relation regclass, arrays text[]) RETURNS text LANGUAGE sql AS $$
    SELECT format('INSERT INTO %s (%s) SELECT * FROM unnest(%s);', relation, string_agg(attname, ', ' ORDER BY attnum),
                  string_agg(format('%L::%s[]', arrays[attnum], format_type(atttypid, atttypmod)), ', ' ORDER BY attnum))
    FROM pg_attribute WHERE attrelid = relation AND attnum > 0
$$;
\o arrays.sql
SELECT pg_temp.statement('swipesavvy.transactions', ARRAY[
    array_agg(transaction_id ORDER BY n)::text, array_agg(user_id ORDER BY n)::text, array_agg(amount_minor ORDER BY n)::text,
    array_agg(occurred_at ORDER BY n)::text, array_agg(recorded_at ORDER BY n)::text, array_agg(points_base ORDER BY n)::text,
    array_agg(points_bonus ORDER BY n)::text, array_agg(discount_minor ORDER BY n)::text, array_agg(refunded_minor ORDER BY n)::text,
    array_agg(points_refunded ORDER BY n)::text, array_agg(status ORDER BY n)::text, array_agg(currency ORDER BY n)::text,
    array_agg(category_no ORDER BY n)::text, array_agg(request ORDER BY n)::text, array_agg(merchant_id ORDER BY n)::text,
    array_agg(account_id ORDER BY n)::text, array_agg(idempotency_key ORDER BY n)::text, array_agg(metadata ORDER BY n)::text,
    array_agg(decision ORDER BY n)::text, array_agg(base_rate ORDER BY n)::text])
FROM t GROUP BY (n - 1) / 1000 ORDER BY (n - 1) / 1000;
SELECT pg_temp.statement('swipesavvy.points_entries', ARRAY[
    array_agg(user_id ORDER BY n)::text, array_agg(entry_id ORDER BY n)::text, array_agg(points ORDER BY n)::text,
    array_agg(recorded_at ORDER BY n)::text, array_agg(kind ORDER BY n)::text, array_agg(debit_account ORDER BY n)::text,
    array_agg(credit_account ORDER BY n)::text, array_agg(campaign_no ORDER BY n)::text, array_agg(transaction_id ORDER BY n)::text,
    array_agg(reason ORDER BY n)::text])
FROM e GROUP BY (n - 1) / 2000 ORDER BY (n - 1) / 2000;
SELECT pg_temp.statement('swipesavvy.campaign_redemptions', ARRAY[
    array_agg(user_id ORDER BY n)::text, array_agg(transaction_id ORDER BY n)::text, array_agg(campaign_no ORDER BY n)::text,
    array_agg(campaign_version ORDER BY n)::text, array_agg(points ORDER BY n)::text, array_agg(discount_minor ORDER BY n)::text,
    array_agg(cost_minor ORDER BY n)::text, array_agg(cost_returned_minor ORDER BY n)::text, array_agg(day ORDER BY n)::text,
    array_agg(position ORDER BY n)::text, array_agg(counts ORDER BY n)::text])
FROM r GROUP BY (n - 1) / 1500 ORDER BY (n - 1) / 1500;
\o
VACUUM ANALYZE;
