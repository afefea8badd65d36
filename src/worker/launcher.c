/*
 * launcher.c: starts the workers of each database in swipesavvy.databases, and
 * ends those that are in the way.
 *
 * A background worker that the main library registers. It looks around each
 * second, and when a worker starts or ends. Its workers end with it.
 *
 * DROP DATABASE, RENAME and CREATE DATABASE … TEMPLATE lock the database and
 * then wait for five seconds that everybody leaves it. So the launcher tries
 * the lock that a new connection would take, and lets go of it: where it cannot
 * have it, the workers of that database are ended, whatever they are doing, and
 * started again once it can. A worker in a long statement could not look by
 * itself. Nothing is ever waited for, and no lock is held longer than that.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/back_off.h"
#include "base/background.h"
#include "worker/worker.h"

#define LOOK_MS		 1000
#define BACK_OFF_MAX 60 /* seconds until one that died is started again */
#define LIVED_LONG	 60 /* seconds after which one that dies is started at once */

/* Why a worker is not there; said once each time it changes. */
typedef enum Trouble
{
	NO_TROUBLE,
	NO_DATABASE,
	NO_CONNECTIONS,
	NO_SLOT
} Trouble;

typedef struct Worker
{
	SSWStart start;
	bool wanted;					/* still in the list */
	Oid database;					/* when it was started */
	BackgroundWorkerHandle *handle; /* NULL = not started */
	int64 started_at;				/* by ssw_now_ms(), which no setting of the clock moves */
	int64 not_before;
	int deaths; /* in a row */
	Trouble trouble;
} Worker;

static List *workers = NIL; /* of Worker, in TopMemoryContext */

const char *const ssw_lane_names[SS_LANES] = {SS_LANE_NAMES};

void
ssw_lock_of_database(LOCKTAG *tag, Oid database)
{
	SET_LOCKTAG_OBJECT(*tag, InvalidOid, DatabaseRelationId, database, 0);
}

/*
 * An advisory lock, as others do not survive an error, of a kind that the
 * functions of SQL cannot take. worker_status() looks for it in pg_locks.
 */
void
ssw_lock_of_lane(LOCKTAG *tag, Oid database, SSLane lane)
{
	SET_LOCKTAG_ADVISORY(*tag, database, lane, 0, SS_LANE_LOCK_KIND);
}

/* --- the list ------------------------------------------------------------------------- */

static Worker *
find_worker(const char *database, SSLane lane)
{
	ListCell *cell;

	foreach (cell, workers)
	{
		Worker *worker = lfirst(cell);

		if (worker->start.lane == lane && strcmp(NameStr(worker->start.database), database) == 0)
			return worker;
	}
	return NULL;
}

static void
want_workers(const char *database)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	for (int lane = 0; lane < SS_LANES; lane++)
	{
		Worker *worker = find_worker(database, lane);

		if (worker == NULL)
		{
			worker = palloc0(sizeof(Worker));
			namestrcpy(&worker->start.database, database);
			worker->start.lane = lane;
			workers = lappend(workers, worker);
		}
		worker->wanted = true;
	}
	MemoryContextSwitchTo(old);
}

/* Brings the list of workers in line with the setting. */
static void
read_setting(void)
{
	const char *setting = GetConfigOption("swipesavvy.databases", true, false);
	char *names = pstrdup(setting == NULL ? "" : setting);
	List *databases;
	ListCell *cell;

	foreach (cell, workers)
		((Worker *) lfirst(cell))->wanted = false;
	if (SplitIdentifierString(names, ',', &databases))
	{
		foreach (cell, databases)
			want_workers(lfirst(cell));
	}
	list_free(databases);
	pfree(names);
}

/* --- starting and ending ---------------------------------------------------------------- */

static void
complain(Worker *worker, Trouble trouble)
{
	const char *database = NameStr(worker->start.database);

	if (worker->trouble == trouble)
		return;
	worker->trouble = trouble;
	if (trouble == NO_SLOT)
		ereport(WARNING, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("no background worker is free for the %s of database \"%s\"", ssw_lane_names[worker->start.lane],
					   database),
				errhint("Raise max_worker_processes. It is tried again all the time."));
	else if (worker->start.lane == 0 && trouble == NO_DATABASE)
		ereport(WARNING, errcode(ERRCODE_UNDEFINED_DATABASE),
				errmsg("database \"%s\" of swipesavvy.databases does not exist", database),
				errhint("A name with capital letters needs double quotes."));
	else if (worker->start.lane == 0 && trouble == NO_CONNECTIONS)
		ereport(WARNING, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("database \"%s\" of swipesavvy.databases accepts no connections", database));
}

