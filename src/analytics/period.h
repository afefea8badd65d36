/*
 * period.h: the calendar days that a question is about.
 */
#ifndef SS_PERIOD_H
#define SS_PERIOD_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/date.h"

#include "analytics/state.h"
#include "base/json.h"

typedef struct SSPeriod
{
	DateADT start;
	DateADT end; /* the last day */
	int days;
} SSPeriod;

/* Today in the zone of the figures. */
extern DateADT ss_period_today(const SSAnalyticsState *state);

/* A day, the argument number n; false, and `date` as it was, where it is not given. 22023 where it is infinite or no figure can be of it. */
extern bool ss_period_day_arg(FunctionCallInfo fcinfo, int n, const char *name, DateADT *date);

/*
 * start_date and end_date, the arguments number n and n + 1, where they are given, else the days of `period`, which
 * the caller has filled in. 22023 where they are infinite, the end is before the start, or there are more days than `most` (0: any).
 */
extern void ss_period_args(FunctionCallInfo fcinfo, int n, int most, SSPeriod *period);

/* The last so many days, today included. */
extern SSPeriod ss_period_last(const SSAnalyticsState *state, int days);

/* `period` as the answer shows it. */
extern void ss_period_json(SSJson *json, const SSPeriod *period, const SSAnalyticsState *state);

/* A day as YYYY-MM-DD. */
extern void ss_json_day(SSJson *json, const char *key, DateADT day);

#endif /* SS_PERIOD_H */
