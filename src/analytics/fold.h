/*
 * fold.h: adds what rollup_deltas holds to the roll-ups.
 */
#ifndef SS_FOLD_H
#define SS_FOLD_H

#include "postgres.h"

#include "analytics/state.h"
#include "utils/snapshot.h"

/*
 * Deletes at most that many rows of rollup_deltas and adds them to the roll-ups;
 * returns how many. Under ss_analytics_lock(); the snapshot is InvalidSnapshot for
 * the latest one.
 */
extern int64 ss_fold(const SSAnalyticsState *state, int64 limit, Snapshot snapshot);

#endif /* SS_FOLD_H */
