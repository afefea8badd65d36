/*
 * campaign_features.c: what is known of a user and a campaign (campaign_features.h).
 *
 * Called by training for each example and by predictions: both ask here, so
 * that a model is asked with what it was trained on. Reads nothing, locks
 * nothing.
 */
#include "postgres.h"

#include <math.h>

#include "base/money.h"
#include "learning/campaign_features.h"

#define BOGO_DEPTH	  0.5
#define MIN_SPEND_MAX 5.0
#define PRIOR_SHOWN	  10 /* of somebody of whom nothing is known, with one redemption */

#define OFFER_TYPES(PART) PART("fixed_discount") PART("percentage") PART("bogo") PART("free_shipping") PART("other")
#define OF_TYPE(type)	  "offer_" type,
#define MIXED(type)                                                                                                    \
	"offer_" type "_recency", "offer_" type "_purchases_90", "offer_" type "_average", "offer_" type "_redemptions",

/* clang-format off */
const char *const ss_conversion_feature_names[SS_CONVERSION_FEATURES - SS_USER_FEATURES] = {
	"depth", "points_multiplier", "bonus_points", "min_spend",
	OFFER_TYPES(OF_TYPE)
	"type_location_deal", "type_email_offer", "type_seasonal", "type_loyalty_boost", "type_flash_sale",
	"has_target_merchant", "purchases_at_target", "has_target_category", "share_of_category", "response"};

const char *const ss_offer_feature_names[SS_OFFER_FEATURES - SS_USER_FEATURES] = {
	OFFER_TYPES(OF_TYPE) OFFER_TYPES(MIXED)};
/* clang-format on */

/* Those that the type of an offer may matter more or less for. */
static const int mixed_with[SS_OFFER_USER_FEATURES] = {SS_RECENCY, SS_PURCHASES_90, SS_AVERAGE, SS_REDEEMED};

/* amount / average, at most that much */
static double
part_of(double amount, double average, double most)
{
	if (amount <= 0)
		return 0;
	return average > 0 ? Min(most, amount / average) : most;
}

static double
depth(const SSTerms *terms, double average)
{
	switch ((SSOffer) terms->offer_type)
	{
		case SS_OFFER_PERCENTAGE:
			return terms->offer_amount / 100;
		case SS_OFFER_FIXED_DISCOUNT:
		case SS_OFFER_FREE_SHIPPING:
			return part_of(terms->offer_amount, average, 1);
		case SS_OFFER_BOGO:
			return BOGO_DEPTH;
		case SS_OFFER_OTHER:
			break;
	}
	return 0;
}

void
ss_conversion_amounts(const SSTerms *terms, double average, double *values)
{
	values[SS_DEPTH - 1] = depth(terms, average);
	values[SS_MIN_SPEND - 1] = part_of(terms->min_spend, average, MIN_SPEND_MAX);
}

/* How often the user has bought at what the campaign is aimed at; returns its mean amount. */
static double
count_target(const SSTerms *terms, const SSHistory *history, const SSMoment *moment, double *values)
{
	double major = (double) ss_minor_per_major(history->rules->settings.exponent);
	int32 merchant = terms->has_merchant ? ss_history_merchant(history, &terms->merchant_id) : -1;
	int at = ss_history_find(history, moment->from_365);
	const SSPast *past;
	int128 sum = 0;
	int64 all = 0;
	int64 there = 0;
	int64 like_it = 0;

	while ((past = ss_history_next(history, moment->at, &at)) != NULL)
	{
		all++;
		sum += past->amount;
		there += merchant >= 0 && past->merchant == merchant;
		like_it += terms->category_no > 0 && past->category == terms->category_no;
	}
	values[SS_HAS_TARGET_MERCHANT - 1] = terms->has_merchant ? 1 : 0;
	values[SS_PURCHASES_AT_TARGET - 1] = log(1 + (double) there);
	values[SS_HAS_TARGET_CATEGORY - 1] = terms->category_no > 0 ? 1 : 0;
	values[SS_SHARE_OF_CATEGORY - 1] = all == 0 ? 0 : (double) like_it / (double) all;
	return all == 0 ? 0 : (double) sum / major / (double) all;
}

double
ss_conversion_features(const SSTerms *terms, const SSHistory *history, const SSMoment *moment, int64 redeemed,
					   int64 shown, double *values)
{
	double average = count_target(terms, history, moment, values);

	ss_conversion_amounts(terms, average, values);
	values[SS_POINTS_MULTIPLIER - 1] = log(terms->points_multiplier);
	values[SS_BONUS_POINTS - 1] = log(1 + terms->bonus_points);
	for (int i = 0; i < SS_OFFER_TYPES; i++)
		values[SS_OF_OFFER_TYPE - 1 + i] = terms->offer_type == i ? 1 : 0;
	for (int i = 0; i < SS_CAMPAIGN_TYPES; i++)
		values[SS_OF_CAMPAIGN_TYPE - 1 + i] = terms->campaign_type == i ? 1 : 0;
	values[SS_RESPONSE - 1] = ((double) redeemed + 1) / ((double) shown + PRIOR_SHOWN);
	return average;
}

void
ss_offer_features(int offer_type, const double *mean, const double *deviation, double *values)
{
	for (int i = 0; i < SS_OFFER_TYPES; i++)
	{
		double *mixed = &values[SS_OFFER_MIXED_FIRST - 1 + i * SS_OFFER_USER_FEATURES];

		values[SS_OFFER_TYPE_FIRST - 1 + i] = offer_type == i ? 1 : 0;
		for (int j = 0; j < SS_OFFER_USER_FEATURES; j++)
		{
			int feature = mixed_with[j] - 1;

			mixed[j] = offer_type == i && deviation[feature] >= SS_CONSTANT_BELOW
						   ? (values[feature] - mean[feature]) / deviation[feature]
						   : 0;
		}
	}
}

int
ss_offer_feature_of(int position)
{
	if (position < SS_OFFER_MIXED_FIRST)
		return position;
	return mixed_with[(position - SS_OFFER_MIXED_FIRST) % SS_OFFER_USER_FEATURES];
}
