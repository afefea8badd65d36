/*
 * import.c: the door for loads of millions: CALL import_purchases(source,
 * chunk_size).
 *
 * Called by an operator or a nightly job. Reads a staging table with the
 * caller's own rights, in the order of (occurred_at, transaction_id), through
 * one holdable cursor, and commits chunk by chunk. How far it came is a row of
 * the table imports, written in the chunk's own transaction: after a crash or a
 * cancel the next call goes on there. That row is locked while a chunk is
 * processed and must stand where we left it, so two calls for one table do not
 * both import a row: the second is told so.
 *
 * Whether a table still is the one that an earlier call read is decided by what
 * is in it: the digest of the rows processed. Only when that has changed does
 * the table's file count: TRUNCATE and DROP make a new one, and then the table
 * was filled again and is imported from its beginning. Other changes are refused.
 *
 * The text of the query over the staging table is the one place where a name
 * becomes SQL; it is that of an existing table, quoted.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/bisect.h"

#define MAX_CHUNK	  100000
#define MAX_DEADLOCKS 10 /* a chunk is repeated that often */

/* A collation of the table's own could make different texts equal, and so their hashes. */
#define AS_TEXT "pg_catalog.text COLLATE pg_catalog.\"C\""

PG_FUNCTION_INFO_V1(swipesavvy_import_purchases);

/* Columns of the staging table that are read, in the order of the query; ctid comes before them, row_hash behind. */
static const struct
{
	const char *name;
	Oid type;
	const char *cast;
} source_columns[] = {
	{"occurred_at", TIMESTAMPTZOID, "pg_catalog.timestamptz"},
	{"transaction_id", UUIDOID, "pg_catalog.uuid"},
	{"user_id", UUIDOID, "pg_catalog.uuid"},
	{"account_id", UUIDOID, "pg_catalog.uuid"},
	{"merchant_id", UUIDOID, "pg_catalog.uuid"},
	{"amount_minor", INT8OID, "pg_catalog.int8"},
	{"currency", TEXTOID, AS_TEXT},
	{"status", TEXTOID, AS_TEXT},
	{"idempotency_key", TEXTOID, AS_TEXT},
	{"metadata", JSONBOID, "pg_catalog.jsonb"},
};

/* Where an import stands: the last row that was processed, in the order of reading. */
typedef struct Position
{
	TimestampTz occurred_at;
	pg_uuid_t transaction_id;
	ItemPointerData ctid;
} Position;

/* Before all rows; also what the columns of imports have by default. */
static const Position beginning = {.occurred_at = DT_NOBEGIN};

typedef struct Import
{
	char *source; /* schema-qualified and quoted */
	Portal portal;
	Position at;
	int64 done;	   /* rows up to `at` */
	uint64 digest; /* sum of their hashes, to know them again */
	Oid file_node; /* the table's file when they were last seen */
	int64 skip;	   /* not 0: they are that many from the beginning, but `at` isn't their end any more */
	int64 imported;
	int64 set_aside;
	/* the chunk that is being processed */
	SPITupleTable *rows;
	int count;
} Import;

static SSQuery find_query = {
	"SELECT i.occurred_at, i.transaction_id, i.row_id, i.rows_done, i.rows_imported, i.rows_set_aside, i.digest, i.file_node"
	"  FROM swipesavvy.imports i WHERE i.source = $1 FOR UPDATE",
	1,
	{TEXTOID},
	NULL};
static SSQuery begin_query = {
	"INSERT INTO swipesavvy.imports (source, file_node) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING",
	2,
	{TEXTOID, OIDOID},
	NULL};
static SSQuery begin_afresh_query = {
	"UPDATE swipesavvy.imports i SET occurred_at = DEFAULT, transaction_id = DEFAULT, row_id = DEFAULT, rows_done = 0,"
	"       rows_imported = 0, rows_set_aside = 0, digest = 0, file_node = $2, started_at = now(), updated_at = now(),"
	"       finished_at = NULL WHERE i.source = $1",
	2,
	{TEXTOID, OIDOID},
	NULL};
