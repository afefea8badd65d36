/*
 * fold.c: adds what rollup_deltas holds to the roll-ups (fold.h).
 *
 * SQL entry point fold_analytics. Holds the lock of
 * analytics (state.h): whoever folds or builds is alone. Purchases go on
 * meanwhile; they append, and what is appended after the rows were picked is for
 * the next fold. Deleting what was added can neither miss a row nor take one
 * twice, whenever its transaction commits.
 *
 * Deltas are summed by hours and days in memory, then each table is written by
 * one statement in the order of its key. updated_at is read from the clock after
 * the rows were picked, so that it is later than the commit of each of them:
 * whoever asks for what has changed since misses nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "analytics/facts.h"
#include "analytics/fold.h"
#include "analytics/rollup_zone.h"
#include "audit/audit.h"
#include "base/columns.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/deltas.h"

PG_FUNCTION_INFO_V1(swipesavvy_fold_analytics);

#define FOLD_ROWS 50000 /* of one call */

SS_QUERY(take_rows,
		 "DELETE FROM swipesavvy.rollup_deltas d"
		 " WHERE d.ctid = ANY (ARRAY (SELECT r.ctid FROM swipesavvy.rollup_deltas r LIMIT $1)) RETURNING d.records",
		 INT8OID);
SS_QUERY(note_fold, "UPDATE swipesavvy.analytics_state SET folded_at = $1", TIMESTAMPTZOID);

#define CAMPAIGN_COLUMNS                                                                                               \
	"impressions, views, clicks, tracked_conversions, tracked_value, purchase_conversions, "                           \
	"pending_conversions, revenue, revenue_primary, cost, discount, bonus_points"
#define CAMPAIGN_TYPES                                                                                                 \
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,    \
		INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID
#define ADD(column) column " = k." column " + excluded." column
#define ADD_CAMPAIGN                                                                                                                                \
	ADD("impressions")                                                                                                                              \
	", " ADD("views") ", " ADD("clicks") ", " ADD("tracked_conversions") ", " ADD("purchase_conversions") ", " ADD("pending_conversions") ", " ADD( \
		"tracked_value") ", " ADD("revenue") ", " ADD("revenue_primary") ", " ADD("cost") ", " ADD("discount") ", " ADD("bonus_points")

/* Keys of a sum appear twice only where one became too large for an integer. */
SS_QUERY(add_hours,
		 "INSERT INTO swipesavvy.campaign_hours AS k (campaign_no, hour, currency, " SS_CAMPAIGN_MEASURES ")"
		 " SELECT f.campaign_no, f.hour, f.currency, " SS_CAMPAIGN_SUMS
		 "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		 "        f (campaign_no, hour, currency, " CAMPAIGN_COLUMNS ")"
		 "  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
		 " ON CONFLICT (campaign_no, hour, currency) DO UPDATE SET " ADD_CAMPAIGN,
		 INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, CAMPAIGN_TYPES);
SS_QUERY(add_days,
		 "INSERT INTO swipesavvy.campaign_days AS k (campaign_no, day, currency, updated_at, " SS_CAMPAIGN_MEASURES ")"
		 " SELECT f.campaign_no, f.day, f.currency, $16, " SS_CAMPAIGN_SUMS
		 "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		 "        f (campaign_no, day, currency, " CAMPAIGN_COLUMNS ")"
		 "  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
		 " ON CONFLICT (campaign_no, day, currency) DO UPDATE SET updated_at = excluded.updated_at, " ADD_CAMPAIGN,
		 INT4ARRAYOID, DATEARRAYOID, TEXTARRAYOID, CAMPAIGN_TYPES, TIMESTAMPTZOID);
SS_QUERY(
	add_merchants,
	"INSERT INTO swipesavvy.merchant_days AS k (merchant_id, day, category_no, currency, updated_at, " SS_PURCHASE_MEASURES
	")"
	" SELECT f.merchant_id, f.day, f.category_no, f.currency, $11, " SS_PURCHASE_SUMS
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	"        f (merchant_id, day, category_no, currency, purchases, pending_purchases, refunded_purchases, amount, refunded, points_earned)"
	"  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
	" ON CONFLICT (merchant_id, day, category_no, currency) DO UPDATE SET updated_at = excluded.updated_at, " ADD("purchases") ", " ADD(
		"pending_purchases") ", " ADD("refunded_purchases") ", " ADD("amount") ", " ADD("refunded") ", " ADD("points_earned"),
	UUIDARRAYOID, DATEARRAYOID, INT2ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID);

/* Deltas by hour, and by day: the slot of a key is then the hour, or the number of the day. */
typedef struct Sums
{
	pg_tz *zone;
	TimestampTz slot; /* the last one that was looked up, with … */
	TimestampTz hour;
	DateADT day;
	SSDeltaSums *hours;
	SSDeltaSums *days;
	SSDeltaSums *merchants;
} Sums;

static void
look_up(Sums *sums, TimestampTz slot)
{
	if (slot == sums->slot)
		return;
	sums->slot = slot;
	sums->hour = ss_zone_hour(sums->zone, slot);
	sums->day = ss_zone_day(sums->zone, slot);
}

