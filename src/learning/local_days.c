/*
 * local_days.c: calendar days of many moments in one time zone (local_days.h).
 *
 * Called for each purchase of a history. Working out the day of a moment takes
 * longer than all else that is done with a purchase, so the offset is looked up
 * once for the time until the zone's clocks are next set. No locks.
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "base/time_text.h"
#include "learning/local_days.h"

#define UNIX_SHIFT ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (pg_time_t) SECS_PER_DAY)

static pg_noinline void
refuse_range(void)
{
	ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
}

/* a / b, rounded down */
static inline int64
floor_quotient(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

SSLocalDays
ss_local_days(pg_tz *zone)
{
	return (SSLocalDays){.zone = zone, .from = DT_NOEND, .until = DT_NOEND};
}

/* Finds the offset that holds from this moment on. */
static void
look_up(SSLocalDays *days, TimestampTz moment)
{
	pg_time_t seconds = (pg_time_t) floor_quotient(moment, USECS_PER_SEC) + UNIX_SHIFT;
	pg_time_t boundary;
	long offset;
	long next_offset;
	int is_dst;
	int next_is_dst;
	int found = pg_next_dst_boundary(&seconds, &offset, &is_dst, &boundary, &next_offset, &next_is_dst, days->zone);

	if (found < 0)
		refuse_range();
	days->from = moment;
	days->until = found == 0 ? DT_NOEND : (boundary - UNIX_SHIFT) * USECS_PER_SEC;
	days->offset = offset * USECS_PER_SEC;
}

int64
ss_local_time(SSLocalDays *days, TimestampTz moment)
{
	if (moment < days->from || moment >= days->until)
		look_up(days, moment);
	return moment + days->offset;
}

DateADT
ss_local_day(SSLocalDays *days, TimestampTz moment)
{
	return (DateADT) floor_quotient(ss_local_time(days, moment), USECS_PER_DAY);
}

TimestampTz
ss_days_before(pg_tz *zone, TimestampTz moment, int days)
{
	struct pg_tm tm;
	TimestampTz result;
	fsec_t fsec;
	int offset;

	if (timestamp2tm(moment, &offset, &tm, &fsec, NULL, zone) != 0)
		refuse_range();
	j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - days, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	if (!ss_time_from_local(&tm, fsec, zone, &result))
		refuse_range();
	return result;
}
