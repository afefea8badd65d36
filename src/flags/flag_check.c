/*
 * flag_check.c: checks a flag before it is stored (flag_check.h).
 *
 * Called by create_flag, update_flag and import. Reads segments by name and
 * tests by key. No locks: a segment is never deleted.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/rows.h"
#include "flags/flag_check.h"
#include "flags/regex.h"

#define STRING_MAX		   10000
#define JSON_MAX		   65536
#define RULES_MAX		   100
#define DOCUMENT_MAX	   262144
#define DEPTH_MAX		   100
#define PREREQUISITE_DEPTH 10

typedef struct Check
{
	SSFlagInput *input;
	const SSFlagSet *set;
	const char *argument; /* that is looked at */
	bool is_public;
	int *reached; /* of each flag of the set, the longest way to it so far */
	int deepest;  /* the longest of them */
} Check;

SS_QUERY(find_test,
		 "SELECT FROM swipesavvy.ab_tests t WHERE t.test_key = $1 AND t.status IN ('draft', 'running', 'paused')",
		 TEXTOID);
SS_QUERY(conditions_of_tests,
		 "SELECT t.condition FROM swipesavvy.ab_tests t JOIN swipesavvy.feature_flags f ON f.flag_no = t.flag_no"
		 " WHERE f.flag_key = $1 AND t.status IN ('running', 'paused') ORDER BY t.test_no",
		 TEXTOID);
SS_QUERY(find_segment, "SELECT FROM swipesavvy.segments WHERE name = $1", TEXTOID);

static char *
within(const char *place, SSText key)
{
	return psprintf("%s.%.*s", place, key.length, key.data);
}

static char *
at_index(const char *place, int index)
{
	return psprintf("%s[%d]", place, index);
}

static void
refuse(const Check *check, const char *place, const char *reason)
{
	ss_bad_value(check->argument, "At %s: %s.", place, reason);
}

/* The key of an object must be in the list. */
static void
check_keys(const Check *check, SSNode *object, const char *place, const char *const *allowed)
{
	if (!ss_node_is(object, SS_NODE_OBJECT))
		refuse(check, place, "it is not an object");
	(void) ss_node_items(object);
	for (int i = 0; i < object->count; i++)
	{
		const char *const *name = allowed;

		while (*name != NULL && !ss_text_equals(object->keys[i], (SSText){*name, strlen(*name)}))
			name++;
		if (*name == NULL)
			refuse(check, within(place, object->keys[i]), "there is no such key");
	}
}

void
ss_flag_check_key(const char *key)
{
	size_t length = strlen(key);

	for (const char *c = key; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && (c == key || strchr("_.:|-", *c) == NULL))
			ss_bad_value("key", "A key has letters, digits and _.:|- and begins with a letter or digit.");
	}
	if (length == 0 || length > SS_FLAG_KEY_MAX)
		ss_bad_value("key", "A key has 1 to %d characters.", SS_FLAG_KEY_MAX);
	if (ss_text_is_filter(key))
		ss_bad_value("key", "\"%s\" begins like a filter of PostgREST, so it could not be asked for over HTTP.", key);
}

/* --- values -------------------------------------------------------------------------------- */

void
ss_flag_check_value(const char *value_type, SSNode *value, const char *argument, const char *place)
{
	const char *reason = NULL;

	if (strcmp(value_type, "boolean") == 0)
		reason = ss_node_is(value, SS_NODE_BOOL) ? NULL : "it is not a boolean";
	else if (strcmp(value_type, "string") == 0)
		reason = !ss_node_is(value, SS_NODE_STRING) ? "it is not a string"
				 : value->count > STRING_MAX		? "it is longer than 10,000 bytes"
													: NULL;
	else if (strcmp(value_type, "number") == 0)
		reason = !ss_node_is(value, SS_NODE_NUMBER) || isinf(value->number) ? "it is not a finite number" : NULL;
	else if (VARSIZE(ss_node_as_jsonb(value)) > JSON_MAX)
		reason = "it is larger than 64 kB";
	if (reason != NULL)
		ss_bad_value(argument, "At %s: %s.", place, reason);
}

static void
check_value(const Check *check, SSNode *value, const char *place)
{
	ss_flag_check_value(check->input->value_type, value, check->argument, place);
}

