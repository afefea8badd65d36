/*
 * flag_import.c: flags come from a document of the form that SDKs load, so
 * that they are carried from one database to another.
 *
 * SQL entry point import_flags_document. A feature says less than a flag: it is
 * read back as the flag whose feature it would be (get_flags_document), and
 * what it does not say stays as it is or is what create_flag takes. Each flag
 * is a subtransaction of its own; parents come before what needs them. The row
 * of a flag that is replaced is locked first.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "flags/flag_check.h"
#include "flags/flag_record.h"

PG_FUNCTION_INFO_V1(swipesavvy_import_flags_document);

#define FEATURES_MAX 1000

/* What a feature says of a flag; NULL where it says nothing. */
typedef struct Definition
{
	const char *value_type;
	SSNode *default_value;
	SSNode *value;
	SSNode *targeting;
	SSNode *rules;
	SSNode *prerequisites;
	SSNode *hash_attribute;
	SSNode *seed;
	bool says_sticky;
	bool sticky;
	int bp; /* of the roll-out */
} Definition;

typedef enum Outcome
{
	CREATED,
	UPDATED,
	UNCHANGED,
	OUTCOMES
} Outcome;

typedef struct Import
{
	SSCall *call;
	bool replace;
	char *reason;
	SSNode *features;
	bool *done;
	const char *key; /* of the feature that is read */
	SSNode *feature;
	SSFlagSet *set;
	Outcome outcome;
	int counts[OUTCOMES];
} Import;

SS_QUERY(find_flag, "SELECT FROM swipesavvy.feature_flags WHERE flag_key = $1", TEXTOID);

/* Seed and hash attribute come as JSON, in which texts are converted. */
SS_QUERY(
	insert_flag,
	"INSERT INTO swipesavvy.feature_flags AS f (flag_key, name, value_type, default_value, value, targeting, rules, prerequisites,"
	"    hash_attribute, seed, sticky, created_by, updated_by)"
	" VALUES ($1, $1, $2, $3, $4, $5, $6, $7, coalesce($8 #>> '{}', 'id'), coalesce($9 #>> '{}', $1), $10, $11, $11)"
	" RETURNING f.flag_no, f",
	TEXTOID, TEXTOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, BOOLOID, UUIDOID);
SS_QUERY(
	replace_flag,
	"UPDATE swipesavvy.feature_flags f SET default_value = $2, value = $3, targeting = $4, rules = $5, prerequisites = $6,"
	"    hash_attribute = coalesce($7 #>> '{}', f.hash_attribute), sticky = $8, version = f.version + 1,"
	"    updated_at = statement_timestamp(), updated_by = $9"
	" WHERE f.flag_no = $1 RETURNING f.version, f",
	INT4OID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, BOOLOID, UUIDOID);

/* --- a feature as a flag ------------------------------------------------------------------------ */

static SSNode *
made(SSNode value)
{
	SSNode *node = palloc(sizeof(SSNode));

	*node = value;
	return node;
}

static void
refuse(const char *place, const char *reason)
{
	ss_bad_value("document", "At %s: %s.", place, reason);
}

static void
check_members(SSNode *object, const char *const *allowed, const char *place)
{
	if (!ss_node_is(object, SS_NODE_OBJECT))
		refuse(place, "it is not an object");
	(void) ss_node_items(object);
	for (int i = 0; i < object->count; i++)
	{
		if (!ss_text_is_one_of(object->keys[i], allowed))
			refuse(psprintf("%s.%.*s", place, object->keys[i].length, object->keys[i].data), "there is no such key");
	}
}

static bool
is_text(SSNode *value, const char *text)
{
	return ss_node_is(value, SS_NODE_STRING) && ss_text_equals(ss_node_string(value), (SSText){text, strlen(text)});
}

/* Is it the rule that get_flags_document makes of a roll-out? */
static bool
is_rollout(SSNode *rule)
{
	static const char *const keys[] = {"id",
									   "force",
									   "condition",
									   "coverage",
									   "hashAttribute",
									   "seed",
									   "hashVersion",
									   "parentConditions",
									   "disableStickyBucketing",
									   NULL};
	SSNode *id = ss_node_get(rule, SS_TEXT("id"));
	SSNode *version = ss_node_get(rule, SS_TEXT("hashVersion"));

	if (!is_text(id, "rollout") || ss_node_get(rule, SS_TEXT("force")) == NULL)
		return false;
	for (int i = 0; i < rule->count; i++)
	{
		if (!ss_text_is_one_of(rule->keys[i], keys))
			return false;
	}
	return ss_node_get(rule, SS_TEXT("coverage")) == NULL ||
		   (ss_node_is(version, SS_NODE_NUMBER) && version->number == 2);
}

