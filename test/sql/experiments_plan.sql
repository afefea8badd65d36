-- How large an A/B test has to be: worked out elsewhere, to nine digits; and what is refused.
\set SHOW_CONTEXT never
SET extra_float_digits = -6;
-- plans: shares of users, then a mean; the last ones with two variants, and with a hold-out
SELECT p.*, (r ->> 'T')::float8 AS t, (r ->> 'critical_value')::float8 AS critical, r -> 'required_sample_size' AS required,
       (SELECT string_agg(g ->> 'users', ' ') FROM jsonb_array_elements(r -> 'groups') g) AS groups, r -> 'days' AS days
  FROM (VALUES (0.10, 0.10, 0.95, 0.80, NULL::numeric[], false, NULL::numeric, 1000), (0.10, 0.10, 0.95, 0.80, NULL, true, NULL, NULL),
               (0.05, 0.05, 0.95, 0.80, NULL, false, NULL, NULL), (0.05, 0.05, 0.95, 0.80, NULL, true, NULL, NULL), (0.10, 0.10, 0.90, 0.80, NULL, false, NULL, NULL),
               (0.10, 0.10, 0.99, 0.80, NULL, false, NULL, NULL), (0.10, 0.10, 0.95, 0.90, NULL, false, NULL, NULL), (0.10, 0.10, 0.95, 0.80, '{0.8,0.2}', false, NULL, NULL),
               (0.10, 0.10, 0.95, 0.80, '{0.3334,0.3333,0.3333}', false, NULL, NULL), (0.10, 0.10, 0.95, 0.80, '{0.3334,0.3333,0.3333}', true, NULL, NULL),
               (0.10, 0.10, 0.95, 0.80, '{0.45,0.45}', false, NULL, NULL), (0.10, 0.10, 0.95, 0.80, '{0.45,0.45}', true, NULL, NULL),
               (42, 0.05, 0.95, 0.80, NULL, false, 40, NULL), (42, 0.05, 0.95, 0.80, NULL, true, 40, NULL)) p (baseline, effect, confidence, power, weights, sequential, deviation, per_day),
       swipesavvy.plan_ab_test(baseline, effect, confidence, power, weights, sequential, deviation, per_day) r;
SELECT swipesavvy.plan_ab_test(NULL, 0.1);
SELECT swipesavvy.plan_ab_test(0.95, 0.1);
SELECT swipesavvy.plan_ab_test(0, 0.1);
SELECT swipesavvy.plan_ab_test(-0.1, 0.1);
SELECT swipesavvy.plan_ab_test(0, 0.1, deviation => 3);
-- a mean that is below 0 takes as many as one above
SELECT swipesavvy.plan_ab_test(-42, 0.05, deviation => 40) = swipesavvy.plan_ab_test(42, 0.05, deviation => 40) AS as_above;
SELECT swipesavvy.plan_ab_test(0.1, 0.1, 0.93);
SELECT swipesavvy.plan_ab_test(0.1, 0.1, power => 0.2);
SELECT swipesavvy.plan_ab_test(0.1, 0.1, weights => '{0.9,0.2}');
SELECT swipesavvy.plan_ab_test(0.1, 0.1, weights => '{1}');
SELECT swipesavvy.plan_ab_test(0.1, 0.1, weights => '{0.5,NULL}');
SELECT swipesavvy.plan_ab_test(0.1, 0.1, weights => '{{0.5,0.5},{0.5,0.5}}');
SELECT swipesavvy.plan_ab_test(0.1, 0.1, per_day => 0);
SELECT swipesavvy.plan_ab_test(0.1, 0.1, deviation => 'infinity');
SELECT swipesavvy.plan_ab_test(0.1, 'NaN');
