/*
 * experiment.c: which variation of an experiment a subject gets, and why it
 * may get none (evaluation.h).
 *
 * Called by rules of features that have variations, and for experiments that
 * stand by themselves. No locks, no errors.
 */
#include "postgres.h"

#include <math.h>

#include "flags/evaluation.h"

#define OUT (-1)

/* Everything an experiment is decided with. */
typedef struct Run
{
	SSContext *context;
	SSNode *experiment;
	const SSPath *path;
	SSText key;
	SSNode *variations;
	int n;
	SSHashed hashed;
	SSExperimentResult *result;
} Run;

static SSNode *
field(const Run *run, SSText name)
{
	return ss_node_present(run->experiment, name);
}

static bool
has_text(SSNode *value, SSText text)
{
	return ss_node_is(value, SS_NODE_STRING) && ss_text_equals(ss_node_string(value), text);
}

/* The index that a document forces; OUT if it is none of the variations'. */
static int
forced_index(const Run *run, const SSNode *index)
{
	if (!ss_node_is(index, SS_NODE_NUMBER) || !(index->number >= 0 && index->number < run->n) ||
		floor(index->number) != index->number)
		return OUT;
	return (int) index->number;
}

/* Is there an answer before anybody is hashed? */
static bool
decided_before_hashing(const Run *run, int *variation)
{
	SSNode *patterns = field(run, SS_TEXT("urlPatterns"));
	SSNode *active = field(run, SS_TEXT("active"));
	SSNode *forced;

	*variation = OUT;
	if (run->n < 2 || run->context->disabled)
		return true;
	if (patterns != NULL && !ss_url_is_targeted(run->context->url, patterns))
		return true;
	*variation = ss_query_string_variation(run->context->url, run->key, run->n);
	if (*variation >= 0)
		return true;
	forced = ss_node_get(run->context->forced_variations, run->key);
	if (forced != NULL)
	{
		*variation = forced_index(run, forced);
		return true;
	}
	return has_text(field(run, SS_TEXT("status")), SS_TEXT("draft")) ||
		   (ss_node_is(active, SS_NODE_BOOL) && !active->boolean) || ss_hashed_is_empty(&run->hashed);
}

/* Filters or namespace, condition and prerequisites. */
static bool
is_targeted(Run *run)
{
	SSNode *filters = field(run, SS_TEXT("filters"));
	SSNode *namespace = field(run, SS_TEXT("namespace"));

	if (filters != NULL)
	{
		if (ss_filtered_out(run->context, filters))
			return false;
	}
	else if (namespace != NULL && !ss_in_namespace(ss_node_to_text(&run->hashed.value), namespace))
		return false;
	return ss_condition_holds(field(run, SS_TEXT("condition")), &run->context->subject) &&
		   ss_prerequisites_test(run->context, field(run, SS_TEXT("parentConditions")), run->path) ==
			   SS_PREREQUISITES_HOLD;
}

static int
choose(const Run *run, double n)
{
	SSNode *given = field(run, SS_TEXT("ranges"));
	SSNode *coverage = field(run, SS_TEXT("coverage"));
	SSNode ranges;
	double *weights;
	int nweights;

	if (given != NULL)
		return ss_choose_variation(n, given);
	weights = ss_numbers_of(field(run, SS_TEXT("weights")), &nweights);
	ranges = ss_bucket_ranges(run->n, coverage == NULL ? 1 : ss_node_to_number(coverage), weights, nweights);
	return ss_choose_variation(n, &ranges);
}

/* The variation of a subject that is hashed. */
static int
assign(Run *run)
{
	SSExperimentResult *result = run->result;
	SSSticky sticky = SS_STICKY_NONE;
	int variation = OUT;
	SSNode *force = ss_node_get(run->experiment, SS_TEXT("force"));
	double n;

	if (ss_sticky_applies(run->context, run->experiment))
		sticky = ss_sticky_look_up(run->context, run->experiment, run->key, &variation);
	if (sticky != SS_STICKY_FOUND && !is_targeted(run))
		return OUT;
	if (!ss_flag_hash_as(ss_text_or(run->experiment, SS_TEXT("seed"), run->key), &run->hashed,
						 field(run, SS_TEXT("hashVersion")), 1, &n))
		return OUT;
	if (sticky == SS_STICKY_BLOCKED)
	{
		result->sticky_used = true;
		return OUT;
	}
	if (sticky == SS_STICKY_NONE)
		variation = choose(run, n);
	if (variation < 0)
		return OUT;
	if (force != NULL)
		return forced_index(run, force);
	if (run->context->qa_mode || has_text(field(run, SS_TEXT("status")), SS_TEXT("stopped")))
		return OUT;
	result->hash_used = true;
	result->has_bucket = true;
	result->bucket = n;
	result->sticky_used = sticky == SS_STICKY_FOUND;
	return variation;
}

