/*
 * campaign_figures.c: figures of a campaign (campaign_figures.h).
 *
 * Called by the readers of analytics. One statement adds roll-up rows and what is
 * not folded yet, so both are of one snapshot. Money counts in the campaign's
 * present currency; what was redeemed in another one counts as a conversion and
 * in no money. Ratios are worked out exactly, in integers. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "analytics/campaign_figures.h"
#include "analytics/facts.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "rules/rules.h"

SS_QUERY(find_campaign, "SELECT c.campaign_no, c.currency FROM swipesavvy.campaigns c WHERE c.campaign_id = $1",
		 TEXTOID);

/* Sums of rows `f`: what is an integer, what is money in currency $2, and whether there is any in another one. */
#define IN_CURRENCY(column) "sum(f." column ") FILTER (WHERE f.currency = $2)"
#define OTHERWISE(column)	"coalesce(sum(f." column ") FILTER (WHERE f.currency NOT IN ($2, 'XXX')), 0) <> 0"
#define FIGURES                                                                                                                 \
	"sum(f.impressions)::numeric, sum(f.views)::numeric, sum(f.clicks)::numeric,"                                               \
	"       sum(f.tracked_conversions)::numeric, sum(f.tracked_value)::numeric, sum(f.purchase_conversions)::numeric,"          \
	"       sum(f.pending_conversions)::numeric, " IN_CURRENCY("revenue") ", " IN_CURRENCY("revenue_primary") ", " IN_CURRENCY( \
		"cost") ", " IN_CURRENCY("discount") ", sum(f.bonus_points)::numeric, " OTHERWISE("purchase_conversions") " OR " OTHERWISE("cost")

/* One row for each bucket. */
#define BUCKETS(rows)                                                                                                  \
	"SELECT f.bucket, " FIGURES ", max(f.updated_at), bool_or(f.updated_at IS NULL), " SS_CAMPAIGN_ANY "  FROM (" rows \
	") f GROUP BY f.bucket ORDER BY f.bucket"

SS_QUERY(read_days,
		 BUCKETS("SELECT d.day AS bucket, d.currency, d.updated_at, " SS_CAMPAIGN_MEASURES
				 "  FROM swipesavvy.campaign_days d WHERE d.campaign_no = $1 AND d.day >= $3 AND d.day < $4"
				 " UNION ALL SELECT t.day, t.currency, NULL, " SS_CAMPAIGN_MEASURES
				 "  FROM (" SS_TAIL_DAYS("$1", "$5") ") t WHERE t.day >= $3 AND t.day < $4"),
		 INT4OID, TEXTOID, DATEOID, DATEOID, TEXTOID);
SS_QUERY(read_hours,
		 BUCKETS("SELECT h.hour AS bucket, h.currency, NULL::timestamptz AS updated_at, " SS_CAMPAIGN_MEASURES
				 "  FROM swipesavvy.campaign_hours h WHERE h.campaign_no = $1 AND h.hour >= $3 AND h.hour < $4"
				 " UNION ALL SELECT t.hour, t.currency, NULL, " SS_CAMPAIGN_MEASURES
				 "  FROM (SELECT swipesavvy.analytics_hour(t.occurred_at, $5) AS hour, t.* FROM (" SS_TAIL_FACTS(
					 "$1") ") t) t"
						   " WHERE t.hour >= $3 AND t.hour < $4"),
		 INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID);

/*
 * Of campaigns in currency $2: those of a state in $6 and, unless $7 is null, of that type; days before $8 apart. Rows
 * are summed by what they have in common before anything is asked of them: that is most of the time.
 */
SS_QUERY(read_campaigns,
		 "SELECT c.campaign_id, c.name, c.campaign_type, c.status, c.offer_type, f.before, " FIGURES
		 "  FROM swipesavvy.campaigns c JOIN ("
		 "  SELECT f.campaign_no, f.before, f.currency, " SS_CAMPAIGN_SUMS " FROM ("
		 "    SELECT d.campaign_no, d.day < $8 AS before, d.currency, " SS_CAMPAIGN_MEASURES
		 "      FROM swipesavvy.campaign_days d WHERE d.day >= $3 AND d.day < $4"
		 "     UNION ALL SELECT t.campaign_no, t.day < $8, t.currency, " SS_CAMPAIGN_MEASURES
		 "      FROM (" SS_TAIL_DAYS(
			 "$1", "$5") ") t WHERE t.day >= $3 AND t.day < $4) f"
						 "   GROUP BY 1, 2, 3) f ON f.campaign_no = c.campaign_no"
						 " WHERE c.currency = $2 AND c.status = ANY ($6) AND ($7 IS NULL OR c.campaign_type = $7)"
						 " GROUP BY c.campaign_no, f.before HAVING " SS_CAMPAIGN_ANY
						 " ORDER BY c.campaign_id, f.before",
		 INT4OID, BPCHAROID, DATEOID, DATEOID, TEXTOID, TEXTARRAYOID, TEXTOID, DATEOID);

