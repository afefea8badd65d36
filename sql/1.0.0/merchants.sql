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
CREATE INDEX merchants_name_trgm ON swipesavvy.merchants USING gin (name gin_trgm_ops);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchants', '');
