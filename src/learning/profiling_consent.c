/*
 * profiling_consent.c: users of whom nothing is to be learned.
 *
 * SQL entry point set_profiling_consent. The user's reward account is locked
 * first, as erasing does. Who refuses loses what was thought of it, and what it
 * said of suggestions; who agrees again begins anew.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_set_profiling_consent);

SS_QUERY(find_refusal, "SELECT FROM swipesavvy.ml_profiling_refusals WHERE user_id = $1", UUIDOID);
SS_QUERY(refuse, "INSERT INTO swipesavvy.ml_profiling_refusals (user_id) VALUES ($1)", UUIDOID);
static SSSweep agree = SS_SWEEP_DELETE("swipesavvy.ml_profiling_refusals", "user_id = $1", UUIDOID);

/* What erase_user() deletes of this domain, but for the choice itself; a test compares the two. */
static SSSweep forget[] = {
	SS_SWEEP_DELETE("swipesavvy.ml_feedback", "user_id = $1", UUIDOID),
	SS_SWEEP_DELETE("swipesavvy.ml_scores", "user_id = $1", UUIDOID),
	SS_SWEEP_DELETE("swipesavvy.ml_live", "user_id = $1", UUIDOID),
};

/* {"profiling": …} */
static Jsonb *
choice(bool profiling)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_bool(&json, "profiling", profiling);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/*
 * set_profiling_consent(user_id, profiling)
 */
Datum
swipesavvy_set_profiling_consent(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "user", .action = "profiling"};
	pg_uuid_t *user_id;
	Datum key;
	bool profiling;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_ADMIN, user_id);
	if (PG_ARGISNULL(1))
		ss_missing_value("profiling");
	profiling = PG_GETARG_BOOL(1);
	ss_lock_share(SS_LOCK_CUSTOMER_ANALYTICS, 0); /* as erasing does: scores that are being written are waited for */
	ss_users_lock(user_id);
	ss_users_refuse_erased(user_id);
	key = UUIDPGetDatum(user_id);
	audit.user_id = user_id;
	audit.resource_id = ss_uuid_text(user_id);
	if ((ss_query_latest(&find_refusal, &key, NULL) > 0) == profiling)
	{
		if (profiling)
			(void) ss_query_sweep(&agree, &key, NULL);
		else
			ss_query_latest_rows(&refuse, &key, NULL, 1);
		ss_audit_write(&call, &audit, choice(!profiling), choice(profiling));
	}
	for (size_t i = 0; !profiling && i < lengthof(forget); i++)
		(void) ss_query_sweep(&forget[i], &key, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_bool(&json, "profiling", profiling);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
