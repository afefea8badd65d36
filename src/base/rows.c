/*
 * rows.c: the rows of a query (rows.h).
 *
 * Called by every domain, with SPI connected. Whether the tables' columns are of
 * the types that the extension gave them, query.c looks at first (made.h). Here
 * each value that is read must be of the type that its reader takes, so that a
 * reader cannot take an integer for a bigint, or a column for the one beside it.
 * No state, no locks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/rows.h"

/* --- queries ----------------------------------------------------------------------- */

SSRows
ss_rows_read(SSQuery *query, const Datum *values, const bool *nulls)
{
	uint64 count = ss_query_read(query, values, nulls);

	return (SSRows){SPI_tuptable, count};
}

SSRows
ss_rows_latest(SSQuery *query, const Datum *values, const bool *nulls)
{
	uint64 count = ss_query_latest(query, values, nulls);

	return (SSRows){SPI_tuptable, count};
}

SSRows
ss_rows_at(SSQuery *query, const Datum *values, const bool *nulls, Snapshot snapshot)
{
	uint64 count = ss_query_at(query, values, nulls, snapshot);

	return (SSRows){SPI_tuptable, count};
}

SSRows
ss_rows_write(SSQuery *query, const Datum *values, const bool *nulls)
{
	uint64 count = ss_query_write(query, values, nulls);

	return (SSRows){SPI_tuptable, count};
}

SSRows
ss_rows_fetch(Portal cursor, long count)
{
	uint64 fetched = ss_query_fetch(cursor, count);

	return (SSRows){SPI_tuptable, fetched};
}

SSRows
ss_rows_of_last(void)
{
	return (SSRows){SPI_tuptable, SPI_tuptable == NULL ? 0 : SPI_tuptable->numvals};
}

void
ss_rows_free(SSRows *rows)
{
	SPI_freetuptable(rows->table);
	*rows = (SSRows){NULL, 0};
}

SSRow
ss_row(SSRows rows, uint64 n)
{
	if (n >= rows.count)
		ss_query_refuse_loss(rows.count, n + 1);
	return (SSRow){rows.table->vals[n], rows.table->tupdesc, 0};
}

SSRow
ss_row_of_last(uint64 n)
{
	return ss_row(ss_rows_of_last(), n);
}

/* --- values ------------------------------------------------------------------------ */

static void
refuse_type(const FormData_pg_attribute *column, Oid expected)
{
	ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a query gave a column of a type that is not read"),
			errdetail("Column \"%s\" is of type %s, not %s.", NameStr(column->attname),
					  format_type_be(column->atttypid), format_type_be(expected)));
}

/* The next column, whose type is for the caller to check. */
static const FormData_pg_attribute *
next_column(SSRow *row)
{
	if (row->column >= row->desc->natts)
		elog(ERROR, "a query has only %d columns", row->desc->natts);
	return TupleDescAttr(row->desc, row->column++);
}

void
ss_refuse_null(const char *column)
{
	ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			errmsg("a column is null that the extension never leaves null"), errdetail("It is column \"%s\".", column));
}

Datum
ss_slot_value(TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	if (isnull)
		ss_refuse_null(NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->attname));
	return value;
}

static void
refuse_null(const SSRow *row)
{
	ss_refuse_null(NameStr(TupleDescAttr(row->desc, row->column - 1)->attname));
}

Datum
ss_next_value_or_null(SSRow *row, Oid type, bool *isnull)
{
	const FormData_pg_attribute *column = next_column(row);

	if (column->atttypid != type)
		refuse_type(column, type);
	return heap_getattr(row->tuple, row->column, row->desc, isnull);
}

Datum
ss_next_value(SSRow *row, Oid type)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, type, &isnull);

	if (isnull)
		refuse_null(row);
	return value;
}

bool
ss_next_bool(SSRow *row)
{
	return DatumGetBool(ss_next_value(row, BOOLOID));
}

int16
ss_next_int16(SSRow *row)
{
	return DatumGetInt16(ss_next_value(row, INT2OID));
}

int32
ss_next_int32(SSRow *row)
{
	return DatumGetInt32(ss_next_value(row, INT4OID));
}

int64
ss_next_int64(SSRow *row)
{
	return DatumGetInt64(ss_next_value(row, INT8OID));
}

double
ss_next_float8(SSRow *row)
{
	return DatumGetFloat8(ss_next_value(row, FLOAT8OID));
}

