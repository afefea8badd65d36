/*
 * statistics.c: effects, tests, intervals and beliefs, from sums.
 *
 * Called by plan_ab_test.c and the results of tests. Formulas are those of the project's
 * text on experiment statistics, in its notation: M mean, V variance of a unit,
 * U unadjusted mean, a control, b treatment. Differences of the same order are
 * taken as they stand there: two ways to write a sum differ in the last digits.
 * No state but the pointer to the library's functions; no locks.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "experiments/statistics.h"

#define ZERO_VARIANCE "ZERO_NEGATIVE_VARIANCE"
#define ZERO_BASELINE "ZERO_NEGATIVE_BASELINE_VARIATION"

#define SRM_THRESHOLD	   0.001
#define SRM_USERS_PER_ARM  8
#define ADJUSTED_P_CERTAIN 0.999999
#define RISK_FAR_OUT	   37 /* standard deviations at which the density is 0 in doubles */

/* the search for a one-sided sequential p-value */
#define SEARCH_LOW		 1e-5
#define SEARCH_HIGH		 0.4999
#define SEARCH_STEPS	 100
#define SEARCH_TOLERANCE 1e-6

const SSDistributions *
ss_distributions(void)
{
	static const SSDistributions *distributions = NULL;

	if (distributions == NULL)
	{
		SSDistributionsFunction function;

		function = (SSDistributionsFunction) load_external_function(SS_DISTRIBUTIONS_LIBRARY, SS_DISTRIBUTIONS_FUNCTION,
																	true, NULL);
		distributions = function();
	}
	return distributions;
}

/* --- means and variances ------------------------------------------------------------------ */

static double
square(double value)
{
	return value * value;
}

/* Of n values with that sum and sum of squares */
static double
sample_variance(double n, double s, double q)
{
	return n <= 1 ? 0 : (q - s * s / n) / (n - 1);
}

static double
proportion_variance(double n, double s)
{
	double p = n == 0 ? 0 : s / n;

	return p * (1 - p);
}

static double
variance_of(SSMetricType type, double n, double s, double q)
{
	return type == SS_PROPORTION ? proportion_variance(n, s) : sample_variance(n, s, q);
}

static double
covariance_of(SSMetricType type, double n, double s_x, double s_y, double s_xy)
{
	if (n <= 1)
		return 0;
	if (type == SS_PROPORTION)
		return s_xy / n - s_x * s_y / square(n);
	return (s_xy - s_x * s_y / n) / (n - 1);
}

/* delta method */
static double
ratio_variance(const SSSums *sums)
{
	double n = sums->n;
	double mean_m = n == 0 ? 0 : sums->s / n;
	double mean_d = n == 0 ? 0 : sums->s_d / n;
	double covariance = covariance_of(SS_MEAN, n, sums->s, sums->s_d, sums->s_md);

	if (n <= 1 || mean_d == 0)
		return 0;
	return sample_variance(n, sums->s, sums->q) / square(mean_d) +
		   sample_variance(n, sums->s_d, sums->q_d) * square(mean_m) / pow(mean_d, 4) -
		   2 * covariance * mean_m / pow(mean_d, 3);
}

SSArm
ss_statistics_arm(SSMetricType type, const SSSums *sums)
{
	SSArm arm = {.n = sums->n};

	if (type == SS_RATIO)
	{
		arm.mean = sums->s_d == 0 ? 0 : sums->s / sums->s_d;
		arm.variance = ratio_variance(sums);
	}
	else
	{
		arm.mean = sums->n == 0 ? 0 : sums->s / sums->n;
		arm.variance = variance_of(type, sums->n, sums->s, sums->q);
	}
	arm.unadjusted = arm.mean;
	return arm;
}

/* --- the covariate ------------------------------------------------------------------------- */

static double
x_variance(SSMetricType type, const SSSums *sums)
{
	return variance_of(type, sums->n, sums->s_x, sums->q_x);
}

