/*
 * purchase_history.c: the completed purchases of one user (purchase_history.h).
 *
 * Called by training for each user in turn, and by what is asked of one user.
 * Reads one snapshot; no locks. Merchants become small numbers on the way in,
 * so that different ones are counted without comparing ids again.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/array.h"
#include "base/query.h"
#include "base/uuid.h"
#include "direct/direct.h"
#include "learning/exclusions.h"
#include "learning/purchase_history.h"

#define TABLES SS_ONE_TABLE(SS_PURCHASES)

typedef struct PastMerchant
{
	pg_uuid_t id;
	char status; /* of the hash table */
	int32 no;
} PastMerchant;

#define SH_PREFIX			 past_merchants
#define SH_ELEMENT_TYPE		 PastMerchant
#define SH_KEY_TYPE			 pg_uuid_t
#define SH_KEY				 id
#define SH_HASH_KEY(tb, key) ss_uuid_hash(key)
#define SH_EQUAL(tb, a, b)	 (ss_uuid_equal(&(a), &(b)))
#define SH_SCOPE			 static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* With the columns of the index, which an entry read directly has. */
#define PURCHASE_LIST                                                                                                  \
	"SELECT t.user_id, t.occurred_at, t.transaction_id, t.amount_minor, t.refunded_minor, t.status, t.category_no,"    \
	"       t.currency, t.merchant_id FROM swipesavvy.transactions t"                                                  \
	" WHERE t.user_id = $1 AND t.status = 'completed'"

