/*
 * chunk.h: the state that the engine holds while it processes a chunk of
 * purchases: the users under lock, and everything the rules need to know about
 * them, loaded with one query per table.
 */
#ifndef SS_CHUNK_H
#define SS_CHUNK_H

#include "postgres.h"

#include "direct/direct.h"
#include "engine/engine.h"
#include "engine/match.h"
#include "engine/purchase.h"
#include "engine/slots.h"
#include "ledger/account.h"
#include "rules/rules.h"

struct HTAB;

typedef struct SSChunk
{
	const SSRules *rules;
	SSDirect *direct; /* NULL: through the executor */
	bool by_call;	  /* unknown references are PT404, not 23503; known keys are replayed */
	int count;
	SSPurchase *purchases; /* in the order of processing */
	SSAccount **buyers;	   /* of each purchase: the account of its user */
	SSOpen *open;		   /* of each purchase */
	int naccounts;
	SSAccount *accounts;	  /* by id; the buyers', and of those who brought them */
	SSBuyer *known;			  /* of each account: what the rules need to know of its user */
	struct HTAB *redemptions; /* counts by user and campaign */
	SSStatement *statement;	  /* NULL: all is written with each chunk */
	SSSlotBook slots;
	struct HTAB *spending; /* by user and day; NULL where there is no limit */
} SSChunk;

/*
 * Locks the reward accounts of all users of the chunk, in the order of user_id; also of those who brought one of them
 * and may get their bonus for it.
 */
extern void ss_chunk_lock_accounts(SSChunk *chunk);

/* The account of one of the chunk's users, or of whoever brought one of them; NULL when there is none. */
extern SSAccount *ss_chunk_find_account(const SSChunk *chunk, const pg_uuid_t *id);

/* What is known of the user of an account, which is one of the chunk's. */
static inline SSBuyer *
ss_chunk_known(const SSChunk *chunk, const SSAccount *account)
{
	return &chunk->known[account - chunk->accounts];
}

/* Merchants' categories, ownership of accounts, users' segments and boosts. */
extern void ss_chunk_load_references(SSChunk *chunk);

/* Counts of redemptions for the open campaigns with a limit per user. */
extern void ss_chunk_load_redemptions(SSChunk *chunk);

/* Adds what is known of a buyer; a boost that is no longer there (NULL) is none. */
extern void ss_chunk_add_segment(SSBuyer *buyer, int32 segment_no);
extern void ss_chunk_add_boost(SSBuyer *buyer, const SSBoost *boost);

/* This user's redemptions of the campaign so far; add counts one more. */
extern int64 ss_chunk_redemptions(SSChunk *chunk, const SSAccount *account, int32 campaign_no, int add);

/*
 * What the user has spent that day in the programme's currency, as daily_spending_limit counts it: by the latest
 * snapshot, or by the active one.
 */
extern int64 ss_spent_on_day(const SSRules *rules, const pg_uuid_t *user_id, DateADT day, bool latest);

/* The same with what came earlier in the chunk, without this purchase. */
extern int64 *ss_chunk_spent_on_day(SSChunk *chunk, const SSAccount *account, DateADT day);

#endif /* SS_CHUNK_H */