static void
read_rollout(Definition *definition, SSNode *rule)
{
	SSNode *coverage = ss_node_get(rule, SS_TEXT("coverage"));

	definition->value = ss_node_get(rule, SS_TEXT("force"));
	definition->targeting = ss_node_get(rule, SS_TEXT("condition"));
	if (definition->targeting == NULL)
		definition->targeting = made(ss_node_object());
	if (coverage == NULL)
		return;
	definition->bp = ss_node_is(coverage, SS_NODE_NUMBER) ? (int) rint(coverage->number * SS_EVERYBODY_BP) : -1;
	if (definition->bp < 0 || definition->bp > SS_EVERYBODY_BP ||
		fabs(coverage->number * SS_EVERYBODY_BP - definition->bp) > 1e-6)
		refuse("rollout.coverage", "it is not a number from 0 to 1 with at most four decimals");
	definition->hash_attribute = ss_node_present(rule, SS_TEXT("hashAttribute"));
	definition->seed = ss_node_present(rule, SS_TEXT("seed"));
	if ((definition->hash_attribute != NULL && !ss_node_is(definition->hash_attribute, SS_NODE_STRING)) ||
		(definition->seed != NULL && !ss_node_is(definition->seed, SS_NODE_STRING)))
		refuse("rollout", "hashAttribute and seed are texts");
}

static int
count_of(SSNode *array)
{
	return ss_node_is(array, SS_NODE_ARRAY) ? array->count : 0;
}

/* How many of the parents of all rules are the same, in the same order: none with a gate, which no flag has for all rules. */
static int
common_parents(SSNode *rules)
{
	SSNode *first = ss_node_get(&rules->items[0], SS_TEXT("parentConditions"));
	int common = count_of(first);

	for (int i = 0; i < rules->count; i++)
	{
		SSNode *parents = ss_node_get(&rules->items[i], SS_TEXT("parentConditions"));
		int same = 0;

		while (same < common && same < count_of(parents) &&
			   !ss_node_truthy(ss_node_get(&ss_node_items(parents)[same], SS_TEXT("gate"))) &&
			   ss_node_deeply_equal(&ss_node_items(first)[same], &ss_node_items(parents)[same]))
			same++;
		common = same;
	}
	return common;
}

/* A part of an array. */
static SSNode
part_of(SSNode *array, int from, int to)
{
	SSNode part = ss_node_array(to - from);

	for (int i = from; i < to; i++)
		part.items[i - from] = ss_node_items(array)[i];
	return part;
}

/* Gives an object members of its own, so that a change of it is none of the document. */
static void
own_members(SSNode *object)
{
	SSNode *items = palloc(sizeof(SSNode) * Max(object->count, 1));
	SSText *keys = palloc(sizeof(SSText) * Max(object->count, 1));

	memcpy(items, ss_node_items(object), sizeof(SSNode) * object->count);
	memcpy(keys, object->keys, sizeof(SSText) * object->count);
	object->items = items;
	object->keys = keys;
}

/* {"value": true} is what a prerequisite asks for unless it says otherwise. */
static SSNode *
without_defaults(SSNode *prerequisites)
{
	SSNode *shorter = made(part_of(prerequisites, 0, prerequisites->count));
	SSNode is_true = ss_node_object();

	ss_node_set_bool(&is_true, SS_TEXT("value"), true);
	for (int i = 0; i < shorter->count; i++)
	{
		SSNode *condition = ss_node_get(&shorter->items[i], SS_TEXT("condition"));

		if (condition == NULL || !ss_node_deeply_equal(condition, &is_true))
			continue;
		own_members(&shorter->items[i]);
		ss_node_remove(&shorter->items[i], SS_TEXT("condition"));
	}
	return shorter;
}

/* What all rules need becomes the flag's prerequisites. */
static void
take_prerequisites(Definition *definition, SSNode *rules, int common)
{
	if (rules->count == 0)
		return;
	definition->prerequisites =
		made(common == 0 ? ss_node_array(0)
						 : part_of(ss_node_get(&rules->items[0], SS_TEXT("parentConditions")), 0, common));
	for (int i = 0; common > 0 && i < rules->count; i++)
	{
		SSNode *parents = ss_node_get(&rules->items[i], SS_TEXT("parentConditions"));
		SSNode own = part_of(parents, common, parents->count);

		if (own.count == 0)
			ss_node_remove(&rules->items[i], SS_TEXT("parentConditions"));
		else
			ss_node_set(&rules->items[i], SS_TEXT("parentConditions"), &own);
	}
	definition->prerequisites = without_defaults(definition->prerequisites);
}

