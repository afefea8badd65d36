-- Who may call what: the matrix of the API, by grant and by the library's own check; and whose data a customer reaches.
\set QUIET on
BEGIN;
SELECT no_plan();

-- --- the matrix ------------------------------------------------------------------------

-- A = everybody, C = customer (for itself), S = support, N = analytics, B = backend, D = delivery, M = admin, who may call all of the API;
-- - = nobody: triggers, and functions that the library's own queries use.
CREATE TEMP TABLE matrix (routine, who) AS VALUES
    ('list_campaigns', 'CNM'), ('create_campaign', 'M'), ('get_campaign', 'CNM'), ('update_campaign', 'M'), ('delete_campaign', 'M'),
    ('launch_campaign', 'M'), ('pause_campaign', 'M'), ('track_event', 'CBM'),
    ('record_transaction', 'BM'), ('record_transactions', 'BM'), ('import_purchases', 'BM'), ('explain_award', 'CSM'), ('verify_ledger', 'NM'), ('check_ledger', 'M'),
    ('purchases_computed', 'BM'), ('settle_transaction', 'BM'), ('decline_transaction', 'BM'), ('refund_transaction', 'BM'), ('lapse_transactions', 'M'),
    ('refresh_tiers', 'M'), ('complete_campaigns', 'M'), ('claim_job', 'M'), ('finish_job', 'M'), ('set_job', 'M'), ('record_health', 'M'), ('set_health_threshold', 'M'), ('list_alerts', 'M'), ('acknowledge_alert', 'M'), ('roll_up_health', 'M'), ('get_health_history', 'M'), ('metrics', 'M'), ('worker_status', 'M'),
    ('create_sink', 'M'), ('update_sink', 'M'), ('delete_sink', 'M'), ('list_sinks', 'M'), ('preview_sink', 'M'), ('test_sink', 'M'),
    ('set_sink_secret', 'M'), ('delete_sink_secret', 'M'), ('list_sink_secrets', 'M'),
    ('claim_requests', 'M'), ('record_results', 'M'), ('release_requests', 'M'),
    ('simulate_campaign', 'NM'),
    ('get_user_profile', 'CSM'), ('get_user_accounts', 'CSM'), ('list_users', 'SM'), ('get_user_transactions', 'CSM'), ('get_user_rewards', 'CSM'),
    ('get_user_spending_analytics', 'CM'), ('export_user_data', 'CM'), ('erase_user', 'M'), ('create_user', 'BM'), ('update_user', 'CSM'), ('deactivate_user', 'M'),
    ('suspend_user', 'M'), ('reactivate_user', 'M'), ('link_account', 'CBM'), ('verify_account', 'BM'), ('set_default_account', 'CBM'),
    ('unlink_account', 'CBM'), ('create_merchant', 'M'), ('update_merchant', 'M'), ('get_merchant', 'A'), ('list_merchants', 'A'),
    ('list_merchant_categories', 'A'), ('create_segment', 'M'), ('add_segment_members', 'M'), ('remove_segment_members', 'M'),
    ('list_segments', 'NM'), ('create_boost', 'M'), ('activate_boost', 'CBM'), ('deactivate_boost', 'CBM'), ('list_boosts', 'CM'), ('list_tiers', 'CM'),
    ('create_reward', 'M'), ('update_reward', 'M'), ('list_rewards', 'CM'), ('create_charity', 'M'), ('update_charity', 'M'), ('list_charities', 'CM'),
    ('redeem_points', 'CBM'), ('donate_points', 'CBM'), ('cancel_redemption', 'BM'), ('adjust_points', 'M'), ('expire_points', 'M'), ('get_points_history', 'CSM'),
    ('refresh_leaderboards', 'M'), ('get_leaderboard', 'CNM'),
    ('get_audit_logs', 'M'), ('seal_audit_log', 'M'), ('verify_audit_log', 'M'), ('latest_audit_seal', 'M'), ('apply_audit_retention', 'M'), ('record_refused_attempts', 'M'),
    ('claim_outbox', 'DM'), ('acknowledge_outbox', 'DM'), ('fail_outbox', 'DM'), ('replay_outbox', 'DM'), ('apply_outbox_retention', 'M'),
    ('update_tiers', 'M'), ('add_currency', 'M'), ('update_system_settings', 'M'), ('rule_cache_status', 'M'), ('current_user_id', 'A'), ('health', 'A'),
    ('get_system_health', 'M'),
    ('sign_in', 'A'), ('refresh_session', 'A'), ('sign_out', 'A'), ('change_password', 'A'), ('verify_token', 'A'), ('authenticate', 'A'),
    ('reset_user_password', 'SM'), ('rotate_token_key', 'M'), ('add_token_key', 'M'), ('list_token_keys', 'M'),
    ('flag_hash', 'NBM'), ('flag_bucket_ranges', 'NBM'), ('flag_choose_variation', 'NBM'), ('flag_in_namespace', 'NBM'), ('flag_condition_matches', 'NBM'),
    ('flag_evaluate_document', 'NBM'), ('experiment_run_document', 'NBM'),
    ('evaluate_flag', 'A'), ('assign_flag', 'CBM'), ('evaluate_flags', 'A'), ('flag_enabled', 'CNBM'), ('flag_users', 'NBM'), ('get_flags_document', 'A'), ('get_flag', 'NBM'), ('list_flags', 'NBM'),
    ('create_flag', 'M'), ('update_flag', 'M'), ('delete_flag', 'M'), ('restore_flag', 'M'), ('toggle_flag', 'M'), ('set_flag_rollout', 'M'), ('schedule_flag', 'M'),
    ('create_ab_test', 'M'), ('create_flag_test', 'M'), ('update_ab_test', 'M'), ('start_ab_test', 'M'), ('pause_ab_test', 'M'), ('end_ab_test', 'M'), ('get_ab_test', 'NM'), ('list_ab_tests', 'NM'),
    ('assign_ab_test', 'CBM'), ('track_exposures', 'BM'), ('get_ab_test_results', 'NM'), ('delete_ab_test', 'M'), ('refresh_ab_tests', 'M'), ('plan_ab_test', 'NM'),
    ('cancel_flag_schedule', 'M'), ('set_flag_override', 'M'), ('remove_flag_override', 'M'), ('list_flag_overrides', 'SM'), ('get_flag_audit', 'M'), ('flag_cache_status', 'M'), ('import_flags_document', 'M'), ('flush_flag_usage', 'M'), ('fold_flag_usage', 'M'), ('get_flag_analytics', 'NM'), ('flag_usage_users', 'NM'),
    ('add_merchant_location', 'M'), ('update_merchant_location', 'M'), ('remove_merchant_location', 'M'), ('import_merchant_locations', 'M'), ('get_merchant_locations', 'A'),
    ('get_nearby_merchants', 'A'), ('place_distance', 'NBM'),
    ('fold_analytics', 'M'), ('rebuild_analytics', 'M'), ('refresh_analytics', 'M'), ('apply_event_retention', 'M'), ('verify_analytics', 'NM'), ('get_campaign_metrics', 'NM'), ('get_campaign_daily', 'NM'), ('get_campaign_trends', 'NM'), ('get_campaign_roi', 'NM'), ('get_campaign_portfolio', 'NM'), ('get_top_campaigns', 'NM'), ('campaign_performance', 'NM'),
    ('get_campaign_segments', 'NM'), ('refresh_campaign_segments', 'M'), ('get_campaign_uplift', 'NM'), ('refresh_campaign_uplift', 'M'), ('hold_out_bucket', '-'), ('track_events', 'BM'),
    ('analytics_hour', '-'), ('analytics_day', '-'), ('unfolded_deltas', '-'), ('unfolded_days', '-'),
    ('refresh_customer_analytics', 'M'), ('get_rfm_segments', 'NM'), ('list_rfm_users', 'NM'), ('get_cohort_retention', 'NM'), ('get_churn_list', 'NM'), ('get_points_liability', 'NM'),
    ('run_custom_report', 'NM'), ('export_analytics', 'NM'), ('read_export', 'NM'),
    ('http_read', 'A'), ('http_write', 'A'), ('list_routes', 'A'), ('console', 'A'), ('openapi', 'A'),
    ('get_points_ageing', 'NM'),
    ('create_geofence', 'M'), ('update_geofence', 'M'), ('delete_geofence', 'M'), ('list_geofences', 'CBM'), ('set_location_consent', 'CBM'), ('report_location', 'CBM'),
    ('close_geofence_visits', 'M'), ('apply_location_retention', 'M'),
    ('rate_merchant', 'CBM'), ('delete_rating', 'CM'), ('get_merchant_reviews', 'A'), ('moderate_review', 'SM'), ('list_reviews_to_moderate', 'SM'), ('refresh_rating_prior', 'M'), ('rating_average', 'NM'),
    ('set_partnership', 'M'), ('get_partnership', 'NM'), ('refresh_merchant_analytics', 'M'), ('get_merchant_analytics', 'NM'), ('merchant_network_figures', 'NM'),
    ('add_merchant_offer', 'M'), ('update_merchant_offer', 'M'), ('remove_merchant_offer', 'M'), ('get_merchant_offers', 'A'), ('delete_merchant', 'M'),
    ('train_ml_model', 'M'), ('cancel_ml_training', 'M'), ('activate_ml_model', 'M'), ('train_models', 'M'), ('list_ml_models', 'NM'), ('get_ml_performance', 'NM'),
    ('predict', 'NBM'), ('get_merchant_affinity', 'CBM'), ('get_send_times', 'CBM'), ('refresh_models', 'M'), ('get_recommendations', 'CNBM'), ('record_ml_feedback', 'CBM'), ('export_ml_data', 'M'), ('set_profiling_consent', 'CM'), ('restore_ml_excluded_mccs', '-'),
    ('restore_feature_flags', '-'), ('restore_feature_flag_rollouts', '-'),
    ('way_back', '-'), ('uuid_v7', '-'), ('minor_to_major', '-'), ('email_key', '-'), ('search_key', '-'), ('grant_access', '-'), ('guard_restores', '-'), ('place_split', '-'), ('place_position', '-'), ('locations_near', '-'), ('place_box', '-'), ('geofences_near', '-'), ('refuse_change', '-'), ('audit_refuse_change', '-'), ('drop_guard', '-'), ('restore_begin', '-'), ('restore_end', '-'),
    ('refuse_restore', '-'), ('restore_currencies', '-'), ('restore_installation', '-'), ('restore_mcc_codes', '-'), ('restore_merchant_categories', '-'), ('restore_system_settings', '-'), ('restore_tiers', '-'),
    ('rules_changed', '-'), ('purchases_begin', '-'), ('purchases_insert', '-'), ('purchases_end', '-'), ('purchases_refuse', '-');

