-- Stored flags: what they give and to whom, when they change, and what is refused. All in one transaction that is taken back.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS trusted \gset
-- of an answer what matters
CREATE FUNCTION pg_temp.short(d jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', d -> 'value', d ->> 'source', d ->> 'rule_id', d ->> 'variant') || CASE WHEN (d -> 'enabled')::boolean THEN '' ELSE ' off' END $$;
\set user '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'
\set other '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d02'
SELECT create_user('ada@flags.test', 'Ada', user_id => :'user') IS NOT NULL AS ada, create_user('bob@flags.test', 'Bob', user_id => :'other', preferred_language => 'de') IS NOT NULL AS bob,
       create_segment('flags_vip') IS NOT NULL AS vip, add_segment_members('flags_vip', ARRAY[:'user'::uuid]) IS NOT NULL AS added \gset

-- --- the flags that come with the extension -----------------------------------------------------
SELECT key, pg_temp.short(value) FROM jsonb_each(evaluate_flags(:'user') -> 'flags') ORDER BY key COLLATE "C";
SELECT evaluate_flag('dark_mode', :'user');
SELECT flag_enabled('dark_mode', :'user') AS dark, flag_enabled('community_feed', :'user') AS feed;
SELECT flag_key, rollout_percentage, default_value FROM v_active_feature_flags WHERE category = 'advanced' ORDER BY 1;
SELECT evaluate_flag('nosuch', :'user');
SELECT flag_enabled('nosuch', :'user');
SELECT flag_enabled('dark_mode', NULL);
SELECT evaluate_flag(NULL);
SELECT evaluate_flags(:'user', keys => '{dark_mode,nosuch,NULL}') -> 'count' AS known;

-- --- shares: buckets 0.0167, 0.7353, 0.8117, 0.7321, 0.2098 ---------------------------------------
SELECT toggle_flag('community_feed', true, 'try') - 'changed_at' AS toggled, set_flag_rollout('community_feed', 20) - 'changed_at' AS share;
CREATE TEMP VIEW feed AS SELECT string_agg(right(u::text, 2), ',' ORDER BY u) FILTER (WHERE flag_enabled('community_feed', u)) AS users
  FROM (SELECT ('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d0' || n)::uuid FROM generate_series(1, 5) n) x (u);
TABLE feed;
SELECT set_flag_rollout('community_feed', 20.98) ->> 'rollout_percentage' AS share;
TABLE feed;
SELECT set_flag_rollout('community_feed', 0) ->> 'rollout_percentage' AS share;
SELECT users IS NULL AS nobody FROM feed;
-- nobody moves out while the share grows, and it is the same for all ways of asking
CREATE TEMP TABLE people AS SELECT uuid_v7() AS user_id FROM generate_series(1, 300);
CREATE TEMP TABLE shares (share int, taken uuid[], agree boolean);
DO $$
BEGIN
    FOR share IN 0 .. 100 LOOP
        PERFORM set_flag_rollout('community_feed', share);
        INSERT INTO shares SELECT share, array_agg(user_id ORDER BY user_id) FILTER (WHERE flag_enabled('community_feed', user_id)),
               bool_and(flag_enabled('community_feed', user_id) = (evaluate_flag('community_feed', user_id) -> 'enabled')::boolean
                    AND flag_enabled('community_feed', user_id) = (flag_evaluate_document(d -> 'features', 'community_feed', jsonb_build_object('attributes', jsonb_build_object('id', user_id))) -> 'on')::boolean)
          FROM people, (SELECT get_flags_document() AS d OFFSET 0) x;
    END LOOP;
END
$$;
SELECT bool_and(coalesce(later.taken @> earlier.taken, earlier.taken IS NULL)) AS nobody_out, bool_and(later.agree) AS agree, max(cardinality(later.taken)) AS all_in
  FROM shares earlier JOIN shares later ON later.share = earlier.share + 1;

-- --- time ---------------------------------------------------------------------------------------------
SELECT create_flag('ramp', 'Ramp', enabled => true, rollout_percentage => 10) ->> 'rollout_percentage' AS at_first;
CREATE FUNCTION pg_temp.share_after(since interval) RETURNS text LANGUAGE sql AS $$
    DELETE FROM feature_flag_rollouts WHERE flag_no = (SELECT flag_no FROM feature_flags WHERE flag_key = 'ramp');
    INSERT INTO feature_flag_rollouts SELECT flag_no, statement_timestamp() - since, true, 1000, 5000, statement_timestamp() - since + interval '24 hours' FROM feature_flags WHERE flag_key = 'ramp';
    SELECT get_flag('ramp') ->> 'rollout_percentage' $$;
SELECT s AS since, pg_temp.share_after(s::interval) FROM unnest('{0,1 second,12 hours,86399 seconds,86400 seconds,2 days}'::text[]) s;
SELECT (SELECT rollout_percentage FROM v_active_feature_flags WHERE flag_key = 'ramp') = 50 AS the_view_agrees;
SELECT pg_temp.share_after('12 hours') AS share, toggle_flag('ramp') - 'changed_at' AS ends_there;
SELECT get_flag('ramp') -> 'schedule' AS no_ramp, pg_temp.short(evaluate_flag('ramp', :'user')) AS off;
SELECT toggle_flag('ramp', false) - 'changed_at' AS as_it_is;
SELECT set_flag_rollout('ramp', 40, now() + interval '1 day') - 'changed_at' AS ramp, jsonb_array_length(get_flag('ramp') -> 'schedule') AS under_way;
SELECT schedule_flag('ramp', now() + interval '2 days', true) #> '{schedule,1}' ->> 'to_percentage' AS as_at_that_time;
SELECT schedule_flag('ramp', now() + interval '1 day', true) #>> '{schedule,1,to_percentage}' AS at_the_end_of_the_ramp, jsonb_array_length(cancel_flag_schedule('ramp', now() + interval '1 day') -> 'schedule') AS left;
SELECT jsonb_array_length(schedule_flag('ramp', now() + interval '2 days', true, 60, now() + interval '3 days') -> 'schedule') AS replaced;
SELECT s -> 'enabled' AS enabled, s ->> 'from_percentage' AS from_share, s ->> 'to_percentage' AS to_share FROM jsonb_array_elements(get_flag('ramp') -> 'schedule') s;
SELECT schedule_flag('ramp', now() - interval '1 second');
SELECT schedule_flag('ramp', 'infinity');
SELECT schedule_flag('ramp', now() + interval '2 days', until => now() + interval '1 day');
SELECT set_flag_rollout('ramp', 10, now() - interval '1 day');
SELECT set_flag_rollout('ramp', 101);
SELECT set_flag_rollout('ramp', 0.001);
SELECT jsonb_array_length(cancel_flag_schedule('ramp', now() + interval '2 days') -> 'schedule') AS cancelled;
SELECT cancel_flag_schedule('ramp', '2999-01-01 00:00:00+00');
SELECT jsonb_array_length(cancel_flag_schedule('ramp') -> 'schedule') AS ramp_goes_on;

-- --- rules and attributes: what is stored counts ---------------------------------------------------------
SELECT create_flag('greeting', 'Greeting', value_type => 'string', default_value => '"hello"', value => '"hi"', enabled => true, targeting => '{"preferred_language": "en"}',
    rules => '[{"condition": {"segments": {"$in": ["flags_vip"]}, "app": {"$vgte": "2.0.0"}}, "force": "dear"}, {"id": "group", "condition": {"id": {"$inGroup": "flags_vip"}, "app": "1"}, "force": "member"},
               {"id": "test", "condition": {"app": "x"}, "variations": ["a", "b"], "meta": [{"key": "first"}, {"key": "second"}], "hashVersion": 2, "seed": "greeting"}]') -> 'rules' -> 0 ->> 'id' AS made_id;
SELECT a, pg_temp.short(evaluate_flag('greeting', :'user', a)) AS ada, pg_temp.short(evaluate_flag('greeting', :'other', a)) AS bob, pg_temp.short(evaluate_flag('greeting', NULL, a)) AS nobody
  FROM (VALUES ('{}'::jsonb), ('{"app": "2.1.0"}'), ('{"app": "1"}'), ('{"app": "x", "id": "z"}'), ('{"app": "2.1.0", "segments": ["flags_vip"]}'), ('{"preferred_language": "en"}')) v (a);
SELECT pg_temp.short(evaluate_flag('greeting', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8dff', '{"preferred_language": "en"}')) AS no_user;
SELECT right(u.user_id::text, 2) AS id, u.enabled, u.value, u.variant FROM flag_users('greeting', '{"app": "2.1.0"}') u WHERE u.user_id IN (:'user', :'other') ORDER BY 1;
SELECT right(u.user_id::text, 2) AS id, u.enabled, u.value, u.variant FROM flag_users('greeting', '{"app": "x"}') u WHERE u.user_id IN (:'user', :'other') ORDER BY 1;
SELECT bool_and(u.value = evaluate_flag('greeting', u.user_id, '{"app": "x"}') -> 'value') AS as_one_by_one FROM flag_users('greeting', '{"app": "x"}') u;
SELECT create_flag('columns', 'Columns', enabled => true, targeting => '{"role": "customer", "account_status": "active", "verification_status": "unverified", "account_age_days": {"$lt": 1}, "email_domain": "flags.test",
    "tier": "bronze", "lifetime_points": 0, "transaction_count": 0, "created_at": {"$gt": "2020"}}') IS NOT NULL AS made;
SELECT flag_enabled('columns', :'user', '{"tier": "gold", "role": "admin"}') AS ada, flag_enabled('columns', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8dff', '{"tier": "bronze", "role": "customer"}') AS nobody;
SELECT enabled FROM flag_users('columns') WHERE user_id = :'user';
SELECT evaluate_flag('columns', :'user', '[]');
SELECT evaluate_flag('columns', :'user', (SELECT jsonb_object_agg('a' || n, n) FROM generate_series(1, 101) n));

-- --- prerequisites -----------------------------------------------------------------------------------------
SELECT create_flag('child', 'Child', enabled => true, prerequisites => '[{"id": "ramp"}]') IS NOT NULL AS made;
SELECT pg_temp.short(evaluate_flag('child', :'user')) AS parent_off, toggle_flag('ramp', true) IS NOT NULL AS on, set_flag_rollout('ramp', 100) IS NOT NULL AS for_all;
SELECT pg_temp.short(evaluate_flag('child', :'user')) AS parent_on, flag_enabled('child', :'user');
SELECT update_flag('ramp', '{"prerequisites": [{"id": "child"}]}');
SELECT update_flag('ramp', '{"prerequisites": [{"id": "ramp"}]}');
SELECT create_flag('x', 'X', prerequisites => '[{"id": "nosuch"}]');
SELECT delete_flag('ramp');

-- --- values of single users ---------------------------------------------------------------------------------
SELECT set_flag_override('ramp', :'other', 'false') AS set, pg_temp.short(evaluate_flag('ramp', :'other')) AS own;
SELECT flag_enabled('ramp', :'other') AS own, flag_enabled('ramp', :'user') AS ada, pg_temp.short(evaluate_flag('child', :'other')) AS parent_of_own;
SELECT toggle_flag('ramp', false) -> 'enabled' AS off, set_flag_override('ramp', :'other', 'true', now() + interval '1 hour', 'tester') ->> 'value' AS tester;
SELECT flag_enabled('ramp', :'other') AS own, flag_enabled('ramp', :'user') AS ada, (SELECT enabled FROM flag_users('ramp') WHERE user_id = :'other') AS set_wise;
SELECT set_flag_override('ramp', :'other', 'true', now() - interval '1 hour') IS NOT NULL AS expired, pg_temp.short(evaluate_flag('ramp', :'other')) AS gone;
SELECT set_flag_override('ramp', :'other', '"x"');
SELECT set_flag_override('ramp', '018f3c2a-7b10-7c4d-9e21-3f5a6b7c8dff', 'true');
SELECT list_flag_overrides('ramp') #- '{overrides,0,set_at}' #- '{overrides,0,expires_at}' AS overrides;
SET timezone = 'Asia/Tokyo';
SELECT set_flag_override('ramp', :'other', 'true', '2026-01-31 23:30:00.25+01') ->> 'expires_at' AS of_utc;
RESET timezone;
SELECT remove_flag_override('ramp', :'other') AS removed;
SELECT remove_flag_override('ramp', :'other');

-- --- the kill switch: rules and own values do nothing, not even for who has asked before ---------------------------
SELECT set_flag_override('community_feed', :'user', 'true') IS NOT NULL AS set, flag_enabled('community_feed', :'user') AS before;
SELECT update_system_settings('{"feature_flags_enabled": false}') -> 'status' AS killed;
SELECT pg_temp.short(evaluate_flag('community_feed', :'user')) AS feed, flag_enabled('dark_mode', :'user') AS dark, get_flags_document() -> 'features' -> 'dark_mode' AS document, get_flag('dark_mode') -> 'enabled' AS says_so;
SELECT update_system_settings('{"feature_flags_enabled": true}') -> 'status' AS alive;
SELECT flag_enabled('dark_mode', :'user') AS dark;

-- --- changes ---------------------------------------------------------------------------------------------------
SELECT update_flag('greeting', '{"name": "Greetings", "owner": "growth", "version": 1}', 'growth takes it') ->> 'version' AS version;
SELECT update_flag('greeting', '{"name": "Late", "version": 1}');
SELECT update_flag('greeting', '{"reshuffle": true}') ->> 'seed' AS seed;
SELECT update_flag('greeting', '{"enabled": false, "rollout_percentage": 50}') - '{document,rules,created_at,updated_at}'::text[] AS flag;
SELECT update_flag('greeting', '{"hash_attribute": "device"}');
SELECT update_flag('greeting', '{"value_type": "json"}');
SELECT update_flag('greeting', '{"category": "none"}');
SELECT update_flag('greeting', '{"default_value": 5}');
SELECT update_flag('greeting', '{"name": null}');
SELECT update_flag('nosuch', '{}');
SELECT e ->> 'action' AS action, e ->> 'reason' AS reason, e ->> 'version' AS version FROM jsonb_array_elements(get_flag_audit('greeting') -> 'entries') e;
SELECT event_type, details::jsonb #>> '{after,name}' AS name FROM audit_logs WHERE resource_id = 'greeting' AND details::jsonb #> '{after,name}' IS NOT NULL ORDER BY log_id;
SELECT event, body - 'changed_at' AS body FROM outbox WHERE event = 'flag.changed' AND order_key = 'flag:greeting' ORDER BY message_id DESC LIMIT 1;
UPDATE feature_flag_audit_log SET reason = 'none';
DELETE FROM feature_flag_audit_log;
TRUNCATE feature_flag_audit_log;

-- --- the archive ------------------------------------------------------------------------------------------------
SELECT delete_flag('greeting', 'over') - 'archived_at' AS archived, pg_temp.short(evaluate_flag('greeting', :'user')) AS gives;
SELECT flag_enabled('greeting', :'user') AS truthiness, evaluate_flags(:'user', keys => '{greeting}') -> 'count' AS listed, get_flag('greeting') -> 'archived' AS archived;
SELECT update_flag('greeting', '{"name": "x"}');
SELECT delete_flag('greeting');
SELECT create_flag('greeting', 'Again');
SELECT restore_flag('greeting') - 'archived_at' AS restored, get_flag('greeting') -> 'enabled' AS off;
SELECT restore_flag('greeting');
SELECT count(create_flag(k, k, prerequisites => p::jsonb)) AS made FROM (VALUES ('low', '[]'), ('high', '[{"id": "low"}]')) f (k, p);
SELECT delete_flag('high') ->> 'flag_key' AS archived, delete_flag('low') ->> 'flag_key' AS and_what_it_needs;
SELECT restore_flag('high');
SELECT restore_flag('low') ->> 'flag_key' AS first, restore_flag('high') ->> 'flag_key' AS then;

-- --- lists -------------------------------------------------------------------------------------------------------
SELECT f ->> 'flag_key' AS key, f -> 'enabled' AS enabled, f ->> 'rollout_percentage' AS share FROM jsonb_array_elements(list_flags(category => 'experimental') -> 'flags') f;
SELECT list_flags(page_size => 2, search => 'a') - 'flags' AS page, (SELECT jsonb_agg(f -> 'flag_key') FROM jsonb_array_elements(list_flags(page_size => 2, search => 'a', after => 'amount_chip_selector') -> 'flags') f) AS next;
SELECT (SELECT count(*) FROM jsonb_array_elements(list_flags(page_size => 100, status => s) -> 'flags')) AS count, s AS status FROM unnest('{on,off,archived}'::text[]) s;
SELECT list_flags(status => 'x');

-- --- keys that a GET over PostgREST would take for a filter ----------------------------------------------------------
SELECT create_flag('eq.dark', 'Dark');
SELECT create_flag('like', 'Like');
SELECT create_flag('like_button', 'Like') ->> 'flag_key' AS taken;

-- --- what may not be stored: the place is told -------------------------------------------------------------------------
CREATE FUNCTION pg_temp.refused(what jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
    message text;
BEGIN
    PERFORM create_flag(coalesce(what ->> 'key', 'bad'), 'Bad', value_type => coalesce(what ->> 'value_type', 'boolean'), default_value => what -> 'default_value', value => what -> 'value', targeting => coalesce(what -> 'targeting', '{}'),
        rules => coalesce(what -> 'rules', '[]'), audience => coalesce(what ->> 'audience', 'client'), prerequisites => coalesce(what -> 'prerequisites', '[]'), sticky => coalesce((what -> 'sticky')::boolean, false), hash_attribute => coalesce(what ->> 'hash', 'id'));
    RETURN 'stored';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || message || ': ' || told;
END
$$;
SELECT pg_temp.refused(w) FROM unnest(ARRAY['{"key": "a b"}', '{"key": ".a"}', '{"value_type": "string"}', '{"value_type": "number", "default_value": 1, "value": "1"}', '{"value_type": "number", "default_value": 1e400, "value": 1}', '{"value": null}',
    '{"targeting": []}', '{"targeting": {"a": {"$gtt": 1}}}', '{"targeting": {"$or": [{"a": {"$regex": "("}}]}}', '{"targeting": {"a": {"$in": 5}}}', '{"targeting": {"a": {"$eq": 1, "b": 2}}}', '{"targeting": {"$xor": []}}', '{"targeting": {"a": {"$not": {"$what": 1}}}}',
    '{"targeting": {"a": {"$inGroup": "flags_vip"}}}', '{"targeting": {"id": {"$inGroup": "nosuch"}}}', '{"rules": {}}', '{"rules": [5]}', '{"rules": [{"force": true, "forc": 1}]}', '{"rules": [{"force": 5}]}', '{"rules": [{"coverage": 0.5}]}', '{"rules": [{"force": true, "coverage": 2}]}',
    '{"rules": [{"force": true, "range": [0.5, 0.1]}]}', '{"rules": [{"force": true, "id": "rollout"}]}', '{"rules": [{"force": true, "id": "a"}, {"force": true, "id": "a"}]}', '{"rules": [{"variations": [true]}]}', '{"rules": [{"variations": [true, false], "weights": [0.5, 0.4]}]}',
    '{"rules": [{"variations": [true, false], "weights": [1]}]}', '{"rules": [{"variations": [true, false], "ranges": [[0, 2], [0, 1]]}]}', '{"rules": [{"variations": [true, false], "hashVersion": 3}]}', '{"rules": [{"force": true, "filters": [{"seed": "s"}]}]}', '{"rules": [{"force": true, "namespace": 1, "contextualBanditRef": "x"}]}',
    '{"sticky": true, "rules": [{"variations": [true, false]}]}', '{"sticky": true, "rules": [{"variations": [true, false], "meta": [{"key": "a"}, {"key": "a"}]}]}', '{"sticky": true, "hash": "device"}', '{"audience": "public", "targeting": {"id": "x"}}', '{"audience": "public", "prerequisites": [{"id": "dark_mode"}]}',
    '{"audience": "public", "rules": [{"variations": [true, false]}]}', '{"audience": "public", "rules": [{"variations": [true, false], "hashVersion": 2, "seed": "s", "weights": [0.33333, 0.66667]}]}', '{"prerequisites": [{"id": "dark_mode", "condition": {"value": {"$nope": 1}}}]}', '{"prerequisites": {}}']::jsonb[]) w;

-- what is stored of values that nothing looks into is what was given
SELECT create_flag('deep', 'Deep', value_type => 'json', default_value => '[1, {"a": [null, 2.50]}]', value => '{"a": [1], "b": {"c": "x"}}') -> 'value' AS value;
SELECT get_flag('deep') -> 'default_value' AS default_value, set_flag_override('deep', :'user', '{"a": [1, [2]]}') -> 'value' AS override;
SELECT evaluate_flag('deep', :'user') -> 'value' AS own, update_flag('deep', '{"value": [[1]], "default_value": {"x": []}}') -> 'value' AS value;
SELECT get_flag('deep') -> 'default_value' AS default_value;

-- --- who sees what ---------------------------------------------------------------------------------------------------
SELECT create_flag('open', 'Open', audience => 'public', enabled => true, rollout_percentage => 25, targeting => '{"tier": "bronze"}') IS NOT NULL AS open,
       create_flag('hidden', 'Hidden', audience => 'server', enabled => true) IS NOT NULL AS hidden, set_flag_override('open', :'other', 'false') IS NOT NULL AS own \gset
SELECT get_flags_document() -> 'features' -> 'open' AS open, get_flags_document() -> 'features' ? 'hidden' AS hidden;
SET LOCAL ROLE swipesavvy_anon;
SELECT get_flags_document() - 'dateUpdated' AS anon;
SELECT pg_temp.short(evaluate_flag('open')) AS open;
SELECT evaluate_flag('dark_mode');
SELECT evaluate_flag('open', :'user');
RESET ROLE;
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', :'other')::text, true) IS NOT NULL AS claims \gset
SET LOCAL ROLE swipesavvy_customer;
SELECT key, value FROM jsonb_each(get_flags_document(attributes => '{"app": "x"}') -> 'features') WHERE key IN ('open', 'dark_mode', 'child', 'greeting', 'hidden') ORDER BY key;
SELECT get_flags_document() -> 'attributes' AS attributes, evaluate_flag('dark_mode') ->> 'source' AS own;
SELECT evaluate_flag('hidden');
SELECT flag_enabled('dark_mode', :'user');
SELECT get_flag('dark_mode');
RESET ROLE;
SELECT set_config('request.jwt.claims', '', true) IS NOT NULL AS claims \gset
-- an experiment is reported, and nothing of its rules
SELECT toggle_flag('greeting', true) IS NOT NULL AS on \gset
SELECT get_flags_document(:'other', '{"app": "x"}') -> 'features' -> 'greeting' AS evaluated, get_flags_document(:'other', '{"app": "x"}', '{"greeting": 1}') #> '{features,greeting,rules,0,force}' AS forced,
       get_flags_document(:'user', "forcedFeatures" => '[["greeting", "now"]]') -> 'features' -> 'greeting' AS forced_value;
SELECT get_flags_document() -> 'savedGroups' AS groups;

-- the tag of a document
SELECT current_setting('response.headers')::jsonb #>> '{0,ETag}' AS tag \gset
SELECT set_config('request.headers', jsonb_build_object('if-none-match', 'W/' || :'tag' || ', "x"')::text, true) IS NOT NULL AS headers \gset
SELECT get_flags_document() IS NULL AS not_modified, current_setting('response.status') AS status, :'tag' ~ '^"[0-9a-f]{32}"$' AS tag;
SELECT toggle_flag('hidden') -> 'enabled' AS changed, set_config('response.status', '', true) AS status;
SELECT get_flags_document() IS NULL AS not_modified, current_setting('response.status') AS status, current_setting('response.headers')::jsonb #>> '{0,ETag}' <> :'tag' AS other_tag;
-- in a ramp a document is as old as the last change of its share, and kept as long as others
SELECT s.value AS ttl FROM system_settings s WHERE s.setting = 'cache_ttl_seconds' \gset
DELETE FROM feature_flag_rollouts;
UPDATE feature_flags SET updated_at = '2020-01-01 00:00+00';
INSERT INTO feature_flag_rollouts (flag_no, starts_at, ends_at, enabled, from_bp, to_bp) SELECT flag_no, now() - interval '12 hours', now() + interval '12 hours', true, 10000, 0 FROM feature_flags WHERE flag_key = 'dark_mode';
SELECT set_config('request.headers', '', true) AS no_headers;
SELECT (d ->> 'dateUpdated')::timestamptz = now() - interval '12 hours' + (10000 - (f ->> 'rollout_percentage')::numeric * 100)::int * interval '8.64 seconds' AS last_change, current_setting('response.headers')::jsonb #>> '{1,Cache-Control}' = 'private, max-age=' || :'ttl' AS kept
  FROM get_flags_document() d, get_flag('dark_mode') f;
ROLLBACK;
SELECT count(*) AS flags FROM swipesavvy.feature_flags;
