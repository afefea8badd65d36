/*
 * chunk.c: loads and locks what a chunk of purchases needs (chunk.h).
 *
 * Called by engine.c only, in this order: users (locked FOR NO KEY UPDATE by
 * user_id), references, then, once the open campaigns are known, redemption
 * counts and slots (locked by campaign, day, slot). Everything a user's own
 * rules read is stable under the lock on its reward account, everything a
 * budget or daily limit reads under the locks on its slots. All queries take a
 * fresh snapshot, so under READ COMMITTED they see what the lock waited for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "args.h"
#include "chunk.h"
#include "columns.h"
#include "errors.h"
#include "money.h"
#include "query.h"

static SSQuery lock_users_query = {
	"SELECT a.user_id, a.points_available, a.points_pending, a.lifetime_points, a.tier,"
	"       coalesce(a.tier_until, '-infinity'), a.transaction_count, a.spent_minor, a.spent_currency,"
	"       u.status = 'active'"
	"  FROM swipesavvy.reward_accounts a JOIN swipesavvy.users u ON u.user_id = a.user_id"
	" WHERE a.user_id = ANY ($1) ORDER BY a.user_id FOR NO KEY UPDATE OF a",
	1, {UUIDARRAYOID}, NULL};
static SSQuery total_spent_query = {
	"SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint FROM swipesavvy.transactions t"
	" WHERE t.user_id = $1 AND t.currency = $2 AND t.status = 'completed'",
	2, {UUIDOID, BPCHAROID}, NULL};
static SSQuery merchants_query = {
	"SELECT m.merchant_id, c.category_no FROM swipesavvy.merchants m"
	"  JOIN swipesavvy.merchant_categories c ON c.category = m.category WHERE m.merchant_id = ANY ($1)",
	1, {UUIDARRAYOID}, NULL};
static SSQuery accounts_query = {
	"SELECT a.account_id, a.user_id FROM swipesavvy.accounts a WHERE a.account_id = ANY ($1)",
	1, {UUIDARRAYOID}, NULL};
static SSQuery segments_query = {
	"SELECT m.user_id, m.segment_no FROM swipesavvy.segment_members m WHERE m.user_id = ANY ($1)",
	1, {UUIDARRAYOID}, NULL};
static SSQuery boosts_query = {
	"SELECT b.user_id, b.boost_id FROM swipesavvy.user_boosts b"
	" WHERE b.user_id = ANY ($1) AND b.deactivated_at IS NULL",
	1, {UUIDARRAYOID}, NULL};
static SSQuery redemptions_query = {
	"SELECT r.user_id, r.campaign_no, count(*) FROM swipesavvy.campaign_redemptions r"
	" WHERE r.campaign_no = ANY ($1) AND r.user_id = ANY ($2) AND r.counts GROUP BY 1, 2",
	2, {INT4ARRAYOID, UUIDARRAYOID}, NULL};
static SSQuery missing_slots_query = {
	"SELECT 1 FROM unnest($1, $2) k (campaign_no, day)"
	" WHERE NOT EXISTS (SELECT FROM swipesavvy.campaign_slots s WHERE s.campaign_no = k.campaign_no AND s.day = k.day)"
	" LIMIT 1",
	2, {INT4ARRAYOID, DATEARRAYOID}, NULL};
static SSQuery lock_slots_query = {
	"SELECT s.campaign_no, s.day, s.slot, s.used, s.allotted FROM swipesavvy.campaign_slots s"
	"  JOIN unnest($1, $2) k (campaign_no, day) ON s.campaign_no = k.campaign_no AND s.day = k.day"
	" ORDER BY s.campaign_no, s.day, s.slot FOR NO KEY UPDATE OF s",
	2, {INT4ARRAYOID, DATEARRAYOID}, NULL};
static SSQuery make_slot_query = {
	"INSERT INTO swipesavvy.campaign_slots (campaign_no, day, slot, used, allotted) VALUES ($1, $2, 0, 0, $3)"
	" ON CONFLICT DO NOTHING",
	3, {INT4OID, DATEOID, INT8OID}, NULL};
static SSQuery day_spending_query = {
	"SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint FROM swipesavvy.transactions t"
	" WHERE t.user_id = $1 AND t.currency = $2 AND t.status IN ('pending', 'completed')"
	"   AND t.occurred_at >= $3::timestamp AT TIME ZONE $4 AND t.occurred_at < ($3 + 1)::timestamp AT TIME ZONE $4",
	4, {UUIDOID, BPCHAROID, DATEOID, TEXTOID}, NULL};

typedef struct RedemptionKey
{
	int32		user;			/* position in chunk->users */
	int32		campaign_no;
} RedemptionKey;

