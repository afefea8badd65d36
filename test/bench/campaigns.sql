-- :campaigns running campaigns, of which every purchase has as many candidates however many there are (4.25 on average):
-- that of its merchant, those of the user's two segments, the one for everybody, and in two categories of eight that of
-- the category. It is awarded 1.65 of them on average: one that excludes others, and those that stack.
-- Campaign n for n <= :at_merchants is that of merchant n; then come :at_segments of segments.
\set ON_ERROR_STOP on
SELECT round((:campaigns - 3) * 4 / 7.0)::int AS at_merchants \gset
SELECT :campaigns - 3 - :at_merchants AS at_segments \gset

SELECT count(swipesavvy.create_segment(format('segment %s', n))) FROM generate_series(1, :at_segments) AS n;
INSERT INTO swipesavvy.segment_members (user_id, segment_no)
SELECT bench.user_id(n), (n % :at_segments + place) % :at_segments + 1
FROM generate_series(1, :users) AS n,
LATERAL (VALUES (0), (1 + n / :at_segments % (:at_segments - 1))) AS p(place);

-- As a rule a campaign has a budget: here those of merchants, 80 % of all purchases' awards that exclude others.
SELECT count(swipesavvy.create_campaign(format('Merchant %s', n), 'LOCATION_DEAL', 5 + n % 11, 'PERCENTAGE', now() - interval '2 years',
           target_merchant_id => bench.merchant_id(n), min_spend => 20, max_discount => 5, points_multiplier => 1.5,
           budget => 1000000000, priority => 10, campaign_id => format('MERCHANT-%s', n)))
FROM generate_series(1, :at_merchants) AS n;
SELECT count(swipesavvy.create_campaign(format('Segment %s', n), 'EMAIL_OFFER', NULL, 'OTHER', now() - interval '2 years',
           target_segment => format('segment %s', n), min_spend => 80, bonus_points => 25, stackable => true,
           campaign_id => format('SEGMENT-%s', n)))
FROM generate_series(1, :at_segments) AS n;
SELECT count(swipesavvy.create_campaign(format('Category %s', category_no), 'LOYALTY_BOOST', NULL, 'OTHER', now() - interval '2 years',
           target_category => category, points_multiplier => 2, stackable => true, per_user_limit => 100,
           campaign_id => format('CATEGORY-%s', category_no)))
FROM swipesavvy.merchant_categories WHERE category_no IN (3, 7);
SELECT swipesavvy.create_campaign('Everybody', 'SEASONAL', 0.5, 'FIXED_DISCOUNT', now() - interval '2 years', campaign_id => 'EVERYBODY');

-- At once: launch_campaign one by one would compile the rules ten thousand times.
UPDATE swipesavvy.campaigns SET status = 'running', launched_at = now();
VACUUM ANALYZE;
