/*
 * rates.c: counting the calls of each user in the current minute (rates.h).
 *
 * Called by call.c when the setting rate_limit_per_minute is set, and for
 * callers with an identity. A row of rate_limits is the count: only calls that
 * may write are counted, and one that fails is not. The row is locked before
 * anything else of the call is, and calls of one user wait for each other.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "call.h"
#include "errors.h"
#include "query.h"
#include "rates.h"

static SSQuery count_call = {
	"INSERT INTO swipesavvy.rate_limits AS r (user_id, minute, calls) VALUES ($1, $2, 1)"
	" ON CONFLICT (user_id) DO UPDATE SET minute = greatest(r.minute, excluded.minute),"
	"    calls = CASE WHEN r.minute >= excluded.minute THEN r.calls + 1 ELSE 1 END"
	" RETURNING calls", 2, {UUIDOID, TIMESTAMPTZOID}, NULL};

static int64
count_in_table(const pg_uuid_t *user_id, TimestampTz minute)
{
	SSCall		call;
	Datum		values[] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(minute)};
	int64		calls;

	ss_call_become_owner(&call);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	(void) ss_query_write(&count_call, values, NULL);
	calls = ss_value_int64(0, 1, 0);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	ss_call_become_caller(&call);
	return calls;
}

void
ss_rates_count(const pg_uuid_t *user_id, int32 limit, bool writes)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz minute = now - now % USECS_PER_MINUTE;
	int64		calls;

	if (!writes || XactReadOnly)
		return;
	calls = count_in_table(user_id, minute);
	if (calls > limit)
		ss_rate_limited(limit, (int) ((minute + USECS_PER_MINUTE - now) / USECS_PER_SEC) + 1);
}
