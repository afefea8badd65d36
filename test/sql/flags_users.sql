-- flag_users() against evaluate_flag(), user by user: conditions on tier and segments, shares, overrides, prerequisites; past the executor and by queries.
SET client_min_messages = warning;
SET search_path = swipesavvy, public;
\set VERBOSITY terse
BEGIN;
CREATE FUNCTION pg_temp.id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT ('018f3c2a-7b10-7c4d-9e21-3f5a6b7d' || lpad(to_hex(n), 4, '0'))::uuid$$;
SELECT count(create_user('u' || n || '@pass.test', 'U', user_id => pg_temp.id(n))) AS users FROM generate_series(1, 200) n;
SELECT create_segment(s) ->> 'name' AS segment, add_segment_members(s, ARRAY(SELECT pg_temp.id(n) FROM generate_series(i, 200, i) n)) -> 'added' AS added FROM unnest('{pass.two,pass.three,pass.five,pass.none}'::text[], '{2,3,5,999}'::int[]) x (s, i);
UPDATE reward_accounts SET tier = (ARRAY['bronze', 'silver', 'gold', 'platinum'])[1 + get_byte(uuid_send(user_id), 15) % 4], lifetime_points = get_byte(uuid_send(user_id), 15) WHERE user_id IN (SELECT pg_temp.id(n) FROM generate_series(1, 200) n);
-- no account, and erased
DELETE FROM reward_accounts WHERE user_id IN (SELECT pg_temp.id(n) FROM generate_series(10, 200, 10) n);
UPDATE users SET erased_at = now() WHERE user_id IN (SELECT pg_temp.id(n) FROM generate_series(7, 200, 70) n);

-- a flag for each condition; one that everybody must be asked about is among them
CREATE TEMP TABLE conditions (n int GENERATED ALWAYS AS IDENTITY, c jsonb);
INSERT INTO conditions (c) VALUES ('{}'), ('{"tier": "gold"}'), ('{"tier": {"$in": ["gold", "platinum"]}}'), ('{"tier": {"$nin": ["gold"]}}'), ('{"tier": null}'), ('{"tier": {"$exists": false}}'), ('{"tier": {"$not": {"$regex": "^g"}}}'), ('{"tier.length": null}'),
    ('{"segments": {"$in": ["pass.two"]}}'), ('{"segments": {"$all": ["pass.two", "pass.three"]}}'), ('{"segments": {"$size": 2}}'), ('{"segments": "pass.five,pass.three"}'), ('{"segments.0": "pass.five"}'), ('{"segments": []}'), ('{"segments": {"$elemMatch": {"$regex": "e$"}}}'),
    ('{"id": {"$inGroup": "pass.five"}}'), ('{"id": {"$notInGroup": "pass.five"}}'), ('{"id": {"$not": {"$inGroup": "pass.three"}}}'), ('{"id": {"$inGroup": "pass.none"}}'), ('{"id": {"$inGroup": "pass.two", "$notInGroup": "pass.five"}}'),
    ('{"$or": [{"tier": "silver"}, {"segments": {"$in": ["pass.three"]}}], "country": "de"}'), ('{"$nor": [{"tier": "silver"}, {"$and": [{"id": {"$inGroup": "pass.two"}}, {"tier": {"$ne": "gold"}}]}]}'), ('{"country": "us"}'), ('{"app": {"$vgte": "2.0.0"}}'), ('{"tier": {"$gt": "c"}, "segments": {"$size": {"$gte": 1}}}'),
    ('{"lifetime_points": {"$gt": 50}}'), ('{"tier": "gold", "lifetime_points": {"$lt": 99}}'), ('{"id": "018f3c2a-7b10-7c4d-9e21-3f5a6b7d0005"}'), ('{"id": {"$in": ["018f3c2a-7b10-7c4d-9e21-3f5a6b7d0005"]}}'), ('{"identity": "x"}'), ('{"preferred_language": "en", "tier": "gold"}'), ('{"account_age_days": {"$gte": 0}}');
SELECT count(create_flag('pass.' || n, 'P', enabled => true, rollout_percentage => (ARRAY[100, 50, 25])[1 + n % 3], targeting => c)) AS flags FROM conditions;
-- with rules, values, shares by either hash, sticky, experiments, prerequisites, off, archived; and values of single users
SELECT create_flag('pass.rules', 'P', value_type => 'string', default_value => '"none"', value => '"rest"', enabled => true, rollout_percentage => 40, rules =>
    '[{"id": "a", "force": "gold", "condition": {"tier": "gold"}, "coverage": 0.7}, {"id": "b", "force": "two", "condition": {"id": {"$inGroup": "pass.two"}}, "coverage": 0.3, "hashVersion": 2, "seed": "x"}, {"id": "c", "force": "five", "condition": {"segments": {"$in": ["pass.five"]}, "tier": {"$exists": true}}, "hashAttribute": "user_id", "coverage": 0.9}]') ->> 'flag_key' AS flag;
