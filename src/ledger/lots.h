/*
 * lots.h: how old a user's points are. Every credit is a lot as old as the
 * purchase (or the entry) that made it; whatever is taken comes from the oldest.
 *
 * An account keeps how much was ever taken, and a place in its lots up to which
 * all are used up (lot_at; lot_before is the sum of those before). So neither
 * purchases nor readers look at what is long gone. The place may be any that
 * satisfies lot_before <= points_debited: (-infinity, 0) always does.
 */
#ifndef SS_LOTS_H
#define SS_LOTS_H

#include "postgres.h"

#include "ledger/account.h"

/* Points were credited to the account, for that time. */
extern void ss_lots_credit(SSAccount *account, int64 points, TimestampTz at);

/* Points were taken from the account, whose other columns are as afterwards. The entries need not be written yet. */
extern void ss_lots_debit(SSAccount *account, int64 points);

/* Points that were taken from the account came back, as old as they were: what was ever taken is less. */
extern void ss_lots_return(SSAccount *account, int64 points);

/* How many points of lots before that time are left to each of the users, who are locked. */
extern void ss_lots_left_before(const SSAccount *accounts, int count, TimestampTz before, int64 *left);

/* Points were taken from the account: all that were left of lots before that time. */
extern void ss_lots_debit_before(SSAccount *account, int64 points, TimestampTz before);

/*
 * Users, by id, who seem to have something left of lots before that time: from
 * that id on, or after it. Fills in at most `limit` ids, says how many.
 */
extern int ss_lots_find_left_before(TimestampTz before, const pg_uuid_t *from, bool after, int limit, pg_uuid_t *ids);

typedef struct SSLot
{
	TimestampTz at;
	int64 before; /* what was credited before it, from the place on */
} SSLot;

/*
 * The oldest lot of which something is left, under the active snapshot. The
 * account's lot_at is the place to start at; of what was credited from there
 * on, points_debited - lot_before is used up. False when there is none: then
 * `at` is the last lot's time, DT_NOBEGIN if there is no lot.
 */
extern bool ss_lots_first_open(const pg_uuid_t *user_id, TimestampTz place, int64 used_up, SSLot *lot);

#endif /* SS_LOTS_H */
