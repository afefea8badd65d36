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
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/locks.h"
#include "base/uuid.h"
#include "direct/rivals.h"

/* Looks once; *unsettled is the transaction that must end before there is an answer. */
static bool
look(Relation table, Relation index, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id,
	 TransactionId *unsettled, ItemPointer tid)
{
	AttrNumber user_column = index->rd_index->indkey.values[1];
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

		if (ss_uuid_equal(DatumGetUUIDP(user), user_id))
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

/* The table's primary key as the extension made it; NULL if it is not that any more. */
static Relation
open_key(Oid table, Oid namespace)
{
	Oid relid = get_relname_relid("transactions_pkey", namespace);
	Relation index;

	if (!OidIsValid(relid))
		return NULL;
	index = index_open(relid, AccessShareLock);
	if (index->rd_rel->relkind == RELKIND_INDEX && index->rd_rel->relam == BTREE_AM_OID &&
		index->rd_index->indrelid == table && index->rd_index->indnkeyatts == 2 &&
		index->rd_index->indkey.values[0] == get_attnum(table, "transaction_id") &&
		index->rd_index->indkey.values[1] == get_attnum(table, "user_id"))
		return index;
	index_close(index, AccessShareLock);
	return NULL;
}

bool
ss_rivals_find(const pg_uuid_t *transaction_id, const pg_uuid_t *user_id)
{
	Oid namespace = get_namespace_oid("swipesavvy", false);
	Relation table = table_open(get_relname_relid("transactions", namespace), RowExclusiveLock);
	Relation index = open_key(RelationGetRelid(table), namespace);
	bool found = false;

	if (index != NULL)
	{
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
