-- Every function that writes leaves its row in the audit log; and how the log is read.
\set QUIET on
BEGIN;
-- in a time zone and a style of dates that nothing may show
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';
SELECT no_plan();
-- on a server with preload others' attempts may wait, and would come with the first row here
SELECT swipesavvy.record_refused_attempts() \g /dev/null

\set ada '00000000-0000-7000-8000-00000000000a'
\set staff '00000000-0000-7000-8000-0000000000ff'
CREATE TEMP VIEW logs AS
    SELECT log_id, xid, logged_at, event_type COLLATE "default" AS event_type, resource COLLATE "default" AS resource, resource_id,
           status COLLATE "default" AS status, user_id, actor_id, session_role, invoking_role, request_id, origin, origin_salt, origin_hash,
           details, details_salt, details_hash FROM swipesavvy.audit_logs;
-- the same rows, as text: columns of several collations cannot be compared otherwise
CREATE FUNCTION pg_temp.same(query text, wanted text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    texts text[];
    one text;
    query_text text;
BEGIN
    FOREACH query_text IN ARRAY ARRAY[query, wanted] LOOP
        EXECUTE format('SELECT string_agg(t::text, E''\n'') FROM (%s) t', query_text) INTO one;
        texts := texts || coalesce(one, 'no row');
    END LOOP;
    RETURN NEXT is(texts[1], texts[2], what);
END
$$;
CREATE FUNCTION pg_temp.left_by(statement text) RETURNS SETOF logs LANGUAGE plpgsql AS $$
DECLARE
    before uuid[] := ARRAY(SELECT log_id FROM logs);
BEGIN
    EXECUTE statement;
    RETURN QUERY SELECT * FROM logs WHERE log_id <> ALL (before);
END
$$;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true),
       set_config('request.jwt.claims', jsonb_build_object('sub', :'staff')::text, true),
       set_config('request.headers', '{"user-agent": "App/7 (ü)", "x-forwarded-for": "6.6.6.6, 203.0.113.9", "x-request-id": "r-1/a"}', true) \g /dev/null

-- --- everything that changes something -----------------------------------------------------------------

-- Each function that writes, in an order in which all succeed, with the row that it leaves. The exceptions keep a record of their own:
-- purchases and what is spent the ledger, jobs and each completed campaign (test/sql/operations_jobs.sql), leaderboards and figures of customers, segments and hold-outs it again (but members of segments: test/sql/analytics_customers.sql), sums of tests it too, events, exposures and messages themselves, seals too; rule_cache_status changes nothing that lasts; http_write calls others.
CREATE TEMP TABLE exceptions (routine) AS VALUES ('record_transaction'), ('record_transactions'), ('redeem_points'), ('donate_points'), ('refresh_leaderboards'), ('refresh_ab_tests'), ('refresh_customer_analytics'), ('refresh_campaign_segments'), ('refresh_campaign_uplift'), ('assign_ab_test'), ('track_exposures'), ('import_purchases'), ('settle_transaction'),
    ('check_ledger'), ('claim_job'), ('finish_job'), ('record_health'), ('roll_up_health'), ('complete_campaigns'), ('decline_transaction'), ('refund_transaction'), ('lapse_transactions'), ('refresh_tiers'), ('track_event'), ('track_events'), ('fold_analytics'), ('rebuild_analytics'), ('refresh_analytics'), ('apply_event_retention'), ('claim_outbox'),
    ('claim_requests'), ('record_results'), ('report_location'), ('close_geofence_visits'), ('apply_location_retention'), ('refresh_merchant_analytics'), ('refresh_rating_prior'), ('release_requests'),
    ('acknowledge_outbox'), ('fail_outbox'), ('apply_outbox_retention'), ('seal_audit_log'), ('apply_audit_retention'), ('record_refused_attempts'), ('assign_flag'), ('flush_flag_usage'), ('fold_flag_usage'), ('rule_cache_status'), ('flag_cache_status'), ('uuid_v7'), ('http_write'),
    -- rows of sign-in depend on who comes with what: test/sql/signin.sql shows them
    ('sign_in'), ('refresh_session'), ('sign_out'), ('change_password'), ('authenticate'), ('rotate_token_key');
