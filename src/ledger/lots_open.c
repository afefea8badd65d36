/*
 * lots_open.c: the oldest points that a user has left (lots.h), found by a few
 * rows, however long the history is.
 *
 * Called by readers, and by lots.c under the lock on the user's reward
 * account. Takes no lock but ACCESS SHARE.
 *
 * Purchases and the other credits are walked together in the order of their
 * indexes, from the account's place in its lots, until one is not used up.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/query.h"
#include "direct/direct.h"
#include "ledger/lots.h"

/* Of a cursor: few rows at first, which mostly will do, then more at a time. */
#define FEW	 8
#define MANY 500

SS_QUERY(
	credits_query,
	"SELECT t.occurred_at AS at, CASE WHEN t.status = 'completed' THEN t.points_base + t.points_bonus ELSE 0 END"
	"  FROM swipesavvy.transactions t WHERE t.user_id = $1 AND t.occurred_at >= $2"
	" UNION ALL "
	"SELECT e.recorded_at, e.points FROM swipesavvy.points_entries e"
	" WHERE e.user_id = $1 AND e.recorded_at >= $2 AND e.kind IN ('adjust', 'referral') AND e.credit_account = 'available'"
	" ORDER BY at",
	UUIDOID, TIMESTAMPTZOID);

/* How far the credits have been walked. */
typedef struct Walk
{
	int64 used_up;
	SSLot *lot;		/* the present one */
	int128 through; /* credited so far, it included */
} Walk;

/* The next credit in the order of time; is something left of its lot? */
static bool
step(Walk *walk, TimestampTz at, int64 points)
{
	CHECK_FOR_INTERRUPTS();
	if (points == 0)
		return false;
	if (at != walk->lot->at)
	{
		walk->lot->at = at;
		walk->lot->before = (int64) walk->through; /* no more than what is used up */
	}
	walk->through += points;
	return walk->through > walk->used_up;
}

/* --- by the executor ------------------------------------------------------------------ */

static bool
walk_cursor(const pg_uuid_t *user_id, TimestampTz place, Walk *walk)
{
	Datum values[2] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(place)};
	Portal cursor;
	SSRows rows;
	long count = FEW;

	ss_query_keep_order();
	cursor = ss_query_open(&credits_query, values, NULL);
	while ((rows = ss_rows_fetch(cursor, count)).count > 0)
	{
		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ss_row(rows, i);
			TimestampTz at = ss_next_time(&row);

			if (step(walk, at, ss_next_int64(&row)))
			{
				SPI_cursor_close(cursor);
				return true;
			}
		}
		ss_rows_free(&rows);
		count = MANY;
	}
	return false;
}

/* --- directly --------------------------------------------------------------------------- */

/* Credits of one kind in the order of time. */
typedef struct Credits
{
	SSScan scan;
	TimestampTz at; /* of the next one; DT_NOEND = no more */
	int64 points;
} Credits;

static int64
get_int64(SSDirect *direct, SSTable table, const TupleTableSlot *row, int column)
{
	return DatumGetInt64(ss_direct_get(direct, table, row, column));
}

static void
next_purchase(SSDirect *direct, Credits *credits)
{
	const TupleTableSlot *row = credits->scan.slot;

	credits->at = DT_NOEND;
	if (!ss_direct_next(&credits->scan))
		return;
	credits->at = get_int64(direct, SS_TRANSACTIONS, row, TRANSACTION_OCCURRED_AT);
	credits->points = get_int64(direct, SS_TRANSACTIONS, row, TRANSACTION_BASE) +
					  get_int64(direct, SS_TRANSACTIONS, row, TRANSACTION_BONUS);
	if (ss_direct_get(direct, SS_TRANSACTIONS, row, TRANSACTION_STATUS) !=
		ss_direct_label(SS_LABEL_STATUS + SS_COMPLETED))
		credits->points = 0;
}

static void
next_other(SSDirect *direct, Credits *credits)
{
	credits->at = DT_NOEND;
	if (!ss_direct_next(&credits->scan))
		return;
	credits->at = get_int64(direct, SS_POINTS_ENTRIES, credits->scan.slot, ENTRY_RECORDED_AT);
	credits->points = get_int64(direct, SS_POINTS_ENTRIES, credits->scan.slot, ENTRY_POINTS);
}

static bool
walk_directly(SSDirect *direct, const pg_uuid_t *user_id, TimestampTz place, Walk *walk)
{
	Credits purchases = {
		.scan = ss_direct_scan_times(direct, SS_PURCHASES, user_id, place, DT_NOEND, ForwardScanDirection)};
	Credits others = {.scan = ss_direct_scan_times(direct, SS_CREDITS, user_id, place, DT_NOEND, ForwardScanDirection)};
	bool found = false;

	next_purchase(direct, &purchases);
	next_other(direct, &others);
	while (!found && (purchases.at != DT_NOEND || others.at != DT_NOEND))
	{
		if (purchases.at <= others.at)
		{
			found = step(walk, purchases.at, purchases.points);
			if (!found)
				next_purchase(direct, &purchases);
		}
		else
		{
			found = step(walk, others.at, others.points);
			if (!found)
				next_other(direct, &others);
		}
	}
	ss_direct_close(&purchases.scan);
	ss_direct_close(&others.scan);
	return found;
}

bool
ss_lots_first_open(const pg_uuid_t *user_id, TimestampTz place, int64 used_up, SSLot *lot)
{
	Walk walk = {used_up, lot, 0};
	SSDirect *direct = ss_direct_begin_reading(SS_ONE_TABLE(SS_PURCHASES) | SS_ONE_TABLE(SS_CREDITS));
	bool found;

	*lot = (SSLot){DT_NOBEGIN, 0};
	if (direct == NULL)
		return walk_cursor(user_id, place, &walk);
	found = walk_directly(direct, user_id, place, &walk);
	ss_direct_end_reading(direct);
	return found;
}
