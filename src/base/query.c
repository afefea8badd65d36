/*
 * query.c: constant SQL, prepared once per backend and kept (query.h).
 *
 * A plan kept here is revalidated by the server: after DROP EXTENSION and
 * CREATE EXTENSION in one session it is simply made again from its text. It is
 * always made and used under a safe search_path, so nobody's operators can
 * enter it. The path is set when the first query of a call runs: the engine's
 * usual way runs none.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "optimizer/cost.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/made.h"
#include "base/query.h"

#define SAFE_PATH "pg_catalog, pg_temp"

/* Until the GUC nest level ends. */
static void
set_for_level(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
ss_query_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
ss_query_disconnect(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}

void
ss_query_guard_path(void)
{
	/* a plan that is printed shows the values that go into it, secrets among them, and anybody can have plans printed */
	if (Debug_print_plan)
		set_for_level("debug_print_plan", "off");
	if (strcmp(namespace_search_path, SAFE_PATH) != 0)
		set_for_level("search_path", SAFE_PATH);
}

/* Costs that are guesses, or that say "never", would have a query of microseconds compiled for 100 ms. */
static void
avoid_jit(void)
{
	if (jit_enabled)
		set_for_level("jit", "off");
}

void
ss_query_avoid_scans(void)
{
	avoid_jit();
	if (enable_seqscan)
		set_for_level("enable_seqscan", "off");
}

void
ss_query_avoid_sorts(void)
{
	ss_query_avoid_scans();
	if (enable_sort)
		set_for_level("enable_sort", "off");
}

void
ss_query_sum_all(void)
{
	char kilobytes[16];

	avoid_jit();
	if (enable_sort)
		set_for_level("enable_sort", "off");
	if (enable_nestloop)
		set_for_level("enable_nestloop", "off");
	if (work_mem < maintenance_work_mem)
	{
		snprintf(kilobytes, sizeof(kilobytes), "%d", maintenance_work_mem);
		set_for_level("work_mem", kilobytes);
	}
}

void
ss_query_plan_once(void)
{
	avoid_jit();
	set_for_level("plan_cache_mode", "force_generic_plan");
}

void
ss_query_keep_order(void)
{
	ss_query_avoid_scans();
	if (enable_bitmapscan)
		set_for_level("enable_bitmapscan", "off");
}

void
ss_query_plan_anew(void)
{
	avoid_jit();
	set_for_level("plan_cache_mode", "force_custom_plan");
}

/* The query's plan, with the path in place under which it is made and used. */
static SPIPlanPtr
plan_of(SSQuery *query)
{
	SPIPlanPtr plan;

	ss_query_guard_path();
	if (query->plan != NULL)
		return query->plan;
	plan = SPI_prepare(query->sql, query->nargs, query->argtypes);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query->sql, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", query->sql);
	query->plan = plan;
	return plan;
}

/* Rows that the queries of this session have changed; only differences mean something. */
static uint64 changes = 0;

uint64
ss_query_changes(void)
{
	return changes;
}

/*
 * A rule of somebody's has put another command, or none, in the place of ours. The plan is let go of: one that was made
 * into nothing depends on no table, and would stay nothing when the rule is long gone.
 */
static void
refuse_rule(SSQuery *query)
{
	SPIPlanPtr plan = query->plan;

	query->plan = NULL;
	SPI_freeplan(plan);
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("a rule on a table of the extension does something else instead"),
			errhint("Drop the rule: what the extension writes must be there."));
}

static bool
adds_one_row(const char *sql)
{
	return strstr(sql, "VALUES (") != NULL && strstr(sql, "ON CONFLICT") == NULL && strstr(sql, "SELECT") == NULL;
}

void
ss_query_refuse_loss(uint64 written, uint64 rows)
{
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("rows of the extension's tables were not written"),
			errdetail(UINT64_FORMAT
					  " of " UINT64_FORMAT
					  " were: a trigger, a rule or row security lets the others go, or has changed them meanwhile.",
					  written, rows));
}

static void
flag_nulls(const SSQuery *query, const bool *nulls, char *flags)
{
	for (int i = 0; i < query->nargs; i++)
		flags[i] = (nulls != NULL && nulls[i]) ? 'n' : ' ';
}

