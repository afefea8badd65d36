-- geofences: where users arrive, stay and leave, and what is kept of it: the last position of each user who has agreed, and visits; no track.

CREATE TABLE swipesavvy.geofences (
    geofence_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    name text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    lat_e7 integer,
    lon_e7 integer,
    radius_mm integer,
    polygon jsonb,
    shape integer[],
    merchant_id uuid,
    location_id uuid,
    campaign_no integer,
    dwell_seconds integer NOT NULL DEFAULT 300,
    max_accuracy_meters integer NOT NULL DEFAULT 100,
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT geofences_pkey PRIMARY KEY (geofence_id),
    CONSTRAINT a_fence_is_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT a_fence_is_at_a_location FOREIGN KEY (location_id) REFERENCES swipesavvy.merchant_locations,
    CONSTRAINT a_fence_triggers_a_campaign FOREIGN KEY (campaign_no) REFERENCES swipesavvy.campaigns,
    CONSTRAINT a_fence_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT a_fence_is_a_circle_or_a_polygon CHECK (CASE WHEN polygon IS NULL
        THEN lat_e7 BETWEEN -900000000 AND 900000000 AND lon_e7 BETWEEN -1800000000 AND 1799999999 AND radius_mm BETWEEN 20000 AND 100000000 AND shape IS NULL
             AND lat_e7 IS NOT NULL AND lon_e7 IS NOT NULL AND radius_mm IS NOT NULL
        ELSE lat_e7 IS NULL AND lon_e7 IS NULL AND radius_mm IS NULL AND shape IS NOT NULL END),
    CONSTRAINT a_fence_waits_for_at_most_a_day CHECK (dwell_seconds BETWEEN 0 AND 86400),
    CONSTRAINT a_fence_takes_a_known_accuracy CHECK (max_accuracy_meters BETWEEN 1 AND 5000),
    CONSTRAINT a_fence_ends_after_it_starts CHECK (ends_at > starts_at)
);
COMMENT ON TABLE swipesavvy.geofences IS 'Fences on earth: circles and polygons.';
COMMENT ON COLUMN swipesavvy.geofences.is_active IS 'False: deleted, or its merchant is not active any more.';
COMMENT ON COLUMN swipesavvy.geofences.polygon IS 'The GeoJSON that it was made of; null for a circle.';
COMMENT ON COLUMN swipesavvy.geofences.shape IS 'The same as it is measured: for each ring part, 1 for an outer one, number of vertices, and latitude and longitude of each in ten-millionths of a degree.';
COMMENT ON COLUMN swipesavvy.geofences.dwell_seconds IS 'How long a user must have been inside for the visit to count as a stay.';
CREATE INDEX geofences_merchant_id ON swipesavvy.geofences (merchant_id) WHERE merchant_id IS NOT NULL;
CREATE INDEX geofences_location_id ON swipesavvy.geofences (location_id) WHERE location_id IS NOT NULL;
CREATE INDEX geofences_campaign_no ON swipesavvy.geofences (campaign_no) WHERE campaign_no IS NOT NULL;

DO $$
DECLARE
    cubes name;
