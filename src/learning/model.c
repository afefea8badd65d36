/*
 * model.c: a version of a model, as predictions use it (model.h).
 *
 * Called by predictions and by what is worked out from many of them. A version
 * never changes, so the one that was last used of each model is kept in this
 * backend; which one is active is asked anew each time. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/campaign_features.h"
#include "learning/fit.h"
#include "learning/model.h"

const char *const ss_model_names[] = {SS_MODEL_AFFINITY, SS_MODEL_CHURN, SS_MODEL_CONVERSION, SS_MODEL_OFFER, NULL};

SS_QUERY(find_active, "SELECT m.version FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.status = 'active'",
		 TEXTOID);

SS_QUERY(find_subject,
		 "SELECT u.erased_at IS NOT NULL,"
		 "       EXISTS (SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = u.user_id),"
		 "       (SELECT m.version FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.status = 'active')"
		 "  FROM swipesavvy.users u WHERE u.user_id = $2",
		 TEXTOID, UUIDOID);

SS_QUERY(read_model,
		 "SELECT m.platt_a, m.platt_b, m.threshold, m.train_positives::float8 / m.train_examples"
		 "  FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.version = $2",
		 TEXTOID, INT4OID);

SS_QUERY(read_coefficients,
		 "SELECT c.feature, c.mean, c.deviation, c.weight FROM swipesavvy.ml_coefficients c"
		 " WHERE c.model_name = $1 AND c.version = $2 ORDER BY c.position",
		 TEXTOID, INT4OID);

/* What this backend keeps: one version of each model. */
typedef struct Kept
{
	MemoryContext context;
	SSModel *model;
} Kept;

static Kept kept[lengthof(ss_model_names)];

static Kept *
place_of(const char *name)
{
	int i = 0;

	while (ss_model_names[i] != NULL && strcmp(ss_model_names[i], name) != 0)
		i++;
	return &kept[i];
}

/* Makes a version of its rows, in a context of its own: queries leave the caller's behind. */
static SSModel *
make_model(const char *name, int32 version, SSRow *row, SSRows coefficients)
{
	SSModel *model = palloc0(sizeof(SSModel));

	model->name = pstrdup(name);
	model->version = version;
	model->platt_a = ss_next_float8(row);
	model->platt_b = ss_next_float8(row);
	model->threshold = ss_next_float8(row);
	model->base_rate = ss_next_float8(row);
	model->features = (int) coefficients.count - 1;
	model->feature = palloc0(coefficients.count * sizeof(SSModelFeature));
	for (uint64 i = 0; i < coefficients.count; i++)
	{
		SSModelFeature *feature = &model->feature[i == 0 ? 0 : i - 1];
		SSRow coefficient = ss_row(coefficients, i);

		feature->name = ss_next_text(&coefficient);
		feature->mean = ss_next_float8_or(&coefficient, 0);
		feature->deviation = ss_next_float8_or(&coefficient, 0);
		feature->is_constant = feature->deviation == 0;
		if (feature->is_constant)
			feature->deviation = 1;
		feature->weight = ss_next_float8_or(&coefficient, 0);
		if (i == 0)
			model->intercept = feature->weight;
	}
	return model;
}

const SSModel *
ss_model_get(const char *name, int32 version)
{
	Kept *place = place_of(name);
	Datum key[2] = {CStringGetTextDatum(name), Int32GetDatum(version)};
	MemoryContext context;
	MemoryContext caller;
	SSModel *model;
	SSRows rows;
	SSRows coefficients;
	SSRow row;

	if (place->model != NULL && place->model->version == version)
		return place->model;
	rows = ss_rows_read(&read_model, key, NULL);
	row = ss_row(rows, 0);
	coefficients = ss_rows_read(&read_coefficients, key, NULL);
	if (coefficients.count == 0)
		elog(ERROR, "version %d of model \"%s\" has no coefficients", version, name);
	context = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy model", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	model = make_model(name, version, &row, coefficients);
	MemoryContextSwitchTo(caller);
	ss_rows_free(&coefficients);
	ss_rows_free(&rows);
	if (place->context != NULL)
		MemoryContextDelete(place->context);
	MemoryContextSetParent(context, TopMemoryContext);
	*place = (Kept){context, model};
	return model;
}

const SSModel *
ss_model_active(const char *name)
{
	SSRows rows = ss_rows_read(&find_active, (Datum[]){CStringGetTextDatum(name)}, NULL);
	SSRow row;
	int32 version;

	if (rows.count == 0)
		return NULL;
	row = ss_row(rows, 0);
	version = ss_next_int32(&row);
	return ss_model_get(name, version);
}

SSProfiling
ss_model_ask_about(const char *name, const pg_uuid_t *user_id, int32 *version)
{
	SSRows rows = ss_rows_read(&find_subject, (Datum[]){CStringGetTextDatum(name), UUIDPGetDatum(user_id)}, NULL);
	bool erased;
	bool refused;
	SSRow row;

	if (rows.count == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	row = ss_row(rows, 0);
	erased = ss_next_bool(&row);
	refused = ss_next_bool(&row);
	*version = ss_next_int32_or(&row, 0);
	ss_rows_free(&rows);
	return erased ? SS_ERASED : refused ? SS_REFUSED : SS_PROFILED;
}

void
ss_model_refuse(SSProfiling profiling, const pg_uuid_t *user_id)
{
	if (profiling == SS_ERASED)
		ss_bad_state("the user's data were erased", "Nothing is known of user \"%s\".", ss_uuid_text(user_id));
	ss_bad_state("the user has refused profiling", "No model is asked about user \"%s\".", ss_uuid_text(user_id));
}

void
ss_model_refuse_none(const char *name)
{
	ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("no active version"),
			errdetail("Model \"%s\" has none.", name), errhint("Train one with train_ml_model()."));
}

void
ss_model_of_offer(const SSModel *model, int offer_type, double *values)
{
	double mean[SS_USER_FEATURES];
	double deviation[SS_USER_FEATURES];

	for (int i = 0; i < SS_USER_FEATURES; i++)
	{
		mean[i] = model->feature[i].mean;
		deviation[i] = model->feature[i].is_constant ? 0 : model->feature[i].deviation;
	}
	ss_offer_features(offer_type, mean, deviation, values);
}

double
ss_model_score(const SSModel *model, const double *values)
{
	double sum = 0;

	for (int i = 0; i < model->features; i++)
	{
		const SSModelFeature *feature = &model->feature[i];

		sum += feature->weight * ((values[i] - feature->mean) / feature->deviation);
	}
	return sum + model->intercept;
}

double
ss_model_probability(const SSModel *model, double score)
{
	return ss_logistic_of(model->platt_a * score + model->platt_b);
}
