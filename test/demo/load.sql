-- The whole input in one statement, from standard input; prints the seconds it took.
SELECT clock_timestamp() AS begun \gset
\copy swipesavvy.purchases (transaction_id, user_id, merchant_id, amount_minor, currency, occurred_at, status, idempotency_key, metadata) FROM pstdin WITH (FORMAT csv)
SELECT round(extract(epoch FROM clock_timestamp() - :'begun'::timestamptz), 3);
