/*
 * engine.h: the award engine: a chunk of purchases in, everything they earn
 * written. It does not know how purchases arrive.
 */
#ifndef SS_ENGINE_H
#define SS_ENGINE_H

#include "postgres.h"

#include "engine/purchase.h"

/* How many purchases a door hands over at once, at most. */
#define SS_CHUNK_PURCHASES 1000

/* What the chunks of one statement share: statement.h. */
typedef struct SSStatement SSStatement;

/*
 * Processes purchases in the order given, which must be that of (occurred_at,
 * transaction_id), and fills in what came of each. An error leaves nothing
 * recorded.
 *
 * by_call: somebody called for these purchases one by one: a known idempotency
 * key is replayed, an unknown user or merchant is PT404. Otherwise they are
 * bulk: 23505 and 23503.
 *
 * statement: the one that the chunk is part of, or NULL.
 *
 * Call it inside ss_call_enter/leave with SPI connected. What it fills in
 * lives in the caller's memory context.
 */
extern void ss_engine_award(SSPurchase *purchases, int count, bool by_call, SSStatement *statement);

#endif /* SS_ENGINE_H */
