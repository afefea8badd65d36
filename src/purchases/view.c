/*
 * view.c: the door for INSERT and COPY: the triggers of the view purchases, and
 * of the view purchases_door, to which a rule sends what is inserted.
 *
 * Called by the executor: a BEFORE STATEMENT trigger begins a collection, the
 * INSTEAD OF row trigger checks a row and adds it, the AFTER STATEMENT trigger
 * hands the collection to the engine, in order of (occurred_at,
 * transaction_id), chunk by chunk. Locks are the engine's.
 *
 * A collection is a tuplesort, so it takes no more than work_mem however many
 * rows it has. Statements can nest (a function in an INSERT may itself INSERT),
 * so collections form a stack; one whose statement failed is forgotten when
 * the subtransaction it belongs to is aborted, and its memory goes with it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/engine.h"
#include "engine/statement.h"
#include "purchases/view.h"

PG_FUNCTION_INFO_V1(swipesavvy_purchases_begin);
PG_FUNCTION_INFO_V1(swipesavvy_purchases_insert);
PG_FUNCTION_INFO_V1(swipesavvy_purchases_end);
PG_FUNCTION_INFO_V1(swipesavvy_purchases_refuse);
PG_FUNCTION_INFO_V1(swipesavvy_purchases_computed);

/* Columns of the view, in order. */
enum
{
	COL_TRANSACTION_ID = 1,
	COL_USER_ID,
	COL_ACCOUNT_ID,
	COL_MERCHANT_ID,
	COL_AMOUNT_MINOR,
	COL_CURRENCY,
	COL_STATUS,
	COL_OCCURRED_AT,
	COL_IDEMPOTENCY_KEY,
	COL_METADATA,
	COL_FIRST_COMPUTED
};

/* Columns of a collected row; the first two are the sort key. */
enum
{
	ROW_OCCURRED_AT = SS_SORT_OCCURRED_AT,
	ROW_TRANSACTION_ID = SS_SORT_TRANSACTION_ID,
	ROW_USER_ID,
	ROW_MERCHANT_ID,
	ROW_ACCOUNT_ID,
	ROW_AMOUNT,
	ROW_CURRENCY,
	ROW_STATUS,
	ROW_GIVEN,
	ROW_IDEMPOTENCY_KEY,
	ROW_METADATA,
	ROW_COLUMNS
};

static const Oid row_types[ROW_COLUMNS] = {TIMESTAMPTZOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID, INT8OID,
										   TEXTOID,		   INT2OID, INT2OID, TEXTOID, JSONBOID};

typedef struct Collection
{
	struct Collection *outer;
	SubTransactionId subxact;
	MemoryContext context;
	Tuplesortstate *sort;
	TupleTableSlot *slot; /* a row on its way in */
	TupleDesc desc;
	uint64 rows;
} Collection;

static Collection *collecting = NULL; /* the innermost statement's */

/*
 * The end of a statement never came, so its rows would be lost: whoever ran it stopped after some rows of RETURNING, as
 * the row limits of PL/Perl, PL/Python and PL/Tcl do.
 */
static void
refuse_open(void)
{
	uint64 rows = 0;

	for (const Collection *c = collecting; c != NULL; c = c->outer)
		rows += c->rows;
	if (rows > 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("a statement on \"purchases\" was not run to its end"),
				errdetail(UINT64_FORMAT " purchases that it returned were not recorded.", rows),
				errhint("Run it without a limit of rows."));
}

static void
on_subxact_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB && collecting != NULL && collecting->subxact == mine)
		refuse_open();
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (collecting != NULL && collecting->subxact == mine)
			collecting = collecting->outer;
	}
}

static void
on_xact_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		refuse_open();
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		collecting = NULL;
}

void
ss_view_init(void)
{
	RegisterXactCallback(on_xact_end, NULL);
	RegisterSubXactCallback(on_subxact_end, NULL);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("this function is a trigger of the view \"purchases\""));
	return (TriggerData *) fcinfo->context;
}

