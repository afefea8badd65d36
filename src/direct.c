/*
 * direct.c: the engine's tables by their access methods (direct.h).
 *
 * Called by chunk_direct.c, ledger_direct.c and slots.c under the engine's
 * order of locks. A purchase through saved plans starts and stops the executor
 * a dozen times; here a look-up is an index scan, a lock is table_tuple_lock on
 * the row that a fresh snapshot sees, and rows are inserted as COPY does it.
 *
 * What the executor would do besides must not be missed, so this path is only
 * taken where there is nothing else to do (check_table): plain tables with
 * exactly our columns and no triggers for what we do, but those of foreign keys
 * whose columns we don't change. Constraints are evaluated only if there are
 * others than ours: ours restate what the engine computes. Where that or an
 * index runs somebody's function, it does so under the safe search_path. The
 * judgement, with all OIDs, is kept until a relcache invalidation of one of the
 * tables.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "direct.h"
#include "errors.h"
#include "guc.h"
#include "query.h"

#define MAX_COLUMNS 20
#define MAX_KEYS	3
#define MAX_CHECKS	3

/* What we do with a table. */
typedef enum Use
{
	USE_READ,
	USE_INSERT,
	USE_UPDATE
} Use;

typedef struct TableSpec
{
	const char *name;
	Use			use;
	const char *index;			/* NULL: never looked up */
	RegProcedure equal[MAX_KEYS];	/* of the index's columns */
	const char *checks[MAX_CHECKS];	/* CHECK constraints of ours */
	int			ncolumns;
	const char *columns[MAX_COLUMNS];
} TableSpec;

static const TableSpec specs[SS_TABLES] = {
	[SS_REWARD_ACCOUNTS] = {"reward_accounts", USE_UPDATE, "reward_accounts_pkey", {F_UUID_EQ},
	{"pending_points_are_not_negative", "lifetime_points_are_not_negative", "points_before_a_lot_are_used_up"}, 13,
	{"user_id", "points_available", "points_pending", "lifetime_points", "tier", "tier_until", "transaction_count",
	"spent_minor", "spent_currency", "points_debited", "lot_at", "lot_before", "referral_for"}},
	[SS_USERS] = {"users", USE_READ, "users_pkey", {F_UUID_EQ}, {NULL}, 1, {"status"}},
	[SS_MERCHANTS] = {"merchants", USE_READ, "merchants_pkey", {F_UUID_EQ}, {NULL}, 1, {"category"}},
	[SS_ACCOUNTS] = {"accounts", USE_READ, "accounts_pkey", {F_UUID_EQ, F_UUID_EQ}, {NULL}, 0, {NULL}},
	[SS_SEGMENT_MEMBERS] = {"segment_members", USE_READ, "segment_members_pkey", {F_UUID_EQ}, {NULL}, 1, {"segment_no"}},
	[SS_USER_BOOSTS] = {"user_boosts", USE_READ, "user_boosts_pkey", {F_UUID_EQ}, {NULL}, 2, {"boost_id", "deactivated_at"}},
	[SS_TRANSACTIONS] = {"transactions", USE_INSERT, "transactions_pkey", {F_UUID_EQ, F_UUID_EQ},
	{"transaction_amounts_are_not_negative", "a_discount_is_part_of_the_amount", "a_refund_is_part_of_the_amount"}, 19,
	{"transaction_id", "user_id", "amount_minor", "occurred_at", "recorded_at", "points_base", "points_bonus",
	"discount_minor", "refunded_minor", "points_refunded", "status", "currency", "category_no", "request", "merchant_id",
	"account_id", "idempotency_key", "metadata", "decision"}},
	[SS_TRANSACTION_KEYS] = {"transactions", USE_READ, "an_idempotency_key_is_used_once_per_user",
	{F_UUID_EQ, F_TEXTEQ}, {NULL}, 0, {NULL}},
	[SS_POINTS_ENTRIES] = {"points_entries", USE_INSERT, NULL, {0}, {"an_entry_moves_points", "an_entry_has_two_accounts"}, 10,
	{"user_id", "entry_id", "points", "recorded_at", "kind", "debit_account", "credit_account", "campaign_no",
	"transaction_id", "reason"}},
	[SS_REDEMPTIONS] = {"campaign_redemptions", USE_INSERT, "campaign_redemptions_campaign", {F_INT4EQ, F_UUID_EQ},
	{"redemption_amounts_are_not_negative", "a_returned_cost_is_part_of_the_cost"}, 11,
	{"user_id", "transaction_id", "campaign_no", "campaign_version", "points", "discount_minor", "cost_minor",
	"cost_returned_minor", "day", "position", "counts"}},
	[SS_SLOTS] = {"campaign_slots", USE_UPDATE, "campaign_slots_pkey", {F_INT4EQ, F_DATE_EQ, F_INT4EQ},
	{"a_slot_is_never_overspent"}, 5,
	{"campaign_no", "day", "slot", "used", "allotted"}},
};

