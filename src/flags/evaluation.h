/*
 * evaluation.h: features and experiments evaluated for one context, as the
 * JavaScript SDK of GrowthBook (1.7.0) does it. Pure: no table, no clock.
 *
 * evaluate.c does features, experiment.c experiments; target.c looks up hash
 * attributes and tests filters and roll-outs, sticky.c keeps variations,
 * query_string.c and url_target.c read URLs. None raises an error because of
 * what a document contains.
 */
#ifndef SS_EVALUATION_H
#define SS_EVALUATION_H

#include "postgres.h"

#include "flags/condition.h"
#include "flags/node.h"

/* What is evaluated for whom. */
typedef struct SSContext
{
	SSNode *features;
	SSSubject subject;
	SSNode *forced_variations;
	SSNode *forced_values;
	SSNode *bandits;
	SSNode *url;
	SSNode *sticky; /* documents by attribute and value; NULL where nothing is kept. Changed by evaluating. */
	bool disabled;
	bool qa_mode;
	int depth;				  /* of prerequisites */
	struct SSParent *parents; /* what each of the features gave as a prerequisite; NULL before the first */
	int forgotten;			  /* how often that was forgotten */
} SSContext;

/* Features on the way from the one that was asked for, innermost first. */
typedef struct SSPath
{
	SSText key;
	const struct SSPath *up;
} SSPath;

typedef enum SSSource
{
	SS_SOURCE_CYCLIC,
	SS_SOURCE_OVERRIDE,
	SS_SOURCE_UNKNOWN,
	SS_SOURCE_PREREQUISITE,
	SS_SOURCE_FORCE,
	SS_SOURCE_EXPERIMENT,
	SS_SOURCE_DEFAULT
} SSSource;

typedef struct SSExperimentResult
{
	SSNode *experiment;
	SSText feature; /* data NULL where it was run directly */
	bool in_experiment;
	bool hash_used;
	bool sticky_used;
	int variation;
	SSNode *value; /* NULL where there are no variations */
	SSText hash_attribute;
	SSNode hash_value;
	bool has_bucket;
	double bucket;
	SSNode *meta;	/* of the variation; NULL if there is none */
	SSNode *bandit; /* leafId, variationWeights, banditVersion of a contextual bandit, or NULL */
} SSExperimentResult;

typedef struct SSFeatureResult
{
	SSNode *value; /* NULL is null */
	SSSource source;
	SSNode *rule_id;			   /* NULL where none applies */
	SSExperimentResult experiment; /* of source experiment only */
} SSFeatureResult;

/* The context that a document describes; sticky documents are copied. */
extern void ss_context_read(SSContext *context, SSNode *features, Jsonb *document);

extern void ss_feature_evaluate(SSContext *context, SSText key, const SSPath *path, SSFeatureResult *result);
extern void ss_experiment_run(SSContext *context, SSNode *experiment, SSText feature, const SSPath *path,
							  SSExperimentResult *result);

/* The same for a feature that has been looked up. */
extern void ss_feature_evaluate_found(SSContext *context, SSText key, SSNode *feature, const SSPath *path,
									  SSFeatureResult *result);

extern const char *ss_source_name(SSSource source);

/* What features gave as prerequisites may no longer hold: a variation is kept that was not when they were evaluated. */
extern void ss_context_forget(SSContext *context);

/* Results as objects. */
extern SSNode ss_feature_result_value(const SSFeatureResult *result);
extern SSNode ss_experiment_result_value(const SSExperimentResult *result);

/* The key of the variation: its meta data's, or its index. */
extern SSNode ss_variation_key(const SSExperimentResult *result);

/* Do all prerequisites hold? If not, at once what the first one says that does not. */
typedef enum SSPrerequisites
{
	SS_PREREQUISITES_HOLD,
	SS_PREREQUISITES_CYCLIC,
	SS_PREREQUISITES_GATE, /* one with a gate does not hold */
	SS_PREREQUISITES_FAIL
} SSPrerequisites;

extern SSPrerequisites ss_prerequisites_test(SSContext *context, SSNode *prerequisites, const SSPath *path);

/* --- who is a target (target.c) ------------------------------------------------------------ */

/* A value of the subject that is hashed. Empty: a string without bytes. */
typedef struct SSHashed
{
	SSText attribute;
	SSNode value;
} SSHashed;

/* The attribute (NULL: id) if it is truthy, else the fallback (NULL: none) if that is. */
extern SSHashed ss_hashed_look_up(const SSContext *context, SSNode *attribute, SSNode *fallback);
extern bool ss_hashed_is_empty(const SSHashed *hashed);

/* The hash of version 1 or 2 as a number below 1; false for any other version. */
extern bool ss_flag_hash(SSText seed, SSText value, double version, double *hash);

/* The hash with the version of a document, or the default where that is missing, null, 0 or empty. */
extern bool ss_flag_hash_as(SSText seed, SSHashed *hashed, SSNode *version, int default_version, double *hash);

extern bool ss_in_range(double n, SSNode *range);
extern int ss_choose_variation(double n, SSNode *ranges);
extern bool ss_in_namespace(SSText user, SSNode *namespace);
extern bool ss_filtered_out(const SSContext *context, SSNode *filters);

/* Is the subject in the roll-out of a rule that forces a value? */
extern bool ss_in_rollout(const SSContext *context, SSNode *rule, SSText feature);

/* [[start, end], …] for n variations; weights that do not fit count as equal. */
extern SSNode ss_bucket_ranges(int n, double coverage, const double *weights, int nweights);

/* The numbers of an array; NULL if it is none, or not of numbers alone. */
extern double *ss_numbers_of(SSNode *array, int *count);

/* The text of a member that is truthy, or the default. */
extern SSText ss_text_or(SSNode *object, SSText key, SSText when_missing);

/* --- variations that are kept (sticky.c) --------------------------------------------------- */

typedef enum SSSticky
{
	SS_STICKY_NONE,
	SS_STICKY_FOUND,
	SS_STICKY_BLOCKED
} SSSticky;

/* Does the experiment or rule keep variations in this context? */
extern bool ss_sticky_applies(const SSContext *context, SSNode *experiment);

extern SSSticky ss_sticky_look_up(const SSContext *context, SSNode *experiment, SSText key, int *variation);
extern void ss_sticky_save(SSContext *context, SSNode *experiment, SSText key, const SSExperimentResult *result);

/* --- URLs (query_string.c, url_target.c) --------------------------------------------------- */

/* The variation that the query string asks for, -1 if none. */
extern int ss_query_string_variation(SSNode *url, SSText key, int n);

extern bool ss_url_is_targeted(SSNode *url, SSNode *patterns);

#endif /* SS_EVALUATION_H */
