/*
 * erase_user.c: takes a person's data away and leaves the programme's books as they
 * are: points, amounts and totals under an id that names nobody.
 *
 * SQL entry point. A table with rows of users is one more line in `steps`, and
 * one in export_user_data.c; a test finds the table that is in neither. A job that
 * works out figures of customers is waited for before anything is locked: it may have read a user who is erased
 * meanwhile. Then the user's reward account is locked, then the row of users: a purchase, a sign-in or a
 * reset of the password is wholly before or after.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "audit/audit.h"
#include "audit/audit_internal.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "users/referred_emails.h"

PG_FUNCTION_INFO_V1(swipesavvy_erase_user);

#define DELETE_FROM(table, condition)	  SS_SWEEP_DELETE("swipesavvy" table, condition, UUIDOID)
#define UPDATE(table, changes, condition) SS_SWEEP_UPDATE("swipesavvy" table, changes, condition, UUIDOID)
#define OF_USER							  "user_id = $1"

/*
 * $1: the user. Each may run again and finds nothing then, which is looked at: who is told that a person is erased must
 * not have a trigger keep a row. (rate_limits, locked before accounts, counts a minute's calls of an id.)
 */
static SSSweep steps[] = {
	DELETE_FROM("_private.user_credentials", OF_USER),
	DELETE_FROM("_private.user_sessions", OF_USER),
	/* purchases refer to accounts: their rows stay, as what kind they were */
	UPDATE(
		".accounts",
		"last_four = '0000', card_type = NULL, issuer = NULL, bank_name = NULL, account_type = NULL, token = NULL,"
		" expiry_month = NULL, expiry_year = NULL, is_default = false",
		OF_USER
		" AND (last_four IS DISTINCT FROM '0000' OR is_default OR num_nonnulls(card_type, issuer, bank_name, account_type,"
		" token, expiry_month, expiry_year) > 0)"),
	UPDATE(".accounts", "unlinked_at = now()", OF_USER " AND unlinked_at IS NULL"),
	DELETE_FROM(".segment_members", OF_USER),
	DELETE_FROM(".user_boosts", OF_USER),
	/* an event stays as one of nobody's, under an id that no other event of nobody has */
	UPDATE(".campaign_events", "user_id = '00000000-0000-0000-0000-000000000000', event_id = swipesavvy.uuid_v7()",
		   OF_USER),
	/* a key may be anything that a service made up; the cost of shipping belongs to the award */
	UPDATE(
		".transactions",
		"idempotency_key = NULL, metadata = jsonb_build_object('shipping_amount', metadata -> 'shipping_amount')",
		OF_USER
		" AND metadata ? 'shipping_amount'"
		" AND (idempotency_key IS NOT NULL OR metadata <> jsonb_build_object('shipping_amount', metadata -> 'shipping_amount'))"),
	UPDATE(".transactions", "idempotency_key = NULL, metadata = NULL",
		   OF_USER " AND (idempotency_key IS NOT NULL OR metadata IS NOT NULL)"
				   " AND NOT coalesce(metadata ? 'shipping_amount', false)"),
	UPDATE(".refunds", "idempotency_key = NULL", OF_USER " AND idempotency_key IS NOT NULL"),
	UPDATE(".reward_redemptions", "idempotency_key = NULL", OF_USER " AND idempotency_key IS NOT NULL"),
	UPDATE(".donations", "idempotency_key = NULL", OF_USER " AND idempotency_key IS NOT NULL"),
	UPDATE(".redemption_returns", "reason = 'Erased'", OF_USER " AND reason IS DISTINCT FROM 'Erased'"),
	UPDATE(".points_adjustments", "idempotency_key = NULL, reason = 'Erased'",
		   OF_USER " AND (idempotency_key IS NOT NULL OR reason IS DISTINCT FROM 'Erased')"),
	DELETE_FROM(".leaderboard_entries", OF_USER),
	UPDATE(".import_errors", "purchase = jsonb_build_object('user_id', purchase -> 'user_id'), detail = NULL",
		   "lower(purchase ->> 'user_id') = $1::text AND (detail IS NOT NULL"
		   " OR purchase <> jsonb_build_object('user_id', purchase -> 'user_id'))"),
	DELETE_FROM(".outbox", "body ->> 'user_id' = $1::text"),
	DELETE_FROM("_private.sign_in_failures",
				"email_hash = (SELECT sha256(swipesavvy.email_key(email)) FROM swipesavvy.users WHERE user_id = $1)"),
};

