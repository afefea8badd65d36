/*
 * time_text.h: times that callers write as text, in documents.
 */
#ifndef SS_TIME_TEXT_H
#define SS_TIME_TEXT_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/timestamp.h"

/*
 * The moment at which clocks in the zone show the local time, which may have 24
 * hours. Where clocks are set back, the first of two such moments; where they
 * are set forward over it, as if they had not been yet. False if it is out of
 * range. Sets the fields of the time that tell about the zone.
 */
extern bool ss_time_from_local(struct pg_tm *local, fsec_t microseconds, pg_tz *zone, TimestampTz *result);

/*
 * The moment that a text of ISO 8601 stands for: a date (its first moment) or a
 * date and time, with Z, an offset from UTC, or else in the zone. False for any
 * other text, whatever the session's settings make of it.
 */
extern bool ss_time_from_text(const char *text, pg_tz *zone, TimestampTz *result);

#endif /* SS_TIME_TEXT_H */
