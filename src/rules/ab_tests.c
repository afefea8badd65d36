/*
 * ab_tests.c: who is in which group of an A/B test.
 *
 * Called by the engine for campaigns in a running test, and by
 * assign_ab_test() and the statistics, so that all of them agree. Pure but
 * for the last draw of each test, which is kept in it; no locks.
 */
#include "postgres.h"

#include "base/args.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "rules/ab_tests.h"

#define BUCKETS			  10000
#define NAMESPACE_BUCKETS 1000
#define UUID_LENGTH		  36

int32
ss_ab_bucket(double bound, int buckets)
{
	int32 low = 0;
	int32 high = buckets;

	while (low < high)
	{
		int32 middle = (low + high) / 2;

		if ((double) middle / buckets >= bound)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void
ss_ab_ranges(int n, double coverage, const double *weights, SSAbRange *ranges)
{
	double start = 0;

	for (int i = 0; i < n; i++)
	{
		ranges[i].start = ss_ab_bucket(start, BUCKETS);
		ranges[i].end = ss_ab_bucket(start + coverage * weights[i], BUCKETS);
		start += weights[i];
	}
}

static bool
in_range(const SSAbRange *range, int32 bucket)
{
	return bucket >= range->start && bucket < range->end;
}

static int
draw(const SSAbTest *test, const pg_uuid_t *user_id)
{
	const char *value = ss_uuid_text(user_id);
	int32 bucket;

	if (test->namespace_seed != NULL &&
		!in_range(&test->namespace_range,
				  (int32) ss_hash_v1(test->namespace_seed, (int) strlen(test->namespace_seed), value, UUID_LENGTH)))
		return SS_AB_OUTSIDE;
	bucket = (int32) ss_hash_v2(test->seed, test->seed_length, value, UUID_LENGTH);
	for (int i = 0; i < test->ngroups; i++)
	{
		if (in_range(&test->groups[i], bucket))
			return i;
	}
	return SS_AB_OUTSIDE;
}

int
ss_ab_group(SSAbTest *test, const pg_uuid_t *user_id, bool in_segment)
{
	if (!in_segment)
		return SS_AB_OUTSIDE;
	if (!test->has_drawn || !ss_uuid_equal(&test->drawn_user, user_id))
	{
		test->drawn_group = draw(test, user_id);
		test->drawn_user = *user_id;
		test->has_drawn = true;
	}
	return test->drawn_group;
}

bool
ss_ab_serves(const SSAbTest *test, int group_no, int group)
{
	return group == SS_AB_OUTSIDE ? test->control_outside && group_no == 0 : group == group_no;
}
