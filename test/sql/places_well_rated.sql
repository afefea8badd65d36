-- Merchants with so good a rating or better, near a point: from few such merchants to their places, or from place to place where they are many; and in the list. All
-- find what a count of all finds, whatever ratings lean on.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET LOCAL jit = off;
-- 260 merchants to the north of a point, one behind the other, rated from once to 3,000 times, badly and well; of some nobody thinks anything
CREATE TEMP TABLE rated AS
SELECT n, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS merchant_id, v.votes, CASE WHEN v.votes > 0 THEN v.votes * (n % 13) / 12 END AS fives
  FROM generate_series(1, 260) n, LATERAL (SELECT (ARRAY[0, 1, 1, 2, 3, 5, 8, 13, 40, 200, 1100, 1200, 3000])[1 + n * 7 % 13] AS votes) v;
SELECT count(create_merchant('Merchant ' || n, CASE n % 2 WHEN 0 THEN 'Services' ELSE 'Restaurants & Cafes' END, merchant_id => merchant_id)) AS merchants FROM rated;
SELECT import_merchant_locations(jsonb_agg(jsonb_build_object('merchant_id', merchant_id, 'latitude', 52 + n * 0.0001, 'longitude', 13))) AS locations FROM rated;
INSERT INTO merchant_ratings (merchant_id, rating_sum, rating_count, fours, fives, ones)
SELECT merchant_id, 5 * fives + CASE n % 3 WHEN 0 THEN 1 ELSE 4 END * (votes - fives), votes, CASE n % 3 WHEN 0 THEN 0 ELSE votes - fives END, fives, CASE n % 3 WHEN 0 THEN votes - fives ELSE 0 END FROM rated WHERE votes > 0;
CREATE FUNCTION pg_temp.found(bar numeric, of_category text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r ->> 'more', r ->> 'count', (SELECT string_agg(right(m ->> 'merchant_id', 3), ',') FROM jsonb_array_elements(r -> 'merchants') m))
      FROM get_nearby_merchants(52, 13, 50000, category => of_category, page_size => 100, rating_min => bar) r $$;
CREATE FUNCTION pg_temp.counted(bar numeric, of_category text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (count(*) > 100)::text, least(count(*), 100), string_agg(right(merchant_id::text, 3), ',' ORDER BY n) FILTER (WHERE place <= 100))
      FROM (SELECT n, merchant_id, row_number() OVER (ORDER BY n) AS place FROM rated JOIN merchant_rating_averages a USING (merchant_id) JOIN merchants m USING (merchant_id)
             WHERE a.rating >= bar AND (of_category IS NULL OR m.category = of_category)) x $$;
CREATE FUNCTION pg_temp.listed(bar numeric, of_category text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r ->> 'total', (SELECT string_agg(m ->> 'merchant_id', ',') FROM jsonb_array_elements(r -> 'merchants') m)) FROM list_merchants(of_category, page_size => 100, rating_min => bar) r $$;
CREATE FUNCTION pg_temp.counted_by_name(bar numeric, of_category text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', count(*), string_agg(merchant_id::text, ',' ORDER BY place) FILTER (WHERE place <= 100))
      FROM (SELECT merchant_id, row_number() OVER (ORDER BY name, merchant_id) AS place FROM merchants m JOIN merchant_rating_averages a USING (merchant_id)
             WHERE m.is_active AND a.rating >= bar AND (of_category IS NULL OR m.category = of_category)) x $$;
-- what ratings lean on, and what is asked for
CREATE FUNCTION pg_temp.compare(weights int[]) RETURNS TABLE (weight int, questions bigint, with_an_answer bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
    mean int;
    asked record;
BEGIN
    FOREACH weight IN ARRAY weights LOOP
        PERFORM update_system_settings(jsonb_build_object('rating_prior_weight', weight));
        questions := 0; with_an_answer := 0; wrong := 0;
        FOREACH mean IN ARRAY ARRAY[100, 301, 495] LOOP
            INSERT INTO rating_prior VALUES (1, mean, 1, now()) ON CONFLICT (prior_no) DO UPDATE SET mean_hundredths = excluded.mean_hundredths;
            FOR asked IN SELECT pg_temp.counted(bar, of_category) AS counted, pg_temp.found(bar, of_category) AS found, pg_temp.listed(bar, of_category) <> pg_temp.counted_by_name(bar, of_category) AS listed_wrongly
                           FROM unnest(ARRAY[1, 2.99, 3, 3.5, 4.2, 4.75, 4.95, 5]) bar, unnest(ARRAY[NULL, 'Services']) of_category LOOP
                questions := questions + 1;
                with_an_answer := with_an_answer + (asked.counted !~ '^false 0')::int;
                wrong := wrong + (asked.counted <> asked.found OR asked.listed_wrongly)::int;
            END LOOP;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.compare('{0,5,1000}');
-- a chain that everybody praises, far away, has more locations than are gone through one by one
SELECT create_merchant('Chain', 'Services', merchant_id => '00000000-0000-7000-8000-00000000c4a1') IS NOT NULL AS chain;
SELECT import_merchant_locations(jsonb_agg(jsonb_build_object('merchant_id', '00000000-0000-7000-8000-00000000c4a1', 'latitude', -40 - n * 7919 % 2001 * 0.0005, 'longitude', 13 + n * 104729 % 2001 * 0.0005))) AS locations FROM generate_series(1, 2001) n;
INSERT INTO merchant_ratings (merchant_id, rating_sum, rating_count, fives) VALUES ('00000000-0000-7000-8000-00000000c4a1', 5000000, 1000000, 1000000);
SELECT * FROM pg_temp.compare('{5}');
SELECT jsonb_path_query_array(get_nearby_merchants(-40, 13, 50000, rating_min => 5, page_size => 2, distinct_merchants => false), '$.merchants[*].name') AS of_the_chain;
-- as many well rated merchants as are no longer few
DELETE FROM merchant_ratings WHERE merchant_id = '00000000-0000-7000-8000-00000000c4a1';
SELECT count(create_merchant('Further ' || n, 'Services', merchant_id => ('00000000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid)) AS further FROM generate_series(1, 501) n;
INSERT INTO merchant_ratings (merchant_id, rating_sum, rating_count, fives) SELECT ('00000000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid, 5000000, 1000000, 1000000 FROM generate_series(1, 501) n;
SELECT * FROM pg_temp.compare('{5}');
-- one that stopped being open for business, or a place that did, is not found; who is open only then is asked for, too
DELETE FROM merchant_ratings WHERE merchant_id::text ~ '^00000000-0000-7000-8001';
SELECT update_system_settings('{"rating_prior_weight": 0}') IS NOT NULL AS set, pg_temp.found(5, 'Services') AS found;
SELECT update_merchant('00000000-0000-7000-8000-000000000012', '{"is_active": false}') ->> 'is_active' AS active;
SELECT pg_temp.found(5, 'Services') AS found, get_nearby_merchants(52, 13, 50000, rating_min => 5, open_at => now()) -> 'count' AS known_to_be_open;
ROLLBACK;
