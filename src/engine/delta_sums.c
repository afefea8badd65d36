/*
 * delta_sums.c: deltas unpacked and summed (deltas.h).
 *
 * Called by those who change a purchase (fact_changes.c) and by the readers of
 * analytics. No locks.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/array.h"
#include "base/compat.h"
#include "engine/deltas.h"

SSDeltaSums *
ss_delta_sums_begin(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "swipesavvy deltas", ALLOCSET_DEFAULT_SIZES);
	SSDeltaSums *sums = MemoryContextAllocZero(context, sizeof(SSDeltaSums));
	HASHCTL control = {.keysize = sizeof(SSDeltaKey), .entrysize = sizeof(SSDelta), .hcxt = context};

	sums->context = context;
	sums->table = hash_create("swipesavvy deltas", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return sums;
}

/* sum := sum + sign * measures; false, and nothing is done, where that is too large for an integer. */
static bool
add_measures(int64 *sum, const int64 *measures, int sign)
{
	int64 result[SS_MEASURES];

	for (int i = 0; i < SS_MEASURES; i++)
	{
		if (sign > 0 ? pg_add_s64_overflow(sum[i], measures[i], &result[i])
					 : pg_sub_s64_overflow(sum[i], measures[i], &result[i]))
			return false;
	}
	memcpy(sum, result, sizeof(result));
	return true;
}

void
ss_delta_sums_add(SSDeltaSums *sums, const SSDelta *delta, int sign)
{
	bool found;
	SSDelta *sum = hash_search(sums->table, &delta->key, HASH_ENTER, &found);

	if (!found)
		memset(sum->measures, 0, sizeof(sum->measures));
	if (add_measures(sum->measures, delta->measures, sign))
		return;
	sums->full = ss_array_grow_in(sums->context, sums->full, sums->nfull, sizeof(SSDelta));
	sums->full[sums->nfull++] = *sum;
	memset(sum->measures, 0, sizeof(sum->measures));
	if (!add_measures(sum->measures, delta->measures, sign))
		elog(ERROR, "a delta is out of range");
}

static bool
is_nothing(const SSDelta *delta)
{
	for (int i = 0; i < SS_MEASURES; i++)
	{
		if (delta->measures[i] != 0)
			return false;
	}
	return true;
}

SSDelta *
ss_delta_sums_all(const SSDeltaSums *sums, int *count)
{
	SSDelta *all =
		palloc_extended((hash_get_num_entries(sums->table) + sums->nfull + 1) * sizeof(SSDelta), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS status;
	SSDelta *sum;
	int n = 0;

	for (int i = 0; i < sums->nfull; i++)
		all[n++] = sums->full[i];
	hash_seq_init(&status, sums->table);
	while ((sum = hash_seq_search(&status)) != NULL)
	{
		if (!is_nothing(sum))
			all[n++] = *sum;
	}
	*count = n;
	return all;
}
