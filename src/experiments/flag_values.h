/*
 * flag_values.h: what A/B tests between values of a flag need of flags.
 */
#ifndef SS_FLAG_VALUES_H
#define SS_FLAG_VALUES_H

#include "call/call.h"
#include "experiments/ab_test.h"
#include "experiments/assignable.h"

/* Fills the number of the test's flag; PT404 or PT400 for the flag, 22023 for values that are not of its type, or a condition. */
extern void ss_flag_values_check(SSTest *test);

/* The value of the group that won becomes a rule of the flag, behind those it has; nothing without a winner. */
extern void ss_flag_values_win(const SSTest *test, SSCall *call);

/* Is the flag on? While it is off, or all are, its default is shown whatever the group. */
extern bool ss_flag_values_are_given(const SSAssignable *test);

/* The group that a user keeps, of a flag that is sticky; -1 for none. */
extern int ss_flag_values_kept(const SSAssignable *test, const pg_uuid_t *user_id);

/* Does the test's condition take the user, as it is now? */
extern bool ss_flag_values_take(const SSAssignable *test, const pg_uuid_t *user_id);

/* Called by _PG_init: exposures of tests are written down where flags are assigned. */
extern void ss_flag_values_init(void);

#endif /* SS_FLAG_VALUES_H */
