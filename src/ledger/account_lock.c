/*
 * account_lock.c: locks reward accounts, and reads them (account_lock.h).
 *
 * Called by chunk.c for purchases and by balance.c for whatever else changes
 * points. These are the first locks of the order: the table, then the accounts
 * by user_id. Turns with an id and slots come after them (engine.c).
 *
 * There are two ways. By access methods each account is found without a lock,
 * then locked in its order; a REPEATABLE READ transaction waits and goes on.
 * Through the executor one query locks all of them. Either way the users'
 * status is read after the wait.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "base/columns.h"
#include "base/query.h"
#include "direct/survey.h"
#include "base/uuid.h"
#include "ledger/account_lock.h"

SS_QUERY(lock_accounts_query,
		 "SELECT a.user_id, a.points_available, a.points_pending, a.lifetime_points, a.tier,"
		 "       a.tier_until, a.transaction_count, a.spent_minor, a.spent_currency,"
		 "       a.points_debited, a.lot_at, a.lot_before, a.referral_for, a.ctid"
		 "  FROM swipesavvy.reward_accounts a WHERE a.user_id = ANY ($1) ORDER BY a.user_id FOR NO KEY UPDATE",
		 UUIDARRAYOID);
SS_QUERY(
	referrers_query,
	"SELECT a.referral_for FROM swipesavvy.reward_accounts a WHERE a.user_id = ANY ($1) AND a.referral_for IS NOT NULL",
	UUIDARRAYOID);
/* not joined above: that would read the status of before the wait for the lock */
SS_QUERY(inactive_users_query,
		 "SELECT u.user_id FROM swipesavvy.users u WHERE u.user_id = ANY ($1) AND u.status <> 'active'", UUIDARRAYOID);

void
ss_account_lock_out_changes(void)
{
	LockRelationOid(ss_survey_relid(SS_REDEMPTIONS), RowExclusiveLock);
}

/* By id, those of a completed purchase first. */
static int
compare_wanted(const void *a, const void *b)
{
	const SSWanted *x = a;
	const SSWanted *y = b;
	int order = ss_uuid_compare(&x->id, &y->id);

	return order != 0 ? order : (int) y->completes - (int) x->completes;
}

/* Sorts them by id, each once (completes if one of them does); returns how many there are. */
static int
sort_wanted(SSWanted *wanted, int count)
{
	int distinct = 0;

	qsort(wanted, count, sizeof(SSWanted), compare_wanted);
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || !ss_uuid_equal(&wanted[i].id, &wanted[distinct - 1].id))
			wanted[distinct++] = wanted[i];
	}
	return distinct;
}

/* --- through the executor ------------------------------------------------------------ */

static void
read_row(SSRow row, SSAccount *account)
{
	const pg_uuid_t *referrer;

	memset(account, 0, sizeof(*account));
	account->id = *ss_next_uuid(&row);
	account->available = ss_next_int64(&row);
	account->pending = ss_next_int64(&row);
	account->lifetime = ss_next_int64(&row);
	account->tier = ss_next_text(&row);
	account->tier_read = account->tier;
	account->tier_until = ss_next_time_or(&row, DT_NOBEGIN);
	account->transactions = ss_next_int64(&row);
	account->spent = ss_next_int64(&row);
	strlcpy(account->spent_currency, ss_next_text(&row), sizeof(account->spent_currency));
	account->debited = ss_next_int64(&row);
	account->lot_at = ss_next_time(&row);
	account->lot_before = ss_next_int64(&row);
	referrer = ss_next_uuid_or_null(&row);
	account->has_referrer = referrer != NULL;
	if (referrer != NULL)
		account->referrer = *referrer;
	account->tid = *(ItemPointer) DatumGetPointer(ss_next_value(&row, TIDOID));
	account->active = true;
}

/*
 * Adds those who brought a user whose purchase will be completed. Nobody is brought later than at the beginning, so
 * those found without a lock are all that can be.
 */
static int
add_referrers(SSWanted *wanted, int count)
{
	pg_uuid_t *ids = palloc(count * sizeof(pg_uuid_t));
	int n = 0;
	Datum array;
	SSRows rows;

	for (int i = 0; i < count; i++)
	{
		if (wanted[i].completes)
			ids[n++] = wanted[i].id;
	}
	if (n == 0)
		return count;
	array = ss_uuid_array(ids, n, sizeof(pg_uuid_t));
	rows = ss_rows_latest(&referrers_query, &array, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		wanted[count + i] = (SSWanted){*ss_next_uuid(&row), false};
	}
	return rows.count == 0 ? count : sort_wanted(wanted, count + (int) rows.count);
}

static int
lock_by_query(SSWanted *wanted, int count, SSAccount *accounts)
{
	Datum array;
	SSRows found;
	SSRows inactive;

	count = add_referrers(wanted, count);
	array = ss_uuid_array(&wanted[0].id, count, sizeof(SSWanted));
	found = ss_rows_latest(&lock_accounts_query, &array, NULL);
	if (found.count > (uint64) count)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"reward_accounts\" has more than one row of a user"));
	for (uint64 i = 0; i < found.count; i++)
		read_row(ss_row(found, i), &accounts[i]);
	inactive = ss_rows_latest(&inactive_users_query, &array, NULL);
	for (uint64 i = 0; i < inactive.count; i++)
	{
		SSRow row = ss_row(inactive, i);
		SSAccount *account = ss_account_find(accounts, (int) found.count, ss_next_uuid(&row));

		if (account != NULL)
			account->active = false;
	}
	return (int) found.count;
}

