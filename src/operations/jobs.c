/*
 * jobs.c: the jobs that are done from time to time: which is due, which failed,
 * and what worker_status() says of them.
 *
 * SQL entry points: claim_job and finish_job are the background worker's
 * (src/worker/worker.c), set_job and worker_status an admin's. Each job is a
 * function of the API that anybody else may call as well.
 *
 * A job has a row once it has begun for the first time. Its row is locked by
 * whoever changes it; of each lane a database has one worker. A run counts as
 * failed from the moment it begins until somebody says otherwise, so that one
 * which takes its worker with it is tried again later each time, too. A run
 * that was missed is made up for as soon as there is a worker, once; the
 * schedule stays what it was.
 *
 * The clock may have been ahead and been set right. A run that lies further
 * ahead than the job's interval, and that no admin put there, is due, and the
 * schedule comes back by whole intervals; what was noted in the future counts
 * as noted before this run.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/back_off.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/jobs.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_claim_job);
PG_FUNCTION_INFO_V1(swipesavvy_finish_job);
PG_FUNCTION_INFO_V1(swipesavvy_set_job);
PG_FUNCTION_INFO_V1(swipesavvy_worker_status);

#define EVERY_MAX	 (366 * SS_DAY)
#define DURATION_MAX SS_DAY
#define ERROR_MAX	 1000 /* bytes of an error that are kept */

static const char *const lanes[] = {SS_LANE_NAMES, NULL};

#define ROW_OF_FUNCTION(name, lane, every, max) {#name, lane, every, max, true},
#define ROW_OF_STEPS(name, lane, every, max)	{#name, lane, every, max, false},

static const struct
{
	const char *name;
	SSLane lane;
	int every; /* seconds; 0 = swipesavvy.health_interval */
	int max;
	bool is_function;
} jobs[] = {SS_JOBS(ROW_OF_FUNCTION, ROW_OF_STEPS)};

/* How long after a failure it is tried again: 5 seconds, 10, … an hour, and not later than it would run anyway. */
#define BACK_OFF(every, failures)                                                                                      \
	"make_interval(secs => least(" every ", " SS_BACK_OFF_SECONDS("5", "3600", failures) "))"

/* The first of these jobs ($1, which run every $3 seconds), and whether it is due at $2. */
SS_QUERY(
	find_next,
	"SELECT k.n::integer, n.at <= $2, n.at FROM unnest($1, $3) WITH ORDINALITY k (job, every, n)"
	"  LEFT JOIN swipesavvy.jobs j ON j.job = k.job COLLATE \"C\""
	" CROSS JOIN LATERAL (SELECT CASE WHEN j.postponed OR j.next_run_at <= $2 + make_interval(secs => coalesce(j.every_seconds, k.every))"
	"                                 THEN j.next_run_at ELSE $2 END) n (at)"
	" WHERE coalesce(j.enabled, true) ORDER BY 3, 1 LIMIT 1",
	TEXTARRAYOID, TIMESTAMPTZOID, INT4ARRAYOID);

/* A time that was noted before the run that begins at $2, even by a clock that was ahead then */
#define BEFORE_IT(moment) "CASE WHEN " moment " >= $2 THEN $2 - interval '1 microsecond' ELSE " moment " END"

/* Of the job $1 at $2, which runs every $3 seconds. */
SS_QUERY(
	note_start,
	"INSERT INTO swipesavvy.jobs AS j (job, scheduled_at, next_run_at, started_at, runs, failures_in_a_row)"
	" VALUES ($1, $2, $2 + " BACK_OFF(
		"$3",
		"1") ", $2, 1, 1)"
			 " ON CONFLICT (job) DO UPDATE SET started_at = $2, runs = j.runs + 1, failures_in_a_row = j.failures_in_a_row + 1, postponed = false,"
			 "    finished_at = " BEFORE_IT("j.finished_at") ", succeeded_at = " BEFORE_IT(
				 "j.succeeded_at") ","
								   "    next_run_at = $2 + " BACK_OFF(
									   "coalesce(j.every_seconds, $3)",
									   "j.failures_in_a_row + 1") ","
																  "    failures = j.failures + coalesce(j.started_at > coalesce(j.finished_at, '-infinity'), false)::integer,"
																  "    failed_at = CASE WHEN j.started_at > coalesce(j.finished_at, '-infinity') THEN " BEFORE_IT(
																	  "j.started_at") "                     ELSE " BEFORE_IT("j.failed_at") " END,"
																																			"    last_error = CASE WHEN j.started_at > coalesce(j.finished_at, '-infinity') THEN 'the worker ended while it ran'"
																																			"                      ELSE j.last_error END"
																																			" RETURNING j.max_seconds",
	TEXTOID, TIMESTAMPTZOID, FLOAT8OID);

