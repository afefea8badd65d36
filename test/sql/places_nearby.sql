-- get_nearby_merchants: order, ties, pages, filters, the limits of the earth; each error that a caller can cause.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
SELECT count(swipesavvy.create_merchant('Merchant ' || n, CASE n % 3 WHEN 0 THEN 'Services' ELSE 'Entertainment' END, merchant_id => ('00000000-0000-7000-8000-00000000000' || n)::uuid)) FROM generate_series(1, 5) n;
CREATE FUNCTION pg_temp.put(merchant int, location int, latitude float8, longitude float8, hours jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    SELECT swipesavvy.add_merchant_location(('00000000-0000-7000-8000-00000000000' || merchant)::uuid, latitude, longitude, 'L' || location, timezone => 'UTC', hours => hours,
        location_id => ('00000000-0000-7000-8000-0000000000' || lpad(location::text, 2, '0'))::uuid);
$$;
CREATE FUNCTION pg_temp.near(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.get_nearby_merchants(' || arguments || ')' INTO result;
    RETURN (SELECT string_agg(m ->> 'location_name' || ' ' || (m ->> 'distance_meters'), ', ') FROM jsonb_array_elements(result -> 'merchants') m) || ' of ' || (result ->> 'count') || CASE WHEN (result -> 'more')::bool THEN ' and more' ELSE '' END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
-- distances that are known, in metres
SELECT swipesavvy.place_distance(0, 0, 0, 1), swipesavvy.place_distance(0, 0, 1, 0), swipesavvy.place_distance(0, 179.5, 0, -179.5), swipesavvy.place_distance(89.9999, 0, 89.9999, 180),
       swipesavvy.place_distance(90, 0, 90, 123), swipesavvy.place_distance(52.5163, 13.3777, 48.8584, 2.2945), swipesavvy.place_distance(-16.4332, 179.36451, 66.32166, -179.12198),
       swipesavvy.place_distance(-77.84632, 166.66824, 78.22334, 15.64689), swipesavvy.place_distance(0, 0, 0, 180), swipesavvy.place_distance(1, 2, 1, 2);
SAVEPOINT refused;
SELECT swipesavvy.place_distance(0, 0, 91, 0);
ROLLBACK TO refused;

SELECT pg_temp.put(1, 1, 52.5, 13.4), pg_temp.put(1, 2, 52.5, 13.41), pg_temp.put(2, 3, 52.5, 13.405), pg_temp.put(3, 4, 52.5, 13.395), pg_temp.put(2, 6, 52.5, 13.4), pg_temp.put(3, 5, 52.51, 13.4);
SELECT swipesavvy.get_nearby_merchants(52.5, 13.4, 400) #- '{merchants,0,merchant_id}';
-- the nearest of each merchant, or all; equal distances by location_id
SELECT pg_temp.near(a) FROM (VALUES ('52.5, 13.4'), ('52.5, 13.4, distinct_merchants => false'), ('52.5, 13.4, page_size => 2, distinct_merchants => false'), ('52.5, 13.4, page_size => 3'),
    ('52.5, 13.4, page_size => 2'), ('52.5, 13.4, page_size => 1'), ($$52.5, 13.4, category => 'Services'$$), ($$52.5, 13.4, category => 'Services', distinct_merchants => false, page_size => 1$$),
    ($$52.5, 13.4, category => 'Health & Wellness'$$), ('52.5, 13.4, 338'), ('52.5, 13.4, 339'), ('0, 0, 50000')) v (a);
-- across the 180th meridian and around the poles
SELECT pg_temp.put(4, 7, -16.4, 179.999), pg_temp.put(5, 8, -16.4, -179.999), pg_temp.put(4, 9, 90, 0), pg_temp.put(5, 10, 89.999, 180), pg_temp.put(4, 11, -90, 50);
SELECT pg_temp.near(a) FROM (VALUES ('-16.4, 180'), ('-16.4, -180'), ('-16.4, 179.9995'), ('90, 77'), ('89.999, 0'), ('-89.9999, -130')) v (a);
-- open then: unknown hours are not
SELECT pg_temp.put(1, 12, 10, 10, '{"mon": [["09:00", "18:00"]]}'), pg_temp.put(2, 13, 10, 10.001, '{"tue": [["09:00", "18:00"]]}'), pg_temp.put(3, 14, 10, 10.002);
SELECT pg_temp.near(a) FROM (VALUES ('10, 10'), ($$10, 10, open_at => '2026-11-30 10:00+00'$$), ($$10, 10, open_at => '2026-12-01 10:00+00'$$), ($$10, 10, open_at => '2026-12-01 19:00+00'$$)) v (a);
-- what was removed, or whose merchant is gone, is not near
SELECT swipesavvy.remove_merchant_location('00000000-0000-7000-8000-000000000012') ->> 'is_active', swipesavvy.update_merchant('00000000-0000-7000-8000-000000000002', '{"is_active": false}') ->> 'is_active';
SELECT pg_temp.near('10, 10');
-- errors
SELECT pg_temp.near(a) FROM (VALUES ('NULL, 0'), ('0, NULL'), ('91, 0'), ($$'NaN', 0$$), ('0, 181'), ('0, 0, 0.999'), ('0, 0, 50001'), ($$0, 0, 'NaN'$$), ('0, 0, 5.0001'), ($$0, 0, category => 'Space Travel'$$),
    ('0, 0, page_size => 0'), ('0, 0, page_size => 101'), ($$0, 0, open_at => '-infinity'$$)) v (a);
-- places that are passed over because they are closed then cost time, and no memory: kilobytes of hours each, and a peak that stays low
SELECT swipesavvy.create_merchant('Closed', 'Services', merchant_id => '00000000-0000-7000-8000-00000000c105') ->> 'name';
SELECT sum((swipesavvy.import_merchant_locations((SELECT jsonb_agg(jsonb_build_object('merchant_id', '00000000-0000-7000-8000-00000000c105', 'latitude', -60 + (200 * part + n) / 50000.0, 'longitude', -60, 'timezone', 'UTC',
    'hours', jsonb_build_object('mon', '[["09:00", "17:00"]]'::jsonb, 'exceptions', e))) FROM generate_series(1, 200) n, (SELECT jsonb_object_agg(date '2026-01-01' + d, '[]'::jsonb) AS e FROM generate_series(1, 200) d) x)) ->> 'imported')::int) FROM generate_series(0, 19) part;
CREATE FUNCTION pg_temp.peak_mb() RETURNS int LANGUAGE sql AS $$ SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1]::int / 1024 $$;
SELECT pg_temp.peak_mb() AS peak \gset
SELECT swipesavvy.get_nearby_merchants(-60, -60, 50000, open_at => '2026-12-08 12:00Z', distinct_merchants => false) -> 'count', swipesavvy.get_nearby_merchants(-60, -60, 50000, open_at => '2026-12-07 12:00Z', distinct_merchants => false) -> 'count';
SELECT pg_temp.peak_mb() - :peak < 60 AS low;
ROLLBACK;
