/*
 * direct.h: reads, locks and writes the engine's tables by their access
 * methods, without the executor.
 *
 * Usage, with swipesavvy_owner as user:
 *
 *		SSDirect   *direct = ss_direct_begin();
 *
 *		if (direct == NULL)
 *			... the same by query.h ...
 *		ss_direct_end(direct);
 *
 * An error in between needs no cleaning up. Those who read only, on a replica
 * too, use ss_direct_begin_reading and ss_direct_end_reading instead: under the
 * active snapshot, and without the locks that writing takes. They say which
 * tables they read, and the others do not matter.
 */
#ifndef SS_DIRECT_H
#define SS_DIRECT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/uuid.h"

#include "direct/tables.h"

typedef struct SSDirect SSDirect;

/*
 * 25006 in a read-only transaction and on a replica.
 * NULL where a table is not the plain one that the extension made: it has
 * triggers, rules, row security or columns of somebody else's, or Citus has
 * distributed it. The executor knows what to do with those.
 */
extern SSDirect *ss_direct_begin(void);

/* The same for reading those tables (SS_ONE_TABLE) under the active snapshot. */
extern SSDirect *ss_direct_begin_reading(uint32 tables);
extern void ss_direct_end_reading(SSDirect *direct);

/* Writes what was added, makes it visible to the transaction's next command, and closes the tables. */
extern void ss_direct_end(SSDirect *direct);

/* What follows sees all that has committed by now. */
extern void ss_direct_refresh(SSDirect *direct);

/* A scan over the rows whose key begins with these values; they are given as the key's columns need them. */
typedef struct SSScan
{
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanDirection direction;
	Buffer visibility; /* of ss_direct_next_entry */
} SSScan;

extern SSScan ss_direct_scan(SSDirect *direct, SSTable table, int nkeys, const Datum *keys);
extern bool ss_direct_next(SSScan *scan);
extern void ss_direct_close(SSScan *scan);

/* The same scan over the rows with other values: cheaper than another scan. */
extern void ss_direct_seek(SSDirect *direct, SSTable table, SSScan *scan, int nkeys, const Datum *keys);

/* The same from the last row to the first. */
extern SSScan ss_direct_scan_back(SSDirect *direct, SSTable table, int nkeys, const Datum *keys);

/* A user's rows of a time from `from` on and before `until`, in the order of time or the other way round. */
extern SSScan ss_direct_scan_times(SSDirect *direct, SSTable table, const pg_uuid_t *user_id, TimestampTz from,
								   TimestampTz until, ScanDirection direction);

/*
 * The same, but in the order of time the index's entries only, without the
 * rows where their pages are known to be visible to all. ss_direct_entry takes
 * the one that the scan stands on apart, as the index has its columns.
 */
extern SSScan ss_direct_scan_entries(SSDirect *direct, SSTable table, const pg_uuid_t *user_id, TimestampTz from,
									 TimestampTz until);
extern bool ss_direct_next_entry(SSScan *scan);
extern void ss_direct_entry(const SSScan *scan, Datum *values, bool *nulls);

/* A scan over all rows of a table, in no order. */
typedef struct SSScanAll
{
	TableScanDesc scan;
	TupleTableSlot *slot;
} SSScanAll;

extern SSScanAll ss_direct_scan_all(SSDirect *direct, SSTable table);
extern bool ss_direct_next_of_all(SSScanAll *scan);
extern void ss_direct_close_all(SSScanAll *scan);

/* Is there a row with this key? */
extern bool ss_direct_exists(SSDirect *direct, SSTable table, int nkeys, const Datum *keys);

/* Stores what was added; then ss_rivals_exist(). */
extern bool ss_direct_has_rival(SSDirect *direct, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id);

/* The value of a column of the row that a scan stands on, or that was locked: one that is null only after somebody's DDL is refused. */
extern Datum ss_direct_get(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column);

/* The same of a column that may be null. */
extern Datum ss_direct_get_or_null(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column,
								   bool *isnull);

/* Refuses an entry of SS_PURCHASES, or a row with its columns, in which a null is that only somebody's DDL lets in. */
extern void ss_direct_check_purchase(const bool *nulls);

/* Is the column null? Without taking the row apart. */
extern bool ss_direct_is_null(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column);

/*
 * Finds a row by its whole key and locks its latest version FOR NO KEY UPDATE;
 * returns it, valid until the next lock in that table, or NULL if there is none.
 */
extern TupleTableSlot *ss_direct_lock(SSDirect *direct, SSTable table, int nkeys, const Datum *keys);

/* Waits for the row's latest version and locks it likewise; NULL if it is gone. */
extern TupleTableSlot *ss_direct_wait(SSDirect *direct, SSTable table, ItemPointer tid);

/*
 * Begins a row to be inserted, or the new version of a locked one. All its
 * columns are null until they are set.
 */
extern void ss_direct_add(SSDirect *direct, SSTable table);
extern void ss_direct_replace(SSDirect *direct, SSTable table, const ItemPointerData *locked);
extern void ss_direct_set(SSDirect *direct, SSTable table, int column, Datum value);

/* Writes the new version begun by ss_direct_replace. */
extern void ss_direct_update(SSDirect *direct, SSTable table);

/*
 * The same for a row that is not locked, if it is still as it was read and
 * nobody else has it: TM_Ok; TM_BeingModified if somebody has it, anything else
 * if it was changed. Never waits.
 */
extern TM_Result ss_direct_try_update(SSDirect *direct, SSTable table);

/* Opens all that writing a table needs: before a subtransaction that may be rolled back. */
extern void ss_direct_prepare(SSDirect *direct, SSTable table);

/* The place of a column in the rows of a scan, for readers that get many of them at once. */
extern AttrNumber ss_direct_column(SSTable table, int column);

extern Datum ss_direct_label(SSLabel label);

#endif /* SS_DIRECT_H */
