/*
 * rates.h: counting the calls of each user in the current minute.
 */
#ifndef SS_RATES_H
#define SS_RATES_H

#include "postgres.h"

#include "utils/uuid.h"

/* Counts a call; PT429 when the user has made more than `limit` in this minute. `writes`: the function may write. */
extern void ss_rates_count(const pg_uuid_t *user_id, int32 limit, bool writes);

/* For shmem.c. */
extern void *ss_rates_area;
extern Size ss_rates_size(void);
extern void ss_rates_fill(void *area);

#endif /* SS_RATES_H */