static double
y_x_covariance(SSMetricType type, const SSSums *sums)
{
	return covariance_of(type, sums->n, sums->s_x, sums->s, sums->s_yx);
}

/* The coefficient of the covariate over both arms; 0 where it adjusts nothing. */
static double
coefficient(SSMetricType type, const SSSums *a, const SSSums *b)
{
	SSSums pool = {
		.n = a->n + b->n,
		.s = a->s + b->s,
		.q = a->q + b->q,
		.s_x = a->s_x + b->s_x,
		.q_x = a->q_x + b->q_x,
		.s_yx = a->s_yx + b->s_yx,
	};
	double variance = x_variance(type, &pool);

	if (variance <= 0 || variance_of(type, pool.n, pool.s, pool.q) <= 0)
		return 0;
	return y_x_covariance(type, &pool) / variance;
}

static void
adjust(SSArm *arm, SSMetricType type, const SSSums *sums, double theta)
{
	if (sums->n == 0)
		return;
	arm->mean = arm->unadjusted - theta * sums->s_x / sums->n;
	arm->variance += square(theta) * x_variance(type, sums) - 2 * theta * y_x_covariance(type, sums);
}

/* --- effects ---------------------------------------------------------------------------------- */

static SSEffect
no_effect(SSEffect effect, const char *error)
{
	effect.difference = 0;
	effect.standard_error = 0;
	effect.error = error;
	return effect;
}

static double
absolute_error(const SSEffect *effect)
{
	return effect->b.variance / effect->b.n + effect->a.variance / effect->a.n;
}

/* Squared, of the lift */
static double
relative_error(const SSEffect *effect, SSMetricType type, const SSSums *a)
{
	double u_a = effect->a.unadjusted;
	double u_b = effect->b.unadjusted;
	double of_b = effect->b.variance / (effect->b.n * square(u_a));
	double lift;

	if (!effect->cuped)
		return of_b + effect->a.variance * square(u_b) / (effect->a.n * pow(u_a, 4));
	lift = u_b / u_a;
	return of_b + (variance_of(type, a->n, a->s, a->q) * square(lift) -
				   2 * effect->theta * y_x_covariance(type, a) * lift + square(effect->theta) * x_variance(type, a)) /
					  (effect->a.n * square(u_a));
}

/* Welch and Satterthwaite, always from the absolute variances */
static double
degrees_of(const SSEffect *effect)
{
	double of_a = effect->a.variance / effect->a.n;
	double of_b = effect->b.variance / effect->b.n;

	return square(of_b + of_a) / (square(of_b) / (effect->b.n - 1) + square(of_a) / (effect->a.n - 1));
}

SSEffect
ss_statistics_effect(SSMetricType type, SSScale scale, const SSSums *a, const SSSums *b, bool covariate)
{
	SSEffect effect = {.a = ss_statistics_arm(type, a), .b = ss_statistics_arm(type, b)};
	double squared;

	if (covariate && type != SS_RATIO)
	{
		effect.theta = coefficient(type, a, b);
		effect.cuped = effect.theta != 0;
	}
	if (effect.cuped)
	{
		adjust(&effect.a, type, a, effect.theta);
		adjust(&effect.b, type, b, effect.theta);
	}
	if (!(effect.a.variance > 0 && effect.b.variance > 0))
		return no_effect(effect, ZERO_VARIANCE);
	if (effect.a.mean == 0 || effect.a.unadjusted == 0)
		return no_effect(effect, ZERO_BASELINE);

	effect.difference = effect.b.mean - effect.a.mean;
	squared = scale == SS_RELATIVE ? relative_error(&effect, type, a) : absolute_error(&effect);
	if (!(squared > 0))
		return no_effect(effect, ZERO_VARIANCE);
	if (scale == SS_RELATIVE)
		effect.difference /= fabs(effect.a.unadjusted);
	effect.standard_error = sqrt(squared);
	effect.degrees = degrees_of(&effect);
	return effect;
}

