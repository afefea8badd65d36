/*
 * target.c: hash attributes, ranges, namespaces, filters and roll-outs
 * (evaluation.h).
 *
 * Called by evaluate.c, experiment.c and the SQL functions of documents.c. All
 * arithmetic is in doubles, in the order that is written: other SDKs must get
 * the same ranges to the last bit (the library is compiled with
 * -ffp-contract=off).
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "base/hash.h"
#include "flags/evaluation.h"

SSText
ss_text_or(SSNode *object, SSText key, SSText when_missing)
{
	SSNode *value = ss_node_get(object, key);

	return ss_node_truthy(value) ? ss_node_to_text(value) : when_missing;
}

/* --- what is hashed -------------------------------------------------------------------------- */

SSHashed
ss_hashed_look_up(const SSContext *context, SSNode *attribute, SSNode *fallback)
{
	SSHashed result = {ss_node_truthy(attribute) ? ss_node_to_text(attribute) : SS_TEXT("id"), {0}};
	SSNode *value = ss_node_get(context->subject.attributes, result.attribute);

	if (!ss_node_truthy(value) && ss_node_truthy(fallback))
	{
		SSText name = ss_node_to_text(fallback);
		SSNode *other = ss_node_get(context->subject.attributes, name);

		if (ss_node_truthy(other))
		{
			result.attribute = name;
			value = other;
		}
	}
	result.value = ss_node_truthy(value) ? *value : ss_node_text(SS_TEXT(""));
	return result;
}

bool
ss_hashed_is_empty(const SSHashed *hashed)
{
	return hashed->value.kind == SS_NODE_STRING && hashed->value.count == 0;
}

bool
ss_flag_hash(SSText seed, SSText value, double version, double *hash)
{
	if (version == 1)
		*hash = ss_hash_v1(seed.data, seed.length, value.data, value.length) / 1000.0;
	else if (version == 2)
		*hash = ss_hash_v2(seed.data, seed.length, value.data, value.length) / 10000.0;
	else
		return false;
	return true;
}

bool
ss_flag_hash_as(SSText seed, SSHashed *hashed, SSNode *version, int default_version, double *hash)
{
	double number = default_version;

	if (ss_node_truthy(version))
		number = version->kind == SS_NODE_NUMBER ? version->number : -1;
	return ss_flag_hash(seed, ss_node_to_text(&hashed->value), number, hash);
}

/* --- ranges ------------------------------------------------------------------------------------- */

bool
ss_in_range(double n, SSNode *range)
{
	SSNode *bounds;

	if (!ss_node_is(range, SS_NODE_ARRAY) || range->count < 2)
		return false;
	bounds = ss_node_items(range);
	return bounds[0].kind == SS_NODE_NUMBER && bounds[1].kind == SS_NODE_NUMBER && n >= bounds[0].number &&
		   n < bounds[1].number;
}

int
ss_choose_variation(double n, SSNode *ranges)
{
	SSNode *items;

	if (!ss_node_is(ranges, SS_NODE_ARRAY))
		return -1;
	items = ss_node_items(ranges);
	for (int i = 0; i < ranges->count; i++)
	{
		if (ss_in_range(n, &items[i]))
			return i;
	}
	return -1;
}

