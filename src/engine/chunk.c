/*
 * chunk.c: loads and locks what a chunk of purchases needs (chunk.h).
 *
 * Called by engine.c only, in this order: accounts (locked FOR NO KEY UPDATE by
 * user_id), references, then, once the open campaigns are known, redemption
 * counts. Everything a user's own rules read is stable under the lock on its
 * reward account. All queries take a fresh snapshot: they see what the lock
 * waited for. Where the tables can be read without the executor,
 * chunk_direct.c does it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/args.h"
#include "base/array.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "engine/chunk.h"
#include "engine/chunk_direct.h"
#include "engine/statement.h"
#include "ledger/account_lock.h"
#include "rules/merchant_cache.h"

SS_QUERY(merchants_query,
		 "SELECT m.merchant_id, c.category_no FROM swipesavvy.merchants m"
		 "  JOIN swipesavvy.merchant_categories c ON c.category = m.category WHERE m.merchant_id = ANY ($1)",
		 UUIDARRAYOID);
SS_QUERY(accounts_query,
		 "SELECT a.account_id, a.user_id FROM swipesavvy.accounts a"
		 " WHERE a.account_id = ANY ($1) AND a.user_id = ANY ($2)",
		 UUIDARRAYOID, UUIDARRAYOID);
SS_QUERY(segments_query, "SELECT m.user_id, m.segment_no FROM swipesavvy.segment_members m WHERE m.user_id = ANY ($1)",
		 UUIDARRAYOID);
SS_QUERY(boosts_query,
		 "SELECT b.user_id, b.boost_id FROM swipesavvy.user_boosts b"
		 " WHERE b.user_id = ANY ($1) AND b.deactivated_at IS NULL",
		 UUIDARRAYOID);
SS_QUERY(redemptions_query,
		 "SELECT r.user_id, r.campaign_no, count(*) FROM swipesavvy.campaign_redemptions r"
		 " WHERE r.campaign_no = ANY ($1) AND r.user_id = ANY ($2) AND r.counts GROUP BY 1, 2",
		 INT4ARRAYOID, UUIDARRAYOID);
SS_QUERY(day_spending_query,
		 "SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)::bigint FROM swipesavvy.transactions t"
		 " WHERE t.user_id = $1 AND t.currency = $2 AND t.status IN ('pending', 'completed')"
		 "   AND t.occurred_at >= $3 AND t.occurred_at < $4",
		 UUIDOID, BPCHAROID, TIMESTAMPTZOID, TIMESTAMPTZOID);

typedef struct RedemptionKey
{
	int32 account; /* position in chunk->accounts */
	int32 campaign_no;
} RedemptionKey;

typedef struct RedemptionEntry
{
	RedemptionKey key;
	int64 count;
} RedemptionEntry;

typedef struct SpendingKey
{
	int32 account;
	DateADT day;
} SpendingKey;

typedef struct SpendingEntry
{
	SpendingKey key;
	int64 spent;
} SpendingEntry;

typedef struct MerchantEntry
{
	pg_uuid_t id;
	int16 category_no;
} MerchantEntry;

static struct HTAB *
make_table(const char *name, Size keysize, Size entrysize)
{
	HASHCTL control = {.keysize = keysize, .entrysize = entrysize, .hcxt = CurrentMemoryContext};

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

/* --- accounts --------------------------------------------------------------------- */

SSAccount *
ss_chunk_find_account(const SSChunk *chunk, const pg_uuid_t *id)
{
	return ss_account_find(chunk->accounts, chunk->naccounts, id);
}

void
ss_chunk_lock_accounts(SSChunk *chunk)
{
	struct HTAB *held = chunk->statement == NULL ? NULL : chunk->statement->accounts;
	SSWanted *wanted = palloc(2 * chunk->count * sizeof(SSWanted));

	for (int i = 0; i < chunk->count; i++)
		wanted[i] = (SSWanted){chunk->purchases[i].user_id, chunk->purchases[i].status == SS_COMPLETED};
	chunk->accounts = palloc(2 * chunk->count * sizeof(SSAccount));
	chunk->naccounts = ss_account_lock(chunk->direct, held, wanted, chunk->count, chunk->accounts);
	chunk->known = palloc(Max(chunk->naccounts, 1) * sizeof(SSBuyer));
	chunk->buyers = palloc(chunk->count * sizeof(SSAccount *));
	for (int i = 0; i < chunk->count; i++)
	{
		chunk->buyers[i] = ss_chunk_find_account(chunk, &chunk->purchases[i].user_id);
		if (chunk->buyers[i] == NULL)
			refuse_reference(chunk, "user", &chunk->purchases[i].user_id);
	}
}

/* --- references ---------------------------------------------------------------------- */

/* The ids of merchants or accounts that the chunk's purchases name; 0 if none does. */
static int
named_ids(const SSChunk *chunk, bool merchants, Datum *array)
{
	pg_uuid_t *ids = palloc(chunk->count * sizeof(pg_uuid_t));
	int n = 0;

	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		if (merchants ? purchase->has_merchant : purchase->has_account)
			ids[n++] = merchants ? purchase->merchant_id : purchase->account_id;
	}
	*array = ss_uuid_array(ids, n, sizeof(pg_uuid_t));
	return n;
}

