/*
 * metrics.c: counts the calls of the API and the server's errors (metrics.h).
 *
 * Called by call.c at the beginning and the end of each call, and by the
 * server for what it logs. All counts are atomic; the ring's windows are begun
 * under its spinlock. A reader may see a call in one count and not yet in
 * another.
 *
 * An error that ends a call is known by the log: one that somebody catches
 * ends nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/host.h"
#include "call/metrics.h"

#define API_WINDOWS	  7 /* six whole ones make the minute */
#define API_WINDOW_US (10 * USECS_PER_SEC)
#define LOG_WINDOWS	  61
#define LOG_WINDOW_US USECS_PER_MINUTE
#define BUCKETS		  112 /* four for each power of two microseconds, up to two minutes */

typedef struct ApiWindow
{
	pg_atomic_uint64 number; /* of the time it is of */
	pg_atomic_uint64 calls;
	pg_atomic_uint64 errors;
	pg_atomic_uint32 took[BUCKETS];
} ApiWindow;

typedef struct LogWindow
{
	pg_atomic_uint64 number;
	pg_atomic_uint64 errors;
	pg_atomic_uint64 warnings;
} LogWindow;

/* The use of processors between two samples, which are at least a second apart. */
typedef struct CpuUse
{
	TimestampTz at;
	SSHostCpu sample; /* the last one */
	double percent;
} CpuUse;

typedef struct Metrics
{
	slock_t lock;
	TimestampTz started;
	CpuUse cpu;
	ApiWindow api[API_WINDOWS];
	LogWindow log[LOG_WINDOWS];
} Metrics;

void *ss_metrics_area = NULL;

static bool calling = false; /* between begin and end */
static int calling_level;	 /* of subtransactions, when it began */
static bool undone = false;	 /* the call that was under way ended with its subtransaction */
static instr_time begun;
static CpuUse own_cpu = {.percent = -1}; /* without preload */
static emit_log_hook_type next_log_hook = NULL;

Size
ss_metrics_size(void)
{
	return sizeof(Metrics);
}

void
ss_metrics_fill(void *area)
{
	Metrics *metrics = area;

	SpinLockInit(&metrics->lock);
	metrics->started = GetCurrentTimestamp();
	metrics->cpu.percent = -1;
	for (int i = 0; i < API_WINDOWS; i++)
	{
		pg_atomic_init_u64(&metrics->api[i].number, 0);
		pg_atomic_init_u64(&metrics->api[i].calls, 0);
		pg_atomic_init_u64(&metrics->api[i].errors, 0);
		for (int j = 0; j < BUCKETS; j++)
			pg_atomic_init_u32(&metrics->api[i].took[j], 0);
	}
	for (int i = 0; i < LOG_WINDOWS; i++)
	{
		pg_atomic_init_u64(&metrics->log[i].number, 0);
		pg_atomic_init_u64(&metrics->log[i].errors, 0);
		pg_atomic_init_u64(&metrics->log[i].warnings, 0);
	}
}

/* --- windows ------------------------------------------------------------------------ */

static ApiWindow *
api_window(Metrics *metrics)
{
	uint64 number = GetCurrentTimestamp() / API_WINDOW_US;
	ApiWindow *window = &metrics->api[number % API_WINDOWS];

	if (pg_atomic_read_u64(&window->number) == number)
		return window;
	SpinLockAcquire(&metrics->lock);
	if (pg_atomic_read_u64(&window->number) != number)
	{
		pg_atomic_write_u64(&window->calls, 0);
		pg_atomic_write_u64(&window->errors, 0);
		for (int i = 0; i < BUCKETS; i++)
			pg_atomic_write_u32(&window->took[i], 0);
		pg_atomic_write_u64(&window->number, number);
	}
	SpinLockRelease(&metrics->lock);
	return window;
}

static LogWindow *
log_window(Metrics *metrics)
{
	uint64 number = GetCurrentTimestamp() / LOG_WINDOW_US;
	LogWindow *window = &metrics->log[number % LOG_WINDOWS];

	if (pg_atomic_read_u64(&window->number) == number)
		return window;
	SpinLockAcquire(&metrics->lock);
	if (pg_atomic_read_u64(&window->number) != number)
	{
		pg_atomic_write_u64(&window->errors, 0);
		pg_atomic_write_u64(&window->warnings, 0);
		pg_atomic_write_u64(&window->number, number);
	}
	SpinLockRelease(&metrics->lock);
	return window;
}

static int
bucket_of(uint64 us)
{
	int power;

	if (us < 4)
		return (int) us;
	power = pg_leftmost_one_pos64(us);
	return Min((power - 1) * 4 + (int) ((us >> (power - 2)) & 3), BUCKETS - 1);
}

/* The first number of microseconds that is beyond the bucket. */
static int64
bucket_end(int bucket)
{
	int power = bucket / 4 + 1;

	if (bucket < 4)
		return bucket + 1;
	return (int64) (4 + bucket % 4 + 1) << (power - 2);
}

/* --- counting ----------------------------------------------------------------------- */

void
ss_metrics_begin(void)
{
	/* nobody waits for a job: what it takes says nothing about the API */
	if (ss_metrics_area == NULL || MyBackendType == B_BG_WORKER)
		return;
	INSTR_TIME_SET_CURRENT(begun);
	calling = true;
	calling_level = GetCurrentTransactionNestLevel();
	undone = false;
}

