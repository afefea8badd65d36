/*
 * bisect.c: processes many purchases that do not spoil each other (bisect.h).
 *
 * Called by record_transactions() and import_purchases(). A range is tried as
 * a whole in a subtransaction; when it fails, its halves are, down to the
 * purchase that is at fault: n purchases with one bad one cost about
 * 2 log2(n) attempts. Locks are the engine's.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/attempt.h"
#include "base/uuid.h"
#include "engine/bisect.h"
#include "engine/engine.h"

/* A run of items in the order of processing. */
typedef struct Range
{
	SSItem **items;
	int count;
	bool by_call;
} Range;

/* Processes a range as one chunk of the engine; the items take over what came of it. */
static void
award_range(void *argument)
{
	Range *range = argument;
	SSPurchase *purchases = palloc(range->count * sizeof(SSPurchase));

	for (int i = 0; i < range->count; i++)
		purchases[i] = range->items[i]->purchase;
	ss_engine_award(purchases, range->count, range->by_call, NULL);
	for (int i = 0; i < range->count; i++)
		range->items[i]->purchase = purchases[i];
}

static void
award_or_split(Range range)
{
	Range half = {range.items, range.count / 2, range.by_call};
	ErrorData *error;

	CHECK_FOR_INTERRUPTS();
	error = ss_attempt(award_range, &range, false);
	if (error == NULL)
		return;
	if (range.count == 1)
	{
		range.items[0]->error = error;
		return;
	}
	award_or_split(half);
	half.items += half.count;
	half.count = range.count - half.count;
	award_or_split(half);
}

static int
compare_items(const void *a, const void *b)
{
	const SSPurchase *x = &(*(SSItem *const *) a)->purchase;
	const SSPurchase *y = &(*(SSItem *const *) b)->purchase;

	if (x->occurred_at != y->occurred_at)
		return x->occurred_at < y->occurred_at ? -1 : 1;
	return ss_uuid_compare(&x->transaction_id, &y->transaction_id);
}

static int
compare_keys(const void *a, const void *b)
{
	const SSPurchase *x = &(*(SSItem *const *) a)->purchase;
	const SSPurchase *y = &(*(SSItem *const *) b)->purchase;
	int order = ss_uuid_compare(&x->user_id, &y->user_id);

	return order != 0 ? order : strcmp(x->idempotency_key, y->idempotency_key);
}

/* Does an item repeat another's key? Then the engine must not get both at once. */
static bool
repeats_itself(SSItem **items, int count)
{
	SSItem **keyed = palloc(Max(count, 1) * sizeof(SSItem *));
	int n = 0;

	for (int i = 0; i < count; i++)
	{
		if (items[i]->purchase.idempotency_key != NULL)
			keyed[n++] = items[i];
	}
	qsort(keyed, n, sizeof(SSItem *), compare_keys);
	for (int i = 1; i < n; i++)
	{
		if (compare_keys(&keyed[i - 1], &keyed[i]) == 0)
			return true;
	}
	return false;
}

void
ss_bisect_award(SSItem **items, int count, bool by_call)
{
	int size;

	qsort(items, count, sizeof(SSItem *), compare_items);
	size = repeats_itself(items, count) ? 1 : SS_CHUNK_PURCHASES;
	for (int i = 0; i < count; i += size)
	{
		Range range = {items + i, Min(size, count - i), by_call};

		award_or_split(range);
	}
}
