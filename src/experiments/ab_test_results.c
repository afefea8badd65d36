/*
 * ab_test_results.c: get_ab_test_results and plan_ab_test.
 *
 * The first shows what results.c works out of the stored sums, and on request
 * of an admin has them added up anew before (refresh.c); the second says how
 * many users a test would need. Reading locks nothing.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/rows.h"
#include "call/call.h"
#include "call/refusal.h"
#include "experiments/refresh.h"
#include "experiments/results.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_ab_test_results);

#define LOW_POWER  0.5
#define PERCENT	   100
#define SHARE	   10000
#define GROUPS_MAX 10

static const char *const formats[] = {"json", "svg", NULL};
static const char *const roles[] = {"primary", "secondary", "guardrail"};

SS_QUERY(read_series,
		 "SELECT s.day, s.group_no::integer, max(s.n)::bigint AS users,"
		 " max(s.s) FILTER (WHERE s.metric = 'conversion')::bigint AS conversions,"
		 " max(s.s) FILTER (WHERE s.metric = 'revenue')::bigint AS revenue"
		 " FROM swipesavvy.ab_test_sums s WHERE s.test_no = $1 AND s.metric IN ('conversion', 'revenue')"
		 " GROUP BY s.day, s.group_no ORDER BY s.day, s.group_no",
		 INT4OID);

/* --- groups --------------------------------------------------------------------------------------------- */

static int64
sum_of(const SSTestResults *results, SSMetric metric, int group)
{
	return results->figures.sums[metric][group].s;
}

static void
write_group(SSJson *json, const SSTest *test, const SSTestResults *results, int group)
{
	int64 users = results->figures.users[group];
	bool has_offer = !(test->has_hold_out && group == test->ngroups - 1);
	int places = test->exponent;

	ss_json_open_object(json, NULL);
	ss_json_int(json, "group", group);
	ss_json_text(json, "name", test->groups[group].name);
	ss_json_text(json, "campaign_id", test->groups[group].campaign_id);
	ss_json_int(json, "users", users);
	ss_json_int(json, "reached", results->figures.reached[group]);
	if (has_offer)
	{
		ss_json_int(json, "conversions", sum_of(results, SS_METRIC_CONVERSION, group));
		ss_json_quotient(json, "conversion_rate", sum_of(results, SS_METRIC_CONVERSION, group), users, 6);
	}
	else
	{
		ss_json_null(json, "conversions");
		ss_json_null(json, "conversion_rate");
	}
	ss_json_int(json, "buyers", sum_of(results, SS_METRIC_BUYERS, group));
	ss_json_int(json, "orders", sum_of(results, SS_METRIC_ORDERS, group));
	ss_json_money(json, "revenue", sum_of(results, SS_METRIC_REVENUE, group), places);
	/* minor units over users with two decimals more than the currency has: the power of ten below it cancels out */
	ss_json_quotient(json, "revenue_per_user", sum_of(results, SS_METRIC_REVENUE, group),
					 (int128) users * ss_minor_per_major(places), places + 2);
	if (has_offer)
		ss_json_money(json, "cost", sum_of(results, SS_METRIC_COST, group), places);
	else
		ss_json_null(json, "cost");
	ss_json_quotient(json, "net_revenue_per_user", sum_of(results, SS_METRIC_NET_REVENUE, group),
					 (int128) users * ss_minor_per_major(places), places + 2);
	if (has_offer)
		ss_json_int(json, "bonus_points", sum_of(results, SS_METRIC_BONUS_POINTS, group));
	else
		ss_json_null(json, "bonus_points");
	ss_json_close_object(json);
}

/* --- comparisons ------------------------------------------------------------------------------------------- */

static void
write_interval(SSJson *json, const char *key, const SSVerdict *verdict, double unit)
{
	ss_json_open_array(json, key);
	ss_json_double(json, NULL, verdict->lower * unit);
	ss_json_double(json, NULL, verdict->upper * unit);
	ss_json_close_array(json);
}

static const char *
error_of(const SSComparison *comparison)
{
	return comparison->relative.error != NULL ? comparison->relative.error : comparison->verdict.error;
}

/* What is said of the leading variant at the top, too. */
static void
write_outcome(SSJson *json, const SSComparison *comparison)
{
	ss_json_double(json, "difference", comparison->absolute.difference);
	ss_json_double(json, "improvement_percentage", comparison->relative.difference * PERCENT);
	ss_json_double(json, "p_value", comparison->verdict.p_value);
	write_interval(json, "confidence_interval", &comparison->verdict, PERCENT);
	ss_json_bool(json, "is_significant", comparison->significant);
	ss_json_double(json, "chance_to_win", comparison->belief.chance_to_win);
}

