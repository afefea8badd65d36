/*
 * zone.h: time zones by name.
 */
#ifndef SS_ZONE_H
#define SS_ZONE_H

#include "postgres.h"

#include "pgtime.h"

/*
 * The time zone of that name; 22023 naming the argument or key for anything
 * else. Offsets and abbreviations are no names: they know no summer time. SPI is
 * connected. pg_get_timezone_name has the zone's own spelling.
 */
extern pg_tz *ss_zone_by_name(const char *name, const char *argument);

/* The zone of a name that has been checked before. */
extern pg_tz *ss_zone_stored(const char *name);

#endif /* SS_ZONE_H */
