/*
 * stored_purchases.c: reads stored purchases (stored_purchases.h).
 *
 * Called by simulations. The table is read as a whole: an index on occurred_at
 * would be paid for with every purchase. By its access method where it is the
 * plain table that the extension made (direct.h), through a cursor otherwise.
 * Takes no lock but ACCESS SHARE: purchases go on, and a replica can do it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/rows.h"
#include "direct/direct.h"
#include "engine/stored_purchases.h"

#define FETCH_ROWS 1000

/* The columns that are read, as the query below has them. */
enum
{
	READ_TRANSACTION_ID,
	READ_USER_ID,
	READ_AMOUNT,
	READ_OCCURRED_AT,
	READ_STATUS,
	READ_BASE,
	READ_CURRENCY,
	READ_CATEGORY_NO,
	READ_MERCHANT_ID,
	READ_METADATA,
	READ_COLUMNS
};

/* the same in the table */
static const int stored_columns[READ_COLUMNS] = {
	TRANSACTION_ID,	  TRANSACTION_USER_ID,	TRANSACTION_AMOUNT,		 TRANSACTION_OCCURRED_AT, TRANSACTION_STATUS,
	TRANSACTION_BASE, TRANSACTION_CURRENCY, TRANSACTION_CATEGORY_NO, TRANSACTION_MERCHANT_ID, TRANSACTION_METADATA};

/* and their types, as the query has them */
static const Oid read_types[READ_COLUMNS] = {UUIDOID, UUIDOID,	 INT8OID, TIMESTAMPTZOID, TEXTOID,
											 INT8OID, BPCHAROID, INT2OID, UUIDOID,		  JSONBOID};

SS_QUERY(
	purchases_query,
	"SELECT t.transaction_id, t.user_id, t.amount_minor, t.occurred_at, t.status::text, t.points_base, t.currency, t.category_no,"
	"       t.merchant_id, CASE WHEN $3 THEN t.metadata END"
	"  FROM swipesavvy.transactions t"
	" WHERE t.occurred_at >= $1 AND t.occurred_at < $2 AND t.status IN ('pending', 'completed')",
	TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID);

struct SSPast
{
	const SSRules *rules;
	TimestampTz from;
	TimestampTz until;
	bool shipping;
	MemoryContext row_context; /* of metadata taken apart */

	SSDirect *direct; /* NULL: through the cursor */
	SSScanAll scan;
	AttrNumber columns[READ_COLUMNS];
	int last_column; /* of those that are read */
	Oid pending;	 /* labels of status */
	Oid completed;

	Portal cursor;
	SSRows fetched;
	uint64 next; /* of those fetched */
};

static void
begin_direct(SSPast *past)
{
	past->scan = ss_direct_scan_all(past->direct, SS_TRANSACTIONS);
	for (int i = 0; i < READ_COLUMNS; i++)
	{
		past->columns[i] = ss_direct_column(SS_TRANSACTIONS, stored_columns[i]);
		if (i != READ_METADATA || past->shipping)
			past->last_column = Max(past->last_column, past->columns[i]);
	}
	past->pending = DatumGetObjectId(ss_direct_label(SS_LABEL_STATUS + SS_PENDING));
	past->completed = DatumGetObjectId(ss_direct_label(SS_LABEL_STATUS + SS_COMPLETED));
}

SSPast *
ss_stored_purchases_begin(const SSRules *rules, TimestampTz from, TimestampTz until, bool shipping)
{
	SSPast *past = palloc0(sizeof(SSPast));
	Datum values[3] = {TimestampTzGetDatum(from), TimestampTzGetDatum(until), BoolGetDatum(shipping)};

	past->rules = rules;
	past->from = from;
	past->until = until;
	past->shipping = shipping;
	past->row_context = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy past", ALLOCSET_DEFAULT_SIZES);
	past->direct = ss_direct_begin_reading(SS_ONE_TABLE(SS_TRANSACTIONS));
	if (past->direct != NULL)
		begin_direct(past);
	else
		past->cursor = ss_query_open(&purchases_query, values, NULL);
	return past;
}

