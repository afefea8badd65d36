-- simulate: what a campaign would have given.

CREATE FUNCTION swipesavvy.simulate_campaign(campaign jsonb, start_date timestamptz, end_date timestamptz) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_simulate_campaign';
COMMENT ON FUNCTION swipesavvy.simulate_campaign(jsonb, timestamptz, timestamptz) IS
    'What a campaign (an object with the arguments of create_campaign) would have given to the purchases of a period, alone and together with those that ran.';
