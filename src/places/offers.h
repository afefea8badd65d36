/*
 * offers.h: which offers of merchants are shown to whom.
 *
 * An offer without a campaign is a notice, shown within its dates. One with a campaign is
 * shown to a customer as long as the customer can earn from that campaign there
 * (campaigns/prospect.h), to whoever is not signed in as long as an unknown user could, and
 * to staff as long as the campaign runs there. A merchant that is not active has none.
 */
#ifndef SS_OFFERS_H
#define SS_OFFERS_H

#include "postgres.h"

#include "base/query.h"
#include "call/call.h"
#include "campaigns/prospect.h"

/* Offer `o`, with campaign `c` if it has one: the columns that are shown, for texts of queries. */
#define SS_OFFER_COLUMNS                                                                                               \
	"o.offer_id, o.title, o.description, o.terms, coalesce(o.starts_at, c.start_date) AS starts_at,"                   \
	" CASE WHEN o.campaign_no IS NULL THEN o.ends_at ELSE c.end_date END AS ends_at, c.campaign_id, c.offer_type,"     \
	" " SS_CAMPAIGN_OFFER_SQL " AS offer_amount, c.currency"
#define SS_OFFER_JOINS                                                                                                 \
	" LEFT JOIN swipesavvy.campaigns c ON c.campaign_no = o.campaign_no"                                               \
	" LEFT JOIN swipesavvy.currencies k ON k.code = c.currency"

/* Who asks, and for when; the answer is that caller's own from then on. */
extern void ss_offers_begin(SSProspect *prospect, SSCall *call, TimestampTz at);

/* An active merchant, and how many offers are shown of it. */
typedef struct SSOffering
{
	pg_uuid_t merchant_id;
	int16 category_no;
	int offers;
} SSOffering;

/* Counts the offers of these merchants, of which one may stand there several times. */
extern void ss_offers_count(SSProspect *prospect, SSOffering *merchants, int count);

#endif /* SS_OFFERS_H */
