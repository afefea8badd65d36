/*
 * earn.c: points come to a reward account, in memory (earn.h).
 *
 * Called by the engine for purchases, and by balance.c and referral.c, under the
 * lock on the account.
 */
#include "postgres.h"

#include "base/money.h"
#include "ledger/earn.h"
#include "ledger/lots.h"
#include "ledger/tier.h"

void
ss_earn_available(SSAccount *account, int64 points, TimestampTz at)
{
	account->available = ss_add(account->available, points, "points balance");
	ss_lots_credit(account, points, at);
}

void
ss_earn_lifetime(const SSRules *rules, SSAccount *account, int64 points, TimestampTz now)
{
	ss_tier_set_lifetime(rules, account, ss_add(account->lifetime, points, "lifetime points"), now);
}

void
ss_earn_points(const SSRules *rules, SSAccount *account, int64 points, TimestampTz at, TimestampTz now)
{
	account->changed = true;
	if (points == 0)
		return;
	ss_earn_available(account, points, at);
	ss_earn_lifetime(rules, account, points, now);
}
