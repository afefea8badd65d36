/*
 * outbox_claim.c: claim_outbox, acknowledge_outbox, fail_outbox, replay_outbox
 * and apply_outbox_retention: how messages leave.
 *
 * SQL entry points, for deliverers; messages of sinks are the background
 * worker's (sink_requests.c), and only given up, replayed and deleted here.
 * A claim locks the rows that it takes and
 * skips those that another one is taking; it lasts as long as the lease and
 * holds nothing meanwhile, so a deliverer that dies delays its messages and
 * loses none. Everything here goes by partial indexes over what is open: what
 * was delivered, however much, costs nothing.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/back_off.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "outbox/clock.h"
#include "outbox/outbox.h"
#include "outbox/sinks.h"

#define CLAIM_DEFAULT 10
#define LEASE_DEFAULT 60 /* seconds */
#define LEASE_MAX	  3600

#define IDS_MAX				1000
#define RETENTION_ROWS		10000
#define RETENTION_ROWS_TEXT "10000"

PG_FUNCTION_INFO_V1(swipesavvy_claim_outbox);
PG_FUNCTION_INFO_V1(swipesavvy_acknowledge_outbox);
PG_FUNCTION_INFO_V1(swipesavvy_fail_outbox);
PG_FUNCTION_INFO_V1(swipesavvy_replay_outbox);
PG_FUNCTION_INFO_V1(swipesavvy_apply_outbox_retention);

/*
 * $1 rows, $2 now, $3 the end of the lease. What was claimed as often as is
 * allowed and still comes back (its deliverers died of it) is given up here.
 * The first of a key is asked for by an order that one index alone has: the
 * table's statistics are always out of date, and the wrong index would read all
 * that is open for each message.
 */
SS_QUERY(
	claim,
	"WITH due AS ("
	"    SELECT m.message_id FROM swipesavvy.outbox m"
	"     WHERE " SS_OUTBOX_IS_CLAIMABLE(
		"m") " AND m.due_at <= $2"
			 "       AND (m.order_key IS NULL OR m.message_id = ("
			 "            SELECT o.message_id FROM swipesavvy.outbox o WHERE o.order_key = m.order_key AND " SS_OUTBOX_IS_CLAIMABLE(
				 "o") "             ORDER BY o.order_key, o.message_id LIMIT 1))"
					  "     ORDER BY m.due_at, m.message_id LIMIT $1 FOR NO KEY UPDATE OF m SKIP LOCKED),"
					  " claimed AS ("
					  "    UPDATE swipesavvy.outbox m"
					  "       SET attempts = m.attempts + (m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT ")::integer,"
					  "           due_at = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT
					  " THEN $3 ELSE m.due_at END,"
					  "           dead_at = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT
					  " THEN NULL ELSE $2 END,"
					  "           last_error = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT " THEN m.last_error"
					  "                             ELSE coalesce(m.last_error, 'the last lease ended') END"
					  "      FROM due WHERE m.message_id = due.message_id"
					  "    RETURNING m.message_id, m.event, m.version, m.order_key, m.body, m.attempts, m.created_at,"
					  "              m.due_at AS lease_until, m.dead_at)"
					  " SELECT message_id, event, version, order_key, body, " SS_OUTBOX_SECRET(
						  "claimed") " AS secret, attempts, created_at, lease_until"
									 "   FROM claimed WHERE dead_at IS NULL ORDER BY message_id",
	INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* A late one counts, too: it was delivered. In order of the ids, so that two calls do not deadlock. */
SS_QUERY(acknowledge,
		 "UPDATE swipesavvy.outbox m SET delivered_at = clock_timestamp(), dead_at = NULL, last_error = NULL"
		 "  FROM (SELECT message_id FROM swipesavvy.outbox"
		 "         WHERE message_id = ANY ($1) AND delivered_at IS NULL AND attempts > 0 AND sink IS NULL"
		 "         ORDER BY message_id FOR NO KEY UPDATE) c"
		 " WHERE m.message_id = c.message_id",
		 UUIDARRAYOID);

SS_QUERY(
	lock_message,
	"SELECT attempts, delivered_at IS NOT NULL OR dead_at IS NOT NULL OR attempts = 0 OR sink IS NOT NULL FROM swipesavvy.outbox"
	" WHERE message_id = $1 FOR NO KEY UPDATE",
	UUIDOID);

