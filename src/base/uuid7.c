/*
 * uuid7.c: UUID version 7 (RFC 9562): 48 bits of milliseconds, 12 bits of the
 * fraction of the millisecond, 62 random bits.
 *
 * Called wherever a row needs an id. The last time stamp handed out is kept
 * per process, so that ids of one session ascend even when the clock does not;
 * losing it costs nothing but that order.
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/random.h"
#include "base/uuid7.h"

#define RANDOM_BYTES 8 /* of an id */

PG_FUNCTION_INFO_V1(swipesavvy_uuid_v7);

/* Unix time in units of 1/4096 ms. */
static uint64
clock_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000) << 12 |
		   ((uint64) (now.tv_nsec % 1000000) << 12) / 1000000;
}

static void
put_millis(pg_uuid_t *id, uint64 millis)
{
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (millis >> (40 - 8 * i));
}

void
ss_uuid7_make(pg_uuid_t *id)
{
	static uint64 last = 0;
	uint64 ticks = clock_ticks();
	uint64 millis;

	if (ticks <= last)
		ticks = last + 1;
	last = ticks;
	millis = ticks >> 12;
	ss_random_fill(id->data + 8, RANDOM_BYTES);
	put_millis(id, millis);
	id->data[6] = 0x70 | (unsigned char) ((ticks >> 8) & 0x0f);
	id->data[7] = (unsigned char) (ticks & 0xff);
	id->data[8] = 0x80 | (id->data[8] & 0x3f);
}

void
ss_uuid7_least(pg_uuid_t *id, TimestampTz moment)
{
	memset(id, 0, sizeof(*id));
	put_millis(id,
			   (uint64) (moment / 1000 + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * INT64CONST(1000)));
	id->data[6] = 0x70;
}

pg_uuid_t *
ss_uuid7_new(void)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

	ss_uuid7_make(id);
	return id;
}

/*
 * uuid_v7(): the default of id columns.
 */
Datum
swipesavvy_uuid_v7(PG_FUNCTION_ARGS)
{
	PG_RETURN_UUID_P(ss_uuid7_new());
}