/*
 * $4: there is more to do, at once. Else the first time after now that the
 * schedule has; what an admin wants meanwhile stays, and so does what lies
 * ahead by no more than the interval.
 */
SS_QUERY(
	note_success,
	"UPDATE swipesavvy.jobs j SET finished_at = $2, succeeded_at = $2, failures_in_a_row = 0,"
	"    scheduled_at = s.at, next_run_at = CASE WHEN $4 THEN $2 ELSE s.at END"
	"  FROM (SELECT CASE WHEN $4 OR (i.scheduled_at > $2 AND (i.postponed OR i.scheduled_at <= $2 + make_interval(secs => e.every)))"
	"                    THEN i.scheduled_at"
	"                    ELSE i.scheduled_at + make_interval(secs => e.every * (floor(extract(epoch FROM $2 - i.scheduled_at) / e.every) + 1)::float8) END"
	"          FROM swipesavvy.jobs i CROSS JOIN LATERAL (SELECT coalesce(i.every_seconds, $3) AS every) e"
	"         WHERE i.job = $1) s (at)"
	" WHERE j.job = $1 RETURNING j.next_run_at",
	TEXTOID, TIMESTAMPTZOID, FLOAT8OID, BOOLOID);

SS_QUERY(
	note_failure,
	"UPDATE swipesavvy.jobs j SET finished_at = $2, failed_at = $2, last_error = $4, failures = failures + 1,"
	"    failures_in_a_row = greatest(failures_in_a_row, 1),"
	"    next_run_at = $2 + " BACK_OFF("coalesce(j.every_seconds, $3)",
									   "greatest(failures_in_a_row, 1)") " WHERE j.job = $1 RETURNING j.next_run_at",
	TEXTOID, TIMESTAMPTZOID, FLOAT8OID, TEXTOID);

/* What is null stays; the schedule goes on from the next run, if one is given. */
SS_QUERY(
	change_job,
	"INSERT INTO swipesavvy.jobs AS j (job, enabled, every_seconds, max_seconds, scheduled_at, next_run_at, postponed)"
	" VALUES ($1, coalesce($2, true), $3, $4, coalesce($5, now()), coalesce($5, now()), $5 IS NOT NULL)"
	" ON CONFLICT (job) DO UPDATE SET enabled = coalesce($2, j.enabled), every_seconds = coalesce($3, j.every_seconds),"
	"    max_seconds = coalesce($4, j.max_seconds), postponed = j.postponed OR $5 IS NOT NULL,"
	"    scheduled_at = coalesce($5, least(j.scheduled_at, now() + make_interval(secs => $3))),"
	"    next_run_at = CASE WHEN $5 IS NOT NULL THEN $5"
	"                       WHEN $3 IS NOT NULL THEN least(j.next_run_at, now() + make_interval(secs => $3)) ELSE j.next_run_at END",
	TEXTOID, BOOLOID, INT4OID, INT4OID, TIMESTAMPTZOID);

/* What an admin decides of a job */
SS_QUERY(read_decided,
		 "SELECT j.job, j.enabled, j.every_seconds, j.max_seconds FROM swipesavvy.jobs j WHERE j.job = $1 FOR UPDATE",
		 TEXTOID);

/* The jobs $1 in their order, with the columns of worker_status(); $2 every, $3 max. */
SS_QUERY(
	read_jobs,
	"SELECT k.job, coalesce(j.enabled, true) AS enabled, coalesce(j.every_seconds, k.every) AS every_seconds,"
	"       coalesce(j.max_seconds, k.max) AS max_seconds,"
	"       j.started_at AS last_run_at,"
	"       CASE WHEN j.finished_at >= j.started_at THEN round(extract(epoch FROM j.finished_at - j.started_at) * 1000)::bigint END"
	"           AS last_duration_ms,"
	"       j.succeeded_at AS last_success_at, j.failed_at AS last_failure_at, j.last_error,"
	"       CASE WHEN coalesce(j.enabled, true) THEN j.next_run_at END AS next_run_at,"
	"       coalesce(j.runs, 0) AS runs, coalesce(j.failures, 0) AS failures,"
	"       CASE WHEN NOT coalesce(j.enabled, true) THEN 'disabled'"
	"            WHEN j.started_at > coalesce(j.finished_at, '-infinity')"
	"                 THEN CASE WHEN $5 THEN 'running' ELSE 'interrupted' END"
	"            WHEN j.failures_in_a_row > 0 THEN 'failing'"
	"            WHEN j.succeeded_at IS NULL THEN 'new' ELSE 'ok' END AS state"
	"  FROM unnest($1, $2, $3) WITH ORDINALITY k (job, every, max, n)"
	"  LEFT JOIN swipesavvy.jobs j ON j.job = k.job COLLATE \"C\""
	" WHERE $4 IS NULL OR k.job = $4 ORDER BY k.n",
	TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTOID, BOOLOID);

