-- The schema as it was declared: each table, constraint, trigger and function, and what must hold for all of them.
\set QUIET on
BEGIN;
SELECT no_plan();

-- Every object of the extension, by kind: what the generic tests below go through.
CREATE TEMP VIEW member_relations AS
    SELECT c.* FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid WHERE e.extname = 'swipesavvy';
CREATE TEMP VIEW member_functions AS
    SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid WHERE e.extname = 'swipesavvy';
CREATE TEMP VIEW member_types AS
    SELECT t.* FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid WHERE e.extname = 'swipesavvy';

-- --- tables and constraints ---------------------------------------------------------

-- Each table with its constraints; primary keys are named TABLE_pkey and tested below.
CREATE TEMP TABLE declared_tables (name, constraints) AS VALUES
    ('accounts', 'a_full_card_number_is_refused an_account_belongs_to_a_user an_account_is_a_card_bank_or_wallet '
        'an_expiry_is_a_month_of_a_year an_unlinked_account_is_no_default only_the_last_four_digits_are_kept'),
    ('analytics_state', 'there_is_one_state'),
    ('audit_installations', ''),
    ('audit_logs', ''),
    ('audit_seals', 'a_seal_has_leaves_until_it_is_retired'),
    ('boosts', 'a_boost_ends_after_it_starts a_boost_has_a_known_category a_boost_has_a_name a_boost_multiplier_is_from_1_to_1000 '
        'an_activation_limit_is_at_least_1'),
    ('campaign_days', ''),
    ('ab_test_exposures', ''),
    ('ab_test_groups', 'a_group_belongs_to_a_test a_group_gets_a_known_campaign a_weight_is_a_share'),
    ('ab_test_pauses', 'a_pause_belongs_to_a_test'),
    ('ab_test_sums', 'sums_belong_to_a_test'),
    ('ab_test_versions', 'a_test_version_belongs_to_a_test'),
    ('ab_tests', 'a_covariate_has_0_to_90_days a_namespace_is_a_range a_test_counts_a_population_or_assignments a_test_has_a_known_scope '
        'a_test_has_a_known_status a_test_has_a_name a_test_hashes_by_version_2 a_test_id_is_used_once a_test_is_for_a_known_segment '
        'a_test_is_in_a_known_currency a_test_is_of_a_known_flag a_test_is_of_campaigns_or_of_a_flag a_test_key_is_short_and_plain '
        'a_test_key_is_used_once a_window_has_1_to_365_days coverage_is_a_share outside_of_a_test_is_control_or_none'),
    ('campaign_events', 'an_event_belongs_to_a_campaign an_event_has_a_known_kind'),
    ('campaign_hours', ''),
    ('campaign_redemptions', 'a_returned_cost_is_part_of_the_cost redemption_amounts_are_not_negative'),
    ('campaign_segments', ''),
    ('campaign_uplift', 'uplift_is_of_the_campaign_or_of_all'),
    ('campaign_slots', 'a_slot_is_never_overspent'),
    ('campaign_versions', 'a_version_belongs_to_a_campaign'),
    ('campaigns', 'a_budget_is_not_negative a_campaign_ends_after_it_starts a_campaign_has_a_known_currency a_campaign_has_a_known_offer '
        'a_campaign_has_a_known_status a_campaign_has_a_known_type a_campaign_has_a_name a_campaign_id_is_no_filter_of_postgrest a_campaign_id_is_short_and_plain '
        'a_campaign_id_is_used_once a_campaign_is_aimed_at_a_known_category a_campaign_is_aimed_at_a_known_merchant '
        'a_campaign_is_aimed_at_a_known_segment a_hold_out_is_a_percentage a_percentage_is_at_most_100 '
        'a_points_multiplier_is_from_1_to_1000 an_offer_is_not_negative bonus_points_are_not_negative campaign_amounts_are_not_negative '
        'campaign_dates_are_finite campaign_limits_are_at_least_1'),
    ('charities', 'a_charity_has_a_name'),
    ('currencies', 'a_currency_has_a_name a_currency_has_three_letters a_minor_unit_is_from_0_to_4'),
    ('customer_analytics', 'customer_analytics_are_of_one_refresh'),
    ('customer_cohorts', 'a_cohort_is_of_a_week_or_a_month'),
    ('customer_figures', ''),
    ('customer_scores', ''),
    ('points_by_month', ''),
    ('points_liability', ''),
    ('donations', 'a_donation_takes_points points_are_donated_by_a_user points_are_donated_to_a_charity'),
    ('import_errors', ''),
    ('imports', ''),
    ('feature_flag_analytics', 'registers_of_a_day_have_4096_bytes usage_is_of_a_flag'),
    ('feature_flag_assignments', ''),
    ('feature_flag_audit_log', 'a_change_is_of_a_flag'),
    ('feature_flag_overrides', 'an_override_is_of_a_flag'),
    ('feature_flag_rollouts', 'a_ramp_ends_after_it_starts a_roll_out_is_of_a_flag a_share_is_at_most_everybody'),
    ('feature_flag_usage', 'registers_have_4096_bytes'),
    ('feature_flags', 'a_flag_has_a_known_audience a_flag_has_a_known_category a_flag_has_a_known_value_type a_flag_key_is_a_name a_flag_key_is_used_once'),
    ('flag_sentinel', ''),
    ('geofence_states', 'who_is_inside_has_not_left'), ('geofence_triggers', ''), ('geofence_visits', ''),
    ('geofences', 'a_fence_ends_after_it_starts a_fence_has_a_name a_fence_is_a_circle_or_a_polygon a_fence_is_at_a_location a_fence_is_of_a_merchant '
        'a_fence_takes_a_known_accuracy a_fence_triggers_a_campaign a_fence_waits_for_at_most_a_day'),
    ('merchant_analytics', 'merchant_analytics_are_of_one_refresh'), ('merchant_customers', ''),
    ('merchant_partnerships', 'a_commission_is_at_most_everything a_partnership_ends_after_it_starts a_partnership_has_a_known_tier a_partnership_is_a_merchants'),
    ('location_consents', 'a_consent_is_a_users'), ('user_positions', 'a_position_is_whole_or_none'),
    ('health_alerts', 'an_alert_ends_after_it_opens an_alert_is_a_warning_or_critical somebody_acknowledges_an_alert'),
    ('health_days', ''),
    ('health_hours', ''),
    ('health_minutes', ''),
    ('health_samples', 'health_figures_are_an_object'),
    ('health_states', 'a_level_is_from_0_to_2'),
    ('health_thresholds', 'a_state_takes_from_1_to_100_samples'),
    ('jobs', 'a_job_may_take_a_second a_job_runs_at_most_each_second'),
    ('leaderboard_entries', 'a_leader_has_points'),
    ('leaderboard_marks', ''),
    ('leaderboards', 'a_leaderboard_has_a_known_period'),
    ('ledger_check_days', ''),
    ('ledger_mismatches', ''),
    ('mcc_codes', 'an_mcc_belongs_to_a_category an_mcc_is_four_digits'),
    ('merchant_categories', 'a_category_has_a_name a_category_number_is_used_once'),
    ('merchant_days', ''),
    ('merchant_sentinel', ''),
    ('merchants', 'a_merchant_has_a_category a_merchant_has_a_known_mcc a_merchant_has_a_name merchant_metadata_are_an_object'),
    ('merchant_locations', 'a_country_has_two_letters a_location_is_of_a_merchant a_location_is_on_earth hours_are_an_object hours_are_of_a_time_zone'),
    ('merchant_offers', 'an_offer_ends_after_it_starts an_offer_has_a_title an_offer_is_of_a_campaign an_offer_is_of_a_merchant the_dates_of_an_offer_are_its_own_or_its_campaigns'),
    ('merchant_ratings', 'a_sum_of_ratings_is_of_a_merchant no_rating_counts_less_than_nothing ratings_add_up'),
    ('merchant_reviews', 'a_comment_has_2000_characters a_comment_has_a_status a_rating_is_one_to_five a_review_is_a_users a_review_is_of_a_merchant'),
    ('rating_prior', 'a_mean_is_one_to_five there_is_one_prior'),
    ('learning_sentinel', ''),
    ('ml_coefficients', 'a_coefficient_is_of_a_version nine_deciles_make_ten_shares'),
    ('ml_drift', 'drift_is_from_a_version drift_is_not_negative'),
    ('ml_excluded_mccs', 'an_excluded_code_is_a_known_one'),
    ('ml_feedback', 'feedback_has_a_known_outcome feedback_is_on_a_known_model'),
    ('ml_live', 'a_live_probability_is_between_0_and_1 a_live_probability_is_of_a_month'),
    ('ml_live_months', 'a_month_is_its_first_day a_month_is_of_a_version a_month_is_worked_out_or_not labels_come_later'),
    ('ml_models', 'a_model_is_a_known_one a_seed_is_not_negative a_version_has_a_known_status versions_count_from_one'),
    ('ml_neighbours', 'a_merchant_is_not_its_own_neighbour a_similarity_is_between_0_and_1'),
    ('ml_popularity', 'somebody_has_bought_at_a_popular_merchant'),
    ('ml_profiling_refusals', ''),
    ('ml_scored', ''),
    ('ml_scores', 'a_probability_is_between_0_and_1'),
    ('ml_send_prior', 'a_slot_is_an_hour_or_a_weekday'),
    ('outbox', 'a_message_is_an_object a_message_is_delivered_or_dead_or_open'),
    ('outbox_secrets', 'a_secret_belongs_to_a_message a_secret_is_an_object'),
    ('points_adjustments', 'an_adjustment_changes_points an_adjustment_has_a_reason points_are_adjusted_of_a_user'),
    ('points_entries', 'an_entry_has_two_accounts an_entry_moves_points'),
    ('rate_limits', ''),
    ('reward_accounts', 'a_reward_account_belongs_to_a_user lifetime_points_are_not_negative pending_points_are_not_negative points_before_a_lot_are_used_up'),
    ('redemption_returns', 'a_redemption_is_cancelled_once a_return_gives_points a_return_has_a_reason points_are_returned_to_a_user'),
    ('referral_salts', 'a_salt_has_32_bytes'),
    ('referred_emails', 'an_email_is_kept_as_a_salted_digest'),
    ('refunds', 'a_refund_is_of_an_amount refund_amounts_are_not_negative'),
    ('reward_redemptions', 'a_redemption_takes_points only_a_reward_comes_from_stock points_are_redeemed_by_a_user points_are_redeemed_for_a_reward'),
    ('rewards', 'a_reward_costs_points a_reward_ends_after_it_starts a_reward_has_a_name a_stock_is_not_negative'),
    ('rollup_deltas', ''),
    ('rule_sentinel', ''),
    ('segment_members', 'a_member_belongs_to_a_segment a_member_is_a_user'),
    ('segments', 'a_segment_has_a_name a_segment_name_is_used_once'),
    ('sign_in_failures', 'an_email_is_kept_as_a_digest failures_are_at_least_1'),
    ('sink_secrets', 'a_secret_has_a_short_plain_name a_secret_is_not_empty'),
    ('sink_states', 'a_state_is_of_a_sink'),
    ('sinks', 'a_sink_gets_more_than_nothing a_sink_has_a_known_kind a_sink_has_a_known_secret a_sink_has_a_short_plain_name '
        'only_sinks_of_messages_have_events sink_options_are_an_object'),
    ('system_settings', 'a_setting_has_a_known_type only_a_nullable_setting_is_null'),
    ('tiers', 'a_threshold_is_not_negative a_threshold_is_used_once a_tier_multiplier_is_at_most_1000 tier_benefits_are_a_list'),
    ('token_keys', 'a_key_has_at_least_32_bytes a_key_id_is_short_and_plain'),
    ('transactions', 'a_discount_is_part_of_the_amount a_refund_is_part_of_the_amount transaction_amounts_are_not_negative'),
    ('settlements', 'recorded_amounts_are_not_negative'),
    ('user_boosts', 'a_boost_is_activated_by_a_user an_activated_boost_exists'),
    ('user_credentials', 'a_password_is_stored_as_argon2id credentials_belong_to_a_user only_a_temporary_password_runs_out'),
    ('user_sessions', 'a_rotation_key_has_32_bytes a_session_belongs_to_a_user a_session_ends_for_a_known_reason only_digests_of_tokens_are_kept'),
    ('users', 'a_name_is_not_empty a_user_has_a_known_role a_user_has_a_known_status a_user_has_a_known_verification_status '
        'an_email_has_one_at_sign nobody_refers_themselves preferences_are_an_object');

