/*
 * fit.h: the coefficients of a model, and how good it is.
 */
#ifndef SS_FIT_H
#define SS_FIT_H

#include "postgres.h"

#include "learning/examples.h"
#include "learning/model_metrics.h"

#define SS_DECILES 9
#define SS_LAMBDAS 5

/* Of a feature, in train. */
typedef struct SSFeatureFit
{
	double mean;
	double deviation;
	bool left_out; /* it is the same for all */
	double weight;
	double deciles[SS_DECILES];
	double shares[SS_DECILES + 1]; /* of the parts that they make */
} SSFeatureFit;

typedef struct SSFit
{
	SSFeatureFit *features; /* by position, from 0 */
	double intercept;
	double lambda;
	double losses[SS_LAMBDAS]; /* out of fold, of each lambda */
	double platt_a;
	double platt_b;
	double threshold;
	double base_log_loss; /* of the share of positives in train, as a constant */
	double recency_auc;
	SSMetrics test;
} SSFit;

extern const double ss_lambdas[SS_LAMBDAS];

/* Of a feature (from 0) in train, of which there is an example. */
extern void ss_mean_and_deviation(const SSExamples *examples, int feature, double *mean, double *deviation);

/* Standardises the examples, in place, and fits. There are enough of them. Lives in the current memory context. */
extern SSFit *ss_fit(SSExamples *examples, SSTrainingCheck check);

/* 1 / (1 + exp(x)), for any x */
extern double ss_logistic_of(double x);

/*
 * The part, from 0, that a value belongs to: below the first decile, from it on, …. A value that several deciles are has
 * a part of its own among those that would be empty: else what is more, or less, than nearly all had in train would not show.
 */
extern int ss_decile_of(const double *deciles, double value);

#endif /* SS_FIT_H */
