/*
 * live.c: how good a model is on what came after it was asked (live.h).
 *
 * Called by the job refresh_models, under the lock on figures of customers that
 * erasing and refusing share. The first run in a month of the programme's zone
 * that finds an active version of churn keeps the probabilities of 5,000 users,
 * those with the least hashes, so that they are mostly the same each month. When
 * the horizon of that version is over, the labels are those of training, and the
 * figures those of its test. Rows of users are then deleted.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/columns.h"
#include "base/hash.h"
#include "base/query.h"
#include "base/uuid.h"
#include "learning/horizon.h"
#include "learning/live.h"
#include "learning/local_days.h"
#include "learning/model_metrics.h"

#define KEPT_MAX 5000
#define SEED	 "ml:live"

SS_QUERY(find_month, "SELECT FROM swipesavvy.ml_live_months WHERE model_name = $1 AND month = $2", TEXTOID, DATEOID);

/* That of the setting where somebody has made the version by hand. */
SS_QUERY(find_horizon,
		 "SELECT coalesce(m.horizon_days, $3) FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.version = $2",
		 TEXTOID, INT4OID, INT4OID);

SS_QUERY(insert_month,
		 "INSERT INTO swipesavvy.ml_live_months (model_name, month, version, as_of, until, zone, users)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7)",
		 TEXTOID, DATEOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT4OID);

SS_QUERY(insert_users,
		 "INSERT INTO swipesavvy.ml_live (user_id, probability, model_name, month)"
		 " SELECT k.user_id, k.probability, $3, $4 FROM unnest($1, $2) k (user_id, probability)",
		 UUIDARRAYOID, FLOAT8ARRAYOID, TEXTOID, DATEOID);

SS_QUERY(find_due,
		 "SELECT m.model_name, m.month, m.as_of, m.until FROM swipesavvy.ml_live_months m"
		 " WHERE m.worked_out_at IS NULL AND m.until <= $1 ORDER BY m.model_name, m.month",
		 TIMESTAMPTZOID);

SS_QUERY(read_users,
		 "SELECT v.user_id, v.probability FROM swipesavvy.ml_live v WHERE v.model_name = $1 AND v.month = $2"
		 " ORDER BY v.user_id",
		 TEXTOID, DATEOID);

SS_QUERY(finish_month,
		 "UPDATE swipesavvy.ml_live_months SET worked_out_at = $3, examples = $4, positives = $5, auc = $6,"
		 "    log_loss = $7, brier = $8 WHERE model_name = $1 AND month = $2",
		 TEXTOID, DATEOID, TIMESTAMPTZOID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID);

static SSSweep delete_users = SS_SWEEP_DELETE("swipesavvy.ml_live", "model_name = $1 AND month = $2", TEXTOID, DATEOID);

typedef struct LiveUser
{
	uint32 hash;
	pg_uuid_t id;
	double probability;
} LiveUser;

struct SSLive
{
	const SSTraining *training;
	const SSModel *model;
	DateADT month;
	uint32 begun; /* the hash of the seed */
	int count;
	LiveUser *users; /* room for twice as many as are kept */
};

/* --- keeping ------------------------------------------------------------------------------------ */

static DateADT
month_of(const SSRules *rules, TimestampTz moment)
{
	return ss_rules_day(rules, ss_rules_month_start(rules, moment, 0));
}

SSLive *
ss_live_begin(const SSTraining *training, const SSModel *model)
{
	DateADT month = month_of(training->rules, training->as_of);
	SSLive *live;

	if (ss_query_latest(&find_month, (Datum[]){CStringGetTextDatum(model->name), DateADTGetDatum(month)}, NULL) > 0)
		return NULL;
	live = palloc0(sizeof(SSLive));
	live->training = training;
	live->model = model;
	live->month = month;
	live->begun = ss_hash_begin(SEED, strlen(SEED));
	live->users = palloc(2 * KEPT_MAX * sizeof(LiveUser));
	return live;
}

static int
compare_users(const void *a, const void *b)
{
	const LiveUser *x = a;
	const LiveUser *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

static void
keep_least(SSLive *live)
{
	qsort(live->users, live->count, sizeof(LiveUser), compare_users);
	live->count = Min(live->count, KEPT_MAX);
}

void
ss_live_add(SSLive *live, const pg_uuid_t *user_id, double probability)
{
	if (live->count == 2 * KEPT_MAX)
		keep_least(live);
	live->users[live->count++] = (LiveUser){ss_hash_v2_uuid(live->begun, user_id), *user_id, probability};
}

static void
write_users(const SSLive *live)
{
	static const Oid types[] = {UUIDOID, FLOAT8OID};
	SSColumns columns;
	Datum values[4];

	ss_columns_init(&columns, lengthof(types), types, live->count);
	for (int i = 0; i < live->count; i++)
	{
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&live->users[i].id));
		ss_columns_set(&columns, 1, Float8GetDatum(live->users[i].probability));
	}
	ss_columns_arrays(&columns, values);
	values[2] = CStringGetTextDatum(live->model->name);
	values[3] = DateADTGetDatum(live->month);
	ss_query_latest_rows(&insert_users, values, NULL, live->count);
}

