/*
 * gate.c: what settings demand of every call (gate.h).
 *
 * The three settings are a cache of this backend, and not a part of the
 * compiled rules: a session that only reads merchants compiles none. What tells
 * that they are out of date is the same invalidation, and they are read under
 * the latest snapshot for the same reason (rules.c). No locks.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "base/query.h"
#include "base/sentinel.h"
#include "call/owner.h"
#include "call/gate.h"

static SSGate current;
static uint64 seen = 0; /* of the sentinel when `current` was read */

SS_QUERY(read_settings,
		 "SELECT (SELECT value = 'true' FROM swipesavvy.system_settings WHERE setting = 'maintenance_mode'),"
		 "       (SELECT value #>> '{}' FROM swipesavvy.system_settings WHERE setting = 'rate_limit_per_minute')::int8,"
		 "       (SELECT value #>> '{}' FROM swipesavvy.system_settings WHERE setting = 'cache_ttl_seconds')::int8");

/* Reads the settings as swipesavvy_owner, in a function call or in none. */
static void
read_gate(SSGate *gate, Snapshot snapshot)
{
	SSCall call;
	SSRow row;

	PushActiveSnapshot(snapshot);
	ss_owner_become(&call);
	ss_query_connect();
	row = ss_row(ss_rows_read(&read_settings, NULL, NULL), 0);
	gate->maintenance = ss_next_bool_or(&row, false);
	gate->rate_limit = (int32) ss_next_int64_or(&row, 0);
	gate->cache_ttl = (int32) ss_next_int64_or(&row, 0);
	ss_query_disconnect();
	ss_owner_leave(&call);
	PopActiveSnapshot();
}

const SSGate *
ss_gate_get(void)
{
	while (seen != ss_sentinel_changes(&ss_rule_sentinel))
	{
		uint64 begun = ss_sentinel_watch(&ss_rule_sentinel, "rule_sentinel");

		/* There is no latest snapshot beside parallel workers: what the statement sees must do, for this time. */
		if (IsInParallelMode())
		{
			read_gate(&current, GetActiveSnapshot());
			break;
		}
		read_gate(&current, GetLatestSnapshot());
		seen = begun;
	}
	return &current;
}

void
ss_gate_respond(const char *name, const char *value)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
							 0, false);
}

void
ss_gate_add_header(const char *name, const char *value)
{
	const char *headers = GetConfigOption("response.headers", true, false);
	size_t length = headers == NULL ? 0 : strlen(headers);
	bool is_list = length >= 2 && headers[0] == '[' && headers[length - 1] == ']';
	StringInfoData list;

	initStringInfo(&list);
	appendBinaryStringInfo(&list, is_list ? headers : "[", is_list ? (int) length - 1 : 1);
	if (list.len > 1)
		appendStringInfoString(&list, ", ");
	appendStringInfoChar(&list, '{');
	escape_json(&list, name);
	appendStringInfoString(&list, ": ");
	escape_json(&list, value);
	appendStringInfoString(&list, "}]");
	ss_gate_respond("response.headers", list.data);
}

void
ss_gate_answer(int32 seconds, bool for_everybody)
{
	const char *method;
	const char *headers;
	if (!XactReadOnly || IsInParallelMode())
		return;
	method = GetConfigOption("request.method", true, false);
	if (method == NULL || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
		return;
	headers = GetConfigOption("response.headers", true, false);
	if (headers != NULL && headers[0] != '\0')
		return;
	ss_gate_add_header("Cache-Control", seconds == 0	? "no-store"
										: for_everybody ? psprintf("public, max-age=%d", seconds)
														: "private, no-cache");
	ss_gate_add_header("Vary", "Authorization");
}

void
ss_gate_created(void)
{
	const char *method = IsInParallelMode() ? NULL : GetConfigOption("request.method", true, false);
	const char *status = method == NULL ? NULL : GetConfigOption("response.status", true, false);

	if (method == NULL || method[0] == '\0' || (status != NULL && status[0] != '\0'))
		return;
	ss_gate_respond("response.status", "201");
}
