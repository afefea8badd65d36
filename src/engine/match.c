/*
 * match.c: which campaigns match and what they give (match.h).
 *
 * Called by the engine for each purchase, by simulations and by explain_award.
 * Reads compiled rules only; all arithmetic is on integers, rounded where
 * awards.md rounds.
 */
#include "postgres.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/money.h"
#include "base/uuid.h"
#include "engine/match.h"

/* The largest multiplier among the user's boosts that are in force for this purchase. */
static int64
boost_milli(const SSPurchase *purchase, const SSBuyer *buyer)
{
	int64 best = SS_MILLI;

	for (int i = 0; i < buyer->nboosts; i++)
	{
		const SSBoost *boost = buyer->boosts[i];

		if (purchase->occurred_at >= boost->starts_at && purchase->occurred_at < boost->expires_at &&
			(boost->category_no == 0 || boost->category_no == purchase->category_no))
			best = Max(best, boost->multiplier_milli);
	}
	return best;
}

int64
ss_match_rate(const SSRules *rules, const SSPurchase *purchase, const SSBuyer *buyer)
{
	return rules->settings.earn_rate_milli * buyer->tier_milli * boost_milli(purchase, buyer);
}

int64
ss_match_base(const SSRules *rules, const SSPurchase *purchase)
{
	int128 divisor = (int128) ss_minor_per_major(ss_rules_exponent(rules, purchase->currency)) * 1000000000;

	return ss_narrow((int128) purchase->amount * purchase->base_rate / divisor, "points");
}

static bool
in_segment(const SSBuyer *buyer, int32 segment_no)
{
	for (int i = 0; i < buyer->nsegments; i++)
	{
		if (buyer->segments[i] == segment_no)
			return true;
	}
	return false;
}

/* Does its A/B test, if it is in one, give this campaign to the user? */
static bool
is_served(const SSCampaign *campaign, const SSPurchase *purchase, const SSBuyer *buyer)
{
	SSAbTest *test = campaign->ab_test;

	return test == NULL || ss_ab_serves(test, campaign->ab_group,
										ss_ab_group(test, &purchase->user_id,
													test->segment_no == 0 || in_segment(buyer, test->segment_no)));
}

SSReason
ss_match_campaign(const SSCampaign *campaign, const SSPurchase *purchase, const SSBuyer *buyer)
{
	if (purchase->amount <= 0)
		return SS_NOT_AMOUNT;
	if (purchase->occurred_at < campaign->start_date)
		return SS_NOT_START_DATE;
	if (purchase->occurred_at >= campaign->end_date)
		return SS_NOT_END_DATE;
	if (strcmp(campaign->currency, purchase->currency) != 0)
		return SS_NOT_CURRENCY;
	if (campaign->has_merchant &&
		(!purchase->has_merchant || !ss_uuid_equal(&campaign->merchant_id, &purchase->merchant_id)))
		return SS_NOT_MERCHANT;
	if (campaign->category_no != 0 && campaign->category_no != purchase->category_no)
		return SS_NOT_CATEGORY;
	if (campaign->segment_no != 0 && !in_segment(buyer, campaign->segment_no))
		return SS_NOT_SEGMENT;
	if (purchase->amount < campaign->min_spend)
		return SS_NOT_MIN_SPEND;
	if (!is_served(campaign, purchase, buyer))
		return SS_NOT_AB_GROUP;
	if (ss_held_out(campaign->id, &purchase->user_id, campaign->hold_out))
		return SS_NOT_HOLD_OUT;
	return SS_APPLIED;
}

/* Tests the campaigns of a list; those that may apply become the purchase's open ones. */
static void
match_list(const SSRules *rules, const SSCampaignList *list, SSPurchase *purchase, const SSBuyer *buyer, SSOpen *open)
{
	if (list == NULL)
		return;
	for (int i = 0; i < list->count; i++)
	{
		const SSCampaign *campaign = &rules->campaigns[list->items[i]];
		SSReason reason = ss_match_campaign(campaign, purchase, buyer);

		if (reason != SS_APPLIED)
		{
			ss_decision_add(&purchase->decision, campaign->no, campaign->version, reason);
			continue;
		}
		open->items = ss_array_grow(open->items, open->count, sizeof(int));
		open->items[open->count++] = list->items[i];
	}
}

void
ss_match_candidates(const SSRules *rules, SSPurchase *purchase, const SSBuyer *buyer, SSOpen *open)
{
	if (purchase->has_merchant)
		match_list(rules, ss_rules_by_merchant(rules, &purchase->merchant_id), purchase, buyer, open);
	if (purchase->category_no != 0)
		match_list(rules, ss_rules_by_category(rules, purchase->category_no), purchase, buyer, open);
	for (int i = 0; i < buyer->nsegments; i++)
		match_list(rules, ss_rules_by_segment(rules, buyer->segments[i]), purchase, buyer, open);
	match_list(rules, &rules->any, purchase, buyer, open);
}

static int128
at_most(int128 value, int64 maximum)
{
	return (maximum >= 0 && value > maximum) ? maximum : value;
}

static int128
discount_of(const SSCampaign *campaign, const SSPurchase *purchase)
{
	switch (campaign->offer)
	{
		case SS_OFFER_FIXED_DISCOUNT:
			return at_most(purchase->amount, campaign->offer_amount);
		case SS_OFFER_PERCENTAGE:
			return at_most((int128) purchase->amount * campaign->offer_amount / 100000, campaign->max_discount);
		case SS_OFFER_BOGO:
			return at_most(purchase->amount / 2, campaign->max_discount);
		case SS_OFFER_FREE_SHIPPING:
			return at_most(at_most(purchase->amount, campaign->offer_amount),
						   purchase->has_shipping ? purchase->shipping : -1);
		case SS_OFFER_OTHER:
			return 0;
	}
	pg_unreachable();
}

SSGift
ss_match_gift(const SSRules *rules, const SSCampaign *campaign, const SSPurchase *purchase, int64 base)
{
	SSGift gift;

	gift.discount = discount_of(campaign, purchase);
	gift.bonus = (int128) base * (campaign->multiplier_milli - SS_MILLI) / SS_MILLI + campaign->bonus_points;
	gift.cost = gift.discount + gift.bonus * rules->settings.point_value_minor;
	return gift;
}
