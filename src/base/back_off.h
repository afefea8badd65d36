/*
 * back_off.h: waits that grow: after a failure something is tried again, and
 * after each failure that follows later, twice as long, up to a longest wait.
 *
 * For jobs, messages, sinks and sign-ins, which count in queries, and for the
 * workers' library, which counts in C. Both ways are here, so that the law is
 * the same.
 */
#ifndef SS_BACK_OFF_H
#define SS_BACK_OFF_H

#include "postgres.h"

/* So often a wait is doubled: enough to be the longest one, and too few to overflow. */
#define SS_BACK_OFF_DOUBLINGS 30

/* How long to wait after so many failures in a row, of which there is one at least; in the unit of `first` and `longest`. */
static inline int64
ss_back_off(int32 first, int32 longest, int failures)
{
	return Min((int64) first << Max(Min(failures - 1, SS_BACK_OFF_DOUBLINGS), 0), longest);
}

/* The same in a query, as an interval; `first` and `longest` are seconds, and all three are texts. */
#define SS_BACK_OFF_INTERVAL(first, longest, failures)                                                                 \
	"make_interval(secs => " SS_BACK_OFF_SECONDS(first, longest, failures) ")"

#define SS_BACK_OFF_SECONDS(first, longest, failures)                                                                  \
	"least(" first " * power(2, least(" failures " - 1, " CppAsString2(SS_BACK_OFF_DOUBLINGS) ")), " longest ")"

/* A factor for a wait: within a quarter of it, so that what failed together does not come back together. */
#define SS_BACK_OFF_SPREAD "(0.75 + 0.5 * random())"

/* The most that it makes of a wait. */
#define SS_BACK_OFF_SPREAD_MAX "1.25"

#endif /* SS_BACK_OFF_H */
