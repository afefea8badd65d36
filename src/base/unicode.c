/*
 * unicode.c: classes, case and encoding of code points (unicode.h).
 *
 * Called by the keys of addresses and searches (text_keys.c), by sign-in for
 * passwords, and by whoever cuts a name. No state, no locks.
 */
#include "postgres.h"

#include "catalog/namespace.h"

#include "base/unicode.h"

#define SEVERAL_MAX 3
#define UTF8_MAX	4

/* Points first to last are of the classes. */
typedef struct Class
{
	uint32 first;
	uint32 last;
	uint32 bits;
} Class;

/* Every step-th of the points first to last is mapped to the one at that distance. */
typedef struct Run
{
	uint32 first;
	uint32 last;
	uint32 step;
	int32 distance;
} Run;

/* A point that is mapped to several. */
typedef struct Several
{
	uint32 point;
	uint32 to[SEVERAL_MAX]; /* 0 = none */
} Several;

#include "base/unicode_table.h"

/* Bytes of SQL_ASCII that are no UTF-8 are this and the byte. */
#define RAW_BYTE	   ((pg_wchar) 0x110000)
#define IS_RAW_BYTE(p) ((p) >= RAW_BYTE)

/* The item of a sorted table whose points, from .first to .last, hold the point; NULL if there is none. */
#define FIND(found, table, point)                                                                                      \
	do                                                                                                                 \
	{                                                                                                                  \
		size_t low_ = 0;                                                                                               \
		size_t high_ = lengthof(table);                                                                                \
                                                                                                                       \
		(found) = NULL;                                                                                                \
		while (low_ < high_ && (found) == NULL)                                                                        \
		{                                                                                                              \
			size_t middle_ = (low_ + high_) / 2;                                                                       \
                                                                                                                       \
			if ((point) < (table)[middle_].first)                                                                      \
				high_ = middle_;                                                                                       \
			else if ((point) > (table)[middle_].last)                                                                  \
				low_ = middle_ + 1;                                                                                    \
			else                                                                                                       \
				(found) = &(table)[middle_];                                                                           \
		}                                                                                                              \
	} while (0)

uint32
ss_unicode_class(pg_wchar point)
{
	const Class *found;

	FIND(found, classes, point);
	return found == NULL ? 0 : found->bits;
}

bool
ss_unicode_is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	}
	return true;
}

size_t
ss_unicode_length(const pg_wchar *points)
{
	size_t length = 0;

	while (points[length] != 0)
		length++;
	return length;
}

/* --- encodings --------------------------------------------------------------------------- */

pg_wchar *
ss_unicode_decode(const char *text, size_t length)
{
	const char *utf8 = text;
	pg_wchar *points;
	size_t count = 0;
	bool raw =
		GetDatabaseEncoding() == PG_SQL_ASCII && pg_encoding_verifymbstr(PG_UTF8, text, (int) length) != (int) length;

	if (!raw && GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		utf8 = pg_server_to_any(text, (int) length, PG_UTF8);
		if (utf8 != text)
			length = strlen(utf8);
	}
	points = palloc((length + 1) * sizeof(pg_wchar));
	for (size_t i = 0; i < length;)
	{
		if (raw)
		{
			points[count++] = IS_HIGHBIT_SET(utf8[i]) ? RAW_BYTE + (unsigned char) utf8[i] : (pg_wchar) utf8[i];
			i++;
			continue;
		}
		points[count++] = utf8_to_unicode((const unsigned char *) utf8 + i);
		i += pg_utf_mblen((const unsigned char *) utf8 + i);
	}
	points[count] = 0;
	if (utf8 != text)
	{
		memset(unconstify(char *, utf8), 0, length);
		pfree(unconstify(char *, utf8));
	}
	return points;
}

char *
ss_unicode_utf8(const pg_wchar *points, size_t *length)
{
	char *text = palloc(ss_unicode_length(points) * UTF8_MAX + 1);
	char *end = text;

	for (; *points != 0; points++)
	{
		if (IS_RAW_BYTE(*points))
			*end++ = (char) (*points - RAW_BYTE);
		else
		{
			(void) unicode_to_utf8(*points, (unsigned char *) end);
			end += pg_utf_mblen((unsigned char *) end);
		}
	}
	*end = '\0';
	*length = end - text;
	return text;
}

char *
ss_unicode_encode(const pg_wchar *points)
{
	int encoding = GetDatabaseEncoding();
	size_t length;
	char *utf8 = ss_unicode_utf8(points, &length);
	size_t done = 0;
	char *text;
	char *end;
	Oid conversion;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || ss_unicode_is_ascii(utf8, length))
		return utf8;
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("the database's encoding has no conversion"),
				errdetail("The encoding is %s.", GetDatabaseEncodingName()));
	text = end = palloc(length * MAX_CONVERSION_GROWTH + 1);
	*end = '\0';
	while (done < length)
	{
		done += pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) utf8 + done,
											  (int) (length - done), (unsigned char *) end,
											  (int) (length * MAX_CONVERSION_GROWTH + 1 - (end - text)), true);
		end += strlen(end);
		if (done < length)
			done += pg_utf_mblen((unsigned char *) utf8 + done);
	}
	return text;
}

/* --- case ----------------------------------------------------------------------------------- */

pg_wchar *
ss_unicode_fold(const pg_wchar *points)
{
	pg_wchar *folded = palloc((ss_unicode_length(points) * SEVERAL_MAX + 1) * sizeof(pg_wchar));
	size_t count = 0;

	for (; *points != 0; points++)
	{
		const Run *run;
		size_t i = 0;

		FIND(run, fold_runs, *points);
		while (i < lengthof(fold_several) && fold_several[i].point < *points)
			i++;
		if (i < lengthof(fold_several) && fold_several[i].point == *points)
		{
			for (int j = 0; j < SEVERAL_MAX && fold_several[i].to[j] != 0; j++)
				folded[count++] = fold_several[i].to[j];
		}
		else if (run != NULL && (*points - run->first) % run->step == 0)
			folded[count++] = (pg_wchar) ((int32) *points + run->distance);
		else
			folded[count++] = *points;
	}
	folded[count] = 0;
	return folded;
}