void
ss_live_end(SSLive *live)
{
	pg_tz *zone = live->training->rules->settings.timezone;
	TimestampTz as_of = live->training->as_of;
	Datum version[3] = {CStringGetTextDatum(live->model->name), Int32GetDatum(live->model->version),
						Int32GetDatum(ss_churn_horizon())};
	Datum values[7];
	int32 horizon;

	if (live->count == 0)
		return;
	keep_least(live);
	horizon = ss_one_int32(ss_rows_read(&find_horizon, version, NULL));
	values[0] = version[0];
	values[1] = DateADTGetDatum(live->month);
	values[2] = version[1];
	values[3] = TimestampTzGetDatum(as_of);
	values[4] = TimestampTzGetDatum(ss_days_before(zone, as_of, -horizon));
	values[5] = CStringGetTextDatum(pg_get_timezone_name(zone));
	values[6] = Int32GetDatum(live->count);
	ss_query_latest_rows(&insert_month, values, NULL, 1);
	write_users(live);
}

/* --- what came to pass -------------------------------------------------------------------------- */

/* A month whose horizon is over. */
typedef struct Due
{
	char *model_name;
	DateADT month;
	TimestampTz as_of;
	TimestampTz until;
	int count;
	SSScored *scored;
} Due;

static void
read_due(Due *due, SSRow *row)
{
	due->model_name = ss_next_text(row);
	due->month = ss_next_date(row);
	due->as_of = ss_next_time(row);
	due->until = ss_next_time(row);
	due->count = 0;
	due->scored = NULL;
}

static void
read_scored(Due *due)
{
	SSRows rows =
		ss_rows_latest(&read_users, (Datum[]){CStringGetTextDatum(due->model_name), DateADTGetDatum(due->month)}, NULL);

	due->scored = palloc0((rows.count + 1) * sizeof(SSScored));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSScored *scored = &due->scored[due->count++];

		scored->user_id = *ss_next_uuid(&row);
		scored->score = ss_next_float8(&row);
	}
	ss_rows_free(&rows);
}

static void
label(const SSTraining *training, Due *due)
{
	SSHistory *history = ss_history_create(training->rules);
	MemoryContext of_user = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy live", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(of_user);

	for (int i = 0; i < due->count; i++)
	{
		SSScored *scored = &due->scored[i];

		training->check();
		ss_history_read(history, &scored->user_id, due->as_of, due->until);
		scored->positive = ss_has_churned(history, due->as_of, due->until);
		MemoryContextReset(of_user);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(of_user);
}

static void
set_figure(Datum *values, bool *nulls, int n, double figure)
{
	values[n] = Float8GetDatum(figure);
	nulls[n] = isnan(figure);
}

/* The area is not known where all or none were lost, and nothing is where nobody is left. */
static void
finish(const SSTraining *training, const Due *due)
{
	SSMetrics metrics = {.auc = NAN, .log_loss = NAN, .brier = NAN};
	Datum values[8] = {CStringGetTextDatum(due->model_name), DateADTGetDatum(due->month),
					   TimestampTzGetDatum(training->as_of)};
	bool nulls[8] = {false};

	if (due->count > 0)
		ss_metrics_of(due->scored, due->count, &metrics);
	values[3] = Int32GetDatum(due->count);
	values[4] = Int32GetDatum((int32) metrics.positives);
	set_figure(values, nulls, 5, metrics.auc);
	set_figure(values, nulls, 6, metrics.log_loss);
	set_figure(values, nulls, 7, metrics.brier);
	ss_query_latest_rows(&finish_month, values, nulls, 1);
	(void) ss_query_sweep(&delete_users, values, NULL);
}

void
ss_live_work_out(const SSTraining *training)
{
	SSRows rows = ss_rows_latest(&find_due, (Datum[]){TimestampTzGetDatum(training->as_of)}, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Due due;

		read_due(&due, &row);
		read_scored(&due);
		label(training, &due);
		finish(training, &due);
		pfree(due.scored);
	}
	ss_rows_free(&rows);
}
