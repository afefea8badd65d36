/*
 * recommendations.c: merchants that a user does not know yet and may like.
 *
 * SQL entry point get_recommendations. Reads the user's purchases of a year, by
 * the index alone where that can be done, the neighbours of its merchants and
 * what is popular, under one snapshot. Nothing is written, nothing is locked.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "learning/affinity_version.h"
#include "learning/exclusions.h"
#include "learning/model.h"
#include "learning/neighbours.h"
#include "learning/scored_users.h"
#include "learning/suggestions.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_recommendations);

#define LIMIT_DEFAULT 10
#define LIMIT_MAX	  100
#define HIDDEN_DAYS	  90

SS_QUERY(find_version, "SELECT m.as_of FROM swipesavvy.ml_models m WHERE m.model_name = $1 AND m.version = $2", TEXTOID,
		 INT4OID);

/* What the user has said it does not want. */
SS_QUERY(select_hidden,
		 "SELECT DISTINCT f.merchant_id FROM swipesavvy.ml_feedback f"
		 " WHERE f.user_id = $1 AND f.occurred_at >= $2 AND f.outcome IN ('dismissed', 'irrelevant')"
		 "   AND f.merchant_id IS NOT NULL",
		 UUIDOID, TIMESTAMPTZOID);

/* --- of a user ------------------------------------------------------------------------------------- */

static void
leave_out_hidden(SSSuggesting *suggesting, const pg_uuid_t *user_id, TimestampTz since)
{
	SSRows rows = ss_rows_read(&select_hidden, (Datum[]){UUIDPGetDatum(user_id), TimestampTzGetDatum(since)}, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_suggesting_leave_out(suggesting, ss_next_uuid(&row));
	}
	ss_rows_free(&rows);
}

/* Of a user who has refused profiling nothing is looked at: it gets what is popular. */
static void
suggest(SSSuggesting *suggesting, const pg_uuid_t *user_id, int32 version, int limit, bool profiled, bool include_known)
{
	const SSRules *rules = ss_rules_get();
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	DateADT today = ss_rules_day(rules, now);
	SSHistory *history = NULL;

	if (profiled)
	{
		ss_exclusions_get();
		history = ss_history_create(rules);
		ss_history_read(history, user_id, ss_rules_day_start(rules, today - SS_NEIGHBOUR_DAYS), now);
	}
	ss_suggesting_begin(suggesting, history, version, limit);
	if (profiled)
		leave_out_hidden(suggesting, user_id, ss_rules_day_start(rules, today - HIDDEN_DAYS));
	if (!include_known)
		ss_suggesting_leave_out_known(suggesting);
	ss_suggest_neighbours(suggesting, today);
	ss_suggest_popular(suggesting);
}

static void
add_suggestion(SSJson *json, const SSSuggestion *suggestion)
{
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "merchant_id", &suggestion->merchant_id);
	ss_json_text(json, "name", suggestion->name);
	ss_json_text(json, "category", suggestion->category);
	ss_json_datum(json, "score", NumericGetDatum(suggestion->score), false, NUMERICOID);
	ss_json_text(json, "source", suggestion->of_neighbours ? "neighbours" : "popularity");
	ss_json_open_array(json, "because");
	for (int i = 0; i < suggestion->nbecause; i++)
		ss_json_uuid(json, NULL, &suggestion->because[i]);
	ss_json_close_array(json);
	ss_json_close_object(json);
}

/* PT400 if there is no active version. */
static int32
active_version(SSCall *call, const char *name, const pg_uuid_t *user_id, SSProfiling *profiling)
{
	int32 version;

	*profiling = ss_model_ask_about(name, user_id, &version);
	if (*profiling == SS_ERASED || (*profiling == SS_REFUSED && ss_call_has(call, SS_BACKEND | SS_ADMIN)))
		ss_model_refuse(*profiling, user_id);
	if (version == 0)
		ss_model_refuse_none(name);
	return version;
}

static TimestampTz
as_of_version(const char *name, int32 version)
{
	SSRows rows = ss_rows_read(&find_version, (Datum[]){CStringGetTextDatum(name), Int32GetDatum(version)}, NULL);
	SSRow row = ss_row(rows, 0);

	return ss_next_time(&row);
}

static void
add_merchants(SSCall *call, SSJson *json, const pg_uuid_t *user_id, int limit, bool include_known)
{
	SSSuggesting suggesting;
	SSProfiling profiling;
	int32 version;

	ss_call_require_user(call, SS_BACKEND | SS_ADMIN, user_id);
	version = active_version(call, SS_MODEL_AFFINITY, user_id, &profiling);
	suggest(&suggesting, user_id, version, limit, profiling == SS_PROFILED, include_known);
	ss_json_uuid(json, "user_id", user_id);
	ss_json_time(json, "as_of", as_of_version(SS_MODEL_AFFINITY, version));
	ss_json_open_array(json, "merchants");
	for (int i = 0; i < suggesting.count; i++)
		add_suggestion(json, &suggesting.suggestions[i]);
	ss_json_close_array(json);
}

/*
 * get_recommendations(user_id, campaign_id, page_size, include_known)
 */
Datum
swipesavvy_get_recommendations(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	char *campaign_id;
	SSPage page;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ANALYTICS | SS_ADMIN | SS_NOT_CACHED);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", false);
	campaign_id = ss_arg_text(fcinfo, 1, "campaign_id", SS_KEY_MAX, false);
	page = ss_arg_page(fcinfo, 2, -1, -1, LIMIT_MAX, LIMIT_DEFAULT);
	if ((user_id == NULL) == (campaign_id == NULL))
		ss_bad_value("user_id", "Either a user or a campaign is asked for, not %s.",
					 user_id == NULL ? "neither" : "both");
	ss_json_open_object(&json, NULL);
	if (user_id != NULL)
		add_merchants(&call, &json, user_id, (int) page.limit, ss_arg_bool(fcinfo, 3, false));
	else
		ss_scored_users_add(&call, &json, campaign_id, (int) page.limit);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
