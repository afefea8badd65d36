-- What of the facts counts in an A/B test and what does not, who is told its group, and what a test says of itself. Everything is rolled back.
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
SELECT count(create_user(format('u%s@facts.test', n), 'U', user_id => format('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d0%s', n)::uuid, preferred_language => CASE WHEN n < 4 THEN 'de' ELSE 'en' END)) AS users FROM generate_series(1, 5) n;
SELECT count(create_campaign('Campaign ' || id, 'SEASONAL', amount, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => id, currency => currency, stackable => true)) AS campaigns
  FROM (VALUES ('FACT-1', 1, 'USD'), ('FACT-2', 2, 'USD'), ('FACT-3', 1, 'USD'), ('FACT-4', 2, 'USD'), ('FACT-JPY', 500, 'JPY'), ('FACT-USD', 3, 'USD')) v (id, amount, currency);
\set test '00000000-0000-7000-8000-00000000fa01'
\set of_flag '00000000-0000-7000-8000-00000000fa02'

-- a draft whose key changes hashes by the new one, unless it has a seed of its own
SELECT create_ab_test('Facts', 'FACT-1', '{FACT-2}', test_key => 'old-key', test_id => :'test') ->> 'seed' AS seed, update_ab_test(:'test', '{"test_key": "facts"}') #>> '{document,seed}' AS of_its_new_key,
       update_ab_test(:'test', '{"seed": "summer-double"}') ->> 'seed' AS own, update_ab_test(:'test', '{"test_key": "new-key"}') ->> 'seed' AS stays;
-- weights that nobody gave follow the groups and the hold-out, given ones are kept
SELECT change, (SELECT jsonb_path_query_array(r, '$.groups[*].weight') FROM update_ab_test(:'test', change::jsonb) r) AS weights
  FROM (VALUES ('{"hold_out": 0.2}'), ('{"variant_campaign_ids": ["FACT-2", "FACT-3"], "hold_out": 0}'), ('{"weights": [0.5, 0.25, 0.25]}')) v (change);
SELECT pg_temp.code(format('update_ab_test(%L, %L)', :'test', '{"variant_campaign_ids": ["FACT-2"]}')) AS refused, jsonb_path_query_array(update_ab_test(:'test', '{"variant_campaign_ids": ["FACT-2"], "weights": null}'), '$.groups[*].weight') AS weights;
-- with the effect there must be somebody left who does not buy
SELECT call, pg_temp.code(format('create_ab_test(''T'', ''FACT-3'', ''{FACT-4}'', %s)', call)) AS refused FROM (VALUES ('baseline => 0.95'), ('baseline => 0.9'), ('baseline => 0.5, minimum_effect_size => 1'),
    ('baseline => 0.5, minimum_effect_size => 0.999'), ($$baseline => 0.95, primary_metric => 'buyers'$$), ($$baseline => 95, primary_metric => 'revenue'$$),
    ($$baseline => -2.5, primary_metric => 'net_revenue'$$), ($$baseline => 0, primary_metric => 'net_revenue'$$), ('baseline => -0.1'), ('baseline => 0')) v (call);
SELECT pg_temp.code(format('update_ab_test(%L, %L)', :'test', '{"baseline": 0.99}')) AS nor_by_a_change;
-- it says all there is
SELECT jsonb_object_keys(get_ab_test(:'test')) AS keys ORDER BY 1;
SELECT pg_temp.code($$refresh_ab_tests('00000000-0000-7000-8000-00000000fa0f')$$) AS no_such_test, refresh_ab_tests(:'test') -> 'tests' AS of_a_draft;

-- "refresh" shows what it has just added up; an event counts from the start on, as a redemption does: 01, 04, 05 are in variant_1
SELECT start_ab_test(:'test') ->> 'status' AS status;
UPDATE ab_tests SET started_at = now() - interval '1 hour' WHERE test_id = :'test';
UPDATE users SET created_at = now() - interval '2 days' WHERE email LIKE '%@facts.test';
SELECT pg_temp.code(format('get_ab_test_results(%L)', :'test')) AS not_yet;
SELECT jsonb_path_query_array(get_ab_test_results(:'test', refresh => true), '$.groups[*].users') AS users;
SELECT track_event(campaign, kind, user_id, occurred_at => now() - ago) IS NOT NULL AS seen
  FROM (VALUES ('FACT-2', 'view', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'::uuid, interval '2 hours'), ('FACT-2', 'impression', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d04', '30 minutes'),
               ('FACT-2', 'click', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d05', '30 minutes'), ('FACT-3', 'view', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02', '30 minutes')) v (campaign, kind, user_id, ago);
