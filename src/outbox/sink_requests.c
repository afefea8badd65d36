/*
 * sink_requests.c: requests to sinks.
 *
 * SQL entry point claim_requests, for the background worker alone, which holds
 * each request until it hands the result to record_results (sink_results.c); a
 * database has one such worker. It hands messages out as claim_outbox does, for
 * a lease that outlives any request, and asks for reports where there is
 * something new.
 *
 * Locks, in this order, as in sinks.c: a sink's row, messages by their ids, the
 * states of sinks by their names. A claim skips messages that are locked.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/attempt.h"
#include "base/guc.h"
#include "base/query.h"
#include "call/call.h"
#include "outbox/clock.h"
#include "outbox/outbox.h"
#include "outbox/sink_results.h"
#include "outbox/sinks.h"

PG_FUNCTION_INFO_V1(swipesavvy_claim_requests);

#define CLAIM_MAX	 256  /* messages of a sink that the worker holds */
#define CLAIM_ALL	 2048 /* messages of all sinks in one claim: it has a limit in time, and JSON one in size */
#define LOOK_AT_MORE 64	  /* messages that are due than are wanted: some may have to wait for others */
#define LEASE		 300  /* seconds; more than a request can take */
#define LOOK_MS		 1000 /* how soon to ask again where nothing is known to be due */
#define FULL_MS		 50	  /* the same where the worker holds all that it may */
#define TIMEOUT_MS	 15000
#define REPORT_REACH 3600 /* seconds; no report tells of samples before */

/* --- claiming -------------------------------------------------------------------------- */

/* A restored database has sinks without states. The sink's row keeps from being deleted meanwhile. */
SS_QUERY(add_states, "INSERT INTO swipesavvy.sink_states (sink) SELECT s.sink FROM swipesavvy.sinks s"
					 " WHERE NOT EXISTS (SELECT FROM swipesavvy.sink_states t WHERE t.sink = s.sink) FOR KEY SHARE OF s"
					 " ON CONFLICT (sink) DO NOTHING");

SS_QUERY(read_sinks, "SELECT t.sink IS NULL, " SS_SINK_COLUMNS
					 ", s.max_in_flight, s.max_per_second::float8, t.failures_in_a_row, t.not_before,"
					 "       t.sent_through, t.tokens::float8, t.tokens_at"
					 "  FROM " SS_SINK_TABLES
					 " LEFT JOIN swipesavvy.sink_states t ON t.sink = s.sink WHERE s.enabled ORDER BY s.sink");

/*
 * $1 the sink, $2 rows, $3 now, $4 the end of the lease, $5 how many that are
 * due are looked at. What was claimed as often as is allowed and still comes
 * back is given up here.
 *
 * The table's statistics are always out of date, so that nothing must be left
 * to them: each order of rows is one that a single index has, the first of a
 * key is looked up once however many wait for it (each of `firsts`, and a
 * hashed subplan, as an OR is in its way to be a join), and what is claimed is
 * found by the primary key, for num_nonnulls() is no index's condition.
 */
SS_QUERY(
	claim,
	"WITH due AS MATERIALIZED ("
	"    SELECT m.message_id, m.order_key FROM swipesavvy.outbox m WHERE m.sink = $1 AND " SS_SINK_IS_OPEN(
		"m") " AND m.due_at <= $3"
			 "     ORDER BY m.sink, m.due_at, m.message_id LIMIT $5),"
			 " firsts AS MATERIALIZED ("
			 "    SELECT (SELECT o.message_id FROM swipesavvy.outbox o WHERE o.sink = $1 AND o.order_key = k.order_key AND " SS_SINK_IS_OPEN(
				 "o") "             ORDER BY o.sink, o.order_key, o.message_id LIMIT 1) AS message_id"
					  "      FROM (SELECT DISTINCT d.order_key FROM due d WHERE d.order_key IS NOT NULL) k),"
					  " mine AS MATERIALIZED ("
					  "    SELECT m.message_id FROM swipesavvy.outbox m"
					  "     WHERE m.message_id = ANY (ARRAY(SELECT d.message_id FROM due d"
					  "                                      WHERE d.order_key IS NULL OR d.message_id IN (SELECT f.message_id FROM firsts f) LIMIT $2))"
					  "       AND num_nonnulls(m.delivered_at, m.dead_at) = 0 FOR NO KEY UPDATE SKIP LOCKED),"
					  " claimed AS ("
					  "    UPDATE swipesavvy.outbox m"
					  "       SET attempts = m.attempts + (m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT ")::integer,"
					  "           leased = m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT ","
					  "           due_at = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT
					  " THEN $4 ELSE m.due_at END,"
					  "           dead_at = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT
					  " THEN NULL ELSE $3 END,"
					  "           last_error = CASE WHEN m.attempts < " SS_OUTBOX_ATTEMPTS_MAX_TEXT " THEN m.last_error"
					  "                             ELSE coalesce(m.last_error, 'the worker ended while it was sent') END"
					  "      FROM mine WHERE m.message_id = mine.message_id"
					  "    RETURNING m.message_id, m.event, m.version, m.created_at, m.body, m.dead_at)"
					  " SELECT (SELECT count(*) FROM due), dead_at IS NOT NULL, message_id, event, version, created_at,"
					  "        body, " SS_OUTBOX_SECRET("claimed") " FROM claimed ORDER BY message_id",
	TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID);

