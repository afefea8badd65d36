/*
 * get_user_rewards.c: what a user has earned and can hope for: points, tier,
 * boosts, the latest entries.
 *
 * SQL entry point. Reads one snapshot; no lock. The rows are read by their
 * access methods where the tables are the plain ones that the extension made
 * (direct.h), by queries otherwise.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "direct/direct.h"
#include "ledger/lots.h"
#include "ledger/tier.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_user_rewards);

#define ENTRIES 10

/* What is read directly, where that can be done (direct.h). */
#define TABLES                                                                                                         \
	(SS_ONE_TABLE(SS_REWARD_ACCOUNTS) | SS_ONE_TABLE(SS_USER_BOOSTS) | SS_ONE_TABLE(SS_BOOSTS) |                       \
	 SS_ONE_TABLE(SS_ENTRIES) | SS_ONE_TABLE(SS_ADJUSTMENTS))

/* The account, as far as it is shown. */
typedef struct Shown
{
	SSAccount account;
	int64 used_up; /* of what was credited from account.lot_at on */
} Shown;

typedef struct Boost
{
	pg_uuid_t id;
	char *name;
	int32 multiplier_milli;
	char *category;
	TimestampTz expires_at; /* DT_NOEND = never */
} Boost;

SS_QUERY(select_account,
		 "SELECT r.points_available, r.points_pending, r.lifetime_points, r.tier, coalesce(r.tier_until, '-infinity'),"
		 "       r.lot_at, r.points_debited - r.lot_before"
		 "  FROM swipesavvy.reward_accounts r WHERE r.user_id = $1",
		 UUIDOID);

SS_QUERY(select_boosts,
		 "SELECT b.boost_id, b.name, b.multiplier_milli, b.category, b.expires_at"
		 "  FROM swipesavvy.user_boosts u JOIN swipesavvy.boosts b ON b.boost_id = u.boost_id"
		 " WHERE u.user_id = $1 AND u.deactivated_at IS NULL"
		 "   AND b.starts_at <= $2 AND (b.expires_at IS NULL OR b.expires_at > $2)"
		 " ORDER BY b.multiplier_milli DESC, b.boost_id",
		 UUIDOID, TIMESTAMPTZOID);

SS_QUERY(select_entries,
		 "SELECT e.entry_id, e.kind, e.points, e.transaction_id, e.recorded_at,"
		 "       e.credit_account IN ('available', 'pending'), coalesce(a.reason, e.reason)"
		 "  FROM swipesavvy.points_entries e"
		 "  LEFT JOIN swipesavvy.points_adjustments a ON a.user_id = e.user_id AND a.entry_id = e.entry_id"
		 " WHERE e.user_id = $1 ORDER BY e.entry_id DESC LIMIT " CppAsString2(ENTRIES),
		 UUIDOID);

/* What the tier gives: its multiplier, as it is now, and what update_tiers was told. */
static void
add_benefits(SSJson *json, const SSTier *tier)
{
	JsonbIterator *iterator = JsonbIteratorInit(&tier->benefits->root);
	Numeric multiplier = ss_money_to_major(tier->multiplier_milli, 3);
	JsonbValue element;
	Datum trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(multiplier));

	ss_json_open_array(json, "tier_benefits");
	ss_json_text(json, NULL, psprintf("%s x points", DatumGetCString(DirectFunctionCall1(numeric_out, trimmed))));
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
		ss_json_text(json, NULL, pnstrdup(element.val.string.val, element.val.string.len));
	ss_json_close_array(json);
}

/* The tier held now, and the next one with the lifetime points that are missing; null at the top. */
static void
add_tier(SSJson *json, const SSRules *rules, const SSAccount *account)
{
	const SSTier *tier = ss_tier_held(rules, account, GetCurrentTransactionStartTimestamp());
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
	ss_json_int(json, "next_tier_points_needed", Max(next->threshold - account->lifetime, 0));
}

