/*
 * survey.c: what direct.c must know of the engine's tables
 * (survey.h).
 *
 * Called by direct.c. What the executor would do besides must not be missed, so
 * tables are only used directly where there is nothing else to do
 * (check_table): plain tables with exactly our columns and no triggers for what
 * we do, but those of foreign keys whose columns we don't change. Constraints
 * are evaluated only if there are others than ours: ours restate what the
 * engine computes. Where that or an index runs somebody's function, it does so
 * under the safe search_path. The judgement, with all OIDs, is kept until a
 * relcache invalidation of one of the tables. It locks tables and indexes, to
 * look at them, until the transaction ends.
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
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/errors.h"
#include "base/sentinel.h"
#include "direct/restore_guard.h"
#include "direct/survey.h"

const SSTableSpec ss_table_specs[SS_TABLES] = {
	[SS_REWARD_ACCOUNTS] = {"reward_accounts",
							SS_USE_UPDATE,
							"reward_accounts_pkey",
							{F_UUID_EQ},
							{"pending_points_are_not_negative", "lifetime_points_are_not_negative",
							 "points_before_a_lot_are_used_up"},
							13,
							{"user_id", "points_available", "points_pending", "lifetime_points", "tier", "tier_until",
							 "transaction_count", "spent_minor", "spent_currency", "points_debited", "lot_at",
							 "lot_before", "referral_for"}},
	[SS_USERS] = {"users",
				  SS_USE_READ,
				  "users_pkey",
				  {F_UUID_EQ},
				  {NULL},
				  7,
				  {"status", "email", "name", "phone", "created_at", "preferred_language", "notification_preferences"}},
	[SS_MERCHANTS] = {"merchants", SS_USE_READ, "merchants_pkey", {F_UUID_EQ}, {NULL}, 2, {"category", "name"}},
	[SS_ACCOUNTS] = {"accounts",
					 SS_USE_READ,
					 "accounts_pkey",
					 {F_UUID_EQ, F_UUID_EQ},
					 {NULL},
					 6,
					 {"type", "issuer", "card_type", "bank_name", "account_type", "last_four"}},
	[SS_SEGMENT_MEMBERS] =
		{"segment_members", SS_USE_READ, "segment_members_pkey", {F_UUID_EQ}, {NULL}, 1, {"segment_no"}},
	[SS_USER_BOOSTS] =
		{"user_boosts", SS_USE_READ, "user_boosts_pkey", {F_UUID_EQ}, {NULL}, 2, {"boost_id", "deactivated_at"}},
	[SS_TRANSACTIONS] = {"transactions",
						 SS_USE_INSERT,
						 "transactions_pkey",
						 {F_UUID_EQ, F_UUID_EQ},
						 {"transaction_amounts_are_not_negative", "a_discount_is_part_of_the_amount",
						  "a_refund_is_part_of_the_amount"},
						 19,
						 {"transaction_id", "user_id", "amount_minor", "occurred_at", "recorded_at", "points_base",
						  "points_bonus", "discount_minor", "refunded_minor", "points_refunded", "status", "currency",
						  "category_no", "request", "merchant_id", "account_id", "idempotency_key", "metadata",
						  "decision"}},
	[SS_TRANSACTION_KEYS] = {"transactions",
							 SS_USE_READ,
							 "an_idempotency_key_is_used_once_per_user",
							 {F_UUID_EQ, F_TEXTEQ},
							 {NULL},
							 0,
							 {NULL},
							 SS_TRANSACTIONS},
	[SS_POINTS_ENTRIES] = {"points_entries",
						   SS_USE_INSERT,
						   NULL,
						   {0},
						   {"an_entry_moves_points", "an_entry_has_two_accounts"},
						   10,
						   {"user_id", "entry_id", "points", "recorded_at", "kind", "debit_account", "credit_account",
							"campaign_no", "transaction_id", "reason"}},
	[SS_REDEMPTIONS] = {"campaign_redemptions",
						SS_USE_INSERT,
						"campaign_redemptions_campaign",
						{F_INT4EQ, F_UUID_EQ},
						{"redemption_amounts_are_not_negative", "a_returned_cost_is_part_of_the_cost"},
						11,
						{"user_id", "transaction_id", "campaign_no", "campaign_version", "points", "discount_minor",
						 "cost_minor", "cost_returned_minor", "day", "position", "counts"}},
	[SS_SLOTS] = {"campaign_slots",
				  SS_USE_UPDATE,
				  "campaign_slots_pkey",
				  {F_UUID_EQ, F_INT4EQ, F_DATE_EQ, F_INT4EQ},
				  {"a_slot_is_never_overspent"},
				  6,
				  {"slot_key", "campaign_no", "day", "slot", "used", "allotted"}},
	[SS_PURCHASES] = {"transactions",
					  SS_USE_READ,
					  "transactions_user",
					  {F_UUID_EQ},
					  {NULL},
					  0,
					  {NULL},
					  SS_TRANSACTIONS,
					  {"user_id", "occurred_at", "transaction_id", "amount_minor", "refunded_minor", "status",
					   "category_no", "currency", "merchant_id"}},
	[SS_ENTRIES] = {"points_entries",
					SS_USE_READ,
					"points_entries_pkey",
					{F_UUID_EQ},
					{NULL},
					0,
					{NULL},
					SS_POINTS_ENTRIES,
					{"user_id", "entry_id"}},
	[SS_CREDITS] = {"points_entries",
					SS_USE_READ,
					"points_entries_credits",
					{F_UUID_EQ},
					{NULL},
					0,
					{NULL},
					SS_POINTS_ENTRIES,
					{"user_id", "recorded_at"},
					true},
	[SS_ADJUSTMENTS] =
		{"points_adjustments", SS_USE_READ, "points_adjustments_pkey", {F_UUID_EQ, F_UUID_EQ}, {NULL}, 1, {"reason"}},
	[SS_BOOSTS] = {"boosts",
				   SS_USE_READ,
				   "boosts_pkey",
				   {F_UUID_EQ},
				   {NULL},
				   5,
				   {"name", "multiplier_milli", "category", "starts_at", "expires_at"}},
};

/* The types of these columns; 0 where it is an enum of ours. */
static const Oid column_types[SS_TABLES][SS_SURVEY_COLUMNS] = {
	[SS_REWARD_ACCOUNTS] = {UUIDOID, INT8OID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, BPCHAROID,
							INT8OID, TIMESTAMPTZOID, INT8OID, UUIDOID},
	[SS_USERS] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, JSONBOID},
	[SS_MERCHANTS] = {TEXTOID, TEXTOID},
	[SS_ACCOUNTS] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
	[SS_SEGMENT_MEMBERS] = {INT4OID},
	[SS_USER_BOOSTS] = {UUIDOID, TIMESTAMPTZOID},
	[SS_TRANSACTIONS] = {UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID,
						 INT8OID, 0, BPCHAROID, INT2OID, INT2OID, UUIDOID, UUIDOID, TEXTOID, JSONBOID, BYTEAOID},
	[SS_POINTS_ENTRIES] = {UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, 0, 0, 0, INT4OID, UUIDOID, TEXTOID},
	[SS_REDEMPTIONS] = {UUIDOID, UUIDOID, INT4OID, INT4OID, INT8OID, INT8OID, INT8OID, INT8OID, DATEOID, INT2OID,
						BOOLOID},
	[SS_SLOTS] = {UUIDOID, INT4OID, DATEOID, INT4OID, INT8OID, INT8OID},
	[SS_ADJUSTMENTS] = {TEXTOID},
	[SS_BOOSTS] = {TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
};