/* The category of a merchant, 0 when there is no such merchant. */
static int16
category_of(const SSChunk *chunk, const pg_uuid_t *id)
{
	int16 category_no = ss_merchant_cache_find(chunk->rules, id);
	bool committed;
	char *name;

	if (category_no != 0)
		return category_no;
	name = ss_direct_merchant_category(chunk->direct, id, &committed);
	if (name == NULL)
		return 0;
	category_no = ss_rules_category(chunk->rules, name);
	if (committed)
		ss_merchant_cache_keep(chunk->rules, id, category_no);
	return category_no;
}

/* Merchants and accounts of the chunk's purchases, one look-up each; and whose boosts can matter. */
static void
look_up_references(SSChunk *chunk)
{
	for (int i = 0; i < chunk->count; i++)
	{
		SSPurchase *purchase = &chunk->purchases[i];

		if (purchase->has_merchant)
		{
			purchase->category_no = category_of(chunk, &purchase->merchant_id);
			if (purchase->category_no == 0)
				refuse_reference(chunk, "merchant", &purchase->merchant_id);
		}
		if (purchase->has_account && !ss_direct_owns_account(chunk->direct, &purchase->user_id, &purchase->account_id))
			refuse_reference(chunk, "account", &purchase->account_id);
		ss_chunk_known(chunk, chunk->buyers[i])->boosted |=
			ss_rules_boosted(chunk->rules, purchase->category_no, purchase->occurred_at);
	}
}

