/*
 * drift.c: whether users are still like those that a version was trained on
 * (drift.h).
 *
 * Called by the job refresh_models, and by health for its figure. Once a week
 * the values of each feature, of all users that churn is asked about that day,
 * are counted into the ten parts that the deciles of train make, as those of train
 * were when it was trained: a part that is empty in both says nothing, and a
 * feature that was the same for everybody drifts when it is so no longer. The job
 * holds the lock on figures of customers; no others.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/columns.h"
#include "base/query.h"
#include "learning/drift.h"
#include "learning/features.h"
#include "learning/fit.h"
#include "learning/horizon.h"
#include "learning/model_metrics.h"

#define WEEK		7
#define USERS_LEAST 200 /* of fewer the index is mostly chance */
#define PARTS		(SS_DECILES + 1)

/* Of any version: a week has to pass before the next one is checked, too. */
SS_QUERY(find_last, "SELECT max(d.as_of) FROM swipesavvy.ml_drift d WHERE d.model_name = $1 AND d.as_of <= $2", TEXTOID,
		 TIMESTAMPTZOID);

/* Those without deciles cannot be compared. */
SS_QUERY(read_features,
		 "SELECT c.position, c.feature, c.bins, c.shares FROM swipesavvy.ml_coefficients c"
		 " WHERE c.model_name = $1 AND c.version = $2 AND c.position BETWEEN 1 AND $3 AND c.bins IS NOT NULL"
		 "   AND c.shares IS NOT NULL ORDER BY c.position",
		 TEXTOID, INT4OID, INT4OID);

SS_QUERY(clear_drift, "DELETE FROM swipesavvy.ml_drift WHERE model_name = $1 AND version = $2", TEXTOID, INT4OID);

SS_QUERY(insert_drift,
		 "INSERT INTO swipesavvy.ml_drift (position, feature, psi, model_name, version, as_of, users)"
		 " SELECT k.position, k.feature, k.psi, $4, $5, $6, $7 FROM unnest($1, $2, $3) k (position, feature, psi)",
		 INT4ARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, TEXTOID, INT4OID, TIMESTAMPTZOID, INT8OID);

SS_QUERY(
	queue_training,
	"INSERT INTO swipesavvy.ml_models (model_name, version, status, reason, as_of, seed)"
	" SELECT a.model_name, (SELECT max(m.version) + 1 FROM swipesavvy.ml_models m WHERE m.model_name = a.model_name),"
	"        'queued', 'features have drifted', now(), a.seed FROM swipesavvy.ml_models a"
	"  WHERE a.model_name = $1 AND a.version = $2"
	"    AND EXISTS (SELECT FROM swipesavvy.ml_drift d WHERE d.model_name = $1 AND d.version = $2"
	"                   AND d.psi > " SS_DRIFTED ")"
	" ON CONFLICT (model_name) WHERE status IN ('queued', 'training') DO NOTHING",
	TEXTOID, INT4OID);

SS_QUERY(count_models,
		 "SELECT count(*) FROM swipesavvy.ml_models m WHERE m.status = 'active'"
		 "   AND EXISTS (SELECT FROM swipesavvy.ml_drift d WHERE d.model_name = m.model_name AND d.version = m.version"
		 "                  AND d.psi > " SS_DRIFTED ")");

typedef struct DriftFeature
{
	int32 position;
	char *name;
	double deciles[SS_DECILES];
	double shares[PARTS]; /* of train */
	int64 counts[PARTS];
} DriftFeature;

struct SSDrift
{
	const SSTraining *training;
	const SSModel *model;
	int64 users;
	int count;
	DriftFeature features[SS_USER_FEATURES];
};

static bool
is_due(const SSTraining *training, const SSModel *model)
{
	SSRows rows = ss_rows_latest(
		&find_last, (Datum[]){CStringGetTextDatum(model->name), TimestampTzGetDatum(training->as_of)}, NULL);
	SSRow row = ss_row(rows, 0);
	TimestampTz last = ss_next_time_or(&row, DT_NOBEGIN);

	return last == DT_NOBEGIN ||
		   ss_rules_day(training->rules, last) + WEEK <= ss_rules_day(training->rules, training->as_of);
}

static void
read_numbers(SSRow *row, double *numbers, int count)
{
	ArrayType *array = DatumGetArrayTypeP(ss_next_value(row, FLOAT8ARRAYOID));
	Datum *items;
	int found;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &items, NULL, &found);
	Assert(found == count); /* a constraint of the table */
	for (int i = 0; i < Min(found, count); i++)
		numbers[i] = DatumGetFloat8(items[i]);
}

SSDrift *
ss_drift_begin(const SSTraining *training, const SSModel *model)
{
	Datum values[3] = {CStringGetTextDatum(model->name), Int32GetDatum(model->version),
					   Int32GetDatum(SS_USER_FEATURES)};
	SSDrift *drift;
	SSRows rows;

	if (!is_due(training, model))
		return NULL;
	rows = ss_rows_latest(&read_features, values, NULL);
	if (rows.count == 0)
		return NULL;
	drift = palloc0(sizeof(SSDrift));
	drift->training = training;
	drift->model = model;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		DriftFeature *feature = &drift->features[drift->count++];

		feature->position = ss_next_int32(&row);
		feature->name = ss_next_text(&row);
		read_numbers(&row, feature->deciles, SS_DECILES);
		read_numbers(&row, feature->shares, PARTS);
	}
	return drift;
}

void
ss_drift_add(SSDrift *drift, const double *values)
{
	for (int i = 0; i < drift->count; i++)
	{
		DriftFeature *feature = &drift->features[i];

		feature->counts[ss_decile_of(feature->deciles, values[feature->position - 1])]++;
	}
	drift->users++;
}

static double
psi_of(const DriftFeature *feature, int64 users)
{
	double actual[PARTS];

	for (int i = 0; i < PARTS; i++)
		actual[i] = (double) feature->counts[i] / users;
	return ss_psi(feature->shares, actual, PARTS);
}

uint64
ss_drift_end(SSDrift *drift)
{
	static const Oid types[] = {INT4OID, TEXTOID, FLOAT8OID};
	Datum version[2] = {CStringGetTextDatum(drift->model->name), Int32GetDatum(drift->model->version)};
	SSColumns columns;
	Datum values[7];

	if (drift->users < USERS_LEAST)
		return 0;
	ss_columns_init(&columns, lengthof(types), types, drift->count);
	for (int i = 0; i < drift->count; i++)
	{
		const DriftFeature *feature = &drift->features[i];

		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, Int32GetDatum(feature->position));
		ss_columns_set(&columns, 1, CStringGetTextDatum(feature->name));
		ss_columns_set(&columns, 2, Float8GetDatum(psi_of(feature, drift->users)));
	}
	ss_columns_arrays(&columns, values);
	values[3] = version[0];
	values[4] = version[1];
	values[5] = TimestampTzGetDatum(drift->training->as_of);
	values[6] = Int64GetDatum(drift->users);
	(void) ss_query_latest(&clear_drift, version, NULL);
	ss_query_latest_rows(&insert_drift, values, NULL, drift->count);
	return ss_retrain_days() == 0 ? 0 : ss_query_latest(&queue_training, version, NULL);
}

int64
ss_drift_models(void)
{
	if (!OidIsValid(get_relname_relid("ml_drift", get_namespace_oid("swipesavvy", false))))
		return -1;
	return ss_one_int64(ss_rows_read(&count_models, NULL, NULL));
}
