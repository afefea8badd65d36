/*
 * campaign_metrics.c: a campaign's figures of a period, day by day, over time,
 * and what it earned.
 *
 * SQL entry points get_campaign_metrics, get_campaign_daily,
 * get_campaign_trends and get_campaign_roi. They read the rows of the period
 * and what is not folded yet, whatever else is stored. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "analytics/campaign_figures.h"
#include "analytics/campaign_uplift.h"
#include "analytics/period.h"
#include "analytics/rollup_zone.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "call/call.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_metrics);
PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_daily);
PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_trends);
PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_roi);

#define DAILY_MOST	  366
#define DAILY_DEFAULT 30
#define MARGIN_SCALE  100000 /* of a margin of 100 per cent */

typedef enum Granularity
{
	HOURLY,
	DAILY,
	WEEKLY,
	MONTHLY
} Granularity;

static const char *const granularities[] = {"hourly", "daily", "weekly", "monthly", NULL};
static const int most_days[] = {31, 366, 1830, 3660};
static const int default_days[] = {2, 30, 84, 365};

/* What all functions here begin with. */
typedef struct Question
{
	SSCall call;
	SSAnalyticsState state;
	SSFiguresOf campaign;
} Question;

static void
begin(FunctionCallInfo fcinfo, Question *question)
{
	ss_call_enter(&question->call, SS_ANALYTICS | SS_ADMIN);
	ss_figures_of(ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true), &question->campaign);
	ss_analytics_require(&question->state);
}

static void
begin_answer(SSJson *json, const Question *question, const SSPeriod *period)
{
	ss_json_open_object(json, NULL);
	ss_json_text(json, "campaign_id", question->campaign.campaign_id);
	ss_period_json(json, period, &question->state);
}

static Datum
end_answer(SSJson *json, Question *question)
{
	ss_json_time(json, "as_of", GetCurrentStatementStartTimestamp());
	ss_json_close_object(json);
	return ss_call_leave_json(&question->call, json);
}

/* The days of a period. */
typedef struct Days
{
	SSPeriod period;
	SSBucket *buckets; /* with something in them */
	int count;
} Days;

/*
 * From the first day with a fact to today, unless said otherwise. Only where the first day is asked for are all days
 * read; they are read once, for each time goes through all that is not folded.
 */
static Days
whole_period(FunctionCallInfo fcinfo, const Question *question)
{
	DateADT today = ss_period_today(&question->state);
	Days days = {.period = {.end = today}};
	bool is_given = !PG_ARGISNULL(1) && (!PG_ARGISNULL(2) || PG_GETARG_DATEADT(1) <= today);
	const SSBucket *first = NULL;
	int n = 0;

	if (!is_given)
	{
		days.buckets =
			ss_figures_days(&question->state, &question->campaign, DATEVAL_NOBEGIN, DATEVAL_NOEND, &days.count);
		first = ss_figures_first(days.buckets, days.count);
	}
	if (first != NULL)
		days.period.start = (DateADT) first->start;
	else
		days.period.start = PG_ARGISNULL(2) ? today : Min(today, PG_GETARG_DATEADT(2));
	if (PG_ARGISNULL(2))
		days.period.end = Max(days.period.end, days.period.start);
	ss_period_args(fcinfo, 1, 0, &days.period);
	if (is_given)
		days.buckets =
			ss_figures_days(&question->state, &question->campaign, days.period.start, days.period.end + 1, &days.count);
	for (int i = 0; i < days.count; i++)
	{
		if (days.buckets[i].start >= days.period.start && days.buckets[i].start <= days.period.end)
			days.buckets[n++] = days.buckets[i];
	}
	days.count = n;
	return days;
}

/*
 * get_campaign_metrics(campaign_id, start_date, end_date)
 */
Datum
swipesavvy_get_campaign_metrics(PG_FUNCTION_ARGS)
{
	Question question;
	SSJson json = {0};
	SSFigures sum = {0};
	Days days;

	begin(fcinfo, &question);
	days = whole_period(fcinfo, &question);
	for (int i = 0; i < days.count; i++)
		ss_figures_add(&sum, &days.buckets[i].figures);
	begin_answer(&json, &question, &days.period);
	ss_figures_json(&json, &sum, question.campaign.currency, question.campaign.exponent);
	PG_RETURN_DATUM(end_answer(&json, &question));
}

/* --- day by day ------------------------------------------------------------------------------ */