typedef struct RedemptionEntry
{
	RedemptionKey key;
	int64		count;
} RedemptionEntry;

typedef struct SpendingKey
{
	int32		user;
	DateADT		day;
} SpendingKey;

typedef struct SpendingEntry
{
	SpendingKey key;
	int64		spent;
} SpendingEntry;

typedef struct MerchantEntry
{
	pg_uuid_t	id;
	int16		category_no;
} MerchantEntry;

static struct HTAB *
make_table(const char *name, Size keysize, Size entrysize)
{
	HASHCTL		control = {.keysize = keysize,.entrysize = entrysize,.hcxt = CurrentMemoryContext};

	return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* PT404 where somebody called for this purchase, 23503 in bulk. */
static void
refuse_reference(const SSChunk *chunk, const char *thing, const pg_uuid_t *id)
{
	if (chunk->by_call)
		ss_not_found(thing, ss_uuid_text(id));
	ereport(ERROR, errcode(ERRCODE_FOREIGN_KEY_VIOLATION), errmsg("purchase of an unknown %s", thing),
			errdetail("There is no %s \"%s\".", thing, ss_uuid_text(id)));
}

/* --- users ------------------------------------------------------------------------ */

static int
compare_users(const void *a, const void *b)
{
	return memcmp(&((const SSUser *) a)->id, &((const SSUser *) b)->id, sizeof(pg_uuid_t));
}

static SSUser *
find_user(const SSChunk *chunk, const pg_uuid_t *id)
{
	SSUser		key;

	key.id = *id;
	return bsearch(&key, chunk->users, chunk->nusers, sizeof(SSUser), compare_users);
}

static void
read_user(uint64 row, SSUser *user)
{
	memset(user, 0, sizeof(*user));
	user->id = *DatumGetUUIDP(ss_value_not_null(row, 1));
	user->available = ss_value_int64(row, 2, 0);
	user->pending = ss_value_int64(row, 3, 0);
	user->lifetime = ss_value_int64(row, 4, 0);
	user->tier = ss_value_text(row, 5);
	user->tier_until = DatumGetTimestampTz(ss_value_not_null(row, 6));
	user->transactions = ss_value_int64(row, 7, 0);
	user->spent = ss_value_int64(row, 8, 0);
	strlcpy(user->spent_currency, ss_value_text(row, 9), sizeof(user->spent_currency));
	user->active = DatumGetBool(ss_value_not_null(row, 10));
}

void
ss_chunk_lock_users(SSChunk *chunk)
{
	Datum		ids = ss_uuid_array(&chunk->purchases[0].user_id, chunk->count, sizeof(SSPurchase));

	chunk->nusers = (int) ss_query_latest(&lock_users_query, &ids, NULL);
	chunk->users = palloc(Max(chunk->nusers, 1) * sizeof(SSUser));
	for (int i = 0; i < chunk->nusers; i++)
		read_user(i, &chunk->users[i]);
	chunk->buyers = palloc(chunk->count * sizeof(SSUser *));
	for (int i = 0; i < chunk->count; i++)
	{
		chunk->buyers[i] = find_user(chunk, &chunk->purchases[i].user_id);
		if (chunk->buyers[i] == NULL)
			refuse_reference(chunk, "user", &chunk->purchases[i].user_id);
	}
}

/* --- references ---------------------------------------------------------------------- */

/* The ids of merchants or accounts that the chunk's purchases name; 0 if none does. */
static int
named_ids(const SSChunk *chunk, bool merchants, Datum *array)
{
	pg_uuid_t  *ids = palloc(chunk->count * sizeof(pg_uuid_t));
	int			n = 0;

	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		if (merchants ? purchase->has_merchant : purchase->has_account)
			ids[n++] = merchants ? purchase->merchant_id : purchase->account_id;
	}
	*array = ss_uuid_array(ids, n, sizeof(pg_uuid_t));
	return n;
}

