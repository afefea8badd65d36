/*
 * run.c: the statements of the workers' library, and the rows that they give
 * (run.h).
 *
 * Called by the steps of worker.c and deliveries.c, in a transaction that
 * ssw_begin began. No locks but those of the statements. No error says what a
 * value is: it may be secret.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "worker/run.h"

SSRows
ssw_run(SSQuery *query, Datum *values, const char *nulls)
{
	if (query->plan == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(query->sql, query->nargs, query->argtypes);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\"", query->sql);
		query->plan = plan;
	}
	if (SPI_execute_plan(query->plan, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "\"%s\" returned no rows", query->sql);
	return (SSRows){SPI_tuptable, SPI_processed};
}

SSRow
ssw_run_for_row(SSQuery *query, Datum *values, const char *nulls)
{
	SSRows rows = ssw_run(query, values, nulls);

	if (rows.count != 1)
		elog(ERROR, "\"%s\" returned not one row", query->sql);
	return ssw_row(rows, 0);
}

SSRow
ssw_row(SSRows rows, uint64 n)
{
	Assert(n < rows.count);
	return (SSRow){rows.table->vals[n], rows.table->tupdesc, 0};
}

Datum
ssw_next_value(SSRow *row, Oid type, bool *isnull)
{
	const FormData_pg_attribute *column;

	if (row->column >= row->desc->natts)
		elog(ERROR, "a statement has only %d columns", row->desc->natts);
	column = TupleDescAttr(row->desc, row->column++);
	if (column->atttypid != type)
		elog(ERROR, "column \"%s\" is of type %u, not %u", NameStr(column->attname), column->atttypid, type);
	return heap_getattr(row->tuple, row->column, row->desc, isnull);
}

int32
ssw_next_int32(SSRow *row)
{
	bool isnull;
	Datum value = ssw_next_value(row, INT4OID, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

bool
ssw_next_bool(SSRow *row)
{
	bool isnull;
	Datum value = ssw_next_value(row, BOOLOID, &isnull);

	return !isnull && DatumGetBool(value);
}

char *
ssw_next_text(SSRow *row)
{
	bool isnull;
	Datum value = ssw_next_value(row, TEXTOID, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}
