/*
 * report_rows.c: works a custom report out.
 *
 * Called by run_custom_report and export_analytics. Three statements, of
 * campaigns by day, of campaigns by hour and of purchases, add roll-up rows and
 * what is not folded yet. Each dimension and each sum is switched on by a
 * parameter, and each filter is an array and its mode; plans are made for the
 * parameters, so what is switched off costs nothing. Groups go one by one
 * through `having` into a tuplesort, which keeps the first `limit` and spills
 * to disk. No locks.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "analytics/campaign_figures.h"
#include "analytics/custom_report.h"
#include "analytics/rollup_zone.h"
#include "base/errors.h"
#include "base/query.h"
#include "rules/rules.h"

/*
 * $1 from and $2 until, $3 zone, $4 dimensions that are shown, $5 sums that are needed (by SSMeasure), $6 modes and
 * $7 nulls of filters by dimension, then the values of each. Arrays begin at 1.
 */
#define FIRST_VALUES 7

/* A dimension that is shown, or null; a comma follows. */
#define DIMENSION(n, value) "CASE WHEN ($4)[" #n "] THEN " value " END, "

/* Does the value pass its filters? One more condition. */
#define IS_AMONG(n, value, parameter)                                                                                  \
	"(coalesce(" value " = ANY (" parameter "), false) OR (($7)[" #n "] AND " value " IS NULL))"
#define MUST_BE(n, value, parameter)                                                                                   \
	" AND (($6)[" #n "] <> 1 OR " value " = ANY (" parameter ") OR (($7)[" #n "] AND " value " IS NULL))"
#define MUST_NOT_BE(n, value, parameter) " AND (($6)[" #n "] <> 2 OR NOT " IS_AMONG(n, value, parameter) ")"
#define PASSES(n, value, parameter)		 MUST_BE(n, value, parameter) MUST_NOT_BE(n, value, parameter)

/* Whole days from a Monday: weeks and weekdays without a look at a calendar. */
#define DAYS_FROM_MONDAY(day) "mod(mod(" day " - date '2001-01-01', 7) + 7, 7)"
#define WEEK(day)			  "(" day " - " DAYS_FROM_MONDAY(day) ")"
#define MONTH(day)			  "date_trunc('month', " day "::timestamp)::date"
#define WEEKDAY(day)		  "(" DAYS_FROM_MONDAY(day) " + 1)"

/* Rows that are read at most, and one that tells that there are more. */
#define ROW_LIMIT " LIMIT " CppAsString2(SS_CUSTOM_ROLLUP_ROWS) " + 1"

/* Sums that are needed; always those that tell whether there is a fact. */
#define COUNTED(column)		   ", sum(r." column ")::numeric"
#define NEEDED(n, column)	   ", sum(r." column ") FILTER (WHERE ($5)[" #n "])::numeric"
#define IN_CURRENCY(n, column) ", sum(r." column ") FILTER (WHERE ($5)[" #n "] AND r.paid_in = r.currency)"

/* --- campaigns -------------------------------------------------------------------------------- */

#define CAMPAIGN_DIMENSIONS                                                                                            \
	DIMENSION(1, "r.campaign_id")                                                                                      \
	DIMENSION(2, "r.name")                                                                                             \
	DIMENSION(3, "r.campaign_type")                                                                                    \
	DIMENSION(4, "r.offer_type")                                                                                       \
	DIMENSION(5, "r.status")                                                                                           \
	DIMENSION(6, "r.target_category")                                                                                  \
	DIMENSION(7, "r.segment")                                                                                          \
	DIMENSION(8, "r.target_merchant_id::text")                                                                         \
	DIMENSION(9, "r.currency::text")                                                                                   \
	DIMENSION(10, "r.day")                                                                                             \
	DIMENSION(11, WEEK("r.day"))                                                                                       \
	DIMENSION(12, MONTH("r.day"))                                                                                      \
	DIMENSION(13, WEEKDAY("r.day"))
