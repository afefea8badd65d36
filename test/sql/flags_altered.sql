-- Stored flags that are not as the functions would make them, and prerequisites that lead everywhere.
SET client_min_messages = warning;
\set VERBOSITY default
\set SHOW_CONTEXT never

-- what is null that never is, or of another kind, is refused or decides nothing
BEGIN;
ALTER TABLE swipesavvy.feature_flags ALTER COLUMN default_value DROP NOT NULL;
UPDATE swipesavvy.feature_flags SET default_value = NULL WHERE flag_key = 'dark_mode';
SAVEPOINT s;
SELECT swipesavvy.evaluate_flag('dark_mode');
ROLLBACK TO s;
UPDATE swipesavvy.feature_flags SET default_value = 'false' WHERE flag_key = 'dark_mode';
SELECT swipesavvy.evaluate_flag('dark_mode') -> 'value' AS value;
UPDATE swipesavvy.feature_flags SET rules = '{"a": 1}', prerequisites = '5', targeting = '[1]' WHERE flag_key = 'dark_mode';
SELECT swipesavvy.evaluate_flag('dark_mode') -> 'value' AS value;
UPDATE swipesavvy.feature_flags SET rules = '[1, null, "x", [], {"force": true, "parentConditions": {"id": "social_sharing"}}, {"force": true, "condition": [], "filters": [1]}]',
       prerequisites = '[1, null, {"id": 3}]', targeting = '7' WHERE flag_key = 'dark_mode';
SELECT swipesavvy.evaluate_flag('dark_mode') -> 'value' AS value, swipesavvy.get_flags_document() IS NOT NULL AS document;
UPDATE swipesavvy.feature_flags SET rules = '[]', prerequisites = '[{"id": "social_sharing"}]', targeting = '{}' WHERE flag_key = 'dark_mode';
SELECT swipesavvy.evaluate_flag('dark_mode') -> 'value' AS value;
UPDATE swipesavvy.feature_flags SET prerequisites = '[{"id": "dark_mode"}]' WHERE flag_key = 'social_sharing';
SELECT swipesavvy.evaluate_flag('dark_mode') ->> 'source' AS source;
SAVEPOINT s;
UPDATE swipesavvy.feature_flags SET value = (repeat('[', 1001) || repeat(']', 1001))::jsonb WHERE flag_key = 'social_sharing';
SELECT swipesavvy.evaluate_flag('dark_mode');
ROLLBACK TO s;
ALTER TABLE swipesavvy.feature_flag_rollouts ALTER COLUMN to_bp DROP NOT NULL;
UPDATE swipesavvy.feature_flag_rollouts SET to_bp = NULL WHERE flag_no = 5;
SELECT swipesavvy.evaluate_flag('dark_mode');
ROLLBACK;
SELECT swipesavvy.evaluate_flag('dark_mode') -> 'value' AS as_before;

-- ten levels of ten flags, each a prerequisite of all of the next: ten thousand million ways through them, and no more work than flags
BEGIN;
DO $$
DECLARE
    parents jsonb := '[]';
BEGIN
    FOR level IN 1 .. 10 LOOP
        PERFORM swipesavvy.create_flag(format('level.%s.%s', level, n), 'N', enabled => true, prerequisites => parents) FROM generate_series(1, 10) n;
        SELECT jsonb_agg(jsonb_build_object('id', format('level.%s.%s', level, n))) INTO parents FROM generate_series(1, 10) n;
    END LOOP;
END
$$;
SET LOCAL statement_timeout = '60s';
SELECT swipesavvy.evaluate_flag('level.10.10') -> 'value' AS value, swipesavvy.evaluate_flags() -> 'count' AS flags;
SELECT swipesavvy.toggle_flag('level.1.7') -> 'enabled' AS enabled;
SELECT swipesavvy.evaluate_flag('level.10.10') -> 'value' AS value;
SELECT swipesavvy.create_flag('level.11', 'N', prerequisites => '[{"id": "level.10.1"}]') ->> 'flag_key' AS one_more;
SAVEPOINT s;
SELECT swipesavvy.create_flag('level.12', 'N', prerequisites => '[{"id": "level.11"}]');
ROLLBACK TO s;
SELECT swipesavvy.update_flag('level.1.1', '{"prerequisites": [{"id": "level.10.1"}]}');
ROLLBACK;

-- a prerequisite of a public flag stays public, and a customer learns of those of its segments alone that public flags name
BEGIN;
SELECT swipesavvy.create_user('flags.altered@example.com', 'F', user_id => '00000000-0000-7000-8000-00000000f1a9') ->> 'name' AS name;
SELECT swipesavvy.create_segment(s) ->> 'name' AS segment, swipesavvy.add_segment_members(s, ARRAY['00000000-0000-7000-8000-00000000f1a9'::uuid]) -> 'added' AS added
  FROM unnest('{flags.suspects,flags.vip}'::text[]) s;
SELECT swipesavvy.create_flag('altered.parent', 'P', audience => 'public', enabled => true, targeting => '{"segments": {"$in": ["flags.vip", "flags.other"]}}') ->> 'flag_key' AS flag;
SELECT swipesavvy.create_flag('altered.child', 'C', audience => 'public', enabled => true, prerequisites => '[{"id": "altered.parent"}]') ->> 'flag_key' AS flag;
SAVEPOINT s;
SELECT swipesavvy.update_flag('altered.parent', '{"audience": "client"}');
ROLLBACK TO s;
SELECT swipesavvy.get_flags_document('00000000-0000-7000-8000-00000000f1a9') #> '{attributes,segments}' AS segments;
SELECT swipesavvy.update_flag('altered.parent', '{"targeting": {"$not": {"segments": {"$nin": ["flags.vip"]}}}}') ->> 'flag_key' AS flag;
SELECT swipesavvy.get_flags_document('00000000-0000-7000-8000-00000000f1a9') #> '{attributes,segments}' AS segments;
-- unless one asks for something else: a phone must answer as the server does
SELECT swipesavvy.update_flag('altered.parent', '{"targeting": {"segments": {"$size": 2}}}') ->> 'flag_key' AS flag;
SELECT swipesavvy.get_flags_document('00000000-0000-7000-8000-00000000f1a9') #> '{attributes,segments}' AS segments;
SELECT swipesavvy.update_flag('altered.parent', '{"targeting": {}, "hash_attribute": "segments"}') ->> 'flag_key' AS flag, swipesavvy.set_flag_rollout('altered.parent', 50) -> 'rollout_percentage' AS share;
SELECT swipesavvy.get_flags_document('00000000-0000-7000-8000-00000000f1a9') #> '{attributes,segments}' AS segments;
SELECT swipesavvy.update_flag('altered.child', '{"audience": "client"}') ->> 'audience' AS child, swipesavvy.update_flag('altered.parent', '{"audience": "client"}') ->> 'audience' AS parent;
SELECT swipesavvy.get_flags_document('00000000-0000-7000-8000-00000000f1a9') #> '{attributes,segments}' IS NULL AS none;
ROLLBACK;