-- These read nothing and ask nobody: the grant alone decides.
CREATE TEMP TABLE pure (routine) AS VALUES ('flag_hash'), ('flag_bucket_ranges'), ('flag_choose_variation'), ('flag_in_namespace'), ('flag_condition_matches'),
    ('flag_evaluate_document'), ('experiment_run_document'), ('flag_usage_users'), ('place_distance'), ('rating_average');

CREATE ROLE test_stranger NOLOGIN;
CREATE TEMP TABLE roles (letter, name) AS VALUES
    ('A', 'swipesavvy_anon'), ('C', 'swipesavvy_customer'), ('S', 'swipesavvy_support'), ('N', 'swipesavvy_analytics'),
    ('B', 'swipesavvy_backend'), ('D', 'swipesavvy_delivery'), ('M', 'swipesavvy_admin'), ('', 'test_stranger'), ('O', 'swipesavvy_owner');
CREATE TEMP VIEW routines AS SELECT p.* FROM pg_proc p WHERE p.pronamespace = 'swipesavvy'::regnamespace;
CREATE TEMP VIEW allowed AS
    SELECT m.routine, r.name AS role FROM matrix m, roles r
     WHERE CASE r.letter WHEN '' THEN false WHEN 'O' THEN m.routine IN ('uuid_v7', 'minor_to_major', 'email_key', 'search_key', 'place_position', 'locations_near', 'analytics_hour', 'analytics_day', 'unfolded_deltas', 'unfolded_days', 'hold_out_bucket', 'place_box', 'geofences_near', 'rating_average', 'flag_hash', 'flag_bucket_ranges', 'flag_choose_variation', 'flag_in_namespace', 'flag_condition_matches')
                         ELSE m.who = 'A' OR strpos(m.who, r.letter) > 0 END;

