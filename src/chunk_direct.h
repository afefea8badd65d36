/*
 * chunk_direct.h: between chunk.c and chunk_direct.c: what chunk.c does when
 * the tables can be read without the executor.
 */
#ifndef SS_CHUNK_DIRECT_H
#define SS_CHUNK_DIRECT_H

#include "postgres.h"

#include "chunk.h"

/*
 * Locks the accounts of these users (ascending, each once) and reads them, but
 * for those that the batch (or NULL) has; returns how many there are.
 */
extern int	ss_direct_lock_users(SSDirect *direct, const SSBatch *batch, const pg_uuid_t *ids, int count,
								 SSUser *users);

/* The category name of a merchant; NULL when there is no such merchant. */
extern char *ss_direct_merchant_category(SSDirect *direct, const pg_uuid_t *merchant_id);

/* Is the account one of the user's? */
extern bool ss_direct_owns_account(SSDirect *direct, const pg_uuid_t *user_id, const pg_uuid_t *account_id);

/* Reads the user's segments and activated boosts, as far as the rules have any. */
extern void ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, SSUser *user);

/* Redemptions of the campaign by the user that count. */
extern int64 ss_direct_redemptions(SSDirect *direct, const pg_uuid_t *user_id, int32 campaign_no);

#endif							/* SS_CHUNK_DIRECT_H */
