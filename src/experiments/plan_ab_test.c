/*
 * plan_ab_test.c: how many users an A/B test would need.
 *
 * Reads no table and locks nothing.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "call/call.h"
#include "experiments/statistics.h"

PG_FUNCTION_INFO_V1(swipesavvy_plan_ab_test);

#define SHARE	   10000
#define GROUPS_MAX 10

/*
 * Shares of the control and the variants; equal halves unless given. What is
 * missing to the whole is a hold-out: a share behind theirs. Returns how many
 * variants there are, and in `groups` how many shares.
 */
static int
planned_weights(FunctionCallInfo fcinfo, int n, double weights[GROUPS_MAX], int *groups)
{
	Datum *elements;
	bool *nulls;
	int count;
	int64 sum = 0;

	if (PG_ARGISNULL(n))
	{
		weights[0] = weights[1] = 0.5;
		*groups = 2;
		return 1;
	}
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), NUMERICOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count < 2 || count > GROUPS_MAX - 1)
		ss_bad_value("weights", "There are %d, not 2 to %d.", count, GROUPS_MAX - 1);
	for (int i = 0; i < count; i++)
	{
		int64 weight;

		if (nulls[i])
			ss_bad_value("weights", "One of them is null.");
		weight = ss_scaled_from_numeric(DatumGetNumeric(elements[i]), 4, 1, SHARE, "weights");
		weights[i] = (double) weight / SHARE;
		sum += weight;
	}
	if (sum > SHARE)
		ss_bad_value("weights", "They come to more than 1.");
	*groups = count;
	if (sum < SHARE)
		weights[(*groups)++] = (double) (SHARE - sum) / SHARE;
	return count - 1;
}

static double
planned_number(FunctionCallInfo fcinfo, int n, const char *name, double when_null)
{
	Numeric value = ss_arg_numeric(fcinfo, n, name, false);
	double number;

	if (value == NULL)
		return when_null;
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value)));
	if (!(number > 0) || isinf(number))
		ss_bad_value(name, "It is not a number above 0.");
	return number;
}

/* A mean may be below 0, as net revenue is that costs more than it brings. */
static double
planned_baseline(FunctionCallInfo fcinfo, int n, bool is_mean)
{
	Numeric value = ss_arg_numeric(fcinfo, n, "baseline", true);
	double number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value)));

	if (is_mean ? isnan(number) || isinf(number) || number == 0 : !(number > 0) || isinf(number))
		ss_bad_value("baseline", is_mean ? "It is no number, or 0." : "It is not a number above 0.");
	return number;
}

static double
planned_confidence(FunctionCallInfo fcinfo, int n)
{
	Numeric value = ss_arg_numeric(fcinfo, n, "confidence_level", false);
	int64 confidence = value == NULL ? 95 : ss_scaled_from_numeric(value, 2, 90, 99, "confidence_level");

	if (confidence != 90 && confidence != 95 && confidence != 99)
		ss_bad_value("confidence_level", "It is none of 0.90, 0.95, 0.99.");
	return confidence == 90 ? 0.10 : confidence == 95 ? 0.05 : 0.01;
}

static void
write_plan(SSJson *json, int groups, const double *weights, double units, double critical, int64 per_day)
{
	int64 required = 0;

	ss_json_open_object(json, NULL);
	ss_json_double(json, "T", units);
	ss_json_open_array(json, "groups");
	for (int i = 0; i < groups; i++)
	{
		int64 users = (int64) Min(ceil(units * weights[i]), 1e15);

		ss_json_open_object(json, NULL);
		ss_json_double(json, "weight", weights[i]);
		ss_json_int(json, "users", users);
		ss_json_close_object(json);
		required += users;
	}
	ss_json_close_array(json);
	ss_json_int(json, "required_sample_size", required);
	ss_json_double(json, "critical_value", critical);
	if (per_day > 0)
		ss_json_int(json, "days", (required + per_day - 1) / per_day);
	else
		ss_json_null(json, "days");
	ss_json_close_object(json);
}

/*
 * plan_ab_test(baseline, minimum_effect_size, confidence_level, power, weights,
 * sequential, deviation, per_day): users that a test needs. With a deviation
 * the metric is a mean, without one a proportion.
 */
Datum
swipesavvy_plan_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	double weights[GROUPS_MAX];
	double variances[GROUPS_MAX];
	double baseline;
	double effect;
	double power;
	double deviation;
	double alpha;
	double critical;
	bool isnull;
	int64 per_day;
	int variants;
	int groups;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	baseline = planned_baseline(fcinfo, 0, !PG_ARGISNULL(6));
	if (PG_ARGISNULL(1))
		ss_missing_value("minimum_effect_size");
	effect = planned_number(fcinfo, 1, "minimum_effect_size", 0);
	alpha = planned_confidence(fcinfo, 2);
	power = planned_number(fcinfo, 3, "power", 0.8);
	if (power < 0.5 || power > 0.99)
		ss_bad_value("power", "It is not between 0.50 and 0.99.");
	variants = planned_weights(fcinfo, 4, weights, &groups);
	deviation = planned_number(fcinfo, 6, "deviation", 0);
	per_day = ss_arg_int8(fcinfo, 7, "per_day", 1, PG_INT64_MAX / 2, &isnull);
	if (deviation == 0 && baseline * (1 + effect) >= 1)
		ss_bad_value("minimum_effect_size", "With it the share of users would not be below 1.");

	variances[0] = deviation > 0 ? deviation * deviation : baseline * (1 - baseline);
	for (int i = 1; i <= variants; i++)
		variances[i] = deviation > 0 ? variances[0] : baseline * (1 + effect) * (1 - baseline * (1 + effect));
	alpha /= variants;
	critical =
		ss_arg_bool(fcinfo, 5, true) ? ss_statistics_sequential_critical(alpha, 1, 1) : ss_statistics_critical(alpha);
	write_plan(&json, groups, weights,
			   ss_statistics_required(baseline * effect, variants, variances, weights, critical, power), critical,
			   isnull ? 0 : per_day);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
