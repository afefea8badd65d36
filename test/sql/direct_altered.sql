-- What somebody adds to the engine's tables holds for the engine too: it writes them past the executor only while they are
-- as the extension made them.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ann '00000000-0000-7000-8000-0000a1000001'
\set shop '00000000-0000-7000-8000-0000a1000010'
BEGIN;
SELECT swipesavvy.create_user('ann@altered.test', 'ann', user_id => :'ann') ->> 'name' AS name;
SELECT swipesavvy.create_merchant('altered', 'Services', merchant_id => :'shop') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('B', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'AL-BUDGET', target_merchant_id => :'shop', budget => 100, bonus_points => 1) ->> 'status' AS status,
       swipesavvy.launch_campaign('AL-BUDGET') ->> 'status' AS status;
-- a purchase by each of the two doors, and all that it left; or the error
CREATE FUNCTION pg_temp.buy(amount numeric DEFAULT 10, at_shop boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ann CONSTANT uuid := '00000000-0000-7000-8000-0000a1000001';
    shop CONSTANT uuid := CASE WHEN at_shop THEN '00000000-0000-7000-8000-0000a1000010' END;
    what text;
BEGIN
    PERFORM swipesavvy.record_transaction(ann, amount, merchant_id => shop);
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, merchant_id) SELECT ann, amount * 100, shop FROM generate_series(1, 3);
    -- only the executor locks rows of a table by a statement
    RETURN format('%s points of %s purchases, %s, %s used, %s mismatches, %s', points_available, transaction_count, tier,
                  (SELECT sum(used) FROM swipesavvy.campaign_slots JOIN swipesavvy.campaigns USING (campaign_no) WHERE campaign_id = 'AL-BUDGET'),
                  swipesavvy.verify_ledger() ->> 'mismatches',
                  CASE WHEN EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'swipesavvy.reward_accounts'::regclass AND mode = 'RowShareLock')
                       THEN 'by the executor' ELSE 'directly' END) FROM swipesavvy.reward_accounts WHERE user_id = ann;
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || what;
END $$;
SAVEPOINT plain;
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- triggers: of rows and of statements, on each table
CREATE TEMPORARY TABLE seen (what text);
GRANT INSERT ON seen TO swipesavvy_owner;
CREATE FUNCTION pg_temp.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO pg_temp.seen VALUES (TG_TABLE_NAME || ' ' || TG_LEVEL); RETURN NULL; END $$;
CREATE TRIGGER see AFTER INSERT ON swipesavvy.transactions FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
CREATE TRIGGER see AFTER INSERT ON swipesavvy.points_entries FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
CREATE TRIGGER see AFTER INSERT ON swipesavvy.campaign_redemptions FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.see();
CREATE TRIGGER see AFTER UPDATE ON swipesavvy.reward_accounts FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
CREATE TRIGGER see AFTER UPDATE ON swipesavvy.campaign_slots FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
SELECT pg_temp.buy();
SELECT what, count(*) FROM seen GROUP BY what ORDER BY what;
ROLLBACK TO plain;
-- columns that may be null no longer
ALTER TABLE swipesavvy.transactions ALTER merchant_id SET NOT NULL;
SELECT pg_temp.buy(at_shop => false);
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- constraints: one more, one that holds for new rows only, one in the place of ours
ALTER TABLE swipesavvy.transactions ADD CONSTRAINT at_most_5 CHECK (amount_minor <= 500);
SELECT pg_temp.buy();
SELECT pg_temp.buy(5);
ROLLBACK TO plain;
ALTER TABLE swipesavvy.reward_accounts ADD CONSTRAINT at_most_5 CHECK (points_available <= 5) NOT VALID;
SELECT pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.transactions DROP CONSTRAINT a_discount_is_part_of_the_amount, ADD CONSTRAINT at_most_5 CHECK (amount_minor <= 500);
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- foreign keys: on a column that the engine changes, on the key, from elsewhere
CREATE TABLE public.altered_tiers (tier text COLLATE "C" PRIMARY KEY);
GRANT SELECT ON public.altered_tiers TO swipesavvy_owner;
INSERT INTO public.altered_tiers VALUES ('bronze');
ALTER TABLE swipesavvy.reward_accounts ADD CONSTRAINT a_tier_of_ours FOREIGN KEY (tier) REFERENCES public.altered_tiers;
SELECT pg_temp.buy();
SELECT pg_temp.buy(1000);
ROLLBACK TO plain;
ALTER TABLE swipesavvy.transactions ADD CONSTRAINT a_purchase_of_a_merchant FOREIGN KEY (merchant_id) REFERENCES swipesavvy.merchants;
SELECT pg_temp.buy();
ROLLBACK TO plain;
CREATE TABLE public.altered_cards (user_id uuid REFERENCES swipesavvy.reward_accounts, n integer);
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- indexes: unique, unique at the end of the transaction, exclusion
CREATE UNIQUE INDEX ON swipesavvy.transactions (amount_minor) WHERE amount_minor > 500;
SELECT pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.transactions ADD CONSTRAINT each_amount_once UNIQUE (amount_minor) DEFERRABLE;
SELECT pg_temp.buy();
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO plain;
ALTER TABLE swipesavvy.points_entries ADD CONSTRAINT each_number_once EXCLUDE USING btree (points WITH =);
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- a function of an index runs with the library's rights: never by the caller's search_path, and in the executor only
CREATE SCHEMA altered_trap;
GRANT USAGE ON SCHEMA altered_trap TO PUBLIC;
CREATE FUNCTION public.altered_word(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN upper($1); END $$;
CREATE INDEX ON swipesavvy.transactions (public.altered_word(idempotency_key));
CREATE FUNCTION altered_trap.upper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'called as %', current_user; END $$;
SET LOCAL search_path = altered_trap, pg_catalog;
SELECT pg_temp.buy();
SELECT pg_temp.buy();
ROLLBACK TO plain;
CREATE SCHEMA altered_trap;
GRANT USAGE ON SCHEMA altered_trap TO PUBLIC;
CREATE FUNCTION public.altered_word(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN upper($1) > ''; END $$;
ALTER TABLE swipesavvy.reward_accounts ADD CHECK (public.altered_word(tier));
CREATE FUNCTION altered_trap.upper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'called as %', current_user; END $$;
SET LOCAL search_path = altered_trap, pg_catalog;
SELECT pg_temp.buy();
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- columns: one more, one that is computed, and of another type
ALTER TABLE swipesavvy.transactions ADD note text NOT NULL DEFAULT 'none';
SELECT pg_temp.buy();
SELECT note, count(*) FROM swipesavvy.transactions WHERE user_id = :'ann' GROUP BY note;
ALTER TABLE swipesavvy.transactions DROP note;
SELECT pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.campaign_redemptions ADD doubled bigint GENERATED ALWAYS AS (2 * points) STORED;
SELECT pg_temp.buy();
SELECT sum(doubled) FROM swipesavvy.campaign_redemptions WHERE user_id = :'ann';
ROLLBACK TO plain;
ALTER TABLE swipesavvy.reward_accounts ALTER points_available TYPE numeric;
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- rules, row security, children, publications
CREATE RULE nothing AS ON UPDATE TO swipesavvy.campaign_slots WHERE new.used = 100 DO INSTEAD NOTHING;
SELECT pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.campaign_slots ENABLE ROW LEVEL SECURITY;
CREATE POLICY look ON swipesavvy.campaign_slots FOR SELECT USING (true);
SELECT pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.merchants ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON swipesavvy.merchants FOR SELECT TO swipesavvy_owner USING (false);
SELECT pg_temp.buy();
ROLLBACK TO plain;
CREATE TABLE public.altered_merchants () INHERITS (swipesavvy.merchants);
GRANT SELECT ON public.altered_merchants TO swipesavvy_owner;
INSERT INTO public.altered_merchants (merchant_id, name, category) VALUES ('00000000-0000-7000-8000-0000a1000011', 'Child', 'Services');
SELECT swipesavvy.record_transaction(:'ann', 1, merchant_id => '00000000-0000-7000-8000-0000a1000011') -> 'points_earned' AS points;
ROLLBACK TO plain;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION altered FOR TABLE swipesavvy.reward_accounts, swipesavvy.transactions;
SELECT pg_temp.buy();
ALTER TABLE swipesavvy.transactions REPLICA IDENTITY NOTHING;
SELECT pg_temp.buy();
ALTER TABLE swipesavvy.reward_accounts REPLICA IDENTITY NOTHING;
SELECT pg_temp.buy();
ALTER TABLE swipesavvy.reward_accounts REPLICA IDENTITY FULL;
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- the slot of a new day that a trigger lets go: not written, which is no fault of the data
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON swipesavvy.campaign_slots FOR EACH ROW WHEN (new.day > '-infinity') EXECUTE FUNCTION pg_temp.swallow();
SELECT pg_temp.buy();
SELECT swipesavvy.create_campaign('D', 'SEASONAL', 1, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'AL-DAY', target_merchant_id => :'shop', daily_limit => 100, bonus_points => 1) ->> 'status' AS status,
       swipesavvy.launch_campaign('AL-DAY') ->> 'status' AS status;
SELECT pg_temp.buy();
SET LOCAL swipesavvy.direct_tables = off;
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- what changes nothing: where and how a table is stored
ALTER TABLE swipesavvy.campaign_slots SET UNLOGGED;
CLUSTER swipesavvy.reward_accounts USING reward_accounts_pkey;
REINDEX TABLE swipesavvy.transactions;
TRUNCATE swipesavvy.segment_members;
SELECT pg_temp.buy();
ROLLBACK TO plain;
-- a document that is stored outside of its row, by both doors
SELECT jsonb_build_object('words', jsonb_agg(md5(n::text))) AS document FROM generate_series(1, 1500) n \gset
SELECT swipesavvy.record_transaction(:'ann', 1, idempotency_key => 'toast', metadata => :'document') -> 'points_earned' AS points,
       swipesavvy.record_transaction(:'ann', 1, idempotency_key => 'toast', metadata => :'document') -> 'replayed' AS replayed;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, metadata) SELECT :'ann', 100, :'document' FROM generate_series(1, 3);
SELECT count(*), bool_and(metadata = :'document'), max(pg_column_size(metadata)) > 10000 AS large FROM swipesavvy.transactions WHERE user_id = :'ann';
SELECT pg_temp.buy();
ROLLBACK;
