-- Locations of merchants: added, changed, removed, imported, listed; each error that a caller can cause.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN result - '{created_at,updated_at,location_id}'::text[];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000cafe') ->> 'name';
SELECT swipesavvy.create_merchant('Closed', 'Services', merchant_id => '00000000-0000-7000-8000-00000000c105') ->> 'name';
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000c105', '{"is_active": false}') ->> 'is_active';

-- a location, whole and with the least
SELECT pg_temp.try($$add_merchant_location('00000000-0000-7000-8000-00000000cafe', 52.5163, 13.3777, 'Gate', 'Pariser Platz 1', 'Berlin', 'BE', '10117', 'DE', '+49 30 1', 'europe/berlin',
    '{"mon": [["09:00", "18:00"]]}', '00000000-0000-7000-8000-000000000001')$$);
SELECT pg_temp.try($$add_merchant_location('00000000-0000-7000-8000-00000000cafe', -90, 180, location_id => '00000000-0000-7000-8000-000000000002')$$);
SELECT location_id, lat_e7, lon_e7, category_no, is_active FROM swipesavvy.merchant_locations ORDER BY 1;
-- halves are rounded away from zero
SELECT pg_temp.try($$add_merchant_location('00000000-0000-7000-8000-00000000cafe', 0.00000005, -0.00000005)$$)::jsonb - 'merchant_id';

