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

/* What the chunks of one statement share. */
typedef struct SSStatement SSStatement;

/* Begins a statement of several chunks; nothing else may run before it is written. */
extern SSStatement *ss_engine_begin_statement(MemoryContext context);

/*
 * Writes what is kept in memory of the statement, and forgets it: at its end, and whenever a chunk of it must go through
 * the executor, because somebody changed a table meanwhile. SPI is connected.
 */
extern void ss_engine_write_statement(SSStatement *statement);

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

/*
 * Takes the table lock under which purchases are processed, until the transaction ends: changes of
 * campaigns that must not overlap them (limits.c) wait. First of all locks, before ss_rules_get().
 */
extern void ss_engine_lock_out_changes(void);

#endif /* SS_ENGINE_H */