/* When the oldest of the points expire; null if none do. */
static void
add_expiry(SSJson *json, const SSRules *rules, const Shown *shown)
{
	SSLot oldest = {DT_NOBEGIN, 0};

	if (rules->settings.points_expiry_months > 0 && shown->account.available > 0 &&
		ss_lots_first_open(&shown->account.id, shown->account.lot_at, shown->used_up, &oldest))
		ss_json_time(json, "points_expiry_date", ss_rules_expiry(rules, oldest.at));
	else
		ss_json_null(json, "points_expiry_date");
}

static void
add_boost(SSJson *json, const Boost *boost)
{
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "boost_id", &boost->id);
	ss_json_text(json, "name", boost->name);
	ss_json_money(json, "multiplier", boost->multiplier_milli, 3);
	ss_json_text(json, "category", boost->category);
	if (boost->expires_at == DT_NOEND)
		ss_json_null(json, "expires_at");
	else
		ss_json_time(json, "expires_at", boost->expires_at);
	ss_json_close_object(json);
}

/* An entry of those columns; `gives` says whether the user has the points now: what leaves its accounts is negative. */
static void
add_entry(SSJson *json, const Datum *values, const bool *nulls, bool gives, const char *reason)
{
	int64 points = DatumGetInt64(values[ENTRY_POINTS]);

	/* in the order in which jsonb keeps keys: so it need not sort them */
	ss_json_open_object(json, NULL);
	ss_json_text(json, "kind", DatumGetCString(DirectFunctionCall1(enum_out, values[ENTRY_KIND])));
	ss_json_int(json, "points", gives ? points : -points);
	ss_json_text(json, "reason", reason);
	ss_json_uuid(json, "entry_id", DatumGetUUIDP(values[ENTRY_ID]));
	ss_json_time(json, "timestamp", DatumGetTimestampTz(values[ENTRY_RECORDED_AT]));
	ss_json_uuid(json, "transaction_id",
				 nulls[ENTRY_TRANSACTION_ID] ? NULL : DatumGetUUIDP(values[ENTRY_TRANSACTION_ID]));
	ss_json_close_object(json);
}

/* --- directly ------------------------------------------------------------------------- */

static bool
find_account(SSDirect *direct, const pg_uuid_t *user_id, Shown *shown)
{
	Datum key = UUIDPGetDatum(user_id);
	SSScan scan = ss_direct_scan(direct, SS_REWARD_ACCOUNTS, 1, &key);
	bool found = ss_direct_next(&scan);
	SSAccount *account = &shown->account;
	bool isnull;

#define GET(column) ss_direct_get(direct, SS_REWARD_ACCOUNTS, scan.slot, column)
	if (found)
	{
		account->available = DatumGetInt64(GET(ACCOUNT_AVAILABLE));
		account->pending = DatumGetInt64(GET(ACCOUNT_PENDING));
		account->lifetime = DatumGetInt64(GET(ACCOUNT_LIFETIME));
		account->tier = TextDatumGetCString(GET(ACCOUNT_TIER));
		account->tier_until = DatumGetTimestampTz(
			ss_direct_get_or_null(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_TIER_UNTIL, &isnull));
		if (isnull)
			account->tier_until = DT_NOBEGIN;
		account->lot_at = DatumGetTimestampTz(GET(ACCOUNT_LOT_AT));
		shown->used_up = DatumGetInt64(GET(ACCOUNT_DEBITED)) - DatumGetInt64(GET(ACCOUNT_LOT_BEFORE));
	}
#undef GET
	ss_direct_close(&scan);
	return found;
}

