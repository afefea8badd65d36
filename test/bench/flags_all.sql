\set u 1000000000000000000 + random(1, :users)
SELECT swipesavvy.evaluate_flags(('c000000040008' || :u)::uuid, '{"country": "de", "app": "2.1.0"}');
