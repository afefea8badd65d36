/*
 * results.h: what a test says, worked out from its stored sums.
 */
#ifndef SS_RESULTS_H
#define SS_RESULTS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/date.h"

#include "experiments/ab_test.h"
#include "experiments/statistics.h"

/* Sums of one group and metric: as integers for people, and as doubles in major units for statistics. */
typedef struct SSTestSums
{
	bool known;
	int64 n;
	int64 s;
	SSSums sums;
} SSTestSums;

typedef struct SSTestFigures
{
	bool computed; /* there are sums at all */
	TimestampTz as_of;
	bool final;
	SSTestSums sums[SS_METRICS][SS_AB_GROUPS_MAX];
	int64 users[SS_AB_GROUPS_MAX];
	int64 reached[SS_AB_GROUPS_MAX];
	int64 exposed;	/* by assignment: users who were told a group */
	int64 multiple; /* of them: several groups */
	int64 recent;	/* exposures of the last seven whole days */
} SSTestFigures;

typedef enum SSComparisonRole
{
	SS_ROLE_PRIMARY,
	SS_ROLE_SECONDARY,
	SS_ROLE_GUARDRAIL
} SSComparisonRole;

/* A group against the control by one metric. */
typedef struct SSComparison
{
	int group;
	SSMetric metric;
	SSComparisonRole role;
	bool of_hold_out;
	SSEffect relative;
	SSEffect absolute;
	SSVerdict verdict; /* of the relative effect, as the test asks for */
	SSVerdict absolute_verdict;
	SSVerdict fixed; /* at a fixed size */
	SSBelief belief;
	double adjusted_p; /* NaN = there is none */
	double adjusted_absolute_p;
	bool significant;
	bool better; /* the effect is an improvement */
	bool harmed; /* a guardrail */
} SSComparison;

typedef struct SSTestResults
{
	SSTestFigures figures;
	int count;
	SSComparison *comparisons;
	SSComparison *leading; /* of the primary metric; NULL without figures */
	int64 total_users;
	int64 target;	/* units wanted; 0 = not known */
	int64 required; /* 0 = not known */
	double power;	/* NaN = not known */
	double days_running;
	double sample_ratio;
	bool bad_ratio;
	const char *recommendation;
	const char *reason;
	int recommended; /* group; -1 = none */
} SSTestResults;

/* The sums of the last day that has some. */
extern void ss_test_figures(const SSTest *test, SSTestFigures *figures);

/* All of it; `now` is what days are counted to. */
extern void ss_test_results(const SSTest *test, TimestampTz now, SSTestResults *results);

/* Units that the test needs over all groups, 0 where that is not known; figures may be NULL. */
extern int64 ss_test_required_size(const SSTest *test, const SSTestFigures *figures);

/* What the statistics recommend now; -1 = nothing. */
extern int ss_test_recommended_group(const SSTest *test);

/* α and the number of standard errors that an effect of the primary metric needs, at the size at which the test is tuned. */
extern double ss_test_alpha(const SSTest *test);
extern double ss_test_critical(const SSTest *test);

extern int ss_test_variants(const SSTest *test);

/* The primary metric's comparisons as one SVG element (forest_plot.c). */
extern char *ss_test_forest_plot(const SSTest *test, const SSTestResults *results);

#endif /* SS_RESULTS_H */
