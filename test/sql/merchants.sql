-- Merchants and their categories: create, change, show, list; what is refused, and who may.
\set SHOW_CONTEXT never
\set cafe 00000000-0000-7000-8000-0000000b0001
\set nobody 00000000-0000-7000-8000-0000000bffff

SELECT swipesavvy.list_merchant_categories() #> '{categories,0}' AS first, jsonb_array_length(swipesavvy.list_merchant_categories() -> 'categories') AS count;

-- create_merchant: without a category it has the code's
SELECT swipesavvy.create_merchant('Qx Cafe 100%', 'Restaurants & Cafes', '5814', 'Espresso', '{"web": "https://cafe.test"}', :'cafe')
    - '{created_at,updated_at}'::text[] AS merchant;
SELECT m ->> 'category' AS category, m ->> 'mcc' AS mcc FROM swipesavvy.create_merchant('Qx Fuel', mcc => '5541') m;
SELECT m ->> 'category' AS category FROM swipesavvy.create_merchant('Qx Fuel Shop', 'Grocery & Food', '5541') m;
SELECT m - '{merchant_id,created_at,updated_at}'::text[] AS merchant FROM swipesavvy.create_merchant('Qx a_b\c', 'Services') m;

SELECT swipesavvy.create_merchant(NULL, 'Services');
SELECT swipesavvy.create_merchant('Qx');
SELECT swipesavvy.create_merchant('', 'Services');
SELECT swipesavvy.create_merchant('Qx', 'Space Travel');
SELECT swipesavvy.create_merchant('Qx', 'Services', '0001');
SELECT swipesavvy.create_merchant('Qx', 'Services', metadata => '[1]');
SELECT swipesavvy.create_merchant('Qx', 'Services', metadata => jsonb_build_object('k', repeat('x', 66000)));
SELECT swipesavvy.create_merchant('Qx', 'Services', description => repeat('x', 4001));
SELECT swipesavvy.create_merchant('Qx', 'Services', merchant_id => :'cafe');
\echo :LAST_ERROR_SQLSTATE

-- get_merchant, update_merchant
SELECT swipesavvy.get_merchant(:'cafe') - '{created_at,updated_at}'::text[] AS merchant;
SELECT swipesavvy.get_merchant(:'nobody');
SELECT swipesavvy.get_merchant(NULL);
SELECT swipesavvy.update_merchant(:'cafe', '{"name": "Qx Cafe 50%", "mcc": null, "description": null, "metadata": {"a": 1}}')
    - '{created_at,updated_at}'::text[] AS merchant;
SELECT m ->> 'category' AS category, m ->> 'mcc' AS mcc
  FROM swipesavvy.update_merchant(:'cafe', '{"category": "Entertainment", "mcc": "5813"}') m;
SELECT swipesavvy.update_merchant(:'cafe', '{"owner": "me"}');
SELECT swipesavvy.update_merchant(:'cafe', '{"name": null}');
SELECT swipesavvy.update_merchant(:'cafe', '{"category": "Space Travel"}');
SELECT swipesavvy.update_merchant(:'cafe', '{"mcc": "0001"}');
SELECT swipesavvy.update_merchant(:'cafe', '{"metadata": null}');
SELECT swipesavvy.update_merchant(:'cafe', '{"is_active": "no"}');
SELECT swipesavvy.update_merchant(:'cafe', '{"is_active": null}');
SELECT swipesavvy.update_merchant(:'nobody', '{"name": "X"}');

-- list_merchants: search is literal and ignores case
CREATE FUNCTION names(page jsonb) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(m ->> 'name', ', ' ORDER BY n) FROM jsonb_array_elements(page -> 'merchants') WITH ORDINALITY e(m, n));
SELECT names(page), page - '{merchants,next_cursor}'::text[] AS envelope, page -> 'next_cursor' AS next_cursor
  FROM swipesavvy.list_merchants(search => 'qX') page;
SELECT names(swipesavvy.list_merchants(search => '0%')) AS percent, names(swipesavvy.list_merchants(search => 'a_b')) AS underscore,
       names(swipesavvy.list_merchants(search => 'b\c')) AS backslash;
SELECT names(swipesavvy.list_merchants('Grocery & Food', 'Qx')) AS both, names(swipesavvy.list_merchants('Gas Stations', 'Qx Fuel')) AS both;
SELECT m - '{merchant_id,created_at}'::text[] AS item FROM jsonb_array_elements(swipesavvy.list_merchants(search => 'Qx Fuel S') -> 'merchants') m;

-- pages: the cursor goes on where the page before ended
SELECT names(page), page ->> 'total' AS total, page ->> 'next_cursor' AS cursor FROM swipesavvy.list_merchants(search => 'Qx', page_size => 2) page \gset
\echo :names :total
SELECT names(page), page ->> 'total' AS total, page ->> 'offset' AS "offset", page -> 'next_cursor' AS next_cursor
  FROM swipesavvy.list_merchants(search => 'Qx', page_size => 2, after => :'cursor') page;
SELECT names(swipesavvy.list_merchants(search => 'Qx', page_size => 2, page_offset => 1)) AS by_offset;

-- inactive ones are not listed, but can be read
SELECT m -> 'is_active' AS is_active FROM swipesavvy.update_merchant(:'cafe', '{"is_active": false}') m;
SELECT names(swipesavvy.list_merchants(search => 'Qx')) AS active, swipesavvy.get_merchant(:'cafe') -> 'is_active' AS is_active;

SELECT swipesavvy.list_merchants(page_size => 0);
SELECT swipesavvy.list_merchants(page_size => 101);
SELECT swipesavvy.list_merchants(page_offset => -1);
SELECT swipesavvy.list_merchants('Space Travel');
SELECT swipesavvy.list_merchants(search => ' ');
SELECT swipesavvy.list_merchants(after => 'next');
SELECT swipesavvy.list_merchants(after => :'nobody');

-- a total is exact up to 10,000
BEGIN;
INSERT INTO swipesavvy.merchants (name, category) SELECT 'Zq ' || n, 'Services' FROM generate_series(1, 10000) n;
SELECT page -> 'total' AS total, page -> 'total_capped' AS capped FROM swipesavvy.list_merchants(search => 'Zq ', page_size => 1) page;
INSERT INTO swipesavvy.merchants (name, category) VALUES ('Zq 10001', 'Services');
SELECT page -> 'total' AS total, page -> 'total_capped' AS capped FROM swipesavvy.list_merchants(search => 'Zq ', page_size => 1) page;
ROLLBACK;

-- who may: everyone reads, an admin writes
SET ROLE swipesavvy_anon;
SELECT swipesavvy.get_merchant(:'cafe') ->> 'name' AS name, swipesavvy.list_merchants(search => 'Qx') ->> 'total' AS total,
       jsonb_array_length(swipesavvy.list_merchant_categories() -> 'categories') AS categories;
SELECT swipesavvy.create_merchant('Qx', 'Services');
SET ROLE swipesavvy_backend;
SELECT swipesavvy.update_merchant(:'cafe', '{}');
RESET ROLE;
DROP FUNCTION names;
