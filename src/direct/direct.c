/*
 * direct.c: the engine's tables by their access methods (direct.h).
 *
 * Called by chunk_direct.c, row_writer.c and slots.c under the engine's
 * order of locks, and by readers, which lock nothing. A purchase through
 * saved plans starts and stops the executor a dozen times; here a look-up is
 * an index scan, a lock is table_tuple_lock on the row that a fresh snapshot
 * sees, and rows are inserted as COPY does it.
 *
 * Whether that may be done, and where the tables are, is what survey.c
 * finds out.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/compat_tables.h"
#include "base/guc.h"
#include "base/query.h"
#include "direct/direct.h"
#include "direct/rivals.h"
#include "direct/survey.h"

#define MAX_KEYS 4 /* of a look-up */

typedef struct OpenTable
{
	Relation rel;		   /* NULL until used */
	Relation index;		   /* to look rows up by */
	bool borrowed;		   /* it is one of info's */
	bool written;		   /* by the engine */
	ResultRelInfo *info;   /* NULL until written */
	TupleTableSlot *found; /* of scans */
	TupleTableSlot *locked;
	TupleDesc desc;		   /* of `rows` from the third on: not counted by anybody */
	TupleTableSlot **rows; /* to be inserted, or the one new version */
	int nrows;
	int capacity;
	ItemPointerData replaced; /* the version that the new one replaces */
} OpenTable;

/* See prepared_predicate(). */
typedef struct Predicate
{
	Oid index;
	List *predicate;
	ExprState *state;
} Predicate;

struct SSDirect
{
	bool reading; /* nothing is written or locked */
	EState *estate;
	OpenTable tables[SS_TABLES];
};

static void flush(SSDirect *direct, SSTable table);
static ResultRelInfo *writable(OpenTable *open);

Datum
ss_direct_label(SSLabel label)
{
	return ObjectIdGetDatum(ss_survey.labels[label]);
}

/* --- begin and end ------------------------------------------------------------------------ */

/* The tables that are written. From when they are locked on nobody changes them. */
static uint32
written_tables(void)
{
	uint32 tables = 0;

	for (int i = 0; i < SS_TABLES; i++)
	{
		if ((SS_ENGINE_TABLES & SS_ONE_TABLE(i)) != 0 && ss_table_specs[i].use != SS_USE_READ)
			tables |= SS_ONE_TABLE(i);
	}
	return tables;
}

SSDirect *
ss_direct_begin(void)
{
	SSDirect *direct;

	PreventCommandIfReadOnly("UPDATE"); /* as the executor would */
	if (!ss_survey_take(SS_ENGINE_TABLES) || !ss_direct_tables ||
		!ss_survey_lock(SS_ENGINE_TABLES, written_tables(), RowExclusiveLock))
		return NULL;
	direct = palloc0(sizeof(SSDirect));
	direct->estate = CreateExecutorState();
	PushActiveSnapshot(GetLatestSnapshot());
	return direct;
}

void
ss_direct_refresh(SSDirect *direct)
{
	PopActiveSnapshot();
	PushActiveSnapshot(GetLatestSnapshot());
}

static void
close_tables(SSDirect *direct)
{
	for (int i = 0; i < SS_TABLES; i++)
	{
		OpenTable *open = &direct->tables[i];

		if (open->index != NULL && !open->borrowed)
			index_close(open->index, NoLock);
		if (open->rel == NULL)
			continue;
		if (open->found != NULL)
			ExecDropSingleTupleTableSlot(open->found);
		if (open->locked != NULL)
			ExecDropSingleTupleTableSlot(open->locked);
		for (int row = 0; row < open->capacity; row++)
			ExecDropSingleTupleTableSlot(open->rows[row]);
		if (open->info != NULL)
			ss_compat_close_indices(open->info);
		table_close(open->rel, NoLock);
	}
}

/* The order in which rows are inserted: purchases before what refers to them. */
void
ss_direct_end(SSDirect *direct)
{
	for (int i = 0; i < SS_TABLES; i++)
	{
		if (ss_table_specs[i].use == SS_USE_INSERT)
			flush(direct, (SSTable) i);
	}
	PopActiveSnapshot();
	close_tables(direct);
	FreeExecutorState(direct->estate);
	CommandCounterIncrement();
}

