/*
 * model_metrics.h: how good probabilities are, against what came to pass. Pure.
 */
#ifndef SS_MODEL_METRICS_H
#define SS_MODEL_METRICS_H

#include "postgres.h"

#include "utils/uuid.h"

#define SS_BINS 10

/* A tenth of the examples, by probability. */
typedef struct SSCalibrationBin
{
	double mean;
	double observed;
	int64 examples;
} SSCalibrationBin;

typedef struct SSMetrics
{
	int64 examples;
	int64 positives;
	double auc;
	double auc_low;
	double auc_high;
	double log_loss;
	double brier;
	double ece;
	double lift_10;
	SSCalibrationBin calibration[SS_BINS];
} SSMetrics;

/* An example, and what is thought of it. */
typedef struct SSScored
{
	double score; /* a probability, but for ss_auc() */
	bool positive;
	pg_uuid_t user_id;
} SSScored;

/* The area under the ROC curve; ties count half. Sorts the examples. There are some of each class. */
extern double ss_auc(SSScored *scored, int64 count);

/* The mean of -ln of the probability of what came to pass. */
extern double ss_log_loss(const SSScored *scored, int64 count);
extern double ss_log_loss_of(double p, bool positive);

/* All of them; the examples come in their order, and are sorted afterwards. */
extern void ss_metrics_of(SSScored *scored, int64 count, SSMetrics *metrics);

/* How far shares have moved from expected ones, which are a tenth each or what ties make of it. */
extern double ss_psi(const double *expected, const double *actual, int count);

#endif /* SS_MODEL_METRICS_H */
