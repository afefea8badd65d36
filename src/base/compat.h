/*
 * compat.h: the only place that knows one PostgreSQL version from another, with
 * compat_tables.h, which has what needs the headers of tables and the executor.
 *
 * Included by whoever needs one of these names. It brings no other headers with
 * it, as errors.h needs it: whoever uses a macro includes what the macro names.
 * The oldest server we build on is 15.
 */
#ifndef SS_COMPAT_H
#define SS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "swipesavvy needs PostgreSQL 15 or later"
#endif

/* VARDATA, VARSIZE and their like: from 16 on postgres.h leaves them out */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* a function that does not return: from 18 on the mark stands before its declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

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
#define ss_json_action		JsonParseErrorType
#define SS_JSON_ACTION_DONE return JSON_SUCCESS
#else
#define ss_json_action		void
#define SS_JSON_ACTION_DONE return
#endif

/* from 17 on the text is const, and the lexer may be the caller's */
#if PG_VERSION_NUM >= 170000
#define ss_json_lexer(text, length, encoding) makeJsonLexContextCstringLen(NULL, text, length, encoding, true)
#else
#define ss_json_lexer(text, length, encoding)                                                                          \
	makeJsonLexContextCstringLen(unconstify(char *, text), length, encoding, true)
#endif

/* What is waited for together, as long as the process lives. From 17 on a resource owner can have it instead. */
#if PG_VERSION_NUM >= 170000
#define ss_compat_create_wait_event_set(events) CreateWaitEventSet(NULL, events)
#else
#define ss_compat_create_wait_event_set(events) CreateWaitEventSet(TopMemoryContext, events)
#endif

/* begins a scan of an index without ORDER BY; from 18 on EXPLAIN can count what it did */
#if PG_VERSION_NUM >= 180000
#define ss_compat_begin_index_scan(table, index, snapshot, nkeys)                                                      \
	index_beginscan(table, index, snapshot, NULL, nkeys, 0)
#else
#define ss_compat_begin_index_scan(table, index, snapshot, nkeys) index_beginscan(table, index, snapshot, nkeys, 0)
#endif

/* the next datum of a sort, of a type that is passed by value; from 16 on it says whether to copy those that are not */
#if PG_VERSION_NUM >= 160000
#define ss_compat_get_datum(sort, value, isnull) tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define ss_compat_get_datum(sort, value, isnull) tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

/* may the role execute the function? catalog/pg_proc.h, utils/acl.h */
#if PG_VERSION_NUM >= 160000
#define ss_compat_may_execute(function, role)                                                                          \
	(object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK)
#else
#define ss_compat_may_execute(function, role) (pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* base64 works on bytes from 18 on */
#if PG_VERSION_NUM >= 180000
typedef uint8 ss_b64_byte;
#else
typedef char ss_b64_byte;
#endif

#endif /* SS_COMPAT_H */
