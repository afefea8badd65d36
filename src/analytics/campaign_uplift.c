/*
 * campaign_uplift.c: get_campaign_uplift: what a campaign has added to what
 * people spend.
 *
 * A hold-out are users, drawn by a hash, who never get the campaign; what the
 * others spend beyond them is its doing. Statistics are worked out at each call,
 * from the sums that refresh_uplift.c has stored. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "analytics/campaign_uplift.h"
#include "analytics/state.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_uplift);

#define TUNING		  5000 /* units at which the sequential interval is narrowest */
#define LEVEL_PLACES  4
#define LEVEL_LEAST	  5000
#define LEVEL_MOST	  9990
#define LEVEL_OF_ALL  10000.0
#define LARGEST_MONEY 1e36

static const char *const scopes[] = {"campaign", "all", NULL};

SS_QUERY(was_held_out,
		 "SELECT 1 FROM swipesavvy.campaigns c WHERE c.campaign_no = $1 AND (c.hold_out > 0 OR EXISTS"
		 " (SELECT 1 FROM swipesavvy.campaign_versions v WHERE v.campaign_no = c.campaign_no"
		 "     AND (v.campaign ->> 'hold_out')::integer > 0))",
		 INT4OID);
SS_QUERY(
	read_uplift,
	"SELECT u.as_of, u.starts_at, u.ends_at, u.excluded_users, u.control_share, u.exposed_share, u.cost_minor,"
	"       u.control_users, u.control_buyers, u.control_s, u.control_q, u.control_s_x, u.control_q_x, u.control_s_yx,"
	"       u.exposed_users, u.exposed_buyers, u.exposed_s, u.exposed_q, u.exposed_s_x, u.exposed_q_x, u.exposed_s_yx"
	"  FROM swipesavvy.campaign_uplift u WHERE u.campaign_no = $1 AND u.scope = $2",
	INT4OID, TEXTOID);

/* --- what is stored ----------------------------------------------------------------------------- */

/* A sum of minor units, or of their products, in major units: divided once, so that it is rounded once. */
static double
next_major(SSRow *row, int places)
{
	Datum sum = ss_next_value(row, NUMERICOID);

	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, sum)) / pow(10, places);
}

static void
read_arm(SSRow *row, int exponent, SSUpliftArm *arm)
{
	SSRow again;

	arm->users = ss_next_int64(row);
	arm->buyers = ss_next_int64(row);
	again = *row;
	arm->spent = ss_next_integer(&again);
	arm->sums.n = (double) arm->users;
	arm->sums.s = next_major(row, exponent);
	arm->sums.q = next_major(row, 2 * exponent);
	arm->sums.s_x = next_major(row, exponent);
	arm->sums.q_x = next_major(row, 2 * exponent);
	arm->sums.s_yx = next_major(row, 2 * exponent);
}