/* Fills in the purchase from the columns that are read. */
static void
take_row(SSPast *past, const Datum *values, const bool *nulls, SSPurchase *purchase)
{
	MemoryContext caller;

	for (int i = 0; i < READ_CATEGORY_NO; i++)
	{
		if (nulls[i])
			ss_refuse_null(ss_table_specs[SS_TRANSACTIONS].columns[stored_columns[i]].name);
	}
	purchase->transaction_id = *DatumGetUUIDP(values[READ_TRANSACTION_ID]);
	purchase->user_id = *DatumGetUUIDP(values[READ_USER_ID]);
	purchase->amount = DatumGetInt64(values[READ_AMOUNT]);
	purchase->occurred_at = DatumGetTimestampTz(values[READ_OCCURRED_AT]);
	purchase->points_base = DatumGetInt64(values[READ_BASE]);
	memcpy(purchase->currency, VARDATA_ANY(DatumGetPointer(values[READ_CURRENCY])), 3);
	purchase->currency[3] = '\0';
	purchase->category_no = nulls[READ_CATEGORY_NO] ? 0 : DatumGetInt16(values[READ_CATEGORY_NO]);
	purchase->has_merchant = !nulls[READ_MERCHANT_ID];
	if (purchase->has_merchant)
		purchase->merchant_id = *DatumGetUUIDP(values[READ_MERCHANT_ID]);
	purchase->has_shipping = false;
	if (!past->shipping || nulls[READ_METADATA])
		return;
	MemoryContextReset(past->row_context);
	caller = MemoryContextSwitchTo(past->row_context);
	purchase->metadata = DatumGetJsonbP(values[READ_METADATA]);
	ss_purchase_read_shipping(past->rules, purchase);
	purchase->metadata = NULL;
	MemoryContextSwitchTo(caller);
}

static bool
next_direct(SSPast *past, SSPurchase *purchase)
{
	TupleTableSlot *slot = past->scan.slot;
	Datum values[READ_COLUMNS];
	bool nulls[READ_COLUMNS] = {0};

	while (ss_direct_next_of_all(&past->scan))
	{
		TimestampTz occurred_at;
		Oid status;
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		occurred_at = DatumGetTimestampTz(slot_getattr(slot, past->columns[READ_OCCURRED_AT], &isnull));
		if (occurred_at < past->from || occurred_at >= past->until)
			continue;
		slot_getsomeattrs(slot, past->last_column);
		status = DatumGetObjectId(slot->tts_values[past->columns[READ_STATUS] - 1]);
		if (status != past->completed && status != past->pending)
			continue;
		for (int i = 0; i < READ_COLUMNS; i++)
		{
			int column = past->columns[i] - 1;

			if (column < past->last_column)
			{
				values[i] = slot->tts_values[column];
				nulls[i] = slot->tts_isnull[column];
			}
		}
		take_row(past, values, nulls, purchase);
		return true;
	}
	return false;
}

static bool
next_fetched(SSPast *past, SSPurchase *purchase)
{
	Datum values[READ_COLUMNS];
	bool nulls[READ_COLUMNS];
	SSRow row;

	if (past->next == past->fetched.count)
	{
		CHECK_FOR_INTERRUPTS();
		if (past->fetched.count > 0)
			ss_rows_free(&past->fetched);
		past->fetched = ss_rows_fetch(past->cursor, FETCH_ROWS);
		past->next = 0;
		if (past->fetched.count == 0)
			return false;
	}
	row = ss_row(past->fetched, past->next++);
	for (int i = 0; i < READ_COLUMNS; i++)
		values[i] = ss_next_value_or_null(&row, read_types[i], &nulls[i]);
	take_row(past, values, nulls, purchase);
	return true;
}

bool
ss_stored_purchases_next(SSPast *past, SSPurchase *purchase)
{
	return past->direct != NULL ? next_direct(past, purchase) : next_fetched(past, purchase);
}

void
ss_stored_purchases_end(SSPast *past)
{
	if (past->direct != NULL)
	{
		ss_direct_close_all(&past->scan);
		ss_direct_end_reading(past->direct);
	}
	MemoryContextDelete(past->row_context);
	pfree(past);
}
