/*
 * balance.h: a user's reward account under lock, for everything that changes
 * points after they were earned: settling, refunds, redemptions, donations,
 * expiry, adjustments.
 *
 * Usage, between ss_call_enter and ss_call_leave_json:
 *
 *		SSBalance	balance;
 *
 *		ss_balance_lock(&balance, user_id);
 *		... look at what must not change meanwhile; slots after this ...
 *		ss_balance_credit or ss_balance_debit, ss_entry_write ...
 *		ss_balance_write(&balance);
 */
#ifndef SS_BALANCE_H
#define SS_BALANCE_H

#include "postgres.h"

#include "ledger/account.h"
#include "rules/rules.h"

typedef struct SSBalance
{
	const SSRules *rules; /* current when the lock was taken; gone after the first write */
	TimestampTz now;	  /* after the wait for the lock */
	SSAccount account;
} SSBalance;

/*
 * Locks what purchases lock, in their order: the table campaign_redemptions
 * against changes of campaigns, then the user's account. PT404 when there is no
 * such user. What is read afterwards by ss_query_latest is what counts.
 */
extern void ss_balance_lock(SSBalance *balance, const pg_uuid_t *user_id);

/* The same for several users, in the order of their ids; each once. */
extern void ss_balance_lock_all(SSBalance *balances, const pg_uuid_t *user_ids, int count);

/* Points become available that count from `at` on; of lifetime too, if earned. */
extern void ss_balance_credit(SSBalance *balance, int64 points, TimestampTz at, bool earned);

/* Available points are taken; of lifetime too, if they were earned and are not any more. */
extern void ss_balance_debit(SSBalance *balance, int64 points, bool earned);

/* Points that were spent are available again, as old as they were. */
extern void ss_balance_return(SSBalance *balance, int64 points);

/* The tier held now. */
extern const char *ss_balance_tier(const SSBalance *balance);

extern void ss_balance_write(SSBalance *balance);

#endif /* SS_BALANCE_H */
