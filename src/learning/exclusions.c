/*
 * exclusions.c: merchants of which nothing is learned (exclusions.h).
 *
 * Called by whoever reads histories. Kept for this backend in a context of its
 * own; triggers of merchants and ml_excluded_mccs tell by the empty table
 * learning_sentinel when another merchant is excluded, or one no longer. No locks.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/query.h"
#include "base/sentinel.h"
#include "learning/exclusions.h"

SS_QUERY(select_excluded, "SELECT m.merchant_id FROM swipesavvy.merchants m"
						  "  JOIN swipesavvy.ml_excluded_mccs x ON x.mcc = m.mcc AND x.excluded");

static struct HTAB *excluded = NULL;
static SSSentinel sentinel;
static uint64 seen = 0;

void
ss_exclusions_get(void)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(pg_uuid_t)};
	struct HTAB *before = excluded;
	uint64 now;
	SSRows rows;

	if (ss_sentinel_holds(&sentinel, seen))
		return;
	seen = 0;
	excluded = NULL;
	if (before != NULL)
		hash_destroy(before);
	now = ss_sentinel_watch(&sentinel, "learning_sentinel");
	rows = ss_rows_latest(&select_excluded, NULL, NULL);
	excluded = hash_create("swipesavvy excluded merchants", 64, &control, HASH_ELEM | HASH_BLOBS);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		(void) hash_search(excluded, ss_next_uuid(&row), HASH_ENTER, NULL);
	}
	ss_rows_free(&rows);
	seen = now;
}

bool
ss_exclusions_have(const pg_uuid_t *merchant_id)
{
	return hash_get_num_entries(excluded) > 0 && hash_search(excluded, merchant_id, HASH_FIND, NULL) != NULL;
}
