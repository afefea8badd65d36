\set u 1000000000000000000 + random(1, :users)
\set name random(1, 1000000000)
SELECT swipesavvy.update_user(('c000000040008' || :u)::uuid, jsonb_build_object('name', 'User ' || :name));
