/*
 * attempt.c: subtransactions for the doors that set bad purchases aside
 * (attempt.h).
 *
 * Called by record_transactions() and import_purchases(). A failed attempt
 * holds no lock that it took.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "attempt.h"

/* Is this error about a value or the state that the caller's rows met? */
static bool
is_about_values(int sqlerrcode)
{
	const char *state = unpack_sql_state(sqlerrcode);

	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "PT", 2) == 0;
}

ErrorData *
ss_attempt(void (*action) (void *), void *argument, bool take_deadlocks)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(argument);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && !is_about_values(error->sqlerrcode) &&
		!(take_deadlocks && error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED))
		ReThrowError(error);
	return error;
}

void
ss_attempt_json(SSJson *json, const char *key, const ErrorData *error)
{
	ss_json_open_object(json, key);
	ss_json_text(json, "code", pstrdup(unpack_sql_state(error->sqlerrcode)));
	ss_json_text(json, "message", error->message);
	ss_json_text(json, "detail", error->detail);
	ss_json_text(json, "hint", error->hint);
	ss_json_close_object(json);
}
