/*
 * model_metrics.c: how good probabilities are (model_metrics.h).
 *
 * Called after training and for live figures. Pure; no locks.
 */
#include "postgres.h"

#include <math.h>

#include "base/uuid.h"
#include "learning/model_metrics.h"

#define CLIP		1e-15
#define SHARE_FLOOR 1e-4
#define NORMAL_975	1.96

static int
compare_scores(const void *a, const void *b)
{
	const SSScored *x = a;
	const SSScored *y = b;

	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return ss_uuid_compare(&x->user_id, &y->user_id);
}

/* The area, of sorted examples: by the sum of the positives' ranks, those of ties averaged. */
static double
area(const SSScored *scored, int64 count)
{
	double ranks = 0;
	int64 positives = 0;

	for (int64 i = 0; i < count;)
	{
		int64 end = i;
		int64 found = 0;

		while (end < count && scored[end].score == scored[i].score)
			found += scored[end++].positive;
		ranks += found * ((double) (i + 1 + end) / 2);
		positives += found;
		i = end;
	}
	return (ranks - (double) positives * (positives + 1) / 2) / ((double) positives * (count - positives));
}

double
ss_auc(SSScored *scored, int64 count)
{
	qsort(scored, count, sizeof(SSScored), compare_scores);
	return area(scored, count);
}

double
ss_log_loss_of(double p, bool positive)
{
	p = Min(Max(p, CLIP), 1 - CLIP);
	return -log(positive ? p : 1 - p);
}

double
ss_log_loss(const SSScored *scored, int64 count)
{
	double sum = 0;

	for (int64 i = 0; i < count; i++)
		sum += ss_log_loss_of(scored[i].score, scored[i].positive);
	return sum / count;
}

/* The positives among the examples with the largest probabilities, of ties those with the least ids. */
static int64
positives_on_top(const SSScored *sorted, int64 count, int64 top)
{
	int64 positives = 0;
	int64 end = count;

	while (top > 0)
	{
		int64 begin = end - 1;

		while (begin > 0 && sorted[begin - 1].score == sorted[end - 1].score)
			begin--;
		for (int64 i = begin; i < end && top > 0; i++, top--)
			positives += sorted[i].positive;
		end = begin;
	}
	return positives;
}

static void
calibrate(const SSScored *sorted, int64 count, SSMetrics *metrics)
{
	memset(metrics->calibration, 0, sizeof(metrics->calibration));
	for (int64 i = 0; i < count; i++)
	{
		SSCalibrationBin *bin = &metrics->calibration[SS_BINS * i / count];

		bin->mean += sorted[i].score;
		bin->observed += sorted[i].positive;
		bin->examples++;
	}
	metrics->ece = 0;
	for (int i = 0; i < SS_BINS; i++)
	{
		SSCalibrationBin *bin = &metrics->calibration[i];

		if (bin->examples == 0)
			continue;
		bin->mean /= bin->examples;
		bin->observed /= bin->examples;
		metrics->ece += (double) bin->examples / count * fabs(bin->mean - bin->observed);
	}
}

/* The interval of Hanley and McNeil. */
static void
add_interval(SSMetrics *metrics)
{
	double a = metrics->auc;
	double positives = (double) metrics->positives;
	double negatives = (double) (metrics->examples - metrics->positives);
	double q1 = a / (2 - a);
	double q2 = 2 * a * a / (1 + a);
	double variance =
		(a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)) / (positives * negatives);
	double reach = NORMAL_975 * sqrt(Max(variance, 0));

	metrics->auc_low = a - reach;
	metrics->auc_high = a + reach;
}

void
ss_metrics_of(SSScored *scored, int64 count, SSMetrics *metrics)
{
	int64 top = (count + SS_BINS - 1) / SS_BINS;

	metrics->examples = count;
	metrics->positives = 0;
	metrics->brier = 0;
	for (int64 i = 0; i < count; i++)
	{
		double error = scored[i].score - scored[i].positive;

		metrics->positives += scored[i].positive;
		metrics->brier += error * error;
	}
	metrics->brier /= count;
	metrics->log_loss = ss_log_loss(scored, count);
	metrics->auc = ss_auc(scored, count);
	metrics->lift_10 = (double) positives_on_top(scored, count, top) / top / ((double) metrics->positives / count);
	calibrate(scored, count, metrics);
	add_interval(metrics);
}

double
ss_psi(const double *expected, const double *actual, int count)
{
	double sum = 0;

	for (int i = 0; i < count; i++)
	{
		double e = Max(expected[i], SHARE_FLOOR);
		double a = Max(actual[i], SHARE_FLOOR);

		sum += (a - e) * log(a / e);
	}
	return sum;
}
