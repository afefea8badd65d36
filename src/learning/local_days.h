/*
 * local_days.h: calendar days of many moments, and moments some days earlier, in one time zone.
 */
#ifndef SS_LOCAL_DAYS_H
#define SS_LOCAL_DAYS_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* A zone, and the time for which its present offset from UTC is known to hold. */
typedef struct SSLocalDays
{
	pg_tz *zone;
	TimestampTz from;
	TimestampTz until; /* not after `from`: nothing is known yet */
	int64 offset;	   /* microseconds east of UTC */
} SSLocalDays;

extern SSLocalDays ss_local_days(pg_tz *zone);

/* The local time as microseconds since midnight of 2000-01-01; cheap for moments of the same time of year. */
extern int64 ss_local_time(SSLocalDays *days, TimestampTz moment);

/* The calendar day. */
extern DateADT ss_local_day(SSLocalDays *days, TimestampTz moment);

/* The same local time so many days earlier; as ss_time_from_local() where clocks are set. */
extern TimestampTz ss_days_before(pg_tz *zone, TimestampTz moment, int days);

#endif /* SS_LOCAL_DAYS_H */