DateADT
ss_next_date(SSRow *row)
{
	return DatumGetDateADT(ss_next_value(row, DATEOID));
}

TimestampTz
ss_next_time(SSRow *row)
{
	return DatumGetTimestampTz(ss_next_value(row, TIMESTAMPTZOID));
}

const pg_uuid_t *
ss_next_uuid(SSRow *row)
{
	return DatumGetUUIDP(ss_next_value(row, UUIDOID));
}

Jsonb *
ss_next_jsonb(SSRow *row)
{
	return DatumGetJsonbP(ss_next_value(row, JSONBOID));
}

bytea *
ss_next_bytea(SSRow *row)
{
	return DatumGetByteaPP(ss_next_value(row, BYTEAOID));
}

char *
ss_next_text(SSRow *row)
{
	char *text = ss_next_text_or_null(row);

	if (text == NULL)
		refuse_null(row);
	return text;
}

/* --- values that may be null --------------------------------------------------------- */

bool
ss_next_bool_or(SSRow *row, bool when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, BOOLOID, &isnull);

	return isnull ? when_null : DatumGetBool(value);
}

int16
ss_next_int16_or(SSRow *row, int16 when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, INT2OID, &isnull);

	return isnull ? when_null : DatumGetInt16(value);
}

int32
ss_next_int32_or(SSRow *row, int32 when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, INT4OID, &isnull);

	return isnull ? when_null : DatumGetInt32(value);
}

int64
ss_next_int64_or(SSRow *row, int64 when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, INT8OID, &isnull);

	return isnull ? when_null : DatumGetInt64(value);
}

double
ss_next_float8_or(SSRow *row, double when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, FLOAT8OID, &isnull);

	return isnull ? when_null : DatumGetFloat8(value);
}

TimestampTz
ss_next_time_or(SSRow *row, TimestampTz when_null)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, TIMESTAMPTZOID, &isnull);

	return isnull ? when_null : DatumGetTimestampTz(value);
}

const pg_uuid_t *
ss_next_uuid_or_null(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, UUIDOID, &isnull);

	return isnull ? NULL : DatumGetUUIDP(value);
}

Numeric
ss_next_numeric_or_null(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, NUMERICOID, &isnull);

	return isnull ? NULL : DatumGetNumeric(value);
}

Jsonb *
ss_next_jsonb_or_null(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, JSONBOID, &isnull);

	return isnull ? NULL : DatumGetJsonbP(value);
}

bytea *
ss_next_bytea_or_null(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, BYTEAOID, &isnull);

	return isnull ? NULL : DatumGetByteaPP(value);
}

char *
ss_next_text_or_null(SSRow *row)
{
	const FormData_pg_attribute *column = next_column(row);
	Datum value;
	bool isnull;

	if (column->atttypid != TEXTOID && column->atttypid != VARCHAROID && column->atttypid != BPCHAROID)
		refuse_type(column, TEXTOID);
	value = heap_getattr(row->tuple, row->column, row->desc, &isnull);
	return isnull ? NULL : TextDatumGetCString(value);
}

Datum
ss_next_enum(SSRow *row)
{
	Oid type = row->column < row->desc->natts ? TupleDescAttr(row->desc, row->column)->atttypid : InvalidOid;

	return ss_next_value(row, type_is_enum(type) ? type : ANYENUMOID);
}

SSRow
ss_next_record(SSRow *row)
{
	Oid type = row->column < row->desc->natts ? TupleDescAttr(row->desc, row->column)->atttypid : InvalidOid;
	HeapTupleHeader record = DatumGetHeapTupleHeader(ss_next_value(row, type_is_rowtype(type) ? type : RECORDOID));
	HeapTuple tuple = palloc0(sizeof(HeapTupleData));

	tuple->t_len = HeapTupleHeaderGetDatumLength(record);
	tuple->t_data = record;
	return (SSRow){tuple,
				   lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(record), HeapTupleHeaderGetTypMod(record)), 0};
}

/* --- one value ------------------------------------------------------------------------- */

bool
ss_one_bool(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_bool(&row);
}

int32
ss_one_int32(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_int32(&row);
}

int64
ss_one_int64(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_int64(&row);
}

TimestampTz
ss_one_time(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_time(&row);
}

const pg_uuid_t *
ss_one_uuid(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_uuid(&row);
}

char *
ss_one_text(SSRows rows)
{
	SSRow row = ss_row(rows, 0);

	return ss_next_text(&row);
}
