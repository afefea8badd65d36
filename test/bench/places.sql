-- All places of the file as locations of 400 merchants; fences around the 1,000 largest, and 10,000 users near these who have agreed to be located.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
GRANT swipesavvy_backend TO bench_service;
GRANT SELECT ON swipesavvy.merchant_locations, swipesavvy.merchants, swipesavvy.geofences TO bench_service;
GRANT SELECT, UPDATE ON swipesavvy.user_positions TO bench_service;
GRANT SELECT, INSERT, UPDATE ON swipesavvy.geofence_states TO bench_service;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO bench_service;
CREATE TABLE bench.places (geonameid int, name text, country text, lat float8, lon float8, population bigint, timezone text);
\copy bench.places FROM PROGRAM 'gzip -dc test/demo/data/places_geonames.csv.gz' WITH (FORMAT csv, HEADER)
ALTER TABLE bench.places ADD n serial, ADD position cube;
-- the point of each as the index has it
UPDATE bench.places SET position = cube(ARRAY[6371008.771415059 * cos(radians(lat)) * cos(radians(lon)), 6371008.771415059 * cos(radians(lat)) * sin(radians(lon)), 6371008.771415059 * sin(radians(lat))]);
ALTER TABLE bench.places ADD PRIMARY KEY (n);
CREATE FUNCTION bench.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
SELECT count(swipesavvy.create_merchant('Merchant ' || n, 'Services', merchant_id => bench.id(n))) FROM generate_series(1, 400) n;
-- (a zone that is a link since 2024, which newer systems do not have)
SELECT count(swipesavvy.import_merchant_locations(p)) FROM (
    SELECT jsonb_agg(jsonb_build_object('merchant_id', bench.id(1 + geonameid % 400), 'latitude', lat, 'longitude', lon, 'name', name,
        'timezone', replace(timezone, 'Asia/Choibalsan', 'Asia/Ulaanbaatar'))) AS p FROM bench.places GROUP BY geonameid % 3) i;
CREATE TABLE bench.large (n int PRIMARY KEY, lat float8 NOT NULL, lon float8 NOT NULL, position cube NOT NULL);
INSERT INTO bench.large SELECT row_number() OVER (ORDER BY population DESC, geonameid), lat, lon, position FROM bench.places ORDER BY population DESC, geonameid LIMIT 1000;
SELECT count(swipesavvy.create_geofence('Fence ' || n, lat, lon, 200, geofence_id => bench.id(n))) FROM bench.large;
INSERT INTO swipesavvy.users (user_id, email, name) SELECT bench.id(n), 'user' || n || '@example.com', 'User' FROM generate_series(1, 10000) n;
INSERT INTO swipesavvy.location_consents (user_id, consent, since) SELECT bench.id(n), true, now() FROM generate_series(1, 10000) n;
INSERT INTO swipesavvy.user_positions (user_id) SELECT bench.id(n) FROM generate_series(1, 10000) n;
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO bench_service;
VACUUM ANALYZE;
