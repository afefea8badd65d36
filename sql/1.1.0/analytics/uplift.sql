-- uplift: what campaigns have added to what people spend, by those who are held out; sums that a job adds up.

CREATE TABLE swipesavvy.campaign_uplift (
    campaign_no integer NOT NULL,
    scope text COLLATE "C" NOT NULL,
    as_of timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    control_share integer NOT NULL,
    exposed_share integer NOT NULL,
    excluded_users bigint NOT NULL,
    cost_minor numeric(38, 0) NOT NULL,
    control_users bigint NOT NULL,
    control_buyers bigint NOT NULL,
    control_s numeric NOT NULL,
    control_q numeric NOT NULL,
    control_s_x numeric NOT NULL,
    control_q_x numeric NOT NULL,
    control_s_yx numeric NOT NULL,
    exposed_users bigint NOT NULL,
    exposed_buyers bigint NOT NULL,
    exposed_s numeric NOT NULL,
    exposed_q numeric NOT NULL,
    exposed_s_x numeric NOT NULL,
    exposed_q_x numeric NOT NULL,
    exposed_s_yx numeric NOT NULL,
    CONSTRAINT campaign_uplift_pkey PRIMARY KEY (campaign_no, scope),
    CONSTRAINT uplift_is_of_the_campaign_or_of_all CHECK (scope IN ('campaign', 'all'))
);
COMMENT ON TABLE swipesavvy.campaign_uplift IS 'What users spent who are held out of a campaign, and who are not: the sums that its uplift is worked out of.';
COMMENT ON COLUMN swipesavvy.campaign_uplift.scope IS 'What counts: purchases that the campaign is aimed at, or all.';
COMMENT ON COLUMN swipesavvy.campaign_uplift.control_share IS 'Users who are always held out, in ten-thousandths.';
COMMENT ON COLUMN swipesavvy.campaign_uplift.exposed_share IS 'Users who never are; the others are in neither arm.';
COMMENT ON COLUMN swipesavvy.campaign_uplift.control_s IS
    'Exact sums over the users of the arm: of what each spent (y) and of its square (q), of what each had spent before (x), of its square, and of y times x; in minor units.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_uplift', '');

CREATE FUNCTION swipesavvy.hold_out_bucket(campaign_id text, user_id uuid) RETURNS integer
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_hold_out_bucket';
COMMENT ON FUNCTION swipesavvy.hold_out_bucket(text, uuid) IS
    'A number from 0 to 9999: the user is held out of the campaign if it is below the hold-out in hundredths of a percent.';

CREATE FUNCTION swipesavvy.get_campaign_uplift(
    campaign_id text,
    scope text DEFAULT 'campaign',
    confidence_level numeric DEFAULT 0.95) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_uplift';
COMMENT ON FUNCTION swipesavvy.get_campaign_uplift(text, text, numeric) IS
    'What a campaign has added to what people spend, by those who are held out of it: at what it is aimed at (campaign), or at everything (all).';

CREATE FUNCTION swipesavvy.refresh_campaign_uplift(campaign_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_campaign_uplift';
COMMENT ON FUNCTION swipesavvy.refresh_campaign_uplift(text) IS
    'Adds up what the uplift of a campaign is worked out of, or, for a job, of all campaigns with a hold-out that run or were over in the last 90 days.';
