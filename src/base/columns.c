/*
 * columns.c: rows as arrays (columns.h).
 *
 * Called by the award engine and by the doors. Everything lives in the
 * caller's memory context.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "base/columns.h"

static void
set_capacity(SSColumns *columns, int rows)
{
	for (int i = 0; i < columns->ncolumns; i++)
	{
		columns->values[i] =
			columns->capacity == 0 ? palloc(rows * sizeof(Datum)) : repalloc(columns->values[i], rows * sizeof(Datum));
		columns->nulls[i] =
			columns->capacity == 0 ? palloc(rows * sizeof(bool)) : repalloc(columns->nulls[i], rows * sizeof(bool));
	}
	columns->capacity = rows;
}

void
ss_columns_init(SSColumns *columns, int ncolumns, const Oid *types, int rows)
{
	Assert(ncolumns <= SS_COLUMNS_MAX);
	columns->ncolumns = ncolumns;
	columns->nrows = 0;
	columns->capacity = 0;
	for (int i = 0; i < ncolumns; i++)
		columns->types[i] = types[i];
	set_capacity(columns, Max(rows, 4));
}

void
ss_columns_next(SSColumns *columns)
{
	if (columns->nrows == columns->capacity)
		set_capacity(columns, columns->capacity * 2);
	for (int i = 0; i < columns->ncolumns; i++)
		columns->nulls[i][columns->nrows] = true;
	columns->nrows++;
}

void
ss_columns_set(SSColumns *columns, int column, Datum value)
{
	columns->values[column][columns->nrows - 1] = value;
	columns->nulls[column][columns->nrows - 1] = false;
}

void
ss_columns_arrays(const SSColumns *columns, Datum *arrays)
{
	int dimensions = columns->nrows;
	int lower = 1;

	for (int i = 0; i < columns->ncolumns; i++)
	{
		int16 length;
		bool by_value;
		char align;

		get_typlenbyvalalign(columns->types[i], &length, &by_value, &align);
		arrays[i] = PointerGetDatum(construct_md_array(columns->values[i], columns->nulls[i], 1, &dimensions, &lower,
													   columns->types[i], length, by_value, align));
	}
}

Datum
ss_uuid_array(const void *ids, int count, Size stride)
{
	Datum *values = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = UUIDPGetDatum((const pg_uuid_t *) ((const char *) ids + i * stride));
	return PointerGetDatum(construct_array(values, count, UUIDOID, UUID_LEN, false, 'c'));
}

void
ss_columns_begin(SSColumns *columns, const SSQuery *query, int rows)
{
	Oid types[SS_COLUMNS_MAX] = {0};

	for (int i = 0; i < query->nargs; i++)
		types[i] = get_element_type(query->argtypes[i]);
	ss_columns_init(columns, query->nargs, types, rows);
}

void
ss_columns_write(SSQuery *query, const SSColumns *columns)
{
	Datum arrays[SS_COLUMNS_MAX];

	if (columns->nrows == 0)
		return;
	ss_columns_arrays(columns, arrays);
	ss_query_latest_rows(query, arrays, NULL, columns->nrows);
}