#define CAMPAIGN_SUMS                                                                                                  \
	COUNTED("impressions")                                                                                             \
	COUNTED("views")                                                                                                   \
	COUNTED("clicks")                                                                                                  \
	COUNTED("tracked_conversions")                                                                                     \
	NEEDED(5, "tracked_value")                                                                                         \
	COUNTED("purchase_conversions")                                                                                    \
	NEEDED(7, "pending_conversions")                                                                                   \
	IN_CURRENCY(8, "revenue")                                                                                          \
	IN_CURRENCY(9, "revenue_primary")                                                                                  \
	IN_CURRENCY(10, "cost")                                                                                            \
	IN_CURRENCY(11, "discount")                                                                                        \
	NEEDED(12, "bonus_points")
#define CAMPAIGN_FILTERS                                                                                               \
	PASSES(1, "c.campaign_id", "$8")                                                                                   \
	PASSES(2, "c.name", "$9")                                                                                          \
	PASSES(3, "c.campaign_type", "$10")                                                                                \
	PASSES(4, "c.offer_type", "$11")                                                                                   \
	PASSES(5, "c.status", "$12")                                                                                       \
	PASSES(6, "c.target_category", "$13")                                                                              \
	PASSES(7, "s.name", "$14")                                                                                         \
	PASSES(8, "c.target_merchant_id", "$15")                                                                           \
	PASSES(9, "c.currency::text", "$16")                                                                               \
	PASSES(10, "f.day", "$17")                                                                                         \
	PASSES(11, WEEK("f.day"), "$18")                                                                                   \
	PASSES(12, MONTH("f.day"), "$19")                                                                                  \
	PASSES(13, WEEKDAY("f.day"), "$20")

/* Was some of it paid in another currency than the campaign has now? */
#define PAID_OTHERWISE                                                                                                 \
	" coalesce(sum(r.purchase_conversions)"                                                                            \
	" FILTER (WHERE r.paid_in <> 'XXX' AND r.paid_in <> r.currency), 0) <> 0"

/* What is not folded, in the types of the tables. */
#define CAMPAIGN_COLUMNS                                                                                               \
	"impressions, views, clicks, tracked_conversions, tracked_value, purchase_conversions, pending_conversions,"       \
	" revenue, revenue_primary, cost, discount, bonus_points"
#define CAMPAIGN_TAIL                                                                                                  \
	"t.campaign_no, t.currency::bpchar, t.impressions, t.views, t.clicks, t.tracked_conversions,"                      \
	" t.tracked_value::numeric, t.purchase_conversions, t.pending_conversions, t.revenue::numeric,"                    \
	" t.revenue_primary::numeric, t.cost::numeric, t.discount::numeric, t.bonus_points::numeric"

/* A row for each group: dimensions, of how many rows it is made, and the sums of these. */
#define CAMPAIGNS(rows, hour_dimension, more_filters)                                                                  \
	"SELECT " CAMPAIGN_DIMENSIONS hour_dimension "count(*)," PAID_OTHERWISE CAMPAIGN_SUMS                              \
	" FROM (SELECT c.campaign_id, c.name, c.campaign_type, c.offer_type, c.status, c.target_category,"                 \
	"              s.name AS segment, c.target_merchant_id, c.currency, f.*"                                           \
	"         FROM (" rows ") f JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no"                          \
	"         LEFT JOIN swipesavvy.segments s ON s.segment_no = c.target_segment_no"                                   \
	"        WHERE true" CAMPAIGN_FILTERS more_filters ROW_LIMIT ") r"                                                 \
	" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14"
#define CAMPAIGN_TYPES                                                                                                 \
	TEXTOID, BOOLARRAYOID, BOOLARRAYOID, INT4ARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,         \
		TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, DATEARRAYOID,              \
		DATEARRAYOID, DATEARRAYOID, INT4ARRAYOID, INT4ARRAYOID

#define BY_DAY                                                                                                         \
	"SELECT d.campaign_no, d.currency AS paid_in, " CAMPAIGN_COLUMNS ", d.day FROM swipesavvy.campaign_days d"         \
	" WHERE d.day >= $1 AND d.day < $2"                                                                                \
	" UNION ALL SELECT " CAMPAIGN_TAIL ", t.day FROM swipesavvy.unfolded_days(NULL, $3) t"                             \
	" WHERE t.day >= $1 AND t.day < $2"
SS_QUERY(campaigns_by_day, CAMPAIGNS(BY_DAY, DIMENSION(14, "NULL::integer"), ""), DATEOID, DATEOID, CAMPAIGN_TYPES);

