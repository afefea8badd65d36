/*
 * evaluate.c: what a feature gives in a context (evaluation.h).
 *
 * Called by the SQL functions of documents.c and by stored flags. Recursive
 * over prerequisites, of which each evaluation knows those on the way to it. No
 * locks, no errors: prerequisites that are nested more deeply than
 * MAX_PREREQUISITES, or than the stack has room for, count as a cycle.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "flags/evaluation.h"

#define MAX_PREREQUISITES 1000
#define MAX_FORGOTTEN	  1000

static const char *const source_names[] = {
	"cyclicPrerequisite", "override", "unknownFeature", "prerequisite", "force", "experiment", "defaultValue",
};

const char *
ss_source_name(SSSource source)
{
	return source_names[source];
}

/* --- contexts --------------------------------------------------------------------------------- */

/* The attributes with those of the overrides in their place. */
static SSNode *
merged(SSNode *attributes, SSNode *overrides)
{
	SSNode *items;

	if (!ss_node_is(overrides, SS_NODE_OBJECT) || overrides->count == 0)
		return attributes;
	if (!ss_node_is(attributes, SS_NODE_OBJECT))
		return overrides;
	items = ss_node_items(overrides);
	for (int i = 0; i < overrides->count; i++)
		ss_node_set(attributes, overrides->keys[i], &items[i]);
	return attributes;
}

void
ss_context_read(SSContext *context, SSNode *features, Jsonb *document)
{
	SSNode *from = ss_node_read(document);
	SSNode *enabled = ss_node_get(from, SS_TEXT("enabled"));

	memset(context, 0, sizeof(SSContext));
	context->features = features != NULL ? features : ss_node_get(from, SS_TEXT("features"));
	context->subject.attributes =
		merged(ss_node_get(from, SS_TEXT("attributes")), ss_node_get(from, SS_TEXT("attributeOverrides")));
	context->subject.groups = ss_node_get(from, SS_TEXT("savedGroups"));
	context->forced_variations = ss_node_get(from, SS_TEXT("forcedVariations"));
	context->forced_values = ss_node_get(from, SS_TEXT("forcedFeatureValues"));
	context->bandits = ss_node_get(from, SS_TEXT("contextualBandits"));
	context->url = ss_node_get(from, SS_TEXT("url"));
	context->sticky = ss_node_get(from, SS_TEXT("stickyBucketAssignmentDocs"));
	if (!ss_node_is(context->sticky, SS_NODE_OBJECT))
		context->sticky = NULL;
	context->disabled = enabled != NULL && enabled->kind == SS_NODE_BOOL && !enabled->boolean;
	context->qa_mode = ss_node_truthy(ss_node_get(from, SS_TEXT("qaMode")));
}

/* --- prerequisites ------------------------------------------------------------------------------ */

/* What a feature gave as a prerequisite of others. */
typedef struct SSParent
{
	bool is_known;
	SSSource source;
	SSNode *value;
} SSParent;

/* A document in which experiments overwrite one another's variations could do this for ever. */
void
ss_context_forget(SSContext *context)
{
	if (context->parents != NULL && context->forgotten++ < MAX_FORGOTTEN)
		memset(context->parents, 0, sizeof(SSParent) * context->features->count);
}

/*
 * Evaluates a prerequisite, each feature once: there may be many ways to it, and each level multiplies them. What a
 * cycle gave is not kept, because it depends on where the cycle was entered; nor is anything beyond the moment at which
 * a variation is kept that was not before.
 */