SELECT set_eq('SELECT relname::text FROM member_relations WHERE relkind IN (''r'', ''p'')',
                  'SELECT name FROM declared_tables', 'the tables');
SELECT set_eq('SELECT relname::text FROM member_relations WHERE relnamespace = ''swipesavvy_private''::regnamespace AND relkind <> ''i''',
              ARRAY['outbox_secrets', 'referral_salts', 'referred_emails', 'sign_in_failures', 'sink_secrets', 'token_keys', 'user_credentials', 'user_sessions'], 'those that hold secrets stand apart');
SELECT is_empty('SELECT relname, relnamespace::regnamespace FROM member_relations WHERE relnamespace::regnamespace::text NOT IN (''swipesavvy'', ''swipesavvy_private'')',
                'nothing stands elsewhere');
SELECT set_eq('SELECT relname::text FROM member_relations WHERE relkind = ''v''', ARRAY['merchant_network_performance', 'merchant_rating_averages', 'nearby_merchants_view', 'user_favorite_merchants_view', 'privileges', 'purchases', 'purchases_door', 'v_ab_test_summary', 'v_active_feature_flags', 'v_campaign_performance_summary', 'v_feature_flag_usage_summary'], 'the views');
-- BI tools know these columns: new ones only follow
CREATE TEMP TABLE reports (view, columns) AS VALUES
    ('v_active_feature_flags', 'flag_key name category description default_value rollout_percentage owner updated_at'),
    ('v_feature_flag_usage_summary', 'flag_key category checks_7_days users_7_days enabled_7_days enabled_share checks_30_days users_30_days last_checked_at'),
    ('v_ab_test_summary', 'test_id test_name status control_campaign_id variant_campaign_ids started_at ended_at users target_sample_size progress control_conversion_rate best_variant_campaign_id '
        'best_variant_conversion_rate improvement_percentage p_value is_significant'),
    ('v_campaign_performance_summary', 'campaign_id name campaign_type status offer_type currency start_date end_date budget spent budget_remaining impressions views clicks conversions revenue cost '
        'view_rate click_through_rate conversion_rate cost_per_acquisition return_on_ad_spend last_fact_day'),
    ('merchant_network_performance', 'merchant_id name category is_active locations tier commission_rate currency purchases_30_days net_amount_30_days average_net_30_days commission_30_days '
        'purchases_365_days net_amount_365_days rating rating_count running_campaigns last_purchase_day'),
    ('user_favorite_merchants_view', 'user_id merchant_id name category visits net_amount currency last_visit_at user_rating rank'),
    ('nearby_merchants_view', 'location_id merchant_id name category location_name latitude longitude position city country rating rating_count is_active');