/* The lanes' locks that are held, by their number */
SS_QUERY(read_workers,
		 "SELECT l.classid::bigint::integer, l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
		 " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = " CppAsString2(
			 SS_LANE_LOCK_KIND) " AND l.granted ORDER BY 1");

SS_QUERY(read_database, "SELECT current_database()::text");

/* --- what there is -------------------------------------------------------------------- */

/* How often a job runs unless set otherwise, in seconds */
static int
every(int job)
{
	return jobs[job].every > 0 ? jobs[job].every : ss_health_interval;
}

/* Is there the function? A database that is still at an earlier release has not those of later ones. */
static bool
is_there(int job)
{
	Oid ours = get_namespace_oid("swipesavvy", false);
	CatCList *functions;
	bool found = false;

	if (!jobs[job].is_function)
		return true;
	functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(jobs[job].name));
	for (int i = 0; i < functions->n_members; i++)
		found |= ((Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple))->pronamespace == ours;
	ReleaseSysCacheList(functions);
	return found;
}

/* The number of a job, from 0; PT404 if there is none of that name. */
static int
find_job(const char *name)
{
	for (size_t i = 0; i < lengthof(jobs); i++)
	{
		if (strcmp(jobs[i].name, name) == 0 && is_there((int) i))
			return (int) i;
	}
	ss_not_found("job", name);
}

