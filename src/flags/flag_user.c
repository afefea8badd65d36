/*
 * flag_user.c: what is stored of one user, past the executor (flag_user.h).
 *
 * Called by flag_subject.c. Queries ask for many flags of one user, one call
 * after the other: what has been read is kept while the next calls name the same
 * user in the same (sub)transaction, under snapshots that are equal, so that no
 * change, of our own or of others, has become visible in between. Locks of tables
 * are those of reading, until the transaction ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/uuid.h"
#include "direct/direct.h"
#include "flags/flag_user.h"

/* Under what something was read: whoever sees the same transactions, and the same commands of our own, reads the same. */
typedef struct View
{
	LocalTransactionId transaction;
	SubTransactionId subtransaction; /* what it has written is gone when it is rolled back */
	CommandId command;
	TransactionId xmin;
	TransactionId xmax;
	int nrunning;
	int nsubrunning;
	TransactionId *running; /* both, one after the other, in the context */
} View;

static MemoryContext context = NULL;
static View view;
static pg_uuid_t kept_id;
static int kept_reads = 0; /* what is kept; 0: nothing */
static SSFlagUser kept;

/* --- what is kept ---------------------------------------------------------------------------- */

/* No array where there are none. */
static bool
are_equal(const TransactionId *a, const TransactionId *b, int count)
{
	return count == 0 || memcmp(a, b, sizeof(TransactionId) * count) == 0;
}

static void
copy_ids(TransactionId *to, const TransactionId *from, int count)
{
	if (count > 0)
		memcpy(to, from, sizeof(TransactionId) * count);
}

/* Does the snapshot show what the kept user was read under? */
static bool
shows_the_same(Snapshot snapshot)
{
	return view.transaction == SS_MY_LXID && view.subtransaction == GetCurrentSubTransactionId() &&
		   view.command == snapshot->curcid && view.xmin == snapshot->xmin && view.xmax == snapshot->xmax &&
		   view.nrunning == (int) snapshot->xcnt && view.nsubrunning == snapshot->subxcnt &&
		   are_equal(view.running, snapshot->xip, view.nrunning) &&
		   are_equal(view.running + view.nrunning, snapshot->subxip, view.nsubrunning);
}

static void
take_view(Snapshot snapshot)
{
	view = (View){SS_MY_LXID,		GetCurrentSubTransactionId(),
				  snapshot->curcid, snapshot->xmin,
				  snapshot->xmax,	snapshot->xcnt,
				  snapshot->subxcnt};
	view.running = MemoryContextAlloc(context, sizeof(TransactionId) * (view.nrunning + view.nsubrunning + 1));
	copy_ids(view.running, snapshot->xip, view.nrunning);
	copy_ids(view.running + view.nrunning, snapshot->subxip, view.nsubrunning);
}

/* Forgets what is not of this user as it is now. Who is serializable must be seen to read. */
static void
keep_only(const pg_uuid_t *user_id)
{
	Snapshot snapshot = GetActiveSnapshot();

	if (kept_reads != 0 && ss_uuid_equal(&kept_id, user_id) && !IsolationIsSerializable() && shows_the_same(snapshot))
		return;
	kept_reads = 0;
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "swipesavvy user of flags", ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(context);
	memset(&kept, 0, sizeof(kept));
	kept_id = *user_id;
	take_view(snapshot);
}

/* --- reading ------------------------------------------------------------------------------------- */

static uint32
tables_of(int reads)
{
	uint32 tables = 0;

	if (reads != 0)
		tables |= SS_ONE_TABLE(SS_USERS);
	if ((reads & SS_READS_ACCOUNT) != 0)
		tables |= SS_ONE_TABLE(SS_REWARD_ACCOUNTS);
	if ((reads & SS_READS_SEGMENTS) != 0)
		tables |= SS_ONE_TABLE(SS_SEGMENT_MEMBERS);
	return tables;
}