/* Reads the boost; is it in force at that time? */
static bool
find_boost(SSDirect *direct, TimestampTz now, Boost *boost)
{
	Datum key = UUIDPGetDatum(&boost->id);
	SSScan scan = ss_direct_scan(direct, SS_BOOSTS, 1, &key);
	bool isnull;
	Datum value;
	bool found = ss_direct_next(&scan) &&
				 DatumGetTimestampTz(ss_direct_get(direct, SS_BOOSTS, scan.slot, BOOST_STARTS_AT)) <= now;

	if (found)
	{
		value = ss_direct_get_or_null(direct, SS_BOOSTS, scan.slot, BOOST_EXPIRES_AT, &isnull);
		boost->expires_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
		found = boost->expires_at > now;
	}
	if (found)
	{
		boost->name = TextDatumGetCString(ss_direct_get(direct, SS_BOOSTS, scan.slot, BOOST_NAME));
		boost->multiplier_milli = DatumGetInt32(ss_direct_get(direct, SS_BOOSTS, scan.slot, BOOST_MULTIPLIER));
		value = ss_direct_get_or_null(direct, SS_BOOSTS, scan.slot, BOOST_CATEGORY, &isnull);
		boost->category = isnull ? NULL : TextDatumGetCString(value);
	}
	ss_direct_close(&scan);
	return found;
}

