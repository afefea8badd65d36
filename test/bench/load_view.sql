-- One COPY into the view; prints purchases per second.
SELECT clock_timestamp() AS begun \gset
\copy swipesavvy.purchases (user_id, merchant_id, amount_minor, occurred_at, idempotency_key) FROM purchases.csv WITH (FORMAT csv)
SELECT round(:count / extract(epoch FROM clock_timestamp() - :'begun'), 1);
