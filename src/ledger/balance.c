/*
 * balance.c: a user's reward account under lock (balance.h).
 *
 * Called by everything that changes points after they were earned. Locks are
 * the engine's, in its order: the table campaign_redemptions, accounts by
 * user_id; callers that need slots take them afterwards.
 */
#include "postgres.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/uuid.h"
#include "ledger/account_lock.h"
#include "ledger/account_write.h"
#include "ledger/balance.h"
#include "ledger/earn.h"
#include "ledger/lots.h"
#include "ledger/tier.h"

/* By access methods where that can be: a REPEATABLE READ transaction then waits, too, and goes on. */
static int
lock_accounts(const pg_uuid_t *user_ids, int count, SSAccount *accounts)
{
	SSDirect *direct = ss_direct_begin();
	SSWanted *wanted = palloc(2 * count * sizeof(SSWanted));
	int found;

	for (int i = 0; i < count; i++)
		wanted[i] = (SSWanted){user_ids[i], false};
	found = ss_account_lock(direct, NULL, wanted, count, accounts);
	if (direct != NULL)
		ss_direct_end(direct);
	return found;
}

void
ss_balance_lock_all(SSBalance *balances, const pg_uuid_t *user_ids, int count)
{
	SSAccount *accounts = palloc(2 * count * sizeof(SSAccount));
	int found;
	const SSRules *rules;

	ss_account_lock_out_changes();
	found = lock_accounts(user_ids, count, accounts);
	rules = ss_rules_get();
	for (int i = 0; i < count; i++)
	{
		if (i >= found || !ss_uuid_equal(&accounts[i].id, &user_ids[i]))
			ss_not_found("user", ss_uuid_text(&user_ids[i]));
		balances[i].rules = rules;
		balances[i].now = GetCurrentTimestamp();
		balances[i].account = accounts[i];
		ss_account_set_currency(&balances[i].account, rules->settings.currency);
	}
}

void
ss_balance_lock(SSBalance *balance, const pg_uuid_t *user_id)
{
	ss_balance_lock_all(balance, user_id, 1);
}

void
ss_balance_credit(SSBalance *balance, int64 points, TimestampTz at, bool earned)
{
	balance->account.changed = true;
	if (points == 0)
		return;
	ss_earn_available(&balance->account, points, at);
	if (earned)
		ss_earn_lifetime(balance->rules, &balance->account, points, balance->now);
}

void
ss_balance_debit(SSBalance *balance, int64 points, bool earned)
{
	SSAccount *account = &balance->account;

	account->changed = true;
	if (points == 0)
		return;
	account->available = ss_add(account->available, -points, "points balance");
	ss_lots_debit(account, points);
	if (earned)
		ss_earn_lifetime(balance->rules, account, -points, balance->now);
}

void
ss_balance_return(SSBalance *balance, int64 points)
{
	SSAccount *account = &balance->account;

	account->changed = true;
	account->available = ss_add(account->available, points, "points balance");
	ss_lots_return(account, points);
}

const char *
ss_balance_tier(const SSBalance *balance)
{
	return ss_tier_held(balance->rules, &balance->account, balance->now)->name;
}

void
ss_balance_write(SSBalance *balance)
{
	ss_account_write(NULL, &balance->account, 1);
	balance->account.changed = false;
	balance->account.tier_read = balance->account.tier;
}
