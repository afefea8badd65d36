/*
 * restore.c: lets a parallel restore load the tables of the extension in any
 * order, and keeps a restore out of a database that is in use.
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
 *
 * pg_restore --clean cannot drop the extension where the ledger has entries,
 * and goes on: it would put the dump's settings over those of today, and bring
 * back messages that were delivered since. So a BEFORE STATEMENT trigger on
 * each table that is dumped (refuse_restore) refuses restored rows once the
 * database is in use, which the audit log knows: its first row, or the first
 * seal, notes the installation. A restore brings the notes of other databases,
 * and restore_installation keeps it from bringing one that looks like ours.
 * Rows that the engine writes past the executor fire no trigger (direct.c
 * knows this one): they are no restore. Nothing here locks more than the
 * small table audit_installations against DDL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "audit/audit.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"

PG_FUNCTION_INFO_V1(swipesavvy_restore_begin);
PG_FUNCTION_INFO_V1(swipesavvy_restore_end);
PG_FUNCTION_INFO_V1(swipesavvy_refuse_restore);
PG_FUNCTION_INFO_V1(swipesavvy_restore_installation);

/* The transaction that restore_begin put into replica mode; means nothing to any other. */
static LocalTransactionId relaxed = InvalidLocalTransactionId;

/* The cheapest question first: it is asked with each statement. */
static bool
is_restore(void)
{
	return !check_function_bodies && namespace_search_path[0] == '\0' &&
		   SessionReplicationRole == SESSION_REPLICATION_ROLE_ORIGIN && !InLocalUserIdChange() && superuser() &&
		   superuser_arg(GetSessionUserId());
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

/*
 * refuse_restore(): before each statement that inserts into a table of a dump
 */
Datum
swipesavvy_refuse_restore(PG_FUNCTION_ARGS)
{
	require_trigger(fcinfo);
	if (is_restore() && !ss_allow_restore && ss_audit_has_begun())
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE),
				errmsg("a dump cannot be restored into a database that is in use"),
				errdetail("Rows for table \"%s\" would come in beside those of today, or over them.",
						  RelationGetRelationName(((TriggerData *) fcinfo->context)->tg_relation)),
				errhint("Restore it into a new database, which is not in swipesavvy.databases yet. Set "
						"swipesavvy.allow_restore to on to insert the rows all the same."));
	PG_RETURN_POINTER(NULL);
}

/*
 * restore_installation(): before a row of audit_installations. One of this
 * very database is that of an extension which was dropped here: the log that
 * is restored was written before, and what is noted next is another.
 */
Datum
swipesavvy_restore_installation(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple row;
	int column;
	bool isnull;
	Datum none = ObjectIdGetDatum(InvalidOid);

	require_trigger(fcinfo);
	row = trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	if (!is_restore())
		PG_RETURN_POINTER(row);
	column = SPI_fnumber(desc, "system_identifier");
	if (DatumGetInt64(SPI_getbinval(row, desc, column, &isnull)) != (int64) GetSystemIdentifier())
		PG_RETURN_POINTER(row);
	column = SPI_fnumber(desc, "database_oid");
	if (DatumGetObjectId(SPI_getbinval(row, desc, column, &isnull)) != MyDatabaseId)
		PG_RETURN_POINTER(row);
	isnull = false;
	PG_RETURN_POINTER(heap_modify_tuple_by_cols(row, desc, 1, &column, &none, &isnull));
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
