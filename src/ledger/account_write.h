/*
 * account_write.h: writes reward accounts that were changed in memory.
 */
#ifndef SS_ACCOUNT_WRITE_H
#define SS_ACCOUNT_WRITE_H

#include "postgres.h"

#include "direct/direct.h"
#include "ledger/account.h"

/* Writes those that were changed, and tells of new tiers; direct: NULL writes through the executor. */
extern void ss_account_write(SSDirect *direct, const SSAccount *accounts, int count);

#endif /* SS_ACCOUNT_WRITE_H */
