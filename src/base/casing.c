/*
 * casing.c: case mappings from tables of our own, so that they are the same on
 * every server (casing.h).
 *
 * Called by the evaluation of flags. No state, no locks, no errors.
 */
#include "postgres.h"

#include "base/casing.h"

/* from, from + step, … to become themselves + delta */
typedef struct SSCaseRun
{
	uint32 from;
	uint32 to;
	int step;
	int delta;
} SSCaseRun;

typedef struct SSCaseRange
{
	uint32 from;
	uint32 to;
} SSCaseRange;

#include "base/casing_tables.h"

#define CAPITAL_SIGMA		  0x03a3
#define FINAL_SIGMA			  0x03c2
#define SMALL_SIGMA			  0x03c3
#define CAPITAL_I_WITH_DOT	  0x0130
#define COMBINING_DOT_ABOVE	  0x0307
#define REPLACEMENT			  0xfffd
#define MAX_BYTES_PER_MAPPING 4

pg_wchar
ss_utf8_next(const char **at, const char *end)
{
	const unsigned char *c = (const unsigned char *) *at;
	int length = pg_utf_mblen(c);
	pg_wchar result;

	if (length > end - *at || !pg_utf8_islegal(c, length))
	{
		(*at)++;
		return REPLACEMENT;
	}
	result = utf8_to_unicode(c);
	*at += length;
	return result;
}

pg_wchar *
ss_utf8_to_units(const char *text, int length, int *count)
{
	pg_wchar *units = palloc_extended(sizeof(pg_wchar) * ((Size) length + 1), MCXT_ALLOC_HUGE);
	const char *end = text + length;
	int n = 0;

	while (text < end)
	{
		pg_wchar c = ss_utf8_next(&text, end);

		if (c >= 0x10000)
		{
			units[n++] = 0xd800 + ((c - 0x10000) >> 10);
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		units[n++] = c;
	}
	*count = n;
	return units;
}

/* The last run that begins at or before the code point; NULL if there is none. */
static const SSCaseRun *
find_run(const SSCaseRun *runs, int nruns, pg_wchar c)
{
	int low = 0;
	int high = nruns;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (runs[middle].from <= c)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : &runs[low - 1];
}

static pg_wchar
map(const SSCaseRun *runs, int nruns, pg_wchar c)
{
	const SSCaseRun *run = find_run(runs, nruns, c);

	if (run == NULL || c > run->to || (c - run->from) % run->step != 0)
		return c;
	return c + run->delta;
}

static bool
has_property(const SSCaseRange *ranges, int nranges, pg_wchar c)
{
	int low = 0;
	int high = nranges;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (ranges[middle].to < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nranges && ranges[low].from <= c;
}

/* --- lower case -------------------------------------------------------------------- */

/* Where the character before `at` begins. */
static const char *
previous(const char *start, const char *at)
{
	do
		at--;
	while (at > start && ((unsigned char) *at & 0xc0) == 0x80);
	return at;
}

/* Is there a cased character before `at`, with nothing between that counts? */
static bool
cased_before(const char *start, const char *at)
{
	while (at > start)
	{
		const char *c = previous(start, at);
		const char *end = at;
		pg_wchar code;

		at = c;
		code = ss_utf8_next(&c, end);

		if (!has_property(case_ignorable, lengthof(case_ignorable), code))
			return has_property(cased, lengthof(cased), code);
	}
	return false;
}

static bool
cased_after(const char *at, const char *end)
{
	while (at < end)
	{
		pg_wchar code = ss_utf8_next(&at, end);

		if (!has_property(case_ignorable, lengthof(case_ignorable), code))
			return has_property(cased, lengthof(cased), code);
	}
	return false;
}

static char *
put(char *out, pg_wchar c)
{
	unicode_to_utf8(c, (unsigned char *) out);
	return out + pg_utf_mblen((unsigned char *) out);
}

static char *
put_lower(char *out, pg_wchar c, const char *start, const char *at, const char *after, const char *end)
{
	if (c == CAPITAL_I_WITH_DOT)
		return put(put(out, 'i'), COMBINING_DOT_ABOVE);
	if (c == CAPITAL_SIGMA)
		return put(out, cased_before(start, at) && !cased_after(after, end) ? FINAL_SIGMA : SMALL_SIGMA);
	return put(out, map(lower_runs, lengthof(lower_runs), c));
}

char *
ss_lower_case(const char *text, int length, int *lower_length)
{
	char *result = palloc_extended(MAX_BYTES_PER_MAPPING * (Size) length + 1, MCXT_ALLOC_HUGE);
	char *out = result;
	const char *end = text + length;

	for (const char *at = text; at < end;)
	{
		const char *before = at;
		pg_wchar c = ss_utf8_next(&at, end);

		if (c < 0x80)
			*out++ = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
		else
			out = put_lower(out, c, text, before, at, end);
	}
	*out = '\0';
	*lower_length = out - result;
	return result;
}

/* --- comparing without case ----------------------------------------------------------- */

pg_wchar
ss_canonical_unit(pg_wchar unit)
{
	if (unit < 0x80)
		return unit >= 'a' && unit <= 'z' ? unit - ('a' - 'A') : unit;
	return map(upper_runs, lengthof(upper_runs), unit);
}

void
ss_canonical_range(pg_wchar from, pg_wchar to, SSUnitRange function, void *state)
{
	if (from <= 'z' && to >= 'a')
		function(Max(from, 'a') - ('a' - 'A'), Min(to, 'z') - ('a' - 'A'), 1, state);
	for (size_t i = 0; i < lengthof(upper_runs); i++)
	{
		const SSCaseRun *run = &upper_runs[i];
		pg_wchar first = Max(from, run->from);
		pg_wchar last = Min(to, run->to);

		if ((first - run->from) % run->step != 0)
			first++;
		if (first <= last)
			function(first + run->delta, last + run->delta, run->step, state);
	}
}
