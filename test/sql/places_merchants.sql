-- Merchants with what places add to them: ratings in lists, numbers of locations and offers, and their end; each error that a caller can cause.
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
    RETURN result - '{created_at,updated_at}'::text[];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT count(swipesavvy.create_merchant('Rated ' || n, CASE n % 2 WHEN 0 THEN 'Services' ELSE 'Entertainment' END, merchant_id => ('00000000-0000-7000-8000-00000000000' || n)::uuid)) FROM generate_series(1, 5) n;
SELECT count(swipesavvy.create_user(n || '@example.com', 'User ' || n, user_id => ('00000000-0000-7000-8000-00000000001' || n)::uuid)) FROM generate_series(1, 4) n;
-- the first gets one five, the second four, the third four ones, the fourth a four that is removed, the fifth nothing
CREATE TEMP TABLE rated AS SELECT * FROM (VALUES (1, 1, 5), (2, 1, 5), (2, 2, 5), (2, 3, 5), (2, 4, 5), (3, 1, 1), (3, 2, 1), (3, 3, 1), (3, 4, 1), (4, 1, 4)) v (m, u, r);
SELECT count(swipesavvy.record_transaction(('00000000-0000-7000-8000-00000000001' || u)::uuid, 10, NULL, ('00000000-0000-7000-8000-00000000000' || m)::uuid)) FROM rated;
SELECT count(swipesavvy.rate_merchant(('00000000-0000-7000-8000-00000000001' || u)::uuid, ('00000000-0000-7000-8000-00000000000' || m)::uuid, r)) FROM rated;
SELECT swipesavvy.moderate_review(review_id, 'removed') #>> '{merchant,rating}' FROM swipesavvy.merchant_reviews WHERE merchant_id = '00000000-0000-7000-8000-000000000004';
CREATE FUNCTION pg_temp.list(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.list_merchants(' || arguments || ')' INTO result;
    RETURN coalesce((SELECT string_agg(concat_ws(' ', right(m ->> 'name', 1), m ->> 'rating', 'of', m ->> 'rating_count'), ', ') FROM jsonb_array_elements(result -> 'merchants') m), 'none') || ' in ' || (result ->> 'total');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT pg_temp.list(a) FROM (VALUES ($$search => 'Rated'$$), ('rating_min => 1'), ('rating_min => 2.11'), ('rating_min => 2.12'), ('rating_min => 3.33'), ('rating_min => 3.34'), ('rating_min => 5'), ($$'Services', rating_min => 2$$), ($$search => 'ted 3', rating_min => 2$$),
    ($$'Entertainment', 'd 1', rating_min => 2$$), ('rating_min => 2, page_size => 1'), ($$rating_min => 2, page_size => 1, after => '00000000-0000-7000-8000-000000000001'$$), ('rating_min => 2, page_size => 1, page_offset => 2'),
    ('rating_min => 0.99'), ('rating_min => 5.01'), ('rating_min => 3.333'), ($$rating_min => 'NaN'$$)) v (a);
-- and near
SELECT count(swipesavvy.add_merchant_location(('00000000-0000-7000-8000-00000000000' || m)::uuid, 52.5, 13.4 + l * 0.001, m || '/' || l)) FROM generate_series(1, 5) m, generate_series(1, 2) l;
CREATE FUNCTION pg_temp.near(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.get_nearby_merchants(52.5, 13.4, ' || arguments || ')' INTO result;
    RETURN (SELECT string_agg(concat_ws(' ', m ->> 'location_name', m ->> 'rating', 'of', m ->> 'rating_count'), ', ' ORDER BY m ->> 'location_name') FROM jsonb_array_elements(result -> 'merchants') m) || CASE WHEN (result -> 'more')::bool THEN ' and more' ELSE '' END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
SELECT pg_temp.near(a) FROM (VALUES ('page_size => 5'), ('rating_min => 2.11'), ('rating_min => 2.12'), ('rating_min => 2.12, distinct_merchants => false'), ('rating_min => 2, page_size => 2'), ($$category => 'Services', rating_min => 1$$),
    ('rating_min => 4'), ('rating_min => 0'), ('rating_min => 5.5'), ('rating_min => 2.111')) v (a);
-- a merchant, whole
SELECT swipesavvy.add_merchant_offer('00000000-0000-7000-8000-000000000002', 'Cake') ->> 'title';
SELECT pg_temp.try($$get_merchant('00000000-0000-7000-8000-000000000002')$$), pg_temp.try($$get_merchant('00000000-0000-7000-8000-000000000004')$$)::jsonb -> 'rating';
SELECT pg_temp.try('get_merchant(NULL)'), pg_temp.try($$get_merchant('00000000-0000-7000-8000-00000000dead')$$);

-- the end of a merchant: not while a campaign that runs or is paused is aimed at it
SELECT count(swipesavvy.create_geofence('F', 52.5, 13.4, 100, merchant_id => '00000000-0000-7000-8000-000000000002')) + count(swipesavvy.create_geofence('L', radius_meters => 50, location_id => location_id))
  FROM swipesavvy.merchant_locations WHERE merchant_id = '00000000-0000-7000-8000-000000000002';
SELECT swipesavvy.create_campaign('Aimed', 'SEASONAL', NULL, 'OTHER', '2026-01-01', campaign_id => 'AIMED', target_merchant_id => '00000000-0000-7000-8000-000000000002') ->> 'status',
       swipesavvy.create_campaign('Category', 'SEASONAL', NULL, 'OTHER', '2026-01-01', campaign_id => 'CATEGORY', target_category => 'Services') ->> 'status';
SELECT swipesavvy.launch_campaign(c) ->> 'status' FROM unnest('{AIMED,CATEGORY}'::text[]) c;
SELECT pg_temp.try($$delete_merchant('00000000-0000-7000-8000-000000000002')$$);
SELECT swipesavvy.pause_campaign('AIMED') ->> 'status', pg_temp.try($$delete_merchant('00000000-0000-7000-8000-000000000002')$$);
SELECT swipesavvy.update_campaign('AIMED', '{"status": "completed"}') ->> 'status', pg_temp.try($$delete_merchant('00000000-0000-7000-8000-000000000002')$$);
SELECT pg_temp.try($$delete_merchant('00000000-0000-7000-8000-000000000002')$$), pg_temp.try('delete_merchant(NULL)'), pg_temp.try($$delete_merchant('00000000-0000-7000-8000-00000000dead')$$);
SELECT pg_temp.list($$search => 'Rated'$$), pg_temp.near('page_size => 5'), swipesavvy.get_merchant_locations('00000000-0000-7000-8000-000000000002') -> 'locations', swipesavvy.list_geofences() -> 'geofences', swipesavvy.get_merchant_offers('00000000-0000-7000-8000-000000000002') -> 'offers';
SELECT r - '{metadata,created_at,updated_at,mcc,description}'::text[] FROM swipesavvy.get_merchant('00000000-0000-7000-8000-000000000002') r;
SELECT count(*), sum(amount_minor) FROM swipesavvy.transactions WHERE merchant_id = '00000000-0000-7000-8000-000000000002';
SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-000000000011', 10, NULL, '00000000-0000-7000-8000-000000000002') ->> 'points_earned';
-- it comes back, with its offers, without its places
SELECT swipesavvy.update_merchant('00000000-0000-7000-8000-000000000002', '{"is_active": true}') ->> 'is_active', pg_temp.list($$search => 'Rated 2'$$);
SELECT r ->> 'is_active', r ->> 'locations', r ->> 'offers' FROM swipesavvy.get_merchant('00000000-0000-7000-8000-000000000002') r;
SELECT count(*) FILTER (WHERE is_active), count(*) FROM swipesavvy.geofences;
ROLLBACK;