/* Of tables that are not there while the extension is at 1.0.0. */
static SSSweep steps_1_1[] = {
	DELETE_FROM(".feature_flag_overrides", OF_USER),
	DELETE_FROM(".feature_flag_assignments", OF_USER),
	DELETE_FROM(".ab_test_exposures", OF_USER),
	DELETE_FROM(".customer_figures", OF_USER),
};

/* The same at 1.1.0. The row that reports of a user wait for goes first. */
static SSSweep steps_1_2[] = {
	DELETE_FROM(".user_positions", OF_USER),
	DELETE_FROM(".geofence_states", OF_USER),
	DELETE_FROM(".geofence_visits", OF_USER),
	DELETE_FROM(".geofence_triggers", OF_USER),
	DELETE_FROM(".location_consents", OF_USER),
	/* a rating counts on, under an id that names nobody; one that was shown stays without its comment */
	UPDATE(".merchant_reviews",
		   "comment = NULL, status_reason = NULL,"
		   " comment_status = CASE WHEN comment_status IN ('approved', 'removed') THEN comment_status END",
		   OF_USER " AND (comment IS NOT NULL OR status_reason IS NOT NULL"
				   " OR comment_status IS NOT NULL AND comment_status NOT IN ('approved', 'removed'))"),
	DELETE_FROM(".ml_feedback", OF_USER),
	DELETE_FROM(".ml_scores", OF_USER),
	DELETE_FROM(".ml_live", OF_USER),
	DELETE_FROM(".ml_profiling_refusals", OF_USER),
};

/* What nothing else keeps: the hashes stay, so that seals still fit. */
static SSSweep audit_steps[] = {
	UPDATE(".audit_logs", "details = NULL, details_salt = NULL", OF_USER " AND details IS NOT NULL"),
	UPDATE(".audit_logs", "origin = NULL, origin_salt = NULL",
		   "origin IS NOT NULL AND (actor_id = $1 OR (user_id = $1 AND actor_id IS NULL))"),
};

/* As purchases do, and under the latest snapshot: what is erased is all that there is then. */
SS_QUERY(lock_account, "SELECT FROM swipesavvy.reward_accounts WHERE user_id = $1 FOR NO KEY UPDATE", UUIDOID);

/* Then as signing in and resets of passwords do, so that what they write is there to be erased, or never will be. */
SS_QUERY(lock_user, "SELECT FROM swipesavvy.users WHERE user_id = $1 FOR NO KEY UPDATE", UUIDOID);

SS_QUERY(erase_user,
		 "UPDATE swipesavvy.users"
		 "   SET email = 'erased+' || user_id || '@erased.invalid', name = 'Erased', phone = NULL, role = 'customer',"
		 "       status = 'inactive', status_reason = $2, preferred_language = 'en',"
		 "       notification_preferences = '{\"email\": false, \"sms\": false, \"push\": false}',"
		 "       verification_status = 'unverified', last_login_at = NULL, updated_at = $3,"
		 "       erased_at = coalesce(erased_at, $3)"
		 " WHERE user_id = $1 RETURNING user_id, status AS account_status, status_reason AS reason, erased_at",
		 UUIDOID, TEXTOID, TIMESTAMPTZOID);

static void
run_steps(SSSweep *sweeps, int count, const Datum *user_id)
{
	for (int i = 0; i < count; i++)
		(void) ss_query_sweep(&sweeps[i], user_id, NULL);
}

static void
erase_audit(void *user_id)
{
	run_steps(audit_steps, lengthof(audit_steps), user_id);
}

/*
 * erase_user(user_id, reason)
 */
Datum
swipesavvy_erase_user(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "user", .action = "erase"};
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_ADMIN);
	audit.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	audit.resource_id = ss_uuid_text(audit.user_id);
	ss_param_pointer(values, nulls, 0, audit.user_id);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, false));
	values[2] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[2] = false;
	ss_lock_share(SS_LOCK_CUSTOMER_ANALYTICS, 0);
	if (ss_query_latest(&lock_account, values, NULL) == 0)
		ss_not_found("user", audit.resource_id);
	(void) ss_query_latest(&lock_user, values, NULL);
	ss_referred_emails_keep(audit.user_id);
	run_steps(steps, lengthof(steps), values);
	if (OidIsValid(get_relname_relid("feature_flag_overrides", get_namespace_oid("swipesavvy", false))))
		run_steps(steps_1_1, lengthof(steps_1_1), values);
	if (OidIsValid(get_relname_relid("user_positions", get_namespace_oid("swipesavvy", false))))
		run_steps(steps_1_2, lengthof(steps_1_2), values);
	ss_audit_permitted(erase_audit, values);
	(void) ss_query_latest(&erase_user, values, nulls);
	ss_json_row(&json, NULL);
	ss_audit_write(&call, &audit, NULL, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
