-- The 20 nearest within 20 km of one of all places.
\set n random(1, 28849)
SELECT swipesavvy.get_nearby_merchants(p.lat, p.lon, 20000) FROM bench.places p WHERE p.n = :n;