/* An invalid snapshot leaves the choice to SPI: the active one to read, a fresh one to write. */
static uint64
run(SSQuery *query, SPIPlanPtr plan, const Datum *values, const bool *nulls, Snapshot snapshot, bool read_only)
{
	char null_flags[SS_QUERY_MAX_ARGS] = {0};
	int result;

	flag_nulls(query, nulls, null_flags);
	result = SPI_execute_snapshot(plan, unconstify(Datum *, values), null_flags, snapshot, InvalidSnapshot, read_only,
								  true, 0);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", query->sql, SPI_result_code_string(result));
	ss_made_check(plan);
	if (result == SPI_OK_REWRITTEN)
		refuse_rule(query);
	if (SPI_processed == 0 && (result == SPI_OK_INSERT || result == SPI_OK_INSERT_RETURNING) &&
		adds_one_row(query->sql))
		ss_query_refuse_loss(0, 1);
	if (result != SPI_OK_SELECT && result != SPI_OK_UTILITY)
		changes += SPI_processed;
	return SPI_processed;
}

uint64
ss_query_read(SSQuery *query, const Datum *values, const bool *nulls)
{
	return run(query, plan_of(query), values, nulls, InvalidSnapshot, true);
}

/* --- rows one by one ----------------------------------------------------------- */

typedef struct Receiver
{
	DestReceiver pub;
	SSRowFunction function;
	void *state;
	SPIPlanPtr plan;
} Receiver;

static bool
receive_row(TupleTableSlot *row, DestReceiver *self)
{
	Receiver *receiver = (Receiver *) self;

	receiver->function(row, receiver->state);
	return true;
}

static void
receive_start(DestReceiver *self, int operation, TupleDesc desc)
{
	ss_made_check(((Receiver *) self)->plan);
}

static void
receive_end(DestReceiver *self)
{
}

void
ss_query_each(SSQuery *query, const Datum *values, SSRowFunction function, void *state)
{
	SPIPlanPtr plan = plan_of(query);
	Receiver receiver = {{receive_row, receive_start, receive_end, receive_end, DestNone}, function, state, plan};
	SPIExecuteOptions options = {.read_only = true, .dest = &receiver.pub};
	int result;

	options.params = makeParamList(query->nargs);
	for (int i = 0; i < query->nargs; i++)
	{
		options.params->params[i].value = values[i];
		options.params->params[i].isnull = false;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = query->argtypes[i];
	}
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", query->sql, SPI_result_code_string(result));
}

uint64
ss_query_latest(SSQuery *query, const Datum *values, const bool *nulls)
{
	SPIPlanPtr plan = plan_of(query);

	return run(query, plan, values, nulls, GetLatestSnapshot(), false);
}

uint64
ss_query_at(SSQuery *query, const Datum *values, const bool *nulls, Snapshot snapshot)
{
	return run(query, plan_of(query), values, nulls, snapshot, false);
}

uint64
ss_query_write(SSQuery *query, const Datum *values, const bool *nulls)
{
	return run(query, plan_of(query), values, nulls, InvalidSnapshot, false);
}

void
ss_query_latest_rows(SSQuery *query, const Datum *values, const bool *nulls, uint64 rows)
{
	uint64 written = ss_query_latest(query, values, nulls);

	if (written != rows)
		ss_query_refuse_loss(written, rows);
}

uint64
ss_query_sweep(SSSweep *sweep, const Datum *values, const bool *nulls)
{
	uint64 changed = 0;

	for (int round = 0; round < 3; round++)
	{
		changed += ss_query_latest(&sweep->change, values, nulls);
		if (ss_query_latest(&sweep->left, values, nulls) == 0)
			return changed;
	}
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("rows of the extension's tables were not written"),
			errdetail("Some are as they were: a trigger, a rule or row security lets them go."));
}

Portal
ss_query_open(SSQuery *query, const Datum *values, const bool *nulls)
{
	char null_flags[SS_QUERY_MAX_ARGS] = {0};
	SPIPlanPtr plan = plan_of(query);
	Portal cursor;

	flag_nulls(query, nulls, null_flags);
	cursor = SPI_cursor_open(NULL, plan, unconstify(Datum *, values), null_flags, true);
	ss_made_check(plan);
	return cursor;
}

uint64
ss_query_fetch(Portal cursor, long count)
{
	SPI_cursor_fetch(cursor, true, count);
	if (SPI_processed == 0)
		SPI_cursor_close(cursor);
	return SPI_processed;
}

void
ss_param_text(Datum *values, bool *nulls, int n, const char *text)
{
	nulls[n] = (text == NULL);
	values[n] = (text == NULL) ? (Datum) 0 : CStringGetTextDatum(text);
}

void
ss_param_pointer(Datum *values, bool *nulls, int n, const void *value)
{
	nulls[n] = (value == NULL);
	values[n] = PointerGetDatum(value);
}
