/*
 * survey.c: whether our tables are as the extension made them (survey.h).
 *
 * Called by direct.c, rivals.c, tally.c and the audit log before they go past
 * the executor. What the executor would do besides must not be missed, so that
 * is only done where there is nothing else to do: plain tables with exactly
 * our columns, no triggers for what we do but those of foreign keys whose
 * columns we don't change, no functions of somebody else's. Further conditions
 * are evaluated, those of ours need not be: they restate what we compute. The
 * judgement is kept until a relcache invalidation of the table or its index.
 * Tables and indexes are locked, to look at them, until the transaction ends.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/readfuncs.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/made.h"
#include "base/query.h"
#include "base/sentinel.h"
#include "direct/restore_guard.h"
#include "direct/survey.h"

SSSurvey ss_survey;

/* What was found of a table holds until it, or its index, changes. */
static SSSentinel sentinels[SS_TABLES];
static Oid watched[SS_TABLES][2];
static uint64 seen[SS_TABLES];

/* Has an index been seen that only later transactions may use? */
static bool waiting;

static bool
is_known(SSTable table)
{
	return ss_sentinel_holds(&sentinels[table], seen[table]);
}

static bool
all_known(uint32 tables)
{
	for (int i = 0; i < SS_TABLES; i++)
	{
		if ((tables & SS_ONE_TABLE(i)) != 0 && !is_known((SSTable) i))
			return false;
	}
	return true;
}

/* --- triggers ---------------------------------------------------------------------------- */

/* Are all columns of an array of numbers among these? */
static bool
are_columns_of(Datum numbers, Bitmapset *columns)
{
	const ArrayType *array = DatumGetArrayTypeP(numbers);
	const int16 *items = (const int16 *) ARR_DATA_PTR(array);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	for (int i = 0; i < count; i++)
	{
		if (!bms_is_member(items[i] - FirstLowInvalidHeapAttributeNumber, columns))
			return false;
	}
	return true;
}

/* A foreign key to or from a table minds changes of its columns; those of the primary key we never change. */
static bool
minds_only_the_key(Relation rel, Oid constraint)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Bitmapset *key = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	Form_pg_constraint form;
	bool isnull;
	bool result = true;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	if (form->conrelid == RelationGetRelid(rel))
		result = are_columns_of(SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conkey, &isnull), key);
	if (form->confrelid == RelationGetRelid(rel))
		result = result && are_columns_of(SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey, &isnull), key);
	ReleaseSysCache(tuple);
	bms_free(key);
	return result;
}

/* Does a trigger want to see what we do? */
static bool
has_trigger_for(Relation rel, SSUse use)
{
	if (rel->trigdesc == NULL || use == SS_USE_READ)
		return false;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (use != SS_USE_UPDATE && (trigger->tgtype & TRIGGER_TYPE_INSERT) != 0 && !ss_refuses_restores(trigger))
			return true;
		if (use == SS_USE_UPDATE && (trigger->tgtype & TRIGGER_TYPE_UPDATE) != 0 &&
			(RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE ||
			 !minds_only_the_key(rel, trigger->tgconstraint)))
			return true;
	}
	return false;
}

/* --- indexes ----------------------------------------------------------------------------- */

/* Is the n-th column of the index that one, and ordered as the server orders its type if it is a key? */
static bool
is_column(Relation index, int n, const char *name, Oid type)
{
	Oid relid = index->rd_index->indrelid;
	AttrNumber number = get_attnum(relid, name);
	Oid type_there;
	Oid collation;
	int32 typmod;

	if (number == InvalidAttrNumber || n >= IndexRelationGetNumberOfAttributes(index) ||
		index->rd_index->indkey.values[n] != number)
		return false;
	get_atttypetypmodcoll(relid, number, &type_there, &typmod, &collation);
	if (type != 0 && type != type_there)
		return false;
	return n >= IndexRelationGetNumberOfKeyAttributes(index) ||
		   (index->rd_indoption[n] == 0 && index->rd_opcintype[n] == type && index->rd_indcollation[n] == collation &&
			index->rd_opfamily[n] == get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID)));
}

