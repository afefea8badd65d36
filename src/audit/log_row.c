/*
 * log_row.c: adds rows to the audit log, and tells which installation they
 * are of (log_row.h, audit_internal.h).
 *
 * Called by audit.c, refused_attempts.c and seal.c. Every change by the API
 * pays for its row, so the row and its index entries go past the executor as
 * long as the table is the plain one that the extension made (survey.h); a
 * trigger, a constraint or an index with an expression that somebody has added
 * is served by the executor. Nothing is locked but the table, as by any INSERT.
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
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
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
#include "direct/survey.h"

/* Whoever comes second waits for the first's end, and finds its row. */
SS_QUERY(
	insert_installation,
	"INSERT INTO swipesavvy.audit_installations (installation_no, installation_id, system_identifier, database_oid)"
	" SELECT coalesce(max(installation_no), 0) + 1, $3, $1, $2 FROM swipesavvy.audit_installations"
	" ON CONFLICT DO NOTHING",
	INT8OID, OIDOID, UUIDOID);

/* For a table that is not the plain one. */
SS_QUERY(
	insert_row,
	"INSERT INTO swipesavvy.audit_logs (installation_no, xid, log_id, logged_at, event_type, resource, resource_id, status,"
	"       user_id, actor_id, session_role, invoking_role, request_id, origin, origin_salt, origin_hash,"
	"       details, details_salt, details_hash)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
	INT4OID, XID8OID, UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID,
	TEXTOID, JSONOID, BYTEAOID, BYTEAOID, JSONOID, BYTEAOID, BYTEAOID);

/* Where the table of installations can only be read by a query. */
SS_QUERY(
	find_installation,
	"SELECT i.installation_no, i.system_identifier = $1 AND i.database_oid = $2 FROM swipesavvy.audit_installations i"
	" ORDER BY i.installation_no DESC LIMIT 1",
	INT8OID, OIDOID);

/* The number that was read last, until the table changes. */
static SSSentinel installations;
static uint64 numbered = 0; /* of `installations` when it was read */
static int32 installation_no = 0;

/* --- the installation ------------------------------------------------------------- */

/* Transaction ids start again with another server, and go on with another database: both make another installation. */
static void
note_installation(void)
{
	Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
					  UUIDPGetDatum(ss_uuid7_new())};

	(void) ss_query_latest(&insert_installation, values, NULL);
}

static Datum
get(const TupleTableSlot *slot, int column)
{
	bool isnull;

	return slot_getattr(unconstify(TupleTableSlot *, slot), ss_survey.tables[SS_AUDIT_INSTALLATIONS].columns[column],
						&isnull);
}

/*
 * The number of this installation as the latest snapshot shows it, 0 if the
 * last one is another. The table has a row or two: it is read as it lies. A
 * number that this transaction has noted may be rolled back: it is not kept.
 */
static int32
scan_installations(Relation table)
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
		int32 number = DatumGetInt32(get(slot, INSTALLATION_NO));
		bool isnull;

		if (number < last)
			continue;
		last = number;
		is_this = DatumGetInt64(get(slot, INSTALLATION_SYSTEM)) == (int64) GetSystemIdentifier() &&
				  DatumGetObjectId(get(slot, INSTALLATION_DATABASE)) == MyDatabaseId;
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

static int32
read_installation(void)
{
	const uint32 table_bit = SS_ONE_TABLE(SS_AUDIT_INSTALLATIONS);
	Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId)};
	int32 number;
	SSRows rows;
	SSRow row;

	if (ss_survey_lock(table_bit, table_bit, AccessShareLock))
	{
		Relation table = table_open(ss_survey.tables[SS_AUDIT_INSTALLATIONS].relid, NoLock);

		number = scan_installations(table);
		table_close(table, NoLock);
		return number;
	}
	rows = ss_rows_latest(&find_installation, values, NULL);
	if (rows.count == 0)
		return 0;
	row = ss_row(rows, 0);
	number = ss_next_int32(&row);
	return ss_next_bool(&row) ? number : 0;
}

int32
ss_audit_installation(void)
{
	int32 number;

	if (ss_sentinel_holds(&installations, numbered))
		return installation_no;
	number = read_installation();
	if (number == 0)
	{
		note_installation();
		number = read_installation(); /* or what another session has noted meanwhile */
	}
	if (number == 0)
		ss_query_refuse_loss(0, 1);
	return number;
}

bool
ss_audit_has_begun(void)
{
	Relation table;
	bool begun;

	(void) ss_survey_take(SS_ONE_TABLE(SS_AUDIT_INSTALLATIONS)); /* finds the columns */
	table = table_open(ss_survey_relid(SS_AUDIT_INSTALLATIONS), AccessShareLock);
	begun = scan_installations(table) != 0;
	table_close(table, NoLock);
	return begun;
}

/* --- the table --------------------------------------------------------------------------- */

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
	const uint32 logs = SS_ONE_TABLE(SS_AUDIT_LOGS);
	Relation table;
	HeapTuple row;
	List *indexes;
	ListCell *cell;

	if (!ss_survey_lock(logs, logs, RowExclusiveLock))
	{
		(void) ss_query_latest(&insert_row, values, nulls);
		return;
	}
	table = table_open(ss_survey.tables[SS_AUDIT_LOGS].relid, NoLock);
	row = heap_form_tuple(RelationGetDescr(table), values, nulls);
	simple_heap_insert(table, row);
	indexes = RelationGetIndexList(table);
	foreach (cell, indexes)
		insert_into_index(lfirst_oid(cell), table, row, values, nulls);
	list_free(indexes);
	heap_freetuple(row);
	table_close(table, NoLock);
}
