-- CALL import_purchases: chunks, bad rows set aside, going on where it was left. It commits, so its purchases stay.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = ISO;
\set ann '00000000-0000-7000-8000-0000d0000001'
\set bob '00000000-0000-7000-8000-0000d0000002'
\set nobody '00000000-0000-7000-8000-0000d000ffff'
\set shop '00000000-0000-7000-8000-0000d0000010'
SELECT count(swipesavvy.create_user(n || '@imports.test', n, user_id => id::uuid)) FROM (VALUES ('ann', :'ann'), ('bob', :'bob')) v (n, id);
SELECT swipesavvy.create_merchant('import', 'Services', merchant_id => :'shop') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('I', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'I-TWO', target_merchant_id => :'shop', budget => 2.50) ->> 'status' AS status,
       swipesavvy.launch_campaign('I-TWO') ->> 'status' AS status;
CREATE SCHEMA imports_test;
SET search_path = imports_test;
CREATE VIEW bought AS SELECT u.name AS who, p.amount_minor, p.occurred_at, p.status, p.points_earned, p.discount_minor
    FROM swipesavvy.purchases p JOIN swipesavvy.users u USING (user_id) WHERE u.email LIKE '%@imports.test' ORDER BY p.occurred_at, p.transaction_id;
CREATE VIEW progress AS SELECT source, rows_done, rows_imported, rows_set_aside, finished_at IS NOT NULL AS finished FROM swipesavvy.imports ORDER BY source;

-- chunks of two, in the order of time whatever that of the rows; each chunk is told; a repeat does nothing
CREATE TABLE plain (user_id uuid, merchant_id uuid, amount_minor bigint, occurred_at timestamptz);
GRANT USAGE ON SCHEMA imports_test TO swipesavvy_backend;
GRANT SELECT ON plain TO swipesavvy_backend;
INSERT INTO plain VALUES (:'ann', :'shop', 500, '2026-03-05'), (:'ann', :'shop', 100, '2026-03-01'), (:'bob', :'shop', 300, '2026-03-03'),
    (:'bob', :'shop', 400, '2026-03-04'), (:'ann', :'shop', 200, '2026-03-02');
SET ROLE swipesavvy_backend;
CALL swipesavvy.import_purchases('plain', 2);
CALL swipesavvy.import_purchases('plain', chunk_size => 2);
RESET ROLE;
TABLE bought;
TABLE progress;
-- rows added later are imported; such as lie behind what was imported are refused, and so is a table that lost some
INSERT INTO plain VALUES (:'bob', NULL, 600, '2026-03-06'), (:'ann', NULL, 700, '2026-03-05');
CALL swipesavvy.import_purchases('plain');
INSERT INTO plain VALUES (:'ann', NULL, 650, '2026-03-01');
CALL swipesavvy.import_purchases('plain');
\echo :LAST_ERROR_SQLSTATE
DELETE FROM plain WHERE amount_minor IN (100, 650);
CALL swipesavvy.import_purchases('plain');
-- as many others in their place are not taken for them; the same in another place are
INSERT INTO plain VALUES (:'ann', :'shop', 101, '2026-03-01');
CALL swipesavvy.import_purchases('plain');
UPDATE plain SET amount_minor = 100 WHERE amount_minor = 101;
VACUUM FULL plain;
CALL swipesavvy.import_purchases('plain');
SELECT count(*), sum(amount_minor) FROM bought;
-- the rows that were imported, filled in again in another order, may be others: without keys the caller must say what they are
TRUNCATE plain;
INSERT INTO plain SELECT user_id, merchant_id, amount_minor, occurred_at FROM swipesavvy.purchases WHERE user_id IN (:'ann', :'bob') ORDER BY amount_minor DESC;
CALL swipesavvy.import_purchases('plain');
TRUNCATE plain;
CALL swipesavvy.import_purchases('plain');
-- emptied and filled again: a new import, be its rows earlier or later, more or fewer
INSERT INTO plain VALUES (:'bob', NULL, 750, '2026-03-04');
CALL swipesavvy.import_purchases('plain');
TRUNCATE plain;
INSERT INTO plain VALUES (:'bob', NULL, 800, '2026-03-07'), (:'bob', NULL, 900, '2026-03-08');
CALL swipesavvy.import_purchases('plain', 100000);
TABLE progress;

-- bad rows are set aside with their error, those beside them are recorded -----------------------------------------------------
CREATE TABLE mixed (n integer, transaction_id uuid, user_id uuid, account_id uuid, merchant_id uuid, amount_minor integer, currency varchar(10), status text,
                    idempotency_key varchar(300), metadata jsonb, occurred_at timestamp);
