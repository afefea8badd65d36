/*
 * lots.c: how old a user's points are (lots.h).
 *
 * Called by the award engine and by everything that takes points, under the
 * lock on the user's reward account; and by readers, who look at a snapshot.
 * Credits are the points of completed purchases, as old as the purchase, and
 * the entries of other kinds that credit the available points.
 */
#include "postgres.h"

#include "lots.h"
#include "money.h"
#include "query.h"

#define CREDITS(of_purchases, of_entries) \
	" (SELECT t.occurred_at AS at, t.points_base + t.points_bonus AS points FROM swipesavvy.transactions t" \
	"   WHERE t.user_id = $1 AND " of_purchases " AND t.status = 'completed' AND t.points_base + t.points_bonus > 0" \
	"  UNION ALL" \
	"  SELECT e.recorded_at, e.points FROM swipesavvy.points_entries e" \
	"   WHERE e.user_id = $1 AND " of_entries " AND e.kind IN ('adjust', 'referral')" \
	"     AND e.credit_account = 'available') c"

/* The oldest lot from $2 on with which more than $3 was credited, and what was credited before it. */
static SSQuery first_open_query = {
	"SELECT l.at, (l.through - l.points)::bigint"
	"  FROM (SELECT g.at, g.points, sum(g.points) OVER (ORDER BY g.at ROWS UNBOUNDED PRECEDING) AS through"
	"          FROM (SELECT c.at, sum(c.points) AS points"
	"                  FROM" CREDITS("t.occurred_at >= $2", "e.recorded_at >= $2")
	"                 GROUP BY c.at) g) l"
	" WHERE l.through > $3 ORDER BY l.at LIMIT 1",
	3, {UUIDOID, TIMESTAMPTZOID, INT8OID}, NULL};
static SSQuery last_credit_query = {
	"SELECT coalesce(max(c.at), '-infinity') FROM" CREDITS("t.occurred_at >= $2", "e.recorded_at >= $2"),
	2, {UUIDOID, TIMESTAMPTZOID}, NULL};
static SSQuery credited_query = {
	"SELECT coalesce(sum(c.points), 0)::bigint"
	"  FROM" CREDITS("t.occurred_at >= $2 AND t.occurred_at < $3", "e.recorded_at >= $2 AND e.recorded_at < $3"),
	3, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL};
static SSQuery place_query = {
	"SELECT a.lot_at, a.points_debited - a.lot_before FROM swipesavvy.reward_accounts a WHERE a.user_id = $1", 1,
	{UUIDOID}, NULL};

void
ss_lots_credit(SSUser *user, int64 points, TimestampTz at)
{
	if (user->debited == 0 || at >= user->lot_at)
		return;
	user->lot_before = ss_add(user->lot_before, points, "points");
	if (user->lot_before <= user->debited)
		return;
	user->lot_at = DT_NOBEGIN;
	user->lot_before = 0;
}

void
ss_lots_debit(SSUser *user, int64 points)
{
	Datum		values[3] = {UUIDPGetDatum(&user->id), TimestampTzGetDatum(user->lot_at)};
	TimestampTz last;

	user->debited = ss_add(user->debited, points, "points taken");
	values[2] = Int64GetDatum(user->debited - user->lot_before);
	if (ss_query_latest(&first_open_query, values, NULL) > 0)
	{
		user->lot_at = DatumGetTimestampTz(ss_value_not_null(0, 1));
		user->lot_before += ss_value_int64(0, 2, 0);
		return;
	}
	(void) ss_query_latest(&last_credit_query, values, NULL);
	last = DatumGetTimestampTz(ss_value_not_null(0, 1));
	if (last == DT_NOBEGIN)
		return;
	user->lot_at = last + 1;
	user->lot_before = user->available + user->debited;
}

int64
ss_lots_left_before(const SSUser *user, TimestampTz before)
{
	Datum		values[3] = {UUIDPGetDatum(&user->id), TimestampTzGetDatum(user->lot_at), TimestampTzGetDatum(before)};
	int64		credited;

	(void) ss_query_latest(&credited_query, values, NULL);
	credited = ss_value_int64(0, 1, 0);
	return Max(user->lot_before + credited - user->debited, 0);
}

bool
ss_lots_first_open(const pg_uuid_t *user_id, TimestampTz *at)
{
	Datum		values[3] = {UUIDPGetDatum(user_id)};

	if (ss_query_read(&place_query, values, NULL) == 0)
		return false;
	values[1] = ss_value_not_null(0, 1);
	values[2] = ss_value_not_null(0, 2);
	if (ss_query_read(&first_open_query, values, NULL) == 0)
		return false;
	*at = DatumGetTimestampTz(ss_value_not_null(0, 1));
	return true;
}
