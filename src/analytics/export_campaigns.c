/*
 * export_campaigns.c: figures of campaigns for other programs.
 *
 * Called by export_analytics. A statement each, of roll-up rows and what is not
 * folded yet; measures are those of custom reports. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "analytics/custom_report.h"
#include "analytics/customers.h"
#include "analytics/export_datasets.h"
#include "analytics/facts.h"
#include "base/query.h"
#include "campaigns/campaigns.h"
#include "rules/rules.h"

/* $1 from, $2 until, $3 zone: rows of the period with all measures. */
#define FACTS                                                                                                          \
	"SELECT d.campaign_no, d.day, d.currency AS paid_in, d.updated_at, " SS_CAMPAIGN_MEASURES                          \
	"  FROM swipesavvy.campaign_days d WHERE d.day >= $1 AND d.day < $2"                                               \
	" UNION ALL SELECT t.campaign_no, t.day, t.currency, NULL, " SS_CAMPAIGN_MEASURES                                  \
	"  FROM (" SS_TAIL_DAYS("NULL", "$3") ") t WHERE t.day >= $1 AND t.day < $2"

/* Sums in the order of SSMeasure, then whether some was paid in another currency. */
#define COUNT(column) "sum(f." column ")::numeric, "
#define MONEY(column) "sum(f." column ") FILTER (WHERE f.paid_in = c.currency), "
#define PAID_OTHERWISE                                                                                                 \
	"coalesce(sum(f.purchase_conversions) FILTER (WHERE f.paid_in <> 'XXX' AND f.paid_in <> c.currency), 0) <> 0"
#define SUMS                                                                                                           \
	COUNT("impressions")                                                                                               \
	COUNT("views")                                                                                                     \
	COUNT("clicks")                                                                                                    \
	COUNT("tracked_conversions")                                                                                       \
	COUNT("tracked_value")                                                                                             \
	COUNT("purchase_conversions")                                                                                      \
	COUNT("pending_conversions")                                                                                       \
	MONEY("revenue")                                                                                                   \
	MONEY("revenue_primary")                                                                                           \
	MONEY("cost")                                                                                                      \
	MONEY("discount")                                                                                                  \
	COUNT("bonus_points")                                                                                              \
	PAID_OTHERWISE

#define CAMPAIGN_COLUMNS                                                                                               \
	"campaign_id", "name", "campaign_type", "status", "offer_type", "offer_amount", "start_date", "end_date",          \
		"created_at", "budget", "spent", "currency"
SS_QUERY(
	read_campaigns,
	"SELECT c.campaign_id, c.name, c.campaign_type, c.status, c.offer_type, " SS_CAMPAIGN_OFFER_SQL
	", c.start_date, c.end_date, c.created_at, swipesavvy.minor_to_major(c.budget, k.minor_unit), " SS_CAMPAIGN_SPENT_SQL
	", c.currency::text, " SUMS "  FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
	"  LEFT JOIN (" FACTS ") f ON f.campaign_no = c.campaign_no"
	" GROUP BY c.campaign_no, k.minor_unit ORDER BY c.campaign_id",
	DATEOID, DATEOID, TEXTOID);

/* $4 all campaigns, or the one $5; those with something in the period. */
#define DAY_COLUMNS "campaign_id", "date", "currency"
SS_QUERY(read_days,
		 "SELECT c.campaign_id, f.day, c.currency::text, " SUMS ", max(f.updated_at), bool_or(f.updated_at IS NULL)"
		 "  FROM (" FACTS ") f JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no"
		 " WHERE $4 OR c.campaign_no = $5 GROUP BY c.campaign_no, f.day ORDER BY c.campaign_id, f.day",
		 DATEOID, DATEOID, TEXTOID, BOOLOID, INT4OID);

/* --- columns ------------------------------------------------------------------------------------ */

static const char *const campaign_columns[] = {CAMPAIGN_COLUMNS, NULL};
static const char *const day_columns[] = {DAY_COLUMNS, NULL};
static const char *const no_more_columns[] = {"other_currencies", NULL};
static const char *const more_day_columns[] = {"other_currencies", "updated_at", "provisional", NULL};

