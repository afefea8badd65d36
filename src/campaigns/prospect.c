/*
 * prospect.c: would a purchase to come be awarded a campaign (prospect.h)?
 *
 * Called by what shows offers of merchants. Reads under the active snapshot and locks
 * nothing: what is left of limits and budgets may be gone a moment later.
 *
 * Which campaign a purchase gets depends on its amount: what is exclusive yields to what gives
 * more, and a discount of a percentage gives nothing of a cent. So purchases of several
 * amounts are tried, from the least that the campaign is for on; one that earns is enough.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/array.h"
#include "base/money.h"
#include "base/rows.h"
#include "base/uuid.h"
#include "campaigns/prospect.h"
#include "engine/choose.h"
#include "engine/chunk.h"
#include "engine/slots.h"
#include "ledger/tier.h"

#define AMOUNTS 7 /* tried for each campaign, each ten times the one before */

/* Base points of a purchase that is tried: times multipliers and the value of points it still fits into 64 bits. */
#define MAX_BASE 1000000000

/* What is left of a campaign. */
typedef struct SSProspectLeft
{
	int32 campaign_no;
	int64 redemptions; /* by the user */
	int64 day;		   /* redemptions on the day of the purchases */
	int64 budget;
} SSProspectLeft;

SS_QUERY(read_account,
		 "SELECT u.status = 'active', r.lifetime_points, r.tier, r.tier_until FROM swipesavvy.reward_accounts r"
		 " JOIN swipesavvy.users u ON u.user_id = r.user_id WHERE r.user_id = $1",
		 UUIDOID);

SS_QUERY(read_segments, "SELECT m.segment_no FROM swipesavvy.segment_members m WHERE m.user_id = $1", UUIDOID);

SS_QUERY(read_boosts,
		 "SELECT b.boost_id FROM swipesavvy.user_boosts b WHERE b.user_id = $1 AND b.deactivated_at IS NULL", UUIDOID);

SS_QUERY(count_redemptions,
		 "SELECT count(*) FROM swipesavvy.campaign_redemptions r"
		 " WHERE r.user_id = $1 AND r.campaign_no = $2 AND r.counts",
		 UUIDOID, INT4OID);

/* A day without slots is one on which nothing was redeemed yet. */
SS_QUERY(read_slots,
		 "SELECT (SELECT coalesce(sum(s.allotted - s.used), 0)::bigint FROM swipesavvy.campaign_slots s"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = $1 AND s.day = '-infinity'),"
		 " (SELECT coalesce(sum(s.allotted - s.used), $3)::bigint FROM swipesavvy.campaign_slots s"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = $1 AND s.day = $2)",
		 INT4OID, DATEOID, INT8OID);

void
ss_prospect_begin(SSProspect *prospect, SSProspectOf of, const pg_uuid_t *user_id, TimestampTz at)
{
	*prospect = (SSProspect){.of = of, .at = at, .buyer = {.tier_milli = 1000}};
	if (of == SS_PROSPECT_OF_USER)
		prospect->user_id = *user_id;
}

/* --- what the engine would know of the user ------------------------------------------------ */

static void
load_segments(SSBuyer *buyer, const Datum *user_id)
{
	SSRows rows = ss_rows_read(&read_segments, user_id, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		buyer->segments = ss_array_grow(buyer->segments, buyer->nsegments, sizeof(int32));
		buyer->segments[buyer->nsegments++] = ss_next_int32(&row);
	}
}

static void
load_boosts(const SSRules *rules, SSBuyer *buyer, const Datum *user_id)
{
	SSRows rows = ss_rows_read(&read_boosts, user_id, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const SSBoost *boost = ss_rules_boost(rules, ss_next_uuid(&row));

		if (boost == NULL)
			continue;
		buyer->boosts = ss_array_grow(buyer->boosts, buyer->nboosts, sizeof(SSBoost *));
		buyer->boosts[buyer->nboosts++] = boost;
	}
}

