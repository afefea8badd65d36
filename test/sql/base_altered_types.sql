-- A column that somebody has given another type is an error that names it, and so is a null where there never was to be one, where
-- rules are compiled: the first thing that a purchase reads. The tables beside: direct_survey.sql.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\set ann '00000000-0000-7000-8000-0000ba000001'
BEGIN;
SELECT swipesavvy.create_user('ann@types.test', 'ann', user_id => :'ann') ->> 'name' AS name;
SELECT swipesavvy.create_boost('types', 2) ->> 'name' AS boost;
SELECT swipesavvy.create_campaign('T', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'TYPES') ->> 'status' AS status,
       swipesavvy.launch_campaign('TYPES') ->> 'status' AS status;
CREATE FUNCTION pg_temp.refused(call text) RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call;
    RETURN QUERY SELECT 'accepted', NULL, NULL, NULL;
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN QUERY SELECT SQLSTATE, message, detail, hint;
END $$;
\pset format unaligned
\pset tuples_only on
SAVEPOINT plain;

-- what rules are compiled from: a number becomes a text, another number, a longer one
ALTER TABLE swipesavvy.boosts DROP CONSTRAINT a_boost_multiplier_is_from_1_to_1000, ALTER multiplier_milli TYPE text;
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
ROLLBACK TO plain;
ALTER TABLE swipesavvy.tiers ALTER threshold TYPE numeric;
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
ROLLBACK TO plain;
-- what reads it must go first
DO $$ BEGIN IF to_regclass('swipesavvy.user_favorite_merchants_view') IS NOT NULL THEN ALTER EXTENSION swipesavvy DROP VIEW swipesavvy.user_favorite_merchants_view; DROP VIEW swipesavvy.user_favorite_merchants_view; END IF; END $$;
ALTER TABLE swipesavvy.currencies ALTER minor_unit TYPE bigint;
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
ROLLBACK TO plain;
-- with the type back, it goes on
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
-- a text may be any of the three types that are text
ALTER TABLE swipesavvy.campaigns ALTER offer_type TYPE varchar(20);
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
ROLLBACK TO plain;

-- a null that was never to be there
ALTER TABLE swipesavvy.tiers ALTER benefits DROP NOT NULL;
UPDATE swipesavvy.tiers SET benefits = NULL WHERE threshold = 0;
SELECT * FROM pg_temp.refused(format('record_transaction(%L, 10)', :'ann'));
ROLLBACK;