static void
load_merchants(SSChunk *chunk)
{
	struct HTAB *merchants;
	uint64		rows;
	Datum		ids;

	if (named_ids(chunk, true, &ids) == 0)
		return;
	merchants = make_table("swipesavvy merchants", sizeof(pg_uuid_t), sizeof(MerchantEntry));
	rows = ss_query_latest(&merchants_query, &ids, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MerchantEntry *entry = hash_search(merchants, DatumGetUUIDP(ss_value_not_null(i, 1)), HASH_ENTER, NULL);

		entry->category_no = DatumGetInt16(ss_value_not_null(i, 2));
	}
	for (int i = 0; i < chunk->count; i++)
	{
		SSPurchase *purchase = &chunk->purchases[i];
		MerchantEntry *entry;

		if (!purchase->has_merchant)
			continue;
		entry = hash_search(merchants, &purchase->merchant_id, HASH_FIND, NULL);
		if (entry == NULL)
			refuse_reference(chunk, "merchant", &purchase->merchant_id);
		else
			purchase->category_no = entry->category_no;
	}
}

/* An account must be the buyer's own: somebody else's is as good as none. */
static void
check_accounts(SSChunk *chunk)
{
	struct Pair
	{
		pg_uuid_t	account_id;
		pg_uuid_t	user_id;
	}			pair;
	struct HTAB *accounts;
	uint64		rows;
	Datum		ids;

	if (named_ids(chunk, false, &ids) == 0)
		return;
	accounts = make_table("swipesavvy accounts", sizeof(pair), sizeof(pair));
	rows = ss_query_latest(&accounts_query, &ids, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		pair.account_id = *DatumGetUUIDP(ss_value_not_null(i, 1));
		pair.user_id = *DatumGetUUIDP(ss_value_not_null(i, 2));
		(void) hash_search(accounts, &pair, HASH_ENTER, NULL);
	}
	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		pair.account_id = purchase->account_id;
		pair.user_id = purchase->user_id;
		if (purchase->has_account && hash_search(accounts, &pair, HASH_FIND, NULL) == NULL)
			refuse_reference(chunk, "account", &purchase->account_id);
	}
}

static void
load_segments(SSChunk *chunk, Datum user_ids)
{
	uint64		rows = ss_query_latest(&segments_query, &user_ids, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		SSBuyer    *buyer = &find_user(chunk, DatumGetUUIDP(ss_value_not_null(i, 1)))->buyer;

		if (buyer->segments == NULL)
			buyer->segments = palloc(sizeof(int32));
		else if ((buyer->nsegments & (buyer->nsegments - 1)) == 0)
			buyer->segments = repalloc(buyer->segments, 2 * buyer->nsegments * sizeof(int32));
		buyer->segments[buyer->nsegments++] = DatumGetInt32(ss_value_not_null(i, 2));
	}
}

static void
load_boosts(SSChunk *chunk, Datum user_ids)
{
	uint64		rows = ss_query_latest(&boosts_query, &user_ids, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		SSBuyer    *buyer = &find_user(chunk, DatumGetUUIDP(ss_value_not_null(i, 1)))->buyer;
		const SSBoost *boost = ss_rules_boost(chunk->rules, DatumGetUUIDP(ss_value_not_null(i, 2)));

		if (boost == NULL)
			continue;
		if (buyer->boosts == NULL)
			buyer->boosts = palloc(sizeof(SSBoost *));
		else if ((buyer->nboosts & (buyer->nboosts - 1)) == 0)
			buyer->boosts = repalloc(buyer->boosts, 2 * buyer->nboosts * sizeof(SSBoost *));
		buyer->boosts[buyer->nboosts++] = boost;
	}
}

/* An account that was kept in another currency than the programme's present one is added up anew. */
static void
set_spent_currency(SSUser *user, const char *currency)
{
	Datum		values[2] = {UUIDPGetDatum(&user->id), CStringGetTextDatum(currency)};

	if (strcmp(user->spent_currency, currency) == 0)
		return;
	ss_query_latest(&total_spent_query, values, NULL);
	user->spent = ss_value_int64(0, 1, 0);
	strlcpy(user->spent_currency, currency, sizeof(user->spent_currency));
}

void
ss_chunk_load_references(SSChunk *chunk)
{
	Datum		user_ids = ss_uuid_array(&chunk->users[0].id, chunk->nusers, sizeof(SSUser));

	load_merchants(chunk);
	check_accounts(chunk);
	for (int i = 0; i < chunk->nusers; i++)
	{
		memset(&chunk->users[i].buyer, 0, sizeof(SSBuyer));
		set_spent_currency(&chunk->users[i], chunk->rules->settings.currency);
	}
	load_segments(chunk, user_ids);
	load_boosts(chunk, user_ids);
	chunk->spending = NULL;
	if (chunk->rules->settings.daily_spending_minor >= 0)
		chunk->spending = make_table("swipesavvy spending", sizeof(SpendingKey), sizeof(SpendingEntry));
}

