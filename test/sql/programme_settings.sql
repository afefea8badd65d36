-- Settings of the programme, and the guards of the ledger. Nothing is left behind.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
BEGIN;
-- all that are given; the rest stay
SELECT s - '{updated_at,updated_settings}'::text[] AS result, jsonb_pretty(s -> 'updated_settings') AS settings, (s ->> 'updated_at')::timestamptz = now() AS now
  FROM swipesavvy.update_system_settings('{"earn_rate": 10, "max_transaction_amount": 2500.5, "daily_spending_limit": 5000, "rate_limit_per_minute": 60,
                                           "timezone": "europe/berlin", "maintenance_mode": true}') s;
UPDATE swipesavvy.system_settings SET updated_at = '2000-01-01' WHERE true;
SET request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000d0001"}';
SELECT s ->> 'updated_by' AS updated_by FROM swipesavvy.update_system_settings('{"earn_rate": 10.000, "cache_ttl_seconds": 0, "rate_limit_per_minute": null}') s;
RESET request.jwt.claims;
SELECT setting, value, updated_by FROM swipesavvy.system_settings WHERE updated_at > '2000-01-01' ORDER BY setting;
SELECT swipesavvy.update_system_settings('{}') ->> 'status' AS nothing_changed;

-- each type, its range and its null
SELECT swipesavvy.update_system_settings(NULL);
SELECT swipesavvy.update_system_settings('[]');
SELECT swipesavvy.update_system_settings('{"earn_rat": 1}');
SELECT swipesavvy.update_system_settings('{"maintenance_mode": 1}');
SELECT swipesavvy.update_system_settings('{"maintenance_mode": null}');
SELECT swipesavvy.update_system_settings('{"cache_ttl_seconds": 1.5}');
SELECT swipesavvy.update_system_settings('{"cache_ttl_seconds": -1}');
SELECT swipesavvy.update_system_settings('{"cache_ttl_seconds": "300"}');
SELECT swipesavvy.update_system_settings('{"point_value_minor": 1000001}');
SELECT swipesavvy.update_system_settings('{"earn_rate": 1.0005}');
SELECT swipesavvy.update_system_settings('{"earn_rate": 1000.001}');
SELECT swipesavvy.update_system_settings('{"max_transaction_amount": 0.005}');
SELECT swipesavvy.update_system_settings('{"max_transaction_amount": -1}');
SELECT swipesavvy.update_system_settings('{"max_transaction_amount": 1e30}');
SELECT swipesavvy.update_system_settings('{"currency": "usd"}');
SELECT swipesavvy.update_system_settings('{"currency": "XAU"}');
SELECT swipesavvy.update_system_settings('{"currency": null}');
SELECT swipesavvy.update_system_settings('{"timezone": "+5"}');
SELECT swipesavvy.update_system_settings('{"timezone": "CEST"}');
SELECT swipesavvy.update_system_settings('{"timezone": "FOO-5BAR,M3.2.0,M11.1.0"}');
SELECT swipesavvy.update_system_settings('{"timezone": "Mars/Base"}');
-- one bad value, and nothing changes
SELECT swipesavvy.update_system_settings('{"cache_ttl_seconds": 42, "earn_rate": -1}');
SELECT value AS cache_ttl_seconds FROM swipesavvy.system_settings WHERE setting = 'cache_ttl_seconds';

-- money is in the currency as it will be: 2500.50 is no amount of yen
SELECT swipesavvy.update_system_settings('{"currency": "JPY"}');
SELECT s #> '{updated_settings,currency}' AS currency, s #> '{updated_settings,max_transaction_amount}' AS maximum, s #> '{updated_settings,daily_spending_limit}' AS daily
  FROM swipesavvy.update_system_settings('{"currency": "JPY", "max_transaction_amount": 2500}') s;
SELECT s #> '{updated_settings,max_transaction_amount}' AS maximum
  FROM swipesavvy.update_system_settings('{"currency": "BHD", "max_transaction_amount": 2500.125}') s;

-- who may
SET ROLE swipesavvy_support;
SELECT swipesavvy.update_system_settings('{}');
RESET ROLE;
ROLLBACK;

-- the ledger is append-only, and is not dropped while it has entries
BEGIN;
SELECT swipesavvy.create_user('ledger@settings.test', 'L', user_id => '00000000-0000-7000-8000-0000000d0002') ->> 'name' AS name;
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
VALUES ('00000000-0000-7000-8000-0000000d0002', '00000000-0000-7000-8000-0000000d0003', 5, now(), 'adjust', 'issuance', 'available');
UPDATE swipesavvy.points_entries SET points = 6;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM swipesavvy.points_entries;
TRUNCATE swipesavvy.points_entries;
SET session_replication_role = replica;
DELETE FROM swipesavvy.points_entries;
RESET session_replication_role;
DROP EXTENSION swipesavvy;
\echo :LAST_ERROR_SQLSTATE
DROP EXTENSION IF EXISTS swipesavvy CASCADE;
DROP EXTENSION pg_trgm CASCADE;
DROP EXTENSION plpgsql CASCADE;
DROP SCHEMA swipesavvy CASCADE;
-- the schema of something it needs, and a role that owns something it needs
CREATE SCHEMA settings_trgm;
ALTER EXTENSION pg_trgm SET SCHEMA settings_trgm;
DROP SCHEMA settings_trgm CASCADE;
CREATE ROLE regress_settings_owner;
ALTER SCHEMA settings_trgm OWNER TO regress_settings_owner;
DROP OWNED BY regress_settings_owner CASCADE;
-- what takes nothing of it away is dropped, also by who may not read the ledger
CREATE SCHEMA settings_other CREATE VIEW entries AS SELECT * FROM swipesavvy.points_entries;
ALTER SCHEMA settings_other OWNER TO regress_settings_owner;
GRANT USAGE ON SCHEMA settings_other TO regress_settings_owner;
SET ROLE regress_settings_owner;
DROP SCHEMA settings_other CASCADE;
RESET ROLE;
ALTER SCHEMA settings_trgm OWNER TO CURRENT_USER;
DROP OWNED BY regress_settings_owner CASCADE;
SET swipesavvy.allow_drop = on;
DROP EXTENSION pg_trgm CASCADE;
SELECT count(*) FROM pg_event_trigger WHERE evtname = 'swipesavvy_drop_guard';
ROLLBACK;
SELECT count(*) FROM pg_event_trigger WHERE evtname = 'swipesavvy_drop_guard';
