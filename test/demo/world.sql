-- The programme the purchases run through: settings, merchants, users, boosts and a segment.
-- :first is how many purchases (in order) will be loaded; only their customers become users.
ANALYZE demo.log;
SELECT swipesavvy.update_system_settings('{"earn_rate": 10}');

SELECT count(swipesavvy.create_merchant(name, category, mcc, merchant_id => demo.merchant_id(merchant_no)))
FROM (SELECT * FROM demo.merchants ORDER BY merchant_no) AS m;

SELECT count(swipesavvy.create_user(email => format('customer%s@example.com', customer_id),
                                    name => format('Customer %s', customer_id),
                                    user_id => demo.user_id(customer_id)))
FROM (SELECT DISTINCT customer_id
      FROM (SELECT customer_id FROM demo.log ORDER BY purchase_date, line_no LIMIT :first) AS loaded
      ORDER BY customer_id) AS customers;

-- Boosts: one with every category for every third customer, one at the pictures for every fourth.
SELECT swipesavvy.create_boost('Holiday double points', 2.0, NULL, '1997-11-27 00:00+00', '1998-01-01 00:00+00',
                               'd0000000-0000-4000-8000-000000000001');
SELECT swipesavvy.create_boost('New year at the pictures', 1.5, 'Entertainment', '1997-01-01 00:00+00', '1997-02-01 00:00+00',
                               'd0000000-0000-4000-8000-000000000002');
SELECT count(swipesavvy.activate_boost(u.user_id, b.boost_id::uuid))
FROM (VALUES ('d0000000-0000-4000-8000-000000000001', 3), ('d0000000-0000-4000-8000-000000000002', 4)) AS b(boost_id, every)
JOIN (SELECT user_id, right(user_id::text, 12)::int AS customer_id FROM swipesavvy.users) AS u ON u.customer_id % b.every = 0;

-- Segment: whoever was there in the first week.
SELECT swipesavvy.create_segment('founders', 'bought in the first week of 1997');
SELECT swipesavvy.add_segment_members('founders', (
    SELECT array_agg(DISTINCT demo.user_id(customer_id)) FROM demo.log
    WHERE purchase_date < '1997-01-08' AND demo.user_id(customer_id) IN (SELECT user_id FROM swipesavvy.users)));
ANALYZE;
