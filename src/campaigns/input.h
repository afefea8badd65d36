/*
 * input.h: a campaign as somebody describes it: as the arguments of
 * a call, as a jsonb document, or as a stored row read back.
 *
 * All three become the same array of values in the API's units; one function
 * checks them and turns them into what the table holds.
 */
#ifndef SS_INPUT_H
#define SS_INPUT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "rules/rules.h"

/* In the order of create_campaign's arguments. */
typedef enum SSCampaignField
{
	SS_CAMPAIGN_NAME,
	SS_CAMPAIGN_TYPE,
	SS_CAMPAIGN_OFFER_AMOUNT,
	SS_CAMPAIGN_OFFER_TYPE,
	SS_CAMPAIGN_START_DATE,
	SS_CAMPAIGN_END_DATE,
	SS_CAMPAIGN_DESCRIPTION,
	SS_CAMPAIGN_SEGMENT,
	SS_CAMPAIGN_MERCHANT,
	SS_CAMPAIGN_CATEGORY,
	SS_CAMPAIGN_BUDGET,
	SS_CAMPAIGN_CURRENCY,
	SS_CAMPAIGN_PER_USER_LIMIT,
	SS_CAMPAIGN_DAILY_LIMIT,
	SS_CAMPAIGN_MIN_SPEND,
	SS_CAMPAIGN_MAX_DISCOUNT,
	SS_CAMPAIGN_PRIORITY,
	SS_CAMPAIGN_STACKABLE,
	SS_CAMPAIGN_MULTIPLIER,
	SS_CAMPAIGN_BONUS_POINTS,
	SS_CAMPAIGN_HOLD_OUT,
	SS_CAMPAIGN_ID,
	SS_CAMPAIGN_FIELDS /* how many */
} SSCampaignField;

/* The fields that update_campaign may change: all but the id, which is the last. */
#define SS_CAMPAIGN_CHANGEABLE SS_CAMPAIGN_ID

/* Values as the API has them: text, timestamptz, uuid, integer, boolean, and numeric for money and decimals. */
typedef struct SSCampaignInput
{
	Datum value[SS_CAMPAIGN_FIELDS];
	bool isnull[SS_CAMPAIGN_FIELDS];
} SSCampaignInput;

/*
 * The same as the table has them: money in minor units and bigint, decimals as
 * integers, the segment as its number; defaults filled in.
 */
typedef struct SSCampaignRow
{
	Datum value[SS_CAMPAIGN_FIELDS];
	bool isnull[SS_CAMPAIGN_FIELDS];
	int exponent; /* decimal places of the currency */
} SSCampaignRow;

extern const char *const ss_campaign_types[];
extern const char *const ss_campaign_statuses[];
extern const char *const ss_offer_types[];

/* The arguments of create_campaign, which are the fields in their order. */
extern void ss_campaign_input_from_args(SSCampaignInput *input, FunctionCallInfo fcinfo);

/*
 * Lays the values of a document over the input; null takes a value away. The
 * key "status" is allowed and left to the caller; any key that is no field is
 * 22023 naming the argument that the document was.
 */
extern void ss_campaign_input_change(SSCampaignInput *input, Jsonb *changes, const char *argument);

/*
 * A whole campaign from a document with the keys of create_campaign's
 * arguments; the key "status" is allowed and must be one, no more.
 */
extern void ss_campaign_input_from_document(SSCampaignInput *input, Jsonb *document, const char *argument);

/*
 * Checks every value and what they must be together. Raises 22023 naming the
 * argument, or PT404 for a segment, merchant or category that does not exist.
 * Needs an SPI connection.
 */
extern void ss_campaign_input_check(const SSCampaignInput *input, const SSRules *rules, SSCampaignRow *row);

/* The checked row as compiled rules have it, without number and version; without an id, under `id`. */
extern void ss_campaign_row_compile(const SSCampaignRow *row, const SSRules *rules, const char *id,
									SSCampaign *campaign);

#endif /* SS_INPUT_H */