/* Date and hour are those that clocks showed when the hour began. */
#define BY_HOUR                                                                                                        \
	"SELECT h.campaign_no, h.currency AS paid_in, " CAMPAIGN_COLUMNS ", (h.hour AT TIME ZONE $3)::date AS day, h.hour" \
	"  FROM swipesavvy.campaign_hours h WHERE h.hour >= $1 AND h.hour < $2"                                            \
	" UNION ALL SELECT " CAMPAIGN_TAIL ", (t.hour AT TIME ZONE $3)::date, t.hour"                                      \
	"  FROM (SELECT swipesavvy.analytics_hour(u.slot, $3) AS hour, u.*"                                                \
	"          FROM swipesavvy.unfolded_deltas(NULL) u WHERE u.campaign_no <> 0) t WHERE t.hour >= $1 AND t.hour < $2"
#define LOCAL_HOUR(rows) "date_part('hour', " rows ".hour AT TIME ZONE $3)::integer"
SS_QUERY(campaigns_by_hour, CAMPAIGNS(BY_HOUR, DIMENSION(14, LOCAL_HOUR("r")), PASSES(14, LOCAL_HOUR("f"), "$21")),
		 TIMESTAMPTZOID, TIMESTAMPTZOID, CAMPAIGN_TYPES);

/* --- purchases -------------------------------------------------------------------------------- */

/* Those without a merchant have the nil UUID there, those without a category the number 0. */
#define NO_MERCHANT	   "'00000000-0000-0000-0000-000000000000'::uuid"
#define MERCHANT(rows) "nullif(" rows ".merchant_id, " NO_MERCHANT ")"
#define PURCHASE_DIMENSIONS                                                                                            \
	DIMENSION(1, MERCHANT("r") "::text")                                                                               \
	DIMENSION(2, "r.name")                                                                                             \
	DIMENSION(3, "r.category")                                                                                         \
	DIMENSION(4, "r.currency::text")                                                                                   \
	DIMENSION(5, "r.day")                                                                                              \
	DIMENSION(6, WEEK("r.day"))                                                                                        \
	DIMENSION(7, MONTH("r.day"))                                                                                       \
	DIMENSION(8, WEEKDAY("r.day"))
#define PURCHASE_SUMS                                                                                                  \
	COUNTED("purchases")                                                                                               \
	COUNTED("pending_purchases")                                                                                       \
	NEEDED(15, "refunded_purchases")                                                                                   \
	NEEDED(16, "amount")                                                                                               \
	NEEDED(17, "refunded")                                                                                             \
	NEEDED(18, "points_earned")
#define PURCHASE_FILTERS                                                                                               \
	PASSES(1, MERCHANT("f"), "$8")                                                                                     \
	PASSES(2, "m.name", "$9")                                                                                          \
	PASSES(3, "k.category", "$10")                                                                                     \
	PASSES(4, "f.currency::text", "$11")                                                                               \
	PASSES(5, "f.day", "$12")                                                                                          \
	PASSES(6, WEEK("f.day"), "$13")                                                                                    \
	PASSES(7, MONTH("f.day"), "$14")                                                                                   \
	PASSES(8, WEEKDAY("f.day"), "$15")
/* The filter on merchants stands there twice: this time so that the index finds them. */
#define PURCHASE_ROWS                                                                                                  \
	"SELECT d.merchant_id, d.day, d.category_no, d.currency, d.purchases, d.pending_purchases, d.refunded_purchases,"  \
	"       d.amount, d.refunded, d.points_earned FROM swipesavvy.merchant_days d"                                     \
	" WHERE d.day >= $1 AND d.day < $2 AND (($6)[1] <> 1 OR ($7)[1] OR d.merchant_id = ANY ($8))"                      \
	" UNION ALL SELECT coalesce(t.merchant_id, " NO_MERCHANT "), t.day, coalesce(t.category_no, 0::smallint),"         \
	"       t.currency::bpchar, t.purchases, t.pending_purchases, t.refunded_purchases, t.amount::numeric,"            \
	"       t.refunded::numeric, t.points_earned::numeric"                                                             \
	"  FROM (SELECT swipesavvy.analytics_day(u.slot, $3) AS day, u.* FROM swipesavvy.unfolded_deltas(0) u) t"          \
	" WHERE t.day >= $1 AND t.day < $2"
