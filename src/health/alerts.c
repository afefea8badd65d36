/*
 * alerts.c: list_alerts and acknowledge_alert: what the background worker
 * found, and who looks after it.
 *
 * SQL entry points. samples.c opens and resolves alerts; both lock the
 * alert's row.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "outbox/outbox.h"

PG_FUNCTION_INFO_V1(swipesavvy_list_alerts);
PG_FUNCTION_INFO_V1(swipesavvy_acknowledge_alert);

#define COLUMNS                                                                                                        \
	"alert_id, figure, severity, value, threshold, opened_at, resolved_at, acknowledged_at, acknowledged_by, note"

/* $1: open ones, resolved ones, or (null) both; $2 rows, $3 offset */
#define OF_STATE "($1 IS NULL OR $1 = (resolved_at IS NULL))"
SS_QUERY(list_alerts,
		 "SELECT " COLUMNS " FROM swipesavvy.health_alerts WHERE " OF_STATE
		 " ORDER BY opened_at DESC, alert_id DESC LIMIT $2 OFFSET $3",
		 BOOLOID, INT8OID, INT8OID);
SS_QUERY(count_alerts,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.health_alerts WHERE " OF_STATE SS_PAGE_COUNT_LIMIT ") a",
		 BOOLOID);

SS_QUERY(lock_alert, "SELECT " COLUMNS " FROM swipesavvy.health_alerts WHERE alert_id = $1 FOR UPDATE", UUIDOID);
SS_QUERY(
	acknowledge,
	"UPDATE swipesavvy.health_alerts SET acknowledged_at = $2, acknowledged_by = $3, note = $4 WHERE alert_id = $1 RETURNING " COLUMNS,
	UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID);

/*
 * list_alerts(open, page_size, page_offset): the newest first
 */
Datum
swipesavvy_list_alerts(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	Datum values[3];
	bool nulls[3] = {PG_ARGISNULL(0)};
	int64 counted;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	page = ss_arg_page(fcinfo, 1, 2, -1, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[0] = BoolGetDatum(ss_arg_bool(fcinfo, 0, false));
	values[1] = Int64GetDatum(page.limit);
	values[2] = Int64GetDatum(page.offset);
	counted = ss_one_int64(ss_rows_read(&count_alerts, values, nulls));
	(void) ss_query_read(&list_alerts, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "alerts", &page, counted, NULL);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* Who says so: the user that is signed in, or else the session's role. */
static char *
speaker(const SSCall *call)
{
	return call->has_identity ? ss_uuid_text(&call->identity) : GetUserNameFromId(GetSessionUserId(), false);
}

/*
 * acknowledge_alert(alert_id, note): the alert. Of one that has been
 * acknowledged before nothing changes.
 */
Datum
swipesavvy_acknowledge_alert(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSJson message = {0};
	pg_uuid_t *alert_id;
	char *note;
	char *figure;
	SSAuditRow before;
	Datum values[4];
	bool nulls[4] = {false};
	bool open;
	bool first;
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN);
	alert_id = ss_arg_uuid(fcinfo, 0, "alert_id", true);
	note = ss_arg_text(fcinfo, 1, "note", SS_TEXT_MAX, false);
	values[0] = UUIDPGetDatum(alert_id);
	rows = ss_rows_latest(&lock_alert, values, NULL);
	if (rows.count == 0)
		ss_not_found("alert", ss_uuid_text(alert_id));
	row = ss_row(rows, 0);
	ss_next_skip(&row, 1);
	figure = ss_next_text(&row);
	ss_next_skip(&row, 4);
	(void) ss_next_value_or_null(&row, TIMESTAMPTZOID, &open);
	(void) ss_next_value_or_null(&row, TIMESTAMPTZOID, &first);
	if (!open && first)
		ss_bad_state("the alert is resolved", "There is nothing left to look after in alert \"%s\".",
					 ss_uuid_text(alert_id));
	if (!first)
	{
		ss_audit_none(&call);
		ss_json_row(&json, NULL);
		PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
	}
	before = ss_audit_row();
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	ss_param_text(values, nulls, 2, speaker(&call));
	ss_param_text(values, nulls, 3, note);
	(void) ss_query_latest(&acknowledge, values, nulls);
	ss_json_row(&json, NULL);
	ss_json_row(&message, NULL);
	ss_audit_write_rows(&call,
						&(SSAudit){.resource = "alert", .action = "acknowledge", .resource_id = ss_uuid_text(alert_id)},
						before, ss_audit_row());
	ss_outbox_put("alert.acknowledged", 1, psprintf("alert:%s", figure), DatumGetJsonbP(ss_json_finish(&message)),
				  NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
