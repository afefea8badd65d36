/*
 * attempt.h: does something that may fail without failing with it.
 */
#ifndef SS_ATTEMPT_H
#define SS_ATTEMPT_H

#include "postgres.h"

#include "base/json.h"

/*
 * Runs the action in a subtransaction. Returns NULL when it succeeded, else
 * the error, with everything the action did undone. Errors that are not about
 * the caller's values (a cancel, no memory or disk, a defect of ours) are
 * raised again; so is a deadlock, unless the caller wants to repeat those.
 */
extern ErrorData *ss_attempt(void (*action)(void *), void *argument, bool take_deadlocks);

/*
 * The same for actions that have nothing to do with one another: a defect of
 * ours is kept apart, too. Only what would befall the next one as well (a
 * cancel, no memory, no disk) is raised again.
 */
extern ErrorData *ss_attempt_apart(void (*action)(void *), void *argument);

/* The same, but raises again whatever `is_kept` is false for, by its code. */
extern ErrorData *ss_attempt_if(void (*action)(void *), void *argument, bool (*is_kept)(int sqlerrcode));

/*
 * The same for an action whose failure is written down whatever it was, its
 * being cancelled too: nothing is raised again.
 */
extern ErrorData *ss_attempt_whatever(void (*action)(void *), void *argument);

/*
 * Runs the action in a subtransaction and undoes everything it did, its locks
 * too, when it returns false. Errors are raised. Returns what the action did.
 */
extern bool ss_attempt_or_undo(bool (*action)(void *), void *argument);

/* Adds an error as an object {code, message, detail, hint}. */
extern void ss_attempt_json(SSJson *json, const char *key, const ErrorData *error);

/* Its code, message and detail in the object that is open. */
extern void ss_attempt_json_members(SSJson *json, const ErrorData *error);

#endif /* SS_ATTEMPT_H */