/* A number within bounds under a key, if there is one. */
static void
check_number(const Check *check, SSNode *object, const char *key, double minimum, double maximum, const char *place)
{
	SSText name = {key, strlen(key)};
	SSNode *value = ss_node_present(object, name);

	if (value != NULL && (value->kind != SS_NODE_NUMBER || !(value->number >= minimum && value->number <= maximum)))
		refuse(check, within(place, name), psprintf("it is not a number from %g to %g", minimum, maximum));
}

static void
check_string(const Check *check, SSNode *object, const char *key, const char *place)
{
	SSText name = {key, strlen(key)};
	SSNode *value = ss_node_present(object, name);

	if (value != NULL && (value->kind != SS_NODE_STRING || value->count == 0 || value->count > 1000))
		refuse(check, within(place, name), "it is not a string of 1 to 1,000 bytes");
}

static void
check_integer(const Check *check, SSNode *object, const char *key, int minimum, int maximum, const char *place)
{
	SSText name = {key, strlen(key)};
	SSNode *value = ss_node_present(object, name);

	check_number(check, object, key, minimum, maximum, place);
	if (value != NULL && floor(value->number) != value->number)
		refuse(check, within(place, name), "it is not an integer");
}

/* [start, end] within [0, 1]. */
static void
check_range(const Check *check, SSNode *range, const char *place)
{
	int count;
	double *bounds = ss_numbers_of(range, &count);

	if (bounds == NULL || count != 2 || !(bounds[0] >= 0 && bounds[0] <= bounds[1] && bounds[1] <= 1))
		refuse(check, place, "it is not [start, end] within 0 and 1");
}

static void
check_ranges(const Check *check, SSNode *ranges, int n, const char *place)
{
	if (!ss_node_is(ranges, SS_NODE_ARRAY) || (n > 0 && ranges->count != n))
		refuse(check, place, "it is not an array with a range for each");
	for (int i = 0; i < ranges->count; i++)
		check_range(check, &ss_node_items(ranges)[i], at_index(place, i));
}

/* --- conditions ------------------------------------------------------------------------------- */

static void check_condition(const Check *check, SSNode *condition, const char *place, int depth);
static void check_expected(const Check *check, SSText attribute, SSNode *expected, const char *place, int depth);

static void
check_group(const Check *check, SSText attribute, SSNode *operand, const char *place)
{
	Datum name;

	if (!ss_text_equals(attribute, SS_TEXT("id")) && !ss_text_equals(attribute, SS_TEXT("user_id")))
		refuse(check, place, "only the id can be in a group");
	if (check->is_public)
		refuse(check, place, "a public flag cannot name a segment");
	if (!ss_node_is(operand, SS_NODE_STRING))
		refuse(check, place, "it is not the name of a segment");
	name = ss_text_to_server(ss_node_string(operand));
	if (ss_query_read(&find_segment, &name, NULL) == 0)
		refuse(check, place, "there is no such segment");
}

static void
check_operator(const Check *check, SSText attribute, SSText name, SSNode *operand, const char *place, int depth)
{
	static const char *const arrays[] = {"$in", "$nin", "$ini", "$nini", "$all", "$alli", NULL};
	static const char *const groups[] = {"$inGroup", "$notInGroup", NULL};
	static const char *const patterns[] = {"$regex", "$regexi", "$notRegex", "$notRegexi", NULL};

	if (!ss_condition_is_operator(name))
		refuse(check, place, "there is no such operator");
	if (ss_text_is_one_of(name, arrays) && !ss_node_is(operand, SS_NODE_ARRAY))
		refuse(check, place, "it is not an array");
	if (ss_text_is_one_of(name, groups))
		check_group(check, attribute, operand, place);
	if (ss_text_is_one_of(name, patterns) &&
		(!ss_node_is(operand, SS_NODE_STRING) ||
		 ss_regex_search(ss_node_string(operand), false, SS_TEXT("")) == SS_REGEX_INVALID))
		refuse(check, place, "it is not a regular expression");
	if (ss_text_equals(name, SS_TEXT("$not")))
		check_expected(check, attribute, operand, place, depth + 1);
}

