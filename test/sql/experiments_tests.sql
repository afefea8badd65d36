-- The life of an A/B test between campaigns: what may be created, changed, started, paused and ended, what each of it refuses, and what
-- becomes of its campaigns. Everything is rolled back.
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
UPDATE users SET role = 'support' WHERE role = 'customer'; -- whom other tests have left behind
SELECT count(create_campaign('Campaign ' || n, 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', campaign_id => 'AB-' || n, stackable => true)) AS campaigns FROM generate_series(1, 8) n;
SELECT count(create_segment(s)) AS segments FROM unnest('{AB friends,rfm:champions}'::text[]) s;
SELECT count(create_campaign(id, 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', campaign_id => id, hold_out => h, currency => c, target_segment => s, target_category => k)) AS odd
  FROM (VALUES ('AB-HELD', 10, 'USD', NULL, NULL), ('AB-EUR', 0, 'EUR', NULL, NULL), ('AB-FRIENDS', 0, 'USD', 'AB friends', NULL), ('AB-FOOD', 0, 'USD', NULL, 'Restaurants & Cafes')) v (id, h, c, s, k);
SELECT count(create_user(format('u%s@ab.test', n), 'U', user_id => format('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d0%s', n)::uuid)) AS users FROM generate_series(1, 5) n;
\set test '00000000-0000-7000-8000-00000000ab01'
\set other '00000000-0000-7000-8000-00000000ab02'

-- a draft with what it has by itself
SELECT jsonb_pretty(create_ab_test('Summer double', 'AB-1', '{AB-2,AB-3}', hold_out => 0.1, test_key => 'summer-double', test_id => :'test')
                    - '{created_at,updated_at,seed,message}'::text[]) AS test;
SELECT r ->> 'message' AS message, r ->> 'seed' AS seed FROM create_ab_test('Seeded', 'AB-4', '{AB-5}', weights => '{0.25,0.75}', seed => 'another', namespace => '["offers", 0, 0.5]', test_id => :'other') r;
SELECT call, pg_temp.code(format('create_ab_test(%s)', call)) AS refused FROM (VALUES
    ($$NULL, 'AB-1', '{AB-2}'$$), ($$'T', NULL, '{AB-2}'$$), ($$'T', 'AB-1', NULL$$), ($$'T', 'AB-1', '{}'$$), ($$'T', 'AB-1', '{AB-1}'$$), ($$'T', 'AB-1', '{NOWHERE}'$$),
    ($$'T', 'AB-1', '{AB-2,AB-3,AB-4,AB-5,AB-6,AB-7,AB-8,AB-HELD,AB-EUR}'$$), ($$'T', 'AB-1', '{AB-HELD}'$$), ($$'T', 'AB-1', '{AB-EUR}'$$), ($$'T', 'AB-1', '{AB-FRIENDS}'$$),
    ($$'T', 'AB-1', '{AB-FRIENDS}', segment => 'AB friends'$$), ($$'T', 'AB-1', '{AB-2}', segment => 'nobody'$$), ($$'T', 'AB-1', '{AB-2}', segment => 'rfm:champions'$$),
    ($$'T', 'AB-1', '{AB-2}', scope => 'target'$$), ($$'T', 'AB-FOOD', '{AB-2}', scope => 'target'$$), ($$'T', 'AB-1', '{AB-2}', weights => '{0.5,0.4}'$$), ($$'T', 'AB-1', '{AB-2}', weights => '{0.5}'$$),
    ($$'T', 'AB-1', '{AB-2}', weights => '{0.33333,0.66667}'$$), ($$'T', 'AB-1', '{AB-2}', hold_out => 0.6$$), ($$'T', 'AB-1', '{AB-2}', coverage => 0$$), ($$'T', 'AB-1', '{AB-2}', coverage => 0.00001$$),
    ($$'T', 'AB-1', '{AB-2}', namespace => '["n", 0.5]'$$), ($$'T', 'AB-1', '{AB-2}', namespace => '["n", 0.5, 0.5]'$$), ($$'T', 'AB-1', '{AB-2}', exposure => 'all'$$), ($$'T', 'AB-1', '{AB-2}', outside => 'all'$$),
    ($$'T', 'AB-1', '{AB-2}', primary_metric => 'fun'$$), ($$'T', 'AB-1', '{AB-2}', metrics => '{fun}'$$), ($$'T', 'AB-1', '{AB-2}', confidence_level => 0.5$$), ($$'T', 'AB-1', '{AB-2}', power => 0.1$$),
    ($$'T', 'AB-1', '{AB-2}', minimum_effect_size => 0$$), ($$'T', 'AB-1', '{AB-2}', minimum_effect_size => 'NaN'$$), ($$'T', 'AB-1', '{AB-2}', window_days => 0$$), ($$'T', 'AB-1', '{AB-2}', covariate_days => 91$$),
    ($$'T', 'AB-1', '{AB-2}', minimum_days => 0$$), ($$'T', 'AB-1', '{AB-2}', target_sample_size => 0$$), ($$'T', 'AB-1', '{AB-2}', test_key => '-x'$$), ($$'T', 'AB-1', '{AB-2}', test_key => 'summer-double'$$),
    ($$'T', 'AB-1', '{AB-2}', test_id => '00000000-0000-7000-8000-00000000ab01'$$)) v (call);

-- every test hashes by version 2, as it says
SELECT bool_and(get_ab_test(test_id) -> 'hash_version' = to_jsonb(hash_version) AND get_ab_test(test_id) #> '{document,hashVersion}' = to_jsonb(hash_version)) AS as_stored FROM ab_tests;
\set VERBOSITY terse
UPDATE ab_tests SET hash_version = 1;
\set VERBOSITY default

-- changes of a draft
SELECT r -> 'weights' IS NULL AS no_key_of_that_name, jsonb_path_query_array(r, '$.groups[*].weight') AS weights, r -> 'minimum_days' AS minimum_days
  FROM update_ab_test(:'test', '{"minimum_days": 7, "weights": [0.3, 0.3, 0.3], "confidence_level": 0.99}') r;
SELECT change, pg_temp.code(format('update_ab_test(%L, %L)', :'test', change)) AS refused
  FROM (VALUES ('{"test_id": "00000000-0000-7000-8000-00000000ab09"}'), ('{"status": "running"}'), ('{"hold_out": 0.2, "weights": [0.3, 0.3, 0.3]}'), ('[]'), (NULL)) v (change);
SELECT pg_temp.code(format('assign_ab_test(%L, %L)', :'test', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01')) AS no_group_yet;
SELECT pg_temp.code(format('%s(%L)', f, :'test')) AS refused FROM unnest('{pause_ab_test,end_ab_test}'::text[]) f;
SELECT r ->> 'recommendation' AS recommendation, r -> 'groups' AS groups FROM get_ab_test_results(:'test') r;

-- two tests may not have one campaign, nor one part of a namespace
SELECT create_ab_test('Rival', 'AB-3', '{AB-6}', test_id => '00000000-0000-7000-8000-00000000ab03') IS NOT NULL AS made,
       create_ab_test('Overlaps', 'AB-7', '{AB-8}', namespace => '["offers", 0.4, 1]', test_key => 'overlaps', test_id => '00000000-0000-7000-8000-00000000ab04') IS NOT NULL AS made_too;
-- a purchase of before the start is none of the test, however long ago the transaction began that starts it
SELECT record_transaction('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02', 20, occurred_at => clock_timestamp()) ->> 'status' AS bought_before;
SELECT r - 'started_at' - 'test_id' AS started FROM start_ab_test(:'test') r;
SELECT r ->> 'status' AS status FROM start_ab_test(:'other') r;
SELECT pg_temp.code(format('start_ab_test(%L)', id)) AS refused FROM unnest(ARRAY[:'test', '00000000-0000-7000-8000-00000000ab03', '00000000-0000-7000-8000-00000000ab04', '00000000-0000-7000-8000-00000000ab0f']::uuid[]) id;
SELECT c.campaign_id, c.status, g.name, g.weight, g.active FROM ab_test_groups g JOIN campaigns c USING (campaign_no) JOIN ab_tests t USING (test_no) WHERE t.test_id = :'test' ORDER BY group_no;

-- who is in which group: 01 to 05 of the specification of the hash, by weights 0.3, 0.3, 0.3, 0.1
SELECT right(u::text, 2) AS id, a -> 'in_test' AS in_test, a -> 'group' AS "group", a ->> 'group_name' AS name, a ->> 'campaign_id' AS campaign_id, a ->> 'exposed_at' AS exposed_at,
       flag_hash('summer-double', u::text, 2) AS bucket, flag_choose_variation(flag_hash('summer-double', u::text, 2), flag_bucket_ranges(4, 1, '{0.3,0.3,0.3,0.1}')) AS of_the_sdk
  FROM (SELECT user_id AS u FROM users WHERE email LIKE '%@ab.test' UNION ALL SELECT '00000000-0000-7000-8000-000000000ada') u, assign_ab_test(:'test', u) a ORDER BY u;
SELECT right(u::text, 2) AS id, jsonb_path_query_array(record_transaction(u, 20, occurred_at => clock_timestamp()), '$.awards[*].campaign_id') AS awards FROM (SELECT user_id AS u FROM users WHERE email LIKE '%@ab.test') u ORDER BY u;
SELECT e ->> 'campaign_id' AS campaign_id, e ->> 'reason' AS reason FROM transactions t, jsonb_array_elements(explain_award(t.transaction_id) -> 'candidates') e
 WHERE t.user_id = '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01' ORDER BY (e ->> 'campaign_id') COLLATE "C";
SELECT count(*) AS in_a_group, bool_and(assign_ab_test((x ->> 'test_id')::uuid, user_id) ->> 'group_name' = x ->> 'group_name') AS told_by_the_export
  FROM users, jsonb_array_elements(export_user_data(user_id) -> 'ab_test_groups') x WHERE email LIKE '%@ab.test';
-- customers see what their group gives
CREATE FUNCTION pg_temp.sees(who uuid, campaign text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    PERFORM set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true), set_config('request.jwt.claims', jsonb_build_object('sub', who)::text, true), set_config('role', 'swipesavvy_customer', true);
    BEGIN
        said := CASE WHEN campaign IS NULL THEN jsonb_path_query_array(swipesavvy.list_campaigns(), '$.campaigns[*].campaign_id')::text ELSE swipesavvy.get_campaign(campaign) ->> 'campaign_id' END;
    EXCEPTION WHEN OTHERS THEN said := SQLSTATE;
    END;
    PERFORM set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
    RETURN said;
END
$$;
SELECT right(u::text, 2) AS id, pg_temp.sees(u, NULL) AS list, pg_temp.sees(u, 'AB-1') AS control, pg_temp.sees(u, 'AB-3') AS last FROM (SELECT user_id AS u FROM users WHERE email LIKE '%@ab.test') u ORDER BY u;

-- what would break the test is refused, an emergency stop is not
SELECT call, pg_temp.code(call) AS refused FROM (VALUES ($$delete_campaign('AB-2')$$), ($$update_campaign('AB-2', '{"currency": "EUR"}')$$), ($$update_campaign('AB-2', '{"hold_out": 5}')$$),
    ($$update_campaign('AB-2', '{"target_segment": "AB friends"}')$$), ($$update_campaign('AB-2', '{"status": "archived"}')$$)) v (call);
SELECT update_campaign('AB-2', '{"name": "Renamed"}') ->> 'campaign_id' AS renamed, pause_campaign('AB-2') ->> 'status' AS stopped;
SELECT refresh_ab_tests(:'test') - 'duration_ms' AS run;
SELECT r ->> 'recommendation' AS recommendation, r -> 'warnings' AS warnings, jsonb_path_query_array(r, '$.groups[*].users') AS users, jsonb_path_query_array(r, '$.groups[*].conversions') AS conversions,
       jsonb_path_query_array(r, '$.groups[*].revenue') AS revenue FROM get_ab_test_results(:'test') r;
SELECT launch_campaign('AB-2') ->> 'status' AS goes_on;

-- changes of a running test: upwards only
SELECT change, pg_temp.code(format('update_ab_test(%L, %L)', :'test', change)) AS refused
  FROM (VALUES ('{"coverage": 0.5}'), ('{"minimum_days": 3}'), ('{"weights": [0.4, 0.3, 0.2]}'), ('{"target_sample_size": 5000}'), ('{"target_sample_size": 4000}')) v (change);
SELECT update_ab_test(:'test', '{"minimum_days": 9, "test_name": "Summer"}') ->> 'minimum_days' AS minimum_days, (SELECT count(*) FROM ab_test_versions v JOIN ab_tests t USING (test_no) WHERE t.test_id = :'test') AS versions;

-- paused: nobody gets anything of it; then it goes on, but for what somebody else had paused
SELECT r - 'paused_at' - 'test_id' AS paused FROM pause_ab_test(:'test', 'too hot') r;
SELECT l.details::jsonb #>> '{after,reason}' AS why FROM audit_logs l WHERE l.event_type = 'ab_test.pause';
SELECT jsonb_path_query_array(record_transaction('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01', 20), '$.awards[*].campaign_id') AS awards, assign_ab_test(:'test', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') -> 'group' AS still;
SELECT r - 'started_at' - 'test_id' AS resumed FROM start_ab_test(:'test') r;
SELECT pause_campaign('AB-1') ->> 'status' AS by_hand;
SELECT jsonb_path_query_array(r, '$.campaigns[*].status') AS paused FROM pause_ab_test(:'test') r;
SELECT jsonb_path_query_array(r, '$.campaigns[*].status') AS one_stays_paused FROM start_ab_test(:'test') r;
SELECT p -> 'paused_at' IS NOT NULL AS paused, p -> 'resumed_at' IS NOT NULL AS resumed FROM get_ab_test(:'test') t, jsonb_array_elements(t -> 'pauses') p;
SELECT bool_and(p.paused_at > now() AND p.resumed_at > p.paused_at) AND count(*) = 2 AS each_at_its_own_moment FROM ab_test_pauses p;
SELECT r -> 'warnings' AS warnings FROM get_ab_test_results(:'test') r;

-- the end
SELECT pg_temp.code(format('end_ab_test(%L, %L)', :'test', w)) AS refused FROM unnest('{AB-9,hold_out}'::text[]) w;
SELECT pg_temp.code(format('end_ab_test(%L, campaigns => %L)', :'test', 'burn')) AS refused;
SELECT r - 'ended_at' - 'test_id' AS ended FROM end_ab_test(:'test', 'AB-3', reason => 'it won') r;
SELECT right(u::text, 2) AS id, jsonb_path_query_array(record_transaction(u, 20), '$.awards[*].campaign_id') AS awards FROM (SELECT user_id AS u FROM users WHERE email LIKE '%@ab.test') u ORDER BY u;
SELECT assign_ab_test(:'test', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') - 'test_id' - 'user_id' AS for_ever;
SELECT r - 'ended_at' - 'test_id' AS left_alone FROM end_ab_test(:'other', campaigns => 'leave') r;
SELECT pg_temp.code(format('%s(%L)', f, :'test')) AS refused FROM unnest('{start_ab_test,pause_ab_test,end_ab_test}'::text[]) f;
SELECT pg_temp.code(format('update_ab_test(%L, %L)', :'test', '{"test_name": "X"}')) AS refused;
SELECT resource_id, event_type FROM audit_logs WHERE resource IN ('ab_test', 'campaign') AND event_type !~ 'create' ORDER BY log_id;
SELECT event, body ->> 'status' AS status, body ->> 'winner' AS winner FROM outbox WHERE event LIKE 'ab_test.%' ORDER BY message_id;

-- lists, and the archive
SELECT t ->> 'test_name' AS name, t ->> 'status' AS status, t ->> 'winner' AS winner, t -> 'users' AS users FROM list_ab_tests() l, jsonb_array_elements(l -> 'tests') t;
SELECT l -> 'total' AS total, jsonb_array_length(l -> 'tests') AS shown FROM list_ab_tests(search => 'summer') l;
SELECT delete_ab_test(:'test') ->> 'status' AS archived, pg_temp.code(format('delete_ab_test(%L)', :'test')) AS again;
SELECT jsonb_path_query_array(l, '$.tests[*].test_name') AS archived FROM list_ab_tests('archived') l;
SELECT pg_temp.code('list_ab_tests(''gone'')') AS refused;
SELECT test_name, status, control_campaign_id, variant_campaign_ids, users, best_variant_campaign_id FROM v_ab_test_summary ORDER BY test_id;
ROLLBACK;

-- exposures: of tests that count by assignment
BEGIN;
SET LOCAL search_path = swipesavvy, public;
SELECT count(create_campaign('Campaign ' || n, 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', campaign_id => 'EX-' || n)) AS campaigns FROM generate_series(1, 4) n;
SELECT count(create_user(format('u%s@ab.test', n), 'U', user_id => format('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d0%s', n)::uuid)) AS users FROM generate_series(1, 5) n;
SELECT start_ab_test((create_ab_test('Shown', 'EX-1', '{EX-2}', exposure => 'assignment', outside => 'none', coverage => 0.9, seed => 'summer-double', test_key => 'shown', test_id => :'test') ->> 'test_id')::uuid) ->> 'status' AS status,
       start_ab_test((create_ab_test('All', 'EX-3', '{EX-4}', test_key => 'all') ->> 'test_id')::uuid) ->> 'status' AS of_a_population;
UPDATE ab_tests SET started_at = now() - interval '3 days' WHERE test_id = :'test';
\set ada '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
SELECT a -> 'group' AS "group", a ->> 'exposed_at' IS NOT NULL AS exposed, assign_ab_test(:'test', :'ada') ->> 'exposed_at' = a ->> 'exposed_at' AS the_same FROM assign_ab_test(:'test', :'ada') a;
SELECT user_id, group_no, multiple FROM ab_test_exposures;
SELECT track_exposures(jsonb_build_array(
    jsonb_build_object('test_key', 'shown', 'user_id', :'ada', 'variation', 1, 'occurred_at', now() - interval '1 day'),
    jsonb_build_object('test_key', 'shown', 'user_id', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02', 'variation', 'control', 'occurred_at', now() - interval '1 day'),
    jsonb_build_object('test_key', 'shown', 'user_id', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02', 'variation', 'control', 'occurred_at', now()),
    jsonb_build_object('test_key', 'shown', 'user_id', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d03', 'variation', 0, 'occurred_at', now()),
    jsonb_build_object('test_key', 'shown', 'user_id', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d03', 'variation', 1, 'occurred_at', now()),
    jsonb_build_object('test_key', 'shown', 'user_id', :'ada', 'variation', 2, 'occurred_at', now()), jsonb_build_object('test_key', 'shown', 'user_id', :'ada', 'variation', 'blue', 'occurred_at', now()),
    jsonb_build_object('test_key', 'shown', 'user_id', :'ada', 'variation', 1, 'occurred_at', now() + interval '5 minutes'), jsonb_build_object('test_key', 'shown', 'user_id', :'ada', 'variation', 1, 'occurred_at', now() - interval '9 days'),
    jsonb_build_object('test_key', 'all', 'user_id', :'ada', 'variation', 1, 'occurred_at', now()), jsonb_build_object('test_key', 'none', 'user_id', :'ada', 'variation', 1, 'occurred_at', now()),
    jsonb_build_object('test_key', 'shown', 'user_id', 'ada', 'variation', 1, 'occurred_at', now()), jsonb_build_object('test_key', 'shown', 'variation', 1, 'occurred_at', now()), '5'::jsonb)) AS tracked \gset
SELECT :'tracked'::jsonb -> 'recorded' AS recorded, :'tracked'::jsonb -> 'repeated' AS repeated;
SELECT e -> 'index' AS index, e ->> 'code' AS code, e ->> 'message' AS message FROM jsonb_array_elements(:'tracked'::jsonb -> 'errors') e;
SELECT right(user_id::text, 2) AS id, group_no, multiple, first_at = now() - interval '1 day' AS the_earlier FROM ab_test_exposures ORDER BY user_id;
SELECT pg_temp.code('track_exposures(''{}'')') AS refused;
SELECT refresh_ab_tests(:'test') - 'duration_ms' AS run;
SELECT jsonb_path_query_array(r, '$.groups[*].users') AS users, r -> 'exposures' AS exposures, r ->> 'recommendation' AS recommendation FROM get_ab_test_results(:'test') r;
SELECT export_user_data(:'ada') #- '{ab_test_exposures,0,first_at}' -> 'ab_test_exposures' AS exported, erase_user(:'ada') ->> 'account_status' AS erased;
SELECT count(*) AS left_of_ada FROM ab_test_exposures WHERE user_id = :'ada';
SELECT assign_ab_test(:'test', :'ada') ->> 'exposed_at' AS none_after_that, (SELECT count(*) FROM ab_test_exposures WHERE user_id = :'ada') AS written;
ROLLBACK;