static void
load(SSProspect *prospect, const SSRules *rules)
{
	Datum user_id = UUIDPGetDatum(&prospect->user_id);
	SSAccount account = {0};
	SSRows rows;
	SSRow row;

	prospect->loaded = true;
	if (prospect->of != SS_PROSPECT_OF_USER)
		return;
	rows = ss_rows_read(&read_account, &user_id, NULL);
	prospect->refused = rows.count == 0;
	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	prospect->refused = !ss_next_bool(&row);
	account.lifetime = ss_next_int64(&row);
	account.tier = ss_next_text(&row);
	account.tier_until = ss_next_time_or(&row, DT_NOBEGIN);
	prospect->buyer.tier_milli = ss_tier_held(rules, &account, prospect->at)->multiplier_milli;
	if (rules->settings.daily_spending_minor >= 0)
		prospect->spent = ss_spent_on_day(rules, &prospect->user_id, ss_rules_day(rules, prospect->at), false);
	load_segments(&prospect->buyer, &user_id);
	load_boosts(rules, &prospect->buyer, &user_id);
}

/* --- what is left of limits and budgets ------------------------------------------------------ */

/* Purchases that are tried, as the functions of their stock know them. */
typedef struct Trial
{
	SSProspect *prospect;
	const SSRules *rules;
	bool any_budget; /* budgets cover everything */
} Trial;

static const SSProspectLeft *
left_of(const Trial *trial, const SSCampaign *campaign)
{
	SSProspect *prospect = trial->prospect;
	Datum values[3] = {Int32GetDatum(campaign->no), DateADTGetDatum(ss_rules_day(trial->rules, prospect->at)),
					   Int64GetDatum(campaign->daily_limit)};
	Datum pair[2] = {UUIDPGetDatum(&prospect->user_id), Int32GetDatum(campaign->no)};
	SSProspectLeft left = {.campaign_no = campaign->no};
	SSRow row;

	for (int i = 0; i < prospect->nleft; i++)
	{
		if (prospect->left[i].campaign_no == campaign->no)
			return &prospect->left[i];
	}
	if (campaign->has_budget || campaign->daily_limit > 0)
	{
		row = ss_row(ss_rows_read(&read_slots, values, NULL), 0);
		left.budget = ss_next_int64(&row);
		left.day = ss_next_int64(&row);
	}
	if (campaign->per_user_limit > 0 && prospect->of == SS_PROSPECT_OF_USER)
	{
		row = ss_row(ss_rows_read(&count_redemptions, pair, NULL), 0);
		left.redemptions = ss_next_int64(&row);
	}
	prospect->left = ss_array_grow(prospect->left, prospect->nleft, sizeof(SSProspectLeft));
	prospect->left[prospect->nleft] = left;
	return &prospect->left[prospect->nleft++];
}

static int64
stock_redemptions(void *state, const SSCampaign *campaign)
{
	return left_of(state, campaign)->redemptions;
}

static bool
stock_day_covers(void *state, const SSCampaign *campaign, DateADT day)
{
	return left_of(state, campaign)->day > 0;
}

static bool
stock_budget_covers(void *state, const SSCampaign *campaign, int128 cost)
{
	return ((const Trial *) state)->any_budget || left_of(state, campaign)->budget >= cost;
}

/* Nothing is bought. */
static void
stock_take(void *state, const SSCampaign *campaign, const SSPurchase *purchase, const SSAward *award)
{
}

/* --- purchases that are tried ------------------------------------------------------------------ */

/* The campaigns that the purchase would match, or that one alone. */
static int
contenders_of(const Trial *trial, const SSCampaign *campaign, bool alone, SSPurchase *purchase,
			  SSContender **contenders)
{
	const SSRules *rules = trial->rules;
	SSOpen open = {0};

	if (!alone)
		ss_match_candidates(rules, purchase, &trial->prospect->buyer, &open);
	else if (ss_match_campaign(campaign, purchase, &trial->prospect->buyer) == SS_APPLIED)
		open.count = 1;
	*contenders = palloc(Max(open.count, 1) * sizeof(SSContender));
	for (int i = 0; i < open.count; i++)
	{
		(*contenders)[i].campaign = open.items == NULL ? campaign : &rules->campaigns[open.items[i]];
		(*contenders)[i].gift = ss_match_gift(rules, (*contenders)[i].campaign, purchase, purchase->points_base);
	}
	return open.count;
}

/* Works out the base points; false if they are so many that what is made of them might not fit. */
static bool
work_out_base(const Trial *trial, SSPurchase *purchase)
{
	int128 divisor = (int128) ss_minor_per_major(ss_rules_exponent(trial->rules, purchase->currency)) * 1000000000;

	purchase->base_rate = ss_match_rate(trial->rules, purchase, &trial->prospect->buyer);
	if ((int128) purchase->amount * purchase->base_rate / divisor > MAX_BASE)
		return false;
	purchase->points_base = ss_match_base(trial->rules, purchase);
	return true;
}