SS_QUERY(select_purchases,
		 PURCHASE_LIST " AND t.occurred_at >= $2 AND t.occurred_at < $3 ORDER BY t.occurred_at, t.transaction_id",
		 UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(select_first,
		 PURCHASE_LIST
		 " AND t.occurred_at < $2 AND t.amount_minor > 0 AND t.currency = $3 ORDER BY t.occurred_at LIMIT 1",
		 UUIDOID, TIMESTAMPTZOID, TEXTOID);

SS_QUERY(select_redemptions,
		 "SELECT r.transaction_id FROM swipesavvy.campaign_redemptions r WHERE r.user_id = $1 AND r.counts"
		 " ORDER BY r.transaction_id",
		 UUIDOID);

SSHistory *
ss_history_create(const SSRules *rules)
{
	SSHistory *history = palloc0(sizeof(SSHistory));

	history->rules = rules;
	history->days = ss_local_days(rules->settings.timezone);
	history->context = CurrentMemoryContext;
	history->index = past_merchants_create(CurrentMemoryContext, 64, NULL);
	return history;
}

void
ss_history_clear(SSHistory *history)
{
	history->count = 0;
	history->has_first = false;
	if (history->nmerchants > 0)
		past_merchants_reset(history->index);
	history->nmerchants = 0;
	history->stamp = 0;
}

/* The number of a merchant in this history. */
static int32
number_merchant(SSHistory *history, const pg_uuid_t *id)
{
	bool found;
	PastMerchant *merchant = past_merchants_insert(history->index, *id, &found);

	if (found)
		return merchant->no;
	if (ss_exclusions_have(id))
		return merchant->no = -1;
	history->merchants = ss_array_grow_in(history->context, history->merchants, history->nmerchants, sizeof(pg_uuid_t));
	history->stamps = ss_array_grow_in(history->context, history->stamps, history->nmerchants, sizeof(int));
	history->merchants[history->nmerchants] = *id;
	history->stamps[history->nmerchants] = 0;
	return merchant->no = history->nmerchants++;
}

int32
ss_history_merchant(const SSHistory *history, const pg_uuid_t *id)
{
	const PastMerchant *merchant = past_merchants_lookup(history->index, *id);

	return merchant == NULL ? -1 : merchant->no;
}

/* Twice as many as are looked at have come: the older half goes. */
static void
drop_oldest(SSHistory *history)
{
	memmove(history->items, history->items + SS_HISTORY_MAX, SS_HISTORY_MAX * sizeof(SSPast));
	history->count = SS_HISTORY_MAX;
}

void
ss_history_add(SSHistory *history, const SSPastInput *input)
{
	SSPast *past;

	if (history->count == 2 * SS_HISTORY_MAX)
		drop_oldest(history);
	history->items =
		ss_array_reserve_in(history->context, history->items, &history->room, history->count + 1, sizeof(SSPast));
	past = &history->items[history->count++];
	past->id = input->id;
	past->at = input->at;
	past->day = ss_local_day(&history->days, input->at);
	past->amount = input->amount;
	past->refunded = input->refunded;
	past->counts = input->in_currency && input->amount > 0;
	past->active = input->refunded < input->amount;
	past->redemptions = 0;
	past->merchant = input->merchant == NULL ? -1 : number_merchant(history, input->merchant);
	past->category = past->merchant < 0 ? 0 : input->category;
	if (past->counts && !history->has_first)
	{
		history->has_first = true;
		history->first_day = past->day;
	}
}

void
ss_history_end(SSHistory *history)
{
	int surplus = history->count - SS_HISTORY_MAX;

	if (surplus <= 0)
		return;
	memmove(history->items, history->items + surplus, SS_HISTORY_MAX * sizeof(SSPast));
	history->count = SS_HISTORY_MAX;
}

int
ss_history_find(const SSHistory *history, TimestampTz moment)
{
	int low = 0;
	int high = history->count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (history->items[middle].at < moment)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- reading one user's ----------------------------------------------------------------- */

/* The columns of the index, or of a row like it. */
static void
add_columns(SSHistory *history, const Datum *values, const bool *nulls)
{
	const struct varlena *currency = (const struct varlena *) DatumGetPointer(values[PURCHASE_CURRENCY]);
	SSPastInput input;

	ss_direct_check_purchase(nulls);
	input = (SSPastInput){
		.id = *DatumGetUUIDP(values[PURCHASE_ID]),
		.at = DatumGetTimestampTz(values[PURCHASE_OCCURRED_AT]),
		.amount = DatumGetInt64(values[PURCHASE_AMOUNT]),
		.refunded = DatumGetInt64(values[PURCHASE_REFUNDED]),
		.category = nulls[PURCHASE_CATEGORY_NO] ? 0 : DatumGetInt16(values[PURCHASE_CATEGORY_NO]),
		.in_currency = memcmp(VARDATA_ANY(currency), history->rules->settings.currency, 3) == 0,
		.merchant = nulls[PURCHASE_MERCHANT_ID] ? NULL : DatumGetUUIDP(values[PURCHASE_MERCHANT_ID]),
	};
	ss_history_add(history, &input);
}

static void
add_row(TupleTableSlot *row, void *history)
{
	slot_getallattrs(row);
	add_columns(history, row->tts_values, row->tts_isnull);
}

/* Adds the completed purchases of a time, or only the first one that counts. */
static void
scan_times(SSHistory *history, SSDirect *direct, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until,
		   bool first)
{
	SSScan scan = ss_direct_scan_entries(direct, SS_PURCHASES, user_id, from, until);
	Datum completed = ss_direct_label(SS_LABEL_STATUS + SS_COMPLETED);

	while (!(first && history->has_first) && ss_direct_next_entry(&scan))
	{
		Datum values[PURCHASE_COLUMNS];
		bool nulls[PURCHASE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		ss_direct_entry(&scan, values, nulls);
		if (values[PURCHASE_STATUS] == completed)
			add_columns(history, values, nulls);
	}
	ss_direct_close(&scan);
}

static void
read_first(SSHistory *history, SSDirect *direct, const pg_uuid_t *user_id, TimestampTz until)
{
	if (direct != NULL)
		scan_times(history, direct, user_id, DT_NOBEGIN, until, true);
	else
		ss_query_each(&select_first,
					  (Datum[]){UUIDPGetDatum(user_id), TimestampTzGetDatum(until),
								CStringGetTextDatum(history->rules->settings.currency)},
					  add_row, history);
	history->count = 0;
}

void
ss_history_read(SSHistory *history, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until)
{
	SSDirect *direct = ss_direct_begin_reading(TABLES);

	ss_history_clear(history);
	read_first(history, direct, user_id, from);
	if (direct != NULL)
	{
		scan_times(history, direct, user_id, from, until, false);
		ss_direct_end_reading(direct);
	}
	else
		ss_query_each(&select_purchases,
					  (Datum[]){UUIDPGetDatum(user_id), TimestampTzGetDatum(from), TimestampTzGetDatum(until)}, add_row,
					  history);
	ss_history_end(history);
}

/* --- redemptions ---------------------------------------------------------------------------- */

/* How many of the sorted ids are this one. */
static int
count_id(const pg_uuid_t *ids, int count, const pg_uuid_t *id)
{
	int low = 0;
	int high = count;
	int found = 0;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (ss_uuid_compare(&ids[middle], id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + found < count && ss_uuid_equal(&ids[low + found], id))
		found++;
	return found;
}

void
ss_history_redeemed(SSHistory *history, const pg_uuid_t *ids, int count)
{
	for (int i = 0; count > 0 && i < history->count; i++)
		history->items[i].redemptions = count_id(ids, count, &history->items[i].id);
}

void
ss_history_read_redemptions(SSHistory *history, const pg_uuid_t *user_id)
{
	SSRows rows = ss_rows_read(&select_redemptions, (Datum[]){UUIDPGetDatum(user_id)}, NULL);
	pg_uuid_t *ids = palloc((rows.count + 1) * sizeof(pg_uuid_t));

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ids[i] = *ss_next_uuid(&row);
	}
	ss_history_redeemed(history, ids, (int) rows.count);
	ss_rows_free(&rows);
	pfree(ids);
}