BEGIN
    SELECT n.nspname INTO STRICT cubes
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'cube';
    EXECUTE format('ALTER TABLE swipesavvy.geofences ADD COLUMN bounds %I.cube NOT NULL', cubes);
    EXECUTE format('CREATE FUNCTION swipesavvy.place_box(x double precision, y double precision, z double precision, side double precision) RETURNS %1$I.cube
                        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %1$I.cube(ARRAY[x - side, y - side, z - side], ARRAY[x + side, y + side, z + side])', cubes);
    EXECUTE format('CREATE FUNCTION swipesavvy.geofences_near(x double precision, y double precision, z double precision, side double precision)
                        RETURNS SETOF swipesavvy.geofences
                        LANGUAGE sql STABLE PARALLEL SAFE
                        BEGIN ATOMIC
                            SELECT * FROM swipesavvy.geofences f
                             WHERE f.is_active AND f.bounds OPERATOR(%1$I.&&) %1$I.cube(ARRAY[x - side, y - side, z - side], ARRAY[x + side, y + side, z + side]);
                        END', cubes);
END
$$;
COMMENT ON COLUMN swipesavvy.geofences.bounds IS 'A box in metres from the centre of the earth that holds the fence: what is indexed.';
COMMENT ON FUNCTION swipesavvy.place_box(double precision, double precision, double precision, double precision) IS
    'A box around a point, as the index of fences has it; for the library.';
COMMENT ON FUNCTION swipesavvy.geofences_near(double precision, double precision, double precision, double precision) IS
    'The fences whose bounds meet a box around a point; for the library.';
CREATE INDEX geofences_bounds ON swipesavvy.geofences USING gist (bounds swipesavvy.place_ops) WHERE is_active;

CREATE TABLE swipesavvy.location_consents (
    user_id uuid NOT NULL,
    consent boolean NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT location_consents_pkey PRIMARY KEY (user_id),
    CONSTRAINT a_consent_is_a_users FOREIGN KEY (user_id) REFERENCES swipesavvy.users
);
COMMENT ON TABLE swipesavvy.location_consents IS 'Which users have agreed to reports of where they are, and which have taken that back.';

CREATE TABLE swipesavvy.user_positions (
    user_id uuid NOT NULL,
    occurred_at timestamptz,
    lat_e7 integer,
    lon_e7 integer,
    accuracy_mm integer,
    CONSTRAINT user_positions_pkey PRIMARY KEY (user_id),
    CONSTRAINT a_position_is_whole_or_none CHECK ((lat_e7 IS NULL) = (lon_e7 IS NULL) AND (lat_e7 IS NULL) = (accuracy_mm IS NULL) AND (lat_e7 IS NULL OR occurred_at IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE swipesavvy.user_positions IS 'The last report of each user who has agreed to them; empty before the first one and after a time. Its row is what reports of one user wait for.';
COMMENT ON COLUMN swipesavvy.user_positions.occurred_at IS 'When that was: known for a day, also where the place is not kept so long, as a report from before it comes too late.';

CREATE TABLE swipesavvy.geofence_states (
    user_id uuid NOT NULL,
    geofence_id uuid NOT NULL,
    inside boolean NOT NULL,
    entered_at timestamptz NOT NULL,
    last_in_at timestamptz NOT NULL,
    leaving_at timestamptz,
    dwelt_at timestamptz,
    exited_at timestamptz,
    CONSTRAINT geofence_states_pkey PRIMARY KEY (user_id, geofence_id),
    CONSTRAINT who_is_inside_has_not_left CHECK (inside = (exited_at IS NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE swipesavvy.geofence_states IS 'Of each user and fence the present visit, or the last one.';
COMMENT ON COLUMN swipesavvy.geofence_states.leaving_at IS 'Since when reports say outside, but not yet for certain.';

CREATE TABLE swipesavvy.geofence_visits (
    user_id uuid NOT NULL,
    geofence_id uuid NOT NULL,
    entered_at timestamptz NOT NULL,
    dwelt_at timestamptz,
    exited_at timestamptz,
    CONSTRAINT geofence_visits_pkey PRIMARY KEY (user_id, geofence_id, entered_at)
);
COMMENT ON TABLE swipesavvy.geofence_visits IS 'Visits of users to fences.';
CREATE INDEX geofence_visits_geofence_id ON swipesavvy.geofence_visits (geofence_id, entered_at);
CREATE INDEX geofence_visits_entered_at ON swipesavvy.geofence_visits USING brin (entered_at);

CREATE TABLE swipesavvy.geofence_triggers (
    user_id uuid NOT NULL,
    campaign_no integer NOT NULL,
    triggered_at timestamptz NOT NULL,
    CONSTRAINT geofence_triggers_pkey PRIMARY KEY (user_id, campaign_no)
);
COMMENT ON TABLE swipesavvy.geofence_triggers IS 'When a stay last triggered a campaign for a user.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.geofences', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.location_consents', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.user_positions', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.geofence_states', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.geofence_visits', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.geofence_triggers', '');

INSERT INTO swipesavvy.system_settings (setting, value, value_type, minimum, maximum, nullable, description, is_seed) VALUES
    ('position_retention_hours', '24', 'int', 1, 720, false, 'How long the last position of a user is kept', true),
    ('visit_retention_days', '90', 'int', 1, 3650, false, 'How long visits to fences are kept', true);

CREATE FUNCTION swipesavvy.create_geofence(
    name text,
    latitude double precision DEFAULT NULL,
    longitude double precision DEFAULT NULL,
    radius_meters numeric DEFAULT NULL,
    polygon jsonb DEFAULT NULL,
    merchant_id uuid DEFAULT NULL,
    location_id uuid DEFAULT NULL,
    campaign_id text DEFAULT NULL,
    dwell_seconds integer DEFAULT 300,
    max_accuracy_meters integer DEFAULT 100,
    starts_at timestamptz DEFAULT NULL,
    ends_at timestamptz DEFAULT NULL,
    geofence_id uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_geofence';
COMMENT ON FUNCTION swipesavvy.create_geofence(text, double precision, double precision, numeric, jsonb, uuid, uuid, text, integer, integer, timestamptz, timestamptz, uuid) IS
    'Creates a fence: a circle, around a location if that is named, or a GeoJSON polygon.';

CREATE FUNCTION swipesavvy.update_geofence(geofence_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_geofence';
COMMENT ON FUNCTION swipesavvy.update_geofence(uuid, jsonb) IS
    'Changes what create_geofence took; null takes polygon, references and dates away.';

CREATE FUNCTION swipesavvy.delete_geofence(geofence_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_geofence';
COMMENT ON FUNCTION swipesavvy.delete_geofence(uuid) IS
    'Puts a fence out of force for good; visits stay.';

CREATE FUNCTION swipesavvy.list_geofences(
    merchant_id uuid DEFAULT NULL,
    latitude double precision DEFAULT NULL,
    longitude double precision DEFAULT NULL,
    radius_meters numeric DEFAULT NULL,
    page_size integer DEFAULT 20,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_geofences';
COMMENT ON FUNCTION swipesavvy.list_geofences(uuid, double precision, double precision, numeric, integer, text) IS
    'The fences in force; with coordinates those within a radius (5,000 m), nearest edge first.';

CREATE FUNCTION swipesavvy.set_location_consent(user_id uuid, consent boolean) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_set_location_consent';
COMMENT ON FUNCTION swipesavvy.set_location_consent(uuid, boolean) IS
    'A user agrees to be located, or takes that back: then position, states and visits are deleted at once.';

CREATE FUNCTION swipesavvy.report_location(
    user_id uuid,
    latitude double precision,
    longitude double precision,
    accuracy_meters numeric DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_report_location';
COMMENT ON FUNCTION swipesavvy.report_location(uuid, double precision, double precision, numeric, timestamptz) IS
    'A user who has agreed to it is somewhere: which fences that enters, stays in or leaves, and which campaigns it triggers.';

CREATE FUNCTION swipesavvy.close_geofence_visits() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_close_geofence_visits';
COMMENT ON FUNCTION swipesavvy.close_geofence_visits() IS
    'Ends the visits of users who have not been heard of for half an hour.';

CREATE FUNCTION swipesavvy.apply_location_retention() RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_apply_location_retention';
COMMENT ON FUNCTION swipesavvy.apply_location_retention() IS
    'Drops positions and visits that are older than position_retention_hours and visit_retention_days.';