static SSParent
evaluate_parent(SSContext *context, SSText id, const SSPath *path)
{
	SSNode *feature = ss_node_get(context->features, id);
	SSParent *known = NULL;
	int forgotten = context->forgotten;
	SSFeatureResult result;
	SSParent parent;

	if (feature != NULL)
	{
		if (context->parents == NULL)
			context->parents =
				palloc_extended(sizeof(SSParent) * context->features->count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		known = &context->parents[feature - context->features->items];
		if (known->is_known)
			return *known;
	}
	ss_feature_evaluate_found(context, id, feature, path, &result);
	parent = (SSParent){result.source != SS_SOURCE_CYCLIC, result.source, result.value};
	/* one that keeps a variation may give something else the next time */
	if (known != NULL && (forgotten == context->forgotten || forgotten >= MAX_FORGOTTEN))
		*known = parent;
	return parent;
}

static SSPrerequisites
test_prerequisite(SSContext *context, SSNode *prerequisite, const SSPath *path)
{
	SSParent parent;
	SSNode attributes = ss_node_object();
	SSSubject subject = {&attributes, NULL, NULL, NULL};
	SSNode none = ss_node_null();
	SSNode *id = ss_node_present(prerequisite, SS_TEXT("id"));

	if (!ss_node_is(prerequisite, SS_NODE_OBJECT))
		return SS_PREREQUISITES_FAIL;
	parent = evaluate_parent(context, id == NULL ? SS_TEXT("") : ss_node_to_text(id), path);
	if (parent.source == SS_SOURCE_CYCLIC)
		return SS_PREREQUISITES_CYCLIC;
	ss_node_set(&attributes, SS_TEXT("value"), parent.value == NULL ? &none : parent.value);
	if (ss_condition_holds(ss_node_present(prerequisite, SS_TEXT("condition")), &subject))
		return SS_PREREQUISITES_HOLD;
	return ss_node_truthy(ss_node_get(prerequisite, SS_TEXT("gate"))) ? SS_PREREQUISITES_GATE : SS_PREREQUISITES_FAIL;
}

SSPrerequisites
ss_prerequisites_test(SSContext *context, SSNode *prerequisites, const SSPath *path)
{
	SSNode *items;

	if (prerequisites == NULL)
		return SS_PREREQUISITES_HOLD;
	if (!ss_node_is(prerequisites, SS_NODE_ARRAY))
		return SS_PREREQUISITES_FAIL;
	items = ss_node_items(prerequisites);
	for (int i = 0; i < prerequisites->count; i++)
	{
		SSPrerequisites outcome = test_prerequisite(context, &items[i], path);

		if (outcome != SS_PREREQUISITES_HOLD)
			return outcome;
	}
	return SS_PREREQUISITES_HOLD;
}

/* --- rules ----------------------------------------------------------------------------------------- */

static void
set_result(SSFeatureResult *result, SSNode *value, SSSource source)
{
	memset(result, 0, sizeof(SSFeatureResult));
	result->value = value;
	result->source = source;
}

/* Contextual bandits: the weights of the first context that the subject is in. */
static void
apply_bandit(const SSContext *context, SSNode *experiment, SSNode *reference)
{
	SSNode *bandit = ss_node_get(context->bandits, ss_node_to_text(reference));
	SSNode *contexts = ss_node_get(bandit, SS_TEXT("contexts"));
	SSNode *version = ss_node_present(bandit, SS_TEXT("banditVersion"));
	SSNode applied = ss_node_object();
	SSNode leaf = ss_node_number(-1);
	SSNode *weights = ss_node_present(experiment, SS_TEXT("weights"));

	if (!ss_node_is(bandit, SS_NODE_OBJECT))
		return;
	for (int i = 0; ss_node_is(contexts, SS_NODE_ARRAY) && i < contexts->count; i++)
	{
		SSNode *candidate = &ss_node_items(contexts)[i];

		if (!ss_node_is(candidate, SS_NODE_OBJECT) ||
			!ss_condition_holds(ss_node_present(candidate, SS_TEXT("condition")), &context->subject))
			continue;
		weights = ss_node_get(candidate, SS_TEXT("weights"));
		leaf = ss_node_get(candidate, SS_TEXT("leafId")) == NULL ? ss_node_null()
																 : *ss_node_get(candidate, SS_TEXT("leafId"));
		ss_node_set(experiment, SS_TEXT("weights"), weights);
		break;
	}
	ss_node_set(&applied, SS_TEXT("leafId"), &leaf);
	ss_node_set(&applied, SS_TEXT("banditVersion"), version);
	if (weights != NULL)
		ss_node_set(&applied, SS_TEXT("variationWeights"), weights);
	else
	{
		int n = ss_node_get(experiment, SS_TEXT("variations"))->count;
		SSNode equal = ss_node_array(n);

		for (int i = 0; i < n; i++)
			equal.items[i] = ss_node_number(1.0 / n);
		ss_node_set(&applied, SS_TEXT("variationWeights"), &equal);
	}
	ss_node_set(experiment, SS_TEXT("contextualBandit"), &applied);
}

/* The experiment that a rule describes. */
static SSNode *
build_experiment(const SSContext *context, SSNode *rule, SSText feature, SSNode *variations)
{
	static const SSText when_present[] = {{"coverage", 8}, {"bucketVersion", 13}, {"minBucketVersion", 16}};
	static const SSText when_truthy[] = {{"weights", 7},
										 {"hashAttribute", 13},
										 {"fallbackAttribute", 17},
										 {"disableStickyBucketing", 22},
										 {"namespace", 9},
										 {"meta", 4},
										 {"ranges", 6},
										 {"name", 4},
										 {"phase", 5},
										 {"seed", 4},
										 {"hashVersion", 11},
										 {"filters", 7},
										 {"condition", 9}};
	SSNode *experiment = palloc(sizeof(SSNode));
	SSNode *reference = ss_node_get(rule, SS_TEXT("contextualBanditRef"));

	*experiment = ss_node_object();
	ss_node_set_text(experiment, SS_TEXT("key"), ss_text_or(rule, SS_TEXT("key"), feature));
	ss_node_set(experiment, SS_TEXT("variations"), variations);
	for (size_t i = 0; i < lengthof(when_present); i++)
		ss_node_set(experiment, when_present[i], ss_node_present(rule, when_present[i]));
	for (size_t i = 0; i < lengthof(when_truthy); i++)
	{
		SSNode *value = ss_node_get(rule, when_truthy[i]);

		if (ss_node_truthy(value))
			ss_node_set(experiment, when_truthy[i], value);
	}
	if (ss_node_truthy(reference) && ss_node_is(variations, SS_NODE_ARRAY))
		apply_bandit(context, experiment, reference);
	return experiment;
}

/* A rule with variations: does it decide? */
static bool
rule_experiments(SSContext *context, SSText key, SSNode *rule, const SSPath *path, SSFeatureResult *result)
{
	SSNode *variations = ss_node_present(rule, SS_TEXT("contextualVariations"));
	SSExperimentResult outcome;

	if (variations == NULL)
		variations = ss_node_present(rule, SS_TEXT("variations"));
	if (variations == NULL)
		return false;
	ss_experiment_run(context, build_experiment(context, rule, key, variations), key, path, &outcome);
	if (!outcome.in_experiment || ss_node_truthy(ss_node_get(outcome.meta, SS_TEXT("passthrough"))))
		return false;
	set_result(result, outcome.value, SS_SOURCE_EXPERIMENT);
	result->rule_id = ss_node_get(rule, SS_TEXT("id"));
	result->experiment = outcome;
	return true;
}

/* Does the rule decide? Then the result is set. */
static bool
rule_decides(SSContext *context, SSText key, SSNode *rule, const SSPath *path, SSFeatureResult *result)
{
	SSNode *filters = ss_node_present(rule, SS_TEXT("filters"));
	SSNode *force = ss_node_get(rule, SS_TEXT("force"));

	if (!ss_node_is(rule, SS_NODE_OBJECT))
		return false;
	switch (ss_prerequisites_test(context, ss_node_present(rule, SS_TEXT("parentConditions")), path))
	{
		case SS_PREREQUISITES_CYCLIC:
			set_result(result, NULL, SS_SOURCE_CYCLIC);
			return true;
		case SS_PREREQUISITES_GATE:
			set_result(result, NULL, SS_SOURCE_PREREQUISITE);
			return true;
		case SS_PREREQUISITES_FAIL:
			return false;
		case SS_PREREQUISITES_HOLD:
			break;
	}
	if (filters != NULL && ss_filtered_out(context, filters))
		return false;
	if (force == NULL)
		return rule_experiments(context, key, rule, path, result);
	if (!ss_condition_holds(ss_node_present(rule, SS_TEXT("condition")), &context->subject) ||
		!ss_in_rollout(context, rule, key))
		return false;
	set_result(result, force, SS_SOURCE_FORCE);
	result->rule_id = ss_node_get(rule, SS_TEXT("id"));
	return true;
}

static bool
is_on(const SSPath *path, SSText key)
{
	for (; path != NULL; path = path->up)
	{
		if (ss_text_equals(path->key, key))
			return true;
	}
	return false;
}

/* The rules in their order, then the default. */
static void
evaluate_rules(SSContext *context, SSText key, SSNode *feature, const SSPath *path, SSFeatureResult *result)
{
	SSNode *rules = ss_node_get(feature, SS_TEXT("rules"));

	for (int i = 0; ss_node_is(rules, SS_NODE_ARRAY) && i < rules->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rule_decides(context, key, &ss_node_items(rules)[i], path, result))
			return;
	}
	set_result(result, ss_node_get(feature, SS_TEXT("defaultValue")), SS_SOURCE_DEFAULT);
}