/* The types of these columns; 0 where it is an enum of ours. */
static const Oid column_types[SS_TABLES][MAX_COLUMNS] = {
	[SS_REWARD_ACCOUNTS] = {UUIDOID, INT8OID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, BPCHAROID,
	INT8OID, TIMESTAMPTZOID, INT8OID, UUIDOID},
	[SS_USERS] = {TEXTOID},
	[SS_MERCHANTS] = {TEXTOID},
	[SS_SEGMENT_MEMBERS] = {INT4OID},
	[SS_USER_BOOSTS] = {UUIDOID, TIMESTAMPTZOID},
	[SS_TRANSACTIONS] = {UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
	0, BPCHAROID, INT2OID, INT2OID, UUIDOID, UUIDOID, TEXTOID, JSONBOID, BYTEAOID},
	[SS_POINTS_ENTRIES] = {UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, 0, 0, 0, INT4OID, UUIDOID, TEXTOID},
	[SS_REDEMPTIONS] = {UUIDOID, UUIDOID, INT4OID, INT4OID, INT8OID, INT8OID, INT8OID, INT8OID, DATEOID, INT2OID, BOOLOID},
	[SS_SLOTS] = {INT4OID, DATEOID, INT4OID, INT8OID, INT8OID},
};

/* Columns that the engine leaves null at times, as bits. */
static const uint32 nullable[SS_TABLES] = {
	[SS_REWARD_ACCOUNTS] = 1 << ACCOUNT_TIER_UNTIL | 1 << ACCOUNT_REFERRER,
	[SS_TRANSACTIONS] = 1 << TRANSACTION_CATEGORY_NO | 1 << TRANSACTION_MERCHANT_ID | 1 << TRANSACTION_ACCOUNT_ID |
	1 << TRANSACTION_KEY | 1 << TRANSACTION_METADATA,
	[SS_POINTS_ENTRIES] = 1 << ENTRY_CAMPAIGN_NO | 1 << ENTRY_REASON,
};

static const struct
{
	const char *type;
	const char *label;
}			label_specs[SS_LABELS] = {
	{"purchase_status", "pending"}, {"purchase_status", "completed"}, {"purchase_status", "failed"},
	{"purchase_status", "cancelled"}, {"entry_kind", "earn"}, {"entry_kind", "bonus"}, {"ledger_account", "available"},
	{"ledger_account", "pending"}, {"ledger_account", "issuance"},
};

/* What is known of the tables; dropped by any relcache invalidation of one of them. */
static struct
{
	bool		known;
	bool		changed;		/* since it began to be taken */
	bool		usable;
	bool		runs_code;		/* writing runs functions of somebody else's */
	Oid			relids[SS_TABLES];
	Oid			indexes[SS_TABLES];
	AttrNumber	columns[SS_TABLES][MAX_COLUMNS];
	bool		checks[SS_TABLES];	/* constraints to evaluate */
	Oid			labels[SS_LABELS];
}			catalog;

typedef struct OpenTable
{
	Relation	rel;			/* NULL until used */
	Relation	index;
	ResultRelInfo *info;		/* NULL until written */
	TupleTableSlot *found;		/* of scans */
	TupleTableSlot *locked;
	TupleDesc	desc;			/* of `rows` from the third on: not counted by anybody */
	TupleTableSlot **rows;		/* to be inserted, or the one new version */
	int			nrows;
	int			capacity;
	ItemPointerData replaced;	/* the version that the new one replaces */
} OpenTable;

struct SSDirect
{
	EState	   *estate;
	OpenTable	tables[SS_TABLES];
};

static void flush(SSDirect *direct, SSTable table);

/* --- what is known of the tables ----------------------------------------------------- */

static void
on_relcache_invalidation(Datum arg, Oid relid)
{
	bool		ours = (relid == InvalidOid);

	for (int i = 0; i < SS_TABLES; i++)
		ours |= (relid == catalog.relids[i] || relid == catalog.indexes[i]);
	if (ours)
	{
		catalog.known = false;
		catalog.changed = true;
	}
}

