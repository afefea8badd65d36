/*
 * unfolded_deltas.c: what the roll-ups do not hold yet.
 *
 * SQL entry point unfolded_deltas, for the library's own queries: they add its
 * rows to those of the roll-ups in one statement, so that both are of one
 * snapshot, before a fold or after it. No locks.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/query.h"
#include "call/owner.h"
#include "engine/deltas.h"

PG_FUNCTION_INFO_V1(swipesavvy_unfolded_deltas);

#define KEY_COLUMNS 5

SS_QUERY(read_records, "SELECT d.records FROM swipesavvy.rollup_deltas d");

typedef struct Tail
{
	SSDeltaSums *sums;
	bool every;
	int32 campaign_no;
} Tail;

static void
add_row(TupleTableSlot *row, void *state)
{
	Tail *tail = state;
	bytea *records = DatumGetByteaPP(ss_slot_value(row, 1));

	ss_delta_sums_add_records(tail->sums, records, tail->every, tail->campaign_no);
}

static void
put_row(ReturnSetInfo *rsinfo, const SSDelta *delta)
{
	Datum values[KEY_COLUMNS + SS_MEASURES];
	bool nulls[KEY_COLUMNS + SS_MEASURES] = {false};

	values[0] = TimestampTzGetDatum(delta->key.slot);
	values[1] = Int32GetDatum(delta->key.campaign_no);
	values[2] = UUIDPGetDatum(&delta->key.merchant_id);
	nulls[2] = !delta->key.has_merchant;
	values[3] = Int16GetDatum(delta->key.category_no);
	nulls[3] = delta->key.category_no == 0;
	values[4] = CStringGetTextDatum(delta->key.currency);
	for (int i = 0; i < SS_MEASURES; i++)
		values[KEY_COLUMNS + i] = Int64GetDatum(delta->measures[i]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * unfolded_deltas(of_campaign): null = of all campaigns and purchases
 */
Datum
swipesavvy_unfolded_deltas(PG_FUNCTION_ARGS)
{
	Tail tail = {.every = PG_ARGISNULL(0)};
	SSDelta *deltas;
	int count;
	int path;

	if (!tail.every)
		tail.campaign_no = PG_GETARG_INT32(0);
	InitMaterializedSRF(fcinfo, 0);
	path = ss_owner_guard_path();
	ss_query_connect();
	tail.sums = ss_delta_sums_begin(CurrentMemoryContext);
	ss_query_each(&read_records, NULL, add_row, &tail);
	deltas = ss_delta_sums_all(tail.sums, &count);
	for (int i = 0; i < count; i++)
		put_row((ReturnSetInfo *) fcinfo->resultinfo, &deltas[i]);
	ss_query_disconnect();
	ss_owner_restore_path(path);
	return (Datum) 0;
}
