/*
 * settled_amount.h: settling a pending purchase for another amount than the one
 * that it was recorded with (awards.md §5).
 */
#ifndef SS_SETTLED_AMOUNT_H
#define SS_SETTLED_AMOUNT_H

#include "postgres.h"

#include "purchases/recorded.h"

/*
 * Makes the pending purchase one of that amount, above 0, in minor units: base
 * points and awards, the budgets of its campaigns, the points held in the ledger,
 * and a row of settlements that tells what was recorded. The purchase then has
 * the new amount and points; its status and account are the caller's to change.
 * Called under the lock on the account; locks slots. The compiled rules may be
 * gone afterwards.
 */
extern void ss_settled_amount_change(const SSRules *rules, SSRecorded *purchase, int64 amount, TimestampTz now);

/* The settled amount that an argument says, in minor units of the purchase; 22023 unless it is above 0. */
extern int64 ss_settled_amount_arg(const SSRules *rules, const SSRecorded *purchase, Numeric amount);

#endif /* SS_SETTLED_AMOUNT_H */
