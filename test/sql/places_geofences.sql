-- Fences: what is one, what lies in it, how they are listed; each error that a caller can cause.
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
    RETURN result - '{created_at,updated_at,geofence_id}'::text[];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000cafe') ->> 'name',
       swipesavvy.create_merchant('Closed', 'Services', merchant_id => '00000000-0000-7000-8000-00000000c105') ->> 'name',
       swipesavvy.add_merchant_location('00000000-0000-7000-8000-00000000cafe', 52.5, 13.4, location_id => '00000000-0000-7000-8000-000000000001') ->> 'latitude',
       swipesavvy.update_merchant('00000000-0000-7000-8000-00000000c105', '{"is_active": false}') ->> 'is_active';
SELECT swipesavvy.create_campaign(campaign_id => 'DEAL', name => 'Deal', campaign_type => 'LOCATION_DEAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01') ->> 'status';

-- circles
SELECT pg_temp.try($$create_geofence('Gate', 52.5163, 13.3777, 100, geofence_id => '00000000-0000-7000-8000-0000000000c1')$$);
SELECT pg_temp.try($$create_geofence('Shop', radius_meters => 20.5, location_id => '00000000-0000-7000-8000-000000000001', campaign_id => 'DEAL', dwell_seconds => 0, max_accuracy_meters => 50,
    starts_at => '2020-01-01 00:00+00', ends_at => '2100-01-01 00:00+00', geofence_id => '00000000-0000-7000-8000-0000000000c2')$$);
SELECT pg_temp.try(format('create_geofence(%s)', a)) FROM (VALUES ('NULL'), ($$''$$), ($$'f'$$), ($$'f', 1$$), ($$'f', 1, 2$$), ($$'f', radius_meters => 100$$), ($$'f', 91, 2, 100$$), ($$'f', 1, 2, 19.999$$), ($$'f', 1, 2, 100000.001$$),
    ($$'f', 1, 2, 20.0001$$), ($$'f', 1, 2, 100, '{}'$$), ($$'f', 1, 2, 100, merchant_id => '00000000-0000-7000-8000-00000000dead'$$), ($$'f', 1, 2, 100, merchant_id => '00000000-0000-7000-8000-00000000c105'$$),
    ($$'f', 1, 2, 100, location_id => '00000000-0000-7000-8000-00000000dead'$$), ($$'f', 1, 2, 100, merchant_id => '00000000-0000-7000-8000-00000000c105', location_id => '00000000-0000-7000-8000-000000000001'$$),
    ($$'f', location_id => '00000000-0000-7000-8000-000000000001'$$), ($$'f', 1, 2, 100, campaign_id => 'NONE'$$), ($$'f', 1, 2, 100, dwell_seconds => -1$$), ($$'f', 1, 2, 100, dwell_seconds => 86401$$),
    ($$'f', 1, 2, 100, max_accuracy_meters => 0$$), ($$'f', 1, 2, 100, max_accuracy_meters => 5001$$), ($$'f', 1, 2, 100, starts_at => '2026-01-01', ends_at => '2026-01-01'$$),
    ($$'f', 1, 2, 100, starts_at => 'infinity'$$), ($$'f', 1, 2, 100, geofence_id => '00000000-0000-7000-8000-0000000000c1'$$)) v (a);