static void
write_comparison(SSJson *json, const SSTest *test, const SSComparison *comparison)
{
	ss_json_open_object(json, NULL);
	ss_json_int(json, "group", comparison->group);
	ss_json_text(json, "name", test->groups[comparison->group].name);
	ss_json_text(json, "metric", ss_metric_specs[comparison->metric].name);
	ss_json_text(json, "role", roles[comparison->role]);
	ss_json_open_object(json, "unadjusted");
	ss_json_double(json, "control", comparison->relative.a.unadjusted);
	ss_json_double(json, "variant", comparison->relative.b.unadjusted);
	ss_json_close_object(json);
	write_outcome(json, comparison);
	ss_json_double(json, "adjusted_p_value", comparison->adjusted_p);
	ss_json_open_object(json, "absolute");
	ss_json_double(json, "difference", comparison->absolute.difference);
	ss_json_double(json, "standard_error", comparison->absolute.standard_error);
	ss_json_double(json, "p_value", comparison->absolute_verdict.p_value);
	write_interval(json, "confidence_interval", &comparison->absolute_verdict, 1);
	ss_json_close_object(json);
	ss_json_open_object(json, "fixed");
	ss_json_double(json, "p_value", comparison->fixed.p_value);
	write_interval(json, "confidence_interval", &comparison->fixed, PERCENT);
	ss_json_close_object(json);
	ss_json_open_array(json, "risk");
	ss_json_double(json, NULL, comparison->belief.risk[0]);
	ss_json_double(json, NULL, comparison->belief.risk[1]);
	ss_json_close_array(json);
	ss_json_open_object(json, "cuped");
	ss_json_double(json, "theta", comparison->relative.theta);
	ss_json_bool(json, "used", comparison->relative.cuped);
	ss_json_close_object(json);
	ss_json_bool(json, "harmed", comparison->harmed);
	ss_json_text(json, "error", error_of(comparison));
	ss_json_close_object(json);
}

/* --- the rest --------------------------------------------------------------------------------------------- */

static void
write_warnings(SSJson *json, const SSTest *test, const SSTestResults *results)
{
	bool not_running = false;
	bool changed = false;
	bool exhausted = false;
	bool harmed = false;

	for (int i = 0; i < test->ngroups; i++)
	{
		const SSTestGroup *group = &test->groups[i];

		if (group->campaign_no == 0)
			continue;
		not_running |= test->status == SS_TEST_RUNNING && strcmp(group->campaign_status, "running") != 0;
		changed |= group->version_at_start > 0 && group->version != group->version_at_start;
		exhausted |= group->exhausted;
	}
	for (int i = 0; i < results->count; i++)
		harmed |= results->comparisons[i].harmed;
	ss_json_open_array(json, "warnings");
	if (not_running)
		ss_json_text(json, NULL, "campaign_not_running");
	if (changed)
		ss_json_text(json, NULL, "campaign_changed");
	if (exhausted)
		ss_json_text(json, NULL, "budget_exhausted");
	if (!test->by_assignment && test->status == SS_TEST_RUNNING && results->target > results->total_users)
		ss_json_text(json, NULL, "population_too_small");
	if (!isnan(results->power) && results->power < LOW_POWER)
		ss_json_text(json, NULL, "low_power");
	if (harmed)
		ss_json_text(json, NULL, "guardrail");
	if (test->npauses > 0)
		ss_json_text(json, NULL, "restarted");
	if (test->status == SS_TEST_ENDED && !results->figures.final)
		ss_json_text(json, NULL, "not_final");
	ss_json_close_array(json);
}

static void
write_days_left(SSJson *json, const SSTest *test, const SSTestResults *results)
{
	double more = 0;
	double until_minimum = test->minimum_days - results->days_running;

	if (results->target == 0)
		more = NAN;
	else if (results->total_users < results->target)
	{
		if (!test->by_assignment || results->figures.recent == 0)
			more = NAN;
		else
			more = ceil((double) (results->target - results->total_users) / (results->figures.recent / 7.0));
	}
	if (isnan(more) || test->status == SS_TEST_ENDED || test->status == SS_TEST_ARCHIVED)
		ss_json_null(json, "estimated_days_left");
	else
		ss_json_int(json, "estimated_days_left", (int64) ceil(Max(more, Max(until_minimum, 0))));
}