double *
ss_numbers_of(SSNode *array, int *count)
{
	SSNode *items;
	double *numbers;

	*count = 0;
	if (!ss_node_is(array, SS_NODE_ARRAY))
		return NULL;
	items = ss_node_items(array);
	numbers = palloc_extended(sizeof(double) * Max(array->count, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < array->count; i++)
	{
		if (items[i].kind != SS_NODE_NUMBER)
			return NULL;
		numbers[i] = items[i].number;
	}
	*count = array->count;
	return numbers;
}

/* Are there as many weights as variations, with a sum that is about one? */
static bool
weights_fit(const double *weights, int nweights, int n)
{
	double sum = 0;

	if (weights == NULL || nweights != n)
		return false;
	for (int i = 0; i < n; i++)
		sum += weights[i];
	return sum >= 0.99 && sum <= 1.01;
}

SSNode
ss_bucket_ranges(int n, double coverage, const double *weights, int nweights)
{
	SSNode ranges = ss_node_array(Max(n, 0));
	bool given = weights_fit(weights, nweights, n);
	double start = 0;

	if (!(coverage >= 0))
		coverage = 0;
	else if (coverage > 1)
		coverage = 1;
	for (int i = 0; i < n; i++)
	{
		double weight = given ? weights[i] : 1.0 / n;

		ranges.items[i] = ss_node_array(2);
		ranges.items[i].items[0] = ss_node_number(start);
		ranges.items[i].items[1] = ss_node_number(start + coverage * weight);
		start += weight;
	}
	return ranges;
}

/* --- namespaces, filters, roll-outs ---------------------------------------------------------------- */

bool
ss_in_namespace(SSText user, SSNode *namespace)
{
	SSNode *parts;
	SSText id;
	char *seed;
	double n = 0;

	if (!ss_node_is(namespace, SS_NODE_ARRAY) || namespace->count < 3)
		return false;
	parts = ss_node_items(namespace);
	if (parts[1].kind != SS_NODE_NUMBER || parts[2].kind != SS_NODE_NUMBER)
		return false;
	id = ss_node_to_text(&parts[0]);
	seed = palloc(id.length + 3);
	memcpy(seed, "__", 3);
	memcpy(seed + 2, id.data, id.length);
	(void) ss_flag_hash((SSText){seed, id.length + 2}, user, 1, &n);
	return n >= parts[1].number && n < parts[2].number;
}

static bool
passes_filter(const SSContext *context, SSNode *filter)
{
	SSHashed hashed;
	double n;

	if (!ss_node_is(filter, SS_NODE_OBJECT))
		return false;
	hashed = ss_hashed_look_up(context, ss_node_get(filter, SS_TEXT("attribute")), NULL);
	return !ss_hashed_is_empty(&hashed) &&
		   ss_flag_hash_as(ss_text_or(filter, SS_TEXT("seed"), SS_TEXT("")), &hashed,
						   ss_node_get(filter, SS_TEXT("hashVersion")), 2, &n) &&
		   ss_choose_variation(n, ss_node_get(filter, SS_TEXT("ranges"))) >= 0;
}

bool
ss_filtered_out(const SSContext *context, SSNode *filters)
{
	SSNode *items;

	if (!ss_node_is(filters, SS_NODE_ARRAY))
		return true;
	items = ss_node_items(filters);
	for (int i = 0; i < filters->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!passes_filter(context, &items[i]))
			return true;
	}
	return false;
}

bool
ss_in_rollout(const SSContext *context, SSNode *rule, SSText feature)
{
	SSNode *range = ss_node_present(rule, SS_TEXT("range"));
	SSNode *coverage = ss_node_present(rule, SS_TEXT("coverage"));
	SSNode *fallback = NULL;
	SSHashed hashed;
	double n;

	if (range == NULL && coverage == NULL)
		return true;
	if (range == NULL && ss_node_is(coverage, SS_NODE_NUMBER) && coverage->number == 0)
		return false;
	if (ss_sticky_applies(context, rule))
		fallback = ss_node_get(rule, SS_TEXT("fallbackAttribute"));
	hashed = ss_hashed_look_up(context, ss_node_get(rule, SS_TEXT("hashAttribute")), fallback);
	if (ss_hashed_is_empty(&hashed) || !ss_flag_hash_as(ss_text_or(rule, SS_TEXT("seed"), feature), &hashed,
														ss_node_get(rule, SS_TEXT("hashVersion")), 1, &n))
		return false;
	return range != NULL ? ss_in_range(n, range) : n <= ss_node_to_number(coverage);
}