/* Columns that the engine leaves null at times, as bits. */
static const uint32 nullable[SS_TABLES] = {
	[SS_REWARD_ACCOUNTS] = 1 << ACCOUNT_TIER_UNTIL | 1 << ACCOUNT_REFERRER,
	[SS_TRANSACTIONS] = 1 << TRANSACTION_CATEGORY_NO | 1 << TRANSACTION_MERCHANT_ID | 1 << TRANSACTION_ACCOUNT_ID |
						1 << TRANSACTION_KEY | 1 << TRANSACTION_METADATA,
	[SS_POINTS_ENTRIES] = 1 << ENTRY_CAMPAIGN_NO | 1 << ENTRY_REASON,
};

static const struct
{
	const char *type;
	const char *label;
} label_specs[SS_LABELS] = {
	{"purchase_status", "pending"},	  {"purchase_status", "completed"}, {"purchase_status", "failed"},
	{"purchase_status", "cancelled"}, {"entry_kind", "earn"},			{"entry_kind", "bonus"},
	{"entry_kind", "referral"},		  {"entry_kind", "adjust"},			{"ledger_account", "available"},
	{"ledger_account", "pending"},	  {"ledger_account", "issuance"},
};

SSSurvey ss_survey;

static SSSentinel sentinel;
static Oid watched[2 * SS_TABLES]; /* the tables, then their indexes */

