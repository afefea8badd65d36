/*
 * sink_results.c: the results of requests to sinks (sink_results.h).
 *
 * SQL entry points record_results and release_requests, for the background
 * worker alone; sink_requests.c hands it the requests. record_results notes a
 * batch of results with one statement for the messages and one for the sinks.
 *
 * The breaker of a sink, by failures_in_a_row and not_before of sink_states:
 *
 *	  fewer than SS_SINK_BROKEN    it gets what is due
 *	  as many, not_before to come  it is left alone, longer each time
 *	  as many, not_before past     it gets one message to see
 *
 * An answer of any kind ends the row of failures. What fails by the sink's
 * fault and what by the message's: see OUTCOME.
 *
 * Locks, in this order, as in sinks.c: messages by their ids, the states of
 * sinks by their names.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/back_off.h"
#include "base/background.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "call/refusal.h"
#include "outbox/outbox.h"
#include "outbox/sink_results.h"
#include "outbox/sinks.h"

PG_FUNCTION_INFO_V1(swipesavvy_record_results);
PG_FUNCTION_INFO_V1(swipesavvy_release_requests);

/* 42501 for all but the worker: what is claimed and not sent is late. */
void
ss_sink_require_worker(void)
{
	if (MyBackendType != B_BG_WORKER || MyBgworkerEntry == NULL ||
		strcmp(MyBgworkerEntry->bgw_library_name, SS_WORKER_LIBRARY) != 0)
		ss_not_allowed("permission denied", "Only the background worker may call this.");
}

/*
 * Whose fault is it? The sink's if there was no answer, one that sends it
 * elsewhere, or one that says so, as that it is gone or does not know us; the
 * message's if the sink refused just that.
 */
#define OUTCOME                                                                                                        \
	"CASE WHEN e.x -> 'returned' = 'true' THEN 'returned'"                                                             \
	"     WHEN (e.x ->> 'status')::integer BETWEEN 200 AND 299 THEN 'delivered'"                                       \
	"     WHEN (e.x ->> 'status')::integer BETWEEN 400 AND 499"                                                        \
	"          AND (e.x ->> 'status')::integer NOT IN (401, 408, 410, 425, 429) THEN 'refused'"                        \
	"     ELSE 'failed' END"

/* An HTTP status or what kept it from coming; never what the sink said: that may repeat secrets. */
#define PROBLEM "left(coalesce(e.x ->> 'error', 'HTTP ' || (e.x ->> 'status')), 500)"

/* After so many attempts, how long until the next, as with fail_outbox(). */
#define BACK_OFF(attempts)                                                                                             \
	SS_BACK_OFF_INTERVAL(CppAsString2(SS_OUTBOX_BACK_OFF_FIRST), CppAsString2(SS_OUTBOX_BACK_OFF_MAX), attempts)       \
	" * " SS_BACK_OFF_SPREAD

/* How long a sink is left alone: 10 seconds, twice as long each time, five minutes at most, however many times. */
#define LEFT_ALONE(failures)   SS_BACK_OFF_INTERVAL("10", "300", failures) " * " SS_BACK_OFF_SPREAD
#define LEFT_ALONE_FOR_REPORTS LEFT_ALONE("f.failures")
#define LEFT_ALONE_WHEN_BROKEN LEFT_ALONE("f.failures - " SS_SINK_BROKEN_TEXT " + 1")

/*
 * $1 results, $2 now. Only what the worker still has changes, but for what was
 * delivered: that counts, if it was to that sink. What was not sent is due
 * again, at its old place in the queue if this was the first time.
 */
