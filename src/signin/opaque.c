/*
 * opaque.c: the OpaqueString profile of RFC 8265 (opaque.h).
 *
 * Called by password.c alone. What may stand in a password is the
 * FreeformClass of RFC 8264: the table of unicode.h says of most characters
 * whether; those that depend on their neighbours are here, as RFC 5892 has
 * them in its appendix A. Arrays that hold the password are overwritten; what
 * the server's normalisation uses for a password that needs it is not ours to
 * find. No state, no locks.
 */
#include "postgres.h"

#include "base/secret.h"
#include "base/unicode.h"
#include "signin/opaque.h"

#define NON_JOINER			0x200C
#define JOINER				0x200D
#define MIDDLE_DOT			0x00B7
#define GREEK_KERAIA		0x0375
#define HEBREW_GERESH		0x05F3
#define HEBREW_GERSHAYIM	0x05F4
#define KATAKANA_MIDDLE_DOT 0x30FB

static bool
has(pg_wchar point, uint32 bits)
{
	return (ss_unicode_class(point) & bits) != 0;
}

static bool
is_arabic_digit(pg_wchar point)
{
	return point >= 0x0660 && point <= 0x0669;
}

static bool
is_extended_arabic_digit(pg_wchar point)
{
	return point >= 0x06F0 && point <= 0x06F9;
}

/* Does it stand between letters that it keeps from joining? */
static bool
parts_joined_letters(const pg_wchar *points, size_t at)
{
	size_t before = at;
	size_t after = at + 1;

	while (before > 0 && has(points[before - 1], SS_UNICODE_JOINS_THROUGH))
		before--;
	while (points[after] != 0 && has(points[after], SS_UNICODE_JOINS_THROUGH))
		after++;
	return before > 0 && has(points[before - 1], SS_UNICODE_JOINS_LEFT) && points[after] != 0 &&
		   has(points[after], SS_UNICODE_JOINS_RIGHT);
}

static bool
any(const pg_wchar *points, bool (*is)(pg_wchar))
{
	for (; *points != 0; points++)
	{
		if (is(*points))
			return true;
	}
	return false;
}

static bool
is_kana_or_han(pg_wchar point)
{
	return has(point, SS_UNICODE_KANA_OR_HAN);
}

/* May the character at that place stand there? */
static bool
is_allowed(const pg_wchar *points, size_t at)
{
	pg_wchar point = points[at];
	pg_wchar before = at > 0 ? points[at - 1] : 0;

	if (has(point, SS_UNICODE_OPAQUE))
		return true;
	if (is_arabic_digit(point))
		return !any(points, is_extended_arabic_digit);
	if (is_extended_arabic_digit(point))
		return !any(points, is_arabic_digit);
	switch (point)
	{
		case NON_JOINER:
			return has(before, SS_UNICODE_VIRAMA) || parts_joined_letters(points, at);
		case JOINER:
			return has(before, SS_UNICODE_VIRAMA);
		case MIDDLE_DOT:
			return before == 'l' && points[at + 1] == 'l';
		case GREEK_KERAIA:
			return has(points[at + 1], SS_UNICODE_GREEK);
		case HEBREW_GERESH:
		case HEBREW_GERSHAYIM:
			return has(before, SS_UNICODE_HEBREW);
		case KATAKANA_MIDDLE_DOT:
			return any(points, is_kana_or_han);
		default:
			return false;
	}
}

static void
forget(pg_wchar *points)
{
	ss_secret_wipe(points, ss_unicode_length(points) * sizeof(pg_wchar));
	pfree(points);
}

const char *
ss_opaque_prepare(const char *password, size_t length, size_t *prepared_length)
{
	pg_wchar *points;
	pg_wchar *composed;
	char *prepared;
	bool allowed = true;

	*prepared_length = length;
	for (size_t i = 0; i < length; i++)
		allowed &= (unsigned char) password[i] >= ' ' && password[i] != 0x7F;
	if (!allowed || ss_unicode_is_ascii(password, length))
		return allowed ? password : NULL;
	points = ss_unicode_decode(password, length);
	for (pg_wchar *p = points; *p != 0; p++)
	{
		if (has(*p, SS_UNICODE_SEPARATOR))
			*p = ' ';
	}
	composed = unicode_normalize(UNICODE_NFC, points);
	forget(points);
	for (size_t i = 0; composed[i] != 0; i++)
		allowed &= is_allowed(composed, i);
	prepared = allowed ? ss_unicode_utf8(composed, prepared_length) : NULL;
	forget(composed);
	return prepared;
}
