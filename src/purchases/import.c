/*
 * import.c: the door for loads of millions: CALL import_purchases(source,
 * chunk_size, afresh).
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
 * is in it: the digest of the rows processed. When that has changed, the
 * table's file counts: TRUNCATE and DROP make a new one, and then the table was
 * filled again and is imported from its beginning. Other changes are refused.
 * When it has not, the rows may still be new ones that look the same. With a
 * transaction_id or an idempotency_key they are the same purchases, whatever
 * happened to the table. Without one, a snapshot that was kept when the table
 * was last read must show them, or the caller has to say what they are. A
 * session's lock keeps the table from being emptied while it is read.
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
#include "purchases/staging.h"

#define MAX_CHUNK	  100000
#define MAX_DEADLOCKS 10 /* a chunk is repeated that often */

PG_FUNCTION_INFO_V1(swipesavvy_import_purchases);

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
	Oid table;	   /* the table itself when they were last seen */
	char *seen;	   /* a snapshot that shows all rows which were read; NULL = none */
	char *zone;	   /* the programme's, in which times without zone are read */
	int64 imported;
	int64 set_aside;
	TimestampTz first; /* the earliest and latest time of a row of this call */
	TimestampTz last;
	int64 completed; /* campaigns of that time that were completed meanwhile, as the caller has been told */
	/* the chunk that is being processed */
	SPITupleTable *rows;
	int count;
} Import;

SS_QUERY(
	find_query,
	"SELECT i.occurred_at, i.transaction_id, i.row_id, i.rows_done, i.rows_imported, i.rows_set_aside, i.digest, i.file_node,"
	"       i.table_oid, i.seen::text"
	"  FROM swipesavvy.imports i WHERE i.source = $1 FOR UPDATE",
	TEXTOID);
SS_QUERY(
	begin_query,
	"INSERT INTO swipesavvy.imports (source, file_node, table_oid) VALUES ($1, $2, $3) ON CONFLICT (source) DO NOTHING",
	TEXTOID, OIDOID, OIDOID);
SS_QUERY(
	begin_afresh_query,
	"UPDATE swipesavvy.imports i SET occurred_at = DEFAULT, transaction_id = DEFAULT, row_id = DEFAULT, rows_done = 0,"
	"       rows_imported = 0, rows_set_aside = 0, digest = 0, file_node = $2, table_oid = $3, started_at = now(), updated_at = now(),"
	"       finished_at = NULL WHERE i.source = $1",
	TEXTOID, OIDOID, OIDOID);
SS_QUERY(keep_file_query, "UPDATE swipesavvy.imports i SET file_node = $2, table_oid = $3 WHERE i.source = $1", TEXTOID,
		 OIDOID, OIDOID);
SS_QUERY(seen_query, "UPDATE swipesavvy.imports i SET seen = pg_current_snapshot() WHERE i.source = $1", TEXTOID);
SS_QUERY(advance_query,
		 "UPDATE swipesavvy.imports i SET occurred_at = $2, transaction_id = $3, row_id = $4, rows_done = $5,"
		 "       rows_imported = $6, rows_set_aside = $7, digest = $8, updated_at = now() WHERE i.source = $1",
		 TEXTOID, TIMESTAMPTZOID, UUIDOID, TIDOID, INT8OID, INT8OID, INT8OID, INT8OID);
SS_QUERY(finish_query, "UPDATE swipesavvy.imports i SET finished_at = now(), updated_at = now() WHERE i.source = $1",
		 TEXTOID);
SS_QUERY(
	set_aside_query,
	"INSERT INTO swipesavvy.import_errors (source, row_id, purchase, code, message, detail) VALUES ($1, $2, $3, $4, $5, $6)",
	TEXTOID, TIDOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID);

/*
 * Campaigns that are completed and would have been looked at for times from $2
 * to $3: the first of those that were completed since the import of $1 began,
 * how many these are, and how many there were before.
 */