SELECT create_flag('pass.json', 'P', value_type => 'json', default_value => 'null', value => '{"a": [1, "é"]}', enabled => true, rollout_percentage => 60, targeting => '{"tier": "bronze"}') ->> 'flag_key' AS flag;
SELECT create_flag('pass.sticky', 'P', enabled => true, rollout_percentage => 50, sticky => true, targeting => '{"tier": "gold"}') ->> 'flag_key' AS flag;
SELECT create_flag('pass.test', 'P', enabled => true, targeting => '{"tier": "gold"}', rules => '[{"id": "e", "variations": [true, false], "condition": {"segments": {"$in": ["pass.two"]}}}]') ->> 'flag_key' AS flag;
SELECT create_flag('pass.range', 'P', enabled => true, rules => '[{"id": "r", "force": true, "range": [0.2, 0.5], "condition": {"tier": {"$ne": "gold"}}}]', rollout_percentage => 0) ->> 'flag_key' AS flag;
SELECT create_flag('pass.child', 'P', enabled => true, rollout_percentage => 80, prerequisites => '[{"id": "pass.3"}]', targeting => '{"segments": {"$in": ["pass.three"]}}') ->> 'flag_key' AS flag;
SELECT create_flag('pass.off', 'P', enabled => false, targeting => '{"tier": "gold"}') ->> 'flag_key' AS flag, create_flag('pass.gone', 'P', enabled => true, targeting => '{"tier": "gold"}') ->> 'flag_key' AS flag, delete_flag('pass.gone') ->> 'flag_key' AS archived;
SELECT create_flag('pass.many', 'P', value_type => 'number', default_value => '0', value => '1', enabled => true, rules => (SELECT jsonb_agg(jsonb_build_object('id', 'r' || n, 'force', n, 'coverage', n / 30.0, 'seed', 's' || n, 'condition', jsonb_build_object('tier', (ARRAY['bronze', 'gold'])[1 + n % 2]))) FROM generate_series(1, 12) n)) ->> 'flag_key' AS flag;
SELECT count(set_flag_override(f, pg_temp.id(n), 'true')) AS overrides FROM unnest('{pass.2,pass.9,pass.23,pass.off,pass.child}'::text[]) f, generate_series(2, 20, 3) n;

-- what differs: nothing, whichever way, and own changes are seen at once
CREATE FUNCTION pg_temp.differ(given jsonb DEFAULT '{"country": "de", "tier": "gold", "segments": ["pass.two"], "id": "x"}') RETURNS TABLE (flag text, users int, wrong int) LANGUAGE sql AS $$
    SELECT f.flag_key, count(*)::int, (count(*) FILTER (WHERE u.user_id IS NULL OR v.user_id IS NULL OR u.value IS DISTINCT FROM v.a -> 'value' OR u.enabled IS DISTINCT FROM (v.a ->> 'enabled')::boolean OR u.variant IS DISTINCT FROM v.a ->> 'variant'))::int
      FROM feature_flags f, LATERAL (SELECT user_id, evaluate_flag(f.flag_key, user_id, given) AS a FROM users WHERE erased_at IS NULL) v FULL JOIN flag_users(f.flag_key, given) u USING (user_id)
     WHERE f.flag_key LIKE 'pass.%' GROUP BY 1 $$;
CREATE FUNCTION pg_temp.differ_all() RETURNS TABLE (flags bigint, wrong bigint) LANGUAGE sql AS $$SELECT count(*), count(*) FILTER (WHERE users < 197 OR wrong > 0) FROM (SELECT * FROM pg_temp.differ() UNION ALL SELECT * FROM pg_temp.differ(NULL)) d$$;
SELECT * FROM pg_temp.differ_all();
SET LOCAL swipesavvy.direct_tables = off;
SELECT * FROM pg_temp.differ_all();
RESET swipesavvy.direct_tables;
SELECT count(*) FILTER (WHERE enabled) AS gold FROM flag_users('pass.sticky') \gset
UPDATE reward_accounts SET tier = 'gold' WHERE tier = 'bronze';
SELECT remove_segment_members('pass.three', ARRAY(SELECT pg_temp.id(n) FROM generate_series(3, 90, 3) n)) -> 'removed' AS removed;
SELECT count(*) FILTER (WHERE enabled) > :gold AS more FROM flag_users('pass.sticky');
SELECT * FROM pg_temp.differ_all();
SELECT update_system_settings('{"feature_flags_enabled": false}') -> 'status' AS killed;
SELECT * FROM pg_temp.differ_all();
SELECT update_system_settings('{"feature_flags_enabled": true}') -> 'status' AS alive;

-- what is read of a user is kept for the next flags that are asked of it: one after the other they are as together, and as for everybody
SELECT count(*) AS asked, count(*) FILTER (WHERE one IS DISTINCT FROM d - 'flag_key') AS wrong FROM (SELECT d, evaluate_flag(key, user_id) - 'flag_key' AS one FROM (SELECT user_id, evaluate_flags(user_id) -> 'flags' AS flags FROM users WHERE user_id IN (SELECT pg_temp.id(n) FROM generate_series(1, 200) n) ORDER BY user_id OFFSET 0) u, jsonb_each(flags) f (key, d) WHERE key LIKE 'pass.%') x;
-- but not beyond a change of one's own, in the same statement, nor when that is taken back
CREATE FUNCTION pg_temp.changes(id uuid) RETURNS TABLE (what text, gold boolean, silver boolean, two boolean) LANGUAGE plpgsql AS $$
DECLARE
    answer text := 'SELECT $2, flag_enabled(''kept.gold'', $1), flag_enabled(''kept.silver'', $1), flag_enabled(''kept.two'', $1)';