/* The rules, read with the owner's rights: a trigger runs with those of whoever inserts. */
static const SSRules *
current_rules(void)
{
	SSCall call;
	const SSRules *rules;

	ss_owner_become(&call);
	rules = ss_rules_get();
	ss_owner_leave(&call);
	return rules;
}

/* --- BEFORE STATEMENT ------------------------------------------------------------------- */

Datum
swipesavvy_purchases_begin(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	Collection *collection;

	(void) trigger_data(fcinfo);
	ss_call_let_in();
	context = AllocSetContextCreate(CurTransactionContext, "swipesavvy purchases", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	collection = palloc0(sizeof(Collection));
	collection->context = context;
	collection->subxact = GetCurrentSubTransactionId();
	collection->desc = CreateTemplateTupleDesc(ROW_COLUMNS);
	for (int i = 0; i < ROW_COLUMNS; i++)
		TupleDescInitEntry(collection->desc, (AttrNumber) (i + 1), NULL, row_types[i], -1, 0);
	collection->slot = MakeSingleTupleTableSlot(collection->desc, &TTSOpsVirtual);
	collection->sort = ss_purchase_sort(collection->desc);
	collection->outer = collecting;
	MemoryContextSwitchTo(caller);
	collecting = collection;
	PG_RETURN_POINTER(NULL);
}

/* --- INSTEAD OF INSERT ------------------------------------------------------------------- */

/* A row of the view on its way in. */
typedef struct ViewRow
{
	HeapTuple tuple;
	TupleDesc desc;
	Datum values[COL_FIRST_COMPUTED - 1];
	bool nulls[COL_FIRST_COMPUTED - 1];
	TimestampTz occurred_at;
	int64 amount;
} ViewRow;

static Datum
get(const ViewRow *row, int column)
{
	return row->values[column - 1];
}

static const pg_uuid_t *
get_uuid(const ViewRow *row, int column)
{
	return row->nulls[column - 1] ? NULL : DatumGetUUIDP(get(row, column));
}

static const char *
get_text(const ViewRow *row, int column)
{
	return row->nulls[column - 1] ? NULL : TextDatumGetCString(get(row, column));
}

/* Takes the row apart; what only the engine may fill in must be null. */
static void
read_row(HeapTuple tuple, TupleDesc desc, ViewRow *row)
{
	bool isnull;

	row->tuple = tuple;
	row->desc = desc;
	for (int i = COL_TRANSACTION_ID; i < COL_FIRST_COMPUTED; i++)
		row->values[i - 1] = heap_getattr(tuple, i, desc, &row->nulls[i - 1]);
	for (int i = COL_FIRST_COMPUTED; i <= desc->natts; i++)
	{
		(void) heap_getattr(tuple, i, desc, &isnull);
		if (!isnull)
			ereport(ERROR, errcode(ERRCODE_GENERATED_ALWAYS),
					errmsg("column \"%s\" of \"purchases\" is computed", NameStr(TupleDescAttr(desc, i - 1)->attname)),
					errdetail("It can only be read."));
	}
}

static void
make_purchase(ViewRow *row, SSPurchase *purchase)
{
	SSPurchaseInput input = {0};

	input.transaction_id = get_uuid(row, COL_TRANSACTION_ID);
	input.user_id = get_uuid(row, COL_USER_ID);
	input.account_id = get_uuid(row, COL_ACCOUNT_ID);
	input.merchant_id = get_uuid(row, COL_MERCHANT_ID);
	input.currency = get_text(row, COL_CURRENCY);
	input.status = get_text(row, COL_STATUS);
	input.idempotency_key = get_text(row, COL_IDEMPOTENCY_KEY);
	if (!row->nulls[COL_AMOUNT_MINOR - 1])
	{
		row->amount = DatumGetInt64(get(row, COL_AMOUNT_MINOR));
		input.amount_minor = &row->amount;
	}
	if (!row->nulls[COL_OCCURRED_AT - 1])
	{
		row->occurred_at = DatumGetTimestampTz(get(row, COL_OCCURRED_AT));
		input.occurred_at = &row->occurred_at;
	}
	if (!row->nulls[COL_METADATA - 1])
		input.metadata = DatumGetJsonbP(get(row, COL_METADATA));
	ss_purchase_make(current_rules(), &input, purchase);
}

static void
set_column(TupleTableSlot *slot, int column, bool present, Datum value)
{
	slot->tts_values[column] = value;
	slot->tts_isnull[column] = !present;
}

static void
collect(Collection *collection, const SSPurchase *purchase)
{
	TupleTableSlot *slot = collection->slot;

	ExecClearTuple(slot);
	set_column(slot, ROW_OCCURRED_AT, true, TimestampTzGetDatum(purchase->occurred_at));
	set_column(slot, ROW_TRANSACTION_ID, true, UUIDPGetDatum(&purchase->transaction_id));
	set_column(slot, ROW_USER_ID, true, UUIDPGetDatum(&purchase->user_id));
	set_column(slot, ROW_MERCHANT_ID, purchase->has_merchant, UUIDPGetDatum(&purchase->merchant_id));
	set_column(slot, ROW_ACCOUNT_ID, purchase->has_account, UUIDPGetDatum(&purchase->account_id));
	set_column(slot, ROW_AMOUNT, true, Int64GetDatum(purchase->amount));
	set_column(slot, ROW_CURRENCY, true, CStringGetTextDatum(purchase->currency));
	set_column(slot, ROW_STATUS, true, Int16GetDatum((int16) purchase->status));
	set_column(slot, ROW_GIVEN, true, Int16GetDatum(purchase->given));
	set_column(slot, ROW_IDEMPOTENCY_KEY, purchase->idempotency_key != NULL,
			   purchase->idempotency_key == NULL ? 0 : CStringGetTextDatum(purchase->idempotency_key));
	set_column(slot, ROW_METADATA, purchase->metadata != NULL, PointerGetDatum(purchase->metadata));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(collection->sort, slot);
	collection->rows++;
	ExecClearTuple(slot);
}

/* The row as RETURNING shows it: with the id and the defaults filled in. */
static HeapTuple
completed_row(const ViewRow *row, const SSPurchase *purchase)
{
	int columns[4] = {COL_TRANSACTION_ID, COL_CURRENCY, COL_STATUS, COL_OCCURRED_AT};
	bool nulls[4] = {false, false, false, false};
	Datum values[4];

	values[0] = UUIDPGetDatum(&purchase->transaction_id);
	values[1] = CStringGetTextDatum(purchase->currency);
	values[2] = CStringGetTextDatum(ss_status_names[purchase->status]);
	values[3] = TimestampTzGetDatum(purchase->occurred_at);
	return heap_modify_tuple_by_cols(row->tuple, row->desc, 4, columns, values, nulls);
}

Datum
swipesavvy_purchases_insert(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo);
	ViewRow row;
	SSPurchase purchase;

	if (collecting == NULL)
		elog(ERROR, "a row of \"purchases\" came outside of a statement");
	read_row(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation), &row);
	make_purchase(&row, &purchase);
	collect(collecting, &purchase);
	PG_RETURN_POINTER(completed_row(&row, &purchase));
}

