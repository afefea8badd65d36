/*
 * merchant_figures.h: what was bought at a merchant, day by day.
 */
#ifndef SS_MERCHANT_FIGURES_H
#define SS_MERCHANT_FIGURES_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/uuid.h"

#include "analytics/state.h"

/* Of one day, or the sum of several; money in minor units. */
typedef struct SSMerchantFigures
{
	int128 purchases;
	int128 refunded_purchases;
	int128 amount;
	int128 refunded;
	int128 commission; /* in minor units / SS_RATE_SCALE: rounded only when it is shown */
} SSMerchantFigures;

typedef struct SSMerchantDay
{
	DateADT day;
	SSMerchantFigures figures;
} SSMerchantDay;

/*
 * Every day from `from` on and before `until`, in order, also those on which nothing
 * was bought; in purchases of that currency.
 */
extern SSMerchantDay *ss_merchant_days(const SSAnalyticsState *state, const pg_uuid_t *merchant_id,
									   const char *currency, DateADT from, DateADT until);

extern void ss_merchant_figures_add(SSMerchantFigures *sum, const SSMerchantFigures *figures);

#endif /* SS_MERCHANT_FIGURES_H */
