/*
 * shares.h: the slots of one budget or daily limit, as they are known in
 * memory: each a share of what is allotted, with what was used of it.
 *
 * An amount below 0 is to be given back: then what is used of a slot limits it.
 */
#ifndef SS_SHARES_H
#define SS_SHARES_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/date.h"

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

/* Adds one slot; `context` is for the first of a list. */
extern void ss_shares_add(SSShares *shares, MemoryContext context, SSShare share);

/* Does this slot alone cover the amount? */
extern bool ss_shares_cover(const SSShare *share, int64 amount);

/* What is left in all of them. */
extern int64 ss_shares_left(const SSShares *shares);

/*
 * More may be allotted than a limit that was set below what had been used: what
 * is given back of that is not to be taken again. Is there any? Cut takes it
 * off; all of them must be locked.
 */
extern bool ss_shares_exceed(const SSShares *shares, int64 limit);
extern void ss_shares_cut(SSShares *shares, int64 limit);

/* How many slots a fought-over key should have; what can be taken (or given back) must be worth sharing. */
extern int ss_shares_worthwhile(const SSShares *shares, int64 amount);

/*
 * Takes an amount that all together cover. If they were fought over, they
 * become more, with equal shares. All of them must be locked.
 */
extern void ss_shares_take(SSShares *shares, int64 amount, bool contended);

#endif /* SS_SHARES_H */
