-- What an operator does to a table by ordinary DDL never costs a point, a row of the audit log or the server: a name proves
-- nothing, so an index is known by its shape, a condition by what it says and a column by its type.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ann '00000000-0000-7000-8000-0000a2000001'
\set bob '00000000-0000-7000-8000-0000a2000002'
BEGIN;
SELECT swipesavvy.create_user('ann@survey.test', 'ann', user_id => :'ann') ->> 'name' AS name, swipesavvy.create_user('bob@survey.test', 'bob', user_id => :'bob') ->> 'name' AS name;
SELECT swipesavvy.create_campaign('B', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'SV-TWICE', per_user_limit => 2, bonus_points => 1) ->> 'status' AS status,
       swipesavvy.launch_campaign('SV-TWICE') ->> 'status' AS status;
-- three purchases by each of the two ways: the answers, or the error
CREATE FUNCTION pg_temp.way(id uuid, direct boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    points text;
    what text;
BEGIN
    PERFORM set_config('swipesavvy.direct_tables', direct::text, true);
    SELECT string_agg(swipesavvy.record_transaction(id, 20) ->> 'points_earned', ', ') INTO points FROM generate_series(1, 3);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = format('%s, %s, %s mismatches', points,
        CASE WHEN EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'swipesavvy.reward_accounts'::regclass AND mode = 'RowShareLock')
             THEN 'by the executor' ELSE 'directly' END, swipesavvy.verify_ledger() ->> 'mismatches');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN CASE SQLSTATE WHEN 'ZZ000' THEN what ELSE SQLSTATE || ' ' || what END;
END $$;
CREATE FUNCTION pg_temp.buy() RETURNS TABLE (direct text, executor text) LANGUAGE sql AS $$
    SELECT pg_temp.way('00000000-0000-7000-8000-0000a2000001', true), pg_temp.way('00000000-0000-7000-8000-0000a2000001', false) $$;
SAVEPOINT plain;
SELECT * FROM pg_temp.buy();
-- an index under the old name: other columns, another order, some rows only, another operator class; an equal one under another name
DROP INDEX swipesavvy.campaign_redemptions_campaign;
SELECT * FROM pg_temp.buy();
CREATE INDEX campaign_redemptions_campaign ON swipesavvy.campaign_redemptions (user_id, campaign_no);
SELECT * FROM pg_temp.buy();
DROP INDEX swipesavvy.campaign_redemptions_campaign;
CREATE INDEX campaign_redemptions_campaign ON swipesavvy.campaign_redemptions (campaign_no, user_id) WHERE day > '2027-01-01';
SELECT * FROM pg_temp.buy();
DROP INDEX swipesavvy.campaign_redemptions_campaign;
CREATE INDEX campaign_redemptions_campaign ON swipesavvy.campaign_redemptions (campaign_no, user_id DESC);
SELECT * FROM pg_temp.buy();
DROP INDEX swipesavvy.campaign_redemptions_campaign;
CREATE INDEX campaign_redemptions_campaign ON swipesavvy.campaign_redemptions USING hash (campaign_no);
SELECT * FROM pg_temp.buy();
CREATE INDEX survey_redemptions ON swipesavvy.campaign_redemptions (campaign_no, user_id);
SELECT * FROM pg_temp.buy();
ALTER INDEX swipesavvy.transactions_pkey RENAME TO survey_key;
ALTER INDEX swipesavvy.transactions_user RENAME TO transactions_pkey;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- keys the other way round, and none
ALTER TABLE swipesavvy.segment_members DROP CONSTRAINT segment_members_pkey, ADD PRIMARY KEY (segment_no, user_id);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.user_boosts DROP CONSTRAINT user_boosts_pkey;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.transactions DROP CONSTRAINT transactions_pkey, ADD PRIMARY KEY (user_id, transaction_id);
SELECT * FROM pg_temp.buy();
-- then nobody can tell whether another user is about to use an id
SELECT swipesavvy.record_transaction(:'ann', 20, transaction_id => '00000000-0000-7000-8000-0000a2000010');
ROLLBACK TO plain;
ALTER TABLE swipesavvy.transactions DROP CONSTRAINT transactions_pkey, ADD PRIMARY KEY (user_id, transaction_id);
CREATE INDEX ON swipesavvy.transactions (transaction_id);
SELECT swipesavvy.record_transaction(:'ann', 20, transaction_id => '00000000-0000-7000-8000-0000a2000010') -> 'points_earned' AS points;
SAVEPOINT twice;
SELECT swipesavvy.record_transaction(:'bob', 20, transaction_id => '00000000-0000-7000-8000-0000a2000010');
ROLLBACK TO twice;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor) VALUES ('00000000-0000-7000-8000-0000a2000010', :'bob', 2000);
ROLLBACK TO plain;
-- without a key that is unique two purchases could make the slots of one day
SELECT swipesavvy.create_campaign('D', 'LOYALTY_BOOST', 0, 'FIXED_DISCOUNT', '2026-01-01', campaign_id => 'SV-DAY', daily_limit => 100) ->> 'status' AS status,
       swipesavvy.launch_campaign('SV-DAY') ->> 'status' AS status;
