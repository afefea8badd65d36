/*
 * worker.c: does the jobs of a database that are due, one after another; in the
 * lane of health it delivers messages and reports between them (deliveries.c).
 *
 * A background worker that the launcher starts, one for each lane. What there
 * is to do, and when, is in the database (jobs.c of the main library): it
 * claims a job, does it by its SQL function, and says how it went. Claiming is
 * a transaction of its own; a job that was done and the note of it commit
 * together.
 *
 * It connects as the bootstrap superuser, since a role without login cannot
 * before PostgreSQL 17, and runs every statement with the rights of
 * swipesavvy_admin, which nothing that the statement calls can leave. The
 * rights are taken back only after the commit: deferred triggers are under
 * them as well.
 *
 * Each job has a limit to its time and to its waiting for a lock. An error is
 * logged and written down, and the next job goes on. The lock of the lane
 * makes sure that a database has one worker of each.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "base/back_off.h"
#include "base/jobs.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

#define LOOK_MS		 1000 /* whether a job is due that was not before */
#define BACK_OFF_MAX 60000
#define CLAIM_MAX_MS 10000
#define SIZE_MS		 60000 /* between two looks at the size of the database */

SS_QUERY(claim,
		 "SELECT c ->> 'job', (c ->> 'max_ms')::integer, (c ->> 'wait_ms')::integer FROM swipesavvy.claim_job($1) c",
		 TEXTOID);
SS_QUERY(finish, "SELECT swipesavvy.finish_job($1, $2, $3)", TEXTOID, TEXTOID, BOOLOID);

/* The second step of sample_health; the first is ssw_measure */
SS_QUERY(record, "SELECT (swipesavvy.record_health($1) ->> 'more')::boolean", JSONBOID);

/* The jobs that this library can do. Each answers whether there is more to do at once. */
#define CALL(name, lane, every, max)                                                                                   \
	{#name, SS_QUERY_OF("SELECT (r ->> 'more')::boolean FROM swipesavvy." #name "() r")},
#define OWN_STEPS(name, lane, every, max) {#name, {.sql = NULL}}, /* sample_health() below */
static struct
{
	const char *name;
	SSQuery query;
} jobs[] = {SS_JOBS(CALL, OWN_STEPS)};

/* What the settings of the server, the database or a role may say otherwise. */
static const char *const settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"session_replication_role", "origin"},
	{"row_security", "off"},
	{"lock_timeout", "5s"},
#if PG_VERSION_NUM >= 170000
	{"transaction_timeout", "0"}, /* it would end the process: each job has a limit of its own */
#endif
	{"synchronous_commit", "local"}, /* without its standby it would wait, and have nobody told */
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"client_min_messages", "error"},
};

/* What a turn found to do. */
typedef struct Turn
{
	SSLane lane;
	char *job; /* NULL = nothing is due */
	int max_ms;
	int wait_ms;
	const char *error; /* to be written down; NULL = it is done, or is still to do */
} Turn;

MemoryContext ssw_turn_context;
static volatile sig_atomic_t working = false;
static int64 jobs_at = 0;	 /* when the next job may be due */
static double commit_ms = 0; /* that the last commit took */

/* --- signals and settings ------------------------------------------------------------- */

/* Inside a transaction it ends with the next check for interrupts; between two it leaves by itself. */
static void
on_terminate(SIGNAL_ARGS)
{
	if (working)
		die(postgres_signal_arg);
	else
		SignalHandlerForShutdownRequest(postgres_signal_arg);
}