static OpenTable *
open_table(SSDirect *direct, SSTable table)
{
	OpenTable *open = &direct->tables[table];

	if (open->rel != NULL)
		return open;
	open->written = !direct->reading && ss_table_specs[table].use != SS_USE_READ;
	/* a table that only the engine's checks read may have been changed until it is locked: too late for another way */
	if (!open->written && !direct->reading &&
		!ss_survey_lock(SS_ONE_TABLE(table), SS_ONE_TABLE(table), AccessShareLock))
		ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("table \"%s\" was changed while a purchase was recorded", ss_table_specs[table].name),
				errhint("Try again."));
	open->rel = table_open(ss_survey.tables[table].relid, NoLock);
	return open;
}

SSDirect *
ss_direct_begin_reading(uint32 tables)
{
	SSDirect *direct;

	if (!ss_survey_take(tables) || !ss_direct_tables || !ss_survey_lock(tables, tables, AccessShareLock))
		return NULL;
	direct = palloc0(sizeof(SSDirect));
	direct->reading = true;
	return direct;
}

void
ss_direct_end_reading(SSDirect *direct)
{
	close_tables(direct);
	pfree(direct);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The same heap may be looked up by several indexes. */
static OpenTable *
open_heap(SSDirect *direct, SSTable table)
{
	return open_table(direct, ss_table_specs[table].heap != 0 ? ss_table_specs[table].heap : table);
}

/* Opens the index of look-ups. Of a table that is written, all indexes are going to be open: it is one of them. */
static void
open_index(OpenTable *open, OpenTable *heap, Oid relid)
{
	ResultRelInfo *info = heap->written ? writable(heap) : NULL;

	for (int i = 0; info != NULL && i < info->ri_NumIndices; i++)
	{
		if (RelationGetRelid(info->ri_IndexRelationDescs[i]) == relid)
		{
			open->index = info->ri_IndexRelationDescs[i];
			open->borrowed = true;
			return;
		}
	}
	open->index = index_open(relid, AccessShareLock);
}

static OpenTable *
with_index(SSDirect *direct, SSTable table, OpenTable *heap)
{
	OpenTable *open = &direct->tables[table];

	if (open->index == NULL)
		open_index(open, heap, ss_survey.tables[table].index);
	return open;
}

static SSScan
start(OpenTable *open, OpenTable *heap, ScanKey keys, int nkeys, ScanDirection direction, bool entries)
{
	SSScan scan = {.direction = direction, .visibility = InvalidBuffer};

	if (heap->found == NULL)
		heap->found = table_slot_create(heap->rel, NULL);
	scan.slot = heap->found;
	scan.scan = ss_compat_begin_index_scan(heap->rel, open->index, GetActiveSnapshot(), nkeys);
	scan.scan->xs_want_itup = entries;
	index_rescan(scan.scan, keys, nkeys, NULL, 0);
	return scan;
}

/* Of the types of keys. */
static RegProcedure
equality_of(Oid type)
{
	switch (type)
	{
		case UUIDOID:
			return F_UUID_EQ;
		case TEXTOID:
			return F_TEXTEQ;
		case INT4OID:
			return F_INT4EQ;
		case DATEOID:
			return F_DATE_EQ;
	}
	elog(ERROR, "a key of type %u is not looked up", type);
}

/* What the first columns of the index are to be. */
static void
make_keys(ScanKey scankeys, const OpenTable *open, SSTable table, int nkeys, const Datum *keys)
{
	for (int i = 0; i < nkeys; i++)
		ScanKeyEntryInitialize(&scankeys[i], 0, (AttrNumber) (i + 1), BTEqualStrategyNumber, InvalidOid,
							   open->index->rd_indcollation[i],
							   equality_of(ss_table_specs[table].index.columns[i].type), keys[i]);
}

static SSScan
begin_scan(SSDirect *direct, SSTable table, int nkeys, const Datum *keys, ScanDirection direction)
{
	OpenTable *heap = open_heap(direct, table);
	OpenTable *open = with_index(direct, table, heap);
	ScanKeyData scankeys[MAX_KEYS];

	make_keys(scankeys, open, table, nkeys, keys);
	return start(open, heap, scankeys, nkeys, direction, false);
}

void
ss_direct_seek(SSDirect *direct, SSTable table, SSScan *scan, int nkeys, const Datum *keys)
{
	ScanKeyData scankeys[MAX_KEYS];

	make_keys(scankeys, &direct->tables[table], table, nkeys, keys);
	index_rescan(scan->scan, scankeys, nkeys, NULL, 0);
}

SSScan
ss_direct_scan(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	return begin_scan(direct, table, nkeys, keys, ForwardScanDirection);
}

SSScan
ss_direct_scan_back(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	return begin_scan(direct, table, nkeys, keys, BackwardScanDirection);
}

static SSScan
scan_times(SSDirect *direct, SSTable table, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until,
		   ScanDirection direction, bool entries)
{
	OpenTable *heap = open_heap(direct, table);
	OpenTable *open = with_index(direct, table, heap);
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(user_id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE, TimestampTzGetDatum(from));
	ScanKeyInit(&keys[2], 2, BTLessStrategyNumber, F_TIMESTAMPTZ_LT, TimestampTzGetDatum(until));
	return start(open, heap, keys, lengthof(keys), direction, entries);
}

SSScan
ss_direct_scan_times(SSDirect *direct, SSTable table, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until,
					 ScanDirection direction)
{
	return scan_times(direct, table, user_id, from, until, direction, false);
}

SSScan
ss_direct_scan_entries(SSDirect *direct, SSTable table, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until)
{
	return scan_times(direct, table, user_id, from, until, ForwardScanDirection, true);
}

bool
ss_direct_next(SSScan *scan)
{
	return index_getnext_slot(scan->scan, scan->direction, scan->slot);
}

bool
ss_direct_next_entry(SSScan *scan)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan->scan, scan->direction)) != NULL)
	{
		BlockNumber block = ItemPointerGetBlockNumber(tid);

		if (VM_ALL_VISIBLE(scan->scan->heapRelation, block, &scan->visibility))
		{
			/* the row is not looked at, and so not locked for serializable transactions */
			PredicateLockPage(scan->scan->heapRelation, block, scan->scan->xs_snapshot);
			return true;
		}
		if (index_fetch_heap(scan->scan, scan->slot))
		{
			ExecClearTuple(scan->slot);
			return true;
		}
	}
	return false;
}

