-- plan: how large an A/B test has to be.

CREATE FUNCTION swipesavvy.plan_ab_test(
    baseline numeric,
    minimum_effect_size numeric,
    confidence_level numeric DEFAULT 0.95,
    power numeric DEFAULT 0.80,
    weights numeric[] DEFAULT NULL,
    sequential boolean DEFAULT true,
    deviation numeric DEFAULT NULL,
    per_day bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_plan_ab_test';
COMMENT ON FUNCTION swipesavvy.plan_ab_test(numeric, numeric, numeric, numeric, numeric[], boolean, numeric, bigint) IS
    'How many users a test needs to find a relative effect over the baseline: a share of users, or with a standard deviation a mean. What weights '
    'lack to 1 is a hold-out; days are those that per_day users take.';
