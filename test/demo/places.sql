-- Merchants at real places, and what is near. Real: the places, their coordinates and time zones. Ours: which brand stands where, how far
-- from the middle, and when it is open (README.md has the rule).
\set at '1997-12-23 17:00+00'

-- The k-th of a city's twelve shops: 150 m from the middle and 130 m more for each, turned by the golden angle.
CREATE VIEW demo.shops AS
SELECT p.geonameid, k, p.name AS city, p.country, p.timezone, 1 + (p.geonameid + 53 * k) % (SELECT count(*) FROM demo.merchants) AS merchant_no,
       degrees(asin(s.height)) AS lat,
       p.lon + degrees(atan2(sin(d.bearing) * sin(d.angle) * cos(radians(p.lat)), cos(d.angle) - sin(radians(p.lat)) * s.height)) AS lon
FROM demo.places AS p, generate_series(0, 11) AS k,
     LATERAL (SELECT (150 + 130 * k) / 6371008.771415059 AS angle, radians(137.5 * k) AS bearing) AS d,
     LATERAL (SELECT sin(radians(p.lat)) * cos(d.angle) + cos(radians(p.lat)) * sin(d.angle) * cos(d.bearing) AS height) AS s
WHERE p.population >= 1000000;

CREATE FUNCTION demo.hours(category text) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN (
    SELECT jsonb_object_agg(day, CASE
        WHEN category IN ('Gas Stations', 'Hotels & Travel') THEN '[["00:00", "24:00"]]'
        WHEN category = 'Restaurants & Cafes' THEN '[["07:00", "14:30"], ["17:00", "01:00"]]'
        WHEN category = 'Entertainment' THEN '[["10:00", "23:30"]]'
        WHEN day = 'sun' THEN '[]'
        ELSE '[["09:00", "20:00"]]' END::jsonb)
    FROM unnest('{mon,tue,wed,thu,fri,sat,sun}'::text[]) AS day);

CREATE TABLE demo.imported AS
SELECT swipesavvy.import_merchant_locations(jsonb_agg(jsonb_build_object('merchant_id', demo.merchant_id(merchant_no::int),
           'latitude', lat, 'longitude', CASE WHEN lon > 180 THEN lon - 360 WHEN lon < -180 THEN lon + 360 ELSE lon END,
           'city', city, 'country', country, 'timezone', timezone, 'hours', demo.hours(m.category)))) AS result
FROM demo.shops JOIN demo.merchants AS m USING (merchant_no)
GROUP BY geonameid % 3;
ANALYZE swipesavvy.merchant_locations;

\echo
\echo 'Near here: the same brands at real places (GeoNames), by a rule of ours'
\echo
SELECT format('  %s locations in %s cities of %s countries', demo.number(sum((result->>'imported')::int)),
              demo.number((SELECT count(DISTINCT geonameid) FROM demo.shops)), (SELECT count(DISTINCT country) FROM demo.shops))
FROM demo.imported;

-- Three cities at one moment: it is evening in one, noon in another, night in the third.
CREATE TABLE demo.near AS
SELECT c.n, p.name, p.lat, p.lon, p.timezone, m.ordinality AS place, m.value AS merchant, l.value AS location
FROM (VALUES (1, 'Berlin', 'DE'), (2, 'New York City', 'US'), (3, 'Tokyo', 'JP')) AS c(n, name, country)
JOIN demo.places AS p USING (name, country),
     LATERAL jsonb_array_elements(swipesavvy.get_nearby_merchants(p.lat, p.lon, 2000, page_size => 6)->'merchants') WITH ORDINALITY AS m,
     LATERAL jsonb_array_elements(swipesavvy.get_merchant_locations((m.value->>'merchant_id')::uuid, :'at', 100)->'locations') AS l
WHERE l.value->>'location_id' = m.value->>'location_id';

SELECT CASE WHEN place = 1 THEN format(E'\n  %s, %s there\n', name, to_char(:'at'::timestamptz AT TIME ZONE timezone, 'Dy HH24:MI')) ELSE '' END
       || format('  %7s m  %-34s %-22s %s', merchant->>'distance_meters', merchant->>'name', merchant->>'category',
                 CASE WHEN (location->>'is_open')::boolean THEN 'open' ELSE 'closed' END
                 || coalesce(CASE WHEN (location->>'is_open')::boolean THEN ' until ' ELSE ', opens ' END
                             || to_char((location->>'next_change')::timestamptz AT TIME ZONE timezone, 'Dy HH24:MI'), ' all day'))
FROM demo.near ORDER BY n, place;
