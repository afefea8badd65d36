/*
 * performance.c: how good versions of models were when they were tested, and have been since.
 *
 * SQL entry points list_ml_models and get_ml_performance; training has the
 * document made that is kept with a version. Reads one snapshot; no locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "learning/drift.h"
#include "learning/horizon.h"
#include "learning/model.h"
#include "learning/performance.h"
#include "learning/six.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_list_ml_models);
PG_FUNCTION_INFO_V1(swipesavvy_get_ml_performance);

#define FEEDBACK_MONTHS 24

SS_QUERY(
	list_models,
	"SELECT k.model_name, k.kind, k.description, a.version AS active_version, l.status, a.trained_at, a.as_of,"
	"       a.train_examples + a.test_examples AS examples,"
	"       CASE WHEN k.kind = 'neighbours' THEN a.metrics -> 'recommendations' ELSE"
	"       jsonb_build_object('auc', a.metrics #> '{test,auc}', 'log_loss', a.metrics #> '{test,log_loss}',"
	"                          'brier', a.metrics #> '{test,brier}', 'lift_10', a.metrics #> '{test,lift_10}') END AS metrics,"
	"       CASE WHEN k.kind = 'neighbours' THEN a.trained_at + make_interval(days => 1)"
	"            WHEN $1 > 0 THEN a.trained_at + make_interval(days => $1) END AS next_training_at,"
	"       (SELECT max(d.psi) > " SS_DRIFTED " FROM swipesavvy.ml_drift d"
	"         WHERE d.model_name = a.model_name AND d.version = a.version) AS drift"
	"  FROM (VALUES ('affinity', 'neighbours', 'Merchants that are bought at by the same users; the affinity of users to merchants has fixed weights'),"
	"               ('churn', 'logistic', 'Whether a user who has bought within a year buys nothing for the next churn_horizon_days'),"
	"               ('conversion', 'logistic', 'Whether a user to whom a campaign is shown redeems it within two weeks'),"
	"               ('offer', 'logistic', 'Which type of offers a user is most likely to redeem within two weeks'))"
	"       k (model_name, kind, description)"
	"  LEFT JOIN swipesavvy.ml_models a ON a.model_name = k.model_name COLLATE \"C\" AND a.status = 'active'"
	"  LEFT JOIN LATERAL (SELECT m.status FROM swipesavvy.ml_models m WHERE m.model_name = k.model_name COLLATE \"C\""
	"                      ORDER BY m.version DESC LIMIT 1) l ON true ORDER BY k.model_name COLLATE \"C\"",
	INT4OID);

/* Of l. */
#define LIVE_MONTH                                                                                                      \
	"jsonb_build_object('month', l.month, 'examples', l.examples, 'positives', l.positives,"                            \
	" 'auc', round(l.auc::numeric, 6), 'log_loss', round(l.log_loss::numeric, 6), 'brier', round(l.brier::numeric, 6)," \
	" 'as_of', " SS_JSON_TIME_SQL("l.as_of") ", 'until', " SS_JSON_TIME_SQL("l.until") ")"

SS_QUERY(
	list_versions,
	"SELECT m.model_name, m.version, m.status, m.reason, m.queued_at, m.trained_at, m.as_of, m.seed, m.zone, m.horizon_days,"
	"       m.duration_ms, jsonb_build_object('train', m.train_examples, 'test', m.test_examples) AS examples,"
	"       jsonb_build_object('train', m.train_positives, 'test', m.test_positives) AS positives,"
	"       m.lambda::numeric AS lambda, m.metrics -> 'test' AS test, m.metrics -> 'recency_auc' AS recency_auc,"
	"       m.metrics -> 'out_of_fold' AS out_of_fold, m.metrics -> 'previous_log_loss' AS previous_log_loss,"
	"       m.metrics -> 'exposure' AS exposure,"
	"       m.metrics -> 'recommendations' AS recommendations,"
	"       coalesce((SELECT jsonb_agg(" LIVE_MONTH " ORDER BY l.month DESC) FROM swipesavvy.ml_live_months l"
	"                  WHERE l.model_name = m.model_name AND l.version = m.version AND l.worked_out_at IS NOT NULL), '[]') AS live,"
	"       coalesce((SELECT jsonb_agg(jsonb_build_object('feature', d.feature, 'psi', round(d.psi::numeric, 6)) ORDER BY d.position)"
	"                   FROM swipesavvy.ml_drift d WHERE d.model_name = m.model_name AND d.version = m.version), '[]') AS drift,"
	"       (SELECT max(d.as_of) FROM swipesavvy.ml_drift d WHERE d.model_name = m.model_name AND d.version = m.version) AS drift_as_of"
	"  FROM swipesavvy.ml_models m WHERE ($1 IS NULL OR m.model_name = $1) AND ($2 IS NULL OR m.version = $2)"
	"   AND (SELECT count(*) FROM swipesavvy.ml_models n WHERE n.model_name = m.model_name AND n.version > m.version) < 100"
	" ORDER BY m.model_name, m.version DESC",
	TEXTOID, INT4OID);

