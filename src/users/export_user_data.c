/*
 * export_user_data.c: everything that is held on one person, as one document.
 *
 * SQL entry point. A table with rows of users is one more line in `parts`, and
 * one in erase_user.c; a test finds the table that is in neither. Reads one
 * snapshot; no lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_export_user_data);

/* A key of the document: its row, or a list of its rows. */
typedef struct Part
{
	const char *key;
	bool list;
	SSQuery query;		   /* $1: the user */
	bool unlogged;		   /* a replica has no rows of it, and may not look */
	const char *since_1_1; /* the table, which is not there yet while the extension is at an earlier release */
} Part;

#define PART(key, list, sql)                                                                                           \
	{                                                                                                                  \
		key, list, SS_QUERY_OF(sql, UUIDOID), false, NULL                                                              \
	}
#define UNLOGGED_PART(key, list, sql)                                                                                  \
	{                                                                                                                  \
		key, list, SS_QUERY_OF(sql, UUIDOID), true, NULL                                                               \
	}
#define PART_1_1(key, table, sql)                                                                                      \
	{                                                                                                                  \
		key, true, SS_QUERY_OF(sql, UUIDOID), false, table                                                             \
	}
#define MONEY(column) "swipesavvy.minor_to_major(" column ", c.minor_unit)"