bool
ss_survey_is_known(void)
{
	return ss_survey.complete && ss_sentinel_holds(&sentinel, ss_survey.seen);
}

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
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
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
	if (rel->trigdesc == NULL)
		return false;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (use == SS_USE_INSERT && (trigger->tgtype & TRIGGER_TYPE_INSERT) != 0 && !ss_refuses_restores(trigger))
			return true;
		if (use == SS_USE_UPDATE && (trigger->tgtype & TRIGGER_TYPE_UPDATE) != 0 &&
			(RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE ||
			 !minds_only_the_key(rel, trigger->tgconstraint)))
			return true;
	}
	return false;
}

/* Does the index begin with these columns, ascending as the server orders them? */
static bool
has_order(Relation index, const char *const *columns)
{
	int nkeys = IndexRelationGetNumberOfKeyAttributes(index);

	for (int i = 0; i < SS_SURVEY_ENTRY && columns[i] != NULL; i++)
	{
		if (i >= IndexRelationGetNumberOfAttributes(index) ||
			get_attnum(index->rd_index->indrelid, columns[i]) != index->rd_index->indkey.values[i])
			return false;
		if (i < nkeys && (index->rd_indoption[i] != 0 || index->rd_opfamily[i] >= FirstNormalObjectId))
			return false;
	}
	return true;
}

static bool
check_index(SSTable table)
{
	const SSTableSpec *spec = &ss_table_specs[table];
	Relation index;
	bool usable;

	if (spec->index == NULL)
		return true;
	if (!OidIsValid(ss_survey.indexes[table]))
		return false;
	index = index_open(ss_survey.indexes[table], AccessShareLock);
	usable = index->rd_index->indrelid == ss_survey.relids[table] && index->rd_index->indisvalid &&
			 index->rd_rel->relam == BTREE_AM_OID;
	if (spec->entry[0] != NULL)
		usable = usable && has_order(index, spec->entry) &&
				 spec->partial == !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
	index_close(index, NoLock);
	return usable;
}

/* Finds a table's columns. No way of ours can do with others than those that the extension made. */
static void
check_columns(SSTable table, TupleDesc desc)
{
	for (int i = 0; i < ss_table_specs[table].ncolumns; i++)
	{
		AttrNumber number = get_attnum(ss_survey.relids[table], ss_table_specs[table].columns[i]);

		if (number == InvalidAttrNumber ||
			(column_types[table][i] != 0 && TupleDescAttr(desc, number - 1)->atttypid != column_types[table][i]))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" is not as the extension made it", ss_table_specs[table].name),
					errdetail("Column \"%s\" is gone or has another type.", ss_table_specs[table].columns[i]));
		ss_survey.columns[table][i] = number;
	}
}