INSERT INTO mixed (n, user_id, amount_minor, occurred_at) VALUES (1, :'ann', 101, '2026-04-01'), (2, :'nobody', 1, '2026-04-02'), (3, :'ann', -1, '2026-04-03'),
    (4, NULL, 1, '2026-04-04'), (5, :'ann', NULL, '2026-04-05'), (6, :'ann', 106, '2026-04-06'), (7, :'ann', 1, '2200-01-01'), (8, :'ann', 1, 'infinity');
INSERT INTO mixed (n, user_id, amount_minor, occurred_at, merchant_id, currency, status, idempotency_key, metadata, transaction_id, account_id) VALUES
    (11, :'bob', 1, '2026-04-11', :'nobody', NULL, NULL, NULL, NULL, NULL, NULL), (12, :'bob', 1, '2026-04-12', NULL, 'usd', NULL, NULL, NULL, NULL, NULL),
    (13, :'bob', 1, '2026-04-13', NULL, NULL, 'done', NULL, NULL, NULL, NULL), (14, :'bob', 114, '2026-04-14', NULL, NULL, NULL, 'i1', NULL, NULL, NULL),
    (15, :'bob', 114, '2026-04-14', NULL, NULL, NULL, 'i1', NULL, NULL, NULL), (16, :'bob', 1, '2026-04-16', NULL, NULL, NULL, NULL, '{"shipping_amount": "x"}', NULL, NULL),
    (17, :'bob', 117, '2026-04-17', NULL, 'JPY', 'pending', NULL, '{"shipping_amount": 5}', '00000000-0000-7000-8000-0000d00000a1', NULL),
    (18, :'bob', 1, '2026-04-18', NULL, NULL, NULL, NULL, NULL, '00000000-0000-7000-8000-0000d00000a1', NULL), (19, :'bob', 1, '2026-04-19', NULL, NULL, NULL, NULL, NULL, NULL, :'nobody'),
    (20, :'bob', 1, '2026-04-20', NULL, NULL, NULL, repeat('k', 201), NULL, NULL, NULL);
CALL swipesavvy.import_purchases('mixed', 5);
SELECT code, message, detail, purchase ->> 'occurred_at' AS occurred_at FROM swipesavvy.import_errors WHERE source = 'imports_test.mixed' ORDER BY error_id;
SELECT purchase FROM swipesavvy.import_errors WHERE source = 'imports_test.mixed' AND purchase ->> 'currency' = 'usd';
SELECT * FROM bought WHERE occurred_at > '2026-04-01' OR amount_minor = 101;
TABLE progress;
SELECT e.purchase ->> 'status' AS status, m.n FROM swipesavvy.import_errors e JOIN mixed m ON m.ctid = e.row_id WHERE e.message LIKE '%status%';
-- nothing more to do, nor for a session with another time zone and date style, in which these times without zone are others
CALL swipesavvy.import_purchases('mixed');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
CALL swipesavvy.import_purchases('mixed');
INSERT INTO mixed (n, user_id, amount_minor, occurred_at) VALUES (21, :'ann', 121, 'infinity');
CALL swipesavvy.import_purchases('mixed');
SET timezone = 'UTC';
SET datestyle = ISO;
DELETE FROM swipesavvy.import_errors WHERE purchase ->> 'amount_minor' = '121';
CALL swipesavvy.import_purchases('mixed');
SELECT count(*) AS set_aside_once FROM swipesavvy.import_errors WHERE source = 'imports_test.mixed';

-- names that need quotes; a table without times; another's table with the same name is another import ------------------------------
CREATE TABLE "Pl""ain; --" ("user_id" uuid, "amount_minor" smallint, "Occurred_At" text);
INSERT INTO "Pl""ain; --" VALUES (:'ann', 11, 'ignored'), (:'ann', 12, NULL);
CALL swipesavvy.import_purchases('"Pl""ain; --"', 1);
SELECT amount_minor, occurred_at > '2026-05-01' AS now FROM bought WHERE amount_minor IN (11, 12);
CREATE DOMAIN cents AS bigint CHECK (value < 100);
CREATE TABLE parent (user_id uuid, amount_minor cents, occurred_at date);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (:'ann', 21, '2026-04-21');
INSERT INTO child VALUES (:'ann', 22, '2026-04-22');
CALL swipesavvy.import_purchases('parent');
SELECT * FROM bought WHERE amount_minor IN (21, 22);