SS_QUERY(purchases,
		 "SELECT " PURCHASE_DIMENSIONS "count(*), false" PURCHASE_SUMS
		 "  FROM (SELECT m.name, k.category, f.* FROM (" PURCHASE_ROWS ") f"
		 "         LEFT JOIN swipesavvy.merchants m ON m.merchant_id = f.merchant_id"
		 "         LEFT JOIN swipesavvy.merchant_categories k ON k.category_no = f.category_no"
		 "        WHERE true" PURCHASE_FILTERS ROW_LIMIT ") r GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
		 DATEOID, DATEOID, TEXTOID, BOOLARRAYOID, BOOLARRAYOID, INT4ARRAYOID, BOOLARRAYOID, UUIDARRAYOID, TEXTARRAYOID,
		 TEXTARRAYOID, TEXTARRAYOID, DATEARRAYOID, DATEARRAYOID, DATEARRAYOID, INT4ARRAYOID);

/* --- parameters ------------------------------------------------------------------------------- */

/* Does the report sum that up, or take a quotient of it? */
static void
need(const SSCustomReport *report, int measure, bool *needed)
{
	const SSCustomMeasure *of = &report->source->measures[measure];
	int sums[2] = {of->sum, of->divisor};

	for (int i = 0; i < 2; i++)
	{
		if (sums[i] == SS_SUM_NET)
			needed[SS_AMOUNT] = needed[SS_REFUNDED] = true;
		else if (sums[i] >= 0 && sums[i] < SS_MEASURES)
			needed[sums[i]] = true;
	}
}

static Datum
flags(const bool *values, int count)
{
	Datum *items = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		items[i] = BoolGetDatum(values[i]);
	return PointerGetDatum(construct_array(items, count, BOOLOID, 1, true, TYPALIGN_CHAR));
}

static Datum
needed_sums(const SSCustomReport *report)
{
	bool needed[SS_MEASURES] = {false};

	for (int i = 0; i < report->nmeasures; i++)
		need(report, report->measures[i], needed);
	for (int i = 0; i < report->nhaving; i++)
		need(report, report->having[i].measure, needed);
	for (int i = 0; i < report->norder; i++)
	{
		if (!report->order[i].is_dimension)
			need(report, report->order[i].field, needed);
	}
	return flags(needed, SS_MEASURES);
}

static Datum
shown_dimensions(const SSCustomReport *report)
{
	bool shown[SS_CUSTOM_DIMENSIONS] = {false};

	for (int i = 0; i < report->ndimensions; i++)
		shown[report->dimensions[i]] = true;
	return flags(shown, report->source->ndimensions);
}

static bool
is_by_hour(const SSCustomReport *report)
{
	int hour = report->source->hour;
	bool shown = false;

	for (int i = 0; i < report->ndimensions; i++)
		shown |= report->dimensions[i] == hour;
	return shown || (hour >= 0 && report->filters[hour].mode != SS_MODE_ANY);
}

