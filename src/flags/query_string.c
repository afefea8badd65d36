/*
 * query_string.c: the variation that a URL's query string asks for
 * (evaluation.h).
 *
 * Called by experiment.c. No errors.
 */
#include "postgres.h"

#include "base/casing.h"
#include "flags/evaluation.h"

/* What stands between the first and the second question mark, up to a number sign. */
static SSText
query_of(SSText url)
{
	const char *end = url.data + url.length;
	const char *start = url.length == 0 ? NULL : memchr(url.data, '?', url.length);
	const char *c;

	if (start == NULL)
		return (SSText){end, 0};
	start++;
	for (c = start; c < end && *c != '?' && *c != '#'; c++)
		;
	return (SSText){start, c - start};
}

static int
digit_of(char c, int base)
{
	int digit = c >= '0' && c <= '9'   ? c - '0'
				: c >= 'a' && c <= 'f' ? c - 'a' + 10
				: c >= 'A' && c <= 'F' ? c - 'A' + 10
									   : 16;

	return digit < base ? digit : -1;
}

/* The integer that a text begins with, cut at limit; -1 if it is none or below zero. */
static int64
leading_integer(SSText text, int64 limit)
{
	const char *c = text.data;
	const char *end = text.data + text.length;
	const char *start;
	bool negative = false;
	int base = 10;
	int64 value = 0;

	for (const char *next = c; next < end && ss_is_white_space(ss_utf8_next(&next, end));)
		c = next;
	if (c < end && (*c == '+' || *c == '-'))
		negative = *c++ == '-';
	if (end - c >= 2 && c[0] == '0' && (c[1] == 'x' || c[1] == 'X'))
	{
		base = 16;
		c += 2;
	}
	start = c;
	for (; c < end && digit_of(*c, base) >= 0; c++)
		value = Min(value * base + digit_of(*c, base), limit);
	if (c == start || (negative && value > 0))
		return -1;
	return value;
}

/* A pair of the query: its name, and its first value. */
static bool
read_pair(SSText pair, SSText key, SSText *value)
{
	const char *end = pair.data + pair.length;
	const char *sign = pair.length == 0 ? NULL : memchr(pair.data, '=', pair.length);
	SSText name = {pair.data, sign == NULL ? pair.length : sign - pair.data};
	const char *next;

	if (!ss_text_equals(name, key))
		return false;
	*value = (SSText){end, 0};
	if (sign == NULL)
		return true;
	sign++;
	next = sign == end ? NULL : memchr(sign, '=', end - sign);
	*value = (SSText){sign, (next == NULL ? end : next) - sign};
	return true;
}

int
ss_query_string_variation(SSNode *url, SSText key, int n)
{
	SSText query;
	int start = 0;

	if (!ss_node_is(url, SS_NODE_STRING))
		return -1;
	query = query_of(ss_node_string(url));
	for (int i = 0; i <= query.length; i++)
	{
		SSText value;
		int64 variation;

		if (i < query.length && query.data[i] != '&')
			continue;
		if (read_pair((SSText){query.data + start, i - start}, key, &value))
		{
			variation = leading_integer(value, PG_INT32_MAX);
			return variation < n ? (int) variation : -1;
		}
		start = i + 1;
	}
	return -1;
}
