/*
 * affinity.h: at which merchants a user is at home.
 */
#ifndef SS_AFFINITY_H
#define SS_AFFINITY_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/json.h"
#include "rules/rules.h"

/* Purchases count for so many days. */
#define SS_AFFINITY_DAYS 365

typedef struct SSAffinityMerchant
{
	pg_uuid_t id;
	const char *name;
	const char *category;
	int64 visits;
	int64 net; /* minor units */
	TimestampTz last_visit;
	DateADT last_day;
	/* the components, in millionths */
	int64 of_visits;
	int64 of_average;
	int64 of_recency;
	int64 of_rating;
	int64 of_category;
	int64 score; /* in ten-thousandths */
} SSAffinityMerchant;

/*
 * The merchants of the user's purchases before the day of as_of, the highest
 * score first; returns how many. They live in the current memory context.
 */
extern int ss_affinity(const SSRules *rules, const pg_uuid_t *user_id, TimestampTz as_of,
					   SSAffinityMerchant **merchants);

/* The keys of one in the object that is open. */
extern void ss_affinity_json(SSJson *json, const SSRules *rules, const SSAffinityMerchant *merchant);

#endif /* SS_AFFINITY_H */
