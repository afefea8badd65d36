/*
 * train.c: versions of models, from the call for one to the day it is asked.
 *
 * SQL entry points: train_ml_model, cancel_ml_training and activate_ml_model are
 * an admin's, train_models is the job. Versions that are not trained yet wait in
 * ml_models, one of each model at most; an index says so.
 *
 * One version is trained at a time, by whoever holds the lock SS_LOCK_TRAINING.
 * A background worker commits that it trains before it begins; any other session
 * does both in one transaction. What goes wrong while it trains (a cancel, the
 * end of its time) undoes all but the version's status and the reason. A process
 * that ends meanwhile is found missing by the next run. Purchases are read under
 * one snapshot and nothing is locked but the version, at the end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "learning/affinity_version.h"
#include "learning/examples.h"
#include "learning/fit.h"
#include "learning/horizon.h"
#include "learning/model.h"
#include "learning/model_kinds.h"
#include "learning/performance.h"

PG_FUNCTION_INFO_V1(swipesavvy_train_ml_model);
PG_FUNCTION_INFO_V1(swipesavvy_cancel_ml_training);
PG_FUNCTION_INFO_V1(swipesavvy_activate_ml_model);
PG_FUNCTION_INFO_V1(swipesavvy_train_models);

#define EXAMPLES_LEAST 200
#define CLASS_LEAST	   20
#define AUC_LEAST	   0.55
#define LOSS_WORSE	   1.01 /* than that of the active version, on the same examples */
#define ASK_EVERY	   USECS_PER_SEC

SS_QUERY(
	queue_version,
	"INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, queued_by)"
	" SELECT $1, coalesce(max(m.version), 0) + 1, 'queued', $2, $3, $4 FROM swipesavvy.ml_models m WHERE m.model_name = $1"
	" ON CONFLICT (model_name) WHERE status IN ('queued', 'training') DO NOTHING RETURNING version",
	TEXTOID, TIMESTAMPTZOID, INT4OID, UUIDOID);

SS_QUERY(
	find_on_its_way,
	"SELECT m.version, m.status, m.queued_at, (SELECT count(*) FROM swipesavvy.ml_models o WHERE o.status IN ('queued', 'training')"
	"           AND (o.queued_at, o.model_name) <= (m.queued_at, m.model_name))"
	"  FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.status IN ('queued', 'training')",
	TEXTOID);

SS_QUERY(
	cancel_version,
	"UPDATE swipesavvy.ml_models SET status = 'failed', reason = 'cancelled', trainer_pid = NULL, trainer_started_at = NULL"
	" WHERE model_name = $1 AND status IN ('queued', 'training') RETURNING version",
	TEXTOID);

SS_QUERY(lock_version,
		 "SELECT m.status FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.version = $2 FOR NO KEY UPDATE",
		 TEXTOID, INT4OID);

SS_QUERY(retire_active,
		 "UPDATE swipesavvy.ml_models SET status = 'retired', reason = $2 WHERE model_name = $1 AND status = 'active'"
		 " RETURNING version",
		 TEXTOID, TEXTOID);

SS_QUERY(set_status, "UPDATE swipesavvy.ml_models SET status = $3, reason = $4 WHERE model_name = $1 AND version = $2",
		 TEXTOID, INT4OID, TEXTOID, TEXTOID);

SS_QUERY(find_training, "SELECT m.model_name, m.version, m.as_of, m.seed, m.trainer_pid, m.trainer_started_at"
						"  FROM swipesavvy.ml_models m WHERE m.status = 'training'");

SS_QUERY(claim_queued,
		 "UPDATE swipesavvy.ml_models m SET status = 'training', trainer_pid = $1, trainer_started_at = $2"
		 "  FROM (SELECT q.model_name, q.version FROM swipesavvy.ml_models q WHERE q.status = 'queued'"
		 "         ORDER BY q.queued_at, q.model_name LIMIT 1 FOR NO KEY UPDATE) q"
		 " WHERE m.model_name = q.model_name AND m.version = q.version"
		 " RETURNING m.model_name, m.version, m.as_of, m.seed",
		 INT4OID, TIMESTAMPTZOID);

SS_QUERY(count_queued, "SELECT FROM swipesavvy.ml_models WHERE status IN ('queued', 'training') LIMIT 1");

SS_QUERY(is_wanted, "SELECT FROM swipesavvy.ml_models WHERE model_name = $1 AND version = $2 AND status = 'training'",
		 TEXTOID, INT4OID);

