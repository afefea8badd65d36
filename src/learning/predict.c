/*
 * predict.c: what a model says of a user, and why.
 *
 * SQL entry point. Reads the user's purchases of a year, by the index alone
 * where that can be done, and multiplies: LIBLINEAR is not needed for that. Nothing is written,
 * nothing is locked; nothing else of the extension asks here.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "learning/affinity.h"
#include "learning/exclusions.h"
#include "learning/features.h"
#include "learning/model.h"
#include "learning/six.h"

PG_FUNCTION_INFO_V1(swipesavvy_predict);

/* What a feature adds to the logarithm of the odds. */
typedef struct Contribution
{
	int position;
	double value;
	double contribution;
} Contribution;

static const char *
level_of(double p, double threshold)
{
	return p >= threshold ? "high" : p >= threshold / 2 ? "medium" : "low";
}

/* The largest first, whatever their sign. */
static int
compare_contributions(const void *a, const void *b)
{
	const Contribution *x = a;
	const Contribution *y = b;

	if (fabs(x->contribution) != fabs(y->contribution))
		return fabs(x->contribution) > fabs(y->contribution) ? -1 : 1;
	return x->position - y->position;
}

/* base and contributions: together the logarithm of the odds */
static void
add_explanation(SSJson *json, const SSModel *model, const double *values)
{
	Contribution *contributions = palloc(model->features * sizeof(Contribution));

	for (int i = 0; i < model->features; i++)
	{
		const SSModelFeature *feature = &model->feature[i];
		double z = (values[i] - feature->mean) / feature->deviation;

		/* 0 and not -0 */
		contributions[i] =
			(Contribution){i, values[i], feature->weight == 0 ? 0 : -model->platt_a * feature->weight * z};
	}
	qsort(contributions, model->features, sizeof(Contribution), compare_contributions);
	ss_json_open_object(json, "explanation");
	ss_json_double(json, "base", -(model->platt_a * model->intercept + model->platt_b));
	ss_json_open_array(json, "contributions");
	for (int i = 0; i < model->features; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "feature", model->feature[contributions[i].position].name);
		ss_json_double(json, "value", contributions[i].value);
		ss_json_double(json, "contribution", contributions[i].contribution);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	ss_json_close_object(json);
}

static void
add_no_explanation(SSJson *json)
{
	ss_json_open_object(json, "explanation");
	ss_json_open_array(json, "contributions");
	ss_json_close_array(json);
	ss_json_close_object(json);
}

/* The user's features at the moment; false if it has not bought for a year. */
static bool
read_features(const pg_uuid_t *user_id, TimestampTz as_of, double *values)
{
	const SSRules *rules = ss_rules_get();
	SSMoment moment = ss_moment(rules, as_of);
	SSHistory *history = ss_history_create(rules);

	ss_exclusions_get();
	ss_history_read(history, user_id, moment.from_365, as_of);
	ss_history_read_redemptions(history, user_id);
	return ss_features(history, &moment, values);
}

#define AFFINITY "affinity"

SS_QUERY(find_merchant, "SELECT FROM swipesavvy.merchants WHERE merchant_id = $1", UUIDOID);

/* What may be asked: the models that are trained, and the affinity, whose weights are fixed. */
static const char *const asked[] = {AFFINITY, "churn", NULL};

/* The row of the user's merchant; cold_start where it has not bought there, or nothing is learned of the merchant. */
static void
add_affinity(SSJson *json, const pg_uuid_t *user_id, const pg_uuid_t *merchant_id, TimestampTz as_of)
{
	const SSRules *rules = ss_rules_get();
	SSAffinityMerchant *merchants;
	int count;
	int i = 0;

	if (ss_query_read(&find_merchant, (Datum[]){UUIDPGetDatum(merchant_id)}, NULL) == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	count = ss_affinity(rules, user_id, as_of, &merchants);
	while (i < count && !ss_uuid_equal(&merchants[i].id, merchant_id))
		i++;
	ss_json_text(json, "model_name", AFFINITY);
	ss_json_uuid(json, "user_id", user_id);
	ss_json_time(json, "as_of", as_of);
	ss_json_bool(json, "cold_start", i == count);
	if (i < count)
		ss_affinity_json(json, rules, &merchants[i]);
	else
	{
		ss_json_uuid(json, "merchant_id", merchant_id);
		ss_json_money(json, "score", 0, 4);
		ss_json_int(json, "visits", 0);
	}
}

/* 22023 for what this model is not asked with. */
static void
refuse_surplus(FunctionCallInfo fcinfo, const char *name)
{
	if (!PG_ARGISNULL(2))
		ss_bad_value("campaign_id", "Model \"%s\" is not about campaigns.", name);
	if (strcmp(name, AFFINITY) == 0)
	{
		if (PG_ARGISNULL(3))
			ss_missing_value("merchant_id");
	}
	else if (!PG_ARGISNULL(3))
		ss_bad_value("merchant_id", "Model \"%s\" is not about merchants.", name);
}

/*
 * predict(model_name, user_id, campaign_id, merchant_id, as_of, explain)
 */
Datum
swipesavvy_predict(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	pg_uuid_t *user_id;
	TimestampTz as_of;
	const SSModel *model;
	SSProfiling profiling;
	double values[SS_USER_FEATURES];
	double p;
	bool known;
	int32 version;

	ss_call_enter(&call, SS_ANALYTICS | SS_BACKEND | SS_ADMIN | SS_NOT_CACHED);
	name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, true);
	(void) ss_check_choice(name, "model_name", asked);
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	refuse_surplus(fcinfo, name);
	as_of = ss_arg_as_of(fcinfo, 4, false);
	profiling = ss_model_ask_about(name, user_id, &version);
	if (profiling != SS_PROFILED)
		ss_model_refuse(profiling, user_id);
	ss_json_open_object(&json, NULL);
	if (strcmp(name, AFFINITY) == 0)
	{
		add_affinity(&json, user_id, PG_GETARG_UUID_P(3), as_of);
		ss_json_close_object(&json);
		PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
	}
	if (version == 0)
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("no active version"),
				errdetail("Model \"%s\" has none.", name), errhint("Train one with train_ml_model()."));
	model = ss_model_get(name, version);
	known = read_features(user_id, as_of, values);
	p = known ? ss_model_probability(model, ss_model_score(model, values)) : model->base_rate;
	ss_json_text(&json, "model_name", name);
	ss_json_int(&json, "version", version);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_time(&json, "as_of", as_of);
	ss_json_six(&json, "probability", p);
	ss_json_six(&json, "threshold", model->threshold);
	ss_json_bool(&json, "decision", p >= model->threshold);
	ss_json_text(&json, "level", level_of(p, model->threshold));
	ss_json_bool(&json, "cold_start", !known);
	if (ss_arg_bool(fcinfo, 5, true))
	{
		if (known)
			add_explanation(&json, model, values);
		else
			add_no_explanation(&json);
	}
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
