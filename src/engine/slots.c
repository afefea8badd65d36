/*
 * slots.c: takes from budgets and daily limits, and gives back (slots.h).
 *
 * Called by the engine, choose.c and what undoes purchases, under the locks on
 * the buyers' accounts.
 *
 * A budget is a set of rows, each a share of it with what was used of that
 * share; a day of a daily limit likewise. Their sums are the truth. There are
 * two ways to take from them:
 *
 *	Without locks (one purchase at a time). The slots are read under a snapshot;
 *	campaigns are chosen by their sums; then for each thing taken one slot that
 *	covers it is updated in place, skipping slots that somebody else has. The
 *	update only succeeds on the very version that was read, so what was read
 *	still holds. Several takes are made in a subtransaction, all or none. Another
 *	purchase on the same campaign meets another slot. Nobody waits but for one
 *	slot while holding none, when there are as many slots as make sense.
 *
 *	Under locks (several purchases, or when the first way failed, holding no
 *	slot by then). All slots of all campaigns in question are locked: the first
 *	ones in the order (campaign, day), then the others in the order (campaign,
 *	day, slot). Slots are only added by whoever holds the first, so it is after
 *	that wait that all can be seen. What is decided then is decided on true
 *	sums. If the slots were fought over, there are more of them afterwards; if
 *	no slot covers what all together do, the first gets all that is left.
 *
 * Denying without locks is sound: what others are about to take is not missing
 * from the snapshot, so it shows at least what there will be if they roll back.
 * Only somebody about to give back would be overlooked; so while anybody has a
 * slot in hand, the answer is to go and wait (under locks).
 *
 * To give back is to take an amount below 0: the same two ways, on slots of
 * which that much is used. If no single one is, it is given back in parts.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/money.h"
#include "base/query.h"
#include "direct/survey.h"
#include "engine/shares.h"
#include "engine/slots.h"
#include "engine/statement.h"

/* How often a choice is made again without locks because slots had changed. */
#define MAX_ATTEMPTS 3

/* SS_SLOT_KEY_SQL as a value */
static const pg_uuid_t slot_key = {{0}};

SS_QUERY(missing_slots_query,
		 "SELECT 1 FROM unnest($1, $2) k (campaign_no, day)"
		 " WHERE NOT EXISTS (SELECT 1 FROM swipesavvy.campaign_slots s"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = k.campaign_no AND s.day = k.day)"
		 " LIMIT 1",
		 INT4ARRAYOID, DATEARRAYOID);
SS_QUERY(lock_first_query,
		 "SELECT s.campaign_no, s.day, s.slot, s.used, s.allotted FROM swipesavvy.campaign_slots s"
		 "  JOIN unnest($1, $2) k (campaign_no, day) ON s.campaign_no = k.campaign_no AND s.day = k.day"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.slot = 0 ORDER BY s.campaign_no, s.day FOR NO KEY UPDATE OF s",
		 INT4ARRAYOID, DATEARRAYOID);
SS_QUERY(lock_others_query,
		 "SELECT s.campaign_no, s.day, s.slot, s.used, s.allotted FROM swipesavvy.campaign_slots s"
		 "  JOIN unnest($1, $2) k (campaign_no, day) ON s.campaign_no = k.campaign_no AND s.day = k.day"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.slot > 0 ORDER BY s.campaign_no, s.day, s.slot FOR NO KEY UPDATE OF s",
		 INT4ARRAYOID, DATEARRAYOID);
SS_QUERY(make_slot_query,
		 "INSERT INTO swipesavvy.campaign_slots (slot_key, campaign_no, day, slot, used, allotted)"
		 " VALUES (" SS_SLOT_KEY_SQL ", $1, $2, 0, 0, $3)"
		 " ON CONFLICT DO NOTHING",
		 INT4OID, DATEOID, INT8OID);
SS_QUERY(update_slots_query,
		 "UPDATE swipesavvy.campaign_slots s SET used = k.used, allotted = k.allotted"
		 "  FROM unnest($1, $2, $3, $4, $5) k (campaign_no, day, slot, used, allotted)"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.campaign_no = k.campaign_no AND s.day = k.day AND s.slot = k.slot",
		 INT4ARRAYOID, DATEARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID);