SS_QUERY(
	fail_version,
	"UPDATE swipesavvy.ml_models SET status = 'failed', reason = $3, trainer_pid = NULL, trainer_started_at = NULL,"
	"    zone = $4, horizon_days = $5, duration_ms = $6, train_examples = $7, test_examples = $8, train_positives = $9,"
	"    test_positives = $10"
	" WHERE model_name = $1 AND version = $2 AND status = 'training'",
	TEXTOID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID);

SS_QUERY(
	finish_version,
	"UPDATE swipesavvy.ml_models SET status = $3, reason = $4, trainer_pid = NULL, trainer_started_at = NULL, zone = $5,"
	"    horizon_days = $6, trained_at = clock_timestamp(), duration_ms = $7, train_examples = $8, test_examples = $9,"
	"    train_positives = $10, test_positives = $11, lambda = $12, platt_a = $13, platt_b = $14, threshold = $15,"
	"    metrics = $16 WHERE model_name = $1 AND version = $2 AND status = 'training'",
	TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID, FLOAT8OID,
	FLOAT8OID, FLOAT8OID, FLOAT8OID, JSONBOID);

/* One of neighbours: it becomes active, whatever serves. */
SS_QUERY(
	finish_affinity,
	"UPDATE swipesavvy.ml_models SET status = 'active', reason = $3, trainer_pid = NULL, trainer_started_at = NULL,"
	"    zone = $4, trained_at = clock_timestamp(), duration_ms = $5, train_examples = $6, test_examples = $7,"
	"    metrics = $8 WHERE model_name = $1 AND version = $2 AND status = 'training'",
	TEXTOID, INT4OID, TEXTOID, TEXTOID, INT8OID, INT4OID, INT4OID, JSONBOID);

SS_QUERY(
	insert_coefficient,
	"INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight, bins, shares)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	TEXTOID, INT4OID, INT4OID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8ARRAYOID, FLOAT8ARRAYOID);

/* A version on its way, and what has become of it so far. */
typedef struct Version
{
	char *name;
	int32 number;
	const SSModelKind *kind;
	SSTraining training;
	instr_time start;
	SSExamples *examples; /* NULL: there are none yet */
	SSFit *fit;			  /* NULL: there is too little data */
	double active_loss;	  /* of the active version, on the same test examples */
	bool has_active;
} Version;

/* What this process trains, or has tried to: it is not tried twice. */
static const Version *current = NULL;
static TimestampTz asked_at;
static char tried_name[NAMEDATALEN];
static int32 tried_number = 0;

static char *
name_arg(FunctionCallInfo fcinfo)
{
	char *name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, true);

	(void) ss_check_choice(name, "model_name", ss_model_names);
	return name;
}

static SSAudit
audit_of(const char *action, const char *name, int32 version)
{
	return (SSAudit){.resource = "ml_model", .action = action, .resource_id = psprintf("%s/%d", name, version)};
}

/* --- for admins --------------------------------------------------------------------------------- */

/*
 * train_ml_model(model_name, as_of, seed)
 */