/* The columns before the measures, these, and those after them. */
static const char *const *
with_measures(const char *const *before, const char *const *after)
{
	const SSCustomSource *source = ss_custom_sources[0];
	const char **columns = palloc((source->nmeasures + 32) * sizeof(char *));
	int count = 0;

	for (; *before != NULL; before++)
		columns[count++] = *before;
	for (int i = 0; i < source->nmeasures; i++)
		columns[count++] = source->measures[i].name;
	for (; *after != NULL; after++)
		columns[count++] = *after;
	columns[count] = NULL;
	return columns;
}

static void
put_measures(SSRecords *records, const int128 *sums, int exponent)
{
	const SSCustomSource *source = ss_custom_sources[0];

	for (int i = 0; i < source->nmeasures; i++)
	{
		SSCustomValue value = ss_custom_value(&source->measures[i], sums, exponent);
		Numeric number = value.isnull ? NULL : ss_decimal(value.value, value.places);

		ss_records_field(records, NumericGetDatum(number), value.isnull, NUMERICOID);
		if (number != NULL)
			pfree(number);
	}
}

/* --- campaigns ------------------------------------------------------------------------------------ */

static void
put_campaign(TupleTableSlot *row, void *state)
{
	SSRecords *records = state;
	int plain = lengthof(campaign_columns) - 1;
	int128 sums[SS_CUSTOM_SUMS];
	int exponent;

	slot_getallattrs(row);
	for (int i = 0; i < plain; i++)
		ss_records_field(records, row->tts_values[i], row->tts_isnull[i],
						 TupleDescAttr(row->tts_tupleDescriptor, i)->atttypid);
	exponent = ss_rules_exponent(ss_rules_get(), TextDatumGetCString(ss_slot_value(row, plain)));
	ss_custom_read_sums(row, plain, 0, SS_CAMPAIGN_FIGURES, sums);
	put_measures(records, sums, exponent);
	ss_records_field(records, row->tts_values[plain + SS_CAMPAIGN_FIGURES], false, BOOLOID);
	ss_records_end(records);
}

static void
set_period(const SSExport *export, Datum *values)
{
	values[0] = DateADTGetDatum(export->period.start);
	values[1] = DateADTGetDatum(export->period.end + 1);
	values[2] = CStringGetTextDatum(export->state.zone_name);
}

void
ss_export_campaigns(SSExport *export)
{
	Datum values[3];

	ss_records_begin(&export->records, export->format, with_measures(campaign_columns, no_more_columns), export->header,
					 &export->target);
	set_period(export, values);
	ss_query_each(&read_campaigns, values, put_campaign, &export->records);
}

/* --- day by day ------------------------------------------------------------------------------------- */

/* The campaign whose days are being written, and the next of them. */
typedef struct Days
{
	SSExport *export;
	DateADT settled; /* days after it are provisional */
	char *campaign_id;
	char currency[4];
	int exponent;
	DateADT next;
} Days;

static void
put_day(Days *days, const int128 *sums, bool other_currencies, TimestampTz updated_at)
{
	SSRecords *records = &days->export->records;
	bool provisional = days->next > days->settled || sums[SS_PENDING_CONVERSIONS] > 0;

	ss_records_field(records, CStringGetTextDatum(days->campaign_id), false, TEXTOID);
	ss_records_field(records, DateADTGetDatum(days->next), false, DATEOID);
	ss_records_field(records, CStringGetTextDatum(days->currency), false, TEXTOID);
	put_measures(records, sums, days->exponent);
	ss_records_field(records, BoolGetDatum(other_currencies), false, BOOLOID);
	ss_records_field(records, TimestampTzGetDatum(updated_at), updated_at == DT_NOBEGIN, TIMESTAMPTZOID);
	ss_records_field(records, BoolGetDatum(provisional), false, BOOLOID);
	ss_records_end(records);
	days->next++;
}

/* Days on which nothing was. */
static void
put_days_before(Days *days, DateADT until)
{
	static const int128 nothing[SS_CUSTOM_SUMS] = {0};

	while (days->campaign_id != NULL && days->next < until)
		put_day(days, nothing, false, DT_NOBEGIN);
}

