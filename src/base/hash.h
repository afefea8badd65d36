/*
 * hash.h: the bucketing hash that hold-outs, flags and experiments share.
 */
#ifndef SS_HASH_H
#define SS_HASH_H

#include "postgres.h"

#include "utils/uuid.h"

/* Version 2 of the hash in ten-thousandths: 0 to 9999. */
extern uint32 ss_hash_v2(const char *seed, const char *value);

/* Is the user among the hold_out (hundredths of a percent) who never get the campaign? */
extern bool ss_held_out(const char *campaign_id, const pg_uuid_t *user_id, int hold_out);

#endif /* SS_HASH_H */
