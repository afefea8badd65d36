/*
 * sink_secrets.c: the secrets that requests to sinks are signed or authorized
 * with.
 *
 * SQL entry points for admins. A secret comes in as an argument and leaves in
 * requests to its sinks alone (sink_requests.c). Whoever changes or deletes one
 * locks its row, and whoever gives it to a sink shares that lock (sinks.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/secret.h"
#include "call/call.h"
#include "outbox/sinks.h"

#define SECRET_MAX 4096 /* characters; tokens of AWS come near */

PG_FUNCTION_INFO_V1(swipesavvy_set_sink_secret);
PG_FUNCTION_INFO_V1(swipesavvy_delete_sink_secret);
PG_FUNCTION_INFO_V1(swipesavvy_list_sink_secrets);

SS_QUERY(lock_to_change, "SELECT FROM swipesavvy_private.sink_secrets WHERE secret = $1 FOR NO KEY UPDATE", TEXTOID);
SS_QUERY(lock_to_delete, "SELECT FROM swipesavvy_private.sink_secrets WHERE secret = $1 FOR UPDATE", TEXTOID);

/* The sinks that use it: under the lock there will be no more */
SS_QUERY(find_users, "SELECT s.sink, s.kind FROM swipesavvy.sinks s WHERE s.secret = $1 ORDER BY s.sink", TEXTOID);

SS_QUERY(write_secret,
		 "INSERT INTO swipesavvy_private.sink_secrets (secret, value) VALUES ($1, $2)"
		 " ON CONFLICT (secret) DO UPDATE SET value = excluded.value, updated_at = clock_timestamp()"
		 " RETURNING secret, created_at, updated_at, xmax::text = '0'",
		 TEXTOID, BYTEAOID);

/* What failed for the old one's sake is tried at once. */
SS_QUERY(retry_sinks,
		 "UPDATE swipesavvy.sink_states t SET not_before = NULL"
		 "  FROM (SELECT i.sink FROM swipesavvy.sink_states i JOIN swipesavvy.sinks s ON s.sink = i.sink"
		 "         WHERE s.secret = $1 ORDER BY i.sink FOR NO KEY UPDATE OF i) u"
		 " WHERE t.sink = u.sink",
		 TEXTOID);

SS_QUERY(delete_secret, "DELETE FROM swipesavvy_private.sink_secrets WHERE secret = $1", TEXTOID);

SS_QUERY(
	select_secrets,
	"SELECT k.secret, k.created_at, k.updated_at,"
	"       (SELECT coalesce(jsonb_agg(s.sink ORDER BY s.sink), '[]') FROM swipesavvy.sinks s WHERE s.secret = k.secret) AS sinks"
	"  FROM swipesavvy_private.sink_secrets k ORDER BY k.secret");

/* 22023 if one of the sinks that use it cannot do with the value. */
static void
check_value(const Datum *name, text *value)
{
	SSRows users = ss_rows_latest(&find_users, name, NULL);

	if (VARSIZE_ANY_EXHDR(value) == 0)
		ss_bad_value("value", "It is empty.");
	for (uint64 i = 0; i < users.count; i++)
	{
		SSRow row = ss_row(users, i);

		ss_next_skip(&row, 1);
		ss_format_check_secret(ss_next_text(&row), (uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), "value");
	}
}

/*
 * set_sink_secret(secret, value)
 */
Datum
swipesavvy_set_sink_secret(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	text *value;
	Datum values[2];
	bool created;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "secret", SS_KEY_MAX, true);
	ss_sink_check_name(name, "secret");
	values[0] = CStringGetTextDatum(name);
	value = ss_secret_arg(fcinfo, 1, "value", SECRET_MAX);
	(void) ss_query_latest(&lock_to_change, values, NULL);
	check_value(values, value);
	values[1] = ss_secret_bytea((uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	ss_secret_forget(fcinfo, 1, value);
	row = ss_row(ss_rows_latest(&write_secret, values, NULL), 0);
	ss_secret_wipe(VARDATA(DatumGetPointer(values[1])), VARSIZE(DatumGetPointer(values[1])) - VARHDRSZ);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "secret", ss_next_text(&row));
	ss_json_time(&json, "created_at", ss_next_time(&row));
	ss_json_time(&json, "updated_at", ss_next_time(&row));
	ss_json_close_object(&json);
	created = ss_next_bool(&row);
	(void) ss_query_latest(&retry_sinks, values, NULL);
	ss_audit_write(&call,
				   &(SSAudit){.resource = "sink_secret", .action = created ? "create" : "update", .resource_id = name},
				   NULL, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * delete_sink_secret(secret)
 */
Datum
swipesavvy_delete_sink_secret(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	Datum key;
	SSRows users;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "secret", SS_KEY_MAX, true);
	key = CStringGetTextDatum(name);
	if (ss_query_latest(&lock_to_delete, &key, NULL) == 0)
		ss_not_found("secret", name);
	users = ss_rows_latest(&find_users, &key, NULL);
	if (users.count > 0)
		ss_bad_state("the secret is in use", "Sink \"%s\" uses it.", ss_one_text(users));
	ss_query_latest_rows(&delete_secret, &key, NULL, 1);
	ss_audit_write(&call, &(SSAudit){.resource = "sink_secret", .action = "delete", .resource_id = name}, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "secret", name);
	ss_json_text(&json, "status", "deleted");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * list_sink_secrets()
 */
Datum
swipesavvy_list_sink_secrets(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	(void) ss_query_read(&select_secrets, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "secrets");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
