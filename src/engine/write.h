/*
 * write.h: writes what a chunk of purchases earned.
 */
#ifndef SS_WRITE_H
#define SS_WRITE_H

#include "postgres.h"

#include "engine/chunk.h"

/*
 * Writes purchases, ledger entries, redemptions and, unless a statement has
 * them, accounts, each table once.
 * The compiled rules may be gone afterwards.
 */
extern void ss_write_chunk(const SSChunk *chunk);

#endif /* SS_WRITE_H */