SELECT set_eq('SELECT proname::text FROM routines', 'SELECT routine FROM matrix', 'the matrix knows every routine, and each of it exists');
SELECT set_eq(format('SELECT proname::text FROM routines p WHERE has_function_privilege(%L, p.oid, ''EXECUTE'')', r.name),
              format('SELECT routine FROM allowed WHERE role = %L', r.name), r.name || ' may execute what the matrix says')
  FROM roles r;
SELECT is_empty('SELECT oid::regprocedure FROM routines p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) a WHERE a.grantee = 0',
                'PUBLIC may execute nothing');
SELECT is_empty('SELECT oid::regprocedure FROM routines p, aclexplode(p.proacl) a WHERE a.is_grantable AND a.grantee <> p.proowner',
       'nobody may pass that on');

SELECT set_eq('SELECT function::text, role FROM swipesavvy.privileges, unnest(roles) role',
              $$SELECT routine, role FROM allowed$$, 'the view "privileges" says the same');
SELECT set_eq('SELECT function::text, arguments FROM swipesavvy.privileges',
              'SELECT proname::text, pg_get_function_arguments(oid) FROM routines WHERE proname IN (SELECT routine FROM allowed)', 'with the arguments');
GRANT EXECUTE ON FUNCTION swipesavvy.verify_ledger() TO PUBLIC, test_stranger;
SELECT is(roles::text[], '{PUBLIC,swipesavvy_admin,swipesavvy_analytics,test_stranger}', 'and what was granted since')
  FROM swipesavvy.privileges WHERE function = 'verify_ledger';
REVOKE EXECUTE ON FUNCTION swipesavvy.verify_ledger() FROM PUBLIC, test_stranger;

-- --- relations ----------------------------------------------------------------------------

SELECT set_eq(
    'SELECT r.name, c.relname::text, string_agg(p, '' '' ORDER BY p) FROM roles r, pg_class c,
            unnest(ARRAY[''SELECT'', ''INSERT'', ''UPDATE'', ''DELETE'', ''TRUNCATE'', ''REFERENCES'', ''TRIGGER'']) p
      WHERE r.letter <> ''O'' AND c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND c.relkind IN (''r'', ''v'')
             AND has_table_privilege(r.name, c.oid, p)
      GROUP BY 1, 2',
    $$VALUES ('swipesavvy_backend', 'purchases', 'INSERT SELECT'), ('swipesavvy_admin', 'purchases', 'INSERT SELECT'), ('swipesavvy_admin', 'privileges', 'SELECT'),
             ('swipesavvy_analytics', 'v_active_feature_flags', 'SELECT'), ('swipesavvy_admin', 'v_active_feature_flags', 'SELECT'),
             ('swipesavvy_analytics', 'merchant_rating_averages', 'SELECT'), ('swipesavvy_admin', 'merchant_rating_averages', 'SELECT'),
             ('swipesavvy_analytics', 'merchant_network_performance', 'SELECT'), ('swipesavvy_admin', 'merchant_network_performance', 'SELECT'),
             ('swipesavvy_analytics', 'user_favorite_merchants_view', 'SELECT'), ('swipesavvy_admin', 'user_favorite_merchants_view', 'SELECT'),
             ('swipesavvy_analytics', 'nearby_merchants_view', 'SELECT'), ('swipesavvy_admin', 'nearby_merchants_view', 'SELECT'),
             ('swipesavvy_analytics', 'v_ab_test_summary', 'SELECT'), ('swipesavvy_admin', 'v_ab_test_summary', 'SELECT'),
             ('swipesavvy_analytics', 'v_campaign_performance_summary', 'SELECT'), ('swipesavvy_admin', 'v_campaign_performance_summary', 'SELECT'),
             ('swipesavvy_analytics', 'v_feature_flag_usage_summary', 'SELECT'), ('swipesavvy_admin', 'v_feature_flag_usage_summary', 'SELECT'),
             ('swipesavvy_analytics', 'purchases', 'SELECT'), ('swipesavvy_backend', 'imports', 'SELECT'), ('swipesavvy_admin', 'imports', 'SELECT'),
             ('swipesavvy_backend', 'import_errors', 'SELECT'), ('swipesavvy_admin', 'import_errors', 'SELECT')$$,
    'the rights on tables and views: none for customers, support and anonymous callers');