/* Secrets are not handed out, not even to whom they belong: of a password its dates, of a token that there is one. */
static Part parts[] = {
	PART(
		"user", false,
		"SELECT user_id, email, name, phone, role, status, status_reason, preferred_language, notification_preferences,"
		"       verification_status, referred_by, created_at, updated_at, last_login_at, erased_at"
		"  FROM swipesavvy.users WHERE user_id = $1"),
	PART("credentials", false,
		 "SELECT changed_at, must_change FROM swipesavvy_private.user_credentials WHERE user_id = $1"),
	PART(
		"sessions", true,
		"SELECT session_id, created_at, last_used_at, use_count, expires_at, ended_at, ended_for, user_agent, ip_address"
		"  FROM swipesavvy_private.user_sessions WHERE user_id = $1 ORDER BY created_at, session_id"),
	PART("accounts", true,
		 "SELECT account_id, type, last_four, card_type, issuer, bank_name, account_type, expiry_month, expiry_year,"
		 "       token IS NOT NULL AS has_token, is_default, is_verified, created_at, verified_at, unlinked_at"
		 "  FROM swipesavvy.accounts WHERE user_id = $1 ORDER BY created_at, account_id"),
	PART(
		"reward_account", false,
		"SELECT r.points_available, r.points_pending, r.lifetime_points, r.points_debited, r.tier, r.tier_until,"
		"       r.transaction_count, " MONEY(
			"r.spent_minor") " AS spent, r.spent_currency"
							 "  FROM swipesavvy.reward_accounts r JOIN swipesavvy.currencies c ON c.code = r.spent_currency WHERE r.user_id = $1"),
	PART(
		"purchases", true,
		"SELECT t.transaction_id, t.merchant_id, m.name AS merchant, k.category AS merchant_category, t.account_id,"
		"       " MONEY("t.amount_minor") " AS amount, " MONEY(
			"t.discount_minor") " AS discount,"
								"       " MONEY(
									"t.refunded_minor") " AS refunded, t.currency, t.status::text, t.points_base, t.points_bonus,"
														"       t.points_refunded, t.occurred_at, t.recorded_at, t.idempotency_key, t.metadata"
														"  FROM swipesavvy.transactions t JOIN swipesavvy.currencies c ON c.code = t.currency"
														"  LEFT JOIN swipesavvy.merchants m ON m.merchant_id = t.merchant_id"
														"  LEFT JOIN swipesavvy.merchant_categories k ON k.category_no = t.category_no"
														" WHERE t.user_id = $1 ORDER BY t.occurred_at, t.transaction_id"),
	PART(
		"refunds", true,
		"SELECT r.refund_id, r.transaction_id, " MONEY(
			"r.amount_minor") " AS amount, t.currency, r.points,"
							  "       r.idempotency_key, r.recorded_at"
							  "  FROM swipesavvy.refunds r JOIN swipesavvy.transactions t ON t.transaction_id = r.transaction_id AND t.user_id = r.user_id"
							  "  JOIN swipesavvy.currencies c ON c.code = t.currency WHERE r.user_id = $1 ORDER BY r.refund_id"),
	PART(
		"settlements", true,
		"SELECT s.transaction_id, " MONEY(
			"s.recorded_amount_minor") " AS recorded_amount, t.currency,"
									   "       s.recorded_points_base, s.recorded_points_bonus, " MONEY(
										   "s.recorded_discount_minor") " AS recorded_discount, s.settled_at"
																		"  FROM swipesavvy.settlements s JOIN swipesavvy.transactions t ON t.transaction_id = s.transaction_id AND t.user_id = s.user_id"
																		"  JOIN swipesavvy.currencies c ON c.code = t.currency WHERE s.user_id = $1 ORDER BY s.settled_at, s.transaction_id"),
	PART(
		"ledger_mismatch", false,
		"SELECT to_jsonb(checks) AS checks, found_at, checked_at FROM swipesavvy.ledger_mismatches WHERE user_id = $1"),
	PART("points_entries", true,
		 "SELECT e.entry_id, e.kind::text, e.points, e.debit_account::text, e.credit_account::text, k.campaign_id,"
		 "       e.transaction_id, e.reason, e.recorded_at"
		 "  FROM swipesavvy.points_entries e LEFT JOIN swipesavvy.campaigns k ON k.campaign_no = e.campaign_no"
		 " WHERE e.user_id = $1 ORDER BY e.entry_id"),
	PART(
		"campaign_redemptions", true,
		"SELECT k.campaign_id, k.name, r.transaction_id, r.points, " MONEY(
			"r.discount_minor") " AS discount, t.currency"
								"  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns k ON k.campaign_no = r.campaign_no"
								"  JOIN swipesavvy.transactions t ON t.transaction_id = r.transaction_id AND t.user_id = r.user_id"
								"  JOIN swipesavvy.currencies c ON c.code = t.currency"
								" WHERE r.user_id = $1 ORDER BY r.transaction_id, r.position"),
	PART(
		"reward_redemptions", true,
		"SELECT r.entry_id, r.points, r.reward_id, w.name AS reward, r.confirmation_code, r.idempotency_key, r.redeemed_at"
		"  FROM swipesavvy.reward_redemptions r LEFT JOIN swipesavvy.rewards w ON w.reward_id = r.reward_id"
		" WHERE r.user_id = $1 ORDER BY r.entry_id"),
	PART(
		"donations", true,
		"SELECT d.entry_id, d.points, d.charity_id, h.name AS charity, d.confirmation_code, d.idempotency_key, d.donated_at"
		"  FROM swipesavvy.donations d JOIN swipesavvy.charities h ON h.charity_id = d.charity_id"
		" WHERE d.user_id = $1 ORDER BY d.entry_id"),
	PART("redemption_returns", true,
		 "SELECT entry_id, redemption_id, points, reason, returned_at"
		 "  FROM swipesavvy.redemption_returns WHERE user_id = $1 ORDER BY entry_id"),
	PART("points_adjustments", true,
		 "SELECT entry_id, points, reason, idempotency_key, adjusted_at"
		 "  FROM swipesavvy.points_adjustments WHERE user_id = $1 ORDER BY entry_id"),
	PART("leaderboard_entries", true,
		 "SELECT period, points FROM swipesavvy.leaderboard_entries WHERE user_id = $1 ORDER BY period"),
	PART("segments", true,
		 "SELECT s.name, s.description, m.added_at"
		 "  FROM swipesavvy.segment_members m JOIN swipesavvy.segments s ON s.segment_no = m.segment_no"
		 " WHERE m.user_id = $1 ORDER BY s.name"),
	PART("boosts", true,
		 "SELECT b.boost_id, b.name, u.activated_at, u.deactivated_at"
		 "  FROM swipesavvy.user_boosts u JOIN swipesavvy.boosts b ON b.boost_id = u.boost_id"
		 " WHERE u.user_id = $1 ORDER BY u.activated_at, b.boost_id"),
	PART("campaign_events", true,
		 "SELECT k.campaign_id, e.kind, e.value, e.occurred_at, e.recorded_at"
		 "  FROM swipesavvy.campaign_events e JOIN swipesavvy.campaigns k ON k.campaign_no = e.campaign_no"
		 " WHERE e.user_id = $1 ORDER BY e.occurred_at, e.event_id"),
	UNLOGGED_PART("rate_limit", false, "SELECT minute, calls FROM swipesavvy.rate_limits WHERE user_id = $1"),
	PART("refused_imports", true,
		 "SELECT source, purchase, code, message, recorded_at FROM swipesavvy.import_errors"
		 " WHERE lower(purchase ->> 'user_id') = $1::text ORDER BY recorded_at, error_id"),
	PART_1_1("flag_overrides", "feature_flag_overrides",
			 "SELECT f.flag_key, o.value, o.expires_at, o.reason, o.set_at"
			 "  FROM swipesavvy.feature_flag_overrides o JOIN swipesavvy.feature_flags f ON f.flag_no = o.flag_no"
			 " WHERE o.user_id = $1 ORDER BY f.flag_key"),
	PART_1_1("flag_assignments", "feature_flag_assignments",
			 "SELECT experiment_key, bucket_version, variation, assigned_at FROM swipesavvy.feature_flag_assignments"
			 " WHERE user_id = $1 ORDER BY experiment_key, bucket_version"),
	PART_1_1("ab_test_exposures", "ab_test_exposures",
			 "SELECT t.test_id, t.test_name, g.name AS group_name, e.first_at, e.multiple"
			 "  FROM swipesavvy.ab_test_exposures e JOIN swipesavvy.ab_tests t ON t.test_no = e.test_no"
			 "  JOIN swipesavvy.ab_test_groups g ON g.test_no = e.test_no AND g.group_no = e.group_no"
			 " WHERE e.user_id = $1 ORDER BY t.test_no"),
	/* of a test between values of a flag as far as its condition is on what is stored */
	PART_1_1(
		"ab_test_groups", "ab_tests",
		"SELECT t.test_id, t.test_name, t.status, g.name AS group_name"
		"  FROM swipesavvy.ab_tests t"
		" CROSS JOIN LATERAL (SELECT count(*)::integer AS n, array_agg(h.weight::double precision ORDER BY h.group_no) AS weights"
		"                       FROM swipesavvy.ab_test_groups h WHERE h.test_no = t.test_no) w"
		"  JOIN swipesavvy.ab_test_groups g ON g.test_no = t.test_no AND g.group_no = swipesavvy.flag_choose_variation("
		"       swipesavvy.flag_hash(t.seed, $1::text, 2),"
		"       swipesavvy.flag_bucket_ranges(w.n, t.coverage::double precision, w.weights))"
		"  LEFT JOIN swipesavvy.users u ON u.user_id = $1"
		"  LEFT JOIN swipesavvy.reward_accounts r ON r.user_id = $1"
		" CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') AS names,"
		"                            coalesce(jsonb_object_agg(s.name, jsonb_build_array($1)), '{}') AS groups"
		"                       FROM swipesavvy.segment_members m JOIN swipesavvy.segments s USING (segment_no) WHERE m.user_id = $1) m"
		" WHERE t.status IN ('running', 'paused')"
		"   AND (t.namespace_id IS NULL OR swipesavvy.flag_in_namespace($1::text,"
		"        jsonb_build_array(t.namespace_id, t.namespace_start, t.namespace_end)))"
		"   AND (t.segment_no IS NULL OR EXISTS (SELECT FROM swipesavvy.segment_members i"
		"                                         WHERE i.user_id = $1 AND i.segment_no = t.segment_no))"
		"   AND swipesavvy.flag_condition_matches(t.condition, jsonb_build_object('id', $1, 'user_id', $1, 'role', u.role,"
		"       'preferred_language', u.preferred_language, 'account_status', u.status, 'verification_status', u.verification_status,"
		"       'created_at', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
		"       'account_age_days', floor(extract(epoch FROM statement_timestamp() - u.created_at) / 86400),"
		"       'email_domain', lower(substring(u.email FROM '[^@]*$')), 'tier', r.tier, 'lifetime_points', r.lifetime_points,"
		"       'transaction_count', r.transaction_count, 'segments', m.names), m.groups)"
		" ORDER BY t.test_no"),
	PART_1_1(
		"customer_figures", "customer_figures",
		"SELECT f.segment, f.recency_score, f.frequency_score, f.monetary_score, f.last_purchase_date, f.frequency,"
		"       round(f.monetary_minor / power(10::numeric, c.minor_unit), c.minor_unit) AS monetary, a.currency,"
		"       f.purchases, f.typical_gap_days, f.ratio"
		"  FROM swipesavvy.customer_figures f CROSS JOIN swipesavvy.customer_analytics a"
		"  JOIN swipesavvy.currencies c ON c.code = a.currency WHERE f.user_id = $1"),
	PART_1_1("location_consents", "location_consents",
			 "SELECT consent, since FROM swipesavvy.location_consents WHERE user_id = $1"),
	PART_1_1(
		"positions", "user_positions",
		"SELECT occurred_at, round(lat_e7 / 10000000.0, 7) AS latitude, round(lon_e7 / 10000000.0, 7) AS longitude,"
		"       round(accuracy_mm / 1000.0, 3) AS accuracy_meters FROM swipesavvy.user_positions WHERE user_id = $1 AND occurred_at IS NOT NULL"),
	PART_1_1("geofence_states", "geofence_states",
			 "SELECT f.geofence_id, f.name, s.inside, s.entered_at, s.last_in_at, s.leaving_at, s.dwelt_at, s.exited_at"
			 "  FROM swipesavvy.geofence_states s JOIN swipesavvy.geofences f ON f.geofence_id = s.geofence_id"
			 " WHERE s.user_id = $1 ORDER BY f.geofence_id"),
	PART_1_1("geofence_visits", "geofence_visits",
			 "SELECT f.geofence_id, f.name, v.entered_at, v.dwelt_at, v.exited_at"
			 "  FROM swipesavvy.geofence_visits v JOIN swipesavvy.geofences f ON f.geofence_id = v.geofence_id"
			 " WHERE v.user_id = $1 ORDER BY v.entered_at, f.geofence_id"),
	PART_1_1(
		"geofence_triggers", "geofence_triggers",
		"SELECT k.campaign_id, t.triggered_at FROM swipesavvy.geofence_triggers t"
		"  JOIN swipesavvy.campaigns k ON k.campaign_no = t.campaign_no WHERE t.user_id = $1 ORDER BY t.triggered_at, k.campaign_id"),
	PART_1_1("reviews", "merchant_reviews",
			 "SELECT r.review_id, r.merchant_id, m.name AS merchant, r.rating, r.comment, r.comment_status,"
			 "       r.status_reason, r.created_at, r.updated_at, r.moderated_at"
			 "  FROM swipesavvy.merchant_reviews r JOIN swipesavvy.merchants m ON m.merchant_id = r.merchant_id"
			 " WHERE r.user_id = $1 ORDER BY r.created_at, r.review_id"),
	PART_1_1("profiling_refusals", "ml_profiling_refusals",
			 "SELECT refused_at FROM swipesavvy.ml_profiling_refusals WHERE user_id = $1"),
	PART_1_1("ml_scores", "ml_scores",
			 "SELECT s.model_name, s.version, k.campaign_id, s.as_of, s.probability"
			 "  FROM swipesavvy.ml_scores s LEFT JOIN swipesavvy.campaigns k ON k.campaign_no = s.campaign_no"
			 " WHERE s.user_id = $1 ORDER BY s.model_name, k.campaign_id"),
	PART_1_1(
		"ml_live", "ml_live",
		"SELECT v.model_name, m.version, v.month, m.as_of, m.until, round(v.probability::numeric, 6) AS probability"
		"  FROM swipesavvy.ml_live v JOIN swipesavvy.ml_live_months m ON m.model_name = v.model_name AND m.month = v.month"
		" WHERE v.user_id = $1 ORDER BY v.model_name, v.month"),
	PART_1_1(
		"ml_feedback", "ml_feedback",
		"SELECT f.feedback_id, f.model_name, f.outcome, f.merchant_id, m.name AS merchant, k.campaign_id, f.occurred_at,"
		"       f.recorded_at"
		"  FROM swipesavvy.ml_feedback f LEFT JOIN swipesavvy.merchants m ON m.merchant_id = f.merchant_id"
		"  LEFT JOIN swipesavvy.campaigns k ON k.campaign_no = f.campaign_no"
		" WHERE f.user_id = $1 ORDER BY f.occurred_at, f.feedback_id"),
	PART("audit_logs", true,
		 "SELECT logged_at, event_type, resource, resource_id, status, request_id, details::jsonb,"
		 "       CASE WHEN actor_id = $1 THEN origin::jsonb END AS origin"
		 "  FROM swipesavvy.audit_logs WHERE user_id = $1 ORDER BY log_id"),
	PART("messages", true,
		 "SELECT event, sink, body, created_at, delivered_at FROM swipesavvy.outbox"
		 " WHERE body ->> 'user_id' = $1::text ORDER BY created_at, message_id"),
};

static void
add_part(SSJson *json, Part *part, const Datum *user_id)
{
	uint64 found = 0;

	if (part->since_1_1 != NULL &&
		!OidIsValid(get_relname_relid(part->since_1_1, get_namespace_oid("swipesavvy", false))))
		return;
	if (!part->unlogged || !RecoveryInProgress())
		found = ss_query_read(&part->query, user_id, NULL);
	if (part->list)
		ss_json_rows(json, part->key);
	else if (found > 0)
		ss_json_row(json, part->key);
	else
		ss_json_null(json, part->key);
}

/*
 * export_user_data(user_id)
 */
Datum
swipesavvy_export_user_data(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	Datum values[1];

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN | SS_NOT_CACHED);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_ADMIN, user_id);
	values[0] = UUIDPGetDatum(user_id);
	if (ss_query_read(&parts[0].query, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_time(&json, "exported_at", GetCurrentTransactionStartTimestamp());
	for (size_t i = 0; i < lengthof(parts); i++)
		add_part(&json, &parts[i], values);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
