/*
 * features.h: what is known of a user at a moment, as numbers that a model is
 * trained on and asked with.
 *
 * Everything in them happened before the moment: refunds, which come later, are
 * left out. doc/optimisation.md has the table.
 */
#ifndef SS_FEATURES_H
#define SS_FEATURES_H

#include "postgres.h"

#include "learning/purchase_history.h"

/* Their positions in a model, from 1. */
typedef enum SSFeature
{
	SS_RECENCY = 1,
	SS_PURCHASES_30,
	SS_PURCHASES_90,
	SS_PURCHASES_365,
	SS_AMOUNT_90,
	SS_AMOUNT_365,
	SS_AVERAGE,
	SS_TENURE,
	SS_GAP,
	SS_RHYTHM,
	SS_HAS_GAP,
	SS_CATEGORIES,
	SS_MERCHANTS_VISITED,
	SS_REDEEMED,
	SS_USER_FEATURES = SS_REDEEMED
} SSFeature;

extern const char *const ss_feature_names[SS_USER_FEATURES];

/* A feature that deviates by less is the same for everybody, and says nothing. */
#define SS_CONSTANT_BELOW 1e-12

/* Past purchases count for so many days. */
#define SS_WINDOW_DAYS 365

/* A moment, and what is so many local days before it. */
typedef struct SSMoment
{
	TimestampTz at;
	DateADT day;
	TimestampTz from_30;
	TimestampTz from_90;
	TimestampTz from_365;
} SSMoment;

extern SSMoment ss_moment(const SSRules *rules, TimestampTz at);

/*
 * The features of the history at the moment, from values[0] on; false, and no
 * values, if there is no purchase in the days before it. Items after the moment
 * change nothing.
 */
extern bool ss_features(SSHistory *history, const SSMoment *moment, double *values);

/*
 * The same of a user that has not bought in these days: how long ago it bought
 * last and first, and 0 for all else, and for all of a user that never bought.
 */
extern void ss_features_of_lapsed(const SSHistory *history, const SSMoment *moment, double *values);

/* Is there a purchase in the days before it? */
extern bool ss_features_eligible(const SSHistory *history, const SSMoment *moment);

#endif /* SS_FEATURES_H */