const char *
ss_statistics_scale(SSEffect *effect, double total_users, double traffic_fraction, double days)
{
	double factor;

	if (effect->error != NULL)
		return effect->error;
	if (traffic_fraction == 0 || days == 0)
		return "ZERO_SCALED_VARIATION_WEIGHT";
	if (total_users == 0)
		return "NO_UNITS_IN_VARIATION";
	factor = total_users / (traffic_fraction * days);
	effect->difference *= factor;
	effect->standard_error *= factor;
	return NULL;
}

/* --- at a fixed size ----------------------------------------------------------------------------- */

static SSVerdict
undecided(const char *error)
{
	SSVerdict verdict = {.p_value = 1, .error = error};

	return verdict;
}

SSVerdict
ss_statistics_fixed(const SSEffect *effect, double alpha, SSSide side)
{
	const SSDistributions *d = ss_distributions();
	SSVerdict verdict = {.lower = -INFINITY, .upper = INFINITY};
	double t;
	double half;

	if (effect->error != NULL)
		return undecided(effect->error);
	t = effect->difference / effect->standard_error;
	half = d->t_upper_inverse(side == SS_SIDE_BOTH ? alpha / 2 : alpha, effect->degrees) * effect->standard_error;
	if (side != SS_SIDE_LESSER)
		verdict.lower = effect->difference - half;
	if (side != SS_SIDE_GREATER)
		verdict.upper = effect->difference + half;
	switch (side)
	{
		case SS_SIDE_BOTH:
			verdict.p_value = 2 * d->t_upper(fabs(t), effect->degrees);
			break;
		case SS_SIDE_GREATER:
			verdict.p_value = d->t_upper(t, effect->degrees);
			break;
		case SS_SIDE_LESSER:
			verdict.p_value = d->t_lower(t, effect->degrees);
			break;
	}
	return verdict;
}

/* --- at every look ------------------------------------------------------------------------------- */

/* ρ², by which the width of the sequential interval is tuned, with l = -2 ln α */
static double
tuned(double l, double tuning)
{
	return (l + log(l + 1)) / tuning;
}

static double
two_sided_width(double standard_error, double alpha, double n, double rho2)
{
	double k = n * rho2 + 1;

	return standard_error * sqrt(n) * sqrt(2 * k * log(sqrt(k) / alpha) / (square(n) * rho2));
}

static double
one_sided_width(double standard_error, double alpha, double n, double rho2)
{
	double k = n * rho2 + 1;

	return standard_error * sqrt(n) * sqrt(2 * k / (square(n) * rho2) * log(1 + sqrt(k) / (2 * alpha)));
}

/* The bound on the side of 0 at that α, with its sign turned so that above 0 the effect is one. */
static double
bound(const SSEffect *effect, SSSide side, double alpha, double n, double rho2)
{
	double sign = side == SS_SIDE_GREATER ? 1 : -1;

	return sign * effect->difference - one_sided_width(effect->standard_error, alpha, n, rho2);
}

/* The α at which the bound touches 0, by halving. */
static SSVerdict
search_p_value(SSVerdict verdict, const SSEffect *effect, SSSide side, double n, double rho2)
{
	double low = SEARCH_LOW;
	double high = SEARCH_HIGH;

	if (bound(effect, side, low, n, rho2) > 0)
	{
		verdict.p_value = low;
		return verdict;
	}
	if (bound(effect, side, high, n, rho2) < 0)
	{
		verdict.p_value = high;
		return verdict;
	}
	for (int step = 0; step < SEARCH_STEPS; step++)
	{
		double middle = (low + high) / 2;
		double at = bound(effect, side, middle, n, rho2);

		if (at > 0)
			high = middle;
		else
			low = middle;
		if (fabs(at) < SEARCH_TOLERANCE)
		{
			verdict.p_value = (low + high) / 2;
			return verdict;
		}
	}
	verdict.p_value = NAN;
	verdict.error = "NUMERICAL_PVALUE_NOT_CONVERGED";
	return verdict;
}

