-- boosts: multipliers of base points that users activate.

CREATE TABLE swipesavvy.boosts (
    boost_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    name text NOT NULL,
    multiplier_milli integer NOT NULL,
    category text,
    starts_at timestamptz NOT NULL,
    expires_at timestamptz,
    activation_limit integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT boosts_pkey PRIMARY KEY (boost_id),
    CONSTRAINT a_boost_has_a_known_category FOREIGN KEY (category) REFERENCES swipesavvy.merchant_categories,
    CONSTRAINT a_boost_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT a_boost_multiplier_is_from_1_to_1000 CHECK (multiplier_milli BETWEEN 1000 AND 1000000),
    CONSTRAINT a_boost_ends_after_it_starts CHECK (expires_at > starts_at),
    CONSTRAINT an_activation_limit_is_at_least_1 CHECK (activation_limit >= 1)
);
COMMENT ON TABLE swipesavvy.boosts IS 'Boosts: while activated they multiply a user''s base points.';
COMMENT ON COLUMN swipesavvy.boosts.multiplier_milli IS 'The multiplier in thousandths.';
COMMENT ON COLUMN swipesavvy.boosts.starts_at IS 'First moment of the purchases that it multiplies.';
COMMENT ON COLUMN swipesavvy.boosts.expires_at IS 'First moment at which it no longer does; null = never.';
COMMENT ON COLUMN swipesavvy.boosts.activation_limit IS 'How many users may have it active at once; null = all.';
COMMENT ON COLUMN swipesavvy.boosts.category IS 'Merchant category it is for; null = every category.';
CREATE INDEX boosts_category ON swipesavvy.boosts (category);

CREATE TABLE swipesavvy.user_boosts (
    user_id uuid NOT NULL,
    boost_id uuid NOT NULL,
    activated_at timestamptz NOT NULL DEFAULT now(),
    deactivated_at timestamptz,
    CONSTRAINT user_boosts_pkey PRIMARY KEY (user_id, boost_id),
    CONSTRAINT a_boost_is_activated_by_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT an_activated_boost_exists FOREIGN KEY (boost_id) REFERENCES swipesavvy.boosts
);
COMMENT ON TABLE swipesavvy.user_boosts IS 'Which user has activated which boost.';
COMMENT ON COLUMN swipesavvy.user_boosts.deactivated_at IS 'When it was deactivated; null while active.';
CREATE INDEX user_boosts_boost_id ON swipesavvy.user_boosts (boost_id);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.boosts', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.user_boosts', '');

CREATE FUNCTION swipesavvy.create_boost(
    name text,
    multiplier numeric,
    category text DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL,
    boost_id uuid DEFAULT NULL,
    activation_limit integer DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_boost';
COMMENT ON FUNCTION swipesavvy.create_boost(text, numeric, text, timestamptz, timestamptz, uuid, integer) IS
    'Creates a boost of base points, from now on unless starts_at says otherwise, for one merchant category or for all; so many
users may activate it, or all.';

CREATE FUNCTION swipesavvy.activate_boost(user_id uuid, boost_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_activate_boost';
COMMENT ON FUNCTION swipesavvy.activate_boost(uuid, uuid) IS
    'Activates a boost for a user, also one that was deactivated before.';

CREATE FUNCTION swipesavvy.deactivate_boost(user_id uuid, boost_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_deactivate_boost';
COMMENT ON FUNCTION swipesavvy.deactivate_boost(uuid, uuid) IS
    'Deactivates a boost of a user.';

CREATE FUNCTION swipesavvy.list_boosts(
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_boosts';
COMMENT ON FUNCTION swipesavvy.list_boosts(integer, integer, text) IS
    'Boosts that have not expired, and which of them the caller has activated; for admins all of them.';
