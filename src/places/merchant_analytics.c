/*
 * merchant_analytics.c: get_merchant_analytics: how a merchant fares, for sheets that are
 * shown to the merchant.
 *
 * SQL entry point. What rests on fewer than privacy_threshold users is null: of days,
 * the period, the period before and campaigns, whose users are not known here, what
 * rests on so few purchases. Nor is anything shown by which it could be worked out from
 * the same answer. Only an admin sees everything, which leaves an audit row. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "analytics/campaign_figures.h"
#include "analytics/facts.h"
#include "analytics/period.h"
#include "analytics/rollup_zone.h"
#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "call/refusal.h"
#include "places/merchant_figures.h"
#include "places/partnership.h"
#include "places/ratings.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_analytics);

#define DAYS_MOST	 366
#define DAYS_DEFAULT 30

typedef struct Sheet
{
	SSCall call;
	SSAnalyticsState state;
	SSPeriod period;
	pg_uuid_t *merchant_id;
	char *currency;
	int exponent;
	int64 threshold; /* 0: everything is shown */
	bool suppressed; /* something is not */
} Sheet;

SS_QUERY(
	find_merchant,
	"SELECT (SELECT (s.value #>> '{}')::bigint FROM swipesavvy.system_settings s WHERE s.setting = 'privacy_threshold')"
	"  FROM swipesavvy.merchants m WHERE m.merchant_id = $1",
	UUIDOID);

/* $1 merchant */
SS_QUERY(read_customers,
		 "SELECT a.as_of, coalesce(c.last_30_days, 0), coalesce(c.last_90_days, 0), coalesce(c.last_365_days, 0),"
		 "       coalesce(c.new_30_days, 0)"
		 "  FROM swipesavvy.merchant_analytics a LEFT JOIN swipesavvy.merchant_customers c ON c.merchant_id = $1",
		 UUIDOID);

/*
 * Campaigns that are aimed at merchant $1 and had something from day $3 on and before $4 in zone $5: conversions, and
 * money in currency $2, which is the campaigns'.
 */
SS_QUERY(
	read_campaigns,
	"SELECT c.campaign_id, c.name, sum(f.purchase_conversions + f.tracked_conversions)::numeric,"
	"       sum(f.revenue) FILTER (WHERE f.currency = $2), sum(f.cost) FILTER (WHERE f.currency = $2)"
	"  FROM (SELECT d.campaign_no, d.day, d.currency, " SS_CAMPAIGN_MEASURES " FROM swipesavvy.campaign_days d"
	"         WHERE d.campaign_no IN (SELECT o.campaign_no FROM swipesavvy.campaigns o WHERE o.target_merchant_id = $1)"
	"         UNION ALL " SS_TAIL_DAYS(
		"NULL", "$5") ") f"
					  "  JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no"
					  " WHERE c.target_merchant_id = $1 AND c.currency = $2 AND f.day >= $3 AND f.day < $4"
					  " GROUP BY c.campaign_id, c.name HAVING " SS_CAMPAIGN_ANY " ORDER BY c.campaign_id",
	UUIDOID, BPCHAROID, DATEOID, DATEOID, TEXTOID);