/* Are still so many ($3) due at $2? */
SS_QUERY(count_due,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.outbox m WHERE m.sink = $1 AND " SS_SINK_IS_OPEN(
			 "m") " AND m.due_at <= $2 LIMIT $3) q",
		 TEXTOID, TIMESTAMPTZOID, INT8OID);

SS_QUERY(write_tokens, "UPDATE swipesavvy.sink_states SET tokens = $2, tokens_at = $3 WHERE sink = $1", TEXTOID,
		 FLOAT8OID, TIMESTAMPTZOID);

SS_QUERY(is_sampled, "SELECT EXISTS (SELECT FROM swipesavvy.health_samples s WHERE s.sampled_at > $1)", TIMESTAMPTZOID);

/* Of alerts: has one changed, or is it time to tell of them again ($2)? Not if there is none. */
SS_QUERY(
	is_alerted,
	"SELECT EXISTS (SELECT FROM swipesavvy.health_alerts a WHERE a.resolved_at > $1 OR a.opened_at > $1)"
	"    OR $2 AND (EXISTS (SELECT FROM swipesavvy.health_alerts a WHERE a.resolved_at IS NULL)"
	"            OR EXISTS (SELECT FROM swipesavvy.health_alerts a WHERE a.resolved_at > now() - interval '1 hour'))",
	TIMESTAMPTZOID, BOOLOID);

/* A sink, as claiming sees it. */
typedef struct Target
{
	SSSink sink;
	int max_in_flight;
	double max_per_second; /* 0 = no limit */
	int failures;
	TimestampTz not_before; /* 0 = none; so below */
	TimestampTz sent_through;
	double tokens;
	TimestampTz tokens_at;
} Target;

/* A claim under way. */
typedef struct Claim
{
	TimestampTz now;
	Jsonb *unfinished;
	int64 room; /* messages that it may still take, of whatever sink */
	SSJson requests;
	SSJson failures; /* results of those that could not even be made */
	int failed;
	int64 wait_ms;
} Claim;

/* A request that is being made: of a message, or of a report. */
typedef struct Making
{
	const Target *target;
	const SSMessage *message; /* NULL = a report */
	TimestampTz after;
	TimestampTz through;
	bool made; /* false: there is nothing to report */
	SSSinkRequest request;
} Making;

/* The sinks that are enabled, with states that are sure to be there. */
static int
read_targets(Target **targets)
{
	SSRows rows = ss_rows_latest(&read_sinks, NULL, NULL);
	bool lack = false;

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		lack |= ss_next_bool(&row);
	}
	if (lack)
	{
		(void) ss_query_latest(&add_states, NULL, NULL);
		rows = ss_rows_latest(&read_sinks, NULL, NULL);
	}
	*targets = palloc0(Max(rows.count, 1) * sizeof(Target));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Target *target = &(*targets)[i];

		ss_next_skip(&row, 1);
		ss_sink_read(&row, &target->sink);
		target->max_in_flight = ss_next_int32(&row);
		target->max_per_second = ss_next_float8_or(&row, 0);
		target->failures = ss_next_int32_or(&row, 0);
		target->not_before = ss_next_time_or(&row, 0);
		target->sent_through = ss_next_time_or(&row, 0);
		target->tokens = ss_next_float8_or(&row, HUGE_VAL);
		target->tokens_at = ss_next_time_or(&row, 0);
	}
	return (int) rows.count;
}

/* How many requests of the sink the worker still holds. */
static int64
unfinished_of(const Claim *claim, const Target *target)
{
	JsonbValue *count = claim->unfinished == NULL ? NULL : ss_document_get(claim->unfinished, target->sink.name);

	return count == NULL ? 0 : ss_json_as_int(count, "unfinished", 0, PG_INT32_MAX);
}

