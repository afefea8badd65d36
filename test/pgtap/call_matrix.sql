-- Every function of the API × every role × own and other user, called with arguments that are valid: whoever may call it gets an
-- answer, whoever may not is refused before anything happens. A function without a call in the table below fails.
\set QUIET on
BEGIN;
SELECT no_plan();

CREATE ROLE test_stranger NOLOGIN;
CREATE TEMP TABLE roles (name) AS VALUES ('swipesavvy_anon'), ('swipesavvy_customer'), ('swipesavvy_support'), ('swipesavvy_analytics'),
    ('swipesavvy_backend'), ('swipesavvy_delivery'), ('swipesavvy_admin'), ('test_stranger');

-- --- a programme in which everything can be done ------------------------------------------------

SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) AS gateways \gset
\set ada '00000000-0000-7000-8000-00000000000a'
\set bob '00000000-0000-7000-8000-00000000000b'
CREATE TEMP TABLE fixture (key text PRIMARY KEY, value text NOT NULL);
INSERT INTO fixture VALUES ('user', :'ada');
SELECT swipesavvy.create_user('ada@example.com', 'Ada', password => 'correct horse', user_id => :'ada') IS NOT NULL AS made,
       swipesavvy.create_user('bob@example.com', 'Bob', user_id => :'bob') IS NOT NULL AS made_too,
       swipesavvy.create_user('sue@example.com', 'Sue', user_id => '00000000-0000-7000-8000-00000000000c') IS NOT NULL AS made_three,
       swipesavvy.suspend_user('00000000-0000-7000-8000-00000000000c') IS NOT NULL AS suspended \gset
INSERT INTO fixture SELECT 'account', swipesavvy.link_account(:'ada', 'card', '4242') ->> 'account_id';
INSERT INTO fixture SELECT 'done', swipesavvy.record_transaction(:'ada', 1000) ->> 'transaction_id';
INSERT INTO fixture SELECT 'open', swipesavvy.record_transaction(:'ada', 10, status => 'pending') ->> 'transaction_id';
INSERT INTO fixture SELECT 'merchant', swipesavvy.create_merchant('Cafe', 'Restaurants & Cafes') ->> 'merchant_id';
SELECT count(swipesavvy.record_transaction(u, 10, NULL, value::uuid)) AS bought, count(swipesavvy.rate_merchant(u, value::uuid, 5, 'Good')) AS rated
  FROM fixture, unnest(ARRAY[:'ada', :'bob']::uuid[]) u WHERE key = 'merchant' \gset
INSERT INTO fixture SELECT 'offer', swipesavvy.add_merchant_offer(value::uuid, 'Cake') ->> 'offer_id' FROM fixture WHERE key = 'merchant';
INSERT INTO fixture SELECT 'review', review_id::text FROM swipesavvy.merchant_reviews WHERE user_id = :'ada';
INSERT INTO fixture SELECT 'location', swipesavvy.add_merchant_location((SELECT value::uuid FROM fixture WHERE key = 'merchant'), 52.5, 13.4) ->> 'location_id';
INSERT INTO fixture SELECT 'fence', swipesavvy.create_geofence('Gate', 52.5, 13.4, 100) ->> 'geofence_id';
SELECT swipesavvy.set_location_consent(:'ada', true) IS NOT NULL AS agreed, swipesavvy.set_location_consent(:'bob', true) IS NOT NULL AS agreed_too \gset
INSERT INTO fixture SELECT 'boost', swipesavvy.create_boost('Double', 2) ->> 'boost_id';
INSERT INTO fixture SELECT 'active', swipesavvy.create_boost('Active', 2) ->> 'boost_id';
INSERT INTO fixture SELECT 'reward', swipesavvy.create_reward('Mug', 10) ->> 'reward_id';
INSERT INTO fixture SELECT 'redeemed', swipesavvy.redeem_points(:'ada', points => 1) ->> 'redemption_id';
INSERT INTO fixture SELECT 'charity', swipesavvy.create_charity('Trees') ->> 'charity_id';
SELECT swipesavvy.activate_boost(:'ada', value::uuid) IS NOT NULL AS active FROM fixture WHERE key = 'active' \gset
SELECT swipesavvy.create_segment('Friends') IS NOT NULL AS made, swipesavvy.add_segment_members('Friends', ARRAY[:'ada'::uuid]) IS NOT NULL AS joined \gset
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10,
                                        start_date => now() - interval '1 day')) AS made FROM unnest('{CAMP-DRAFT,CAMP-RUNS}'::text[]) id \gset