static void
sum_records(Sums *sums, const bytea *records)
{
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(records);
	const unsigned char *end = at + VARSIZE_ANY_EXHDR(records);

	while (at < end)
	{
		SSDelta delta;

		at = ss_delta_unpack(at, end, &delta);
		look_up(sums, delta.key.slot);
		delta.key.slot = sums->day;
		ss_delta_sums_add(delta.key.campaign_no == 0 ? sums->merchants : sums->days, &delta, 1);
		delta.key.slot = sums->hour;
		if (delta.key.campaign_no != 0)
			ss_delta_sums_add(sums->hours, &delta, 1);
	}
}

/* --- writing ------------------------------------------------------------------------------ */

/* Into the columns from there on: `count` measures from the first one. */
static void
set_measures(SSColumns *columns, int column, const SSDelta *delta, SSMeasure first, int count)
{
	for (int i = 0; i < count; i++)
		ss_columns_set(columns, column + i, Int64GetDatum(delta->measures[first + i]));
}

/* The columns of a sum, without the moment at which it is written */
#define CAMPAIGN_SUM(slot)                                                                                             \
	{                                                                                                                  \
		INT4OID, slot, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID,       \
			INT8OID, INT8OID, INT8OID                                                                                  \
	}
static const Oid hour_types[] = CAMPAIGN_SUM(TIMESTAMPTZOID);
static const Oid day_types[] = CAMPAIGN_SUM(DATEOID);
static const Oid merchant_types[] = {UUIDOID, DATEOID, INT2OID, TEXTOID, INT8OID,
									 INT8OID, INT8OID, INT8OID, INT8OID, INT8OID};

static void
set_campaign(SSColumns *columns, const SSDelta *sum, Datum slot)
{
	ss_columns_set(columns, 0, Int32GetDatum(sum->key.campaign_no));
	ss_columns_set(columns, 1, slot);
	ss_columns_set(columns, 2, CStringGetTextDatum(sum->key.currency));
	set_measures(columns, 3, sum, SS_IMPRESSIONS, SS_BONUS_POINTS + 1);
}

static void
set_hour(SSColumns *columns, const SSDelta *sum)
{
	set_campaign(columns, sum, TimestampTzGetDatum(sum->key.slot));
}

static void
set_day(SSColumns *columns, const SSDelta *sum)
{
	set_campaign(columns, sum, DateADTGetDatum((DateADT) sum->key.slot));
}

static void
set_merchant(SSColumns *columns, const SSDelta *sum)
{
	ss_columns_set(columns, 0, UUIDPGetDatum(&sum->key.merchant_id)); /* of none it is the nil UUID */
	ss_columns_set(columns, 1, DateADTGetDatum((DateADT) sum->key.slot));
	ss_columns_set(columns, 2, Int16GetDatum(sum->key.category_no));
	ss_columns_set(columns, 3, CStringGetTextDatum(sum->key.currency));
	set_measures(columns, 4, sum, SS_PURCHASES_COMPLETED, SS_MEASURES - SS_PURCHASES_COMPLETED);
}

/* Writes the sums, a row each, whose columns are of these types and set by `set`. */
static void
write_sums(SSQuery *query, const SSDeltaSums *sums, const Oid *types, int ntypes,
		   void (*set)(SSColumns *columns, const SSDelta *sum), TimestampTz now)
{
	Datum values[SS_COLUMNS_MAX + 1];
	SSColumns columns;
	int count;
	SSDelta *deltas = ss_delta_sums_all(sums, &count);

	if (count == 0)
		return;
	ss_columns_init(&columns, ntypes, types, count);
	for (int i = 0; i < count; i++)
	{
		ss_columns_next(&columns);
		set(&columns, &deltas[i]);
	}
	ss_columns_arrays(&columns, values);
	values[ntypes] = TimestampTzGetDatum(now);
	(void) ss_query_latest(query, values, NULL);
}

int64
ss_fold(const SSAnalyticsState *state, int64 limit, Snapshot snapshot)
{
	Datum value = Int64GetDatum(limit);
	Sums sums = {.zone = state->zone, .slot = DT_NOBEGIN};
	TimestampTz now;
	int64 count;
	SSRows rows = snapshot == InvalidSnapshot ? ss_rows_latest(&take_rows, &value, NULL)
											  : ss_rows_at(&take_rows, &value, NULL, snapshot);

	now = GetCurrentTimestamp();
	sums.hours = ss_delta_sums_begin(CurrentMemoryContext);
	sums.days = ss_delta_sums_begin(CurrentMemoryContext);
	sums.merchants = ss_delta_sums_begin(CurrentMemoryContext);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		sum_records(&sums, ss_next_bytea(&row));
	}
	count = (int64) rows.count;
	ss_rows_free(&rows);
	write_sums(&add_hours, sums.hours, hour_types, lengthof(hour_types), set_hour, now);
	write_sums(&add_days, sums.days, day_types, lengthof(day_types), set_day, now);
	write_sums(&add_merchants, sums.merchants, merchant_types, lengthof(merchant_types), set_merchant, now);
	value = TimestampTzGetDatum(now);
	(void) ss_query_latest(&note_fold, &value, NULL);
	return count;
}

/*
 * fold_analytics(): {folded, more}
 */
Datum
swipesavvy_fold_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	int64 folded = 0;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	ss_analytics_lock();
	PushActiveSnapshot(GetLatestSnapshot());
	if (ss_analytics_find(&state))
		folded = ss_fold(&state, FOLD_ROWS, InvalidSnapshot);
	PopActiveSnapshot();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "folded", folded);
	ss_json_bool(&json, "more", folded == FOLD_ROWS);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