static bool
has_keys_for_variations(SSNode *rule)
{
	SSNode *variations = ss_node_present(rule, SS_TEXT("variations"));
	SSNode *meta = ss_node_present(rule, SS_TEXT("meta"));

	if (variations == NULL || ss_node_get(rule, SS_TEXT("force")) != NULL)
		return true;
	if (count_of(meta) == 0 || count_of(meta) != count_of(variations))
		return false;
	for (int i = 0; i < meta->count; i++)
	{
		SSNode *key = ss_node_get(&ss_node_items(meta)[i], SS_TEXT("key"));

		if (!ss_node_is(key, SS_NODE_STRING) || key->count == 0)
			return false;
		for (int j = 0; j < i; j++)
		{
			if (ss_node_deeply_equal(key, ss_node_get(&meta->items[j], SS_TEXT("key"))))
				return false;
		}
	}
	return true;
}

/* A flag is sticky if none of its rules says otherwise, and it can be; what every rule says is the flag's. */
static void
take_stickiness(Definition *definition, SSNode *rules)
{
	int disabled = 0;

	definition->says_sticky = rules->count > 0;
	definition->sticky =
		definition->hash_attribute == NULL || ss_text_equals(ss_node_string(definition->hash_attribute), SS_TEXT("id"));
	for (int i = 0; i < rules->count; i++)
	{
		disabled += ss_node_truthy(ss_node_get(&rules->items[i], SS_TEXT("disableStickyBucketing")));
		definition->sticky &= has_keys_for_variations(&rules->items[i]);
	}
	definition->sticky &= disabled < rules->count;
	for (int i = 0; disabled == rules->count && i < rules->count; i++)
		ss_node_remove(&rules->items[i], SS_TEXT("disableStickyBucketing"));
}

/* Are the keys of the variations the names that groups of a test have: control, variant_1, …? */
static bool
has_names_of_groups(SSNode *rule)
{
	SSNode *meta = ss_node_get(rule, SS_TEXT("meta"));

	if (count_of(meta) < 2 || count_of(meta) != count_of(ss_node_get(rule, SS_TEXT("variations"))))
		return false;
	for (int i = 0; i < meta->count; i++)
	{
		char *name = i == 0 ? "control" : psprintf("variant_%d", i);

		if (!is_text(ss_node_get(&ss_node_items(meta)[i], SS_TEXT("key")), name))
			return false;
	}
	return true;
}

/*
 * Is it the rule that get_flags_document adds for a running A/B test? It is no
 * rule of the flag: it goes when the test ends, and another database has tests of its own.
 */
static bool
is_of_test(SSNode *rule)
{
	static const char *const keys[] = {
		"id",		  "key",	 "seed", "hashVersion", "hashAttribute", "coverage",		 "bucketVersion",
		"variations", "weights", "meta", "condition",	"namespace",	 "parentConditions", "disableStickyBucketing",
		NULL};
	SSNode *id = ss_node_get(rule, SS_TEXT("id"));
	SSNode *version = ss_node_get(rule, SS_TEXT("hashVersion"));

	(void) ss_node_items(rule);
	for (int i = 0; i < rule->count; i++)
	{
		if (!ss_text_is_one_of(rule->keys[i], keys))
			return false;
	}
	return ss_node_is(id, SS_NODE_STRING) && ss_node_strictly_equal(id, ss_node_get(rule, SS_TEXT("key"))) &&
		   ss_node_is(version, SS_NODE_NUMBER) && version->number == 2 &&
		   is_text(ss_node_get(rule, SS_TEXT("hashAttribute")), "id") && ss_node_get(rule, SS_TEXT("seed")) != NULL &&
		   ss_node_get(rule, SS_TEXT("coverage")) != NULL && ss_node_get(rule, SS_TEXT("bucketVersion")) != NULL &&
		   ss_node_get(rule, SS_TEXT("weights")) != NULL && has_names_of_groups(rule);
}

