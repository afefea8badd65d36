/*
 * chunk_direct.h: what chunk.c does when the tables can be read without the
 * executor.
 */
#ifndef SS_CHUNK_DIRECT_H
#define SS_CHUNK_DIRECT_H

#include "postgres.h"

#include "engine/chunk.h"

/* The category name of a merchant; NULL when there is no such merchant. */
extern char *ss_direct_merchant_category(SSDirect *direct, const pg_uuid_t *merchant_id, bool *committed);

/* Is the account one of the user's? */
extern bool ss_direct_owns_account(SSDirect *direct, const pg_uuid_t *user_id, const pg_uuid_t *account_id);

/* Reads the user's segments and activated boosts, as far as the rules have any. */
extern void ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, const pg_uuid_t *id, SSBuyer *buyer);

/* Redemptions of the campaign by the user that count. */
extern int64 ss_direct_redemptions(SSDirect *direct, const pg_uuid_t *user_id, int32 campaign_no);

#endif /* SS_CHUNK_DIRECT_H */
