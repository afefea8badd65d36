/*
 * chunk.h: the state that the engine holds while it processes a chunk of
 * purchases: the users under lock, and everything the rules need to know about
 * them, loaded with one query per table.
 */
#ifndef SS_CHUNK_H
#define SS_CHUNK_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "direct/direct.h"
#include "engine/engine.h"
#include "engine/match.h"
#include "engine/purchase.h"
#include "rules/rules.h"

struct HTAB;

/* A user's reward account, locked; changed in memory, written once per chunk. */
typedef struct SSAccount
{
	pg_uuid_t id;
	ItemPointerData tid; /* of the locked row; direct only */
	bool active;
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
	bool changed;
	SSBuyer buyer; /* tier_milli is set per purchase */
} SSAccount;

/* A share of a budget or daily limit. */
typedef struct SSShare
{
	int32 slot;
	int64 used;
	int64 allotted;
	ItemPointerData tid; /* of the version that was read; not under locks */
	bool changed;
	bool is_new;
} SSShare;

/* Whose shares: a campaign's budget (day = -infinity) or its limit on a day. */
typedef struct SSSlotKey
{
	int32 campaign_no;
	DateADT day;
} SSSlotKey;

typedef struct SSShares
{
	SSSlotKey key; /* first */
	bool in_hand;  /* somebody else is changing one of them */
	int count;
	SSShare *items;
} SSShares;

/* Something to take from a budget or limit. */
typedef struct SSTake
{
	SSSlotKey key;
	int64 amount;
} SSTake;

/*
 * What the chunks of one statement share: slots and users that are locked
 * already, with what was taken from them and earned by them, written when the
 * statement ends (users also whenever they take too much memory). A row that
 * each chunk wrote would be found at the end of an ever longer chain of
 * versions.
 */
struct SSStatement
{
	MemoryContext context;
	int nshares;
	SSShares *shares; /* by key */
	MemoryContext accounts_context;
	struct HTAB *accounts; /* SSAccount by id; NULL until there are some */
};

typedef struct SSChunk
{
	const SSRules *rules;
	SSDirect *direct; /* NULL: through the executor */
	bool by_call;	  /* unknown references are PT404, not 23503; known keys are replayed */
	int count;
	SSPurchase *purchases; /* in the order of processing */
	SSAccount **buyers;	   /* of each purchase */
	SSOpen *open;		   /* of each purchase */
	int naccounts;
	SSAccount *accounts;	  /* by id; buyers, and those who brought them */
	struct HTAB *redemptions; /* counts by user and campaign */
	bool locked;			  /* all slots in question are (slots.c) */
	bool contended;			  /* slots were fought over: there should be more */
	bool must_lock;			  /* the present choice cannot be made without locks */
	int attempts;			  /* choices that came to nothing */
	SSStatement *statement;	  /* NULL: slots are written with each chunk */
	int nshares;
	SSShares *shares;
	int ntakes;
	SSTake *takes;
	struct HTAB *spending; /* by user and day; NULL where there is no limit */
} SSChunk;

/*
 * Locks the reward accounts of all users of the chunk, in the order of user_id; also of those who brought one of them
 * and may get their bonus for it.
 */
extern void ss_chunk_lock_users(SSChunk *chunk);

/*
 * The same for any users without access methods: reads the accounts of these ids
 * (ascending, each once) into users and returns how many there are.
 */
extern int ss_chunk_lock_accounts(const pg_uuid_t *ids, int count, SSAccount *accounts);

/* The chunk's user with that id, or whoever brought one of them; NULL when there is none. */
extern SSAccount *ss_chunk_find_account(const SSChunk *chunk, const pg_uuid_t *id);

/* An account that was kept in another currency than the programme's present one is added up anew. */
extern void ss_chunk_set_currency(SSAccount *account, const char *currency);

/* Leaves the chunk's users, as they are now, to the statement; and writes what the statement has of them. */
extern void ss_statement_keep_accounts(SSStatement *statement, const SSChunk *chunk);
extern void ss_statement_write_accounts(SSStatement *statement);

/* Merchants' categories, ownership of accounts, users' segments and boosts. */
extern void ss_chunk_load_references(SSChunk *chunk);

/* Counts of redemptions for the open campaigns with a limit per user. */
extern void ss_chunk_load_redemptions(SSChunk *chunk);

/* Adds what is known of a buyer; a boost that is no longer there (NULL) is none. */
extern void ss_chunk_add_segment(SSBuyer *buyer, int32 segment_no);
extern void ss_chunk_add_boost(SSBuyer *buyer, const SSBoost *boost);

/* This user's redemptions of the campaign so far; add counts one more. */
extern int64 ss_chunk_redemptions(SSChunk *chunk, const SSAccount *account, int32 campaign_no, int add);

/* What the user spent that day in the programme's currency, without this purchase. */
extern int64 *ss_chunk_spent_on_day(SSChunk *chunk, const SSAccount *account, DateADT day);

#endif /* SS_CHUNK_H */