bool
ss_uplift_find(const SSFiguresOf *campaign, const char *scope, SSUplift *uplift)
{
	Datum values[2] = {Int32GetDatum(campaign->campaign_no), CStringGetTextDatum(scope)};
	SSRows rows = ss_rows_read(&read_uplift, values, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	memset(uplift, 0, sizeof(SSUplift));
	row = ss_row(rows, 0);
	uplift->as_of = ss_next_time(&row);
	uplift->start = ss_next_time(&row);
	uplift->end = ss_next_time(&row);
	uplift->excluded_users = ss_next_int64(&row);
	uplift->shares[0] = ss_next_int32(&row);
	uplift->shares[1] = ss_next_int32(&row);
	uplift->cost = ss_next_integer(&row);
	read_arm(&row, campaign->exponent, &uplift->control);
	read_arm(&row, campaign->exponent, &uplift->exposed);
	return true;
}

/* --- what it says ---------------------------------------------------------------------------------- */

static SSEffect
effect_of(const SSUplift *uplift, SSScale scale)
{
	return ss_statistics_effect(SS_MEAN, scale, &uplift->control.sums, &uplift->exposed.sums, true);
}

/* So much for each of the exposed, in minor units. */
static int128
for_all(const SSUplift *uplift, double each, int exponent)
{
	double minor = each * uplift->exposed.sums.n * pow(10, exponent);

	if (!(fabs(minor) < LARGEST_MONEY))
		ss_out_of_range("incremental revenue");
	return (int128) round(minor);
}

static SSIncremental
incremental_of(const SSUplift *uplift, const SSEffect *effect, const SSVerdict *verdict, int exponent)
{
	return (SSIncremental){
		.revenue = for_all(uplift, effect->difference, exponent),
		.lower = for_all(uplift, verdict->lower, exponent),
		.upper = for_all(uplift, verdict->upper, exponent),
	};
}

bool
ss_uplift_incremental(const SSUplift *uplift, int exponent, double alpha, SSIncremental *incremental)
{
	SSEffect effect = effect_of(uplift, SS_ABSOLUTE);
	SSVerdict verdict = ss_statistics_fixed(&effect, alpha, SS_SIDE_BOTH);

	if (effect.error != NULL || verdict.error != NULL)
		return false;
	*incremental = incremental_of(uplift, &effect, &verdict, exponent);
	return true;
}

/* --- as JSON ------------------------------------------------------------------------------------------ */

static void
add_arm(SSJson *json, const char *key, const SSUpliftArm *arm, int exponent)
{
	ss_json_open_object(json, key);
	ss_json_int(json, "users", arm->users);
	ss_json_int(json, "buyers", arm->buyers);
	if (arm->users == 0)
		ss_json_null(json, "spend_per_user");
	else
		ss_json_decimal(json, "spend_per_user", ss_ratio(arm->spent, arm->users, 2), exponent + 2);
	ss_json_close_object(json);
}

static void
add_verdict(SSJson *json, const SSVerdict *verdict)
{
	ss_json_double(json, "p_value", verdict->p_value);
	ss_json_open_array(json, "confidence_interval");
	ss_json_double(json, NULL, verdict->lower);
	ss_json_double(json, NULL, verdict->upper);
	ss_json_close_array(json);
}

static void
add_effect(SSJson *json, const char *key, const SSEffect *effect, const SSVerdict *verdict)
{
	ss_json_open_object(json, key);
	ss_json_double(json, "difference", effect->difference);
	ss_json_double(json, "standard_error", effect->standard_error);
	add_verdict(json, verdict);
	ss_json_close_object(json);
}

static void
add_incremental(SSJson *json, const SSUplift *uplift, const SSIncremental *incremental, int exponent)
{
	ss_json_open_object(json, "incremental_revenue");
	ss_json_decimal(json, "value", incremental->revenue, exponent);
	ss_json_open_array(json, "interval");
	ss_json_decimal(json, NULL, incremental->lower, exponent);
	ss_json_decimal(json, NULL, incremental->upper, exponent);
	ss_json_close_array(json);
	ss_json_close_object(json);
	ss_json_decimal(json, "cost", uplift->cost, exponent);
	ss_json_ratio(json, "incremental_roas", incremental->revenue, uplift->cost, 6);
}

static void
add_sample_ratio(SSJson *json, const SSUplift *uplift)
{
	double counts[2] = {uplift->control.sums.n, uplift->exposed.sums.n};
	bool warn;
	double p_value = ss_statistics_sample_ratio(2, counts, uplift->shares, &warn);

	ss_json_open_object(json, "sample_ratio");
	ss_json_double(json, "p_value", p_value);
	ss_json_bool(json, "warning", warn);
	ss_json_close_object(json);
}

static void
add_statistics(SSJson *json, const SSUplift *uplift, double alpha, int exponent)
{
	SSEffect absolute = effect_of(uplift, SS_ABSOLUTE);
	SSEffect relative = effect_of(uplift, SS_RELATIVE);
	SSVerdict verdict = ss_statistics_fixed(&absolute, alpha, SS_SIDE_BOTH);
	SSVerdict of_lift = ss_statistics_fixed(&relative, alpha, SS_SIDE_BOTH);
	SSVerdict sequential = ss_statistics_sequential(&absolute, alpha, TUNING, SS_SIDE_BOTH);
	SSBelief belief = ss_statistics_bayesian(&relative, SS_RELATIVE, alpha, (SSPrior){0}, false);
	SSIncremental incremental = incremental_of(uplift, &absolute, &verdict, exponent);

	ss_json_open_object(json, "cuped");
	ss_json_double(json, "theta", absolute.theta);
	ss_json_bool(json, "used", absolute.cuped);
	ss_json_close_object(json);
	add_effect(json, "absolute", &absolute, &verdict);
	add_effect(json, "relative", &relative, &of_lift);
	ss_json_open_object(json, "sequential");
	add_verdict(json, &sequential);
	ss_json_close_object(json);
	ss_json_double(json, "chance_to_win", belief.chance_to_win);
	add_incremental(json, uplift, &incremental, exponent);
	add_sample_ratio(json, uplift);
	ss_json_text(json, "error", absolute.error != NULL ? absolute.error : relative.error);
}

/*
 * get_campaign_uplift(campaign_id, scope, confidence_level)
 */
Datum
swipesavvy_get_campaign_uplift(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	SSFiguresOf campaign;
	SSUplift uplift;
	char *scope;
	int64 level;
	Datum key;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	ss_figures_of(ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true), &campaign);
	scope = ss_arg_text(fcinfo, 1, "scope", SS_KEY_MAX, true);
	(void) ss_check_choice(scope, "scope", scopes);
	level = ss_scaled_from_numeric(ss_arg_numeric(fcinfo, 2, "confidence_level", true), LEVEL_PLACES, LEVEL_LEAST,
								   LEVEL_MOST, "confidence_level");
	ss_analytics_require(&state);
	key = Int32GetDatum(campaign.campaign_no);
	if (ss_query_read(&was_held_out, &key, NULL) == 0)
		ss_bad_state("campaign never had a hold-out", "\"%s\" goes to everybody it is for.", campaign.campaign_id);
	if (!ss_uplift_find(&campaign, scope, &uplift))
		ereport(ERROR, errcode(SS_ERRCODE_NOT_FOUND), errmsg("uplift has not been computed yet"),
				errdetail("The campaign is \"%s\".", campaign.campaign_id),
				errhint("The job refresh_campaign_uplift() does it each day; with its campaign_id it does it now."));
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", campaign.campaign_id);
	ss_json_text(&json, "scope", scope);
	ss_json_open_object(&json, "period");
	ss_json_time(&json, "start_date", uplift.start);
	ss_json_time(&json, "end_date", uplift.end);
	ss_json_close_object(&json);
	ss_json_time(&json, "as_of", uplift.as_of);
	ss_json_text(&json, "currency", campaign.currency);
	add_arm(&json, "control", &uplift.control, campaign.exponent);
	add_arm(&json, "exposed", &uplift.exposed, campaign.exponent);
	ss_json_int(&json, "excluded_users", uplift.excluded_users);
	add_statistics(&json, &uplift, (LEVEL_OF_ALL - (double) level) / LEVEL_OF_ALL, campaign.exponent);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
