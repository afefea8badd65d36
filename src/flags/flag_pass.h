/*
 * flag_pass.h: all users, and what a flag gives each of them, in one pass.
 */
#ifndef SS_FLAG_PASS_H
#define SS_FLAG_PASS_H

#include "postgres.h"

#include "utils/uuid.h"

#include "flags/flag_set.h"

/* What a pass hands each user to that is not erased; `own`: the value is the user's own. */
typedef void (*SSFlagTake)(void *state, const pg_uuid_t *user_id, const SSNode *value, bool own);

/*
 * Past the executor, for a flag whose rules ask for no more of users than the
 * tier and segments: ss_flag_plan_fits. `given`: what the caller gives of attributes. False where a query
 * must do it; some users may have been handed over by then.
 */
extern bool ss_flag_pass(SSFlagSet *set, SSFlag *flag, const SSNode *given, SSFlagTake take, void *state);

#endif /* SS_FLAG_PASS_H */