SS_QUERY(insert_slots_query,
		 "INSERT INTO swipesavvy.campaign_slots (slot_key, campaign_no, day, slot, used, allotted)"
		 " SELECT " SS_SLOT_KEY_SQL ", k.* FROM unnest($1, $2, $3, $4, $5) k",
		 INT4ARRAYOID, DATEARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID);

/* --- the slots that are known -------------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
	const SSSlotKey *x = a;
	const SSSlotKey *y = b;

	if (x->campaign_no != y->campaign_no)
		return x->campaign_no < y->campaign_no ? -1 : 1;
	return (x->day > y->day) - (x->day < y->day);
}

void
ss_slots_reset(SSSlotBook *book)
{
	book->nshares = 0;
	book->shares = NULL;
	book->ntakes = 0;
	book->takes = NULL;
	book->must_lock = false;
}

/* Under locks all are known, sorted by key. */
static SSShares *
find_locked(const SSSlotBook *book, const SSSlotKey *key)
{
	return bsearch(key, book->shares, book->nshares, sizeof(SSShares), compare_keys);
}

/* --- without locks ---------------------------------------------------------------------- */

/* Is somebody else's transaction changing or locking the row? */
static bool
is_in_hand(const TupleTableSlot *slot)
{
	HeapTupleHeader header = ((const HeapTupleTableSlot *) slot)->tuple->t_data;
	TransactionId xmax = HeapTupleHeaderGetRawXmax(header);

	if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || !TransactionIdIsValid(xmax))
		return false;
	if ((header->t_infomask & HEAP_XMAX_IS_MULTI) != 0)
		return true;
	return !TransactionIdIsCurrentTransactionId(xmax) && TransactionIdIsInProgress(xmax);
}

static int64
int64_column(SSSlotBook *book, const TupleTableSlot *slot, int column)
{
	return DatumGetInt64(ss_direct_get(book->direct, SS_SLOTS, slot, column));
}

/* Reads the slots of a key as they are, once per choice. */
static SSShares *
peek(SSSlotBook *book, const SSSlotKey *key)
{
	Datum keys[3] = {UUIDPGetDatum(&slot_key), Int32GetDatum(key->campaign_no), DateADTGetDatum(key->day)};
	SSShares *shares;
	SSScan scan;

	for (int i = 0; i < book->nshares; i++)
	{
		if (compare_keys(&book->shares[i].key, key) == 0)
			return &book->shares[i];
	}
	book->shares = ss_array_grow(book->shares, book->nshares, sizeof(SSShares));
	shares = &book->shares[book->nshares++];
	memset(shares, 0, sizeof(*shares));
	shares->key = *key;
	scan = ss_direct_scan(book->direct, SS_SLOTS, 3, keys);
	while (ss_direct_next(&scan))
	{
		SSShare share = {.tid = scan.slot->tts_tid};

		share.slot = DatumGetInt32(ss_direct_get(book->direct, SS_SLOTS, scan.slot, SLOT_NO));
		share.used = int64_column(book, scan.slot, SLOT_USED);
		share.allotted = int64_column(book, scan.slot, SLOT_ALLOTTED);
		shares->in_hand |= is_in_hand(scan.slot);
		ss_shares_add(shares, CurrentMemoryContext, share);
	}
	ss_direct_close(&scan);
	return shares;
}

typedef enum Outcome
{
	TAKEN,
	BUSY,	/* others have the slots that would do */
	CHANGED /* what was read is no longer so */
} Outcome;

/* The slot at the n-th place, counted from one of this process's own. */
static SSShare *
nth_share(const SSShares *shares, int n)
{
	return &shares->items[(n + MyProcPid) % shares->count];
}

/* Begins the new version of a slot from which something is taken. */
static void
begin_take(SSSlotBook *book, const SSTake *take, const SSShare *share)
{
	ss_direct_replace(book->direct, SS_SLOTS, &share->tid);
	ss_direct_set(book->direct, SS_SLOTS, SLOT_KEY, UUIDPGetDatum(&slot_key));
	ss_direct_set(book->direct, SS_SLOTS, SLOT_CAMPAIGN_NO, Int32GetDatum(take->key.campaign_no));
	ss_direct_set(book->direct, SS_SLOTS, SLOT_DAY, DateADTGetDatum(take->key.day));
	ss_direct_set(book->direct, SS_SLOTS, SLOT_NO, Int32GetDatum(share->slot));
	ss_direct_set(book->direct, SS_SLOTS, SLOT_USED, Int64GetDatum(share->used + take->amount));
	ss_direct_set(book->direct, SS_SLOTS, SLOT_ALLOTTED, Int64GetDatum(share->allotted));
}

