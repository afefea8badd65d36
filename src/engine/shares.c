/*
 * shares.c: the slots of one budget or daily limit in memory (shares.h).
 *
 * Called by slots.c, which reads, locks and writes them. Two sums are kept
 * whatever is done: of what is allotted but for what is cut off, of what is
 * used but for the amount taken.
 */
#include "postgres.h"

#include "base/array.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/money.h"
#include "engine/shares.h"

/* A slot is split only while each share still covers that many purchases like the present one. */
#define SHARE_PURCHASES 8

void
ss_shares_add(SSShares *shares, MemoryContext context, SSShare share)
{
	shares->items = ss_array_grow_in(context, shares->items, shares->count, sizeof(SSShare));
	shares->items[shares->count++] = share;
}

/* How much can be taken from a slot, or be given back to it. */
static int64
room_in(const SSShare *share, bool giving)
{
	return giving ? share->used : share->allotted - share->used;
}

bool
ss_shares_cover(const SSShare *share, int64 amount)
{
	return amount < 0 ? share->used >= -amount : share->allotted - share->used >= amount;
}

/* Never beyond the whole, which is a bigint. */
static int64
total_room(const SSShares *shares, bool giving)
{
	int64 room = 0;

	for (int i = 0; i < shares->count; i++)
		room = ss_add(room, room_in(&shares->items[i], giving), "budget");
	return room;
}

int
ss_shares_worthwhile(const SSShares *shares, int64 amount)
{
	int more = Max(Min(2 * shares->count, ss_max_slots), 1);
	int64 size = amount < 0 ? -amount : amount;

	return total_room(shares, amount < 0) / more / SHARE_PURCHASES >= size ? more : shares->count;
}

int64
ss_shares_left(const SSShares *shares)
{
	return total_room(shares, false);
}

/* How much more than the limit is allotted but not used. */
static int64
beyond(const SSShares *shares, int64 limit)
{
	int64 left = total_room(shares, false);

	return Min(left, ss_add(left, total_room(shares, true), "budget") - limit);
}

bool
ss_shares_exceed(const SSShares *shares, int64 limit)
{
	return beyond(shares, limit) > 0;
}

void
ss_shares_cut(SSShares *shares, int64 limit)
{
	int64 excess = beyond(shares, limit);

	for (int i = 0; i < shares->count && excess > 0; i++)
	{
		int64 part = Min(room_in(&shares->items[i], false), excess);

		shares->items[i].allotted -= part;
		shares->items[i].changed |= part > 0;
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
spread(SSShares *shares, int count, bool with_used)
{
	int64 left = total_room(shares, false);
	int64 used = total_room(shares, true);

	while (shares->count < count)
	{
		SSShare fresh = {.slot = shares->items[shares->count - 1].slot + 1, .is_new = true};

		ss_shares_add(shares, NULL, fresh); /* there are some, so it has a context */
	}
	for (int i = 0; i < shares->count; i++)
	{
		if (with_used)
			shares->items[i].used = share_of(used, count, i);
		shares->items[i].allotted = shares->items[i].used + share_of(left, count, i);
		shares->items[i].changed = true;
	}
}

/* Gives back what no slot had in one piece. */
static void
give_in_parts(SSShares *shares, int64 amount)
{
	for (int i = 0; i < shares->count; i++)
	{
		int64 part = Min(shares->items[i].used, amount);

		shares->items[i].used -= part;
		shares->items[i].changed |= part > 0;
		amount -= part;
	}
	if (amount > 0)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("more is given back than was taken"),
				errdetail("It is campaign number %d.", shares->key.campaign_no));
}

void
ss_shares_take(SSShares *shares, int64 amount, bool contended)
{
	int i = 0;

	while (i < shares->count && !ss_shares_cover(&shares->items[i], amount))
		i++;
	if (i == shares->count && amount < 0)
		give_in_parts(shares, -amount);
	else
	{
		if (i == shares->count)
		{
			spread(shares, 1, false);
			i = 0;
		}
		shares->items[i].used += amount;
		shares->items[i].changed = true;
	}
	if (contended)
		spread(shares, ss_shares_worthwhile(shares, amount), true);
}
