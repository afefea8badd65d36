/*
 * guard.c: what keeps the ledger from being changed or dropped.
 *
 * refuse_change() is the trigger of append-only tables. drop_guard() is an
 * event trigger at the start of DROP EXTENSION, DROP SCHEMA and DROP OWNED: at
 * their end the extension, and this guard with it, would be gone already. It
 * follows the dependencies as the server will and refuses what would take the
 * extension away while the ledger has entries. It locks nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "commands/user.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_refuse_change);
PG_FUNCTION_INFO_V1(swipesavvy_drop_guard);

/*
 * Is the extension ($1) among what is dropped: the extensions $2, the schemas
 * $3, what the roles $4 own, and with CASCADE ($5) all that depends on these?
 * A member of an extension takes the extension with it.
 */
SS_QUERY(find_extension,
		 "WITH RECURSIVE dropped(classid, objid) AS ("
		 "     (SELECT 'pg_extension'::regclass::oid, e.oid FROM pg_extension e WHERE e.extname = ANY ($2)"
		 "       UNION ALL"
		 "      SELECT 'pg_namespace'::regclass, n.oid FROM pg_namespace n WHERE n.nspname = ANY ($3)"
		 "       UNION ALL"
		 "      SELECT s.classid, s.objid FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid"
		 "       WHERE d.datname = current_database() AND s.deptype = 'o'"
		 "         AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY ($4))"
		 "   UNION"
		 "      SELECT next.classid, next.objid FROM dropped o CROSS JOIN LATERAL ("
		 "             SELECT d.classid, d.objid FROM pg_depend d"
		 "              WHERE d.refclassid = o.classid AND d.refobjid = o.objid"
		 "              UNION ALL"
		 "             SELECT d.refclassid, d.refobjid FROM pg_depend d"
		 "              WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e') next"
		 "       WHERE $5)"
		 " SELECT FROM dropped WHERE classid = 'pg_extension'::regclass AND objid = $1",
		 OIDOID, TEXTARRAYOID, TEXTARRAYOID, OIDARRAYOID, BOOLOID);

SS_QUERY(find_entry, "SELECT FROM swipesavvy.points_entries LIMIT 1");

/*
 * refuse_change(): trigger of append-only tables
 */
Datum
swipesavvy_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "refuse_change() was not called as a trigger");
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			trigger->tg_trigger->tgnargs == 0 ? errmsg("the ledger is append-only") : errmsg("the log is append-only"),
			errdetail("Rows of table \"%s\" are neither changed nor deleted.",
					  RelationGetRelationName(trigger->tg_relation)));
}

/* --- the guard against DROP --------------------------------------------------------- */

/* What a statement drops first. */
typedef struct Dropped
{
	List *extensions; /* names, as String nodes */
	List *schemas;
	List *roles; /* oids of those whose objects are dropped */
	bool cascade;
} Dropped;

static Dropped
read_statement(Node *statement)
{
	Dropped dropped = {0};

	if (IsA(statement, DropStmt))
	{
		DropStmt *drop = castNode(DropStmt, statement);

		if (drop->removeType == OBJECT_EXTENSION)
			dropped.extensions = drop->objects;
		else if (drop->removeType == OBJECT_SCHEMA)
			dropped.schemas = drop->objects;
		dropped.cascade = (drop->behavior == DROP_CASCADE);
	}
	else if (IsA(statement, DropOwnedStmt))
	{
		DropOwnedStmt *drop = castNode(DropOwnedStmt, statement);

		dropped.roles = roleSpecsToIds(drop->roles);
		dropped.cascade = (drop->behavior == DROP_CASCADE);
	}
	return dropped;
}

static Datum
array_of_names(List *names)
{
	Datum *items = palloc(sizeof(Datum) * Max(list_length(names), 1));
	ListCell *cell;

	foreach (cell, names)
		items[foreach_current_index(cell)] = CStringGetTextDatum(strVal(lfirst(cell)));
	return PointerGetDatum(construct_array(items, list_length(names), TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
array_of_oids(List *oids)
{
	int count = list_length(oids);
	Datum *items = palloc(sizeof(Datum) * Max(count, 1));
	ListCell *cell;

	foreach (cell, oids)
		items[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(items, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

/* Would the statement drop the extension, and are there entries? */
static bool
drops_entries(Oid extension, const Dropped *dropped)
{
	Datum values[] = {ObjectIdGetDatum(extension), array_of_names(dropped->extensions),
					  array_of_names(dropped->schemas), array_of_oids(dropped->roles), BoolGetDatum(dropped->cascade)};
	bool found;

	ss_query_connect();
	found = ss_query_write(&find_extension, values, NULL) > 0 && ss_query_write(&find_entry, NULL, NULL) > 0;
	ss_query_disconnect();
	return found;
}

/*
 * drop_guard(): event trigger; whoever drops something needs no right to read
 * the ledger for it
 */
Datum
swipesavvy_drop_guard(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	Oid extension = get_extension_oid("swipesavvy", true);
	Dropped dropped;
	SSCall call;
	bool refuse;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "drop_guard() was not called as an event trigger");
	if (ss_allow_drop || !OidIsValid(extension))
		PG_RETURN_NULL();
	dropped = read_statement(event->parsetree);
	ss_owner_become(&call);
	refuse = drops_entries(extension, &dropped);
	ss_owner_leave(&call);
	if (refuse)
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("the ledger has entries"),
				errdetail("The statement would drop extension \"swipesavvy\" with all points."),
				errhint("Set swipesavvy.allow_drop to on to drop it all the same."));
	PG_RETURN_NULL();
}
