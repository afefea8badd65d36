/*
 * lots_open.c: the oldest points that a user has left (lots.h), for readers:
 * found by a few rows, however long the history is. No lock.
 *
 * Purchases are walked in the order of an index, from the account's place in
 * its lots, until one is not used up. Other credits can only make the oldest
 * lot an older one; those that do were recorded before, and are found by their
 * ids, which ascend with time. Only if there are some, both are added up.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "lots.h"
#include "query.h"

/* An entry's id is made when it is written, its recorded_at is read from the clock a moment earlier: not longer ago than this. */
#define ID_DELAY USECS_PER_HOUR

/* Purchases in the order of time after $3 at $2: few at first, which mostly will do, then more at a time. */
#define PURCHASES(rows) \
	{"SELECT t.occurred_at, t.transaction_id, t.status = 'completed', t.points_base + t.points_bonus" \
	 "  FROM swipesavvy.transactions t" \
	 " WHERE t.user_id = $1 AND t.occurred_at >= $2 AND (t.occurred_at, t.transaction_id) > ($2, $3)" \
	 " ORDER BY t.occurred_at, t.transaction_id LIMIT " CppAsString2(rows), 3, {UUIDOID, TIMESTAMPTZOID, UUIDOID}, NULL}
#define FEW	 8
#define MANY 500

static SSQuery few_purchases_query = PURCHASES(FEW);
static SSQuery many_purchases_query = PURCHASES(MANY);

/* Credits that are no purchases, from $2 to $3, with ids from $4 to $5. */
#define OTHERS \
	" FROM swipesavvy.points_entries e" \
	" WHERE e.user_id = $1 AND e.entry_id BETWEEN $4 AND $5 AND e.recorded_at BETWEEN $2 AND $3" \
	"   AND e.kind IN ('adjust', 'referral') AND e.credit_account = 'available'"

static SSQuery others_query = {
	"SELECT" OTHERS " LIMIT 1", 5, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, UUIDOID}, NULL};

/* The first credit of any kind with which they all gave more than $6. */
static SSQuery any_query = {
	"SELECT c.at"
	"  FROM (SELECT b.at, sum(b.points) OVER (ORDER BY b.at) AS through"
	"          FROM (SELECT t.occurred_at AS at, t.points_base + t.points_bonus AS points"
	"                  FROM swipesavvy.transactions t"
	"                 WHERE t.user_id = $1 AND t.occurred_at BETWEEN $2 AND $3 AND t.status = 'completed'"
	"                UNION ALL"
	"                SELECT e.recorded_at, e.points" OTHERS ") b) c"
	" WHERE c.through > $6 ORDER BY c.at LIMIT 1", 6,
	{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, UUIDOID, INT8OID}, NULL};

/* The first id that is made at that time, its random part filled with `rest`. */
static void
id_at(TimestampTz at, int rest, pg_uuid_t *id)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	int64		milliseconds = at < -epoch ? 0 : (at + epoch) / 1000;

	memset(id, rest, sizeof(pg_uuid_t));
	if (TIMESTAMP_NOT_FINITE(at))
	{
		memset(id, at == DT_NOBEGIN ? 0 : 0xff, sizeof(pg_uuid_t));
		return;
	}
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (milliseconds >> (40 - 8 * i));
}

/* The time of the first purchase from `from` on with which purchases alone gave more than was used up; DT_NOEND if there is none. */
static TimestampTz
first_open_purchase(const pg_uuid_t *user_id, TimestampTz from, int64 used_up)
{
	static const pg_uuid_t before_all = {{0}};
	SSQuery    *query = &few_purchases_query;
	uint64		limit = FEW;
	uint64		found;
	Datum		values[3] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(from), UUIDPGetDatum(&before_all)};

	for (;;)
	{
		found = ss_query_read(query, values, NULL);
		for (uint64 row = 0; row < found; row++)
		{
			if (DatumGetBool(ss_value_not_null(row, 3)))
				used_up -= ss_value_int64(row, 4, 0);
			if (used_up < 0)
				return DatumGetTimestampTz(ss_value_not_null(row, 1));
		}
		if (found < limit)
			return DT_NOEND;
		values[1] = ss_value_not_null(found - 1, 1);
		values[2] = ss_value_not_null(found - 1, 2);
		query = &many_purchases_query;
		limit = MANY;
		CHECK_FOR_INTERRUPTS();
	}
}

bool
ss_lots_first_open(const pg_uuid_t *user_id, TimestampTz place, int64 used_up, TimestampTz *at)
{
	Datum		values[6] = {UUIDPGetDatum(user_id)};
	pg_uuid_t	first;
	pg_uuid_t	last;
	TimestampTz end = first_open_purchase(user_id, place, used_up);

	id_at(place, 0, &first);
	id_at(end == DT_NOEND ? end : end + ID_DELAY, 0xff, &last);
	values[1] = TimestampTzGetDatum(place);
	values[2] = TimestampTzGetDatum(end);
	values[3] = UUIDPGetDatum(&first);
	values[4] = UUIDPGetDatum(&last);
	values[5] = Int64GetDatum(used_up);
	if (ss_query_read(&others_query, values, NULL) > 0 && ss_query_read(&any_query, values, NULL) > 0)
		end = DatumGetTimestampTz(ss_value_not_null(0, 1));
	*at = end;
	return end != DT_NOEND;
}