SELECT jsonb_path_query_array(get_ab_test_results(:'test', refresh => true), '$.groups[*].reached') AS reached;
SELECT count(record_transaction(user_id, 20)) AS purchases FROM users WHERE email LIKE '%@facts.test';
SELECT jsonb_path_query_array(r, '$.groups[*].reached') AS reached, jsonb_path_query_array(r, '$.groups[*].cost') AS cost, r #> '{series,1,conversions}' AS of_the_day FROM get_ab_test_results(:'test', refresh => true) r;
-- what was recommended is kept beside what was chosen
UPDATE ab_tests SET recommended_group = 0 WHERE test_id = :'test';
SELECT get_ab_test(:'test') -> 'recommended' AS recommended, get_ab_test(:'test') -> 'winner' AS winner;

-- tests of a flag: money is the programme's, whatever else a campaign costs
SELECT create_flag('facts', 'Facts', value_type => 'string', default_value => '"grey"', value => '"grey"', enabled => true, sticky => true) ->> 'flag_key' AS flag, launch_campaign('FACT-JPY') ->> 'status' AS yen, launch_campaign('FACT-USD') ->> 'status' AS dollars;
SELECT start_ab_test((create_flag_test('Told', 'facts', '["red", "blue"]', condition => '{"preferred_language": "de"}', seed => 'summer-double', test_key => 'told', test_id => :'of_flag') ->> 'test_id')::uuid) ->> 'status' AS status;
UPDATE ab_tests SET started_at = now() - interval '1 hour' WHERE test_id = :'of_flag';
-- who is shown the default is told nothing
SELECT update_system_settings('{"feature_flags_enabled": false}') IS NOT NULL AS off, assign_ab_test(:'of_flag', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') -> 'exposed_at' AS killed;
SELECT update_system_settings('{"feature_flags_enabled": true}') IS NOT NULL AS on_again, toggle_flag('facts', false) -> 'enabled' AS enabled;
SELECT assign_ab_test(:'of_flag', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01') -> 'exposed_at' AS switched_off, toggle_flag('facts', true) -> 'enabled' AS enabled;
SELECT count(*) AS told FROM ab_test_exposures;
-- who keeps a variation is in its group, though the condition takes it no more
SELECT count(assign_flag('facts', user_id)) AS asked FROM users WHERE email LIKE '%@facts.test';
UPDATE users SET preferred_language = 'en' WHERE email = 'u1@facts.test';
SELECT right(user_id::text, 2) AS id, f ->> 'source' AS source, f ->> 'variant' AS variant, a ->> 'group_name' AS "group", a -> 'value' AS value
  FROM users, evaluate_flag('facts', user_id) f, assign_ab_test(:'of_flag', user_id) a WHERE email LIKE '%@facts.test' ORDER BY user_id;
UPDATE ab_test_exposures SET first_at = first_at - interval '10 minutes';
SELECT count(record_transaction(user_id, 1000, 'JPY')) AS yen, count(record_transaction(user_id, 20)) AS dollars FROM users WHERE email LIKE '%@facts.test';
SELECT jsonb_path_query_array(r, '$.groups[*].users') AS users, jsonb_path_query_array(r, '$.groups[*].conversions') AS conversions, jsonb_path_query_array(r, '$.groups[*].revenue') AS revenue,
       jsonb_path_query_array(r, '$.groups[*].cost') AS cost FROM get_ab_test_results(:'of_flag', refresh => true) r;

-- the required size is a target, too: one that is given later is not below it
SELECT start_ab_test((create_ab_test('Sized', 'FACT-3', '{FACT-4}', baseline => 0.1, test_id => '00000000-0000-7000-8000-00000000fa04') ->> 'test_id')::uuid) ->> 'status' AS status;
SELECT target, pg_temp.code(format('update_ab_test(''00000000-0000-7000-8000-00000000fa04'', %L)', jsonb_build_object('target_sample_size', target))) AS refused FROM unnest('{NULL,56483,56484,56485,56484,NULL}'::bigint[]) target;
SELECT end_ab_test('00000000-0000-7000-8000-00000000fa04') ->> 'status' AS status, create_campaign('F', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'FACT-5') ->> 'status' AS campaign;

-- a draft that went into the archive has not started
SELECT create_ab_test('Never', 'FACT-5', '{FACT-4}', test_id => '00000000-0000-7000-8000-00000000fa03') ->> 'status' AS status, delete_ab_test('00000000-0000-7000-8000-00000000fa03') ->> 'status' AS archived;
SELECT get_ab_test_results('00000000-0000-7000-8000-00000000fa03') ->> 'recommendation' AS recommendation;
ROLLBACK;
