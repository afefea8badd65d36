-- locations: where merchants are, found by nearness. cube may be in any schema: it is named as it is found here, and what is made with it is bound to it, wherever it moves.

CREATE FUNCTION swipesavvy.place_split(entries internal, split internal) RETURNS internal
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_place_split';
COMMENT ON FUNCTION swipesavvy.place_split(internal, internal) IS
    'How a full page of an index of places is split; for GiST.';

DO $$
DECLARE
    cubes name;
BEGIN
    SELECT n.nspname INTO STRICT cubes
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'cube';
    -- All but the split is that of cube, whose pages hold next to nothing where places come one behind the other along a line.
    -- It is made before the tables whose indexes have it: the step back drops what is new in the reverse order.
    EXECUTE format('CREATE OPERATOR CLASS swipesavvy.place_ops FOR TYPE %1$I.cube USING gist AS
                        OPERATOR 3 %1$I.&&, OPERATOR 6 %1$I.=, OPERATOR 7 %1$I.@>, OPERATOR 8 %1$I.<@, OPERATOR 17 %1$I.<-> (%1$I.cube, %1$I.cube) FOR ORDER BY pg_catalog.float_ops,
                        FUNCTION 1 %1$I.g_cube_consistent(internal, %1$I.cube, smallint, oid, internal), FUNCTION 2 %1$I.g_cube_union(internal, internal),
                        FUNCTION 5 %1$I.g_cube_penalty(internal, internal, internal), FUNCTION 6 swipesavvy.place_split(internal, internal),
                        FUNCTION 7 %1$I.g_cube_same(%1$I.cube, %1$I.cube, internal), FUNCTION 8 %1$I.g_cube_distance(internal, %1$I.cube, smallint, oid, internal)', cubes);
END
$$;

CREATE TABLE swipesavvy.merchant_locations (
    location_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    merchant_id uuid NOT NULL,
    category_no smallint NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    name text,
    street text,
    city text,
    region text,
    postal_code text,
    country text,
    phone text,
    lat_e7 integer NOT NULL,
    lon_e7 integer NOT NULL,
    timezone text,
    hours jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchant_locations_pkey PRIMARY KEY (location_id),
    CONSTRAINT a_location_is_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants,
    CONSTRAINT a_location_is_on_earth CHECK (lat_e7 BETWEEN -900000000 AND 900000000 AND lon_e7 BETWEEN -1800000000 AND 1799999999),
    CONSTRAINT a_country_has_two_letters CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT hours_are_an_object CHECK (jsonb_typeof(hours) = 'object'),
    CONSTRAINT hours_are_of_a_time_zone CHECK (hours IS NULL OR timezone IS NOT NULL)
);
COMMENT ON OPERATOR CLASS swipesavvy.place_ops USING gist IS 'By which places are indexed: that of cube with another split of pages.';
COMMENT ON OPERATOR FAMILY swipesavvy.place_ops USING gist IS 'That of the operator class place_ops.';
COMMENT ON TABLE swipesavvy.merchant_locations IS 'Where merchants are.';
COMMENT ON COLUMN swipesavvy.merchant_locations.category_no IS 'That of its merchant, with which it changes: indexed with the position.';
COMMENT ON COLUMN swipesavvy.merchant_locations.is_active IS 'False: not shown any more; false, too, as soon as its merchant is not active.';
COMMENT ON COLUMN swipesavvy.merchant_locations.lat_e7 IS 'Latitude, WGS 84, in ten-millionths of a degree.';
COMMENT ON COLUMN swipesavvy.merchant_locations.lon_e7 IS 'Longitude, as above; 180 is -180.';
COMMENT ON COLUMN swipesavvy.merchant_locations.hours IS 'Opening hours by weekday, with exceptions by date; null: not known.';

DO $$
DECLARE
    cubes name;
BEGIN
    SELECT n.nspname INTO STRICT cubes
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'cube';
    EXECUTE format('ALTER TABLE swipesavvy.merchant_locations ADD COLUMN position %I.cube NOT NULL', cubes);
    EXECUTE format('CREATE FUNCTION swipesavvy.place_position(x double precision, y double precision, z double precision) RETURNS %1$I.cube
                        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %1$I.cube(ARRAY[x, y, z])', cubes);
    -- The box bounds what is looked at: a distance in the condition would not end an ordered scan of the index.
    EXECUTE format('CREATE FUNCTION swipesavvy.locations_near(x double precision, y double precision, z double precision, side double precision)
                        RETURNS TABLE (place tid, location_id uuid, merchant_id uuid, category_no smallint, lat_e7 integer, lon_e7 integer, timezone text, hours jsonb, chord double precision)
                        LANGUAGE sql STABLE PARALLEL SAFE
                        BEGIN ATOMIC
                            SELECT l.ctid, l.location_id, l.merchant_id, l.category_no, l.lat_e7, l.lon_e7, l.timezone, l.hours, l.position OPERATOR(%1$I.<->) %1$I.cube(ARRAY[x, y, z])
                              FROM swipesavvy.merchant_locations l
                             WHERE l.is_active AND l.position OPERATOR(%1$I.<@) %1$I.cube(ARRAY[x - side, y - side, z - side], ARRAY[x + side, y + side, z + side]);
                        END', cubes);
END
$$;
COMMENT ON COLUMN swipesavvy.merchant_locations.position IS 'The same as a point in metres from the centre of a sphere: what nearness is indexed by.';
COMMENT ON FUNCTION swipesavvy.place_position(double precision, double precision, double precision) IS
    'A point in metres from the centre of the earth, as the indexes of places have it; for the library.';
COMMENT ON FUNCTION swipesavvy.locations_near(double precision, double precision, double precision, double precision) IS
    'The active locations in a box around a point, with the length of the chord to each; for the library.';
CREATE INDEX merchant_locations_merchant_id ON swipesavvy.merchant_locations (merchant_id, location_id);
CREATE INDEX merchant_locations_position ON swipesavvy.merchant_locations USING gist (position swipesavvy.place_ops) WHERE is_active;
-- The condition on a column that is never null keeps the planner off this index where no category is asked for: it would find as much there, at random.
CREATE INDEX merchant_locations_category ON swipesavvy.merchant_locations USING gist (category_no, position swipesavvy.place_ops) WHERE is_active AND category_no IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_locations', '');

CREATE FUNCTION swipesavvy.add_merchant_location(
    merchant_id uuid,
    latitude double precision,
    longitude double precision,
    name text DEFAULT NULL,
    street text DEFAULT NULL,
    city text DEFAULT NULL,
    region text DEFAULT NULL,
    postal_code text DEFAULT NULL,
    country text DEFAULT NULL,
    phone text DEFAULT NULL,
    timezone text DEFAULT NULL,
    hours jsonb DEFAULT NULL,
    location_id uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_add_merchant_location';
COMMENT ON FUNCTION swipesavvy.add_merchant_location(uuid, double precision, double precision, text, text, text, text, text, text, text, text, jsonb, uuid) IS
    'Adds a location of an active merchant, at degrees of WGS 84; hours need a time zone.';

CREATE FUNCTION swipesavvy.update_merchant_location(location_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_merchant_location';
COMMENT ON FUNCTION swipesavvy.update_merchant_location(uuid, jsonb) IS
    'Changes what add_merchant_location took, and is_active; null clears a text or the hours.';

CREATE FUNCTION swipesavvy.remove_merchant_location(location_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_remove_merchant_location';
COMMENT ON FUNCTION swipesavvy.remove_merchant_location(uuid) IS
    'Takes a location out of every list; its row is kept.';

CREATE FUNCTION swipesavvy.import_merchant_locations(locations jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_import_merchant_locations';
COMMENT ON FUNCTION swipesavvy.import_merchant_locations(jsonb) IS
    'Adds up to 10,000 locations, each an object with the arguments of add_merchant_location; a bad one is told of, and the others are added.';

CREATE FUNCTION swipesavvy.get_merchant_locations(
    merchant_id uuid,
    at timestamptz DEFAULT NULL,
    page_size integer DEFAULT 20,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_locations';
COMMENT ON FUNCTION swipesavvy.get_merchant_locations(uuid, timestamptz, integer, text) IS
    'The active locations of a merchant, whether each is open at that moment (now, unless told), and when that changes.';

CREATE FUNCTION swipesavvy.get_nearby_merchants(
    latitude double precision,
    longitude double precision,
    radius_meters numeric DEFAULT 5000,
    category text DEFAULT NULL,
    page_size integer DEFAULT 20,
    rating_min numeric DEFAULT NULL,
    open_at timestamptz DEFAULT NULL,
    distinct_merchants boolean DEFAULT true
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_nearby_merchants';
COMMENT ON FUNCTION swipesavvy.get_nearby_merchants(double precision, double precision, numeric, text, integer, numeric, timestamptz, boolean) IS
    'Merchants within a radius (1 to 50,000 m), nearest first; with rating_min only those rated so well, with open_at those that are open then.';

CREATE FUNCTION swipesavvy.place_distance(latitude double precision, longitude double precision, to_latitude double precision, to_longitude double precision) RETURNS numeric
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_place_distance';
COMMENT ON FUNCTION swipesavvy.place_distance(double precision, double precision, double precision, double precision) IS
    'Metres between two points of the earth, on the sphere of its mean radius, with one decimal.';
