/*
 * made.h: whether the columns that a query reads have the types that the
 * extension gave them.
 *
 * Results of queries are read as these types. Who gives a column another one
 * would have a number read as an address, or an address as a number of points.
 */
#ifndef SS_MADE_H
#define SS_MADE_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/rel.h"

typedef struct SSMadeTable
{
	const char *name;	 /* with its schema */
	const char *columns; /* "column type, column type" */
} SSMadeTable;

extern const SSMadeTable ss_made_tables[];
extern const int ss_made_tables_count;

/*
 * 55000 when a table that the plan uses has a column of ours in another type. The plan is being used or has just been
 * used, so its tables are locked. Costs next to nothing as long as no table changes.
 */
extern void ss_made_check(SPIPlanPtr plan);

/* The same for one table of ours, which is open. */
extern void ss_made_check_table(Relation rel);

#endif /* SS_MADE_H */
