/*
 * fence_state.h: where a user is with regard to one fence: outside, inside, or
 * about to leave; and what a report changes about it.
 *
 * Pure: no query, no state. doc/places.md has the rules.
 */
#ifndef SS_FENCE_STATE_H
#define SS_FENCE_STATE_H

#include "postgres.h"

#include "utils/timestamp.h"

/* What a step brought; of several the order is that of these bits. */
#define SS_FENCE_EXITED	 1
#define SS_FENCE_ENTERED 2
#define SS_FENCE_DWELT	 4
#define SS_FENCE_INSIDE	 8

/* Without an accepted report for so long a visit is over. */
#define SS_FENCE_SILENCE (1800 * USECS_PER_SEC)

/* DT_NOBEGIN: never. */
typedef struct SSFenceState
{
	bool known; /* there is or was a visit */
	bool inside;
	TimestampTz entered_at; /* of the present visit, or the last one */
	TimestampTz last_in_at;
	TimestampTz leaving_at;
	TimestampTz dwelt_at;
	TimestampTz exited_at;
} SSFenceState;

/* What a report says of a fence. */
typedef struct SSFenceReport
{
	TimestampTz at;
	double accuracy; /* metres */
	double distance; /* to the fence, negative inside */
	int dwell_seconds;
	int max_accuracy;
} SSFenceReport;

/* How far outside a report must be to say so. */
extern double ss_fence_band(double accuracy);

/* Takes a report into account. Returns what it brought. */
extern int ss_fence_step(SSFenceState *state, const SSFenceReport *report);

/* The visit was over with the last report from inside. */
extern int ss_fence_close(SSFenceState *state);

#endif /* SS_FENCE_STATE_H */