SELECT is_empty($$SELECT view FROM reports WHERE (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = ('swipesavvy.' || view)::regclass AND attnum > 0) || ' ' NOT LIKE columns || ' %'$$,
                'the columns of the views for reports');
SELECT is_empty('SELECT relname, relkind FROM member_relations WHERE relkind NOT IN (''r'', ''v'', ''S'', ''i'')',
                'no materialised view, partition or foreign table');
-- from 18 on NOT NULL is a constraint, too (n), which the server names
SELECT set_eq(
    'SELECT c.relname::text || ''.'' || k.conname FROM pg_constraint k JOIN member_relations c ON c.oid = k.conrelid
      WHERE k.contype NOT IN (''p'', ''n'')',
    'SELECT name || ''.'' || k FROM declared_tables, string_to_table(constraints, '' '') k WHERE k <> ''''',
    'the constraints of each table');
SELECT is_empty(
    'SELECT relname FROM member_relations r WHERE relkind = ''r'' AND relname NOT IN (''rule_sentinel'', ''merchant_sentinel'', ''flag_sentinel'', ''learning_sentinel'', ''rollup_deltas'', ''feature_flag_usage'')
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = r.oid AND k.contype = ''p'' AND k.conname = r.relname || ''_pkey'')',
    'every table but the sentinels and the deltas has a primary key named after it');
SELECT col_is_pk('swipesavvy', t, k::name[], format('the key of %s is for ever', t))
  FROM (VALUES ('users', '{user_id}'), ('accounts', '{user_id,account_id}'), ('reward_accounts', '{user_id}'),
               ('transactions', '{transaction_id,user_id}'), ('points_entries', '{user_id,entry_id}'),
               ('campaign_redemptions', '{user_id,transaction_id,campaign_no}'), ('campaign_slots', '{slot_key,campaign_no,day,slot}'),
               ('campaign_events', '{user_id,event_id}')) p (t, k);
SELECT is_empty(
    'SELECT r.relname, k.conname FROM pg_constraint k JOIN member_relations r ON r.oid = k.conrelid
      WHERE k.contype NOT IN (''p'', ''n'') AND (k.conname !~ ''^[a-z]+(_[a-z0-9]+){2,}$'' OR k.conname ~ ''_(check|fkey|key|excl)[0-9]*$'')',
    'no constraint has a name that the server made');
SELECT is_empty('SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated AND connamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace)',
                'every constraint is validated');
SELECT is_empty(
    'SELECT k.conrelid::regclass, k.conname FROM pg_constraint k JOIN member_relations r ON r.oid = k.conrelid
      WHERE k.contype = ''f'' AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid
               AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
               AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ (''^\(\w+ IS NOT NULL\)$'')))',
    'every foreign key has an index that begins with its columns');
SELECT is_empty(
    'SELECT k.conrelid::regclass, k.conname FROM pg_constraint k
      WHERE k.contype = ''f'' AND k.conrelid IN (''swipesavvy.transactions''::regclass, ''swipesavvy.points_entries''::regclass,
                                               ''swipesavvy.campaign_redemptions''::regclass, ''swipesavvy.campaign_slots''::regclass,
                                               ''swipesavvy.refunds''::regclass, ''swipesavvy.settlements''::regclass)',
    'no foreign key slows down the tables that only the engine writes');

-- --- columns ----------------------------------------------------------------------------

SELECT col_type_is('swipesavvy', t, c, type, format('%s.%s is %s', t, c, type))
  FROM (VALUES ('users', 'user_id', 'uuid'), ('accounts', 'last_four', 'text'), ('campaigns', 'campaign_no', 'integer'),
               ('campaigns', 'campaign_id', 'text'), ('campaigns', 'budget', 'bigint'), ('campaigns', 'currency', 'character(3)'),
               ('transactions', 'transaction_id', 'uuid'), ('transactions', 'amount_minor', 'bigint'),
               ('transactions', 'discount_minor', 'bigint'), ('transactions', 'currency', 'character(3)'),
               ('transactions', 'status', 'swipesavvy.purchase_status'), ('transactions', 'decision', 'bytea'),
               ('points_entries', 'points', 'bigint'), ('points_entries', 'kind', 'swipesavvy.entry_kind'),
               ('points_entries', 'debit_account', 'swipesavvy.ledger_account'),
               ('points_entries', 'credit_account', 'swipesavvy.ledger_account'), ('reward_accounts', 'points_available', 'bigint'),
               ('reward_accounts', 'points_pending', 'bigint'), ('reward_accounts', 'lifetime_points', 'bigint'),
               ('campaign_slots', 'used', 'bigint'), ('campaign_slots', 'allotted', 'bigint'),
               ('system_settings', 'value', 'jsonb')) c (t, c, type);
SELECT is_empty(
    'SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN member_relations r ON r.oid = a.attrelid
      WHERE a.attnum > 0 AND r.relkind = ''r'' AND a.atttypid IN (''float4''::regtype, ''float8''::regtype, ''money''::regtype,
             ''timestamp''::regtype) AND r.relname NOT IN (''ml_models'', ''ml_coefficients'', ''ml_send_prior'', ''ml_live_months'', ''ml_live'', ''ml_drift'')',
    'no amount is a float and no time lacks its zone; coefficients and figures of models, probabilities and shares of hours are no amounts');
SELECT is_empty(
    'SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN member_relations r ON r.oid = a.attrelid
      WHERE a.attnum > 0 AND a.attname ~ ''(_minor|points_.*|_points)$'' AND r.relkind = ''r'' AND a.attname NOT IN (''points_expiry_months'')
        AND r.relname NOT IN (''campaign_hours'', ''campaign_days'', ''merchant_days'') AND a.atttypid NOT IN (''int8''::regtype, ''int4''::regtype)
        AND format_type(a.atttypid, a.atttypmod) <> ''numeric(38,0)''',
    'money and points are integers, but for sums that an integer could be too small for');
