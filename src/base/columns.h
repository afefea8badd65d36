/*
 * columns.h: rows as arrays, one per column, for queries that read them back with
 * unnest.
 */
#ifndef SS_COLUMNS_H
#define SS_COLUMNS_H

#include "postgres.h"

#include "base/query.h"

#define SS_COLUMNS_MAX 24

typedef struct SSColumns
{
	int ncolumns;
	int nrows;
	int capacity;
	Oid types[SS_COLUMNS_MAX];
	Datum *values[SS_COLUMNS_MAX];
	bool *nulls[SS_COLUMNS_MAX];
} SSColumns;

/* Empty columns of these element types with room for that many rows; the room grows. */
extern void ss_columns_init(SSColumns *columns, int ncolumns, const Oid *types, int rows);

/* The same for a query each of whose parameters is the array of one column; and runs it, unless there is no row. Each row must be written. */
extern void ss_columns_begin(SSColumns *columns, const SSQuery *query, int rows);
extern void ss_columns_write(SSQuery *query, const SSColumns *columns);

/* Begins a row; all its columns are null until set. */
extern void ss_columns_next(SSColumns *columns);

/* Sets a column (from 0) of the row begun last. */
extern void ss_columns_set(SSColumns *columns, int column, Datum value);

/* The columns as array datums, for the parameters of a query. */
extern void ss_columns_arrays(const SSColumns *columns, Datum *arrays);

/* An array of uuids without nulls. */
extern Datum ss_uuid_array(const void *ids, int count, Size stride);

#endif /* SS_COLUMNS_H */
