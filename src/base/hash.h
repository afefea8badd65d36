/*
 * hash.h: the bucketing hash that hold-outs, flags and experiments share.
 */
#ifndef SS_HASH_H
#define SS_HASH_H

#include "postgres.h"

#include "utils/uuid.h"

/* The hash of UTF-8 texts: version 1 in thousandths, 0 to 999, version 2 in ten-thousandths, 0 to 9999. */
extern uint32 ss_hash_v1(const char *seed, int seed_length, const char *value, int value_length);
extern uint32 ss_hash_v2(const char *seed, int seed_length, const char *value, int value_length);

/* Version 2 in two halves, for many values with one seed. */
extern uint32 ss_hash_begin(const char *seed, int seed_length);
extern uint32 ss_hash_v2_end(uint32 begun, const char *value, int value_length);

/* The same for the text of an id, which is not made. */
extern uint32 ss_hash_v1_uuid(const char *seed, int seed_length, const pg_uuid_t *id);
extern uint32 ss_hash_v2_uuid(uint32 begun, const pg_uuid_t *id);

/* Is the user among the hold_out (hundredths of a percent) who never get the campaign? */
extern bool ss_held_out(const char *campaign_id, const pg_uuid_t *user_id, int hold_out);

#endif /* SS_HASH_H */
