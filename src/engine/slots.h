/*
 * slots.h: takes from budgets and daily limits, and gives back to them. They are
 * split over slots so that purchases at the same time need not wait for each other.
 */
#ifndef SS_SLOTS_H
#define SS_SLOTS_H

#include "postgres.h"

#include "direct/direct.h"
#include "engine/engine.h"
#include "engine/shares.h"
#include "rules/rules.h"

/*
 * The first column of the key of slots, for texts of queries: where a share is
 * kept. There is one place as long as all tables stand on one node.
 */
#define SS_SLOT_KEY_SQL "'00000000-0000-0000-0000-000000000000'"

/* The day under which a campaign's budget is kept. */
#define SS_BUDGET_DAY DATEVAL_NOBEGIN

/* What is known of slots, and what is to be taken from them; begun as zeros. */
typedef struct SSSlotBook
{
	const SSRules *rules;	/* for limits of days */
	SSDirect *direct;		/* NULL: through the executor */
	SSStatement *statement; /* NULL: slots are written at once */
	bool locked;			/* all slots in question are */
	bool contended;			/* slots were fought over: there should be more */
	bool must_lock;			/* the present choice cannot be made without locks */
	int attempts;			/* choices that came to nothing */
	int nshares;
	SSShares *shares;
	int ntakes;
	SSTake *takes;
} SSSlotBook;

/* Forgets what is known of slots: before each time the campaigns are chosen. */
extern void ss_slots_reset(SSSlotBook *book);

/* In the order of locks, each once; returns how many there are. */
extern int ss_slots_sort_keys(SSSlotKey *keys, int count);

/*
 * Locks all slots of these sorted keys, in one order for everybody, and makes
 * those of new days. From then on all answers are final.
 */
extern void ss_slots_lock_all(SSSlotBook *book, SSSlotKey *keys, int count);

/*
 * Is that much left of a campaign's budget or of its limit on a day? Without
 * locks a "no" is only given when nobody is about to give anything back.
 */
extern bool ss_slots_cover(SSSlotBook *book, const SSCampaign *campaign, DateADT day, int128 amount);

/* Takes what ss_slots_cover said is there: at once under locks, else when ss_slots_settle is called. */
extern void ss_slots_take(SSSlotBook *book, const SSCampaign *campaign, DateADT day, int64 amount);

/* Without locks: takes all that was noted, or nothing (false): then the choice must be made again. */
extern bool ss_slots_settle(SSSlotBook *book);

/* Under locks: writes what was taken, or leaves it to the statement. */
extern void ss_slots_write(SSSlotBook *book);
extern void ss_slots_write_statement(SSStatement *statement);

/*
 * Gives back: amounts below 0, at once; puts them in order. Under the table lock of ss_account_lock_out_changes and
 * the locks on the accounts; nothing that another purchase may hold is to be locked afterwards. What has no slots any
 * more is left out.
 */
extern void ss_slots_give_back(SSTake *takes, int count);

/* What to give back of one award: its cost to the budget and, unless a part of the purchase stays, its use to that day's limits. */
static inline void
ss_slots_takes_of_award(SSTake takes[2], int32 campaign_no, DateADT day, int64 cost, bool whole)
{
	takes[0] = (SSTake){{campaign_no, SS_BUDGET_DAY}, -cost};
	takes[1] = (SSTake){{campaign_no, day}, whole ? -1 : 0};
}

/*
 * Takes, and gives back (below 0), all of it or nothing, without locking what others may want; false when that cannot
 * be, or there is not as much as that: then ask again under locks. Puts them in order; the same about what has no slots.
 */
extern bool ss_slots_try(SSTake *takes, int count);

/*
 * Under locks: of the budgets of these campaigns, each named once; first of all what ss_slots_try could not do. Then
 * one after the other; false: so much is not left. ss_slots_write ends it.
 */
extern SSSlotBook *ss_slots_lock_budgets(const int32 *campaign_nos, int count);
extern bool ss_slots_take_of_budget(SSSlotBook *book, int32 campaign_no, int128 amount);

#endif /* SS_SLOTS_H */
