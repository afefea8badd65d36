/*
 * account_write.c: writes reward accounts that were changed in memory
 * (account_write.h).
 *
 * Called by the engine and by whatever else changes points, as its last step,
 * under the locks on the accounts. Through the executor the rows travel as
 * arrays, in one query.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/columns.h"
#include "base/query.h"
#include "ledger/account_write.h"
#include "ledger/points_messages.h"

/*
 * Only the very version that was locked and read: a trigger on one of our tables may have moved points of the user
 * meanwhile, and these must not be written over.
 */
SS_QUERY(
	write_accounts_query,
	"UPDATE swipesavvy.reward_accounts a"
	"   SET points_available = k.available, points_pending = k.pending, lifetime_points = k.lifetime, tier = k.tier,"
	"       tier_until = nullif(k.tier_until, '-infinity'), transaction_count = k.transactions, spent_minor = k.spent,"
	"       spent_currency = k.spent_currency, points_debited = k.debited, lot_at = k.lot_at, lot_before = k.lot_before,"
	"       referral_for = k.referrer"
	"  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	"       k (user_id, available, pending, lifetime, tier, tier_until, transactions, spent, spent_currency, debited,"
	"          lot_at, lot_before, referrer, tid)"
	" WHERE a.user_id = k.user_id AND a.ctid = k.tid AND a.user_id = ANY ($1)",
	UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, UUIDARRAYOID, TIDARRAYOID);

static void
add_account(SSColumns *columns, const SSAccount *account)
{
	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(&account->id));
	ss_columns_set(columns, 1, Int64GetDatum(account->available));
	ss_columns_set(columns, 2, Int64GetDatum(account->pending));
	ss_columns_set(columns, 3, Int64GetDatum(account->lifetime));
	ss_columns_set(columns, 4, CStringGetTextDatum(account->tier));
	ss_columns_set(columns, 5, TimestampTzGetDatum(account->tier_until));
	ss_columns_set(columns, 6, Int64GetDatum(account->transactions));
	ss_columns_set(columns, 7, Int64GetDatum(account->spent));
	ss_columns_set(columns, 8, CStringGetTextDatum(account->spent_currency));
	ss_columns_set(columns, 9, Int64GetDatum(account->debited));
	ss_columns_set(columns, 10, TimestampTzGetDatum(account->lot_at));
	ss_columns_set(columns, 11, Int64GetDatum(account->lot_before));
	if (account->has_referrer)
		ss_columns_set(columns, 12, UUIDPGetDatum(&account->referrer));
	ss_columns_set(columns, 13, PointerGetDatum(&account->tid));
}

static void
update_account(SSDirect *direct, const SSAccount *account)
{
	const SSTable table = SS_REWARD_ACCOUNTS;

	ss_direct_replace(direct, table, &account->tid);
	ss_direct_set(direct, table, ACCOUNT_USER_ID, UUIDPGetDatum(&account->id));
	ss_direct_set(direct, table, ACCOUNT_AVAILABLE, Int64GetDatum(account->available));
	ss_direct_set(direct, table, ACCOUNT_PENDING, Int64GetDatum(account->pending));
	ss_direct_set(direct, table, ACCOUNT_LIFETIME, Int64GetDatum(account->lifetime));
	ss_direct_set(direct, table, ACCOUNT_TIER, CStringGetTextDatum(account->tier));
	if (account->tier_until != DT_NOBEGIN)
		ss_direct_set(direct, table, ACCOUNT_TIER_UNTIL, TimestampTzGetDatum(account->tier_until));
	ss_direct_set(direct, table, ACCOUNT_TRANSACTIONS, Int64GetDatum(account->transactions));
	ss_direct_set(direct, table, ACCOUNT_SPENT, Int64GetDatum(account->spent));
	ss_direct_set(direct, table, ACCOUNT_SPENT_CURRENCY, CStringGetTextDatum(account->spent_currency));
	ss_direct_set(direct, table, ACCOUNT_DEBITED, Int64GetDatum(account->debited));
	ss_direct_set(direct, table, ACCOUNT_LOT_AT, TimestampTzGetDatum(account->lot_at));
	ss_direct_set(direct, table, ACCOUNT_LOT_BEFORE, Int64GetDatum(account->lot_before));
	if (account->has_referrer)
		ss_direct_set(direct, table, ACCOUNT_REFERRER, UUIDPGetDatum(&account->referrer));
	ss_direct_update(direct, table);
}

void
ss_account_write(SSDirect *direct, const SSAccount *accounts, int count)
{
	SSColumns columns;

	if (direct == NULL)
		ss_columns_begin(&columns, &write_accounts_query, count);
	for (int i = 0; i < count; i++)
	{
		if (!accounts[i].changed)
			continue;
		ss_points_tell_tier(&accounts[i]);
		if (direct != NULL)
			update_account(direct, &accounts[i]);
		else
			add_account(&columns, &accounts[i]);
	}
	if (direct == NULL)
		ss_columns_write(&write_accounts_query, &columns);
}
