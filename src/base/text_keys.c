/*
 * text_keys.c: keys of addresses and of searches (text_keys.h).
 *
 * email_key() and search_key() are SQL functions for indexes and queries; the
 * library's role alone may call them. They depend on nothing but their
 * argument. A text of ASCII letters, as most are, needs no tables.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/text_keys.h"
#include "base/unicode.h"

PG_FUNCTION_INFO_V1(swipesavvy_email_key);
PG_FUNCTION_INFO_V1(swipesavvy_search_key);

#define IS_BLANK(c) ((c) == ' ' || ((c) >= '\t' && (c) <= '\r'))

static char *
ascii_lower(const char *text, size_t length)
{
	char *lower = pnstrdup(text, length);

	for (char *p = lower; *p != '\0'; p++)
	{
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	}
	return lower;
}

/* Without the blanks around it. */
static pg_wchar *
trim(pg_wchar *points)
{
	size_t length;

	while (*points != 0 && (ss_unicode_class(*points) & SS_UNICODE_SPACE))
		points++;
	length = ss_unicode_length(points);
	while (length > 0 && (ss_unicode_class(points[length - 1]) & SS_UNICODE_SPACE))
		length--;
	points[length] = 0;
	return points;
}

/* --- addresses ------------------------------------------------------------------------ */

char *
ss_key_of_email(const char *email, size_t length, size_t *key_length)
{
	pg_wchar *points;

	if (ss_unicode_is_ascii(email, length))
	{
		while (length > 0 && IS_BLANK(*email))
			email++, length--;
		while (length > 0 && IS_BLANK(email[length - 1]))
			length--;
		*key_length = length;
		return ascii_lower(email, length);
	}
	/* folded in their decomposed form, equivalent addresses are folded alike */
	points = trim(ss_unicode_decode(email, length));
	points = ss_unicode_fold(unicode_normalize(UNICODE_NFD, points));
	return ss_unicode_utf8(unicode_normalize(UNICODE_NFC, points), key_length);
}

char *
ss_key_clean_email(const char *email, const char *argument)
{
	pg_wchar *points = trim(ss_unicode_decode(email, strlen(email)));

	for (const pg_wchar *p = points; *p != 0; p++)
	{
		if (ss_unicode_class(*p) & (SS_UNICODE_SPACE | SS_UNICODE_INVISIBLE))
			ss_bad_value(argument, "\"%s\" has a blank, an invisible or an unknown character in it: U+%04X.", email,
						 *p);
	}
	if (*points == 0)
		ss_bad_value(argument, "It is blank.");
	return ss_unicode_encode(unicode_normalize(UNICODE_NFC, points));
}

/*
 * email_key(email)
 */
Datum
swipesavvy_email_key(PG_FUNCTION_ARGS)
{
	text *email = PG_GETARG_TEXT_PP(0);
	size_t length;
	char *key = ss_key_of_email(VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email), &length);

	PG_RETURN_BYTEA_P(cstring_to_text_with_len(key, (int) length));
}

/* --- searches --------------------------------------------------------------------------- */

/*
 * Letters that are written with a stroke or in one, which no normal form takes apart; and what a word processor makes of
 * the quotes and dashes that a keyboard has.
 */
static const struct
{
	pg_wchar point;
	pg_wchar to[2];
} letters[] = {
	{0x00E6, {'a', 'e'}}, {0x00F0, {'d'}},	{0x00F8, {'o'}},  {0x00FE, {'t', 'h'}}, {0x0111, {'d'}},
	{0x0127, {'h'}},	  {0x0131, {'i'}},	{0x0142, {'l'}},  {0x0153, {'o', 'e'}}, {0x0167, {'t'}},
	{0x0180, {'b'}},	  {0x0268, {'i'}},	{0x02BC, {'\''}}, {0x2018, {'\''}},		{0x2019, {'\''}},
	{0x201B, {'\''}},	  {0x2032, {'\''}}, {0x201C, {'"'}},  {0x201D, {'"'}},		{0x201E, {'"'}},
	{0x2010, {'-'}},	  {0x2012, {'-'}},	{0x2013, {'-'}},  {0x2014, {'-'}},		{0x2212, {'-'}},
};

/* Folded and decomposed letters without what is on, under or through them. */
static pg_wchar *
strip(const pg_wchar *points)
{
	pg_wchar *stripped = palloc((2 * ss_unicode_length(points) + 1) * sizeof(pg_wchar));
	size_t count = 0;

	for (; *points != 0; points++)
	{
		size_t i = 0;

		if (ss_unicode_class(*points) & SS_UNICODE_ACCENT)
			continue;
		while (i < lengthof(letters) && letters[i].point != *points)
			i++;
		stripped[count++] = i < lengthof(letters) ? letters[i].to[0] : *points;
		if (i < lengthof(letters) && letters[i].to[1] != 0)
			stripped[count++] = letters[i].to[1];
	}
	stripped[count] = 0;
	return stripped;
}

char *
ss_key_of_search(const char *text, size_t length)
{
	pg_wchar *points;

	if (ss_unicode_is_ascii(text, length))
		return ascii_lower(text, length);
	points = unicode_normalize(UNICODE_NFKD, ss_unicode_decode(text, length));
	points = unicode_normalize(UNICODE_NFKD, ss_unicode_fold(points));
	return ss_unicode_encode(unicode_normalize(UNICODE_NFC, strip(points)));
}

/*
 * search_key(value)
 */
Datum
swipesavvy_search_key(PG_FUNCTION_ARGS)
{
	text *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(ss_key_of_search(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value))));
}
