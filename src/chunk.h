/*
 * chunk.h: the state that the engine holds while it processes a chunk of
 * purchases: the users under lock, and everything the rules need to know about
 * them, loaded with one query per table.
 */
#ifndef SS_CHUNK_H
#define SS_CHUNK_H

#include "postgres.h"

#include "match.h"
#include "purchase.h"
#include "rules.h"

struct HTAB;

/* A user's reward account, locked; changed in memory, written once per chunk. */
typedef struct SSUser
{
	pg_uuid_t	id;
	bool		active;
	int64		available;
	int64		pending;
	int64		lifetime;
	const char *tier;			/* the name held */
	TimestampTz tier_until;		/* DT_NOBEGIN when none */
	int64		transactions;
	int64		spent;			/* completed purchases in spent_currency, net of refunds */
	char		spent_currency[4];
	bool		changed;
	SSBuyer		buyer;			/* tier_milli is set per purchase */
} SSUser;

/* A share of a budget or daily limit, locked. */
typedef struct SSSlot
{
	int32		slot;
	int64		used;
	int64		allotted;
} SSSlot;

/* All shares of a campaign's budget (day = -infinity) or of one day's limit. */
typedef struct SSSlotKey
{
	int32		campaign_no;
	DateADT		day;
} SSSlotKey;

typedef struct SSSlots
{
	SSSlotKey	key;
	bool		loaded;
	bool		changed;
	SSSlot		share;
} SSSlots;

/* The campaigns that statically match a purchase, as positions in rules->campaigns. */
typedef struct SSOpen
{
	int			count;
	int		   *items;
} SSOpen;

typedef struct SSChunk
{
	const SSRules *rules;
	bool		by_call;		/* unknown references are PT404, not 23503; known keys are replayed */
	int			count;
	SSPurchase *purchases;		/* in the order of processing */
	SSUser	  **buyers;			/* of each purchase */
	SSOpen	   *open;			/* of each purchase */
	int			nusers;
	SSUser	   *users;			/* by id */
	struct HTAB *redemptions;	/* counts by user and campaign */
	struct HTAB *slots;			/* SSSlots by key */
	struct HTAB *spending;		/* by user and day; NULL where there is no limit */
} SSChunk;

/* The day under which a campaign's budget is kept. */
#define SS_BUDGET_DAY DATEVAL_NOBEGIN

/* Locks the reward accounts of all users of the chunk, in the order of user_id. */
extern void ss_chunk_lock_users(SSChunk *chunk);

/* Merchants' categories, ownership of accounts, users' segments and boosts. */
extern void ss_chunk_load_references(SSChunk *chunk);

/* Counts of redemptions for the open campaigns with a limit per user. */
extern void ss_chunk_load_redemptions(SSChunk *chunk);

/* Locks the slots of all open campaigns with a budget or daily limit, in the order (campaign, day, slot). */
extern void ss_chunk_lock_slots(SSChunk *chunk);

/* This user's redemptions of the campaign so far; add counts one more. */
extern int64 ss_chunk_redemptions(SSChunk *chunk, const SSUser *user, int32 campaign_no, int add);

/* The locked slots of a campaign's budget or day. */
extern SSSlots *ss_chunk_slots(SSChunk *chunk, int32 campaign_no, DateADT day);

/* What the user spent that day in the programme's currency, without this purchase. */
extern int64 *ss_chunk_spent_on_day(SSChunk *chunk, const SSUser *user, DateADT day);

#endif							/* SS_CHUNK_H */
