/*
 * boosts.c: multipliers of base points, and which user has activated which.
 *
 * SQL entry points. Activating and deactivating take the user's reward account
 * FOR NO KEY UPDATE first: a purchase sees either the one state or the other.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "args.h"
#include "audit.h"
#include "call.h"
#include "errors.h"
#include "money.h"
#include "query.h"
#include "rules.h"
#include "users.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_boost);
PG_FUNCTION_INFO_V1(swipesavvy_activate_boost);
PG_FUNCTION_INFO_V1(swipesavvy_deactivate_boost);

static SSQuery insert_boost = {
	"INSERT INTO swipesavvy.boosts (boost_id, name, multiplier_milli, category, starts_at, expires_at)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (boost_id) DO NOTHING"
	" RETURNING boost_id, name, swipesavvy.minor_to_major(multiplier_milli, 3) AS multiplier, category,"
	"           starts_at, expires_at, created_at", 6,
	{UUIDOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL};

static SSQuery find_boost = {
	"SELECT expires_at FROM swipesavvy.boosts WHERE boost_id = $2", 2, {UUIDOID, UUIDOID}, NULL};

static SSQuery activate = {
	"INSERT INTO swipesavvy.user_boosts AS b (user_id, boost_id) VALUES ($1, $2)"
	" ON CONFLICT (user_id, boost_id) DO UPDATE SET activated_at = now(), deactivated_at = NULL"
	"  WHERE b.deactivated_at IS NOT NULL", 2, {UUIDOID, UUIDOID}, NULL};

static SSQuery deactivate = {
	"UPDATE swipesavvy.user_boosts SET deactivated_at = now()"
	" WHERE user_id = $1 AND boost_id = $2 AND deactivated_at IS NULL", 2, {UUIDOID, UUIDOID}, NULL};

static SSQuery select_user_boost = {
	"SELECT u.user_id, b.boost_id, b.name, swipesavvy.minor_to_major(b.multiplier_milli, 3) AS multiplier,"
	"       b.category, b.expires_at, u.deactivated_at IS NULL AS active"
	"  FROM swipesavvy.user_boosts u JOIN swipesavvy.boosts b ON b.boost_id = u.boost_id"
	" WHERE u.user_id = $1 AND u.boost_id = $2", 2, {UUIDOID, UUIDOID}, NULL};

/*
 * create_boost(name, multiplier, category, starts_at, expires_at, boost_id): it
 * starts now unless told
 */
Datum
swipesavvy_create_boost(PG_FUNCTION_ARGS)
{
	SSCall		call;
	SSJson		json = {0};
	Numeric		multiplier;
	char	   *category;
	pg_uuid_t  *boost_id;
	TimestampTz starts_at;
	TimestampTz expires_at;
	Datum		values[6];
	bool		nulls[6];

	ss_call_enter(&call, SS_ADMIN);
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

	ss_param_pointer(values, nulls, 0, boost_id);
	ss_param_text(values, nulls, 3, category);
	values[4] = TimestampTzGetDatum(starts_at);
	values[5] = TimestampTzGetDatum(expires_at);
	nulls[2] = nulls[4] = false;
	if (ss_query_write(&insert_boost, values, nulls) == 0)
		ss_duplicate("a boost with this boost_id exists already", "The boost_id is \"%s\".",
					 ss_uuid_text(boost_id));
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "boost", .action = "create", .resource_id = ss_uuid_text(boost_id)},
						(SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * Enters the call, reads arguments (user_id, boost_id) into parameters and
 * locks the user. Returns when the boost expires, DT_NOEND if it never does.
 */
static TimestampTz
enter_for_user(FunctionCallInfo fcinfo, SSCall *call, Datum *values)
{
	pg_uuid_t  *user_id;
	pg_uuid_t  *boost_id;
	bool		isnull;
	Datum		expires_at;

	ss_call_enter(call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	boost_id = ss_arg_uuid(fcinfo, 1, "boost_id", true);
	ss_call_require_user(call, SS_BACKEND | SS_ADMIN, user_id);
	ss_users_lock(user_id);
	values[0] = UUIDPGetDatum(user_id);
	values[1] = UUIDPGetDatum(boost_id);
	if (ss_query_write(&find_boost, values, NULL) == 0)
		ss_not_found("boost", ss_uuid_text(boost_id));
	expires_at = ss_value(0, 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(expires_at);
}

/* Writes down what became of the boost, if anything did, and makes it the result. */
static Datum
leave_with_user_boost(SSCall *call, const char *action, bool changed, const Datum *values)
{
	SSJson		json = {0};
	SSAudit		audit = {.resource = "boost", .action = action, .user_id = DatumGetUUIDP(values[0]),
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
	SSCall		call;
	Datum		values[2];
	bool		changed;

	/* a service that loads history activates boosts of the past: they count for the purchases of their time */
	if (enter_for_user(fcinfo, &call, values) <= GetCurrentTransactionStartTimestamp() &&
		!ss_call_has(&call, SS_BACKEND | SS_ADMIN))
		ss_bad_state("the boost has expired", "The boost_id is \"%s\".",
					 ss_uuid_text(DatumGetUUIDP(values[1])));
	changed = ss_query_write(&activate, values, NULL) > 0;
	PG_RETURN_DATUM(leave_with_user_boost(&call, "activate", changed, values));
}

/*
 * deactivate_boost(user_id, boost_id)
 */
Datum
swipesavvy_deactivate_boost(PG_FUNCTION_ARGS)
{
	SSCall		call;
	Datum		values[2];

	(void) enter_for_user(fcinfo, &call, values);
	if (ss_query_write(&deactivate, values, NULL) == 0)
		ss_bad_state("the boost is not active", "The boost_id is \"%s\".",
					 ss_uuid_text(DatumGetUUIDP(values[1])));
	PG_RETURN_DATUM(leave_with_user_boost(&call, "deactivate", true, values));
}
