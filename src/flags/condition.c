/*
 * condition.c: conditions on attributes, as the SDKs of feature flags test
 * them (condition.h).
 *
 * Called wherever a rule has a condition. No locks, and no error because of
 * what a document contains: what is nested more deeply than MAX_DEPTH, or than
 * the stack has room for, does not hold.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/casing.h"
#include "flags/condition.h"
#include "flags/regex.h"

#define MAX_DEPTH 2000

typedef struct Test
{
	const SSSubject *subject;
	int depth;
} Test;

/* An operator: does it hold for the attribute's value and the operand? The test's depth is the operator's own. */
typedef bool (*Operator)(Test *test, SSNode *actual, SSNode *operand);

static bool holds(Test *test, SSNode *condition, SSNode *attributes);
static bool matches(Test *test, SSNode *actual, SSNode *expected, bool any_case);

static bool
enter(Test *test)
{
	CHECK_FOR_INTERRUPTS();
	if (test->depth >= MAX_DEPTH || stack_is_too_deep())
		return false;
	test->depth++;
	return true;
}

/* --- paths -------------------------------------------------------------------------------------- */

/* The index that a part of a path is: decimal, without leading zeros; -1 if it is none or beyond the array. */
static int
index_of(SSText part, int count)
{
	int64 index = 0;

	if (part.length == 0 || part.length > 10 || (part.length > 1 && part.data[0] == '0'))
		return -1;
	for (int i = 0; i < part.length; i++)
	{
		if (part.data[i] < '0' || part.data[i] > '9')
			return -1;
		index = index * 10 + (part.data[i] - '0');
	}
	return index < count ? (int) index : -1;
}

static SSNode *
step(SSNode *value, SSText part)
{
	int index;

	if (!ss_node_is(value, SS_NODE_ARRAY))
		return ss_node_get(value, part);
	if (ss_text_equals(part, SS_TEXT("length")))
	{
		SSNode *length = palloc(sizeof(SSNode));

		*length = ss_node_number(value->count);
		return length;
	}
	index = index_of(part, value->count);
	return index < 0 ? NULL : &ss_node_items(value)[index];
}

static SSNode *
at_path(SSNode *value, SSText path)
{
	int start = 0;

	for (int i = 0; i <= path.length; i++)
	{
		if (i < path.length && path.data[i] != '.')
			continue;
		value = step(value, (SSText){path.data + start, i - start});
		start = i + 1;
	}
	return value;
}

/* --- membership --------------------------------------------------------------------------------- */

static SSText
lower(SSText text)
{
	SSText result;

	result.data = ss_lower_case(text.data, text.length, &result.length);
	return result;
}

static bool
equal(SSNode *a, SSNode *b, bool any_case)
{
	if (any_case && ss_node_is(a, SS_NODE_STRING) && ss_node_is(b, SS_NODE_STRING))
		return ss_text_equals(lower(ss_node_string(a)), lower(ss_node_string(b)));
	return ss_node_strictly_equal(a, b);
}

static bool
is_element(SSNode *value, SSNode *array, bool any_case)
{
	SSNode *items = ss_node_items(array);

	for (int i = 0; i < array->count; i++)
	{
		if (equal(value, &items[i], any_case))
			return true;
	}
	return false;
}

/* Is the value, or, if it is an array, one of its elements, among those of the other array? */
static bool
is_in(SSNode *actual, SSNode *array, bool any_case)
{
	SSNode *items;

	if (!ss_node_is(actual, SS_NODE_ARRAY))
		return is_element(actual, array, any_case);
	items = ss_node_items(actual);
	for (int i = 0; i < actual->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_element(&items[i], array, any_case))
			return true;
	}
	return false;
}

static bool
in_group(Test *test, SSNode *actual, SSNode *operand)
{
	SSText group = ss_node_to_text(operand);
	SSNode *members;

	if (test->subject->in_group != NULL)
		return test->subject->in_group(group, test->subject->state);
	members = ss_node_get(test->subject->groups, group);
	return ss_node_is(members, SS_NODE_ARRAY) && is_in(actual, members, false);
}

/* Does some element of the one array match each of the other? */
static bool
has_all(Test *test, SSNode *actual, SSNode *wanted, bool any_case)
{
	SSNode *items;
	SSNode *wants;

	if (!ss_node_is(actual, SS_NODE_ARRAY) || !ss_node_is(wanted, SS_NODE_ARRAY))
		return false;
	items = ss_node_items(actual);
	wants = ss_node_items(wanted);
	for (int i = 0; i < wanted->count; i++)
	{
		bool found = false;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < actual->count && !found; j++)
			found = matches(test, &items[j], &wants[i], any_case);
		if (!found)
			return false;
	}
	return true;
}

/* --- operators ------------------------------------------------------------------------------------ */

static bool
op_eq(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_strictly_equal(actual, operand);
}

static bool
op_ne(Test *test, SSNode *actual, SSNode *operand)
{
	return !ss_node_strictly_equal(actual, operand);
}

