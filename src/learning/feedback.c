/*
 * feedback.c: what users say of what is suggested to them, or do about it.
 *
 * SQL entry point record_ml_feedback. Feedback hides merchants from the user and
 * is counted by month; no model learns of it, or whoever clicks most would teach
 * for all. The user's reward account is locked first, as erasing and refusing do:
 * they find all that there is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "learning/model.h"
#include "merchants/merchants.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_record_ml_feedback);

static const char *const models[] = {"conversion", "churn", "affinity", "offer", NULL};
static const char *const outcomes[] = {"accepted", "dismissed", "irrelevant", "converted", NULL};

SS_QUERY(find_refusal, "SELECT FROM swipesavvy.ml_profiling_refusals p WHERE p.user_id = $1", UUIDOID);

/* $8: now, unless it is said when */
SS_QUERY(insert_feedback,
		 "INSERT INTO swipesavvy.ml_feedback AS f (user_id, feedback_id, model_name, outcome, merchant_id, campaign_no,"
		 "                                        occurred_at)"
		 " VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, $8))"
		 " ON CONFLICT (user_id, feedback_id) DO NOTHING RETURNING f.recorded_at",
		 UUIDOID, UUIDOID, TEXTOID, TEXTOID, UUIDOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(find_feedback,
		 "SELECT f.recorded_at, f.model_name = $3 AND f.outcome = $4 AND f.merchant_id IS NOT DISTINCT FROM $5"
		 "   AND f.campaign_no IS NOT DISTINCT FROM $6 AND ($7 IS NULL OR f.occurred_at = $7)"
		 "  FROM swipesavvy.ml_feedback f WHERE f.user_id = $1 AND f.feedback_id = $2",
		 UUIDOID, UUIDOID, TEXTOID, TEXTOID, UUIDOID, INT4OID, TIMESTAMPTZOID);

/* The arguments, as what they are stored. */
typedef struct Feedback
{
	char *model_name;
	pg_uuid_t *user_id;
	char *outcome;
	pg_uuid_t *merchant_id; /* NULL = none */
	char *campaign_id;		/* NULL = none */
	int32 campaign_no;		/* 0 = none */
	TimestampTz occurred_at;
	bool is_now; /* occurred_at was not given */
	pg_uuid_t *feedback_id;
} Feedback;

static void
read_feedback(FunctionCallInfo fcinfo, SSCall *call, Feedback *feedback)
{
	feedback->model_name = ss_arg_text(fcinfo, 0, "model_name", SS_KEY_MAX, true);
	(void) ss_check_choice(feedback->model_name, "model_name", models);
	feedback->user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	ss_call_require_user(call, SS_BACKEND | SS_ADMIN, feedback->user_id);
	feedback->outcome = ss_arg_text(fcinfo, 2, "outcome", SS_KEY_MAX, true);
	(void) ss_check_choice(feedback->outcome, "outcome", outcomes);
	feedback->merchant_id = ss_arg_uuid(fcinfo, 3, "merchant_id", false);
	feedback->campaign_id = ss_arg_text(fcinfo, 4, "campaign_id", SS_KEY_MAX, false);
	feedback->occurred_at = ss_arg_time(fcinfo, 5, "occurred_at", &feedback->is_now);
	if (!feedback->is_now && feedback->occurred_at > GetCurrentTransactionStartTimestamp() + USECS_PER_DAY)
		ss_bad_value("occurred_at", "It is more than a day ahead.");
	feedback->feedback_id = ss_arg_uuid(fcinfo, 6, "feedback_id", false);
	if (feedback->feedback_id == NULL)
		feedback->feedback_id = ss_uuid7_new();
}

/* Whom and what it is about: PT404, or PT400 for a user of whom nothing is kept. */
static void
require_subjects(const SSCall *call, Feedback *feedback)
{
	Datum user = UUIDPGetDatum(feedback->user_id);

	ss_users_lock(feedback->user_id);
	ss_users_refuse_erased(feedback->user_id);
	if (ss_query_latest(&find_refusal, &user, NULL) > 0)
		ss_model_refuse(SS_REFUSED, feedback->user_id);
	if (feedback->merchant_id != NULL)
		ss_merchant_require(feedback->merchant_id);
	if (feedback->campaign_id == NULL)
		return;
	feedback->campaign_no = ss_call_has(call, SS_BACKEND | SS_ADMIN)
								? ss_campaign_find(feedback->campaign_id)
								: ss_campaign_shown(feedback->campaign_id, feedback->user_id, false);
	if (feedback->campaign_no == 0)
		ss_not_found("campaign", feedback->campaign_id);
}

static void
set_parameters(const Feedback *feedback, Datum *values, bool *nulls)
{
	values[0] = UUIDPGetDatum(feedback->user_id);
	values[1] = UUIDPGetDatum(feedback->feedback_id);
	values[2] = CStringGetTextDatum(feedback->model_name);
	values[3] = CStringGetTextDatum(feedback->outcome);
	ss_param_pointer(values, nulls, 4, feedback->merchant_id);
	values[5] = Int32GetDatum(feedback->campaign_no);
	nulls[5] = feedback->campaign_no == 0;
	values[6] = TimestampTzGetDatum(feedback->occurred_at);
	nulls[6] = feedback->is_now;
	values[7] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
}

/* Feedback of that id is there: it must be the same. Returns when it was recorded. */
static TimestampTz
require_same(const Feedback *feedback, const Datum *values, const bool *nulls)
{
	SSRows rows = ss_rows_latest(&find_feedback, values, nulls);
	TimestampTz recorded_at;
	SSRow row;

	if (rows.count == 0)
		ss_query_refuse_loss(0, 1);
	row = ss_row(rows, 0);
	recorded_at = ss_next_time(&row);
	if (!ss_next_bool(&row))
		ss_duplicate("feedback_id was used with other arguments", "The feedback_id is \"%s\".",
					 ss_uuid_text(feedback->feedback_id));
	return recorded_at;
}

/*
 * record_ml_feedback(model_name, user_id, outcome, merchant_id, campaign_id,
 * occurred_at, feedback_id)
 */
Datum
swipesavvy_record_ml_feedback(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Feedback feedback = {0};
	Datum values[8];
	bool nulls[8] = {false};
	TimestampTz recorded_at;
	SSRows rows;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* feedback is its own record */
	read_feedback(fcinfo, &call, &feedback);
	require_subjects(&call, &feedback);
	set_parameters(&feedback, values, nulls);
	rows = ss_rows_latest(&insert_feedback, values, nulls);
	if (rows.count == 0)
		recorded_at = require_same(&feedback, values, nulls);
	else
	{
		SSRow row = ss_row(rows, 0);

		recorded_at = ss_next_time(&row);
	}
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "feedback_id", feedback.feedback_id);
	ss_json_time(&json, "recorded_at", recorded_at);
	ss_json_bool(&json, "replayed", rows.count == 0);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