Datum
swipesavvy_train_ml_model(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit;
	Datum values[4];
	bool nulls[4] = {false};
	bool no_seed;
	bool queued;
	SSRows rows;
	SSRow row;
	int32 version;

	ss_call_enter(&call, SS_ADMIN);
	values[0] = CStringGetTextDatum(name_arg(fcinfo));
	values[1] = TimestampTzGetDatum(ss_arg_as_of(fcinfo, 1, false));
	values[2] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 2, "seed", 0, PG_INT32_MAX, &no_seed));
	if (no_seed)
		values[2] = Int32GetDatum(1);
	ss_param_pointer(values, nulls, 3, call.has_identity ? &call.identity : NULL);
	queued = ss_query_latest(&queue_version, values, nulls) > 0;
	rows = ss_rows_latest(&find_on_its_way, values, NULL);
	if (rows.count == 0)
		ss_bad_state("the version before has just ended", "Call again.");
	row = ss_row(rows, 0);
	version = ss_next_int32(&row);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "model_name", TextDatumGetCString(values[0]));
	ss_json_int(&json, "version", version);
	ss_json_text(&json, "status", ss_next_text(&row));
	ss_json_time(&json, "queued_at", ss_next_time(&row));
	ss_json_int(&json, "position", ss_next_int64(&row));
	if (!queued)
		ss_json_bool(&json, "already_queued", true);
	ss_json_close_object(&json);
	audit = audit_of("train", TextDatumGetCString(values[0]), version);
	if (queued)
		ss_audit_write(&call, &audit, NULL, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* model_name, version, status */
static Datum
leave(SSCall *call, const char *action, const char *name, int32 version, const char *status)
{
	SSJson json = {0};
	SSAudit audit = audit_of(action, name, version);

	ss_audit_write(call, &audit, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "model_name", name);
	ss_json_int(&json, "version", version);
	ss_json_text(&json, "status", status);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * cancel_ml_training(model_name): whoever trains it finds out within a second
 */
Datum
swipesavvy_cancel_ml_training(PG_FUNCTION_ARGS)
{
	SSCall call;
	char *name;
	SSRows rows;
	SSRow row;
	int32 version;

	ss_call_enter(&call, SS_ADMIN);
	name = name_arg(fcinfo);
	rows = ss_rows_latest(&cancel_version, (Datum[]){CStringGetTextDatum(name)}, NULL);
	if (rows.count == 0)
		ss_bad_state("no version is queued or training", "Of model \"%s\" there is none.", name);
	row = ss_row(rows, 0);
	version = ss_next_int32(&row);
	PG_RETURN_DATUM(leave(&call, "cancel", name, version, "failed"));
}

/* Its version, whose row is locked, is to be the one that is asked: the one that was is retired. Others who do the same wait. */
static void
retire(const char *name, int32 version)
{
	char *reason = psprintf("version %d took its place", version);

	ss_lock_take(SS_LOCK_ACTIVE_MODEL, hash_bytes((const unsigned char *) name, (int) strlen(name)));
	(void) ss_query_latest(&retire_active, (Datum[]){CStringGetTextDatum(name), CStringGetTextDatum(reason)}, NULL);
}

/*
 * activate_ml_model(model_name, version)
 */
Datum
swipesavvy_activate_ml_model(PG_FUNCTION_ARGS)
{
	SSCall call;
	Datum values[4];
	char *name;
	char *status;
	int32 version;
	SSRows rows;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN);
	name = name_arg(fcinfo);
	version = (int32) ss_arg_int4(fcinfo, 1, "version", 1, PG_INT32_MAX, NULL);
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(version);
	values[2] = CStringGetTextDatum("active");
	values[3] = CStringGetTextDatum("activated by an admin");
	rows = ss_rows_latest(&lock_version, values, NULL);
	if (rows.count == 0)
		ss_not_found("version", psprintf("%s/%d", name, version));
	row = ss_row(rows, 0);
	status = ss_next_text(&row);
	if (strcmp(status, "held") != 0 && strcmp(status, "retired") != 0 && strcmp(status, "active") != 0)
		ss_bad_state("the version cannot be activated",
					 "Version %d of model \"%s\" is %s: only one that is held or retired can.", version, name, status);
	if (strcmp(name, SS_MODEL_AFFINITY) == 0 && strcmp(status, "active") != 0)
		ss_bad_state("the version cannot be activated", "Neighbours of version %d of model \"%s\" are not kept.",
					 version, name);
	if (strcmp(status, "active") != 0)
	{
		retire(name, version);
		ss_query_latest_rows(&set_status, values, NULL, 1);
	}
	PG_RETURN_DATUM(leave(&call, "activate", name, version, "active"));
}

/* --- training ----------------------------------------------------------------------------------- */

/* Interrupts, and once a second whether the version has been given up. */
static void
check(void)
{
	TimestampTz now;

	CHECK_FOR_INTERRUPTS();
	now = GetCurrentTimestamp();
	if (now - asked_at < ASK_EVERY && now >= asked_at)
		return;
	asked_at = now;
	if (ss_query_latest(&is_wanted, (Datum[]){CStringGetTextDatum(current->name), Int32GetDatum(current->number)},
						NULL) == 0)
		ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("the training was cancelled"));
}

static bool
has_enough(const SSExamples *examples)
{
	return examples->train >= EXAMPLES_LEAST && examples->test >= EXAMPLES_LEAST &&
		   examples->train_positives >= CLASS_LEAST && examples->test_positives >= CLASS_LEAST &&
		   examples->train - examples->train_positives >= CLASS_LEAST &&
		   examples->test - examples->test_positives >= CLASS_LEAST;
}

/* The loss of the active version on the test examples, while they are as they were found. */
static void
test_active(Version *version)
{
	const SSExamples *examples = version->examples;
	const SSModel *active = ss_model_active(version->name);
	double *values = palloc(examples->features * sizeof(double));
	double loss = 0;

	version->has_active = active != NULL && active->features == examples->features;
	if (!version->has_active)
		return;
	for (int i = 0; i < examples->test; i++)
	{
		int example = examples->order[examples->train + i];

		for (int j = 0; j < examples->features; j++)
			values[j] = ss_example(examples, example)[j].value;
		if (version->kind->mixes) /* by the means that the active version has */
			ss_model_of_offer(active, examples->offer_types[example], values);
		loss +=
			ss_log_loss_of(ss_model_probability(active, ss_model_score(active, values)), examples->positive[example]);
	}
	version->active_loss = loss / examples->test;
}

