/*
 * results.c: the statistics of one test, and what they recommend.
 *
 * Called by get_ab_test_results(), and when a test starts (its size) and ends
 * (the recommendation of then). Reads ab_test_sums alone, so it costs the same
 * whatever the number of purchases. Nothing is locked or written.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/args.h"
#include "base/money.h"
#include "base/rows.h"
#include "experiments/results.h"

#define MULTIPLE_SHARE_MAX 0.01

SS_QUERY(read_sums,
		 "SELECT s.metric, s.group_no::integer, s.as_of, s.final, s.n, s.s, s.q, s.s_d, s.q_d, s.s_md, s.s_x, s.q_x,"
		 " s.s_yx FROM swipesavvy.ab_test_sums s WHERE s.test_no = $1"
		 " AND s.day = (SELECT max(l.day) FROM swipesavvy.ab_test_sums l WHERE l.test_no = $1)",
		 INT4OID);

/* --- figures ----------------------------------------------------------------------------------------- */

static double
to_double(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
}

static int64
to_int64(Datum numeric)
{
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, numeric));
}

/* Rows of read_sums, in the order of its columns. */
typedef struct SumsRow
{
	char *metric;
	int group;
	TimestampTz as_of;
	bool final;
	Datum n, s, q, s_d, q_d, s_md, s_x, q_x, s_yx;
} SumsRow;

static SumsRow
read_row(SSRow row)
{
	SumsRow sums;

	sums.metric = ss_next_text(&row);
	sums.group = ss_next_int32(&row);
	sums.as_of = ss_next_time(&row);
	sums.final = ss_next_bool(&row);
	sums.n = ss_next_value(&row, NUMERICOID);
	sums.s = ss_next_value(&row, NUMERICOID);
	sums.q = ss_next_value(&row, NUMERICOID);
	sums.s_d = ss_next_value(&row, NUMERICOID);
	sums.q_d = ss_next_value(&row, NUMERICOID);
	sums.s_md = ss_next_value(&row, NUMERICOID);
	sums.s_x = ss_next_value(&row, NUMERICOID);
	sums.q_x = ss_next_value(&row, NUMERICOID);
	sums.s_yx = ss_next_value(&row, NUMERICOID);
	return sums;
}

/* A sum of minor units, or of their products, in major units: divided once, so that it is rounded once. */
static double
major(Datum sum, int places)
{
	double value = to_double(sum);

	return places == 0 ? value : value / pow(10, places);
}

static void
take_sums(const SSTest *test, SSMetric metric, const SumsRow *row, SSTestSums *taken)
{
	const SSMetricSpec *spec = &ss_metric_specs[metric];
	int y = spec->is_money ? test->exponent : 0;
	int d = spec->divisor_is_money ? test->exponent : 0;

	taken->known = true;
	taken->n = to_int64(row->n);
	taken->s = to_int64(row->s);
	taken->sums = (SSSums){
		.n = major(row->n, 0),
		.s = major(row->s, y),
		.q = major(row->q, 2 * y),
		.s_d = major(row->s_d, d),
		.q_d = major(row->q_d, 2 * d),
		.s_md = major(row->s_md, y + d),
		.s_x = major(row->s_x, y),
		.q_x = major(row->q_x, 2 * y),
		.s_yx = major(row->s_yx, 2 * y),
	};
}

/* A row that is no metric but a count beside them. */
static void
take_count(SSTestFigures *figures, const SumsRow *row)
{
	int64 n = to_int64(row->n);
	int64 s = to_int64(row->s);

	if (strcmp(row->metric, "reached") == 0)
		figures->reached[row->group] = s;
	else if (strcmp(row->metric, "exposures") == 0)
	{
		figures->exposed = n;
		figures->multiple = s;
	}
	else if (strcmp(row->metric, "recent_exposures") == 0)
		figures->recent = s;
}

static int
find_metric(const char *name)
{
	for (int i = 0; i < SS_METRICS; i++)
	{
		if (strcmp(ss_metric_names[i], name) == 0)
			return i;
	}
	return -1;
}

