/*
 * view.h: the door for INSERT and COPY, to the library's initialisation,
 * and how it sorts, to simulations.
 */
#ifndef SS_VIEW_H
#define SS_VIEW_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplesort.h"

/* The first two columns of rows that ss_purchases_sort sorts. */
#define SS_SORT_OCCURRED_AT	   0
#define SS_SORT_TRANSACTION_ID 1

/*
 * Begins a sort, within work_mem, of rows into the order in which purchases are
 * processed: their first columns are occurred_at and transaction_id.
 */
extern Tuplesortstate *ss_purchases_sort(TupleDesc desc);

/* Registers what forgets the purchases collected by a statement that failed. */
extern void ss_purchases_init(void);

#endif /* SS_VIEW_H */
