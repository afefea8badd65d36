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

static SSQuery total_spent_query = {
	"SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint FROM swipesavvy.transactions t"
	" WHERE t.user_id = $1 AND t.currency = $2 AND t.status = 'completed'",
	2,
	{UUIDOID, BPCHAROID},
	NULL};

SSAccount *
ss_account_find(SSAccount *accounts, int count, const pg_uuid_t *id)
{
	SSAccount key;

	key.id = *id;
	return bsearch(&key, accounts, count, sizeof(SSAccount), ss_uuid_order);
}

void
ss_account_set_currency(SSAccount *account, const char *currency)
{
	Datum values[2] = {UUIDPGetDatum(&account->id), CStringGetTextDatum(currency)};

	if (strcmp(account->spent_currency, currency) == 0)
		return;
	ss_query_latest(&total_spent_query, values, NULL);
	account->spent = ss_value_int64(0, 1, 0);
	strlcpy(account->spent_currency, currency, sizeof(account->spent_currency));
}
