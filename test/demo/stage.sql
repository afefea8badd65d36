-- Where the two files land, and from them the purchases as the view swipesavvy.purchases takes them.
CREATE EXTENSION swipesavvy CASCADE;
CREATE SCHEMA demo;

CREATE TABLE demo.log (
    line_no integer PRIMARY KEY,
    customer_id integer NOT NULL,
    purchase_date date NOT NULL,
    cds integer NOT NULL,
    amount_usd numeric(12, 2) NOT NULL
);

CREATE TABLE demo.merchants (
    merchant_no integer PRIMARY KEY,
    nsi_id text NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    mcc text NOT NULL
);

CREATE TABLE demo.places (
    geonameid integer PRIMARY KEY,
    name text NOT NULL,
    country text NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    population bigint NOT NULL,
    timezone text NOT NULL
);

CREATE FUNCTION demo.user_id(customer integer) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('c0000000-0000-4000-8000-' || lpad(customer::text, 12, '0'))::uuid;

CREATE FUNCTION demo.merchant_id(merchant integer) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('b0000000-0000-4000-8000-' || lpad(merchant::text, 12, '0'))::uuid;

-- Laid out as version 7 (milliseconds first), so that ids ascend with (purchase_date, line_no), the order of the log.
CREATE FUNCTION demo.transaction_id(occurred_at timestamptz, line integer) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM occurred_at) * 1000)::bigint), 12, '0')
            || '70008000' || lpad(line::text, 12, '0'))::uuid;

-- Everybody shops at up to seven merchants: our rule, the log has none. Shipping at shops: ours as well.
CREATE VIEW demo.purchases AS
SELECT l.*, m.merchant_no, m.name AS merchant, m.category,
       l.purchase_date::timestamp AT TIME ZONE 'UTC' AS occurred_at,
       jsonb_build_object('cds', l.cds) || CASE WHEN m.category = 'Retail & Shopping'
           THEN jsonb_build_object('shipping_amount', 2.99 + 0.50 * l.cds) ELSE '{}' END AS metadata
FROM demo.log AS l
JOIN demo.merchants AS m
    ON m.merchant_no = 1 + (l.customer_id * 37 + (l.line_no % 7) * 101) % (SELECT count(*) FROM demo.merchants);

CREATE VIEW demo.input AS
SELECT demo.transaction_id(occurred_at, line_no) AS transaction_id,
       demo.user_id(customer_id) AS user_id,
       demo.merchant_id(merchant_no) AS merchant_id,
       (amount_usd * 100)::bigint AS amount_minor,
       'USD' AS currency,
       occurred_at,
       'completed' AS status,
       'cdnow-' || line_no AS idempotency_key,
       metadata
FROM demo.purchases;

-- For what is printed.
CREATE FUNCTION demo.bar(part numeric, whole numeric, width integer, filled text, empty text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN (SELECT repeat(filled, n) || repeat(empty, width - n)
            FROM (SELECT least(width, round(width * part / greatest(whole, 1))::int)) AS t(n));

CREATE FUNCTION demo.money(minor numeric) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN to_char(minor / 100, 'FM999,999,990.00');

CREATE FUNCTION demo.number(n numeric) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN to_char(n, 'FM999,999,999,990');