static void
leave_out_tests(SSNode *rules)
{
	int count = 0;

	for (int i = 0; i < rules->count; i++)
	{
		if (!is_of_test(&rules->items[i]))
			rules->items[count++] = rules->items[i];
	}
	rules->count = count;
}

static void
read_rules(Definition *definition, SSNode *given)
{
	SSNode rules;
	int count;
	int common;

	if (!ss_node_is(given, SS_NODE_ARRAY))
		refuse("rules", "it is not an array");
	for (int i = 0; i < given->count; i++)
	{
		if (!ss_node_is(&ss_node_items(given)[i], SS_NODE_OBJECT))
			refuse(psprintf("rules[%d]", i), "it is not an object");
	}
	rules = part_of(given, 0, given->count);
	for (int i = 0; i < rules.count; i++)
		own_members(&rules.items[i]);
	count = rules.count;
	common = count == 0 ? 0 : common_parents(&rules);
	definition->bp = 0;
	/* a roll-out has the flag's prerequisites and no others */
	if (count > 0 && is_rollout(&rules.items[count - 1]) &&
		count_of(ss_node_get(&rules.items[count - 1], SS_TEXT("parentConditions"))) == common)
	{
		definition->bp = SS_EVERYBODY_BP;
		read_rollout(definition, &rules.items[count - 1]);
	}
	take_prerequisites(definition, &rules, common);
	take_stickiness(definition, &rules);
	if (definition->value != NULL)
		rules.count--;
	leave_out_tests(&rules);
	definition->rules = made(rules);
}

/* The type of which all values are; json if they differ. */
static const char *
type_of_values(const Definition *definition)
{
	SSNodeKind kind = definition->default_value->kind;
	bool one = definition->value == NULL || definition->value->kind == kind;

	for (int i = 0; i < count_of(definition->rules); i++)
	{
		SSNode *rule = &definition->rules->items[i];
		SSNode *force = ss_node_get(rule, SS_TEXT("force"));
		SSNode *variations = force != NULL ? NULL : ss_node_get(rule, SS_TEXT("variations"));

		one &= force == NULL || force->kind == kind;
		for (int j = 0; j < count_of(variations); j++)
			one &= ss_node_items(variations)[j].kind == kind;
	}
	if (!one)
		return "json";
	switch (kind)
	{
		case SS_NODE_BOOL:
			return "boolean";
		case SS_NODE_STRING:
			return "string";
		case SS_NODE_NUMBER:
			return "number";
		default:
			return "json";
	}
}

static void
read_feature(Definition *definition, SSNode *feature)
{
	static const char *const keys[] = {"defaultValue", "rules", NULL};
	SSNode *rules;

	memset(definition, 0, sizeof(Definition));
	check_members(feature, keys, "feature");
	definition->bp = SS_EVERYBODY_BP;
	definition->default_value = ss_node_get(feature, SS_TEXT("defaultValue"));
	if (definition->default_value == NULL)
		definition->default_value = made(ss_node_null());
	/* of a flag that is off nothing but its default is told */
	rules = ss_node_get(feature, SS_TEXT("rules"));
	if (rules != NULL)
		read_rules(definition, rules);
	definition->value_type = type_of_values(definition);
}

/* --- stored ----------------------------------------------------------------------------------------- */

/* The set as it is now, where parents are looked up in it. */
static void
check_flag(Import *import, SSFlagInput *input)
{
	bool has_parents = input->prerequisites->count > 0;

	for (int i = 0; i < input->rules->count; i++)
		has_parents |= ss_node_present(&input->rules->items[i], SS_TEXT("parentConditions")) != NULL;
	if (has_parents || import->set == NULL)
		import->set = ss_flag_set_get();
	ss_flag_check(input, import->set);
}

static Datum
node_datum(const SSNode *node)
{
	return JsonbPGetDatum(ss_node_as_jsonb(node));
}

/* NULL is what create_flag takes. */
static void
complete(Definition *definition)
{
	bool is_boolean = strcmp(definition->value_type, "boolean") == 0;

	if (definition->value == NULL)
		definition->value = is_boolean ? made(ss_node_bool(true)) : definition->default_value;
	if (definition->targeting == NULL)
		definition->targeting = made(ss_node_object());
	if (definition->rules == NULL)
		definition->rules = made(ss_node_array(0));
	if (definition->prerequisites == NULL)
		definition->prerequisites = made(ss_node_array(0));
}

