-- Ratings of merchants: who may rate, what comes of it, the average, moderation, reviews, erasure; each error that a caller can cause.
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
    RETURN result - '{created_at,updated_at,moderated_at,merchant_id,review_id,user_id}'::text[];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || regexp_replace(detail, '"01[0-9a-f-]{34}"', '(its id)');
END
$$;
\set cafe '\'00000000-0000-7000-8000-00000000cafe\''
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => :cafe) ->> 'name', swipesavvy.create_merchant('Shop', 'Services', merchant_id => '00000000-0000-7000-8000-000000005409') ->> 'name';
SELECT count(swipesavvy.create_user(n || '@example.com', name, user_id => ('00000000-0000-7000-8000-00000000000' || n)::uuid)) FROM (VALUES (1, 'Ada Lovelace'), (2, 'Bob'), (3, 'Sue Ellen Ewing'), (4, '山田 太郎')) v (n, name);
CREATE FUNCTION pg_temp.buy(n int, amount numeric DEFAULT 10, status text DEFAULT 'completed', merchant uuid DEFAULT '00000000-0000-7000-8000-00000000cafe') RETURNS uuid LANGUAGE sql AS $$
    SELECT (swipesavvy.record_transaction(('00000000-0000-7000-8000-00000000000' || n)::uuid, amount, NULL, merchant, status => status) ->> 'transaction_id')::uuid;
$$;
CREATE FUNCTION pg_temp.rate(n int, arguments text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.try(format('rate_merchant(%L, ''00000000-0000-7000-8000-00000000cafe'', %s)', '00000000-0000-7000-8000-00000000000' || n, arguments));
$$;
CREATE FUNCTION pg_temp.reviews(arguments text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    EXECUTE 'SELECT swipesavvy.get_merchant_reviews(''00000000-0000-7000-8000-00000000cafe''' || arguments || ')' INTO result;
    RETURN format('%s of %s %s: ', coalesce(result ->> 'rating', 'none'), result ->> 'rating_count', result ->> 'histogram')
        || coalesce((SELECT string_agg(concat_ws(' ', r ->> 'rating', r ->> 'author', coalesce(r ->> 'comment', 'without')), ', ') FROM jsonb_array_elements(result -> 'reviews') r), 'nothing')
        || format(' of %s%s', result ->> 'total', CASE WHEN result ->> 'next_cursor' IS NOT NULL THEN ' and more' END);
END
$$;
CREATE FUNCTION pg_temp.review(n int) RETURNS text LANGUAGE sql AS $$ SELECT quote_literal(review_id) FROM swipesavvy.merchant_reviews WHERE user_id = ('00000000-0000-7000-8000-00000000000' || n)::uuid $$;

-- who has bought nothing there, or given it all back, may not rate
SELECT pg_temp.reviews();
SELECT pg_temp.rate(1, '5');
SELECT pg_temp.buy(1, status => 'pending') IS NOT NULL, pg_temp.buy(1, 0) IS NOT NULL, pg_temp.buy(1, merchant => '00000000-0000-7000-8000-000000005409') IS NOT NULL, pg_temp.buy(1, status => 'failed') IS NOT NULL;
SELECT pg_temp.rate(1, '5');
SELECT pg_temp.buy(1) AS bought \gset
SELECT swipesavvy.refund_transaction(:'bought', 9.99) ->> 'refunded';
SELECT pg_temp.rate(1, '5');
SELECT swipesavvy.refund_transaction(:'bought') ->> 'refunded';
SELECT pg_temp.rate(1, '4');
SELECT count(pg_temp.buy(n)) FROM generate_series(1, 4) n;
-- 5, 5, 4 with five of 3.00: 29 / 8
SELECT pg_temp.rate(2, '5'), pg_temp.rate(3, '4');
SELECT pg_temp.reviews();
-- again replaces; created_at stays
SELECT pg_temp.rate(3, '1'), pg_temp.rate(3, '4');
SELECT count(*) FILTER (WHERE created_at <= updated_at), count(*), count(DISTINCT review_id) FROM swipesavvy.merchant_reviews;
SELECT r ?& '{merchant_id,rating,comment_status,created_at,updated_at,merchant}', (SELECT count(*) FROM jsonb_object_keys(r)) FROM swipesavvy.rate_merchant('00000000-0000-7000-8000-000000000003', :cafe, 4) r;
-- what is no rating
SELECT pg_temp.try(format('rate_merchant(%s)', a)) FROM (VALUES ($$NULL, '00000000-0000-7000-8000-00000000cafe', 5$$), ($$'00000000-0000-7000-8000-000000000001', NULL, 5$$),
    ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000cafe', NULL$$), ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000cafe', 0$$),
    ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000cafe', 6$$), ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000cafe', 5, ' '$$),
    ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000cafe', 5, repeat('x', 2001)$$), ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000dead', 5$$),
    ($$'00000000-0000-7000-8000-00000000dead', '00000000-0000-7000-8000-00000000cafe', 5$$)) v (a);

