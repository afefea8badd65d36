/*
 * boosts.c: multipliers of base points, and which user has activated which.
 *
 * SQL entry points. Activating and deactivating take the user's reward account
 * FOR NO KEY UPDATE first: a purchase sees either the one state or the other.
 * Activating a boost with a limit takes the boost's row after it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "rules/rules.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_boost);
PG_FUNCTION_INFO_V1(swipesavvy_activate_boost);
PG_FUNCTION_INFO_V1(swipesavvy_deactivate_boost);
PG_FUNCTION_INFO_V1(swipesavvy_list_boosts);

SS_QUERY(
	insert_boost,
	"INSERT INTO swipesavvy.boosts (boost_id, name, multiplier_milli, category, starts_at, expires_at, activation_limit)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (boost_id) DO NOTHING"
	" RETURNING boost_id, name, swipesavvy.minor_to_major(multiplier_milli, 3) AS multiplier, category,"
	"           starts_at, expires_at, activation_limit, created_at",
	UUIDOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID);

SS_QUERY(find_boost, "SELECT expires_at, activation_limit FROM swipesavvy.boosts WHERE boost_id = $2", UUIDOID,
		 UUIDOID);

SS_QUERY(find_active,
		 "SELECT FROM swipesavvy.user_boosts WHERE user_id = $1 AND boost_id = $2 AND deactivated_at IS NULL", UUIDOID,
		 UUIDOID);

SS_QUERY(lock_boost, "SELECT FROM swipesavvy.boosts WHERE boost_id = $2 FOR NO KEY UPDATE", UUIDOID, UUIDOID);

SS_QUERY(
	count_active,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.user_boosts WHERE boost_id = $1 AND deactivated_at IS NULL LIMIT $2) b",
	UUIDOID, INT8OID);

#define BOOSTS_SHOWN "($1 OR b.expires_at IS NULL OR b.expires_at > now())"
SS_QUERY(count_boosts,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.boosts b WHERE " BOOSTS_SHOWN SS_PAGE_COUNT_LIMIT ") b",
		 BOOLOID);
SS_QUERY(
	list_boosts,
	"SELECT b.boost_id, b.name, swipesavvy.minor_to_major(b.multiplier_milli, 3) AS multiplier, b.category, b.starts_at,"
	"       b.expires_at, b.activation_limit,"
	"       CASE WHEN b.activation_limit IS NOT NULL THEN greatest(0, b.activation_limit -"
	"           (SELECT count(*) FROM swipesavvy.user_boosts u"
	"             WHERE u.boost_id = b.boost_id AND u.deactivated_at IS NULL)) END AS activations_left,"
	"       EXISTS (SELECT FROM swipesavvy.user_boosts u"
	"                WHERE u.user_id = $3 AND u.boost_id = b.boost_id AND u.deactivated_at IS NULL) AS active"
	"  FROM swipesavvy.boosts b WHERE " BOOSTS_SHOWN " AND b.boost_id > $2"
	" ORDER BY b.boost_id LIMIT $4 OFFSET $5",
	BOOLOID, UUIDOID, UUIDOID, INT8OID, INT8OID);

SS_QUERY(activate,
		 "INSERT INTO swipesavvy.user_boosts AS b (user_id, boost_id, activated_at) VALUES ($1, $2, $3)"
		 " ON CONFLICT (user_id, boost_id) DO UPDATE SET activated_at = $3, deactivated_at = NULL"
		 "  WHERE b.deactivated_at IS NOT NULL",
		 UUIDOID, UUIDOID, TIMESTAMPTZOID);

SS_QUERY(deactivate,
		 "UPDATE swipesavvy.user_boosts SET deactivated_at = now()"
		 " WHERE user_id = $1 AND boost_id = $2 AND deactivated_at IS NULL",
		 UUIDOID, UUIDOID);

SS_QUERY(select_user_boost,
		 "SELECT u.user_id, b.boost_id, b.name, swipesavvy.minor_to_major(b.multiplier_milli, 3) AS multiplier,"
		 "       b.category, b.expires_at, u.deactivated_at IS NULL AS active"
		 "  FROM swipesavvy.user_boosts u JOIN swipesavvy.boosts b ON b.boost_id = u.boost_id"
		 " WHERE u.user_id = $1 AND u.boost_id = $2",
		 UUIDOID, UUIDOID);

/*
 * create_boost(name, multiplier, category, starts_at, expires_at, boost_id,
 * activation_limit): it starts now unless told
 */
