/*
 * simulate_campaign.c: simulate_campaign: what a campaign would have given to stored
 * purchases.
 *
 * Reads only, under one snapshot, without locks that a purchase would wait for;
 * it works on a replica and in a read-only transaction. The replay itself is in
 * simulation.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "campaigns/input.h"
#include "campaigns/simulation.h"
#include "rules/load.h"
#include "rules/load_ab_tests.h"

PG_FUNCTION_INFO_V1(swipesavvy_simulate_campaign);

/*
 * The id that a campaign without one has in a simulation: hold-outs are drawn
 * for it. No campaign can be called so, and it sorts after those that
 * create_campaign makes, as a new one would.
 */
#define NO_ID "CAMP-~"

/* The campaigns that ever ran and whose dates meet the period, but the one that the proposed one stands for. */
SS_QUERY(others_query,
		 "SELECT " SS_CAMPAIGN_COLUMNS
		 "  FROM swipesavvy.campaigns k LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
		 " WHERE k.launched_at IS NOT NULL AND k.start_date < $2 AND (k.end_date IS NULL OR k.end_date > $1)"
		 "   AND k.campaign_id <> $3 ORDER BY k.campaign_no",
		 TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID);

static void
write_figures(SSJson *json, const SSFigures *figures, int exponent, bool users)
{
	ss_json_int(json, "redemptions", figures->redemptions);
	if (users)
		ss_json_int(json, "users", figures->users);
	ss_json_money(json, "discount", figures->discount, exponent);
	ss_json_int(json, "points", figures->points);
	ss_json_money(json, "cost", figures->cost, exponent);
}

/* What the proposed campaign gave, why it did not apply, and each of its days. */
static void
write_outcome(SSJson *json, const char *key, const SSCampaign *campaign, const SSOutcome *outcome, int exponent)
{
	ss_json_open_object(json, key);
	write_figures(json, &outcome->total, exponent, true);
	if (campaign->has_budget)
		ss_json_money(json, "budget_left", campaign->budget - outcome->total.cost, exponent);
	else
		ss_json_null(json, "budget_left");
	ss_json_date(json, "budget_short_on", outcome->short_on);
	ss_json_open_object(json, "not_applied");
	for (int i = SS_APPLIED + 1; i < SS_REASONS; i++)
	{
		if (outcome->reasons[i] > 0)
			ss_json_int(json, ss_reason_name((SSReason) i), outcome->reasons[i]);
	}
	ss_json_close_object(json);
	ss_json_open_array(json, "days");
	for (int i = 0; i < outcome->ndays; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_date(json, "day", outcome->days[i].day);
		write_figures(json, &outcome->days[i].figures, exponent, true);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	ss_json_close_object(json);
}

/* Those of the others that get something else beside the proposed campaign than without it. */
static void
write_changed(SSJson *json, const SSRules *others, const SSSimulation *result)
{
	ss_json_open_array(json, "changed");
	for (int i = 0; i < others->ncampaigns; i++)
	{
		const SSCampaign *campaign = &others->campaigns[i];
		int exponent = ss_rules_exponent(others, campaign->currency);

		if (memcmp(&result->without[i], &result->with[i], sizeof(SSFigures)) == 0)
			continue;
		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", campaign->id);
		ss_json_text(json, "currency", campaign->currency);
		ss_json_open_object(json, "without");
		write_figures(json, &result->without[i], exponent, false);
		ss_json_close_object(json);
		ss_json_open_object(json, "with");
		write_figures(json, &result->with[i], exponent, false);
		ss_json_close_object(json);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/* The proposed campaign, checked like one that is created; whether it has an id of its own. */
static bool
read_proposed(FunctionCallInfo fcinfo, const SSRules *rules, SSCampaign *campaign)
{
	SSCampaignInput input;
	SSCampaignRow row;

	ss_campaign_input_from_document(&input, ss_arg_jsonb(fcinfo, 0, "campaign", true), "campaign");
	ss_campaign_input_check(&input, rules, &row);
	ss_campaign_row_compile(&row, rules, NO_ID, campaign);
	return !row.isnull[SS_CAMPAIGN_ID];
}

/* A proposed campaign that is in a running test now is limited to its group, as the others are. */
static void
take_ab_test(const SSRules *rules, SSCampaign *campaign)
{
	for (int i = 0; i < rules->ncampaigns; i++)
	{
		if (rules->campaigns[i].ab_test == NULL || strcmp(rules->campaigns[i].id, campaign->id) != 0)
			continue;
		campaign->ab_test = rules->campaigns[i].ab_test;
		campaign->ab_group = rules->campaigns[i].ab_group;
	}
}

/*
 * simulate_campaign(campaign, start_date, end_date)
 */
Datum
swipesavvy_simulate_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	SSRules others;
	SSCampaign campaign;
	SSSimulation result;
	TimestampTz from;
	TimestampTz until;
	int exponent;
	bool has_id;
	Datum values[3];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	rules = ss_rules_get();
	has_id = read_proposed(fcinfo, rules, &campaign);
	from = ss_arg_time(fcinfo, 1, "start_date", NULL);
	until = ss_arg_time(fcinfo, 2, "end_date", NULL);
	if (until <= from)
		ss_bad_value("end_date", "It is not after start_date.");
	exponent = ss_rules_exponent(rules, campaign.currency);
	others = *rules;
	others.context = CurrentMemoryContext;
	values[0] = TimestampTzGetDatum(from);
	values[1] = TimestampTzGetDatum(until);
	values[2] = CStringGetTextDatum(campaign.id);
	ss_rules_take_campaigns(&others, ss_rows_read(&others_query, values, NULL));
	ss_rules_take_ab_tests(&others);
	take_ab_test(rules, &campaign);
	ss_simulate(rules, &campaign, &others, from, until, &result);

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", has_id ? campaign.id : NULL);
	ss_json_text(&json, "currency", campaign.currency);
	ss_json_time(&json, "start_date", from);
	ss_json_time(&json, "end_date", until);
	ss_json_int(&json, "purchases", result.purchases);
	write_outcome(&json, "alone", &campaign, &result.alone, exponent);
	write_outcome(&json, "together", &campaign, &result.together, exponent);
	ss_json_int(&json, "others", others.ncampaigns);
	write_changed(&json, &others, &result);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
