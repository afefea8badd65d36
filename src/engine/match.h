/*
 * match.h: which campaigns match a purchase and what each gives (awards.md §1
 * to §3): pure arithmetic over compiled rules.
 */
#ifndef SS_MATCH_H
#define SS_MATCH_H

#include "postgres.h"

#include "engine/decision.h"
#include "engine/purchase.h"
#include "rules/rules.h"

/* What is known of the user who buys. */
typedef struct SSBuyer
{
	int64 tier_milli; /* of the tier held */
	bool boosted;	  /* a boost can be in force for a purchase of the chunk */
	int nboosts;
	const SSBoost **boosts; /* activated ones */
	int nsegments;
	int32 *segments;
} SSBuyer;

/* The campaigns that match a purchase as far as no counts are needed, as positions in rules->campaigns. */
typedef struct SSOpen
{
	int count;
	int *items;
} SSOpen;

/* What a campaign gives before anything is cut; 128 bits: only what is applied must fit into 64. */
typedef struct SSGift
{
	int128 discount;
	int128 bonus;
	int128 cost;
} SSGift;

/* Earn rate, tier and boost multiplier of a purchase (§1), each in thousandths, as one product: at most 10^18. */
extern int64 ss_match_rate(const SSRules *rules, const SSPurchase *purchase, const SSBuyer *buyer);

/* Base points of a purchase that earns, by its amount and base_rate (§1); 22003 when they do not fit. */
extern int64 ss_match_base(const SSRules *rules, const SSPurchase *purchase);

/*
 * The first rule that excludes the campaign, of those that need neither counts
 * nor budgets (§9's list up to hold_out); SS_APPLIED when none does.
 */
extern SSReason ss_match_campaign(const SSCampaign *campaign, const SSPurchase *purchase, const SSBuyer *buyer);

/*
 * Looks at the candidates of a purchase: the campaigns of its merchant, its
 * category, its user's segments, and of everybody. Those that ss_match_campaign
 * excludes go into its decision record, the others into `open`, which is empty.
 */
extern void ss_match_candidates(const SSRules *rules, SSPurchase *purchase, const SSBuyer *buyer, SSOpen *open);

/* What the campaign gives (§3), uncut. */
extern SSGift ss_match_gift(const SSRules *rules, const SSCampaign *campaign, const SSPurchase *purchase, int64 base);

#endif /* SS_MATCH_H */
