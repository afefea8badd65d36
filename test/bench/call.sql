\set u 1000000000000000000 + random(1, :users)
\set m 1000000000000000000 + random(:first_merchant, :last_merchant)
\set amount random(100, 10000) / 100.0
\set key random(1, 9000000000000000000)
SELECT swipesavvy.record_transaction(user_id => ('c000000040008' || :u)::uuid, amount => :amount, merchant_id => ('b000000040008' || :m)::uuid, idempotency_key => :key);
