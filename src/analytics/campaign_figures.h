/*
 * campaign_figures.h: figures of a campaign: read from roll-ups and what is not folded
 * yet, added, and written as JSON.
 *
 * Sums are integers of 128 bits: one of many that each fit a bigint fits.
 */
#ifndef SS_CAMPAIGN_FIGURES_H
#define SS_CAMPAIGN_FIGURES_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/date.h"
#include "utils/numeric.h"

#include "analytics/state.h"
#include "base/json.h"
#include "base/rows.h"
#include "engine/deltas.h"

#define SS_CAMPAIGN_FIGURES (SS_BONUS_POINTS + 1)

typedef struct SSFigures
{
	int128 values[SS_CAMPAIGN_FIGURES]; /* by SSMeasure */
	bool other_currencies;				/* there are redemptions in another currency than the campaign's */
} SSFigures;

/* The figures of a day or hour. */
typedef struct SSBucket
{
	TimestampTz start; /* of an hour; of a day its number */
	SSFigures figures;
	TimestampTz updated_at; /* DT_NOBEGIN: never */
	bool unfolded;			/* some of it is not folded yet */
	bool facts;				/* there is any; what was there may all have been taken back */
} SSBucket;

/* Whose figures, and in which money. */
typedef struct SSFiguresOf
{
	int32 campaign_no;
	const char *campaign_id;
	char currency[4];
	int exponent;
} SSFiguresOf;

/* The campaign of the argument, which must be there: PT404. */
extern void ss_figures_of(const char *campaign_id, SSFiguresOf *campaign);

/* The first argument of a refresh: the id of the one campaign, which must be there, or NULL for all. */
extern char *ss_figures_of_argument(FunctionCallInfo fcinfo, SSFiguresOf *campaign);

/* The days or hours from `from` on and before `until` on which there is something, in order. */
extern SSBucket *ss_figures_days(const SSAnalyticsState *state, const SSFiguresOf *campaign, DateADT from,
								 DateADT until, int *count);
extern SSBucket *ss_figures_hours(const SSAnalyticsState *state, const SSFiguresOf *campaign, TimestampTz from,
								  TimestampTz until, int *count);

/* Which campaigns: those in the currency, in one of the states, and of the type, NULL for any. */
typedef struct SSFiguresChoice
{
	const char *currency;
	Datum statuses; /* an array of texts */
	const char *campaign_type;
} SSFiguresChoice;

/* A campaign with its figures of one of two periods. */
typedef struct SSCampaignFigures
{
	char *campaign_id;
	char *name;
	char *campaign_type;
	char *status;
	char *offer_type;
	bool before; /* of the days before `split` */
	SSFigures figures;
} SSCampaignFigures;

/*
 * The campaigns that have a fact on the days from `from` on and before `until`, by campaign_id; of the days before
 * `split` and of the others apart.
 */
extern SSCampaignFigures *ss_figures_campaigns(const SSAnalyticsState *state, const SSFiguresChoice *choice,
											   DateADT from, DateADT until, DateADT split, int *count);

/* The first of them on which the campaign has a fact, or NULL. */
extern const SSBucket *ss_figures_first(const SSBucket *buckets, int count);

extern void ss_figures_add(SSFigures *sum, const SSFigures *figures);

static inline int128
ss_figures_conversions(const SSFigures *figures)
{
	return figures->values[SS_PURCHASE_CONVERSIONS] + figures->values[SS_TRACKED_CONVERSIONS];
}

/* The keys that all answers have: the measures, and `rates`, into the object that is open. */
extern void ss_figures_json(SSJson *json, const SSFigures *figures, const char *currency, int exponent);

/* An integer of any size, with so many of its digits after the point; and a whole number as an integer. */
extern Numeric ss_decimal(int128 value, int places);
extern int128 ss_integer(Numeric value);

/* The same in an answer. */
extern void ss_json_decimal(SSJson *json, const char *key, int128 value, int places);

/* dividend / divisor, halves away from 0, with so many places; null where the divisor is 0. */
extern void ss_json_ratio(SSJson *json, const char *key, int128 dividend, int128 divisor, int places);

/* The next value of a row, of type numeric and a whole number of at most 38 digits; null is 0. */
extern int128 ss_next_integer(SSRow *row);

/* dividend * 10^places / divisor as an integer, halves away from 0; the divisor is not 0. */
extern int128 ss_ratio(int128 dividend, int128 divisor, int places);

#endif /* SS_CAMPAIGN_FIGURES_H */
