/*
 * write.h: writes what a chunk of purchases earned.
 */
#ifndef SS_WRITE_H
#define SS_WRITE_H

#include "postgres.h"

#include "engine/chunk.h"

/*
 * Writes purchases, ledger entries, redemptions and, unless a statement has them,
 * accounts, each table once.
 * The compiled rules may be gone afterwards.
 */
extern void ss_ledger_write(const SSChunk *chunk);

/* Writes the accounts of a statement's users that were changed. */
extern void ss_ledger_write_users(const SSAccount *accounts, int count);

/* Accounts alone; NULL: through the executor. */
extern void ss_ledger_write_accounts(SSDirect *direct, const SSAccount *accounts, int count);

/* The same without the executor (write_direct.c). */
extern void ss_ledger_write_direct(const SSChunk *chunk);
extern void ss_ledger_update_account(SSDirect *direct, const SSAccount *account);

#endif /* SS_WRITE_H */
