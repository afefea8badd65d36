-- The locations once more as points of PostGIS.
\set ON_ERROR_STOP on
CREATE EXTENSION postgis;
CREATE TABLE bench.points AS SELECT location_id, ST_MakePoint(lon_e7 / 1e7, lat_e7 / 1e7)::geography(Point) AS point FROM swipesavvy.merchant_locations;
CREATE INDEX ON bench.points USING gist (point);
GRANT SELECT ON bench.points TO bench_service;
VACUUM ANALYZE bench.points;
