-- Flags change when their moment has come, in the statement that begins then: a session does not look at those that stay as they are.
SET search_path = swipesavvy, public;
BEGIN;
SELECT create_flag('moments.on', 'M') ->> 'flag_key' AS flag, create_flag('moments.off', 'M', enabled => true) ->> 'flag_key' AS flag, create_flag('moments.ramp', 'M', enabled => true, rollout_percentage => 0) ->> 'flag_key' AS flag, create_flag('moments.never', 'M', enabled => true) ->> 'flag_key' AS flag;
CREATE TEMP VIEW moments AS SELECT flag_enabled('moments.on', u) AS "on", flag_enabled('moments.off', u) AS "off", flag_enabled('moments.never', u) AS never, (SELECT count(*) FILTER (WHERE flag_enabled('moments.ramp', ('018f3c2a-7b10-7c4d-9e21-' || lpad(n::text, 12, '0'))::uuid)) FROM generate_series(1, 1000) n) AS ramp FROM (VALUES ('018f3c2a-7b10-7c4d-9e21-3f5a6b7c8d01'::uuid)) x (u);
TABLE moments;
SELECT clock_timestamp() + interval '2 seconds' AS soon, clock_timestamp() + interval '4 seconds' AS later \gset
SELECT schedule_flag('moments.on', :'soon', true) ->> 'flag_key' AS "on", schedule_flag('moments.off', :'soon', false) ->> 'flag_key' AS "off", schedule_flag('moments.on', :'later', false) ->> 'flag_key' AS "on", set_flag_rollout('moments.ramp', 100, until => :'later') ->> 'flag_key' AS ramp;
-- whoever is too slow has nothing to compare
SELECT statement_timestamp() >= :'soon' OR (NOT "on" AND "off" AND never AND ramp < 500) AS as_before FROM moments;
SELECT pg_sleep(extract(epoch FROM :'soon'::timestamptz - clock_timestamp()));
-- half of the way has been gone, and a statement later a little more
SELECT statement_timestamp() >= :'later' OR ("on" AND NOT "off" AND never AND ramp BETWEEN 400 AND 999) AS half_way FROM moments;
SELECT ramp FROM moments \gset
SELECT pg_sleep(0.2);
SELECT ramp > :ramp OR ramp = 1000 AS more FROM moments;
SELECT pg_sleep(extract(epoch FROM :'later'::timestamptz - clock_timestamp()));
TABLE moments;
SELECT toggle_flag('moments.never') ->> 'enabled' AS never, toggle_flag('moments.on') ->> 'enabled' AS "on";
TABLE moments;
ROLLBACK;
