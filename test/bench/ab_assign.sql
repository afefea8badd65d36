\set u 1000000000000000000 + random(1, :users)
SELECT swipesavvy.assign_ab_test('f0000000-0000-4000-8000-000000000001', ('c000000040008' || :u)::uuid);