static void
set_parameters(const SSCustomReport *report, const SSAnalyticsState *state, Datum *values)
{
	int count = report->source->ndimensions;
	Datum modes[SS_CUSTOM_DIMENSIONS];
	bool nulls[SS_CUSTOM_DIMENSIONS] = {false};

	values[0] = DateADTGetDatum(report->period.start);
	values[1] = DateADTGetDatum(report->period.end + 1);
	if (is_by_hour(report))
	{
		TimestampTz start = ss_zone_day_start(state->zone, report->period.start);

		values[0] = TimestampTzGetDatum(ss_zone_hour(state->zone, ss_delta_slot(start)));
		values[1] = TimestampTzGetDatum(ss_zone_day_start(state->zone, report->period.end + 1));
	}
	values[2] = CStringGetTextDatum(state->zone_name);
	values[3] = shown_dimensions(report);
	values[4] = needed_sums(report);
	for (int i = 0; i < count; i++)
	{
		modes[i] = Int32GetDatum(report->filters[i].mode);
		nulls[i] = report->filters[i].has_null;
		values[FIRST_VALUES + i] = report->filters[i].values;
	}
	values[5] = PointerGetDatum(construct_array(modes, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[6] = flags(nulls, count);
}

/* --- values of measures ------------------------------------------------------------------------- */

SSCustomValue
ss_custom_value(const SSCustomMeasure *measure, const int128 *sums, int exponent)
{
	SSCustomValue value = {.places = measure->places + (measure->exponent ? exponent : 0)};

	if (measure->divisor < 0)
		value.value = sums[measure->sum];
	else if (sums[measure->divisor] == 0)
		value.isnull = true;
	else
		value.value = ss_ratio(sums[measure->sum], sums[measure->divisor], measure->shift);
	return value;
}

/* Decimal places of money in the currency; without one there is no money. */
static int
exponent_of(const char *currency)
{
	return currency[0] == '\0' ? 0 : ss_rules_exponent(ss_rules_get(), currency);
}

/* A null is only unequal to whatever it is. */
static bool
satisfies(const SSCustomHaving *having, const SSCustomValue *value)
{
	int order;

	if (value->isnull)
		return having->op == SS_OP_NE;
	order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(ss_decimal(value->value, value->places)),
											  NumericGetDatum(having->value)));
	switch (having->op)
	{
		case SS_OP_EQ:
			return order == 0;
		case SS_OP_NE:
			return order != 0;
		case SS_OP_GT:
			return order > 0;
		case SS_OP_GTE:
			return order >= 0;
		case SS_OP_LT:
			return order < 0;
		case SS_OP_LTE:
			return order <= 0;
	}
	return false;
}

/* --- groups --------------------------------------------------------------------------------------- */

typedef struct Groups
{
	SSCustomRows *rows;
	int64 read; /* rows of roll-ups, and what is not folded */
	int first_sum;
	MemoryContext scratch;
} Groups;

void
ss_custom_read_sums(TupleTableSlot *row, int column, int first, int count, int128 *sums)
{
	memset(sums, 0, SS_CUSTOM_SUMS * sizeof(int128));
	for (int i = 0; i < count; i++)
	{
		if (!row->tts_isnull[column + i])
			sums[first + i] = ss_integer(DatumGetNumeric(row->tts_values[column + i]));
	}
	sums[SS_SUM_CONVERSIONS] = sums[SS_PURCHASE_CONVERSIONS] + sums[SS_TRACKED_CONVERSIONS];
	sums[SS_SUM_NET] = sums[SS_AMOUNT] - sums[SS_REFUNDED];
}

/* The sums of a group; false where it has no fact. */
static bool
read_group(const Groups *groups, TupleTableSlot *row, int128 *sums)
{
	int column = groups->rows->report->source->ndimensions + 2;

	ss_custom_read_sums(row, column, groups->first_sum, row->tts_tupleDescriptor->natts - column, sums);
	return sums[SS_IMPRESSIONS] != 0 || sums[SS_VIEWS] != 0 || sums[SS_CLICKS] != 0 || sums[SS_SUM_CONVERSIONS] != 0 ||
		   sums[SS_PURCHASES_COMPLETED] != 0 || sums[SS_PURCHASES_PENDING] != 0;
}

/* The currency of a group's money. */
static void
currency_of(const SSCustomReport *report, TupleTableSlot *row, char *currency)
{
	int column = report->source->currency;

	if (report->currency[0] != '\0')
		strlcpy(currency, report->currency, 4);
	else if (row->tts_isnull[column])
		currency[0] = '\0';
	else
		strlcpy(currency, TextDatumGetCString(row->tts_values[column]), 4);
}

static void
add_to_totals(SSCustomRows *rows, const int128 *sums, const char *currency)
{
	for (int i = 0; i < SS_CUSTOM_SUMS; i++)
		rows->totals[i] += sums[i];
	if (rows->count++ == 0)
		strlcpy(rows->currency, currency, sizeof(rows->currency));
	else if (strcmp(rows->currency, currency) != 0)
		rows->currency[0] = '\0';
}

static void
set_measure(TupleTableSlot *slot, int column, const SSCustomMeasure *measure, const int128 *sums, int exponent)
{
	SSCustomValue value = ss_custom_value(measure, sums, exponent);

	slot->tts_isnull[column] = value.isnull;
	if (!value.isnull)
		slot->tts_values[column] = NumericGetDatum(ss_decimal(value.value, value.places));
}

