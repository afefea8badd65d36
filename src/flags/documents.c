/*
 * documents.c: the SQL functions that evaluate flags from documents alone:
 * flag_hash, flag_bucket_ranges, flag_choose_variation, flag_in_namespace,
 * flag_condition_matches, flag_evaluate_document and experiment_run_document.
 *
 * Called from SQL, by whoever has the right to; they read no table and use no
 * clock, so they are immutable. A NULL document counts as {}. No locks, and no
 * error because of what a document contains.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "flags/evaluation.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_hash);
PG_FUNCTION_INFO_V1(swipesavvy_flag_bucket_ranges);
PG_FUNCTION_INFO_V1(swipesavvy_flag_choose_variation);
PG_FUNCTION_INFO_V1(swipesavvy_flag_in_namespace);
PG_FUNCTION_INFO_V1(swipesavvy_flag_condition_matches);
PG_FUNCTION_INFO_V1(swipesavvy_flag_evaluate_document);
PG_FUNCTION_INFO_V1(swipesavvy_experiment_run_document);

#define MAX_VARIATIONS 100000

static Jsonb *
document_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_JSONB_P(n);
}

/* A text argument as UTF-8. */
static SSText
text_arg(FunctionCallInfo fcinfo, int n)
{
	text *argument = PG_GETARG_TEXT_PP(n);
	char *server = text_to_cstring(argument);
	char *utf8 = pg_server_to_any(server, strlen(server), PG_UTF8);

	return (SSText){utf8, strlen(utf8)};
}

/*
 * flag_hash(seed, value, version): a number from 0 to below 1; NULL for a
 * version that is neither 1 nor 2.
 */
Datum
swipesavvy_flag_hash(PG_FUNCTION_ARGS)
{
	double hash;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		!ss_flag_hash(text_arg(fcinfo, 0), text_arg(fcinfo, 1), PG_GETARG_INT32(2), &hash))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(hash);
}

/* The weights of an argument; NULL unless it is a list of numbers, none of them null. */
static double *
weights_arg(FunctionCallInfo fcinfo, int n, int *count)
{
	ArrayType *array;
	Datum *values;
	bool *nulls;
	double *weights;

	*count = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(n);
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, count);
	weights = palloc(sizeof(double) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			return NULL;
		weights[i] = DatumGetFloat8(values[i]);
	}
	return weights;
}

/*
 * flag_bucket_ranges(num_variations, coverage, weights): [[start, end], …].
 */
Datum
swipesavvy_flag_bucket_ranges(PG_FUNCTION_ARGS)
{
	int n = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);
	double coverage = PG_ARGISNULL(1) ? 1 : PG_GETARG_FLOAT8(1);
	int nweights;
	double *weights = weights_arg(fcinfo, 2, &nweights);
	SSNode ranges;

	if (n > MAX_VARIATIONS)
		ss_bad_value("num_variations", "%d is more than %d.", n, MAX_VARIATIONS);
	ranges = ss_bucket_ranges(n, coverage, weights, nweights);
	PG_RETURN_JSONB_P(ss_node_to_jsonb(&ranges));
}

/*
 * flag_choose_variation(n, ranges): the index of the first range that holds n,
 * -1 if none does.
 */
Datum
swipesavvy_flag_choose_variation(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_INT32(-1);
	PG_RETURN_INT32(ss_choose_variation(PG_GETARG_FLOAT8(0), ss_node_read(document_arg(fcinfo, 1))));
}

/*
 * flag_in_namespace(user_id, namespace): is the user in [id, start, end]?
 */
Datum
swipesavvy_flag_in_namespace(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(ss_in_namespace(text_arg(fcinfo, 0), ss_node_read(document_arg(fcinfo, 1))));
}

/*
 * flag_condition_matches(condition, attributes, saved_groups).
 */
Datum
swipesavvy_flag_condition_matches(PG_FUNCTION_ARGS)
{
	SSSubject subject = {ss_node_read(document_arg(fcinfo, 1)), ss_node_read(document_arg(fcinfo, 2)), NULL, NULL};

	PG_RETURN_BOOL(ss_condition_holds(ss_node_read(document_arg(fcinfo, 0)), &subject));
}

/* The result with the sticky documents as they are now, if the context has some. */
static Datum
finish(const SSContext *context, SSNode *result)
{
	ss_node_set(result, SS_TEXT("stickyBucketAssignmentDocs"), context->sticky);
	return JsonbPGetDatum(ss_node_to_jsonb(result));
}

/*
 * flag_evaluate_document(features, key, context): what the feature gives.
 */
Datum
swipesavvy_flag_evaluate_document(PG_FUNCTION_ARGS)
{
	SSContext context;
	SSFeatureResult outcome;
	SSNode result;

	ss_context_read(&context, ss_node_read(document_arg(fcinfo, 0)), document_arg(fcinfo, 2));
	ss_feature_evaluate(&context, PG_ARGISNULL(1) ? SS_TEXT("") : text_arg(fcinfo, 1), NULL, &outcome);
	result = ss_feature_result_value(&outcome);
	PG_RETURN_DATUM(finish(&context, &result));
}

/*
 * experiment_run_document(experiment, context): which variation is given.
 */
Datum
swipesavvy_experiment_run_document(PG_FUNCTION_ARGS)
{
	SSContext context;
	SSExperimentResult outcome;
	SSNode result;

	ss_context_read(&context, NULL, document_arg(fcinfo, 1));
	ss_experiment_run(&context, ss_node_read(document_arg(fcinfo, 0)), (SSText){NULL, 0}, NULL, &outcome);
	result = ss_experiment_result_value(&outcome);
	PG_RETURN_DATUM(finish(&context, &result));
}