static void
wait_until(Claim *claim, TimestampTz moment)
{
	claim->wait_ms = Max(Min(claim->wait_ms, (moment - claim->now + 999) / 1000), 0);
}

static void
add_request(Claim *claim, const Making *making)
{
	SSJson *json = &claim->requests;
	const SSSinkRequest *request = &making->request;

	ss_json_open_object(json, NULL);
	ss_json_text(json, "sink", making->target->sink.name);
	ss_json_text(json, "kind", making->target->sink.kind);
	ss_json_uuid(json, "id", making->message == NULL ? NULL : making->message->id);
	if (making->message == NULL)
		ss_json_time(json, "through", making->through);
	else
		ss_json_null(json, "through");
	ss_format_show(request, json);
	ss_json_text(json, "user", request->user);
	ss_json_int(json, "max_in_flight", making->target->max_in_flight);
	ss_json_int(json, "timeout_ms", TIMEOUT_MS);
	ss_json_close_object(json);
}

static void
make_request(void *argument)
{
	Making *making = argument;

	making->made = true;
	if (making->message != NULL)
		ss_format_message(&making->target->sink, making->message, false, &making->request);
	else
		making->made =
			ss_format_report(&making->target->sink, making->after, false, &making->through, &making->request);
	/* the worker sends UTF-8: what cannot be that is an error of this request, here and not there */
	if (making->made && making->request.body != NULL)
		(void) pg_server_to_any(making->request.body, strlen(making->request.body), PG_UTF8);
}

/* Makes the request and adds it. One that cannot be made has failed, and keeps no other from being sent. */
static bool
try_request(Claim *claim, Making *making)
{
	ErrorData *error = ss_attempt_apart(make_request, making);

	if (error != NULL)
	{
		SSJson *json = &claim->failures;

		ss_json_open_object(json, NULL);
		ss_json_text(json, "sink", making->target->sink.name);
		ss_json_uuid(json, "id", making->message == NULL ? NULL : making->message->id);
		ss_json_int(json, "status", 0);
		ss_json_text(json, "error", error->message); /* no detail: it may tell of data */
		ss_json_close_object(json);
		claim->failed++;
		return false;
	}
	if (making->made)
		add_request(claim, making);
	return making->made;
}

/* What max_per_second allows now; the bucket holds a second's worth, at least one. It is full where the clock was set back. */
static double
tokens_of(const Claim *claim, const Target *target)
{
	double most = Max(target->max_per_second, 1);
	double since = target->tokens_at == 0 ? 0 : (double) (claim->now - target->tokens_at) / USECS_PER_SEC;

	return since < 0 ? most : Min(target->tokens + since * target->max_per_second, most);
}

static void
read_message(SSRow *row, SSMessage *message)
{
	message->id = ss_next_uuid(row);
	message->event = ss_next_text(row);
	message->version = ss_next_int32(row);
	message->created_at = ss_next_time(row);
	message->body = ss_next_jsonb(row);
	message->secret = ss_next_jsonb_or_null(row);
}

/*
 * Claims up to so many messages, and gives up some: the rows of `claim`. It
 * looks at more of what is due if all that it looked at waits for the first of
 * its key. *more tells whether there may be others that are due.
 */
static SSRows
run_claim(const Claim *claiming, const Target *target, int64 limit, bool *more)
{
	Datum name = CStringGetTextDatum(target->sink.name);
	Datum now = TimestampTzGetDatum(claiming->now);
	Datum lease = TimestampTzGetDatum(claiming->now + LEASE * USECS_PER_SEC);
	SSRows rows = {NULL, 0};

	*more = false;
	for (int64 window = limit + LOOK_AT_MORE; limit > 0 && rows.count == 0; window *= 8)
	{
		rows = ss_rows_write(&claim, (Datum[]){name, Int64GetDatum(limit), now, lease, Int64GetDatum(window)}, NULL);
		if (rows.count > 0)
			*more = rows.count == (uint64) limit || ss_one_int64(rows) == window;
		else if (ss_one_int64(ss_rows_write(&count_due, (Datum[]){name, now, Int64GetDatum(window)}, NULL)) < window)
			break;
	}
	return rows;
}

