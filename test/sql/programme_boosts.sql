-- Boosts with a limit, and the list from which customers choose. All is rolled back.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) = quote_ident(session_user) AS trusted;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5('boosts ' || name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.try(call text, variadic names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
    detail text;
BEGIN
    EXECUTE format('SELECT swipesavvy.%I($1, $2)', call || '_boost') INTO r USING pg_temp.id(names[1]), pg_temp.id(names[2]);
    RETURN r ->> 'active';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END
$$;
SELECT count(swipesavvy.create_user(u || '@boosts.test', u, user_id => pg_temp.id(u))) FROM unnest(ARRAY['ann', 'bob', 'cyd']) u;
SELECT swipesavvy.create_boost('Two only', 2, starts_at => '2026-01-01', boost_id => pg_temp.id('two'), activation_limit => 2) - ARRAY['boost_id', 'created_at'] AS boost;
SELECT swipesavvy.create_boost('X', 2, activation_limit => 0);
SELECT swipesavvy.create_boost('X', 2, activation_limit => -1);
SELECT count(swipesavvy.create_boost(name, 1.5, starts_at => starts, expires_at => ends, boost_id => pg_temp.id(name))) FROM (VALUES
    ('all', '2020-01-01'::timestamptz, NULL::timestamptz), ('over', '2020-01-01', now()), ('later', '2999-01-01', NULL)) v (name, starts, ends);

-- two have it, nobody else gets it until one gives it back; having it already is no second activation
SELECT pg_temp.try('activate', 'ann', 'two') AS ann, pg_temp.try('activate', 'ann', 'two') AS again, pg_temp.try('activate', 'bob', 'two') AS bob, pg_temp.try('activate', 'cyd', 'two') AS too_many, pg_temp.try('activate', 'bob', 'two') AS has_it;
SELECT pg_temp.try('deactivate', 'ann', 'two') AS given_back, pg_temp.try('activate', 'cyd', 'two') AS cyd, pg_temp.try('activate', 'ann', 'two') AS too_late, pg_temp.try('deactivate', 'ann', 'two') AS has_none;
SELECT pg_temp.try('activate', 'ann', 'all') AS unlimited, pg_temp.try('activate', 'bob', 'all') AS unlimited;

-- the list: for customers those that have not expired, with their own state
CREATE FUNCTION pg_temp.list() RETURNS TABLE (name text, starts_at text, activation_limit jsonb, activations_left jsonb, active jsonb) LANGUAGE sql
    BEGIN ATOMIC
    SELECT b ->> 'name', b ->> 'starts_at', b -> 'activation_limit', b -> 'activations_left', b -> 'active' FROM jsonb_array_elements(swipesavvy.list_boosts(page_size => 100) -> 'boosts') b
     WHERE (b ->> 'boost_id')::uuid IN (pg_temp.id('two'), pg_temp.id('all'), pg_temp.id('over'), pg_temp.id('later')) ORDER BY 1;
    END;
SELECT name, activation_limit, activations_left, active FROM pg_temp.list();
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.id('bob'))::text, true) IS NOT NULL AS bob;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
SET LOCAL ROLE swipesavvy_customer;
SELECT * FROM pg_temp.list();
SELECT jsonb_object_keys(swipesavvy.list_boosts(page_size => 1) #> '{boosts,0}') AS keys;
WITH RECURSIVE pages AS (
    SELECT swipesavvy.list_boosts(1) AS page UNION ALL SELECT swipesavvy.list_boosts(1, after => page ->> 'next_cursor') FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
SELECT count(*) = max((page -> 'total')::int) AS each_once, count(*) = count(DISTINCT page #>> '{boosts,0,boost_id}') AS another_each FROM pages;
SELECT swipesavvy.list_boosts(0);
SELECT swipesavvy.list_boosts(after => 'x');
RESET ROLE;
-- the limit is of activations, whoever asks: a boost with one counts nothing else
SELECT u.name, b.deactivated_at IS NULL AS active FROM swipesavvy.user_boosts b JOIN swipesavvy.users u USING (user_id) WHERE b.boost_id = pg_temp.id('two') ORDER BY 1;
ROLLBACK;