-- polygons, and what is none
CREATE FUNCTION pg_temp.polygon(coordinates text, type text DEFAULT 'Polygon', id text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(substring(r from '^{.*"kind": "(\w+)"'), r) FROM (SELECT pg_temp.try(format('create_geofence(%L, polygon => %L, dwell_seconds => 86400, max_accuracy_meters => 5000, geofence_id => %L)', 'p', jsonb_build_object('type', type, 'coordinates', coordinates::jsonb), id)) AS r) t;
$$;
SELECT pg_temp.polygon('[[[0,89],[90,89],[180,89],[-90,89]]]', id => '00000000-0000-7000-8000-0000000000a1'), pg_temp.polygon('[[[0,-89],[-90,-89],[180,-89],[90,-89],[0,-89]]]', id => '00000000-0000-7000-8000-0000000000a2'),
       pg_temp.polygon('[[[179.9,-16.5],[-179.9,-16.5],[-179.9,-16.3],[179.9,-16.3]],[[179.95,-16.45],[-179.95,-16.45],[-179.95,-16.35],[179.95,-16.35]]]', id => '00000000-0000-7000-8000-0000000000a3'),
       pg_temp.polygon('[[[0,50],[4,50],[4,51],[0,51]]]', id => '00000000-0000-7000-8000-0000000000a4'),
       pg_temp.polygon('[[[[179,-10],[180,-10],[180,-9],[179,-9]]],[[[-180,-10],[-179,-10],[-179,-9],[-180,-9]]]]', 'MultiPolygon', '00000000-0000-7000-8000-0000000000a5'),
       pg_temp.polygon('[[[[20,0],[23,0],[23,3],[20,3]],[[21,1],[22,1],[22,2],[21,2]]],[[[21.2,1.2],[21.8,1.2],[21.8,1.8],[21.2,1.8]]]]', 'MultiPolygon', '00000000-0000-7000-8000-0000000000a6');
SELECT why || ': ' || pg_temp.polygon(c, t) FROM (VALUES
    ('no list', '5', 'Polygon'), ('no ring', '[]', 'Polygon'), ('a point', '[1, 2]', 'Polygon'), ('positions of one', '[[[1],[2],[3]]]', 'Polygon'), ('of three', '[[[1,2,3],[2,2,3],[2,3,3]]]', 'Polygon'),
    ('of texts', '[[["1","2"],[2,2],[2,3]]]', 'Polygon'), ('beyond 90', '[[[1,91],[2,2],[2,3]]]', 'Polygon'), ('of a size no double has', '[[[1,1e400],[2,2],[2,3]]]', 'Polygon'), ('two vertices', '[[[0,0],[1,0],[0,0]]]', 'Polygon'),
    ('a bow tie', '[[[0,0],[1,1],[1,0],[0,1]]]', 'Polygon'), ('a spike', '[[[0,0],[2,0],[1,0],[1,1]]]', 'Polygon'), ('a vertex twice', '[[[0,0],[1,0],[1,1],[1,1],[0,1]]]', 'Polygon'),
    ('a vertex on an edge', '[[[0,0],[2,0],[2,2],[1,0],[0,2]]]', 'Polygon'), ('180 is -180', '[[[180,0],[-180,0],[179,1]]]', 'Polygon'),
    ('a hole outside', '[[[0,0],[1,0],[1,1],[0,1]],[[2,2],[3,2],[3,3]]]', 'Polygon'), ('that touches', '[[[0,0],[1,0],[1,1],[0,1]],[[0,0.5],[0.5,0.2],[0.5,0.8]]]', 'Polygon'),
    ('that crosses', '[[[0,0],[1,0],[1,1],[0,1]],[[0.5,0.5],[1.5,0.5],[0.5,0.7]]]', 'Polygon'), ('a hole in a hole', '[[[0,0],[1,0],[1,1],[0,1]],[[0.1,0.1],[0.9,0.1],[0.9,0.9],[0.1,0.9]],[[0.2,0.2],[0.3,0.2],[0.3,0.3]]]', 'Polygon'),
    ('a hemisphere', '[[[0,0],[90,0],[180,0],[-90,0]]]', 'Polygon'), ('too large', '[[[0,0],[10,0],[10,10],[0,10]]]', 'Polygon'), ('a part twice', '[[[[0,0],[1,0],[1,1],[0,1]]],[[[0,0],[1,0],[1,1],[0,1]]]]', 'MultiPolygon'),
    ('parts that cross', '[[[[0,0],[1,0],[1,1],[0,1]]],[[[0.5,0.5],[1.5,0.5],[1.5,1.5]]]]', 'MultiPolygon'), ('a part in a part', '[[[[0,0],[1,0],[1,1],[0,1]]],[[[0.2,0.2],[0.3,0.2],[0.3,0.3]]]]', 'MultiPolygon'),
    ('another type', '[[[0,0],[1,0],[1,1]]]', 'LineString'), ('no part', '[]', 'MultiPolygon')) v (why, c, t);
SELECT pg_temp.try($$create_geofence('p', polygon => '{"type": "Polygon"}')$$), pg_temp.try($$create_geofence('p', polygon => '[]')$$), pg_temp.try($$create_geofence('p', polygon => '{"type": "Polygon", "coordinates": [], "bbox": []}')$$);
SELECT pg_temp.polygon(jsonb_build_array((SELECT jsonb_agg(jsonb_build_array(cos(n * 2 * pi() / m), sin(n * 2 * pi() / m)) ORDER BY n) FROM generate_series(1, m) n))::text) FROM (VALUES (1000), (1001)) v (m);
SELECT pg_temp.polygon((SELECT jsonb_agg(jsonb_build_array(jsonb_build_array(0, 0), jsonb_build_array(1, 0), jsonb_build_array(0, 1))) FROM generate_series(1, 51))::text);

-- inside: what a report enters; edges and vertices are inside
CREATE FUNCTION pg_temp.inside(latitude float8, longitude float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who uuid := gen_random_uuid();
    result jsonb;
BEGIN
    INSERT INTO swipesavvy.user_positions (user_id) VALUES (who);
    result := swipesavvy.report_location(who, latitude, longitude, 0);
    RETURN format('%s %s: %s', latitude, longitude, (SELECT string_agg(right(z ->> 'geofence_id', 2), ' ' ORDER BY z ->> 'geofence_id') FROM jsonb_array_elements(result -> 'zones') z WHERE z ->> 'event' = 'entered'));
END
$$;
UPDATE swipesavvy.geofences SET is_active = false WHERE geofence_id::text !~ '-8000-0000000000[ac]';
SELECT pg_temp.inside(a, o) FROM (VALUES (90::float8, 0::float8), (90, 77), (89.4, 45), (89.25, 45), (89, 0), (89, 180), (-90, 5), (-89.4, 45), (-89.25, 45),
    (-16.4, 179.92), (-16.4, -179.92), (-16.48, 180), (-16.48, -180), (-16.4, 180), (-16.4, 179.8), (-16.5, 179.9), (-16.45, 179.95), (-16.4, 179.95),
    (50.01, 2), (51.01, 2), (50, 0), (50.5, 0), (50.5, 4), (50.5, -0.0000002), (50.5, -0.0000001), (-9.5, 180), (-9.5, -179.5), (-9.5, 178.9), (1.5, 20.5), (1.5, 21.1), (1.5, 21.5),
    (52.5163, 13.3777), (52.5163 + 0.000899, 13.3777), (52.5163 + 0.0009, 13.3777)) v (a, o);

-- listed: by id, by merchant, and nearest edge first
SELECT r - 'geofences', jsonb_path_query_array(r, '$.geofences[*].name') FROM swipesavvy.list_geofences(page_size => 3) r;
SELECT jsonb_path_query_array(swipesavvy.list_geofences(page_size => 3, after => '00000000-0000-7000-8000-0000000000a6'), '$.geofences[*].name');
SELECT r #- '{geofences,0,geofence_id}' FROM swipesavvy.list_geofences('00000000-0000-7000-8000-00000000cafe') r;
SELECT r -> 'total', jsonb_path_query_array(r, '$.geofences[*].name') FROM swipesavvy.list_geofences(latitude => 52.5, longitude => 13.3777) r;
SELECT r -> 'total', jsonb_path_query_array(r, '$.geofences[*].name') FROM swipesavvy.list_geofences(latitude => 52.5, longitude => 13.3777, radius_meters => 1600) r;
SELECT pg_temp.try(format('list_geofences(%s)', a)) FROM (VALUES ('latitude => 1'), ('radius_meters => 5'), ('latitude => 1, longitude => 2, radius_meters => 0'), ($$latitude => 1, longitude => 2, after => 'x'$$), ($$after => 'x'$$), ('page_size => 101')) v (a);

-- changes
SELECT pg_temp.try($$update_geofence('00000000-0000-7000-8000-0000000000c2', '{"name": "Door", "campaign_id": null, "ends_at": null, "radius_meters": 30}')$$);
SELECT pg_temp.try($$update_geofence('00000000-0000-7000-8000-0000000000c1', '{"polygon": {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53]]]}}')$$);
SELECT pg_temp.try($$update_geofence('00000000-0000-7000-8000-0000000000c1', '{"polygon": null, "latitude": 1, "longitude": 2, "radius_meters": 50}')$$);
SELECT pg_temp.try(format('update_geofence(%s)', a)) FROM (VALUES ($$NULL, '{}'$$), ($$'00000000-0000-7000-8000-00000000dead', '{}'$$), ($$'00000000-0000-7000-8000-0000000000c1', '{"kind": "polygon"}'$$), ($$'00000000-0000-7000-8000-0000000000c1', '{"polygon": {}}'$$),
    ($$'00000000-0000-7000-8000-0000000000a1', '{"polygon": null}'$$), ($$'00000000-0000-7000-8000-0000000000a1', '{"radius_meters": 50}'$$), ($$'00000000-0000-7000-8000-0000000000c1', '{"latitude": 1}'$$), ($$'00000000-0000-7000-8000-0000000000c1', '{"dwell_seconds": null}'$$)) v (a);
SELECT pg_temp.try($$delete_geofence('00000000-0000-7000-8000-0000000000c1')$$)::jsonb -> 'is_active', pg_temp.try($$delete_geofence('00000000-0000-7000-8000-00000000dead')$$);
SELECT pg_temp.inside(1, 2);
-- the fences of a merchant end with it
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-00000000cafe', '{"is_active": false}') ->> 'is_active';
SELECT is_active FROM swipesavvy.geofences WHERE geofence_id = '00000000-0000-7000-8000-0000000000c2';
ROLLBACK;