static void
input_of(SSFlagInput *input, const Definition *definition, const char *key)
{
	input->key = key;
	input->value_type = definition->value_type;
	input->hash_attribute = "id";
	if (definition->hash_attribute != NULL)
		input->hash_attribute = pnstrdup(definition->hash_attribute->text, definition->hash_attribute->count);
	input->sticky = definition->sticky;
	input->default_value = definition->default_value;
	input->value = definition->value;
	input->targeting = definition->targeting;
	input->rules = definition->rules;
	input->prerequisites = definition->prerequisites;
}

/* A new flag, for clients, switched off. */
static void
create(Import *import, Definition *definition)
{
	SSFlagInput input = {.audience = "client"};
	SSFlagRow row = {.key = import->key, .version = 1};
	SSFlagStep step = {GetCurrentStatementStartTimestamp(), DT_NOEND, false, definition->bp, definition->bp};
	Datum values[11];
	bool nulls[11] = {false};
	SSRow written;

	complete(definition);
	input_of(&input, definition, import->key);
	check_flag(import, &input);
	ss_param_text(values, nulls, 0, import->key);
	ss_param_text(values, nulls, 1, input.value_type);
	values[2] = node_datum(input.default_value);
	values[3] = node_datum(input.value);
	values[4] = node_datum(input.targeting);
	values[5] = node_datum(input.rules);
	values[6] = node_datum(input.prerequisites);
	ss_param_pointer(values, nulls, 7,
					 definition->hash_attribute == NULL ? NULL : ss_node_as_jsonb(definition->hash_attribute));
	ss_param_pointer(values, nulls, 8, definition->seed == NULL ? NULL : ss_node_as_jsonb(definition->seed));
	values[9] = BoolGetDatum(input.sticky);
	ss_param_pointer(values, nulls, 10, import->call->has_identity ? &import->call->identity : NULL);
	written = ss_row(ss_rows_write(&insert_flag, values, nulls), 0);
	row.no = ss_next_int32(&written);
	row.document = ss_next_document(&written, SS_FLAG_HIDDEN);
	ss_flag_write_step(import->call, &row, &step, import->reason);
	ss_flag_record(import->call, &row, "import", import->reason, NULL, row.document);
	import->outcome = CREATED;
}

static SSNode *
stored(const SSFlagRow *row, const char *key)
{
	return ss_node_read(ss_json_as_jsonb(ss_document_get(row->document, key)));
}

static void
keep(SSNode **said, const SSFlagRow *row, const char *key, bool *differs)
{
	SSNode *present = stored(row, key);

	if (*said == NULL)
		*said = present;
	else if (!ss_node_deeply_equal(*said, present))
		*differs = true;
}

/* Fills in what the feature does not say; does it say anything else than what is stored? */
static bool
differs_from(Definition *definition, const SSFlagRow *row)
{
	bool sticky = stored(row, "sticky")->boolean;
	bool differs = definition->says_sticky && definition->sticky != sticky;

	if (!definition->says_sticky)
		definition->sticky = sticky;
	if (definition->prerequisites != NULL &&
		ss_node_deeply_equal(definition->prerequisites, without_defaults(stored(row, "prerequisites"))))
		definition->prerequisites = NULL;
	keep(&definition->default_value, row, "default_value", &differs);
	keep(&definition->value, row, "value", &differs);
	keep(&definition->targeting, row, "targeting", &differs);
	keep(&definition->rules, row, "rules", &differs);
	keep(&definition->prerequisites, row, "prerequisites", &differs);
	keep(&definition->hash_attribute, row, "hash_attribute", &differs);
	return differs;
}

/* A flag that is there keeps its name, audience, seed and time line: what a feature says of these is of another database. */
static void
replace(Import *import, Definition *definition)
{
	SSFlagInput input = {0};
	SSFlagRow row;
	Datum values[9];
	bool nulls[9] = {false};
	SSNode *audience;
	SSRow written;

	ss_flag_lock(&row, import->key, false);
	definition->value_type = row.value_type;
	if (!differs_from(definition, &row))
	{
		import->outcome = UNCHANGED;
		return;
	}
	if (!import->replace)
		ss_duplicate("a flag with this key exists already", "The key is \"%s\".", import->key);
	audience = stored(&row, "audience");
	input.audience = pnstrdup(audience->text, audience->count);
	input_of(&input, definition, import->key);
	check_flag(import, &input);
	ss_flag_check_hash_attribute(&row, input.hash_attribute, ss_flag_state_now(&row).bp);
	values[0] = Int32GetDatum(row.no);
	values[1] = node_datum(input.default_value);
	values[2] = node_datum(input.value);
	values[3] = node_datum(input.targeting);
	values[4] = node_datum(input.rules);
	values[5] = node_datum(input.prerequisites);
	values[6] = node_datum(definition->hash_attribute);
	values[7] = BoolGetDatum(input.sticky);
	ss_param_pointer(values, nulls, 8, import->call->has_identity ? &import->call->identity : NULL);
	written = ss_row(ss_rows_latest(&replace_flag, values, nulls), 0);
	row.version = ss_next_int32(&written);
	ss_flag_record(import->call, &row, "import", import->reason, row.document,
				   ss_next_document(&written, SS_FLAG_HIDDEN));
	import->outcome = UPDATED;
}

