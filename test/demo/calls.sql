-- The first :first purchases, in order, a call and a commit each; prints the seconds it took.
SELECT clock_timestamp() AS begun \gset
\o /dev/null
SELECT format('SELECT swipesavvy.record_transaction(user_id => %L, amount => %s, currency => %L, merchant_id => %L,
                      occurred_at => %L, status => %L, idempotency_key => %L, metadata => %L, transaction_id => %L)',
              user_id, amount_minor / 100.00, currency, merchant_id, occurred_at, status, idempotency_key, metadata, transaction_id)
FROM demo.input
ORDER BY occurred_at, transaction_id
LIMIT :first \gexec
\o
SELECT round(extract(epoch FROM clock_timestamp() - :'begun'::timestamptz), 3);