/* What an attribute is matched against: a value, or an object of operators alone. */
static void
check_expected(const Check *check, SSText attribute, SSNode *expected, const char *place, int depth)
{
	SSNode *operands;
	int operators = 0;

	if (depth > DEPTH_MAX)
		refuse(check, place, "it is nested too deeply");
	if (!ss_node_is(expected, SS_NODE_OBJECT))
		return;
	operands = ss_node_items(expected);
	for (int i = 0; i < expected->count; i++)
		operators += expected->keys[i].length > 0 && expected->keys[i].data[0] == '$';
	if (operators != 0 && operators != expected->count)
		refuse(check, place, "operators and other keys are mixed");
	for (int i = 0; i < operators; i++)
		check_operator(check, attribute, expected->keys[i], &operands[i], within(place, expected->keys[i]), depth);
}

static void
check_conditions(const Check *check, SSNode *conditions, const char *place, int depth)
{
	if (!ss_node_is(conditions, SS_NODE_ARRAY))
		refuse(check, place, "it is not an array");
	for (int i = 0; i < conditions->count; i++)
		check_condition(check, &ss_node_items(conditions)[i], at_index(place, i), depth + 1);
}

static void
check_entry(const Check *check, SSText key, SSNode *value, const char *place, int depth)
{
	static const char *const lists[] = {"$or", "$nor", "$and", NULL};

	if (ss_text_is_one_of(key, lists))
		check_conditions(check, value, place, depth);
	else if (ss_text_equals(key, SS_TEXT("$not")))
		check_condition(check, value, place, depth + 1);
	else if (key.length > 0 && key.data[0] == '$')
		refuse(check, place, "there is no such operator");
	else
	{
		if (check->is_public && (ss_text_equals(key, SS_TEXT("id")) || ss_text_equals(key, SS_TEXT("user_id"))))
			refuse(check, place, "a public flag cannot name users");
		check_expected(check, key, value, place, depth);
	}
}

static void
check_condition(const Check *check, SSNode *condition, const char *place, int depth)
{
	SSNode *items;

	if (!ss_node_is(condition, SS_NODE_OBJECT))
		refuse(check, place, "it is not an object");
	if (depth > DEPTH_MAX)
		refuse(check, place, "it is nested too deeply");
	items = ss_node_items(condition);
	for (int i = 0; i < condition->count; i++)
		check_entry(check, condition->keys[i], &items[i], within(place, condition->keys[i]), depth);
}

/* --- prerequisites --------------------------------------------------------------------------- */

/* The nth rule of a flag that is stored, or its roll-out behind them. */
static SSNode *
rule_of(const SSFlag *flag, int n)
{
	return n < flag->nstored ? &flag->rules->items[n] : unconstify(SSNode *, &flag->whole);
}

/* Follows the parents of a flag: none may lead back to the one that is stored. Each flag again only by a longer way. */
static void
follow_parents(Check *check, const SSFlag *flag, int depth)
{
	int *reached = &check->reached[flag - check->set->flags];

	if (ss_text_equals(flag->key, (SSText){check->input->key, strlen(check->input->key)}))
		ss_bad_state("prerequisites form a cycle", "Flag \"%s\" would be a prerequisite of itself.", check->input->key);
	if (depth > PREREQUISITE_DEPTH)
		ss_bad_state("prerequisites are nested too deeply", "More than %d lie one behind another.", PREREQUISITE_DEPTH);
	if (depth <= *reached)
		return;
	*reached = depth;
	check->deepest = Max(check->deepest, depth);
	for (int i = 0; i <= flag->nstored; i++)
	{
		SSNode *parents = ss_node_get(rule_of(flag, i), SS_TEXT("parentConditions"));

		for (int j = 0; ss_node_is(parents, SS_NODE_ARRAY) && j < parents->count; j++)
		{
			SSNode *id = ss_node_get(&ss_node_items(parents)[j], SS_TEXT("id"));
			SSFlag *parent = ss_node_is(id, SS_NODE_STRING) ? ss_flag_find(check->set, ss_node_string(id)) : NULL;

			if (parent != NULL && !parent->is_archived)
				follow_parents(check, parent, depth + 1);
		}
	}
}