/* Are all columns of an array of numbers among these? */
static bool
are_columns_of(Datum numbers, Bitmapset *columns)
{
	const ArrayType *array = DatumGetArrayTypeP(numbers);
	const int16 *items = (const int16 *) ARR_DATA_PTR(array);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	for (int i = 0; i < count; i++)
	{
		if (!bms_is_member(items[i] - FirstLowInvalidHeapAttributeNumber, columns))
			return false;
	}
	return true;
}

/* A foreign key to or from a table minds changes of its columns; those of the primary key we never change. */
static bool
minds_only_the_key(Relation rel, Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Bitmapset  *key = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	Form_pg_constraint form;
	bool		isnull;
	bool		result = true;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	if (form->conrelid == RelationGetRelid(rel))
		result = are_columns_of(SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conkey, &isnull), key);
	if (form->confrelid == RelationGetRelid(rel))
		result = result && are_columns_of(SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey, &isnull), key);
	ReleaseSysCache(tuple);
	bms_free(key);
	return result;
}

/* Does a trigger want to see what we do? */
static bool
has_trigger_for(Relation rel, Use use)
{
	if (rel->trigdesc == NULL)
		return false;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (use == USE_INSERT && (trigger->tgtype & TRIGGER_TYPE_INSERT) != 0)
			return true;
		if (use == USE_UPDATE && (trigger->tgtype & TRIGGER_TYPE_UPDATE) != 0 &&
			(RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE || !minds_only_the_key(rel, trigger->tgconstraint)))
			return true;
	}
	return false;
}

static bool
check_index(Oid relid, Oid heap)
{
	Relation	index;
	bool		usable;

	if (!OidIsValid(relid))
		return false;
	index = index_open(relid, AccessShareLock);
	usable = index->rd_index->indrelid == heap && index->rd_index->indisvalid && index->rd_rel->relam == BTREE_AM_OID;
	index_close(index, NoLock);
	return usable;
}

/* Finds a table's columns. No way of ours can do with others than those that the extension made. */
static void
check_columns(SSTable table, TupleDesc desc)
{
	for (int i = 0; i < specs[table].ncolumns; i++)
	{
		AttrNumber	number = get_attnum(catalog.relids[table], specs[table].columns[i]);

		if (number == InvalidAttrNumber ||
			(column_types[table][i] != 0 && TupleDescAttr(desc, number - 1)->atttypid != column_types[table][i]))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" is not as the extension made it", specs[table].name),
					errdetail("Column \"%s\" is gone or has another type.", specs[table].columns[i]));
		catalog.columns[table][i] = number;
	}
}

/* Are there constraints that ours do not imply? The engine's rows satisfy ours. */
static bool
has_constraints(SSTable table, TupleDesc desc)
{
	const char *const *ours = specs[table].checks;
	int			nchecks = desc->constr == NULL ? 0 : desc->constr->num_check;

	for (int i = 0; i < nchecks; i++)
	{
		int			j = 0;

		while (j < MAX_CHECKS && ours[j] != NULL && strcmp(ours[j], desc->constr->check[i].ccname) != 0)
			j++;
		if (j == MAX_CHECKS || ours[j] == NULL)
			return true;
	}
	for (int i = 0; i < specs[table].ncolumns; i++)
	{
		if ((nullable[table] & (1u << i)) != 0 && TupleDescAttr(desc, catalog.columns[table][i] - 1)->attnotnull)
			return true;
	}
	return false;
}

static bool
is_no_server_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* Does an expression run functions that are not the server's? */
static bool
has_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) || check_functions_in_node(node, is_no_server_function, context) ||
		expression_tree_walker(node, has_function, context);
}

/* Do index entries take functions that are not the server's? */
static bool
has_functions(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;
	bool		found = false;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= has_function((Node *) RelationGetIndexExpressions(index), NULL) ||
			has_function((Node *) RelationGetIndexPredicate(index), NULL);
		for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
			found |= index->rd_opfamily[i] >= FirstNormalObjectId;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

/* Finds a table's columns and index; false where the executor is needed. */
static bool
check_table(SSTable table, Oid namespace)
{
	const TableSpec *spec = &specs[table];
	Relation	rel;
	TupleDesc	desc;
	bool		usable;

	catalog.relids[table] = get_relname_relid(spec->name, namespace);
	catalog.indexes[table] = spec->index == NULL ? InvalidOid : get_relname_relid(spec->index, namespace);
	if (!OidIsValid(catalog.relids[table]))
		return false;
	rel = table_open(catalog.relids[table], AccessShareLock);
	desc = RelationGetDescr(rel);
	usable = rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID && rel->rd_rules == NULL &&
		!rel->rd_rel->relrowsecurity && !rel->rd_rel->relispartition && !rel->rd_rel->relhassubclass;
	check_columns(table, desc);
	if (spec->use != USE_READ)
	{
		usable = usable && desc->natts == spec->ncolumns && !has_trigger_for(rel, spec->use) &&
			(desc->constr == NULL || !desc->constr->has_generated_stored);
		catalog.checks[table] = has_constraints(table, desc);
		catalog.runs_code |= catalog.checks[table] || has_functions(rel);
	}
	table_close(rel, NoLock);
	return usable && (spec->index == NULL || check_index(catalog.indexes[table], catalog.relids[table]));
}

static Oid
label_oid(const char *type, const char *label, Oid namespace)
{
	Oid			typid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(type), ObjectIdGetDatum(namespace));

	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(typid), CStringGetDatum(label));
}

