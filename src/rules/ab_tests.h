/*
 * ab_tests.h: running A/B tests between campaigns, as the award engine needs
 * them: which group of a test is a user in, and does its campaign serve it?
 *
 * A group is a range of the 10,000 buckets of hash version 2, in integers:
 * nothing of a user is stored, and the purchase path reads no row.
 */
#ifndef SS_AB_TESTS_H
#define SS_AB_TESTS_H

#include "postgres.h"

#include "utils/uuid.h"

#define SS_AB_GROUPS_MAX 10 /* control, eight variants, hold-out */

/* That of every test, and not read: ss_ab_group knows no other, and the constraint a_test_hashes_by_version_2 allows none. */
#define SS_AB_HASH_VERSION 2

typedef struct SSAbRange
{
	int32 start; /* first bucket that is in */
	int32 end;	 /* first one behind it */
} SSAbRange;

typedef struct SSAbTest
{
	int32 no;
	char *seed;
	int seed_length;
	char *namespace_seed;	   /* NULL = in no namespace */
	SSAbRange namespace_range; /* in the 1,000 buckets of hash version 1 */
	int32 segment_no;		   /* 0 = every user */
	bool control_outside;	   /* users outside of the test get the control's campaign */
	int ngroups;
	SSAbRange groups[SS_AB_GROUPS_MAX];

	/* the last user and its group: a purchase has several campaigns of one test */
	bool has_drawn;
	pg_uuid_t drawn_user;
	int drawn_group;
} SSAbTest;

#define SS_AB_OUTSIDE (-1)

/* The first of `buckets` whose share of 1 is not below the bound: ranges of doubles as integers, the same for every bucket. */
extern int32 ss_ab_bucket(double bound, int buckets);

/*
 * The ranges of n groups whose weights come to 1, each shrunk in place by the
 * coverage; in doubles and in the order in which SDKs work them out.
 */
extern void ss_ab_ranges(int n, double coverage, const double *weights, SSAbRange *ranges);

/* The user's group, or SS_AB_OUTSIDE; in_segment: is the user in the test's segment? */
extern int ss_ab_group(SSAbTest *test, const pg_uuid_t *user_id, bool in_segment);

/* Does the campaign of group `group_no` serve a user who is in that group of the test? */
extern bool ss_ab_serves(const SSAbTest *test, int group_no, int group);

#endif /* SS_AB_TESTS_H */
