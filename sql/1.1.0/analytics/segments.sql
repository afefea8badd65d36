-- segments: what a campaign brings among the members of each segment, worked out by a job.

CREATE TABLE swipesavvy.campaign_segments (
    campaign_no integer NOT NULL,
    segment_no integer NOT NULL,
    as_of timestamptz NOT NULL,
    members bigint NOT NULL,
    reached bigint NOT NULL,
    converters bigint NOT NULL,
    conversions bigint NOT NULL,
    revenue numeric(38, 0) NOT NULL,
    cost numeric(38, 0) NOT NULL,
    discount numeric(38, 0) NOT NULL,
    CONSTRAINT campaign_segments_pkey PRIMARY KEY (campaign_no, segment_no)
);
COMMENT ON TABLE swipesavvy.campaign_segments IS 'What each campaign brought among those who were members of each segment at as_of; money in minor units.';
COMMENT ON COLUMN swipesavvy.campaign_segments.segment_no IS '0: users who were in no segment; each campaign that was worked out has this row.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_segments', '');

CREATE FUNCTION swipesavvy.get_campaign_segments(campaign_id text) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_campaign_segments';
COMMENT ON FUNCTION swipesavvy.get_campaign_segments(text) IS
    'What a campaign brought among the members of each segment, by those who were members at as_of, when the job last ran.';

CREATE FUNCTION swipesavvy.refresh_campaign_segments(campaign_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_campaign_segments';
COMMENT ON FUNCTION swipesavvy.refresh_campaign_segments(text) IS
    'Works the figures by segment of a campaign out anew, or, for a job, those of all campaigns that are due.';