/* Takes stock of the tables. An invalidation or an error meanwhile makes the next call do it again. */
static void
take_stock(void)
{
	static bool registered = false;
	Oid			namespace = get_namespace_oid("swipesavvy", false);

	if (!registered)
	{
		CacheRegisterRelcacheCallback(on_relcache_invalidation, (Datum) 0);
		registered = true;
	}
	memset(&catalog, 0, sizeof(catalog));
	catalog.usable = true;
	for (int i = 0; i < SS_TABLES; i++)
		catalog.usable = check_table((SSTable) i, namespace) && catalog.usable;
	for (int i = 0; i < SS_LABELS; i++)
	{
		catalog.labels[i] = label_oid(label_specs[i].type, label_specs[i].label, namespace);
		catalog.usable = catalog.usable && OidIsValid(catalog.labels[i]);
	}
	/* Citus keeps ordinary tables in front of its shards: a write past the planner would be lost */
	if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		catalog.usable = false;
	catalog.known = !catalog.changed;
}

Datum
ss_direct_label(SSLabel label)
{
	return ObjectIdGetDatum(catalog.labels[label]);
}

/* --- begin and end ------------------------------------------------------------------------ */

/* Locks the tables that are written. From then on nobody changes them, and what others did change is known. */
static void
lock_written(void)
{
	for (int i = 0; i < SS_TABLES; i++)
	{
		if (specs[i].use != USE_READ && OidIsValid(catalog.relids[i]))
			LockRelationOid(catalog.relids[i], RowExclusiveLock);
	}
}

SSDirect *
ss_direct_begin(void)
{
	SSDirect   *direct;

	if (!ss_direct_tables)
		return NULL;
	do
	{
		if (!catalog.known)
			take_stock();
		if (!catalog.usable)
			return NULL;
		lock_written();
	} while (!catalog.known);
	if (catalog.runs_code)
		ss_query_guard_path();
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

/* The order in which rows are inserted: purchases before what refers to them. */
void
ss_direct_end(SSDirect *direct)
{
	for (int i = 0; i < SS_TABLES; i++)
	{
		if (specs[i].use == USE_INSERT && direct->tables[i].nrows > 0)
			flush(direct, (SSTable) i);
	}
	PopActiveSnapshot();
	for (int i = 0; i < SS_TABLES; i++)
	{
		OpenTable  *open = &direct->tables[i];

		if (open->rel == NULL)
			continue;
		if (open->found != NULL)
			ExecDropSingleTupleTableSlot(open->found);
		if (open->locked != NULL)
			ExecDropSingleTupleTableSlot(open->locked);
		for (int row = 0; row < open->capacity; row++)
			ExecDropSingleTupleTableSlot(open->rows[row]);
		if (open->info != NULL)
			ExecCloseIndices(open->info);
		if (open->index != NULL)
			index_close(open->index, NoLock);
		table_close(open->rel, NoLock);
	}
	FreeExecutorState(direct->estate);
	CommandCounterIncrement();
}

static OpenTable *
open_table(SSDirect *direct, SSTable table)
{
	OpenTable  *open = &direct->tables[table];

	if (open->rel != NULL)
		return open;
	open->rel = table_open(catalog.relids[table], specs[table].use == USE_READ ? AccessShareLock : NoLock);
	/* a table that is only read may have been changed until it was locked */
	if (!catalog.known)
		take_stock();
	return open;
}

/* --- reading ---------------------------------------------------------------------------------- */

SSScan
ss_direct_scan(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	OpenTable  *open = open_table(direct, table);
	ScanKeyData scankeys[MAX_KEYS];
	SSScan		scan;

	if (open->index == NULL)
		open->index = index_open(catalog.indexes[table], AccessShareLock);
	if (open->found == NULL)
		open->found = table_slot_create(open->rel, NULL);
	for (int i = 0; i < nkeys; i++)
		ScanKeyEntryInitialize(&scankeys[i], 0, (AttrNumber) (i + 1), BTEqualStrategyNumber, InvalidOid,
							   open->index->rd_indcollation[i], specs[table].equal[i], keys[i]);
	scan.slot = open->found;
	scan.scan = index_beginscan(open->rel, open->index, GetActiveSnapshot(), nkeys, 0);
	index_rescan(scan.scan, scankeys, nkeys, NULL, 0);
	return scan;
}

bool
ss_direct_next(SSScan *scan)
{
	return index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot);
}

