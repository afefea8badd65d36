-- The :count purchases to load, into the file purchases.csv of directory :work.
\set ON_ERROR_STOP on
SELECT count(*) AS at_merchants FROM swipesavvy.campaigns WHERE target_merchant_id IS NOT NULL \gset
SELECT setseed(0.5);
CREATE TEMPORARY TABLE input AS
SELECT n, bench.user_id(1 + floor(random() * :users)::bigint) AS user_id,
       bench.merchant_id(1 + floor(random() * :at_merchants)::bigint) AS merchant_id, 100 + floor(random() * 9901)::bigint AS amount_minor,
       now() - interval '1 day' + interval '0.5 seconds' * n AS occurred_at, 'load-' || n AS idempotency_key
FROM generate_series(1, :count) AS n;
\cd :work
\copy (SELECT user_id, merchant_id, amount_minor, occurred_at, idempotency_key FROM input ORDER BY n) TO purchases.csv WITH (FORMAT csv)
