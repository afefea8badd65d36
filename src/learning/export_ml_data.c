/*
 * export_ml_data.c: the examples of a model, for whoever checks it with other
 * programs.
 *
 * SQL entry point. The same examples in the same order as training has; lines go
 * to a tuplestore, which spills to disk. An admin's, and in the audit log: the
 * lines tell of users. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "learning/examples.h"
#include "learning/horizon.h"
#include "learning/model.h"
#include "learning/model_kinds.h"

PG_FUNCTION_INFO_V1(swipesavvy_export_ml_data);

static void
check(void)
{
	CHECK_FOR_INTERRUPTS();
}

static void
put_line(ReturnSetInfo *result, const StringInfo line)
{
	Datum value = PointerGetDatum(cstring_to_text_with_len(line->data, line->len));
	bool isnull = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	pfree(DatumGetPointer(value));
	resetStringInfo(line);
}

/* block (train or test), k or campaign_id, fold, label, user_id, then the features as they are */
static void
put_example(ReturnSetInfo *result, StringInfo line, const SSExamples *examples, int example)
{
	const SSLearnValue *values = ss_example(examples, example);
	char *user = ss_uuid_text(&examples->users[example]);

	appendStringInfoString(line, examples->blocks[example] == SS_TEST_BLOCK ? "test," : "train,");
	if (examples->exposure == NULL)
		appendStringInfo(line, "%d", examples->blocks[example]);
	else
		appendStringInfoString(line, examples->campaigns[example]);
	appendStringInfo(line, ",%d,%d,%s", examples->folds[example], examples->positive[example], user);
	pfree(user);
	for (int i = 0; i < examples->features; i++)
	{
		char number[DOUBLE_SHORTEST_DECIMAL_LEN];

		number[double_to_shortest_decimal_bufn(values[i].value, number)] = '\0';
		appendStringInfo(line, ",%s", number);
	}
	put_line(result, line);
}

/*
 * export_ml_data(model_name, as_of, seed)
 */
Datum
swipesavvy_export_ml_data(PG_FUNCTION_ARGS)
{
	SSCall call;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SSTraining training = {.check = check};
	SSAudit audit = {.resource = "ml_data", .action = "export"};
	const SSModelKind *kind;
	SSExamples *examples;
	StringInfoData line;
	char *name;
	bool no_seed;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, true);
	(void) ss_check_choice(name, "model_name", ss_model_names);
	if (strcmp(name, SS_MODEL_AFFINITY) == 0)
		ss_bad_value("model_name", "Model \"%s\" is not made of examples.", name);
	if (PG_ARGISNULL(1))
		(void) ss_arg_time(fcinfo, 1, "as_of", NULL);
	training.as_of = ss_arg_as_of(fcinfo, 1, true);
	training.seed = (int32) ss_arg_int4(fcinfo, 2, "seed", 0, PG_INT32_MAX, &no_seed);
	if (no_seed)
		training.seed = 1;
	training.rules = ss_rules_get();
	training.horizon = ss_churn_horizon();
	kind = ss_model_kind(name);
	examples = kind->examples(&training);
	initStringInfo(&line);
	appendStringInfo(&line, "block,%s,fold,label,user_id", examples->exposure == NULL ? "k" : "campaign_id");
	for (int i = 0; i < examples->features; i++)
		appendStringInfo(&line, ",%s", ss_model_kind_feature(kind, i));
	put_line(result, &line);
	for (int i = 0; i < examples->count; i++)
		put_example(result, &line, examples, examples->order[i]);
	audit.resource_id = name;
	ss_audit_write(&call, &audit, NULL, NULL);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}
