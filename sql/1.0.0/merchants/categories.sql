-- categories: the merchant categories that campaigns and boosts are aimed at.

CREATE TABLE swipesavvy.merchant_categories (
    category text NOT NULL,
    category_no smallint NOT NULL,
    description text,
    is_active boolean NOT NULL DEFAULT true,
    is_seed boolean NOT NULL DEFAULT false,
    CONSTRAINT merchant_categories_pkey PRIMARY KEY (category),
    CONSTRAINT a_category_number_is_used_once UNIQUE (category_no) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT a_category_has_a_name CHECK (category ~ '\S' AND length(category) <= 200)
);
COMMENT ON TABLE swipesavvy.merchant_categories IS 'Merchant categories.';
COMMENT ON COLUMN swipesavvy.merchant_categories.category_no IS 'The short key that purchases carry.';
COMMENT ON COLUMN swipesavvy.merchant_categories.is_active IS 'False: not offered any more (a seeded row is switched off, not deleted).';
COMMENT ON COLUMN swipesavvy.merchant_categories.is_seed IS
    'Came with the extension; a row of a dump takes its place when it is restored.';

INSERT INTO swipesavvy.merchant_categories (category_no, category, description, is_seed) VALUES
    (1, 'Restaurants & Cafes', 'Restaurants, cafes, bars, fast food and caterers', true),
    (2, 'Retail & Shopping', 'Shops of every kind, wholesale included', true),
    (3, 'Grocery & Food', 'Supermarkets, bakeries, butchers, wine and food shops', true),
    (4, 'Gas Stations', 'Fuel and charging', true),
    (5, 'Hotels & Travel', 'Lodging, airlines, trains, taxis, car hire and travel agencies', true),
    (6, 'Entertainment', 'Cinema, theatre, music, games, sport to watch and betting', true),
    (7, 'Health & Wellness', 'Pharmacies, doctors, fitness, cosmetics and beauty', true),
    (8, 'Services', 'Trades, repairs, telecommunication, finance, education and government', true);

CREATE FUNCTION swipesavvy.restore_merchant_categories() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.merchant_categories c
       SET category_no = NEW.category_no, description = NEW.description, is_active = NEW.is_active, is_seed = NEW.is_seed
     WHERE c.category = NEW.category AND c.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_merchant_categories() IS 'Trigger: a restored row takes the place of the seeded one.';

CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.merchant_categories
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_merchant_categories();

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.merchant_categories', '');