/* Could a connection begin now? Else it is about to be dropped, renamed or copied. */
static bool
is_free(Oid database)
{
	LOCKTAG tag;

	ssw_lock_of_database(&tag, database);
	if (LockAcquire(&tag, RowExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	LockRelease(&tag, RowExclusiveLock, true);
	return true;
}

/*
 * Sets worker->database; what is wrong with it if anything is. Without an
 * index, as autovacuum's launcher does: after a crash a process without a
 * database cannot open one.
 */
static Trouble
look_up_database(Worker *worker)
{
	Trouble trouble = NO_DATABASE;
	Relation catalogue;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	catalogue = table_open(DatabaseRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&worker->start.database));
	scan = systable_beginscan(catalogue, InvalidOid, false, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		worker->database = form->oid;
		/* -2: half dropped */
		trouble = form->datallowconn && form->datconnlimit != -2 ? NO_TROUBLE : NO_CONNECTIONS;
	}
	systable_endscan(scan);
	table_close(catalogue, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return trouble;
}

static void
start_worker(Worker *worker)
{
	BackgroundWorker request = {
		.bgw_type = "swipesavvy worker",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = SS_WORKER_LIBRARY,
		.bgw_function_name = "swipesavvy_worker_main",
		.bgw_notify_pid = MyProcPid,
	};
	Trouble trouble = look_up_database(worker);
	MemoryContext old;
	bool started;

	if (trouble != NO_TROUBLE)
	{
		complain(worker, trouble);
		return;
	}
	if (!is_free(worker->database))
		return;
	snprintf(request.bgw_name, BGW_MAXLEN, "swipesavvy %s of %s", ssw_lane_names[worker->start.lane],
			 NameStr(worker->start.database));
	memcpy(request.bgw_extra, &worker->start, sizeof(SSWStart));
	old = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&request, &worker->handle);
	MemoryContextSwitchTo(old);
	if (!started)
	{
		worker->handle = NULL;
		complain(worker, NO_SLOT);
		return;
	}
	worker->started_at = ssw_now_ms();
	complain(worker, NO_TROUBLE);
}

/* One that has ended is started again: soon, and later each time if it does not live long. */
static void
note_end(Worker *worker)
{
	int64 now = ssw_now_ms();

	pfree(worker->handle);
	worker->handle = NULL;
	worker->deaths = now - worker->started_at >= LIVED_LONG * 1000 ? 0 : worker->deaths + 1;
	worker->not_before = now + (worker->deaths == 0 ? 0 : 1000 * ss_back_off(1, BACK_OFF_MAX, worker->deaths));
}

/* Does what is to be done about one; false if it is not needed any more. */
static bool
tend_worker(Worker *worker)
{
	pid_t pid;

	if (worker->handle != NULL && GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED)
		note_end(worker);
	if (worker->handle != NULL)
	{
		if (!worker->wanted || !is_free(worker->database))
			TerminateBackgroundWorker(worker->handle);
		return true;
	}
	if (worker->wanted && ssw_now_ms() >= worker->not_before)
		start_worker(worker);
	return worker->wanted;
}

static void
end_workers(int code, Datum arg)
{
	ListCell *cell;

	foreach (cell, workers)
	{
		Worker *worker = lfirst(cell);

		if (worker->handle != NULL)
			TerminateBackgroundWorker(worker->handle);
	}
}

/* --- the process ------------------------------------------------------------------------- */

void
swipesavvy_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	/* SIGUSR1 is procsignal_sigusr1_handler's from the start */
	BackgroundWorkerUnblockSignals();
	/* no database: the catalogues that all share are enough */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("swipesavvy launcher");
	before_shmem_exit(end_workers, (Datum) 0);
	read_setting();
	while (!ShutdownRequestPending)
	{
		ListCell *cell;

		foreach (cell, workers)
		{
			if (!tend_worker(lfirst(cell)))
			{
				pfree(lfirst(cell));
				workers = foreach_delete_current(workers, cell);
			}
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (workers == NIL ? 0 : WL_TIMEOUT), LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			read_setting();
		}
	}
	/* not 0, which would keep it from being started again */
	proc_exit(1);
}
