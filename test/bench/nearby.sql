-- get_nearby_merchants among 1,000,000 locations: psql -X -f test/bench/nearby.sql, from the root of the tree, in an empty database of a throw-away server
-- that has the extension to create, by a superuser (it reads its own processor time from /proc). Prints, of each question, the median, the 90th percentile and
-- the least of the times in ms, and the processor time of a call in ms. 2,000 points are asked, each once; warm, one client.
\pset footer off
SET jit = off;
CREATE EXTENSION swipesavvy CASCADE;
CREATE TABLE public.places (geonameid int PRIMARY KEY, name text, country text, lat float8, lon float8, population bigint, timezone text);
\copy public.places FROM PROGRAM 'zcat test/demo/data/places_geonames.csv.gz' WITH (FORMAT csv, HEADER)
SELECT setseed(0.5) \g /dev/null
-- foreign keys hold by what is inserted
SET session_replication_role = replica;
-- 400,000 merchants: half of them with ratings, every tenth with an offer; one in 500 in a rare category
INSERT INTO swipesavvy.merchants (merchant_id, name, category)
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Merchant ' || n, c.category
  FROM generate_series(1, 400000) n
  JOIN swipesavvy.merchant_categories c ON c.category_no = CASE WHEN n % 500 = 0 THEN 5 WHEN n % 10 < 5 THEN 1 WHEN n % 10 < 7 THEN 2 WHEN n % 10 = 7 THEN 3 ELSE 8 END;
INSERT INTO swipesavvy.merchant_ratings (merchant_id, rating_sum, rating_count, threes, fives)
SELECT merchant_id, 3 * (n % 7) + 5 * (n % 11), n % 7 + n % 11, n % 7, n % 11 FROM (SELECT merchant_id, row_number() OVER (ORDER BY merchant_id) AS n FROM swipesavvy.merchants) m WHERE n % 2 = 0;
INSERT INTO swipesavvy.merchant_offers (merchant_id, title, starts_at)
SELECT merchant_id, 'Cake', now() FROM (SELECT merchant_id, row_number() OVER (ORDER BY merchant_id) AS n FROM swipesavvy.merchants) m WHERE n % 10 = 0;
-- locations strewn around the places of GeoNames, in proportion to the root of their population; every other one with opening hours
CREATE TABLE public.drawn AS
WITH w AS (SELECT geonameid, lat, lon, timezone, name, sqrt(greatest(population, 100)) AS weight FROM public.places), t AS (SELECT sum(weight) AS total FROM w)
SELECT row_number() OVER (ORDER BY random()) AS n, lat + 0.1 * (random() + random() + random() - 1.5) AS lat, lon + 0.1 * (random() + random() + random() - 1.5) / greatest(cos(radians(lat)), 0.05) AS lon, timezone, name
  FROM w, t, generate_series(1, greatest(1, round(1020000 * weight / total)::int)) WHERE abs(lat) < 89;
DROP INDEX swipesavvy.merchant_locations_position, swipesavvy.merchant_locations_category;
INSERT INTO swipesavvy.merchant_locations (location_id, merchant_id, category_no, name, street, city, country, lat_e7, lon_e7, timezone, hours, position)
SELECT ('00000000-0000-7000-8001-' || lpad(d.n::text, 12, '0'))::uuid, m.merchant_id, c.category_no, 'Branch ' || d.n, 'Main Street ' || d.n % 100, d.name, 'DE', p.lat_e7, p.lon_e7, d.timezone,
       CASE WHEN d.n % 2 = 0 THEN '{"mon": [["09:00", "18:00"]], "tue": [["09:00", "18:00"]], "wed": [["09:00", "18:00"]], "thu": [["09:00", "18:00"]], "fri": [["09:00", "18:00"]], "sat": [["09:00", "14:00"]]}'::jsonb END,
       swipesavvy.place_position(6371008.771415059 * cos(radians(p.lat_e7 / 1e7)) * cos(radians(p.lon_e7 / 1e7)), 6371008.771415059 * cos(radians(p.lat_e7 / 1e7)) * sin(radians(p.lon_e7 / 1e7)), 6371008.771415059 * sin(radians(p.lat_e7 / 1e7)))
  FROM public.drawn d
 CROSS JOIN LATERAL (SELECT round(d.lat * 1e7)::int AS lat_e7, round((CASE WHEN d.lon >= 180 THEN d.lon - 360 WHEN d.lon < -180 THEN d.lon + 360 ELSE d.lon END) * 1e7)::int AS lon_e7) p
  JOIN swipesavvy.merchants m ON m.merchant_id = ('00000000-0000-7000-8000-' || lpad((1 + d.n % 400000)::text, 12, '0'))::uuid JOIN swipesavvy.merchant_categories c ON c.category = m.category
 ORDER BY d.n LIMIT 1000000;