-- a comment is shown once it is approved; an edit waits again, the same words do not
SELECT pg_temp.rate(1, $$5, 'Good'$$), pg_temp.rate(2, $$5, 'Very good'$$), pg_temp.rate(4, $$2, E'Slow\nand loud'$$);
SELECT pg_temp.reviews();
SELECT jsonb_path_query_array(r, '$.reviews[*].comment'), r ->> 'total', r -> 'reviews' -> 0 ->> 'merchant' FROM swipesavvy.list_reviews_to_moderate() r;
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(n))) FROM generate_series(1, 2) n;
SELECT pg_temp.try(format('moderate_review(%s, ''rejected'', ''Rude'')', pg_temp.review(4)));
SELECT pg_temp.reviews();
SELECT pg_temp.rate(2, $$4, 'Very good'$$), pg_temp.rate(4, $$2, E'Slow\nand loud'$$), pg_temp.rate(1, $$5, 'Really good'$$);
SELECT pg_temp.reviews();
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(1)));
SELECT pg_temp.reviews(', 1'), pg_temp.reviews(format(', 1, %s', pg_temp.review(2))), pg_temp.reviews(format(', 5, %s', pg_temp.review(1)));
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(4)));
SELECT pg_temp.reviews();
-- what is removed does not count, and its author cannot put it back
SELECT pg_temp.try(format('moderate_review(%s, ''removed'', ''Bought reviews'')', pg_temp.review(4)));
SELECT pg_temp.try(format('moderate_review(%s, ''removed'', ''Bought reviews, again'')', pg_temp.review(4)))::jsonb -> 'merchant';
SELECT pg_temp.rate(4, '1');
SELECT pg_temp.reviews();
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(4)));
-- without a comment there is the rating alone to remove
SELECT pg_temp.rate(3, '4');
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(3)));
SELECT pg_temp.try(format('moderate_review(%s, ''rejected'')', pg_temp.review(3)));
SELECT pg_temp.try(format('moderate_review(%s, ''removed'')', pg_temp.review(3)));
SELECT pg_temp.try(format('moderate_review(%s, ''approved'')', pg_temp.review(3)));
-- the author takes a comment away, or the whole rating
SELECT pg_temp.rate(4, '2');
SELECT pg_temp.reviews();
SELECT pg_temp.try(format('delete_rating(%L, %L)', '00000000-0000-7000-8000-000000000004', :cafe)), pg_temp.try(format('delete_rating(%L, %L)', '00000000-0000-7000-8000-000000000004', :cafe));
SELECT pg_temp.reviews();
SELECT pg_temp.try(format('delete_rating(%s)', a)) FROM (VALUES ('NULL, NULL'), ($$'00000000-0000-7000-8000-000000000001', NULL$$), ($$'00000000-0000-7000-8000-00000000dead', '00000000-0000-7000-8000-00000000cafe'$$),
    ($$'00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000dead'$$)) v (a);