static Datum
copy_of(SSDirect *direct, SSTable table, const SSScan *scan, int column)
{
	return PointerGetDatum(DatumGetTextPCopy(ss_direct_get(direct, table, scan->slot, column)));
}

/* Of a user that is there and not erased. */
static void
read_user(SSDirect *direct, const Datum *id, bool wanted)
{
	SSScan scan = ss_direct_scan(direct, SS_USERS, 1, id);

	kept.is_user = ss_direct_next(&scan) && ss_direct_is_null(direct, SS_USERS, scan.slot, USER_ERASED_AT);
	if (kept.is_user && wanted)
	{
		kept.columns[SS_FLAG_ROLE] = copy_of(direct, SS_USERS, &scan, USER_ROLE);
		kept.columns[SS_FLAG_LANGUAGE] = copy_of(direct, SS_USERS, &scan, USER_LANGUAGE);
		kept.columns[SS_FLAG_STATUS] = copy_of(direct, SS_USERS, &scan, USER_STATUS);
		kept.columns[SS_FLAG_VERIFICATION] = copy_of(direct, SS_USERS, &scan, USER_VERIFICATION);
		kept.columns[SS_FLAG_EMAIL] = copy_of(direct, SS_USERS, &scan, USER_EMAIL);
		kept.columns[SS_FLAG_CREATED_AT] = ss_direct_get(direct, SS_USERS, scan.slot, USER_CREATED_AT);
	}
	ss_direct_close(&scan);
}

static void
read_account(SSDirect *direct, const Datum *id)
{
	SSScan scan = ss_direct_scan(direct, SS_REWARD_ACCOUNTS, 1, id);

	kept.has_account = ss_direct_next(&scan);
	if (kept.has_account)
	{
		kept.columns[SS_FLAG_TIER] = copy_of(direct, SS_REWARD_ACCOUNTS, &scan, ACCOUNT_TIER);
		kept.columns[SS_FLAG_POINTS] = ss_direct_get(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_LIFETIME);
		kept.columns[SS_FLAG_TRANSACTIONS] = ss_direct_get(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_TRANSACTIONS);
	}
	ss_direct_close(&scan);
}

static void
read_segments(SSDirect *direct, const Datum *id)
{
	SSScan scan = ss_direct_scan(direct, SS_SEGMENT_MEMBERS, 1, id);

	kept.segments = NULL;
	for (kept.nsegments = 0; ss_direct_next(&scan); kept.nsegments++)
	{
		Datum no = ss_direct_get(direct, SS_SEGMENT_MEMBERS, scan.slot, MEMBER_SEGMENT_NO);

		kept.segments = ss_array_grow(kept.segments, kept.nsegments, sizeof(int32));
		kept.segments[kept.nsegments] = DatumGetInt32(no);
	}
	ss_direct_close(&scan);
}

const SSFlagUser *
ss_flag_user_read(const pg_uuid_t *user_id, int reads)
{
	Datum id = UUIDPGetDatum(user_id);
	MemoryContext caller;
	SSDirect *direct;

	keep_only(user_id);
	if ((reads & ~kept_reads) == 0)
		return &kept;
	direct = ss_direct_begin_reading(tables_of(reads & ~kept_reads));
	if (direct == NULL)
		return NULL;
	reads &= ~kept_reads;
	caller = MemoryContextSwitchTo(context);
	if ((reads & SS_READS_USER) != 0 || ((reads & SS_READS_ACCOUNT) != 0 && (kept_reads & SS_READS_USER) == 0))
		read_user(direct, &id, (reads & SS_READS_USER) != 0);
	if ((reads & SS_READS_ACCOUNT) != 0 && kept.is_user)
		read_account(direct, &id);
	if ((reads & SS_READS_SEGMENTS) != 0)
	{
		read_segments(direct, &id);
		/* in no segment: of a user, an attribute that is empty; of anybody else, none */
		if (kept.nsegments == 0)
			read_user(direct, &id, false);
	}
	MemoryContextSwitchTo(caller);
	ss_direct_end_reading(direct);
	kept_reads |= reads;
	return &kept;
}
