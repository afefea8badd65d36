-- The nearest 21 within 20 km by PostGIS on the sphere, and the same JSON of them, but for hours, ratings and offers.
\set n random(1, 28849)
SELECT jsonb_build_object('latitude', p.lat, 'longitude', p.lon, 'radius_meters', 20000, 'count', least(count(*), 20), 'more', count(*) > 20, 'merchants', jsonb_agg(jsonb_build_object(
           'merchant_id', l.merchant_id, 'location_id', l.location_id, 'name', m.name, 'category', m.category, 'location_name', l.name, 'street', l.street, 'city', l.city,
           'latitude', l.lat_e7 * 0.0000001, 'longitude', l.lon_e7 * 0.0000001, 'distance_meters', round(n.meters::numeric, 1), 'rating', NULL, 'rating_count', 0, 'is_open', NULL, 'offers', 0) ORDER BY n.meters, l.location_id))
  FROM bench.places p CROSS JOIN LATERAL (
           SELECT g.location_id, ST_Distance(g.point, ST_MakePoint(p.lon, p.lat)::geography, false) AS meters FROM bench.points g
            WHERE ST_DWithin(g.point, ST_MakePoint(p.lon, p.lat)::geography, 20000, false) ORDER BY g.point <-> ST_MakePoint(p.lon, p.lat)::geography LIMIT 21) n
       JOIN swipesavvy.merchant_locations l ON l.location_id = n.location_id JOIN swipesavvy.merchants m ON m.merchant_id = l.merchant_id
 WHERE p.n = :n GROUP BY p.lat, p.lon;