void
ss_test_figures(const SSTest *test, SSTestFigures *figures)
{
	Datum key = Int32GetDatum(test->no);
	SSRows rows = ss_rows_read(&read_sums, &key, NULL);

	memset(figures, 0, sizeof(SSTestFigures));
	figures->computed = rows.count > 0;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SumsRow row = read_row(ss_row(rows, i));
		int metric = find_metric(row.metric);

		if (row.group < 0 || row.group >= test->ngroups)
			continue;
		figures->as_of = row.as_of;
		figures->final = row.final;
		if (metric < 0)
			take_count(figures, &row);
		else
		{
			take_sums(test, (SSMetric) metric, &row, &figures->sums[metric][row.group]);
			figures->users[row.group] = figures->sums[metric][row.group].n;
		}
	}
}

/* --- comparisons -------------------------------------------------------------------------------------- */

double
ss_test_alpha(const SSTest *test)
{
	switch (test->confidence)
	{
		case 90:
			return 0.10;
		case 99:
			return 0.01;
		default:
			return 0.05;
	}
}

int
ss_test_variants(const SSTest *test)
{
	return test->ngroups - 1 - (test->has_hold_out ? 1 : 0);
}

static double
tuning_of(const SSTest *test)
{
	return test->sequential_tuning > 0 ? test->sequential_tuning : 5000;
}

static SSVerdict
judge(const SSTest *test, const SSEffect *effect, double alpha, SSSide side)
{
	return test->sequential ? ss_statistics_sequential(effect, alpha, tuning_of(test), side)
							: ss_statistics_fixed(effect, alpha, side);
}

static void
compare(const SSTest *test, const SSTestFigures *figures, SSComparison *comparison)
{
	const SSMetricSpec *spec = &ss_metric_specs[comparison->metric];
	const SSSums *a = &figures->sums[comparison->metric][0].sums;
	const SSSums *b = &figures->sums[comparison->metric][comparison->group].sums;
	bool covariate = spec->has_covariate && test->covariate_days > 0;
	double alpha = ss_test_alpha(test);
	SSSide side = SS_SIDE_BOTH;

	if (comparison->role == SS_ROLE_PRIMARY && test->sequential && !comparison->of_hold_out)
		alpha /= ss_test_variants(test);
	if (comparison->role == SS_ROLE_GUARDRAIL)
		side = spec->inverse ? SS_SIDE_GREATER : SS_SIDE_LESSER;
	comparison->relative = ss_statistics_effect(spec->type, SS_RELATIVE, a, b, covariate);
	comparison->absolute = ss_statistics_effect(spec->type, SS_ABSOLUTE, a, b, covariate);
	comparison->verdict = judge(test, &comparison->relative, alpha, side);
	comparison->absolute_verdict = judge(test, &comparison->absolute, alpha, side);
	comparison->fixed = ss_statistics_fixed(&comparison->relative, ss_test_alpha(test), side);
	comparison->belief =
		ss_statistics_bayesian(&comparison->relative, SS_RELATIVE, ss_test_alpha(test), (SSPrior){0}, spec->inverse);
	comparison->adjusted_p = comparison->verdict.p_value;
	comparison->adjusted_absolute_p = comparison->absolute_verdict.p_value;
	comparison->better = spec->inverse ? comparison->relative.difference < 0 : comparison->relative.difference > 0;
}

static void
add_comparisons(const SSTest *test, const SSTestFigures *figures, SSTestResults *results, SSMetric metric,
				SSComparisonRole role)
{
	for (int group = 1; group < test->ngroups; group++)
	{
		bool of_hold_out = group > ss_test_variants(test);
		SSComparison *comparison = &results->comparisons[results->count];

		if (of_hold_out && (ss_metric_specs[metric].of_offer || role == SS_ROLE_GUARDRAIL))
			continue;
		memset(comparison, 0, sizeof(SSComparison));
		comparison->group = group;
		comparison->metric = metric;
		comparison->role = role;
		comparison->of_hold_out = of_hold_out;
		compare(test, figures, comparison);
		results->count++;
	}
}

static bool
is_adjusted(const SSComparison *comparison, SSComparisonRole role)
{
	return comparison->role == role && !comparison->of_hold_out;
}

