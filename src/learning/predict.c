/*
 * predict.c: what a model says of a user, and why.
 *
 * SQL entry point. Reads the user's purchases of a year, by the index alone
 * where that can be done, beside a campaign what it offers and how the user has
 * responded to others, and multiplies: LIBLINEAR is not needed for that. Nothing
 * is written, nothing is locked; nothing else of the extension asks here.
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
#include "learning/campaign_features.h"
#include "learning/exclusions.h"
#include "learning/features.h"
#include "learning/model.h"
#include "learning/model_kinds.h"
#include "learning/six.h"
#include "merchants/merchants.h"

PG_FUNCTION_INFO_V1(swipesavvy_predict);

#define FEATURES_MAX Max((int) SS_CONVERSION_FEATURES, (int) SS_OFFER_FEATURES)

SS_QUERY(
	count_responses,
	"SELECT (SELECT count(*) FROM swipesavvy.campaign_redemptions r"
	"          JOIN swipesavvy.transactions t ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"
	"         WHERE r.user_id = $1 AND r.counts AND r.campaign_no <> $2 AND t.occurred_at >= $3 AND t.occurred_at < $4),"
	"       (SELECT count(*) FROM swipesavvy.campaign_events e WHERE e.user_id = $1 AND e.campaign_no <> $2"
	"           AND e.kind IN ('impression', 'view', 'click') AND e.occurred_at >= $3 AND e.occurred_at < $4)",
	UUIDOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* What is asked, and what is known of it. */
typedef struct Question
{
	const SSModelKind *kind;
	const SSModel *model;
	const pg_uuid_t *user_id;
	TimestampTz as_of;
	const SSTerms *terms; /* of the campaign; NULL: it is not about one */
	bool known;			  /* false: the user has not bought for a year */
	double values[FEATURES_MAX];
} Question;

/* A type of offers, and what is thought of it. */
typedef struct Offer
{
	int type;
	double probability;
} Offer;

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

/* What each feature adds; those that only mix others with types of offers add to these. Returns how many there are. */
static int
find_contributions(const Question *question, Contribution *contributions)
{
	const SSModel *model = question->model;
	int count = question->kind->mixes ? SS_OFFER_MIXED_FIRST - 1 : model->features;

	for (int i = 0; i < count; i++)
		contributions[i] = (Contribution){i, question->values[i], 0};
	for (int i = 0; i < model->features; i++)
	{
		const SSModelFeature *feature = &model->feature[i];
		double z = (question->values[i] - feature->mean) / feature->deviation;
		int of = question->kind->mixes ? ss_offer_feature_of(i + 1) - 1 : i;

		if (feature->weight != 0) /* so that it is 0 and not -0 */
			contributions[of].contribution += -model->platt_a * feature->weight * z;
	}
	qsort(contributions, count, sizeof(Contribution), compare_contributions);
	return count;
}