void
ss_direct_entry(const SSScan *scan, Datum *values, bool *nulls)
{
	index_deform_tuple(scan->scan->xs_itup, scan->scan->xs_itupdesc, values, nulls);
}

void
ss_direct_close(SSScan *scan)
{
	if (BufferIsValid(scan->visibility))
		ReleaseBuffer(scan->visibility);
	index_endscan(scan->scan);
	ExecClearTuple(scan->slot);
}

bool
ss_direct_exists(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	SSScan scan = ss_direct_scan(direct, table, nkeys, keys);
	bool found = ss_direct_next(&scan);

	ss_direct_close(&scan);
	return found;
}

SSScanAll
ss_direct_scan_all(SSDirect *direct, SSTable table)
{
	OpenTable *open = open_table(direct, table);
	SSScanAll scan;

	if (open->found == NULL)
		open->found = table_slot_create(open->rel, NULL);
	scan.slot = open->found;
	scan.scan = table_beginscan(open->rel, GetActiveSnapshot(), 0, NULL);
	return scan;
}

bool
ss_direct_next_of_all(SSScanAll *scan)
{
	return table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot);
}

void
ss_direct_close_all(SSScanAll *scan)
{
	table_endscan(scan->scan);
	ExecClearTuple(scan->slot);
}

AttrNumber
ss_direct_column(SSTable table, int column)
{
	return ss_survey.tables[table].columns[column];
}

Datum
ss_direct_get_or_null(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column, bool *isnull)
{
	return slot_getattr(unconstify(TupleTableSlot *, slot), ss_survey.tables[table].columns[column], isnull);
}

Datum
ss_direct_get(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = ss_direct_get_or_null(direct, table, slot, column, &isnull);

	if (isnull)
		ss_refuse_null(ss_table_specs[table].columns[column].name);
	return value;
}

