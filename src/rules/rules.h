/*
 * rules.h: the programme's rules, compiled for this backend: settings,
 * currencies, categories, tiers, boosts and running campaigns, indexed by what
 * a purchase has.
 *
 * ss_rules_get() returns rules that are current; the pointer stays good until
 * the next call of ss_rules_get() in this backend. Callers that keep one over
 * a wait for a lock must get it again afterwards.
 */
#ifndef SS_RULES_H
#define SS_RULES_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "rules/ab_tests.h"

typedef enum SSOffer
{
	SS_OFFER_FIXED_DISCOUNT,
	SS_OFFER_PERCENTAGE,
	SS_OFFER_BOGO,
	SS_OFFER_FREE_SHIPPING,
	SS_OFFER_OTHER
} SSOffer;

/* A running campaign. */
typedef struct SSCampaign
{
	int32 no;
	int32 version;
	char *id; /* campaign_id, for people */
	SSOffer offer;
	int64 offer_amount; /* minor units, or thousandths of a percent */
	char currency[4];
	TimestampTz start_date;
	TimestampTz end_date; /* DT_NOEND when there is none */
	int32 segment_no;	  /* 0 = every user */
	bool has_merchant;
	pg_uuid_t merchant_id;
	int16 category_no; /* 0 = every category */
	bool has_budget;
	int64 budget;		  /* minor units */
	int32 per_user_limit; /* 0 = unlimited */
	int32 daily_limit;	  /* 0 = unlimited */
	int64 min_spend;
	int64 max_discount; /* -1 = none */
	int32 priority;
	bool stackable;
	int64 multiplier_milli;
	int64 bonus_points;
	int32 hold_out;	   /* hundredths of a percent */
	SSAbTest *ab_test; /* the running test that it is in; NULL = none */
	int ab_group;	   /* its group there */
} SSCampaign;

typedef struct SSTier
{
	char *name;
	int64 threshold;
	int64 multiplier_milli;
	Jsonb *benefits; /* a list of texts */
} SSTier;

typedef struct SSBoost
{
	pg_uuid_t id;
	int64 multiplier_milli;
	int16 category_no; /* 0 = every category */
	TimestampTz starts_at;
	TimestampTz expires_at; /* DT_NOEND when there is none */
} SSBoost;

/* When boosts of a category can be in force; never where `until` is not after `from`. */
typedef struct SSBoostTimes
{
	TimestampTz from;
	TimestampTz until;
} SSBoostTimes;

typedef struct SSSettings
{
	char currency[4]; /* of the programme */
	int exponent;	  /* its decimal places */
	pg_tz *timezone;
	int64 earn_rate_milli;
	int64 point_value_minor;
	int32 points_expiry_months;
	int32 pending_expiry_days;
	int32 late_posting_days;
	int32 referral_bonus_points;
	int64 max_transaction_minor; /* -1 = no limit */
	int64 daily_spending_minor;	 /* -1 = no limit */
} SSSettings;

/* A list of positions in SSRules.campaigns. */
typedef struct SSCampaignList
{
	int count;
	int *items;
} SSCampaignList;

struct HTAB;

typedef struct SSRules
{
	MemoryContext context;
	uint64 generation; /* another one with each compilation */
	SSSettings settings;
	int ntiers;
	SSTier *tiers; /* by threshold, ascending; the first has 0 */
	int ncampaigns;
	SSCampaign *campaigns; /* by campaign_no */
	struct HTAB *boosts;   /* SSBoost by id */
	int nboost_times;
	SSBoostTimes *boost_times; /* by category_no; 0: those of every category */
	struct HTAB *currencies;   /* decimal places by code */
	struct HTAB *categories;   /* category_no by name */
	int ncategory_names;
	const char **category_names; /* by category_no; NULL where there is none */
	struct HTAB *by_merchant;	 /* SSCampaignList by merchant */
	struct HTAB *by_category;	 /* those without merchant, by category */
	struct HTAB *by_segment;	 /* those with neither, by segment */
	SSCampaignList any;			 /* the rest */
	bool has_segments;			 /* a campaign or a test is aimed at one */
} SSRules;

/* The current rules; compiles them if they are out of date. */
extern const SSRules *ss_rules_get(void);

/* Has something changed since ss_rules_get()? Takes in what other sessions committed. */
extern bool ss_rules_stale(void);

/* Decimal places of a currency, -1 if it is none or has no such places. */
extern int ss_rules_exponent(const SSRules *rules, const char *code);

/* The same for an argument: 22023 naming it where there is no such currency. */
extern int ss_rules_exponent_of(const SSRules *rules, const char *code, const char *argument);

/* The number of a merchant category, 0 if there is none of that name. */
extern int16 ss_rules_category(const SSRules *rules, const char *name);

/* The name of the category with that number, NULL if there is none. */
extern const char *ss_rules_category_name(const SSRules *rules, int16 category_no);

/* Can a boost be in force for a purchase of that category at that time? */
extern bool ss_rules_boosted(const SSRules *rules, int16 category_no, TimestampTz occurred_at);

extern const SSBoost *ss_rules_boost(const SSRules *rules, const pg_uuid_t *id);

/* A running campaign by its number; NULL if there is none. */
extern SSCampaign *ss_rules_campaign(const SSRules *rules, int32 campaign_no);

/* The lists of campaigns that a purchase with these attributes must look at. */
extern const SSCampaignList *ss_rules_by_merchant(const SSRules *rules, const pg_uuid_t *merchant_id);
extern const SSCampaignList *ss_rules_by_category(const SSRules *rules, int16 category_no);
extern const SSCampaignList *ss_rules_by_segment(const SSRules *rules, int32 segment_no);

/* The calendar day of a moment in the programme's time zone. */
extern DateADT ss_rules_day(const SSRules *rules, TimestampTz moment);

/* The first moment of a calendar day there. */
extern TimestampTz ss_rules_day_start(const SSRules *rules, DateADT day);

/* 1 January, 0:00, of the year after next: where a tier reached at `moment` is kept until. */
extern TimestampTz ss_rules_tier_end(const SSRules *rules, TimestampTz moment);

/* When points of that moment expire: some months after the end of its month; DT_NOEND if they never do. */
extern TimestampTz ss_rules_expiry(const SSRules *rules, TimestampTz moment);

/* The first instant, in the programme's time zone, of the month so many before that of `moment`. */
extern TimestampTz ss_rules_month_start(const SSRules *rules, TimestampTz moment, int months_before);

#endif /* SS_RULES_H */
