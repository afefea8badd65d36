-- A/B tests between values of a flag: what they may be, whom they take, who is counted, and what becomes of the flag. Everything is rolled back.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
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
UPDATE users SET role = 'support' WHERE role = 'customer'; -- whom other tests have left behind
SELECT count(create_user(format('u%s@ab.test', n), 'U', user_id => format('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d0%s', n)::uuid, preferred_language => CASE WHEN n < 4 THEN 'de' ELSE 'en' END)) AS users FROM generate_series(1, 5) n;
SELECT create_flag('button', 'Button', value_type => 'string', default_value => '"grey"', value => '"rolled"', enabled => true, rollout_percentage => 0) IS NOT NULL AS made,
       create_flag('gone', 'Gone') IS NOT NULL AND delete_flag('gone') IS NOT NULL AS archived, create_flag('open', 'Open', audience => 'public') IS NOT NULL AS public;
\set test '00000000-0000-7000-8000-00000000ab11'
\set second '00000000-0000-7000-8000-00000000ab12'
SELECT r ->> 'status' AS status, r ->> 'kind' AS kind, r ->> 'exposure' AS exposure, r ->> 'primary_metric' AS primary_metric, r -> 'document' AS document
  FROM create_flag_test('Colours', 'button', '["red", "blue"]', condition => '{"preferred_language": "de"}', seed => 'summer-double', test_key => 'colours', test_id => :'test') r;
SELECT call, pg_temp.code(format('create_flag_test(%s)', call)) AS refused FROM (VALUES
    ($$'T', 'nowhere', '[1, 2]'$$), ($$'T', 'gone', '[true, false]'$$), ($$'T', NULL, '[1, 2]'$$), ($$'T', 'button', NULL$$), ($$'T', 'button', '["one"]'$$), ($$'T', 'button', '["a", 5]'$$), ($$'T', 'button', '{}'$$),
    ($$'T', 'button', '["a", "b"]', condition => '{"preferred_language": {"$regx": "d"}}'$$), ($$'T', 'open', '[true, false]', condition => '{"id": "x"}'$$), ($$'T', 'button', '["a", "b"]', hold_out => 0.1$$),
    ($$'T', 'button', '["a", "b"]', exposure => 'population'$$), ($$'T', 'button', '["a", "b"]', outside => 'control'$$), ($$'T', 'button', '["a", "b"]', scope => 'target'$$),
    ($$'T', 'button', '["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]'$$), ($$'T', 'button', '["a", "b"]', test_key => 'colours'$$), ($$'T', 'button', '["a", "b"]', test_key => 'is.it'$$)) v (call);
-- a draft changes nothing; running, it takes whom its condition takes, each by the hash
SELECT evaluate_flag('button', user_id) ->> 'value' AS before FROM users WHERE email = 'u1@ab.test';
SELECT r ->> 'status' AS status, r -> 'campaigns' AS campaigns FROM start_ab_test(:'test') r;
SELECT right(user_id::text, 2) AS id, e ->> 'value' AS value, e ->> 'source' AS source, e ->> 'rule_id' AS rule_id, e ->> 'variant' AS variant, a ->> 'group_name' AS "group", a -> 'value' AS assigned
  FROM users, evaluate_flag('button', user_id) e, assign_ab_test(:'test', user_id) a WHERE email LIKE '%@ab.test' ORDER BY user_id;
