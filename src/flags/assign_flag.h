/*
 * assign_flag.h: what is to be written down when a user is given a variation.
 */
#ifndef SS_ASSIGN_FLAG_H
#define SS_ASSIGN_FLAG_H

#include "postgres.h"

#include "utils/uuid.h"

#include "flags/flag_set.h"

/*
 * Writes down that a rule of a flag, which is an experiment, gave the user a
 * variation; says whether that is new. Called with the owner's rights and SPI
 * connected, in the transaction of assign_flag. The layer above sets it, by
 * _PG_init; NULL: nobody wants to know.
 */
typedef bool (*SSFlagExposure)(const SSFlag *flag, SSText rule_id, const pg_uuid_t *user_id, int variation);

extern SSFlagExposure ss_flag_exposure;

#endif /* SS_ASSIGN_FLAG_H */