Datum
swipesavvy_create_boost(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Numeric multiplier;
	char *category;
	pg_uuid_t *boost_id;
	TimestampTz starts_at;
	TimestampTz expires_at;
	Datum values[7];
	bool nulls[7];

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true));
	multiplier = ss_arg_numeric(fcinfo, 1, "multiplier", true);
	values[2] = Int32GetDatum(ss_scaled_from_numeric(multiplier, 3, SS_MILLI, 1000 * SS_MILLI, "multiplier"));
	category = ss_arg_text(fcinfo, 2, "category", SS_NAME_MAX, false);
	if (category != NULL && ss_rules_category(ss_rules_get(), category) == 0)
		ss_bad_value("category", "There is no merchant category \"%s\".", category);
	starts_at = ss_arg_time(fcinfo, 3, "starts_at", &nulls[4]);
	if (nulls[4])
		starts_at = GetCurrentTransactionStartTimestamp();
	expires_at = ss_arg_time(fcinfo, 4, "expires_at", &nulls[5]);
	if (!nulls[5] && expires_at <= starts_at)
		ss_bad_value("expires_at", "It is not after starts_at.");
	boost_id = ss_arg_uuid(fcinfo, 5, "boost_id", false);
	if (boost_id == NULL)
		boost_id = ss_uuid7_new();
	values[6] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 6, "activation_limit", 1, PG_INT32_MAX, &nulls[6]));

	ss_param_pointer(values, nulls, 0, boost_id);
	ss_param_text(values, nulls, 3, category);
	values[4] = TimestampTzGetDatum(starts_at);
	values[5] = TimestampTzGetDatum(expires_at);
	nulls[2] = nulls[4] = false;
	if (ss_query_write(&insert_boost, values, nulls) == 0)
		ss_duplicate("a boost with this boost_id exists already", "The boost_id is \"%s\".", ss_uuid_text(boost_id));
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call,
						&(SSAudit){.resource = "boost", .action = "create", .resource_id = ss_uuid_text(boost_id)},
						(SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * Enters the call, reads arguments (user_id, boost_id) into parameters and
 * locks the user. Returns the boost's row: expires_at, activation_limit.
 */
static SSRow
enter_for_user(FunctionCallInfo fcinfo, SSCall *call, Datum *values)
{
	pg_uuid_t *user_id;
	pg_uuid_t *boost_id;
	SSRows rows;

	ss_call_enter(call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	boost_id = ss_arg_uuid(fcinfo, 1, "boost_id", true);
	ss_call_require_user(call, SS_BACKEND | SS_ADMIN, user_id);
	ss_users_lock(user_id);
	values[0] = UUIDPGetDatum(user_id);
	values[1] = UUIDPGetDatum(boost_id);
	rows = ss_rows_write(&find_boost, values, NULL);
	if (rows.count == 0)
		ss_not_found("boost", ss_uuid_text(boost_id));
	return ss_row(rows, 0);
}

/*
 * Waits for others who activate or deactivate this boost, and counts: the lock
 * on the boost comes after that on the user, and only where there is a limit.
 */
static void
require_activation_left(const Datum *values, int64 activation_limit)
{
	Datum counted[2] = {values[1], Int64GetDatum(activation_limit)};

	(void) ss_query_latest(&lock_boost, values, NULL);
	if (ss_one_int64(ss_rows_latest(&count_active, counted, NULL)) >= activation_limit)
		ss_exhausted("the boost is activated by as many users as may", "At most " INT64_FORMAT " may.",
					 activation_limit);
}

/* Writes down what became of the boost, if anything did, and makes it the result. */
static Datum
leave_with_user_boost(SSCall *call, const char *action, bool changed, const Datum *values)
{
	SSJson json = {0};
	SSAudit audit = {.resource = "boost",
					 .action = action,
					 .user_id = DatumGetUUIDP(values[0]),
					 .resource_id = ss_uuid_text(DatumGetUUIDP(values[1]))};

	if (changed)
		ss_audit_write(call, &audit, NULL, NULL);
	(void) ss_query_write(&select_user_boost, values, NULL);
	ss_json_row(&json, NULL);
	return ss_call_leave_json(call, &json);
}

/*
 * activate_boost(user_id, boost_id): nothing changes if it is active already
 */
Datum
swipesavvy_activate_boost(PG_FUNCTION_ARGS)
{
	SSCall call;
	Datum values[3];
	Datum activation_limit;
	bool unlimited;
	bool changed;
	SSRow boost = enter_for_user(fcinfo, &call, values);

	/* a service that loads history activates boosts of the past: they count for the purchases of their time */
	if (ss_next_time_or(&boost, DT_NOEND) <= GetCurrentTransactionStartTimestamp() &&
		!ss_call_has(&call, SS_BACKEND | SS_ADMIN))
		ss_bad_state("the boost has expired", "The boost_id is \"%s\".", ss_uuid_text(DatumGetUUIDP(values[1])));
	activation_limit = ss_next_value_or_null(&boost, INT4OID, &unlimited);
	if (!unlimited && ss_query_latest(&find_active, values, NULL) == 0)
		require_activation_left(values, DatumGetInt32(activation_limit));
	values[2] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	changed = ss_query_write(&activate, values, NULL) > 0;
	PG_RETURN_DATUM(leave_with_user_boost(&call, "activate", changed, values));
}

/*
 * deactivate_boost(user_id, boost_id)
 */
Datum
swipesavvy_deactivate_boost(PG_FUNCTION_ARGS)
{
	SSCall call;
	Datum values[2];

	(void) enter_for_user(fcinfo, &call, values);
	if (ss_query_write(&deactivate, values, NULL) == 0)
		ss_bad_state("the boost is not active", "The boost_id is \"%s\".", ss_uuid_text(DatumGetUUIDP(values[1])));
	PG_RETURN_DATUM(leave_with_user_boost(&call, "deactivate", true, values));
}

/*
 * list_boosts(page_size, page_offset, after)
 */
Datum
swipesavvy_list_boosts(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	int64 counted;
	pg_uuid_t none = {0};
	Datum values[5];
	bool nulls[5] = {false};

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	page = ss_arg_page(fcinfo, 0, 1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[0] = BoolGetDatum(ss_call_has(&call, SS_ADMIN));
	values[1] = UUIDPGetDatum(page.after == NULL ? &none : ss_uuid_from_text(page.after, "after"));
	ss_param_pointer(values, nulls, 2, call.has_identity ? &call.identity : NULL);
	values[3] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[4] = Int64GetDatum(page.offset);
	counted = ss_one_int64(ss_rows_read(&count_boosts, values, nulls));
	(void) ss_query_read(&list_boosts, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "boosts", &page, counted, "boost_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