void
ss_direct_check_purchase(const bool *nulls)
{
	for (int i = 0; i < PURCHASE_COLUMNS; i++)
	{
		if (nulls[i] && i != PURCHASE_CATEGORY_NO && i != PURCHASE_MERCHANT_ID)
			ss_refuse_null(ss_table_specs[SS_PURCHASES].index.columns[i].name);
	}
}

bool
ss_direct_is_null(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column)
{
	return heap_attisnull(((const HeapTupleTableSlot *) slot)->tuple, ss_survey.tables[table].columns[column],
						  RelationGetDescr(direct->tables[table].rel));
}

bool
ss_direct_has_rival(SSDirect *direct, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id)
{
	OpenTable *open = open_table(direct, SS_TRANSACTIONS);

	flush(direct, SS_TRANSACTIONS);
	if (open->index == NULL)
		open_index(open, open, ss_survey.tables[SS_TRANSACTIONS].index);
	return ss_rivals_exist(open->rel, open->index, transaction_id, user_id);
}

/* --- locking -------------------------------------------------------------------------------------- */

TupleTableSlot *
ss_direct_wait(SSDirect *direct, SSTable table, ItemPointer tid)
{
	OpenTable *open = open_table(direct, table);
	TM_FailureData failure;
	TM_Result result;

	if (open->locked == NULL)
		open->locked = table_slot_create(open->rel, NULL);
	result = table_tuple_lock(open->rel, tid, GetActiveSnapshot(), open->locked, GetCurrentCommandId(false),
							  LockTupleNoKeyExclusive, LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	if (result != TM_Ok && result != TM_Updated && result != TM_Deleted)
		elog(ERROR, "unexpected result %d of locking a row of \"%s\"", result, ss_table_specs[table].name);
	return result == TM_Ok ? open->locked : NULL;
}

TupleTableSlot *
ss_direct_lock(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	for (;;)
	{
		SSScan scan = ss_direct_scan(direct, table, nkeys, keys);
		bool found = ss_direct_next(&scan);
		ItemPointerData tid = scan.slot->tts_tid;
		TupleTableSlot *locked;

		ss_direct_close(&scan);
		if (!found)
			return NULL;
		locked = ss_direct_wait(direct, table, &tid);
		if (locked != NULL)
			return locked;
		/* gone while we waited: look again */
		CHECK_FOR_INTERRUPTS();
		ss_direct_refresh(direct);
	}
}

/* --- writing ---------------------------------------------------------------------------------------- */

/*
 * The predicate of a partial index, ready to be evaluated. To prepare it costs
 * as much as many an index entry, so it is kept as long as the process lives;
 * there are few, and few ever change.
 */
static ExprState *
prepared_predicate(Oid index, List *predicate)
{
	static MemoryContext context = NULL;
	static List *known = NIL; /* of Predicate */
	MemoryContext old;
	Predicate *entry;
	ListCell *cell;

	foreach (cell, known)
	{
		entry = lfirst(cell);
		if (entry->index == index && equal(entry->predicate, predicate))
			return entry->state;
	}
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "swipesavvy predicates", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	entry = palloc(sizeof(Predicate));
	entry->index = index;
	entry->predicate = copyObject(predicate);
	entry->state = ExecInitQual((List *) expression_planner((Expr *) entry->predicate), NULL);
	known = lappend(known, entry);
	MemoryContextSwitchTo(old);
	return entry->state;
}

static ResultRelInfo *
writable(OpenTable *open)
{
	ResultRelInfo *info = open->info;

	if (info != NULL)
		return info;
	info = open->info = makeNode(ResultRelInfo);
	InitResultRelInfo(info, open->rel, 0, NULL, 0);
	ExecOpenIndices(info, false);
	for (int i = 0; i < info->ri_NumIndices; i++)
	{
		IndexInfo *index = info->ri_IndexRelationInfo[i];

		if (index->ii_Predicate != NIL)
			index->ii_PredicateState =
				prepared_predicate(RelationGetRelid(info->ri_IndexRelationDescs[i]), index->ii_Predicate);
	}
	return info;
}

/* A slot for the next row. */
static TupleTableSlot *
next_row(OpenTable *open)
{
	if (open->nrows == open->capacity)
	{
		int capacity = Max(open->capacity * 2, 2);

		open->rows = open->rows == NULL ? palloc(capacity * sizeof(TupleTableSlot *))
										: repalloc(open->rows, capacity * sizeof(TupleTableSlot *));
		/* each slot on the relation's own descriptor is one more to remember and to find again */
		if (capacity > 2 && open->desc == NULL)
			open->desc = CreateTupleDescCopy(RelationGetDescr(open->rel));
		for (int i = open->capacity; i < capacity; i++)
			open->rows[i] = MakeSingleTupleTableSlot(i < 2 ? RelationGetDescr(open->rel) : open->desc, &TTSOpsVirtual);
		open->capacity = capacity;
	}
	return open->rows[open->nrows++];
}

void
ss_direct_add(SSDirect *direct, SSTable table)
{
	TupleTableSlot *row = next_row(open_table(direct, table));

	ExecStoreAllNullTuple(row);
}

void
ss_direct_replace(SSDirect *direct, SSTable table, const ItemPointerData *locked)
{
	OpenTable *open = open_table(direct, table);

	open->nrows = 0;
	ExecStoreAllNullTuple(next_row(open));
	open->replaced = *locked;
}

void
ss_direct_set(SSDirect *direct, SSTable table, int column, Datum value)
{
	OpenTable *open = &direct->tables[table];
	TupleTableSlot *row = open->rows[open->nrows - 1];
	int i = ss_survey.tables[table].columns[column] - 1;

	row->tts_values[i] = value;
	row->tts_isnull[i] = false;
}

static void
check_constraints(SSDirect *direct, SSTable table, TupleTableSlot *row)
{
	if (ss_survey.tables[table].checks)
		ExecConstraints(direct->tables[table].info, row, direct->estate);
}

/* Inserts the rows that were added, and their index entries. */
static void
flush(SSDirect *direct, SSTable table)
{
	OpenTable *open = &direct->tables[table];
	ResultRelInfo *info;
	CommandId cid;

	if (open->nrows == 0)
		return;
	info = writable(open);
	cid = GetCurrentCommandId(true);
	for (int i = 0; i < open->nrows; i++)
	{
		open->rows[i]->tts_tableOid = RelationGetRelid(open->rel);
		check_constraints(direct, table, open->rows[i]);
	}
	if (open->nrows == 1)
		table_tuple_insert(open->rel, open->rows[0], cid, 0, NULL);
	else
		table_multi_insert(open->rel, open->rows, open->nrows, cid, 0, NULL);
	for (int i = 0; i < open->nrows; i++)
	{
		ss_compat_insert_index_tuples(info, open->rows[i], direct->estate, false);
		ResetPerTupleExprContext(direct->estate);
	}
	open->nrows = 0;
}

/* Replaces the version by the row that was begun. */
static TM_Result
update(SSDirect *direct, SSTable table, bool wait)
{
	OpenTable *open = &direct->tables[table];
	ResultRelInfo *info = writable(open);
	TupleTableSlot *row = open->rows[0];
	TM_Result result;

	CheckCmdReplicaIdentity(open->rel, CMD_UPDATE);
	row->tts_tableOid = RelationGetRelid(open->rel);
	check_constraints(direct, table, row);
	result = ss_compat_update(open->rel, &open->replaced, row, GetActiveSnapshot(), wait, info, direct->estate);
	ResetPerTupleExprContext(direct->estate);
	open->nrows = 0;
	return result;
}

void
ss_direct_update(SSDirect *direct, SSTable table)
{
	TM_Result result = update(direct, table, true);

	if (result != TM_Ok)
		elog(ERROR, "unexpected result %d of updating a locked row of \"%s\"", result, ss_table_specs[table].name);
}

TM_Result
ss_direct_try_update(SSDirect *direct, SSTable table)
{
	return update(direct, table, false);
}

void
ss_direct_prepare(SSDirect *direct, SSTable table)
{
	OpenTable *open = open_table(direct, table);

	(void) writable(open);
	if (open->locked == NULL)
		open->locked = table_slot_create(open->rel, NULL);
	open->nrows = 0;
	(void) next_row(open);
	open->nrows = 0;
}
