/*
 * made_columns.c: the columns of all tables as the extension makes them
 * (made.h): tables and their columns with types, sorted by name.
 *
 * Read by made.c. test/t/046_made_columns.pl compares it with the catalogue and
 * prints what it should be.
 */
#include "postgres.h"

#include "base/made.h"

/* clang-format off */
const SSMadeTable ss_made_tables[] = {
	{"swipesavvy.ab_test_exposures",
	 "first_at timestamp with time zone, group_no smallint, multiple boolean, test_no integer, user_id uuid"},
	{"swipesavvy.ab_test_groups",
	 "active boolean, campaign_no integer, group_no smallint, name text, test_no integer, value jsonb, "
	 "version_at_start integer, weight numeric"},
	{"swipesavvy.ab_test_pauses",
	 "paused_at timestamp with time zone, resumed_at timestamp with time zone, test_no integer"},
	{"swipesavvy.ab_test_sums",
	 "as_of timestamp with time zone, day date, final boolean, group_no smallint, metric text, n numeric, "
	 "q numeric, q_d numeric, q_x numeric, s numeric, s_d numeric, s_md numeric, s_x numeric, s_yx numeric, "
	 "test_no integer"},
	{"swipesavvy.ab_test_versions",
	 "changed_by uuid, test jsonb, test_no integer, valid_until timestamp with time zone, version integer"},
	{"swipesavvy.ab_tests",
	 "archived_at timestamp with time zone, baseline numeric, bucket_version integer, condition jsonb, "
	 "confidence_level numeric, covariate_days integer, coverage numeric, created_at timestamp with time zone, "
	 "created_by uuid, currency character, end_reason text, ended_at timestamp with time zone, exposure text, "
	 "flag_no integer, guardrails text[], hash_version smallint, hypothesis text, kind text, metrics text[], "
	 "minimum_conversions integer, minimum_days integer, minimum_effect_size numeric, namespace_end numeric, "
	 "namespace_id text, namespace_start numeric, outside text, power numeric, primary_metric text, "
	 "recommended_group smallint, scope text, seed text, segment_no integer, sequential boolean, "
	 "sequential_tuning integer, started_at timestamp with time zone, status text, target_sample_size bigint, "
	 "test_id uuid, test_key text, test_name text, test_no integer, updated_at timestamp with time zone, "
	 "version integer, window_days integer, winner_group smallint"},
	{"swipesavvy.accounts",
	 "account_id uuid, account_type text, bank_name text, card_type text, created_at timestamp with time zone, "
	 "expiry_month integer, expiry_year integer, is_default boolean, is_verified boolean, issuer text, "
	 "last_four text, token text, type text, unlinked_at timestamp with time zone, user_id uuid, "
	 "verified_at timestamp with time zone"},
	{"swipesavvy.analytics_state",
	 "events_since timestamp with time zone, folded_at timestamp with time zone, generation bigint, "
	 "rebuilt_at timestamp with time zone, state_no integer, zone text"},
	{"swipesavvy.audit_installations",
	 "database_oid oid, installation_id uuid, installation_no integer, started_at timestamp with time zone, "
	 "system_identifier bigint"},
	{"swipesavvy.audit_logs",
	 "actor_id uuid, details json, details_hash bytea, details_salt bytea, event_type text, "
	 "installation_no integer, invoking_role text, log_id uuid, logged_at timestamp with time zone, "
	 "origin json, origin_hash bytea, origin_salt bytea, request_id text, resource text, resource_id text, "
	 "session_role text, status text, user_id uuid, xid xid8"},
	{"swipesavvy.audit_seals",
	 "digest bytea, installation_no integer, last_log_id uuid, last_xid xid8, leaves bytea, leaves_hash bytea, "
	 "previous bytea, retired_at timestamp with time zone, row_count bigint, seal_no bigint, "
	 "sealed_at timestamp with time zone"},
	{"swipesavvy.boosts",
	 "activation_limit integer, boost_id uuid, category text, created_at timestamp with time zone, "
	 "expires_at timestamp with time zone, multiplier_milli integer, name text, "
	 "starts_at timestamp with time zone"},
	{"swipesavvy.campaign_days",
	 "bonus_points numeric, campaign_no integer, clicks bigint, cost numeric, currency character, day date, "
	 "discount numeric, impressions bigint, pending_conversions bigint, purchase_conversions bigint, "
	 "revenue numeric, revenue_primary numeric, tracked_conversions bigint, tracked_value numeric, "
	 "updated_at timestamp with time zone, views bigint"},
	{"swipesavvy.campaign_events",
	 "campaign_no integer, event_id uuid, kind text, occurred_at timestamp with time zone, "
	 "recorded_at timestamp with time zone, user_id uuid, value numeric"},
	{"swipesavvy.campaign_hours",
	 "bonus_points numeric, campaign_no integer, clicks bigint, cost numeric, currency character, "
	 "discount numeric, hour timestamp with time zone, impressions bigint, pending_conversions bigint, "
	 "purchase_conversions bigint, revenue numeric, revenue_primary numeric, tracked_conversions bigint, "
	 "tracked_value numeric, views bigint"},
	{"swipesavvy.campaign_redemptions",
	 "campaign_no integer, campaign_version integer, cost_minor bigint, cost_returned_minor bigint, "
	 "counts boolean, day date, discount_minor bigint, points bigint, position smallint, transaction_id uuid, "
	 "user_id uuid"},
	{"swipesavvy.campaign_segments",
	 "as_of timestamp with time zone, campaign_no integer, conversions bigint, converters bigint, "
	 "cost numeric, discount numeric, members bigint, reached bigint, revenue numeric, segment_no integer"},
	{"swipesavvy.campaign_slots",
	 "allotted bigint, campaign_no integer, day date, slot integer, slot_key uuid, used bigint"},
	{"swipesavvy.campaign_uplift",
	 "as_of timestamp with time zone, campaign_no integer, control_buyers bigint, control_q numeric, "
	 "control_q_x numeric, control_s numeric, control_s_x numeric, control_s_yx numeric, "
	 "control_share integer, control_users bigint, cost_minor numeric, ends_at timestamp with time zone, "
	 "excluded_users bigint, exposed_buyers bigint, exposed_q numeric, exposed_q_x numeric, exposed_s numeric, "
	 "exposed_s_x numeric, exposed_s_yx numeric, exposed_share integer, exposed_users bigint, scope text, "
	 "starts_at timestamp with time zone"},
	{"swipesavvy.campaign_versions",
	 "campaign jsonb, campaign_no integer, changed_by uuid, valid_until timestamp with time zone, "
	 "version integer"},
	{"swipesavvy.campaigns",
	 "archived_at timestamp with time zone, bonus_points integer, budget bigint, campaign_id text, "
	 "campaign_no integer, campaign_type text, completed_at timestamp with time zone, "
	 "created_at timestamp with time zone, created_by uuid, currency character, daily_limit integer, "
	 "description text, end_date timestamp with time zone, hold_out integer, "
	 "launched_at timestamp with time zone, max_discount bigint, min_spend bigint, name text, "
	 "offer_amount bigint, offer_type text, paused_at timestamp with time zone, per_user_limit integer, "
	 "points_multiplier_milli integer, priority integer, stackable boolean, "
	 "start_date timestamp with time zone, status text, target_category text, target_merchant_id uuid, "
	 "target_segment_no integer, updated_at timestamp with time zone, version integer"},
	{"swipesavvy.charities",
	 "charity_id uuid, created_at timestamp with time zone, description text, is_active boolean, name text, "
	 "updated_at timestamp with time zone"},
	{"swipesavvy.currencies",
	 "code character, is_fund boolean, is_seed boolean, minor_unit integer, name text, numeric_code character, "
	 "withdrawn_on date"},
	{"swipesavvy.customer_analytics",
	 "as_of timestamp with time zone, currency character, only_row boolean, timezone text, today date"},
	{"swipesavvy.customer_cohorts",
	 "cohort date, granularity text, net_minor numeric, period date, users bigint"},
	{"swipesavvy.customer_figures",
	 "frequency bigint, frequency_score smallint, last_purchase_date date, monetary_minor numeric, "
	 "monetary_score smallint, purchases bigint, ratio numeric, recency_score smallint, segment text, "
	 "typical_gap_days numeric, user_id uuid"},
	{"swipesavvy.customer_scores",
	 "frequency numeric, frequency_score smallint, monetary_minor numeric, monetary_score smallint, "
	 "recency_days numeric, recency_score smallint, segment text, users bigint"},
	{"swipesavvy.donations",
	 "charity_id uuid, confirmation_code text, donated_at timestamp with time zone, entry_id uuid, "
	 "idempotency_key text, points bigint, user_id uuid"},
	{"swipesavvy.feature_flag_analytics",
	 "batch_checks bigint, checks bigint, day date, disabled_count bigint, enabled_count bigint, "
	 "flag_no integer, last_checked_at timestamp with time zone, registers bytea, variants jsonb"},
	{"swipesavvy.feature_flag_assignments",
	 "assigned_at timestamp with time zone, bucket_version integer, experiment_key text, user_id uuid, "
	 "variation text"},
	{"swipesavvy.feature_flag_audit_log",
	 "action text, actor_id uuid, after jsonb, before jsonb, changed_at timestamp with time zone, "
	 "flag_no integer, log_id uuid, reason text, version integer"},
	{"swipesavvy.feature_flag_overrides",
	 "expires_at timestamp with time zone, flag_no integer, reason text, set_at timestamp with time zone, "
	 "set_by uuid, user_id uuid, value jsonb"},
	{"swipesavvy.feature_flag_rollouts",
	 "enabled boolean, ends_at timestamp with time zone, flag_no integer, from_bp integer, reason text, "
	 "set_at timestamp with time zone, set_by uuid, starts_at timestamp with time zone, to_bp integer"},
	{"swipesavvy.feature_flag_usage",
	 "batch_checks bigint, checks bigint, disabled_count bigint, enabled_count bigint, flag_no integer, "
	 "last_checked_at timestamp with time zone, registers bytea, slot timestamp with time zone, variants jsonb"},
	{"swipesavvy.feature_flags",
	 "archived_at timestamp with time zone, audience text, category text, created_at timestamp with time zone, "
	 "created_by uuid, default_value jsonb, description text, flag_key text, flag_no integer, "
	 "hash_attribute text, is_seed boolean, name text, owner text, prerequisites jsonb, rules jsonb, "
	 "seed text, sticky boolean, targeting jsonb, updated_at timestamp with time zone, updated_by uuid, "
	 "value jsonb, value_type text, version integer"},
	{"swipesavvy.geofence_states",
	 "dwelt_at timestamp with time zone, entered_at timestamp with time zone, "
	 "exited_at timestamp with time zone, geofence_id uuid, inside boolean, "
	 "last_in_at timestamp with time zone, leaving_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.geofence_triggers",
	 "campaign_no integer, triggered_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.geofence_visits",
	 "dwelt_at timestamp with time zone, entered_at timestamp with time zone, "
	 "exited_at timestamp with time zone, geofence_id uuid, user_id uuid"},
	{"swipesavvy.geofences",
	 "campaign_no integer, created_at timestamp with time zone, dwell_seconds integer, "
	 "ends_at timestamp with time zone, geofence_id uuid, is_active boolean, lat_e7 integer, location_id uuid, "
	 "lon_e7 integer, max_accuracy_meters integer, merchant_id uuid, name text, polygon jsonb, "
	 "radius_mm integer, shape integer[], starts_at timestamp with time zone, "
	 "updated_at timestamp with time zone"},
	{"swipesavvy.health_alerts",
	 "acknowledged_at timestamp with time zone, acknowledged_by text, alert_id uuid, figure text, note text, "
	 "opened_at timestamp with time zone, resolved_at timestamp with time zone, severity text, "
	 "threshold numeric, value numeric"},
	{"swipesavvy.health_days",
	 "day date, first_at timestamp with time zone, last_at timestamp with time zone, seconds_up numeric"},
	{"swipesavvy.health_hours",
	 "figures jsonb, samples integer, starts_at timestamp with time zone"},
	{"swipesavvy.health_minutes",
	 "figures jsonb, samples integer, starts_at timestamp with time zone"},
	{"swipesavvy.health_samples",
	 "figures jsonb, sampled_at timestamp with time zone"},
	{"swipesavvy.health_states",
	 "figure text, in_a_row integer, level integer, seen integer"},
	{"swipesavvy.health_thresholds",
	 "critical numeric, figure text, samples integer, warning numeric"},
	{"swipesavvy.import_errors",
	 "code text, detail text, error_id uuid, message text, purchase jsonb, "
	 "recorded_at timestamp with time zone, row_id tid, source text"},
	{"swipesavvy.imports",
	 "digest bigint, file_node oid, finished_at timestamp with time zone, "
	 "occurred_at timestamp with time zone, row_id tid, rows_done bigint, rows_imported bigint, "
	 "rows_set_aside bigint, seen pg_snapshot, source text, started_at timestamp with time zone, "
	 "table_oid oid, transaction_id uuid, updated_at timestamp with time zone"},
	{"swipesavvy.jobs",
	 "enabled boolean, every_seconds integer, failed_at timestamp with time zone, failures bigint, "
	 "failures_in_a_row integer, finished_at timestamp with time zone, job text, last_error text, "
	 "max_seconds integer, next_run_at timestamp with time zone, postponed boolean, runs bigint, "
	 "scheduled_at timestamp with time zone, started_at timestamp with time zone, "
	 "succeeded_at timestamp with time zone"},
	{"swipesavvy.leaderboard_entries",
	 "period text, points bigint, user_id uuid"},
	{"swipesavvy.leaderboard_marks",
	 "at_least bigint, period text, points bigint"},
	{"swipesavvy.leaderboards",
	 "as_of timestamp with time zone, period text, starts_at timestamp with time zone"},
	{"swipesavvy.ledger_check_days",
	 "accounts bigint, day date, last_at timestamp with time zone, mismatches bigint"},
	{"swipesavvy.ledger_mismatches",
	 "checked_at timestamp with time zone, checks text[], found_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.location_consents",
	 "consent boolean, since timestamp with time zone, user_id uuid"},
	{"swipesavvy.mcc_codes",
	 "category text, description text, is_seed boolean, list_category text, mcc character"},
	{"swipesavvy.merchant_analytics",
	 "as_of timestamp with time zone, only_row boolean, today date"},
	{"swipesavvy.merchant_categories",
	 "category text, category_no smallint, description text, is_active boolean, is_seed boolean"},
	{"swipesavvy.merchant_customers",
	 "last_30_days bigint, last_365_days bigint, last_90_days bigint, merchant_id uuid, new_30_days bigint"},
	{"swipesavvy.merchant_days",
	 "amount numeric, category_no smallint, currency character, day date, merchant_id uuid, "
	 "pending_purchases bigint, points_earned numeric, purchases bigint, refunded numeric, "
	 "refunded_purchases bigint, updated_at timestamp with time zone"},
	{"swipesavvy.merchant_locations",
	 "category_no smallint, city text, country text, created_at timestamp with time zone, hours jsonb, "
	 "is_active boolean, lat_e7 integer, location_id uuid, lon_e7 integer, merchant_id uuid, name text, "
	 "phone text, postal_code text, region text, street text, timezone text, "
	 "updated_at timestamp with time zone"},
	{"swipesavvy.merchant_offers",
	 "campaign_no integer, created_at timestamp with time zone, description text, "
	 "ends_at timestamp with time zone, is_active boolean, merchant_id uuid, offer_id uuid, "
	 "starts_at timestamp with time zone, terms text, title text, updated_at timestamp with time zone"},
	{"swipesavvy.merchant_partnerships",
	 "created_at timestamp with time zone, ends_on date, merchant_id uuid, notes text, rate_milli integer, "
	 "starts_on date, tier text, version integer"},
	{"swipesavvy.merchant_ratings",
	 "fives bigint, fours bigint, merchant_id uuid, ones bigint, rating_count bigint, rating_sum bigint, "
	 "threes bigint, twos bigint"},
	{"swipesavvy.merchant_reviews",
	 "comment text, comment_status text, created_at timestamp with time zone, merchant_id uuid, "
	 "moderated_at timestamp with time zone, rating smallint, review_id uuid, status_reason text, "
	 "updated_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.merchants",
	 "category text, created_at timestamp with time zone, description text, is_active boolean, mcc character, "
	 "merchant_id uuid, metadata jsonb, name text, updated_at timestamp with time zone"},
	{"swipesavvy.ml_coefficients",
	 "bins double precision[], deviation double precision, feature text, mean double precision, "
	 "model_name text, position integer, shares double precision[], version integer, weight double precision"},
	{"swipesavvy.ml_drift",
	 "as_of timestamp with time zone, feature text, model_name text, position integer, psi double precision, "
	 "users bigint, version integer"},
	{"swipesavvy.ml_excluded_mccs",
	 "excluded boolean, is_seed boolean, mcc character, reason text"},
	{"swipesavvy.ml_feedback",
	 "campaign_no integer, feedback_id uuid, merchant_id uuid, model_name text, "
	 "occurred_at timestamp with time zone, outcome text, recorded_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.ml_live",
	 "model_name text, month date, probability double precision, user_id uuid"},
	{"swipesavvy.ml_live_months",
	 "as_of timestamp with time zone, auc double precision, brier double precision, examples integer, "
	 "log_loss double precision, model_name text, month date, positives integer, "
	 "until timestamp with time zone, users integer, version integer, worked_out_at timestamp with time zone, "
	 "zone text"},
	{"swipesavvy.ml_models",
	 "as_of timestamp with time zone, duration_ms bigint, horizon_days integer, lambda double precision, "
	 "metrics jsonb, model_name text, platt_a double precision, platt_b double precision, "
	 "queued_at timestamp with time zone, queued_by uuid, reason text, seed integer, status text, "
	 "test_examples integer, test_positives integer, threshold double precision, train_examples integer, "
	 "train_positives integer, trained_at timestamp with time zone, trainer_pid integer, "
	 "trainer_started_at timestamp with time zone, version integer, zone text"},
	{"swipesavvy.ml_neighbours",
	 "merchant_id uuid, neighbour_id uuid, similarity numeric, version integer"},
	{"swipesavvy.ml_popularity",
	 "category_no smallint, merchant_id uuid, share numeric, users integer, version integer"},
	{"swipesavvy.ml_profiling_refusals",
	 "refused_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.ml_scored",
	 "as_of timestamp with time zone, campaign_no integer, model_name text, users bigint, version integer"},
	{"swipesavvy.ml_scores",
	 "as_of timestamp with time zone, campaign_no integer, model_name text, probability numeric, user_id uuid, "
	 "version integer"},
	{"swipesavvy.ml_send_prior",
	 "share double precision, slot integer, weekdays boolean"},
	{"swipesavvy.outbox",
	 "attempts integer, body jsonb, created_at timestamp with time zone, dead_at timestamp with time zone, "
	 "delivered_at timestamp with time zone, due_at timestamp with time zone, event text, last_error text, "
	 "leased boolean, message_id uuid, order_key text, sink text, version integer"},
	{"swipesavvy.points_adjustments",
	 "adjusted_at timestamp with time zone, entry_id uuid, idempotency_key text, points bigint, reason text, "
	 "user_id uuid"},
	{"swipesavvy.points_by_month",
	 "credited numeric, expires_at timestamp with time zone, month date, remaining numeric"},
	{"swipesavvy.points_entries",
	 "campaign_no integer, credit_account swipesavvy.ledger_account, debit_account swipesavvy.ledger_account, "
	 "entry_id uuid, kind swipesavvy.entry_kind, points bigint, reason text, "
	 "recorded_at timestamp with time zone, transaction_id uuid, user_id uuid"},
	{"swipesavvy.points_liability",
	 "as_of timestamp with time zone, currency character, day date, point_value_minor bigint, "
	 "points_available numeric, points_expired numeric, points_matured numeric, points_overdrawn numeric, "
	 "points_pending numeric"},
	{"swipesavvy.rate_limits",
	 "calls integer, minute timestamp with time zone, user_id uuid"},
	{"swipesavvy.rating_prior",
	 "mean_hundredths integer, prior_no integer, rating_count bigint, refreshed_at timestamp with time zone"},
	{"swipesavvy.redemption_returns",
	 "entry_id uuid, points bigint, reason text, redemption_id uuid, returned_at timestamp with time zone, "
	 "user_id uuid"},
	{"swipesavvy.refunds",
	 "amount_minor bigint, amount_was_given boolean, idempotency_key text, points bigint, "
	 "recorded_at timestamp with time zone, refund_id uuid, refunded_before_minor bigint, transaction_id uuid, "
	 "user_id uuid"},
	{"swipesavvy.reward_accounts",
	 "lifetime_points bigint, lot_at timestamp with time zone, lot_before bigint, points_available bigint, "
	 "points_debited bigint, points_pending bigint, referral_for uuid, spent_currency character, "
	 "spent_minor bigint, tier text, tier_until timestamp with time zone, transaction_count bigint, "
	 "user_id uuid"},
	{"swipesavvy.reward_redemptions",
	 "confirmation_code text, entry_id uuid, from_stock boolean, idempotency_key text, points bigint, "
	 "redeemed_at timestamp with time zone, reward_id uuid, user_id uuid"},
	{"swipesavvy.rewards",
	 "created_at timestamp with time zone, description text, ends_at timestamp with time zone, "
	 "is_active boolean, name text, points bigint, reward_id uuid, starts_at timestamp with time zone, "
	 "stock integer, stocked bigint, updated_at timestamp with time zone"},
	{"swipesavvy.rollup_deltas",
	 "records bytea"},
	{"swipesavvy.segment_members",
	 "added_at timestamp with time zone, segment_no integer, user_id uuid"},
	{"swipesavvy.segments",
	 "created_at timestamp with time zone, description text, name text, segment_no integer"},
	{"swipesavvy.settlements",
	 "recorded_amount_minor bigint, recorded_awards jsonb, recorded_discount_minor bigint, "
	 "recorded_points_base bigint, recorded_points_bonus bigint, settled_at timestamp with time zone, "
	 "transaction_id uuid, user_id uuid"},
	{"swipesavvy.sink_states",
	 "failures_in_a_row integer, last_error text, last_failure_at timestamp with time zone, "
	 "last_success_at timestamp with time zone, not_before timestamp with time zone, "
	 "sent_through timestamp with time zone, sink text, tokens numeric, tokens_at timestamp with time zone"},
	{"swipesavvy.sinks",
	 "created_at timestamp with time zone, enabled boolean, events text[], kind text, max_in_flight integer, "
	 "max_per_second numeric, options jsonb, secret text, sink text, updated_at timestamp with time zone, "
	 "url text"},
	{"swipesavvy.system_settings",
	 "description text, is_seed boolean, maximum numeric, minimum numeric, nullable boolean, setting text, "
	 "updated_at timestamp with time zone, updated_by uuid, value jsonb, value_type text"},
	{"swipesavvy.tiers",
	 "benefits jsonb, is_active boolean, is_seed boolean, multiplier_milli integer, threshold bigint, tier text"},
	{"swipesavvy.transactions",
	 "account_id uuid, amount_minor bigint, base_rate bigint, category_no smallint, currency character, "
	 "decision bytea, discount_minor bigint, idempotency_key text, merchant_id uuid, metadata jsonb, "
	 "occurred_at timestamp with time zone, points_base bigint, points_bonus bigint, points_refunded bigint, "
	 "recorded_at timestamp with time zone, refunded_minor bigint, request smallint, "
	 "status swipesavvy.purchase_status, transaction_id uuid, user_id uuid"},
	{"swipesavvy.user_boosts",
	 "activated_at timestamp with time zone, boost_id uuid, deactivated_at timestamp with time zone, "
	 "user_id uuid"},
	{"swipesavvy.user_positions",
	 "accuracy_mm integer, lat_e7 integer, lon_e7 integer, occurred_at timestamp with time zone, user_id uuid"},
	{"swipesavvy.users",
	 "created_at timestamp with time zone, email text, erased_at timestamp with time zone, "
	 "last_login_at timestamp with time zone, name text, notification_preferences jsonb, phone text, "
	 "preferred_language text, referred_by uuid, role text, status text, status_reason text, "
	 "updated_at timestamp with time zone, user_id uuid, verification_status text"},
	{"swipesavvy_private.outbox_secrets",
	 "message_id uuid, secret jsonb"},
	{"swipesavvy_private.referral_salts",
	 "salt bytea"},
	{"swipesavvy_private.referred_emails",
	 "email_digest bytea"},
	{"swipesavvy_private.sign_in_failures",
	 "email_hash bytea, failures integer, last_attempt_at timestamp with time zone, "
	 "locked_until timestamp with time zone"},
	{"swipesavvy_private.sink_secrets",
	 "created_at timestamp with time zone, secret text, updated_at timestamp with time zone, value bytea"},
	{"swipesavvy_private.token_keys",
	 "created_at timestamp with time zone, is_imported boolean, kid text, retires_at timestamp with time zone, "
	 "secret bytea"},
	{"swipesavvy_private.user_credentials",
	 "changed_at timestamp with time zone, must_change boolean, password_hash text, user_id uuid, "
	 "valid_until timestamp with time zone"},
	{"swipesavvy_private.user_sessions",
	 "created_at timestamp with time zone, ended_at timestamp with time zone, ended_for text, "
	 "expires_at timestamp with time zone, family_hash bytea, ip_address text, "
	 "last_used_at timestamp with time zone, previous_hash bytea, rotation_key bytea, session_id uuid, "
	 "token_hash bytea, use_count integer, user_agent text, user_id uuid"},
};
/* clang-format on */

const int ss_made_tables_count = lengthof(ss_made_tables);