/* $2 the error, $3 when it is tried again (null: never) */
SS_QUERY(
	fail,
	"UPDATE swipesavvy.outbox"
	"   SET last_error = $2, due_at = coalesce($3, due_at), dead_at = CASE WHEN $3 IS NULL THEN clock_timestamp() END"
	" WHERE message_id = $1"
	" RETURNING message_id, CASE WHEN dead_at IS NULL THEN 'retry' ELSE 'dead' END AS status, attempts,"
	"           CASE WHEN dead_at IS NULL THEN due_at END AS next_attempt_at",
	UUIDOID, TEXTOID, TIMESTAMPTZOID);

/* To whom it was, or to claim_outbox() if that sink is gone. */
SS_QUERY(replay,
		 "UPDATE swipesavvy.outbox m SET dead_at = NULL, attempts = 0, due_at = clock_timestamp(),"
		 "    sink = (SELECT s.sink FROM swipesavvy.sinks s WHERE s.sink = m.sink)"
		 "  FROM (SELECT message_id FROM swipesavvy.outbox WHERE message_id = ANY ($1) AND dead_at IS NOT NULL"
		 "         ORDER BY message_id FOR NO KEY UPDATE) c"
		 " WHERE m.message_id = c.message_id",
		 UUIDARRAYOID);

#define RETIRE(moment)                                                                                                 \
	{                                                                                                                  \
		"DELETE FROM swipesavvy.outbox WHERE message_id = ANY (ARRAY("                                                 \
		"SELECT message_id FROM swipesavvy.outbox WHERE " moment " < $1 ORDER BY " moment                              \
		" LIMIT " RETENTION_ROWS_TEXT " FOR UPDATE SKIP LOCKED))",                                                     \
			1, {TIMESTAMPTZOID}, NULL                                                                                  \
	}
static SSQuery retire_delivered = RETIRE("delivered_at");
static SSQuery retire_dead = RETIRE("dead_at");

/*
 * Messages to sinks that were deleted while their transactions put them there,
 * which delete_sink could not see. One look at the index for each sink that has
 * open messages.
 */
SS_QUERY(
	give_up_strays,
	"WITH RECURSIVE waiting (sink) AS ("
	"    (SELECT m.sink FROM swipesavvy.outbox m WHERE " SS_SINK_IS_OPEN(
		"m") " ORDER BY m.sink LIMIT 1)"
			 "  UNION ALL"
			 "    SELECT (SELECT m.sink FROM swipesavvy.outbox m WHERE " SS_SINK_IS_OPEN(
				 "m") " AND m.sink > w.sink ORDER BY m.sink LIMIT 1)"
					  "      FROM waiting w WHERE w.sink IS NOT NULL),"
					  " stray AS ("
					  "    SELECT m.message_id FROM waiting w JOIN swipesavvy.outbox m ON m.sink = w.sink"
					  "     WHERE " SS_SINK_IS_OPEN(
						  "m") " AND NOT EXISTS (SELECT FROM swipesavvy.sinks s WHERE s.sink = w.sink)"
							   "     LIMIT " RETENTION_ROWS_TEXT " FOR NO KEY UPDATE OF m SKIP LOCKED)"
							   " UPDATE swipesavvy.outbox m SET dead_at = clock_timestamp(), leased = false, last_error = 'the sink was deleted'"
							   "   FROM stray WHERE m.message_id = stray.message_id");

SS_QUERY(read_days,
		 "SELECT (value #>> '{}')::bigint FROM swipesavvy.system_settings WHERE setting = 'log_retention_days'");

/*
 * claim_outbox(page_size, lease_seconds)
 */
Datum
swipesavvy_claim_outbox(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	bool isnull;
	int64 lease;
	TimestampTz now;
	Datum values[3];

	ss_call_enter(&call, SS_DELIVERY | SS_ADMIN);
	ss_audit_none(&call); /* the message is its own record */
	page = ss_arg_page(fcinfo, 0, -1, -1, SS_PAGE_MAX, CLAIM_DEFAULT);
	lease = ss_arg_int4(fcinfo, 1, "lease_seconds", 1, LEASE_MAX, &isnull);
	now = GetCurrentTimestamp();
	values[0] = Int64GetDatum(page.limit);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(now + (isnull ? LEASE_DEFAULT : lease) * USECS_PER_SEC);
	ss_query_avoid_sorts();
	ss_outbox_set_right(now);
	(void) ss_query_write(&claim, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "messages");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* The array argument of ids: one dimension, no nulls, not too many. */
static ArrayType *
arg_ids(FunctionCallInfo fcinfo, int *count)
{
	ArrayType *ids;

	if (PG_ARGISNULL(0))
		ss_missing_value("ids");
	ids = PG_GETARG_ARRAYTYPE_P(0);
	if (ARR_NDIM(ids) > 1)
		ss_bad_value("ids", "It has more than one dimension.");
	if (array_contains_nulls(ids))
		ss_bad_value("ids", "It has a null element.");
	*count = ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));
	if (*count > IDS_MAX)
		ss_bad_value("ids", "It has %d elements; at most %d are allowed.", *count, IDS_MAX);
	return ids;
}

