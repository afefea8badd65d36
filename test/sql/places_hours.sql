-- Opening hours: what is one, when a place is open, and when that changes next; at both changes of the clocks.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000cafe') ->> 'name';
CREATE FUNCTION pg_temp.refused(hours jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM swipesavvy.add_merchant_location('00000000-0000-7000-8000-00000000cafe', 0, 0, timezone => 'UTC', hours => hours);
    RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT hours || ' ' || pg_temp.refused(hours::jsonb) FROM (VALUES ('{}'), ('{"mon": []}'), ('{"mon": [["00:00", "24:00"]]}'), ('{"mon": [["14:00", "18:00"], ["09:00", "12:30"]]}'),
    ('{"mon": [["09:00", "12:00"], ["12:00", "13:00"]]}'), ('{"mon": [["18:00", "02:00"]]}'), ('{"mon": [["09:00", "09:00"]]}'),
    ('{"exceptions": {"2026-12-25": [], "2024-02-29": [["10:00", "11:00"]]}}'),
    ('[]'), ('5'), ('{"monday": []}'), ('{"mon": null}'), ('{"mon": {}}'), ('{"mon": ["09:00", "18:00"]}'), ('{"mon": [["09:00"]]}'), ('{"mon": [["09:00", "18:00", "19:00"]]}'),
    ('{"mon": [["9:00", "18:00"]]}'), ('{"mon": [["09:00", "24:01"]]}'), ('{"mon": [["24:00", "01:00"]]}'), ('{"mon": [["09:60", "18:00"]]}'), ('{"mon": [["09.00", "18:00"]]}'),
    ('{"mon": [[9, 18]]}'), ('{"mon": [["09:00", "12:00"], ["11:59", "13:00"]]}'), ('{"mon": [["18:00", "02:00"], ["23:00", "23:30"]]}'),
    ('{"exceptions": []}'), ('{"exceptions": {"2026-02-29": []}}'), ('{"exceptions": {"25.12.2026": []}}'), ('{"exceptions": {"2026-12-25": [["x", "y"]]}}')) v (hours);
SELECT pg_temp.refused(jsonb_build_object('mon', (SELECT jsonb_agg(jsonb_build_array(format('%s:00', lpad(n::text, 2, '0')), format('%s:30', lpad(n::text, 2, '0')))) FROM generate_series(0, 10) n)));
SELECT pg_temp.refused(jsonb_build_object('exceptions', (SELECT jsonb_object_agg(('2026-01-01'::date + n)::text, '[]'::jsonb) FROM generate_series(0, 366) n)));

-- open or not, and the next change
CREATE FUNCTION pg_temp.look(hours jsonb, zone text, moments timestamptz[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    location uuid := swipesavvy.add_merchant_location('00000000-0000-7000-8000-00000000cafe', 0, 0, timezone => zone, hours => hours) ->> 'location_id';
    moment timestamptz;
    seen jsonb;
BEGIN
    FOREACH moment IN ARRAY moments LOOP
        seen := swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe', moment, 1) -> 'locations' -> 0;
        RETURN NEXT format('%s open %s until %s', to_char(moment AT TIME ZONE 'UTC', 'Dy YYYY-MM-DD HH24:MI:SS.MS"Z"'), seen -> 'is_open', seen ->> 'next_change');
    END LOOP;
    DELETE FROM swipesavvy.merchant_locations;
END
$$;
DELETE FROM swipesavvy.merchant_locations;
-- a week with a break, a night, an exception of either kind
SELECT pg_temp.look('{"mon": [["09:00", "12:30"], ["14:00", "18:00"]], "fri": [["18:00", "02:00"]], "exceptions": {"2026-12-04": [], "2026-12-05": [["01:00", "24:00"]], "2026-12-07": [["22:00", "06:00"]]}}', 'UTC',
    '{2026-11-30 08:59:59.999+00, 2026-11-30 09:00+00, 2026-11-30 12:30+00, 2026-11-30 13:59+00, 2026-11-30 18:00+00, 2026-12-04 19:00+00, 2026-12-05 00:30+00, 2026-12-05 01:00+00, 2026-12-05 23:59:59+00,
      2026-12-06 00:00+00, 2026-12-07 10:00+00, 2026-12-08 05:59+00, 2026-12-08 06:00+00, 2026-12-11 23:00+00, 2026-12-12 01:59:59+00, 2026-12-12 02:00+00}');
SELECT pg_temp.look('{"mon": [["00:00", "24:00"]], "tue": [["00:00", "24:00"]], "wed": [["00:00", "24:00"]], "thu": [["00:00", "24:00"]], "fri": [["00:00", "24:00"]], "sat": [["00:00", "24:00"]], "sun": [["00:00", "24:00"]]}',
    'UTC', '{2026-11-30 00:00+00}');
SELECT pg_temp.look('{}', 'UTC', '{2026-11-30 00:00+00}');
-- exactly eight days ahead is the last that is seen
SELECT pg_temp.look('{"exceptions": {"2026-12-08": [["10:00", "11:00"]]}}', 'UTC', '{2026-11-30 10:00+00, 2026-11-30 09:59:59.999+00}');
-- Berlin, 2026-03-29: 02:00 to 03:00 does not occur
SELECT pg_temp.look('{"sun": [["02:30", "03:30"]]}', 'Europe/Berlin', '{2026-03-29 00:00+00, 2026-03-29 00:59:59+00, 2026-03-29 01:00+00, 2026-03-29 01:29+00, 2026-03-29 01:30+00}');
SELECT pg_temp.look('{"sun": [["02:15", "02:45"]]}', 'Europe/Berlin', '{2026-03-29 00:00+00, 2026-03-29 00:59:59+00, 2026-03-29 01:00+00}');
-- Berlin, 2026-10-25: 02:00 to 03:00 occurs twice
SELECT pg_temp.look('{"sun": [["02:15", "02:45"]]}', 'Europe/Berlin', '{2026-10-25 00:00+00, 2026-10-25 00:15+00, 2026-10-25 00:45+00, 2026-10-25 01:15+00, 2026-10-25 01:45+00}');
SELECT pg_temp.look('{"sun": [["01:00", "02:30"]]}', 'Europe/Berlin', '{2026-10-24 23:00+00, 2026-10-25 00:30+00, 2026-10-25 00:59+00, 2026-10-25 01:00+00, 2026-10-25 01:30+00}');
-- a night over the change, and a zone that moves its clocks by half an hour
SELECT pg_temp.look('{"sat": [["22:00", "04:00"]]}', 'Europe/Berlin', '{2026-03-28 22:00+00, 2026-03-29 01:59+00, 2026-03-29 02:00+00, 2026-10-24 21:00+00, 2026-10-25 02:59+00, 2026-10-25 03:00+00}');
SELECT pg_temp.look('{"sun": [["01:45", "02:15"]]}', 'Australia/Lord_Howe', '{2026-04-04 14:00+00, 2026-04-04 14:45+00, 2026-04-04 15:00+00, 2026-04-04 15:14:59+00, 2026-04-04 15:15+00, 2026-04-04 15:45+00}');

-- Places that are passed over read two days of their hours, a list of locations reads all: of hours drawn at random both say the same, at any moment.
-- A day's times: up to three intervals in order, of which the last may run over midnight.
CREATE FUNCTION pg_temp.drawn_day() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    WITH cut (minute) AS MATERIALIZED (SELECT DISTINCT (random() * 95)::int * 15 FROM generate_series(1, 2 * (random() * 3)::int)),
         pair (minute, n) AS (SELECT minute, row_number() OVER (ORDER BY minute) FROM cut),
         clock (n, minute, at) AS (SELECT n, minute, to_char(make_interval(mins => minute), 'HH24:MI') FROM pair)
    SELECT coalesce(jsonb_agg(jsonb_build_array(c.at, CASE WHEN next.at IS NOT NULL THEN next.at WHEN random() < 0.3 THEN '24:00' ELSE (SELECT to_char(make_interval(mins => (random() * least(c.minute, 480))::int), 'HH24:MI')) END)
                              ORDER BY c.n), '[]')
      FROM clock c LEFT JOIN clock next ON next.n = c.n + 1 WHERE c.n % 2 = 1 $$;
CREATE FUNCTION pg_temp.drawn_hours() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((SELECT jsonb_object_agg(day, pg_temp.drawn_day()) FROM unnest('{mon,tue,wed,thu,fri,sat,sun}'::text[]) day WHERE random() < 0.8), '{}')
           || CASE WHEN random() < 0.7 THEN jsonb_build_object('exceptions', coalesce((SELECT jsonb_object_agg(to_char('2026-03-20'::date + n, 'YYYY-MM-DD'), pg_temp.drawn_day()) FROM generate_series(0, 15) n WHERE random() < 0.4), '{}')) ELSE '{}' END $$;
SELECT setseed(0.26) \g /dev/null
SELECT count(swipesavvy.add_merchant_location('00000000-0000-7000-8000-00000000cafe', 10, 20 + n / 10000.0, timezone => zone, hours => pg_temp.drawn_hours()))
  FROM generate_series(1, 90) n, LATERAL (SELECT ('{UTC,Europe/Berlin,America/St_Johns,Asia/Kathmandu,Pacific/Apia,Pacific/Chatham,America/New_York}'::text[])[1 + n % 7]) z (zone);
CREATE TEMP TABLE compared AS
SELECT at, l.value ->> 'location_id' AS location_id, l.value -> 'is_open' AS by_all, coalesce(n.passed, false) AS passed, n.shown
  FROM (SELECT '2026-03-20Z'::timestamptz + (random() * 96 * 15)::int * interval '15 minutes' - (random() * 2)::int * interval '1 microsecond' AS at FROM generate_series(1, 60)) m
 CROSS JOIN LATERAL jsonb_array_elements(swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe', at, 100) -> 'locations') l
  LEFT JOIN LATERAL (SELECT p ->> 'location_id' AS id, true AS passed, p -> 'is_open' AS shown
                       FROM jsonb_array_elements(swipesavvy.get_nearby_merchants(10, 20, page_size => 100, open_at => at, distinct_merchants => false) -> 'merchants') p) n ON n.id = l.value ->> 'location_id';
SELECT count(*) AS compared, count(*) FILTER (WHERE by_all = 'true') BETWEEN 1000 AND 3500 AS many_open, count(*) FILTER (WHERE by_all <> to_jsonb(passed) OR (passed AND shown <> 'true')) AS wrong FROM compared;
-- the moment decides, not the place alone
SELECT count(*) > 80 AS open_at_times FROM (SELECT FROM compared GROUP BY location_id HAVING bool_or(passed) AND NOT bool_and(passed)) c;
-- of a document that somebody has written past the functions nothing is made up
UPDATE swipesavvy.merchant_locations SET hours = '{"exceptions": "none"}';
SELECT swipesavvy.get_nearby_merchants(10, 20, open_at => '2026-03-20Z');
ROLLBACK;
