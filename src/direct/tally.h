/*
 * tally.h: how many rows of a table a list shows, exactly, without reading
 * again what has not changed since they were counted before.
 */
#ifndef SS_TALLY_H
#define SS_TALLY_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "direct/tables.h"

/* Of one table; declared static by who counts, with the first three members set. */
typedef struct SSTally
{
	SSTable table;
	int column;		 /* of type text; rows with … */
	const char *but; /* … this value don't count */
	Oid relid;		 /* what the pages below are those of */
	Oid storage;
	uint32 npages;
	struct SSTallyPage *pages; /* NULL until first used */
} SSTally;

/*
 * How many rows the active snapshot sees; -1 where only a query can say. The
 * caller is swipesavvy_owner, as for queries.
 */
extern int64 ss_tally_count(SSTally *tally);

#endif /* SS_TALLY_H */