static void
guard_settings(void)
{
	for (size_t i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/* --- transactions ------------------------------------------------------------------------ */

/* Is there anything to work for? */
static bool
has_extension(void)
{
	return OidIsValid(get_extension_oid("swipesavvy", true)) && OidIsValid(get_role_oid("swipesavvy_admin", true));
}

bool
ssw_begin(const char *activity, int max_ms)
{
	working = true;
	if (ShutdownRequestPending)
		proc_exit(0);
	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, activity);
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT, max_ms);
	if (!has_extension())
		return false;
	SetUserIdAndSecContext(get_role_oid("swipesavvy_admin", false), SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	return true;
}

static void
rest(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(ssw_turn_context);
	working = false;
}

void
ssw_commit(bool connected)
{
	instr_time start;
	instr_time took;

	if (connected)
	{
		SPI_finish();
		PopActiveSnapshot();
	}
	INSTR_TIME_SET_CURRENT(start);
	CommitTransactionCommand();
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, start);
	commit_ms = INSTR_TIME_GET_MILLISEC(took);
	rest();
}

/*
 * Logs the error that was caught, ends its transaction and returns what to write
 * down about it. Where there are secrets, no detail and no context, nor a message
 * about a value that is wrong.
 */
static char *
give_up(bool secret)
{
	ErrorData *error;
	char *text;

	MemoryContextSwitchTo(ssw_turn_context);
	HOLD_INTERRUPTS();
	error = CopyErrorData();
	/* no detail: it may tell of data */
	if (secret && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION)
		text = pstrdup(unpack_sql_state(error->sqlerrcode));
	else
		text = psprintf("%s: %s", unpack_sql_state(error->sqlerrcode), error->message);
	if (!secret)
		EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	rest();
	RESUME_INTERRUPTS();
	if (secret)
		ereport(LOG, errcode(error->sqlerrcode), errmsg("deliveries have to wait: %s", text));
	return text;
}

char *
ssw_attempt(void (*step)(void *arg), void *arg, bool secret)
{
	char *volatile error = NULL;

	PG_TRY();
	{
		step(arg);
	}
	PG_CATCH();
	{
		error = give_up(secret);
	}
	PG_END_TRY();
	return error;
}

/* --- a turn --------------------------------------------------------------------------------- */

static void
claim_job(void *arg)
{
	Turn *turn = arg;
	bool there = ssw_begin("claim_job", CLAIM_MAX_MS);

	turn->job = NULL;
	turn->wait_ms = LOOK_MS;
	if (there)
	{
		Datum lane = CStringGetTextDatum(ssw_lane_names[turn->lane]);
		SSRow row = ssw_run_for_row(&claim, &lane, NULL);
		char *job = ssw_next_text(&row);
		int wait_ms;

		turn->job = job == NULL ? NULL : MemoryContextStrdup(ssw_turn_context, job);
		turn->max_ms = ssw_next_int32(&row);
		wait_ms = ssw_next_int32(&row);
		turn->wait_ms = Min(wait_ms, LOOK_MS);
	}
	ssw_commit(there);
}

static void
finish_job(const Turn *turn, bool more)
{
	Datum values[3] = {CStringGetTextDatum(turn->job), 0, BoolGetDatum(more)};

	if (turn->error != NULL)
		values[1] = CStringGetTextDatum(turn->error);
	(void) ssw_run_for_row(&finish, values, turn->error == NULL ? " n " : NULL);
}

/*
 * Measures with the rights of pg_monitor, which sees what others do, and keeps
 * it with those of swipesavvy_admin. The commit before is the one that claimed
 * this job: it wrote, too. Returns the row that says whether there is more to do.
 */
static SSRow
sample_health(void)
{
	static int64 sized_at = -SIZE_MS;
	int64 now = ssw_now_ms();
	bool size = now >= sized_at + SIZE_MS;
	double disk = ssw_disk_percent();
	bool isnull;
	Datum figures;
	SSRow row;

	SetUserIdAndSecContext(ROLE_PG_MONITOR, SECURITY_LOCAL_USERID_CHANGE);
	row = ssw_run_for_row(&ssw_measure, (Datum[]){Float8GetDatum(disk), Float8GetDatum(commit_ms), BoolGetDatum(size)},
						  disk < 0 ? "n  " : NULL);
	SetUserIdAndSecContext(get_role_oid("swipesavvy_admin", false), SECURITY_LOCAL_USERID_CHANGE);
	figures = ssw_next_value(&row, JSONBOID, &isnull);
	row = ssw_run_for_row(&record, &figures, NULL);
	if (size)
		sized_at = now;
	return row;
}

