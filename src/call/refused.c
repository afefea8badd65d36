/*
 * refused.c: the queue of refused attempts in shared memory (refused.h).
 *
 * The error that refuses a call rolls back what it has written, and a read-only
 * transaction writes nothing, so the attempt, or export,
 * waits here until the next call that writes, or a job, puts it into the audit
 * log (refused_attempts.c). The queue is bounded and protected by one LWLock, held
 * for a copy; what finds no room is counted. A crash of the server loses it.
 *
 * Attempts that are being written down stay in their places, marked as taken,
 * until the transaction has ended: this backend knows which ones in `taken`.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "call/identity.h"
#include "call/refused.h"

typedef enum State
{
	FREE,
	WAITING,
	TAKEN /* by a transaction that is writing it down */
} State;

#define CALLERS_MAX 64

/* Places that this backend's transaction has taken, and how many more it will say that there was no room for. */
static int taken[SS_REFUSED_MAX];
static int ntaken = 0;
static uint64 taken_dropped = 0;

static emit_log_hook_type next_log_hook = NULL;

void *ss_refused_area = NULL;

/* --- the queue ---------------------------------------------------------------------- */

/* In shared memory; all but `waiting` is under the lock. */
typedef struct Queue
{
	LWLock lock;
	pg_atomic_uint32 waiting; /* a hint, read without the lock */
	uint64 dropped;			  /* for want of room, since they were last written down */
	uint8 states[SS_REFUSED_MAX];
	SSRefused attempts[SS_REFUSED_MAX];
} Queue;

static Queue *
queue_of(void)
{
	return ss_refused_area;
}

Size
ss_refused_size(void)
{
	return sizeof(Queue);
}

void
ss_refused_fill(void *area)
{
	Queue *queue = area;

	LWLockInitialize(&queue->lock, LWLockNewTrancheId());
	LWLockRegisterTranche(queue->lock.tranche, "swipesavvy"); /* children inherit it */
	pg_atomic_init_u32(&queue->waiting, 0);
}

/* Of one caller: what waits, and the oldest of it. */
typedef struct Caller
{
	int count;
	int oldest; /* its place */
} Caller;

/* Are they of one database, role and user? */
static bool
is_of_same_caller(const SSRefused *a, const SSRefused *b)
{
	return a->database == b->database && a->session_role == b->session_role && a->invoking_role == b->invoking_role &&
		   a->has_actor == b->has_actor && (!a->has_actor || ss_uuid_equal(&a->actor, &b->actor));
}

/* Counts what waits for the caller of each attempt; more than so many callers are not looked at. */
static int
count_callers(const Queue *queue, Caller *callers)
{
	int count = 0;

	for (int place = 0; place < SS_REFUSED_MAX; place++)
	{
		int i = 0;

		if (queue->states[place] != WAITING)
			continue;
		while (i < count && !is_of_same_caller(&queue->attempts[callers[i].oldest], &queue->attempts[place]))
			i++;
		if (i == CALLERS_MAX)
			continue;
		if (i == count)
		{
			callers[i] = (Caller){.count = 0, .oldest = place};
			count++;
		}
		callers[i].count++;
		if (queue->attempts[place].moment < queue->attempts[callers[i].oldest].moment)
			callers[i].oldest = place;
	}
	return count;
}

/*
 * A free place; in a full queue that of the oldest attempt of whoever has most
 * in it, if that is more than this caller has: nobody keeps the others out,
 * neither a role without any right that fills it on purpose nor a database that
 * has been dropped. SS_REFUSED_MAX if there is none.
 */
static int
find_place(const Queue *queue, const SSRefused *attempt)
{
	Caller callers[CALLERS_MAX];
	int count;
	int most = 0;
	int own = 0;

	for (int place = 0; place < SS_REFUSED_MAX; place++)
	{
		if (queue->states[place] == FREE)
			return place;
	}
	count = count_callers(queue, callers);
	for (int i = 0; i < count; i++)
	{
		if (callers[i].count > callers[most].count)
			most = i;
		if (is_of_same_caller(&queue->attempts[callers[i].oldest], attempt))
			own = callers[i].count;
	}
	return count > 0 && callers[most].count > own ? callers[most].oldest : SS_REFUSED_MAX;
}

