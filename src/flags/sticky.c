/*
 * sticky.c: variations that a subject keeps, in documents that the context
 * brings and takes back (evaluation.h).
 *
 * Called by experiment.c and, for whether it applies at all, by target.c.
 * Documents are keyed by attribute and value; what is saved is seen by later
 * evaluations of the same context. No locks, no errors.
 */
#include "postgres.h"

#include "flags/evaluation.h"

bool
ss_sticky_applies(const SSContext *context, SSNode *experiment)
{
	return context->sticky != NULL && !ss_node_truthy(ss_node_get(experiment, SS_TEXT("disableStickyBucketing")));
}

static SSText
joined(SSText a, const char *between, SSText b)
{
	int gap = strlen(between);
	char *text = palloc(a.length + gap + b.length + 1);

	memcpy(text, a.data, a.length);
	memcpy(text + a.length, between, gap + 1);
	memcpy(text + a.length + gap, b.data, b.length);
	return (SSText){text, a.length + gap + b.length};
}

/* The assignments kept for the attribute's value. */
static SSNode *
assignments_of(const SSContext *context, SSNode *attribute)
{
	SSHashed hashed = ss_hashed_look_up(context, attribute, NULL);
	SSText key = joined(hashed.attribute, "||", ss_node_to_json_text(&hashed.value));

	return ss_node_get(ss_node_get(context->sticky, key), SS_TEXT("assignments"));
}

/* The version that an assignment's key names, if it is one of the experiment's; -1 if not. */
static double
version_of(SSText assignment, SSText prefix)
{
	double version = 0;
	int digits = assignment.length - prefix.length;
	const char *c = assignment.data + prefix.length;

	if (digits < 1 || memcmp(assignment.data, prefix.data, prefix.length) != 0 || (digits > 1 && *c == '0'))
		return -1;
	for (; digits > 0; digits--, c++)
	{
		if (*c < '0' || *c > '9')
			return -1;
		version = version * 10 + (*c - '0');
	}
	return version;
}

/* Is there an assignment of a version below the least that counts? */
static bool
is_blocked(SSNode *assignments, SSText key, SSNode *minimum)
{
	SSText prefix = joined(key, "__", SS_TEXT(""));

	if (!ss_node_is(assignments, SS_NODE_OBJECT) || !ss_node_truthy(minimum))
		return false;
	(void) ss_node_items(assignments);
	for (int i = 0; i < assignments->count; i++)
	{
		double version = version_of(assignments->keys[i], prefix);

		if (version >= 0 && version < ss_node_to_number(minimum))
			return true;
	}
	return false;
}

static SSText
versioned_key(SSNode *experiment, SSText key)
{
	return joined(key, "__", ss_text_or(experiment, SS_TEXT("bucketVersion"), SS_TEXT("0")));
}

SSSticky
ss_sticky_look_up(const SSContext *context, SSNode *experiment, SSText key, int *variation)
{
	SSNode *first = assignments_of(context, ss_node_get(experiment, SS_TEXT("hashAttribute")));
	SSNode *second = assignments_of(context, ss_node_get(experiment, SS_TEXT("fallbackAttribute")));
	SSNode *minimum = ss_node_get(experiment, SS_TEXT("minBucketVersion"));
	SSNode *meta = ss_node_get(experiment, SS_TEXT("meta"));
	SSText versioned = versioned_key(experiment, key);
	SSNode *kept;

	if (is_blocked(first, key, minimum) || is_blocked(second, key, minimum))
		return SS_STICKY_BLOCKED;
	kept = ss_node_get(first, versioned);
	if (kept == NULL)
		kept = ss_node_get(second, versioned);
	if (!ss_node_truthy(kept) || !ss_node_is(meta, SS_NODE_ARRAY))
		return SS_STICKY_NONE;
	for (int i = 0; i < meta->count; i++)
	{
		SSNode *name = ss_node_get(&ss_node_items(meta)[i], SS_TEXT("key"));

		if (name != NULL && ss_node_strictly_equal(name, kept))
		{
			*variation = i;
			return SS_STICKY_FOUND;
		}
	}
	return SS_STICKY_NONE;
}

void
ss_sticky_save(SSContext *context, SSNode *experiment, SSText key, const SSExperimentResult *result)
{
	SSNode value = result->hash_value;
	SSText text = ss_node_to_json_text(&value);
	SSText document_key = joined(result->hash_attribute, "||", text);
	SSNode *document = ss_node_get(context->sticky, document_key);
	SSText versioned = versioned_key(experiment, key);
	SSNode variation = ss_variation_key(result);
	SSNode assignments = ss_node_object();
	SSNode changed = ss_node_object();
	SSNode *kept = ss_node_get(document, SS_TEXT("assignments"));

	if (ss_node_is(kept, SS_NODE_OBJECT))
	{
		if (ss_node_get(kept, versioned) != NULL && ss_node_strictly_equal(ss_node_get(kept, versioned), &variation))
			return;
		assignments = *kept;
	}
	ss_node_set(&assignments, versioned, &variation);
	ss_node_set_text(&changed, SS_TEXT("attributeName"), result->hash_attribute);
	ss_node_set_text(&changed, SS_TEXT("attributeValue"), text);
	ss_node_set(&changed, SS_TEXT("assignments"), &assignments);
	ss_node_set(context->sticky, document_key, &changed);
	ss_context_forget(context);
}
