-- What flags may not be by what other flags, tests and phones need of them, and what a document says of the caller. Everything is rolled back.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.code(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    d text;
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'answered';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || d;
END
$$;
BEGIN;
SET LOCAL search_path = swipesavvy, public;
\set user '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
SELECT create_user('limits@flags.test', 'L', user_id => :'user') IS NOT NULL AS user, create_segment('limits') IS NOT NULL AS segment;

-- ten prerequisites lie one behind another, whichever end is built last: p0 needs nothing, p10 needs p9 and so on; q likewise
SELECT create_flag('p0', 'P') IS NOT NULL AND create_flag('q0', 'Q') IS NOT NULL AS made;
SELECT count(create_flag('p' || n, 'P', prerequisites => jsonb_build_array(jsonb_build_object('id', 'p' || n - 1)))) AS p,
       count(create_flag('q' || n, 'Q', rules => jsonb_build_array(jsonb_build_object('force', true, 'parentConditions', jsonb_build_array(jsonb_build_object('id', 'q' || n - 1)))))) AS q
  FROM generate_series(1, 5) n;
SELECT call, pg_temp.code(call) AS refused FROM (VALUES ($$update_flag('p0', '{"prerequisites": [{"id": "q5"}]}')$$), ($$update_flag('p0', '{"prerequisites": [{"id": "q4"}]}')$$),
    ($$create_flag('p6', 'P', prerequisites => '[{"id": "p5"}]')$$), ($$update_flag('q0', '{"prerequisites": [{"id": "dark_mode"}]}')$$), ($$update_flag('q0', '{"prerequisites": [{"id": "p5"}]}')$$)) v (call);

-- no gate before all rules: shut, it would give null where an app wants the default
SELECT pg_temp.code($$create_flag('gated', 'G', prerequisites => '[{"id": "dark_mode", "gate": true}]')$$) AS refused,
       pg_temp.code($$create_flag('gated', 'G', rules => '[{"force": true, "parentConditions": [{"id": "dark_mode", "gate": true}]}]')$$) AS of_a_rule;
SELECT create_flag('behind', 'B', enabled => true, prerequisites => '[{"id": "p0"}]') IS NOT NULL AS made;
UPDATE feature_flags SET prerequisites = '[{"id": "p0", "gate": true}]' WHERE flag_key = 'behind';
SELECT f #> '{document,rules,0,parentConditions}' AS parents, evaluate_flag('behind', :'user') -> 'value' AS the_default FROM get_flag('behind') f;

-- the part of a namespace is one
SELECT part, pg_temp.code(format('create_flag(''n'', ''N'', rules => ''[{"variations": [true, false], "namespace": ["n", %s]}]'')', part)) AS refused FROM unnest('{"0, 1.001","-0.1, 1","0.9, 0.1","0.1, 0.9"}'::text[]) part;

-- the key of a test is the id of its rule: it is no other rule's, and a rule that bears one by chance is none of the test
SELECT create_flag('ruled', 'R', enabled => true, rules => '[{"id": "beta", "variations": [false, true], "hashVersion": 2}]') IS NOT NULL AS made, create_flag('other', 'O', enabled => true) IS NOT NULL AS other;
SELECT key, pg_temp.code(format('create_flag_test(''T'', ''ruled'', ''[false, true]'', test_key => %L)', key)) AS refused FROM unnest('{beta,rollout,override,gamma}'::text[]) key;
SELECT start_ab_test((create_flag_test('T', 'other', '[false, true]', test_key => 'beta', test_id => '00000000-0000-7000-8000-0000000000f1') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT assign_flag('ruled', :'user') ->> 'source' AS source;
SELECT count(*) AS told FROM ab_test_exposures;

-- a flag that goes public takes its tests along
SELECT start_ab_test((create_flag_test('S', 'ruled', '[false, true]', condition => '{"id": {"$inGroup": "limits"}}', test_key => 'grouped', test_id => '00000000-0000-7000-8000-0000000000f2') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT pg_temp.code($$update_flag('ruled', '{"audience": "public", "rules": []}')$$) AS refused;
SELECT end_ab_test('00000000-0000-7000-8000-0000000000f2') ->> 'status' AS status, pg_temp.code($$update_flag('ruled', '{"audience": "public", "rules": []}')$$) AS then;

-- who is no user has no segments, a user may have none; the first is asked past the executor, then by a query
SELECT create_flag('some', 'S', enabled => true, targeting => '{"segments": {"$exists": true}}') IS NOT NULL AS made;
SELECT evaluate_flag('some', :'user') -> 'value' AS of_a_user, evaluate_flag('some', '00000000-0000-7000-8000-0000000000f9') -> 'value' AS of_nobody;
ALTER TABLE segment_members ENABLE ROW LEVEL SECURITY;
SELECT evaluate_flag('some', :'user') -> 'value' AS of_a_user, evaluate_flag('some', '00000000-0000-7000-8000-0000000000f9') -> 'value' AS of_nobody;

-- a customer is told those of its attributes that public flags name: not its points with its tier
SELECT create_flag('tiered', 'T', audience => 'public', enabled => true, targeting => '{"$or": [{"tier": "gold"}, {"role": {"$not": {"$eq": "customer"}}}]}') IS NOT NULL AS made;
SELECT get_flags_document(:'user') -> 'attributes' AS attributes;
SELECT create_flag('by_user', 'B', audience => 'public', enabled => true, rollout_percentage => 50, hash_attribute => 'user_id') IS NOT NULL AS made;
SELECT get_flags_document(:'user') #>> '{attributes,user_id}' = :'user' AS hashed_too;
SET LOCAL ROLE swipesavvy_analytics;
SELECT get_flags_document(:'user') ? 'attributes' AS told_to_analysts, get_flags_document(:'user') -> 'features' ? 'tiered' AS of_its_flags;
RESET ROLE;

-- a document is as old as the step that counts: a ramp that another step has cut short goes on no more
UPDATE feature_flags SET audience = 'server', archived_at = now();
SELECT create_flag('ramp', 'R', audience => 'public', enabled => true) IS NOT NULL AS made;
UPDATE feature_flags SET updated_at = '2020-01-01 00:00+00';
DELETE FROM feature_flag_rollouts;
INSERT INTO feature_flag_rollouts (flag_no, starts_at, ends_at, enabled, from_bp, to_bp)
SELECT flag_no, clock_timestamp() + s * interval '0.2 seconds', clock_timestamp() + e * interval '1 hour', true, f, t
  FROM feature_flags, (VALUES (0, 1, 10000, 0), (1, NULL, 5000, 5000)) v (s, e, f, t) WHERE flag_key = 'ramp';
SELECT get_flags_document() ->> 'dateUpdated' IS NOT NULL AS compiled;
SELECT pg_sleep_until((SELECT max(starts_at) + interval '0.1 seconds' FROM feature_flag_rollouts));
SELECT (get_flags_document() ->> 'dateUpdated')::timestamptz = (SELECT max(starts_at) FROM feature_flag_rollouts) AS of_the_second_step;
ROLLBACK;