static void
enqueue(const SSRefused *attempt)
{
	Queue *queue = queue_of();
	int place;

	LWLockAcquire(&queue->lock, LW_EXCLUSIVE);
	place = find_place(queue, attempt);
	if (place == SS_REFUSED_MAX || queue->states[place] == WAITING)
		queue->dropped++;
	if (place < SS_REFUSED_MAX)
	{
		if (queue->states[place] == FREE)
			pg_atomic_fetch_add_u32(&queue->waiting, 1);
		queue->attempts[place] = *attempt;
		queue->states[place] = WAITING;
	}
	LWLockRelease(&queue->lock);
}

bool
ss_refused_waiting(void)
{
	return ss_refused_area != NULL && pg_atomic_read_u32(&queue_of()->waiting) > 0;
}

int
ss_refused_take(SSRefused *attempts, int max, uint64 *dropped)
{
	Queue *queue = queue_of();
	int count = 0;

	*dropped = 0;
	if (GetCurrentTransactionNestLevel() > 1)
		return 0;
	LWLockAcquire(&queue->lock, LW_EXCLUSIVE);
	for (int place = 0; place < SS_REFUSED_MAX && count < max; place++)
		if (queue->states[place] == WAITING && queue->attempts[place].database == MyDatabaseId)
		{
			queue->states[place] = TAKEN;
			pg_atomic_fetch_sub_u32(&queue->waiting, 1);
			attempts[count++] = queue->attempts[place];
			taken[ntaken++] = place;
		}
	if (count > 0)
	{
		*dropped = queue->dropped;
		taken_dropped += queue->dropped;
		queue->dropped = 0;
	}
	LWLockRelease(&queue->lock);
	return count;
}

/*
 * What was taken is written down, or waits again. Of a transaction that was
 * prepared nobody knows: better twice in the log, under another id, than not at
 * all because it is rolled back.
 */
