\set u 1000000000000000000 + random(:first_user, :last_user)
SELECT swipesavvy.get_user_profile(('c000000040008' || :u)::uuid);
SELECT swipesavvy.get_user_rewards(('c000000040008' || :u)::uuid);
