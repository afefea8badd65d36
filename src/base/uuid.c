/*
 * uuid.c: UUIDs as values and as text (uuid.h).
 *
 * Called by every domain. No state, no locks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/errors.h"
#include "base/hex.h"
#include "base/uuid.h"

/* Does a dash precede this byte of the value? */
static bool
is_after_dash(int byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool
ss_uuid_parse(const char *text, size_t length, pg_uuid_t *value)
{
	if (length != SS_UUID_CHARS)
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		int high;
		int low;

		if (is_after_dash(i) && *text++ != '-')
			return false;
		high = ss_hex_digit((unsigned char) *text++);
		low = ss_hex_digit((unsigned char) *text++);
		if (high < 0 || low < 0)
			return false;
		value->data[i] = (unsigned char) (high << 4 | low);
	}
	return true;
}

bool
ss_uuid_is_text(const char *text, size_t length)
{
	pg_uuid_t value;

	return ss_uuid_parse(text, length, &value);
}

pg_uuid_t *
ss_uuid_from_text(const char *text, const char *name)
{
	size_t length = strlen(text);
	pg_uuid_t *value = palloc(sizeof(pg_uuid_t));

	if (!ss_uuid_parse(text, length, value))
		ss_bad_value(name, "\"%.*s\" is not a UUID.", pg_mbcliplen(text, length, 100), text);
	return value;
}

char *
ss_uuid_text(const pg_uuid_t *value)
{
	static const char digits[] = "0123456789abcdef";
	char *text = palloc(SS_UUID_CHARS + 1);
	char *end = text;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (is_after_dash(i))
			*end++ = '-';
		*end++ = digits[value->data[i] >> 4];
		*end++ = digits[value->data[i] & 15];
	}
	*end = '\0';
	return text;
}

int
ss_uuid_order(const void *a, const void *b)
{
	return ss_uuid_compare(a, b);
}
