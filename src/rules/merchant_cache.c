/*
 * merchant_cache.c: the categories of merchants that this backend has looked
 * up (merchant_cache.h).
 *
 * Called by chunk.c for each purchase at a merchant. No locks: a purchase needs
 * to know of a merchant that it exists and its category, and neither often
 * changes.
 *
 * What tells that one did is a relcache invalidation of the empty table
 * merchant_sentinel, which row triggers of merchants send (rules.c): then all is
 * forgotten, as it is with new rules, whose category numbers may be others.
 * Merchants that are not there are not remembered, nor are rows of the present
 * transaction, which may never have been: so a new merchant tells nothing to
 * anybody.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/sentinel.h"
#include "rules/merchant_cache.h"

#define MAX_MERCHANTS 16384 /* about a megabyte */

typedef struct Merchant
{
	pg_uuid_t id;
	int16 category_no;
} Merchant;

static struct HTAB *merchants = NULL;
static uint64 generation; /* of the rules by which they were numbered */
static SSSentinel sentinel;
static uint64 seen = 0; /* of the sentinel when `merchants` was begun */

static void
begin_anew(const SSRules *rules)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(Merchant)};

	if (merchants != NULL)
		hash_destroy(merchants);
	merchants = NULL;
	seen = ss_sentinel_watch(&sentinel, "merchant_sentinel");
	generation = rules->generation;
	merchants = hash_create("swipesavvy merchants", 256, &control, HASH_ELEM | HASH_BLOBS);
}

int16
ss_merchant_cache_find(const SSRules *rules, const pg_uuid_t *merchant_id)
{
	const Merchant *merchant;

	if (!ss_sentinel_holds(&sentinel, seen) || generation != rules->generation)
		begin_anew(rules);
	merchant = hash_search(merchants, merchant_id, HASH_FIND, NULL);
	return merchant == NULL ? 0 : merchant->category_no;
}

void
ss_merchant_cache_keep(const SSRules *rules, const pg_uuid_t *merchant_id, int16 category_no)
{
	Merchant *merchant;

	if (!ss_sentinel_holds(&sentinel, seen) || generation != rules->generation)
		return; /* it may be what was before the change */
	if (hash_get_num_entries(merchants) == MAX_MERCHANTS)
		begin_anew(rules);
	merchant = hash_search(merchants, merchant_id, HASH_ENTER, NULL);
	merchant->category_no = category_no;
}
