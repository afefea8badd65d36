/*
 * rates.c: counting the calls of each user in the current minute (rates.h).
 *
 * Called by call.c when the setting rate_limit_per_minute is set, and for
 * callers with an identity.
 *
 * When preloaded, the counts are in shared memory: a table of buckets, each
 * with a few users and a spinlock of its own. A user whose minute is over makes
 * room for another; in a bucket full of users of this minute the one with the
 * fewest calls is forgotten, so memory is bounded and who calls most is not
 * let off.
 *
 * Without preload a row of rate_limits is the count: only calls that may write
 * are counted, and one that fails is not. The row is locked before anything
 * else of the call is, and calls of one user wait for each other.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/owner.h"
#include "call/rates.h"
#include "call/refusal.h"

#define BUCKETS			 2048
#define USERS_PER_BUCKET 16

typedef struct UserCount
{
	pg_uuid_t user_id;
	Oid database;
	int32 minute; /* 0 = nobody's place */
	int32 calls;
} UserCount;

typedef struct Bucket
{
	slock_t lock;
	UserCount users[USERS_PER_BUCKET];
} Bucket;

void *ss_rates_area = NULL;

/* As goes_on() below */
#define GOES_ON "r.minute BETWEEN excluded.minute AND excluded.minute + interval '1 minute'"

SS_QUERY(count_call,
		 "INSERT INTO swipesavvy.rate_limits AS r (user_id, minute, calls) VALUES ($1, $2, 1)"
		 " ON CONFLICT (user_id) DO UPDATE SET"
		 "    minute = CASE WHEN " GOES_ON " THEN r.minute ELSE excluded.minute END,"
		 "    calls = CASE WHEN " GOES_ON " THEN r.calls + 1 ELSE 1 END"
		 " RETURNING calls::int8",
		 UUIDOID, TIMESTAMPTZOID);

Size
ss_rates_size(void)
{
	return BUCKETS * sizeof(Bucket);
}

void
ss_rates_fill(void *area)
{
	Bucket *buckets = area;

	for (int i = 0; i < BUCKETS; i++)
		SpinLockInit(&buckets[i].lock);
}

/*
 * Does a count go on in this minute? One of the minute after does as well: its
 * session looked at the clock a moment later. Further ahead is a clock that was.
 */
static bool
goes_on(const UserCount *user, int32 minute)
{
	return user->minute == minute || user->minute == minute + 1;
}

/* The user's place in a locked bucket, or the one it may take. */
static UserCount *
find_place(Bucket *bucket, const pg_uuid_t *user_id, int32 minute)
{
	UserCount *place = NULL;

	for (int i = 0; i < USERS_PER_BUCKET; i++)
	{
		UserCount *user = &bucket->users[i];

		if (ss_uuid_equal(&user->user_id, user_id) && user->database == MyDatabaseId)
			return user;
		if (place == NULL || (goes_on(user, minute) ? user->calls : -1) < (goes_on(place, minute) ? place->calls : -1))
			place = user;
	}
	place->user_id = *user_id;
	place->database = MyDatabaseId;
	place->minute = minute;
	place->calls = 0;
	return place;
}

static int64
count_in_memory(const pg_uuid_t *user_id, int32 minute)
{
	uint32 hash = hash_bytes(user_id->data, UUID_LEN) ^ MyDatabaseId;
	Bucket *bucket = &((Bucket *) ss_rates_area)[hash % BUCKETS];
	UserCount *user;
	int32 calls;

	SpinLockAcquire(&bucket->lock);
	user = find_place(bucket, user_id, minute);
	if (!goes_on(user, minute))
	{
		user->minute = minute;
		user->calls = 0;
	}
	if (user->calls < PG_INT32_MAX)
		user->calls++;
	calls = user->calls;
	SpinLockRelease(&bucket->lock);
	return calls;
}

static int64
count_in_table(const pg_uuid_t *user_id, TimestampTz minute)
{
	SSCall call;
	Datum values[] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(minute)};
	int64 calls;

	ss_owner_become(&call);
	ss_query_connect();
	calls = ss_one_int64(ss_rows_write(&count_call, values, NULL));
	ss_query_disconnect();
	ss_owner_leave(&call);
	return calls;
}

void
ss_rates_count(const pg_uuid_t *user_id, int32 limit, bool writes)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz minute = now - now % USECS_PER_MINUTE;
	int64 calls;

	if (ss_rates_area != NULL)
		calls = count_in_memory(user_id, (int32) (minute / USECS_PER_MINUTE));
	else if (writes && !XactReadOnly)
		calls = count_in_table(user_id, minute);
	else
		return;
	if (calls > limit)
		ss_rate_limited(limit, (int) ((minute + USECS_PER_MINUTE - now) / USECS_PER_SEC) + 1);
}
