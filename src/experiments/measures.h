/*
 * measures.h: what A/B tests measure.
 */
#ifndef SS_METRICS_OF_TESTS_H
#define SS_METRICS_OF_TESTS_H

#include "postgres.h"

#include "base/json.h"
#include "experiments/statistics.h"

/* In the order in which results show them; their names are stored. */
typedef enum SSMetric
{
	SS_METRIC_CONVERSION,
	SS_METRIC_BUYERS,
	SS_METRIC_ORDERS,
	SS_METRIC_REVENUE,
	SS_METRIC_COST,
	SS_METRIC_BONUS_POINTS,
	SS_METRIC_NET_REVENUE,
	SS_METRIC_AVERAGE_ORDER,
	SS_METRIC_REFUND_RATE,
	SS_METRICS /* their number */
} SSMetric;

/* A set of metrics: bit n for metric n. */
typedef uint32 SSMetricSet;

#define SS_METRIC_BIT(metric) ((SSMetricSet) 1 << (metric))

typedef struct SSMetricSpec
{
	const char *name;
	SSMetricType type;
	bool is_money; /* y is in minor units; of ratios both sums may be, see divisor_is_money */
	bool divisor_is_money;
	bool has_covariate;
	bool inverse;  /* less is better */
	bool of_offer; /* rests on redemptions: a hold-out has none */
} SSMetricSpec;

extern const SSMetricSpec ss_metric_specs[SS_METRICS];

/* The names with a NULL after the last. */
extern const char *const ss_metric_names[];

/* The names of those in a set, as an array. */
extern void ss_metrics_add(SSJson *json, const char *key, SSMetricSet set);

#endif /* SS_METRICS_OF_TESTS_H */
