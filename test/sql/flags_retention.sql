-- fold_flag_usage lets go of what flags need no longer. All in one transaction that is taken back.
BEGIN;
SET search_path = swipesavvy, public;
\set ada '00000000-0000-7000-8000-0000000f1a01'
\set bob '00000000-0000-7000-8000-0000000f1a02'
SELECT create_user('ada@keep.test', 'Ada', user_id => :'ada') IS NOT NULL AS made, create_user('bob@keep.test', 'Bob', user_id => :'bob') IS NOT NULL AS made_too \gset
CREATE FUNCTION pg_temp.rule(key text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('id', 'e' || key, 'key', key, 'variations', '["a", "b"]'::jsonb, 'meta', '[{"key": "one"}, {"key": "two"}]'::jsonb) $$;
SELECT count(create_flag(key, key, value_type => 'string', default_value => '"x"', value => '"y"', enabled => true, sticky => true, rules => rules)) AS flags FROM (VALUES
    ('keep.one', jsonb_build_array(pg_temp.rule('named'), pg_temp.rule('removed'), pg_temp.rule('moved'))),
    ('keep.unkeyed', jsonb_build_array(pg_temp.rule(NULL) - 'id')), ('keep.archived', jsonb_build_array(pg_temp.rule('archived')))) f (key, rules);
SELECT create_flag_test('Kept', 'keep.one', '["c", "d"]', test_key => 'keep.test') ->> 'status' AS test;
INSERT INTO feature_flag_assignments (user_id, experiment_key, bucket_version, variation, assigned_at)
SELECT u, k, 0, 'one', now() - interval '2 years' FROM unnest(ARRAY[:'ada', :'bob']::uuid[]) u, unnest('{named,removed,moved,keep.unkeyed,archived,keep.test,of somebody else}'::text[]) k;
SELECT update_flag('keep.one', jsonb_build_object('rules', jsonb_build_array(pg_temp.rule('named')))) IS NOT NULL AS removed,
       update_flag('keep.unkeyed', jsonb_build_object('rules', jsonb_build_array(pg_temp.rule('moved')))) IS NOT NULL AS moved, delete_flag('keep.archived') IS NOT NULL AS archived;
CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(experiment_key || ' ' || n, ', ' ORDER BY experiment_key) FROM (SELECT experiment_key, count(*) AS n FROM swipesavvy.feature_flag_assignments GROUP BY 1) k $$;

-- for as many days as logs are kept a rule may come back
SELECT update_system_settings('{"log_retention_days": 30}') IS NOT NULL AS days;
SELECT fold_flag_usage() -> 'more' AS more, pg_temp.kept();
ALTER TABLE feature_flag_audit_log DISABLE TRIGGER USER;
UPDATE feature_flag_audit_log SET changed_at = changed_at - interval '30 days' + interval '1 minute';
SELECT fold_flag_usage() -> 'more' AS more;
SELECT pg_temp.kept() AS a_minute_before;
UPDATE feature_flag_audit_log SET changed_at = changed_at - interval '2 minutes';
SELECT fold_flag_usage() -> 'more' AS more;
-- what a rule, an archived flag's too, or a test names stays, and what no flag ever named is not ours to judge
SELECT pg_temp.kept() AS after;

-- values of users that have expired
SELECT set_flag_override('keep.one', :'ada', '"own"', now() + interval '1 hour') IS NOT NULL AS ada, set_flag_override('keep.one', :'bob', '"own"') IS NOT NULL AS bob;
UPDATE feature_flag_overrides SET expires_at = now() - interval '30 days' + interval '1 minute' WHERE user_id = :'ada';
SELECT fold_flag_usage() -> 'more' AS more, (SELECT count(*) FROM feature_flag_overrides) AS overrides;
UPDATE feature_flag_overrides SET expires_at = now() - interval '30 days 1 minute' WHERE user_id = :'ada';
SELECT evaluate_flag('keep.one', :'ada') ->> 'source' AS adas, evaluate_flag('keep.one', :'bob') ->> 'source' AS bobs, flag_cache_status() -> 'overrides' AS held;
SELECT fold_flag_usage() -> 'more' AS more;
SELECT user_id = :'bob' AS bobs FROM feature_flag_overrides;

-- estimates of days that nobody is told of any more; their counts stay, and what is late is added to them
INSERT INTO feature_flag_analytics (flag_no, day, checks, enabled_count, disabled_count, batch_checks, registers, last_checked_at)
SELECT f.flag_no, (now() AT TIME ZONE 'UTC')::date - n, 10, 6, 4, 0, decode(repeat('01', 4096), 'hex'), now() - n * interval '1 day' FROM feature_flags f, unnest('{89,90,400}'::int[]) n WHERE f.flag_key = 'keep.archived';
SELECT update_system_settings('{"timezone": "UTC"}') IS NOT NULL AS utc;
SELECT fold_flag_usage() -> 'more' AS more;
SELECT (now() AT TIME ZONE 'UTC')::date - day AS days_ago, checks, enabled_count, registers IS NOT NULL AS users FROM feature_flag_analytics WHERE registers IS NULL OR day < now() - interval '80 days' ORDER BY 1;
SELECT (d -> 'total_users')::text = flag_usage_users(ARRAY[decode(repeat('01', 4096), 'hex')])::text AS told FROM jsonb_array_elements(get_flag_analytics('keep.archived', 90) -> 'analytics') WITH ORDINALITY a (d, n) WHERE n = 1;
INSERT INTO feature_flag_usage (flag_no, slot, checks, enabled_count, disabled_count, batch_checks, registers)
SELECT flag_no, date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - 400 * interval '24 hours', 1, 1, 0, 0, decode(repeat('02', 4096), 'hex') FROM feature_flags WHERE flag_key = 'keep.archived';
SELECT fold_flag_usage() -> 'folded' AS late;
SELECT (now() AT TIME ZONE 'UTC')::date - day AS days_ago, checks, registers IS NOT NULL AS users FROM feature_flag_analytics WHERE day < now() - interval '100 days';
SELECT checks_30_days, users_30_days, last_checked_at = now() - interval '89 days' AS last FROM v_feature_flag_usage_summary WHERE flag_key = 'keep.archived';
ROLLBACK;
