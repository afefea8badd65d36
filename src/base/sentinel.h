/*
 * sentinel.h: tells what this backend keeps of tables that they have changed.
 *
 * Usage:
 *
 *		static SSSentinel sentinel;
 *		static uint64 seen;			0: nothing is kept
 *
 *		if (!ss_sentinel_holds(&sentinel, seen))
 *		{
 *			seen = ss_sentinel_watch(&sentinel, "merchant_sentinel");
 *			... read anew what is kept ...
 *		}
 *
 * A change that comes while it is read makes the two differ again.
 */
#ifndef SS_SENTINEL_H
#define SS_SENTINEL_H

#include "postgres.h"

typedef struct SSSentinel
{
	uint64 changes;	   /* of what is watched, counted from 1 on; 0: nothing has been watched yet */
	const Oid *relids; /* tables and indexes that are watched, the owner's to keep */
	int count;		   /* 0: any change of any table counts */
	Oid table;		   /* of ss_sentinel_watch */
	struct SSSentinel *next;
} SSSentinel;

/* The empty table rule_sentinel: a change of it stands for one of settings, rules or whatever the programme is made of. */
extern SSSentinel ss_rule_sentinel;

/* Watches a table of ours from now on, or any while there is none of that name. Returns the present count of changes. */
extern uint64 ss_sentinel_watch(SSSentinel *sentinel, const char *table);

/* The same for these tables and indexes; the array may change while it is watched, but not move. */
extern uint64 ss_sentinel_watch_all(SSSentinel *sentinel, const Oid *relids, int count);

/* Is what was read when the count was `seen` still as it was? 0: nothing was read. */
static inline bool
ss_sentinel_holds(const SSSentinel *sentinel, uint64 seen)
{
	return seen != 0 && seen == sentinel->changes;
}

/* The count, after all that other backends have told. */
extern uint64 ss_sentinel_changes(const SSSentinel *sentinel);

/* Called by _PG_init. */
extern void ss_sentinel_init(void);

#endif /* SS_SENTINEL_H */
