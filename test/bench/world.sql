-- The programme without its campaigns: :users users, :merchants merchants in eight categories, a boost for every fourth user.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
CREATE SCHEMA bench;

-- pgbench makes numbers only: 13 fixed digits and a number of 19 make a UUID.
CREATE FUNCTION bench.user_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;
CREATE FUNCTION bench.merchant_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('b000000040008' || (1000000000000000000 + n))::uuid;

SELECT swipesavvy.update_system_settings('{"earn_rate": 10}');
SELECT count(swipesavvy.create_user(email => format('user%s@example.com', n), name => format('User %s', n), user_id => bench.user_id(n)))
FROM generate_series(1, :users) AS n;
SELECT count(swipesavvy.create_merchant(name => format('Merchant %s', n), merchant_id => bench.merchant_id(n), category =>
           (SELECT category FROM swipesavvy.merchant_categories WHERE category_no = n % 8 + 1)))
FROM generate_series(1, :merchants) AS n;

SELECT swipesavvy.create_boost('Half as much again', 1.5, (SELECT category FROM swipesavvy.merchant_categories WHERE category_no = 3),
                               now() - interval '2 years', now() + interval '1 year') ->> 'boost_id' AS boost \gset
SELECT count(swipesavvy.activate_boost(bench.user_id(n), :'boost')) FROM generate_series(4, :users, 4) AS n;
VACUUM ANALYZE;
