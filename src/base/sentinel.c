/*
 * sentinel.c: tells what this backend keeps of tables that they have changed
 * (sentinel.h).
 *
 * Called by every cache of the library. A backend has ten places for relcache
 * callbacks, and ends when an eleventh is asked for; the server and all other
 * extensions share them. So the library has one, for all its caches. It may run
 * at any place where a lock is taken: it only counts. Nothing is locked.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "base/sentinel.h"

SSSentinel ss_rule_sentinel = {.changes = 1};

static SSSentinel *sentinels = &ss_rule_sentinel; /* all that were ever watched */

/* relid: InvalidOid when everything may have changed. */
static bool
is_watched(const SSSentinel *sentinel, Oid relid)
{
	if (!OidIsValid(relid) || sentinel->count == 0)
		return true;
	for (int i = 0; i < sentinel->count; i++)
	{
		if (sentinel->relids[i] == relid)
			return true;
	}
	return false;
}

static void
on_relcache_invalidation(Datum arg, Oid relid)
{
	for (SSSentinel *sentinel = sentinels; sentinel != NULL; sentinel = sentinel->next)
	{
		if (is_watched(sentinel, relid))
			sentinel->changes++;
	}
}

void
ss_sentinel_init(void)
{
	CacheRegisterRelcacheCallback(on_relcache_invalidation, (Datum) 0);
}

uint64
ss_sentinel_watch_all(SSSentinel *sentinel, const Oid *relids, int count)
{
	sentinel->relids = relids;
	sentinel->count = count;
	if (sentinel->changes == 0)
	{
		sentinel->changes = 1;
		sentinel->next = sentinels;
		sentinels = sentinel;
	}
	return sentinel->changes;
}

uint64
ss_sentinel_watch(SSSentinel *sentinel, const char *table)
{
	sentinel->table = get_relname_relid(table, get_namespace_oid("swipesavvy", false));
	return ss_sentinel_watch_all(sentinel, &sentinel->table, OidIsValid(sentinel->table) ? 1 : 0);
}

uint64
ss_sentinel_changes(const SSSentinel *sentinel)
{
	AcceptInvalidationMessages();
	return sentinel->changes;
}