-- filled again -----------------------------------------------------------------------------------------------------------------------------
-- with as many rows as before, which are earlier, or have no times
CREATE TABLE daily (user_id uuid, amount_minor bigint, occurred_at timestamptz);
INSERT INTO daily SELECT :'ann', g, '2025-06-02' FROM generate_series(1, 7) g;
CALL swipesavvy.import_purchases('daily', 3);
TRUNCATE daily;
INSERT INTO daily SELECT :'ann', g, '2025-06-01' FROM generate_series(1, 7) g;
CALL swipesavvy.import_purchases('daily', 3);
-- made anew, with fewer and with more
DROP TABLE daily;
CREATE TABLE daily (user_id uuid, amount_minor bigint, occurred_at timestamptz);
INSERT INTO daily SELECT :'ann', g, '2025-05-31' FROM generate_series(1, 4) g;
CALL swipesavvy.import_purchases('daily');
DROP TABLE daily;
CREATE TABLE daily (user_id uuid, amount_minor bigint, occurred_at timestamptz);
INSERT INTO daily SELECT :'ann', g, '2025-05-30' FROM generate_series(1, 9) g;
CALL swipesavvy.import_purchases('daily');
SELECT occurred_at, count(*), sum(amount_minor) FROM bought WHERE occurred_at < '2026-01-01' GROUP BY 1 ORDER BY 1;
-- equal rows are counted, not taken for one another, nor do they cancel each other out
TRUNCATE daily;
INSERT INTO daily SELECT :'ann', 41, '2025-05-29' FROM generate_series(1, 4);
CALL swipesavvy.import_purchases('daily', 3);
CALL swipesavvy.import_purchases('daily');
TRUNCATE daily;
INSERT INTO daily SELECT :'ann', 42, '2025-05-29' FROM generate_series(1, 4);
CALL swipesavvy.import_purchases('daily');
INSERT INTO daily SELECT :'ann', 42, '2025-05-29' FROM generate_series(1, 2);
CALL swipesavvy.import_purchases('daily');
-- amounts that changed places
TRUNCATE daily;
INSERT INTO daily VALUES (:'ann', 43, '2025-05-28'), (:'bob', 44, '2025-05-28');
CALL swipesavvy.import_purchases('daily');
TRUNCATE daily;
INSERT INTO daily VALUES (:'ann', 44, '2025-05-28'), (:'bob', 43, '2025-05-28');
CALL swipesavvy.import_purchases('daily');
SELECT amount_minor, count(*), string_agg(who, ' ' ORDER BY who) AS who FROM bought WHERE occurred_at < '2025-05-30' GROUP BY 1 ORDER BY 1;
-- emptied without a new file: known by what is not there any more; a new file with the old rows is no new import, and is remembered
DELETE FROM daily;
INSERT INTO daily VALUES (:'ann', 45, '2025-06-03');
CALL swipesavvy.import_purchases('daily');
VACUUM FULL daily;
CALL swipesavvy.import_purchases('daily');
INSERT INTO daily VALUES (:'ann', 46, '2025-06-02');
CALL swipesavvy.import_purchases('daily');
-- without times, the order is that of the table
TRUNCATE "Pl""ain; --";
INSERT INTO "Pl""ain; --" VALUES (:'ann', 13, 'ignored'), (:'ann', 14, NULL);
CALL swipesavvy.import_purchases('"Pl""ain; --"');
SELECT count(*), sum(amount_minor) FROM bought WHERE amount_minor IN (13, 14);
UPDATE "Pl""ain; --" SET "Occurred_At" = 'not read';
CALL swipesavvy.import_purchases('"Pl""ain; --"');
UPDATE "Pl""ain; --" SET amount_minor = amount_minor + 2;
CALL swipesavvy.import_purchases('"Pl""ain; --"');
DELETE FROM "Pl""ain; --";
CALL swipesavvy.import_purchases('"Pl""ain; --"');