/* Makes {changed: n, "ignored": of the other ids} the result. */
static Datum
leave_with_counts(SSCall *call, const char *changed, int64 rows, int count)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_int(&json, changed, rows);
	ss_json_int(&json, "ignored", count - rows);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * acknowledge_outbox(ids): those that were never claimed, are unknown or were
 * acknowledged before are ignored
 */
Datum
swipesavvy_acknowledge_outbox(PG_FUNCTION_ARGS)
{
	SSCall call;
	int count;
	int64 rows;
	Datum values[1];

	ss_call_enter(&call, SS_DELIVERY | SS_ADMIN);
	ss_audit_none(&call);
	values[0] = PointerGetDatum(arg_ids(fcinfo, &count));
	rows = (int64) ss_query_write(&acknowledge, values, NULL);
	ss_outbox_forget_secrets(values[0]);
	PG_RETURN_DATUM(leave_with_counts(&call, "acknowledged", rows, count));
}

/* After so many attempts, how long until the next: within a quarter of it, so that failures do not come back together. */
static int64
back_off(int attempts)
{
	double seconds = (double) ss_back_off(SS_OUTBOX_BACK_OFF_FIRST, SS_OUTBOX_BACK_OFF_MAX, attempts);
	uint32 random;

	if (!pg_strong_random(&random, sizeof(random)))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"));
	return (int64) (seconds * USECS_PER_SEC * (0.75 + 0.5 * random / PG_UINT32_MAX));
}

/*
 * fail_outbox(id, error)
 */
Datum
swipesavvy_fail_outbox(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *id;
	int attempts;
	Datum values[3];
	bool nulls[3];
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_DELIVERY | SS_ADMIN);
	ss_audit_none(&call);
	id = ss_arg_uuid(fcinfo, 0, "id", true);
	ss_param_pointer(values, nulls, 0, id);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 1, "error", SS_TEXT_MAX, true));
	rows = ss_rows_write(&lock_message, values, NULL);
	if (rows.count == 0)
		ss_not_found("message", ss_uuid_text(id));
	row = ss_row(rows, 0);
	attempts = ss_next_int32(&row);
	if (ss_next_bool(&row))
		ss_bad_state("the message is not claimed", "The id is \"%s\".", ss_uuid_text(id));
	nulls[2] = (attempts >= SS_OUTBOX_ATTEMPTS_MAX);
	values[2] = TimestampTzGetDatum(nulls[2] ? 0 : GetCurrentTimestamp() + back_off(attempts));
	(void) ss_query_write(&fail, values, nulls);
	ss_json_row(&json, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * replay_outbox(ids): those that are not dead are ignored
 */
Datum
swipesavvy_replay_outbox(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	ArrayType *ids;
	int count;
	int64 rows;
	Datum values[1];

	ss_call_enter(&call, SS_DELIVERY | SS_ADMIN);
	ids = arg_ids(fcinfo, &count);
	values[0] = PointerGetDatum(ids);
	rows = ss_query_write(&replay, values, NULL);
	if (rows > 0)
	{
		ss_outbox_notify();
		ss_json_open_object(&json, NULL);
		ss_json_int(&json, "replayed", rows);
		ss_json_datum(&json, "ids", values[0], false, UUIDARRAYOID);
		ss_json_close_object(&json);
		ss_audit_write(&call, &(SSAudit){.resource = "outbox", .action = "replay"}, NULL,
					   DatumGetJsonbP(ss_json_finish(&json)));
	}
	PG_RETURN_DATUM(leave_with_counts(&call, "replayed", rows, count));
}

/*
 * apply_outbox_retention()
 */
Datum
swipesavvy_apply_outbox_retention(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[1];
	int64 days;
	int64 delivered;
	int64 dead;
	int64 strays;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call);
	days = ss_one_int64(ss_rows_write(&read_days, NULL, NULL));
	values[0] = TimestampTzGetDatum(GetCurrentTimestamp() - days * USECS_PER_DAY);
	delivered = ss_query_write(&retire_delivered, values, NULL);
	dead = ss_query_write(&retire_dead, values, NULL);
	ss_query_avoid_scans();
	strays = ss_query_write(&give_up_strays, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "deleted_messages", delivered + dead);
	ss_json_bool(&json, "more", delivered == RETENTION_ROWS || dead == RETENTION_ROWS || strays == RETENTION_ROWS);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
