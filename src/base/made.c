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
compare_tables(const void *a, const void *b)
{
	return strcmp(((const SSMadeTable *) a)->name, ((const SSMadeTable *) b)->name);
}

/* Whether the column has the type of its entry, if it has one: whoever adds a column may do so. */
static bool
is_as_made(const char *columns, const char *name, Oid type)
{
	size_t length = strlen(name);

	for (const char *entry = columns; *entry != '\0';)
	{
		size_t whole = strcspn(entry, ",");

		if (strncmp(entry, name, length) == 0 && entry[length] == ' ')
		{
			const char *made = entry + length + 1;
			const char *is = format_type_be(type);

			return strlen(is) == whole - length - 1 && strncmp(made, is, whole - length - 1) == 0;
		}
		entry += whole;
		entry += strspn(entry, ", ");
	}
	return true;
}

static void
check_columns(Relation rel, const char *table)
{
	TupleDesc desc = RelationGetDescr(rel);
	SSMadeTable key = {.name = table};
	const SSMadeTable *made = bsearch(&key, ss_made_tables, ss_made_tables_count, sizeof(SSMadeTable), compare_tables);

	for (int i = 0; made != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && !is_as_made(made->columns, NameStr(column->attname), column->atttypid))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" is not as the extension made it", RelationGetRelationName(rel)),
					errdetail("Column \"%s\" is gone or has another type.", NameStr(column->attname)));
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
