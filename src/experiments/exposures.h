/*
 * exposures.h: who was told its group of a test, and when first.
 */
#ifndef SS_EXPOSURES_H
#define SS_EXPOSURES_H

#include "postgres.h"

#include "experiments/assignable.h"

/*
 * Writes down that the user was told that group. False if that was known
 * already, or if the user has been erased: nothing is written then. A second
 * group is kept as such (`multiple`), an earlier moment takes the place of a
 * later one. Needs an SPI connection.
 */
extern bool ss_exposure_record(const SSAssignable *test, const pg_uuid_t *user_id, int group, TimestampTz at);

#endif /* SS_EXPOSURES_H */
