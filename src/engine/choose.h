/*
 * choose.h: which of the matching campaigns a purchase gets (awards.md §4).
 */
#ifndef SS_CHOOSE_H
#define SS_CHOOSE_H

#include "postgres.h"

#include "engine/match.h"

/* A campaign in the running, with what it would give. */
typedef struct SSContender
{
	const SSCampaign *campaign;
	SSGift gift;
	SSReason reason; /* filled in: why it does not apply */
} SSContender;

/* What is left of limits and budgets: the caller's to say, and to take from. */
typedef struct SSStock
{
	void *state;												   /* the caller's: whose purchase this is, for one */
	int64 (*redemptions)(void *state, const SSCampaign *campaign); /* by this buyer, so far */
	bool (*day_covers)(void *state, const SSCampaign *campaign, DateADT day); /* one more */
	bool (*budget_covers)(void *state, const SSCampaign *campaign, int128 cost);
	void (*take)(void *state, const SSCampaign *campaign, const SSPurchase *purchase, const SSAward *award);
} SSStock;

/*
 * Chooses among the contenders, all of which match as far as no counts are
 * needed: sorts them into the order in which they are tried, fills in the
 * reason of each, takes from the stock, and adds to the purchase's awards (there
 * is room for as many), bonus points and discount. The awards are those of the
 * contenders that applied, in their order; campaign_id is the rules' own text.
 */
extern void ss_choose(SSContender *contenders, int count, SSPurchase *purchase, const SSStock *stock);

#endif /* SS_CHOOSE_H */
