/*
 * tier.h: which tier a user holds (awards.md §5).
 */
#ifndef SS_TIER_H
#define SS_TIER_H

#include "postgres.h"

#include "ledger/account.h"
#include "rules/rules.h"

/* The tier that the user holds at `now`, its stored one or what is left of it. */
extern const SSTier *ss_tier_held(const SSRules *rules, const SSAccount *account, TimestampTz now);

/* Sets the user's lifetime points, and the tier that they make at `now`: a rise is one above the tier held until then. */
extern void ss_tier_set_lifetime(const SSRules *rules, SSAccount *account, int64 lifetime, TimestampTz now);

#endif /* SS_TIER_H */
