/*
 * staging.h: the query over a staging table of purchases.
 *
 * A row of SS_STAGING_READ_ON has ctid, the columns of ss_staging_columns, the row's hash
 * and its xmin.
 */
#ifndef SS_STAGING_H
#define SS_STAGING_H

#include "postgres.h"

#include "executor/spi.h"

#define SS_STAGING_COLUMNS 10

/* Columns that are read, in the order of the query. */
typedef struct SSStagingColumn
{
	const char *name;
	Oid type;
	const char *cast;
} SSStagingColumn;

extern const SSStagingColumn ss_staging_columns[SS_STAGING_COLUMNS];

/*
 * What is asked; $1, $2 and $3 are a position, $4 is a number of rows, $5 this
 * transaction, $6 the zone in which times without one are read, and $7 a
 * snapshot.
 */
typedef enum SSStagingQuestion
{
	SS_STAGING_READ_ON,		/* the rows behind the position, without the first $4 */
	SS_STAGING_COUNT_UP_TO, /* the rows up to the position; $4 is null */
	SS_STAGING_COUNT_FIRST, /* the first $4 rows behind the position */
} SSStagingQuestion;

#define SS_STAGING_PARAMETERS 7

/* `source` is the table's name as SQL. With the caller's rights; an error where the table lacks a column or has another type. */
extern SPIPlanPtr ss_staging_plan(Oid relid, const char *source, SSStagingQuestion question);

#endif /* SS_STAGING_H */
