/*
 * units.h: the units of a test and what each of them did.
 */
#ifndef SS_UNITS_H
#define SS_UNITS_H

#include "postgres.h"

#include "experiments/ab_test.h"

/* A test as its facts are added up. */
typedef struct SSTestRun
{
	SSTest test;
	SSAbTest compiled;
	TimestampTz start; /* S: from when facts count */
	TimestampTz end;   /* E: until when */
	int nraises;	   /* coverages since the start, each from a moment on */
	TimestampTz *raised_at;
	SSAbTest *raised;  /* as compiled with that coverage */
	bool has_merchant; /* scope "target" */
	pg_uuid_t merchant_id;
	int16 category_no;

	/* sums by metric and group, exact */
	struct SSRunSums
	{
		int128 n, s, q, s_d, q_d, s_md, s_x, q_x, s_yx;
	} sums[SS_METRICS][SS_AB_GROUPS_MAX];
	int64 reached[SS_AB_GROUPS_MAX];
	int64 exposed;
	int64 multiple;
	TimestampTz recent_from; /* the last seven whole days */
	TimestampTz recent_to;
	int64 recent;
} SSTestRun;

/* What is known of one user for one test. */
typedef struct SSUnit
{
	int group;		  /* SS_AB_OUTSIDE: no unit */
	TimestampTz from; /* u0 */
	TimestampTz to;
	bool reached;
	bool converted;
	int64 orders;
	int64 revenue;
	int64 cost;
	int64 points;
	int64 refunded;
	int64 amount;
	int64 orders_before; /* of the covariate */
	int64 revenue_before;
} SSUnit;

typedef struct SSUnitUser
{
	pg_uuid_t id;
	bool is_user; /* a customer who was not erased */
	TimestampTz created_at;
} SSUnitUser;

typedef struct SSUnitExposure
{
	int group;
	TimestampTz first_at;
	bool multiple;
} SSUnitExposure;

/* Is the user a unit of the test? added_at: since when in its segment; DT_NOEND: not. NULL exposure: there is none. */
extern void ss_unit_begin(SSTestRun *run, SSUnit *unit, const SSUnitUser *user, TimestampTz added_at,
						  const SSUnitExposure *exposure);

/* A completed purchase of the user. */
typedef struct SSUnitPurchase
{
	TimestampTz occurred_at;
	int64 amount;
	int64 refunded;
	char currency[4];
	bool has_merchant;
	pg_uuid_t merchant_id;
	int16 category_no;
} SSUnitPurchase;

extern void ss_unit_purchase(const SSTestRun *run, SSUnit *unit, const SSUnitPurchase *purchase);

/* A redemption of a campaign. */
typedef struct SSUnitRedemption
{
	int32 campaign_no;
	TimestampTz occurred_at;
	bool counts;
	int64 cost;
	int64 points;
	char currency[4];
} SSUnitRedemption;

extern void ss_unit_redemption(const SSTestRun *run, SSUnit *unit, const SSUnitRedemption *redemption);

/* The user saw a campaign. */
extern void ss_unit_saw(const SSTestRun *run, SSUnit *unit, int32 campaign_no, TimestampTz occurred_at);

/* Adds the unit to the test's sums. */
extern void ss_unit_end(SSTestRun *run, const SSUnit *unit);

#endif /* SS_UNITS_H */
