/*
 * random.c: random bytes for ids and salts (random.h).
 *
 * Called by uuid7.c and audit.c. Bytes are fetched for many at once, as a
 * request costs far more than the bytes; each is used once and forgotten then.
 * The store is of the process: a child of it would have to fetch its own.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/random.h"

#define STORE 512

void
ss_random_fill(void *target, size_t length)
{
	static unsigned char bytes[STORE];
	static size_t used = STORE;
	static int owner = 0;

	Assert(length <= SS_RANDOM_MAX);
	if (used + length > STORE || owner != MyProcPid)
	{
		if (!pg_strong_random(bytes, sizeof(bytes)))
			ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"));
		used = 0;
		owner = MyProcPid;
	}
	memcpy(target, bytes + used, length);
	memset(bytes + used, 0, length);
	used += length;
}
