/*
 * hours.h: opening hours: by weekday, with exceptions by date, on the clocks of
 * a place.
 */
#ifndef SS_HOURS_H
#define SS_HOURS_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* What hours are of a place. */
typedef struct SSHours SSHours;

/* Reads the document; 22023 naming "hours", with the path of what is wrong in it. */
extern SSHours *ss_hours_read(Jsonb *document);

/* Is it open at that moment? */
extern bool ss_hours_open(const SSHours *hours, pg_tz *zone, TimestampTz at);

/* The same of a document that is stored: of it only the days are read on which that depends, of a year's exceptions two. */
extern bool ss_hours_stored_open(Jsonb *document, pg_tz *zone, TimestampTz at);

/* The first moment after that one, within eight days, at which it opens or closes; false if there is none. */
extern bool ss_hours_next_change(const SSHours *hours, pg_tz *zone, TimestampTz at, TimestampTz *change);

#endif /* SS_HOURS_H */