static void
begin_campaign(Days *days, const char *campaign_id, const char *currency)
{
	put_days_before(days, days->export->period.end + 1);
	days->campaign_id = MemoryContextStrdup(GetMemoryChunkContext(days), campaign_id);
	strlcpy(days->currency, currency, sizeof(days->currency));
	days->exponent = ss_rules_exponent(ss_rules_get(), currency);
	days->next = days->export->period.start;
}

static void
take_day(TupleTableSlot *row, void *state)
{
	Days *days = state;
	int plain = lengthof(day_columns) - 1;
	int column = plain + SS_CAMPAIGN_FIGURES;
	const char *campaign_id;
	int128 sums[SS_CUSTOM_SUMS];
	bool other_currencies;
	TimestampTz updated_at;

	slot_getallattrs(row);
	campaign_id = TextDatumGetCString(ss_slot_value(row, 1));
	if (days->campaign_id == NULL || strcmp(days->campaign_id, campaign_id) != 0)
		begin_campaign(days, campaign_id, TextDatumGetCString(ss_slot_value(row, 3)));
	put_days_before(days, DatumGetDateADT(ss_slot_value(row, 2)));
	ss_custom_read_sums(row, plain, 0, SS_CAMPAIGN_FIGURES, sums);
	other_currencies = DatumGetBool(row->tts_values[column]);
	/* what is not folded yet has changed the day just now */
	updated_at = DatumGetBool(row->tts_values[column + 2]) ? GetCurrentStatementStartTimestamp()
														   : DatumGetTimestampTz(row->tts_values[column + 1]);
	put_day(days, sums, other_currencies, updated_at);
}

void
ss_export_campaign_daily(SSExport *export)
{
	Days *days = palloc0(sizeof(Days));
	Datum values[5];

	days->export = export;
	days->settled = ss_period_today(&export->state) - ss_rules_get()->settings.late_posting_days;
	ss_records_begin(&export->records, export->format, with_measures(day_columns, more_day_columns), export->header,
					 &export->target);
	set_period(export, values);
	values[3] = BoolGetDatum(export->campaign == NULL);
	values[4] = Int32GetDatum(export->campaign == NULL ? 0 : export->campaign->campaign_no);
	if (export->campaign != NULL)
		begin_campaign(days, export->campaign->campaign_id, export->campaign->currency);
	ss_query_each(&read_days, values, take_day, days);
	put_days_before(days, export->period.end + 1);
}

/* --- segments ---------------------------------------------------------------------------------------- */

/* $1 all campaigns, or the one $2: as the last refresh found them. A null segment: users who are in none. */
#define SEGMENT_COLUMNS                                                                                                \
	"campaign_id", "segment", "as_of", "currency", "members", "reached", "converters", "conversions", "revenue",       \
		"cost", "discount", "converter_rate"
#define MAJOR(column) "round(g." column " / 10::numeric ^ k.minor_unit, k.minor_unit), "
SS_QUERY(
	read_segments,
	"SELECT c.campaign_id, s.name, g.as_of, c.currency::text, g.members, g.reached, g.converters, g.conversions, " MAJOR(
		"revenue") MAJOR("cost") MAJOR("discount")
		SS_QUOTIENT(
			"g.converters::numeric", "g.members::numeric", "1000000",
			"0.000001") "  FROM swipesavvy.campaign_segments g JOIN swipesavvy.campaigns c ON c.campaign_no = g.campaign_no"
						"  JOIN swipesavvy.currencies k ON k.code = c.currency"
						"  LEFT JOIN swipesavvy.segments s ON s.segment_no = g.segment_no"
						" WHERE g.members > 0 AND ($1 OR c.campaign_no = $2) ORDER BY c.campaign_id, s.name NULLS LAST",
	BOOLOID, INT4OID);

void
ss_export_segments(SSExport *export)
{
	static const char *const columns[] = {SEGMENT_COLUMNS, NULL};
	Datum values[2] = {BoolGetDatum(export->campaign == NULL),
					   Int32GetDatum(export->campaign == NULL ? 0 : export->campaign->campaign_no)};

	ss_records_begin(&export->records, export->format, columns, export->header, &export->target);
	ss_query_each(&read_segments, values, ss_records_row, &export->records);
}