static Datum
array_of_ints(const int *values, int count)
{
	Datum *items = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		items[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(items, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* --- for the worker ------------------------------------------------------------------------ */

/* Notes that the job begins, and adds what the worker must know of it. */
static void
start(int job, TimestampTz now, SSJson *json)
{
	Datum values[] = {CStringGetTextDatum(jobs[job].name), TimestampTzGetDatum(now), Float8GetDatum(every(job))};
	SSRow row = ss_row(ss_rows_write(&note_start, values, NULL), 0);

	ss_json_text(json, "job", jobs[job].name);
	ss_json_int(json, "max_ms", ss_next_int32_or(&row, jobs[job].max) * INT64CONST(1000));
}

/*
 * claim_job(lane): job and max_ms, after which it is to be cancelled; or
 * wait_ms
 */
Datum
swipesavvy_claim_job(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	Datum names[lengthof(jobs)];
	int of_lane[lengthof(jobs)];
	int seconds[lengthof(jobs)];
	int count = 0;
	SSRows next;
	SSLane lane;

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_audit_none(&call); /* jobs keep their own record */
	lane = (SSLane) ss_check_choice(ss_arg_text(fcinfo, 0, "lane", SS_KEY_MAX, true), "lane", lanes);
	for (size_t i = 0; i < lengthof(jobs); i++)
	{
		if (jobs[i].lane != lane || !is_there((int) i))
			continue;
		of_lane[count] = (int) i;
		seconds[count] = every((int) i);
		names[count++] = CStringGetTextDatum(jobs[i].name);
	}
	next = ss_rows_write(&find_next,
						 (Datum[]){PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT)),
								   TimestampTzGetDatum(now), array_of_ints(seconds, count)},
						 NULL);
	ss_json_open_object(&json, NULL);
	if (next.count == 0)
		ss_json_int(&json, "wait_ms", SS_HOUR * 1000);
	else
	{
		SSRow row = ss_row(next, 0);
		int job = of_lane[ss_next_int32(&row) - 1];

		if (ss_next_bool(&row))
			start(job, now, &json);
		else
		{
			TimestampTz at = ss_next_time(&row);

			ss_json_int(&json, "wait_ms", Min((at - now) / 1000 + 1, SS_HOUR * 1000));
		}
	}
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * finish_job(job, error, more): job and next_run_at
 */
Datum
swipesavvy_finish_job(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	char *error;
	int job;
	Datum values[4];
	SSRows noted;

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_audit_none(&call);
	name = ss_arg_text(fcinfo, 0, "job", SS_KEY_MAX, true);
	error = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	job = find_job(name);
	values[0] = CStringGetTextDatum(name);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Float8GetDatum(every(job));
	if (error == NULL)
	{
		values[3] = BoolGetDatum(ss_arg_bool(fcinfo, 2, false));
		noted = ss_rows_write(&note_success, values, NULL);
	}
	else
	{
		values[3] =
			PointerGetDatum(cstring_to_text_with_len(error, pg_mbcliplen(error, (int) strlen(error), ERROR_MAX)));
		noted = ss_rows_write(&note_failure, values, NULL);
	}
	if (noted.count == 0)
		ss_bad_state("the job has not begun", "Job \"%s\" was never claimed.", name);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "job", name);
	ss_json_time(&json, "next_run_at", ss_one_time(noted));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- for admins ---------------------------------------------------------------------------- */

/* Rows of the jobs, or of the one named, are in SPI_tuptable then. */
static void
select_jobs(const char *name, bool running)
{
	Datum names[lengthof(jobs)];
	int seconds[lengthof(jobs)];
	int max[lengthof(jobs)];
	Datum values[5];
	bool nulls[5] = {false};
	int count = 0;

	for (size_t i = 0; i < lengthof(jobs); i++)
	{
		if (!is_there((int) i))
			continue;
		names[count] = CStringGetTextDatum(jobs[i].name);
		seconds[count] = every((int) i);
		max[count++] = jobs[i].max;
	}
	values[0] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = array_of_ints(seconds, count);
	values[2] = array_of_ints(max, count);
	ss_param_text(values, nulls, 3, name);
	values[4] = BoolGetDatum(running);
	(void) ss_query_read(&read_jobs, values, nulls);
}

/* An interval as whole seconds, from one to `maximum`; *isnull tells absence. */
static int32
arg_seconds(FunctionCallInfo fcinfo, int n, const char *name, int64 maximum, bool *isnull)
{
	Interval *interval;
	int64 seconds;

	*isnull = PG_ARGISNULL(n);
	if (*isnull)
		return 0;
	interval = PG_GETARG_INTERVAL_P(n);
	if (interval->month != 0)
		ss_bad_value(name, "It has months or years, which are of no certain length.");
	if (interval->day < 0 || interval->time < 0 || interval->day > maximum / SS_DAY ||
		interval->time > maximum * USECS_PER_SEC)
		ss_bad_value(name, "It is not between 1 and " INT64_FORMAT " seconds.", maximum);
	seconds = interval->day * INT64CONST(86400) + interval->time / USECS_PER_SEC;
	if (seconds < 1 || seconds > maximum)
		ss_bad_value(name, "It is not between 1 and " INT64_FORMAT " seconds.", maximum);
	return (int32) seconds;
}

/*
 * set_job(job, enabled, every, max_duration, next_run_at): the job as
 * worker_status() shows it
 */
Datum
swipesavvy_set_job(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAuditRow before = {0};
	char *name;
	Datum values[5];
	bool nulls[5] = {false};

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "job", SS_KEY_MAX, true);
	(void) find_job(name);
	values[0] = CStringGetTextDatum(name);
	values[1] = BoolGetDatum(ss_arg_bool(fcinfo, 1, true));
	nulls[1] = PG_ARGISNULL(1);
	values[2] = Int32GetDatum(arg_seconds(fcinfo, 2, "every", EVERY_MAX, &nulls[2]));
	values[3] = Int32GetDatum(arg_seconds(fcinfo, 3, "max_duration", DURATION_MAX, &nulls[3]));
	values[4] = TimestampTzGetDatum(ss_arg_time(fcinfo, 4, "next_run_at", &nulls[4]));
	if (ss_query_latest(&read_decided, values, NULL) > 0)
		before = ss_audit_row();
	(void) ss_query_latest(&change_job, values, nulls);
	(void) ss_query_latest(&read_decided, values, NULL);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "job", .action = "update", .resource_id = name}, before,
						ss_audit_row());
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	select_jobs(name, true);
	PopActiveSnapshot();
	ss_json_row(&json, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* Is the database one of swipesavvy.databases? */
static bool
is_listed(const char *database)
{
	char *names = pstrdup(ss_databases == NULL ? "" : ss_databases);
	List *list;
	ListCell *cell;
	bool listed = false;

	if (!SplitIdentifierString(names, ',', &list))
		return false;
	foreach (cell, list)
		listed |= strcmp(lfirst(cell), database) == 0;
	return listed;
}

/*
 * worker_status()
 */
Datum
swipesavvy_worker_status(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *database;
	SSRows workers;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	database = ss_one_text(ss_rows_read(&read_database, NULL, NULL));
	workers = ss_rows_read(&read_workers, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "database", database);
	ss_json_bool(&json, "listed", is_listed(database));
	ss_json_text(&json, "state",
				 workers.count == 0					   ? "stopped"
				 : workers.count < lengthof(lanes) - 1 ? "starting"
													   : "running");
	ss_json_open_array(&json, "workers");
	for (uint64 i = 0; i < workers.count; i++)
	{
		SSRow row = ss_row(workers, i);
		int lane = ss_next_int32(&row);

		ss_json_open_object(&json, NULL);
		ss_json_text(&json, "lane", lane < (int) lengthof(lanes) - 1 ? lanes[lane] : "other");
		ss_json_int(&json, "pid", ss_next_int32(&row));
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	select_jobs(NULL, workers.count > 0);
	ss_json_rows(&json, "jobs");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