static void
write_series(SSJson *json, const SSTest *test)
{
	Datum key = Int32GetDatum(test->no);
	SSRows rows = ss_rows_read(&read_series, &key, NULL);

	ss_json_open_array(json, "series");
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Datum day = ss_next_value(&row, DATEOID);
		int group = ss_next_int32(&row);
		int64 users = ss_next_int64_or(&row, 0);
		int64 conversions = ss_next_int64_or(&row, 0);
		int64 revenue = ss_next_int64_or(&row, 0);

		ss_json_open_object(json, NULL);
		ss_json_datum(json, "day", day, false, DATEOID);
		ss_json_int(json, "group", group);
		ss_json_int(json, "users", users);
		if (test->has_hold_out && group == test->ngroups - 1)
			ss_json_null(json, "conversions");
		else
			ss_json_int(json, "conversions", conversions);
		ss_json_money(json, "revenue", revenue, test->exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
write_head(SSJson *json, const SSTest *test, const SSTestResults *results)
{
	ss_json_uuid(json, "test_id", &test->id);
	ss_json_text(json, "test_name", test->name);
	ss_json_text(json, "kind", test->of_flag ? "flag" : "campaign");
	ss_json_text(json, "status", ss_test_statuses[test->status]);
	if (results->figures.computed)
		ss_json_time(json, "as_of", results->figures.as_of);
	else
		ss_json_null(json, "as_of");
	ss_json_bool(json, "final", results->figures.final);
	ss_json_open_object(json, "period");
	ss_json_datum(json, "started_at", TimestampTzGetDatum(test->started_at), test->started_at == DT_NOEND,
				  TIMESTAMPTZOID);
	ss_json_datum(json, "ended_at", TimestampTzGetDatum(test->ended_at), test->ended_at == DT_NOEND, TIMESTAMPTZOID);
	ss_json_money(json, "days_running", (int64) floor(results->days_running * 100 + 0.5), 2);
	ss_json_close_object(json);
	ss_json_int(json, "users", results->total_users);
	if (results->target > 0)
	{
		ss_json_int(json, "target_sample_size", results->target);
		ss_json_quotient(json, "progress", Min(results->total_users, results->target), results->target, 6);
	}
	else
	{
		ss_json_null(json, "target_sample_size");
		ss_json_null(json, "progress");
	}
	ss_json_text(json, "primary_metric", ss_metric_specs[test->primary].name);
	ss_json_money(json, "confidence_level", test->confidence, 2);
	ss_json_bool(json, "sequential", test->sequential);
}

static void
write_tail(SSJson *json, const SSTest *test, const SSTestResults *results)
{
	ss_json_double(json, "statistical_power", results->power);
	if (results->required > 0)
		ss_json_int(json, "required_sample_size", results->required);
	else
		ss_json_null(json, "required_sample_size");
	write_days_left(json, test, results);
	ss_json_open_object(json, "sample_ratio");
	ss_json_double(json, "p_value", results->sample_ratio);
	ss_json_bool(json, "warning", results->bad_ratio);
	ss_json_close_object(json);
	ss_json_open_object(json, "exposures");
	ss_json_int(json, "multiple", results->figures.multiple);
	ss_json_quotient(json, "share", results->figures.multiple, results->figures.exposed, 6);
	ss_json_close_object(json);
	ss_json_text(json, "winner", ss_test_group_said(test, results->recommended));
	ss_json_text(json, "recommendation", results->recommendation);
	ss_json_text(json, "reason", results->reason);
	write_warnings(json, test, results);
	write_series(json, test);
}

static void
write_results(SSJson *json, const SSTest *test, const SSTestResults *results, const char *metric)
{
	write_head(json, test, results);
	ss_json_open_array(json, "groups");
	for (int i = 0; results->figures.computed && i < test->ngroups; i++)
		write_group(json, test, results, i);
	ss_json_close_array(json);
	ss_json_open_array(json, "comparisons");
	for (int i = 0; i < results->count; i++)
	{
		if (metric == NULL || strcmp(metric, ss_metric_specs[results->comparisons[i].metric].name) == 0)
			write_comparison(json, test, &results->comparisons[i]);
	}
	ss_json_close_array(json);
	if (results->leading != NULL)
	{
		ss_json_int(json, "leading_group", results->leading->group);
		write_outcome(json, results->leading);
	}
	write_tail(json, test, results);
}

/*
 * get_ab_test_results(test_id, format, metric, refresh): what the test says;
 * with format "svg" a forest plot of the primary metric beside.
 */
Datum
swipesavvy_get_ab_test_results(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSTestResults results;
	SSJson json = {0};
	pg_uuid_t *id;
	char *format;
	char *metric;
	bool svg;
	bool refresh;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	id = ss_arg_uuid(fcinfo, 0, "test_id", true);
	format = ss_arg_text(fcinfo, 1, "format", SS_KEY_MAX, false);
	metric = ss_arg_text(fcinfo, 2, "metric", SS_KEY_MAX, false);
	svg = format != NULL && ss_check_choice(format, "format", formats) == 1;
	if (metric != NULL)
		(void) ss_check_choice(metric, "metric", ss_metric_names);
	ss_test_read(id, &test);
	refresh = ss_arg_bool(fcinfo, 3, false);
	if (refresh)
	{
		if (!ss_call_has(&call, SS_ADMIN))
			ss_not_allowed("only an admin may refresh results", "Without refresh they are those of the last run.");
		ss_test_refresh_one(&call, &test);
		/* the statement's own snapshot is older than the sums */
		PushActiveSnapshot(GetLatestSnapshot());
	}
	ss_test_results(&test, GetCurrentTimestamp(), &results);
	if (!results.figures.computed && test.started_at != DT_NOEND)
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("results have not been computed yet"),
				errhint("The job refresh_ab_tests() does it each day; \"refresh\" does it now."));
	ss_json_open_object(&json, NULL);
	write_results(&json, &test, &results, metric);
	if (svg)
		ss_json_text(&json, "svg", ss_test_forest_plot(&test, &results));
	ss_json_close_object(&json);
	if (refresh)
		PopActiveSnapshot();
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