SELECT f -> 'tests' AS tests, f #> '{document,rules,0,variations}' AS variations FROM get_flag('button') f;
-- evaluating told nobody; assigning does, and the same exposure is told once
SELECT count(*) AS told_by_assign_ab_test FROM ab_test_exposures;
DELETE FROM ab_test_exposures;
SELECT right(user_id::text, 2) AS id, f ->> 'value' AS value, f -> 'recorded' AS recorded, g -> 'recorded' AS again FROM users, assign_flag('button', user_id) f, assign_flag('button', user_id) g WHERE email LIKE '%@ab.test' ORDER BY user_id;
SELECT right(user_id::text, 2) AS id, group_no FROM ab_test_exposures ORDER BY user_id;
-- a second test takes whom the first one leaves
SELECT start_ab_test((create_flag_test('Sizes', 'button', '["big", "small"]', seed => 'summer-double', test_key => 'sizes', test_id => :'second') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT right(user_id::text, 2) AS id, e ->> 'value' AS value, e ->> 'rule_id' AS rule_id FROM users, evaluate_flag('button', user_id) e WHERE email LIKE '%@ab.test' ORDER BY user_id;
-- who asks what is held on it learns of its groups
SELECT right(u.user_id::text, 2) AS id, string_agg(x ->> 'test_name' || ' ' || (x ->> 'group_name'), ', ' ORDER BY n) AS groups,
       bool_and(assign_ab_test((x ->> 'test_id')::uuid, u.user_id) ->> 'group_name' = x ->> 'group_name') AS as_assigned
  FROM users u LEFT JOIN LATERAL jsonb_array_elements(export_user_data(u.user_id) -> 'ab_test_groups') WITH ORDINALITY e (x, n) ON true WHERE u.email LIKE '%@ab.test' GROUP BY u.user_id ORDER BY u.user_id;
DELETE FROM ab_test_exposures WHERE test_no = (SELECT test_no FROM ab_tests WHERE test_id = :'second');
-- a document carries the flag without its tests: back to where it is from, and to another place
CREATE TEMP TABLE carried AS SELECT jsonb_build_object('features', jsonb_build_object('button', f, 'knob', f)) AS document FROM (SELECT get_flags_document() #> '{features,button}') d (f);
SELECT jsonb_path_query_array(document, '$.features.button.rules[*].id') AS rules, import_flags_document(document) AS carried FROM carried;
SELECT import_flags_document(jsonb_set(document, '{features,button,defaultValue}', '"white"'), true) AS replaced FROM carried;
SELECT flag_key, default_value, rules, version FROM feature_flags WHERE flag_key IN ('button', 'knob') ORDER BY 1;
SELECT jsonb_path_query_array(get_flag('button'), '$.document.rules[*].id') AS still_tested, update_flag('button', '{"default_value": "grey"}') -> 'version' AS version;
-- an experiment that somebody wrote is a rule of the flag
SELECT import_flags_document('{"features": {"knob": {"defaultValue": "grey", "rules": [{"id": "own", "key": "own", "variations": ["a", "b"], "weights": [0.5, 0.5], "coverage": 1, "hashVersion": 2, "hashAttribute": "id", "seed": "s", "bucketVersion": 0, "meta": [{"key": "control"}, {"key": "treatment"}]}]}}}', true) AS written,
       import_flags_document('{"features": {"knob": {"defaultValue": "grey", "rules": [{"id": "colours", "key": "colours", "variations": ["a", "b"], "name": "mine"}]}}}', true) #>> '{errors,0,detail}' AS of_a_tests_name;
SELECT jsonb_path_query_array(rules, '$[*].id') AS rules FROM feature_flags WHERE flag_key = 'knob';
-- what would break it
SELECT call, pg_temp.code(call) AS refused FROM (VALUES ($$delete_flag('button')$$), ($$update_flag('button', '{"hash_attribute": "device"}')$$), ($$update_flag('button', '{"rules": [{"id": "colours", "force": "x"}]}')$$)) v (call);
-- the kill switch leaves the default; paused, its rule is gone
SELECT update_system_settings('{"feature_flags_enabled": false}') IS NOT NULL AS off, evaluate_flag('button', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') ->> 'value' AS value;
SELECT update_system_settings('{"feature_flags_enabled": true}') IS NOT NULL AS on_again;
SELECT pause_ab_test(:'second') ->> 'status' AS status, pause_ab_test(:'test') ->> 'status' AS status_too;
SELECT evaluate_flag('button', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') ->> 'value' AS value;
SELECT end_ab_test(:'second') ->> 'message' AS no_winner;
-- what is counted, and the end: the winner's value is a rule for whom the test took
SELECT start_ab_test(:'test') ->> 'status' AS goes_on;
SELECT count(record_transaction(user_id, 20)) AS purchases FROM users WHERE email LIKE '%@ab.test';
UPDATE ab_test_exposures SET first_at = first_at - interval '1 minute';
UPDATE ab_tests SET started_at = started_at - interval '1 hour' WHERE test_id = :'test';
DELETE FROM ab_test_pauses;
SELECT refresh_ab_tests(:'test') - 'duration_ms' AS run;
SELECT jsonb_path_query_array(r, '$.groups[*].users') AS users, jsonb_path_query_array(r, '$.groups[*].buyers') AS buyers, r ->> 'recommendation' AS recommendation FROM get_ab_test_results(:'test') r;
SELECT end_ab_test(:'test', 'variant_1', reason => 'blue it is') - 'ended_at' - 'test_id' AS ended;
SELECT rules FROM feature_flags WHERE flag_key = 'button';
SELECT right(user_id::text, 2) AS id, e ->> 'value' AS value, e ->> 'source' AS source, e ->> 'rule_id' AS rule_id FROM users, evaluate_flag('button', user_id) e WHERE email LIKE '%@ab.test' ORDER BY user_id;
SELECT test_name, control_campaign_id, variant_campaign_ids, users FROM v_ab_test_summary ORDER BY test_id;
SELECT update_flag('button', '{"name": "Knob"}') ->> 'name' AS can_be_changed, delete_flag('button') ->> 'flag_key' AS archived;
-- a flag that has as many rules as it can, or as big ones, has no room for the winner's: the test goes on, and nothing else is done either
CREATE FUNCTION pg_temp.rules(count int, size int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('rules', jsonb_agg(jsonb_build_object('id', 'r' || n, 'condition', jsonb_build_object('id', n::text), 'force', repeat('x', size)))) FROM generate_series(1, count) n $$;
SELECT create_flag('full', 'Full', value_type => 'string', default_value => '"a"', value => '"b"') IS NOT NULL AS made,
       start_ab_test((create_flag_test('F', 'full', jsonb_build_array('a', repeat('y', 9000)), test_key => 'filled', test_id => '00000000-0000-7000-8000-00000000ab13') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT pg_temp.code($$update_flag('full', pg_temp.rules(101, 1))$$) AS one_too_many, pg_temp.code($$update_flag('full', pg_temp.rules(28, 9500))$$) AS too_big;
CREATE TEMP VIEW seen AS SELECT t.status, t.winner_group, t.version AS test_version, f.version, jsonb_array_length(f.rules) AS rules, (SELECT count(*) FROM audit_logs WHERE event_type = 'ab_test.end' AND resource_id = t.test_id::text) AS said_to_end
  FROM ab_tests t JOIN feature_flags f USING (flag_no) WHERE t.test_key = 'filled';
SELECT update_flag('full', pg_temp.rules(27, 9500)) IS NOT NULL AS big;
SELECT pg_temp.code($$end_ab_test('00000000-0000-7000-8000-00000000ab13', 'variant_1')$$) AS refused;
SELECT * FROM seen;
SELECT update_flag('full', pg_temp.rules(100, 1)) IS NOT NULL AS many;
SELECT end_ab_test('00000000-0000-7000-8000-00000000ab13', 'variant_1');
SELECT * FROM seen;
SELECT update_flag('full', pg_temp.rules(99, 1)) IS NOT NULL AS one_less, end_ab_test('00000000-0000-7000-8000-00000000ab13', 'variant_1') - 'ended_at' - 'test_id' AS ended;
SELECT jsonb_array_length(rules) AS rules, rules #>> '{99,id}' AS last, left(rules #>> '{99,force}', 5) AS force FROM feature_flags WHERE flag_key = 'full';
-- without a winner it takes no room
SELECT start_ab_test((create_flag_test('G', 'full', '["a", "b"]', test_id => '00000000-0000-7000-8000-00000000ab14') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT end_ab_test('00000000-0000-7000-8000-00000000ab14') ->> 'message' AS ended;
ROLLBACK;