/* Takes from one slot that nobody has in hand. */
static Outcome
take_one(SSSlotBook *book, const SSTake *take)
{
	SSShares *shares = peek(book, &take->key);
	bool changed = false;

	for (int i = 0; i < shares->count; i++)
	{
		const SSShare *share = nth_share(shares, i);

		if (!ss_shares_cover(share, take->amount))
			continue;
		begin_take(book, take, share);
		switch (ss_direct_try_update(book->direct, SS_SLOTS))
		{
			case TM_Ok:
				return TAKEN;
			case TM_BeingModified:
				break;
			default:
				changed = true;
		}
	}
	return changed ? CHANGED : BUSY;
}

static Outcome
take_noted(SSSlotBook *book)
{
	Outcome outcome = TAKEN;

	if (book->takes == NULL)
		return outcome;
	for (int i = 0; i < book->ntakes && outcome == TAKEN; i++)
		outcome = take_one(book, &book->takes[i]);
	return outcome;
}

/* Waits for one slot that covers what the only take needs. */
static Outcome
wait_for_one(SSSlotBook *book)
{
	const SSTake *take = &book->takes[0];
	const SSShares *shares = peek(book, &take->key);

	for (int i = 0; i < shares->count; i++)
	{
		SSShare share = *nth_share(shares, i);
		TupleTableSlot *locked;

		if (!ss_shares_cover(&share, take->amount))
			continue;
		locked = ss_direct_wait(book->direct, SS_SLOTS, &share.tid);
		if (locked == NULL)
			return BUSY;
		share.tid = locked->tts_tid;
		share.used = int64_column(book, locked, SLOT_USED);
		share.allotted = int64_column(book, locked, SLOT_ALLOTTED);
		ExecClearTuple(locked); /* the subtransaction must not end with it */
		if (!ss_shares_cover(&share, take->amount))
			return BUSY;
		begin_take(book, take, &share);
		ss_direct_update(book->direct, SS_SLOTS);
		return TAKEN;
	}
	return BUSY;
}

/* How something is taken, and with what result. */
typedef struct Taking
{
	SSSlotBook *book;
	Outcome (*take)(SSSlotBook *book);
	Outcome outcome;
} Taking;

static bool
run_taking(void *argument)
{
	Taking *taking = argument;

	taking->outcome = taking->take(taking->book);
	return taking->outcome == TAKEN;
}

/* Does it in a subtransaction, so that slots are let go of again when it comes to nothing. */
static Outcome
all_or_none(SSSlotBook *book, Outcome (*take)(SSSlotBook *))
{
	Taking taking = {book, take, BUSY};

	ss_direct_prepare(book->direct, SS_SLOTS);
	(void) ss_attempt_or_undo(run_taking, &taking);
	return taking.outcome;
}

/*
 * Takes what was noted. When others have the slots that would do, and there
 * should not be more of them, a single take waits for one: it holds none, so
 * nobody waits for it in turn.
 */
static Outcome
settle(SSSlotBook *book)
{
	const SSTake *only = book->ntakes == 1 ? &book->takes[0] : NULL;
	Outcome outcome = only != NULL ? take_noted(book) : all_or_none(book, take_noted);

	if (outcome == BUSY && only != NULL)
	{
		const SSShares *shares = peek(book, &only->key);

		if (ss_shares_worthwhile(shares, only->amount) == shares->count)
			outcome = all_or_none(book, wait_for_one);
	}
	return outcome;
}

/* Were others seen with slots in hand? (our own transaction may have locked them, too) */
static bool
any_in_hand(const SSSlotBook *book)
{
	bool in_hand = false;

	for (int i = 0; i < book->nshares; i++)
		in_hand |= book->shares[i].in_hand;
	return in_hand;
}

bool
ss_slots_settle(SSSlotBook *book)
{
	Outcome outcome;

	if (book->locked || (book->ntakes == 0 && !book->must_lock))
		return true;
	outcome = book->must_lock ? BUSY : settle(book);
	if (outcome == TAKEN)
		return true;
	ss_direct_refresh(book->direct);
	book->attempts++;
	if (outcome == BUSY || book->attempts == MAX_ATTEMPTS)
	{
		book->contended = !book->must_lock && any_in_hand(book);
		book->locked = true;
	}
	return false;
}

