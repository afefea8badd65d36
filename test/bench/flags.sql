-- 100,000 users, half of them in a segment, and fifty flags: shares, conditions on attributes that are given and on what is stored, experiments.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
GRANT swipesavvy_backend, swipesavvy_analytics TO bench_service;
GRANT SELECT ON swipesavvy.users, swipesavvy.reward_accounts TO bench_service;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO bench_service;
CREATE FUNCTION bench.user_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
INSERT INTO swipesavvy.users (user_id, email, name) SELECT bench.user_id(n), format('u%s@example.com', n), 'U' FROM generate_series(1, :users) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency)
SELECT bench.user_id(n), (ARRAY['bronze', 'silver', 'gold', 'platinum'])[1 + n % 4], 'USD' FROM generate_series(1, :users) n;
SELECT swipesavvy.create_segment('half');
SELECT swipesavvy.add_segment_members('half', ARRAY(SELECT bench.user_id(n) FROM generate_series(1, :users, 2) n));
SELECT count(swipesavvy.create_flag('flag' || n, 'Flag', enabled => true, rollout_percentage => n,
           targeting => (ARRAY['{}', '{"country": "de"}', '{"app": {"$vgte": "2.0.0"}}', '{"tier": {"$in": ["gold", "platinum"]}}', '{"segments": {"$in": ["half"]}}'])[1 + n % 5]::jsonb,
           rules => CASE WHEN n % 7 = 0 THEN '[{"id": "e", "variations": [true, false], "meta": [{"key": "a"}, {"key": "b"}]}]' ELSE '[]' END::jsonb))
  FROM generate_series(1, 50) n;
SELECT swipesavvy.create_flag('half', 'Half', enabled => true, rollout_percentage => 50),
       swipesavvy.create_flag('golden', 'Golden', enabled => true, rollout_percentage => 50, targeting => '{"tier": {"$in": ["gold", "platinum"]}}');
UPDATE swipesavvy.feature_flags SET archived_at = now() WHERE is_seed;
VACUUM ANALYZE;