static void
settle(XactEvent event, void *arg)
{
	bool written = (event == XACT_EVENT_COMMIT);
	Queue *queue = queue_of();

	if (ntaken == 0 || (!written && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	LWLockAcquire(&queue->lock, LW_EXCLUSIVE);
	for (int i = 0; i < ntaken; i++)
	{
		queue->states[taken[i]] = written ? FREE : WAITING;
		if (written)
			continue;
		if (event == XACT_EVENT_PREPARE)
			queue->attempts[taken[i]].log_id.data[UUID_LEN - 1]++;
		pg_atomic_fetch_add_u32(&queue->waiting, 1);
	}
	if (!written)
		queue->dropped += taken_dropped;
	LWLockRelease(&queue->lock);
	ntaken = 0;
	taken_dropped = 0;
}

/* --- attempts -------------------------------------------------------------------------- */

/* On a replica nobody writes down what waits. */
static bool
has_queue(void)
{
	return ss_refused_area != NULL && !RecoveryInProgress();
}

static void
fill(SSRefused *attempt, const char *kind, Oid invoking_role, const pg_uuid_t *actor, const pg_uuid_t *user_id)
{
	attempt->database = MyDatabaseId;
	ss_uuid7_make(&attempt->log_id);
	attempt->moment = GetCurrentTimestamp();
	attempt->kind = kind;
	attempt->session_role = GetSessionUserId();
	attempt->invoking_role = invoking_role;
	attempt->has_actor = (actor != NULL);
	if (actor != NULL)
		attempt->actor = *actor;
	attempt->has_user = (user_id != NULL);
	if (user_id != NULL)
		attempt->user = *user_id;
	ss_origin_read(&attempt->origin);
}

void
ss_refused_note(Oid function, Oid invoking_role, const pg_uuid_t *actor, const pg_uuid_t *user_id)
{
	const char *name = get_func_name(function);
	SSRefused attempt = {0};

	if (name == NULL)
		return;
	if (!has_queue())
	{
		ereport(LOG_SERVER_ONLY, errmsg("refused a call of function \"%s\"", name),
				errdetail("Session role \"%s\", invoking role \"%s\", signed in %s, about %s.",
						  GetUserNameFromId(GetSessionUserId(), false), GetUserNameFromId(invoking_role, false),
						  actor == NULL ? "nobody" : ss_uuid_text(actor),
						  user_id == NULL ? "nobody" : ss_uuid_text(user_id)));
		return;
	}
	fill(&attempt, "function", invoking_role, actor, user_id);
	namestrcpy(&attempt.name, name);
	enqueue(&attempt);
}

void
ss_refused_note_export(const SSReadExport *export, Oid invoking_role, const pg_uuid_t *actor)
{
	SSRefused attempt = {0};

	if (!has_queue())
	{
		ereport(LOG_SERVER_ONLY, errmsg("exported dataset \"%s\"", export->dataset),
				errdetail("Session role \"%s\", invoking role \"%s\", signed in %s, rows " INT64_FORMAT ", digest %s.",
						  GetUserNameFromId(GetSessionUserId(), false), GetUserNameFromId(invoking_role, false),
						  actor == NULL ? "nobody" : ss_uuid_text(actor), export->rows, export->digest));
		return;
	}
	fill(&attempt, SS_REFUSED_EXPORT, invoking_role, actor, NULL);
	attempt.export = *export;
	enqueue(&attempt);
}

/* --- what the server itself refuses -------------------------------------------------------- */

/* The messages of missing privileges, as they stand in the server's source, and what each is about. */
static const struct
{
	const char *message;
	const char *kind;
} server_messages[] = {
	{"permission denied for function %s", "function"}, {"permission denied for procedure %s", "function"},
	{"permission denied for table %s", "table"},	   {"permission denied for view %s", "table"},
	{"permission denied for schema %s", "schema"},
};

/* The name in a message that was made of this format, in whatever language the message is. */
static bool
name_in(const char *text, const char *format, NameData *name)
{
	const char *local = _(format);
	const char *gap = strstr(local, "%s");
	size_t before;
	size_t after;
	size_t length = strlen(text);

	if (gap == NULL)
		return false;
	before = gap - local;
	after = strlen(gap + 2);
	if (length <= before + after || length - before - after >= NAMEDATALEN || strncmp(text, local, before) != 0)
		return false;
	memset(name, 0, sizeof(*name));
	memcpy(NameStr(*name), text + before, length - before - after);
	return true;
}

/* Does the server refuse something? Whether it is of ours is looked up when it is written down. */
static void
on_log(ErrorData *error)
{
	SSRefused attempt = {0};

	if (next_log_hook != NULL)
		next_log_hook(error);
	if (error->elevel != ERROR || error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE || error->message_id == NULL ||
		error->message == NULL || !has_queue() || !OidIsValid(MyDatabaseId) || !IsTransactionState())
		return;
	/* a database without the extension fetches nothing out of the queue */
	if (!OidIsValid(get_namespace_oid("swipesavvy", true)))
		return;
	for (size_t i = 0; i < lengthof(server_messages); i++)
		if (strcmp(error->message_id, server_messages[i].message) == 0 &&
			name_in(error->message, server_messages[i].message, &attempt.name))
		{
			SSIdentity identity;
			bool signed_in = ss_identity_get(&identity);

			fill(&attempt, server_messages[i].kind, GetUserId(), signed_in ? &identity.user_id : NULL, NULL);
			enqueue(&attempt);
			return;
		}
}

void
ss_refused_init(void)
{
	RegisterXactCallback(settle, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;
	next_log_hook = emit_log_hook;
	emit_log_hook = on_log;
}
