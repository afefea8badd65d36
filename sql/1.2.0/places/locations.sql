-- locations: where merchants are, found by nearness. cube may be in any schema: it is named as it is found here, and what is made with it is bound to it, wherever it moves.

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
END
$$;
COMMENT ON COLUMN swipesavvy.merchant_locations.position IS 'The same as a point in metres from the centre of a sphere: what nearness is indexed by.';
COMMENT ON FUNCTION swipesavvy.place_position(double precision, double precision, double precision) IS
    'A point in metres from the centre of the earth, as the indexes of places have it; for the library.';
CREATE INDEX merchant_locations_merchant_id ON swipesavvy.merchant_locations (merchant_id, location_id);
CREATE INDEX merchant_locations_position ON swipesavvy.merchant_locations USING gist (position) WHERE is_active;
CREATE INDEX merchant_locations_category ON swipesavvy.merchant_locations USING gist (category_no, position) WHERE is_active;

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_locations', '');
