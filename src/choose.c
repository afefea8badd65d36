/*
 * choose.c: chooses among the matching campaigns (choose.h).
 *
 * Called by the engine for each purchase that earns, in order, under the lock on
 * the user's account. What is left of budgets and limits is slots.c's to say;
 * without locks a choice counts only once ss_slots_settle has taken its part.
 */
#include "postgres.h"

#include "choose.h"
#include "errors.h"
#include "money.h"
#include "slots.h"

/* A campaign in the running, with what it would give. */
typedef struct Contender
{
	const SSCampaign *campaign;
	SSGift		gift;
} Contender;

/* Not stackable ones first; there by priority, uncut cost and id; stackable ones by priority and id. */
static int
compare_contenders(const void *a, const void *b)
{
	const Contender *x = a;
	const Contender *y = b;

	if (x->campaign->stackable != y->campaign->stackable)
		return x->campaign->stackable ? 1 : -1;
	if (x->campaign->priority != y->campaign->priority)
		return x->campaign->priority > y->campaign->priority ? -1 : 1;
	if (!x->campaign->stackable && x->gift.cost != y->gift.cost)
		return x->gift.cost > y->gift.cost ? -1 : 1;
	return strcmp(x->campaign->id, y->campaign->id);
}

/* The limits per user and day, which are part of matching. */
static SSReason
check_limits(SSChunk *chunk, const SSCampaign *campaign, const SSPurchase *purchase, const SSUser *user)
{
	if (campaign->per_user_limit > 0 &&
		ss_chunk_redemptions(chunk, user, campaign->no, 0) >= campaign->per_user_limit)
		return SS_NOT_PER_USER_LIMIT;
	if (campaign->daily_limit > 0 && !ss_slots_cover(chunk, campaign, purchase->day, 1))
		return SS_NOT_DAILY_LIMIT;
	return SS_APPLIED;
}

/* Takes one redemption from the limits and its cost from the budget. */
static void
take(SSChunk *chunk, const SSCampaign *campaign, const SSPurchase *purchase, const SSUser *user, int64 cost)
{
	if (campaign->per_user_limit > 0)
		(void) ss_chunk_redemptions(chunk, user, campaign->no, 1);
	if (campaign->daily_limit > 0)
		ss_slots_take(chunk, campaign, purchase->day, 1);
	if (campaign->has_budget)
		ss_slots_take(chunk, campaign, SS_BUDGET_DAY, cost);
}

/* Applies the campaign if it gains something and its budget covers it. */
static SSReason
try_campaign(SSChunk *chunk, const Contender *contender, SSPurchase *purchase, const SSUser *user)
{
	const SSCampaign *campaign = contender->campaign;
	int128		discount = Min(contender->gift.discount, purchase->amount - purchase->discount);
	int128		cost = contender->gift.cost - contender->gift.discount + discount;
	SSAward    *award = &purchase->awards[purchase->nawards];

	if (discount == 0 && contender->gift.bonus == 0 && campaign->offer != SS_OFFER_OTHER)
		return SS_NOT_NO_GAIN;
	if (campaign->has_budget && !ss_slots_cover(chunk, campaign, SS_BUDGET_DAY, cost))
		return SS_NOT_BUDGET;
	award->campaign_no = campaign->no;
	award->campaign_version = campaign->version;
	award->campaign_id = pstrdup(campaign->id);
	award->points = ss_narrow(contender->gift.bonus, "points");
	award->discount = (int64) discount;
	award->cost = ss_narrow(cost, "cost");
	purchase->nawards++;
	purchase->points_bonus = ss_add(purchase->points_bonus, award->points, "points");
	purchase->discount += award->discount;
	take(chunk, campaign, purchase, user, award->cost);
	return SS_APPLIED;
}

void
ss_choose_awards(SSChunk *chunk, int position)
{
	SSPurchase *purchase = &chunk->purchases[position];
	const SSUser *user = chunk->buyers[position];
	const SSOpen *open = &chunk->open[position];
	Contender  *contenders = palloc(Max(open->count, 1) * sizeof(Contender));
	bool		exclusive_taken = false;

	for (int i = 0; i < open->count; i++)
	{
		contenders[i].campaign = &chunk->rules->campaigns[open->items[i]];
		contenders[i].gift = ss_match_gift(chunk->rules, contenders[i].campaign, purchase, purchase->points_base);
	}
	qsort(contenders, open->count, sizeof(Contender), compare_contenders);
	purchase->awards = palloc(Max(open->count, 1) * sizeof(SSAward));
	for (int i = 0; i < open->count; i++)
	{
		const SSCampaign *campaign = contenders[i].campaign;
		SSReason	reason = check_limits(chunk, campaign, purchase, user);

		if (reason == SS_APPLIED && !campaign->stackable && exclusive_taken)
			reason = SS_NOT_EXCLUSIVE;
		if (reason == SS_APPLIED)
			reason = try_campaign(chunk, &contenders[i], purchase, user);
		if (reason == SS_APPLIED && !campaign->stackable)
			exclusive_taken = true;
		ss_decision_add(&purchase->decision, campaign->no, campaign->version, reason);
	}
	pfree(contenders);
}
