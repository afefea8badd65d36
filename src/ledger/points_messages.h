/*
 * points_messages.h: what the world outside hears of points.
 */
#ifndef SS_POINTS_MESSAGES_H
#define SS_POINTS_MESSAGES_H

#include "postgres.h"

#include "ledger/account.h"

/* A message if the account, which is being written, is in another tier than when it was read. */
extern void ss_points_tell_tier(const SSAccount *account);

/* A refund that was just made. */
typedef struct SSRefunded
{
	const pg_uuid_t *refund_id;
	const pg_uuid_t *transaction_id;
	const char *currency;
	int exponent; /* its decimal places */
	int64 amount; /* minor units */
	int64 total;  /* of all refunds of the purchase up to it */
	int64 points;
	TimestampTz at;
} SSRefunded;

extern void ss_points_tell_refund(const SSAccount *account, const SSRefunded *refund);

#endif /* SS_POINTS_MESSAGES_H */