/* --- AFTER STATEMENT ------------------------------------------------------------------------ */

static char *
copy_text(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? NULL : TextDatumGetCString(slot->tts_values[column]);
}

/* A collected row as a purchase again, copied into the current context. */
static void
read_collected(const SSRules *rules, TupleTableSlot *slot, SSPurchase *purchase)
{
	slot_getallattrs(slot);
	memset(purchase, 0, sizeof(*purchase));
	purchase->occurred_at = DatumGetTimestampTz(slot->tts_values[ROW_OCCURRED_AT]);
	purchase->transaction_id = *DatumGetUUIDP(slot->tts_values[ROW_TRANSACTION_ID]);
	purchase->user_id = *DatumGetUUIDP(slot->tts_values[ROW_USER_ID]);
	purchase->has_merchant = !slot->tts_isnull[ROW_MERCHANT_ID];
	if (purchase->has_merchant)
		purchase->merchant_id = *DatumGetUUIDP(slot->tts_values[ROW_MERCHANT_ID]);
	purchase->has_account = !slot->tts_isnull[ROW_ACCOUNT_ID];
	if (purchase->has_account)
		purchase->account_id = *DatumGetUUIDP(slot->tts_values[ROW_ACCOUNT_ID]);
	purchase->amount = DatumGetInt64(slot->tts_values[ROW_AMOUNT]);
	strlcpy(purchase->currency, copy_text(slot, ROW_CURRENCY), sizeof(purchase->currency));
	purchase->status = (SSStatus) DatumGetInt16(slot->tts_values[ROW_STATUS]);
	purchase->given = DatumGetInt16(slot->tts_values[ROW_GIVEN]);
	purchase->idempotency_key = copy_text(slot, ROW_IDEMPOTENCY_KEY);
	if (!slot->tts_isnull[ROW_METADATA])
		purchase->metadata = DatumGetJsonbPCopy(slot->tts_values[ROW_METADATA]);
	ss_purchase_read_shipping(rules, purchase);
}