-- rows that look like imported ones ---------------------------------------------------------------------------------------------------------
-- the next day's feed begins with the same amounts: nothing is skipped in silence, whichever way the table was emptied
CREATE TABLE feed (user_id uuid, amount_minor bigint, idempotency_key text);
INSERT INTO feed VALUES (:'ann', 51), (:'bob', 52);
CALL swipesavvy.import_purchases('feed');
TRUNCATE feed;
INSERT INTO feed VALUES (:'ann', 51), (:'bob', 52), (:'ann', 53);
CALL swipesavvy.import_purchases('feed');
\echo :LAST_ERROR_SQLSTATE
DELETE FROM feed;
INSERT INTO feed VALUES (:'ann', 51), (:'bob', 52), (:'ann', 53);
CALL swipesavvy.import_purchases('feed');
DROP TABLE feed;
CREATE TABLE feed (user_id uuid, amount_minor bigint, idempotency_key text);
INSERT INTO feed VALUES (:'ann', 51), (:'bob', 52), (:'ann', 53);
CALL swipesavvy.import_purchases('feed');
SELECT count(*) FROM bought WHERE amount_minor BETWEEN 51 AND 53;
CALL swipesavvy.import_purchases('feed', 2, afresh => true);
SELECT amount_minor, count(*) FROM bought WHERE amount_minor BETWEEN 51 AND 53 GROUP BY 1 ORDER BY 1;
-- the same rows, moved or restored: by themselves where that can be seen, else because the caller says so
CREATE INDEX feed_order ON feed (amount_minor DESC);
CLUSTER feed USING feed_order;
CALL swipesavvy.import_purchases('feed');
UPDATE feed SET idempotency_key = NULL;
INSERT INTO feed VALUES (:'bob', 54);
CALL swipesavvy.import_purchases('feed');
CALL swipesavvy.import_purchases('feed', afresh => false);
UPDATE feed SET amount_minor = 55 WHERE amount_minor = 54;
CALL swipesavvy.import_purchases('feed', afresh => false);
SELECT amount_minor, count(*) FROM bought WHERE amount_minor BETWEEN 51 AND 55 GROUP BY 1 ORDER BY 1;
-- rows with keys are the same purchases, whatever happened to the table
TRUNCATE feed;
INSERT INTO feed VALUES (:'ann', 56, 'feed-1'), (:'bob', 57, 'feed-2');
CALL swipesavvy.import_purchases('feed');
TRUNCATE feed;
INSERT INTO feed VALUES (:'ann', 56, 'feed-1'), (:'bob', 57, 'feed-2'), (:'bob', 58, 'feed-3');
CALL swipesavvy.import_purchases('feed');
SELECT amount_minor, count(*) FROM bought WHERE amount_minor BETWEEN 56 AND 58 GROUP BY 1 ORDER BY 1;
-- a temporary table is another one when it was made again, and the same one when its rows were moved
SET client_min_messages = warning;
CREATE TEMP TABLE again (user_id uuid, amount_minor bigint);
INSERT INTO again VALUES (:'ann', 59);
CALL swipesavvy.import_purchases('again');
VACUUM FULL again;
CALL swipesavvy.import_purchases('again');
SELECT count(*) AS once FROM bought WHERE amount_minor = 59;
DROP TABLE again;
CREATE TEMP TABLE again (user_id uuid, amount_minor bigint);
INSERT INTO again VALUES (:'ann', 59);
CALL swipesavvy.import_purchases('again');
SELECT count(*) AS twice FROM bought WHERE amount_minor = 59;
RESET client_min_messages;

-- times without zone are those of the programme, whatever the session's --------------------------------------------------------------------
SELECT swipesavvy.update_system_settings('{"timezone": "America/New_York"}') ->> 'status' AS status;
CREATE TABLE zoned (user_id uuid, amount_minor bigint, occurred_at timestamp);
INSERT INTO zoned VALUES (:'ann', 61, '2026-01-01 00:30'), (:'ann', 62, '2026-07-01 00:30');
CREATE TABLE dated (user_id uuid, amount_minor bigint, occurred_at date);
INSERT INTO dated VALUES (:'ann', 63, '2026-07-02');
SET timezone = 'Asia/Tokyo';
CALL swipesavvy.import_purchases('zoned');
CALL swipesavvy.import_purchases('dated');
SET timezone = 'UTC';
CALL swipesavvy.import_purchases('zoned');
SELECT amount_minor, occurred_at FROM bought WHERE amount_minor BETWEEN 61 AND 63;
SELECT swipesavvy.update_system_settings('{"timezone": "UTC"}') ->> 'status' AS status;
-- with another zone of the programme the imported rows lie elsewhere in time, and are known all the same
CALL swipesavvy.import_purchases('zoned');
SELECT count(*) FROM bought WHERE amount_minor BETWEEN 61 AND 63;