/* Adjusts the p-values of one role for their number; hold-outs and guardrails stay as they are. */
static void
adjust_role(SSTestResults *results, SSComparisonRole role, void (*adjust)(int, double *))
{
	double *relative = palloc(Max(results->count, 1) * sizeof(double));
	double *absolute = palloc(Max(results->count, 1) * sizeof(double));
	int count = 0;

	for (int i = 0; i < results->count; i++)
	{
		if (!is_adjusted(&results->comparisons[i], role))
			continue;
		relative[count] = results->comparisons[i].verdict.p_value;
		absolute[count++] = results->comparisons[i].absolute_verdict.p_value;
	}
	adjust(count, relative);
	adjust(count, absolute);
	count = 0;
	for (int i = 0; i < results->count; i++)
	{
		if (!is_adjusted(&results->comparisons[i], role))
			continue;
		results->comparisons[i].adjusted_p = relative[count];
		results->comparisons[i].adjusted_absolute_p = absolute[count++];
	}
}

/* What follows from the adjusted p-values. Sequential intervals are not widened: they are at α / v already. */
static void
conclude(const SSTest *test, SSComparison *comparison)
{
	double alpha = ss_test_alpha(test);
	bool significant = !isnan(comparison->adjusted_p) && comparison->adjusted_p < alpha;

	comparison->harmed = comparison->role == SS_ROLE_GUARDRAIL && significant;
	comparison->significant = comparison->role != SS_ROLE_GUARDRAIL && significant;
	if (test->sequential || comparison->role == SS_ROLE_GUARDRAIL || comparison->of_hold_out)
		return;
	ss_statistics_widen(&comparison->verdict, &comparison->relative, comparison->adjusted_p, alpha);
	ss_statistics_widen(&comparison->absolute_verdict, &comparison->absolute, comparison->adjusted_absolute_p, alpha);
}

static bool
leads(const SSComparison *one, const SSComparison *other)
{
	if (other == NULL)
		return true;
	if (one->better != other->better)
		return one->better;
	return one->adjusted_p < other->adjusted_p || (isnan(other->adjusted_p) && !isnan(one->adjusted_p));
}

static void
compare_all(const SSTest *test, SSTestResults *results)
{
	results->comparisons = palloc0(3 * SS_METRICS * SS_AB_GROUPS_MAX * sizeof(SSComparison));
	add_comparisons(test, &results->figures, results, test->primary, SS_ROLE_PRIMARY);
	for (int metric = 0; metric < SS_METRICS; metric++)
	{
		if (test->metrics & SS_METRIC_BIT(metric))
			add_comparisons(test, &results->figures, results, (SSMetric) metric, SS_ROLE_SECONDARY);
	}
	for (int metric = 0; metric < SS_METRICS; metric++)
	{
		if (test->guardrails & SS_METRIC_BIT(metric))
			add_comparisons(test, &results->figures, results, (SSMetric) metric, SS_ROLE_GUARDRAIL);
	}
	adjust_role(results, SS_ROLE_PRIMARY, ss_statistics_holm);
	adjust_role(results, SS_ROLE_SECONDARY, ss_statistics_benjamini_hochberg);
	for (int i = 0; i < results->count; i++)
	{
		SSComparison *comparison = &results->comparisons[i];

		conclude(test, comparison);
		if (comparison->role == SS_ROLE_PRIMARY && !comparison->of_hold_out && leads(comparison, results->leading))
			results->leading = comparison;
	}
}

/* --- sizes and power ----------------------------------------------------------------------------------- */

double
ss_test_critical(const SSTest *test)
{
	double alpha = ss_test_alpha(test) / ss_test_variants(test);

	/* at the size that it is tuned to, the width depends on α alone */
	return test->sequential ? ss_statistics_sequential_critical(alpha, 1, 1) : ss_statistics_critical(alpha);
}

static double
numeric_to_double(Numeric value)
{
	return to_double(NumericGetDatum(value));
}

static const SSTestSums *
control_sums(const SSTest *test, const SSTestFigures *figures)
{
	const SSTestSums *sums = figures == NULL ? NULL : &figures->sums[test->primary][0];

	return sums != NULL && sums->known ? sums : NULL;
}

