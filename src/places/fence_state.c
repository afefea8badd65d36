/*
 * fence_state.c: what a report changes about where a user is (fence_state.h).
 *
 * Called by report_location and by the job that ends visits. Positions jitter, so
 * between inside and outside lies a band that says nothing; who comes back at once
 * has not left. Entering needs no second report: phones often send one alone.
 */
#include "postgres.h"

#include "places/fence_state.h"

#define BAND_MIN	 20.0  /* metres */
#define BAND_MAX	 100.0 /* metres */
#define FAR_OUT		 200.0 /* metres beyond what the report may be wrong by: gone, without waiting */
#define LEAVING_TIME (60 * USECS_PER_SEC)
#define RETURN_TIME	 (300 * USECS_PER_SEC)

double
ss_fence_band(double accuracy)
{
	return Max(BAND_MIN, Min(accuracy, BAND_MAX));
}

static int
dwell(SSFenceState *state, const SSFenceReport *report)
{
	if (state->dwelt_at != DT_NOBEGIN || report->at - state->entered_at < report->dwell_seconds * (int64) USECS_PER_SEC)
		return 0;
	state->dwelt_at = report->at;
	return SS_FENCE_DWELT;
}

static int
enter(SSFenceState *state, const SSFenceReport *report)
{
	bool returns = state->known && report->at - state->exited_at < RETURN_TIME;

	state->inside = true;
	state->last_in_at = report->at;
	state->leaving_at = DT_NOBEGIN;
	state->exited_at = DT_NOBEGIN;
	if (returns)
		return 0;
	state->known = true;
	state->entered_at = report->at;
	state->dwelt_at = DT_NOBEGIN;
	return SS_FENCE_ENTERED | dwell(state, report);
}

static int
stay(SSFenceState *state, const SSFenceReport *report)
{
	int dwelt;

	state->leaving_at = DT_NOBEGIN;
	state->last_in_at = report->at;
	dwelt = dwell(state, report);
	return dwelt != 0 ? dwelt : SS_FENCE_INSIDE;
}

static int
leave(SSFenceState *state, const SSFenceReport *report)
{
	bool first = state->leaving_at == DT_NOBEGIN;

	if (first)
		state->leaving_at = report->at;
	if (report->distance <= FAR_OUT + report->accuracy && (first || report->at - state->leaving_at < LEAVING_TIME))
		return 0;
	state->inside = false;
	state->exited_at = state->leaving_at;
	state->leaving_at = DT_NOBEGIN;
	return SS_FENCE_EXITED;
}

int
ss_fence_step(SSFenceState *state, const SSFenceReport *report)
{
	if (report->distance <= 0 && report->accuracy <= report->max_accuracy)
		return state->inside ? stay(state, report) : enter(state, report);
	if (report->distance > ss_fence_band(report->accuracy) && state->inside)
		return leave(state, report);
	return 0;
}

int
ss_fence_close(SSFenceState *state)
{
	if (!state->inside)
		return 0;
	state->inside = false;
	state->exited_at = state->last_in_at;
	state->leaving_at = DT_NOBEGIN;
	return SS_FENCE_EXITED;
}
