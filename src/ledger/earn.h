/*
 * earn.h: points come to a reward account, in memory.
 */
#ifndef SS_EARN_H
#define SS_EARN_H

#include "postgres.h"

#include "ledger/account.h"
#include "rules/rules.h"

/* Points that were earned: they are available, count from `at` on, and count for the tier when the clock says `now`. */
extern void ss_earn_points(const SSRules *rules, SSAccount *account, int64 points, TimestampTz at, TimestampTz now);

/* Its two halves. Points become available that count from `at` on. */
extern void ss_earn_available(SSAccount *account, int64 points, TimestampTz at);

/* Lifetime points change by that much, and with them the tier. */
extern void ss_earn_lifetime(const SSRules *rules, SSAccount *account, int64 points, TimestampTz now);

#endif /* SS_EARN_H */