/* Are there constraints that ours do not imply? The engine's rows satisfy ours. */
static bool
has_constraints(SSTable table, TupleDesc desc)
{
	const char *const *ours = ss_table_specs[table].checks;
	int nchecks = desc->constr == NULL ? 0 : desc->constr->num_check;

	for (int i = 0; i < nchecks; i++)
	{
		int j = 0;

		while (j < SS_SURVEY_CHECKS && ours[j] != NULL && strcmp(ours[j], desc->constr->check[i].ccname) != 0)
			j++;
		if (j == SS_SURVEY_CHECKS || ours[j] == NULL)
			return true;
	}
	for (int i = 0; i < ss_table_specs[table].ncolumns; i++)
	{
		if ((nullable[table] & (1u << i)) != 0 && TupleDescAttr(desc, ss_survey.columns[table][i] - 1)->attnotnull)
			return true;
	}
	return false;
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

/* Do index entries take functions that are not the server's? */
static bool
has_functions(Relation rel)
{
	List *indexes = RelationGetIndexList(rel);
	ListCell *cell;
	bool found = false;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= has_function((Node *) RelationGetIndexExpressions(index), NULL) ||
				 has_function((Node *) RelationGetIndexPredicate(index), NULL);
		for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
			found |= index->rd_opfamily[i] >= FirstNormalObjectId;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

/* Finds a table's columns and index; false where the executor is needed. */
static bool
check_table(SSTable table, Oid namespace)
{
	const SSTableSpec *spec = &ss_table_specs[table];
	Relation rel;
	TupleDesc desc;
	bool usable;

	ss_survey.relids[table] = get_relname_relid(spec->name, namespace);
	ss_survey.indexes[table] = spec->index == NULL ? InvalidOid : get_relname_relid(spec->index, namespace);
	watched[table] = ss_survey.relids[table];
	watched[SS_TABLES + table] = ss_survey.indexes[table];
	if (!OidIsValid(ss_survey.relids[table]))
		return false;
	rel = table_open(ss_survey.relids[table], AccessShareLock);
	desc = RelationGetDescr(rel);
	usable = rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID &&
			 rel->rd_rules == NULL && !rel->rd_rel->relrowsecurity && !rel->rd_rel->relispartition &&
			 !rel->rd_rel->relhassubclass;
	check_columns(table, desc);
	if (spec->use != SS_USE_READ)
	{
		usable = usable && desc->natts == spec->ncolumns && !has_trigger_for(rel, spec->use) &&
				 (desc->constr == NULL || !desc->constr->has_generated_stored);
		ss_survey.checks[table] = has_constraints(table, desc);
		ss_survey.runs_code |= ss_survey.checks[table] || has_functions(rel);
	}
	table_close(rel, NoLock);
	return usable && check_index(table);
}

static Oid
label_oid(const char *type, const char *label, Oid namespace)
{
	Oid typid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(type), ObjectIdGetDatum(namespace));

	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(typid), CStringGetDatum(label));
}

/* Takes stock of the tables. An invalidation or an error meanwhile makes the next call do it again. */
void
ss_survey_take(void)
{
	Oid namespace = get_namespace_oid("swipesavvy", false);

	memset(&ss_survey, 0, sizeof(ss_survey));
	memset(watched, 0, sizeof(watched));
	ss_survey.seen = ss_sentinel_watch_all(&sentinel, watched, lengthof(watched));
	for (int i = 0; i < SS_TABLES; i++)
	{
		if (check_table((SSTable) i, namespace))
			ss_survey.usable |= SS_ONE_TABLE(i);
	}
	for (int i = 0; i < SS_LABELS; i++)
	{
		ss_survey.labels[i] = label_oid(label_specs[i].type, label_specs[i].label, namespace);
		if (!OidIsValid(ss_survey.labels[i]))
			ss_survey.usable = 0;
	}
	/* Citus keeps ordinary tables in front of its shards: a write past the planner would be lost */
	if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		ss_survey.usable = 0;
	ss_survey.complete = true;
}
