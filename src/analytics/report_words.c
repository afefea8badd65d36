/*
 * report_words.c: the words of custom reports: sources, their measures and
 * their dimensions.
 *
 * Constants. The order of dimensions is that of the columns of the queries in
 * report_rows.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "analytics/custom_report.h"
#include "campaigns/input.h"

#define SUM(n)			  .sum = (n), .divisor = -1
#define QUOTIENT(a, b, k) .sum = (a), .divisor = (b), .shift = (k)
#define COUNT			  .unit = SS_UNIT_NONE
#define POINTS			  .unit = SS_UNIT_POINTS
#define RATIO			  .unit = SS_UNIT_RATIO, .places = 6
#define MONEY(more)		  .unit = SS_UNIT_MONEY, .is_money = true, .places = (more), .exponent = true

static const SSCustomMeasure campaign_measures[] = {
	{"impressions", COUNT, SUM(SS_IMPRESSIONS)},
	{"views", COUNT, SUM(SS_VIEWS)},
	{"clicks", COUNT, SUM(SS_CLICKS)},
	{"conversions", COUNT, SUM(SS_SUM_CONVERSIONS)},
	{"purchase_conversions", COUNT, SUM(SS_PURCHASE_CONVERSIONS)},
	{"tracked_conversions", COUNT, SUM(SS_TRACKED_CONVERSIONS)},
	{"pending_conversions", COUNT, SUM(SS_PENDING_CONVERSIONS)},
	/* four places whatever the currency: events have none */
	{"tracked_value", .unit = SS_UNIT_MONEY, .is_money = true, .places = 4, SUM(SS_TRACKED_VALUE)},
	{"revenue", MONEY(0), SUM(SS_REVENUE)},
	{"revenue_primary", MONEY(0), SUM(SS_REVENUE_PRIMARY)},
	{"cost", MONEY(0), SUM(SS_COST)},
	{"discount", MONEY(0), SUM(SS_DISCOUNT)},
	{"bonus_points", POINTS, SUM(SS_BONUS_POINTS)},
	{"view_rate", RATIO, QUOTIENT(SS_VIEWS, SS_IMPRESSIONS, 6)},
	{"click_through_rate", RATIO, QUOTIENT(SS_CLICKS, SS_IMPRESSIONS, 6)},
	{"conversion_rate", RATIO, QUOTIENT(SS_SUM_CONVERSIONS, SS_CLICKS, 6)},
	{"redemption_rate", RATIO, QUOTIENT(SS_SUM_CONVERSIONS, SS_IMPRESSIONS, 6)},
	{"revenue_per_impression", MONEY(4), QUOTIENT(SS_REVENUE, SS_IMPRESSIONS, 4)},
	{"cost_per_acquisition", MONEY(4), QUOTIENT(SS_COST, SS_SUM_CONVERSIONS, 4)},
	{"return_on_ad_spend", RATIO, .is_money = true, QUOTIENT(SS_REVENUE, SS_COST, 6)},
};

static const SSCustomDimension campaign_dimensions[] = {
	{"campaign", SS_VALUES_TEXT},
	{"campaign_name", SS_VALUES_TEXT},
	{"campaign_type", SS_VALUES_CHOICE, ss_campaign_types},
	{"offer_type", SS_VALUES_CHOICE, ss_offer_types},
	{"status", SS_VALUES_CHOICE, ss_campaign_statuses},
	{"target_category", SS_VALUES_CATEGORY},
	{"target_segment", SS_VALUES_SEGMENT},
	{"target_merchant", SS_VALUES_UUID},
	{"currency", SS_VALUES_CURRENCY},
	{"day", SS_VALUES_DAY},
	{"week", SS_VALUES_WEEK},
	{"month", SS_VALUES_MONTH},
	{"weekday", SS_VALUES_NUMBER, .minimum = 1, .maximum = 7},
	{"hour", SS_VALUES_NUMBER, .minimum = 0, .maximum = 23},
};

static const SSCustomMeasure purchase_measures[] = {
	{"purchases", COUNT, SUM(SS_PURCHASES_COMPLETED)},
	{"pending_purchases", COUNT, SUM(SS_PURCHASES_PENDING)},
	{"refunded_purchases", COUNT, SUM(SS_PURCHASES_REFUNDED)},
	{"amount", MONEY(0), SUM(SS_AMOUNT)},
	{"refunded", MONEY(0), SUM(SS_REFUNDED)},
	{"net_amount", MONEY(0), SUM(SS_SUM_NET)},
	{"points_earned", POINTS, SUM(SS_POINTS_EARNED)},
	{"average_net", MONEY(0), QUOTIENT(SS_SUM_NET, SS_PURCHASES_COMPLETED, 0)},
};

static const SSCustomDimension purchase_dimensions[] = {
	{"merchant", SS_VALUES_UUID},	  {"merchant_name", SS_VALUES_TEXT},
	{"category", SS_VALUES_CATEGORY}, {"currency", SS_VALUES_CURRENCY},
	{"day", SS_VALUES_DAY},			  {"week", SS_VALUES_WEEK},
	{"month", SS_VALUES_MONTH},		  {"weekday", SS_VALUES_NUMBER, .minimum = 1, .maximum = 7},
};

static const SSCustomSource campaigns = {
	.name = "campaigns",
	.nmeasures = lengthof(campaign_measures),
	.measures = campaign_measures,
	.ndimensions = lengthof(campaign_dimensions),
	.dimensions = campaign_dimensions,
	.currency = 8,
	.hour = 13,
};

static const SSCustomSource purchases = {
	.name = "purchases",
	.nmeasures = lengthof(purchase_measures),
	.measures = purchase_measures,
	.ndimensions = lengthof(purchase_dimensions),
	.dimensions = purchase_dimensions,
	.currency = 3,
	.hour = -1,
};

const SSCustomSource *const ss_custom_sources[] = {&campaigns, &purchases, NULL};

StaticAssertDecl(lengthof(campaign_dimensions) == SS_CUSTOM_DIMENSIONS, "the source with most dimensions");
StaticAssertDecl(lengthof(purchase_dimensions) <= SS_CUSTOM_DIMENSIONS, "and the other one");

Oid
ss_custom_value_type(const SSCustomDimension *dimension)
{
	switch (dimension->values)
	{
		case SS_VALUES_NUMBER:
			return INT4OID;
		case SS_VALUES_DAY:
		case SS_VALUES_WEEK:
		case SS_VALUES_MONTH:
			return DATEOID;
		default:
			return TEXTOID;
	}
}

Oid
ss_custom_parameter_type(const SSCustomDimension *dimension)
{
	return dimension->values == SS_VALUES_UUID ? UUIDOID : ss_custom_value_type(dimension);
}

bool
ss_custom_measure_is_int(const SSCustomMeasure *measure)
{
	return measure->places == 0 && !measure->exponent;
}