void
ss_feature_evaluate_found(SSContext *context, SSText key, SSNode *feature, const SSPath *path, SSFeatureResult *result)
{
	SSPath here = {key, path};
	SSNode *forced;

	if (is_on(path, key) || context->depth >= MAX_PREREQUISITES || stack_is_too_deep())
		set_result(result, NULL, SS_SOURCE_CYCLIC);
	else if ((forced = ss_node_get(context->forced_values, key)) != NULL)
		set_result(result, forced, SS_SOURCE_OVERRIDE);
	else if (!ss_node_truthy(feature))
		set_result(result, NULL, SS_SOURCE_UNKNOWN);
	else
	{
		context->depth++;
		evaluate_rules(context, key, feature, &here, result);
		context->depth--;
	}
}

void
ss_feature_evaluate(SSContext *context, SSText key, const SSPath *path, SSFeatureResult *result)
{
	ss_feature_evaluate_found(context, key, ss_node_get(context->features, key), path, result);
}

SSNode
ss_feature_result_value(const SSFeatureResult *result)
{
	SSNode object = ss_node_object();
	SSNode none = ss_node_null();
	const char *source = ss_source_name(result->source);
	bool on = ss_node_truthy(result->value);

	ss_node_set(&object, SS_TEXT("value"), result->value == NULL ? &none : result->value);
	ss_node_set_bool(&object, SS_TEXT("on"), on);
	ss_node_set_bool(&object, SS_TEXT("off"), !on);
	ss_node_set_text(&object, SS_TEXT("source"), (SSText){source, strlen(source)});
	if (ss_node_truthy(result->rule_id))
		ss_node_set(&object, SS_TEXT("ruleId"), result->rule_id);
	else
		ss_node_set_text(&object, SS_TEXT("ruleId"), SS_TEXT(""));
	if (result->source == SS_SOURCE_EXPERIMENT)
	{
		SSNode experiment = ss_experiment_result_value(&result->experiment);

		ss_node_set(&object, SS_TEXT("experiment"), result->experiment.experiment);
		ss_node_set(&object, SS_TEXT("experimentResult"), &experiment);
	}
	return object;
}
