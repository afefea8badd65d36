/*
 * rules_load.h: between rules.c and rules_load.c only: the entries of the hash
 * tables, and the loader.
 */
#ifndef SS_RULES_LOAD_H
#define SS_RULES_LOAD_H

#include "rules.h"

#define SS_CATEGORY_KEY 808		/* 200 characters of four bytes, and the end */

typedef struct SSCurrencyEntry
{
	char		code[4];		/* key */
	int			exponent;
} SSCurrencyEntry;

typedef struct SSCategoryEntry
{
	char		name[SS_CATEGORY_KEY];	/* key */
	int16		category_no;
} SSCategoryEntry;

typedef struct SSMerchantEntry
{
	pg_uuid_t	merchant_id;	/* key */
	SSCampaignList list;
} SSMerchantEntry;

typedef struct SSNumberEntry
{
	int32		number;			/* key: category or segment */
	SSCampaignList list;
} SSNumberEntry;

/* Reads everything into empty rules, under the active snapshot, with SPI connected. */
extern void ss_rules_load(SSRules *rules);

#endif							/* SS_RULES_LOAD_H */