/* When the day last changed; DT_NOBEGIN where nothing ever happened. */
static TimestampTz
updated_at(const SSBucket *bucket)
{
	if (bucket == NULL)
		return DT_NOBEGIN;
	return bucket->unfolded ? GetCurrentStatementStartTimestamp() : bucket->updated_at;
}

static void
add_day(SSJson *json, const Question *question, DateADT day, const SSBucket *bucket)
{
	static const SSFigures nothing = {0};
	const SSFigures *figures = bucket == NULL ? &nothing : &bucket->figures;
	TimestampTz updated = updated_at(bucket);
	DateADT settled = ss_period_today(&question->state) - ss_rules_get()->settings.late_posting_days;

	ss_json_open_object(json, NULL);
	ss_json_day(json, "date", day);
	ss_figures_json(json, figures, question->campaign.currency, question->campaign.exponent);
	if (updated == DT_NOBEGIN)
		ss_json_null(json, "updated_at");
	else
		ss_json_time(json, "updated_at", updated);
	ss_json_bool(json, "provisional", day > settled || figures->values[SS_PENDING_CONVERSIONS] > 0);
	ss_json_close_object(json);
}

/*
 * get_campaign_daily(campaign_id, start_date, end_date, changed_since)
 */
Datum
swipesavvy_get_campaign_daily(PG_FUNCTION_ARGS)
{
	Question question;
	SSJson json = {0};
	SSPeriod period;
	TimestampTz since;
	bool every;
	SSBucket *days;
	int count;
	int next = 0;

	begin(fcinfo, &question);
	period = ss_period_last(&question.state, DAILY_DEFAULT);
	ss_period_args(fcinfo, 1, DAILY_MOST, &period);
	since = ss_arg_time(fcinfo, 3, "changed_since", &every);
	days = ss_figures_days(&question.state, &question.campaign, period.start, period.end + 1, &count);
	begin_answer(&json, &question, &period);
	ss_json_open_array(&json, "days");
	for (DateADT day = period.start; day <= period.end; day++)
	{
		const SSBucket *bucket = next < count && days[next].start == day ? &days[next++] : NULL;

		if (every || updated_at(bucket) >= since)
			add_day(&json, &question, day, bucket);
	}
	ss_json_close_array(&json);
	PG_RETURN_DATUM(end_answer(&json, &question));
}

/* --- over time --------------------------------------------------------------------------------- */