SS_QUERY(
	note_messages,
	"WITH r AS MATERIALIZED ("
	"    SELECT DISTINCT ON (id) (e.x ->> 'id')::uuid AS id, e.x ->> 'sink' AS sink, " OUTCOME " AS outcome, " PROBLEM
	" AS problem"
	"      FROM jsonb_array_elements($1) e (x) WHERE e.x ->> 'id' IS NOT NULL ORDER BY id),"
	" mine AS MATERIALIZED ("
	"    SELECT m.message_id FROM swipesavvy.outbox m"
	"     WHERE m.message_id = ANY (ARRAY(SELECT r.id FROM r)) AND m.delivered_at IS NULL AND m.sink IS NOT NULL"
	"     ORDER BY m.message_id FOR NO KEY UPDATE)"
	" UPDATE swipesavvy.outbox m"
	"    SET leased = false,"
	"        delivered_at = CASE WHEN r.outcome = 'delivered' THEN $2 END,"
	"        dead_at = CASE WHEN r.outcome IN ('refused', 'failed') AND m.attempts >= " SS_OUTBOX_ATTEMPTS_MAX_TEXT
	" THEN $2 END,"
	"        attempts = m.attempts - (r.outcome = 'returned')::integer,"
	"        due_at = CASE r.outcome WHEN 'delivered' THEN m.due_at WHEN 'returned' THEN CASE WHEN m.attempts > 1 THEN $2 ELSE m.created_at END"
	"                                ELSE $2 + " BACK_OFF(
		"m.attempts") " END,"
					  "        last_error = CASE r.outcome WHEN 'delivered' THEN NULL WHEN 'returned' THEN m.last_error ELSE r.problem END"
					  "   FROM mine JOIN r ON r.id = mine.message_id"
					  "  WHERE m.message_id = mine.message_id AND m.sink = r.sink AND m.delivered_at IS NULL"
					  "    AND (r.outcome = 'delivered' OR (m.leased AND m.dead_at IS NULL))",
	JSONBOID, TIMESTAMPTZOID);

/*
 * $1 results in the order in which they came, $2 now. An answer of any kind
 * ends a row of failures; a report that is refused is a failure. A batch opens
 * the breaker at most, and what comes in while it is open makes it no worse: so
 * many requests may have been on their way.
 */
SS_QUERY(
	note_sinks,
	"WITH r AS MATERIALIZED ("
	"    SELECT e.x ->> 'sink' AS sink, e.n, o.outcome, " PROBLEM " AS problem, e.x ->> 'id' IS NULL AS of_report,"
	"           (e.x ->> 'retry_after')::float8 AS retry_after, (e.x ->> 'through')::timestamptz AS through,"
	"           o.outcome = 'failed' OR (o.outcome = 'refused' AND e.x ->> 'id' IS NULL) AS is_failure"
	"      FROM jsonb_array_elements($1) WITH ORDINALITY e (x, n) CROSS JOIN LATERAL (SELECT " OUTCOME ") o (outcome)"
	"     WHERE o.outcome <> 'returned'),"
	" answered AS (SELECT r.sink, max(r.n) AS n FROM r WHERE NOT r.is_failure GROUP BY r.sink),"
	" g AS MATERIALIZED ("
	"    SELECT r.sink, bool_or(r.of_report) AS of_report, bool_or(a.n IS NOT NULL) AS answered,"
	"           count(*) FILTER (WHERE r.is_failure AND r.n > coalesce(a.n, 0))::integer AS failed,"
	"           bool_or(r.outcome = 'delivered') AS delivered, bool_or(r.outcome <> 'delivered') AS troubled,"
	"           max(least(r.retry_after, 3600)) FILTER (WHERE r.outcome <> 'delivered' AND r.retry_after > 0) AS retry_after,"
	"           max(r.through) FILTER (WHERE r.outcome = 'delivered') AS through,"
	"           (array_agg(r.problem ORDER BY r.n DESC) FILTER (WHERE r.outcome <> 'delivered'))[1] AS problem"
	"      FROM r LEFT JOIN answered a ON a.sink = r.sink GROUP BY r.sink),"
	" s AS MATERIALIZED ("
	"    SELECT t.sink, t.failures_in_a_row AS before, t.not_before FROM swipesavvy.sink_states t"
	"     WHERE t.sink = ANY (ARRAY(SELECT g.sink FROM g)) ORDER BY t.sink FOR NO KEY UPDATE),"
	" f AS ("
	"    SELECT g.*, s.before, s.not_before,"
	"           CASE WHEN g.failed = 0 AND g.answered THEN 0"
	"                WHEN g.answered THEN least(g.failed, " SS_SINK_BROKEN_TEXT ")"
	"                WHEN s.before >= " SS_SINK_BROKEN_TEXT " AND s.not_before > $2 THEN s.before"
	"                ELSE least(s.before + g.failed, greatest(s.before + 1, " SS_SINK_BROKEN_TEXT ")) END AS failures"
	"      FROM s JOIN g ON g.sink = s.sink)"
	" UPDATE swipesavvy.sink_states t"
	"    SET failures_in_a_row = f.failures,"
	"        not_before = greatest("
	"            CASE WHEN f.failures = 0 AND (f.before >= " SS_SINK_BROKEN_TEXT " OR f.of_report) THEN NULL"
	"                 WHEN f.failures > f.before AND f.of_report THEN $2 + " LEFT_ALONE_FOR_REPORTS
	"                 WHEN f.failures > f.before AND f.failures >= " SS_SINK_BROKEN_TEXT
	"                 THEN $2 + " LEFT_ALONE_WHEN_BROKEN "                 ELSE f.not_before END,"
	"            $2 + make_interval(secs => f.retry_after)),"
	"        last_success_at = CASE WHEN f.delivered THEN $2 ELSE t.last_success_at END,"
	"        last_failure_at = CASE WHEN f.troubled THEN $2 ELSE t.last_failure_at END,"
	"        last_error = coalesce(f.problem, t.last_error),"
	"        sent_through = CASE WHEN t.sent_through > $2 THEN coalesce(f.through, t.sent_through) ELSE greatest(t.sent_through, f.through) END"
	"   FROM f WHERE t.sink = f.sink",
	JSONBOID, TIMESTAMPTZOID);