-- what is no location
SELECT pg_temp.try(format('add_merchant_location(%s)', a)) FROM (VALUES
    ('NULL, 0, 0'), ($$'00000000-0000-7000-8000-00000000dead', 0, 0$$), ($$'00000000-0000-7000-8000-00000000c105', 0, 0$$),
    ($$'00000000-0000-7000-8000-00000000cafe', NULL, 0$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, NULL$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 90.00000001, 0$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, -180.5$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 'NaN', 0$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, 'Infinity'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, name => ' '$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, country => 'de'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, country => 'DEU'$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, timezone => 'CEST'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, timezone => 'UTC+3'$$), ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, phone => repeat('1', 51)$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, hours => '{}'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', 0, 0, location_id => '00000000-0000-7000-8000-000000000001'$$)) v (a);

-- changes
SELECT pg_temp.try($$update_merchant_location('00000000-0000-7000-8000-000000000001', '{"street": "Unter den Linden 1", "phone": null, "latitude": 52.517, "longitude": 13.38}')$$);
SELECT lat_e7, lon_e7 FROM swipesavvy.merchant_locations WHERE location_id = '00000000-0000-7000-8000-000000000001';
SELECT pg_temp.try(format('update_merchant_location(%s)', a)) FROM (VALUES
    ($$NULL, '{}'$$), ($$'00000000-0000-7000-8000-00000000dead', '{}'$$), ($$'00000000-0000-7000-8000-000000000001', NULL$$), ($$'00000000-0000-7000-8000-000000000001', '[]'$$),
    ($$'00000000-0000-7000-8000-000000000001', '{"merchant_id": null}'$$), ($$'00000000-0000-7000-8000-000000000001', '{"latitude": 1}'$$),
    ($$'00000000-0000-7000-8000-000000000001', '{"latitude": "1", "longitude": 2}'$$), ($$'00000000-0000-7000-8000-000000000001', '{"timezone": null}'$$),
    ($$'00000000-0000-7000-8000-000000000001', '{"is_active": 1}'$$), ($$'00000000-0000-7000-8000-000000000001', '{"city": 5}'$$)) v (a);
SELECT pg_temp.try($$remove_merchant_location('00000000-0000-7000-8000-000000000002')$$)::jsonb -> 'is_active';
SELECT pg_temp.try($$remove_merchant_location('00000000-0000-7000-8000-00000000dead')$$);
SELECT jsonb_array_length(swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe') -> 'locations');
SELECT pg_temp.try($$update_merchant_location('00000000-0000-7000-8000-000000000002', '{"is_active": true}')$$)::jsonb -> 'is_active';

-- they follow their merchant: its category, and its end; it comes back without them
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000cafe', '{"category": "Services"}') ->> 'category';
SELECT category_no, is_active, count(*) FROM swipesavvy.merchant_locations GROUP BY 1, 2;
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000cafe', '{"is_active": false}') ->> 'is_active';
SELECT pg_temp.try($$update_merchant_location('00000000-0000-7000-8000-000000000001', '{"is_active": true}')$$);
SELECT pg_temp.try($$update_merchant_location('00000000-0000-7000-8000-000000000001', '{"city": "Spandau"}')$$)::jsonb -> 'is_active';
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000cafe', '{"is_active": true}') ->> 'is_active';
SELECT category_no, is_active, count(*) FROM swipesavvy.merchant_locations GROUP BY 1, 2;
SELECT count(pg_temp.try(format($$update_merchant_location(%L, '{"is_active": true}')$$, location_id))) FROM swipesavvy.merchant_locations;

-- pages
SELECT r - 'locations', jsonb_path_query_array(r, '$.locations[*].name') FROM swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe', '2026-11-30 10:00+00', 1) r;
SELECT jsonb_path_query_array(swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe', '2026-11-30 10:00+00', 2, '00000000-0000-7000-8000-000000000001'), '$.locations[*].latitude');
SELECT r -> 'locations' -> 0 -> 'is_open', r -> 'locations' -> 0 -> 'next_change' FROM swipesavvy.get_merchant_locations('00000000-0000-7000-8000-00000000cafe', '2026-11-30 10:00+00', 1) r;
SELECT pg_temp.try(format('get_merchant_locations(%s)', a)) FROM (VALUES ('NULL'), ($$'00000000-0000-7000-8000-00000000dead'$$), ($$'00000000-0000-7000-8000-00000000cafe', 'infinity'$$),
    ($$'00000000-0000-7000-8000-00000000cafe', after => 'x'$$), ($$'00000000-0000-7000-8000-00000000cafe', page_size => 0$$)) v (a);

-- an import: what is wrong is told of, and does not keep the rest out
SELECT jsonb_pretty(swipesavvy.import_merchant_locations('[
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "latitude": 1, "longitude": 2, "name": "One"},
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "latitude": 1, "longitude": 2, "colour": "red"},
    {"merchant_id": "00000000-0000-7000-8000-00000000dead", "latitude": 1, "longitude": 2},
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "latitude": 1e400, "longitude": 2},
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "longitude": 2}, {"latitude": 1, "longitude": 2}, null,
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "latitude": 1, "longitude": 2, "location_id": "00000000-0000-7000-8000-000000000001"},
    {"merchant_id": "00000000-0000-7000-8000-00000000cafe", "latitude": 1, "longitude": 2, "hours": {"mon": [["09:00"]]}, "timezone": "Europe/Berlin"}]'));
SELECT count(*) FROM swipesavvy.merchant_locations WHERE name = 'One' AND is_active;
SELECT pg_temp.try(format('import_merchant_locations(%s)', a)) FROM (VALUES ('NULL'), ($$'{}'$$), ($$'5'$$), ($$'[]'$$), ($$(SELECT jsonb_agg(n) FROM generate_series(1, 10001) n)$$)) v (a);
-- places one behind the other on a line: pages of the indexes stay half full at least
SELECT swipesavvy.import_merchant_locations((SELECT jsonb_agg(jsonb_build_object('merchant_id', '00000000-0000-7000-8000-00000000cafe', 'latitude', n / 1000.0, 'longitude', n / 1000.0)) FROM generate_series(1, 1000) n));
SELECT relname, pg_relation_size(oid) < 300000 AS small FROM pg_class WHERE relname IN ('merchant_locations_position', 'merchant_locations_category') ORDER BY relname;
SELECT count(*) FROM jsonb_array_elements(swipesavvy.get_nearby_merchants(0.5, 0.5, 1000, page_size => 100, distinct_merchants => false) -> 'merchants') m
 WHERE abs((m ->> 'latitude')::numeric - 0.5) <= 0.006;
ROLLBACK;
