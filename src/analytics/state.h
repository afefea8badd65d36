/*
 * state.h: what the roll-ups are of.
 */
#ifndef SS_STATE_H
#define SS_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef struct SSAnalyticsState
{
	char *zone_name;
	pg_tz *zone; /* whose hours and days the roll-ups have */
	int64 generation;
	TimestampTz events_since; /* older events may be deleted; -infinity = none */
} SSAnalyticsState;

/* As the active snapshot sees it; false while the roll-ups have never been built. */
extern bool ss_analytics_find(SSAnalyticsState *state);

/* The same for whoever reads figures: PT400 where there are none yet. */
extern void ss_analytics_require(SSAnalyticsState *state);

/* Keeps folds and building apart, until the transaction ends; after that the state is read anew. */
extern void ss_analytics_lock(void);

#endif /* SS_STATE_H */
