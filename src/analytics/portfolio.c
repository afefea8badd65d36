/*
 * portfolio.c: what all campaigns bring together, and which bring most.
 *
 * SQL entry points get_campaign_portfolio and get_top_campaigns. They read the
 * rows of the period, and of as many days before it, and what is not folded
 * yet. No locks.
 *
 * Revenue of several campaigns counts each purchase once, for the campaign that
 * was applied first: two that stacked have not sold it twice.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "analytics/campaign_figures.h"
#include "analytics/period.h"
#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_portfolio);
PG_FUNCTION_INFO_V1(swipesavvy_get_top_campaigns);

#define DEFAULT_DAYS 30
#define TOP_DEFAULT	 10
#define TOP_MAX		 100
#define STATUSES_MAX 8

/* How many there are, and the budgets of those that have one, with what is spent of them. */
SS_QUERY(count_campaigns,
		 "SELECT c.status, c.campaign_type, c.offer_type, count(*), coalesce(sum(c.budget), 0)::numeric,"
		 "       coalesce(sum((SELECT sum(s.used) FROM swipesavvy.campaign_slots s WHERE c.budget IS NOT NULL"
		 "                        AND s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.campaign_no = c.campaign_no AND s.day = '-infinity')), 0)::numeric"
		 "  FROM swipesavvy.campaigns c"
		 " WHERE c.currency = $1 AND c.status = ANY ($2) AND ($3 IS NULL OR c.campaign_type = $3)"
		 " GROUP BY c.status, c.campaign_type, c.offer_type",
		 BPCHAROID, TEXTARRAYOID, TEXTOID);

/* What both functions are asked. */
typedef struct Question
{
	SSCall call;
	SSAnalyticsState state;
	SSPeriod period;
	SSFiguresChoice choice;
	int exponent;
} Question;

/* Campaigns of one type, with what they bring together. */
typedef struct TypeSums
{
	const char *name;
	int64 campaigns;
	SSFigures figures;
} TypeSums;

typedef struct TypeList
{
	int count;
	TypeSums *groups;
} TypeList;

