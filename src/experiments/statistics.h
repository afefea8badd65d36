/*
 * statistics.h: the statistics of an A/B test, from the sums of its groups.
 *
 * Pure: no table, no clock, no error for what data contain (an effect carries
 * a code instead). All in doubles, worked out once per call.
 */
#ifndef SS_STATISTICS_H
#define SS_STATISTICS_H

#include "postgres.h"

#include "base/distributions.h"

/* The distribution functions; loads their library with the first call of a session, and raises an error where it is not installed. */
extern const SSDistributions *ss_distributions(void);

typedef enum SSMetricType
{
	SS_PROPORTION, /* y is 0 or 1 for each unit */
	SS_MEAN,
	SS_RATIO /* the sum of y over the sum of d */
} SSMetricType;

/* Sums over the n units of a group: of y, y², d, d², y·d, and of the covariate x, x², y·x. */
typedef struct SSSums
{
	double n;
	double s;
	double q;
	double s_d;
	double q_d;
	double s_md;
	double s_x;
	double q_x;
	double s_yx;
} SSSums;

typedef enum SSScale
{
	SS_RELATIVE, /* lift: the difference over the control's mean */
	SS_ABSOLUTE
} SSScale;

/* A group as it is compared. */
typedef struct SSArm
{
	double n;
	double mean;
	double variance;   /* of a unit */
	double unadjusted; /* mean; the same as `mean` without a covariate */
} SSArm;

/* The effect of treatment b over control a. With `error`, a constant text, everything else is as for no effect. */
typedef struct SSEffect
{
	SSArm a;
	SSArm b;
	bool cuped;	  /* is the covariate used? */
	double theta; /* its coefficient; 0 where it is not used */
	double difference;
	double standard_error;
	double degrees; /* of freedom, after Welch */
	const char *error;
} SSEffect;

/* What says whether an effect is one. */
typedef struct SSVerdict
{
	double p_value; /* NaN = it was not found, `error` says why */
	double lower;	/* of the interval; may be infinite */
	double upper;
	const char *error;
} SSVerdict;

typedef enum SSSide
{
	SS_SIDE_BOTH,
	SS_SIDE_GREATER, /* is the effect above 0? */
	SS_SIDE_LESSER
} SSSide;

typedef struct SSBelief
{
	double mean; /* of the effect, a posteriori */
	double deviation;
	double chance_to_win;
	double lower; /* of the credible interval */
	double upper;
	double risk[2]; /* expected loss of keeping the control, and of taking the treatment */
} SSBelief;

/* Normal prior of a relative effect; flat where its deviation is not above 0. */
typedef struct SSPrior
{
	double mean;
	double deviation;
} SSPrior;

/* Mean and variance of a group without a covariate. */
extern SSArm ss_statistics_arm(SSMetricType type, const SSSums *sums);

/* The effect; `covariate` asks for an adjustment by x where there is something to adjust by. */
extern SSEffect ss_statistics_effect(SSMetricType type, SSScale scale, const SSSums *a, const SSSums *b,
									 bool covariate);

/* Welch's t test at a fixed size. */
extern SSVerdict ss_statistics_fixed(const SSEffect *effect, double alpha, SSSide side);

/* Valid at every look; `tuning` is the number of units at which the interval is narrowest. */
extern SSVerdict ss_statistics_sequential(const SSEffect *effect, double alpha, double tuning, SSSide side);

/* `inverse`: less is better. */
extern SSBelief ss_statistics_bayesian(const SSEffect *effect, SSScale scale, double alpha, SSPrior prior,
									   bool inverse);

/* An absolute effect on all traffic per day: difference, error and interval times total_users / (traffic_fraction · days). */
extern const char *ss_statistics_scale(SSEffect *effect, double total_users, double traffic_fraction, double days);

/* Do the counts of the groups agree with their weights? p-value; `warn` if they do not. */
extern double ss_statistics_sample_ratio(int groups, const double *counts, const double *weights, bool *warn);

/* p-values adjusted for their number, in place: Holm's, and Benjamini's and Hochberg's. NaN stays, and does not count. */
extern void ss_statistics_holm(int count, double *p_values);
extern void ss_statistics_benjamini_hochberg(int count, double *p_values);

/* The interval of an effect, widened to agree with its adjusted p-value. */
extern void ss_statistics_widen(SSVerdict *verdict, const SSEffect *effect, double adjusted_p, double alpha);

/* --- how many units a test needs ----------------------------------------------- */

/* How many standard errors an effect must have: of the fixed test, and of the sequential one with n units. */
extern double ss_statistics_critical(double alpha);
extern double ss_statistics_sequential_critical(double alpha, double n, double tuning);

/* The chance to find a difference of so many units with that standard error. */
extern double ss_statistics_power(double difference, double standard_error, double critical);

/*
 * T of units over all groups with which a relative effect over the baseline is
 * found: the largest that a variant needs. variances[0] and weights[0] are the control's.
 */
extern double ss_statistics_required(double difference, int variants, const double *variances, const double *weights,
									 double critical, double power);

#endif /* SS_STATISTICS_H */
