/*
 * log_row.c: adds rows to the audit log, and tells which installation they
 * are of (log_row.h, audit_internal.h).
 *
 * Called by audit.c, refused_attempts.c and seal.c. Every change by the API
 * pays for its row, so the row and its index entries go past the executor as
 * long as the table is the plain one that the extension made; who has added a
 * trigger, a constraint or an index with an expression to it gets them served
 * by the executor. Nothing is locked but the table, as by any INSERT.
 *
 * Index by index is opened and closed: open together they and the tables of
 * the change would be more locks than a backend keeps to itself, and the others
 * would go through the shared lock table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "audit/audit_internal.h"
#include "audit/log_row.h"
#include "base/compat_tables.h"
#include "base/query.h"
#include "base/sentinel.h"
#include "base/uuid7.h"
#include "direct/restore_guard.h"

/* Whoever comes second waits for the first's end, and finds its row. */
static SSQuery insert_installation = {
	"INSERT INTO swipesavvy.audit_installations (installation_no, installation_id, system_identifier, database_oid)"
	" SELECT coalesce(max(installation_no), 0) + 1, $3, $1, $2 FROM swipesavvy.audit_installations"
	" ON CONFLICT DO NOTHING",
	3,
	{INT8OID, OIDOID, UUIDOID},
	NULL};

/* For a table that is not the plain one. */
static SSQuery insert_row = {
	"INSERT INTO swipesavvy.audit_logs (installation_no, xid, log_id, logged_at, event_type, resource, resource_id, status,"
	"       user_id, actor_id, session_role, invoking_role, request_id, origin, origin_salt, origin_hash,"
	"       details, details_salt, details_hash)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
	LOG_COLUMNS,
	{INT4OID, XID8OID, UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID,
	 TEXTOID, JSONOID, BYTEAOID, BYTEAOID, JSONOID, BYTEAOID, BYTEAOID},
	NULL};

/* What this backend has found out, each until its table changes. */
static SSSentinel logs;
static SSSentinel installations;
static uint64 plain = 0;	/* of `logs` when the table was found to be plain */
static uint64 numbered = 0; /* of `installations` when installation_no was read */
static int32 installation_no = 0;

static Relation
open_table(const char *name, LOCKMODE mode)
{
	return table_open(get_relname_relid(name, get_namespace_oid("swipesavvy", false)), mode);
}

/* --- the installation ------------------------------------------------------------- */

/* Transaction ids start again with another server, and go on with another database: both make another installation. */
static void
note_installation(void)
{
	Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
					  UUIDPGetDatum(ss_uuid7_new())};

	(void) ss_query_latest(&insert_installation, values, NULL);
}

/*
 * The number of this installation as the latest snapshot shows it, 0 if the
 * last one is another. The table has a row or two: it is read as it lies. A
 * number that this transaction has noted may be rolled back: it is not kept.
 */
static int32
read_installation(Relation table)
{
	uint64 begun = ss_sentinel_watch(&installations, "audit_installations");
	TupleTableSlot *slot = table_slot_create(table, NULL);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL);
	int32 last = 0;
	bool is_this = false;
	bool is_ours = false;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool isnull;
		int32 number = DatumGetInt32(slot_getattr(slot, 1, &isnull));

		if (number < last)
			continue;
		last = number;
		is_this = DatumGetInt64(slot_getattr(slot, 3, &isnull)) == (int64) GetSystemIdentifier() &&
				  DatumGetObjectId(slot_getattr(slot, 4, &isnull)) == MyDatabaseId;
		is_ours = TransactionIdIsCurrentTransactionId(
			DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull)));
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	if (is_this && !is_ours)
	{
		numbered = begun;
		installation_no = last;
	}
	return is_this ? last : 0;
}

int32
ss_audit_installation(void)
{
	int32 number = 0;

	if (ss_sentinel_holds(&installations, numbered))
		return installation_no;
	while (number == 0)
	{
		Relation table = open_table("audit_installations", AccessShareLock);

		number = read_installation(table);
		table_close(table, NoLock);
		if (number == 0)
			note_installation();
	}
	return number;
}

