/*
 * well_rated.h: merchants with so good a rating, where they are few.
 */
#ifndef SS_WELL_RATED_H
#define SS_WELL_RATED_H

#include "postgres.h"

/*
 * All merchants whose rating is at least that, in hundredths, as an array of UUIDs; false where they, or their locations,
 * are so many, or might be, that it is better to go from place to place. Under the active snapshot.
 */
extern bool ss_well_rated_few(int64 hundredths, Datum *merchants);

#endif /* SS_WELL_RATED_H */