/* $2: the time zone, whose months are counted; $3: from when on */
SS_QUERY(
	count_feedback,
	"SELECT f.model_name, date_trunc('month', f.occurred_at AT TIME ZONE $2)::date AS month,"
	"       count(*) FILTER (WHERE f.outcome = 'accepted') AS accepted, count(*) FILTER (WHERE f.outcome = 'dismissed') AS dismissed,"
	"       count(*) FILTER (WHERE f.outcome = 'irrelevant') AS irrelevant, count(*) FILTER (WHERE f.outcome = 'converted') AS converted"
	"  FROM swipesavvy.ml_feedback f WHERE ($1 IS NULL OR f.model_name = $1) AND f.occurred_at >= $3"
	" GROUP BY 1, 2 ORDER BY 1, 2 DESC",
	TEXTOID, TEXTOID, TIMESTAMPTZOID);

static void
add_test(SSJson *json, const SSFit *fit)
{
	const SSMetrics *test = &fit->test;

	ss_json_open_object(json, "test");
	ss_json_six(json, "auc", test->auc);
	ss_json_open_array(json, "auc_interval");
	ss_json_six(json, NULL, test->auc_low);
	ss_json_six(json, NULL, test->auc_high);
	ss_json_close_array(json);
	ss_json_six(json, "log_loss", test->log_loss);
	ss_json_six(json, "base_log_loss", fit->base_log_loss);
	ss_json_six(json, "brier", test->brier);
	ss_json_six(json, "ece", test->ece);
	ss_json_six(json, "lift_10", test->lift_10);
	ss_json_open_array(json, "calibration");
	for (int i = 0; i < SS_BINS; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_six(json, "mean_p", test->calibration[i].mean);
		ss_json_six(json, "observed", test->calibration[i].observed);
		ss_json_int(json, "examples", test->calibration[i].examples);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	ss_json_close_object(json);
}

Jsonb *
ss_performance_document(const SSFit *fit, const SSExamples *examples, const double *active_loss)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	add_test(&json, fit);
	ss_json_six(&json, "recency_auc", fit->recency_auc);
	ss_json_int(&json, "found", examples->found);
	if (examples->exposure != NULL)
		ss_json_text(&json, "exposure", examples->exposure);
	ss_json_open_array(&json, "out_of_fold");
	for (int i = 0; i < SS_LAMBDAS; i++)
	{
		ss_json_open_object(&json, NULL);
		ss_json_double(&json, "lambda", ss_lambdas[i]);
		ss_json_six(&json, "log_loss", fit->losses[i]);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	if (active_loss != NULL)
		ss_json_six(&json, "previous_log_loss", *active_loss);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

/*
 * list_ml_models()
 */
Datum
swipesavvy_list_ml_models(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	(void) ss_query_read(&list_models, (Datum[]){Int32GetDatum(ss_retrain_days())}, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "models");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * get_ml_performance(model_name, version)
 */
Datum
swipesavvy_get_ml_performance(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	Datum values[3];
	bool nulls[3] = {false};
	char *name;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, false);
	if (name != NULL)
		(void) ss_check_choice(name, "model_name", ss_model_names);
	ss_param_text(values, nulls, 0, name);
	values[1] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 1, "version", 1, PG_INT32_MAX, &nulls[1]));
	if (ss_query_read(&list_versions, values, nulls) == 0 && !nulls[1])
		ss_not_found("version", psprintf("%s/%d", name == NULL ? "*" : name, DatumGetInt32(values[1])));
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "versions");
	rules = ss_rules_get();
	values[1] = CStringGetTextDatum(pg_get_timezone_name(rules->settings.timezone));
	nulls[1] = false;
	values[2] =
		TimestampTzGetDatum(ss_rules_month_start(rules, GetCurrentTransactionStartTimestamp(), FEEDBACK_MONTHS - 1));
	(void) ss_query_read(&count_feedback, values, nulls);
	ss_json_rows(&json, "feedback");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
