-- merchants: who sells, in one of the merchant categories.

CREATE TABLE swipesavvy.merchants (
    merchant_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    name text NOT NULL,
    category text NOT NULL,
    mcc char(4),
    description text,
    metadata jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchants_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT a_merchant_has_a_category FOREIGN KEY (category) REFERENCES swipesavvy.merchant_categories,
    CONSTRAINT a_merchant_has_a_known_mcc FOREIGN KEY (mcc) REFERENCES swipesavvy.mcc_codes,
    CONSTRAINT a_merchant_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT merchant_metadata_are_an_object CHECK (jsonb_typeof(metadata) = 'object')
);
COMMENT ON TABLE swipesavvy.merchants IS 'Merchants at which purchases are made.';
COMMENT ON COLUMN swipesavvy.merchants.is_active IS 'False: not listed any more; purchases there are still recorded.';
CREATE INDEX merchants_category ON swipesavvy.merchants (category, name, merchant_id);
CREATE INDEX merchants_name ON swipesavvy.merchants (name, merchant_id);
CREATE INDEX merchants_mcc ON swipesavvy.merchants (mcc);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchants', '');

CREATE FUNCTION swipesavvy.create_merchant(
    name text,
    category text DEFAULT NULL,
    mcc text DEFAULT NULL,
    description text DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    merchant_id uuid DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_merchant';
COMMENT ON FUNCTION swipesavvy.create_merchant(text, text, text, text, jsonb, uuid) IS
    'Creates a merchant. Without a category it has that of its merchant category code.';

CREATE FUNCTION swipesavvy.update_merchant(merchant_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_merchant';
COMMENT ON FUNCTION swipesavvy.update_merchant(uuid, jsonb) IS
    'Changes name, category, mcc, description (null clears these two), metadata and is_active.';

CREATE FUNCTION swipesavvy.get_merchant(merchant_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_merchant';
COMMENT ON FUNCTION swipesavvy.get_merchant(uuid) IS
    'A merchant, its metadata included; everyone may read it.';

CREATE FUNCTION swipesavvy.list_merchants(
    category text DEFAULT NULL,
    search text DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_merchants';
COMMENT ON FUNCTION swipesavvy.list_merchants(text, text, integer, integer, text) IS
    'Active merchants by name; search finds any part of the name, after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.list_merchant_categories() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_merchant_categories';
COMMENT ON FUNCTION swipesavvy.list_merchant_categories() IS
    'The merchant categories.';
