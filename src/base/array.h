/*
 * array.h: arrays that grow by one item at a time.
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
ss_array_grow_in(MemoryContext context, void *items, int count, Size size)
{
	if (items == NULL)
		return MemoryContextAlloc(context, size);
	if (count == 0 || (count & (count - 1)) != 0)
		return items;
	return repalloc_huge(items, 2 * (Size) count * size);
}

static inline void *
ss_array_grow(void *items, int count, Size size)
{
	return ss_array_grow_in(CurrentMemoryContext, items, count, size);
}

#endif /* SS_ARRAY_H */
