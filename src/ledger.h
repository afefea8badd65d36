/*
 * ledger.h: writes what a chunk of purchases earned.
 */
#ifndef SS_LEDGER_H
#define SS_LEDGER_H

#include "postgres.h"

#include "chunk.h"

/*
 * Writes purchases, ledger entries, redemptions and accounts, each table once.
 * The compiled rules may be gone afterwards.
 */
extern void ss_ledger_write(const SSChunk *chunk);

/* The same without the executor (ledger_direct.c). */
extern void ss_ledger_write_direct(const SSChunk *chunk);

#endif							/* SS_LEDGER_H */