/* --- by access methods ----------------------------------------------------------------- */

static void
read_slot(SSDirect *direct, const TupleTableSlot *slot, SSAccount *account)
{
	bool isnull;
	Datum value;

	account->available = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_AVAILABLE));
	account->pending = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_PENDING));
	account->lifetime = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LIFETIME));
	account->tier = TextDatumGetCString(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER));
	account->tier_read = account->tier;
	value = ss_direct_get_or_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TIER_UNTIL, &isnull);
	account->tier_until = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	account->transactions = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_TRANSACTIONS));
	account->spent = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT));
	strlcpy(account->spent_currency,
			TextDatumGetCString(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_SPENT_CURRENCY)),
			sizeof(account->spent_currency));
	account->debited = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_DEBITED));
	account->lot_at = DatumGetTimestampTz(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_AT));
	account->lot_before = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_LOT_BEFORE));
	value = ss_direct_get_or_null(direct, SS_REWARD_ACCOUNTS, slot, ACCOUNT_REFERRER, &isnull);
	account->has_referrer = !isnull;
	if (!isnull)
		account->referrer = *DatumGetUUIDP(value);
}

static bool
is_active(SSDirect *direct, const pg_uuid_t *user_id)
{
	Datum key = UUIDPGetDatum(user_id);
	SSScan scan = ss_direct_scan(direct, SS_USERS, 1, &key);
	bool active = false;

	if (ss_direct_next(&scan))
	{
		const text *status = DatumGetTextPP(ss_direct_get(direct, SS_USERS, scan.slot, USER_STATUS));

		active = VARSIZE_ANY_EXHDR(status) == 6 && memcmp(VARDATA_ANY(status), "active", 6) == 0;
	}
	ss_direct_close(&scan);
	return active;
}

/*
 * Locks one account and reads it; false when there is none. tid: where it was
 * found, if it was (it may have another version by now).
 */
static bool
lock_one(SSDirect *direct, const pg_uuid_t *id, ItemPointer tid, SSAccount *account)
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
	read_slot(direct, locked, account);
	return true;
}

static const SSAccount *
find_held(struct HTAB *held, const pg_uuid_t *id)
{
	return held == NULL ? NULL : hash_search(held, id, HASH_FIND, NULL);
}

/* Finds an account without locking it; is a referral bonus due with it? Then *referrer is who else gets it. */
static bool
find_unlocked(SSDirect *direct, const pg_uuid_t *id, ItemPointer tid, pg_uuid_t *referrer)
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
			*referrer = *DatumGetUUIDP(ss_direct_get(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_REFERRER));
	}
	ss_direct_close(&scan);
	return due;
}

/*
 * Finds the accounts, and adds those who brought a user that completes, as
 * add_referrers does. Locks must be taken in one order, so all are sorted
 * again; then their places are not known any more, which is rare.
 */
static int
find_and_add_referrers(SSDirect *direct, struct HTAB *held, SSWanted *wanted, int count, ItemPointer tids)
{
	int all = count;

	for (int i = 0; i < count; i++)
	{
		const SSAccount *account = find_held(held, &wanted[i].id);
		pg_uuid_t referrer;
		bool due;

		if (account == NULL)
			due = find_unlocked(direct, &wanted[i].id, &tids[i], &referrer);
		else
		{
			due = account->has_referrer;
			referrer = account->referrer;
		}
		if (due && wanted[i].completes)
			wanted[all++] = (SSWanted){referrer, false};
	}
	if (all == count)
		return count;
	all = sort_wanted(wanted, all);
	for (int i = 0; i < all; i++)
		ItemPointerSetInvalid(&tids[i]);
	return all;
}

static int
lock_directly(SSDirect *direct, struct HTAB *held, SSWanted *wanted, int count, SSAccount *accounts)
{
	ItemPointerData *tids = palloc(2 * count * sizeof(ItemPointerData));
	bool *fresh = palloc(2 * count * sizeof(bool));
	int found = 0;

	count = find_and_add_referrers(direct, held, wanted, count, tids);
	for (int i = 0; i < count; i++)
	{
		const SSAccount *account = find_held(held, &wanted[i].id);

		if (account != NULL)
			accounts[found] = *account;
		else if (!lock_one(direct, &wanted[i].id, &tids[i], &accounts[found]))
			continue;
		fresh[found++] = (account == NULL);
	}
	ss_direct_refresh(direct);
	for (int i = 0; i < found; i++)
	{
		if (fresh[i])
			accounts[i].active = is_active(direct, &accounts[i].id);
	}
	return found;
}

int
ss_account_lock(SSDirect *direct, struct HTAB *held, SSWanted *wanted, int count, SSAccount *accounts)
{
	count = sort_wanted(wanted, count);
	return direct != NULL ? lock_directly(direct, held, wanted, count, accounts)
						  : lock_by_query(wanted, count, accounts);
}