/* base and contributions: together the logarithm of the odds */
static void
add_explanation(SSJson *json, const Question *question)
{
	const SSModel *model = question->model;
	Contribution contributions[FEATURES_MAX];
	int count = find_contributions(question, contributions);

	ss_json_open_object(json, "explanation");
	ss_json_double(json, "base", -(model->platt_a * model->intercept + model->platt_b));
	ss_json_open_array(json, "contributions");
	for (int i = 0; i < count; i++)
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

/* How the user has responded to other campaigns, and what this one offers it. */
static void
read_campaign(Question *question, const SSHistory *history, const SSMoment *moment)
{
	TimestampTz since = ss_days_before(history->rules->settings.timezone, question->as_of, SS_RESPONSE_DAYS);
	SSRows rows = ss_rows_read(&count_responses,
							   (Datum[]){UUIDPGetDatum(question->user_id), Int32GetDatum(question->terms->campaign_no),
										 TimestampTzGetDatum(since), TimestampTzGetDatum(question->as_of)},
							   NULL);
	SSRow row = ss_row(rows, 0);
	int64 redeemed = ss_next_int64(&row);
	int64 shown = ss_next_int64(&row);

	ss_rows_free(&rows);
	(void) ss_conversion_features(question->terms, history, moment, redeemed, shown, question->values);
}

/* Finds out what the model looks at. */
static void
read_features(Question *question)
{
	const SSRules *rules = ss_rules_get();
	SSMoment moment = ss_moment(rules, question->as_of);
	SSHistory *history = ss_history_create(rules);

	ss_exclusions_get();
	ss_history_read(history, question->user_id, moment.from_365, question->as_of);
	ss_history_read_redemptions(history, question->user_id);
	question->known = ss_features(history, &moment, question->values);
	if (question->known && question->terms != NULL)
		read_campaign(question, history, &moment);
}

static double
probability_of(const Question *question)
{
	if (!question->known)
		return question->model->base_rate;
	return ss_model_probability(question->model, ss_model_score(question->model, question->values));
}

/* The most probable first, of equal ones in the order of their types. */
static int
compare_offers(const void *a, const void *b)
{
	const Offer *x = a;
	const Offer *y = b;

	if (x->probability != y->probability)
		return x->probability > y->probability ? -1 : 1;
	return x->type - y->type;
}

/* The types of offers that the model was trained on; the question's values become those of the best. Returns how many. */
static int
find_offers(Question *question, Offer *offers)
{
	int count = 0;

	for (int type = 0; type < SS_OFFER_TYPES; type++)
	{
		if (question->model->feature[SS_OFFER_TYPE_FIRST - 1 + type].mean <= 0)
			continue;
		if (question->known)
			ss_model_of_offer(question->model, type, question->values);
		offers[count++] = (Offer){type, probability_of(question)};
	}
	qsort(offers, count, sizeof(Offer), compare_offers);
	if (question->known && count > 0)
		ss_model_of_offer(question->model, offers[0].type, question->values);
	return count;
}

static void
add_offers(SSJson *json, const Offer *offers, int count)
{
	ss_json_open_array(json, "offers");
	for (int i = 0; i < count; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "offer_type", ss_offer_type_names[offers[i].type]);
		ss_json_six(json, "probability", offers[i].probability);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_answer(SSJson *json, Question *question, bool explain)
{
	const SSModel *model = question->model;
	Offer offers[SS_OFFER_TYPES];
	int noffers = question->kind->mixes ? find_offers(question, offers) : 0;
	double p = probability_of(question);

	ss_json_text(json, "model_name", model->name);
	ss_json_int(json, "version", model->version);
	ss_json_uuid(json, "user_id", question->user_id);
	if (question->terms != NULL)
		ss_json_text(json, "campaign_id", question->terms->campaign_id);
	ss_json_time(json, "as_of", question->as_of);
	ss_json_six(json, "probability", p);
	ss_json_six(json, "threshold", model->threshold);
	ss_json_bool(json, "decision", p >= model->threshold);
	ss_json_text(json, "level", level_of(p, model->threshold));
	ss_json_bool(json, "cold_start", !question->known);
	if (question->kind->mixes)
		add_offers(json, offers, noffers);
	if (!explain)
		return;
	if (question->known)
		add_explanation(json, question);
	else
		add_no_explanation(json);
}

/* What may be asked: the models that are trained, and the affinity, whose weights are fixed. */
static const char *const asked[] = {SS_MODEL_AFFINITY, SS_MODEL_CHURN, SS_MODEL_CONVERSION, SS_MODEL_OFFER, NULL};

/* The row of the user's merchant; cold_start where it has not bought there, or nothing is learned of the merchant. */
static void
add_affinity(SSJson *json, const pg_uuid_t *user_id, const pg_uuid_t *merchant_id, TimestampTz as_of)
{
	const SSRules *rules = ss_rules_get();
	SSAffinityMerchant *merchants;
	int count;
	int i = 0;

	ss_merchant_require(merchant_id);
	count = ss_affinity(rules, user_id, as_of, &merchants);
	while (i < count && !ss_uuid_equal(&merchants[i].id, merchant_id))
		i++;
	ss_json_text(json, "model_name", SS_MODEL_AFFINITY);
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

/* 22023 for what this model is not asked with, and for what it has to be. */
static void
check_surplus(FunctionCallInfo fcinfo, const char *name)
{
	bool of_campaign = strcmp(name, SS_MODEL_CONVERSION) == 0;
	bool of_merchant = strcmp(name, SS_MODEL_AFFINITY) == 0;

	if (of_campaign && PG_ARGISNULL(2))
		ss_missing_value("campaign_id");
	if (!of_campaign && !PG_ARGISNULL(2))
		ss_bad_value("campaign_id", "Model \"%s\" is not about campaigns.", name);
	if (of_merchant && PG_ARGISNULL(3))
		ss_missing_value("merchant_id");
	if (!of_merchant && !PG_ARGISNULL(3))
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
	Question question = {0};
	char *name;
	char *campaign_id;
	SSProfiling profiling;
	int32 version;

	ss_call_enter(&call, SS_ANALYTICS | SS_BACKEND | SS_ADMIN | SS_NOT_CACHED);
	name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, true);
	(void) ss_check_choice(name, "model_name", asked);
	question.user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	check_surplus(fcinfo, name);
	campaign_id = ss_arg_text(fcinfo, 2, "campaign_id", SS_KEY_MAX, false);
	question.as_of = ss_arg_as_of(fcinfo, 4, false);
	profiling = ss_model_ask_about(name, question.user_id, &version);
	if (profiling != SS_PROFILED)
		ss_model_refuse(profiling, question.user_id);
	ss_json_open_object(&json, NULL);
	if (strcmp(name, SS_MODEL_AFFINITY) == 0)
		add_affinity(&json, question.user_id, PG_GETARG_UUID_P(3), question.as_of);
	else
	{
		if (campaign_id != NULL)
			question.terms = ss_terms_of(campaign_id, question.as_of);
		if (version == 0)
			ss_model_refuse_none(name);
		question.kind = ss_model_kind(name);
		question.model = ss_model_get(name, version);
		read_features(&question);
		add_answer(&json, &question, ss_arg_bool(fcinfo, 5, true));
	}
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
