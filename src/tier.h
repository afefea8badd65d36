/*
 * tier.h: which tier a user holds (awards.md §5).
 */
#ifndef SS_TIER_H
#define SS_TIER_H

#include "postgres.h"

#include "chunk.h"

/* The tier that the user holds at `now`, its stored one or what is left of it. */
extern const SSTier *ss_tier_held(const SSRules *rules, const SSUser *user, TimestampTz now);

/* Gives the user the tier that its lifetime points, just changed, make at `now`. */
extern void ss_tier_update(const SSRules *rules, SSUser *user, TimestampTz now);

#endif							/* SS_TIER_H */
