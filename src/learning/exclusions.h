/*
 * exclusions.h: merchants of which nothing is learned, because what a person
 * buys there tells of health, belief, politics, sex, gambling or courts.
 */
#ifndef SS_EXCLUSIONS_H
#define SS_EXCLUSIONS_H

#include "postgres.h"

#include "utils/uuid.h"

/* Reads them anew if they have changed: once before a call's questions, as swipesavvy_owner. */
extern void ss_exclusions_get(void);

/* Is the merchant among them? */
extern bool ss_exclusions_have(const pg_uuid_t *merchant_id);

#endif /* SS_EXCLUSIONS_H */
