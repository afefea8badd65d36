/*
 * rivals.c: other users' transactions of the same id (rivals.h).
 *
 * Called by the engine, under the locks on the buyers' accounts. Whoever waits
 * here for a turn holds no slots, and whoever has a turn waits for no account:
 * so one purchase per transaction never deadlocks. A turn ends when the row is
 * written and not with the transaction, which may make any number of purchases.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/uuid.h"
#include "direct/rivals.h"
#include "direct/survey.h"

/* Looks once; *unsettled is the transaction that must end before there is an answer. */
static bool
look(Relation table, Relation index, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id,
	 TransactionId *unsettled, ItemPointer tid)
{
	AttrNumber user_column = get_attnum(RelationGetRelid(table), "user_id");
	TupleTableSlot *slot = table_slot_create(table, NULL);
	SnapshotData dirty;
	IndexScanDesc scan;
	ScanKeyData key;
	bool found = false;

	*unsettled = InvalidTransactionId;
	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	scan = ss_compat_begin_index_scan(table, index, &dirty, 1);
	index_rescan(scan, &key, 1, NULL, 0);
	while (!found && !TransactionIdIsValid(*unsettled) && index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		bool isnull;
		Datum user = slot_getattr(slot, user_column, &isnull);

		if (!isnull && ss_uuid_equal(DatumGetUUIDP(user), user_id))
			continue;
		*unsettled = dirty.xmin;
		*tid = slot->tts_tid;
		found = !TransactionIdIsValid(*unsettled);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

bool
ss_rivals_exist(Relation table, Relation index, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id)
{
	TransactionId unsettled;
	ItemPointerData tid;
	bool found;

	for (;;)
	{
		found = look(table, index, transaction_id, user_id, &unsettled, &tid);
		if (!TransactionIdIsValid(unsettled))
			return found;
		XactLockTableWait(unsettled, table, &tid, XLTW_InsertIndexUnique);
	}
}

bool
ss_rivals_find(const pg_uuid_t *transaction_id, const pg_uuid_t *user_id)
{
	static const SSIndexSpec by_id = {.nkeys = 1, .columns = {{"transaction_id", UUIDOID}}};
	Oid relid = ss_survey_relid(SS_TRANSACTIONS);
	Relation table = table_open(relid, RowExclusiveLock);
	bool found = false;

	if (table->rd_rel->relam == HEAP_TABLE_AM_OID && ss_survey_has_rows(relid))
	{
		Oid key = ss_survey_find_index(table, &by_id);
		Relation index;

		if (!OidIsValid(key))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("a transaction_id cannot be given while table \"transactions\" has no index for it"),
					errhint("Restore the table's primary key, (transaction_id, user_id)."));
		index = index_open(key, AccessShareLock);
		found = ss_rivals_exist(table, index, transaction_id, user_id);
		index_close(index, NoLock);
	}
	table_close(table, NoLock);
	return found;
}

static uint64
lock_key(const pg_uuid_t *id)
{
	uint64 halves[2];

	memcpy(halves, id, sizeof(halves));
	return halves[0] ^ halves[1];
}

void
ss_rivals_begin_turn(const pg_uuid_t *transaction_id)
{
	ss_lock_take(SS_LOCK_TRANSACTION_ID, lock_key(transaction_id));
}

void
ss_rivals_end_turn(const pg_uuid_t *transaction_id)
{
	ss_lock_release(SS_LOCK_TRANSACTION_ID, lock_key(transaction_id));
}
