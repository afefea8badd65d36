/*
 * choose.c: chooses among the matching campaigns (choose.h).
 *
 * Called by the engine for each purchase that earns, in order, under the lock on
 * the user's account, and by simulations for stored ones. What is left of limits
 * and budgets is the caller's to say: the engine's slots without locks make a
 * choice count only once they are settled.
 */
#include "postgres.h"

#include "base/money.h"
#include "engine/choose.h"

/* Not stackable ones first; there by priority, uncut cost and id; stackable ones by priority and id. */
static int
compare_contenders(const void *a, const void *b)
{
	const SSContender *x = a;
	const SSContender *y = b;

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
check_limits(const SSCampaign *campaign, const SSPurchase *purchase, const SSStock *stock)
{
	if (campaign->per_user_limit > 0 && stock->redemptions(stock->state, campaign) >= campaign->per_user_limit)
		return SS_NOT_PER_USER_LIMIT;
	if (campaign->daily_limit > 0 && !stock->day_covers(stock->state, campaign, purchase->day))
		return SS_NOT_DAILY_LIMIT;
	return SS_APPLIED;
}

/* Applies the campaign if it gains something and its budget covers it. */
static SSReason
try_campaign(const SSContender *contender, SSPurchase *purchase, const SSStock *stock)
{
	const SSCampaign *campaign = contender->campaign;
	int128 discount = Min(contender->gift.discount, purchase->amount - purchase->discount);
	int128 cost = contender->gift.cost - contender->gift.discount + discount;
	SSAward *award = &purchase->awards[purchase->nawards];

	if (discount == 0 && contender->gift.bonus == 0 && campaign->offer != SS_OFFER_OTHER)
		return SS_NOT_NO_GAIN;
	if (campaign->has_budget && !stock->budget_covers(stock->state, campaign, cost))
		return SS_NOT_BUDGET;
	award->campaign_no = campaign->no;
	award->campaign_version = campaign->version;
	award->campaign_id = campaign->id;
	award->points = ss_narrow(contender->gift.bonus, "points");
	award->discount = (int64) discount;
	award->cost = ss_narrow(cost, "cost");
	purchase->nawards++;
	purchase->points_bonus = ss_add(purchase->points_bonus, award->points, "points");
	purchase->discount += award->discount;
	stock->take(stock->state, campaign, purchase, award);
	return SS_APPLIED;
}

void
ss_choose(SSContender *contenders, int count, SSPurchase *purchase, const SSStock *stock)
{
	bool exclusive_taken = false;

	qsort(contenders, count, sizeof(SSContender), compare_contenders);
	for (int i = 0; i < count; i++)
	{
		const SSCampaign *campaign = contenders[i].campaign;
		SSReason reason = check_limits(campaign, purchase, stock);

		if (reason == SS_APPLIED && !campaign->stackable && exclusive_taken)
			reason = SS_NOT_EXCLUSIVE;
		if (reason == SS_APPLIED)
			reason = try_campaign(&contenders[i], purchase, stock);
		if (reason == SS_APPLIED && !campaign->stackable)
			exclusive_taken = true;
		contenders[i].reason = reason;
	}
}