/* All known states but one; of a state that is given, that one alone. */
static Datum
statuses(const char *only, const char *all_but)
{
	Datum names[STATUSES_MAX];
	int count = 0;

	for (int i = 0; ss_campaign_statuses[i] != NULL; i++)
	{
		const char *status = ss_campaign_statuses[i];

		if (only != NULL ? strcmp(status, only) == 0 : strcmp(status, all_but) != 0)
			names[count++] = CStringGetTextDatum(status);
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Of the arguments at these positions: start_date, after which end_date comes, campaign_type and currency. */
static void
read_question(FunctionCallInfo fcinfo, Question *question, int period, int campaign_type, int currency)
{
	const SSRules *rules;

	ss_analytics_require(&question->state);
	question->period = ss_period_last(&question->state, DEFAULT_DAYS);
	ss_period_args(fcinfo, period, 0, &question->period);
	question->choice.campaign_type = ss_arg_text(fcinfo, campaign_type, "campaign_type", SS_KEY_MAX, false);
	if (question->choice.campaign_type != NULL)
		(void) ss_check_choice(question->choice.campaign_type, "campaign_type", ss_campaign_types);
	rules = ss_rules_get();
	question->choice.currency = ss_arg_text(fcinfo, currency, "currency", SS_KEY_MAX, false);
	if (question->choice.currency == NULL)
		question->choice.currency = pstrdup(rules->settings.currency);
	question->exponent = ss_rules_exponent_of(rules, question->choice.currency, "currency");
}

/* --- all of them ------------------------------------------------------------------------------ */

static TypeSums *
group_of(TypeList *groups, const char *name)
{
	TypeSums *group;

	for (int i = 0; i < groups->count; i++)
	{
		if (strcmp(groups->groups[i].name, name) == 0)
			return &groups->groups[i];
	}
	groups->groups = ss_array_grow(groups->groups, groups->count, sizeof(TypeSums));
	group = &groups->groups[groups->count++];
	memset(group, 0, sizeof(TypeSums));
	group->name = name;
	return group;
}

static int
compare_groups(const void *a, const void *b)
{
	return strcmp(((const TypeSums *) a)->name, ((const TypeSums *) b)->name);
}

/* How many campaigns there are of each state, type and offer, and their budgets. */
typedef struct Counts
{
	int64 total;
	int64 by_status[STATUSES_MAX];
	TypeList by_type;
	TypeList by_offer;
	int128 budget;
	int128 spent;
} Counts;

static void
count(const Question *question, Counts *counts)
{
	Datum values[3] = {CStringGetTextDatum(question->choice.currency), question->choice.statuses};
	bool nulls[3] = {false, false, question->choice.campaign_type == NULL};
	SSRows rows;

	if (!nulls[2])
		values[2] = CStringGetTextDatum(question->choice.campaign_type);
	rows = ss_rows_read(&count_campaigns, values, nulls);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int status = ss_check_choice(ss_next_text(&row), "status", ss_campaign_statuses);
		char *type = ss_next_text(&row);
		char *offer = ss_next_text(&row);
		int64 campaigns = ss_next_int64(&row);

		counts->total += campaigns;
		counts->by_status[status] += campaigns;
		group_of(&counts->by_type, type)->campaigns += campaigns;
		group_of(&counts->by_offer, offer)->campaigns += campaigns;
		counts->budget += ss_next_integer(&row);
		counts->spent += ss_next_integer(&row);
	}
}

static void
add_counts(SSJson *json, const Counts *counts, int exponent)
{
	ss_json_open_object(json, "campaigns");
	ss_json_int(json, "total", counts->total);
	ss_json_open_object(json, "by_status");
	for (int i = 0; ss_campaign_statuses[i] != NULL; i++)
		ss_json_int(json, ss_campaign_statuses[i], counts->by_status[i]);
	ss_json_close_object(json);
	ss_json_close_object(json);
	ss_json_open_object(json, "budget");
	ss_json_decimal(json, "total", counts->budget, exponent);
	ss_json_decimal(json, "spent", counts->spent, exponent);
	ss_json_decimal(json, "remaining", counts->budget - counts->spent, exponent);
	ss_json_ratio(json, "utilisation", counts->spent, counts->budget, 6);
	ss_json_close_object(json);
}

static void
add_groups(SSJson *json, const Question *question, const char *key, const char *name, TypeList *groups)
{
	if (groups->count > 0)
		qsort(groups->groups, groups->count, sizeof(TypeSums), compare_groups);
	ss_json_open_array(json, key);
	for (int i = 0; i < groups->count; i++)
	{
		const TypeSums *group = &groups->groups[i];

		ss_json_open_object(json, NULL);
		ss_json_text(json, name, group->name);
		ss_json_int(json, "campaigns", group->campaigns);
		ss_figures_json(json, &group->figures, question->choice.currency, question->exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_sums(SSJson *json, const Question *question, const char *key, const SSFigures *sums)
{
	ss_json_open_object(json, key);
	ss_figures_json(json, sums, question->choice.currency, question->exponent);
	ss_json_close_object(json);
}

/*
 * get_campaign_portfolio(start_date, end_date, status, campaign_type, currency)
 */
Datum
swipesavvy_get_campaign_portfolio(PG_FUNCTION_ARGS)
{
	Question question = {0};
	SSJson json = {0};
	Counts counts = {0};
	SSFigures totals = {0};
	SSFigures previous = {0};
	SSCampaignFigures *campaigns;
	const SSPeriod *period = &question.period;
	char *status;
	int with_facts = 0;
	int rows;

	ss_call_enter(&question.call, SS_ANALYTICS | SS_ADMIN);
	read_question(fcinfo, &question, 0, 3, 4);
	status = ss_arg_text(fcinfo, 2, "status", SS_KEY_MAX, false);
	if (status != NULL)
		(void) ss_check_choice(status, "status", ss_campaign_statuses);
	question.choice.statuses = statuses(status, "archived");
	count(&question, &counts);
	campaigns = ss_figures_campaigns(&question.state, &question.choice, period->start - period->days, period->end + 1,
									 period->start, &rows);
	for (int i = 0; i < rows; i++)
	{
		SSFigures *figures = &campaigns[i].figures;

		figures->values[SS_REVENUE] = figures->values[SS_REVENUE_PRIMARY];
		ss_figures_add(campaigns[i].before ? &previous : &totals, figures);
		if (campaigns[i].before)
			continue;
		with_facts++;
		ss_figures_add(&group_of(&counts.by_type, campaigns[i].campaign_type)->figures, figures);
		ss_figures_add(&group_of(&counts.by_offer, campaigns[i].offer_type)->figures, figures);
	}
	ss_json_open_object(&json, NULL);
	ss_period_json(&json, period, &question.state);
	ss_json_text(&json, "currency", question.choice.currency);
	add_counts(&json, &counts, question.exponent);
	add_sums(&json, &question, "totals", &totals);
	add_groups(&json, &question, "by_type", "campaign_type", &counts.by_type);
	add_groups(&json, &question, "by_offer_type", "offer_type", &counts.by_offer);
	add_sums(&json, &question, "previous", &previous);
	ss_json_int(&json, "campaigns_with_facts", with_facts);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&question.call, &json));
}

/* --- the best of them ---------------------------------------------------------------------------- */

typedef enum Metric
{
	BY_ROAS,
	BY_CONVERSION_RATE,
	BY_REVENUE,
	BY_EFFICIENCY
} Metric;

static const char *const metrics[] = {"roas", "conversion_rate", "revenue", "efficiency", NULL};
static const char *const directions[] = {"best", "worst", NULL};

/* A campaign with what it is ranked by. */
typedef struct Ranked
{
	const SSCampaignFigures *campaign;
	int128 value; /* in units of its last decimal */
	int128 conversions;
} Ranked;

/* What campaigns are ranked by, and how much must have happened for that. */
typedef struct Ranking
{
	Metric metric;
	int64 min_conversions;
	int64 min_clicks;
	int exponent;
	int places; /* of the value */
} Ranking;

/* Is it among those that are ranked? */
static bool
rank(const Ranking *ranking, const SSCampaignFigures *campaign, Ranked *ranked)
{
	const int128 *values = campaign->figures.values;
	int128 conversions = ss_figures_conversions(&campaign->figures);
	int128 minor = ss_minor_per_major(ranking->exponent);
	bool costs = conversions >= ranking->min_conversions && values[SS_COST] > 0;

	ranked->campaign = campaign;
	ranked->conversions = conversions;
	switch (ranking->metric)
	{
		case BY_ROAS:
			ranked->value = costs ? ss_ratio(values[SS_REVENUE], values[SS_COST], ranking->places) : 0;
			return costs;
		case BY_EFFICIENCY:
			ranked->value = costs ? ss_ratio(100 * conversions * minor, values[SS_COST], ranking->places) : 0;
			return costs;
		case BY_CONVERSION_RATE:
			if (values[SS_CLICKS] == 0 || values[SS_CLICKS] < ranking->min_clicks)
				return false;
			ranked->value = ss_ratio(conversions, values[SS_CLICKS], ranking->places);
			return true;
		case BY_REVENUE:
			ranked->value = values[SS_REVENUE];
			return values[SS_REVENUE] > 0;
	}
	return false;
}

static int
compare_ranked(const void *a, const void *b, void *worst_first)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->value != y->value)
		return (x->value < y->value) == *(bool *) worst_first ? -1 : 1;
	if (x->conversions != y->conversions)
		return x->conversions > y->conversions ? -1 : 1;
	return strcmp(x->campaign->campaign_id, y->campaign->campaign_id);
}

