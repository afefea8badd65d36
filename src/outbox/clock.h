/*
 * clock.h: messages and sinks after the clock was ahead and has been set right.
 */
#ifndef SS_OUTBOX_CLOCK_H
#define SS_OUTBOX_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * What waits for a moment that a clock set which was ahead waits no longer:
 * messages of claim_outbox(), or those of sinks and the sinks themselves. Cheap
 * where there is nothing of that kind: a look at the ends of indexes. With the
 * owner's rights, SPI connected and no sorts in plans (ss_query_avoid_sorts).
 */
extern void ss_outbox_set_right(TimestampTz now);
extern void ss_outbox_set_sinks_right(TimestampTz now);

#endif /* SS_OUTBOX_CLOCK_H */
