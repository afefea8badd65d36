\set u 1000000000000000000 + random(1, :users)
SELECT tier FROM swipesavvy.reward_accounts WHERE user_id = ('c000000040008' || :u)::uuid;