static bool
op_lt(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_compare(actual, operand) == SS_LESS;
}

static bool
op_lte(Test *test, SSNode *actual, SSNode *operand)
{
	SSOrder order = ss_node_compare(actual, operand);

	return order == SS_LESS || order == SS_EQUAL;
}

static bool
op_gt(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_compare(actual, operand) == SS_GREATER;
}

static bool
op_gte(Test *test, SSNode *actual, SSNode *operand)
{
	SSOrder order = ss_node_compare(actual, operand);

	return order == SS_GREATER || order == SS_EQUAL;
}

static bool
op_in(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(operand, SS_NODE_ARRAY) && is_in(actual, operand, false);
}

static bool
op_nin(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(operand, SS_NODE_ARRAY) && !is_in(actual, operand, false);
}

static bool
op_ini(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(operand, SS_NODE_ARRAY) && is_in(actual, operand, true);
}

static bool
op_nini(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(operand, SS_NODE_ARRAY) && !is_in(actual, operand, true);
}

static bool
op_in_group(Test *test, SSNode *actual, SSNode *operand)
{
	return in_group(test, actual, operand);
}

static bool
op_not_in_group(Test *test, SSNode *actual, SSNode *operand)
{
	return !in_group(test, actual, operand);
}

static bool
op_all(Test *test, SSNode *actual, SSNode *operand)
{
	return has_all(test, actual, operand, false);
}

static bool
op_alli(Test *test, SSNode *actual, SSNode *operand)
{
	return has_all(test, actual, operand, true);
}

static bool is_operator_object(SSNode *value);
static bool operators_hold(Test *test, SSNode *actual, SSNode *operators);

static bool
op_elem_match(Test *test, SSNode *actual, SSNode *operand)
{
	bool operators = is_operator_object(operand);
	SSNode *items;

	if (!ss_node_is(actual, SS_NODE_ARRAY))
		return false;
	items = ss_node_items(actual);
	for (int i = 0; i < actual->count; i++)
	{
		if (ss_node_truthy(&items[i]) &&
			(operators ? operators_hold(test, &items[i], operand) : holds(test, operand, &items[i])))
			return true;
	}
	return false;
}

static bool
op_size(Test *test, SSNode *actual, SSNode *operand)
{
	SSNode size;

	if (!ss_node_is(actual, SS_NODE_ARRAY))
		return false;
	size = ss_node_number(actual->count);
	return matches(test, &size, operand, false);
}

static bool
op_exists(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_truthy(operand) != ss_node_is(actual, SS_NODE_NULL);
}

static bool
op_type(Test *test, SSNode *actual, SSNode *operand)
{
	static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
	const char *name = names[actual == NULL ? SS_NODE_NULL : actual->kind];

	return ss_node_is(operand, SS_NODE_STRING) && ss_text_equals(ss_node_string(operand), (SSText){name, strlen(name)});
}

static bool
op_not(Test *test, SSNode *actual, SSNode *operand)
{
	return !matches(test, actual, operand, false);
}

static SSRegexAnswer
search(SSNode *actual, SSNode *operand, bool any_case)
{
	if (!ss_node_is(operand, SS_NODE_STRING))
		return SS_REGEX_INVALID;
	return ss_regex_search(ss_node_string(operand), any_case, ss_node_to_text(actual));
}

static bool
op_regex(Test *test, SSNode *actual, SSNode *operand)
{
	return search(actual, operand, false) == SS_REGEX_MATCH;
}

static bool
op_regexi(Test *test, SSNode *actual, SSNode *operand)
{
	return search(actual, operand, true) == SS_REGEX_MATCH;
}

/* Unknown to the JavaScript SDK, but not to others. */
static bool
op_not_regex(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(actual, SS_NODE_STRING) && search(actual, operand, false) == SS_REGEX_NO_MATCH;
}

static bool
op_not_regexi(Test *test, SSNode *actual, SSNode *operand)
{
	return ss_node_is(actual, SS_NODE_STRING) && search(actual, operand, true) == SS_REGEX_NO_MATCH;
}

static SSOrder
compare_versions(SSNode *actual, SSNode *operand)
{
	return ss_text_compare(ss_version_padded(actual), ss_version_padded(operand));
}

static bool
op_veq(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) == SS_EQUAL;
}

static bool
op_vne(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) != SS_EQUAL;
}

static bool
op_vlt(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) == SS_LESS;
}

static bool
op_vlte(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) != SS_GREATER;
}

static bool
op_vgt(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) == SS_GREATER;
}

static bool
op_vgte(Test *test, SSNode *actual, SSNode *operand)
{
	return compare_versions(actual, operand) != SS_LESS;
}

