/*
 * fit.c: the coefficients of a model: standardising, regularisation, Platt's
 * calibration and the threshold (fit.h). doc/optimisation.md says why each.
 *
 * Called by training. LIBLINEAR (the library swipesavvy_learn) minimises; the
 * folds are drawn here, for its own draw them with rand(). Examples are gone
 * through in their order, so that two trainings add up the same. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/memutils.h"

#include "base/learn.h"
#include "learning/features.h"
#include "learning/fit.h"

#define EPS			   1e-6
#define LOSS_TIE	   1e-6
#define PLATT_GRADIENT 1e-10 /* of each example */
#define PLATT_STEPS	   200
#define PLATT_HALVINGS 40
#define PLATT_RIDGE	   1e-14

const double ss_lambdas[SS_LAMBDAS] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5};

/* Some of the examples, and the weights that were fitted to them. */
typedef struct Problem
{
	const SSLearnApi *api;
	SSExamples *examples;
	SSLearnValue **values;
	double *labels;
	double *weights; /* of the features, then of the constant */
} Problem;

double
ss_logistic_of(double x)
{
	double e = exp(-fabs(x));

	return (x >= 0 ? e : 1) / (1 + e);
}

/* --- standardising ---------------------------------------------------------------------------- */

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

int
ss_decile_of(const double *deciles, double value)
{
	int below = 0;
	int up_to;

	while (below < SS_DECILES && deciles[below] < value)
		below++;
	up_to = below;
	while (up_to < SS_DECILES && deciles[up_to] <= value)
		up_to++;
	return up_to - below > 1 ? below + 1 : up_to;
}

static void
find_deciles(const double *values, int count, SSFeatureFit *fit)
{
	double *sorted = palloc(count * sizeof(double));

	memcpy(sorted, values, count * sizeof(double));
	qsort(sorted, count, sizeof(double), compare_doubles);
	for (int i = 0; i < SS_DECILES; i++)
		fit->deciles[i] = sorted[(int) ((int64) (i + 1) * count / (SS_DECILES + 1))];
	memset(fit->shares, 0, sizeof(fit->shares));
	for (int i = 0; i < count; i++)
		fit->shares[ss_decile_of(fit->deciles, values[i])] += 1.0 / count;
	pfree(sorted);
}

static double *
values_in_train(const SSExamples *examples, int feature)
{
	double *values = palloc(examples->train * sizeof(double));

	for (int i = 0; i < examples->train; i++)
		values[i] = ss_example(examples, examples->order[i])[feature].value;
	return values;
}

/* In two passes. */
void
ss_mean_and_deviation(const SSExamples *examples, int feature, double *mean, double *deviation)
{
	double *values = values_in_train(examples, feature);
	double sum = 0;
	double squares = 0;

	for (int i = 0; i < examples->train; i++)
		sum += values[i];
	*mean = sum / examples->train;
	for (int i = 0; i < examples->train; i++)
		squares += (values[i] - *mean) * (values[i] - *mean);
	*deviation = sqrt(squares / examples->train);
	pfree(values);
}

/* The examples' values become how many deviations they are off the mean of train. */
static void
standardise(SSExamples *examples, int feature, SSFeatureFit *fit)
{
	double *values = values_in_train(examples, feature);

	ss_mean_and_deviation(examples, feature, &fit->mean, &fit->deviation);
	fit->left_out = fit->deviation < SS_CONSTANT_BELOW;
	find_deciles(values, examples->train, fit);
	pfree(values);
	for (int i = 0; i < examples->count; i++)
	{
		SSLearnValue *value = &ss_example(examples, i)[feature];

		value->value = fit->left_out ? 0 : (value->value - fit->mean) / fit->deviation;
	}
}

/* Takes the values out that are left out: what is not there keeps its weight at 0. */
static void
close_gaps(SSExamples *examples, const SSFeatureFit *features)
{
	for (int i = 0; i < examples->count; i++)
	{
		SSLearnValue *values = ss_example(examples, i);
		int kept = 0;

		for (int j = 0; j < examples->features + 2; j++)
		{
			if (j >= examples->features || !features[j].left_out)
				values[kept++] = values[j];
		}
	}
}

/* How well the first feature alone tells: the sign is the one that fits train. */
static double
recency_auc(const SSExamples *examples)
{
	SSScored *scored = MemoryContextAllocHuge(CurrentMemoryContext, examples->count * sizeof(SSScored));
	double auc;
	bool falls;

	for (int i = 0; i < examples->count; i++)
	{
		int example = examples->order[i];

		scored[i] = (SSScored){ss_example(examples, example)[SS_RECENCY - 1].value, examples->positive[example],
							   examples->users[example]};
	}
	falls = ss_auc(scored, examples->train) < 0.5;
	auc = ss_auc(scored + examples->train, examples->test);
	pfree(scored);
	return falls ? 1 - auc : auc;
}

