/*
 * user_rewards.c: what a user has earned and can hope for: points, tier,
 * boosts, the latest entries.
 *
 * SQL entry point. Reads one snapshot; no lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "args.h"
#include "call.h"
#include "errors.h"
#include "lots.h"
#include "money.h"
#include "query.h"
#include "rules.h"
#include "tier.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_user_rewards);

static SSQuery select_account = {
	"SELECT r.points_available, r.points_pending, r.lifetime_points, r.tier, coalesce(r.tier_until, '-infinity'),"
	"       r.lot_at, r.points_debited - r.lot_before"
	"  FROM swipesavvy.reward_accounts r WHERE r.user_id = $1", 1, {UUIDOID}, NULL};

static SSQuery select_boosts = {
	"SELECT b.boost_id, b.name, swipesavvy.minor_to_major(b.multiplier_milli, 3) AS multiplier, b.category, b.expires_at"
	"  FROM swipesavvy.user_boosts u JOIN swipesavvy.boosts b ON b.boost_id = u.boost_id"
	" WHERE u.user_id = $1 AND u.deactivated_at IS NULL"
	"   AND b.starts_at <= $2 AND (b.expires_at IS NULL OR b.expires_at > $2)"
	" ORDER BY b.multiplier_milli DESC, b.boost_id", 2, {UUIDOID, TIMESTAMPTZOID}, NULL};

/* Points as the user sees them: what leaves its accounts is negative. */
static SSQuery select_entries = {
	"SELECT e.entry_id, e.kind::text AS kind,"
	"       CASE WHEN e.credit_account IN ('available', 'pending') THEN e.points ELSE -e.points END AS points,"
	"       e.transaction_id, coalesce(a.reason, e.reason) AS reason, e.recorded_at AS \"timestamp\""
	"  FROM swipesavvy.points_entries e"
	"  LEFT JOIN swipesavvy.points_adjustments a ON a.user_id = e.user_id AND a.entry_id = e.entry_id"
	" WHERE e.user_id = $1 ORDER BY e.entry_id DESC LIMIT 10", 1, {UUIDOID}, NULL};

/* What the tier gives: its multiplier, as it is now, and what update_tiers was told. */
static void
add_benefits(SSJson *json, const SSTier *tier)
{
	JsonbIterator *iterator = JsonbIteratorInit(&tier->benefits->root);
	Numeric		multiplier = ss_money_to_major(tier->multiplier_milli, 3);
	JsonbValue	element;
	Datum		trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(multiplier));

	ss_json_open_array(json, "tier_benefits");
	ss_json_text(json, NULL, psprintf("%s x points", DatumGetCString(DirectFunctionCall1(numeric_out, trimmed))));
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
		ss_json_text(json, NULL, pnstrdup(element.val.string.val, element.val.string.len));
	ss_json_close_array(json);
}

/* The tier held now, and the next one with the lifetime points that are missing; null at the top. */
static void
add_tier(SSJson *json, const SSRules *rules, const SSUser *user)
{
	const SSTier *tier = ss_tier_held(rules, user, GetCurrentTransactionStartTimestamp());
	const SSTier *next = tier + 1;

	ss_json_text(json, "tier", tier->name);
	add_benefits(json, tier);
	if (next == rules->tiers + rules->ntiers)
	{
		ss_json_null(json, "next_tier");
		ss_json_null(json, "next_tier_points_needed");
		return;
	}
	ss_json_text(json, "next_tier", next->name);
	ss_json_int(json, "next_tier_points_needed", Max(next->threshold - user->lifetime, 0));
}

/* When the oldest of the points expire, of which `used_up` from lot_at on are gone; null if none do. */
static void
add_expiry(SSJson *json, const SSRules *rules, const SSUser *user, int64 used_up)
{
	TimestampTz oldest;

	if (rules->settings.points_expiry_months > 0 && user->available > 0 &&
		ss_lots_first_open(&user->id, user->lot_at, used_up, &oldest))
		ss_json_time(json, "points_expiry_date", ss_rules_expiry(rules, oldest));
	else
		ss_json_null(json, "points_expiry_date");
}

/*
 * get_user_rewards(user_id)
 */
Datum
swipesavvy_get_user_rewards(PG_FUNCTION_ARGS)
{
	SSCall		call;
	SSJson		json = {0};
	SSUser		user = {0};
	const SSRules *rules;
	pg_uuid_t  *user_id;
	int64		used_up;
	Datum		values[2];

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	rules = ss_rules_get();
	values[0] = UUIDPGetDatum(user_id);
	values[1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	if (ss_query_read(&select_account, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	user.id = *user_id;
	user.available = ss_value_int64(0, 1, 0);
	user.pending = ss_value_int64(0, 2, 0);
	user.lifetime = ss_value_int64(0, 3, 0);
	user.tier = ss_value_text(0, 4);
	user.tier_until = DatumGetTimestampTz(ss_value_not_null(0, 5));
	user.lot_at = DatumGetTimestampTz(ss_value_not_null(0, 6));
	used_up = ss_value_int64(0, 7, 0);

	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "points_balance", user.available);
	ss_json_int(&json, "points_pending", user.pending);
	add_tier(&json, rules, &user);
	add_expiry(&json, rules, &user, used_up);
	(void) ss_query_read(&select_boosts, values, NULL);
	ss_json_rows(&json, "active_boosts");
	(void) ss_query_read(&select_entries, values, NULL);
	ss_json_rows(&json, "recent_point_transactions");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