/*
 * Hands the next chunk of a sorted collection to the engine; false when there
 * is none, and the statement was ended. All its memory is SPI's.
 */
static bool
award_chunk(Collection *collection, TupleTableSlot *slot, SSStatement *statement)
{
	SSPurchase *purchases;
	Size bytes = 0;
	int count = 0;

	ss_query_connect();
	purchases = palloc(SS_CHUNK_PURCHASES * sizeof(SSPurchase));
	while (count < SS_CHUNK_PURCHASES && bytes < (Size) work_mem * 1024 / 4 &&
		   tuplesort_gettupleslot(collection->sort, true, false, slot, NULL))
	{
		read_collected(ss_rules_get(), slot, &purchases[count]);
		if (purchases[count].metadata != NULL)
			bytes += VARSIZE(purchases[count].metadata);
		count++;
	}
	if (count > 0)
		ss_engine_award(purchases, count, false, statement);
	else
		ss_statement_write(statement);
	ss_query_disconnect();
	return count > 0;
}

Datum
swipesavvy_purchases_end(PG_FUNCTION_ARGS)
{
	Collection *collection = collecting;
	TupleTableSlot *slot;
	SSStatement *statement;
	SSCall call;

	(void) trigger_data(fcinfo);
	if (collection == NULL)
		elog(ERROR, "a statement on \"purchases\" ended that did not begin");
	ss_owner_become(&call);
	tuplesort_performsort(collection->sort);
	slot = MakeSingleTupleTableSlot(collection->desc, &TTSOpsMinimalTuple);
	statement = ss_statement_begin(collection->context);
	while (award_chunk(collection, slot, statement))
		CHECK_FOR_INTERRUPTS();
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(collection->sort);
	ss_owner_leave(&call);
	collecting = collection->outer;
	MemoryContextDelete(collection->context);
	PG_RETURN_POINTER(NULL);
}

/* --- INSTEAD OF UPDATE and DELETE --------------------------------------------------------------- */

Datum
swipesavvy_purchases_refuse(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo);
	ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("purchases cannot be changed or deleted"),
			errdetail("What a purchase earned is in the ledger."));
	PG_RETURN_NULL();
}

/* --- RETURNING ------------------------------------------------------------------------------------ */

/*
 * purchases_computed(column_name, column_type): evaluated for a computed column
 * that RETURNING asks for, while nothing is computed yet.
 */
Datum
swipesavvy_purchases_computed(PG_FUNCTION_ARGS)
{
	ereport(
		ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		errmsg("a computed column of \"purchases\" cannot be returned by INSERT"),
		PG_ARGISNULL(0)
			? 0
			: errdetail("Column \"%s\" is computed when the statement ends.", TextDatumGetCString(PG_GETARG_DATUM(0))),
		errhint("Read it afterwards, or call record_transaction() or record_transactions(), which answer with what was "
				"earned."));
	PG_RETURN_NULL();
}
