\set u 1000000000000000000 + random(1, :users)
SELECT swipesavvy.evaluate_flag('golden', ('c000000040008' || :u)::uuid);