int64 *
ss_chunk_spent_on_day(SSChunk *chunk, const SSUser *user, DateADT day)
{
	SpendingKey key = {(int32) (user - chunk->users), day};
	SpendingEntry *entry;
	bool		found;
	Datum		values[4];

	entry = hash_search(chunk->spending, &key, HASH_ENTER, &found);
	if (found)
		return &entry->spent;
	values[0] = UUIDPGetDatum(&user->id);
	values[1] = CStringGetTextDatum(chunk->rules->settings.currency);
	values[2] = DateADTGetDatum(day);
	values[3] = CStringGetTextDatum(pg_get_timezone_name(chunk->rules->settings.timezone));
	ss_query_latest(&day_spending_query, values, NULL);
	entry->spent = ss_value_int64(0, 1, 0);
	return &entry->spent;
}

/* --- redemption counts ------------------------------------------------------------------- */

static int
compare_ints(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* The numbers of the open campaigns with a limit per user, each once. */
static int
limited_campaigns(const SSChunk *chunk, int32 **numbers)
{
	int			n = 0;
	int			distinct = 0;

	for (int i = 0; i < chunk->count; i++)
		n += chunk->open[i].count;
	*numbers = palloc(Max(n, 1) * sizeof(int32));
	n = 0;
	for (int i = 0; i < chunk->count; i++)
	{
		for (int j = 0; j < chunk->open[i].count; j++)
		{
			const SSCampaign *campaign = &chunk->rules->campaigns[chunk->open[i].items[j]];

			if (campaign->per_user_limit > 0)
				(*numbers)[n++] = campaign->no;
		}
	}
	qsort(*numbers, n, sizeof(int32), compare_ints);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || (*numbers)[i] != (*numbers)[i - 1])
			(*numbers)[distinct++] = (*numbers)[i];
	}
	return distinct;
}

void
ss_chunk_load_redemptions(SSChunk *chunk)
{
	int32	   *numbers;
	int			count = limited_campaigns(chunk, &numbers);
	Datum	   *elements = palloc(Max(count, 1) * sizeof(Datum));
	Datum		values[2];
	uint64		rows;

	chunk->redemptions = make_table("swipesavvy redemptions", sizeof(RedemptionKey), sizeof(RedemptionEntry));
	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	values[0] = PointerGetDatum(construct_array(elements, count, INT4OID, sizeof(int32), true, 'i'));
	values[1] = ss_uuid_array(&chunk->users[0].id, chunk->nusers, sizeof(SSUser));
	rows = ss_query_latest(&redemptions_query, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		RedemptionKey key;
		RedemptionEntry *entry;

		key.user = (int32) (find_user(chunk, DatumGetUUIDP(ss_value_not_null(i, 1))) - chunk->users);
		key.campaign_no = DatumGetInt32(ss_value_not_null(i, 2));
		entry = hash_search(chunk->redemptions, &key, HASH_ENTER, NULL);
		entry->count = ss_value_int64(i, 3, 0);
	}
}

int64
ss_chunk_redemptions(SSChunk *chunk, const SSUser *user, int32 campaign_no, int add)
{
	RedemptionKey key = {(int32) (user - chunk->users), campaign_no};
	RedemptionEntry *entry;
	bool		found;

	entry = hash_search(chunk->redemptions, &key, HASH_ENTER, &found);
	if (!found)
		entry->count = 0;
	entry->count += add;
	return entry->count;
}

/* --- slots ------------------------------------------------------------------------------------ */

static int
compare_keys(const void *a, const void *b)
{
	const SSSlotKey *x = a;
	const SSSlotKey *y = b;

	if (x->campaign_no != y->campaign_no)
		return x->campaign_no < y->campaign_no ? -1 : 1;
	return (x->day > y->day) - (x->day < y->day);
}

static void
want_slots(SSChunk *chunk, int32 campaign_no, DateADT day)
{
	SSSlotKey	key = {campaign_no, day};
	SSSlots    *slots;
	bool		found;

	slots = hash_search(chunk->slots, &key, HASH_ENTER, &found);
	if (!found)
	{
		slots->loaded = false;
		slots->changed = false;
	}
}

