/*
 * compat.h: the only place that knows one PostgreSQL version from another.
 *
 * Included by whoever needs one of these names; the oldest server we build on
 * is 15.
 */
#ifndef SS_COMPAT_H
#define SS_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM < 150000
#error "swipesavvy needs PostgreSQL 15 or later"
#endif

/* variadic marks of varatt.h moved there in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* DecodeDateTime tells more about its errors from 16 on; nothing that we pass on */
#if PG_VERSION_NUM >= 160000
#define ss_decode_time(field, ftype, nf, dtype, tm, fsec, tzp)                                                         \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp, &(DateTimeErrorExtra){0})
#else
#define ss_decode_time(field, ftype, nf, dtype, tm, fsec, tzp) DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp)
#endif

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

/* the local id of this backend's transaction, a member of PGPROC, moved in 17 */
#if PG_VERSION_NUM >= 170000
#define SS_MY_LXID (MyProc->vxid.lxid)
#else
#define SS_MY_LXID (MyProc->lxid)
#endif

/* which file a table's rows are in; it got another name in 16 */
#if PG_VERSION_NUM >= 160000
#define SS_REL_STORAGE(rel) ((rel)->rd_locator.relNumber)
#else
#define SS_REL_STORAGE(rel) ((rel)->rd_node.relNode)
#endif

/* Handlers of the JSON parser return an error code from 16 on; ours find fault otherwise. */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType ss_json_action;
#define SS_JSON_ACTION_DONE return JSON_SUCCESS
#else
typedef void ss_json_action;
#define SS_JSON_ACTION_DONE return
#endif

static inline JsonLexContext *
ss_json_lexer(const char *text, int length, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, length, encoding, true);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, text), length, encoding, true);
#endif
}

/* What is waited for together, as long as the process lives. From 17 on a resource owner can have it instead. */
static inline WaitEventSet *
ss_compat_create_wait_event_set(int events)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, events);
#else
	return CreateWaitEventSet(TopMemoryContext, events);
#endif
}

/* base64 works on bytes from 18 on */
#if PG_VERSION_NUM >= 180000
typedef uint8 ss_b64_byte;
#else
typedef char ss_b64_byte;
#endif

#endif /* SS_COMPAT_H */