/* What is to become of it, and why. */
static const char *
decide(const Version *version, const char **reason)
{
	const SSFit *fit = version->fit;

	*reason = "no better than the share of train as a constant";
	if (fit->test.log_loss >= fit->base_log_loss)
		return "rejected";
	*reason = "better than a constant, but it hardly tells users apart";
	if (fit->test.auc < AUC_LEAST)
		return "held";
	*reason = "better than a constant, but worse than the active version";
	if (version->has_active && fit->test.log_loss > LOSS_WORSE * version->active_loss)
		return "held";
	*reason = version->has_active ? "no worse than the version before" : "better than a constant";
	return "active";
}

static Datum
array_of(const double *values, int count)
{
	Datum *items = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		items[i] = Float8GetDatum(values[i]);
	return PointerGetDatum(construct_array(items, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
write_coefficients(const Version *version)
{
	Datum values[9] = {CStringGetTextDatum(version->name), Int32GetDatum(version->number)};
	bool intercept[9] = {false, false, false, false, true, true, false, true, true};
	bool nulls[9] = {false};

	values[2] = Int32GetDatum(0);
	values[3] = CStringGetTextDatum("intercept");
	values[6] = Float8GetDatum(version->fit->intercept);
	(void) ss_query_latest(&insert_coefficient, values, intercept);
	for (int i = 0; i < version->examples->features; i++)
	{
		const SSFeatureFit *fit = &version->fit->features[i];

		values[2] = Int32GetDatum(i + 1);
		values[3] = CStringGetTextDatum(ss_model_kind_feature(version->kind, i));
		values[4] = Float8GetDatum(fit->mean);
		values[5] = Float8GetDatum(fit->deviation);
		values[6] = Float8GetDatum(fit->weight);
		nulls[5] = nulls[6] = fit->left_out;
		values[7] = array_of(fit->deciles, SS_DECILES);
		values[8] = array_of(fit->shares, SS_DECILES + 1);
		(void) ss_query_latest(&insert_coefficient, values, nulls);
	}
}

static int64
took_ms(const Version *version)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, version->start);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* Ends it without coefficients. Nothing is written if it was given up meanwhile. */
static void
fail(const Version *version, const char *reason)
{
	const SSExamples *examples = version->examples;
	Datum values[10] = {CStringGetTextDatum(version->name),
						Int32GetDatum(version->number),
						CStringGetTextDatum(reason),
						CStringGetTextDatum(pg_get_timezone_name(version->training.rules->settings.timezone)),
						Int32GetDatum(version->training.horizon),
						Int64GetDatum(took_ms(version))};
	bool nulls[10] = {false, false, false, false, false, false, true, true, true, true};

	if (examples != NULL)
	{
		memset(nulls, 0, sizeof(nulls));
		values[6] = Int32GetDatum(examples->train);
		values[7] = Int32GetDatum(examples->test);
		values[8] = Int32GetDatum(examples->train_positives);
		values[9] = Int32GetDatum(examples->test_positives);
	}
	(void) ss_query_latest(&fail_version, values, nulls);
}

static void
finish(const Version *version)
{
	const SSExamples *examples = version->examples;
	const SSFit *fit = version->fit;
	const char *reason;
	const char *status = decide(version, &reason);
	Datum values[16] = {CStringGetTextDatum(version->name),
						Int32GetDatum(version->number),
						CStringGetTextDatum(status),
						CStringGetTextDatum(reason),
						CStringGetTextDatum(pg_get_timezone_name(version->training.rules->settings.timezone)),
						Int32GetDatum(version->training.horizon),
						Int64GetDatum(took_ms(version)),
						Int32GetDatum(examples->train),
						Int32GetDatum(examples->test),
						Int32GetDatum(examples->train_positives),
						Int32GetDatum(examples->test_positives),
						Float8GetDatum(fit->lambda),
						Float8GetDatum(fit->platt_a),
						Float8GetDatum(fit->platt_b),
						Float8GetDatum(fit->threshold),
						0};

	values[15] =
		JsonbPGetDatum(ss_performance_document(fit, examples, version->has_active ? &version->active_loss : NULL));
	if (strcmp(status, "active") == 0)
		retire(version->name, version->number);
	if (ss_query_latest(&finish_version, values, NULL) == 0)
		ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("the training was cancelled"));
	write_coefficients(version);
}

/* Makes a version of the model affinity. It serves from now on: its neighbours if they were good enough, else what is popular. */
static void
make_affinity(const Version *version)
{
	SSAffinityVersion affinity;
	Datum values[8];

	ss_affinity_make(&version->training, version->number, &affinity);
	values[0] = CStringGetTextDatum(version->name);
	values[1] = Int32GetDatum(version->number);
	values[2] = CStringGetTextDatum(affinity.reason);
	values[3] = CStringGetTextDatum(pg_get_timezone_name(version->training.rules->settings.timezone));
	values[4] = Int64GetDatum(took_ms(version));
	values[5] = Int32GetDatum((int32) Min(affinity.readers, PG_INT32_MAX));
	values[6] = Int32GetDatum((int32) affinity.users);
	values[7] = JsonbPGetDatum(ss_affinity_document(&affinity));
	retire(version->name, version->number);
	if (ss_query_latest(&finish_affinity, values, NULL) == 0)
		ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("the training was cancelled"));
}

