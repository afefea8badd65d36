/*
 * shares.c: the slots of one budget or daily limit in memory (shares.h).
 *
 * Called by slots.c, which reads, locks and writes them. Two sums are kept
 * whatever is done: of what is allotted but for what is cut off, of what is
 * used but for the amount taken.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/money.h"
#include "engine/shares.h"

/* A slot is split only while each share still covers that many purchases like the present one. */
#define SHARE_PURCHASES 8

void
ss_shares_add(SSSlots *slots, MemoryContext context, SSSlot slot)
{
	if (slots->items == NULL)
		slots->items = MemoryContextAlloc(context, sizeof(SSSlot));
	else if ((slots->count & (slots->count - 1)) == 0)
		slots->items = repalloc(slots->items, 2 * slots->count * sizeof(SSSlot));
	slots->items[slots->count++] = slot;
}

/* How much can be taken from a slot, or be given back to it. */
static int64
room_in(const SSSlot *slot, bool giving)
{
	return giving ? slot->used : slot->allotted - slot->used;
}

bool
ss_shares_cover(const SSSlot *slot, int64 amount)
{
	return amount < 0 ? slot->used >= -amount : slot->allotted - slot->used >= amount;
}

/* Never beyond the whole, which is a bigint. */
static int64
total_room(const SSSlots *slots, bool giving)
{
	int64 room = 0;

	for (int i = 0; i < slots->count; i++)
		room = ss_add(room, room_in(&slots->items[i], giving), "budget");
	return room;
}

int
ss_shares_worthwhile(const SSSlots *slots, int64 amount)
{
	int more = Max(Min(2 * slots->count, ss_max_slots), 1);

	return total_room(slots, amount < 0) / more / SHARE_PURCHASES >= Abs(amount) ? more : slots->count;
}

int64
ss_shares_left(const SSSlots *slots)
{
	return total_room(slots, false);
}

/* How much more than the limit is allotted but not used. */
static int64
beyond(const SSSlots *slots, int64 limit)
{
	int64 left = total_room(slots, false);

	return Min(left, ss_add(left, total_room(slots, true), "budget") - limit);
}

bool
ss_shares_exceed(const SSSlots *slots, int64 limit)
{
	return beyond(slots, limit) > 0;
}

void
ss_shares_cut(SSSlots *slots, int64 limit)
{
	int64 excess = beyond(slots, limit);

	for (int i = 0; i < slots->count && excess > 0; i++)
	{
		int64 part = Min(room_in(&slots->items[i], false), excess);

		slots->items[i].allotted -= part;
		slots->items[i].changed |= part > 0;
		excess -= part;
	}
}

/* The share of one of `count` slots; the first gets the odd units, those beyond nothing. */
static int64
share_of(int64 total, int count, int i)
{
	return i < count ? total / count + (i == 0 ? total % count : 0) : 0;
}

/* Gives what is left to `count` slots in equal shares; what was used as well if it is to be given back there. */
static void
spread(SSSlots *slots, int count, bool with_used)
{
	int64 left = total_room(slots, false);
	int64 used = total_room(slots, true);

	while (slots->count < count)
	{
		SSSlot fresh = {.slot = slots->items[slots->count - 1].slot + 1, .is_new = true};

		ss_shares_add(slots, NULL, fresh); /* there are some, so it has a context */
	}
	for (int i = 0; i < slots->count; i++)
	{
		if (with_used)
			slots->items[i].used = share_of(used, count, i);
		slots->items[i].allotted = slots->items[i].used + share_of(left, count, i);
		slots->items[i].changed = true;
	}
}

/* Gives back what no slot had in one piece. */
static void
give_in_parts(SSSlots *slots, int64 amount)
{
	for (int i = 0; i < slots->count; i++)
	{
		int64 part = Min(slots->items[i].used, amount);

		slots->items[i].used -= part;
		slots->items[i].changed |= part > 0;
		amount -= part;
	}
	if (amount > 0)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("more is given back than was taken"),
				errdetail("It is campaign number %d.", slots->key.campaign_no));
}

void
ss_shares_take(SSSlots *slots, int64 amount, bool contended)
{
	int i = 0;

	while (i < slots->count && !ss_shares_cover(&slots->items[i], amount))
		i++;
	if (i == slots->count && amount < 0)
		give_in_parts(slots, -amount);
	else
	{
		if (i == slots->count)
		{
			spread(slots, 1, false);
			i = 0;
		}
		slots->items[i].used += amount;
		slots->items[i].changed = true;
	}
	if (contended)
		spread(slots, ss_shares_worthwhile(slots, amount), true);
}