/* --- under locks --------------------------------------------------------------------------- */

int
ss_slots_sort_keys(SSSlotKey *keys, int count)
{
	int distinct = 0;

	qsort(keys, count, sizeof(SSSlotKey), compare_keys);
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || compare_keys(&keys[i], &keys[i - 1]) != 0)
			keys[distinct++] = keys[i];
	}
	return distinct;
}

static void
key_arrays(const SSSlotKey *keys, int count, bool only_days, Datum *arrays)
{
	static const Oid types[] = {INT4OID, DATEOID};
	SSColumns columns;

	ss_columns_init(&columns, 2, types, count);
	for (int i = 0; i < count; i++)
	{
		if (only_days && keys[i].day == SS_BUDGET_DAY)
			continue;
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, Int32GetDatum(keys[i].campaign_no));
		ss_columns_set(&columns, 1, DateADTGetDatum(keys[i].day));
	}
	ss_columns_arrays(&columns, arrays);
}

/* Locks first slots or the others of these keys, in order, and takes in what they hold. */
static void
lock_slots(SSSlotBook *book, SSQuery *query, const SSSlotKey *keys, int count)
{
	MemoryContext context = book->statement != NULL ? book->statement->context : CurrentMemoryContext;
	Datum arrays[2];
	SSRows rows;

	key_arrays(keys, count, false, arrays);
	rows = ss_rows_latest(query, arrays, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSSlotKey key;
		SSShare share = {0};

		key.campaign_no = ss_next_int32(&row);
		key.day = ss_next_date(&row);
		share.slot = ss_next_int32(&row);
		share.used = ss_next_int64(&row);
		share.allotted = ss_next_int64(&row);
		ss_shares_add(find_locked(book, &key), context, share);
	}
}

/* Are the slots of a day not there yet? (they come into being with its first purchase) */
static bool
any_missing(const SSSlotKey *keys, int count)
{
	Datum arrays[2];

	key_arrays(keys, count, true, arrays);
	return ss_query_latest(&missing_slots_query, arrays, NULL) > 0;
}

/* Without a key that is unique two purchases could make the slots of one day, and its limit would count twice. */
static void
check_key(void)
{
	if (ss_survey_has_index(SS_SLOTS))
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("slots of a day cannot be made while table \"campaign_slots\" has no unique key"),
			errhint("Restore the table's primary key, (slot_key, campaign_no, day, slot)."));
}

/* The first slots one by one, each made where it is missing: to make one is to lock it, so the order must hold. */
static void
make_and_lock_first(SSSlotBook *book, const SSSlotKey *keys, int count)
{
	if (book->direct == NULL) /* else there is one */
		check_key();
	for (int i = 0; i < count; i++)
	{
		if (keys[i].day != SS_BUDGET_DAY)
		{
			Datum values[3] = {Int32GetDatum(keys[i].campaign_no), DateADTGetDatum(keys[i].day),
							   Int64GetDatum(ss_rules_campaign(book->rules, keys[i].campaign_no)->daily_limit)};

			(void) ss_query_latest(&make_slot_query, values, NULL);
		}
		lock_slots(book, &lock_first_query, &keys[i], 1);
		if (keys[i].day != SS_BUDGET_DAY && find_locked(book, &keys[i])->count == 0)
			ss_query_refuse_loss(0, 1);
	}
}

/*
 * Makes the list of the book's slots: those that the statement holds, and these
 * keys, which it does not, without slots so far.
 */
static void
list_shares(SSSlotBook *book, const SSSlotKey *keys, int count)
{
	const SSStatement *statement = book->statement;
	int held = statement == NULL ? 0 : statement->nshares;

	book->nshares = held + count;
	book->shares = MemoryContextAllocZero(statement == NULL ? CurrentMemoryContext : statement->context,
										  Max(book->nshares, 1) * sizeof(SSShares));
	if (held > 0)
		memcpy(book->shares, statement->shares, held * sizeof(SSShares));
	for (int i = 0; i < count; i++)
		book->shares[held + i].key = keys[i];
	qsort(book->shares, book->nshares, sizeof(SSShares), compare_keys);
}

