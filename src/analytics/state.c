/*
 * state.c: what the roll-ups are of (state.h).
 *
 * Called by all functions of analytics. Readers lock nothing.
 */
#include "postgres.h"

#include "analytics/state.h"
#include "analytics/rollup_zone.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"

SS_QUERY(read_state, "SELECT s.zone, s.generation, s.events_since FROM swipesavvy.analytics_state s");

bool
ss_analytics_find(SSAnalyticsState *state)
{
	SSRows rows = ss_rows_read(&read_state, NULL, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	state->zone_name = ss_next_text(&row);
	state->generation = ss_next_int64(&row);
	state->events_since = ss_next_time(&row);
	state->zone = ss_zone(state->zone_name);
	return true;
}

void
ss_analytics_require(SSAnalyticsState *state)
{
	if (!ss_analytics_find(state))
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("analytics are being built"),
				errdetail("What was recorded before has not been counted yet."),
				errhint("The background worker does it within minutes; without it, call rebuild_analytics()."));
}

void
ss_analytics_lock(void)
{
	ss_lock_take(SS_LOCK_ANALYTICS, 0);
}
