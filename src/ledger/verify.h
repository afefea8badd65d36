/*
 * verify.h: are balances what their entries make them?
 */
#ifndef SS_VERIFY_H
#define SS_VERIFY_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * Makes those checks of verify_ledger() that are of one account each for the
 * accounts (uuid[]), under the active snapshot, and calls `found` for each of
 * them that disagrees with one. It reads all rows of these users.
 */
extern void ss_verify_accounts(Datum accounts, void (*found)(const pg_uuid_t *user_id, const char *check, void *state),
							   void *state);

#endif /* SS_VERIFY_H */