SELECT swipesavvy.launch_campaign('CAMP-RUNS') IS NOT NULL AS launched \gset
-- the message of it: taken by the deliverer; and one that was given up
SELECT swipesavvy.claim_outbox() AS claimed \gset
INSERT INTO fixture SELECT 'message', :'claimed'::jsonb #>> '{messages,0,message_id}';
SELECT swipesavvy.sign_in('ada@example.com', 'correct horse') AS signed_in \gset
INSERT INTO fixture SELECT key, value FROM jsonb_each_text(:'signed_in') WHERE key IN ('access_token', 'refresh_token');
SELECT swipesavvy.set_sink_secret('key', 's3cret') IS NOT NULL AS kept, swipesavvy.set_sink_secret('spare', 's3cret') IS NOT NULL AS kept_two,
       swipesavvy.create_sink('hook', 'webhook', 'https://example.com/', 'key') IS NOT NULL AS made \gset
SELECT swipesavvy.create_flag('archived', 'Archived') IS NOT NULL AS made, swipesavvy.delete_flag('archived') IS NOT NULL AS gone,
       swipesavvy.set_flag_override('social_sharing', :'ada', 'true') IS NOT NULL AS set \gset
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => now() - interval '1 day'))
    AS made FROM unnest('{AB-1,AB-2,AB-3,AB-4}'::text[]) id \gset
INSERT INTO fixture SELECT 'test', swipesavvy.create_ab_test('Runs', 'AB-1', '{AB-2}', exposure => 'assignment', test_key => 'runs') ->> 'test_id';
INSERT INTO fixture SELECT 'draft', swipesavvy.create_ab_test('Draft', 'AB-3', '{AB-4}') ->> 'test_id';
SELECT swipesavvy.start_ab_test(value::uuid) IS NOT NULL AS started, swipesavvy.refresh_ab_tests(value::uuid) IS NOT NULL AS added_up FROM fixture WHERE key = 'test' \gset
INSERT INTO fixture SELECT 'job', swipesavvy.claim_job('jobs') ->> 'job';
SELECT swipesavvy.rebuild_analytics() IS NOT NULL AS built,
       swipesavvy.create_campaign(campaign_id => 'CAMP-HELD', name => 'Held', campaign_type => 'SEASONAL', offer_type => 'OTHER', start_date => now() - interval '1 day', hold_out => 10) IS NOT NULL AS made,
       swipesavvy.launch_campaign('CAMP-HELD') IS NOT NULL AS launched \gset
SELECT swipesavvy.refresh_campaign_uplift('CAMP-HELD') IS NOT NULL AS added_up \gset
INSERT INTO swipesavvy.health_alerts (figure, severity, value, threshold, opened_at) VALUES ('disk_percent', 'warning', 90, 85, now());
INSERT INTO fixture SELECT 'alert', alert_id::text FROM swipesavvy.health_alerts;
-- versions of a model: one to activate, one that is asked, one to cancel
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, train_examples, train_positives, platt_a, platt_b, threshold)
VALUES ('churn', 1, 'held', now(), 1, 200, 100, -1, 0, 0.5), ('churn', 2, 'active', now(), 1, 200, 100, -1, 0, 0.5), ('churn', 3, 'queued', now(), 1, NULL, NULL, NULL, NULL, NULL),
    ('affinity', 1, 'active', now(), 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, weight) VALUES ('churn', 2, 0, 'intercept', 0.1);