/* What the result says of a variation. */
static void
take_variation(Run *run, int variation)
{
	SSExperimentResult *result = run->result;
	SSNode *meta = field(run, SS_TEXT("meta"));

	result->in_experiment = variation >= 0 && variation < run->n;
	if (!result->in_experiment)
	{
		variation = 0;
		result->hash_used = result->has_bucket = false;
	}
	result->variation = variation;
	if (variation < run->n)
		result->value = &ss_node_items(run->variations)[variation];
	if (ss_node_is(meta, SS_NODE_ARRAY) && variation < meta->count)
		result->meta = &ss_node_items(meta)[variation];
}

/* The fields of a contextual bandit stay where it has decided. */
static void
settle_bandit(Run *run)
{
	SSNode *bandit = ss_node_get(run->experiment, SS_TEXT("contextualBandit"));

	if (bandit == NULL)
		return;
	if (run->result->in_experiment && run->result->hash_used)
		run->result->bandit = bandit;
	else if (run->result->feature.data != NULL)
		ss_node_remove(run->experiment, SS_TEXT("contextualBandit"));
}

void
ss_experiment_run(SSContext *context, SSNode *experiment, SSText feature, const SSPath *path,
				  SSExperimentResult *result)
{
	Run run = {.context = context, .experiment = experiment, .path = path, .result = result};
	SSNode *fallback = NULL;
	int variation;

	memset(result, 0, sizeof(SSExperimentResult));
	result->experiment = experiment;
	result->feature = feature;
	run.key = ss_text_or(experiment, SS_TEXT("key"), SS_TEXT(""));
	run.variations = ss_node_get(experiment, SS_TEXT("variations"));
	run.n = ss_node_is(run.variations, SS_NODE_ARRAY) ? run.variations->count : 0;
	if (ss_sticky_applies(context, experiment))
		fallback = ss_node_get(experiment, SS_TEXT("fallbackAttribute"));
	run.hashed = ss_hashed_look_up(context, ss_node_get(experiment, SS_TEXT("hashAttribute")), fallback);
	result->hash_attribute = run.hashed.attribute;
	result->hash_value = run.hashed.value;
	if (!decided_before_hashing(&run, &variation))
		variation = assign(&run);
	take_variation(&run, variation);
	settle_bandit(&run);
	if (result->hash_used && ss_sticky_applies(context, experiment))
		ss_sticky_save(context, experiment, run.key, result);
}

SSNode
ss_variation_key(const SSExperimentResult *result)
{
	SSNode *key = ss_node_get(result->meta, SS_TEXT("key"));
	char *index;

	if (ss_node_truthy(key))
		return *key;
	index = psprintf("%d", result->variation);
	return ss_node_text((SSText){index, strlen(index)});
}

/* The members that stand in the result only when they apply. */
static void
set_what_applies(SSNode *object, const SSExperimentResult *result)
{
	static const SSText of_meta[] = {{"name", 4}, {"passthrough", 11}};
	static const SSText of_bandit[] = {{"leafId", 6}, {"variationWeights", 16}, {"banditVersion", 13}};

	for (size_t i = 0; i < lengthof(of_meta); i++)
	{
		SSNode *value = ss_node_get(result->meta, of_meta[i]);

		if (ss_node_truthy(value))
			ss_node_set(object, of_meta[i], value);
	}
	for (size_t i = 0; i < lengthof(of_bandit); i++)
		ss_node_set(object, of_bandit[i], ss_node_get(result->bandit, of_bandit[i]));
	if (result->has_bucket)
		ss_node_set_number(object, SS_TEXT("bucket"), result->bucket);
}

SSNode
ss_experiment_result_value(const SSExperimentResult *result)
{
	SSNode object = ss_node_object();
	SSNode none = ss_node_null();
	SSNode key = ss_variation_key(result);

	ss_node_set(&object, SS_TEXT("key"), &key);
	if (result->feature.data == NULL)
		ss_node_set(&object, SS_TEXT("featureId"), &none);
	else
		ss_node_set_text(&object, SS_TEXT("featureId"), result->feature);
	ss_node_set_bool(&object, SS_TEXT("inExperiment"), result->in_experiment);
	ss_node_set_bool(&object, SS_TEXT("hashUsed"), result->hash_used);
	ss_node_set_number(&object, SS_TEXT("variationId"), result->variation);
	ss_node_set(&object, SS_TEXT("value"), result->value);
	ss_node_set_text(&object, SS_TEXT("hashAttribute"), result->hash_attribute);
	ss_node_set(&object, SS_TEXT("hashValue"), &result->hash_value);
	ss_node_set_bool(&object, SS_TEXT("stickyBucketUsed"), result->sticky_used);
	set_what_applies(&object, result);
	return object;
}
