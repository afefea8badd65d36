/*
 * deltas.h: what a change of facts adds to the figures of analytics, or takes
 * from them: records of rollup_deltas, written in the transaction of the fact.
 *
 * A database at release 1.0.0 has no such table, and gets no deltas. Whoever
 * writes them holds a lock that the upgrade waits for: on campaign_redemptions,
 * as every purchase and every change of one does, or on campaign_events.
 */
#ifndef SS_DELTAS_H
#define SS_DELTAS_H

#include "postgres.h"

#include "engine/purchase.h"
#include "engine/statement.h"

/* What is counted of events, redemptions and purchases. The order is that of the columns of unfolded_deltas(). */
typedef enum SSMeasure
{
	SS_IMPRESSIONS,
	SS_VIEWS,
	SS_CLICKS,
	SS_TRACKED_CONVERSIONS,
	SS_TRACKED_VALUE, /* ten-thousandths of a major unit; other money is in minor units */
	SS_PURCHASE_CONVERSIONS,
	SS_PENDING_CONVERSIONS,
	SS_REVENUE,
	SS_REVENUE_PRIMARY,
	SS_COST,
	SS_DISCOUNT,
	SS_BONUS_POINTS,
	/* of purchases, whatever campaigns they had */
	SS_PURCHASES_COMPLETED,
	SS_PURCHASES_PENDING,
	SS_PURCHASES_REFUNDED,
	SS_AMOUNT,
	SS_REFUNDED,
	SS_POINTS_EARNED,
	SS_MEASURES
} SSMeasure;

/* What a delta is of. Bytes between members are 0: deltas are compared by all of them. */
typedef struct SSDeltaKey
{
	TimestampTz slot;  /* of ss_delta_slot */
	int32 campaign_no; /* 0: the purchase itself */
	int16 category_no; /* of its merchant, 0 = none */
	bool has_merchant;
	pg_uuid_t merchant_id;
	char currency[4];
} SSDeltaKey;

typedef struct SSDelta
{
	SSDeltaKey key;
	int64 measures[SS_MEASURES];
} SSDelta;

/* The currency of events, which have none: what they are worth is in the campaign's, whichever that is when it is read. */
#define SS_NO_CURRENCY "XXX"

/* The quarter of an hour of UTC that a moment is in. */
extern TimestampTz ss_delta_slot(TimestampTz moment);

/* Begins a delta of nothing. */
extern void ss_delta_init(SSDelta *delta, TimestampTz occurred_at, const char *currency);

/* Writes the deltas of a chunk of purchases that were recorded. */
extern void ss_deltas_of_purchases(const SSPurchase *purchases, int count, SSStatement *statement);

/* Writes deltas, if the database keeps any. */
extern void ss_deltas_write(const SSDelta *deltas, int count);

/* Takes one record of a row of rollup_deltas apart; returns where the next one begins. */
extern const unsigned char *ss_delta_unpack(const unsigned char *at, const unsigned char *end, SSDelta *delta);

/* In the place of a campaign's number: of any, but of no purchase itself. */
#define SS_ANY_CAMPAIGN (-1)

/* Takes the next one of that campaign (0: of a purchase) apart, and goes past the others; false at the end. */
extern bool ss_delta_find(const unsigned char **at, const unsigned char *end, int32 campaign_no, SSDelta *delta);

/* --- sums ------------------------------------------------------------------------------- */

/* Deltas summed by key, in a memory context of their own. */
typedef struct SSDeltaSums
{
	MemoryContext context;
	struct HTAB *table; /* SSDelta by key */
	int nfull;
	SSDelta *full; /* sums that would have become too large for an integer */
} SSDeltaSums;

extern SSDeltaSums *ss_delta_sums_begin(MemoryContext parent);

/* Adds a delta, or takes it away. */
extern void ss_delta_sums_add(SSDeltaSums *sums, const SSDelta *delta, int sign);

/* Those that are not 0, as an array. */
extern SSDelta *ss_delta_sums_all(const SSDeltaSums *sums, int *count);

#endif /* SS_DELTAS_H */