void
ss_direct_close(SSScan *scan)
{
	index_endscan(scan->scan);
	ExecClearTuple(scan->slot);
}

bool
ss_direct_exists(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	SSScan		scan = ss_direct_scan(direct, table, nkeys, keys);
	bool		found = ss_direct_next(&scan);

	ss_direct_close(&scan);
	return found;
}

Datum
ss_direct_get(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column, bool *isnull)
{
	return slot_getattr(unconstify(TupleTableSlot *, slot), catalog.columns[table][column], isnull);
}

/* --- locking -------------------------------------------------------------------------------------- */

TupleTableSlot *
ss_direct_wait(SSDirect *direct, SSTable table, ItemPointer tid)
{
	OpenTable  *open = open_table(direct, table);
	TM_FailureData failure;
	TM_Result	result;

	if (open->locked == NULL)
		open->locked = table_slot_create(open->rel, NULL);
	result = table_tuple_lock(open->rel, tid, GetActiveSnapshot(), open->locked, GetCurrentCommandId(false),
							  LockTupleNoKeyExclusive, LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	if (result != TM_Ok && result != TM_Updated && result != TM_Deleted)
		elog(ERROR, "unexpected result %d of locking a row of \"%s\"", result, specs[table].name);
	return result == TM_Ok ? open->locked : NULL;
}

TupleTableSlot *
ss_direct_lock(SSDirect *direct, SSTable table, int nkeys, const Datum *keys)
{
	for (;;)
	{
		SSScan		scan = ss_direct_scan(direct, table, nkeys, keys);
		bool		found = ss_direct_next(&scan);
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

static ResultRelInfo *
writable(SSDirect *direct, OpenTable *open)
{
	if (open->info == NULL)
	{
		open->info = makeNode(ResultRelInfo);
		InitResultRelInfo(open->info, open->rel, 0, NULL, 0);
		CheckCmdReplicaIdentity(open->rel, specs[open - direct->tables].use == USE_UPDATE ? CMD_UPDATE : CMD_INSERT);
		ExecOpenIndices(open->info, false);
	}
	return open->info;
}

/* A slot for the next row. */
static TupleTableSlot *
next_row(OpenTable *open)
{
	if (open->nrows == open->capacity)
	{
		int			capacity = Max(open->capacity * 2, 2);

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
	OpenTable  *open = open_table(direct, table);

	open->nrows = 0;
	ExecStoreAllNullTuple(next_row(open));
	open->replaced = *locked;
}

void
ss_direct_set(SSDirect *direct, SSTable table, int column, Datum value)
{
	OpenTable  *open = &direct->tables[table];
	TupleTableSlot *row = open->rows[open->nrows - 1];
	int			i = catalog.columns[table][column] - 1;

	row->tts_values[i] = value;
	row->tts_isnull[i] = false;
}

static void
check_constraints(SSDirect *direct, SSTable table, TupleTableSlot *row)
{
	if (catalog.checks[table])
		ExecConstraints(direct->tables[table].info, row, direct->estate);
}

/* Inserts the rows that were added, and their index entries. */
static void
flush(SSDirect *direct, SSTable table)
{
	OpenTable  *open = &direct->tables[table];
	ResultRelInfo *info = writable(direct, open);
	CommandId	cid = GetCurrentCommandId(true);

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
	OpenTable  *open = &direct->tables[table];
	ResultRelInfo *info = writable(direct, open);
	TupleTableSlot *row = open->rows[0];
	TM_Result	result;

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
	TM_Result	result = update(direct, table, true);

	if (result != TM_Ok)
		elog(ERROR, "unexpected result %d of updating a locked row of \"%s\"", result, specs[table].name);
}

TM_Result
ss_direct_try_update(SSDirect *direct, SSTable table)
{
	return update(direct, table, false);
}

void
ss_direct_prepare(SSDirect *direct, SSTable table)
{
	OpenTable  *open = open_table(direct, table);

	(void) writable(direct, open);
	if (open->locked == NULL)
		open->locked = table_slot_create(open->rel, NULL);
	open->nrows = 0;
	(void) next_row(open);
	open->nrows = 0;
}