CREATE TABLE public.matrix_feed (user_id uuid, amount_minor bigint, currency text);
GRANT SELECT ON public.matrix_feed TO PUBLIC;

-- --- the calls -------------------------------------------------------------------------------------

-- $key is replaced by the fixture's value, quoted. of: whose they are: a user's, named ('user') or found by what belongs to it ('owner'); who is
-- signed in ('self'); nobody's in particular. otherwise: what comes instead of an answer, and why.
CREATE TEMP TABLE calls (routine, arguments, of, otherwise) AS VALUES
    ('acknowledge_outbox', 'ARRAY[$message]::uuid[]', NULL, NULL),
    ('activate_boost', '$user, $boost', 'user', NULL),
    ('add_merchant_location', '$merchant, 52.5163, 13.3777', NULL, NULL),
    ('update_merchant_location', $$$location, '{"city": "Berlin"}'$$, NULL, NULL),
    ('remove_merchant_location', '$location', NULL, NULL),
    ('import_merchant_locations', $$'[]'$$, NULL, NULL),
    ('get_merchant_locations', '$merchant', NULL, NULL),
    ('get_nearby_merchants', '52.5163, 13.3777', NULL, NULL),
    ('place_distance', '0, 0, 0, 1', NULL, NULL),
    ('create_geofence', $$'Gate', 52.5, 13.4, 100$$, NULL, NULL),
    ('update_geofence', $$$fence, '{"name": "Tor"}'$$, NULL, NULL),
    ('delete_geofence', '$fence', NULL, NULL),
    ('list_geofences', '', NULL, NULL),
    ('set_location_consent', '$user, true', 'user', NULL),
    ('report_location', '$user, 52.5, 13.4', 'user', NULL),
    ('close_geofence_visits', '', NULL, NULL),
    ('apply_location_retention', '', NULL, NULL),
    ('add_merchant_offer', $$$merchant, 'Cake'$$, NULL, NULL),
    ('update_merchant_offer', $$$offer, '{"title": "Cakes"}'$$, NULL, NULL),
    ('remove_merchant_offer', '$offer', NULL, NULL),
    ('get_merchant_offers', '$merchant', NULL, NULL),
    ('delete_merchant', '$merchant', NULL, NULL),
    ('rate_merchant', '$user, $merchant, 4', 'user', NULL),
    ('delete_rating', '$user, $merchant', 'user', NULL),
    ('get_merchant_reviews', '$merchant', NULL, NULL),
    ('moderate_review', $$$review, 'approved'$$, NULL, NULL),
    ('list_reviews_to_moderate', '', NULL, NULL),
    ('refresh_rating_prior', '', NULL, NULL),
    ('rating_average', '14, 3, 5, 300', NULL, NULL),
    ('set_partnership', $$$merchant, 'standard', 2.5$$, NULL, NULL),
    ('get_partnership', '$merchant', NULL, NULL),
    ('refresh_merchant_analytics', '', NULL, NULL),
    ('get_merchant_analytics', '$merchant', NULL, NULL),
    ('merchant_network_figures', '', NULL, NULL),
    ('http_read', '', NULL, NULL),
    ('http_write', $$'{}'$$, NULL, NULL),
    ('list_routes', '', NULL, NULL),
    ('console', '', NULL, NULL),
    ('openapi', '', NULL, NULL),
    ('read_export', $$'rfm'$$, NULL, NULL),
    ('add_segment_members', $$'Friends', ARRAY[$user]::uuid[]$$, NULL, NULL),
    ('add_token_key', $$'k2', repeat('s3cret', 6)$$, NULL, NULL),
    ('adjust_points', $$$user, 5, 'sorry'$$, NULL, NULL),
    ('apply_audit_retention', '', NULL, NULL),
    ('apply_outbox_retention', '', NULL, NULL),
    ('authenticate', '$access_token', NULL, NULL),
    ('cancel_redemption', $$$redeemed, 'broken'$$, NULL, NULL),
    ('change_password', $$'correct horse', 'another horse'$$, 'self', NULL),
    ('check_ledger', '', NULL, NULL),
    ('claim_job', $$'jobs'$$, NULL, NULL),
    ('claim_outbox', '', NULL, NULL),
    ('complete_campaigns', '', NULL, NULL),
    ('finish_job', '$job', NULL, NULL),
    ('create_flag', $$'new', 'New'$$, NULL, NULL),
    ('update_flag', $$'dark_mode', '{"name": "Dark"}'$$, NULL, NULL),
    ('delete_flag', $$'dark_mode'$$, NULL, NULL),
    ('restore_flag', $$'archived'$$, NULL, NULL),
    ('toggle_flag', $$'dark_mode'$$, NULL, NULL),
    ('set_flag_rollout', $$'dark_mode', 50$$, NULL, NULL),
    ('schedule_flag', $$'dark_mode', clock_timestamp() + interval '1 hour', false$$, NULL, NULL),
    ('cancel_flag_schedule', $$'dark_mode'$$, NULL, NULL),
    ('set_flag_override', $$'dark_mode', $user, 'false'$$, NULL, NULL),
    ('remove_flag_override', $$'social_sharing', $user$$, NULL, NULL),
    ('list_flag_overrides', $$'social_sharing'$$, NULL, NULL),
    ('get_flag_audit', $$'dark_mode'$$, NULL, NULL),
    ('import_flags_document', $$'{"features": {"imported": {"defaultValue": true}}}'$$, NULL, NULL),
    ('flag_cache_status', '', NULL, NULL),
    ('flush_flag_usage', '', NULL, NULL),
    ('fold_flag_usage', '', NULL, NULL),
    ('get_flag_analytics', $$'dark_mode'$$, NULL, NULL),
    ('flag_usage_users', $$'{}'$$, NULL, NULL),
    ('get_flag', $$'dark_mode'$$, NULL, NULL),
    ('list_flags', '', NULL, NULL),
    ('evaluate_flag', $$'dark_mode', $user$$, 'user', NULL),
    ('evaluate_flags', '$user', 'user', NULL),
    ('assign_flag', $$'dark_mode', $user$$, 'user', NULL),
    ('get_flags_document', '$user', 'user', NULL),
    ('flag_enabled', $$'dark_mode', $user$$, 'user', NULL),
    ('flag_users', $$'dark_mode'$$, NULL, NULL),
    ('flag_hash', $$'s', 'u', 2$$, NULL, NULL),
    ('flag_bucket_ranges', '2, 1, NULL', NULL, NULL),
    ('flag_choose_variation', $$0.5, '[[0, 1]]'$$, NULL, NULL),
    ('flag_in_namespace', $$'u', '["n", 0, 1]'$$, NULL, NULL),
    ('flag_condition_matches', $$'{}', '{}'$$, NULL, NULL),
    ('flag_evaluate_document', $$'{}', 'f', '{}'$$, NULL, NULL),
    ('experiment_run_document', $$'{}', '{}'$$, NULL, NULL),
    ('create_ab_test', $$'Another', 'AB-3', '{AB-4}'$$, NULL, NULL),
    ('create_flag_test', $$'Flag', 'dark_mode', '[true, false]'$$, NULL, NULL),
    ('update_ab_test', $$$draft, '{"test_name": "Sketch"}'$$, NULL, NULL),
    ('start_ab_test', '$draft', NULL, NULL),
    ('pause_ab_test', '$test', NULL, NULL),
    ('end_ab_test', $$$test, 'AB-2'$$, NULL, NULL),
    ('delete_ab_test', '$draft', NULL, NULL),
    ('get_ab_test', '$draft', NULL, NULL),
    ('list_ab_tests', '', NULL, NULL),
    ('assign_ab_test', '$test, $user', 'user', NULL),
    ('track_exposures', $$jsonb_build_array(jsonb_build_object('test_key', 'runs', 'user_id', $user, 'variation', 0, 'occurred_at', clock_timestamp()))$$, NULL, NULL),
    ('get_ab_test_results', '$draft', NULL, NULL),
    ('refresh_ab_tests', '', NULL, NULL),
    ('plan_ab_test', '0.1, 0.1', NULL, NULL),
    ('refresh_customer_analytics', '', NULL, NULL),
    ('get_rfm_segments', '', NULL, NULL),
    ('list_rfm_users', $$'champion'$$, NULL, NULL),
    ('get_cohort_retention', '', NULL, NULL),
    ('get_churn_list', '', NULL, NULL),
    ('get_points_liability', '', NULL, NULL),
    ('get_points_ageing', '', NULL, NULL),
    ('metrics', '', NULL, NULL),
    ('acknowledge_alert', '$alert', NULL, NULL),
    ('get_health_history', $$'disk_percent'$$, NULL, NULL),
    ('list_alerts', '', NULL, NULL),
    ('roll_up_health', '', NULL, NULL),
    ('record_health', $$'{}'$$, NULL, NULL),
    ('set_health_threshold', $$'disk_percent', 70$$, NULL, NULL),
    ('set_job', $$'expire_points', enabled => false$$, NULL, NULL),
    ('worker_status', '', NULL, NULL),
    ('claim_requests', '', NULL, '42501'),		-- these three are the background worker's alone: test/t/625_requests.pl
    ('record_results', $$'[]'$$, NULL, '42501'),
    ('release_requests', '', NULL, '42501'),
    ('create_sink', $$'new', 'webhook', 'https://example.com/', 'key'$$, NULL, NULL),
    ('delete_sink', $$'hook'$$, NULL, NULL),
    ('delete_sink_secret', $$'spare'$$, NULL, NULL),
    ('list_sink_secrets', '', NULL, NULL),
    ('list_sinks', '', NULL, NULL),
    ('preview_sink', $$'hook'$$, NULL, NULL),
    ('set_sink_secret', $$'key', 's3cret'$$, NULL, NULL),
    ('test_sink', $$'hook'$$, NULL, NULL),
    ('update_sink', $$'hook', '{"enabled": false}'$$, NULL, NULL),
    ('create_boost', $$'Triple', 3$$, NULL, NULL),
    ('create_campaign', $$'Ten', 'SEASONAL', 10, 'PERCENTAGE', now()$$, NULL, NULL),
    ('create_charity', $$'Bees'$$, NULL, NULL),
    ('create_merchant', $$'Bar', 'Restaurants & Cafes'$$, NULL, NULL),
    ('create_reward', $$'Hat', 20$$, NULL, NULL),
    ('create_segment', $$'Strangers'$$, NULL, NULL),
    ('create_user', $$'new@example.com', 'New'$$, NULL, NULL),
    ('current_user_id', '', NULL, NULL),
    ('deactivate_boost', '$user, $active', 'user', NULL),
    ('deactivate_user', '$user', NULL, NULL),
    ('decline_transaction', '$open', NULL, NULL),
    ('delete_campaign', $$'CAMP-DRAFT'$$, NULL, NULL),
    ('donate_points', '$user, 1, $charity', 'user', NULL),
    ('erase_user', '$user', NULL, NULL),
    ('expire_points', '', NULL, NULL),
    ('explain_award', '$done, $user', 'user', NULL),
    ('export_user_data', '$user', 'user', NULL),
    ('fail_outbox', $$$message, 'no answer'$$, NULL, NULL),
    ('get_audit_logs', '', NULL, NULL),
    ('get_campaign', $$'CAMP-RUNS'$$, NULL, NULL),
    ('get_leaderboard', '', NULL, NULL),
    ('get_merchant', '$merchant', NULL, NULL),
    ('get_points_history', '$user', 'user', NULL),
    ('get_system_health', '', NULL, NULL),
    ('get_user_accounts', '$user', 'user', NULL),
    ('get_user_profile', '$user', 'user', NULL),
    ('get_user_rewards', '$user', 'user', NULL),
    ('get_user_spending_analytics', '$user', 'user', NULL),
    ('get_user_transactions', '$user', 'user', NULL),
    ('health', '', NULL, NULL),
    ('import_purchases', $$'public.matrix_feed'$$, NULL, 'PT400'),		-- it commits, so not inside of a transaction: test/sql/purchases_import.sql
    ('lapse_transactions', '', NULL, NULL),
    ('latest_audit_seal', '', NULL, NULL),
    ('launch_campaign', $$'CAMP-DRAFT'$$, NULL, NULL),
    ('link_account', $$$user, 'card', '1111'$$, 'user', NULL),
    ('list_boosts', '', NULL, NULL),
    ('list_campaigns', '', NULL, NULL),
    ('list_charities', '', NULL, NULL),
    ('list_merchant_categories', '', NULL, NULL),
    ('list_merchants', '', NULL, NULL),
    ('list_rewards', '', NULL, NULL),
    ('list_segments', '', NULL, NULL),
    ('list_tiers', '', NULL, NULL),
    ('list_token_keys', '', NULL, NULL),
    ('list_users', '', NULL, NULL),
    ('pause_campaign', $$'CAMP-RUNS'$$, NULL, NULL),
    ('purchases_computed', $$'points_earned', 0$$, NULL, '0A000'),
    ('reactivate_user', $$'00000000-0000-7000-8000-00000000000c'$$, NULL, NULL),
    ('record_refused_attempts', '', NULL, NULL),
    ('record_transaction', '$user, 10', NULL, NULL),
    ('record_transactions', $$jsonb_build_array(jsonb_build_object('user_id', $user, 'amount', 10))$$, NULL, NULL),
    ('redeem_points', '$user, points => 1', 'user', NULL),
    ('redeem_points', '$user, $reward', 'user', NULL),
    ('refresh_leaderboards', '', NULL, NULL),
    ('refresh_session', '$refresh_token', NULL, NULL),
    ('refresh_tiers', '', NULL, NULL),
    ('refund_transaction', '$done', NULL, NULL),
    ('remove_segment_members', $$'Friends', ARRAY[$user]::uuid[]$$, NULL, NULL),
    ('replay_outbox', 'ARRAY[$message]::uuid[]', NULL, NULL),
    ('reset_user_password', '$user', NULL, NULL),
    ('rotate_token_key', '', NULL, NULL),
    ('rule_cache_status', '', NULL, NULL),
    ('seal_audit_log', '', NULL, NULL),
    ('set_default_account', '$account', 'owner', NULL),
    ('set_default_account', '$account, $user', 'user', NULL),
    ('settle_transaction', '$open', NULL, NULL),
    ('sign_in', $$'ada@example.com', 'correct horse'$$, NULL, NULL),
    ('sign_out', '$refresh_token', NULL, NULL),
    ('simulate_campaign', $$'{"name": "S", "campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 10, "start_date": "2020-01-01"}', '2020-01-01', now()$$, NULL, NULL),
    ('suspend_user', '$user', NULL, NULL),
    ('track_event', $$'CAMP-RUNS', 'view', $user$$, 'user', NULL),
    ('track_events', $$'[{"campaign_id": "CAMP-RUNS", "kind": "view"}]'$$, NULL, NULL),
    ('rebuild_analytics', '', NULL, NULL), ('refresh_analytics', '', NULL, NULL), ('fold_analytics', '', NULL, NULL), ('apply_event_retention', '', NULL, NULL),
    ('verify_analytics', '', NULL, NULL), ('get_campaign_metrics', $$'CAMP-RUNS'$$, NULL, NULL), ('get_campaign_daily', $$'CAMP-RUNS'$$, NULL, NULL),
    ('get_campaign_trends', $$'CAMP-RUNS'$$, NULL, NULL), ('get_campaign_roi', $$'CAMP-RUNS'$$, NULL, NULL),
    ('export_analytics', $$'campaigns'$$, NULL, NULL),
    ('run_custom_report', $$'{"source": "campaigns", "measures": ["clicks"], "start_date": "2026-01-01", "end_date": "2026-12-31"}'$$, NULL, NULL),
    ('get_campaign_portfolio', '', NULL, NULL), ('get_top_campaigns', '', NULL, NULL), ('campaign_performance', '', NULL, NULL),
    ('get_campaign_segments', $$'CAMP-RUNS'$$, NULL, NULL), ('refresh_campaign_segments', $$'CAMP-RUNS'$$, NULL, NULL),
    ('get_campaign_uplift', $$'CAMP-HELD'$$, NULL, NULL),
    ('refresh_campaign_uplift', $$'CAMP-HELD'$$, NULL, NULL),
    ('unlink_account', '$account', 'owner', NULL),
    ('unlink_account', '$account, $user', 'user', NULL),
    ('update_campaign', $$'CAMP-RUNS', '{"name": "Eleven"}'$$, NULL, NULL),
    ('update_charity', $$$charity, '{"name": "Forests"}'$$, NULL, NULL),
    ('update_merchant', $$$merchant, '{"name": "Tea room"}'$$, NULL, NULL),
    ('update_reward', $$$reward, '{"name": "Cup"}'$$, NULL, NULL),
    ('update_system_settings', $$'{"cache_ttl_seconds": 60}'$$, NULL, NULL),
    ('add_currency', $$'QQQ', 2$$, NULL, NULL),
    ('update_tiers', $$'[{"name": "bronze", "threshold": 0, "multiplier": 1}]'$$, NULL, NULL),
    ('update_user', $$$user, '{"name": "Ada L."}'$$, 'user', NULL),
    ('verify_account', '$account', NULL, NULL),
    ('verify_audit_log', '', NULL, NULL),
    ('verify_ledger', '', NULL, NULL),
    ('verify_token', '$access_token', NULL, NULL);