/* The condition as the server prints it under our search_path. */
static const char *
condition_text(Node *condition, Oid relid)
{
	return deparse_expression(condition, deparse_context_for(get_rel_name(relid), relid), false, false);
}

/* The predicate as it was written: that of the relation cache is prepared for the planner. */
static bool
has_predicate(Relation index, const char *wanted)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(RelationGetRelid(index)));
	bool isnull = true;
	Datum predicate = (Datum) 0;
	bool result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	predicate = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indpred, &isnull);
	if (wanted == NULL || isnull)
		result = (wanted == NULL && isnull);
	else
		result = strcmp(condition_text(stringToNode(TextDatumGetCString(predicate)), index->rd_index->indrelid),
						wanted) == 0;
	ReleaseSysCache(tuple);
	return result;
}

/* May every snapshot that is taken from now on use it? */
static bool
is_valid(Relation index)
{
	const FormData_pg_index *form = index->rd_index;

	if (!form->indisvalid || !form->indisready || !form->indislive)
		return false;
	if (!form->indcheckxmin ||
		TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		return true;
	waiting = true;
	return false;
}

static bool
has_shape(Relation index, const SSIndexSpec *shape)
{
	if (index->rd_rel->relam != BTREE_AM_OID || !is_valid(index) ||
		IndexRelationGetNumberOfKeyAttributes(index) < shape->nkeys)
		return false;
	if (shape->unique && (!index->rd_index->indisunique || !index->rd_index->indimmediate ||
						  IndexRelationGetNumberOfKeyAttributes(index) != shape->nkeys))
		return false;
	for (int i = 0; i < SS_INDEX_COLUMNS && shape->columns[i].name != NULL; i++)
	{
		if (!is_column(index, i, shape->columns[i].name, shape->columns[i].type))
			return false;
	}
	return has_predicate(index, shape->predicate);
}

Oid
ss_survey_find_index(Relation rel, const SSIndexSpec *shape)
{
	List *indexes = RelationGetIndexList(rel);
	Oid found = InvalidOid;
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (has_shape(index, shape))
			found = lfirst_oid(cell);
		index_close(index, NoLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

Oid
ss_survey_relid(SSTable table)
{
	Oid relid = get_relname_relid(ss_table_specs[table].name, get_namespace_oid("swipesavvy", false));

	if (!OidIsValid(relid))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"swipesavvy.%s\" does not exist", ss_table_specs[table].name));
	return relid;
}

bool
ss_survey_has_deltas(void)
{
	static SSSentinel sentinel;
	static uint64 looked = 0;

	if (!ss_sentinel_holds(&sentinel, looked))
		looked = ss_sentinel_watch(&sentinel, ss_table_specs[SS_DELTAS].name);
	return OidIsValid(sentinel.table);
}

bool
ss_survey_has_index(SSTable table)
{
	Relation rel = table_open(ss_survey_relid(table), AccessShareLock);
	Oid index = ss_survey_find_index(rel, &ss_table_specs[table].index);

	table_close(rel, NoLock);
	return OidIsValid(index);
}

static bool
is_no_server_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* Does an expression run functions that are not the server's? */
static bool
has_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) || check_functions_in_node(node, is_no_server_function, context) ||
		   expression_tree_walker(node, has_function, context);
}

/* Does it take more than the columns of a row and functions of the server to keep the index? */
static bool
is_special(Relation index, SSUse use)
{
	bool special = has_function((Node *) RelationGetIndexExpressions(index), NULL) ||
				   has_function((Node *) RelationGetIndexPredicate(index), NULL);

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		special |= index->rd_opfamily[i] >= FirstNormalObjectId;
	if (use == SS_USE_APPEND)
		special |= RelationGetIndexExpressions(index) != NIL || RelationGetIndexPredicate(index) != NIL ||
				   index->rd_index->indisexclusion || !index->rd_index->indimmediate;
	return special;
}

static bool
has_special_index(Relation rel, const SSTableSpec *spec)
{
	List *indexes = RelationGetIndexList(rel);
	ListCell *cell;
	bool found = false;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= spec->bare || is_special(index, spec->use);
		index_close(index, NoLock);
	}
	list_free(indexes);
	return found;
}