/* Of the sinks of the results: those that are gone, are disabled, or are to be left alone. */
SS_QUERY(
	find_held,
	"SELECT coalesce(jsonb_agg(DISTINCT e.x ->> 'sink'), '[]') FROM jsonb_array_elements($1) e (x)"
	"  LEFT JOIN swipesavvy.sinks s ON s.sink = e.x ->> 'sink' LEFT JOIN swipesavvy.sink_states t ON t.sink = s.sink"
	" WHERE s.sink IS NULL OR NOT s.enabled OR t.not_before > $2",
	JSONBOID, TIMESTAMPTZOID);

SS_QUERY(release, "UPDATE swipesavvy.outbox m SET leased = false, due_at = clock_timestamp()"
				  "  FROM (SELECT o.message_id FROM swipesavvy.outbox o WHERE o.leased AND " SS_SINK_IS_OPEN(
					  "o") " ORDER BY o.message_id FOR NO KEY UPDATE) l"
						   " WHERE m.message_id = l.message_id");

/* Of the results' messages, the secrets of those that are delivered. */
SS_QUERY(forget_secrets,
		 "DELETE FROM swipesavvy_private.outbox_secrets k USING swipesavvy.outbox m"
		 " WHERE k.message_id = ANY (ARRAY(SELECT (e.x ->> 'id')::uuid FROM jsonb_array_elements($1) e (x)"
		 "                                  WHERE e.x ->> 'id' IS NOT NULL))"
		 "   AND m.message_id = k.message_id AND m.delivered_at IS NOT NULL",
		 JSONBOID);

void
ss_sink_results_record(Jsonb *results)
{
	Datum values[2] = {JsonbPGetDatum(results), TimestampTzGetDatum(GetCurrentTimestamp())};

	(void) ss_query_latest(&note_messages, values, NULL);
	(void) ss_query_latest(&forget_secrets, values, NULL);
	(void) ss_query_latest(&note_sinks, values, NULL);
}

/*
 * record_results(results): the sinks that are held
 */
Datum
swipesavvy_record_results(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Jsonb *results;
	Datum values[2];
	SSRow row;

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_sink_require_worker();
	ss_audit_none(&call);
	results = ss_arg_jsonb(fcinfo, 0, "results", true);
	if (!JB_ROOT_IS_ARRAY(results) || JB_ROOT_IS_SCALAR(results))
		ss_bad_value("results", "It is not an array.");
	ss_query_avoid_scans();
	ss_sink_results_record(results);
	values[0] = JsonbPGetDatum(results);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	row = ss_row(ss_rows_latest(&find_held, values, NULL), 0);
	ss_json_open_object(&json, NULL);
	ss_json_jsonb(&json, "held", ss_next_jsonb(&row));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * release_requests(): how many there were
 */
Datum
swipesavvy_release_requests(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_sink_require_worker();
	ss_audit_none(&call);
	ss_query_avoid_scans();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "released", ss_sinks_exist() ? (int64) ss_query_latest(&release, NULL, NULL) : 0);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
