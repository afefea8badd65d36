-- The search of each list: accents, case, composition and width of letters do not count; wildcards are letters; and an index has it.
\set VERBOSITY terse
BEGIN;
SELECT u ->> 'email' AS email FROM swipesavvy.create_user('Searched@searches.test', U&'Ze\0301line \0141ukasz 50%') u;
SELECT m ->> 'category' AS category FROM swipesavvy.create_merchant(U&'Caf\00E9 Ze\0301line \0141ukasz 50%', 'Services') m;
SELECT c ->> 'status' AS status FROM swipesavvy.create_campaign(U&'Bient\00F4t Z\00E9line \0141ukasz 50%', 'SEASONAL', NULL, 'OTHER', '2020-01-01') c;
CREATE FUNCTION pg_temp.found(search text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', swipesavvy.list_users(search => search) ->> 'total', swipesavvy.list_merchants(search => search) ->> 'total', swipesavvy.list_campaigns(search => search) ->> 'total') $$;
SELECT what, pg_temp.found(search) AS users_merchants_campaigns FROM (VALUES
    (1, 'as it is', U&'Z\00E9line'), (2, 'decomposed', U&'Ze\0301line'), (3, 'without the accent', 'zeline'), (4, 'in capitals', U&'Z\00C9LINE'), (5, 'in wide letters', U&'\FF3A\FF25\FF2C\FF29\FF2E\FF25'),
    (6, 'with another accent', U&'Z\00EAline'), (7, 'without the stroke', 'lukasz 50%'), (8, 'a wildcard', 'Z_line'), (9, 'another', 'zel%asz'), (10, 'a percent sign', '50%'), (11, 'an accent alone', U&'\0301'), (12, 'too short for the index', U&'\00E9l')) v (n, what, search) ORDER BY n;
SELECT swipesavvy.list_users(search => 'SEARCHED@') ->> 'total' AS by_address;

-- among many, the index is asked
INSERT INTO swipesavvy.users (email, name) SELECT n || '@searches.test', md5(n::text) FROM generate_series(1, 3000) n;
INSERT INTO swipesavvy.merchants (name, category) SELECT md5(n::text), 'Services' FROM generate_series(1, 3000) n;
ANALYZE swipesavvy.users, swipesavvy.merchants;
SELECT gin_clean_pending_list(i::regclass) > 0 AS cleaned FROM unnest('{swipesavvy.users_name_trgm,swipesavvy.merchants_name_trgm}'::text[]) i;
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.has_index(query text, index text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan text;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan LIKE '%"' || index || '"%';
END
$$;
SELECT pg_temp.has_index($$SELECT FROM swipesavvy.users u WHERE swipesavvy.search_key(u.name || E'\n' || u.email) LIKE '%zel%ine%'$$, 'users_name_trgm') AS users,
       pg_temp.has_index($$SELECT FROM swipesavvy.merchants WHERE swipesavvy.search_key(name) LIKE '%zeline%'$$, 'merchants_name_trgm') AS merchants,
       pg_temp.has_index($$SELECT FROM swipesavvy.users u WHERE swipesavvy.email_key(u.email) = swipesavvy.email_key('x')$$, 'an_email_is_used_once') AS addresses;
SELECT count(*) AS by_search_keys FROM pg_indexes WHERE schemaname = 'swipesavvy' AND indexdef ~ 'USING gin \(swipesavvy\.search_key\(.*gin_trgm_ops';
ROLLBACK;
