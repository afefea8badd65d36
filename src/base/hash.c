/*
 * hash.c: FNV-1a, 32 bit, over UTF-16 code units, as GrowthBook's SDKs hash.
 *
 * Called by the award engine for hold-outs, and by flags. No state.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/casing.h"
#include "base/hash.h"

#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

static inline uint32
add_unit(uint32 hash, pg_wchar unit)
{
	return (hash ^ unit) * FNV_PRIME;
}

/* Continues a hash over a UTF-8 text. */
static uint32
fnv1a_utf8(uint32 hash, const char *text, int length)
{
	const char *end = text + length;

	while (text < end)
	{
		pg_wchar c = (unsigned char) *text;

		if (c < 0x80)
			text++;
		else
			c = ss_utf8_next(&text, end);
		if (c >= 0x10000)
		{
			hash = add_unit(hash, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		hash = add_unit(hash, c);
	}
	return hash;
}

/* Continues a hash over a text in the server's encoding. */
static uint32
fnv1a(uint32 hash, const char *text)
{
	int length = strlen(text);
	const char *utf8 = pg_server_to_any(text, length, PG_UTF8);

	return fnv1a_utf8(hash, utf8, utf8 == text ? length : (int) strlen(utf8));
}

/* The second round: over the decimal digits of the first. */
static uint32
bucket(uint32 hash)
{
	char decimal[16];
	int length = pg_ultoa_n(hash, decimal);
	uint32 second = FNV_START;

	for (int i = 0; i < length; i++)
		second = add_unit(second, (unsigned char) decimal[i]);
	return second % 10000;
}

uint32
ss_hash_v1(const char *seed, int seed_length, const char *value, int value_length)
{
	return fnv1a_utf8(fnv1a_utf8(FNV_START, value, value_length), seed, seed_length) % 1000;
}

uint32
ss_hash_v2(const char *seed, int seed_length, const char *value, int value_length)
{
	return bucket(fnv1a_utf8(fnv1a_utf8(FNV_START, seed, seed_length), value, value_length));
}

uint32
ss_hash_begin(const char *seed, int seed_length)
{
	return fnv1a_utf8(FNV_START, seed, seed_length);
}

uint32
ss_hash_v2_end(uint32 begun, const char *value, int value_length)
{
	return bucket(fnv1a_utf8(begun, value, value_length));
}

/* Continues a hash over the text of an id. */
static uint32
fnv1a_uuid(uint32 hash, const pg_uuid_t *id)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			hash = add_unit(hash, '-');
		hash = add_unit(hash, digits[id->data[i] >> 4]);
		hash = add_unit(hash, digits[id->data[i] & 15]);
	}
	return hash;
}

uint32
ss_hash_v1_uuid(const char *seed, int seed_length, const pg_uuid_t *id)
{
	return fnv1a_utf8(fnv1a_uuid(FNV_START, id), seed, seed_length) % 1000;
}

uint32
ss_hash_v2_uuid(uint32 begun, const pg_uuid_t *id)
{
	return bucket(fnv1a_uuid(begun, id));
}

bool
ss_held_out(const char *campaign_id, const pg_uuid_t *user_id, int hold_out)
{
	if (hold_out == 0)
		return false;
	return ss_hash_v2_uuid(fnv1a(fnv1a(FNV_START, "holdout:"), campaign_id), user_id) < (uint32) hold_out;
}
