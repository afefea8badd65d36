-- Puts beside the tables what the floors start from: the accounts as they will be, and the finished rows as arrays, one
-- of each column for every thousand purchases, and a procedure that writes them.
\set ON_ERROR_STOP on
CREATE TABLE bench.accounts (LIKE swipesavvy.reward_accounts INCLUDING ALL);
CREATE TEMPORARY TABLE t (n bigserial, LIKE swipesavvy.transactions);
CREATE TEMPORARY TABLE e (n bigserial, LIKE swipesavvy.points_entries);
CREATE TEMPORARY TABLE r (n bigserial, LIKE swipesavvy.campaign_redemptions);
\copy bench.accounts FROM accounts.csv WITH (FORMAT csv)
\copy t (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus, discount_minor, refunded_minor, points_refunded, status, currency, category_no, request, merchant_id, account_id, idempotency_key, metadata, decision) FROM transactions.csv WITH (FORMAT csv)
\copy e (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, campaign_no, transaction_id, reason) FROM entries.csv WITH (FORMAT csv)
\copy r (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, cost_returned_minor, day, position, counts) FROM redemptions.csv WITH (FORMAT csv)
CREATE INDEX ON e (transaction_id);
CREATE INDEX ON r (transaction_id);
ANALYZE;

CREATE TABLE bench.batch_t AS
SELECT (n - 1) / 1000 AS batch, array_agg(transaction_id ORDER BY n) AS c1, array_agg(user_id ORDER BY n) AS c2, array_agg(amount_minor ORDER BY n) AS c3,
       array_agg(occurred_at ORDER BY n) AS c4, array_agg(recorded_at ORDER BY n) AS c5, array_agg(points_base ORDER BY n) AS c6,
       array_agg(points_bonus ORDER BY n) AS c7, array_agg(discount_minor ORDER BY n) AS c8, array_agg(status ORDER BY n) AS c9,
       array_agg(currency ORDER BY n) AS c10, array_agg(category_no ORDER BY n) AS c11, array_agg(request ORDER BY n) AS c12,
       array_agg(merchant_id ORDER BY n) AS c13, array_agg(idempotency_key ORDER BY n) AS c14, array_agg(decision ORDER BY n) AS c15
FROM t GROUP BY 1;
CREATE TABLE bench.batch_e AS
SELECT (t.n - 1) / 1000 AS batch, array_agg(e.user_id ORDER BY e.n) AS c1, array_agg(entry_id ORDER BY e.n) AS c2, array_agg(points ORDER BY e.n) AS c3,
       array_agg(e.recorded_at ORDER BY e.n) AS c4, array_agg(kind ORDER BY e.n) AS c5, array_agg(debit_account ORDER BY e.n) AS c6,
       array_agg(credit_account ORDER BY e.n) AS c7, array_agg(campaign_no ORDER BY e.n) AS c8, array_agg(e.transaction_id ORDER BY e.n) AS c9
FROM e JOIN t USING (transaction_id) GROUP BY 1;
CREATE TABLE bench.batch_r AS
SELECT (t.n - 1) / 1000 AS batch, array_agg(r.user_id ORDER BY r.n) AS c1, array_agg(r.transaction_id ORDER BY r.n) AS c2,
       array_agg(campaign_no ORDER BY r.n) AS c3, array_agg(campaign_version ORDER BY r.n) AS c4, array_agg(points ORDER BY r.n) AS c5,
       array_agg(r.discount_minor ORDER BY r.n) AS c6, array_agg(cost_minor ORDER BY r.n) AS c7, array_agg(day ORDER BY r.n) AS c8,
       array_agg(position ORDER BY r.n) AS c9
FROM r JOIN t USING (transaction_id) GROUP BY 1;

CREATE PROCEDURE bench.write_arrays() LANGUAGE plpgsql AS $$
DECLARE
    t bench.batch_t;
    e bench.batch_e;
    r bench.batch_r;
BEGIN
    FOR t IN SELECT * FROM bench.batch_t ORDER BY batch LOOP
        SELECT * INTO e FROM bench.batch_e AS b WHERE b.batch = t.batch;
        SELECT * INTO r FROM bench.batch_r AS b WHERE b.batch = t.batch;
        INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base, points_bonus,
            discount_minor, status, currency, category_no, request, merchant_id, idempotency_key, decision)
        SELECT * FROM unnest(t.c1, t.c2, t.c3, t.c4, t.c5, t.c6, t.c7, t.c8, t.c9, t.c10, t.c11, t.c12, t.c13, t.c14, t.c15);
        INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account, campaign_no,
            transaction_id)
        SELECT * FROM unnest(e.c1, e.c2, e.c3, e.c4, e.c5, e.c6, e.c7, e.c8, e.c9);
        INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor,
            cost_minor, day, position)
        SELECT * FROM unnest(r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8, r.c9);
    END LOOP;
END
$$;
VACUUM ANALYZE;