/* The group as a row of the result, and what it is ordered by. */
static void
put_group(SSCustomRows *rows, TupleTableSlot *row, const int128 *sums, int exponent)
{
	const SSCustomReport *report = rows->report;
	TupleTableSlot *slot = rows->slot;
	int column = 0;

	ExecClearTuple(slot);
	for (int i = 0; i < report->ndimensions; i++, column++)
	{
		slot->tts_values[column] = row->tts_values[report->dimensions[i]];
		slot->tts_isnull[column] = row->tts_isnull[report->dimensions[i]];
	}
	for (int i = 0; i < report->nmeasures; i++)
		set_measure(slot, column++, &report->source->measures[report->measures[i]], sums, exponent);
	for (int i = 0; i < report->norder; i++)
	{
		if (!report->order[i].is_dimension)
			set_measure(slot, column++, &report->source->measures[report->order[i].field], sums, exponent);
	}
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(rows->sort, slot);
}

static void
take_group(TupleTableSlot *row, void *state)
{
	Groups *groups = state;
	SSCustomRows *rows = groups->rows;
	const SSCustomReport *report = rows->report;
	MemoryContext before = MemoryContextSwitchTo(groups->scratch);
	int128 sums[SS_CUSTOM_SUMS];
	char currency[4];
	bool passes;

	slot_getallattrs(row);
	groups->read += DatumGetInt64(row->tts_values[report->source->ndimensions]);
	passes = read_group(groups, row, sums);
	if (passes)
	{
		int exponent;

		currency_of(report, row, currency);
		exponent = exponent_of(currency);
		for (int i = 0; i < report->nhaving && passes; i++)
		{
			SSCustomValue value = ss_custom_value(&report->source->measures[report->having[i].measure], sums, exponent);

			passes = satisfies(&report->having[i], &value);
		}
		if (passes)
		{
			add_to_totals(rows, sums, currency);
			rows->other_currencies |= DatumGetBool(row->tts_values[report->source->ndimensions + 1]);
			put_group(rows, row, sums, exponent);
		}
	}
	MemoryContextSwitchTo(before);
	MemoryContextReset(groups->scratch);
}

/* --- order ------------------------------------------------------------------------------------------ */

/* The columns of the result, then the measures that it is ordered by. */
static TupleDesc
sorted_columns(const SSCustomReport *report)
{
	int columns = ss_custom_columns(report);
	int count = columns;
	TupleDesc desc;

	for (int i = 0; i < report->norder; i++)
		count += report->order[i].is_dimension ? 0 : 1;
	desc = CreateTemplateTupleDesc(count);
	for (int i = 0; i < count; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), NULL,
						   i < report->ndimensions ? ss_custom_column_type(report, i) : NUMERICOID, -1, 0);
	return desc;
}

typedef struct Keys
{
	int count;
	AttrNumber columns[SS_CUSTOM_ORDER_MAX + SS_CUSTOM_DIMENSIONS_MAX + 1];
	Oid operators[SS_CUSTOM_ORDER_MAX + SS_CUSTOM_DIMENSIONS_MAX + 1];
	Oid collations[SS_CUSTOM_ORDER_MAX + SS_CUSTOM_DIMENSIONS_MAX + 1];
	bool nulls_first[SS_CUSTOM_ORDER_MAX + SS_CUSTOM_DIMENSIONS_MAX + 1];
} Keys;

/* Nulls last in both directions, text by bytes. */
static void
add_key(Keys *keys, TupleDesc desc, int column, bool descending)
{
	Oid type = TupleDescAttr(desc, column)->atttypid;
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);

	keys->columns[keys->count] = (AttrNumber) (column + 1);
	keys->operators[keys->count] = descending ? entry->gt_opr : entry->lt_opr;
	keys->collations[keys->count] = type == TEXTOID ? C_COLLATION_OID : InvalidOid;
	keys->nulls_first[keys->count++] = false;
}

static int
dimension_column(const SSCustomReport *report, int dimension)
{
	int column = 0;

	while (report->dimensions[column] != dimension)
		column++;
	return column;
}

