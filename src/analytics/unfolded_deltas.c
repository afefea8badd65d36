/*
 * unfolded_deltas.c: what the roll-ups do not hold yet.
 *
 * SQL entry points unfolded_deltas and unfolded_days, for the library's own
 * queries: they add its rows to those of the roll-ups in one statement, so that
 * both are of one snapshot, before a fold or after it. No locks.
 *
 * There is no index, for every purchase would pay for it: a reader goes through
 * all rows, past the executor where the table is the plain one, and past the
 * records of other campaigns without taking them apart.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/tuplestore.h"

#include "analytics/rollup_zone.h"
#include "base/args.h"
#include "base/query.h"
#include "call/owner.h"
#include "direct/direct.h"
#include "engine/deltas.h"

PG_FUNCTION_INFO_V1(swipesavvy_unfolded_deltas);
PG_FUNCTION_INFO_V1(swipesavvy_unfolded_days);

#define SLOT_KEYS 5 /* columns before those of the measures */
#define DAY_KEYS  3

SS_QUERY(read_records, "SELECT d.records FROM swipesavvy.rollup_deltas d");

typedef struct Tail
{
	SSDeltaSums *sums;
	bool every; /* purchases and all campaigns */
	int32 campaign_no;
	pg_tz *zone;	  /* whose days are summed; NULL: slots are */
	TimestampTz slot; /* the last one that was looked up, with its … */
	DateADT day;
} Tail;

/* The day of the slot; most rows are of the same one as the row before. */
static DateADT
day_of(Tail *tail, TimestampTz slot)
{
	if (slot != tail->slot)
	{
		tail->slot = slot;
		tail->day = ss_zone_day(tail->zone, slot);
	}
	return tail->day;
}

static bool
next_delta(const Tail *tail, const unsigned char **at, const unsigned char *end, SSDelta *delta)
{
	if (!tail->every)
		return ss_delta_find(at, end, tail->campaign_no, delta);
	if (*at >= end)
		return false;
	*at = ss_delta_unpack(*at, end, delta);
	return true;
}

static void
add_records(Tail *tail, Datum records)
{
	bytea *row = DatumGetByteaPP(records);
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(row);
	const unsigned char *end = at + VARSIZE_ANY_EXHDR(row);
	SSDelta delta;

	while (next_delta(tail, &at, end, &delta))
	{
		if (tail->zone != NULL)
			delta.key.slot = day_of(tail, delta.key.slot);
		ss_delta_sums_add(tail->sums, &delta, 1);
	}
}

static void
add_row(TupleTableSlot *row, void *state)
{
	add_records(state, ss_slot_value(row, 1));
}

static void
read_rows(Tail *tail)
{
	SSDirect *direct = ss_direct_begin_reading(SS_ONE_TABLE(SS_DELTAS));
	SSScanAll scan;

	if (direct == NULL)
	{
		ss_query_each(&read_records, NULL, add_row, tail);
		return;
	}
	scan = ss_direct_scan_all(direct, SS_DELTAS);
	while (ss_direct_next_of_all(&scan))
		add_records(tail, ss_direct_get(direct, SS_DELTAS, scan.slot, DELTAS_RECORDS));
	ss_direct_close_all(&scan);
	ss_direct_end_reading(direct);
}

/* --- its rows -------------------------------------------------------------------------------- */

static void
put_slot(ReturnSetInfo *rsinfo, const SSDelta *delta)
{
	Datum values[SLOT_KEYS + SS_MEASURES];
	bool nulls[SLOT_KEYS + SS_MEASURES] = {false};

	values[0] = TimestampTzGetDatum(delta->key.slot);
	values[1] = Int32GetDatum(delta->key.campaign_no);
	values[2] = UUIDPGetDatum(&delta->key.merchant_id);
	nulls[2] = !delta->key.has_merchant;
	values[3] = Int16GetDatum(delta->key.category_no);
	nulls[3] = delta->key.category_no == 0;
	values[4] = CStringGetTextDatum(delta->key.currency);
	for (int i = 0; i < SS_MEASURES; i++)
		values[SLOT_KEYS + i] = Int64GetDatum(delta->measures[i]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_day(ReturnSetInfo *rsinfo, const SSDelta *delta)
{
	Datum values[DAY_KEYS + SS_PURCHASES_COMPLETED];
	bool nulls[DAY_KEYS + SS_PURCHASES_COMPLETED] = {false};

	values[0] = Int32GetDatum(delta->key.campaign_no);
	values[1] = DateADTGetDatum((DateADT) delta->key.slot);
	values[2] = CStringGetTextDatum(delta->key.currency);
	for (int i = 0; i < SS_PURCHASES_COMPLETED; i++)
		values[DAY_KEYS + i] = Int64GetDatum(delta->measures[i]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_all(FunctionCallInfo fcinfo, Tail *tail, void (*put)(ReturnSetInfo *, const SSDelta *))
{
	SSDelta *deltas;
	int count;
	int path;

	InitMaterializedSRF(fcinfo, 0);
	path = ss_owner_guard_path();
	ss_query_connect();
	tail->sums = ss_delta_sums_begin(CurrentMemoryContext);
	read_rows(tail);
	deltas = ss_delta_sums_all(tail->sums, &count);
	for (int i = 0; i < count; i++)
		put((ReturnSetInfo *) fcinfo->resultinfo, &deltas[i]);
	ss_query_disconnect();
	ss_owner_restore_path(path);
}

/*
 * unfolded_deltas(of_campaign): null = of all campaigns and purchases
 */
Datum
swipesavvy_unfolded_deltas(PG_FUNCTION_ARGS)
{
	Tail tail = {.every = PG_ARGISNULL(0)};

	if (!tail.every)
		tail.campaign_no = PG_GETARG_INT32(0);
	put_all(fcinfo, &tail, put_slot);
	return (Datum) 0;
}

/*
 * unfolded_days(of_campaign, zone): null = of all campaigns
 */
Datum
swipesavvy_unfolded_days(PG_FUNCTION_ARGS)
{
	Tail tail = {.campaign_no = PG_ARGISNULL(0) ? SS_ANY_CAMPAIGN : PG_GETARG_INT32(0), .slot = DT_NOBEGIN};

	tail.zone = ss_zone(ss_arg_text(fcinfo, 1, "zone", SS_NAME_MAX, true));
	put_all(fcinfo, &tail, put_day);
	return (Datum) 0;
}