CREATE TEMP TABLE exercises (n, routine, arguments, event_type, resource_id, about, details) AS VALUES
    (1, 'create_user', $$'bob@example.com', 'Bob', user_id => 'BOB'$$, 'user.create', 'BOB', 'BOB', NULL),
    (2, 'update_user', $$'BOB', '{"name": "Bo"}'$$, 'user.update', 'BOB', 'BOB', '{"before": {"name": "Bob"}, "after": {"name": "Bo"}}'),
    (3, 'suspend_user', $$'BOB'$$, 'user.suspend', 'BOB', 'BOB', NULL),
    (4, 'deactivate_user', $$'BOB'$$, 'user.deactivate', 'BOB', 'BOB', NULL),
    (5, 'reactivate_user', $$'BOB'$$, 'user.reactivate', 'BOB', 'BOB', NULL),
    (6, 'link_account', $$'BOB', 'card', '4242', 'Issuer', token => 'tok_x', expiry_month => 1, expiry_year => 2030$$, 'account.link', 'ACCOUNT',
        'BOB', '{"after": {"account_id": "ACCOUNT", "type": "card", "issuer": "Issuer", "last_four": "***", "expiry_month": "***",
         "expiry_year": "***", "is_default": true, "is_verified": false, "created_at": "NOW"}}'),
    (7, 'verify_account', $$'ACCOUNT'$$, 'account.verify', 'ACCOUNT', 'BOB', '{"before": {"is_verified": false}, "after": {"is_verified": true}}'),
    (8, 'set_default_account', $$'ACCOUNT'$$, 'account.set_default', 'ACCOUNT', 'BOB', '{"before": {}, "after": {}}'),
    (9, 'unlink_account', $$'ACCOUNT'$$, 'account.unlink', 'ACCOUNT', 'BOB', '{"before": {"is_default": true}, "after": {"is_default": false}}'),
    (10, 'create_merchant', $$'Shop', 'Services', merchant_id => '00000000-0000-7000-8000-0000000000c1'$$, 'merchant.create', '00000000-0000-7000-8000-0000000000c1', NULL, NULL),
    (11, 'update_merchant', $$'00000000-0000-7000-8000-0000000000c1', '{"name": "Shop 2", "metadata": {"api_token": "s3cret", "note": ["4111 1111 1111 1111", 5]}}'$$,
        'merchant.update', '00000000-0000-7000-8000-0000000000c1', NULL,
        '{"before": {"name": "Shop", "metadata": {}}, "after": {"name": "Shop 2", "metadata": {"api_token": "***", "note": ["***", 5]}}}'),
    (401, 'add_merchant_location', $$'00000000-0000-7000-8000-0000000000c1', 52.5, 13.25, 'Gate', location_id => '00000000-0000-7000-8000-0000000000a1'$$, 'location.add', '00000000-0000-7000-8000-0000000000a1', NULL, NULL),
    (402, 'update_merchant_location', $$'00000000-0000-7000-8000-0000000000a1', '{"name": "Tor", "latitude": 52.25, "longitude": 13.25}'$$, 'location.update', '00000000-0000-7000-8000-0000000000a1', NULL,
        '{"before": {"name": "Gate", "latitude": 52.5000000}, "after": {"name": "Tor", "latitude": 52.2500000}}'),
    (403, 'remove_merchant_location', $$'00000000-0000-7000-8000-0000000000a1'$$, 'location.remove', '00000000-0000-7000-8000-0000000000a1', NULL, '{"before": {"is_active": true}, "after": {"is_active": false}}'),
    (404, 'import_merchant_locations', $$'[{"merchant_id": "00000000-0000-7000-8000-0000000000c1", "latitude": 1, "longitude": 1}, {}]'$$, 'location.import', NULL, NULL, '{"after": {"imported": 1, "refused": 1}}'),
    (405, 'create_geofence', $$'Gate', 52.5, 13.25, 100, geofence_id => '00000000-0000-7000-8000-0000000000f7'$$, 'geofence.create', '00000000-0000-7000-8000-0000000000f7', NULL, NULL),
    (406, 'update_geofence', $$'00000000-0000-7000-8000-0000000000f7', '{"radius_meters": 200}'$$, 'geofence.update', '00000000-0000-7000-8000-0000000000f7', NULL, '{"before": {"radius_meters": 100}, "after": {"radius_meters": 200}}'),
    (407, 'delete_geofence', $$'00000000-0000-7000-8000-0000000000f7'$$, 'geofence.delete', '00000000-0000-7000-8000-0000000000f7', NULL, '{"before": {"is_active": true}, "after": {"is_active": false}}'),
    (408, 'set_location_consent', $$'00000000-0000-7000-8000-00000000000d', true$$, 'location_consent.set', '00000000-0000-7000-8000-00000000000d', '00000000-0000-7000-8000-00000000000d', NULL),
    (412, 'add_merchant_offer', $$'00000000-0000-7000-8000-0000000000c1', 'Cake', starts_at => '2026-01-01', offer_id => '00000000-0000-7000-8000-0000000000f8'$$, 'offer.add', '00000000-0000-7000-8000-0000000000f8', NULL, NULL),
    (413, 'update_merchant_offer', $$'00000000-0000-7000-8000-0000000000f8', '{"title": "Tart"}'$$, 'offer.update', '00000000-0000-7000-8000-0000000000f8', NULL, '{"before": {"title": "Cake"}, "after": {"title": "Tart"}}'),
    (414, 'remove_merchant_offer', $$'00000000-0000-7000-8000-0000000000f8'$$, 'offer.remove', '00000000-0000-7000-8000-0000000000f8', NULL, '{"before": {"is_active": true}, "after": {"is_active": false}}'),
    (415, 'delete_merchant', $$'00000000-0000-7000-8000-0000000000c1'$$, 'merchant.delete', '00000000-0000-7000-8000-0000000000c1', NULL, '{"before": {"is_active": true}, "after": {"is_active": false}}'),
    (409, 'rate_merchant', $$'00000000-0000-7000-8000-00000000000d', '00000000-0000-7000-8000-0000000000c1', 5, 'Good'$$, 'review.rate', 'REVIEW', '00000000-0000-7000-8000-00000000000d', NULL),
    (410, 'moderate_review', $$'REVIEW', 'rejected', 'Short'$$, 'review.moderate', 'REVIEW', '00000000-0000-7000-8000-00000000000d', NULL),
    (411, 'delete_rating', $$'00000000-0000-7000-8000-00000000000d', '00000000-0000-7000-8000-0000000000c1'$$, 'review.delete', 'REVIEW', '00000000-0000-7000-8000-00000000000d', NULL),
    (421, 'set_partnership', $$'00000000-0000-7000-8000-0000000000c1', 'standard', 2.5, '2100-01-01', '2100-12-31', 'by letter'$$, 'partnership.set', '00000000-0000-7000-8000-0000000000c1', NULL,
        '{"after": {"merchant_id": "00000000-0000-7000-8000-0000000000c1", "version": 1, "tier": "standard", "commission_rate": 2.500, "starts_on": "2100-01-01", "ends_on": "2100-12-31", "notes": "by letter", "created_at": "NOW"}}'),
    (422, 'get_merchant_analytics', $$'00000000-0000-7000-8000-0000000000c1', '2026-01-01', '2026-01-31', suppress => false$$, 'merchant_analytics.disclose', '00000000-0000-7000-8000-0000000000c1', NULL,
        '{"after": {"start_date": "2026-01-01", "end_date": "2026-01-31", "currency": "USD"}}'),
    (12, 'create_segment', $$'VIP'$$, 'segment.create', 'VIP', NULL, NULL),
    (13, 'add_segment_members', $$'VIP', '{BOB}'$$, 'segment.add_members', 'VIP', NULL, '{"after": {"added": 1, "listed": 1, "user_ids": ["BOB"]}}'),
    (14, 'remove_segment_members', $$'VIP', '{BOB,BOB}'$$, 'segment.remove_members', 'VIP', NULL, '{"after": {"removed": 1, "listed": 2, "user_ids": ["BOB", "BOB"]}}'),
    (15, 'create_boost', $$'Double', 2, boost_id => '00000000-0000-7000-8000-0000000000d0'$$, 'boost.create', '00000000-0000-7000-8000-0000000000d0', NULL, NULL),
    (16, 'activate_boost', $$'BOB', '00000000-0000-7000-8000-0000000000d0'$$, 'boost.activate', '00000000-0000-7000-8000-0000000000d0', 'BOB', NULL),
    (17, 'deactivate_boost', $$'BOB', '00000000-0000-7000-8000-0000000000d0'$$, 'boost.deactivate', '00000000-0000-7000-8000-0000000000d0', 'BOB', NULL),
    (18, 'update_tiers', $$'[{"tier": "bronze", "threshold": 0, "multiplier": 1}, {"tier": "silver", "threshold": 1500, "multiplier": 1.25}]'$$, 'tiers.update', NULL, NULL, NULL),
    (207, 'add_currency', $$'QQQ', 2, 'Quid'$$, 'currency.add', 'QQQ', NULL, '{"after": {"code": "QQQ", "name": "Quid", "exponent": 2}}'),
    (19, 'update_system_settings', $$'{"late_posting_days": 4, "earn_rate": 1}'$$, 'settings.update', NULL, NULL, '{"before": {"late_posting_days": 3}, "after": {"late_posting_days": 4}}'),
    (20, 'create_campaign', $$'Two', 'SEASONAL', 10, 'PERCENTAGE', '2020-01-01', campaign_id => 'C-2'$$, 'campaign.create', 'C-2', NULL, NULL),
    (21, 'update_campaign', $$'C-2', '{"name": "Second"}'$$, 'campaign.update', 'C-2', NULL, '{"before": {"name": "Two", "version": 1}, "after": {"name": "Second", "version": 2}}'),
    (22, 'launch_campaign', $$'C-2'$$, 'campaign.launch', 'C-2', NULL, NULL), (23, 'pause_campaign', $$'C-2'$$, 'campaign.pause', 'C-2', NULL, NULL),
    (24, 'delete_campaign', $$'C-2'$$, 'campaign.delete', 'C-2', NULL, NULL),
    (30, 'set_health_threshold', $$'disk_percent', 70$$, 'health_threshold.update', 'disk_percent', NULL,
        '{"after": {"figure": "disk_percent", "warning": "70"}}'),
    (31, 'acknowledge_alert', $$'00000000-0000-7000-8000-0000000000f1', 'on it'$$, 'alert.acknowledge', '00000000-0000-7000-8000-0000000000f1', NULL, NULL),
    (29, 'set_job', $$'seal_audit_log', every => '1 minute'$$, 'job.update', 'seal_audit_log', NULL,
        '{"after": {"job": "seal_audit_log", "enabled": true, "every_seconds": 60}}'),
    (25, 'replay_outbox', 'ARRAY(SELECT message_id FROM swipesavvy.outbox WHERE dead_at IS NOT NULL)', 'outbox.replay', NULL, NULL, NULL),
    (26, 'reset_user_password', $$'BOB'$$, 'user.reset_password', 'BOB', 'BOB', NULL),
    (27, 'erase_user', $$'BOB'$$, 'user.erase', 'BOB', 'BOB', NULL),
    (28, 'add_token_key', $$'k-1', 's3cret s3cret s3cret s3cret s3cret'$$, 'token_key.add', 'k-1', NULL, NULL),
    (131, 'set_sink_secret', $$'hook-key', 's3cret'$$, 'sink_secret.create', 'hook-key', NULL, NULL),
    (132, 'set_sink_secret', $$'hook-key', 's3cret too'$$, 'sink_secret.update', 'hook-key', NULL, NULL),
    (133, 'create_sink', $$'hook', 'webhook', 'https://example.com/', 'hook-key', '{user.*}', max_per_second => 5$$, 'sink.create', 'hook', NULL,
        '{"after": {"sink": "hook", "kind": "webhook", "url": "https://example.com/", "secret": "***", "events": ["user.*"], "options": {},
          "max_per_second": 5, "max_in_flight": 16, "enabled": true}}'),
    (134, 'update_sink', $$'hook', '{"enabled": false, "max_in_flight": 16}'$$, 'sink.update', 'hook', NULL, '{"before": {"enabled": true}, "after": {"enabled": false}}'),
    (135, 'test_sink', $$'hook'$$, 'sink.test', 'hook', NULL, NULL),
    (136, 'delete_sink', $$'hook'$$, 'sink.delete', 'hook', NULL, NULL),
    (137, 'delete_sink_secret', $$'hook-key'$$, 'sink_secret.delete', 'hook-key', NULL, NULL);
