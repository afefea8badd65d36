/*
 * campaign_terms.h: what a campaign offered at a moment, as models look at it.
 */
#ifndef SS_CAMPAIGN_TERMS_H
#define SS_CAMPAIGN_TERMS_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#define SS_OFFER_TYPES	  5
#define SS_CAMPAIGN_TYPES 5

extern const char *const ss_offer_type_names[SS_OFFER_TYPES + 1]; /* NULL-terminated */

/* One version of a campaign. */
typedef struct SSTerms
{
	int32 campaign_no;
	const char *campaign_id;
	TimestampTz valid_until; /* DT_NOEND: the present one */
	int offer_type;			 /* its index */
	int campaign_type;		 /* likewise, in the order of the features */
	double offer_amount;	 /* major units, or percent */
	double min_spend;
	double points_multiplier;
	double bonus_points;
	int32 hold_out; /* hundredths of a percent */
	bool has_merchant;
	pg_uuid_t merchant_id;
	int16 category_no; /* 0 = every category */
	int32 segment_no;  /* 0 = every user */
} SSTerms;

/* A campaign, and its versions in the order of time. */
typedef struct SSTermsOfCampaign
{
	int32 campaign_no;
	const char *campaign_id;
	TimestampTz launched; /* when it could be had first; DT_NOEND: never so far */
	int count;
	SSTerms *terms;
} SSTermsOfCampaign;

/* Campaigns in the order of their ids, by bytes. */
typedef struct SSTermsOfAll
{
	int count;
	SSTermsOfCampaign *campaigns;
	int *by_no; /* positions, in the order of campaign_no */
} SSTermsOfAll;

/* All campaigns with what they have offered from this moment on; lives in the current memory context. */
extern SSTermsOfAll *ss_terms_load(TimestampTz from);

/* The position of a campaign; -1 if there is none. */
extern int ss_terms_find(const SSTermsOfAll *all, int32 campaign_no);

/* What the campaign offered at the moment, or at first if that was before there was it. */
extern const SSTerms *ss_terms_at(const SSTermsOfCampaign *campaign, TimestampTz moment);

/* The same of one campaign alone. PT404 if there is none. */
extern SSTerms *ss_terms_of(const char *campaign_id, TimestampTz moment);

#endif /* SS_CAMPAIGN_TERMS_H */
