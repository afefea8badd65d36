/*
 * account_write.c: writes reward accounts that were changed in memory
 * (account_write.h).
 *
 * Called by the engine and by whatever else changes points, as its last step,
 * under the locks on the accounts.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "direct/row_writer.h"
#include "ledger/account_write.h"
#include "ledger/points_messages.h"

static void
replace_account(SSRowWriter *rows, const SSAccount *account)
{
	ss_writer_replace(rows, &account->tid);
	ss_writer_set(rows, ACCOUNT_USER_ID, UUIDPGetDatum(&account->id));
	ss_writer_set(rows, ACCOUNT_AVAILABLE, Int64GetDatum(account->available));
	ss_writer_set(rows, ACCOUNT_PENDING, Int64GetDatum(account->pending));
	ss_writer_set(rows, ACCOUNT_LIFETIME, Int64GetDatum(account->lifetime));
	ss_writer_set(rows, ACCOUNT_TIER, CStringGetTextDatum(account->tier));
	if (account->tier_until != DT_NOBEGIN)
		ss_writer_set(rows, ACCOUNT_TIER_UNTIL, TimestampTzGetDatum(account->tier_until));
	ss_writer_set(rows, ACCOUNT_TRANSACTIONS, Int64GetDatum(account->transactions));
	ss_writer_set(rows, ACCOUNT_SPENT, Int64GetDatum(account->spent));
	ss_writer_set(rows, ACCOUNT_SPENT_CURRENCY, CStringGetTextDatum(account->spent_currency));
	ss_writer_set(rows, ACCOUNT_DEBITED, Int64GetDatum(account->debited));
	ss_writer_set(rows, ACCOUNT_LOT_AT, TimestampTzGetDatum(account->lot_at));
	ss_writer_set(rows, ACCOUNT_LOT_BEFORE, Int64GetDatum(account->lot_before));
	if (account->has_referrer)
		ss_writer_set(rows, ACCOUNT_REFERRER, UUIDPGetDatum(&account->referrer));
	ss_writer_replaced(rows);
}

void
ss_account_write(SSDirect *direct, const SSAccount *accounts, int count)
{
	SSRowWriter rows;

	ss_writer_begin(&rows, direct, SS_REWARD_ACCOUNTS, count);
	for (int i = 0; i < count; i++)
	{
		if (!accounts[i].changed)
			continue;
		ss_points_tell_tier(&accounts[i]);
		replace_account(&rows, &accounts[i]);
	}
	ss_writer_end(&rows);
}
