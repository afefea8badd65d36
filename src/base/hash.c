/*
 * hash.c: FNV-1a, 32 bit, over UTF-16 code units, as GrowthBook's SDKs hash.
 *
 * Called by the award engine for hold-outs. No state.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/hash.h"

#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

/* Continues a hash over a text in the server's encoding. */
static uint32
fnv1a(uint32 hash, const char *text)
{
	int length = strlen(text);
	const unsigned char *utf8 = (const unsigned char *) pg_server_to_any(text, length, PG_UTF8);
	const unsigned char *end =
		utf8 + (utf8 == (const unsigned char *) text ? length : (int) strlen((const char *) utf8));

	while (utf8 < end)
	{
		pg_wchar c = utf8_to_unicode(utf8);

		utf8 += pg_utf_mblen(utf8);
		if (c >= 0x10000)
		{
			c -= 0x10000;
			hash = (hash ^ (0xd800 + (c >> 10))) * FNV_PRIME;
			c = 0xdc00 + (c & 0x3ff);
		}
		hash = (hash ^ c) * FNV_PRIME;
	}
	return hash;
}

/* The second round: over the decimal digits of the first. */
static uint32
bucket(uint32 hash)
{
	char decimal[16];

	decimal[pg_ultoa_n(hash, decimal)] = '\0';
	return fnv1a(FNV_START, decimal) % 10000;
}

uint32
ss_hash_v2(const char *seed, const char *value)
{
	return bucket(fnv1a(fnv1a(FNV_START, seed), value));
}

bool
ss_held_out(const char *campaign_id, const pg_uuid_t *user_id, int hold_out)
{
	uint32 seed;

	if (hold_out == 0)
		return false;
	seed = fnv1a(fnv1a(FNV_START, "holdout:"), campaign_id);
	return bucket(fnv1a(seed, ss_uuid_text(user_id))) < (uint32) hold_out;
}
