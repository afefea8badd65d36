-- merchants: what 1.2.0 adds to them: ratings, numbers of locations and offers, and an end.

CREATE OR REPLACE FUNCTION swipesavvy.get_merchant(merchant_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant_1_2';

DROP FUNCTION swipesavvy.list_merchants(text, text, integer, integer, text);
CREATE FUNCTION swipesavvy.list_merchants(
    category text DEFAULT NULL,
    search text DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL,
    rating_min numeric DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_merchants_1_2';
COMMENT ON FUNCTION swipesavvy.list_merchants(text, text, integer, integer, text, numeric) IS
    'Active merchants by name; search finds any part of the name, rating_min those rated so well, after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.delete_merchant(merchant_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_merchant';
COMMENT ON FUNCTION swipesavvy.delete_merchant(uuid) IS
    'Takes a merchant out of every list, with its locations and fences; purchases and history stay.';