/* Visits to fences of merchant $1 that began from $2 on and before $3, and their users: of all, those who stayed, and those who bought there within a day. */
SS_QUERY(
	read_visits,
	"SELECT count(*), count(DISTINCT w.user_id), count(w.dwelt_at),"
	"       count(DISTINCT w.user_id) FILTER (WHERE w.dwelt_at IS NOT NULL),"
	"       count(*) FILTER (WHERE w.bought), count(DISTINCT w.user_id) FILTER (WHERE w.bought)"
	"  FROM (SELECT v.user_id, v.dwelt_at,"
	"               EXISTS (SELECT FROM swipesavvy.transactions t WHERE t.user_id = v.user_id AND t.merchant_id = $1"
	"                          AND t.occurred_at >= v.entered_at AND t.occurred_at <= v.entered_at + interval '24 hours'"
	"                          AND t.status IN ('pending', 'completed')) AS bought"
	"          FROM swipesavvy.geofences f JOIN swipesavvy.geofence_visits v ON v.geofence_id = f.geofence_id"
	"         WHERE f.merchant_id = $1 AND v.entered_at >= $2 AND v.entered_at < $3) w",
	UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* --- what is shown ------------------------------------------------------------------------ */

/* May a figure that rests on so many be shown? Notes it if not. */
static bool
shown(Sheet *sheet, int128 many)
{
	bool result = many >= sheet->threshold;

	if (!result)
		sheet->suppressed = true;
	return result;
}

static void
add_count(SSJson *json, const char *key, bool is_shown, int64 count)
{
	if (is_shown)
		ss_json_int(json, key, count);
	else
		ss_json_null(json, key);
}

static void
add_decimal(SSJson *json, const char *key, bool is_shown, int128 value, int places)
{
	if (is_shown)
		ss_json_decimal(json, key, value, places);
	else
		ss_json_null(json, key);
}

/* --- the period ------------------------------------------------------------------------------ */

static void
add_totals(SSJson *json, const Sheet *sheet, bool is_shown, const SSMerchantFigures *sum)
{
	int128 net = sum->amount - sum->refunded;

	add_decimal(json, "purchases", is_shown, sum->purchases, 0);
	add_decimal(json, "refunded_purchases", is_shown, sum->refunded_purchases, 0);
	add_decimal(json, "amount", is_shown, sum->amount, sheet->exponent);
	add_decimal(json, "refunded", is_shown, sum->refunded, sheet->exponent);
	add_decimal(json, "net_amount", is_shown, net, sheet->exponent);
	if (is_shown && sum->purchases > 0)
		ss_json_decimal(json, "average_net", ss_ratio(net, sum->purchases, 0), sheet->exponent);
	else
		ss_json_null(json, "average_net");
	add_decimal(json, "commission", is_shown, ss_ratio(sum->commission, SS_RATE_SCALE, 0), sheet->exponent);
}

/* As many days before. The change is shown only where both figures are: each follows from it and the other. */
static void
add_previous(SSJson *json, Sheet *sheet, bool is_shown, const SSMerchantFigures *now, const SSMerchantFigures *before)
{
	int128 net = now->amount - now->refunded;
	int128 net_before = before->amount - before->refunded;
	bool before_is_shown = shown(sheet, before->purchases);

	ss_json_open_object(json, "previous");
	add_decimal(json, "net_amount", before_is_shown, net_before, sheet->exponent);
	add_decimal(json, "purchases", before_is_shown, before->purchases, 0);
	if (is_shown && before_is_shown)
		ss_json_ratio(json, "percent", 100 * (net - net_before), net_before, 2);
	else
		ss_json_null(json, "percent");
	ss_json_close_object(json);
}

/*
 * The day that would follow from the total, if it were the only one that is not shown,
 * takes another one with it: the one with the fewest purchases, the first of such.
 */
static const SSMerchantDay *
day_to_hide(const Sheet *sheet, const SSMerchantDay *days)
{
	const SSMerchantDay *least = NULL;
	int hidden = 0;

	for (int i = 0; i < sheet->period.days; i++)
	{
		if (days[i].figures.purchases < sheet->threshold)
			hidden++;
		else if (least == NULL || days[i].figures.purchases < least->figures.purchases)
			least = &days[i];
	}
	return hidden == 1 ? least : NULL;
}

static void
add_days(SSJson *json, Sheet *sheet, const SSMerchantDay *days)
{
	const SSMerchantDay *hidden = day_to_hide(sheet, days);

	ss_json_open_array(json, "days");
	for (int i = 0; i < sheet->period.days; i++)
	{
		const SSMerchantFigures *figures = &days[i].figures;
		bool is_shown = shown(sheet, figures->purchases) && &days[i] != hidden;

		ss_json_open_object(json, NULL);
		ss_json_day(json, "date", days[i].day);
		add_decimal(json, "purchases", is_shown, figures->purchases, 0);
		add_decimal(json, "net_amount", is_shown, figures->amount - figures->refunded, sheet->exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/* The figures of the period and of the days before it. */
static void
add_figures(SSJson *json, Sheet *sheet)
{
	int count = sheet->period.days;
	SSMerchantDay *days = ss_merchant_days(&sheet->state, sheet->merchant_id, sheet->currency,
										   sheet->period.start - count, sheet->period.end + 1);
	SSMerchantFigures now = {0};
	SSMerchantFigures before = {0};
	bool is_shown;

	for (int i = 0; i < count; i++)
	{
		ss_merchant_figures_add(&before, &days[i].figures);
		ss_merchant_figures_add(&now, &days[count + i].figures);
	}
	is_shown = shown(sheet, now.purchases);
	add_totals(json, sheet, is_shown, &now);
	add_previous(json, sheet, is_shown, &now, &before);
	add_days(json, sheet, days + count);
}

/* --- customers, campaigns, visits ---------------------------------------------------------- */

/* New and returning ones add up to all: where one of the two is not shown, the other is not, either. */
static void
add_customers(SSJson *json, Sheet *sheet)
{
	Datum value = UUIDPGetDatum(sheet->merchant_id);
	SSRows rows = ss_rows_read(&read_customers, &value, NULL);
	TimestampTz as_of = DT_NOBEGIN;
	int64 last[3] = {0};
	int64 fresh = 0;
	bool known = rows.count > 0;
	bool parts_are_shown;

	if (known)
	{
		SSRow row = ss_row(rows, 0);

		as_of = ss_next_time(&row);
		for (int i = 0; i < 3; i++)
			last[i] = ss_next_int64(&row);
		fresh = ss_next_int64(&row);
	}
	ss_json_open_object(json, "customers");
	add_count(json, "last_30_days", known && shown(sheet, last[0]), last[0]);
	add_count(json, "last_90_days", known && shown(sheet, last[1]), last[1]);
	add_count(json, "last_365_days", known && shown(sheet, last[2]), last[2]);
	parts_are_shown = known && shown(sheet, fresh) && shown(sheet, last[0] - fresh);
	add_count(json, "new_30_days", parts_are_shown, fresh);
	add_count(json, "returning_30_days", parts_are_shown, last[0] - fresh);
	if (known)
		ss_json_time(json, "as_of", as_of);
	else
		ss_json_null(json, "as_of");
	ss_json_close_object(json);
}

static void
add_campaigns(SSJson *json, Sheet *sheet)
{
	Datum values[] = {UUIDPGetDatum(sheet->merchant_id), CStringGetTextDatum(sheet->currency),
					  DateADTGetDatum(sheet->period.start), DateADTGetDatum(sheet->period.end + 1),
					  CStringGetTextDatum(sheet->state.zone_name)};
	SSRows rows = ss_rows_read(&read_campaigns, values, NULL);

	ss_json_open_array(json, "campaigns");
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int128 conversions;
		bool is_shown;

		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", ss_next_text(&row));
		ss_json_text(json, "name", ss_next_text(&row));
		conversions = ss_next_integer(&row);
		is_shown = shown(sheet, conversions);
		add_decimal(json, "conversions", is_shown, conversions, 0);
		add_decimal(json, "revenue", is_shown, ss_next_integer(&row), sheet->exponent);
		add_decimal(json, "cost", is_shown, ss_next_integer(&row), sheet->exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_visits(SSJson *json, Sheet *sheet)
{
	static const char *const keys[] = {"entered", "dwelt", "converted_24h"};
	Datum values[] = {UUIDPGetDatum(sheet->merchant_id),
					  TimestampTzGetDatum(ss_zone_day_start(sheet->state.zone, sheet->period.start)),
					  TimestampTzGetDatum(ss_zone_day_start(sheet->state.zone, sheet->period.end + 1))};
	SSRow row = ss_row(ss_rows_read(&read_visits, values, NULL), 0);

	ss_json_open_object(json, "visits");
	for (size_t i = 0; i < lengthof(keys); i++)
	{
		int64 visits = ss_next_int64(&row);
		int64 users = ss_next_int64(&row);

		add_count(json, keys[i], shown(sheet, users), visits);
	}
	ss_json_close_object(json);
}

/* --- the sheet -------------------------------------------------------------------------------- */

/* Who is told everything has been told so, and when. */
static void
record_disclosure(Sheet *sheet)
{
	SSAudit audit = {.resource = "merchant_analytics", .action = "disclose"};
	SSJson details = {0};

	audit.resource_id = ss_uuid_text(sheet->merchant_id);
	ss_json_open_object(&details, NULL);
	ss_json_date(&details, "start_date", sheet->period.start);
	ss_json_date(&details, "end_date", sheet->period.end);
	ss_json_text(&details, "currency", sheet->currency);
	ss_json_close_object(&details);
	ss_audit_write(&sheet->call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&details)));
}

static void
read_arguments(FunctionCallInfo fcinfo, Sheet *sheet)
{
	const SSRules *rules = ss_rules_get();
	bool suppress = ss_arg_bool(fcinfo, 4, true);
	Datum value;
	SSRows rows;
	SSRow threshold;

	if (!suppress && !ss_call_has(&sheet->call, SS_ADMIN))
		ss_not_allowed("only an admin may see figures of few users", "suppress is false.");
	sheet->merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	ss_analytics_require(&sheet->state);
	sheet->period = ss_period_last(&sheet->state, DAYS_DEFAULT);
	ss_period_args(fcinfo, 1, DAYS_MOST, &sheet->period);
	sheet->currency = ss_arg_text(fcinfo, 3, "currency", 3, false);
	if (sheet->currency == NULL)
		sheet->currency = pstrdup(rules->settings.currency);
	sheet->exponent = ss_rules_exponent_of(rules, sheet->currency, "currency");
	value = UUIDPGetDatum(sheet->merchant_id);
	rows = ss_rows_read(&find_merchant, &value, NULL);
	if (rows.count == 0)
		ss_not_found("merchant", ss_uuid_text(sheet->merchant_id));
	threshold = ss_row(rows, 0);
	sheet->threshold = suppress ? ss_next_int64_or(&threshold, 0) : 0;
	if (!suppress)
		record_disclosure(sheet);
}

/*
 * get_merchant_analytics(merchant_id, start_date, end_date, currency, suppress)
 */
Datum
swipesavvy_get_merchant_analytics(PG_FUNCTION_ARGS)
{
	Sheet sheet = {0};
	SSJson json = {0};

	ss_call_enter(&sheet.call, SS_ANALYTICS | SS_ADMIN);
	read_arguments(fcinfo, &sheet);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "merchant_id", sheet.merchant_id);
	ss_period_json(&json, &sheet.period, &sheet.state);
	ss_json_text(&json, "currency", sheet.currency);
	add_figures(&json, &sheet);
	add_customers(&json, &sheet);
	add_campaigns(&json, &sheet);
	ss_rating_add(&json, sheet.merchant_id, false);
	add_visits(&json, &sheet);
	ss_json_bool(&json, "suppressed", sheet.suppressed);
	ss_json_time(&json, "as_of", GetCurrentStatementStartTimestamp());
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&sheet.call, &json));
}