RESET session_replication_role;
CREATE INDEX merchant_locations_position ON swipesavvy.merchant_locations USING gist (position swipesavvy.place_ops) WHERE is_active;
CREATE INDEX merchant_locations_category ON swipesavvy.merchant_locations USING gist (category_no, position swipesavvy.place_ops) WHERE is_active AND category_no IS NOT NULL;
VACUUM ANALYZE swipesavvy.merchants, swipesavvy.merchant_ratings, swipesavvy.merchant_offers, swipesavvy.merchant_locations;
CREATE TABLE public.asked AS SELECT row_number() OVER () AS n, d.lat, d.lon FROM (SELECT lat, lon FROM public.drawn ORDER BY random() LIMIT 2000) d;

CREATE FUNCTION public.cpu_ms() RETURNS float8 LANGUAGE sql AS $$
    SELECT (f[14]::float8 + f[15]::float8) * 10 FROM (SELECT string_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' ') AS f) s;
$$;
CREATE FUNCTION public.bench(question text, points int, arguments text, OUT asked text, OUT median numeric, OUT p90 numeric, OUT minimum numeric, OUT cpu numeric) LANGUAGE plpgsql AS $$
DECLARE
    point record;
    answer jsonb;
    times float8[];
    before float8;
    begun timestamptz;
BEGIN
    asked := question;
    FOR point IN SELECT * FROM public.asked a WHERE a.n <= 20 LOOP
        EXECUTE 'SELECT swipesavvy.get_nearby_merchants(' || arguments || ')' INTO answer USING point.lat, point.lon;
    END LOOP;
    before := public.cpu_ms();
    FOR point IN SELECT * FROM public.asked a WHERE a.n <= points LOOP
        begun := clock_timestamp();
        EXECUTE 'SELECT swipesavvy.get_nearby_merchants(' || arguments || ')' INTO answer USING point.lat, point.lon;
        times := times || extract(epoch FROM clock_timestamp() - begun)::float8 * 1000;
    END LOOP;
    cpu := round(((public.cpu_ms() - before) / points)::numeric, 2);
    SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 2), round(percentile_cont(0.9) WITHIN GROUP (ORDER BY t)::numeric, 2), round(min(t)::numeric, 2) INTO median, p90, minimum FROM unnest(times) t;
END
$$;
SELECT b.* FROM (VALUES (1, '20 within 5 km', 2000, '$1, $2'), (2, 'rare category, 20 within 50 km', 500, '$1, $2, 50000, ''Hotels & Travel'''), (3, '20 within 50 km', 500, '$1, $2, 50000'),
        (4, '100 within 50 km', 500, '$1, $2, 50000, page_size => 100'), (5, 'ocean, 50 km', 500, '-48 + $1 / 100, -123 + $2 / 200, 50000'), (6, 'open now, 5 km', 500, '$1, $2, open_at => now()'),
        (7, 'rating_min 4, 5 km', 500, '$1, $2, rating_min => 4'), (8, 'rating_min 5 (nobody has it), a city, 50 km', 20, '51.45 + $1 / 1e6, 7.01, 50000, rating_min => 5')) q (n, question, points, arguments),
       public.bench(question, points, arguments) b ORDER BY q.n;
