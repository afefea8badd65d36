/*
 * measures.c: the metrics of A/B tests, a line each. What y and x of a unit are
 * says units.c, which adds them up.
 */
#include "postgres.h"

#include "experiments/measures.h"

const SSMetricSpec ss_metric_specs[SS_METRICS] = {
	[SS_METRIC_CONVERSION] = {"conversion", SS_PROPORTION, .has_covariate = true, .of_offer = true},
	[SS_METRIC_BUYERS] = {"buyers", SS_PROPORTION, .has_covariate = true},
	[SS_METRIC_ORDERS] = {"orders", SS_MEAN, .has_covariate = true},
	[SS_METRIC_REVENUE] = {"revenue", SS_MEAN, .is_money = true, .has_covariate = true},
	[SS_METRIC_COST] = {"cost", SS_MEAN, .is_money = true, .of_offer = true},
	[SS_METRIC_BONUS_POINTS] = {"bonus_points", SS_MEAN, .of_offer = true},
	[SS_METRIC_NET_REVENUE] = {"net_revenue", SS_MEAN, .is_money = true, .has_covariate = true},
	[SS_METRIC_AVERAGE_ORDER] = {"average_order", SS_RATIO, .is_money = true},
	[SS_METRIC_REFUND_RATE] = {"refund_rate", SS_RATIO, .is_money = true, .divisor_is_money = true, .inverse = true},
};

const char *const ss_metric_names[] = {"conversion",   "buyers",	  "orders",		   "revenue",	  "cost",
									   "bonus_points", "net_revenue", "average_order", "refund_rate", NULL};

void
ss_metrics_add(SSJson *json, const char *key, SSMetricSet set)
{
	ss_json_open_array(json, key);
	for (int i = 0; i < SS_METRICS; i++)
	{
		if (set & SS_METRIC_BIT(i))
			ss_json_text(json, NULL, ss_metric_specs[i].name);
	}
	ss_json_close_array(json);
}
