/*
 * restore.c: lets a parallel restore load the tables of the extension in any
 * order.
 *
 * pg_restore -j knows that a table's data needs its table, but not that it
 * needs the data of the tables it refers to: foreign keys are usually created
 * after all data, while ours are there from CREATE EXTENSION on. So while a
 * dump is being restored by a superuser, foreign keys are not checked when rows
 * are inserted: the rows come from a database where they were.
 *
 * Called by the executor: a BEFORE STATEMENT trigger on each table with foreign
 * keys puts the transaction into replica mode, in which their triggers don't
 * fire, and an AFTER STATEMENT trigger takes it out again. A restore is
 * recognised by two settings that every dump makes first and nobody works with:
 * an empty search_path and check_function_bodies off. Both can be those of an
 * ordinary session inside a superuser's SECURITY DEFINER function, so the
 * session must be a superuser's, and inside of no such function.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "base/compat.h"

PG_FUNCTION_INFO_V1(swipesavvy_restore_begin);
PG_FUNCTION_INFO_V1(swipesavvy_restore_end);

/* The transaction that restore_begin put into replica mode; means nothing to any other. */
static LocalTransactionId relaxed = InvalidLocalTransactionId;

static bool
is_restore(void)
{
	return superuser() && superuser_arg(GetSessionUserId()) && !InLocalUserIdChange() && !check_function_bodies &&
		   namespace_search_path[0] == '\0' && SessionReplicationRole == SESSION_REPLICATION_ROLE_ORIGIN;
}

static void
set_mode(const char *mode)
{
	(void) set_config_option("session_replication_role", mode, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
							 false);
}

static void
require_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("this function is a trigger"));
}

Datum
swipesavvy_restore_begin(PG_FUNCTION_ARGS)
{
	require_trigger(fcinfo);
	if (is_restore())
	{
		set_mode("replica");
		relaxed = SS_MY_LXID;
	}
	PG_RETURN_POINTER(NULL);
}

Datum
swipesavvy_restore_end(PG_FUNCTION_ARGS)
{
	require_trigger(fcinfo);
	if (relaxed == SS_MY_LXID)
	{
		set_mode("origin");
		relaxed = InvalidLocalTransactionId;
	}
	PG_RETURN_POINTER(NULL);
}
