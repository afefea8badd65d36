/*
 * stored_purchases.h: the purchases of a period that earned, as they are stored.
 *
 *		SSPast	   *past = ss_stored_purchases_begin(rules, from, until, false);
 *
 *		while (ss_stored_purchases_next(past, &purchase))
 *			...
 *		ss_stored_purchases_end(past);
 *
 * SPI is connected; what is read is what the active snapshot sees. An error in
 * between needs no cleaning up.
 */
#ifndef SS_STORED_PURCHASES_H
#define SS_STORED_PURCHASES_H

#include "postgres.h"

#include "engine/purchase.h"

typedef struct SSPast SSPast;

/* Pending and completed purchases with from <= occurred_at < until; their shipping amounts are read if `shipping`. */
extern SSPast *ss_stored_purchases_begin(const SSRules *rules, TimestampTz from, TimestampTz until, bool shipping);

/*
 * The next one, in no order: its ids, amount (gross of refunds), currency,
 * time, merchant, category and base points. False at the end.
 */
extern bool ss_stored_purchases_next(SSPast *past, SSPurchase *purchase);

extern void ss_stored_purchases_end(SSPast *past);

#endif /* SS_STORED_PURCHASES_H */
