/*
 * rollup_zone.h: hours and days of roll-ups: what a quarter of an hour of UTC is on
 * the clock of a zone.
 */
#ifndef SS_ROLLUP_ZONE_H
#define SS_ROLLUP_ZONE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

#define SS_SLOT_USECS (15 * USECS_PER_MINUTE)

/* The zone of that name; PT400 where the server has none. */
extern pg_tz *ss_zone(const char *name);

/*
 * The latest moment not after the slot at which the clock showed a full hour. An hour
 * in which the clock is moved by half an hour has 90 minutes.
 */
extern TimestampTz ss_zone_hour(pg_tz *zone, TimestampTz slot);

/* The date on which the slot is. */
extern DateADT ss_zone_day(pg_tz *zone, TimestampTz slot);

/* The first moment of a day; where midnight is skipped, the one at which the clock is moved. */
extern TimestampTz ss_zone_day_start(pg_tz *zone, DateADT day);

#endif /* SS_ROLLUP_ZONE_H */
