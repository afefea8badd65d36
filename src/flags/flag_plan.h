/*
 * flag_plan.h: what a flag gives users who differ in nothing that its rules
 * name but the hash of their ids, worked out once for all of them.
 */
#ifndef SS_FLAG_PLAN_H
#define SS_FLAG_PLAN_H

#include "postgres.h"

#include "utils/uuid.h"

#include "flags/flag_set.h"

#define SS_FLAG_SHARES_MAX 8

/* A rule that holds: it gives its value to everybody, or by the hash of the id. */
typedef struct SSFlagShare
{
	bool by_hash;
	int version;
	SSText seed;
	uint32 seed_hash; /* of the seed alone, where it comes first */
	double to;		  /* the last bucket that is in */
	SSNode *value;
} SSFlagShare;

/* The first share that takes a user gives the value; if none does, the default. Its nodes are the set's. */
typedef struct SSFlagPlan
{
	int nshares;
	SSFlagShare shares[SS_FLAG_SHARES_MAX];
	SSNode *otherwise;
} SSFlagPlan;

/*
 * Do all rules decide by their shares of ids and conditions on attributes that
 * a call gives, and on what `known` (SS_READS_ACCOUNT: the tier and nothing else
 * of the account, SS_READS_SEGMENTS) says beside them?
 */
extern bool ss_flag_plan_fits(const SSFlag *flag, int known);

/*
 * The plan for users of whom the subject says what is known; false where rules
 * decide by more than that, or more of them hold than a plan has shares. Values of single users are not in it.
 */
extern bool ss_flag_plan_make(SSFlagPlan *plan, const SSFlagSet *set, const SSFlag *flag, const SSSubject *subject,
							  int known);

extern SSNode *ss_flag_plan_value(const SSFlagPlan *plan, const pg_uuid_t *id);

#endif /* SS_FLAG_PLAN_H */
