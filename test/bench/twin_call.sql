\set u 1000000000000000000 + random(1, :users)
\set m 1000000000000000000 + random(:first_merchant, :last_merchant)
\set amount random(100, 10000) / 100.0
\set key random(1, 9000000000000000000)
SELECT twin.record_transaction(the_user => ('c000000040008' || :u)::uuid, amount => :amount, the_merchant => ('b000000040008' || :m)::uuid, the_key => :key);