bool
ss_audit_has_begun(void)
{
	Relation table = open_table("audit_installations", AccessShareLock);
	bool begun = read_installation(table) != 0;

	table_close(table, NoLock);
	return begun;
}

/* --- the table --------------------------------------------------------------------------- */

static bool
is_never_null(int column)
{
	return column <= LOG_RESOURCE || column == LOG_STATUS || column == LOG_SESSION_ROLE || column == LOG_INVOKING_ROLE;
}

/* Is it over columns, all rows and by the server's functions? */
static bool
is_plain_index(Oid relid)
{
	Relation index = index_open(relid, AccessShareLock);
	bool plain = heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) &&
				 heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
				 !index->rd_index->indisexclusion && index->rd_index->indimmediate;

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		plain = plain && index->rd_opfamily[i] < FirstNormalObjectId;
	index_close(index, AccessShareLock);
	return plain;
}

/*
 * Would nothing but plain indexes want to see a new row? The table must be as
 * the extension made it. What is found holds until the table changes, which it
 * does not while it is locked.
 */
static bool
is_plain(Relation table)
{
	TupleDesc desc = RelationGetDescr(table);
	TriggerDesc *triggers = table->trigdesc;
	List *indexes;
	ListCell *cell;
	uint64 begun;

	if (ss_sentinel_holds(&logs, plain))
		return true;
	begun = ss_sentinel_watch(&logs, "audit_logs");
	if (table->rd_rel->relkind != RELKIND_RELATION || table->rd_rel->relam != HEAP_TABLE_AM_OID ||
		table->rd_rules != NULL || table->rd_rel->relrowsecurity || table->rd_rel->relispartition ||
		table->rd_rel->relhassubclass || desc->natts != LOG_COLUMNS)
		return false;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if ((triggers->triggers[i].tgtype & TRIGGER_TYPE_INSERT) != 0 && !ss_refuses_restores(&triggers->triggers[i]))
			return false;
	}
	if (desc->constr != NULL && (desc->constr->num_check > 0 || desc->constr->has_generated_stored))
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attisdropped || TupleDescAttr(desc, i)->attnotnull != is_never_null(i))
			return false;
	/* Citus keeps ordinary tables in front of its shards */
	if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return false;
	indexes = RelationGetIndexList(table);
	foreach (cell, indexes)
		if (!is_plain_index(lfirst_oid(cell)))
			return false;
	plain = begun;
	return true;
}

static void
insert_into_index(Oid relid, Relation table, HeapTuple row, const Datum *values, const bool *nulls)
{
	Relation index = index_open(relid, RowExclusiveLock);
	IndexInfo *info = BuildIndexInfo(index);
	Datum keys[INDEX_MAX_KEYS];
	bool key_nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		int column = info->ii_IndexAttrNumbers[i] - 1;

		keys[i] = values[column];
		key_nulls[i] = nulls[column];
	}
	if (index->rd_index->indisready)
		ss_compat_index_insert(index, keys, key_nulls, &row->t_self, table, info);
	pfree(info);
	index_close(index, RowExclusiveLock);
}

void
ss_audit_add_row(Datum *values, bool *nulls)
{
	Relation table = open_table("audit_logs", RowExclusiveLock);
	HeapTuple row;
	List *indexes;
	ListCell *cell;

	if (!is_plain(table))
	{
		table_close(table, NoLock);
		(void) ss_query_latest(&insert_row, values, nulls);
		return;
	}
	row = heap_form_tuple(RelationGetDescr(table), values, nulls);
	simple_heap_insert(table, row);
	indexes = RelationGetIndexList(table);
	foreach (cell, indexes)
		insert_into_index(lfirst_oid(cell), table, row, values, nulls);
	list_free(indexes);
	heap_freetuple(row);
	table_close(table, NoLock);
}