-- campaigns that are over ------------------------------------------------------------------------------------------------------------------
SELECT swipesavvy.create_campaign(id, 'SEASONAL', 1, 'FIXED_DISCOUNT', '2017-01-01', ended::timestamptz, campaign_id => id, target_merchant_id => :'shop') ->> 'status' AS status,
       swipesavvy.launch_campaign(id) ->> 'status' AS launched
  FROM (VALUES ('I-OLD', '2017-02-01'), ('I-GOES', '2018-01-01'), ('I-EARLIER', '2017-01-02')) v (id, ended);
SELECT swipesavvy.update_campaign(id, '{"status": "completed"}') ->> 'status' AS status FROM unnest(ARRAY['I-OLD', 'I-EARLIER']) id;
CREATE TABLE history (user_id uuid, amount_minor bigint, merchant_id uuid, occurred_at timestamptz);
INSERT INTO history VALUES (:'ann', 71, :'shop', '2017-01-15');
CALL swipesavvy.import_purchases('history');
SELECT swipesavvy.update_campaign('I-GOES', '{"status": "completed"}') ->> 'status' AS status;
INSERT INTO history VALUES (:'ann', 72, :'shop', '2017-01-20'), (:'ann', 73, :'shop', '2017-01-21');
CALL swipesavvy.import_purchases('history', 1);
CALL swipesavvy.import_purchases('history');
SELECT amount_minor, discount_minor FROM bought WHERE amount_minor IN (71, 72, 73);
SELECT swipesavvy.delete_campaign(id) ->> 'status' AS status FROM unnest(ARRAY['I-OLD', 'I-GOES', 'I-EARLIER']) id;

-- what is refused ------------------------------------------------------------------------------------------------------------------------
BEGIN;
CALL swipesavvy.import_purchases('plain');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CREATE FUNCTION import_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL swipesavvy.import_purchases(''plain''); END';
SELECT import_it();
CALL swipesavvy.import_purchases(NULL);
CALL swipesavvy.import_purchases('plain', 0);
CALL swipesavvy.import_purchases('plain', 100001);
CALL swipesavvy.import_purchases('no_such_table');
CALL swipesavvy.import_purchases(4294967295::oid::regclass);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE nameless (amount_minor bigint);
CALL swipesavvy.import_purchases('nameless');
CREATE TABLE amountless (user_id uuid);
CALL swipesavvy.import_purchases('amountless');
CREATE TABLE typed (user_id text, amount_minor bigint);
CALL swipesavvy.import_purchases('typed');
ALTER TABLE typed ALTER user_id TYPE uuid USING NULL, ALTER amount_minor TYPE numeric;
CALL swipesavvy.import_purchases('typed');
CALL swipesavvy.import_purchases('bought');
CREATE TABLE parted (user_id uuid, amount_minor bigint) PARTITION BY LIST (user_id);
CALL swipesavvy.import_purchases('parted');
-- whoever imports must be able to read the table, and be a backend or an admin
SET ROLE swipesavvy_backend;
CALL swipesavvy.import_purchases('mixed');
SET ROLE swipesavvy_customer;
CALL swipesavvy.import_purchases('pg_catalog.pg_class');
RESET ROLE;
SELECT source FROM swipesavvy.imports WHERE source !~ '^pg_temp_' AND source NOT IN ('imports_test.feed', 'imports_test.zoned', 'imports_test.dated', 'imports_test.history', 'imports_test.plain', 'imports_test.mixed', 'imports_test.parent', 'imports_test.daily', 'imports_test."Pl""ain; --"');

-- a DO block that is no part of a transaction block may call it; a temporary table will do
CREATE TEMP TABLE staged (user_id uuid, amount_minor bigint);
INSERT INTO staged VALUES (:'ann', 31);
SET client_min_messages = warning;
DO $$ BEGIN CALL swipesavvy.import_purchases('staged'); END $$;
RESET client_min_messages;
SELECT count(*) FROM bought WHERE amount_minor = 31;
-- the source cannot lead the reading astray: no operator or cast of the caller's path is used
CREATE FUNCTION swapped(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE OPERATOR > (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = swapped);
SET search_path = imports_test, pg_catalog;
INSERT INTO child VALUES (:'ann', 23, '2026-04-23');
CALL swipesavvy.import_purchases('child');
SELECT amount_minor FROM bought WHERE amount_minor IN (22, 23);

SELECT swipesavvy.verify_ledger() -> 'mismatches' AS mismatches;
SELECT swipesavvy.delete_campaign('I-TWO') ->> 'status' AS status;
DELETE FROM swipesavvy.imports;
SET client_min_messages = warning;
DROP SCHEMA imports_test CASCADE;