SELECT pg_temp.try(format('moderate_review(%s)', a)) FROM (VALUES ($$NULL, 'approved'$$), ($$'00000000-0000-7000-8000-00000000dead', 'approved'$$), (pg_temp.review(1) || $$, NULL$$), (pg_temp.review(1) || $$, 'pending'$$),
    (pg_temp.review(1) || $$, 'approved', repeat('x', 4001)$$)) v (a);
SELECT pg_temp.try(format('get_merchant_reviews(%s)', a)) FROM (VALUES ('NULL'), ($$'00000000-0000-7000-8000-00000000dead'$$), ($$'00000000-0000-7000-8000-00000000cafe', 0$$), ($$'00000000-0000-7000-8000-00000000cafe', after => 'x'$$)) v (a);
SELECT pg_temp.try(format('list_reviews_to_moderate(%s)', a)) FROM (VALUES ('101'), ($$after => 'x'$$)) v (a);

-- without moderation comments are shown at once, those too that wait and are sent again
SELECT pg_temp.rate(4, $$2, 'Waits'$$);
SELECT swipesavvy.update_system_settings('{"review_moderation": false}') -> 'updated_settings' -> 'review_moderation';
SELECT pg_temp.rate(3, $$4, 'At once'$$), pg_temp.rate(4, $$2, 'Waits'$$);
SELECT pg_temp.reviews();

-- the prior: the mean of all ratings since it was worked out, 3.00 before; weighed as the setting says
SELECT swipesavvy.refresh_rating_prior() - 'refreshed_at';
SELECT pg_temp.reviews();
SELECT pg_temp.rate(1, '1')::jsonb -> 'merchant', mean_hundredths FROM swipesavvy.rating_prior;
SELECT count(swipesavvy.update_system_settings('{"rating_prior_weight": 0}')), pg_temp.reviews();
SELECT count(swipesavvy.update_system_settings('{"rating_prior_weight": 1000}')), pg_temp.reviews();
SELECT pg_temp.try($$update_system_settings('{"rating_prior_weight": 1001}')$$);
SELECT swipesavvy.rating_average(s, n, w, m) FROM (VALUES (14, 3, 5, 300), (0, 0, 5, 300), (9, 2, 0, 300), (1, 1, 0, 0), (5, 8, 0, 100), (13, 8, 0, 100), (9000000000000000000, 1800000000000000000, 5, 300)) v (s, n, w, m);
SELECT * FROM swipesavvy.merchant_rating_averages;

-- erasing somebody leaves the rating, and of a comment that was shown its place
SELECT swipesavvy.rate_merchant('00000000-0000-7000-8000-000000000002', :cafe, 4, 'Shown') ->> 'comment_status', swipesavvy.update_system_settings('{"review_moderation": true}') IS NOT NULL;
SELECT pg_temp.rate(3, $$3, 'Waits'$$);
SELECT jsonb_path_query_array(swipesavvy.export_user_data('00000000-0000-7000-8000-000000000002'), '$.reviews[*].comment');
SELECT count(swipesavvy.erase_user(('00000000-0000-7000-8000-00000000000' || n)::uuid)) FROM generate_series(2, 3) n;
SELECT pg_temp.reviews();
SELECT user_id, rating, comment, comment_status FROM swipesavvy.merchant_reviews ORDER BY 1;
SELECT pg_temp.rate(2, '1');
SELECT count(*) FROM swipesavvy.audit_logs WHERE user_id = '00000000-0000-7000-8000-000000000002' AND resource = 'review' AND details IS NOT NULL;
-- the sums are those of the rows
SELECT r.rating_sum = s.sum AND r.rating_count = s.count FROM swipesavvy.merchant_ratings r
  JOIN (SELECT merchant_id, sum(rating), count(*) FROM swipesavvy.merchant_reviews WHERE comment_status IS DISTINCT FROM 'removed' GROUP BY 1) s USING (merchant_id);
ROLLBACK;
