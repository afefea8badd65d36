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
#include "base/query.h"
#include "base/uuid7.h"
#include "engine/chunk_direct.h"
#include "engine/engine.h"
#include "engine/write.h"
#include "ledger/balance.h"
#include "ledger/lots.h"
#include "ledger/tier.h"

static SSQuery insert_entry_query = {
	"INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account,"
	"       transaction_id, reason)"
	" VALUES ($1, $2, $3, $4, $5::swipesavvy.entry_kind, $6::swipesavvy.ledger_account, $7::swipesavvy.ledger_account,"
	"         $8, $9)",
	9,
	{UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID},
	NULL};

/* Locks accounts by their access methods where that can be: a REPEATABLE READ transaction then waits, too, and goes on. */
static int
lock_accounts(const pg_uuid_t *user_ids, int count, SSAccount *accounts)
{
	SSDirect *direct = ss_direct_begin();
	SSWanted *wanted;
	int found;

	if (direct == NULL)
		return ss_chunk_lock_accounts(user_ids, count, accounts);
	wanted = palloc(2 * count * sizeof(SSWanted));
	for (int i = 0; i < count; i++)
		wanted[i] = (SSWanted){user_ids[i], false};
	found = ss_direct_lock_users(direct, NULL, wanted, count, accounts);
	ss_direct_end(direct);
	return found;
}

void
ss_balance_lock_all(SSBalance *balances, const pg_uuid_t *user_ids, int count)
{
	SSAccount *accounts = palloc(count * sizeof(SSAccount));
	int found;
	const SSRules *rules;

	ss_engine_lock_out_changes();
	found = lock_accounts(user_ids, count, accounts);
	rules = ss_rules_get();
	for (int i = 0; i < count; i++)
	{
		if (i >= found || memcmp(&accounts[i].id, &user_ids[i], sizeof(pg_uuid_t)) != 0)
			ss_not_found("user", ss_uuid_text(&user_ids[i]));
		balances[i].rules = rules;
		balances[i].now = GetCurrentTimestamp();
		balances[i].account = accounts[i];
		ss_chunk_set_currency(&balances[i].account, rules->settings.currency);
	}
}

void
ss_balance_lock(SSBalance *balance, const pg_uuid_t *user_id)
{
	ss_balance_lock_all(balance, user_id, 1);
}

/* Points become available that count from `at` on. */
static void
credit(SSAccount *account, int64 points, TimestampTz at)
{
	account->available = ss_add(account->available, points, "points balance");
	ss_lots_credit(account, points, at);
}

/* Lifetime points change by that much, and with them the tier. */
static void
change_lifetime(const SSRules *rules, SSAccount *account, int64 points, TimestampTz now)
{
	ss_tier_set_lifetime(rules, account, ss_add(account->lifetime, points, "lifetime points"), now);
}

void
ss_balance_earn(const SSRules *rules, SSAccount *account, int64 points, TimestampTz at, TimestampTz now)
{
	account->changed = true;
	if (points == 0)
		return;
	credit(account, points, at);
	change_lifetime(rules, account, points, now);
}

void
ss_balance_credit(SSBalance *balance, int64 points, TimestampTz at, bool earned)
{
	balance->account.changed = true;
	if (points == 0)
		return;
	credit(&balance->account, points, at);
	if (earned)
		change_lifetime(balance->rules, &balance->account, points, balance->now);
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
		change_lifetime(balance->rules, account, -points, balance->now);
}

const char *
ss_balance_tier(const SSBalance *balance)
{
	return ss_tier_held(balance->rules, &balance->account, balance->now)->name;
}

void
ss_balance_write(SSBalance *balance)
{
	ss_ledger_write_accounts(NULL, &balance->account, 1);
	balance->account.changed = false;
	balance->account.tier_read = balance->account.tier;
}

const pg_uuid_t *
ss_entry_write(const SSEntry *entry)
{
	const pg_uuid_t *entry_id = ss_uuid7_new();
	Datum values[9];
	bool nulls[9] = {false};

	if (entry->points == 0)
		return entry_id;
	ss_param_pointer(values, nulls, 0, entry->user_id);
	ss_param_pointer(values, nulls, 1, entry_id);
	values[2] = Int64GetDatum(entry->points);
	values[3] = TimestampTzGetDatum(entry->recorded_at);
	ss_param_text(values, nulls, 4, entry->kind);
	ss_param_text(values, nulls, 5, entry->debit);
	ss_param_text(values, nulls, 6, entry->credit);
	ss_param_pointer(values, nulls, 7, entry->transaction_id);
	ss_param_text(values, nulls, 8, entry->reason);
	(void) ss_query_latest(&insert_entry_query, values, nulls);
	return entry_id;
}