/* --- fitting ------------------------------------------------------------------------------------ */

/* Fits to the examples of train that are not in the fold (-1: to all). */
static void
fit_without(Problem *problem, int fold, double lambda, SSTrainingCheck check)
{
	const SSExamples *examples = problem->examples;
	SSLearnProblem learn = {0, examples->features + 1, problem->labels, problem->values};
	const char *fault;

	for (int i = 0; i < examples->train; i++)
	{
		int example = examples->order[i];

		if (examples->folds[example] == fold)
			continue;
		learn.values[learn.examples] = ss_example(examples, example);
		learn.labels[learn.examples++] = examples->positive[example] ? 1 : -1;
	}
	check();
	fault = problem->api->fit(&learn, 1 / (lambda * learn.examples), EPS, problem->weights);
	if (fault != NULL)
		elog(ERROR, "LIBLINEAR refused the examples: %s", fault);
}

static double
score(const Problem *problem, int example)
{
	double sum = 0;

	for (const SSLearnValue *value = ss_example(problem->examples, example); value->index > 0; value++)
		sum += problem->weights[value->index - 1] * value->value;
	return sum;
}

/* The scores of train, each by the fit without its fold, and their loss. */
static double
score_out_of_fold(Problem *problem, double lambda, double *scores, SSTrainingCheck check)
{
	const SSExamples *examples = problem->examples;
	double loss = 0;

	for (int fold = 0; fold < SS_FOLDS; fold++)
	{
		fit_without(problem, fold, lambda, check);
		for (int i = 0; i < examples->train; i++)
		{
			if (examples->folds[examples->order[i]] == fold)
				scores[i] = score(problem, examples->order[i]);
		}
	}
	for (int i = 0; i < examples->train; i++)
		loss += ss_log_loss_of(ss_logistic_of(-scores[i]), examples->positive[examples->order[i]]);
	return loss / examples->train;
}

/* Finds the lambda; returns the out-of-fold scores with it. Of losses that are as good as equal, that of the largest counts. */
static double *
choose_lambda(Problem *problem, SSFit *fit, SSTrainingCheck check)
{
	int train = problem->examples->train;
	double *scores = palloc(SS_LAMBDAS * train * sizeof(double));
	double least = 0;
	int chosen = 0;

	for (int i = 0; i < SS_LAMBDAS; i++)
	{
		fit->losses[i] = score_out_of_fold(problem, ss_lambdas[i], scores + (Size) i * train, check);
		if (i == 0 || fit->losses[i] < least)
			least = fit->losses[i];
	}
	while (fit->losses[chosen] > least + LOSS_TIE)
		chosen++;
	fit->lambda = ss_lambdas[chosen];
	return scores + (Size) chosen * train;
}

/* --- calibration ---------------------------------------------------------------------------------- */

/* Scores, and what the probabilities of each are to come near to. */
typedef struct Platt
{
	int count;
	const double *scores;
	const double *targets;
} Platt;

static double
cross_entropy(const Platt *platt, double a, double b)
{
	double sum = 0;

	for (int i = 0; i < platt->count; i++)
	{
		double x = a * platt->scores[i] + b;

		/* -t ln p - (1 - t) ln(1 - p) with p = 1 / (1 + exp(x)), so that nothing overflows */
		sum += (x >= 0 ? platt->targets[i] : platt->targets[i] - 1) * x + log1p(exp(-fabs(x)));
	}
	return sum;
}

/* One of Newton's steps, halved until it leads down; false when the gradient is small enough or no step leads on. */
static bool
step_down(const Platt *platt, double *a, double *b)
{
	double h11 = PLATT_RIDGE;
	double h22 = PLATT_RIDGE;
	double h21 = 0;
	double g1 = 0;
	double g2 = 0;
	double now = cross_entropy(platt, *a, *b);
	double determinant;
	double da;
	double db;

	for (int i = 0; i < platt->count; i++)
	{
		double f = platt->scores[i];
		double p = ss_logistic_of(*a * f + *b);
		double d = platt->targets[i] - p;

		h11 += f * f * p * (1 - p);
		h22 += p * (1 - p);
		h21 += f * p * (1 - p);
		g1 += f * d;
		g2 += d;
	}
	if (sqrt(g1 * g1 + g2 * g2) < PLATT_GRADIENT * platt->count)
		return false;
	determinant = h11 * h22 - h21 * h21;
	da = -(h22 * g1 - h21 * g2) / determinant;
	db = -(h11 * g2 - h21 * g1) / determinant;
	for (int halvings = 0; halvings <= PLATT_HALVINGS; halvings++)
	{
		double step = ldexp(1, -halvings);

		if (cross_entropy(platt, *a + step * da, *b + step * db) < now + 1e-4 * step * (g1 * da + g2 * db))
		{
			*a += step * da;
			*b += step * db;
			return true;
		}
	}
	/* what is left of the gradient is below what the sum can show: the last step is taken whole */
	*a += da;
	*b += db;
	return false;
}

