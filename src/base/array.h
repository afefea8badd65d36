/*
 * array.h: arrays that grow as items come.
 */
#ifndef SS_ARRAY_H
#define SS_ARRAY_H

#include "postgres.h"

/*
 * Room for one more item of an array that has `count`: the array, which may have
 * moved. NULL begins one, in that memory context, and then count is 0.
 *
 * No capacity is kept: an array that only grows by this has room for the next
 * power of two, so it is full when count is a power of two, and doubles then.
 */
static inline void *
ss_array_grow_in(MemoryContext context, void *items, int64 count, Size size)
{
	if (items == NULL)
		return MemoryContextAlloc(context, size);
	if (count == 0 || (count & (count - 1)) != 0)
		return items;
	return repalloc_huge(items, 2 * (Size) count * size);
}

static inline void *
ss_array_grow(void *items, int64 count, Size size)
{
	return ss_array_grow_in(CurrentMemoryContext, items, count, size);
}

/*
 * Room for `wanted` items: the array, which may have moved and then has at least
 * twice the room that it had. For an array whose capacity is kept in *room,
 * because it begins with many items, is emptied and filled again, or grows by
 * several at once. NULL begins one in that memory context, and then *room is 0.
 */
static inline void *
ss_array_reserve_in(MemoryContext context, void *items, int64 *room, int64 wanted, Size size)
{
	if (wanted <= *room)
		return items;
	*room = Max(2 * *room, wanted);
	return items == NULL ? MemoryContextAllocHuge(context, *room * size) : repalloc_huge(items, *room * size);
}

static inline void *
ss_array_reserve(void *items, int64 *room, int64 wanted, Size size)
{
	return ss_array_reserve_in(CurrentMemoryContext, items, room, wanted, size);
}

#endif /* SS_ARRAY_H */
