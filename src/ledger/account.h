/*
 * account.h: a user's reward account: locked, changed in memory, written once.
 *
 * account_lock.h locks and reads accounts, earn.h and balance.h change them,
 * account_write.h writes them.
 */
#ifndef SS_ACCOUNT_H
#define SS_ACCOUNT_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct SSAccount
{
	pg_uuid_t id;		 /* of its user; first, so that accounts are sorted as ids are */
	ItemPointerData tid; /* of the locked row */
	bool active;		 /* the user is */
	int64 available;
	int64 pending;
	int64 lifetime;
	const char *tier;		/* the name held */
	const char *tier_read;	/* as it was when the account was read */
	TimestampTz tier_until; /* DT_NOBEGIN when none */
	int64 transactions;
	int64 spent; /* completed purchases in spent_currency, net of refunds */
	char spent_currency[4];
	int64 debited;		/* points ever taken from those available */
	TimestampTz lot_at; /* lots.h */
	int64 lot_before;
	bool has_referrer; /* a referral bonus is still due */
	pg_uuid_t referrer;
	bool changed; /* it must be written */
} SSAccount;

/* The account of that user among accounts that are sorted by id; NULL when there is none. */
extern SSAccount *ss_account_find(SSAccount *accounts, int count, const pg_uuid_t *id);

/* An account that was kept in another currency than the programme's present one is added up anew. */
extern void ss_account_set_currency(SSAccount *account, const char *currency);

#endif /* SS_ACCOUNT_H */