/* Conversions of a group, which tell whether its figures can be believed; buyers where the primary metric is another. */
static int64
conversions_of(const SSTest *test, const SSTestFigures *figures, int group)
{
	SSMetric metric = test->primary == SS_METRIC_CONVERSION ? SS_METRIC_CONVERSION : SS_METRIC_BUYERS;

	return figures->sums[metric][group].s;
}

/* The control's mean: as given, or as observed once there are enough conversions; false where it is not known. */
static bool
baseline_of(const SSTest *test, const SSTestFigures *figures, double *baseline)
{
	const SSTestSums *sums = control_sums(test, figures);

	if (test->baseline != NULL)
	{
		*baseline = numeric_to_double(test->baseline);
		return true;
	}
	if (sums == NULL || conversions_of(test, figures, 0) < test->minimum_conversions)
		return false;
	*baseline = ss_statistics_arm(ss_metric_specs[test->primary].type, &sums->sums).mean;
	return *baseline != 0;
}

/* Variances of a unit at the baseline and with the effect; false where they are not known. */
static bool
planned_variances(const SSTest *test, const SSTestFigures *figures, double baseline, double *before, double *after)
{
	const SSTestSums *sums = control_sums(test, figures);
	double with_effect = baseline * (1 + numeric_to_double(test->minimum_effect));

	switch (ss_metric_specs[test->primary].type)
	{
		case SS_PROPORTION:
			*before = baseline * (1 - baseline);
			*after = with_effect * (1 - with_effect);
			return baseline < 1 && with_effect < 1;
		case SS_MEAN:
			if (sums == NULL)
				return false;
			*before = *after = ss_statistics_arm(SS_MEAN, &sums->sums).variance;
			return *before > 0;
		case SS_RATIO:
			return false;
	}
	pg_unreachable();
}

int64
ss_test_required_size(const SSTest *test, const SSTestFigures *figures)
{
	int variants = ss_test_variants(test);
	double variances[SS_AB_GROUPS_MAX];
	double weights[SS_AB_GROUPS_MAX];
	double baseline;
	double units;
	int64 required = 0;

	if (!baseline_of(test, figures, &baseline) ||
		!planned_variances(test, figures, baseline, &variances[0], &variances[1]))
		return 0;
	for (int i = 0; i < test->ngroups; i++)
	{
		weights[i] = test->groups[i].weight / 10000.0;
		if (i > 1)
			variances[i] = variances[1];
	}
	units = ss_statistics_required(fabs(baseline) * numeric_to_double(test->minimum_effect), variants, variances,
								   weights, ss_test_critical(test), test->power / 100.0);
	for (int i = 0; i < test->ngroups; i++)
		required += (int64) Min(ceil(units * weights[i]), 1e15);
	return required;
}

static double
power_of(const SSTest *test, const SSTestResults *results)
{
	const SSTestFigures *figures = &results->figures;
	const SSTestSums *sums = control_sums(test, figures);
	double alpha = ss_test_alpha(test) / ss_test_variants(test);
	double mean;
	double before;
	double after;
	double n_0;
	double n_1;
	double critical;

	if (sums == NULL || results->leading == NULL)
		return NAN;
	n_0 = figures->users[0];
	n_1 = figures->users[results->leading->group];
	mean = ss_statistics_arm(ss_metric_specs[test->primary].type, &sums->sums).mean;
	if (n_0 == 0 || n_1 == 0 || mean == 0 || !planned_variances(test, figures, mean, &before, &after))
		return NAN;
	critical = test->sequential ? ss_statistics_sequential_critical(alpha, n_0 + n_1, tuning_of(test))
								: ss_statistics_critical(alpha);
	return ss_statistics_power(fabs(mean) * numeric_to_double(test->minimum_effect), sqrt(before / n_0 + after / n_1),
							   critical);
}

/* --- recommendation -------------------------------------------------------------------------------------- */

static void
recommend(SSTestResults *results, const char *what, const char *why, int group)
{
	results->recommendation = what;
	results->reason = why;
	results->recommended = group;
}

