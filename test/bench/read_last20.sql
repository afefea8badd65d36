\set u 1000000000000000000 + random(:first_user, :last_user)
SELECT swipesavvy.get_user_transactions(('c000000040008' || :u)::uuid);
