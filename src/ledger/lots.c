/*
 * lots.c: how old a user's points are (lots.h).
 *
 * Called by the award engine and by everything that takes points, under the
 * lock on the user's reward account.
 * Credits are the points of completed purchases, as old as the purchase, and
 * the entries of other kinds that credit the available points.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/snapmgr.h"

#include "base/columns.h"
#include "base/money.h"
#include "base/query.h"
#include "ledger/lots.h"

#define CREDITS(user_id, of_purchases, of_entries)                                                                     \
	" (SELECT t.occurred_at AS at, t.points_base + t.points_bonus AS points FROM swipesavvy.transactions t"            \
	"   WHERE t.user_id = " user_id " AND " of_purchases                                                               \
	"     AND t.status = 'completed' AND t.points_base + t.points_bonus > 0"                                           \
	"  UNION ALL"                                                                                                      \
	"  SELECT e.recorded_at, e.points FROM swipesavvy.points_entries e"                                                \
	"   WHERE e.user_id = " user_id " AND " of_entries " AND e.kind IN ('adjust', 'referral')"                         \
	"     AND e.credit_account = 'available') c"

/* What user u was credited for times from its lot_at on and before $1. */
#define CREDITED_BEFORE                                                                                                \
	" CROSS JOIN LATERAL (SELECT coalesce(sum(c.points), 0)::bigint AS points"                                         \
	"   FROM" CREDITS("u.user_id", "t.occurred_at >= u.lot_at AND t.occurred_at < $1",                                 \
					  "e.recorded_at >= u.lot_at AND e.recorded_at < $1") ") d"

SS_QUERY(credited_query,
		 "SELECT d.points FROM unnest($2, $3) WITH ORDINALITY u (user_id, lot_at, n)" CREDITED_BEFORE " ORDER BY u.n",
		 TIMESTAMPTZOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID);
SS_QUERY(find_left_query,
		 "SELECT u.user_id FROM swipesavvy.reward_accounts u" CREDITED_BEFORE
		 " WHERE u.points_available > 0 AND u.lot_at < $1 AND u.user_id >= $2 AND (u.user_id > $2 OR NOT $3)"
		 "   AND u.lot_before + d.points > u.points_debited ORDER BY u.user_id LIMIT $4",
		 TIMESTAMPTZOID, UUIDOID, BOOLOID, INT8OID);

void
ss_lots_credit(SSAccount *account, int64 points, TimestampTz at)
{
	if (at >= account->lot_at)
		return;
	account->lot_before = ss_add(account->lot_before, points, "points");
	if (account->lot_before <= account->debited)
		return;
	account->lot_at = DT_NOBEGIN;
	account->lot_before = 0;
}

void
ss_lots_debit(SSAccount *account, int64 points)
{
	SSLot lot = {DT_NOBEGIN, 0};

	account->debited = ss_add(account->debited, points, "points taken");
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	if (ss_lots_first_open(&account->id, account->lot_at, account->debited - account->lot_before, &lot))
	{
		account->lot_at = lot.at;
		account->lot_before += lot.before;
	}
	else if (lot.at != DT_NOBEGIN)
	{
		account->lot_at = lot.at + 1;
		account->lot_before = account->available + account->debited;
	}
	PopActiveSnapshot();
}

void
ss_lots_return(SSAccount *account, int64 points)
{
	account->debited -= points;
	/* with nothing taken every lot is open, also one that is still to come (ss_lots_credit) */
	if (account->debited > 0 && account->lot_before <= account->debited)
		return;
	account->lot_at = DT_NOBEGIN;
	account->lot_before = 0;
}

void
ss_lots_left_before(const SSAccount *accounts, int count, TimestampTz before, int64 *left)
{
	static const Oid types[] = {UUIDOID, TIMESTAMPTZOID};
	SSColumns columns;
	Datum values[3] = {TimestampTzGetDatum(before)};
	SSRows rows;

	ss_columns_init(&columns, lengthof(types), types, count);
	for (int i = 0; i < count; i++)
	{
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&accounts[i].id));
		ss_columns_set(&columns, 1, TimestampTzGetDatum(accounts[i].lot_at));
	}
	ss_columns_arrays(&columns, &values[1]);
	ss_query_avoid_scans();
	rows = ss_rows_latest(&credited_query, values, NULL);
	for (int i = 0; i < count; i++)
	{
		SSRow row = ss_row(rows, i);

		left[i] = accounts[i].lot_before + ss_next_int64(&row) - accounts[i].debited;
		left[i] = Max(left[i], 0);
	}
}

void
ss_lots_debit_before(SSAccount *account, int64 points, TimestampTz before)
{
	account->debited = ss_add(account->debited, points, "points taken");
	account->lot_at = before;
	account->lot_before = account->debited;
}

int
ss_lots_find_left_before(TimestampTz before, const pg_uuid_t *from, bool after, int limit, pg_uuid_t *ids)
{
	Datum values[4] = {TimestampTzGetDatum(before), UUIDPGetDatum(from), BoolGetDatum(after), Int64GetDatum(limit)};
	SSRows rows;

	ss_query_avoid_scans();
	rows = ss_rows_latest(&find_left_query, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ids[i] = *ss_next_uuid(&row);
	}
	return (int) rows.count;
}