/* --- columns and conditions -------------------------------------------------------------------- */

static Oid
label_oid(Oid type, const char *label)
{
	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type), CStringGetDatum(label));
}

/* Finds the labels that are written to a column; false when its type has not got them. */
static bool
find_labels(SSTable table, int column, Oid type)
{
	bool all = true;

	for (int i = 0; i < SS_LABELS; i++)
	{
		if (ss_label_specs[i].table != table || ss_label_specs[i].column != column)
			continue;
		ss_survey.labels[i] = label_oid(type, ss_label_specs[i].label);
		all = all && OidIsValid(ss_survey.labels[i]);
	}
	return all && get_typtype(type) == TYPTYPE_ENUM;
}

pg_noreturn static void refuse_table(const char *table, const char *column);

static void
refuse_table(const char *table, const char *column)
{
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table \"%s\" is not as the extension made it", table),
			errdetail("Column \"%s\" is gone or has another type.", column));
}

/* The table that has the columns. */
static SSTable
heap_of(SSTable table)
{
	return ss_table_specs[table].heap != 0 ? ss_table_specs[table].heap : table;
}

/* Finds a table's columns, for that use. Nobody can do with others than those that the extension made. */
static bool
find_columns(SSTable table, TupleDesc desc, SSUse use)
{
	const SSTableSpec *spec = &ss_table_specs[table];
	SSSurveyedTable *found = &ss_survey.tables[table];
	bool written = (use != SS_USE_READ);
	bool usable = !written || desc->natts == spec->ncolumns;

	for (int i = 0; i < spec->ncolumns; i++)
	{
		const SSColumnSpec *column = &spec->columns[i];
		AttrNumber number = get_attnum(found->relid, column->name);
		Form_pg_attribute attribute = number > 0 ? TupleDescAttr(desc, number - 1) : NULL;

		if (attribute == NULL || (column->type != 0 && attribute->atttypid != column->type))
			refuse_table(spec->name, column->name);
		found->columns[i] = number;
		if (column->type == 0)
			usable = find_labels(table, i, attribute->atttypid) && usable;
		if (written)
			usable = usable && attribute->attgenerated == '\0' && attribute->attidentity == '\0' &&
					 attribute->atttypmod == (column->type == BPCHAROID ? VARHDRSZ + 3 : -1);
		if (use == SS_USE_APPEND)
			usable = usable && number == i + 1;
	}
	return usable;
}

/* Does a condition restate what we compute? */
static bool
is_implied(const SSTableSpec *spec, const char *text)
{
	for (int i = 0; i < SS_TABLE_CHECKS && spec->checks[i] != NULL; i++)
	{
		if (strcmp(spec->checks[i], text) == 0)
			return true;
	}
	return false;
}

/* Are there conditions that a row of ours may fail? *foreign: one runs a function that is not the server's. */
static bool
has_conditions(SSTable table, Relation rel, bool *foreign)
{
	const SSTableSpec *spec = &ss_table_specs[table];
	TupleDesc desc = RelationGetDescr(rel);
	int nchecks = desc->constr == NULL ? 0 : desc->constr->num_check;
	bool found = false;

	for (int i = 0; i < nchecks; i++)
	{
		Node *condition = stringToNode(desc->constr->check[i].ccbin);

		if (is_implied(spec, condition_text(condition, RelationGetRelid(rel))))
			continue;
		found = true;
		*foreign |= has_function(condition, NULL);
	}
	for (int i = 0; i < spec->ncolumns; i++)
		found |= spec->columns[i].nullable && TupleDescAttr(desc, ss_survey.tables[table].columns[i] - 1)->attnotnull;
	return found;
}

/* --- the judgement --------------------------------------------------------------------------------- */

bool
ss_survey_has_rows(Oid relid)
{
	Oid catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	Relation rel;
	SysScanDesc scan;
	HeapTuple tuple;
	bool distributed = false;

	if (!OidIsValid(catalog))
		return true;
	rel = table_open(catalog, AccessShareLock);
	if (get_attnum(catalog, "logicalrelid") != 1 || TupleDescAttr(RelationGetDescr(rel), 0)->atttypid != REGCLASSOID)
		distributed = true; /* a version that we do not know */
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!distributed && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;

		distributed = DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull)) == relid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return !distributed;
}

