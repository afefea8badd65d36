/*
 * referral.h: the bonus for bringing a user (awards.md): both sides get it once,
 * with the new user's first completed purchase.
 *
 * An account says by whom its user was brought until then (SSAccount.has_referrer).
 */
#ifndef SS_REFERRAL_H
#define SS_REFERRAL_H

#include "postgres.h"

#include "ledger/account.h"
#include "rules/rules.h"

/*
 * Gives both their points, in memory, and marks the bonus as used up; returns
 * how many points each got, 0 if the programme gives none. referrer: the
 * account of whoever brought the user, locked, or NULL when it is gone; one
 * whose person was erased gets nothing (*referrer_paid).
 */
extern int64 ss_referral_pay(const SSRules *rules, SSAccount *account, SSAccount *referrer, TimestampTz now,
							 bool *referrer_paid);

#endif /* SS_REFERRAL_H */
