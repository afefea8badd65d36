/*
 * chunk_direct.h: what chunk.c (and balance.c) does when the tables can be read
 * without the executor.
 */
#ifndef SS_CHUNK_DIRECT_H
#define SS_CHUNK_DIRECT_H

#include "postgres.h"

#include "engine/chunk.h"

/* A user whose account is to be locked. */
typedef struct SSWanted
{
	pg_uuid_t id;
	bool completes; /* has a completed purchase: whoever brought it may be paid */
} SSWanted;

/* Sorts them by id, each once (completes if one of them does); returns how many there are. */
extern int ss_chunk_sort_wanted(SSWanted *wanted, int count);

/*
 * Locks the accounts of these users (sorted, with room for as many again), and
 * of those who brought one that completes, by id, and reads them, but for those
 * that the statement (or NULL) has; returns how many there are, at most twice `count`.
 */
extern int ss_direct_lock_users(SSDirect *direct, const SSStatement *statement, SSWanted *wanted, int count,
								SSAccount *accounts);

/* The category name of a merchant; NULL when there is no such merchant. */
extern char *ss_direct_merchant_category(SSDirect *direct, const pg_uuid_t *merchant_id, bool *committed);

/* Is the account one of the user's? */
extern bool ss_direct_owns_account(SSDirect *direct, const pg_uuid_t *user_id, const pg_uuid_t *account_id);

/* Reads the user's segments and activated boosts, as far as the rules have any. */
extern void ss_direct_load_buyer(SSDirect *direct, const SSRules *rules, SSAccount *account);

/* Redemptions of the campaign by the user that count. */
extern int64 ss_direct_redemptions(SSDirect *direct, const pg_uuid_t *user_id, int32 campaign_no);

#endif /* SS_CHUNK_DIRECT_H */