BEGIN
    RETURN QUERY EXECUTE answer USING id, 'before';
    UPDATE reward_accounts SET tier = 'silver' WHERE user_id = id;
    RETURN QUERY EXECUTE answer USING id, 'silver';
    BEGIN
        UPDATE reward_accounts SET tier = 'gold' WHERE user_id = id;
        DELETE FROM segment_members WHERE user_id = id;
        RETURN QUERY EXECUTE answer USING id, 'gold, and in no segment';
        RAISE 'undone' USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
    END;
    RETURN QUERY EXECUTE answer USING id, 'taken back';
    DELETE FROM reward_accounts WHERE user_id = id;
    RETURN QUERY EXECUTE answer USING id, 'no account';
    UPDATE users SET erased_at = now() WHERE user_id = id;
    RETURN QUERY EXECUTE answer USING id, 'erased';
END
$$;
SELECT create_flag('kept.gold', 'K', enabled => true, targeting => '{"tier": "gold"}') ->> 'flag_key' AS gold, create_flag('kept.silver', 'K', enabled => true, targeting => '{"tier": "silver", "role": "customer"}') ->> 'flag_key' AS silver, create_flag('kept.two', 'K', enabled => true, targeting => '{"segments": {"$in": ["pass.two"]}}') ->> 'flag_key' AS two;
SAVEPOINT s;
SELECT * FROM pg_temp.changes(pg_temp.id(4));
ROLLBACK TO s;
SELECT flag_enabled('kept.gold', pg_temp.id(4)) AS gold, flag_enabled('kept.silver', pg_temp.id(4)) AS silver, flag_enabled('kept.two', pg_temp.id(4)) AS two, flag_enabled('kept.gold', pg_temp.id(6)) AS other;

-- which way a flag goes: past the executor users are read once, by a query once more for each part that joins them
CREATE FUNCTION pg_temp.scans(flag text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    tables text[] := '{users,reward_accounts,segment_members}';
    before bigint[] := ARRAY(SELECT pg_stat_get_xact_numscans(('swipesavvy.' || t)::regclass) FROM unnest(tables) t);
BEGIN
    PERFORM count(*) FROM flag_users(flag);
    RETURN (SELECT string_agg(pg_stat_get_xact_numscans(('swipesavvy.' || t)::regclass) - b || ' ' || t, ', ') FROM unnest(tables, before) x (t, b) WHERE pg_stat_get_xact_numscans(('swipesavvy.' || t)::regclass) > b);
END
$$;
SELECT f AS flag, pg_temp.scans(f) FROM unnest('{pass.1,pass.2,pass.9,pass.22,pass.off,pass.gone}'::text[]) f;

-- tables that somebody has changed are read by the executor; a null is refused either way
SAVEPOINT s;
ALTER TABLE reward_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE segment_members ADD COLUMN note text;
SELECT * FROM pg_temp.differ_all();
ROLLBACK TO s;
CREATE FUNCTION pg_temp.code(q text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE q; RETURN '00000'; EXCEPTION WHEN others THEN RETURN SQLSTATE; END$$;
CREATE FUNCTION pg_temp.nulls(tab text, col text) RETURNS TABLE (way text, users text, one text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE swipesavvy.%I ALTER %I DROP NOT NULL', tab, col);
    EXECUTE format('UPDATE swipesavvy.%I SET %I = NULL WHERE user_id = %L', tab, col, pg_temp.id(1));
    FOREACH way IN ARRAY '{on,off}'::text[] LOOP
        PERFORM set_config('swipesavvy.direct_tables', way, true);
        users := pg_temp.code($q$SELECT count(*) FROM swipesavvy.flag_users('pass.mixed')$q$);
        one := pg_temp.code(format('SELECT swipesavvy.evaluate_flag(''pass.mixed'', %L)', pg_temp.id(1)));
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT create_flag('pass.mixed', 'P', enabled => true, targeting => '{"tier": "gold"}') ->> 'flag_key' AS flag;
SAVEPOINT s;
SELECT * FROM pg_temp.nulls('reward_accounts', 'tier');
ROLLBACK TO s;
SELECT * FROM pg_temp.nulls('reward_accounts', 'lifetime_points');
ROLLBACK TO s;
SELECT update_flag('pass.mixed', '{"targeting": {"preferred_language": "en"}}') ->> 'version' AS version;
SELECT * FROM pg_temp.nulls('users', 'preferred_language');
ROLLBACK TO s;
SELECT update_flag('pass.mixed', '{"targeting": {"account_age_days": 0}}') ->> 'version' AS version;
SELECT * FROM pg_temp.nulls('users', 'created_at');
ROLLBACK;
