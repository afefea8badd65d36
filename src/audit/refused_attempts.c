/*
 * refused_attempts.c: record_refused_attempts, and what calls that write do by and
 * by: refused attempts, and exports of callers that may not write, which wait in
 * shared memory, become rows of the audit log.
 *
 * Called by ss_audit_write after each row, and as a function by a job. The rows
 * are written in the present transaction; if it aborts, the attempts wait
 * again. No lock is held while they are written.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "audit/audit_internal.h"
#include "base/args.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "call/refused.h"

PG_FUNCTION_INFO_V1(swipesavvy_record_refused_attempts);

/* Is there a $1 (function, table or schema) named $2 of ours? The server's messages say no more. */
SS_QUERY(find_object,
		 "SELECT WHERE CASE $1"
		 "  WHEN 'function' THEN EXISTS (SELECT FROM pg_proc p"
		 "       WHERE p.proname = $2 AND p.pronamespace = 'swipesavvy'::regnamespace)"
		 "  WHEN 'table' THEN EXISTS (SELECT FROM pg_class c"
		 "       WHERE c.relname = $2"
		 "          AND c.relnamespace IN ('swipesavvy'::regnamespace, 'swipesavvy_private'::regnamespace))"
		 "  ELSE $2 IN ('swipesavvy', 'swipesavvy_private') END",
		 TEXTOID, NAMEOID);

static bool
is_ours(const SSRefused *attempt)
{
	Datum values[] = {CStringGetTextDatum(attempt->kind), NameGetDatum(&attempt->name)};

	return ss_query_latest(&find_object, values, NULL) > 0;
}

SS_QUERY(select_campaign, "SELECT campaign_id FROM swipesavvy.campaigns WHERE campaign_no = $1", INT4OID);

static bool
is_export(const SSRefused *attempt)
{
	return strcmp(attempt->kind, SS_REFUSED_EXPORT) == 0;
}

/* As export_analytics() itself writes it down. */
static Jsonb *
export_details(const SSReadExport *export)
{
	Datum values[] = {Int32GetDatum(export->campaign_no)};
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_open_object(&json, "after");
	ss_json_text(&json, "dataset", export->dataset);
	ss_json_text(&json, "format", export->format);
	if (export->campaign_no != 0 && ss_query_latest(&select_campaign, values, NULL) > 0)
	{
		SSRow row = ss_row_of_last(0);

		ss_json_text(&json, "campaign_id", ss_next_text(&row));
	}
	ss_json_int(&json, "rows", export->rows);
	ss_json_text(&json, "digest", export->digest);
	ss_json_close_object(&json);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

static void
write_attempt(const SSRefused *attempt)
{
	bool exported = is_export(attempt);
	SSAudit audit = {.resource = exported ? "analytics" : attempt->kind,
					 .action = exported ? "export" : "refuse",
					 .resource_id = exported ? attempt->export.dataset : NameStr(attempt->name),
					 .user_id = attempt->has_user ? &attempt->user : NULL,
					 .refused = !exported};
	SSAuditCircumstances when = {.log_id = attempt->log_id,
								 .moment = attempt->moment,
								 .actor = attempt->has_actor ? &attempt->actor : NULL,
								 .session_role = attempt->session_role,
								 .invoking_role = attempt->invoking_role,
								 .origin = &attempt->origin};

	ss_audit_insert(&audit, &when, exported ? export_details(&attempt->export) : NULL);
}

/* A row that says how many attempts there was no room for. */
static void
write_dropped(const SSRefused *last, uint64 dropped)
{
	SSAudit audit = {.resource = "audit_log", .action = "drop_refused", .refused = true};
	SSOrigin nowhere = {0};
	SSAuditCircumstances when = {
		.moment = last->moment, .session_role = GetSessionUserId(), .invoking_role = GetUserId(), .origin = &nowhere};
	SSJson json = {0};

	ss_uuid7_make(&when.log_id);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "dropped", (int64) dropped);
	ss_json_close_object(&json);
	ss_audit_insert(&audit, &when, DatumGetJsonbP(ss_json_finish(&json)));
}

int
ss_audit_drain(int max)
{
	SSRefused *attempts;
	uint64 dropped;
	int count;
	int written = 0;

	if (!ss_refused_waiting())
		return 0;
	attempts = palloc(sizeof(SSRefused) * max);
	count = ss_refused_take(attempts, max, &dropped);
	for (int i = 0; i < count; i++)
		if (is_export(&attempts[i]) || is_ours(&attempts[i]))
		{
			write_attempt(&attempts[i]);
			written++;
		}
	if (dropped > 0)
		write_dropped(&attempts[count - 1], dropped);
	pfree(attempts);
	return written;
}

/*
 * record_refused_attempts()
 */
Datum
swipesavvy_record_refused_attempts(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* the rows are about others */
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "recorded", ss_audit_drain(SS_REFUSED_MAX));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