INSERT INTO calls VALUES
    ('activate_ml_model', $$'churn', 1$$, NULL, NULL),
    ('cancel_ml_training', $$'churn'$$, NULL, NULL),
    ('export_ml_data', $$'churn', now()$$, NULL, NULL),
    ('get_merchant_affinity', '$user', 'user', NULL),
    ('get_ml_performance', '', NULL, NULL),
    ('get_recommendations', '$user', 'user', NULL),
    ('get_send_times', '$user', 'user', NULL),
    ('list_ml_models', '', NULL, NULL),
    ('predict', $$'churn', $user$$, NULL, NULL),
    ('record_ml_feedback', $$'affinity', $user, 'accepted'$$, 'user', NULL),
    ('refresh_models', '', NULL, NULL),
    ('set_profiling_consent', '$user, false', 'user', NULL),
    ('train_ml_model', $$'churn'$$, NULL, NULL),
    ('train_models', '', NULL, NULL);

SELECT set_eq('SELECT routine FROM calls',
    'SELECT function::text FROM swipesavvy.privileges WHERE roles && ''{swipesavvy_admin}''::name[]', 'every function of the API has a call with valid arguments');
SELECT set_eq('SELECT DISTINCT routine FROM calls WHERE of IS NOT NULL AND routine <> ''change_password''',
    'SELECT p.proname::text FROM pg_proc p JOIN swipesavvy.privileges v ON v.function = p.proname
      WHERE p.pronamespace = ''swipesavvy''::regnamespace AND p.proargnames && ''{user_id,account_id,transaction_id}''
        AND v.roles && ''{swipesavvy_customer}''::name[]', 'and of those that a customer may call about a user it is known whose that is');

-- --- called -------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.statement(routine text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    f fixture;
BEGIN
    FOR f IN SELECT * FROM fixture ORDER BY length(key) DESC LOOP
        arguments := replace(arguments, '$' || f.key, quote_literal(f.value));
    END LOOP;
    RETURN format('%s swipesavvy.%I(%s)', CASE WHEN routine = 'import_purchases' THEN 'CALL' ELSE 'SELECT' END, routine, arguments);
END
$$;
-- What comes of it: ok, the error of a document that is one, or SQLSTATE and whether it was the server. Nothing of it stays.
CREATE FUNCTION pg_temp.outcome(who text, claims text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    message text;
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true), set_config('role', who, true);
    IF statement LIKE 'CALL%' THEN
        EXECUTE statement;
    ELSE
        EXECUTE statement INTO result;
    END IF;
    RAISE EXCEPTION USING errcode = 'XXOK0', message = coalesce(substring(result from '^\{[^{}]*"error": "(\w+)"'), 'ok');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RETURN CASE WHEN SQLSTATE = 'XXOK0' THEN message WHEN SQLSTATE = '42501' AND message <> 'permission denied' THEN '42501 of the server'
           ELSE SQLSTATE END;
END
$$;

CREATE TEMP TABLE callers (whose, claims) AS VALUES ('own', jsonb_build_object('sub', :'ada')::text), ('other', jsonb_build_object('sub', :'bob')::text), ('nobody', '');
CREATE TEMP TABLE wanted AS
SELECT r.name AS role, c.whose, c.claims, k.routine, k.arguments,
       CASE WHEN NOT r.name = ANY (v.roles) THEN '42501 of the server'
            WHEN k.routine = 'change_password' THEN CASE c.whose WHEN 'own' THEN 'ok' WHEN 'nobody' THEN '42501' ELSE 'invalid_credentials' END
            WHEN k.routine IN ('list_campaigns', 'get_campaign') AND r.name = 'swipesavvy_customer' AND c.whose = 'nobody' THEN '42501'
            WHEN r.name IN ('swipesavvy_anon', 'swipesavvy_support', 'swipesavvy_delivery') AND k.routine IN ('evaluate_flag', 'evaluate_flags', 'get_flags_document') THEN '42501'
            WHEN r.name = 'swipesavvy_analytics' AND k.routine = 'get_recommendations' THEN '42501' -- of a user; it may ask for a campaign
            WHEN r.name = 'swipesavvy_customer' AND k.of = 'user' AND c.whose <> 'own' THEN '42501'
            WHEN r.name = 'swipesavvy_customer' AND k.of = 'owner' AND c.whose <> 'own' THEN CASE c.whose WHEN 'other' THEN 'PT404' ELSE '42501' END
            ELSE coalesce(k.otherwise, 'ok') END AS outcome
  FROM calls k JOIN (SELECT DISTINCT function, roles FROM swipesavvy.privileges) v ON v.function = k.routine, roles r, callers c;
CREATE TEMP TABLE got AS
    SELECT w.*, pg_temp.outcome(w.role, w.claims, pg_temp.statement(w.routine, w.arguments)) AS got FROM wanted w;
SELECT is_empty('SELECT role, whose, routine, arguments, outcome AS wanted, got FROM got WHERE got <> outcome',
    'every function, every role, own, other''s and nobody''s: as the matrix says');
SELECT is((SELECT count(*) FROM got), (SELECT count(*) FROM calls) * 24, 'and nothing was left out');
SELECT isnt((SELECT count(*) FROM got WHERE got = o), 0::bigint, format('%s occurs', o)) FROM unnest('{ok,42501,42501 of the server,PT404}'::text[]) o;

SELECT * FROM finish();
ROLLBACK;