/* The first day of the bucket after the one that the day is in. */
static DateADT
next_bucket(Granularity granularity, DateADT day)
{
	int year;
	int month;
	int ignored;

	if (granularity == DAILY)
		return day + 1;
	if (granularity == WEEKLY)
		return day + 7 - (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7;
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &ignored);
	return date2j(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* The first day of the bucket that the day is in. */
static DateADT
begin_of_bucket(Granularity granularity, DateADT day)
{
	int year;
	int month;
	int of_month;

	if (granularity == WEEKLY)
		return day - (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7;
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
	return granularity == MONTHLY ? day - of_month + 1 : day;
}

static void
add_point(SSJson *json, const Question *question, TimestampTz start, TimestampTz end, const SSFigures *figures)
{
	ss_json_open_object(json, NULL);
	ss_json_time(json, "period_start", start);
	ss_json_time(json, "period_end", end);
	ss_json_bool(json, "complete", end <= GetCurrentTransactionStartTimestamp());
	ss_figures_json(json, figures, question->campaign.currency, question->campaign.exponent);
	ss_json_close_object(json);
}

static void
add_hours(SSJson *json, const Question *question, const SSPeriod *period)
{
	pg_tz *zone = question->state.zone;
	TimestampTz until = ss_zone_day_start(zone, period->end + 1);
	TimestampTz hour = ss_zone_hour(zone, ss_delta_slot(ss_zone_day_start(zone, period->start)));
	SSBucket *hours;
	int count;
	int next = 0;

	hours = ss_figures_hours(&question->state, &question->campaign, hour, until, &count);
	while (hour < until)
	{
		TimestampTz end = hour;
		SSFigures sum = {0};

		do
			end = ss_delta_slot(end) + SS_SLOT_USECS;
		while (ss_zone_hour(zone, end) == hour);
		end = ss_zone_hour(zone, end);
		/* counts of old events may stand under hours of an earlier zone */
		for (; next < count && hours[next].start < end; next++)
			ss_figures_add(&sum, &hours[next].figures);
		add_point(json, question, hour, end, &sum);
		hour = end;
	}
}

static void
add_buckets(SSJson *json, const Question *question, Granularity granularity, const SSPeriod *period,
			const SSBucket *days, int count)
{
	pg_tz *zone = question->state.zone;
	int next = 0;

	while (next < count && days[next].start < period->start)
		next++;
	for (DateADT day = period->start; day <= period->end; day = next_bucket(granularity, day))
	{
		DateADT end = next_bucket(granularity, day);
		SSFigures sum = {0};

		for (; next < count && days[next].start < end && days[next].start <= period->end; next++)
			ss_figures_add(&sum, &days[next].figures);
		add_point(json, question, ss_zone_day_start(zone, begin_of_bucket(granularity, day)),
				  ss_zone_day_start(zone, end), &sum);
	}
}

/* How a figure of the period differs from the one of as many days before it. */
static void
add_change(SSJson *json, const char *key, int128 now, int128 before, int exponent)
{
	int128 percent = before == 0 ? 0 : ss_ratio(100 * (now - before), before, 2);
	bool up = before == 0 ? now > 0 : 100 * (now - before) > 5 * before;
	bool down = before != 0 && 100 * (before - now) > 5 * before;

	ss_json_open_object(json, key);
	ss_json_decimal(json, "previous", before, exponent);
	if (before == 0)
		ss_json_null(json, "percent");
	else
		ss_json_decimal(json, "percent", percent, 2);
	ss_json_text(json, "trend", up ? "up" : down ? "down" : "stable");
	ss_json_close_object(json);
}

static void
add_changes(SSJson *json, const Question *question, const SSPeriod *period, const SSBucket *days, int count)
{
	SSFigures before = {0};
	SSFigures now = {0};
	int exponent = question->campaign.exponent;

	for (int i = 0; i < count; i++)
		ss_figures_add(days[i].start < period->start ? &before : &now, &days[i].figures);
	ss_json_open_object(json, "change");
	add_change(json, "impressions", now.values[SS_IMPRESSIONS], before.values[SS_IMPRESSIONS], 0);
	add_change(json, "clicks", now.values[SS_CLICKS], before.values[SS_CLICKS], 0);
	add_change(json, "conversions", ss_figures_conversions(&now), ss_figures_conversions(&before), 0);
	add_change(json, "revenue", now.values[SS_REVENUE], before.values[SS_REVENUE], exponent);
	add_change(json, "cost", now.values[SS_COST], before.values[SS_COST], exponent);
	ss_json_close_object(json);
}

/*
 * get_campaign_trends(campaign_id, granularity, start_date, end_date)
 */
Datum
swipesavvy_get_campaign_trends(PG_FUNCTION_ARGS)
{
	Question question;
	SSJson json = {0};
	SSPeriod period;
	Granularity granularity;
	SSBucket *days;
	int count;

	begin(fcinfo, &question);
	granularity = (Granularity) ss_check_choice(ss_arg_text(fcinfo, 1, "granularity", SS_NAME_MAX, true), "granularity",
												granularities);
	period = ss_period_last(&question.state, default_days[granularity]);
	ss_period_args(fcinfo, 2, most_days[granularity], &period);
	days = ss_figures_days(&question.state, &question.campaign, period.start - period.days, period.end + 1, &count);
	begin_answer(&json, &question, &period);
	ss_json_text(&json, "granularity", granularities[granularity]);
	ss_json_open_array(&json, "points");
	if (granularity == HOURLY)
		add_hours(&json, &question, &period);
	else
		add_buckets(&json, &question, granularity, &period, days, count);
	ss_json_close_array(&json);
	add_changes(&json, &question, &period, days, count);
	PG_RETURN_DATUM(end_answer(&json, &question));
}

/* --- return on investment -------------------------------------------------------------------------- */

/* Rounded up, of numbers that are not negative. */
static int128
divide_up(int128 dividend, int128 divisor)
{
	return (dividend + divisor - 1) / divisor;
}

/* The first day by whose end the profit covers the cost; false if there is none. */
static bool
break_even(const SSPeriod *period, const SSBucket *days, int count, int64 margin, int64 fixed, DateADT *day)
{
	int128 revenue = 0;
	int128 cost = fixed;
	int next = 0;

	for (*day = period->start; *day <= period->end; (*day)++)
	{
		if (next < count && days[next].start == *day)
		{
			revenue += days[next].figures.values[SS_REVENUE];
			cost += days[next].figures.values[SS_COST];
			next++;
		}
		else if (*day > period->start)
			continue;
		if (ss_ratio(revenue * margin, MARGIN_SCALE, 0) >= cost)
			return true;
	}
	return false;
}

static void
add_return(SSJson *json, const Question *question, const SSFigures *sum, int64 margin, int64 fixed)
{
	int exponent = question->campaign.exponent;
	int128 revenue = sum->values[SS_REVENUE];
	int128 cost = sum->values[SS_COST] + fixed;
	int128 gross = ss_ratio(revenue * margin, MARGIN_SCALE, 0);

	ss_json_text(json, "currency", question->campaign.currency);
	ss_json_decimal(json, "revenue", revenue, exponent);
	ss_json_decimal(json, "cost", sum->values[SS_COST], exponent);
	ss_json_decimal(json, "fixed_cost", fixed, exponent);
	ss_json_decimal(json, "gross_profit", gross, exponent);
	ss_json_decimal(json, "profit", gross - cost, exponent);
	ss_json_ratio(json, "roi_percent", 100 * (gross - cost), cost, 2);
	ss_json_ratio(json, "profit_margin_percent", 100 * (gross - cost), revenue, 2);
	if (margin == 0)
		ss_json_null(json, "break_even_revenue");
	else
		ss_json_decimal(json, "break_even_revenue", divide_up(cost * MARGIN_SCALE, margin), exponent);
	if (revenue * margin == 0)
		ss_json_null(json, "break_even_conversions");
	else
		ss_json_decimal(json, "break_even_conversions",
						divide_up(cost * sum->values[SS_PURCHASE_CONVERSIONS] * MARGIN_SCALE, margin * revenue), 0);
}

/* A share of revenue less the cost. */
static int128
profit_of(int128 revenue, int64 margin, int128 cost)
{
	return ss_ratio(revenue * margin, MARGIN_SCALE, 0) - cost;
}

/* What the campaign added to what people spend, and what it cost, of all its time; null where nobody was held out, or it is not known yet. */
static void
add_incremental(SSJson *json, const Question *question, int64 margin, int64 fixed)
{
	int exponent = question->campaign.exponent;
	SSUplift uplift;
	SSIncremental incremental;
	int128 cost;
	int128 profit;

	if (!ss_uplift_find(&question->campaign, "campaign", &uplift) ||
		!ss_uplift_incremental(&uplift, exponent, SS_UPLIFT_ALPHA, &incremental))
	{
		ss_json_null(json, "incremental");
		return;
	}
	cost = uplift.cost + fixed;
	profit = profit_of(incremental.revenue, margin, cost);
	ss_json_open_object(json, "incremental");
	ss_json_decimal(json, "revenue", incremental.revenue, exponent);
	ss_json_decimal(json, "profit", profit, exponent);
	ss_json_ratio(json, "roi_percent", 100 * profit, cost, 2);
	ss_json_open_array(json, "interval");
	ss_json_decimal(json, NULL, profit_of(incremental.lower, margin, cost), exponent);
	ss_json_decimal(json, NULL, profit_of(incremental.upper, margin, cost), exponent);
	ss_json_close_array(json);
	ss_json_close_object(json);
}

/*
 * get_campaign_roi(campaign_id, start_date, end_date, margin_percent, fixed_cost)
 */
Datum
swipesavvy_get_campaign_roi(PG_FUNCTION_ARGS)
{
	Question question;
	SSJson json = {0};
	SSFigures sum = {0};
	Days days;
	DateADT day;
	int64 margin;
	int64 fixed;

	begin(fcinfo, &question);
	days = whole_period(fcinfo, &question);
	margin =
		ss_scaled_from_numeric(ss_arg_numeric(fcinfo, 3, "margin_percent", true), 3, 0, MARGIN_SCALE, "margin_percent");
	fixed = ss_scaled_from_numeric(ss_arg_numeric(fcinfo, 4, "fixed_cost", true), question.campaign.exponent, 0,
								   PG_INT64_MAX, "fixed_cost");
	for (int i = 0; i < days.count; i++)
		ss_figures_add(&sum, &days.buckets[i].figures);
	begin_answer(&json, &question, &days.period);
	add_return(&json, &question, &sum, margin, fixed);
	if (break_even(&days.period, days.buckets, days.count, margin, fixed, &day))
		ss_json_day(&json, "break_even_date", day);
	else
		ss_json_null(&json, "break_even_date");
	add_incremental(&json, &question, margin, fixed);
	if (sum.other_currencies)
		ss_json_bool(&json, "other_currencies", true);
	PG_RETURN_DATUM(end_answer(&json, &question));
}
