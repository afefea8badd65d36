/*
 * account.c: a user's reward account in memory (account.h).
 *
 * Called by the engine and by balance.c, under the lock on the account.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/query.h"
#include "base/uuid.h"
#include "ledger/account.h"

SS_QUERY(total_spent_query,
		 "SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint FROM swipesavvy.transactions t"
		 " WHERE t.user_id = $1 AND t.currency = $2 AND t.status = 'completed'",
		 UUIDOID, BPCHAROID);

SSAccount *
ss_account_find(SSAccount *accounts, int count, const pg_uuid_t *id)
{
	return bsearch(id, accounts, count, sizeof(SSAccount), ss_uuid_order);
}

void
ss_account_set_currency(SSAccount *account, const char *currency)
{
	Datum values[2] = {UUIDPGetDatum(&account->id), CStringGetTextDatum(currency)};
	SSRow row;

	if (strcmp(account->spent_currency, currency) == 0)
		return;
	row = ss_row(ss_rows_latest(&total_spent_query, values, NULL), 0);
	account->spent = ss_next_int64(&row);
	strlcpy(account->spent_currency, currency, sizeof(account->spent_currency));
}
