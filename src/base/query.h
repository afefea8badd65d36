/*
 * query.h: constant SQL from C: prepared once per backend and kept.
 *
 * A domain declares its queries by SS_QUERY and runs them between
 * ss_call_enter and ss_call_leave (which hold the SPI connection). Texts are
 * constant, schema-qualified, with $n; no string ever becomes SQL.
 */
#ifndef SS_QUERY_H
#define SS_QUERY_H

#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/snapshot.h"

#include "base/compat.h"

#define SS_QUERY_MAX_ARGS 40

typedef struct SSQuery
{
	const char *sql;
	int nargs;
	Oid argtypes[SS_QUERY_MAX_ARGS];
	SPIPlanPtr plan; /* NULL until first used */
} SSQuery;

/* A query's text, and the types of $1, $2, ... where it has any, which are counted here. */
#define SS_QUERY_OF(text, ...)                                                                                         \
	{                                                                                                                  \
		.sql = text, .nargs = (int) (sizeof((Oid[]){0, ##__VA_ARGS__}) / sizeof(Oid)) - 1, .argtypes = { __VA_ARGS__ } \
	}

/* Declares a query of this file. */
#define SS_QUERY(name, ...) static SSQuery name = SS_QUERY_OF(__VA_ARGS__)

/* Connects to SPI, whose memory context becomes the current one, and leaves it; ss_call_enter and ss_call_leave do it, too. */
extern void ss_query_connect(void);
extern void ss_query_disconnect(void);

/*
 * Runs a query that reads under the active snapshot (what a STABLE function
 * must do). Returns the number of rows; they are in SPI_tuptable.
 */
extern uint64 ss_query_read(SSQuery *query, const Datum *values, const bool *nulls);

/*
 * The same for more rows than should be held at once: a cursor, and its next
 * rows in SPI_tuptable, which the caller frees (0 at the end, when it is closed).
 */
extern Portal ss_query_open(SSQuery *query, const Datum *values, const bool *nulls);
extern uint64 ss_query_fetch(Portal cursor, long count);

/*
 * A query that writes or locks, under the latest snapshot even in a REPEATABLE READ transaction,
 * whose own one may be older than a lock it has just waited for.
 */
extern uint64 ss_query_latest(SSQuery *query, const Datum *values, const bool *nulls);

/* The same under a snapshot that several statements share; what they themselves have written is seen beside it. */
extern uint64 ss_query_at(SSQuery *query, const Datum *values, const bool *nulls, Snapshot snapshot);

/* The same as ss_query_latest for a statement that must write that many rows, no fewer: 55000 when somebody's trigger or rule lets some go. */
extern void ss_query_latest_rows(SSQuery *query, const Datum *values, const bool *nulls, uint64 rows);

/*
 * A statement that deletes or changes the rows of a table that meet a condition, after which none meets it, and the
 * question whether any still does. The types of $1, $2, ... come last.
 */
typedef struct SSSweep
{
	SSQuery change;
	SSQuery left;
} SSSweep;

#define SS_SWEEP_DELETE(table, condition, ...)                                                                         \
	{                                                                                                                  \
		SS_QUERY_OF("DELETE FROM " table " WHERE " condition, __VA_ARGS__),                                            \
			SS_QUERY_OF("SELECT FROM " table " WHERE " condition " LIMIT 1", __VA_ARGS__)                              \
	}
#define SS_SWEEP_UPDATE(table, changes, condition, ...)                                                                \
	{                                                                                                                  \
		SS_QUERY_OF("UPDATE " table " SET " changes " WHERE " condition, __VA_ARGS__),                                 \
			SS_QUERY_OF("SELECT FROM " table " WHERE " condition " LIMIT 1", __VA_ARGS__)                              \
	}

/* Runs it, and again for rows that somebody has added meanwhile: 55000 when a row stays as it is. Returns how many were changed. */
extern uint64 ss_query_sweep(SSSweep *sweep, const Datum *values, const bool *nulls);

/* The error of that, for rows whose absence shows only later. */
pg_noreturn extern void ss_query_refuse_loss(uint64 written, uint64 rows);

/* What ss_query_each hands each row to. */
typedef void (*SSRowFunction)(TupleTableSlot *row, void *state);

/*
 * Like ss_query_read, but each row goes to the function as the executor makes
 * it, without a copy; SPI_tuptable holds nothing. No parameter is null.
 */
extern void ss_query_each(SSQuery *query, const Datum *values, SSRowFunction function, void *state);

/* Runs a query that writes or locks: a fresh snapshot, own changes visible. */
extern uint64 ss_query_write(SSQuery *query, const Datum *values, const bool *nulls);

/* How many rows this session's queries have changed so far: compared with an earlier count, whether they changed any. */
extern uint64 ss_query_changes(void);

/*
 * Puts the safe search_path in place until the GUC nest level ends, if it is
 * not: every query of this module does so first. A plan that is revalidated
 * under another path would be made again with somebody else's operators.
 */
extern void ss_query_guard_path(void);

/* Keeps new plans off sequential scans until the GUC nest level ends. */
extern void ss_query_avoid_scans(void);

/* The same, and takes orders from indexes that have them. */
extern void ss_query_avoid_sorts(void);

/*
 * For queries of maintenance that sum everything: they hash rather than sort, or look up row by row, though the planner
 * takes a join over two columns for a few rows; in the memory that maintenance may take. Until the GUC nest level ends.
 */
extern void ss_query_sum_all(void);

/* Keeps to plans that fit all parameters until the GUC nest level ends: for queries where planning would cost more than it gains. */
extern void ss_query_plan_once(void);

/* The same, and off bitmaps: rows that lie in the order of an index are read in it, not sorted. */
extern void ss_query_keep_order(void);

/* Plans for the parameters of each call until the GUC nest level ends: for queries most of whose conditions these switch off. */
extern void ss_query_plan_anew(void);

/* Sets parameter n (from 0) to a text or to a value by reference; NULL sets it to null. */
extern void ss_param_text(Datum *values, bool *nulls, int n, const char *text);
extern void ss_param_pointer(Datum *values, bool *nulls, int n, const void *value);

/* How the rows are read. */
#include "base/rows.h"

#endif /* SS_QUERY_H */