/* Takes the keys out whose slots the statement holds already; returns how many are left. */
static int
drop_held(const SSStatement *statement, SSSlotKey *keys, int count)
{
	int kept = 0;

	if (statement == NULL || statement->nshares == 0)
		return count;
	for (int i = 0; i < count; i++)
	{
		if (bsearch(&keys[i], statement->shares, statement->nshares, sizeof(SSShares), compare_keys) == NULL)
			keys[kept++] = keys[i];
	}
	return kept;
}

void
ss_slots_lock_all(SSSlotBook *book, SSSlotKey *keys, int count)
{
	count = drop_held(book->statement, keys, count);
	if (count == 0 && book->statement != NULL)
	{
		book->nshares = book->statement->nshares;
		book->shares = book->statement->shares;
		return;
	}
	list_shares(book, keys, count);
	if (count == 0)
		return;
	if (any_missing(keys, count))
		make_and_lock_first(book, keys, count);
	else
		lock_slots(book, &lock_first_query, keys, count);
	lock_slots(book, &lock_others_query, keys, count);
}

static void
write_changed(SSQuery *query, bool fresh, const SSShares *list, int count)
{
	static const Oid types[] = {INT4OID, DATEOID, INT4OID, INT8OID, INT8OID};
	SSColumns columns;
	Datum arrays[5];

	ss_columns_init(&columns, 5, types, count);
	for (int i = 0; i < count; i++)
	{
		const SSShares *shares = &list[i];

		for (int j = 0; j < shares->count; j++)
		{
			const SSShare *share = &shares->items[j];

			if (!share->changed || share->is_new != fresh)
				continue;
			ss_columns_next(&columns);
			ss_columns_set(&columns, 0, Int32GetDatum(shares->key.campaign_no));
			ss_columns_set(&columns, 1, DateADTGetDatum(shares->key.day));
			ss_columns_set(&columns, 2, Int32GetDatum(share->slot));
			ss_columns_set(&columns, 3, Int64GetDatum(share->used));
			ss_columns_set(&columns, 4, Int64GetDatum(share->allotted));
		}
	}
	if (columns.nrows == 0)
		return;
	ss_columns_arrays(&columns, arrays);
	ss_query_latest_rows(query, arrays, NULL, columns.nrows);
}

static void
write_shares(const SSShares *list, int count)
{
	write_changed(&update_slots_query, false, list, count);
	write_changed(&insert_slots_query, true, list, count);
}

void
ss_slots_write(SSSlotBook *book)
{
	if (!book->locked || book->nshares == 0)
		return;
	if (book->statement == NULL)
		write_shares(book->shares, book->nshares);
	else if (book->statement->shares != book->shares)
	{
		if (book->statement->shares != NULL)
			pfree(book->statement->shares);
		book->statement->shares = book->shares;
		book->statement->nshares = book->nshares;
	}
}

void
ss_slots_write_statement(SSStatement *statement)
{
	if (statement->nshares > 0)
		write_shares(statement->shares, statement->nshares);
	/* whoever takes next reads what was written: it may take past us, through the executor */
	statement->shares = NULL;
	statement->nshares = 0;
}

/* --- what choose.c asks ----------------------------------------------------------------------- */

/* The rules said that there is a budget, so there are slots; a day's may be still to come, and somebody may hide them. */
static void
refuse_missing(const SSCampaign *campaign)
{
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("campaign has a limit but no slot to count it in"),
			errdetail("It is campaign \"%s\".", campaign->id),
			errhint("Rows of campaign_slots are missing, or row security hides them."));
}

bool
ss_slots_cover(SSSlotBook *book, const SSCampaign *campaign, DateADT day, int128 amount)
{
	SSSlotKey key = {campaign->no, day};
	SSShares *shares = book->locked ? find_locked(book, &key) : peek(book, &key);

	if (shares->count == 0)
	{
		if (book->locked || day == SS_BUDGET_DAY)
			refuse_missing(campaign);
		book->must_lock = true;
		return true;
	}
	if (day != SS_BUDGET_DAY && ss_shares_exceed(shares, campaign->daily_limit))
	{
		if (!book->locked)
		{
			book->must_lock = true;
			return true;
		}
		ss_shares_cut(shares, campaign->daily_limit);
	}
	if (ss_shares_left(shares) >= amount)
		return true;
	if (!book->locked && shares->in_hand)
		book->must_lock = true;
	return false;
}

