-- The roles that functions ask for are known by their names of the moment, whatever a session has found before (since 1.1.0).
SET client_min_messages = warning;
\set VERBOSITY terse
BEGIN;
CREATE ROLE roles_of_the_moment;
GRANT swipesavvy_backend TO roles_of_the_moment;
CREATE FUNCTION pg_temp.code() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text := '00000';
BEGIN
    SET LOCAL ROLE roles_of_the_moment;
    BEGIN
        PERFORM swipesavvy.flag_enabled('dark_mode', '00000000-0000-7000-8000-000000000001');
    EXCEPTION WHEN others THEN
        code := SQLSTATE;
    END;
    RESET ROLE;
    RETURN code;
END
$$;
SELECT pg_temp.code() AS granted;
ALTER ROLE swipesavvy_backend RENAME TO roles_renamed;
SELECT pg_temp.code() AS renamed;
CREATE ROLE swipesavvy_backend;
SELECT pg_temp.code() AS another_one_of_the_name;
GRANT swipesavvy_backend TO roles_of_the_moment;
SELECT pg_temp.code() AS granted;
SAVEPOINT s;
REVOKE swipesavvy_backend FROM roles_of_the_moment;
SELECT pg_temp.code() AS revoked;
ROLLBACK TO s;
SELECT pg_temp.code() AS granted;
DROP ROLE swipesavvy_backend;
SELECT pg_temp.code() AS dropped;
ALTER ROLE roles_renamed RENAME TO swipesavvy_backend;
SELECT pg_temp.code() AS as_before;
ROLLBACK;
