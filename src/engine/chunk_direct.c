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
read_account(SSDirect *direct, const TupleTableSlot *slot, SSUser *user)
{
	bool isnull;
	Datum value;

	user->available = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_AVAILABLE));
	user->pending = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_PENDING));
	user->lifetime = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LIFETIME));
	user->tier = TextDatumGetCString(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER));
	user->tier_read = user->tier;
	value = ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER_UNTIL, &isnull);
	user->tier_until = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	user->transactions = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TRANSACTIONS));
	user->spent = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT));
	strlcpy(user->spent_currency,
			TextDatumGetCString(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT_CURRENCY)),
			sizeof(user->spent_currency));
	user->debited = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_DEBITED));
	user->lot_at = DatumGetTimestampTz(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_AT));
	user->lot_before = DatumGetInt64(get_not_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_BEFORE));
	value = ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_REFERRER, &isnull);
	user->has_referrer = !isnull;
	if (!isnull)
		user->referrer = *DatumGetUUIDP(value);
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
lock_user(SSDirect *direct, const pg_uuid_t *id, ItemPointer tid, SSUser *user)
{
	Datum key = UUIDPGetDatum(id);
	TupleTableSlot *locked = NULL;

	if (ItemPointerIsValid(tid))
		locked = ss_direct_wait(direct, SS_REWARD_ACCOUNTS, tid);
	if (locked == NULL)
		locked = ss_direct_lock(direct, SS_REWARD_ACCOUNTS, 1, &key);
	if (locked == NULL)
		return false;
	memset(user, 0, sizeof(SSUser));
	user->id = *id;
	user->tid = locked->tts_tid;
	read_account(direct, locked, user);
	return true;
}

static const SSUser *
held_user(const SSBatch *batch, const pg_uuid_t *id)
{
	return batch == NULL || batch->users == NULL ? NULL : hash_search(batch->users, id, HASH_FIND, NULL);
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
add_referrers(SSDirect *direct, const SSBatch *batch, SSWanted *wanted, int count, ItemPointer tids)
{
	int all = count;

	for (int i = 0; i < count; i++)
	{
		const SSUser *held = held_user(batch, &wanted[i].id);
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
ss_direct_lock_users(SSDirect *direct, const SSBatch *batch, SSWanted *wanted, int count, SSUser *users)
{
	ItemPointerData *tids = palloc(2 * count * sizeof(ItemPointerData));
	bool *fresh = palloc(2 * count * sizeof(bool));
	int found = 0;

	count = add_referrers(direct, batch, wanted, count, tids);
	for (int i = 0; i < count; i++)
	{
		const SSUser *held = held_user(batch, &wanted[i].id);

		if (held != NULL)
			users[found] = *held;
		else if (!lock_user(direct, &wanted[i].id, &tids[i], &users[found]))
			continue;
		fresh[found++] = (held == NULL);
	}
	ss_direct_refresh(direct);
	for (int i = 0; i < found; i++)
	{
		Datum key = UUIDPGetDatum(&users[i].id);

		if (fresh[i])
			users[i].active = is_active(direct, &key);
	}
	return found;
}

void
ss_batch_keep_users(SSBatch *batch, const SSChunk *chunk)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(SSUser)};

	if (batch->users == NULL)
	{
		batch->users_context = AllocSetContextCreate(batch->context, "swipesavvy users", ALLOCSET_DEFAULT_SIZES);
		control.hcxt = batch->users_context;
		batch->users = hash_create("swipesavvy users", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	for (int i = 0; i < chunk->nusers; i++)
	{
		SSUser *kept = hash_search(batch->users, &chunk->users[i].id, HASH_ENTER, NULL);

		*kept = chunk->users[i];
		kept->tier = MemoryContextStrdup(batch->users_context, kept->tier);
		kept->tier_read = strcmp(kept->tier_read, kept->tier) == 0
							  ? kept->tier
							  : MemoryContextStrdup(batch->users_context, kept->tier_read);
	}
	if (MemoryContextMemAllocated(batch->users_context, true) > (Size) work_mem * 1024)
		ss_batch_write_users(batch);
}

void
ss_batch_write_users(SSBatch *batch)
{
	HASH_SEQ_STATUS status;
	SSUser *users;
	SSUser *user;
	int count = 0;

	if (batch->users == NULL)
		return;
	users = MemoryContextAllocHuge(batch->users_context, hash_get_num_entries(batch->users) * sizeof(SSUser));
	hash_seq_init(&status, batch->users);
	while ((user = hash_seq_search(&status)) != NULL)
		users[count++] = *user;
	ss_ledger_write_users(users, count);
	batch->users = NULL;
	MemoryContextDelete(batch->users_context);
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
ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, SSUser *user)
{
	Datum user_id = UUIDPGetDatum(&user->id);

	if (rules->has_segments)
		load_segments(direct, &user_id, &user->buyer);
	if (user->buyer.boosted)
		load_boosts(direct, rules, &user_id, &user->buyer);
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