/* `keys` are those that it may have: one of a flag has no gate, because a gate that is shut gives null and not the default. */
static void
check_parent(Check *check, SSNode *parent, const char *const *keys, const char *place)
{
	SSNode *id;
	SSNode *condition;
	SSFlag *flag;

	check_keys(check, parent, place, keys);
	id = ss_node_get(parent, SS_TEXT("id"));
	condition = ss_node_get(parent, SS_TEXT("condition"));
	flag = ss_node_is(id, SS_NODE_STRING) ? ss_flag_find(check->set, ss_node_string(id)) : NULL;
	if (ss_node_is(id, SS_NODE_STRING) &&
		ss_text_equals(ss_node_string(id), (SSText){check->input->key, strlen(check->input->key)}))
		ss_bad_state("prerequisites form a cycle", "Flag \"%s\" would be a prerequisite of itself.", check->input->key);
	if (flag == NULL || flag->is_archived)
		refuse(check, place, "there is no such flag");
	if (check->is_public && flag->audience != SS_AUDIENCE_PUBLIC)
		ss_bad_state("a public flag needs public prerequisites", "Flag \"%s\" is not public.", flag->key.data);
	if (condition != NULL)
		check_condition(check, condition, within(place, SS_TEXT("condition")), 0);
	follow_parents(check, flag, 1);
}

static void
check_parents(Check *check, SSNode *parents, const char *const *keys, const char *place)
{
	if (!ss_node_is(parents, SS_NODE_ARRAY))
		refuse(check, place, "it is not an array");
	for (int i = 0; i < parents->count; i++)
		check_parent(check, &ss_node_items(parents)[i], keys, at_index(place, i));
}

/* By how many steps the flag leads to the one that is stored, as far as `steps` of its parents are known; 0: by none. */
static int
steps_of(const Check *check, const SSFlag *flag, const int *steps)
{
	SSText stored = {check->input->key, strlen(check->input->key)};
	int most = 0;

	for (int i = 0; i <= flag->nstored; i++)
	{
		SSNode *parents = ss_node_get(rule_of(flag, i), SS_TEXT("parentConditions"));

		for (int j = 0; ss_node_is(parents, SS_NODE_ARRAY) && j < parents->count; j++)
		{
			SSNode *id = ss_node_get(&ss_node_items(parents)[j], SS_TEXT("id"));
			SSFlag *parent = ss_node_is(id, SS_NODE_STRING) ? ss_flag_find(check->set, ss_node_string(id)) : NULL;

			if (parent == NULL)
				continue;
			if (ss_text_equals(parent->key, stored))
				most = Max(most, 1);
			else if (steps[parent - check->set->flags] > 0)
				most = Max(most, steps[parent - check->set->flags] + 1);
		}
	}
	return most;
}

/* Flags that need the one that is stored lie above all that it needs. Goes round until no longer way is found. */
static void
check_children(const Check *check)
{
	int *steps = palloc0(sizeof(int) * Max(check->set->nflags, 1));
	bool changed = check->deepest > 0;

	while (changed)
	{
		changed = false;
		for (int i = 0; i < check->set->nflags; i++)
		{
			const SSFlag *flag = &check->set->flags[i];
			int more = flag->is_archived ? 0 : steps_of(check, flag, steps);

			if (more <= steps[i])
				continue;
			if (more + check->deepest > PREREQUISITE_DEPTH)
				ss_bad_state("prerequisites are nested too deeply",
							 "More than %d would lie one behind another for flag \"%s\".", PREREQUISITE_DEPTH,
							 flag->key.data);
			steps[i] = more;
			changed = true;
		}
	}
}

/* --- rules -------------------------------------------------------------------------------------- */

static void
check_filters(const Check *check, SSNode *filters, const char *place)
{
	static const char *const keys[] = {"seed", "ranges", "hashVersion", "attribute", NULL};

	if (!ss_node_is(filters, SS_NODE_ARRAY))
		refuse(check, place, "it is not an array");
	for (int i = 0; i < filters->count; i++)
	{
		SSNode *filter = &ss_node_items(filters)[i];
		const char *here = at_index(place, i);

		check_keys(check, filter, here, keys);
		check_string(check, filter, "seed", here);
		check_string(check, filter, "attribute", here);
		check_integer(check, filter, "hashVersion", 1, 2, here);
		check_ranges(check, ss_node_get(filter, SS_TEXT("ranges")), 0, within(here, SS_TEXT("ranges")));
	}
}

