/*
 * campaign_uplift.h: what a campaign has added to what people spend, by those
 * who are held out of it.
 */
#ifndef SS_CAMPAIGN_UPLIFT_H
#define SS_CAMPAIGN_UPLIFT_H

#include "postgres.h"

#include "analytics/campaign_figures.h"
#include "experiments/statistics.h"

/* Users of one arm, and what they spent in minor units. */
typedef struct SSUpliftArm
{
	int64 users;
	int64 buyers;
	int128 spent;
	SSSums sums; /* in major units */
} SSUpliftArm;

/* As it was worked out last. */
typedef struct SSUplift
{
	TimestampTz as_of;
	TimestampTz start;
	TimestampTz end;
	int64 excluded_users;
	double shares[2]; /* of users who are meant to be held out and exposed */
	int128 cost;
	SSUpliftArm control;
	SSUpliftArm exposed;
} SSUplift;

/* Of the units, and of all that it brought: an estimate with its bounds, in minor units. */
typedef struct SSIncremental
{
	int128 revenue;
	int128 lower;
	int128 upper;
} SSIncremental;

/* The confidence that is asked for unless a caller asks for another one. */
#define SS_UPLIFT_ALPHA 0.05

/* False if it never was. */
extern bool ss_uplift_find(const SSFiguresOf *campaign, const char *scope, SSUplift *uplift);

/* False if the sums do not say. */
extern bool ss_uplift_incremental(const SSUplift *uplift, int exponent, double alpha, SSIncremental *incremental);

#endif /* SS_CAMPAIGN_UPLIFT_H */
