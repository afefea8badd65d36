\set u 1000000000000000000 + random(1, :users)
SELECT swipesavvy.get_user_profile(('c000000040008' || :u)::uuid);