/* Weights that the SDKs would not ignore; with at most four decimals where phones evaluate. */
static void
check_weights(const Check *check, SSNode *weights, int n, const char *place)
{
	int count;
	double *numbers = ss_numbers_of(weights, &count);
	double sum = 0;

	if (numbers == NULL || count != n)
		refuse(check, place, "it is not an array with a number for each variation");
	for (int i = 0; i < n; i++)
	{
		if (!(numbers[i] >= 0))
			refuse(check, at_index(place, i), "it is negative");
		if (check->is_public && fabs(rint(numbers[i] * 10000) - numbers[i] * 10000) > 1e-9)
			refuse(check, at_index(place, i), "a public flag has weights of at most four decimals");
		sum += numbers[i];
	}
	if (!(sum >= 0.99 && sum <= 1.01))
		refuse(check, place, "the sum is not 1");
}

/* Keys that tell variations apart, each of them. */
static void
check_variation_keys(const Check *check, SSNode *meta, int n, const char *place)
{
	if (meta == NULL || meta->count != n)
		refuse(check, place, "a sticky flag needs a key for each variation");
	for (int i = 0; i < n; i++)
	{
		SSNode *key = ss_node_get(&ss_node_items(meta)[i], SS_TEXT("key"));

		if (!ss_node_is(key, SS_NODE_STRING) || key->count == 0)
			refuse(check, at_index(place, i), "a sticky flag needs a key for each variation");
		for (int j = 0; j < i; j++)
		{
			if (ss_node_strictly_equal(key, ss_node_get(&ss_node_items(meta)[j], SS_TEXT("key"))))
				refuse(check, at_index(place, i), "two variations have this key");
		}
	}
}

static void
check_meta(const Check *check, SSNode *rule, int n, const char *place)
{
	static const char *const keys[] = {"key", "name", "passthrough", NULL};
	SSNode *meta = ss_node_present(rule, SS_TEXT("meta"));

	if (meta != NULL && (meta->kind != SS_NODE_ARRAY || meta->count > n))
		refuse(check, place, "it is not an array of at most one for each variation");
	for (int i = 0; meta != NULL && i < meta->count; i++)
		check_keys(check, &ss_node_items(meta)[i], at_index(place, i), keys);
	if (check->input->sticky)
		check_variation_keys(check, meta, n, place);
}

static void
check_namespace(const Check *check, SSNode *namespace, const char *place)
{
	SSNode range = ss_node_array(2);

	if (!ss_node_is(namespace, SS_NODE_ARRAY) || namespace->count != 3 ||
		!ss_node_is(&ss_node_items(namespace)[0], SS_NODE_STRING))
		refuse(check, place, "it is not [id, start, end]");
	range.items[0] = namespace->items[1];
	range.items[1] = namespace->items[2];
	check_range(check, &range, place);
}

static void
check_experiment(const Check *check, SSNode *rule, const char *place)
{
	SSNode *variations = ss_node_present(rule, SS_TEXT("variations"));
	SSNode *weights = ss_node_present(rule, SS_TEXT("weights"));
	SSNode *ranges = ss_node_present(rule, SS_TEXT("ranges"));
	SSNode *namespace = ss_node_present(rule, SS_TEXT("namespace"));
	const char *here = within(place, SS_TEXT("variations"));

	if (!ss_node_is(variations, SS_NODE_ARRAY) || variations->count < 2 || variations->count > 100)
		refuse(check, here, "it is not an array of 2 to 100 values");
	for (int i = 0; i < variations->count; i++)
		check_value(check, &ss_node_items(variations)[i], at_index(here, i));
	if (weights != NULL)
		check_weights(check, weights, variations->count, within(place, SS_TEXT("weights")));
	if (ranges != NULL)
		check_ranges(check, ranges, variations->count, within(place, SS_TEXT("ranges")));
	if (namespace != NULL)
		check_namespace(check, namespace, within(place, SS_TEXT("namespace")));
	check_meta(check, rule, variations->count, within(place, SS_TEXT("meta")));
}

/* Of public flags phones evaluate the rules themselves: what their SDKs do not all hash alike is refused. */
static void
check_public_rule(const Check *check, SSNode *rule, const char *place)
{
	SSNode *version = ss_node_get(rule, SS_TEXT("hashVersion"));
	bool hashes = ss_node_present(rule, SS_TEXT("variations")) != NULL ||
				  ss_node_present(rule, SS_TEXT("coverage")) != NULL || ss_node_present(rule, SS_TEXT("range")) != NULL;

	if (hashes && (!ss_node_is(version, SS_NODE_NUMBER) || version->number != 2 ||
				   ss_node_present(rule, SS_TEXT("seed")) == NULL))
		refuse(check, place, "a rule of a public flag that hashes needs hashVersion 2 and a seed");
}

