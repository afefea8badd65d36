/*
 * chunk_direct.c: what a chunk of purchases needs, read and locked without the
 * executor (chunk_direct.h).
 *
 * Called by chunk.c, in its order of locks.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "engine/chunk_direct.h"
#include "engine/write.h"

static Datum
get_not_null(SSDirect *direct, SSTable table, const TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = ss_direct_get(direct, table, slot, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d", column);
	return value;
}

static void
read_account(SSDirect *direct, const TupleTableSlot *slot, SSAccount *account)
{
	bool isnull;
	Datum value;

	account->available = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_AVAILABLE));
	account->pending = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_PENDING));
	account->lifetime = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LIFETIME));
	account->tier = TextDatumGetCString(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER));
	account->tier_read = account->tier;
	value = ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER_UNTIL, &isnull);
	account->tier_until = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	account->transactions = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TRANSACTIONS));
	account->spent = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT));
	strlcpy(account->spent_currency,
			TextDatumGetCString(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT_CURRENCY)),
			sizeof(account->spent_currency));
	account->debited = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_DEBITED));
	account->lot_at = DatumGetTimestampTz(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_AT));
	account->lot_before = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_BEFORE));
	value = ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_REFERRER, &isnull);
	account->has_referrer = !isnull;
	if (!isnull)
		account->referrer = *DatumGetUUIDP(value);
}

static bool
is_active(SSDirect *direct, const Datum *user_id)
{
	SSScan scan = ss_direct_scan(direct, SS_USERS, 1, user_id);
	bool active = false;

	if (ss_direct_next(&scan))
	{
		const text *status = DatumGetTextPP(get_not_null(direct, SS_USERS, scan.slot, USER_STATUS));

		active = VARSIZE_ANY_EXHDR(status) == 6 && memcmp(VARDATA_ANY(status), "active", 6) == 0;
	}
	ss_direct_close(&scan);
	return active;
}

/*
 * Locks the account of one user and reads it; false when there is none. tid:
 * where it was found, if it was (it may have another version by now).
 */
static bool
lock_user(SSDirect *direct, const pg_uuid_t *id, ItemPointer tid, SSAccount *account)
{
	Datum key = UUIDPGetDatum(id);
	TupleTableSlot *locked = NULL;

	if (ItemPointerIsValid(tid))
		locked = ss_direct_wait(direct, SS_REWARD_ACCOUNTS, tid);
	if (locked == NULL)
		locked = ss_direct_lock(direct, SS_REWARD_ACCOUNTS, 1, &key);
	if (locked == NULL)
		return false;
	memset(account, 0, sizeof(SSAccount));
	account->id = *id;
	account->tid = locked->tts_tid;
	read_account(direct, locked, account);
	return true;
}

static const SSAccount *
held_user(const SSStatement *statement, const pg_uuid_t *id)
{
	return statement == NULL || statement->accounts == NULL ? NULL
															: hash_search(statement->accounts, id, HASH_FIND, NULL);
}

/* Finds an account without locking it; is a referral bonus due with it? Then *referrer is who else gets it. */
static bool
find_user(SSDirect *direct, const pg_uuid_t *id, ItemPointer tid, pg_uuid_t *referrer)
{
	Datum key = UUIDPGetDatum(id);
	SSScan scan = ss_direct_scan(direct, SS_REWARD_ACCOUNTS, 1, &key);
	bool due = false;

	ItemPointerSetInvalid(tid);
	if (ss_direct_next(&scan))
	{
		*tid = scan.slot->tts_tid;
		due = !ss_direct_is_null(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_REFERRER);
		if (due)
			*referrer = *DatumGetUUIDP(get_not_null(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_REFERRER));
	}
	ss_direct_close(&scan);
	return due;
}

/*
 * Adds those who are to be paid for having brought one of the users; finds the
 * accounts on the way. Nobody is brought later than at the beginning, so those
 * found without a lock are all that can be; locks must be taken in one order.
 */
static int
add_referrers(SSDirect *direct, const SSStatement *statement, SSWanted *wanted, int count, ItemPointer tids)
{
	int all = count;

	for (int i = 0; i < count; i++)
	{
		const SSAccount *held = held_user(statement, &wanted[i].id);
		pg_uuid_t referrer;
		bool due;

		if (held == NULL)
			due = find_user(direct, &wanted[i].id, &tids[i], &referrer);
		else
		{
			due = held->has_referrer;
			referrer = held->referrer;
		}
		if (due && wanted[i].completes)
			wanted[all++] = (SSWanted){referrer, false};
	}
	if (all == count)
		return count;
	/* the places change: all are found again, which is rare */
	all = ss_chunk_sort_wanted(wanted, all);
	for (int i = 0; i < all; i++)
		ItemPointerSetInvalid(&tids[i]);
	return all;
}

int
ss_direct_lock_users(SSDirect *direct, const SSStatement *statement, SSWanted *wanted, int count, SSAccount *accounts)
{
	ItemPointerData *tids = palloc(2 * count * sizeof(ItemPointerData));
	bool *fresh = palloc(2 * count * sizeof(bool));
	int found = 0;

	count = add_referrers(direct, statement, wanted, count, tids);
	for (int i = 0; i < count; i++)
	{
		const SSAccount *held = held_user(statement, &wanted[i].id);

		if (held != NULL)
			accounts[found] = *held;
		else if (!lock_user(direct, &wanted[i].id, &tids[i], &accounts[found]))
			continue;
		fresh[found++] = (held == NULL);
	}
	ss_direct_refresh(direct);
	for (int i = 0; i < found; i++)
	{
		Datum key = UUIDPGetDatum(&accounts[i].id);

		if (fresh[i])
			accounts[i].active = is_active(direct, &key);
	}
	return found;
}

