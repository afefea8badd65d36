/*
 * customers.h: what the job that works out figures of customers and the
 * functions that show them share.
 */
#ifndef SS_CUSTOMERS_H
#define SS_CUSTOMERS_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/json.h"

/* The RFM segments, best first; the last is of those who bought nothing in the window and have no scores. */
#define SS_RFM_SEGMENTS                                                                                                \
	"champion", "loyal", "potential_loyalist", "promising", "new", "needs_attention", "about_to_sleep", "at_risk",     \
		"cannot_lose", "hibernating", "lost", "inactive"
extern const char *const ss_rfm_segments[]; /* NULL-terminated */

/* How many days purchases count for RFM, today not among them. */
#define SS_RFM_DAYS "365"

/* The most cohorts and periods that are shown. */
#define SS_COHORTS_MAX 60

/* The last refresh. */
typedef struct SSRefreshed
{
	bool ever; /* all else is only set if there was one */
	TimestampTz as_of;
	DateADT today;	/* purchases of earlier days counted */
	char *currency; /* of all money */
	int exponent;
	Numeric unit; /* of a minor unit in major ones, with as many places: what sums are multiplied by */
} SSRefreshed;

extern SSRefreshed ss_customers_refreshed(void);

/* as_of, null before the first refresh */
extern void ss_customers_add_as_of(SSJson *json, const SSRefreshed *refreshed);

/*
 * In SQL: a / b rounded to the places of `unit`, which is 1 / scale, halves up; null where b is 0. Exact: a and b are
 * integers of type numeric, not negative.
 */
#define SS_QUOTIENT(a, b, scale, unit)                                                                                 \
	"CASE WHEN (" b ") > 0 THEN div(2 * (" a ") * " scale " + (" b "), 2 * (" b ")) * " unit " END"

#endif /* SS_CUSTOMERS_H */
