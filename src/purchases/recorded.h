/*
 * recorded.h: a purchase that was recorded before, under the lock on its
 * user's account: for settling, declining and refunding it.
 */
#ifndef SS_RECORDED_H
#define SS_RECORDED_H

#include "postgres.h"

#include "engine/slots.h"
#include "ledger/balance.h"

typedef struct SSRecorded
{
	pg_uuid_t transaction_id;
	pg_uuid_t user_id;
	int64 amount; /* minor units */
	int64 refunded;
	int64 points; /* base and all bonuses */
	int64 points_refunded;
	char currency[4];
	SSStatus status;
	TimestampTz occurred_at;
	TimestampTz recorded_at;
} SSRecorded;

/* Whose purchase it is, read without a lock; PT404 when there is none. */
extern const pg_uuid_t *ss_recorded_find_user(const pg_uuid_t *transaction_id);

/* Reads the purchase as it is now; PT404 when the user has none of that id. The user's account must be locked. */
extern void ss_recorded_read(const pg_uuid_t *user_id, const pg_uuid_t *transaction_id, SSRecorded *purchase);

/* PT400 unless that is its status. */
extern void ss_recorded_require(const SSRecorded *purchase, SSStatus status);

/* Gives purchases of locked users another status. */
extern void ss_recorded_set_status(const SSRecorded *purchases, int count, SSStatus status);

/*
 * Does something with an account or a purchase in the ledger: moves points of
 * the purchase from one account to another. Labels are those of the types.
 */
extern void ss_recorded_move(const SSRecorded *purchase, const char *kind, const char *debit, const char *credit,
							 int64 points, TimestampTz now);

#endif /* SS_RECORDED_H */