void
ss_figures_of(const char *campaign_id, SSFiguresOf *campaign)
{
	Datum key = CStringGetTextDatum(campaign_id);
	SSRows rows = ss_rows_read(&find_campaign, &key, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("campaign", campaign_id);
	row = ss_row(rows, 0);
	campaign->campaign_id = campaign_id;
	campaign->campaign_no = ss_next_int32(&row);
	strlcpy(campaign->currency, ss_next_text(&row), sizeof(campaign->currency));
	campaign->exponent = ss_rules_exponent(ss_rules_get(), campaign->currency);
}

char *
ss_figures_of_argument(FunctionCallInfo fcinfo, SSFiguresOf *campaign)
{
	char *id = ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, false);
	SSAnalyticsState state;

	if (id != NULL)
	{
		ss_figures_of(id, campaign);
		ss_analytics_require(&state);
	}
	return id;
}

/* --- reading ------------------------------------------------------------------------------ */

int128
ss_next_integer(SSRow *row)
{
	bool isnull;
	Datum value = ss_next_value_or_null(row, NUMERICOID, &isnull);

	return isnull ? 0 : ss_integer(DatumGetNumeric(value));
}

static void
read_figures(SSRow *row, SSFigures *figures)
{
	for (int i = 0; i < SS_CAMPAIGN_FIGURES; i++)
		figures->values[i] = ss_next_integer(row);
	figures->other_currencies = ss_next_bool(row);
}

static void
read_bucket(SSRow row, bool by_day, SSBucket *bucket)
{
	bucket->start = by_day ? ss_next_date(&row) : ss_next_time(&row);
	read_figures(&row, &bucket->figures);
	bucket->updated_at = ss_next_time_or(&row, DT_NOBEGIN);
	bucket->unfolded = ss_next_bool(&row);
	bucket->facts = ss_next_bool(&row);
}

static SSBucket *
read_buckets(SSQuery *query, const Datum *values, bool by_day, int *count)
{
	SSRows rows = ss_rows_read(query, values, NULL);
	SSBucket *buckets = palloc(Max(rows.count, 1) * sizeof(SSBucket));

	for (uint64 i = 0; i < rows.count; i++)
		read_bucket(ss_row(rows, i), by_day, &buckets[i]);
	*count = (int) rows.count;
	ss_rows_free(&rows);
	return buckets;
}

SSBucket *
ss_figures_days(const SSAnalyticsState *state, const SSFiguresOf *campaign, DateADT from, DateADT until, int *count)
{
	Datum values[] = {Int32GetDatum(campaign->campaign_no), CStringGetTextDatum(campaign->currency),
					  DateADTGetDatum(from), DateADTGetDatum(until), CStringGetTextDatum(state->zone_name)};

	return read_buckets(&read_days, values, true, count);
}

SSBucket *
ss_figures_hours(const SSAnalyticsState *state, const SSFiguresOf *campaign, TimestampTz from, TimestampTz until,
				 int *count)
{
	Datum values[] = {Int32GetDatum(campaign->campaign_no), CStringGetTextDatum(campaign->currency),
					  TimestampTzGetDatum(from), TimestampTzGetDatum(until), CStringGetTextDatum(state->zone_name)};

	return read_buckets(&read_hours, values, false, count);
}

SSCampaignFigures *
ss_figures_campaigns(const SSAnalyticsState *state, const SSFiguresChoice *choice, DateADT from, DateADT until,
					 DateADT split, int *count)
{
	Datum values[] = {(Datum) 0,
					  CStringGetTextDatum(choice->currency),
					  DateADTGetDatum(from),
					  DateADTGetDatum(until),
					  CStringGetTextDatum(state->zone_name),
					  choice->statuses,
					  choice->campaign_type == NULL ? (Datum) 0 : CStringGetTextDatum(choice->campaign_type),
					  DateADTGetDatum(split)};
	bool nulls[] = {true, false, false, false, false, false, choice->campaign_type == NULL, false};
	SSRows rows = ss_rows_read(&read_campaigns, values, nulls);
	SSCampaignFigures *campaigns = palloc(Max(rows.count, 1) * sizeof(SSCampaignFigures));

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		campaigns[i].campaign_id = ss_next_text(&row);
		campaigns[i].name = ss_next_text(&row);
		campaigns[i].campaign_type = ss_next_text(&row);
		campaigns[i].status = ss_next_text(&row);
		campaigns[i].offer_type = ss_next_text(&row);
		campaigns[i].before = ss_next_bool(&row);
		read_figures(&row, &campaigns[i].figures);
	}
	*count = (int) rows.count;
	return campaigns;
}

const SSBucket *
ss_figures_first(const SSBucket *buckets, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (buckets[i].facts)
			return &buckets[i];
	}
	return NULL;
}