INSERT INTO exercises VALUES
    (301, 'create_flag', $$'f', 'Flag'$$, 'flag.create', 'f', NULL, NULL),
    (302, 'update_flag', $$'f', '{"name": "Flagged"}'$$, 'flag.update', 'f', NULL, NULL),
    (303, 'toggle_flag', $$'f'$$, 'flag.toggle', 'f', NULL, NULL),
    (304, 'set_flag_rollout', $$'f', 25$$, 'flag.rollout', 'f', NULL, NULL),
    (305, 'schedule_flag', $$'f', clock_timestamp() + interval '1 hour', false$$, 'flag.schedule', 'f', NULL, NULL),
    (306, 'cancel_flag_schedule', $$'f'$$, 'flag.cancel', 'f', NULL, NULL),
    (307, 'delete_flag', $$'f'$$, 'flag.archive', 'f', NULL, NULL),
    (308, 'restore_flag', $$'f'$$, 'flag.restore', 'f', NULL, NULL),
    (309, 'set_flag_override', $$'f', (SELECT user_id FROM swipesavvy.users WHERE email = 'old@example.com'), 'true'$$, 'flag.override', 'f', NULL, NULL),
    (311, 'import_flags_document', $$'{"features": {"g": {"defaultValue": true}}}'$$, 'flag.import', 'g', NULL, NULL),
    (310, 'remove_flag_override', $$'f', (SELECT user_id FROM swipesavvy.users WHERE email = 'old@example.com')$$, 'flag.override', 'f', NULL, NULL);
