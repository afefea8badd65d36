/*
 * account_lock.h: locks reward accounts, and reads them.
 */
#ifndef SS_ACCOUNT_LOCK_H
#define SS_ACCOUNT_LOCK_H

#include "postgres.h"

#include "direct/direct.h"
#include "ledger/account.h"

struct HTAB;

/* A user whose account is to be locked. */
typedef struct SSWanted
{
	pg_uuid_t id;
	bool completes; /* has a completed purchase: the user who brought this one may be paid */
} SSWanted;

/*
 * Takes the table lock under which purchases are processed, until the transaction ends: changes of
 * campaigns that must not overlap them (limits.c) wait. First of all locks, before ss_rules_get().
 */
extern void ss_account_lock_out_changes(void);

/*
 * Locks the accounts of these users FOR NO KEY UPDATE, in the order of user_id,
 * and of the users who brought one of them that completes; reads them into
 * accounts, sorted by id. Returns how many there are: users without an account
 * are left out.
 *
 * direct: NULL locks through the executor. held: accounts by id that are locked
 * already and newer there than in the table; NULL for none. wanted: in any
 * order, with room for as many again, as accounts has.
 */
extern int ss_account_lock(SSDirect *direct, struct HTAB *held, SSWanted *wanted, int count, SSAccount *accounts);

#endif /* SS_ACCOUNT_LOCK_H */
