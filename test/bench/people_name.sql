\set i random(1, :people)
SELECT swipesavvy.list_users(search => (SELECT name FROM swipesavvy.users WHERE user_id = ('c000000040008' || (1000000000000000000 + :i))::uuid));