static SSQuery keep_file_query = {
	"UPDATE swipesavvy.imports i SET file_node = $2 WHERE i.source = $1", 2, {TEXTOID, OIDOID}, NULL};
static SSQuery advance_query = {
	"UPDATE swipesavvy.imports i SET occurred_at = $2, transaction_id = $3, row_id = $4, rows_done = $5,"
	"       rows_imported = $6, rows_set_aside = $7, digest = $8, updated_at = now() WHERE i.source = $1",
	8,
	{TEXTOID, TIMESTAMPTZOID, UUIDOID, TIDOID, INT8OID, INT8OID, INT8OID, INT8OID},
	NULL};
static SSQuery finish_query = {
	"UPDATE swipesavvy.imports i SET finished_at = now(), updated_at = now() WHERE i.source = $1", 1, {TEXTOID}, NULL};
static SSQuery set_aside_query = {
	"INSERT INTO swipesavvy.import_errors (source, row_id, purchase, code, message, detail) VALUES ($1, $2, $3, $4, $5, $6)",
	6,
	{TEXTOID, TIDOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID},
	NULL};

/* --- the query over the staging table ------------------------------------------------ */

/* Can a column of this type be read as the wanted one without a cast that fails for some values? */
static bool
reads_as(Oid type, Oid wanted)
{
	type = getBaseType(type);
	if (type == wanted)
		return true;
	switch (wanted)
	{
		case INT8OID:
			return type == INT2OID || type == INT4OID;
		case TEXTOID:
			return type == VARCHAROID || type == BPCHAROID;
		case TIMESTAMPTZOID:
			return type == TIMESTAMPOID || type == DATEOID;
		default:
			return false;
	}
}

/* Appends the column of the staging table, or a null where it has none. */
static void
append_column(StringInfo sql, Oid relid, int n)
{
	AttrNumber attribute = get_attnum(relid, source_columns[n].name);
	Oid type;

	if (attribute == InvalidAttrNumber)
	{
		if (source_columns[n].type == UUIDOID && strcmp(source_columns[n].name, "user_id") == 0)
			ss_bad_value("source", "The table has no column \"user_id\".");
		if (source_columns[n].type == INT8OID)
			ss_bad_value("source", "The table has no column \"amount_minor\".");
		appendStringInfo(sql, "NULL::%s", source_columns[n].cast);
		return;
	}
	type = get_atttype(relid, attribute);
	if (!reads_as(type, source_columns[n].type))
		ss_bad_value("source", "Column \"%s\" has the type %s; %s is needed.", source_columns[n].name,
					 format_type_be(type), format_type_be(source_columns[n].type));
	appendStringInfo(sql, "s.%s::%s", quote_identifier(source_columns[n].name), source_columns[n].cast);
}

/* Is occurred_at a time without zone, read as one of the session's? */
static bool
has_local_time(Oid relid)
{
	AttrNumber attribute = get_attnum(relid, source_columns[0].name);

	return attribute != InvalidAttrNumber && getBaseType(get_atttype(relid, attribute)) != TIMESTAMPTZOID;
}

/*
 * Appends the hash of a row, the same in every session: for a time without
 * zone, of the time as it stands there. The hash of a record is a sum over its
 * columns; hashed again, values that changed places between rows do not cancel
 * each other out in the sum over the rows. The row's own place is left out:
 * VACUUM FULL may change it.
 */
static void
append_hash(StringInfo sql, Oid relid)
{
	appendStringInfoString(sql, "pg_catalog.hashtextextended(pg_catalog.hash_record_extended(ROW(");
	appendStringInfoString(sql, has_local_time(relid) ? "c.local_time" : "c.occurred_at");
	for (size_t i = 1; i < lengthof(source_columns); i++)
		appendStringInfo(sql, ", c.%s", quote_identifier(source_columns[i].name));
	appendStringInfoString(sql, "), 0)::pg_catalog.text COLLATE pg_catalog.\"C\", 0)");
}