static void
add_ranked(SSJson *json, const Question *question, const Ranked *ranked, int place, int places)
{
	const SSCampaignFigures *campaign = ranked->campaign;

	ss_json_open_object(json, NULL);
	ss_json_int(json, "rank", place);
	ss_json_text(json, "campaign_id", campaign->campaign_id);
	ss_json_text(json, "name", campaign->name);
	ss_json_text(json, "campaign_type", campaign->campaign_type);
	ss_json_text(json, "status", campaign->status);
	ss_json_decimal(json, "value", ranked->value, places);
	ss_figures_json(json, &campaign->figures, question->choice.currency, question->exponent);
	ss_json_close_object(json);
}

/*
 * get_top_campaigns(metric, start_date, end_date, page_size, min_conversions, min_clicks, currency, campaign_type, direction)
 */
Datum
swipesavvy_get_top_campaigns(PG_FUNCTION_ARGS)
{
	Question question = {0};
	SSJson json = {0};
	Ranking ranking;
	SSCampaignFigures *campaigns;
	Ranked *ranked;
	bool worst_first;
	int64 limit;
	int rows;
	int count = 0;

	ss_call_enter(&question.call, SS_ANALYTICS | SS_ADMIN);
	read_question(fcinfo, &question, 1, 7, 6);
	ranking.metric = (Metric) ss_check_choice(ss_arg_text(fcinfo, 0, "metric", SS_KEY_MAX, true), "metric", metrics);
	limit = ss_arg_page(fcinfo, 3, -1, -1, TOP_MAX, TOP_DEFAULT).limit;
	ranking.min_conversions = ss_arg_int4(fcinfo, 4, "min_conversions", 0, PG_INT32_MAX, NULL);
	ranking.min_clicks = ss_arg_int4(fcinfo, 5, "min_clicks", 0, PG_INT32_MAX, NULL);
	worst_first = ss_check_choice(ss_arg_text(fcinfo, 8, "direction", SS_KEY_MAX, true), "direction", directions) == 1;
	ranking.exponent = question.exponent;
	ranking.places = ranking.metric == BY_REVENUE ? question.exponent : 6;
	question.choice.statuses = statuses(NULL, "draft");
	campaigns = ss_figures_campaigns(&question.state, &question.choice, question.period.start, question.period.end + 1,
									 question.period.start, &rows);
	ranked = palloc(Max(rows, 1) * sizeof(Ranked));
	for (int i = 0; i < rows; i++)
		count += rank(&ranking, &campaigns[i], &ranked[count]) ? 1 : 0;
	qsort_arg(ranked, count, sizeof(Ranked), compare_ranked, &worst_first);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "metric", metrics[ranking.metric]);
	ss_period_json(&json, &question.period, &question.state);
	ss_json_text(&json, "currency", question.choice.currency);
	ss_json_open_array(&json, "campaigns");
	for (int i = 0; i < count && i < limit; i++)
		add_ranked(&json, &question, &ranked[i], i + 1, ranking.places);
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&question.call, &json));
}