void
ss_figures_add(SSFigures *sum, const SSFigures *figures)
{
	for (int i = 0; i < SS_CAMPAIGN_FIGURES; i++)
		sum->values[i] += figures->values[i];
	sum->other_currencies |= figures->other_currencies;
}

/* --- numbers ------------------------------------------------------------------------------ */

Numeric
ss_decimal(int128 value, int places)
{
	char digits[64];
	char *at = digits + sizeof(digits);
	unsigned __int128 rest = value < 0 ? -(unsigned __int128) value : (unsigned __int128) value;
	int n = 0;

	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return ss_money_to_major((int64) value, places);
	*--at = '\0';
	do
	{
		if (n == places && n > 0)
			*--at = '.';
		*--at = (char) ('0' + (int) (rest % 10));
		rest /= 10;
		n++;
	} while (rest > 0 || n <= places);
	if (value < 0)
		*--at = '-';
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

int128
ss_integer(Numeric value)
{
	const char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	bool negative = *digits == '-';
	int128 result = 0;

	for (digits += negative ? 1 : 0; *digits >= '0' && *digits <= '9'; digits++)
		result = result * 10 + (*digits - '0');
	return negative ? -result : result;
}

void
ss_json_decimal(SSJson *json, const char *key, int128 value, int places)
{
	ss_json_datum(json, key, NumericGetDatum(ss_decimal(value, places)), false, NUMERICOID);
}

int128
ss_ratio(int128 dividend, int128 divisor, int places)
{
	bool negative = (dividend < 0) != (divisor < 0);
	int128 a = dividend < 0 ? -dividend : dividend;
	int128 b = divisor < 0 ? -divisor : divisor;
	int128 result;

	for (int i = 0; i < places; i++)
		a *= 10;
	result = (2 * a + b) / (2 * b);
	return negative ? -result : result;
}

void
ss_json_ratio(SSJson *json, const char *key, int128 dividend, int128 divisor, int places)
{
	if (divisor == 0)
		ss_json_null(json, key);
	else
		ss_json_decimal(json, key, ss_ratio(dividend, divisor, places), places);
}

/* Money by the piece, in major units with four places more than the currency has. */
static void
add_money_each(SSJson *json, const char *key, int128 money, int128 pieces, int exponent)
{
	if (pieces == 0)
		ss_json_null(json, key);
	else
		ss_json_decimal(json, key, ss_ratio(money, pieces, 4), exponent + 4);
}

static void
add_rates(SSJson *json, const int128 *values, int128 conversions, int exponent)
{
	ss_json_open_object(json, "rates");
	ss_json_ratio(json, "view_rate", values[SS_VIEWS], values[SS_IMPRESSIONS], 6);
	ss_json_ratio(json, "click_through_rate", values[SS_CLICKS], values[SS_IMPRESSIONS], 6);
	ss_json_ratio(json, "conversion_rate", conversions, values[SS_CLICKS], 6);
	ss_json_ratio(json, "redemption_rate", conversions, values[SS_IMPRESSIONS], 6);
	add_money_each(json, "revenue_per_impression", values[SS_REVENUE], values[SS_IMPRESSIONS], exponent);
	add_money_each(json, "cost_per_acquisition", values[SS_COST], conversions, exponent);
	ss_json_ratio(json, "return_on_ad_spend", values[SS_REVENUE], values[SS_COST], 6);
	ss_json_close_object(json);
}

void
ss_figures_json(SSJson *json, const SSFigures *figures, const char *currency, int exponent)
{
	const int128 *values = figures->values;
	int128 conversions = ss_figures_conversions(figures);

	ss_json_text(json, "currency", currency);
	ss_json_decimal(json, "impressions", values[SS_IMPRESSIONS], 0);
	ss_json_decimal(json, "views", values[SS_VIEWS], 0);
	ss_json_decimal(json, "clicks", values[SS_CLICKS], 0);
	ss_json_decimal(json, "conversions", conversions, 0);
	ss_json_decimal(json, "purchase_conversions", values[SS_PURCHASE_CONVERSIONS], 0);
	ss_json_decimal(json, "tracked_conversions", values[SS_TRACKED_CONVERSIONS], 0);
	ss_json_decimal(json, "pending_conversions", values[SS_PENDING_CONVERSIONS], 0);
	ss_json_decimal(json, "tracked_value", values[SS_TRACKED_VALUE], 4);
	ss_json_decimal(json, "revenue", values[SS_REVENUE], exponent);
	ss_json_decimal(json, "revenue_primary", values[SS_REVENUE_PRIMARY], exponent);
	ss_json_decimal(json, "cost", values[SS_COST], exponent);
	ss_json_decimal(json, "discount", values[SS_DISCOUNT], exponent);
	ss_json_decimal(json, "bonus_points", values[SS_BONUS_POINTS], 0);
	add_rates(json, values, conversions, exponent);
	if (figures->other_currencies)
		ss_json_bool(json, "other_currencies", true);
}