void
ss_slots_take(SSSlotBook *book, const SSCampaign *campaign, DateADT day, int64 amount)
{
	SSSlotKey key = {campaign->no, day};

	if (amount == 0)
		return;
	if (book->locked)
	{
		ss_shares_take(find_locked(book, &key), amount, book->contended);
		return;
	}
	book->takes = ss_array_grow(book->takes, book->ntakes, sizeof(SSTake));
	book->takes[book->ntakes++] = (SSTake){key, amount};
}

/* --- giving back ------------------------------------------------------------------------------- */

static int
compare_takes(const void *a, const void *b)
{
	return compare_keys(&((const SSTake *) a)->key, &((const SSTake *) b)->key);
}

/* Each key once, in order; returns how many there are. */
static int
merge_takes(SSTake *takes, int count)
{
	int distinct = 0;

	qsort(takes, count, sizeof(SSTake), compare_takes);
	for (int i = 0; i < count; i++)
	{
		if (takes[i].amount == 0)
			continue;
		if (distinct > 0 && compare_takes(&takes[distinct - 1], &takes[i]) == 0)
			takes[distinct - 1].amount = ss_add(takes[distinct - 1].amount, takes[i].amount, "budget");
		else
			takes[distinct++] = takes[i];
	}
	return distinct;
}

/* A budget or limit that was taken off since has no slots: there is nothing to give back to. */
static void
drop_missing(SSSlotBook *book)
{
	int kept = 0;

	book->nshares = 0;
	book->shares = NULL;
	for (int i = 0; i < book->ntakes; i++)
	{
		if (peek(book, &book->takes[i].key)->count > 0)
			book->takes[kept++] = book->takes[i];
	}
	book->ntakes = kept;
}

static void
take_all_locked(SSSlotBook *book)
{
	SSSlotKey *keys = palloc(book->ntakes * sizeof(SSSlotKey));

	for (int i = 0; i < book->ntakes; i++)
		keys[i] = book->takes[i].key;
	list_shares(book, keys, book->ntakes);
	lock_slots(book, &lock_first_query, keys, book->ntakes);
	lock_slots(book, &lock_others_query, keys, book->ntakes);
	for (int i = 0; i < book->ntakes; i++)
	{
		if (book->shares[i].count > 0)
			ss_shares_take(&book->shares[i], book->takes[i].amount, book->contended);
	}
	ss_slots_write(book);
}

/* Without locks; false when that cannot be: then nothing was done. */
static bool
change_unlocked(SSSlotBook *book)
{
	bool done = false;

	book->direct = ss_direct_begin();
	if (book->direct == NULL)
		return false;
	while (!done && !book->locked)
	{
		drop_missing(book);
		done = ss_slots_settle(book);
	}
	ss_direct_end(book->direct);
	book->direct = NULL;
	return done;
}

void
ss_slots_give_back(SSTake *takes, int count)
{
	SSSlotBook book = {.takes = takes, .ntakes = merge_takes(takes, count)};

	if (book.ntakes == 0 || change_unlocked(&book))
		return;
	book.locked = true;
	take_all_locked(&book);
}

/* --- changing what recorded awards cost ----------------------------------------------------------- */

bool
ss_slots_try(SSTake *takes, int count)
{
	SSSlotBook book = {.takes = takes, .ntakes = merge_takes(takes, count)};

	return book.ntakes == 0 || change_unlocked(&book);
}

SSSlotBook *
ss_slots_lock_budgets(const int32 *campaign_nos, int count)
{
	SSSlotBook *book = palloc0(sizeof(SSSlotBook));
	SSSlotKey *keys = palloc(count * sizeof(SSSlotKey));

	for (int i = 0; i < count; i++)
		keys[i] = (SSSlotKey){campaign_nos[i], SS_BUDGET_DAY};
	qsort(keys, count, sizeof(SSSlotKey), compare_keys);
	book->locked = true;
	list_shares(book, keys, count);
	lock_slots(book, &lock_first_query, keys, count);
	lock_slots(book, &lock_others_query, keys, count);
	return book;
}

bool
ss_slots_take_of_budget(SSSlotBook *book, int32 campaign_no, int128 amount)
{
	SSSlotKey key = {campaign_no, SS_BUDGET_DAY};
	SSShares *shares = find_locked(book, &key);

	if (shares == NULL || shares->count == 0 || amount == 0)
		return true;
	if (amount > 0 && ss_shares_left(shares) < amount)
		return false;
	ss_shares_take(shares, (int64) amount, false);
	return true;
}
