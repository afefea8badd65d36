-- events: impressions, views, clicks and conversions of campaigns, appended and counted when read.

CREATE TABLE swipesavvy.campaign_events (
    event_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    campaign_no integer NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    value numeric,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT campaign_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT an_event_belongs_to_a_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    CONSTRAINT an_event_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT an_event_has_a_known_kind CHECK (kind IN ('impression', 'view', 'click', 'conversion'))
);
COMMENT ON TABLE swipesavvy.campaign_events IS
    'Events of campaigns from outside; the conversions that the engine makes are the rows of campaign_redemptions.';
COMMENT ON COLUMN swipesavvy.campaign_events.value IS 'What the event was worth, as the caller said it.';
CREATE INDEX campaign_events_campaign ON swipesavvy.campaign_events (campaign_no, kind, occurred_at);
CREATE INDEX campaign_events_user_id ON swipesavvy.campaign_events (user_id) WHERE user_id IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_events', '');

CREATE FUNCTION swipesavvy.track_event(
    campaign_id text,
    kind text,
    user_id uuid DEFAULT NULL,
    value numeric DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_track_event';
COMMENT ON FUNCTION swipesavvy.track_event(text, text, uuid, numeric, timestamptz) IS
    'Records an impression, view, click or conversion of a campaign. A customer''s events are its own; value is what the event '
    'was worth, with at most four decimal places; occurred_at is now unless given.';
