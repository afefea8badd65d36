/*
 * made.c: whether the columns that a query reads have the types that the
 * extension gave them (made.h).
 *
 * Called by query.c for each query it runs. What was found of a plan and of a
 * table is kept until any table changes; then the next use looks again. Takes
 * no locks but those that the plan's tables have already.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"

#include "base/made.h"
#include "base/sentinel.h"

/* A plan or a table that was found to be right. */
typedef struct Checked
{
	uint64 key;
	uint64 seen; /* of `tables` then */
} Checked;

static SSSentinel tables; /* any change of any table counts */
static HTAB *checked = NULL;

static Checked *
find(uint64 key)
{
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(Checked), .hcxt = TopMemoryContext};
	Checked *entry;
	bool found;

	if (checked == NULL)
		checked = hash_create("swipesavvy checked plans", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	entry = hash_search(checked, &key, HASH_ENTER, &found);
	if (!found)
		entry->seen = 0;
	return entry;
}

static int
compare_columns(const void *a, const void *b)
{
	const SSMadeColumn *x = a;
	const SSMadeColumn *y = b;
	int order = strcmp(x->table, y->table);

	return order != 0 ? order : strcmp(x->column, y->column);
}

static void
check_columns(Relation rel, const char *table)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		SSMadeColumn key = {.table = table, .column = NameStr(TupleDescAttr(desc, i)->attname)};
		const SSMadeColumn *made;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		made = bsearch(&key, ss_made_columns, ss_made_columns_count, sizeof(SSMadeColumn), compare_columns);
		if (made != NULL && strcmp(made->type, format_type_be(TupleDescAttr(desc, i)->atttypid)) != 0)
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" is not as the extension made it", RelationGetRelationName(rel)),
					errdetail("Column \"%s\" is gone or has another type.", key.column));
	}
}

void
ss_made_check_table(Relation rel)
{
	char *schema = get_namespace_name(RelationGetNamespace(rel));

	if (rel->rd_rel->relkind == RELKIND_RELATION && schema != NULL && strncmp(schema, "swipesavvy", 10) == 0)
		check_columns(rel, psprintf("%s.%s", schema, RelationGetRelationName(rel)));
}

static void
check_table(Oid relid, uint64 seen)
{
	Checked *entry = find(relid);
	Relation rel;

	if (entry->seen == seen)
		return;
	rel = relation_open(relid, AccessShareLock);
	ss_made_check_table(rel);
	relation_close(rel, NoLock);
	entry->seen = seen;
}

void
ss_made_check(SPIPlanPtr plan)
{
	uint64 seen = ss_sentinel_watch_all(&tables, NULL, 0);
	Checked *entry = find((uint64) (uintptr_t) plan);
	ListCell *source;
	ListCell *relid;

	if (entry->seen == seen)
		return;
	foreach (source, SPI_plan_get_plan_sources(plan))
	{
		foreach (relid, ((CachedPlanSource *) lfirst(source))->relationOids)
			check_table(lfirst_oid(relid), seen);
	}
	find((uint64) (uintptr_t) plan)->seen = seen;
}