/* The messages of the sink that are due, no more than there is room for. */
static void
claim_messages(Claim *claiming, const Target *target)
{
	int64 held = unfinished_of(claiming, target);
	int64 room = target->failures < SS_SINK_BROKEN ? Max(CLAIM_MAX - held, 0) : held == 0 ? 1 : 0;
	double tokens = target->max_per_second > 0 ? tokens_of(claiming, target) : HUGE_VAL;
	bool more;
	SSRows rows = run_claim(claiming, target, Min(Min(room, claiming->room), (int64) Min(tokens, CLAIM_MAX)), &more);
	int count = 0;

	claiming->room -= (int64) rows.count;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSMessage message;

		ss_next_skip(&row, 1);
		if (ss_next_bool(&row))
			continue;
		read_message(&row, &message);
		(void) try_request(claiming, &(Making){.target = target, .message = &message});
		count++;
	}
	if (rows.count > 0)
		ss_rows_free(&rows);
	if (target->max_per_second > 0 && count > 0)
	{
		tokens -= count;
		(void) ss_query_write(&write_tokens,
							  (Datum[]){CStringGetTextDatum(target->sink.name), Float8GetDatum(tokens),
										TimestampTzGetDatum(claiming->now)},
							  NULL);
	}
	if (target->failures >= SS_SINK_BROKEN)
		return;
	if (room == 0)
		wait_until(claiming, claiming->now + FULL_MS * 1000);
	else if (tokens < 1)
		wait_until(claiming, claiming->now + (TimestampTz) ceil((1 - tokens) / target->max_per_second * USECS_PER_SEC));
	else if (more)
		wait_until(claiming, claiming->now);
}

/* The report of what has been sampled since the last one, if the worker does not still have that. */
static void
claim_report(Claim *claim, const Target *target)
{
	bool of_alerts = strcmp(target->sink.kind, "alertmanager") == 0;
	Making making = {.target = target};
	Datum values[2];

	if (unfinished_of(claim, target) > 0)
		return;
	making.after = Max(target->sent_through, claim->now - REPORT_REACH * USECS_PER_SEC);
	if (target->sent_through > claim->now)
		making.after =
			claim->now - ss_health_interval * USECS_PER_SEC; /* the clock was set back: no more than the newest */
	values[0] = TimestampTzGetDatum(making.after);
	/* where the clock was set back, at once: alerts that are not told again end */
	values[1] = BoolGetDatum(target->sent_through <= claim->now - SECS_PER_MINUTE * USECS_PER_SEC ||
							 target->sent_through > claim->now);
	if (ss_one_bool(ss_rows_write(of_alerts ? &is_alerted : &is_sampled, values, NULL)))
		(void) try_request(claim, &making);
}

static void
claim_of(Claim *claim, const Target *target)
{
	if (target->not_before > claim->now)
		wait_until(claim, target->not_before);
	else if (ss_format_takes_messages(target->sink.kind))
		claim_messages(claim, target);
	else
		claim_report(claim, target);
}

/*
 * Where there is not room for all sinks, the next claim begins with the sink after the last one. Which that was this
 * process alone knows: only the worker claims, and one that starts anew may well begin with the first; a row would be
 * written with each claim.
 */
static void
claim_requests(Claim *claim)
{
	static char last[SS_SINK_NAME_MAX + 1] = "";
	Target *targets;
	int count;
	int first = 0;

	ss_query_avoid_sorts();
	ss_outbox_set_sinks_right(claim->now);
	count = read_targets(&targets);
	while (first < count && strcmp(targets[first].sink.name, last) <= 0)
		first++;
	last[0] = '\0';
	for (int i = 0; i < count; i++)
	{
		const Target *target = &targets[(first + i) % count];

		claim_of(claim, target);
		if (claim->room > 0)
			continue;
		strlcpy(last, target->sink.name, sizeof(last));
		claim->wait_ms = FULL_MS;
		break;
	}
	for (int i = 0; i < count; i++)
		ss_sink_forget(&targets[i].sink);
}

/* --- entry points ------------------------------------------------------------------------ */

/*
 * claim_requests(unfinished): requests, and wait_ms until there may be more
 */
Datum
swipesavvy_claim_requests(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Claim claim = {.now = GetCurrentTimestamp(), .room = CLAIM_ALL, .wait_ms = LOOK_MS};

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_sink_require_worker();
	ss_audit_none(&call); /* the message is its own record */
	claim.unfinished = ss_arg_jsonb(fcinfo, 0, "unfinished", false);
	ss_json_open_array(&claim.requests, NULL);
	ss_json_open_array(&claim.failures, NULL);
	if (ss_sinks_exist())
		claim_requests(&claim);
	ss_json_close_array(&claim.requests);
	ss_json_close_array(&claim.failures);
	if (claim.failed > 0)
		ss_sink_results_record(DatumGetJsonbP(ss_json_finish(&claim.failures)));
	ss_json_open_object(&json, NULL);
	ss_json_jsonb(&json, "requests", DatumGetJsonbP(ss_json_finish(&claim.requests)));
	ss_json_int(&json, "wait_ms", claim.wait_ms);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
