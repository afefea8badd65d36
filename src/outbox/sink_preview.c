/*
 * sink_preview.c: preview_sink and test_sink: what a sink would be sent, and
 * sending something to it.
 *
 * SQL entry points for admins. A preview reads; a test leaves it to the
 * background worker to send. Locks as in sinks.c.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "outbox/outbox.h"
#include "outbox/sinks.h"

PG_FUNCTION_INFO_V1(swipesavvy_preview_sink);
PG_FUNCTION_INFO_V1(swipesavvy_test_sink);

#define TEST_FIGURE "sink_test"

SS_QUERY(read_sink, "SELECT " SS_SINK_COLUMNS " FROM " SS_SINK_TABLES " WHERE s.sink = $1", TEXTOID);

/* The newest message of the event, if it is one of the last thousand */
SS_QUERY(newest_message,
		 "SELECT m.message_id, m.version, m.created_at, m.body, " SS_OUTBOX_SECRET(
			 "m") "  FROM (SELECT * FROM swipesavvy.outbox o ORDER BY o.message_id DESC LIMIT 1000) m"
				  " WHERE m.event = $1 ORDER BY m.message_id DESC LIMIT 1",
		 TEXTOID);

SS_QUERY(before_newest_sample, "SELECT max(sampled_at) - interval '1 microsecond' FROM swipesavvy.health_samples");

SS_QUERY(keep_sink, "SELECT kind, enabled FROM swipesavvy.sinks WHERE sink = $1 FOR KEY SHARE", TEXTOID);

/* It is tried at once; a report begins with the newest sample again, and alerts are told again. */
SS_QUERY(
	try_now,
	"UPDATE swipesavvy.sink_states t SET not_before = NULL,"
	"       sent_through = CASE WHEN s.events IS NULL AND s.kind <> 'alertmanager'"
	"                           THEN (SELECT max(h.sampled_at) - interval '1 microsecond' FROM swipesavvy.health_samples h) END"
	"  FROM swipesavvy.sinks s WHERE s.sink = t.sink AND t.sink = $1",
	TEXTOID);

/* --- messages that are made up ------------------------------------------------------------ */

static Jsonb *
alert_body(const pg_uuid_t *id, TimestampTz opened_at, bool is_resolved)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "alert_id", id);
	ss_json_text(&json, "figure", TEST_FIGURE);
	ss_json_text(&json, "severity", "warning");
	ss_json_int(&json, "value", 1);
	ss_json_int(&json, "threshold", 1);
	ss_json_time(&json, "opened_at", opened_at);
	if (is_resolved)
		ss_json_time(&json, "resolved_at", GetCurrentTimestamp());
	else
		ss_json_null(&json, "resolved_at");
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

static Jsonb *
test_body(const char *sink)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "sink", sink);
	ss_json_time(&json, "tested_at", GetCurrentTimestamp());
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/* --- a preview ------------------------------------------------------------------------------ */

/* The newest message of the event, or one that is made up. */
static void
find_message(const SSSink *sink, const char *event, SSMessage *message)
{
	Datum key = CStringGetTextDatum(event);
	SSRows rows = ss_rows_read(&newest_message, &key, NULL);

	message->event = pstrdup(event);
	if (rows.count > 0)
	{
		SSRow row = ss_row(rows, 0);

		message->id = ss_next_uuid(&row);
		message->version = ss_next_int32(&row);
		message->created_at = ss_next_time(&row);
		message->body = ss_next_jsonb(&row);
		message->secret = ss_next_jsonb_or_null(&row);
		return;
	}
	message->id = ss_uuid7_new();
	message->version = 1;
	message->created_at = GetCurrentTimestamp();
	message->body = strncmp(event, "alert.", 6) == 0
						? alert_body(message->id, message->created_at, strcmp(event, "alert.resolved") == 0)
						: test_body(sink->name);
	message->secret = NULL;
}

/* Of the newest sample; PT400 if there is nothing to report. */
static void
preview_report(const SSSink *sink, SSSinkRequest *request)
{
	SSRow row = ss_row(ss_rows_read(&before_newest_sample, NULL, NULL), 0);
	TimestampTz through;

	if (!ss_format_report(sink, ss_next_time_or(&row, 0), true, &through, request))
		ss_bad_state("there is nothing to report", "There is no sample or no alert of the last hour.");
}

/*
 * preview_sink(sink, event)
 */
Datum
swipesavvy_preview_sink(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSSink sink;
	SSSinkRequest request;
	char *name;
	char *event;
	Datum key;
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	name = ss_arg_text(fcinfo, 0, "sink", SS_KEY_MAX, true);
	event = ss_arg_text(fcinfo, 1, "event", SS_KEY_MAX, false);
	key = CStringGetTextDatum(name);
	rows = ss_rows_read(&read_sink, &key, NULL);
	if (rows.count == 0)
		ss_not_found("sink", name);
	row = ss_row(rows, 0);
	ss_sink_read(&row, &sink);
	if (ss_format_takes_messages(sink.kind))
	{
		SSMessage message;

		if (event == NULL)
			event = ss_format_takes_event(sink.kind, "*") ? "sink.test" : "alert.opened";
		ss_sink_check_event(sink.kind, event, "event", false);
		find_message(&sink, event, &message);
		ss_format_message(&sink, &message, true, &request);
	}
	else
	{
		if (event != NULL)
			ss_bad_value("event", "A sink of this kind gets reports on samples, and no messages.");
		preview_report(&sink, &request);
	}
	ss_sink_forget(&sink);
	ss_json_open_object(&json, NULL);
	ss_format_show(&request, &json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- a test --------------------------------------------------------------------------------- */

/*
 * test_sink(sink): the messages that were put for it
 */
Datum
swipesavvy_test_sink(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	char *kind;
	Datum key;
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "sink", SS_KEY_MAX, true);
	key = CStringGetTextDatum(name);
	rows = ss_rows_latest(&keep_sink, &key, NULL);
	if (rows.count == 0)
		ss_not_found("sink", name);
	row = ss_row(rows, 0);
	kind = ss_next_text(&row);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "sink", name);
	ss_json_bool(&json, "enabled", ss_next_bool(&row));
	ss_json_open_array(&json, "message_ids");
	if (ss_format_takes_messages(kind) && ss_format_takes_event(kind, "*"))
		ss_json_uuid(&json, NULL, ss_outbox_put_for(name, "sink.test", 1, NULL, test_body(name), NULL));
	else if (ss_format_takes_messages(kind))
	{
		pg_uuid_t *alert = ss_uuid7_new();
		TimestampTz now = GetCurrentTimestamp();

		ss_json_uuid(
			&json, NULL,
			ss_outbox_put_for(name, "alert.opened", 1, "alert:" TEST_FIGURE, alert_body(alert, now, false), NULL));
		ss_json_uuid(
			&json, NULL,
			ss_outbox_put_for(name, "alert.resolved", 1, "alert:" TEST_FIGURE, alert_body(alert, now, true), NULL));
	}
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	(void) ss_query_latest(&try_now, &key, NULL);
	ss_audit_write(&call, &(SSAudit){.resource = "sink", .action = "test", .resource_id = name}, NULL, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