SELECT is_empty(
    'SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN member_relations r ON r.oid = a.attrelid
      WHERE r.relkind = ''r'' AND (a.attidentity <> '''' OR pg_get_serial_sequence(r.oid::regclass::text, a.attname) IS NOT NULL)
        AND EXISTS (SELECT FROM pg_attribute u WHERE u.attrelid = r.oid AND u.attname = ''user_id'')',
    'no table with a user_id counts with a sequence');
SELECT is_empty(
    'SELECT k.conrelid::regclass FROM pg_constraint k JOIN member_relations r ON r.oid = k.conrelid
       JOIN pg_attribute u ON u.attrelid = r.oid AND u.attname = ''user_id'' AND u.attnotnull
      WHERE k.contype = ''p'' AND NOT u.attnum = ANY (k.conkey)',
    'the key of every table of users'' rows holds the user_id');

-- --- comments -------------------------------------------------------------------------

SELECT is_empty('SELECT relname FROM member_relations WHERE relkind IN (''r'', ''v'')
                    AND coalesce(obj_description(oid, ''pg_class''), '''') !~ ''\.$''',
                'every table and view has a comment, a sentence');
SELECT is_empty('SELECT oid::regprocedure FROM member_functions WHERE coalesce(obj_description(oid, ''pg_proc''), '''') !~ ''\.$''',
                'every function has a comment, a sentence');
SELECT is_empty('SELECT typname FROM member_types WHERE typtype IN (''e'', ''d'') AND coalesce(obj_description(oid, ''pg_type''), '''') !~ ''\.$''',
                'every type has a comment, a sentence');
SELECT is_empty('SELECT oid::regprocedure, name FROM member_functions, unnest(proargnames) AS name WHERE name = '''''
                ' UNION SELECT oid::regprocedure, NULL FROM member_functions WHERE pronargs > cardinality(coalesce(proargnames, ''{}'')) AND oid <> ''swipesavvy.http_write(jsonb)''::regprocedure',
                'every argument has a name, but the one by which PostgREST gives a whole body');

-- --- functions ------------------------------------------------------------------------------

-- Volatility (i, s, v), strictness and parallel safety (s, r, u) of each. Readers are stable, so that they can be called by GET and
-- on a replica; what writes, or compiles the rules, must not run beside parallel workers.
CREATE TEMP TABLE declared_functions (kind, names) AS VALUES
    ('i/strict/s', 'minor_to_major email_key search_key'),
    ('i/null/s', 'way_back'), ('v/null/s', 'uuid_v7'), ('i/null/s', 'place_position place_box'), ('s/null/s', 'locations_near geofences_near'), ('i/strict/s', 'place_distance place_split rating_average'),
    ('s/null/r', 'get_merchant_locations get_nearby_merchants list_geofences get_merchant_offers get_merchant_reviews list_reviews_to_moderate'),
    ('s/null/r', 'get_partnership merchant_network_figures'), ('v/null/u', 'set_partnership refresh_merchant_analytics get_merchant_analytics'),
    ('v/null/u', 'add_merchant_location update_merchant_location remove_merchant_location import_merchant_locations create_geofence update_geofence delete_geofence set_location_consent report_location '
        'close_geofence_visits apply_location_retention rate_merchant delete_rating moderate_review refresh_rating_prior add_merchant_offer update_merchant_offer remove_merchant_offer delete_merchant'),
    ('s/null/s', 'purchases_computed'), ('s/null/r', 'list_routes openapi read_export'), ('s/null/u', 'http_read console'), ('v/null/u', 'http_write'),
    ('s/null/r', 'current_user_id export_user_data get_audit_logs latest_audit_seal verify_audit_log get_health_history list_alerts metrics worker_status get_campaign get_merchant get_system_health health get_user_accounts list_campaigns list_merchant_categories list_merchants '
        'list_segments list_sink_secrets list_sinks list_tiers list_token_keys preview_sink verify_ledger verify_token'),
    ('s/null/u', 'get_flags_document explain_award get_user_profile get_user_rewards get_user_spending_analytics get_user_transactions list_users simulate_campaign'),
    ('v/null/u', 'acknowledge_outbox apply_audit_retention apply_outbox_retention record_refused_attempts claim_outbox fail_outbox replay_outbox '
        'add_token_key authenticate change_password refresh_session reset_user_password rotate_token_key sign_in sign_out '
        'seal_audit_log activate_boost add_currency add_segment_members create_boost create_campaign create_merchant create_segment create_user '
        'deactivate_boost deactivate_user decline_transaction delete_campaign erase_user import_purchases lapse_transactions launch_campaign '
        'link_account pause_campaign reactivate_user record_transaction record_transactions refresh_tiers refund_transaction '
        'remove_segment_members rule_cache_status set_default_account settle_transaction suspend_user track_event '
        'unlink_account update_campaign update_merchant update_system_settings update_tiers update_user verify_account'),
    ('trigger', 'audit_refuse_change purchases_begin purchases_end purchases_insert purchases_refuse refuse_change refuse_restore restore_begin restore_currencies restore_end restore_installation '
        'restore_mcc_codes restore_merchant_categories restore_system_settings restore_tiers rules_changed drop_guard');
INSERT INTO declared_functions VALUES
    ('s/strict/s', 'analytics_day analytics_hour'), ('s/null/r', 'unfolded_deltas unfolded_days verify_analytics get_campaign_metrics get_campaign_daily get_campaign_trends get_campaign_roi get_campaign_portfolio get_top_campaigns campaign_performance get_campaign_segments get_campaign_uplift'),
    ('v/null/u', 'apply_event_retention fold_analytics rebuild_analytics refresh_analytics refresh_campaign_segments refresh_campaign_uplift track_events'),
    ('s/null/r', 'get_ab_test list_ab_tests'), ('s/null/u', 'get_ab_test_results'),
    ('v/null/u', 'grant_access guard_restores'), ('v/null/u', 'assign_ab_test create_ab_test create_flag_test delete_ab_test end_ab_test pause_ab_test refresh_ab_tests start_ab_test track_exposures update_ab_test'),
    ('s/null/r', 'run_custom_report'), ('v/null/u', 'export_analytics'),
    ('s/null/r', 'get_rfm_segments list_rfm_users get_cohort_retention get_churn_list get_points_liability get_points_ageing'), ('v/null/u', 'refresh_customer_analytics'),
    ('s/null/r', 'plan_ab_test evaluate_flag evaluate_flags flag_enabled flag_users get_flag get_flag_analytics get_flag_audit list_flag_overrides list_flags'),
    ('v/null/u', 'assign_flag cancel_flag_schedule create_flag delete_flag flag_cache_status flush_flag_usage fold_flag_usage import_flags_document remove_flag_override restore_flag schedule_flag set_flag_override set_flag_rollout '
        'toggle_flag update_flag'),
    ('i/strict/s', 'flag_usage_users hold_out_bucket'),
    ('trigger', 'restore_feature_flag_rollouts restore_feature_flags restore_ml_excluded_mccs'),
    ('s/null/r', 'get_ml_performance list_ml_models'), ('s/null/u', 'get_merchant_affinity get_recommendations get_send_times predict'),
    ('v/null/u', 'activate_ml_model cancel_ml_training export_ml_data record_ml_feedback refresh_models set_profiling_consent train_ml_model train_models'),
    ('i/null/s', 'flag_hash flag_bucket_ranges flag_choose_variation flag_in_namespace flag_condition_matches flag_evaluate_document experiment_run_document'),
    ('s/null/r', 'get_points_history list_boosts list_charities list_rewards'), ('s/null/u', 'get_leaderboard'),
    ('v/null/u', 'claim_requests create_sink delete_sink delete_sink_secret record_results release_requests set_sink_secret test_sink update_sink'),
    ('v/null/u', 'check_ledger claim_job complete_campaigns finish_job acknowledge_alert record_health roll_up_health set_health_threshold set_job adjust_points cancel_redemption create_charity create_reward donate_points expire_points redeem_points refresh_leaderboards update_charity update_reward');
SELECT set_eq(
    'SELECT proname::text, CASE WHEN prorettype IN (''trigger''::regtype, ''event_trigger''::regtype) THEN ''trigger''
            ELSE provolatile::text || CASE WHEN proisstrict THEN ''/strict/'' ELSE ''/null/'' END || proparallel::text END
       FROM member_functions',
    'SELECT f, kind FROM declared_functions, string_to_table(names, '' '') f',
    'the functions: volatility, strictness and parallel safety of each');
SELECT is_empty('SELECT oid::regprocedure FROM member_functions WHERE prosecdef', 'no function is SECURITY DEFINER');
SELECT is_empty('SELECT p.oid::regprocedure, l.lanname FROM member_functions p JOIN pg_language l ON l.oid = p.prolang
                  WHERE l.lanname <> ''c'' AND p.prosqlbody IS NULL AND NOT coalesce(proconfig, ''{}'') @> ''{"search_path=pg_catalog, pg_temp"}''',
                'every function that is not C pins its search_path, or is bound to what it calls');
SELECT is_empty('SELECT p.oid::regprocedure FROM member_functions p JOIN pg_language l ON l.oid = p.prolang
                  WHERE l.lanname <> ''c'' AND p.prorettype <> ''trigger''::regtype AND p.proname NOT IN (''way_back'', ''grant_access'', ''guard_restores'', ''place_position'', ''locations_near'', ''place_box'', ''geofences_near'')', 'only triggers of restored seeds, what calls cube, and parts of the steps are not C');
SELECT is_empty('SELECT oid::regprocedure, prosrc FROM member_functions p WHERE probin IS NOT NULL
                    AND (prosrc !~ (''^swipesavvy_'' || proname || ''(_1_2)?$'') OR probin <> ''$libdir/swipesavvy'')', 'the C symbols are named after their functions, with the release where a later one took the place of an earlier one');
SELECT is_empty('SELECT proname, count(*) FROM member_functions WHERE proname <> ''http_write'' GROUP BY 1 HAVING count(*) > 1', 'no function is overloaded, but the one that PostgREST calls with a body or without');

-- --- triggers ---------------------------------------------------------------------------------

CREATE TEMP TABLE declared_triggers (name, enabled, tables) AS VALUES
    ('collect', 'O', 'purchases purchases_door'), ('collect_begin', 'O', 'purchases purchases_door'), ('collect_end', 'O', 'purchases purchases_door'), ('refuse', 'O', 'purchases'),
    ('the_ledger_is_append_only', 'A', 'points_entries'), ('the_ledger_is_not_truncated', 'A', 'points_entries'),
    ('the_audit_log_is_append_only', 'A', 'audit_logs'), ('the_audit_log_is_not_truncated', 'A', 'audit_logs'),
    ('the_seals_are_append_only', 'A', 'audit_seals'), ('the_seals_are_not_truncated', 'A', 'audit_seals'),
    ('restore_installation', 'O', 'audit_installations'),
    ('restore_over_seed', 'A', 'ml_excluded_mccs feature_flag_rollouts feature_flags currencies mcc_codes merchant_categories system_settings tiers'),
    ('rules_after_insert', 'A', 'ab_test_groups ab_tests boosts campaigns currencies merchant_categories system_settings tiers'),
    ('rules_after_update', 'A', 'ab_test_groups ab_tests boosts campaigns currencies merchant_categories system_settings tiers'),
    ('rules_after_delete', 'A', 'ab_test_groups ab_tests boosts campaigns currencies merchant_categories system_settings tiers'),
    ('rules_after_truncate', 'A', 'ab_test_groups ab_tests boosts campaigns currencies merchant_categories system_settings tiers'),
    ('changes_of_flags_are_kept', 'A', 'feature_flag_audit_log'), ('changes_of_flags_are_not_truncated', 'A', 'feature_flag_audit_log'),
    ('learning_after_insert', 'A', 'merchants'), ('learning_after_update', 'A', 'merchants'), ('learning_after_change', 'A', 'ml_excluded_mccs'),
    ('learning_after_truncate', 'A', 'merchants ml_excluded_mccs'),
    ('flags_after_insert', 'A', 'ab_test_groups ab_tests feature_flag_overrides feature_flag_rollouts feature_flags system_settings'),
    ('flags_after_update', 'A', 'ab_test_groups ab_tests feature_flag_overrides feature_flag_rollouts feature_flags system_settings'),
    ('flags_after_delete', 'A', 'ab_test_groups ab_tests feature_flag_overrides feature_flag_rollouts feature_flags system_settings'),
    ('flags_after_truncate', 'A', 'ab_test_groups ab_tests feature_flag_overrides feature_flag_rollouts feature_flags system_settings'),
    ('merchant_after_update', 'A', 'merchants'), ('merchant_after_delete', 'A', 'merchants'), ('merchants_after_truncate', 'A', 'merchants');
INSERT INTO declared_triggers
SELECT t.name, t.enabled, string_agg(DISTINCT r.relname, ' ')
  FROM (VALUES ('restore_begin', 'O'), ('restore_end', 'A')) t (name, enabled), pg_constraint k JOIN member_relations r ON r.oid = k.conrelid
 WHERE k.contype = 'f' GROUP BY 1, 2;
INSERT INTO declared_triggers
SELECT 'refuse_restore', 'O', string_agg(r.relname, ' ')
  FROM pg_extension e, unnest(e.extconfig) k (oid), member_relations r WHERE e.extname = 'swipesavvy' AND r.oid = k.oid AND r.relkind = 'r';
SELECT set_eq(
    'SELECT r.relname::text, t.tgname::text, t.tgenabled::text FROM pg_trigger t JOIN member_relations r ON r.oid = t.tgrelid
      WHERE NOT t.tgisinternal',
    'SELECT r, name, enabled FROM declared_triggers, string_to_table(tables, '' '') r',
    'the triggers: only those that were declared, those that must act in replica mode too do');
SELECT set_eq('SELECT evtname::text, evtevent::text, evtenabled::text, evttags::text FROM pg_event_trigger WHERE evtname LIKE ''swipesavvy%''',
                  $$VALUES ('swipesavvy_drop_guard', 'ddl_command_start', 'O', '{"DROP EXTENSION","DROP SCHEMA","DROP OWNED"}')$$,
                         'the event trigger');

-- --- dump --------------------------------------------------------------------------------------

CREATE TEMP VIEW dumped AS SELECT c.oid, c.condition FROM pg_extension, unnest(extconfig, extcondition) c (oid, condition)
       WHERE extname = 'swipesavvy';
SELECT set_eq(
    'SELECT relname::text FROM member_relations r WHERE relkind IN (''r'', ''S'') AND NOT EXISTS (SELECT FROM dumped d WHERE d.oid = r.oid)',
    ARRAY['flag_sentinel', 'health_days', 'health_hours', 'health_minutes', 'health_samples', 'learning_sentinel', 'merchant_sentinel', 'rate_limits', 'rule_sentinel', 'sink_states']::text[] , 'every table and sequence is dumped but what is always empty, what counts for a minute, and what was measured of this server');
SELECT set_eq('SELECT oid::regclass::text, condition FROM dumped WHERE condition <> ''''',
    $$VALUES ('swipesavvy.currencies', 'WHERE NOT is_seed')$$, 'all their rows are dumped, but for the currencies that each release brings');

-- --- owners and strangers -------------------------------------------------------------------------

SELECT is_empty(
    'SELECT ''relation'', relname::text FROM member_relations, pg_extension e WHERE e.extname = ''swipesavvy'' AND relowner <> e.extowner
      UNION ALL SELECT ''function'', proname::text FROM member_functions, pg_extension e WHERE e.extname = ''swipesavvy'' AND proowner <> e.extowner
      UNION ALL SELECT ''type'', typname::text FROM member_types, pg_extension e WHERE e.extname = ''swipesavvy'' AND typowner <> e.extowner
      UNION ALL SELECT ''event trigger'', evtname::text FROM pg_event_trigger, pg_extension e
                 WHERE e.extname = ''swipesavvy'' AND evtname LIKE ''swipesavvy%'' AND evtowner <> e.extowner
      UNION ALL SELECT ''schema'', nspname::text FROM pg_namespace, pg_extension e
                 WHERE e.extname = ''swipesavvy'' AND nspname LIKE ''swipesavvy%'' AND nspowner <> e.extowner',
    'everything belongs to whoever created the extension');
SELECT is_empty(
    'SELECT c.relname FROM pg_class c WHERE c.relnamespace IN (''swipesavvy''::regnamespace, ''swipesavvy_private''::regnamespace) AND c.relkind <> ''i''
           AND c.oid NOT IN (SELECT oid FROM member_relations)
      UNION ALL SELECT p.proname FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE ''swipesavvy%'' AND p.oid NOT IN (SELECT oid FROM member_functions)',
    'nothing stands in the schema that is not the extension''s');
SELECT is_empty('SELECT rolname FROM pg_roles WHERE rolname LIKE ''swipesavvy%'' AND (rolcanlogin OR rolsuper OR rolcreaterole
       OR rolcreatedb OR rolbypassrls OR rolreplication)',
                'the roles can do nothing but what was granted');
SELECT set_eq('SELECT rolname::text FROM pg_roles WHERE rolname LIKE ''swipesavvy%''',
                  ARRAY['swipesavvy_admin', 'swipesavvy_analytics', 'swipesavvy_anon', 'swipesavvy_backend', 'swipesavvy_customer',
                         'swipesavvy_delivery',
                        'swipesavvy_owner', 'swipesavvy_support'], 'the roles');
SELECT is_empty('SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE roleid::regrole::text LIKE ''swipesavvy%''
       OR member::regrole::text LIKE ''swipesavvy%''',
                'no role of ours is a member of another, and nobody of theirs yet');

-- --- seeds ---------------------------------------------------------------------------------------------

SELECT set_eq('SELECT category_no::int, category FROM swipesavvy.merchant_categories WHERE is_seed AND is_active',
    $$VALUES (1, 'Restaurants & Cafes'), (2, 'Retail & Shopping'), (3, 'Grocery & Food'), (4, 'Gas Stations'), (5, 'Hotels & Travel'),
             (6, 'Entertainment'), (7, 'Health & Wellness'), (8, 'Services')$$, 'the eight categories');
SELECT set_eq('SELECT tier, threshold, multiplier_milli, is_active, is_seed FROM swipesavvy.tiers',
    $$VALUES ('bronze', 0::bigint, 1000, true, true), ('silver', 2000, 1250, true, true), ('gold', 5000, 1500, true, true),
           ('platinum', 10000, 2000, true, true)$$,
    'the four tiers');
SELECT set_eq('SELECT setting, value::text, is_seed FROM swipesavvy.system_settings',
    $$VALUES ('cache_ttl_seconds', '300', true), ('currency', '"USD"', true), ('daily_spending_limit', 'null', true), ('earn_rate', '1.000', true), ('event_retention_days', 'null', true),
             ('feature_flags_enabled', 'true', true), ('late_posting_days', '3', true), ('log_retention_days', '90', true),
             ('maintenance_mode', 'false', true), ('max_transaction_amount', 'null', true), ('pending_expiry_days', '30', true),
             ('point_value_minor', '1', true), ('points_expiry_months', '24', true), ('rate_limit_per_minute', 'null', true),
             ('referral_bonus_points', '0', true), ('session_lifetime_days', '30', true), ('timezone', '"UTC"', true),
             ('token_lifetime_minutes', '15', true), ('refresh_grace_seconds', '10', true), ('rfm_segments', 'false', true),
             ('position_retention_hours', '24', true), ('privacy_threshold', '10', true), ('visit_retention_days', '90', true),
             ('rating_prior_weight', '5', true), ('review_moderation', 'true', true),
             ('churn_horizon_days', '60', true), ('ml_retrain_days', '30', true), ('quiet_hours_start', '21', true), ('quiet_hours_end', '8', true)$$, 'the twenty-nine settings and their defaults');
SELECT set_eq('SELECT f.flag_no, f.flag_key, f.category, r.enabled, f.is_seed AND f.seed = f.flag_key AND r.to_bp = 10000 FROM swipesavvy.feature_flags f JOIN swipesavvy.feature_flag_rollouts r USING (flag_no)',
    $$VALUES (1, 'tier_progress_bar', 'ui', true, true), (2, 'amount_chip_selector', 'ui', true, true), (3, 'platform_goal_meter', 'ui', true, true), (4, 'ai_concierge_chat', 'ui', true, true),
             (5, 'dark_mode', 'ui', true, true), (6, 'social_sharing', 'advanced', true, true), (7, 'receipt_generation', 'advanced', true, true), (8, 'community_feed', 'advanced', false, true),
             (9, 'advanced_analytics', 'advanced', false, true), (10, 'notification_center', 'experimental', false, true)$$, 'the ten flags');
SELECT set_eq('SELECT category, count(*)::int FROM swipesavvy.mcc_codes WHERE is_seed GROUP BY 1',
    $$VALUES ('Entertainment', 22), ('Gas Stations', 6), ('Grocery & Food', 7), ('Health & Wellness', 23), ('Hotels & Travel', 706),
             ('Restaurants & Cafes', 4), ('Retail & Shopping', 109), ('Services', 115)$$, 'the 992 merchant category codes, by category');
SELECT is(category, wanted, format('%s is %s', m.mcc, wanted))
  FROM (VALUES ('5812', 'Restaurants & Cafes'), ('5814', 'Restaurants & Cafes'), ('5411', 'Grocery & Food'), ('5541', 'Gas Stations'),
               ('5542', 'Gas Stations'), ('7011', 'Hotels & Travel'), ('4511', 'Hotels & Travel'), ('3000', 'Hotels & Travel'),
               ('7832', 'Entertainment'), ('5912', 'Health & Wellness'), ('8062', 'Health & Wellness'), ('5311', 'Retail & Shopping'),
               ('5732', 'Retail & Shopping'), ('4814', 'Services'), ('9311', 'Services')) w (mcc, wanted)
  LEFT JOIN swipesavvy.mcc_codes m ON m.mcc = w.mcc;
SELECT set_eq('SELECT minor_unit, count(*)::int FROM swipesavvy.currencies GROUP BY 1',
    'VALUES (0, 17), (2, 145), (3, 7), (4, 2), (NULL, 13)', 'the 184 currencies, by decimal places');
SELECT set_eq('SELECT code::text, minor_unit FROM swipesavvy.currencies WHERE code IN (''USD'', ''EUR'', ''JPY'', ''BHD'', ''CLF'', ''XAU'')',
    $$VALUES ('BHD', 3), ('CLF', 4), ('EUR', 2), ('JPY', 0), ('USD', 2), ('XAU', NULL)$$, 'some that are known');
SELECT set_eq('SELECT code::text, numeric_code::text, minor_unit, withdrawn_on::text FROM swipesavvy.currencies WHERE withdrawn_on IS NOT NULL OR code IN (''XCG'', ''XAD'', ''ZWG'', ''SLE'', ''EUR'')',
    $$VALUES ('ANG', '532', 2, '2025-03-31'), ('BGN', '975', 2, '2026-01-01'), ('CUC', '931', 2, '2021-07-01'), ('EUR', '978', 2, NULL), ('HRK', '191', 2, '2023-01-01'),
             ('SLE', '925', 2, NULL), ('SLL', '694', 2, '2024-01-01'), ('XAD', '396', 2, NULL), ('XCG', '532', 2, NULL), ('ZWG', '924', 2, NULL), ('ZWL', '932', 2, '2024-09-01')$$,
    'those that came and went since 2021');
SELECT is_empty('SELECT relname FROM member_relations r WHERE relkind = ''r'' AND relname NOT IN (''currencies'', ''mcc_codes'',
       ''merchant_categories'', ''system_settings'', ''tiers'', ''feature_flags'', ''feature_flag_rollouts'', ''ml_excluded_mccs'')
                    AND xpath_exists(''/table/row'', query_to_xml(format(''SELECT 1 FROM %s LIMIT 1'', oid::regclass), false, false, ''''))',
                'all other tables come empty');

SELECT * FROM finish();
ROLLBACK;