static void
end_call(bool failed)
{
	ApiWindow *window = api_window(ss_metrics_area);
	instr_time took;

	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, begun);
	calling = false;
	pg_atomic_fetch_add_u32(&window->took[bucket_of(INSTR_TIME_GET_MICROSEC(took))], 1);
	pg_atomic_fetch_add_u64(&window->calls, 1);
	if (failed)
		pg_atomic_fetch_add_u64(&window->errors, 1);
}

void
ss_metrics_end(void)
{
	if (calling)
		end_call(false);
}

void
ss_metrics_end_answered(void)
{
	if (undone)
		end_call(false);
	undone = false;
}

/* Is it the caller who can avoid the error: a bad value, a conflict, no right, a limit, a cancel? */
static bool
is_callers(int sqlerrcode)
{
	const char *code = unpack_sql_state(sqlerrcode);

	return strncmp(code, "PT", 2) == 0 || strncmp(code, "22", 2) == 0 || strncmp(code, "23", 2) == 0 ||
		   strcmp(code, "42501") == 0 || strcmp(code, "57014") == 0;
}

static void
on_log(ErrorData *error)
{
	if (ss_metrics_area != NULL && (error->elevel >= ERROR || error->elevel == WARNING))
	{
		LogWindow *window = log_window(ss_metrics_area);
		bool callers = is_callers(error->sqlerrcode);

		if (error->elevel == WARNING)
			pg_atomic_fetch_add_u64(&window->warnings, 1);
		else if (!callers)
			pg_atomic_fetch_add_u64(&window->errors, 1);
		if (calling && error->elevel >= ERROR)
			end_call(!callers);
	}
	if (next_log_hook != NULL)
		next_log_hook(error);
}

static void
on_xact_end(XactEvent event, void *arg)
{
	calling = false;
}

static void
on_subxact_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	/* a call goes on after a subtransaction of its own, such as the engine's */
	if (event != SUBXACT_EVENT_ABORT_SUB || calling_level < GetCurrentTransactionNestLevel())
		return;
	undone = calling;
	calling = false;
}

void
ss_metrics_init(void)
{
	RegisterXactCallback(on_xact_end, NULL);
	RegisterSubXactCallback(on_subxact_end, NULL);
	next_log_hook = emit_log_hook;
	emit_log_hook = on_log;
}

/* --- reading ------------------------------------------------------------------------- */

/* One that lies ahead is of a clock that was: it is taken over when its place is needed. */
static bool
is_recent(uint64 number, uint64 last, int windows)
{
	return number <= last && number + windows > last;
}

bool
ss_metrics_api(SSApiMetrics *result)
{
	Metrics *metrics = ss_metrics_area;
	TimestampTz now = GetCurrentTimestamp();
	uint64 last = now / API_WINDOW_US;
	int64 took[BUCKETS] = {0};
	int64 beyond = 0;

	if (metrics == NULL)
		return false;
	memset(result, 0, sizeof(*result));
	for (int i = 0; i < API_WINDOWS; i++)
	{
		ApiWindow *window = &metrics->api[i];

		if (!is_recent(pg_atomic_read_u64(&window->number), last, API_WINDOWS))
			continue;
		result->calls += pg_atomic_read_u64(&window->calls);
		result->errors += pg_atomic_read_u64(&window->errors);
		for (int j = 0; j < BUCKETS; j++)
			took[j] += pg_atomic_read_u32(&window->took[j]);
	}
	result->seconds = (now - Max(metrics->started, (TimestampTz) ((last + 1 - API_WINDOWS) * API_WINDOW_US))) / 1e6;
	result->p99_us = -1;
	for (int j = BUCKETS - 1; j >= 0 && result->p99_us < 0; j--)
	{
		beyond += took[j];
		if (beyond * 100 > result->calls)
			result->p99_us = bucket_end(j);
	}
	return true;
}

bool
ss_metrics_log(SSLogMetrics *result)
{
	Metrics *metrics = ss_metrics_area;
	uint64 last = GetCurrentTimestamp() / LOG_WINDOW_US;

	if (metrics == NULL)
		return false;
	memset(result, 0, sizeof(*result));
	for (int i = 0; i < LOG_WINDOWS; i++)
	{
		LogWindow *window = &metrics->log[i];

		if (!is_recent(pg_atomic_read_u64(&window->number), last, LOG_WINDOWS))
			continue;
		result->errors += pg_atomic_read_u64(&window->errors);
		result->warnings += pg_atomic_read_u64(&window->warnings);
	}
	return true;
}

double
ss_metrics_cpu_percent(void)
{
	Metrics *metrics = ss_metrics_area;
	CpuUse *use = metrics != NULL ? &metrics->cpu : &own_cpu;
	TimestampTz at = GetCurrentTimestamp();
	SSHostCpu now;
	double percent;

	if (!ss_host_cpu(&now))
		return -1;
	if (metrics != NULL)
		SpinLockAcquire(&metrics->lock);
	if (use->at + USECS_PER_SEC <= at || use->at > at)
	{
		use->percent = ss_host_cpu_percent(&use->sample, &now);
		use->sample = now;
		use->at = at;
	}
	percent = use->percent;
	if (metrics != NULL)
		SpinLockRelease(&metrics->lock);
	return percent;
}