static void
import_flag(void *argument)
{
	Import *import = argument;
	Definition definition;
	Datum key = CStringGetTextDatum(import->key);

	ss_flag_check_key(import->key);
	read_feature(&definition, import->feature);
	if (ss_query_latest(&find_flag, &key, NULL) == 0)
		create(import, &definition);
	else
		replace(import, &definition);
}

/* --- all of them --------------------------------------------------------------------------------------- */

/* Is a parent of the feature among those that are still to be read? */
static bool
waits_for_parent(const Import *import, SSNode *feature)
{
	SSNode *rules = ss_node_get(feature, SS_TEXT("rules"));

	for (int i = 0; i < count_of(rules); i++)
	{
		SSNode *parents = ss_node_get(&ss_node_items(rules)[i], SS_TEXT("parentConditions"));

		for (int j = 0; j < count_of(parents); j++)
		{
			SSNode *id = ss_node_get(&ss_node_items(parents)[j], SS_TEXT("id"));
			SSNode *parent = ss_node_is(id, SS_NODE_STRING) ? ss_node_get(import->features, ss_node_string(id)) : NULL;

			if (parent != NULL && parent != feature && !import->done[parent - import->features->items])
				return true;
		}
	}
	return false;
}

static void
add_error(SSJson *json, const char *key, const ErrorData *error)
{
	ss_json_open_object(json, NULL);
	ss_json_text(json, "key", key);
	ss_attempt_json_members(json, error);
	ss_json_close_object(json);
}

/* Reads the features that wait for no other, or all that are left; how many it read. */
static int
import_round(Import *import, SSJson *json, bool all)
{
	int count = 0;

	for (int i = 0; i < import->features->count; i++)
	{
		ErrorData *error;

		CHECK_FOR_INTERRUPTS();
		import->feature = &import->features->items[i];
		if (import->done[i] || (!all && waits_for_parent(import, import->feature)))
			continue;
		import->key = pnstrdup(import->features->keys[i].data, import->features->keys[i].length);
		error = ss_attempt(import_flag, import, false);
		if (error != NULL)
			add_error(json, import->key, error);
		else
			import->counts[import->outcome]++;
		import->done[i] = true;
		count++;
	}
	return count;
}

/*
 * import_flags_document(document, replace, reason)
 */
Datum
swipesavvy_import_flags_document(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"status", "features", "dateUpdated", "savedGroups", "experiments", NULL};
	SSCall call;
	SSJson json = {0};
	Import import = {.call = &call};
	SSNode *document;

	ss_call_enter(&call, SS_ADMIN);
	document = ss_node_read(ss_arg_jsonb(fcinfo, 0, "document", true));
	import.replace = ss_arg_bool(fcinfo, 1, false);
	import.reason = ss_arg_text(fcinfo, 2, "reason", SS_TEXT_MAX, false);
	check_members(document, keys, "document");
	import.features = ss_node_present(document, SS_TEXT("features"));
	if (!ss_node_is(import.features, SS_NODE_OBJECT))
		refuse("features", "it is not an object");
	(void) ss_node_items(import.features);
	if (import.features->count > FEATURES_MAX)
		refuse("features", psprintf("there are more than %d", FEATURES_MAX));
	import.done = palloc0(sizeof(bool) * Max(import.features->count, 1));
	ss_lock_take(SS_LOCK_FLAG_NEEDS, 0);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "errors");
	while (import_round(&import, &json, false) > 0)
		;
	(void) import_round(&import, &json, true);
	ss_json_close_array(&json);
	ss_json_int(&json, "created", import.counts[CREATED]);
	ss_json_int(&json, "updated", import.counts[UPDATED]);
	ss_json_int(&json, "unchanged", import.counts[UNCHANGED]);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
