-- persons: what is held on one person: handed out, and erased.

CREATE FUNCTION swipesavvy.export_user_data(user_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_export_user_data';
COMMENT ON FUNCTION swipesavvy.export_user_data(uuid) IS
    'Everything that is held on one person, as one document; no secrets.';

CREATE FUNCTION swipesavvy.erase_user(user_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_erase_user';
COMMENT ON FUNCTION swipesavvy.erase_user(uuid, text) IS
    'Erases a person''s data for good: purchases, entries and totals stay under an id that names nobody. The user is inactive from then on.';
