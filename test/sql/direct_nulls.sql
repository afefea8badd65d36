-- A column that is never null, after somebody's DDL and UPDATE: who reads it is refused with 22004, or does without; no server goes down (since 1.1.0).
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
CREATE FUNCTION pg_temp.id(n text) RETURNS uuid LANGUAGE sql RETURN ('00000000-0000-7000-8000-0000d1' || lpad(n, 6, '0'))::uuid;
SELECT swipesavvy.create_user('nulls@example.com', 'Nell Null', user_id => pg_temp.id('1')) IS NOT NULL AS user,
       swipesavvy.create_merchant('Nulls', mcc => '5814', merchant_id => pg_temp.id('2')) IS NOT NULL AS merchant,
       swipesavvy.link_account(pg_temp.id('1'), 'card', '4242', card_type => 'credit', issuer => 'Visa', token => 'tok_nulls') IS NOT NULL AS account,
       swipesavvy.create_segment('nulls') IS NOT NULL AS segment, swipesavvy.create_boost('Nulls', 2, boost_id => pg_temp.id('4')) IS NOT NULL AS boost;
SELECT swipesavvy.add_segment_members('nulls', ARRAY[pg_temp.id('1')]) -> 'added' AS added, swipesavvy.activate_boost(pg_temp.id('1'), pg_temp.id('4')) IS NOT NULL AS activated,
       swipesavvy.create_campaign('Nulls', 'SEASONAL', 10, 'PERCENTAGE', '2026-01-01', budget => 1000, daily_limit => 50, per_user_limit => 9, target_segment => 'nulls', campaign_id => 'NULLS') IS NOT NULL AS campaign;
SELECT swipesavvy.launch_campaign('NULLS') ->> 'status' AS status;
SELECT count(swipesavvy.record_transaction(pg_temp.id('1'), 10 + n, merchant_id => pg_temp.id('2'), account_id => a.account_id, transaction_id => pg_temp.id('9' || n))) AS purchases FROM generate_series(1, 3) n, swipesavvy.accounts a WHERE a.user_id = pg_temp.id('1');
SELECT swipesavvy.adjust_points(pg_temp.id('1'), 500, 'Hello') -> 'points' AS adjusted, swipesavvy.redeem_points(pg_temp.id('1'), points => 50) -> 'points' AS redeemed,
       swipesavvy.refund_transaction(pg_temp.id('91'), 1) ->> 'status' AS refunded, swipesavvy.create_flag('nulls', 'N', enabled => true, rules => '[{"condition": {"role": "customer", "tier": "bronze", "segments": {"$in": ["nulls"]}}, "force": true}]') ->> 'flag_key' AS flag;
SELECT swipesavvy.rebuild_analytics() ? 'generation' AS built;

CREATE TEMP TABLE calls AS SELECT replace(replace(replace(c, 'USER', quote_literal(pg_temp.id('1'))), 'MERCHANT', quote_literal(pg_temp.id('2'))), 'PURCHASE', quote_literal(pg_temp.id('92'))) AS call FROM unnest(ARRAY[
    $$record_transaction(USER, 5, merchant_id => MERCHANT, idempotency_key => 'nulls')$$, $$refund_transaction(PURCHASE, 1)$$, $$decline_transaction(PURCHASE)$$, $$explain_award(PURCHASE)$$,
    $$get_user_profile(USER)$$, $$get_user_accounts(USER)$$, $$get_user_transactions(USER)$$, $$get_user_rewards(USER)$$, $$get_user_spending_analytics(USER)$$, $$get_points_history(USER)$$, $$export_user_data(USER)$$,
    $$list_users(search => 'null')$$, $$list_boosts()$$, $$list_segments()$$, $$list_merchants()$$, $$redeem_points(USER, points => 10)$$, $$adjust_points(USER, -5, 'x')$$, $$expire_points()$$, $$verify_ledger()$$,
    $$simulate_campaign('{"name": "X", "campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 20, "start_date": "2026-01-01", "budget": 100}', now() - interval '1 day', now() + interval '1 day')$$,
    $$get_campaign('NULLS')$$, $$update_campaign('NULLS', '{"budget": 500}')$$, $$evaluate_flag('nulls', USER)$$, $$flag_users('nulls')$$, $$get_campaign_metrics('NULLS')$$, $$get_campaign_portfolio()$$, $$export_analytics('campaigns')$$, $$export_analytics('campaign_daily')$$, $$update_user(USER, '{"name": "Nora"}')$$]) c;

-- each column that is not null and in no key of one of these tables
CREATE FUNCTION pg_temp.try(tables text[]) RETURNS TABLE (tab text, col text, call text, code text) LANGUAGE plpgsql AS $$
DECLARE
    c record;
    codes text[];
BEGIN
    FOR c IN SELECT a.attrelid::regclass AS tab, a.attname FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
              WHERE r.relnamespace = 'swipesavvy'::regnamespace AND r.relkind = 'r' AND r.relname = ANY (tables) AND a.attnum > 0 AND a.attnotnull
                AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) ORDER BY r.relname, a.attnum
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.tab, c.attname);
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', c.tab);
            EXECUTE format('UPDATE %s SET %I = NULL', c.tab, c.attname);
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', c.tab);
            codes := '{}';
            FOR call IN SELECT k.call FROM calls k LOOP
                BEGIN
                    EXECUTE 'SELECT swipesavvy.' || call;
                    codes := codes || '00000'::text;
                EXCEPTION WHEN others THEN
                    codes := codes || SQLSTATE;
                END;
            END LOOP;
            RAISE 'undone' USING ERRCODE = 'ZZ001';
        EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
        END;
        RETURN QUERY SELECT c.tab::text, c.attname::text, k.call, s.code FROM (SELECT k.call, row_number() OVER () AS n FROM calls k) k JOIN unnest(codes) WITH ORDINALITY s (code, n) USING (n);
    END LOOP;
END
$$;
SELECT code, count(*) > 0 AS some FROM pg_temp.try('{transactions,points_entries,reward_accounts,campaign_redemptions,campaign_slots,campaigns,users,merchants,accounts,segment_members,user_boosts,boosts,points_adjustments,tiers,feature_flags}') t
 WHERE code NOT IN ('00000', 'PT400') GROUP BY code ORDER BY code;
ROLLBACK;
