/*
 * restore_guard.c: recognises the trigger that refuses the rows of a dump
 * (restore_guard.h).
 *
 * Called by survey.c and by the audit log, when they look at what a table's
 * triggers want to see. No locks: the table is locked by then.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "utils/lsyscache.h"

#include "direct/restore_guard.h"

bool
ss_refuses_restores(const Trigger *trigger)
{
	const char *name = get_func_name(trigger->tgfoid);

	return name != NULL && strcmp(name, "refuse_restore") == 0 &&
		   trigger->tgtype == (TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT) &&
		   get_func_namespace(trigger->tgfoid) == get_namespace_oid("swipesavvy", true);
}