static void
load_merchants(SSChunk *chunk)
{
	struct HTAB *merchants;
	SSRows rows;
	Datum ids;

	if (named_ids(chunk, true, &ids) == 0)
		return;
	merchants = make_table("swipesavvy merchants", sizeof(pg_uuid_t), sizeof(MerchantEntry));
	rows = ss_rows_latest(&merchants_query, &ids, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		MerchantEntry *entry = hash_search(merchants, ss_next_uuid(&row), HASH_ENTER, NULL);

		entry->category_no = ss_next_int16(&row);
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
		pg_uuid_t account_id;
		pg_uuid_t user_id;
	} pair;
	struct HTAB *accounts;
	SSRows rows;
	Datum ids[2];

	if (named_ids(chunk, false, &ids[0]) == 0)
		return;
	ids[1] = ss_uuid_array(&chunk->accounts[0].id, chunk->naccounts, sizeof(SSAccount));
	accounts = make_table("swipesavvy accounts", sizeof(pair), sizeof(pair));
	rows = ss_rows_latest(&accounts_query, ids, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		pair.account_id = *ss_next_uuid(&row);
		pair.user_id = *ss_next_uuid(&row);
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

void
ss_chunk_add_segment(SSBuyer *buyer, int32 segment_no)
{
	buyer->segments = ss_array_grow(buyer->segments, buyer->nsegments, sizeof(int32));
	buyer->segments[buyer->nsegments++] = segment_no;
}

void
ss_chunk_add_boost(SSBuyer *buyer, const SSBoost *boost)
{
	if (boost == NULL)
		return;
	buyer->boosts = ss_array_grow(buyer->boosts, buyer->nboosts, sizeof(SSBoost *));
	buyer->boosts[buyer->nboosts++] = boost;
}

static void
load_segments(SSChunk *chunk, Datum user_ids)
{
	SSRows rows = ss_rows_latest(&segments_query, &user_ids, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSBuyer *buyer = ss_chunk_known(chunk, ss_chunk_find_account(chunk, ss_next_uuid(&row)));

		ss_chunk_add_segment(buyer, ss_next_int32(&row));
	}
}

static void
load_boosts(SSChunk *chunk, Datum user_ids)
{
	SSRows rows = ss_rows_latest(&boosts_query, &user_ids, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSBuyer *buyer = ss_chunk_known(chunk, ss_chunk_find_account(chunk, ss_next_uuid(&row)));

		ss_chunk_add_boost(buyer, ss_rules_boost(chunk->rules, ss_next_uuid(&row)));
	}
}

void
ss_chunk_load_references(SSChunk *chunk)
{
	for (int i = 0; i < chunk->naccounts; i++)
	{
		memset(&chunk->known[i], 0, sizeof(SSBuyer));
		ss_account_set_currency(&chunk->accounts[i], chunk->rules->settings.currency);
	}
	if (chunk->direct != NULL)
	{
		look_up_references(chunk);
		for (int i = 0; i < chunk->naccounts; i++)
			ss_direct_load_buyer(chunk->direct, chunk->rules, &chunk->accounts[i].id, &chunk->known[i]);
	}
	else
	{
		Datum ids = ss_uuid_array(&chunk->accounts[0].id, chunk->naccounts, sizeof(SSAccount));

		load_merchants(chunk);
		check_accounts(chunk);
		load_segments(chunk, ids);
		load_boosts(chunk, ids);
	}
	chunk->spending = NULL;
	if (chunk->rules->settings.daily_spending_minor >= 0)
		chunk->spending = make_table("swipesavvy spending", sizeof(SpendingKey), sizeof(SpendingEntry));
}

int64
ss_spent_on_day(const SSRules *rules, const pg_uuid_t *user_id, DateADT day, bool latest)
{
	Datum values[] = {UUIDPGetDatum(user_id), CStringGetTextDatum(rules->settings.currency),
					  TimestampTzGetDatum(ss_rules_day_start(rules, day)),
					  TimestampTzGetDatum(ss_rules_day_start(rules, day + 1))};

	return ss_one_int64(latest ? ss_rows_latest(&day_spending_query, values, NULL)
							   : ss_rows_read(&day_spending_query, values, NULL));
}

int64 *
ss_chunk_spent_on_day(SSChunk *chunk, const SSAccount *account, DateADT day)
{
	SpendingKey key = {(int32) (account - chunk->accounts), day};
	SpendingEntry *entry;
	bool found;

	entry = hash_search(chunk->spending, &key, HASH_ENTER, &found);
	if (!found)
		entry->spent = ss_spent_on_day(chunk->rules, &account->id, day, true);
	return &entry->spent;
}

/* --- redemption counts ------------------------------------------------------------------- */

static int
compare_ints(const void *a, const void *b)
{
	int32 x = *(const int32 *) a;
	int32 y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* The numbers of the open campaigns with a limit per user, each once. */
static int
limited_campaigns(const SSChunk *chunk, int32 **numbers)
{
	int n = 0;
	int distinct = 0;

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
	int32 *numbers;
	int count;
	Datum *elements;
	Datum values[2];
	SSRows rows;

	chunk->redemptions = NULL;
	if (chunk->direct != NULL)
		return; /* they are counted when they are asked for */
	count = limited_campaigns(chunk, &numbers);
	if (count == 0)
		return;
	chunk->redemptions = make_table("swipesavvy redemptions", sizeof(RedemptionKey), sizeof(RedemptionEntry));
	elements = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	values[0] = PointerGetDatum(construct_array(elements, count, INT4OID, sizeof(int32), true, 'i'));
	values[1] = ss_uuid_array(&chunk->accounts[0].id, chunk->naccounts, sizeof(SSAccount));
	rows = ss_rows_latest(&redemptions_query, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		RedemptionKey key;
		RedemptionEntry *entry;

		key.account = (int32) (ss_chunk_find_account(chunk, ss_next_uuid(&row)) - chunk->accounts);
		key.campaign_no = ss_next_int32(&row);
		entry = hash_search(chunk->redemptions, &key, HASH_ENTER, NULL);
		entry->count = ss_next_int64(&row);
	}
}

int64
ss_chunk_redemptions(SSChunk *chunk, const SSAccount *account, int32 campaign_no, int add)
{
	RedemptionKey key = {(int32) (account - chunk->accounts), campaign_no};
	RedemptionEntry *entry;
	bool found;

	if (chunk->redemptions == NULL)
		chunk->redemptions = make_table("swipesavvy redemptions", sizeof(RedemptionKey), sizeof(RedemptionEntry));
	entry = hash_search(chunk->redemptions, &key, HASH_ENTER, &found);
	if (!found)
		entry->count = chunk->direct == NULL ? 0 : ss_direct_redemptions(chunk->direct, &account->id, campaign_no);
	entry->count += add;
	return entry->count;
}
