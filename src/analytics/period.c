/*
 * period.c: the calendar days that a question is about (period.h).
 *
 * Called by the readers of analytics. No state, no locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "analytics/period.h"
#include "analytics/rollup_zone.h"
#include "base/errors.h"
#include "engine/deltas.h"

/* Days that moments can be of, with some room on both sides. */
#define IS_VALID_JULIAN_OF(date)                                                                                       \
	((date) > DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE + 3660 &&                                                     \
	 (date) < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE - 3660)

DateADT
ss_period_today(const SSAnalyticsState *state)
{
	return ss_zone_day(state->zone, ss_delta_slot(GetCurrentStatementStartTimestamp()));
}

SSPeriod
ss_period_last(const SSAnalyticsState *state, int days)
{
	DateADT today = ss_period_today(state);

	return (SSPeriod){today - days + 1, today, days};
}

bool
ss_period_day_arg(FunctionCallInfo fcinfo, int n, const char *name, DateADT *date)
{
	if (PG_ARGISNULL(n))
		return false;
	*date = PG_GETARG_DATEADT(n);
	if (DATE_NOT_FINITE(*date))
		ss_bad_value(name, "It is infinite.");
	if (!IS_VALID_JULIAN_OF(*date))
		ss_bad_value(name, "No figure is of that day.");
	return true;
}

/* Says it of an argument that was given; the other end is then where it is by default. */
static void
refuse_order(const SSPeriod *period, bool start_given, bool end_given)
{
	if (start_given && end_given)
		ss_bad_value("end_date", "It is before start_date.");
	if (end_given)
		ss_bad_value("end_date", "It is before %s, with which the period begins unless start_date is given.",
					 ss_json_date_text(period->start));
	ss_bad_value("start_date", "It is after %s, with which the period ends unless end_date is given.",
				 ss_json_date_text(period->end));
}

void
ss_period_args(FunctionCallInfo fcinfo, int n, int most, SSPeriod *period)
{
	int default_days = period->days;
	int64 days;

	(void) ss_period_day_arg(fcinfo, n, "start_date", &period->start);
	(void) ss_period_day_arg(fcinfo, n + 1, "end_date", &period->end);
	/* where only one end is given, the other is as far away as it is by default */
	if (PG_ARGISNULL(n) && !PG_ARGISNULL(n + 1) && default_days > 0)
		period->start = period->end - default_days + 1;
	if (period->end < period->start)
		refuse_order(period, !PG_ARGISNULL(n), !PG_ARGISNULL(n + 1));
	days = (int64) period->end - period->start + 1;
	if (most > 0 && days > most)
		ss_bad_value(PG_ARGISNULL(n + 1) ? "start_date" : "end_date",
					 "The period has " INT64_FORMAT " days; at most %d are allowed.", days, most);
	period->days = (int) days;
}

void
ss_json_day(SSJson *json, const char *key, DateADT day)
{
	struct pg_tm tm = {0};
	char *text = palloc(MAXDATELEN + 1);

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	ss_json_text(json, key, text);
}

void
ss_period_json(SSJson *json, const SSPeriod *period, const SSAnalyticsState *state)
{
	ss_json_open_object(json, "period");
	ss_json_day(json, "start_date", period->start);
	ss_json_day(json, "end_date", period->end);
	ss_json_int(json, "days", period->days);
	ss_json_text(json, "timezone", state->zone_name);
	ss_json_close_object(json);
}