static void
calibrate(const SSExamples *examples, const double *scores, SSFit *fit)
{
	double *targets = palloc(examples->train * sizeof(double));
	int positives = examples->train_positives;
	int negatives = examples->train - positives;
	Platt platt = {examples->train, scores, targets};

	for (int i = 0; i < examples->train; i++)
		targets[i] =
			examples->positive[examples->order[i]] ? (positives + 1.0) / (positives + 2.0) : 1.0 / (negatives + 2.0);
	fit->platt_a = 0;
	fit->platt_b = log((negatives + 1.0) / (positives + 1.0));
	for (int i = 0; i < PLATT_STEPS && step_down(&platt, &fit->platt_a, &fit->platt_b); i++)
		;
	pfree(targets);
}

static int
compare_scored(const void *a, const void *b)
{
	return compare_doubles(&((const SSScored *) a)->score, &((const SSScored *) b)->score);
}

/* The probability from which on most positives and fewest negatives are: the smallest of several. */
static double
find_threshold(const SSExamples *examples, const double *scores, const SSFit *fit)
{
	int count = examples->train;
	SSScored *scored = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(SSScored));
	int64 positives = examples->train_positives;
	int64 negatives = count - positives;
	int64 best = PG_INT64_MIN;
	double threshold = 0;

	for (int i = 0; i < count; i++)
		scored[i] = (SSScored){.score = ss_logistic_of(fit->platt_a * scores[i] + fit->platt_b),
							   .positive = examples->positive[examples->order[i]]};
	qsort(scored, count, sizeof(SSScored), compare_scored);
	/* from the smallest on: those before it are not taken */
	for (int64 i = 0, taken_positives = positives, taken_negatives = negatives; i < count; i++)
	{
		int64 difference = taken_positives * negatives - taken_negatives * positives;

		if ((i == 0 || scored[i].score != scored[i - 1].score) && difference > best)
		{
			best = difference;
			threshold = scored[i].score;
		}
		*(scored[i].positive ? &taken_positives : &taken_negatives) -= 1;
	}
	pfree(scored);
	return threshold;
}

/* --- the test ----------------------------------------------------------------------------------- */

static void
test(const Problem *problem, SSFit *fit)
{
	const SSExamples *examples = problem->examples;
	double base = (double) examples->train_positives / examples->train;
	SSScored *scored = MemoryContextAllocHuge(CurrentMemoryContext, examples->test * sizeof(SSScored));

	fit->base_log_loss = 0;
	for (int i = 0; i < examples->test; i++)
	{
		int example = examples->order[examples->train + i];
		double p = ss_logistic_of(fit->platt_a * score(problem, example) + fit->platt_b);

		scored[i] = (SSScored){p, examples->positive[example], examples->users[example]};
		fit->base_log_loss += ss_log_loss_of(base, examples->positive[example]);
	}
	fit->base_log_loss /= examples->test;
	ss_metrics_of(scored, examples->test, &fit->test);
	pfree(scored);
}

SSFit *
ss_fit(SSExamples *examples, SSTrainingCheck check)
{
	SSFit *fit = palloc0(sizeof(SSFit));
	Problem problem = {.examples = examples};
	double *scores;

	problem.api = ((SSLearnFunction) load_external_function(SS_LEARN_LIBRARY, SS_LEARN_FUNCTION, true, NULL))();
	problem.values = palloc(examples->train * sizeof(SSLearnValue *));
	problem.labels = palloc(examples->train * sizeof(double));
	problem.weights = palloc((examples->features + 1) * sizeof(double));
	fit->features = palloc0(examples->features * sizeof(SSFeatureFit));
	for (int i = 0; i < examples->features; i++)
		standardise(examples, i, &fit->features[i]);
	fit->recency_auc = recency_auc(examples);
	close_gaps(examples, fit->features);
	scores = choose_lambda(&problem, fit, check);
	fit_without(&problem, -1, fit->lambda, check);
	for (int i = 0; i < examples->features; i++)
		fit->features[i].weight = fit->features[i].left_out ? 0 : problem.weights[i];
	fit->intercept = problem.weights[examples->features];
	calibrate(examples, scores, fit);
	fit->threshold = find_threshold(examples, scores, fit);
	test(&problem, fit);
	return fit;
}