/* The number of rows and the sum of their hashes, as the 64 bits that adding them up in C leaves. */
#define COUNT_ROWS                                                                                                     \
	"pg_catalog.count(*), ((coalesce(pg_catalog.sum(r.row_hash), 0) % 18446744073709551616 + 27670116110564327424)"    \
	" % 18446744073709551616 - 9223372036854775808)::pg_catalog.int8"

/* The order of reading, which is that of Position. */
#define KEY                                                                                                            \
	"coalesce(c.occurred_at, 'infinity'), coalesce(c.transaction_id,"                                                  \
	" '00000000-0000-0000-0000-000000000000'), c.ctid"

/* What is asked of a staging table; $1, $2 and $3 are a position, and $4 is a number of rows. */
typedef enum Question
{
	READ_ON,	 /* the rows behind the position, without the first $4 */
	COUNT_UP_TO, /* the rows up to the position; $4 is null */
	COUNT_FIRST, /* the first $4 rows behind the position */
} Question;

static const char *const question_heads[] = {
	"",
	"SELECT " COUNT_ROWS " FROM (",
	"SELECT " COUNT_ROWS " FROM (",
};
static const char *const question_tails[] = {
	" WHERE (" KEY ") > ($1, $2, $3) ORDER BY " KEY " OFFSET $4",
	" WHERE (" KEY ") <= ($1, $2, $3) LIMIT $4) r",
	" WHERE (" KEY ") > ($1, $2, $3) ORDER BY " KEY " LIMIT $4) r",
};

static char *
source_sql(Oid relid, const char *source, Question question)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%sSELECT c.ctid", question_heads[question]);
	for (size_t i = 0; i < lengthof(source_columns); i++)
		appendStringInfo(&sql, ", c.%s", quote_identifier(source_columns[i].name));
	appendStringInfoString(&sql, ", ");
	append_hash(&sql, relid);
	appendStringInfoString(&sql, " AS row_hash FROM (SELECT s.ctid");
	for (size_t i = 0; i < lengthof(source_columns); i++)
	{
		appendStringInfoString(&sql, ", ");
		append_column(&sql, relid, i);
		appendStringInfo(&sql, " AS %s", quote_identifier(source_columns[i].name));
	}
	if (has_local_time(relid))
		appendStringInfoString(&sql, ", s.occurred_at::pg_catalog.timestamp AS local_time");
	appendStringInfo(&sql, " FROM ONLY %s s) c%s", source, question_tails[question]);
	return sql.data;
}