static SSVerdict
sequential_one_sided(const SSEffect *effect, double alpha, double tuning, SSSide side)
{
	SSVerdict verdict = {.lower = -INFINITY, .upper = INFINITY};
	double n = effect->a.n + effect->b.n;
	double rho2;
	double half;

	if (alpha >= 0.5)
		return undecided("ALPHA_GREATER_THAN_0.5_FOR_SEQUENTIAL_ONE_SIDED_TEST");
	rho2 = tuned(-2 * log(2 * alpha), tuning);
	half = one_sided_width(effect->standard_error, alpha, n, rho2);
	if (side == SS_SIDE_GREATER)
		verdict.lower = effect->difference - half;
	else
		verdict.upper = effect->difference + half;
	return search_p_value(verdict, effect, side, n, rho2);
}

SSVerdict
ss_statistics_sequential(const SSEffect *effect, double alpha, double tuning, SSSide side)
{
	SSVerdict verdict = {0};
	double n = effect->a.n + effect->b.n;
	double rho2;
	double k;
	double half;
	double log_e;

	if (effect->error != NULL)
		return undecided(effect->error);
	if (side != SS_SIDE_BOTH)
		return sequential_one_sided(effect, alpha, tuning, side);
	rho2 = tuned(-2 * log(alpha), tuning);
	k = n * rho2 + 1;
	half = two_sided_width(effect->standard_error, alpha, n, rho2);
	verdict.lower = effect->difference - half;
	verdict.upper = effect->difference + half;
	log_e = rho2 * (square(effect->difference) * n / square(effect->standard_error)) / (2 * k) - log(k) / 2;
	verdict.p_value = Min(1, exp(-log_e));
	return verdict;
}

/* --- beliefs ---------------------------------------------------------------------------------------- */

SSBelief
ss_statistics_bayesian(const SSEffect *effect, SSScale scale, double alpha, SSPrior prior, bool inverse)
{
	const SSDistributions *d = ss_distributions();
	SSBelief belief = {.chance_to_win = 0.5};
	double standing;
	double half;

	if (effect->error != NULL)
		return belief;
	belief.mean = effect->difference;
	belief.deviation = effect->standard_error;
	if (prior.deviation > 0)
	{
		double unit = scale == SS_RELATIVE ? 1 : fabs(effect->a.unadjusted);
		double of_data = 1 / square(effect->standard_error);
		double of_prior = 1 / square(prior.deviation * unit);

		belief.mean = (effect->difference * of_data + prior.mean * unit * of_prior) / (of_data + of_prior);
		belief.deviation = sqrt(1 / (of_data + of_prior));
	}

	standing = belief.mean / belief.deviation;
	belief.chance_to_win = inverse ? d->normal_upper(standing) : d->normal_lower(standing);
	half = d->normal_upper_inverse(alpha / 2) * belief.deviation;
	belief.lower = belief.mean - half;
	belief.upper = belief.mean + half;
	if (fabs(standing) > RISK_FAR_OUT)
	{
		belief.risk[0] = Max(belief.mean, 0);
		belief.risk[1] = Max(-belief.mean, 0);
	}
	else
	{
		double spread = belief.deviation * d->normal_density(standing);

		belief.risk[0] = belief.mean * d->normal_lower(standing) + spread;
		belief.risk[1] = -belief.mean * d->normal_upper(standing) + spread;
	}
	if (inverse)
	{
		double kept = belief.risk[0];

		belief.risk[0] = belief.risk[1];
		belief.risk[1] = kept;
	}
	return belief;
}

/* --- the split ---------------------------------------------------------------------------------------- */

