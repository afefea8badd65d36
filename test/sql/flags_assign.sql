-- assign_flag: users keep what a sticky flag gave them, and a repeat writes nothing. All in one transaction that is taken back.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS trusted \gset
CREATE FUNCTION pg_temp.short(d jsonb) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', d -> 'value', d ->> 'source', d ->> 'rule_id', d ->> 'variant', d ->> 'recorded') $$;
CREATE FUNCTION pg_temp.test(weights text, version int DEFAULT 0, minimum int DEFAULT 0, names text DEFAULT '{one,two}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('id', 'e', 'key', 'a__test', 'variations', jsonb_build_array('a', 'b'), 'weights', weights::jsonb, 'bucketVersion', version, 'minBucketVersion', minimum,
        'meta', (SELECT jsonb_agg(jsonb_build_object('key', n)) FROM unnest(names::text[]) n))) $$;
\set user '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
\set other '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02'
\set device '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8dff'
SELECT create_user('ada@assign.test', 'Ada', user_id => :'user') IS NOT NULL AS ada, create_user('bob@assign.test', 'Bob', user_id => :'other') IS NOT NULL AS bob \gset
SELECT create_flag('kept', 'Kept', value_type => 'string', default_value => '"x"', value => '"y"', enabled => true, sticky => true, rules => pg_temp.test('[1, 0]')) IS NOT NULL AS made,
       create_flag('fickle', 'Fickle', value_type => 'string', default_value => '"x"', value => '"y"', enabled => true, rules => pg_temp.test('[1, 0]')) IS NOT NULL AS made_too \gset

-- --- kept from then on -------------------------------------------------------------------------------
SELECT pg_temp.short(evaluate_flag('kept', :'user')) AS evaluated, (SELECT count(*) FROM feature_flag_assignments) AS kept;
SELECT assign_flag('kept', :'user');
SELECT pg_temp.short(assign_flag('kept', :'user')) AS repeated, pg_temp.short(assign_flag('fickle', :'user')) AS fickle, pg_temp.short(assign_flag('kept', :'device')) AS of_a_device;
SELECT right(user_id::text, 2) AS id, experiment_key, bucket_version, variation, assigned_at = now() AS now FROM feature_flag_assignments ORDER BY 1;
SELECT update_flag('kept', jsonb_build_object('rules', pg_temp.test('[0, 1]'))) IS NOT NULL AS kept, update_flag('fickle', jsonb_build_object('rules', pg_temp.test('[0, 1]'))) IS NOT NULL AS fickle;
SELECT pg_temp.short(evaluate_flag('kept', :'user')) AS kept, pg_temp.short(evaluate_flag('kept', :'other')) AS others, pg_temp.short(evaluate_flag('fickle', :'user')) AS fickle, pg_temp.short(assign_flag('kept', :'user')) AS again;
SELECT (SELECT variant FROM flag_users('kept') WHERE user_id = :'user') AS set_wise, get_flags_document(:'user') #> '{features,kept,rules,0,force}' AS document, flag_enabled('kept', :'user');
-- a customer gets what a prerequisite's experiment gave, too
SELECT create_flag('needs', 'Needs', enabled => true, prerequisites => '[{"id": "kept", "condition": {"value": "b"}}]') IS NOT NULL AS made;
SELECT pg_temp.short(assign_flag('needs', :'user')) AS kept_a, pg_temp.short(assign_flag('needs', :'other')) AS gets_b, pg_temp.short(assign_flag('needs', :'other')) AS repeated;
SELECT right(user_id::text, 2) AS id, variation FROM feature_flag_assignments ORDER BY 1;

-- --- drawn anew ------------------------------------------------------------------------------------------
SELECT update_flag('kept', jsonb_build_object('rules', pg_temp.test('[0, 1]', 1))) IS NOT NULL AS next_version, pg_temp.short(assign_flag('kept', :'user')) AS same_statement;
SELECT pg_temp.short(assign_flag('kept', :'user')) AS anew, pg_temp.short(assign_flag('kept', :'user')) AS repeated;
SELECT bucket_version, variation FROM feature_flag_assignments WHERE user_id = :'user' ORDER BY 1;
-- those of an earlier version are left out
SELECT update_flag('kept', jsonb_build_object('rules', pg_temp.test('[0, 1]', 2, 2))) IS NOT NULL AS minimum;
SELECT pg_temp.short(assign_flag('kept', :'user')) AS blocked, pg_temp.short(assign_flag('kept', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d05')) AS others;
-- a variation that is no more is replaced
SELECT update_flag('kept', jsonb_build_object('rules', pg_temp.test('[1, 0]', 1, 0, '{three,four}'))) IS NOT NULL AS renamed;
SELECT pg_temp.short(assign_flag('kept', :'user')) AS replaced;
SELECT bucket_version, variation FROM feature_flag_assignments WHERE user_id = :'user' ORDER BY 1;

-- --- who is not in it: nothing is kept ----------------------------------------------------------------------
SELECT count(*) AS kept FROM feature_flag_assignments \gset
SELECT set_flag_override('kept', :'user', '"own"') IS NOT NULL AS own, pg_temp.short(assign_flag('kept', :'user')) AS override_of_its_own, pg_temp.short(assign_flag('dark_mode', :'other')) AS no_experiment;
SELECT update_system_settings('{"feature_flags_enabled": false}') IS NOT NULL AS killed;
SELECT pg_temp.short(assign_flag('kept', :'other')) AS killed, update_system_settings('{"feature_flags_enabled": true}') IS NOT NULL AS alive;
SELECT toggle_flag('kept', false) -> 'enabled' AS enabled;
SELECT pg_temp.short(assign_flag('kept', :'other')) AS off, toggle_flag('kept', true) -> 'enabled' AS enabled;
SELECT count(*) - :kept AS more FROM feature_flag_assignments;

-- --- persons ---------------------------------------------------------------------------------------------------
SELECT export_user_data(:'user') -> 'flag_assignments' -> 0 ->> 'variation' AS exported, jsonb_array_length(export_user_data(:'user') -> 'flag_assignments') AS rows, jsonb_array_length(export_user_data(:'user') -> 'flag_overrides') AS overrides;
SELECT erase_user(:'user') -> 'account_status' AS erased;
SELECT pg_temp.short(assign_flag('kept', :'user')) AS of_somebody_erased, (SELECT count(*) FROM feature_flag_assignments WHERE user_id = :'user') AS assignments, (SELECT count(*) FROM feature_flag_overrides WHERE user_id = :'user') AS overrides;

-- --- who may ---------------------------------------------------------------------------------------------------
SELECT create_flag('hidden', 'Hidden', audience => 'server') IS NOT NULL AS hidden, set_config('request.jwt.claims', jsonb_build_object('sub', :'other')::text, true) IS NOT NULL AS claims \gset
SET LOCAL ROLE swipesavvy_customer;
SELECT pg_temp.short(assign_flag('kept', :'other')) AS own;
SELECT assign_flag('kept', :'user');
SELECT assign_flag('hidden', :'other');
RESET ROLE;
SET LOCAL ROLE swipesavvy_analytics;
SELECT assign_flag('kept', :'other');
RESET ROLE;
SELECT assign_flag('kept', NULL);
SELECT assign_flag('nosuch', :'other');
SELECT assign_flag('kept', :'other', '5');
SELECT count(*) AS rows FROM audit_logs WHERE event_type LIKE '%assign%';
ROLLBACK;
SELECT count(*) AS assignments FROM swipesavvy.feature_flag_assignments;