/* Trains the version, and writes down what came of it: the part that is undone as a whole. */
static void
train(void *argument)
{
	Version *version = argument;

	if (strcmp(version->name, SS_MODEL_AFFINITY) == 0)
	{
		make_affinity(version);
		return;
	}
	version->examples = version->kind->examples(&version->training);
	if (!has_enough(version->examples))
	{
		fail(version, "too little data");
		return;
	}
	test_active(version);
	version->fit = ss_fit(version->examples, check);
	finish(version);
}

/* The same, with whatever goes wrong as the reason why it failed. */
static void
attempt(Version *version)
{
	ErrorData *error;

	strlcpy(tried_name, version->name, sizeof(tried_name));
	tried_number = version->number;
	current = version;
	asked_at = GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(version->start);
	error = ss_attempt_whatever(train, version);
	if (error != NULL)
	{
		version->examples = NULL;
		fail(version, error->message);
	}
	current = NULL;
}

/* --- the job -------------------------------------------------------------------------------------- */

static void
read_version(Version *version, SSRow *row)
{
	memset(version, 0, sizeof(Version));
	version->name = ss_next_text(row);
	version->number = ss_next_int32(row);
	version->kind = ss_model_kind(version->name);
	version->training.rules = ss_rules_get();
	version->training.as_of = ss_next_time(row);
	version->training.seed = ss_next_int32(row);
	version->training.horizon = ss_churn_horizon();
	version->training.check = check;
}

/* Is the process that trains it another one, which is still there? */
static bool
is_elsewhere(int32 pid)
{
	return pid != 0 && pid != MyProcPid && BackendPidGetProc(pid) != NULL;
}

/* A version that was training when this run began; true if it is another process's. */
static bool
go_on(SSRow *row)
{
	Version version;
	int32 pid;
	TimestampTz started_at;
	bool tried;

	read_version(&version, row);
	pid = ss_next_int32_or(row, 0);
	started_at = ss_next_time_or(row, 0);
	if (is_elsewhere(pid))
		return true;
	tried = pid != MyProcPid || started_at != MyStartTimestamp ||
			(version.number == tried_number && strcmp(version.name, tried_name) == 0);
	if (tried)
		fail(&version, "the process that trained it ended");
	else
		attempt(&version);
	return false;
}

/* Takes the version that has waited for longest. */
static void
begin(void)
{
	SSRows rows =
		ss_rows_latest(&claim_queued, (Datum[]){Int32GetDatum(MyProcPid), TimestampTzGetDatum(MyStartTimestamp)}, NULL);
	Version version;
	SSRow row;

	if (rows.count == 0 || MyBackendType == B_BG_WORKER)
		return;
	row = ss_row(rows, 0);
	read_version(&version, &row);
	attempt(&version);
}

/*
 * train_models(): {"more": true} if there is one to train still
 */
Datum
swipesavvy_train_models(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	bool elsewhere = true;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* versions are their own record */
	if (ss_lock_try(SS_LOCK_TRAINING, 0))
	{
		SSRows rows = ss_rows_latest(&find_training, NULL, NULL);

		elsewhere = false;
		if (rows.count == 0)
			begin();
		else
		{
			SSRow row = ss_row(rows, 0);

			elsewhere = go_on(&row);
		}
	}
	ss_json_open_object(&json, NULL);
	ss_json_bool(&json, "more", !elsewhere && ss_query_latest(&count_queued, NULL, NULL) > 0);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