/* By order_by, then by all dimensions. A report without either has one row, which is sorted by whatever it has. */
static Tuplesortstate *
begin_sort(const SSCustomReport *report, TupleDesc desc)
{
	Keys keys = {0};
	int column = ss_custom_columns(report);
	Tuplesortstate *sort;

	for (int i = 0; i < report->norder; i++)
	{
		const SSCustomOrder *order = &report->order[i];

		add_key(&keys, desc, order->is_dimension ? dimension_column(report, order->field) : column++,
				order->descending);
	}
	for (int i = 0; i < report->ndimensions; i++)
		add_key(&keys, desc, i, false);
	if (keys.count == 0)
		add_key(&keys, desc, 0, false);
	sort = tuplesort_begin_heap(desc, keys.count, keys.columns, keys.operators, keys.collations, keys.nulls_first,
								work_mem, NULL, TUPLESORT_ALLOWBOUNDED);
	tuplesort_set_bound(sort, report->limit);
	return sort;
}

/* --- the report --------------------------------------------------------------------------------------- */

static void
refuse_size(void)
{
	ereport(
		ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("report is too large"),
		errdetail("More than %d rows of the roll-ups are in its period and pass its filters.", SS_CUSTOM_ROLLUP_ROWS),
		errhint("Ask for fewer days, or filter by more."));
}

SSCustomRows *
ss_custom_run(const SSCustomReport *report, const SSAnalyticsState *state)
{
	SSCustomRows *rows = palloc0(sizeof(SSCustomRows));
	bool is_purchases = report->source == ss_custom_sources[1];
	SSQuery *query = is_purchases ? &purchases : is_by_hour(report) ? &campaigns_by_hour : &campaigns_by_day;
	TupleDesc desc = sorted_columns(report);
	Datum values[SS_QUERY_MAX_ARGS] = {0};
	Groups groups = {.rows = rows, .first_sum = is_purchases ? SS_PURCHASES_COMPLETED : 0};

	rows->report = report;
	rows->sort = begin_sort(report, desc);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	groups.scratch =
		AllocSetContextCreate(CurrentMemoryContext, "swipesavvy group of a report", ALLOCSET_DEFAULT_SIZES);
	set_parameters(report, state, values);
	ss_query_plan_anew();
	ss_query_each(query, values, take_group, &groups);
	if (groups.read > SS_CUSTOM_ROLLUP_ROWS)
		refuse_size();
	ExecDropSingleTupleTableSlot(rows->slot);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	tuplesort_performsort(rows->sort);
	return rows;
}

bool
ss_custom_next(SSCustomRows *rows)
{
	/* a sort that keeps the first ones alone must not be asked for more */
	if (rows->shown < rows->report->limit && tuplesort_gettupleslot(rows->sort, true, false, rows->slot, NULL))
	{
		rows->shown++;
		slot_getallattrs(rows->slot);
		return true;
	}
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplesort_end(rows->sort);
	return false;
}

int
ss_custom_columns(const SSCustomReport *report)
{
	return report->ndimensions + report->nmeasures;
}

const char *
ss_custom_column_name(const SSCustomReport *report, int column)
{
	if (column < report->ndimensions)
		return report->source->dimensions[report->dimensions[column]].name;
	return report->source->measures[report->measures[column - report->ndimensions]].name;
}

Oid
ss_custom_column_type(const SSCustomReport *report, int column)
{
	if (column < report->ndimensions)
		return ss_custom_value_type(&report->source->dimensions[report->dimensions[column]]);
	return NUMERICOID;
}

Datum
ss_custom_cell(const SSCustomRows *rows, int column, bool *isnull)
{
	*isnull = rows->slot->tts_isnull[column];
	return rows->slot->tts_values[column];
}

SSCustomValue
ss_custom_total(const SSCustomRows *rows, int measure)
{
	const SSCustomReport *report = rows->report;
	const SSCustomMeasure *of = &report->source->measures[report->measures[measure]];
	const char *currency = report->currency[0] != '\0' ? report->currency : rows->currency;

	if (of->is_money && currency[0] == '\0')
		return (SSCustomValue){.isnull = true};
	return ss_custom_value(of, rows->totals, exponent_of(currency));
}