static const struct
{
	const char *name;
	Operator operator;
} operators[] = {
	{"$eq", op_eq},
	{"$ne", op_ne},
	{"$lt", op_lt},
	{"$lte", op_lte},
	{"$gt", op_gt},
	{"$gte", op_gte},
	{"$in", op_in},
	{"$nin", op_nin},
	{"$ini", op_ini},
	{"$nini", op_nini},
	{"$inGroup", op_in_group},
	{"$notInGroup", op_not_in_group},
	{"$all", op_all},
	{"$alli", op_alli},
	{"$elemMatch", op_elem_match},
	{"$size", op_size},
	{"$exists", op_exists},
	{"$type", op_type},
	{"$not", op_not},
	{"$regex", op_regex},
	{"$regexi", op_regexi},
	{"$veq", op_veq},
	{"$vne", op_vne},
	{"$vgt", op_vgt},
	{"$vgte", op_vgte},
	{"$vlt", op_vlt},
	{"$vlte", op_vlte},
	{"$notRegex", op_not_regex},
	{"$notRegexi", op_not_regexi},
};

static Operator
find_operator(SSText name)
{
	for (size_t i = 0; i < lengthof(operators); i++)
	{
		if (ss_text_equals(name, (SSText){operators[i].name, strlen(operators[i].name)}))
			return operators[i].operator;
	}
	return NULL;
}

bool
ss_condition_is_operator(SSText name)
{
	return find_operator(name) != NULL;
}

/* --- matching ------------------------------------------------------------------------------------- */

/* An object with members, all of whose keys begin with a dollar sign. */
static bool
is_operator_object(SSNode *value)
{
	if (!ss_node_is(value, SS_NODE_OBJECT) || value->count == 0)
		return false;
	(void) ss_node_items(value);
	for (int i = 0; i < value->count; i++)
	{
		if (value->keys[i].length == 0 || value->keys[i].data[0] != '$')
			return false;
	}
	return true;
}

static bool
operators_hold(Test *test, SSNode *actual, SSNode *object)
{
	SSNode *operands = ss_node_items(object);
	bool result = true;

	if (!enter(test))
		return false;
	for (int i = 0; i < object->count && result; i++)
	{
		Operator operator= find_operator(object->keys[i]);

		result = operator!= NULL && operator(test, actual, &operands[i]);
	}
	test->depth--;
	return result;
}

static bool
matches_text(SSNode *actual, SSText expected, bool any_case)
{
	SSText text = ss_node_to_text(actual);

	return any_case ? ss_text_equals(lower(text), lower(expected)) : ss_text_equals(text, expected);
}

static bool
matches(Test *test, SSNode *actual, SSNode *expected, bool any_case)
{
	switch (expected->kind)
	{
		case SS_NODE_STRING:
			return matches_text(actual, ss_node_string(expected), any_case);
		case SS_NODE_NUMBER:
			return ss_node_to_number(actual) == expected->number;
		case SS_NODE_BOOL:
			return !ss_node_is(actual, SS_NODE_NULL) && ss_node_truthy(actual) == expected->boolean;
		case SS_NODE_NULL:
			return ss_node_is(actual, SS_NODE_NULL);
		default:
			if (is_operator_object(expected))
				return operators_hold(test, actual, expected);
			return ss_node_deeply_equal(actual, expected);
	}
}

/* --- conditions ------------------------------------------------------------------------------------- */

/* What is no array of conditions holds, and so does an empty one. */
static bool
any_holds(Test *test, SSNode *conditions, SSNode *attributes)
{
	SSNode *items;

	if (!ss_node_is(conditions, SS_NODE_ARRAY) || conditions->count == 0)
		return true;
	items = ss_node_items(conditions);
	for (int i = 0; i < conditions->count; i++)
	{
		if (holds(test, &items[i], attributes))
			return true;
	}
	return false;
}

static bool
all_hold(Test *test, SSNode *conditions, SSNode *attributes)
{
	SSNode *items;

	if (!ss_node_is(conditions, SS_NODE_ARRAY))
		return true;
	items = ss_node_items(conditions);
	for (int i = 0; i < conditions->count; i++)
	{
		if (!holds(test, &items[i], attributes))
			return false;
	}
	return true;
}

static bool
entry_holds(Test *test, SSText key, SSNode *value, SSNode *attributes)
{
	if (ss_text_equals(key, SS_TEXT("$or")))
		return any_holds(test, value, attributes);
	if (ss_text_equals(key, SS_TEXT("$nor")))
		return !any_holds(test, value, attributes);
	if (ss_text_equals(key, SS_TEXT("$and")))
		return all_hold(test, value, attributes);
	if (ss_text_equals(key, SS_TEXT("$not")))
		return !holds(test, value, attributes);
	return matches(test, at_path(attributes, key), value, false);
}

static bool
holds(Test *test, SSNode *condition, SSNode *attributes)
{
	SSNode *items;
	bool result = true;

	if (!ss_node_is(condition, SS_NODE_OBJECT) || !enter(test))
		return false;
	items = ss_node_items(condition);
	for (int i = 0; i < condition->count && result; i++)
		result = entry_holds(test, condition->keys[i], &items[i], attributes);
	test->depth--;
	return result;
}

bool
ss_condition_holds(SSNode *condition, const SSSubject *subject)
{
	Test test = {subject, 0};

	return condition == NULL || holds(&test, condition, subject->attributes);
}
