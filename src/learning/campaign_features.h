/*
 * campaign_features.h: what is known of a user and a campaign, or a type of
 * offers, at a moment: the features beside those of the user.
 *
 * doc/optimisation.md has the tables.
 */
#ifndef SS_CAMPAIGN_FEATURES_H
#define SS_CAMPAIGN_FEATURES_H

#include "postgres.h"

#include "learning/campaign_terms.h"
#include "learning/examples.h"
#include "learning/features.h"

/* Positions in the model conversion, after the user's. */
typedef enum SSConversionFeature
{
	SS_DEPTH = SS_USER_FEATURES + 1,
	SS_POINTS_MULTIPLIER,
	SS_BONUS_POINTS,
	SS_MIN_SPEND,
	SS_OF_OFFER_TYPE, /* the first of SS_OFFER_TYPES */
	SS_OF_CAMPAIGN_TYPE = SS_OF_OFFER_TYPE + SS_OFFER_TYPES,
	SS_HAS_TARGET_MERCHANT = SS_OF_CAMPAIGN_TYPE + SS_CAMPAIGN_TYPES,
	SS_PURCHASES_AT_TARGET,
	SS_HAS_TARGET_CATEGORY,
	SS_SHARE_OF_CATEGORY,
	SS_RESPONSE,
	SS_CONVERSION_FEATURES = SS_RESPONSE
} SSConversionFeature;

/* Positions in the model offer, after the user's: the types, then for each of them its features of the user. */
#define SS_OFFER_USER_FEATURES 4
#define SS_OFFER_TYPE_FIRST	   (SS_USER_FEATURES + 1)
#define SS_OFFER_MIXED_FIRST   (SS_OFFER_TYPE_FIRST + SS_OFFER_TYPES)
#define SS_OFFER_FEATURES	   (SS_OFFER_MIXED_FIRST + SS_OFFER_TYPES * SS_OFFER_USER_FEATURES - 1)

/* Names of those after the user's. */
extern const char *const ss_conversion_feature_names[SS_CONVERSION_FEATURES - SS_USER_FEATURES];
extern const char *const ss_offer_feature_names[SS_OFFER_FEATURES - SS_USER_FEATURES];

/* Responses count for so many days. */
#define SS_RESPONSE_DAYS 180

/*
 * Fills in the features of the campaign beside the user's, from position
 * SS_DEPTH on (values[0] is position 1): what it offers, beside the user's mean
 * amount, and how the user has responded to other campaigns. Returns the mean
 * amount in major units; 0 if the user has not bought for a year.
 */
extern double ss_conversion_features(const SSTerms *terms, const SSHistory *history, const SSMoment *moment,
									 int64 redeemed, int64 shown, double *values);

/* Those of them that depend on the mean amount, once more. */
extern void ss_conversion_amounts(const SSTerms *terms, double average, double *values);

/* The same of the model offer. `mean` and `deviation` are those of the user's features, by position from 0. */
extern void ss_offer_features(int offer_type, const double *mean, const double *deviation, double *values);

/* The user's feature that a position (from 1) of the model offer is a part of; itself if it is none. */
extern int ss_offer_feature_of(int position);

#endif /* SS_CAMPAIGN_FEATURES_H */