static void
check_rule(Check *check, SSNode *rule, const char *place)
{
	static const char *const keys[] = {"id",
									   "condition",
									   "parentConditions",
									   "filters",
									   "force",
									   "coverage",
									   "range",
									   "seed",
									   "hashAttribute",
									   "fallbackAttribute",
									   "hashVersion",
									   "disableStickyBucketing",
									   "tracks",
									   "variations",
									   "key",
									   "weights",
									   "namespace",
									   "meta",
									   "ranges",
									   "name",
									   "phase",
									   "bucketVersion",
									   "minBucketVersion",
									   NULL};
	static const char *const parent_keys[] = {"id", "condition", "gate", NULL};
	static const char *const strings[] = {"id",	 "seed", "hashAttribute", "fallbackAttribute",
										  "key", "name", "phase",		  NULL};
	SSNode *condition;
	SSNode *force;

	check_keys(check, rule, place, keys);
	for (int i = 0; strings[i] != NULL; i++)
		check_string(check, rule, strings[i], place);
	condition = ss_node_present(rule, SS_TEXT("condition"));
	if (condition != NULL)
		check_condition(check, condition, within(place, SS_TEXT("condition")), 0);
	if (ss_node_present(rule, SS_TEXT("parentConditions")) != NULL)
		check_parents(check, ss_node_get(rule, SS_TEXT("parentConditions")), parent_keys,
					  within(place, SS_TEXT("parentConditions")));
	if (ss_node_present(rule, SS_TEXT("filters")) != NULL)
		check_filters(check, ss_node_get(rule, SS_TEXT("filters")), within(place, SS_TEXT("filters")));
	check_number(check, rule, "coverage", 0, 1, place);
	check_integer(check, rule, "hashVersion", 1, 2, place);
	check_integer(check, rule, "bucketVersion", 0, 1000000, place);
	check_integer(check, rule, "minBucketVersion", 0, 1000000, place);
	if (ss_node_present(rule, SS_TEXT("range")) != NULL)
		check_range(check, ss_node_get(rule, SS_TEXT("range")), within(place, SS_TEXT("range")));
	force = ss_node_get(rule, SS_TEXT("force"));
	if (force != NULL)
		check_value(check, force, within(place, SS_TEXT("force")));
	else if (ss_node_present(rule, SS_TEXT("variations")) != NULL)
		check_experiment(check, rule, place);
	else if (ss_node_present(rule, SS_TEXT("parentConditions")) == NULL)
		refuse(check, place, "it has neither force nor variations");
	if (check->is_public)
		check_public_rule(check, rule, place);
}

static bool
has_id(SSNode *rules, int count, SSText id)
{
	for (int i = 0; i < count; i++)
	{
		SSNode *other = ss_node_get(&ss_node_items(rules)[i], SS_TEXT("id"));

		if (ss_node_is(other, SS_NODE_STRING) && ss_text_equals(ss_node_string(other), id))
			return true;
	}
	return false;
}

static bool
is_reserved(SSText id)
{
	return ss_text_equals(id, SS_TEXT("rollout")) || ss_text_equals(id, SS_TEXT("override"));
}

void
ss_flag_check_test_key(const SSFlagInput *input, const char *key)
{
	SSText id = {key, strlen(key)};

	if (is_reserved(id))
		ss_bad_value("test_key", "The id \"%s\" is reserved.", key);
	if (has_id(input->rules, input->rules->count, id))
		ss_bad_value("test_key", "A rule of the flag has the id \"%s\".", key);
}

/* The key of a test that is not over: its rule will have that id. */
static bool
is_key_of_test(SSText id)
{
	Datum key = ss_text_to_server(id);

	return ss_query_latest(&find_test, &key, NULL) > 0;
}

