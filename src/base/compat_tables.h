/*
 * compat_tables.h: the part of compat.h that writes rows and index entries past
 * the executor, whose functions differ from version to version.
 *
 * Used by direct.c and log_row.c.
 */
#ifndef SS_COMPAT_TABLES_H
#define SS_COMPAT_TABLES_H

#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/executor.h"

/* Makes the index entries of a new row, or of a new version of one. 16 tells apart what only summarises. */
static inline void
ss_compat_insert_index_tuples(ResultRelInfo *info, TupleTableSlot *row, EState *estate, bool only_summarizing)
{
	if (info->ri_NumIndices == 0)
		return;
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(info, row, estate, false, false, NULL, NIL, only_summarizing);
#else
	(void) ExecInsertIndexTuples(info, row, estate, false, false, NULL, NIL);
#endif
}

/* Makes the entry of a new row in one index. From 17 on an index may have something to finish. */
static inline void
ss_compat_index_insert(Relation index, Datum *keys, bool *nulls, ItemPointer tid, Relation table,
					   struct IndexInfo *info)
{
	(void) index_insert(index, keys, nulls, tid, table,
						index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
#if PG_VERSION_NUM >= 170000
	index_insert_cleanup(index, info);
#endif
}

/*
 * Closes what ExecOpenIndices opened, but keeps the locks until the transaction
 * ends: to let go of each by itself costs more. From 17 on an index may have
 * something to finish.
 */
static inline void
ss_compat_close_indices(ResultRelInfo *info)
{
	for (int i = 0; i < info->ri_NumIndices; i++)
	{
#if PG_VERSION_NUM >= 170000
		index_insert_cleanup(info->ri_IndexRelationDescs[i], info->ri_IndexRelationInfo[i]);
#endif
		index_close(info->ri_IndexRelationDescs[i], NoLock);
	}
}

/* Replaces a version of a row by a new one, with its index entries; without waiting it may be TM_BeingModified. */
static inline TM_Result
ss_compat_update(Relation rel, ItemPointer replaced, TupleTableSlot *row, Snapshot snapshot, bool wait,
				 ResultRelInfo *info, EState *estate)
{
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result result;
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes indexes;
#else
	bool indexes;
#endif

	result = table_tuple_update(rel, replaced, row, GetCurrentCommandId(true), snapshot, InvalidSnapshot, wait,
								&failure, &mode, &indexes);
	if (result != TM_Ok)
		return result;
#if PG_VERSION_NUM >= 160000
	if (indexes != TU_None)
		ss_compat_insert_index_tuples(info, row, estate, indexes == TU_Summarizing);
#else
	if (indexes)
		ss_compat_insert_index_tuples(info, row, estate, false);
#endif
	return result;
}

#endif /* SS_COMPAT_TABLES_H */