/* Is a purchase of that amount awarded the campaign, beside all others or if it alone ran? */
static bool
is_awarded(const Trial *trial, const SSCampaign *campaign, bool alone, const SSPurchase *like, int64 amount)
{
	SSStock stock = {unconstify(Trial *, trial), stock_redemptions, stock_day_covers, stock_budget_covers, stock_take};
	SSPurchase purchase = *like;
	SSContender *contenders;
	int count;

	purchase.amount = amount;
	if (!work_out_base(trial, &purchase))
		return false;
	count = contenders_of(trial, campaign, alone, &purchase, &contenders);
	purchase.awards = palloc(Max(count, 1) * sizeof(SSAward));
	ss_choose(contenders, count, &purchase, &stock);
	for (int i = 0; i < purchase.nawards; i++)
	{
		if (purchase.awards[i].campaign_no == campaign->no)
			return true;
	}
	return false;
}

/*
 * Does a purchase of that amount earn? What would not earn alone does not beside others, which costs more to find out; but
 * for its budget: others may leave less to be discounted.
 */
static bool
earns(Trial *trial, const SSCampaign *campaign, const SSPurchase *like, int64 amount)
{
	bool by_itself = trial->prospect->of == SS_PROSPECT_OF_NOBODY;

	trial->any_budget = !by_itself;
	if (!is_awarded(trial, campaign, true, like, amount))
		return false;
	trial->any_budget = false;
	return by_itself || is_awarded(trial, campaign, false, like, amount);
}

/* Does it run for anybody at that merchant then? */
static bool
runs(const SSCampaign *campaign, const SSPurchase *purchase)
{
	return campaign->start_date <= purchase->occurred_at && purchase->occurred_at < campaign->end_date &&
		   (!campaign->has_merchant || ss_uuid_equal(&campaign->merchant_id, &purchase->merchant_id)) &&
		   (campaign->category_no == 0 || campaign->category_no == purchase->category_no);
}

/* The largest amount of a purchase in that currency that is recorded: of who is nobody, the first one of that day. */
static int64
most(const SSProspect *prospect, const SSRules *rules, const char *currency)
{
	const SSSettings *settings = &rules->settings;
	int64 amount = PG_INT64_MAX / 10;

	if (strcmp(settings->currency, currency) != 0)
		return amount;
	if (settings->max_transaction_minor >= 0)
		amount = Min(amount, settings->max_transaction_minor);
	if (settings->daily_spending_minor >= 0)
		amount = Min(amount, settings->daily_spending_minor - prospect->spent);
	return amount;
}

bool
ss_prospect_earns(SSProspect *prospect, int32 campaign_no, const pg_uuid_t *merchant_id, int16 category_no)
{
	const SSRules *rules = ss_rules_get();
	const SSCampaign *campaign = ss_rules_campaign(rules, campaign_no);
	SSPurchase purchase = {.user_id = prospect->user_id,
						   .has_merchant = true,
						   .merchant_id = *merchant_id,
						   .category_no = category_no,
						   .occurred_at = prospect->at,
						   .day = ss_rules_day(rules, prospect->at)};
	Trial trial = {prospect, rules, false};
	SSCampaign unknown;
	int64 amount;
	int64 limit;

	if (campaign == NULL || !runs(campaign, &purchase))
		return false;
	if (prospect->of == SS_PROSPECT_OF_STAFF)
		return true;
	if (!prospect->loaded)
		load(prospect, rules);
	if (prospect->refused)
		return false;
	if (prospect->of == SS_PROSPECT_OF_NOBODY)
	{
		if (campaign->ab_test != NULL)
			return false;
		unknown = *campaign;
		unknown.hold_out = 0;
		campaign = &unknown;
	}
	strlcpy(purchase.currency, campaign->currency, sizeof(purchase.currency));
	limit = most(prospect, rules, purchase.currency);
	amount = Max(campaign->min_spend, 1);
	for (int i = 0; i < AMOUNTS && amount <= limit; i++, amount = Min(amount * 10, limit))
	{
		if (earns(&trial, campaign, &purchase, amount))
			return true;
		if (amount == limit)
			return false;
	}
	return false;
}
