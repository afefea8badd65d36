/*
 * run.h: the statements of the workers' library, and the rows that they give.
 *
 * A statement is an SSQuery, and its rows are read column by column in the order
 * of its SELECT, as base/rows.h says: each reader takes one type and no other.
 * The functions of base/query.h and base/rows.h are those of the main library,
 * and are not to be had here.
 */
#ifndef SSW_RUN_H
#define SSW_RUN_H

#include "postgres.h"

#include "base/query.h"
#include "base/rows.h"

/* Runs a statement that gives rows. They live as long as the transaction (ssw_begin), whatever is run after it. */
extern SSRows ssw_run(SSQuery *query, Datum *values, const char *nulls);

/* Runs one that gives a single row. */
extern SSRow ssw_run_for_row(SSQuery *query, Datum *values, const char *nulls);

/* A row, from 0, that has not been read yet. */
extern SSRow ssw_row(SSRows rows, uint64 n);

/* The next value of a row, or what stands here where it is null. */
extern int32 ssw_next_int32(SSRow *row); /* 0 */
extern bool ssw_next_bool(SSRow *row);	 /* false */
extern char *ssw_next_text(SSRow *row);	 /* NULL */
extern Datum ssw_next_value(SSRow *row, Oid type, bool *isnull);

#endif /* SSW_RUN_H */