/* Ids are unique, none is reserved, and every rule has one. */
static void
name_rules(const Check *check, SSNode *rules)
{
	int made = 0;

	(void) ss_node_items(rules);
	for (int i = 0; i < rules->count; i++)
	{
		SSNode *id = ss_node_present(&ss_node_items(rules)[i], SS_TEXT("id"));

		if (id == NULL)
			continue;
		if (is_reserved(ss_node_string(id)))
			refuse(check, at_index("rules", i), "the id is reserved");
		if (is_key_of_test(ss_node_string(id)))
			refuse(check, at_index("rules", i), "the id is the key of an A/B test");
		if (has_id(rules, i, ss_node_string(id)))
			refuse(check, at_index("rules", i), "another rule has this id");
	}
	for (int i = 0; i < rules->count; i++)
	{
		char *name;

		if (ss_node_present(&rules->items[i], SS_TEXT("id")) != NULL)
			continue;
		do
			name = psprintf("rule-%d", ++made);
		while (has_id(rules, rules->count, (SSText){name, strlen(name)}));
		ss_node_set_text(&rules->items[i], SS_TEXT("id"), (SSText){name, strlen(name)});
	}
	rules->raw = NULL;
}

/* A flag with too many rules, or too big ones. Who ends a test has given none of them. */
static void
refuse_size(const SSFlagInput *input, const char *limit)
{
	if (!input->with_winner)
		ss_bad_value("rules", "%s", limit);
	ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("the flag has no room for the winner's rule"),
			errdetail("%s With that rule flag \"%s\" would have more.", limit, input->key),
			errhint("Take a rule of the flag away, or end the test without a winner."));
}

static void
check_rules(Check *check)
{
	SSNode *rules = check->input->rules;

	check->argument = check->input->rules_argument == NULL ? "rules" : check->input->rules_argument;
	if (!ss_node_is(rules, SS_NODE_ARRAY))
		ss_bad_value("rules", "It is not an array.");
	if (rules->count > RULES_MAX)
		refuse_size(check->input, psprintf("A flag has at most %d rules.", RULES_MAX));
	for (int i = 0; i < rules->count; i++)
		check_rule(check, &ss_node_items(rules)[i], at_index("rules", i));
	name_rules(check, rules);
	if (VARSIZE(ss_node_as_jsonb(rules)) > DOCUMENT_MAX)
		refuse_size(check->input, psprintf("The rules of a flag take at most %d bytes.", DOCUMENT_MAX));
}

/* The rules that running tests add go out with a public flag, and those of paused ones will. */
static void
check_tests(Check *check)
{
	Datum key = CStringGetTextDatum(check->input->key);
	SSRows rows;

	if (!check->is_public)
		return;
	check->argument = "audience";
	rows = ss_rows_latest(&conditions_of_tests, &key, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		check_condition(check, ss_node_read(ss_next_jsonb(&row)), "condition of an A/B test", 0);
	}
}

/* All that SDKs load of the flag. */
static void
check_size(const SSFlagInput *input)
{
	const SSNode *parts[] = {input->default_value, input->value, input->targeting, input->rules, input->prerequisites};
	Size size = 0;

	for (size_t i = 0; i < lengthof(parts); i++)
		size += VARSIZE(ss_node_as_jsonb(parts[i]));
	if (size > DOCUMENT_MAX)
		refuse_size(input, psprintf("A flag takes at most %d bytes.", DOCUMENT_MAX));
}

void
ss_flag_check(SSFlagInput *input, const SSFlagSet *set)
{
	static const char *const prerequisite_keys[] = {"id", "condition", NULL};
	Check check = {.input = input,
				   .set = set,
				   .argument = "default_value",
				   .is_public = strcmp(input->audience, "public") == 0,
				   .reached = palloc0(sizeof(int) * Max(set->nflags, 1))};

	check_value(&check, input->default_value, "default_value");
	check.argument = "value";
	check_value(&check, input->value, "value");
	check.argument = "targeting";
	check_condition(&check, input->targeting, "targeting", 0);
	if (VARSIZE(ss_node_as_jsonb(input->targeting)) > DOCUMENT_MAX)
		ss_bad_value("targeting", "It takes more than %d bytes.", DOCUMENT_MAX);
	check_rules(&check);
	check.argument = "prerequisites";
	check_parents(&check, input->prerequisites, prerequisite_keys, "prerequisites");
	check_children(&check);
	check_tests(&check);
	check_size(input);
	if (input->sticky && strcmp(input->hash_attribute, "id") != 0)
		ss_bad_value("sticky", "Only a flag that hashes the id can be sticky.");
}
