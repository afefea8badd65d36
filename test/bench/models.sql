-- 100 users with 45 purchases of a year, four with 5,000, at 500 merchants; a campaign that was shown to all, and a version of each model. Its weights are
-- made up: how long an answer takes does not depend on them.
\set ON_ERROR_STOP on
CREATE EXTENSION swipesavvy CASCADE;
CREATE SCHEMA bench;
CREATE FUNCTION bench.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c000000040008' || (1000000000000000000 + n))::uuid;

SELECT count(swipesavvy.create_merchant('Merchant ' || n, mcc => CASE n % 20 WHEN 0 THEN '5912' WHEN 1 THEN '5812' ELSE '5411' END, merchant_id => bench.id(n))) FROM generate_series(1, 500) n;
SELECT count(swipesavvy.create_user(format('user%s@example.com', n), 'User', user_id => bench.id(n))) FROM generate_series(1, 104) n;
SELECT setseed(0.5);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at, merchant_id)
SELECT bench.id(n), 100 + (random() * 5000)::int, now() - random() * interval '360 days', bench.id(1 + floor(random() * 500)::int)
  FROM generate_series(1, 104) n CROSS JOIN LATERAL generate_series(1, CASE WHEN n > 100 THEN 5000 ELSE 45 END);
SELECT swipesavvy.create_campaign(campaign_id => 'shown', name => 'Shown', campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, start_date => now(), target_merchant_id => bench.id(7));
SELECT swipesavvy.launch_campaign('shown');
INSERT INTO swipesavvy.campaign_events (user_id, campaign_no, kind, occurred_at)
SELECT bench.id(n), campaign_no, 'view', now() - i * interval '9 days' FROM generate_series(1, 104) n, generate_series(1, 10) i, swipesavvy.campaigns;
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, trained_at, train_examples, test_examples, train_positives, test_positives, lambda, platt_a, platt_b, threshold)
SELECT model, 1, 'active', now(), 1, now(), 1000, 300, 300, 100, 0.001, -1, 0, 0.4 FROM unnest('{churn,conversion,offer}'::text[]) model;
INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight)
SELECT model, 1, i, 'feature ' || i, CASE WHEN i > 0 THEN 0.5 END, CASE WHEN i > 0 THEN 1 END, 0.1 FROM (VALUES ('churn', 14), ('conversion', 33), ('offer', 39)) v (model, n), generate_series(0, n) i;
VACUUM ANALYZE;
