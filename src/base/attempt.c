/*
 * attempt.c: subtransactions, for the doors that set bad purchases aside and
 * for the engine when it must let go of locks (attempt.h).
 *
 * Called by record_transactions(), import_purchases() and the engine, and for each
 * request to a sink (sink_requests.c), by the training of models and for each request of a route. A failed attempt holds no lock that it took.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/attempt.h"

/* Is this error about a value or the state that the caller's rows met? */
static bool
is_about_values(int sqlerrcode)
{
	const char *state = unpack_sql_state(sqlerrcode);

	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "PT", 2) == 0;
}

/* Is it a matter of this action alone, and not of the session, its memory or its disks? */
static bool
is_of_action(int sqlerrcode)
{
	const char *state = unpack_sql_state(sqlerrcode);

	return strncmp(state, "53", 2) != 0 && strncmp(state, "57", 2) != 0 && strncmp(state, "58", 2) != 0;
}

/* Runs the action in a subtransaction that is rolled back if it returns false or fails; the error, or NULL. */
static ErrorData *
attempt(bool (*action)(void *), void *argument, volatile bool *kept)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	*kept = false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		*kept = action(argument);
		if (*kept)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
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
	return error;
}

/* An action without a result of its own. */
typedef struct Action
{
	void (*run)(void *);
	void *argument;
} Action;

static bool
run(void *argument)
{
	Action *action = argument;

	action->run(action->argument);
	return true;
}

ErrorData *
ss_attempt(void (*action)(void *), void *argument, bool take_deadlocks)
{
	Action whole = {action, argument};
	bool kept;
	ErrorData *error = attempt(run, &whole, &kept);

	if (error != NULL && !is_about_values(error->sqlerrcode) &&
		!(take_deadlocks && error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED))
		ReThrowError(error);
	return error;
}

ErrorData *
ss_attempt_apart(void (*action)(void *), void *argument)
{
	Action whole = {action, argument};
	bool kept;
	ErrorData *error = attempt(run, &whole, &kept);

	if (error != NULL && !is_of_action(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

ErrorData *
ss_attempt_if(void (*action)(void *), void *argument, bool (*is_kept)(int sqlerrcode))
{
	Action whole = {action, argument};
	bool kept;
	ErrorData *error = attempt(run, &whole, &kept);

	if (error != NULL && !is_kept(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

ErrorData *
ss_attempt_whatever(void (*action)(void *), void *argument)
{
	Action whole = {action, argument};
	bool kept;

	return attempt(run, &whole, &kept);
}

bool
ss_attempt_or_undo(bool (*action)(void *), void *argument)
{
	bool kept;
	ErrorData *error = attempt(action, argument, &kept);

	if (error != NULL)
		ReThrowError(error);
	return kept;
}

void
ss_attempt_json(SSJson *json, const char *key, const ErrorData *error)
{
	ss_json_open_object(json, key);
	ss_attempt_json_members(json, error);
	ss_json_text(json, "hint", error->hint);
	ss_json_close_object(json);
}

void
ss_attempt_json_members(SSJson *json, const ErrorData *error)
{
	ss_json_text(json, "code", pstrdup(unpack_sql_state(error->sqlerrcode)));
	ss_json_text(json, "message", error->message);
	ss_json_text(json, "detail", error->detail);
}
