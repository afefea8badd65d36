-- Flags from a document: what get_flags_document() gives comes back as the flags it was made of, new ones switched off. All in one transaction that is taken back.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
-- an answer with its errors as lines
CREATE FUNCTION pg_temp.told(d jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', d ->> 'created', d ->> 'updated', d ->> 'unchanged') || coalesce((SELECT string_agg(E'\n' || concat_ws(' ', e ->> 'key', e ->> 'code', e ->> 'message', e ->> 'detail'), '' ORDER BY e ->> 'key') FROM jsonb_array_elements(d -> 'errors') e), '') $$;
SELECT create_segment('import_vip') IS NOT NULL AS vip \gset

-- --- what is exported, under other keys ---------------------------------------------------------------
SELECT count(f) AS made FROM unnest(ARRAY[create_flag('i.whole', 'Whole', enabled => true), create_flag('i.share', 'Share', enabled => true, rollout_percentage => 12.34, targeting => '{"tier": "gold", "id": {"$inGroup": "import_vip"}}'),
       create_flag('i.device', 'Device', enabled => true, rollout_percentage => 5, hash_attribute => 'device', value_type => 'json', default_value => 'null', value => '{"a": [1, 2.50]}'),
       create_flag('i.nobody', 'Nobody', enabled => true, rollout_percentage => 0, value_type => 'number', default_value => '1', value => '2', rules => '[{"force": 3, "coverage": 0.5}]'),
       create_flag('i.sticky', 'Sticky', enabled => true, sticky => true, value_type => 'string', default_value => '"x"', value => '"y"', rules => '[{"id": "e", "variations": ["a", "b"], "meta": [{"key": "1"}, {"key": "2"}]}]'),
       create_flag('i.fickle', 'Fickle', enabled => true, rollout_percentage => 33.33, rules => '[{"id": "e", "variations": [true, false], "meta": [{"key": "1"}, {"key": "2"}]}]'),
       create_flag('i.child', 'Child', enabled => true, prerequisites => '[{"id": "i.whole"}, {"id": "i.sticky", "condition": {"value": "y"}}]',
           rules => '[{"id": "own", "force": true, "parentConditions": [{"id": "i.share", "condition": {}}]}, {"id": "none", "force": false, "condition": {"a": 1}}]'),
       create_flag('i.a.grandchild', 'Grandchild', enabled => true, prerequisites => '[{"id": "i.child"}]'),
       create_flag('i.off', 'Off', value_type => 'string', default_value => '"off"', value => '"on"')]) f;
-- an experiment's key and a roll-out's seed are the flag's key unless they are told: not so for the whole of a roll-out, which tells none
UPDATE feature_flags SET seed = flag_key || '-seed' WHERE flag_key LIKE 'i.%';
CREATE TEMP TABLE exported AS SELECT jsonb_build_object('status', 200, 'features', jsonb_object_agg(key, value), 'savedGroups', '{}'::jsonb) AS document FROM jsonb_each(get_flags_document() -> 'features') WHERE key LIKE 'i.%';
SELECT pg_temp.told(import_flags_document(document)) AS the_same FROM exported;
SELECT count(*) AS changes FROM feature_flag_audit_log WHERE action = 'import';
SELECT pg_temp.told(import_flags_document(replace(document::text, '"i.', '"j.')::jsonb, reason => 'from there')) AS new FROM exported;
SELECT f ->> 'flag_key' AS key, f ->> 'value_type' AS type, f -> 'enabled' AS enabled, f ->> 'rollout_percentage' AS share, f ->> 'audience' AS audience FROM jsonb_array_elements(list_flags(search => 'j.') -> 'flags') f;
SELECT bool_and((toggle_flag(flag_key, true) ->> 'enabled')::boolean) AS on FROM feature_flags WHERE flag_key LIKE 'j.%' AND flag_key <> 'j.off';
SELECT count(*) AS features, bool_and(replace(value::text, '"i.', '"j.')::jsonb = get_flags_document() -> 'features' -> ('j.' || substr(key, 3))) AS equal FROM exported, jsonb_each(document -> 'features');
SELECT flag_key, sticky, hash_attribute, seed, prerequisites FROM feature_flags WHERE flag_key LIKE 'j.%' ORDER BY 1;
SELECT action, reason, before IS NULL AS new, after ->> 'name' AS name FROM feature_flag_audit_log WHERE flag_no = (SELECT flag_no FROM feature_flags WHERE flag_key = 'j.whole') ORDER BY log_id;
SELECT body - 'changed_at' AS body FROM outbox WHERE order_key = 'flag:j.whole' ORDER BY message_id LIMIT 1;

-- --- flags that are there --------------------------------------------------------------------------------
\set changed '{"features": {"j.whole": {"defaultValue": false, "rules": [{"id": "rollout", "force": true, "condition": {"country": "de"}}]}, "j.off": {"defaultValue": "none"}, "j.share": {"defaultValue": true, "rules": []}}}'
SELECT pg_temp.told(import_flags_document(:'changed')) AS refused;
SELECT schedule_flag('j.whole', now() + interval '1 day', false) IS NOT NULL AS planned, pg_temp.told(import_flags_document(:'changed', true, 'anew')) AS replaced;
SELECT key, default_value, value, enabled, rollout_percentage AS share, targeting, version, jsonb_array_length(schedule) AS planned
  FROM unnest('{j.off,j.share,j.whole}'::text[]) key, jsonb_to_record(get_flag(key)) f (default_value jsonb, value jsonb, enabled boolean, rollout_percentage text, targeting jsonb, version int, schedule jsonb);
SELECT pg_temp.told(import_flags_document(:'changed')) AS unchanged;
SELECT delete_flag('j.a.grandchild') IS NOT NULL AS archived, pg_temp.told(import_flags_document('{"features": {"j.a.grandchild": {"defaultValue": true}}}', true)) AS archived_one;
-- with another hash attribute, others would have it; and its type is never another one
SELECT pg_temp.told(import_flags_document('{"features": {"j.share": {"defaultValue": true, "rules": [{"id": "rollout", "force": true, "coverage": 0.5, "hashVersion": 2, "hashAttribute": "device"}]}, "j.off": {"defaultValue": 5}}}', true)) AS not_this;
SELECT update_flag('j.device', '{"audience": "public"}') IS NOT NULL AS public, pg_temp.told(import_flags_document('{"features": {"j.device": {"defaultValue": null, "rules": [{"force": 1, "condition": {"id": "x"}}]}}}', true)) AS of_its_audience;

-- --- documents of others -----------------------------------------------------------------------------------
SELECT pg_temp.told(import_flags_document('{"features": {"k.plain": {}, "k.mixed": {"defaultValue": false, "rules": [{"force": "x"}]}, "k.text": {"defaultValue": "a", "rules": [{"variations": ["a", "b"]}]},
    "k.keyed": {"defaultValue": "a", "rules": [{"variations": ["a", "b"], "meta": [{"key": "x"}, {"key": "y"}]}]}, "k.gated": {"defaultValue": true, "rules": [{"parentConditions": [{"id": "k.plain", "condition": {}, "gate": true}]}]}}}')) AS foreign_ones;
SELECT flag_key, value_type, default_value, value, sticky, rules, prerequisites FROM feature_flags WHERE flag_key LIKE 'k.%' ORDER BY 1;
SELECT pg_temp.told(import_flags_document('{"features": {"a b": {}, "x.number": 5, "x.keys": {"defaultValue": 1, "project": "p"}, "x.rules": {"rules": {}}, "x.rule": {"rules": [5]}, "x.tracks": {"defaultValue": true, "rules": [{"force": true, "what": 1}]},
    "x.coverage": {"defaultValue": true, "rules": [{"id": "rollout", "force": true, "coverage": 0.12345, "hashVersion": 2}]}, "x.version": {"defaultValue": true, "rules": [{"id": "rollout", "force": true, "coverage": 0.5}]},
    "x.seed": {"defaultValue": true, "rules": [{"id": "rollout", "force": true, "coverage": 0.5, "hashVersion": 2, "seed": 7}]}, "x.parent": {"defaultValue": true, "rules": [{"force": true, "parentConditions": [{"id": "nosuch"}]}]},
    "x.one": {"defaultValue": true, "rules": [{"force": true, "parentConditions": [{"id": "x.two"}]}]}, "x.two": {"defaultValue": true, "rules": [{"force": true, "parentConditions": [{"id": "x.one"}]}]},
    "x.good": {"defaultValue": true}}}')) AS told_apart;
SELECT import_flags_document(NULL);
SELECT import_flags_document('null');
SELECT import_flags_document('{"features": null}');
SELECT import_flags_document('{"features": {}, "attributes": {}}');
SELECT import_flags_document((SELECT jsonb_build_object('features', jsonb_object_agg('n' || n, '{}'::jsonb)) FROM generate_series(1, 1001) n));
SELECT pg_temp.told(import_flags_document('{"features": {}}')) AS nothing;
SET LOCAL ROLE swipesavvy_backend;
SELECT import_flags_document('{"features": {}}');
RESET ROLE;
ROLLBACK;
SELECT count(*) AS flags FROM swipesavvy.feature_flags;