double
ss_statistics_sample_ratio(int groups, const double *counts, const double *weights, bool *warn)
{
	double total = 0;
	double total_weight = 0;
	double chi_squared = 0;
	int left = 0;
	double p_value;

	*warn = false;
	for (int i = 0; i < groups; i++)
		if (weights[i] > 0 && counts[i] > 0)
		{
			left++;
			total += counts[i];
			total_weight += weights[i];
		}
	if (left < 2)
		return 1;
	for (int i = 0; i < groups; i++)
		if (weights[i] > 0 && counts[i] > 0)
		{
			double expected = weights[i] / total_weight * total;

			chi_squared += square(counts[i] - expected) / expected;
		}
	p_value = ss_distributions()->chi_squared_upper(chi_squared, left - 1);
	*warn = p_value < SRM_THRESHOLD && total >= SRM_USERS_PER_ARM * left;
	return p_value;
}

/* --- several comparisons ---------------------------------------------------------------------------- */

static int
by_p_value(const void *a, const void *b)
{
	double one = **(double *const *) a;
	double other = **(double *const *) b;

	return (one > other) - (one < other);
}

/* Pointers to those that are no NaN, ascending; how many. */
static int
in_order(int count, double *p_values, double ***ordered)
{
	int valid = 0;

	*ordered = palloc(Max(count, 1) * sizeof(double *));
	for (int i = 0; i < count; i++)
		if (!isnan(p_values[i]))
			(*ordered)[valid++] = &p_values[i];
	qsort(*ordered, valid, sizeof(double *), by_p_value);
	return valid;
}

void
ss_statistics_holm(int count, double *p_values)
{
	double **ordered;
	int m = in_order(count, p_values, &ordered);
	double most = 0;

	for (int i = 0; i < m; i++)
	{
		most = Max(most, Min(*ordered[i] * (m - i), 1));
		*ordered[i] = most;
	}
}

void
ss_statistics_benjamini_hochberg(int count, double *p_values)
{
	double **ordered;
	int m = in_order(count, p_values, &ordered);
	double least = 1;

	for (int i = m - 1; i >= 0; i--)
	{
		least = Min(least, Min(*ordered[i] * m / (i + 1), 1));
		*ordered[i] = least;
	}
}

void
ss_statistics_widen(SSVerdict *verdict, const SSEffect *effect, double adjusted_p, double alpha)
{
	const SSDistributions *d = ss_distributions();
	double half;

	if (effect->error != NULL || isnan(adjusted_p) || effect->difference == 0)
		return;
	if (adjusted_p > ADJUSTED_P_CERTAIN)
	{
		verdict->lower = -INFINITY;
		verdict->upper = INFINITY;
		return;
	}
	half = d->normal_upper_inverse(alpha / 2) * fabs(effect->difference / d->normal_upper_inverse(adjusted_p / 2));
	if (effect->difference - half < verdict->lower && effect->difference + half > verdict->upper)
	{
		verdict->lower = effect->difference - half;
		verdict->upper = effect->difference + half;
	}
}

/* --- how many units ---------------------------------------------------------------------------------- */

double
ss_statistics_critical(double alpha)
{
	return ss_distributions()->normal_upper_inverse(alpha / 2);
}

double
ss_statistics_sequential_critical(double alpha, double n, double tuning)
{
	return two_sided_width(1, alpha, n, tuned(-2 * log(alpha), tuning));
}

double
ss_statistics_power(double difference, double standard_error, double critical)
{
	const SSDistributions *d = ss_distributions();
	double delta = difference / standard_error;

	return d->normal_lower(delta - critical) + d->normal_lower(-delta - critical);
}

double
ss_statistics_required(double difference, int variants, const double *variances, const double *weights, double critical,
					   double power)
{
	double z = critical + ss_distributions()->normal_lower_inverse(power);
	double most = 0;

	for (int i = 1; i <= variants; i++)
		most = Max(most, square(z) * (variances[0] / weights[0] + variances[i] / weights[i]) / square(difference));
	return most;
}