SELECT * FROM pg_temp.buy();
ALTER TABLE swipesavvy.campaign_slots DROP CONSTRAINT campaign_slots_pkey;
CREATE INDEX campaign_slots_pkey ON swipesavvy.campaign_slots (slot_key, campaign_no, day, slot);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- a condition in the place of ours, by the same name; ours under another one
ALTER TABLE swipesavvy.transactions DROP CONSTRAINT transaction_amounts_are_not_negative,
    ADD CONSTRAINT transaction_amounts_are_not_negative CHECK (amount_minor >= 0 AND amount_minor < 1000);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.reward_accounts RENAME CONSTRAINT pending_points_are_not_negative TO survey_pending;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- columns: a default that the engine does not want, a length, an identity, a label that is gone, no enum at all
ALTER TABLE swipesavvy.transactions ALTER refunded_minor SET DEFAULT 5;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.reward_accounts ALTER spent_currency TYPE char(5);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.points_entries ALTER campaign_no SET NOT NULL, ALTER campaign_no ADD GENERATED BY DEFAULT AS IDENTITY;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TYPE swipesavvy.entry_kind RENAME VALUE 'bonus' TO 'extra';
ALTER TABLE swipesavvy.points_entries SET (fillfactor = 100);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
DROP INDEX swipesavvy.points_entries_credits;
ALTER TABLE swipesavvy.points_entries ALTER kind TYPE text USING kind::text;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.points_entries RENAME reason TO why;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
ALTER TABLE swipesavvy.campaign_slots ALTER used TYPE numeric;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- what the executor would lose in silence is refused: rows that a trigger swallows, that row security hides, that a rule drops;
-- and when the rule is gone the session does not go on with the plan that it made into nothing
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON swipesavvy.points_entries FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow();
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
CREATE POLICY own ON swipesavvy.reward_accounts FOR SELECT USING (true);
ALTER TABLE swipesavvy.reward_accounts ENABLE ROW LEVEL SECURITY;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
CREATE RULE nothing AS ON INSERT TO swipesavvy.campaign_redemptions DO INSTEAD NOTHING;
SELECT * FROM pg_temp.buy();
SELECT * FROM pg_temp.buy();
DROP RULE nothing ON swipesavvy.campaign_redemptions;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
CREATE RULE nothing AS ON INSERT TO swipesavvy.points_adjustments DO INSTEAD NOTHING;
SAVEPOINT adjusted;
SELECT swipesavvy.adjust_points(:'ann', 5, 'Welcome');
ROLLBACK TO adjusted;
DROP RULE nothing ON swipesavvy.points_adjustments;
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON swipesavvy.points_adjustments FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow();
SELECT swipesavvy.adjust_points(:'ann', 5, 'Welcome');
ROLLBACK TO plain;
-- a trigger that moves points itself: those of another user are moved; those of the buyer are held by the purchase, and
-- would be written over
CREATE FUNCTION pg_temp.give() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM swipesavvy.adjust_points(TG_ARGV[0]::uuid, 7, 'Gift'); RETURN NULL; END $$;
CREATE TRIGGER give AFTER INSERT ON swipesavvy.transactions FOR EACH ROW EXECUTE FUNCTION pg_temp.give('00000000-0000-7000-8000-0000a2000002');
SELECT * FROM pg_temp.buy();
DROP TRIGGER give ON swipesavvy.transactions;
CREATE TRIGGER give AFTER INSERT ON swipesavvy.transactions FOR EACH ROW EXECUTE FUNCTION pg_temp.give('00000000-0000-7000-8000-0000a2000001');
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- rights taken from the owner
REVOKE INSERT ON swipesavvy.points_entries FROM swipesavvy_owner;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
REVOKE SELECT ON swipesavvy.users FROM swipesavvy_owner;
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- Citus keeps an empty table in the place of one that it distributes; what is not distributed is used as ever
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL);
GRANT SELECT ON pg_catalog.pg_dist_partition TO PUBLIC;
ALTER TABLE swipesavvy.transactions SET (fillfactor = 100);
SELECT * FROM pg_temp.buy();
INSERT INTO pg_catalog.pg_dist_partition VALUES ('swipesavvy.merchant_categories', 'n'), ('swipesavvy.merchants', 'n');
ALTER TABLE swipesavvy.merchants SET (fillfactor = 100);
SELECT * FROM pg_temp.buy();
ROLLBACK TO plain;
-- the audit log: columns of another type are refused, never written as what they are not
SET swipesavvy.direct_tables = on;
CREATE FUNCTION pg_temp.change(mail text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    what text;
BEGIN
    PERFORM swipesavvy.create_user(mail, 'Carl');
    RETURN (SELECT format('%s row, %s', count(*), swipesavvy.verify_audit_log() ->> 'status') FROM swipesavvy.audit_logs WHERE details::text LIKE '%' || mail || '%');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || what;
END $$;
SAVEPOINT audited;
SELECT pg_temp.change('carl@survey.test');
ALTER TABLE swipesavvy.audit_logs ALTER details TYPE jsonb USING details::jsonb;
SELECT pg_temp.change('carl1@survey.test');
SELECT swipesavvy.get_audit_logs();
ROLLBACK TO audited;
ALTER TABLE swipesavvy.audit_logs ALTER user_id TYPE text USING user_id::text;
SELECT pg_temp.change('carl2@survey.test');
ROLLBACK TO audited;
ALTER TABLE swipesavvy.audit_logs ADD note text, ADD CHECK (event_type <> ''), ALTER request_id SET DEFAULT 'none';
CREATE INDEX ON swipesavvy.audit_logs (lower(resource));
SELECT pg_temp.change('carl3@survey.test');
ROLLBACK TO audited;
ALTER TABLE swipesavvy.audit_logs RENAME user_id TO x;
ALTER TABLE swipesavvy.audit_logs RENAME actor_id TO user_id;
ALTER TABLE swipesavvy.audit_logs RENAME x TO actor_id;
SELECT pg_temp.change('carl4@survey.test');
ROLLBACK TO audited;
ALTER TABLE swipesavvy.audit_installations DROP database_oid;
SELECT pg_temp.change('carl5@survey.test');
ROLLBACK TO audited;
ALTER TABLE swipesavvy.audit_installations ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON swipesavvy.audit_installations USING (true);
SELECT pg_temp.change('carl6@survey.test');
ROLLBACK TO audited;
-- the list of campaigns is counted by pages only while the table is plain
SELECT swipesavvy.list_campaigns() -> 'total' AS total \gset
ALTER TABLE swipesavvy.campaigns ENABLE ROW LEVEL SECURITY;
SELECT swipesavvy.list_campaigns() -> 'total' AS none, :total > 0 AS some;
ROLLBACK TO audited;
-- so are results of queries: of whatever table, by the columns' types
ALTER TABLE swipesavvy.campaigns ALTER budget TYPE numeric;
SELECT * FROM pg_temp.buy();
ROLLBACK TO audited;
ALTER TABLE swipesavvy.rewards ALTER points TYPE numeric;
SELECT swipesavvy.create_reward('Mug', 100, stock => 5);
ROLLBACK TO audited;
ALTER TABLE swipesavvy.users ALTER created_at TYPE timestamp;
SELECT swipesavvy.list_users() -> 'total';
ROLLBACK TO audited;
ALTER TABLE swipesavvy.leaderboards ADD note text;
SELECT swipesavvy.get_leaderboard('weekly') IS NOT NULL AS answered;
ROLLBACK;