/* The largest multiplier first; then by id. */
static int
compare_boosts(const void *a, const void *b)
{
	const Boost *x = a;
	const Boost *y = b;

	if (x->multiplier_milli != y->multiplier_milli)
		return x->multiplier_milli > y->multiplier_milli ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

static void
add_boosts(SSJson *json, SSDirect *direct, const pg_uuid_t *user_id, TimestampTz now)
{
	Datum key = UUIDPGetDatum(user_id);
	SSScan scan = ss_direct_scan(direct, SS_USER_BOOSTS, 1, &key);
	Boost *boosts = NULL;
	int count = 0;
	bool isnull;

	while (ss_direct_next(&scan))
	{
		Boost boost = {.id = *DatumGetUUIDP(ss_direct_get(direct, SS_USER_BOOSTS, scan.slot, USER_BOOST_ID))};

		(void) ss_direct_get_or_null(direct, SS_USER_BOOSTS, scan.slot, USER_BOOST_DEACTIVATED_AT, &isnull);
		if (!isnull || !find_boost(direct, now, &boost))
			continue;
		boosts = ss_array_grow(boosts, count, sizeof(Boost));
		boosts[count++] = boost;
	}
	ss_direct_close(&scan);
	qsort(boosts, count, sizeof(Boost), compare_boosts);
	for (int i = 0; i < count; i++)
		add_boost(json, &boosts[i]);
}

/* Why points were adjusted; NULL if it is not known. */
static char *
find_reason(SSDirect *direct, const pg_uuid_t *user_id, Datum entry_id)
{
	Datum keys[2] = {UUIDPGetDatum(user_id), entry_id};
	SSScan scan = ss_direct_scan(direct, SS_ADJUSTMENTS, 2, keys);
	char *reason = NULL;

	if (ss_direct_next(&scan))
		reason = TextDatumGetCString(ss_direct_get(direct, SS_ADJUSTMENTS, scan.slot, ADJUSTMENT_REASON));
	ss_direct_close(&scan);
	return reason;
}

static void
add_entries(SSJson *json, SSDirect *direct, const pg_uuid_t *user_id)
{
	Datum key = UUIDPGetDatum(user_id);
	SSScan scan = ss_direct_scan_back(direct, SS_ENTRIES, 1, &key);

	for (int shown = 0; shown < ENTRIES && ss_direct_next(&scan); shown++)
	{
		Datum values[ENTRY_COLUMNS];
		bool nulls[ENTRY_COLUMNS];
		char *reason = NULL;

		for (int i = 0; i < ENTRY_COLUMNS; i++)
			values[i] = ss_direct_get_or_null(direct, SS_POINTS_ENTRIES, scan.slot, i, &nulls[i]);
		for (int i = 0; i < ENTRY_CAMPAIGN_NO; i++)
			(void) ss_direct_get(direct, SS_POINTS_ENTRIES, scan.slot, i);
		if (values[ENTRY_KIND] == ss_direct_label(SS_LABEL_ADJUST))
			reason = find_reason(direct, user_id, values[ENTRY_ID]);
		if (reason == NULL && !nulls[ENTRY_REASON])
			reason = TextDatumGetCString(values[ENTRY_REASON]);
		add_entry(json, values, nulls,
				  values[ENTRY_CREDIT] == ss_direct_label(SS_LABEL_AVAILABLE) ||
					  values[ENTRY_CREDIT] == ss_direct_label(SS_LABEL_PENDING),
				  reason);
	}
	ss_direct_close(&scan);
}

/* --- by queries ------------------------------------------------------------------------- */

static bool
query_account(const Datum *values, Shown *shown)
{
	SSAccount *account = &shown->account;
	SSRows rows = ss_rows_read(&select_account, values, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	account->available = ss_next_int64(&row);
	account->pending = ss_next_int64(&row);
	account->lifetime = ss_next_int64(&row);
	account->tier = ss_next_text(&row);
	account->tier_until = ss_next_time(&row);
	account->lot_at = ss_next_time(&row);
	shown->used_up = ss_next_int64(&row);
	return true;
}

static void
query_boosts(SSJson *json, const Datum *values)
{
	SSRows rows = ss_rows_read(&select_boosts, values, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Boost boost;

		boost.id = *ss_next_uuid(&row);
		boost.name = ss_next_text(&row);
		boost.multiplier_milli = ss_next_int32(&row);
		boost.category = ss_next_text_or_null(&row);
		boost.expires_at = ss_next_time_or(&row, DT_NOEND);
		add_boost(json, &boost);
	}
}

static void
query_entries(SSJson *json, const Datum *values)
{
	SSRows rows = ss_rows_read(&select_entries, values, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Datum columns[ENTRY_COLUMNS];
		bool nulls[ENTRY_COLUMNS];
		bool gives;

		columns[ENTRY_ID] = ss_next_value(&row, UUIDOID);
		columns[ENTRY_KIND] = ss_next_enum(&row);
		columns[ENTRY_POINTS] = ss_next_value(&row, INT8OID);
		columns[ENTRY_TRANSACTION_ID] = ss_next_value_or_null(&row, UUIDOID, &nulls[ENTRY_TRANSACTION_ID]);
		columns[ENTRY_RECORDED_AT] = ss_next_value(&row, TIMESTAMPTZOID);
		gives = ss_next_bool(&row);
		add_entry(json, columns, nulls, gives, ss_next_text_or_null(&row));
	}
}

/* ------------------------------------------------------------------------------------------ */

/*
 * get_user_rewards(user_id)
 */
Datum
swipesavvy_get_user_rewards(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Shown shown = {0};
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	const SSRules *rules;
	SSDirect *direct;
	pg_uuid_t *user_id;
	Datum values[2];

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	rules = ss_rules_get();
	direct = ss_direct_begin_reading(TABLES);
	values[0] = UUIDPGetDatum(user_id);
	values[1] = TimestampTzGetDatum(now);
	shown.account.id = *user_id;
	if (!(direct != NULL ? find_account(direct, user_id, &shown) : query_account(values, &shown)))
		ss_not_found("user", ss_uuid_text(user_id));

	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "points_balance", shown.account.available);
	ss_json_int(&json, "points_pending", shown.account.pending);
	add_tier(&json, rules, &shown.account);
	add_expiry(&json, rules, &shown);
	ss_json_open_array(&json, "active_boosts");
	if (direct != NULL)
		add_boosts(&json, direct, user_id, now);
	else
		query_boosts(&json, values);
	ss_json_close_array(&json);
	ss_json_open_array(&json, "recent_point_transactions");
	if (direct != NULL)
		add_entries(&json, direct, user_id);
	else
		query_entries(&json, values);
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	if (direct != NULL)
		ss_direct_end_reading(direct);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