/* Locks the slots of these keys, in order, and takes in what they hold. */
static void
lock_slots(SSChunk *chunk, const SSSlotKey *keys, int count)
{
	static const Oid types[] = {INT4OID, DATEOID};
	SSColumns	columns;
	Datum		arrays[2];
	uint64		rows;

	ss_columns_init(&columns, 2, types, count);
	for (int i = 0; i < count; i++)
	{
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, Int32GetDatum(keys[i].campaign_no));
		ss_columns_set(&columns, 1, DateADTGetDatum(keys[i].day));
	}
	ss_columns_arrays(&columns, arrays);
	rows = ss_query_latest(&lock_slots_query, arrays, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		SSSlots    *slots = ss_chunk_slots(chunk, DatumGetInt32(ss_value_not_null(i, 1)),
										   DatumGetDateADT(ss_value_not_null(i, 2)));

		slots->share.slot = DatumGetInt32(ss_value_not_null(i, 3));
		slots->share.used = ss_value_int64(i, 4, 0);
		slots->share.allotted = ss_value_int64(i, 5, 0);
		slots->loaded = true;
	}
}

/* Is a slot of these keys not there yet? (days come into being with their first purchase) */
static bool
any_missing(const SSSlotKey *keys, int count)
{
	static const Oid types[] = {INT4OID, DATEOID};
	SSColumns	columns;
	Datum		arrays[2];

	ss_columns_init(&columns, 2, types, count);
	for (int i = 0; i < count; i++)
	{
		if (keys[i].day == SS_BUDGET_DAY)
			continue;
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, Int32GetDatum(keys[i].campaign_no));
		ss_columns_set(&columns, 1, DateADTGetDatum(keys[i].day));
	}
	if (columns.nrows == 0)
		return false;
	ss_columns_arrays(&columns, arrays);
	return ss_query_latest(&missing_slots_query, arrays, NULL) > 0;
}

static const SSCampaign *
campaign_of(const SSRules *rules, int32 campaign_no)
{
	int			low = 0;
	int			high = rules->ncampaigns - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (rules->campaigns[middle].no < campaign_no)
			low = middle + 1;
		else
			high = middle;
	}
	return &rules->campaigns[low];
}

/* The keys one by one, each made where it is missing: to make one is to lock it, so the order must hold. */
static void
make_and_lock_slots(SSChunk *chunk, const SSSlotKey *keys, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (keys[i].day != SS_BUDGET_DAY)
		{
			Datum		values[3] = {Int32GetDatum(keys[i].campaign_no), DateADTGetDatum(keys[i].day),
			Int64GetDatum(campaign_of(chunk->rules, keys[i].campaign_no)->daily_limit)};

			ss_query_latest(&make_slot_query, values, NULL);
		}
		lock_slots(chunk, &keys[i], 1);
	}
}

void
ss_chunk_lock_slots(SSChunk *chunk)
{
	HASH_SEQ_STATUS status;
	SSSlots    *slots;
	SSSlotKey  *keys;
	int			count = 0;

	chunk->slots = make_table("swipesavvy slots", sizeof(SSSlotKey), sizeof(SSSlots));
	for (int i = 0; i < chunk->count; i++)
	{
		for (int j = 0; j < chunk->open[i].count; j++)
		{
			const SSCampaign *campaign = &chunk->rules->campaigns[chunk->open[i].items[j]];

			if (campaign->has_budget)
				want_slots(chunk, campaign->no, SS_BUDGET_DAY);
			if (campaign->daily_limit > 0)
				want_slots(chunk, campaign->no, chunk->purchases[i].day);
		}
	}
	keys = palloc(Max(hash_get_num_entries(chunk->slots), 1) * sizeof(SSSlotKey));
	hash_seq_init(&status, chunk->slots);
	while ((slots = hash_seq_search(&status)) != NULL)
		keys[count++] = slots->key;
	if (count == 0)
		return;
	qsort(keys, count, sizeof(SSSlotKey), compare_keys);
	if (any_missing(keys, count))
		make_and_lock_slots(chunk, keys, count);
	else
		lock_slots(chunk, keys, count);
}

SSSlots *
ss_chunk_slots(SSChunk *chunk, int32 campaign_no, DateADT day)
{
	SSSlotKey	key = {campaign_no, day};

	return hash_search(chunk->slots, &key, HASH_FIND, NULL);
}
