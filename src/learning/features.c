/*
 * features.c: what is known of a user at a moment, as numbers (features.h).
 *
 * Called by training for each example and by predictions: both ask here, so
 * that a model is asked with what it was trained on. Reads nothing, locks
 * nothing. Amounts are added as integers, so no order of adding matters.
 */
#include "postgres.h"

#include <math.h>

#include "base/money.h"
#include "learning/features.h"

#define RHYTHM_MAX 10.0

const char *const ss_feature_names[SS_USER_FEATURES] = {
	"recency", "purchases_30", "purchases_90", "purchases_365", "amount_90",  "amount_365", "average",
	"tenure",  "gap",		   "rhythm",	   "has_gap",		"categories", "merchants",	"redemptions"};

/* What the purchases before the moment add up to. */
typedef struct Sums
{
	int64 n_30;
	int64 n_90;
	int64 n_365;
	int128 a_90;
	int128 a_365;
	int64 redemptions;
	int categories;
	int merchants;
	DateADT last_day;
	int ngaps;
	int gaps[SS_WINDOW_DAYS + 2]; /* days between days of purchase */
} Sums;

SSMoment
ss_moment(const SSRules *rules, TimestampTz at)
{
	pg_tz *zone = rules->settings.timezone;

	return (SSMoment){
		.at = at,
		.day = ss_rules_day(rules, at),
		.from_30 = ss_days_before(zone, at, 30),
		.from_90 = ss_days_before(zone, at, 90),
		.from_365 = ss_days_before(zone, at, SS_WINDOW_DAYS),
	};
}

bool
ss_features_eligible(const SSHistory *history, const SSMoment *moment)
{
	for (int i = ss_history_find(history, moment->from_365); i < history->count; i++)
	{
		if (history->items[i].at >= moment->at)
			return false;
		if (history->items[i].counts)
			return true;
	}
	return false;
}

static void
count_merchant(SSHistory *history, const SSPast *past, Sums *sums, bits8 *categories)
{
	if (past->merchant < 0)
		return;
	if (history->stamps[past->merchant] != history->stamp)
	{
		history->stamps[past->merchant] = history->stamp;
		sums->merchants++;
	}
	if (past->category > 0 && (categories[past->category / 8] & (1 << past->category % 8)) == 0)
	{
		categories[past->category / 8] |= 1 << past->category % 8;
		sums->categories++;
	}
}

static void
add_up(SSHistory *history, const SSMoment *moment, Sums *sums)
{
	bits8 categories[PG_INT16_MAX / 8 + 1] = {0};
	int at = ss_history_find(history, moment->from_365);
	const SSPast *past;

	memset(sums, 0, sizeof(Sums));
	history->stamp++;
	while ((past = ss_history_next(history, moment->at, &at)) != NULL)
	{
		if (sums->n_365 > 0 && past->day > sums->last_day)
			sums->gaps[sums->ngaps++] = past->day - sums->last_day;
		sums->last_day = past->day;
		sums->n_365++;
		sums->a_365 += past->amount;
		if (past->at >= moment->from_90)
		{
			sums->n_90++;
			sums->a_90 += past->amount;
		}
		if (past->at >= moment->from_30)
			sums->n_30++;
		sums->redemptions += past->redemptions;
		count_merchant(history, past, sums, categories);
	}
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/* The middle gap, or half the sum of the two in the middle; there is one. */
static double
median_gap(Sums *sums)
{
	int middle = sums->ngaps / 2;

	qsort(sums->gaps, sums->ngaps, sizeof(int), compare_ints);
	if (sums->ngaps % 2 == 1)
		return sums->gaps[middle];
	return (sums->gaps[middle - 1] + sums->gaps[middle]) / 2.0;
}

static double
ln1(double x)
{
	return log(1 + x);
}

bool
ss_features(SSHistory *history, const SSMoment *moment, double *values)
{
	double major = (double) ss_minor_per_major(history->rules->settings.exponent);
	double *of = values - 1; /* by position */
	int since_last;
	Sums sums;

	add_up(history, moment, &sums);
	if (sums.n_365 == 0)
		return false;
	since_last = moment->day - sums.last_day;
	of[SS_RECENCY] = ln1(since_last);
	of[SS_PURCHASES_30] = ln1((double) sums.n_30);
	of[SS_PURCHASES_90] = ln1((double) sums.n_90);
	of[SS_PURCHASES_365] = ln1((double) sums.n_365);
	of[SS_AMOUNT_90] = ln1((double) sums.a_90 / major);
	of[SS_AMOUNT_365] = ln1((double) sums.a_365 / major);
	of[SS_AVERAGE] = ln1((double) sums.a_365 / major / (double) sums.n_365);
	of[SS_TENURE] = ln1(moment->day - history->first_day);
	of[SS_HAS_GAP] = sums.ngaps > 0 ? 1 : 0;
	of[SS_GAP] = 0;
	of[SS_RHYTHM] = 0;
	if (sums.ngaps > 0)
	{
		double gap = median_gap(&sums);

		of[SS_GAP] = ln1(gap);
		of[SS_RHYTHM] = Min(RHYTHM_MAX, since_last / Max(1.0, gap));
	}
	of[SS_CATEGORIES] = ln1(sums.categories);
	of[SS_MERCHANTS_VISITED] = ln1(sums.merchants);
	of[SS_REDEEMED] = ln1((double) sums.redemptions);
	return true;
}

void
ss_features_of_lapsed(const SSHistory *history, const SSMoment *moment, double *values)
{
	int last = ss_history_find(history, moment->at) - 1;

	memset(values, 0, SS_USER_FEATURES * sizeof(double));
	while (last >= 0 && !history->items[last].counts)
		last--;
	if (last < 0)
		return;
	values[SS_RECENCY - 1] = ln1(moment->day - history->items[last].day);
	values[SS_TENURE - 1] = ln1(moment->day - history->first_day);
}