void
ss_statement_keep_accounts(SSStatement *statement, const SSChunk *chunk)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(SSAccount)};

	if (statement->accounts == NULL)
	{
		statement->accounts_context =
			AllocSetContextCreate(statement->context, "swipesavvy users", ALLOCSET_DEFAULT_SIZES);
		control.hcxt = statement->accounts_context;
		statement->accounts = hash_create("swipesavvy users", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	for (int i = 0; i < chunk->naccounts; i++)
	{
		SSAccount *kept = hash_search(statement->accounts, &chunk->accounts[i].id, HASH_ENTER, NULL);

		*kept = chunk->accounts[i];
		kept->tier = MemoryContextStrdup(statement->accounts_context, kept->tier);
		kept->tier_read = strcmp(kept->tier_read, kept->tier) == 0
							  ? kept->tier
							  : MemoryContextStrdup(statement->accounts_context, kept->tier_read);
	}
	if (MemoryContextMemAllocated(statement->accounts_context, true) > (Size) work_mem * 1024)
		ss_statement_write_accounts(statement);
}

void
ss_statement_write_accounts(SSStatement *statement)
{
	HASH_SEQ_STATUS status;
	SSAccount *accounts;
	SSAccount *account;
	int count = 0;

	if (statement->accounts == NULL)
		return;
	accounts = MemoryContextAllocHuge(statement->accounts_context,
									  hash_get_num_entries(statement->accounts) * sizeof(SSAccount));
	hash_seq_init(&status, statement->accounts);
	while ((account = hash_seq_search(&status)) != NULL)
		accounts[count++] = *account;
	ss_ledger_write_users(accounts, count);
	statement->accounts = NULL;
	MemoryContextDelete(statement->accounts_context);
}

char *
ss_direct_merchant_category(SSDirect *direct, const pg_uuid_t *merchant_id, bool *committed)
{
	Datum key = UUIDPGetDatum(merchant_id);
	SSScan scan = ss_direct_scan(direct, SS_MERCHANTS, 1, &key);
	char *category = NULL;

	*committed = false;
	if (ss_direct_next(&scan))
	{
		bool isnull;
		Datum xmin = slot_getsysattr(scan.slot, MinTransactionIdAttributeNumber, &isnull);

		*committed = !TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
		category = TextDatumGetCString(get_not_null(direct, SS_MERCHANTS, scan.slot, MERCHANT_CATEGORY));
	}
	ss_direct_close(&scan);
	return category;
}

bool
ss_direct_owns_account(SSDirect *direct, const pg_uuid_t *user_id, const pg_uuid_t *account_id)
{
	Datum keys[2] = {UUIDPGetDatum(user_id), UUIDPGetDatum(account_id)};

	return ss_direct_exists(direct, SS_ACCOUNTS, 2, keys);
}

static void
load_segments(SSDirect *direct, const Datum *user_id, SSBuyer *buyer)
{
	SSScan scan = ss_direct_scan(direct, SS_SEGMENT_MEMBERS, 1, user_id);

	while (ss_direct_next(&scan))
		ss_chunk_add_segment(buyer,
							 DatumGetInt32(get_not_null(direct, SS_SEGMENT_MEMBERS, scan.slot, MEMBER_SEGMENT_NO)));
	ss_direct_close(&scan);
}

static void
load_boosts(SSDirect *direct, const SSRules *rules, const Datum *user_id, SSBuyer *buyer)
{
	SSScan scan = ss_direct_scan(direct, SS_USER_BOOSTS, 1, user_id);

	while (ss_direct_next(&scan))
	{
		bool activated;

		(void) ss_direct_get(direct, SS_USER_BOOSTS, scan.slot, USER_BOOST_DEACTIVATED_AT, &activated);
		if (activated)
			ss_chunk_add_boost(buyer, ss_rules_boost(rules, DatumGetUUIDP(get_not_null(direct, SS_USER_BOOSTS,
																					   scan.slot, USER_BOOST_ID))));
	}
	ss_direct_close(&scan);
}

void
ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, SSAccount *account)
{
	Datum user_id = UUIDPGetDatum(&account->id);

	if (rules->has_segments)
		load_segments(direct, &user_id, &account->buyer);
	if (account->buyer.boosted)
		load_boosts(direct, rules, &user_id, &account->buyer);
}

int64
ss_direct_redemptions(SSDirect *direct, const pg_uuid_t *user_id, int32 campaign_no)
{
	Datum keys[2] = {Int32GetDatum(campaign_no), UUIDPGetDatum(user_id)};
	SSScan scan = ss_direct_scan(direct, SS_REDEMPTIONS, 2, keys);
	int64 count = 0;

	while (ss_direct_next(&scan))
		count += DatumGetBool(get_not_null(direct, SS_REDEMPTIONS, scan.slot, REDEMPTION_COUNTS)) ? 1 : 0;
	ss_direct_close(&scan);
	return count;
}
