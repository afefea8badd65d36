-- What that must do at least: the index's nearest 21 within the box, and the row of each and of its merchant.
\set n random(1, 28849)
SELECT l.location_id, l.merchant_id, m.name, m.category, l.name, l.street, l.city, l.lat_e7, l.lon_e7, l.timezone, l.hours FROM bench.places p,
    LATERAL (SELECT * FROM swipesavvy.merchant_locations l WHERE l.is_active AND l.position <@ cube_enlarge(p.position, 20000, 3) ORDER BY l.position <-> p.position LIMIT 21) l
    JOIN swipesavvy.merchants m ON m.merchant_id = l.merchant_id WHERE p.n = :n;