INSERT INTO exercises VALUES
    (601, 'create_ab_test', $$'T', 'AB-1', '{AB-2}', test_id => '00000000-0000-7000-8000-0000000000e3'$$, 'ab_test.create', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (602, 'update_ab_test', $$'00000000-0000-7000-8000-0000000000e3', '{"test_name": "U"}'$$, 'ab_test.update', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (603, 'start_ab_test', $$'00000000-0000-7000-8000-0000000000e3'$$, 'ab_test.start', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (604, 'pause_ab_test', $$'00000000-0000-7000-8000-0000000000e3'$$, 'ab_test.pause', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (605, 'end_ab_test', $$'00000000-0000-7000-8000-0000000000e3', 'variant_1', 'leave'$$, 'ab_test.end', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (606, 'delete_ab_test', $$'00000000-0000-7000-8000-0000000000e3'$$, 'ab_test.delete', '00000000-0000-7000-8000-0000000000e3', NULL, NULL),
    (607, 'create_flag_test', $$'T', 'dark_mode', '[true, false]', test_id => '00000000-0000-7000-8000-0000000000e4'$$, 'ab_test.create', '00000000-0000-7000-8000-0000000000e4', NULL, NULL);
INSERT INTO exercises VALUES
    (201, 'create_reward', $$'Mug', 2, reward_id => '00000000-0000-7000-8000-0000000000e1'$$, 'reward.create', '00000000-0000-7000-8000-0000000000e1', NULL, NULL),
    (202, 'update_reward', $$'00000000-0000-7000-8000-0000000000e1', '{"points": 3}'$$, 'reward.update', '00000000-0000-7000-8000-0000000000e1', NULL,
        '{"before": {"points": 2}, "after": {"points": 3}}'),
    (203, 'create_charity', $$'Trees', charity_id => '00000000-0000-7000-8000-0000000000e2'$$, 'charity.create', '00000000-0000-7000-8000-0000000000e2', NULL, NULL),
    (204, 'update_charity', $$'00000000-0000-7000-8000-0000000000e2', '{"is_active": false}'$$, 'charity.update', '00000000-0000-7000-8000-0000000000e2', NULL,
        '{"before": {"is_active": true}, "after": {"is_active": false}}'),
    (205, 'adjust_points', $$'BOB', 5, 'sorry'$$, 'points.adjust', 'BOB', 'BOB', NULL),
    (208, 'cancel_redemption', $$'REDEMPTION', 'broken'$$, 'redemption.cancel', 'REDEMPTION', '00000000-0000-7000-8000-00000000000d', NULL),
    (206, 'expire_points', $$'2020-01-01Z'$$, 'points.expire', NULL, NULL, '{"after": {"as_of": "2020-01-01T00:00:00Z", "users": 1, "points": 10, "earned_before": "2018-01-01T00:00:00Z"}}');
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed) VALUES ('churn', 1, 'held', now(), 1);
INSERT INTO exceptions VALUES ('refresh_models'), ('record_ml_feedback'), ('train_models'), ('grant_access'), ('guard_restores');
INSERT INTO exercises VALUES
    (901, 'train_ml_model', $$'churn'$$, 'ml_model.train', 'churn/2', NULL, NULL),
    (902, 'cancel_ml_training', $$'churn'$$, 'ml_model.cancel', 'churn/2', NULL, NULL),
    (903, 'activate_ml_model', $$'churn', 1$$, 'ml_model.activate', 'churn/1', NULL, NULL),
    (904, 'export_ml_data', $$'churn', now()$$, 'ml_data.export', 'churn', NULL, NULL),
    (907, 'export_analytics', $$'rfm'$$, 'analytics.export', 'rfm', NULL, NULL),
    (905, 'set_profiling_consent', $$'00000000-0000-7000-8000-00000000000d', false$$, 'user.profiling', '00000000-0000-7000-8000-00000000000d', '00000000-0000-7000-8000-00000000000d',
        '{"before": {"profiling": true}, "after": {"profiling": false}}');
UPDATE exercises SET arguments = replace(arguments, 'BOB', '00000000-0000-7000-8000-00000000000b'), about = replace(about, 'BOB', '00000000-0000-7000-8000-00000000000b'),
       resource_id = replace(resource_id, 'BOB', '00000000-0000-7000-8000-00000000000b'), details = replace(details, '"BOB"', '"00000000-0000-7000-8000-00000000000b"');
SELECT set_eq('SELECT proname::text FROM pg_proc WHERE pronamespace = ''swipesavvy''::regnamespace AND provolatile = ''v''
                      AND prorettype NOT IN (''trigger''::regtype, ''event_trigger''::regtype)',
              'SELECT routine FROM exercises UNION ALL SELECT routine FROM exceptions', 'every function that writes is exercised or excepted');
CREATE TEMP TABLE left_rows AS SELECT 0 AS n, l.* FROM logs l LIMIT 0;
-- Where somebody's trigger lets no row into one of the tables that a call writes, the call is refused by a code of its own, or does without.
CREATE TEMP TABLE swallowed (statement text, tab regclass, code text, message text);
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pg_temp.try_swallowed(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := (SELECT jsonb_object_agg(relid, n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables);
    tabs regclass[];
    tab regclass;
    outcome text[];
BEGIN
    BEGIN
        EXECUTE statement;
        tabs := ARRAY(SELECT relid FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > coalesce((before ->> relid::text)::bigint, 0) AND schemaname LIKE 'swipesavvy%');
        RAISE 'undone' USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
    END;
    FOREACH tab IN ARRAY tabs LOOP
        BEGIN
            EXECUTE format('CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow()', tab);
            EXECUTE statement;
            RAISE 'done' USING ERRCODE = 'ZZ001';
        EXCEPTION WHEN OTHERS THEN
            outcome := ARRAY[SQLSTATE, SQLERRM];
        END;
        INSERT INTO swallowed VALUES (statement, tab, outcome[1], outcome[2]);
    END LOOP;
END
$$;
DO $$
DECLARE
    e exercises;
    account text;
    statement text;
BEGIN
    FOR e IN SELECT * FROM exercises ORDER BY n LOOP
        SELECT account_id INTO account FROM swipesavvy.accounts WHERE user_id = '00000000-0000-7000-8000-00000000000b';
        IF e.routine = 'replay_outbox' THEN
            UPDATE swipesavvy.outbox SET dead_at = now();
        END IF;
        IF e.routine = 'acknowledge_alert' THEN
            INSERT INTO swipesavvy.health_alerts (alert_id, figure, severity, value, threshold, opened_at)
            VALUES ('00000000-0000-7000-8000-0000000000f1', 'disk_percent', 'warning', 90, 85, now());
        END IF;
        IF e.routine = 'expire_points' THEN
            PERFORM swipesavvy.record_transaction((swipesavvy.create_user('old@example.com', 'Old') ->> 'user_id')::uuid, 10, occurred_at => '2015-01-01');
        END IF;
        IF e.routine = 'get_merchant_analytics' THEN
            PERFORM swipesavvy.rebuild_analytics();
        END IF;
        IF e.routine = 'create_ab_test' THEN
            PERFORM swipesavvy.create_campaign(c, 'SEASONAL', NULL, 'OTHER', now(), campaign_id => c), swipesavvy.launch_campaign(c) FROM unnest('{AB-1,AB-2}'::text[]) c;
        END IF;
        IF e.routine = 'pause_ab_test' THEN -- with running campaigns it leaves a row for each of these as well: test/sql/experiments_tests.sql
            PERFORM swipesavvy.pause_campaign(c) FROM unnest('{AB-1,AB-2}'::text[]) c;
        END IF;
        IF e.routine = 'rate_merchant' THEN
            PERFORM swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000d', 10, NULL, '00000000-0000-7000-8000-0000000000c1');
        END IF;
        IF e.routine = 'moderate_review' THEN
            e.arguments := replace(e.arguments, 'REVIEW', (SELECT review_id::text FROM swipesavvy.merchant_reviews));
        END IF;
        IF e.routine = 'cancel_redemption' THEN
            PERFORM swipesavvy.create_user('cancel@example.com', 'Can', user_id => '00000000-0000-7000-8000-00000000000d'),
                    swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000d', 10);
            e.arguments := replace(e.arguments, 'REDEMPTION', swipesavvy.redeem_points('00000000-0000-7000-8000-00000000000d', points => 4) ->> 'redemption_id');
        END IF;
        statement := format('SELECT swipesavvy.%s(%s)', e.routine, replace(e.arguments, 'ACCOUNT', coalesce(account, '')));
        PERFORM pg_temp.try_swallowed(statement);
        INSERT INTO left_rows SELECT e.n, l.* FROM pg_temp.left_by(statement) l;
    END LOOP;
END
$$;
UPDATE left_rows SET resource_id = replace(resource_id, a.account_id::text, 'ACCOUNT'), details = replace(details::text, a.account_id::text, 'ACCOUNT')::json
  FROM swipesavvy.accounts a WHERE a.user_id = '00000000-0000-7000-8000-00000000000b' AND left_rows.user_id = a.user_id;
UPDATE left_rows SET resource_id = 'REVIEW' WHERE event_type LIKE 'review.%';
UPDATE left_rows SET resource_id = 'REDEMPTION' FROM swipesavvy.reward_redemptions r WHERE left_rows.resource_id = r.entry_id::text AND r.user_id = left_rows.user_id;
SELECT is((SELECT string_agg(format('%s %s %s %s', l.event_type, l.resource_id, l.user_id, l.status), ', ') FROM left_rows l WHERE l.n = e.n),
          format('%s %s %s ok', e.event_type, e.resource_id, e.about), e.routine || ' leaves its one row')
  FROM exercises e ORDER BY e.n;
SELECT is(CASE WHEN l.details::jsonb #>> '{after,created_at}' IS NULL THEN l.details::jsonb ELSE jsonb_set(l.details::jsonb, '{after,created_at}', '"NOW"') END,
          e.details::jsonb, e.routine || ': the difference')
  FROM exercises e JOIN left_rows l USING (n) WHERE e.details IS NOT NULL ORDER BY e.n;
SELECT is(l.details::jsonb #- '{after,entry_id}', '{"after": {"points": 5, "reason": "sorry"}}', 'adjust_points: how many, and why') FROM left_rows l WHERE n = 205;
SELECT is(l.details::jsonb #- '{after,entry_id}', '{"after": {"points": 4, "reason": "broken"}}', 'cancel_redemption: how many, and why') FROM left_rows l WHERE n = 208;
SELECT is(l.details::jsonb #>> '{after,entry_id}', (SELECT entry_id::text FROM swipesavvy.points_entries e WHERE e.user_id = l.user_id AND e.kind = 'adjust'), 'and which entry')
  FROM left_rows l WHERE n = 205;
-- all of what is created that is not null; "now" stands for the time of the transaction
SELECT is(regexp_replace(l.details::text, '"' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || '[.0-9]*Z"', '"now"', 'g')::jsonb, w.details::jsonb, w.what) FROM left_rows l JOIN (VALUES
    (12, 'create_segment', '{"after": {"name": "VIP", "members": 0, "created_at": "now"}}'),
    (15, 'create_boost', '{"after": {"name": "Double", "boost_id": "00000000-0000-7000-8000-0000000000d0", "multiplier": 2.000, "starts_at": "now", "created_at": "now"}}'),
    (201, 'create_reward', '{"after": {"name": "Mug", "points": 2, "is_active": true, "reward_id": "00000000-0000-7000-8000-0000000000e1", "starts_at": "now", "created_at": "now"}}'),
    (203, 'create_charity', '{"after": {"name": "Trees", "is_active": true, "charity_id": "00000000-0000-7000-8000-0000000000e2", "created_at": "now"}}')) w (n, what, details) USING (n)
 ORDER BY n;
SELECT is(l.details::jsonb #> '{before,silver,threshold}', '2000', 'update_tiers: each tier, before') FROM left_rows l WHERE n = 18;
SELECT is(l.details::jsonb #> '{after,silver,threshold}', '1500', 'and after') FROM left_rows l WHERE n = 18;
SELECT is(l.details::jsonb -> 'before' ? 'gold' AND NOT l.details::jsonb -> 'after' ? 'gold' AND NOT l.details::jsonb -> 'after' ? 'bronze', true,
          'what is no longer, and not what is as it was') FROM left_rows l WHERE n = 18;
SELECT is_empty($$SELECT e.routine, l.details FROM exercises e JOIN left_rows l USING (n) WHERE l.details::text ~ 'tok_x|s3cret|4242|4111'$$, 'no secret, no card data');
SELECT is_empty($$SELECT * FROM swallowed WHERE code LIKE 'XX%'$$, 'no internal error where a trigger lets no row in');
SELECT is((SELECT count(*) > 100 AND count(DISTINCT tab) > 20 FROM swallowed), true, 'each table that is written was tried');
-- These answer what they did or what there is now, or write what the server deletes along or what is only kept for the next attempt.
SELECT set_eq($$SELECT split_part(split_part(statement, '(', 1), '.', 2), tab::text COLLATE "default" FROM swallowed WHERE code = 'ZZ001'$$, $$VALUES
    ('add_segment_members', 'swipesavvy.segment_members'), ('remove_segment_members', 'swipesavvy.segment_members'), ('replay_outbox', 'swipesavvy.outbox'),
    ('update_campaign', 'swipesavvy.campaigns'), ('cancel_flag_schedule', 'swipesavvy.feature_flag_rollouts'), ('import_merchant_locations', 'swipesavvy.merchant_locations'),
    ('delete_sink', 'swipesavvy.outbox'), ('delete_sink', 'swipesavvy.sink_states'), ('test_sink', 'swipesavvy.sink_states'), ('update_sink', 'swipesavvy.sink_states'),
    ('erase_user', 'swipesavvy_private.outbox_secrets'), ('erase_user', 'swipesavvy_private.referral_salts'), ('set_location_consent', 'swipesavvy.user_positions')$$,
    'no other call succeeds without its rows');
SELECT is_empty($$SELECT * FROM pg_temp.left_by('SELECT swipesavvy.add_segment_members(''VIP'', ''{}'')')$$, 'no row where nothing changed');
SELECT is_empty(format('SELECT * FROM pg_temp.left_by(%L)', s), 'the ledger is its record: ' || s)
  FROM (VALUES ($$SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000a', 10)$$),
               ($$SELECT swipesavvy.record_transactions('[{"user_id": "00000000-0000-7000-8000-00000000000a", "amount": 1}]')$$),
               ($$INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-00000000000a', 100)$$)) v (s),
       (SELECT swipesavvy.create_user('ada@example.com', 'Ada', user_id => '00000000-0000-7000-8000-00000000000a') OFFSET 0) ada;

SELECT is_empty($$SELECT * FROM swipesavvy.audit_logs WHERE NOT starts_with(event_type, resource || '.') OR status NOT IN ('ok', 'refused')
                     OR (origin IS NULL) <> (origin_salt IS NULL) OR (details IS NULL) <> (details_salt IS NULL)
                     OR (origin IS NOT NULL AND origin_hash IS NULL) OR (details IS NOT NULL AND details_hash IS NULL)$$, 'each row is well formed');

-- each document that one of these calls has left anywhere: the log, messages, versions, the flags' own log
CREATE FUNCTION pg_temp.documents() RETURNS TABLE (place text, document text) LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT a.attrelid::regclass AS tab, a.attname FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r' AND t.relnamespace::regnamespace::text LIKE 'swipesavvy%'
              WHERE a.atttypid IN ('json'::regtype, 'jsonb'::regtype) LOOP
        RETURN QUERY EXECUTE format('SELECT %L, %I::text FROM %s WHERE %2$I IS NOT NULL', c.tab || '.' || c.attname, c.attname, c.tab);
    END LOOP;
END
$$;
SELECT is_empty($$SELECT * FROM pg_temp.documents() WHERE document ~ '\d{4}-\d\d-\d\d[T ]\d\d:[0-9:.]*[^0-9:.Z]|\d\d\.\d\d\.\d{4}'$$, 'a time in a document is in UTC, with a Z');
SELECT set_eq($$SELECT DISTINCT place COLLATE "default" FROM pg_temp.documents() WHERE document ~ '"\d{4}-\d\d-\d\dT[0-9:.]+Z"'$$,
              ARRAY['swipesavvy.ab_test_versions.test', 'swipesavvy.audit_logs.details', 'swipesavvy.campaign_versions.campaign', 'swipesavvy.feature_flag_audit_log.after',
                    'swipesavvy.feature_flag_audit_log.before', 'swipesavvy.outbox.body'], 'and there are such times wherever there can be');

-- --- reading ----------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.shown(VARIADIC arguments text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    EXECUTE format('SELECT swipesavvy.get_audit_logs(%s)', array_to_string(arguments, ', ')) INTO result;
    RETURN result;
END
$$;
CREATE FUNCTION pg_temp.ids(document jsonb) RETURNS uuid[] LANGUAGE sql AS
    'SELECT ARRAY(SELECT (l ->> ''log_id'')::uuid FROM jsonb_array_elements(document -> ''logs'') WITH ORDINALITY a (l, n) ORDER BY n)';
SELECT is(pg_temp.ids(pg_temp.shown(f.arguments)), ARRAY(SELECT log_id FROM logs WHERE
          (f.e IS NULL OR event_type = f.e) AND (f.u IS NULL OR user_id = f.u) AND (f.r IS NULL OR resource = f.r) ORDER BY log_id DESC),
          'get_audit_logs(' || f.arguments || ')')
  FROM (VALUES ('page_size => 500', NULL, NULL::uuid, NULL), ($$event_type => 'user.update'$$, 'user.update', NULL, NULL),
               ($$user_id => '00000000-0000-7000-8000-00000000000b'$$, NULL, '00000000-0000-7000-8000-00000000000b', NULL), ($$resource => 'campaign'$$, NULL, NULL, 'campaign'),
               ($$event_type => 'user.update', user_id => '00000000-0000-7000-8000-00000000000b', resource => 'user'$$, 'user.update', '00000000-0000-7000-8000-00000000000b', 'user'),
               ($$event_type => 'user.update', resource => 'campaign'$$, 'user.update', NULL, 'campaign'),
               ($$event_type => 'boost.activate', user_id => '00000000-0000-7000-8000-00000000000b'$$, 'boost.activate', '00000000-0000-7000-8000-00000000000b', NULL),
               ($$user_id => '00000000-0000-7000-8000-00000000000b', resource => 'boost'$$, NULL, '00000000-0000-7000-8000-00000000000b', 'boost'),
               ($$event_type => 'nothing'$$, 'nothing', NULL, NULL)) f (arguments, e, u, r);
SELECT is(array_length(pg_temp.ids(pg_temp.shown('start_date => now()', 'page_size => 500')), 1), (SELECT count(*)::int FROM logs), 'from a time on');
SELECT is(array_length(pg_temp.ids(pg_temp.shown(format('end_date => %L', d), 'page_size => 500')), 1), (SELECT count(*)::int FROM logs), 'until ' || d)
  FROM unnest(ARRAY['10890-01-01', '294276-12-31']) d;	-- beyond what an id can say of time
SELECT is(pg_temp.ids(pg_temp.shown('end_date => now() - interval ''2 hours''')), '{}', 'until a time');
SELECT is(pg_temp.ids(pg_temp.shown(format('start_date => %L, end_date => %L', l.logged_at, l.logged_at))), ARRAY[l.log_id], 'at a time, to the microsecond')
  FROM (SELECT * FROM logs WHERE logged_at NOT IN (SELECT logged_at FROM logs GROUP BY 1 HAVING count(*) > 1) ORDER BY log_id LIMIT 3) l;
WITH RECURSIVE pages AS (
    SELECT pg_temp.shown('page_size => 7') AS page UNION ALL
    SELECT pg_temp.shown('page_size => 7', format('after => %L', page ->> 'next_cursor')) FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
SELECT is((SELECT array_agg(i) FROM pages, unnest(pg_temp.ids(page)) i), (SELECT array_agg(log_id ORDER BY log_id DESC) FROM logs), 'page after page, all of them once');
SELECT is(pg_temp.ids(pg_temp.shown('page_size => 3', 'page_offset => 5')), ARRAY(SELECT log_id FROM logs ORDER BY log_id DESC LIMIT 3 OFFSET 5), 'by offset');
SELECT is((pg_temp.shown('page_size => 3') ->> 'total')::int, (SELECT count(*)::int FROM logs), 'the total');
SELECT is(pg_temp.shown('') ->> 'limit', '100', 'a hundred unless told');
SELECT is(e - '{log_id,timestamp,details}'::text[], jsonb_build_object('event_type', 'user.create', 'user_id', '00000000-0000-7000-8000-00000000000b', 'actor_id', :'staff',
          'action', 'create', 'resource', 'user', 'resource_id', '00000000-0000-7000-8000-00000000000b', 'status', 'ok', 'ip_address', '203.0.113.9', 'user_agent', 'App/7 (ü)',
          'request_id', 'r-1/a', 'session_role', session_user, 'invoking_role', current_user), 'every field of an entry')
  FROM left_rows l, jsonb_array_elements(pg_temp.shown('event_type => ''user.create''') -> 'logs') e WHERE l.n = 1 AND e ->> 'log_id' = l.log_id::text;
SELECT is(e -> 'details', '{"before": {"late_posting_days": 3}, "after": {"late_posting_days": 4}}', 'its details')
  FROM jsonb_array_elements(pg_temp.shown('event_type => ''settings.update''') -> 'logs') e;
SELECT is(e -> 'details', 'null', 'none of an erased person')
  FROM jsonb_array_elements(pg_temp.shown('event_type => ''user.update''') -> 'logs') e;
SELECT throws_ok(format('SELECT swipesavvy.get_audit_logs(%s)', a), c, m, a)
  FROM (VALUES ('page_size => 0', '22023', 'invalid value for argument "page_size"'), ('page_size => 501', '22023', 'invalid value for argument "page_size"'),
               ('page_offset => -1', '22023', 'invalid value for argument "page_offset"'), ('after => ''x''', '22023', 'invalid value for argument "after"'),
               ('start_date => ''infinity''', '22023', 'invalid value for argument "start_date"'), ('event_type => '' ''', '22023', 'invalid value for argument "event_type"'),
               ('start_date => now(), end_date => now() - interval ''1 s''', '22023', 'invalid value for argument "end_date"')) v (a, c, m);
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan text;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
    RETURN plan;
END
$$;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
SELECT is(pg_temp.plan_of('SELECT * FROM swipesavvy.audit_logs WHERE log_id < ''ffffffff-0000-0000-0000-000000000000'' AND ' || f.condition || ' ORDER BY log_id DESC LIMIT 5')
          LIKE '%' || f.index || '%', true, f.condition || ' by index ' || f.index)
  FROM (VALUES ('event_type = ''x''', 'audit_logs_event'), ('user_id = ''00000000-0000-7000-8000-00000000000b''', 'audit_logs_user')) f (condition, index);
SELECT is(pg_temp.plan_of('SELECT min(event_type) FROM swipesavvy.audit_logs WHERE event_type > ''x''') LIKE '%audit_logs_event%', true, 'the next event type by index audit_logs_event');

SELECT * FROM finish();
ROLLBACK;