static void
do_job(void *arg)
{
	Turn *turn = arg;
	SSQuery *query = NULL;
	bool there;

	for (size_t i = 0; i < lengthof(jobs); i++)
	{
		if (strcmp(jobs[i].name, turn->job) == 0)
			query = &jobs[i].query;
	}
	if (query == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("this library does not know the job \"%s\"", turn->job),
				errhint("Restart the server after installing another version."));
	there = ssw_begin(turn->job, turn->max_ms);
	if (there)
	{
		SSRow row = query->sql == NULL ? sample_health() : ssw_run_for_row(query, NULL, NULL);

		finish_job(turn, ssw_next_bool(&row));
	}
	ssw_commit(there);
}

static void
write_down_failure(void *arg)
{
	Turn *turn = arg;
	bool there = ssw_begin("finish_job", CLAIM_MAX_MS);

	if (there)
		finish_job(turn, false);
	ssw_commit(there);
}

/* Runs one of the steps above; false if it failed, and turn->error says how. */
static bool
attempt(void (*step)(void *arg), Turn *turn)
{
	char *error = ssw_attempt(step, turn, false);

	if (error != NULL)
		turn->error = error;
	return error == NULL;
}

/* Does a job if one is due. Returns the milliseconds to wait, less than 0 if it could not even ask. */
static int
take_turn(SSLane lane)
{
	Turn turn = {.lane = lane};

	MemoryContextReset(ssw_turn_context);
	if (!attempt(claim_job, &turn))
		return -1;
	if (turn.job == NULL)
		return turn.wait_ms;
	if (!attempt(do_job, &turn) && !attempt(write_down_failure, &turn))
		return -1;
	return 0;
}

/* --- the process ------------------------------------------------------------------------------ */

int64
ssw_now_ms(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* Does a job if one may be due; returns the milliseconds until the next may be. */
static int
do_jobs(SSLane lane)
{
	static int failures = 0;
	int wait;

	if (ssw_now_ms() < jobs_at)
		return (int) (jobs_at - ssw_now_ms());
	wait = take_turn(lane);
	failures = wait < 0 ? failures + 1 : 0;
	if (wait < 0)
		wait = (int) ss_back_off(LOOK_MS, BACK_OFF_MAX, failures);
	jobs_at = ssw_now_ms() + wait;
	return wait;
}

/* Waits, and does what signals ask for. */
static void
wait_for(int ms)
{
	ssw_wait(ms);
	ResetLatch(MyLatch);
	QueryCancelPending = false; /* there is nothing to cancel now */
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		ssw_configure_deliveries();
		jobs_at = 0; /* how often they run may have changed */
	}
}

void
swipesavvy_worker_main(Datum arg)
{
	SSWStart start;
	LOCKTAG lane;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, on_terminate);
	/* SIGINT is StatementCancelHandler's and SIGUSR1 procsignal_sigusr1_handler's from the start */
	working = true;
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NameStr(start.database), NULL, 0);
	working = false;
	ssw_lock_of_lane(&lane, MyDatabaseId, start.lane);
	if (LockAcquire(&lane, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		proc_exit(0); /* one that a launcher before left is about to end */
	guard_settings();
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	pgstat_report_activity(STATE_IDLE, NULL);
	ssw_turn_context = AllocSetContextCreate(TopMemoryContext, "swipesavvy turn", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(ssw_turn_context);
	while (!ShutdownRequestPending)
	{
		int wait = do_jobs(start.lane);

		if (start.lane == SS_LANE_HEALTH)
			wait = Min(wait, ssw_deliver());
		wait_for(wait);
	}
	proc_exit(0);
}
