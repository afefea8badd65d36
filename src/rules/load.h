/*
 * load.h: what rules.c, explain_award.c and simulations share of the loader: the
 * entries of the hash tables, and how campaigns are read.
 */
#ifndef SS_LOAD_H
#define SS_LOAD_H

#include "base/rows.h"
#include "rules/rules.h"

#define SS_CATEGORY_KEY 808 /* 200 characters of four bytes, and the end */

typedef struct SSCurrencyEntry
{
	char code[4]; /* key */
	int exponent;
} SSCurrencyEntry;

typedef struct SSCategoryEntry
{
	char name[SS_CATEGORY_KEY]; /* key */
	int16 category_no;
} SSCategoryEntry;

typedef struct SSMerchantEntry
{
	pg_uuid_t merchant_id; /* key */
	SSCampaignList list;
} SSMerchantEntry;

typedef struct SSNumberEntry
{
	int32 number; /* key: category or segment */
	SSCampaignList list;
} SSNumberEntry;

/* Reads everything into empty rules, under the active snapshot, with SPI connected. */
extern void ss_rules_load(SSRules *rules);

/* The columns of a campaign k, with the category c that it is aimed at, as ss_rules_read_campaign takes them. */
#define SS_CAMPAIGN_COLUMNS                                                                                            \
	"k.campaign_no, k.version, k.campaign_id, k.offer_type, k.offer_amount, k.currency, k.start_date,"                 \
	" k.end_date, k.target_segment_no, k.target_merchant_id, c.category_no, k.budget,"                                 \
	" k.per_user_limit, k.daily_limit, k.min_spend, k.max_discount, k.priority, k.stackable,"                          \
	" k.points_multiplier_milli, k.bonus_points, k.hold_out"

/* Makes rows, whose first columns are those, the rules' campaigns, and builds the index over them, in rules->context. */
extern void ss_rules_take_campaigns(SSRules *rules, SSRows rows);

/* A campaign from the next columns of a row, which are those; its id is kept in the context. */
extern void ss_rules_read_campaign(MemoryContext context, SSRow *row, SSCampaign *campaign);

#endif /* SS_LOAD_H */
