-- events: impressions, views, clicks and conversions of campaigns, appended and counted when read.

CREATE TABLE swipesavvy.campaign_events (
    user_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    event_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    campaign_no integer NOT NULL,
    kind text NOT NULL,
    value numeric,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT campaign_events_pkey PRIMARY KEY (user_id, event_id),
    CONSTRAINT an_event_belongs_to_a_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    CONSTRAINT an_event_has_a_known_kind CHECK (kind IN ('impression', 'view', 'click', 'conversion'))
);
COMMENT ON TABLE swipesavvy.campaign_events IS
    'Events of campaigns from outside; the conversions that the engine makes are the rows of campaign_redemptions.';
COMMENT ON COLUMN swipesavvy.campaign_events.user_id IS
    'Whose event it is; the nil UUID of nobody in particular, so that the key has it. No foreign key: users are never deleted.';
COMMENT ON COLUMN swipesavvy.campaign_events.value IS 'What the event was worth, as the caller said it.';
CREATE INDEX campaign_events_campaign ON swipesavvy.campaign_events (campaign_no, kind, occurred_at);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.campaign_events', '');

CREATE FUNCTION swipesavvy.track_event(
    campaign_id text,
    kind text,
    user_id uuid DEFAULT NULL,
    value numeric DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    event_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_track_event';
COMMENT ON FUNCTION swipesavvy.track_event(text, text, uuid, numeric, timestamptz, uuid) IS
    'Records an impression, view, click or conversion of a campaign. A customer''s events are its own, of campaigns that run for '
    'it, and no conversions; value is what the event was worth, with at most four decimal places; occurred_at is now unless given. '
    'A second call with the same event_id for the same user records nothing.';