static bool
lacks_users(const SSTest *test, const SSTestFigures *figures)
{
	for (int i = 0; i <= ss_test_variants(test); i++)
	{
		if (figures->users[i] == 0)
			return true;
	}
	return false;
}

static bool
lacks_conversions(const SSTest *test, const SSTestFigures *figures)
{
	for (int i = 0; i <= ss_test_variants(test); i++)
	{
		if (conversions_of(test, figures, i) < test->minimum_conversions)
			return true;
	}
	return false;
}

static bool
is_harmed(const SSTestResults *results)
{
	for (int i = 0; i < results->count; i++)
	{
		if (results->comparisons[i].harmed && results->comparisons[i].group == results->leading->group)
			return true;
	}
	return false;
}

static bool
all_are_worse(const SSTestResults *results)
{
	for (int i = 0; i < results->count; i++)
	{
		const SSComparison *comparison = &results->comparisons[i];

		if (comparison->role == SS_ROLE_PRIMARY && !comparison->of_hold_out &&
			!(comparison->significant && !comparison->better))
			return false;
	}
	return true;
}

/* The first that holds; half a week and thirty conversions name winners that a month takes back. */
static void
decide(const SSTest *test, SSTestResults *results)
{
	const SSTestFigures *figures = &results->figures;

	if (test->started_at == DT_NOEND)
		recommend(results, "not_started", "The test has not started.", -1);
	else if (lacks_users(test, figures))
		recommend(results, "no_data", "The control or a variant has no users.", -1);
	else if (results->bad_ratio)
		recommend(results, "invalid_sample_ratio", "The groups have other sizes than their weights say.", -1);
	else if (figures->exposed > 0 && figures->multiple > MULTIPLE_SHARE_MAX * figures->exposed)
		recommend(results, "invalid_exposures", "More than 1 % of the users were told several groups.", -1);
	else if (results->days_running < test->minimum_days)
		recommend(results, "keep_running", "The test has not run for minimum_days.", -1);
	else if (lacks_conversions(test, figures))
		recommend(results, "keep_running", "The control or a variant has fewer than minimum_conversions.", -1);
	else if (!test->sequential && (results->target == 0 || results->total_users < results->target))
		recommend(results, "keep_running", "Fewer users than target_sample_size were counted.", -1);
	else if (is_harmed(results))
		recommend(results, "guardrail_harmed", "A guardrail of the leading variant is harmed.", 0);
	else if (results->leading->significant && results->leading->better)
		recommend(results, "choose_variant", "The leading variant is significantly better than the control.",
				  results->leading->group);
	else if (all_are_worse(results))
		recommend(results, "keep_control", "Every variant is significantly worse than the control.", 0);
	else if (results->target > 0 && results->total_users >= results->target && results->power >= test->power / 100.0)
		recommend(results, "no_difference", "A difference of minimum_effect_size would have been found.", -1);
	else
		recommend(results, "keep_running", "There is no significant difference yet.", -1);
}

static void
check_split(const SSTest *test, SSTestResults *results)
{
	double counts[SS_AB_GROUPS_MAX];
	double weights[SS_AB_GROUPS_MAX];

	for (int i = 0; i < test->ngroups; i++)
	{
		counts[i] = results->figures.users[i];
		weights[i] = test->groups[i].weight / 10000.0;
		results->total_users += results->figures.users[i];
	}
	results->sample_ratio = ss_statistics_sample_ratio(test->ngroups, counts, weights, &results->bad_ratio);
}

void
ss_test_results(const SSTest *test, TimestampTz now, SSTestResults *results)
{
	memset(results, 0, sizeof(SSTestResults));
	results->power = NAN;
	results->recommended = -1;
	ss_test_figures(test, &results->figures);
	results->days_running = ss_test_days_running(test, now);
	check_split(test, results);
	if (results->figures.computed)
	{
		compare_all(test, results);
		results->power = power_of(test, results);
	}
	results->required = ss_test_required_size(test, &results->figures);
	results->target = test->target_sample_size > 0 ? test->target_sample_size : results->required;
	decide(test, results);
}

int
ss_test_recommended_group(const SSTest *test)
{
	SSTestResults results;

	ss_test_results(test, GetCurrentTimestamp(), &results);
	return results.recommended;
}