SS_QUERY(
	find_completed,
	"WITH completed AS (SELECT c.campaign_no, c.campaign_id, c.completed_at FROM swipesavvy.campaigns c"
	"                    WHERE c.status = 'completed' AND c.start_date <= $3 AND (c.end_date IS NULL OR c.end_date > $2))"
	" SELECT (SELECT string_agg(f.campaign_id, ', ' ORDER BY f.campaign_no)"
	"          FROM (SELECT * FROM completed k WHERE k.completed_at >= i.started_at ORDER BY k.campaign_no LIMIT 10) f),"
	"       (SELECT count(*) FROM completed k WHERE k.completed_at >= i.started_at),"
	"       (SELECT count(*) FROM completed k WHERE k.completed_at < i.started_at)"
	"  FROM swipesavvy.imports i WHERE i.source = $1",
	TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* --- the staging table ------------------------------------------------------------------ */

/* The first three parameters of a question. */
static void
position_values(const Position *at, Datum *values)
{
	values[0] = TimestampTzGetDatum(at->occurred_at);
	values[1] = UUIDPGetDatum(&at->transaction_id);
	values[2] = PointerGetDatum(&at->ctid);
}

/*
 * The table's name, quoted; only a plain table has rows that stay where they
 * are. Locked, it stays the same one and keeps its rows' file; the session's
 * lock goes with unlock() or an error.
 */
static char *
source_name(Oid relid)
{
	LockRelId lock = {.relId = relid, .dbId = MyDatabaseId};

	LockRelationIdForSession(&lock, AccessShareLock);
	LockRelationOid(relid, AccessShareLock);
	if (get_rel_name(relid) == NULL)
		ss_not_found("table", psprintf("%u", relid));
	if (get_rel_relkind(relid) != RELKIND_RELATION)
		ss_bad_value("source", "\"%s\" is not a plain table.", get_rel_name(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static void
unlock(Oid relid)
{
	LockRelId lock = {.relId = relid, .dbId = MyDatabaseId};

	UnlockRelationIdForSession(&lock, AccessShareLock);
}

/* --- where it stands -------------------------------------------------------------------- */

/* Reads and locks the import's row; false when there is none. As owner. */
static bool
read_progress(Import *import)
{
	Datum source = CStringGetTextDatum(import->source);
	SSRows rows = ss_rows_write(&find_query, &source, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	import->at.occurred_at = ss_next_time(&row);
	import->at.transaction_id = *ss_next_uuid(&row);
	import->at.ctid = *(ItemPointer) DatumGetPointer(ss_next_value(&row, TIDOID));
	import->done = ss_next_int64(&row);
	import->imported = ss_next_int64(&row);
	import->set_aside = ss_next_int64(&row);
	import->digest = (uint64) ss_next_int64(&row);
	import->file_node = DatumGetObjectId(ss_next_value(&row, OIDOID));
	import->table = DatumGetObjectId(ss_next_value(&row, OIDOID));
	import->seen = ss_next_text_or_null(&row);
	return true;
}

/* What was found of the imported rows in the table. */
typedef struct Found
{
	bool equal;	   /* as many, with the same contents */
	int64 rows;	   /* up to the position; where it has no time, any */
	int64 no_key;  /* of them, those without transaction_id and idempotency_key */
	int64 younger; /* of these, those that came into the table after it was last read */
} Found;

/* Compares rows of the table with those that were imported. Read with the caller's rights; limit as in SSStagingQuestion, -1 is null. */
static void
compare(Oid relid, const Import *import, SSStagingQuestion question, const Position *at, int64 limit, Found *found)
{
	int path = ss_owner_guard_path();
	Datum values[SS_STAGING_PARAMETERS];
	char nulls[SS_STAGING_PARAMETERS + 1] = "       ";
	uint64 digest;
	SSRow row;

	position_values(at, values);
	values[3] = Int64GetDatum(limit);
	nulls[3] = limit < 0 ? 'n' : ' ';
	values[4] = Int64GetDatum((int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	values[5] = CStringGetTextDatum(import->zone);
	if (import->seen == NULL || import->table != relid)
		nulls[6] = 'n'; /* of another table, or another server's, nothing is known */
	else
		values[6] = CStringGetTextDatum(import->seen);
	if (SPI_execute_plan(ss_staging_plan(relid, import->source, question), values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of the source");
	ss_owner_restore_path(path);
	row = ss_row_of_last(0);
	found->rows = ss_next_int64(&row);
	digest = (uint64) ss_next_int64(&row);
	found->equal = found->rows == import->done && digest == import->digest;
	found->no_key = ss_next_int64(&row);
	found->younger = ss_next_int64(&row);
}

/*
 * Finds the imported rows in the table: up to the position, or as many from the
 * beginning, when they were moved within it (VACUUM FULL, a restored dump) or
 * their times are read in another zone.
 */
static Found
find_imported(Oid relid, Import *import)
{
	Found up_to;
	Found first;

	import->skip = 0;
	compare(relid, import, SS_STAGING_COUNT_UP_TO, &import->at, -1, &up_to);
	if (up_to.equal)
		return up_to;
	compare(relid, import, SS_STAGING_COUNT_FIRST, &beginning, import->done, &first);
	if (first.equal)
		import->skip = import->done;
	else if (!TIMESTAMP_IS_NOEND(import->at.occurred_at))
		first.rows = up_to.rows;
	return first;
}

/*
 * Are rows that look like the imported ones those, and not new ones? With a key
 * they are. Without, none of them may be younger than the import; and within
 * one file they do not move, but by a change.
 */
static bool
are_the_same(const Import *import, const Found *found, Oid file_node)
{
	if (found->no_key == 0)
		return true;
	return found->younger == 0 && (import->skip == 0 || import->file_node != file_node);
}

/* Is the import to begin afresh? What cannot be decided is refused. `wish` is what the caller says, if anything. */
static bool
begins_afresh(const Import *import, const Found *found, Oid file_node, const bool *wish)
{
	if (wish != NULL && (*wish || found->equal))
		return *wish;
	if (found->equal && !are_the_same(import, found, file_node))
		ereport(
			ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("source has rows that look like imported ones"),
			errdetail("The first " INT64_FORMAT
					  " rows are equal to those that were imported, but may be others: of the " INT64_FORMAT
					  " without transaction_id and idempotency_key, " INT64_FORMAT
					  " came into the table or were changed later.",
					  import->done, found->no_key, found->younger),
			errhint("If they are new purchases, call it once with afresh => true; if they are the imported ones, with "
					"afresh => false."));
	if (!found->equal && (wish != NULL || (found->rows != 0 && import->file_node == file_node)))
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("source was changed since its last import"),
				errdetail("The " INT64_FORMAT " rows up to where it came are not the " INT64_FORMAT
						  " that were imported.",
						  found->rows, import->done),
				errhint("TRUNCATE the table and put only new purchases into it, or use one of another name."));
	return !found->equal;
}

/* Tells the caller from where on the table is read, unless that is its beginning for the first time. */
static void
tell_beginning(const Import *import, bool afresh, bool wished)
{
	if (import->done == 0)
		return;
	if (afresh && wished)
		ereport(NOTICE, errmsg("import of %s begins afresh", import->source),
				errdetail("As the caller wishes; " INT64_FORMAT " rows were imported before.", import->done));
	else if (afresh)
		ereport(NOTICE, errmsg("import of %s begins afresh", import->source),
				errdetail("The " INT64_FORMAT " rows that were imported before are not in the table any more.",
						  import->done));
	else
		ereport(NOTICE, errmsg("import of %s goes on", import->source),
				errdetail("The first " INT64_FORMAT " rows were imported before and are skipped.", import->done));
}

/*
 * Begins an import or finds where an earlier one was left. A table that was
 * emptied since is imported afresh, and so is a temporary one that is another.
 * In one that was only changed it cannot be told which rows are new: that is
 * refused.
 */
static void
resume(Oid relid, Import *import, const bool *wish)
{
	Oid file_node = DatumGetObjectId(DirectFunctionCall1(pg_relation_filenode, ObjectIdGetDatum(relid)));
	Datum values[3] = {CStringGetTextDatum(import->source), ObjectIdGetDatum(file_node), ObjectIdGetDatum(relid)};
	bool afresh;
	SSCall call;

	ss_owner_become(&call);
	import->zone = pstrdup(pg_get_timezone_name(ss_rules_get()->settings.timezone));
	(void) ss_query_write(&begin_query, values, NULL);
	(void) read_progress(import);
	ss_owner_leave(&call);
	if (import->table != relid && get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		afresh = true;
	else
	{
		Found found = find_imported(relid, import);

		afresh = begins_afresh(import, &found, file_node, wish);
	}
	tell_beginning(import, afresh, wish != NULL);
	if (afresh)
		import->skip = 0;
	ss_owner_become(&call);
	(void) ss_query_write(afresh ? &begin_afresh_query : &keep_file_query, values, NULL);
	(void) read_progress(import);
	ss_owner_leave(&call);
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
	for (int i = 0; i < SS_STAGING_COLUMNS; i++)
	{
		bool isnull;
		Datum value = column(row, i, &isnull);

		ss_json_datum(&json, ss_staging_columns[i].name, value, isnull, ss_staging_columns[i].type);
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

/* The times of the chunk's rows, which are in order; those without one are of now. */
static void
note_times(Import *import, const Row *rows)
{
	for (int i = 0; i < import->count; i++)
	{
		bool isnull;
		Datum value = column(&rows[i], 0, &isnull);
		TimestampTz time = isnull ? GetCurrentTransactionStartTimestamp() : DatumGetTimestampTz(value);

		import->first = Min(import->first, time);
		import->last = Max(import->last, time);
	}
}

/* Adds up the hashes of the chunk's rows; they are the last column. */
static uint64
chunk_digest(const Import *import)
{
	uint64 digest = 0;
	bool isnull;

	for (int i = 0; i < import->count; i++)
		digest += (uint64) DatumGetInt64(
			SPI_getbinval(import->rows->vals[i], import->rows->tupdesc, SS_STAGING_COLUMNS + 2, &isnull));
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

	ss_query_connect();
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
	note_times(import, rows);
	advance(import, &rows[import->count - 1]);
	values[0] = CStringGetTextDatum(import->source);
	position_values(&import->at, &values[1]);
	values[4] = Int64GetDatum(import->done);
	values[5] = Int64GetDatum(import->imported);
	values[6] = Int64GetDatum(import->set_aside);
	import->digest += chunk_digest(import);
	values[7] = Int64GetDatum((int64) import->digest);
	(void) ss_query_write(&advance_query, values, NULL);
	ss_query_disconnect();
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
	ss_owner_become(&call);
	for (int i = 0;; i++)
	{
		ErrorData *error = ss_attempt(import_chunk, import, true);

		if (error == NULL)
			break;
		if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED || i == MAX_DEADLOCKS)
			ReThrowError(error);
		*import = before;
	}
	ss_owner_leave(&call);
	SPI_freetuptable(import->rows);
	return true;
}

/* Opens the cursor over what is still to be imported, with the caller's rights. */
static void
open_cursor(Oid relid, Import *import)
{
	int path = ss_owner_guard_path();
	Datum values[SS_STAGING_PARAMETERS];

	position_values(import->skip == 0 ? &import->at : &beginning, values);
	values[3] = Int64GetDatum(import->skip);
	values[4] = Int64GetDatum(0);
	values[5] = CStringGetTextDatum(import->zone);
	import->portal =
		SPI_cursor_open(NULL, ss_staging_plan(relid, import->source, SS_STAGING_READ_ON), values, "      n", false);
	ss_owner_restore_path(path);
}

/* Notes what is seen by now, which is what the cursor sees or a little more. */
static void
note_seen(const Import *import)
{
	Datum source = CStringGetTextDatum(import->source);
	SSCall call;

	ss_owner_become(&call);
	(void) ss_query_latest(&seen_query, &source, NULL);
	ss_owner_leave(&call);
}

/* Commits; the next transaction needs a snapshot of its own. */
static void
commit(void)
{
	SPI_commit();
	EnsurePortalSnapshotExists();
}

/*
 * Says, after a chunk and at the end, which campaigns could have been awarded
 * were they not completed: what ran when the import began and is over by now,
 * above all, and that once.
 */
static void
tell_completed(Import *import, bool ended)
{
	Datum values[3] = {CStringGetTextDatum(import->source), TimestampTzGetDatum(import->first),
					   TimestampTzGetDatum(import->last)};
	int64 before;
	int64 during;
	const char *names;
	SSRows rows;
	SSRow row;
	SSCall call;

	if (import->first > import->last)
		return;
	ss_owner_become(&call);
	rows = ss_rows_write(&find_completed, values, NULL);
	ss_owner_leave(&call);
	row = ss_row(rows, 0);
	names = ss_next_text_or_null(&row);
	during = ss_next_int64(&row);
	before = ss_next_int64(&row);
	if (during > import->completed)
		ereport(WARNING, errmsg("campaigns were completed since the import of %s began", import->source),
				errdetail("What was imported after that was awarded nothing by: %s.", names),
				errhint("A campaign is completed late_posting_days after it was last launched, or by an admin."));
	import->completed = during;
	if (ended && before > 0)
		ereport(NOTICE, errmsg("campaigns that cover these times were completed before"),
				errdetail("The import of %s was awarded nothing by " INT64_FORMAT " completed campaigns.",
						  import->source, before));
	ss_rows_free(&rows);
}

/* Notes the end, and tells what there is to say. */
static void
finish(Import *import)
{
	Datum source = CStringGetTextDatum(import->source);
	SSCall call;

	SPI_cursor_close(import->portal);
	ss_owner_become(&call);
	(void) ss_query_write(&finish_query, &source, NULL);
	ss_owner_leave(&call);
	tell_completed(import, true);
}

/*
 * import_purchases(source, chunk_size, afresh)
 */
Datum
swipesavvy_import_purchases(PG_FUNCTION_ARGS)
{
	CallContext *context = (CallContext *) fcinfo->context;
	Import import = {.first = DT_NOEND, .last = DT_NOBEGIN};
	Oid relid;
	int chunk_size;
	SSCall call;
	bool no_size;
	bool afresh;

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
	afresh = ss_arg_bool(fcinfo, 2, false);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	import.source = source_name(relid);
	resume(relid, &import, PG_ARGISNULL(2) ? NULL : &afresh);
	open_cursor(relid, &import);
	note_seen(&import);
	commit();
	while (next_chunk(&import, chunk_size))
	{
		commit();
		ss_call_refuse_in_maintenance();
		ereport(NOTICE, errmsg("imported " INT64_FORMAT " purchases of %s, " INT64_FORMAT " set aside", import.imported,
							   import.source, import.set_aside));
		tell_completed(&import, false);
	}
	finish(&import);
	unlock(relid);
	ss_query_disconnect();
	PG_RETURN_VOID();
}
