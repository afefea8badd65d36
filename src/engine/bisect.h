/*
 * bisect.h: processes many purchases of which one bad one does not spoil the
 * others.
 */
#ifndef SS_BISECT_H
#define SS_BISECT_H

#include "postgres.h"

#include "engine/purchase.h"

typedef struct SSItem
{
	SSPurchase purchase;
	ErrorData *error; /* why it was not recorded, or NULL */
} SSItem;

/*
 * Processes the items in the order of (occurred_at, transaction_id); sorts the
 * array. Each item ends up with what came of its purchase or with its error;
 * a refused purchase leaves nothing. by_call as for ss_engine_award.
 */
extern void ss_bisect_award(SSItem **items, int count, bool by_call);

#endif /* SS_BISECT_H */