/* May the user do that with the table? The executor would ask. */
static bool
is_permitted(Oid relid, SSUse use)
{
	static const AclMode modes[] = {
		[SS_USE_READ] = 0, [SS_USE_INSERT] = ACL_INSERT, [SS_USE_UPDATE] = ACL_UPDATE, [SS_USE_APPEND] = ACL_INSERT};

	return (use == SS_USE_APPEND || pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK) &&
		   (use == SS_USE_READ || pg_class_aclcheck(relid, GetUserId(), modes[use]) == ACLCHECK_OK);
}

/* Is it a table like any other, in which there is nothing that the executor would have to do? */
static bool
is_plain(Relation rel, SSUse use)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID &&
		   rel->rd_rules == NULL && !rel->rd_rel->relrowsecurity && !rel->rd_rel->relispartition &&
		   !rel->rd_rel->relhassubclass && !has_trigger_for(rel, use) && is_permitted(RelationGetRelid(rel), use) &&
		   ss_survey_has_rows(RelationGetRelid(rel));
}

/* Finds a table's columns and index; false where the executor is needed. */
static bool
look_at_table(SSTable table, Oid relid)
{
	const SSTableSpec *spec = &ss_table_specs[table];
	SSSurveyedTable *found = &ss_survey.tables[table];
	bool foreign = false;
	bool usable;
	Relation rel;

	waiting = false;
	memset(found, 0, sizeof(*found));
	found->relid = relid;
	ss_survey.tables[heap_of(table)].relid = found->relid;
	rel = OidIsValid(found->relid) ? try_table_open(found->relid, AccessShareLock) : NULL;
	if (rel == NULL)
		return false;
	ss_made_check_table(rel); /* a query would refuse it, too */
	usable = find_columns(heap_of(table), RelationGetDescr(rel), spec->use) && is_plain(rel, spec->use);
	if (usable && spec->use != SS_USE_READ)
	{
		found->checks = has_conditions(table, rel, &foreign);
		usable = !foreign && !has_special_index(rel, spec) && !(found->checks && spec->use == SS_USE_APPEND);
	}
	if (usable && spec->index.nkeys > 0)
	{
		found->index = ss_survey_find_index(rel, &spec->index);
		usable = OidIsValid(found->index);
	}
	table_close(rel, NoLock);
	return usable;
}

/* An invalidation or an error meanwhile makes the next call look again. */
static void
survey(SSTable table, Oid namespace)
{
	uint64 begun;
	bool usable;

	watched[table][0] = get_relname_relid(ss_table_specs[table].name, namespace);
	watched[table][1] = InvalidOid;
	begun = ss_sentinel_watch_all(&sentinels[table], watched[table], lengthof(watched[table]));
	seen[table] = 0;
	ss_survey.usable &= ~SS_ONE_TABLE(table);
	usable = look_at_table(table, watched[table][0]);
	watched[table][1] = ss_survey.tables[table].index;
	if (usable)
		ss_survey.usable |= SS_ONE_TABLE(table);
	if (OidIsValid(watched[table][0]) && (usable || !waiting))
		seen[table] = begun;
}

bool
ss_survey_take(uint32 tables)
{
	if (!all_known(tables))
	{
		Oid namespace = get_namespace_oid("swipesavvy", false);

		ss_query_guard_path();
		for (int i = 0; i < SS_TABLES; i++)
		{
			if ((tables & SS_ONE_TABLE(i)) != 0 && !is_known((SSTable) i))
				survey((SSTable) i, namespace);
		}
	}
	return (~ss_survey.usable & tables) == 0;
}

bool
ss_survey_lock(uint32 tables, uint32 locked, LOCKMODE mode)
{
	do
	{
		if (!ss_survey_take(tables))
			return false;
		for (int i = 0; i < SS_TABLES; i++)
		{
			if ((locked & SS_ONE_TABLE(i)) != 0)
				LockRelationOid(ss_survey.tables[i].relid, mode);
		}
	} while (!all_known(tables));
	return true;
}