SELECT is_empty(
    'SELECT r.name, c.relname, a.attname FROM roles r, pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
      WHERE c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND a.attacl IS NOT NULL', 'no rights on single columns');
SELECT set_eq(
    'SELECT c.relname::text, p FROM pg_class c, unnest(ARRAY[''INSERT'', ''UPDATE'', ''DELETE'', ''TRUNCATE'', ''REFERENCES'', ''TRIGGER'']) p
      WHERE c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND c.relname IN (''points_entries'', ''purchases'', ''transactions'')
        AND has_table_privilege(''swipesavvy_owner'', c.oid, p)',
    $$VALUES ('points_entries', 'INSERT'), ('transactions', 'INSERT'), ('transactions', 'UPDATE'), ('transactions', 'DELETE')$$,
    'the library''s role may only add to the ledger');
SELECT is_empty(
    'SELECT c.relname FROM pg_class c, unnest(ARRAY[''TRUNCATE'', ''REFERENCES'', ''TRIGGER'']) p
      WHERE c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND c.relkind IN (''r'', ''v'') AND has_table_privilege(''swipesavvy_owner'', c.oid, p)',
    'and may put no trigger on any table');
SELECT is_empty('SELECT r.name, c.relname FROM roles r, pg_class c WHERE r.letter <> ''O''
       AND c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND c.relkind = ''S''
                    AND has_sequence_privilege(r.name, c.oid, ''USAGE, SELECT, UPDATE'')', 'nobody else touches a sequence');
SELECT set_eq('SELECT name FROM roles WHERE has_schema_privilege(name, ''swipesavvy'', ''USAGE'')',
              'SELECT name FROM roles WHERE letter <> ''''', 'all our roles may use the schema');
SELECT is_empty('SELECT name FROM roles WHERE has_schema_privilege(name, ''swipesavvy'', ''CREATE'')', 'none may create in it');
SELECT set_eq('SELECT name FROM roles WHERE has_schema_privilege(name, ''swipesavvy_private'', ''USAGE'')', ARRAY['swipesavvy_owner'],
              'the schema of secrets is for the library''s role alone');
SELECT is_empty('SELECT name FROM roles WHERE has_schema_privilege(name, ''swipesavvy_private'', ''CREATE'')', 'which may not create in it');

-- What hosted platforms do by habit shows no secret.
GRANT USAGE ON SCHEMA swipesavvy TO test_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA swipesavvy TO test_stranger;
SELECT set_eq('SELECT relname::text FROM pg_class WHERE relnamespace = ''swipesavvy_private''::regnamespace AND relkind = ''r''
                  AND NOT has_table_privilege(''test_stranger'', oid, ''SELECT'')',
              ARRAY['outbox_secrets', 'referral_salts', 'referred_emails', 'sign_in_failures', 'sink_secrets', 'token_keys', 'user_credentials', 'user_sessions'],
              'GRANT SELECT ON ALL TABLES IN SCHEMA swipesavvy reaches no secret');
REVOKE SELECT ON ALL TABLES IN SCHEMA swipesavvy FROM test_stranger;
REVOKE USAGE ON SCHEMA swipesavvy FROM test_stranger;

-- --- really called ----------------------------------------------------------------------------

-- What comes of a statement as that role with those claims: ok, or SQLSTATE and whether the library said so. Nothing of it stays.
CREATE FUNCTION pg_temp.outcome(who text, claims text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true), set_config('role', who, true);
    EXECUTE statement;
    RAISE EXCEPTION USING errcode = 'XXOK0';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RETURN CASE WHEN SQLSTATE = 'XXOK0' THEN 'ok' WHEN SQLSTATE = '42501' AND message <> 'permission denied' THEN '42501 of the server'
           ELSE SQLSTATE END;
END
$$;
SELECT is(pg_temp.outcome('test_stranger', '', 'SELECT 1'), 'ok', 'the helper runs a statement');
SELECT is(pg_temp.outcome('test_stranger', '', 'SELECT 1 / 0'), '22012', 'and tells its error');
SELECT is(current_user, session_user, 'and comes back');

-- A grant alone is not enough: with EXECUTE granted to everybody, the library refuses whom the matrix does not name. Three functions are the background worker's alone,
-- one has nothing but its error, and two call other functions, which check.
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) AS gateways \gset
SAVEPOINT granted;
GRANT USAGE ON SCHEMA swipesavvy TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA swipesavvy TO PUBLIC;
CREATE TEMP TABLE calls AS
    SELECT p.proname::text AS routine, r.name AS role,
           pg_temp.outcome(r.name, '{"sub": "00000000-0000-7000-8000-0000000000ff"}', format('%s swipesavvy.%I(%s)',
               CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, p.proname,
               (SELECT string_agg('NULL::' || t::regtype, ', ') FROM unnest(p.proargtypes) t))) AS outcome
      FROM routines p JOIN matrix m ON m.routine = p.proname, roles r WHERE m.who <> '-' AND r.letter <> 'O' AND m.routine NOT IN (SELECT routine FROM pure);
SELECT set_eq(format('SELECT routine FROM calls WHERE role = %L AND outcome <> ''42501''', r.name),
              format('SELECT routine FROM allowed JOIN matrix USING (routine) WHERE role = %L AND who <> ''-''
                          AND routine NOT IN (''claim_requests'', ''record_results'', ''release_requests'') AND routine NOT IN (SELECT routine FROM pure)
                       UNION SELECT ''current_user_id'' UNION SELECT ''purchases_computed'' UNION SELECT ''http_read'' UNION SELECT ''http_write''', r.name),
              r.name || ' with every grant: the library lets through what the matrix says')
  FROM roles r WHERE r.letter <> 'O';
SELECT is_empty('SELECT * FROM calls WHERE routine <> ''purchases_computed'' AND outcome NOT IN (''ok'', ''42501'', ''22023'', ''PT400'', ''PT404'')', 'nulls are refused as bad values');
ROLLBACK TO granted;
SELECT is(pg_temp.outcome('test_stranger', '', 'SELECT swipesavvy.verify_ledger()'), '42501 of the server',
       'a stranger does not even reach the library');

-- --- whose data: a customer's own -----------------------------------------------------------------

\set ada '00000000-0000-7000-8000-00000000000a'
\set bob '00000000-0000-7000-8000-00000000000b'
CREATE TEMP TABLE ids AS
    SELECT u.letter, (swipesavvy.create_user(email => u.letter || '@example.com', name => u.letter, user_id => u.id) ->> 'user_id')::uuid AS user_id
      FROM (VALUES ('a', :'ada'::uuid), ('b', :'bob')) u (letter, id);
ALTER TABLE ids ADD account_id uuid, ADD transaction_id uuid;
UPDATE ids SET account_id = (swipesavvy.link_account(user_id, 'card', '4242') ->> 'account_id')::uuid,
               transaction_id = (swipesavvy.record_transaction(user_id, 10) ->> 'transaction_id')::uuid;
SELECT swipesavvy.set_location_consent(user_id, true) IS NOT NULL AS agreed FROM ids \g /dev/null
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed) VALUES ('affinity', 1, 'active', now(), 1);
SELECT swipesavvy.create_merchant('Cafe', 'Services', merchant_id => '00000000-0000-7000-8000-0000000000ca') IS NOT NULL AS made \gset
SELECT swipesavvy.record_transaction(user_id, 10, NULL, '00000000-0000-7000-8000-0000000000ca') IS NOT NULL AS bought, swipesavvy.rate_merchant(user_id, '00000000-0000-7000-8000-0000000000ca', 5) IS NOT NULL AS rated FROM ids \g /dev/null
SELECT swipesavvy.create_boost('Double', 2, boost_id => '00000000-0000-7000-8000-0000000000d0') IS NOT NULL AS made \gset
SELECT swipesavvy.create_boost('Active', 2, boost_id => '00000000-0000-7000-8000-0000000000d1') IS NOT NULL AS made \gset
SELECT swipesavvy.create_charity('Trees', charity_id => '00000000-0000-7000-8000-0000000000c0') IS NOT NULL AS made \gset
SELECT swipesavvy.activate_boost(user_id, '00000000-0000-7000-8000-0000000000d1') IS NOT NULL AS active FROM ids \g /dev/null
SELECT swipesavvy.create_campaign(campaign_id => c.id, name => c.id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10,
                                  start_date => now() - interval '1 day', budget => 50) IS NOT NULL AS made
  FROM (VALUES ('CAMP-RUNS'), ('CAMP-DRAFT'), ('AB-1'), ('AB-2')) c (id) \g /dev/null
SELECT swipesavvy.launch_campaign('CAMP-RUNS') IS NOT NULL AS launched,
       swipesavvy.create_ab_test('T', 'AB-1', '{AB-2}', test_id => '00000000-0000-7000-8000-0000000000e3') IS NOT NULL AS made \gset
SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000e3') IS NOT NULL AS started \gset

-- Everything that a customer can ask about a user, an account or a purchase: as Ada about her own. Then as others. A question
-- that does not say whose is about one's own: then another's account or purchase is none at all.
CREATE TEMP TABLE questions (routine, statement, silent) AS
    SELECT q.routine, format(q.statement, i.user_id, i.account_id, i.transaction_id), strpos(q.statement, '%1') = 0
      FROM ids i, (VALUES
        ('get_user_profile', 'SELECT swipesavvy.get_user_profile(%1$L)'), ('get_user_accounts', 'SELECT swipesavvy.get_user_accounts(%1$L)'),
        ('get_user_transactions', 'SELECT swipesavvy.get_user_transactions(%1$L)'), ('get_user_rewards', 'SELECT swipesavvy.get_user_rewards(%1$L)'),
        ('get_user_spending_analytics', 'SELECT swipesavvy.get_user_spending_analytics(%1$L)'),
        ('export_user_data', 'SELECT swipesavvy.export_user_data(%1$L)'),
        ('update_user', 'SELECT swipesavvy.update_user(%1$L, ''{"name": "X"}'')'), ('update_user', 'SELECT swipesavvy.update_user(%1$L, ''{}'')'),
        ('link_account', 'SELECT swipesavvy.link_account(%1$L, ''card'', ''1111'')'),
        ('set_default_account', 'SELECT swipesavvy.set_default_account(%2$L)'),
        ('set_default_account', 'SELECT swipesavvy.set_default_account(%2$L, %1$L)'),
        ('unlink_account', 'SELECT swipesavvy.unlink_account(%2$L)'), ('unlink_account', 'SELECT swipesavvy.unlink_account(%2$L, %1$L)'),
        ('explain_award', 'SELECT swipesavvy.explain_award(%3$L)'), ('explain_award', 'SELECT swipesavvy.explain_award(%3$L, %1$L)'),
        ('get_points_history', 'SELECT swipesavvy.get_points_history(%1$L)'), ('redeem_points', 'SELECT swipesavvy.redeem_points(%1$L, points => 1)'),
        ('donate_points', 'SELECT swipesavvy.donate_points(%1$L, 1, ''00000000-0000-7000-8000-0000000000c0'')'),
        ('activate_boost', 'SELECT swipesavvy.activate_boost(%1$L, ''00000000-0000-7000-8000-0000000000d0'')'),
        ('deactivate_boost', 'SELECT swipesavvy.deactivate_boost(%1$L, ''00000000-0000-7000-8000-0000000000d1'')'),
        ('evaluate_flag', 'SELECT swipesavvy.evaluate_flag(''dark_mode'', %1$L)'), ('evaluate_flags', 'SELECT swipesavvy.evaluate_flags(%1$L)'),
        ('assign_flag', 'SELECT swipesavvy.assign_flag(''dark_mode'', %1$L)'),
        ('flag_enabled', 'SELECT swipesavvy.flag_enabled(''dark_mode'', %1$L)'), ('get_flags_document', 'SELECT swipesavvy.get_flags_document(%1$L)'),
        ('assign_ab_test', 'SELECT swipesavvy.assign_ab_test(''00000000-0000-7000-8000-0000000000e3'', %1$L)'),
        ('set_location_consent', 'SELECT swipesavvy.set_location_consent(%1$L, true)'), ('report_location', 'SELECT swipesavvy.report_location(%1$L, 1, 2)'),
        ('get_merchant_affinity', 'SELECT swipesavvy.get_merchant_affinity(%1$L)'), ('get_send_times', 'SELECT swipesavvy.get_send_times(%1$L)'),
        ('get_recommendations', 'SELECT swipesavvy.get_recommendations(%1$L)'), ('record_ml_feedback', 'SELECT swipesavvy.record_ml_feedback(''affinity'', %1$L, ''accepted'')'),
        ('rate_merchant', 'SELECT swipesavvy.rate_merchant(%1$L, ''00000000-0000-7000-8000-0000000000ca'', 4)'), ('delete_rating', 'SELECT swipesavvy.delete_rating(%1$L, ''00000000-0000-7000-8000-0000000000ca'')'),
        ('set_profiling_consent', 'SELECT swipesavvy.set_profiling_consent(%1$L, true)'),
        ('track_event', 'SELECT swipesavvy.track_event(''CAMP-RUNS'', ''view'', %1$L)')) q (routine, statement)
     WHERE i.letter = 'a';
SELECT set_eq('SELECT routine FROM questions',
    'SELECT proname::text FROM routines p JOIN matrix m ON m.routine = p.proname WHERE (m.who LIKE ''%C%'' OR m.who = ''A'')
           AND p.proargnames && ''{user_id,account_id,transaction_id}''',
    'every function that a customer may call about a user is asked');

CREATE TEMP TABLE claims (whose, claims) AS VALUES
    ('own', jsonb_build_object('sub', :'ada', 'role', 'swipesavvy_customer')::text),
           ('own in capitals', jsonb_build_object('sub', upper(:'ada'))::text),
    ('Bob''s', jsonb_build_object('sub', :'bob')::text), ('unset', ''), ('an empty object', '{}'), ('an empty sub', '{"sub": ""}'),
    ('a null sub', '{"sub": null}'), ('a number', '{"sub": 7}'), ('a list', '["sub"]'), ('a scalar', '"' || :'ada' || '"'),
           ('a nested sub', '{"claims": {"sub": "' || :'ada' || '"}}'),
    ('an id in an array', '{"sub": ["' || :'ada' || '"]}'), ('a sub with braces', '{"sub": "{' || :'ada' || '}"}'),
    ('a sub and more', '{"sub": "' || :'ada' || ' "}'),
    ('Bob''s, who says he is an admin', jsonb_build_object('sub', :'bob', 'role', 'swipesavvy_admin')::text);
SELECT is(pg_temp.outcome('swipesavvy_customer', c.claims, q.statement),
          CASE WHEN c.whose LIKE 'own%' THEN 'ok' WHEN c.whose LIKE 'Bob%' AND q.silent THEN 'PT404' ELSE '42501' END,
          format('claims: %s. %s', c.whose, substr(q.statement, 8)))
  FROM claims c, questions q;
SELECT is(pg_temp.outcome('swipesavvy_customer', c, q.statement), '42501', format('claims that are no JSON: %s. %s', c, substr(q.statement, 8)))
  FROM questions q, (VALUES ('{'), ('sub'), (' ')) v (c);
SELECT is(pg_temp.outcome(r.name, '', q.statement), 'ok', format('%s: %s', r.name, substr(q.statement, 8)))
  FROM questions q JOIN allowed a ON a.routine = q.routine JOIN roles r ON r.name = a.role
         WHERE r.letter NOT IN ('C', 'O') AND NOT (q.routine = 'get_recommendations' AND r.letter = 'N') AND NOT (q.routine IN ('evaluate_flag', 'evaluate_flags', 'get_flags_document') AND r.letter IN ('A', 'S', 'D'));
SELECT is(pg_temp.outcome(r.name, '', q.statement), '42501', format('%s knows nobody: %s', r.name, substr(q.statement, 8)))
  FROM questions q, roles r WHERE q.routine IN ('evaluate_flag', 'evaluate_flags', 'get_flags_document') AND r.letter IN ('A', 'S', 'D')
                               OR q.routine = 'get_recommendations' AND r.letter = 'N';
SELECT is(pg_temp.outcome('swipesavvy_customer', (SELECT claims FROM claims WHERE whose = 'own'), s.statement), s.wanted, s.what)
  FROM (VALUES
    ($$SELECT swipesavvy.track_event('CAMP-RUNS', 'view')$$, 'ok', 'an event without a user is the customer''s own'),
    (format('SELECT swipesavvy.set_default_account(%L, %L)', (SELECT account_id FROM ids WHERE letter = 'b'), :'ada'), 'PT404',
           'another''s account as one''s own'),
    (format('SELECT swipesavvy.explain_award(%L, %L)', (SELECT transaction_id FROM ids WHERE letter = 'b'), :'ada'), 'PT404',
           'another''s purchase as one''s own'),
    ($$SELECT swipesavvy.update_user('00000000-0000-7000-8000-00000000000a', '{"role": "admin"}')$$, '42501', 'a customer makes itself no admin'),
    ($$SELECT swipesavvy.get_campaign('CAMP-DRAFT')$$, 'PT404', 'a campaign that does not run is none for a customer')) s (statement, wanted, what);
SELECT is(pg_temp.outcome('swipesavvy_backend', '', $$SELECT swipesavvy.create_user('s@example.com', 'S', role => 'admin')$$), '42501',
       'a backend makes no admin');
SELECT is(pg_temp.outcome('swipesavvy_support', '', format('SELECT swipesavvy.update_user(%L, ''{"role": "admin"}'')', :'ada')),
       '42501', 'nor does support');

-- --- whose claims are believed ------------------------------------------------------------------------

SELECT set_config('request.jwt.claims', (SELECT claims FROM claims WHERE whose = 'own'), true) IS NOT NULL AS set \gset
SELECT is(swipesavvy.current_user_id(), :'ada'::uuid, 'a trusted session is whom its claims name');
CREATE FUNCTION pg_temp.user_with(gateways text) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('swipesavvy.trusted_gateways', gateways, true);
    RETURN swipesavvy.current_user_id();
END
$$;
SELECT is(pg_temp.user_with(g), NULL, format('trusted_gateways = %L: nobody', g))
  FROM (VALUES (''), ('somebody_else'), (' '), (quote_ident(session_user || 'x')), (quote_ident(upper(session_user)))) v (g);
SELECT is(pg_temp.user_with('other_gateway, ' || quote_ident(session_user)), :'ada'::uuid, 'one of several gateways');
SELECT set_config('swipesavvy.trusted_gateways', '', true) AS gateways \gset
SELECT is(pg_temp.outcome('swipesavvy_customer', (SELECT claims FROM claims WHERE whose = 'own'), q.statement), '42501',
          'the same claims in an untrusted session: ' || substr(q.statement, 8))
  FROM questions q;
SELECT is(pg_temp.outcome('swipesavvy_customer', '{', 'SELECT swipesavvy.current_user_id()'), 'ok',
       'an untrusted session''s claims are not even read');
SELECT is(pg_temp.outcome(r.name, '', format('SET %s = %s', s.name, s.value)), '42501 of the server', format('%s may not set %s', r.name, s.name))
  FROM roles r, (VALUES ('swipesavvy.trusted_gateways', 'test_stranger'), ('swipesavvy.allow_drop', 'on')) s (name, value);
SELECT is(pg_temp.outcome('test_stranger', '', 'SET swipesavvy.anything = 1'), '42602', 'nor is there a setting of that prefix that we do not know');

-- --- members, wrappers -------------------------------------------------------------------------------

CREATE ROLE test_app NOLOGIN;
CREATE ROLE test_both NOLOGIN;
CREATE ROLE test_later NOLOGIN NOINHERIT;
CREATE ROLE test_service NOLOGIN;
GRANT swipesavvy_backend TO test_service;
GRANT swipesavvy_customer, swipesavvy_support TO test_both;
GRANT swipesavvy_support TO test_later;

SELECT is(pg_temp.outcome('test_service', '', format('SELECT swipesavvy.record_transaction(%L, 1)', :'ada')), 'ok',
       'a member of backend records a purchase');
SELECT is(pg_temp.outcome('test_both', jsonb_build_object('sub', :'ada')::text, format('SELECT swipesavvy.get_user_profile(%L)', :'bob')), 'ok',
          'customer and support: reads others');
SELECT is(pg_temp.outcome('test_both', jsonb_build_object('sub', :'ada')::text,
          format('SELECT swipesavvy.link_account(%L, ''card'', ''1111'')', :'bob')), '42501',
          'customer and support: what support may not do is done for oneself only');
SELECT is(pg_temp.outcome('test_later', '', format('SELECT swipesavvy.get_user_profile(%L)', :'bob')), '42501 of the server',
       'a member that does not inherit has nothing yet');
GRANT EXECUTE ON FUNCTION swipesavvy.get_user_profile(uuid) TO test_later;
GRANT USAGE ON SCHEMA swipesavvy TO test_later;
SELECT is(pg_temp.outcome('test_later', '', format('SELECT swipesavvy.get_user_profile(%L)', :'bob')), '42501', 'nor with a grant of its own');
SELECT is(pg_temp.outcome('test_later', '', format('SET LOCAL ROLE swipesavvy_support; SELECT swipesavvy.get_user_profile(%L)', :'bob')), 'ok',
       'until it sets the role');

CREATE SCHEMA test_app;
CREATE FUNCTION test_app.buy(amount numeric) RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS $$SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000a', amount)$$;
ALTER FUNCTION test_app.buy(numeric) OWNER TO test_service;
GRANT USAGE ON SCHEMA test_app TO test_app, test_service;
SELECT is(pg_temp.outcome('test_app', '', 'SELECT test_app.buy(5)'), 'ok', 'an app''s SECURITY DEFINER wrapper acts as its owner');
SELECT is(pg_temp.outcome('test_app', '', format('SELECT swipesavvy.record_transaction(%L, 5)', :'ada')), '42501 of the server',
       'whoever calls the wrapper cannot pass it by');
SELECT is(pg_temp.outcome('test_app', '', 'SELECT test_app.buy(-5)'), '22023', 'its errors come through');

-- After a call, and after one that failed inside, the caller is who it was and sees its own path.
CREATE FUNCTION pg_temp.afterwards(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'test_app, public', true), set_config('role', 'swipesavvy_backend', true);
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    RETURN format('%s %s %s', current_user, current_setting('search_path'), current_setting('enable_seqscan'));
END
$$;
CREATE TEMP TABLE settled AS
    SELECT s.statement, pg_temp.afterwards(s.statement) AS state FROM (VALUES
        ($$SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-00000000000a', 5)$$),
        ($$SELECT swipesavvy.record_transaction('00000000-0000-7000-8000-0000000000ff', 5)$$),
        ($$SELECT swipesavvy.record_transactions('[{"user_id": "00000000-0000-7000-8000-0000000000ff", "amount": 1}]')$$),
        ($$INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-00000000000a', 5)$$),
        ($$INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-0000000000ff', 5)$$),
        ($$INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-00000000000a', -5)$$)) s (statement);
RESET ROLE;
RESET search_path;
SELECT is(state, 'swipesavvy_backend test_app, public on', 'who calls stays who it is: ' || statement) FROM settled;

-- --- the view purchases -----------------------------------------------------------------------------------

CREATE TEMP TABLE view_rights (what, statement, wanted) AS VALUES
    ('INSERT', $$INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES ('00000000-0000-7000-8000-00000000000a', 100)$$, 'BM'),
    ('INSERT … RETURNING', $$INSERT INTO swipesavvy.purchases (user_id, amount_minor)
           VALUES ('00000000-0000-7000-8000-00000000000a', 100) RETURNING transaction_id$$, 'BM'),
    ('SELECT', 'SELECT * FROM swipesavvy.purchases', 'BMN'),
    ('UPDATE', 'UPDATE swipesavvy.purchases SET amount_minor = 1', ''),
    ('DELETE', 'DELETE FROM swipesavvy.purchases', ''),
    ('SELECT of the table behind it', 'SELECT * FROM swipesavvy.transactions', 'O'),
    ('SELECT of credentials', 'SELECT * FROM swipesavvy_private.user_credentials', 'O'),
    ('SELECT of token keys', 'SELECT * FROM swipesavvy_private.token_keys', 'O'),
    ('SELECT of the secrets of sinks', 'SELECT * FROM swipesavvy_private.sink_secrets', 'O'),
    ('SELECT of the secrets of messages', 'SELECT * FROM swipesavvy_private.outbox_secrets', 'O'),
    ('SELECT of sinks', 'SELECT * FROM swipesavvy.sinks', 'O'),
    ('SELECT of sessions', 'SELECT * FROM swipesavvy_private.user_sessions', 'O'),
    ('UPDATE of the failures', 'UPDATE swipesavvy_private.sign_in_failures SET locked_until = NULL', 'O'),
    ('INSERT into the ledger', $$INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
        VALUES ('00000000-0000-7000-8000-00000000000a', gen_random_uuid(), 1, now(), 'adjust', 'issuance', 'available')$$, 'O'),
    ('UPDATE of an account', 'UPDATE swipesavvy.reward_accounts SET points_available = 1000000', 'O'),
    ('UPDATE of a slot', 'UPDATE swipesavvy.campaign_slots SET used = 0', 'O'),
    ('UPDATE of the ledger', 'UPDATE swipesavvy.points_entries SET points = 1', ''),
    ('DELETE from the ledger', 'DELETE FROM swipesavvy.points_entries', ''),
    ('nextval', $$SELECT nextval('swipesavvy.campaigns_campaign_no_seq')$$, 'O');
SELECT is(pg_temp.outcome(r.name, '', v.statement), CASE WHEN r.letter <> '' AND strpos(v.wanted, r.letter) > 0 THEN 'ok'
       ELSE '42501 of the server' END,
          format('%s: %s', r.name, v.what))
  FROM roles r, view_rights v;
SELECT is(pg_temp.outcome('none', '', s), w, 'the superuser too: ' || s)
  FROM (VALUES ('UPDATE swipesavvy.purchases SET amount_minor = 1', '0A000'), ('DELETE FROM swipesavvy.purchases', '0A000'),
               ('UPDATE swipesavvy.points_entries SET points = 1', '42501 of the server'),
               ('DELETE FROM swipesavvy.points_entries', '42501 of the server'),
               ('UPDATE swipesavvy.audit_logs SET status = status', '42501 of the server'),
               ('DELETE FROM swipesavvy.audit_logs', '42501 of the server'), ('TRUNCATE swipesavvy.audit_seals', '42501 of the server'), ('TRUNCATE swipesavvy.audit_logs', '42501 of the server'),
               ('TRUNCATE swipesavvy.points_entries', '42501 of the server')) v (s, w);
SELECT is(pg_temp.outcome('none', '', 'SET LOCAL session_replication_role = replica; DELETE FROM swipesavvy.points_entries'), '42501 of the server',
          'in replica mode as well');
SELECT is(pg_temp.outcome('none', '', 'SET LOCAL session_replication_role = replica; DELETE FROM swipesavvy.audit_logs'), '42501 of the server',
          'the audit log, too');

-- --- claims that nobody vouches for, and wrappers ---------------------------------------------------

-- The same questions with the same claims, which now come from a session that is no gateway: nobody asks.
SELECT set_config('swipesavvy.trusted_gateways', 'test_other', true) AS gateways \gset
SELECT is(pg_temp.outcome('swipesavvy_customer', c.claims, q.statement), '42501', format('not trusted, %s: %s', c.whose, substr(q.statement, 8)))
  FROM claims c, questions q WHERE c.whose LIKE 'own%' OR c.whose LIKE 'Bob%';
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) AS gateways \gset

-- A SECURITY DEFINER function of an app calls as its owner: with the owner's roles, and with the session's identity.
CREATE ROLE test_author NOLOGIN;
GRANT swipesavvy_backend TO test_author;
CREATE SCHEMA test_wrappers AUTHORIZATION test_author;
GRANT USAGE ON SCHEMA test_wrappers TO PUBLIC;
SET LOCAL ROLE test_author;
CREATE FUNCTION test_wrappers.buy(who uuid) RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT swipesavvy.record_transaction(who, 1) $$;
CREATE FUNCTION test_wrappers.me() RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT swipesavvy.current_user_id() $$;
CREATE FUNCTION test_wrappers.profile(who uuid) RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT swipesavvy.get_user_profile(who) $$;
CREATE FUNCTION test_wrappers.settings() RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT swipesavvy.update_system_settings('{}') $$;
RESET ROLE;
SELECT is(pg_temp.outcome('test_stranger', '', format('SELECT test_wrappers.buy(%L)', :'ada')), 'ok', 'a wrapper records for whoever may execute it');
SELECT is(pg_temp.outcome('test_stranger', (SELECT claims FROM claims WHERE whose = 'own'),
                          format('SELECT 1 / (test_wrappers.me() = %L)::int', :'ada')), 'ok', 'the identity passes through it');
SELECT is(pg_temp.outcome('test_stranger', '', format('SELECT test_wrappers.profile(%L)', :'ada')), '42501 of the server', 'what its owner may not call it cannot');
SELECT is(pg_temp.outcome('test_stranger', '', 'SELECT test_wrappers.settings()'), '42501 of the server', 'nor what is for admins');
SELECT is(pg_temp.outcome('swipesavvy_admin', '', 'SELECT test_wrappers.settings()'), '42501 of the server', 'not even when an admin executes it');
GRANT swipesavvy_customer TO test_author;
SELECT is(pg_temp.outcome('test_stranger', (SELECT claims FROM claims WHERE whose = 'own'), format('SELECT test_wrappers.profile(%L)', :'ada')), 'ok',
       'as a customer''s wrapper it reads the data of who is signed in');
SELECT is(pg_temp.outcome('test_stranger', (SELECT claims FROM claims WHERE whose = 'Bob''s'), format('SELECT test_wrappers.profile(%L)', :'ada')), '42501',
       'and of nobody else');
REVOKE EXECUTE ON FUNCTION test_wrappers.buy FROM PUBLIC;
SELECT is(pg_temp.outcome('test_stranger', '', format('SELECT test_wrappers.buy(%L)', :'ada')), '42501 of the server', 'revoked from PUBLIC it is closed');

SELECT * FROM finish();
ROLLBACK;