static SPIPlanPtr
source_plan(Oid relid, const char *source, Question question)
{
	Oid types[4] = {TIMESTAMPTZOID, UUIDOID, TIDOID, INT8OID};
	SPIPlanPtr plan = SPI_prepare_cursor(source_sql(relid, source, question), 4, types,
										 CURSOR_OPT_NO_SCROLL | CURSOR_OPT_HOLD | CURSOR_OPT_CUSTOM_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare the query over the source: %s", SPI_result_code_string(SPI_result));
	return plan;
}

static void
position_values(const Position *at, Datum *values)
{
	values[0] = TimestampTzGetDatum(at->occurred_at);
	values[1] = UUIDPGetDatum(&at->transaction_id);
	values[2] = PointerGetDatum(&at->ctid);
}

/* The table's name, quoted; only a plain table has rows that stay where they are. Locked, it stays the same one. */
static char *
source_name(Oid relid)
{
	LockRelationOid(relid, AccessShareLock);
	if (get_rel_name(relid) == NULL)
		ss_not_found("table", psprintf("%u", relid));
	if (get_rel_relkind(relid) != RELKIND_RELATION)
		ss_bad_value("source", "\"%s\" is not a plain table.", get_rel_name(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* --- where it stands -------------------------------------------------------------------- */

/* Reads and locks the import's row; false when there is none. As owner. */
static bool
read_progress(Import *import)
{
	Datum source = CStringGetTextDatum(import->source);

	if (ss_query_write(&find_query, &source, NULL) == 0)
		return false;
	import->at.occurred_at = DatumGetTimestampTz(ss_value_not_null(0, 1));
	import->at.transaction_id = *DatumGetUUIDP(ss_value_not_null(0, 2));
	import->at.ctid = *(ItemPointer) DatumGetPointer(ss_value_not_null(0, 3));
	import->done = ss_value_int64(0, 4, 0);
	import->imported = ss_value_int64(0, 5, 0);
	import->set_aside = ss_value_int64(0, 6, 0);
	import->digest = (uint64) ss_value_int64(0, 7, 0);
	import->file_node = DatumGetObjectId(ss_value_not_null(0, 8));
	return true;
}

/*
 * Are these rows of the table those that were imported? *count tells how many
 * they are. Read with the caller's rights; limit as in Question, -1 is null.
 */
static bool
holds_imported(Oid relid, const Import *import, Question question, const Position *at, int64 limit, int64 *count)
{
	int path = ss_call_guard_path();
	Datum values[4];

	position_values(at, values);
	values[3] = Int64GetDatum(limit);
	if (SPI_execute_plan(source_plan(relid, import->source, question), values, limit < 0 ? "   n" : NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of the source");
	ss_call_restore_path(path);
	*count = ss_value_int64(0, 1, 0);
	return *count == import->done && (uint64) ss_value_int64(0, 2, 0) == import->digest;
}

/*
 * Finds the imported rows in the table: up to the position, or as many from the
 * beginning, when they were moved within it (VACUUM FULL, a restored dump) or
 * their times are read in another zone. *count: the rows up to the position;
 * where a row has no time, that is no more than its place, and any row counts.
 */
static bool
find_imported(Oid relid, Import *import, int64 *count)
{
	int64 first;

	import->skip = 0;
	if (holds_imported(relid, import, COUNT_UP_TO, &import->at, -1, count))
		return true;
	if (!holds_imported(relid, import, COUNT_FIRST, &beginning, import->done, &first))
	{
		if (TIMESTAMP_IS_NOEND(import->at.occurred_at))
			*count = first;
		return false;
	}
	import->skip = import->done;
	return true;
}

/*
 * Begins an import or finds where an earlier one was left. A table that was
 * emptied since is imported afresh. In one that was only changed it cannot be
 * told which rows are new: that is refused.
 */
static void
resume(Oid relid, Import *import)
{
	Oid file_node = DatumGetObjectId(DirectFunctionCall1(pg_relation_filenode, ObjectIdGetDatum(relid)));
	Datum values[2] = {CStringGetTextDatum(import->source), ObjectIdGetDatum(file_node)};
	SSQuery *query = &keep_file_query;
	SSCall call;
	int64 count;

	ss_call_become_owner(&call);
	(void) ss_query_write(&begin_query, values, NULL);
	(void) read_progress(import);
	ss_call_become_caller(&call);
	if (!find_imported(relid, import, &count))
	{
		if (count != 0 && import->file_node == file_node)
			ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("source was changed since its last import"),
					errdetail("The " INT64_FORMAT " rows up to where it came are not the " INT64_FORMAT
							  " that were imported.",
							  count, import->done),
					errhint("TRUNCATE the table and put only new purchases into it, or use one of another name."));
		ereport(NOTICE, errmsg("import of %s begins afresh", import->source),
				errdetail("The table was emptied since " INT64_FORMAT " of its rows were imported.", import->done));
		query = &begin_afresh_query;
	}
	ss_call_become_owner(&call);
	(void) ss_query_write(query, values, NULL);
	(void) read_progress(import);
	ss_call_become_caller(&call);
}

/* --- a chunk ----------------------------------------------------------------------------- */

typedef struct Row
{
	SSItem item; /* first */
	HeapTuple tuple;
	TupleDesc desc;
} Row;

static Datum
column(const Row *row, int n, bool *isnull)
{
	return SPI_getbinval(row->tuple, row->desc, n + 2, isnull);
}

static const pg_uuid_t *
uuid_column(const Row *row, int n)
{
	bool isnull;
	Datum value = column(row, n, &isnull);

	return isnull ? NULL : DatumGetUUIDP(value);
}

static const char *
text_column(const Row *row, int n)
{
	bool isnull;
	Datum value = column(row, n, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static ItemPointer
row_id(const Row *row)
{
	bool isnull;

	return (ItemPointer) DatumGetPointer(SPI_getbinval(row->tuple, row->desc, 1, &isnull));
}

static void
read_row(void *argument)
{
	Row *row = argument;
	SSPurchaseInput input = {0};
	TimestampTz occurred_at;
	int64 amount;
	bool isnull;
	Datum value;

	value = column(row, 0, &isnull);
	occurred_at = isnull ? 0 : DatumGetTimestampTz(value);
	input.occurred_at = isnull ? NULL : &occurred_at;
	input.transaction_id = uuid_column(row, 1);
	input.user_id = uuid_column(row, 2);
	input.account_id = uuid_column(row, 3);
	input.merchant_id = uuid_column(row, 4);
	value = column(row, 5, &isnull);
	amount = isnull ? 0 : DatumGetInt64(value);
	input.amount_minor = isnull ? NULL : &amount;
	input.currency = text_column(row, 6);
	input.status = text_column(row, 7);
	input.idempotency_key = text_column(row, 8);
	value = column(row, 9, &isnull);
	input.metadata = isnull ? NULL : DatumGetJsonbP(value);
	ss_purchase_make(ss_rules_get(), &input, &row->item.purchase);
}

/* Keeps a row that was not recorded, with the reason. */
static void
set_aside(const Import *import, const Row *row)
{
	const ErrorData *error = row->item.error;
	bool nulls[6] = {false, false, false, false, false, error->detail == NULL};
	SSJson json = {0};
	Datum values[6];

	ss_json_open_object(&json, NULL);
	for (size_t i = 0; i < lengthof(source_columns); i++)
	{
		bool isnull;
		Datum value = column(row, i, &isnull);

		ss_json_datum(&json, source_columns[i].name, value, isnull, source_columns[i].type);
	}
	ss_json_close_object(&json);
	values[0] = CStringGetTextDatum(import->source);
	values[1] = PointerGetDatum(row_id(row));
	values[2] = ss_json_finish(&json);
	values[3] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	values[4] = CStringGetTextDatum(error->message);
	values[5] = nulls[5] ? 0 : CStringGetTextDatum(error->detail);
	(void) ss_query_write(&set_aside_query, values, nulls);
}

/* The position behind the chunk's last row. */
static void
advance(Import *import, const Row *last)
{
	bool isnull;
	Datum value = column(last, 0, &isnull);
	const pg_uuid_t *id = uuid_column(last, 1);

	import->at.occurred_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	memset(&import->at.transaction_id, 0, sizeof(pg_uuid_t));
	if (id != NULL)
		import->at.transaction_id = *id;
	import->at.ctid = *row_id(last);
	import->done += import->count;
}

/* Adds up the hashes of the chunk's rows; they are the last column. */
static uint64
chunk_digest(const Import *import)
{
	uint64 digest = 0;
	bool isnull;

	for (int i = 0; i < import->count; i++)
		digest += (uint64) DatumGetInt64(
			SPI_getbinval(import->rows->vals[i], import->rows->tupdesc, lengthof(source_columns) + 2, &isnull));
	return digest;
}

/* Another call may have gone on with this import while we were between two transactions. */
static void
check_unmoved(Import *import)
{
	Import now = {.source = import->source};

	if (!read_progress(&now) || now.done != import->done || now.digest != import->digest ||
		now.file_node != import->file_node || ItemPointerCompare(&now.at.ctid, &import->at.ctid) != 0)
		ss_bad_state("another session is importing this table", "The table is %s.", import->source);
}

/* Records a chunk and how far it takes the import, in one subtransaction. */
static void
import_chunk(void *argument)
{
	Import *import = argument;
	Row *rows;
	SSItem **good;
	Datum values[8];
	int ngood = 0;
	int64 bad = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	check_unmoved(import);
	rows = palloc0(import->count * sizeof(Row));
	good = palloc(import->count * sizeof(SSItem *));
	for (int i = 0; i < import->count; i++)
	{
		rows[i].tuple = import->rows->vals[i];
		rows[i].desc = import->rows->tupdesc;
		rows[i].item.error = ss_attempt(read_row, &rows[i], false);
		if (rows[i].item.error == NULL)
			good[ngood++] = &rows[i].item;
	}
	ss_bisect_award(good, ngood, false);
	for (int i = 0; i < import->count; i++)
	{
		if (rows[i].item.error == NULL)
			continue;
		set_aside(import, &rows[i]);
		bad++;
	}
	import->imported += import->count - bad;
	import->set_aside += bad;
	advance(import, &rows[import->count - 1]);
	values[0] = CStringGetTextDatum(import->source);
	position_values(&import->at, &values[1]);
	values[4] = Int64GetDatum(import->done);
	values[5] = Int64GetDatum(import->imported);
	values[6] = Int64GetDatum(import->set_aside);
	import->digest += chunk_digest(import);
	values[7] = Int64GetDatum((int64) import->digest);
	(void) ss_query_write(&advance_query, values, NULL);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}

/* Fetches and records the next chunk; false when there is none. A deadlock with other purchases is repeated. */
static bool
next_chunk(Import *import, int chunk_size)
{
	Import before;
	SSCall call;

	SPI_cursor_fetch(import->portal, true, chunk_size);
	import->rows = SPI_tuptable;
	import->count = (int) SPI_processed;
	if (import->count == 0)
		return false;
	before = *import;
	ss_call_become_owner(&call);
	for (int i = 0;; i++)
	{
		ErrorData *error = ss_attempt(import_chunk, import, true);

		if (error == NULL)
			break;
		if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED || i == MAX_DEADLOCKS)
			ReThrowError(error);
		*import = before;
	}
	ss_call_become_caller(&call);
	SPI_freetuptable(import->rows);
	return true;
}

/* Opens the cursor over what is still to be imported, with the caller's rights. */
static void
open_cursor(Oid relid, Import *import)
{
	int path = ss_call_guard_path();
	Datum values[4];

	position_values(import->skip == 0 ? &import->at : &beginning, values);
	values[3] = Int64GetDatum(import->skip);
	import->portal = SPI_cursor_open(NULL, source_plan(relid, import->source, READ_ON), values, NULL, false);
	ss_call_restore_path(path);
}

/* Commits; the next transaction needs a snapshot of its own. */
static void
commit(void)
{
	SPI_commit();
	EnsurePortalSnapshotExists();
}

/*
 * import_purchases(source, chunk_size)
 */
Datum
swipesavvy_import_purchases(PG_FUNCTION_ARGS)
{
	CallContext *context = (CallContext *) fcinfo->context;
	Import import = {0};
	Oid relid;
	int chunk_size;
	SSCall call;
	Datum source;
	bool no_size;

	ss_call_check(&call, SS_BACKEND | SS_ADMIN);
	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ss_bad_state("import_purchases cannot run inside a transaction block",
					 "It commits after each chunk. CALL it as a statement of its own.");
	if (PG_ARGISNULL(0))
		ss_missing_value("source");
	relid = PG_GETARG_OID(0);
	chunk_size = (int) ss_arg_int4(fcinfo, 1, "chunk_size", 1, MAX_CHUNK, &no_size);
	if (no_size)
		chunk_size = 10000;
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	import.source = source_name(relid);
	resume(relid, &import);
	open_cursor(relid, &import);
	commit();
	while (next_chunk(&import, chunk_size))
	{
		commit();
		ss_call_refuse_in_maintenance();
		ereport(NOTICE, errmsg("imported " INT64_FORMAT " purchases of %s, " INT64_FORMAT " set aside", import.imported,
							   import.source, import.set_aside));
	}
	SPI_cursor_close(import.portal);
	ss_call_become_owner(&call);
	source = CStringGetTextDatum(import.source);
	(void) ss_query_write(&finish_query, &source, NULL);
	ss_call_become_caller(&call);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	PG_RETURN_VOID();
}
