/*
 * regex.c: compiled regular expressions, kept by their pattern (regex.h).
 *
 * Called when a condition has $regex or an experiment URL patterns. The cache
 * is this backend's: a few of them, all dropped when there are too many. What
 * the server's engine takes for wrong or too complex counts as invalid. No
 * locks.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/memutils.h"

#include "base/casing.h"
#include "flags/regex.h"

#define MAX_REGEXES 256

typedef struct Regex
{
	uint32 hash;
	bool any_case;
	bool valid;
	int length; /* of the pattern, in bytes */
	char *pattern;
	regex_t regex;
} Regex;

static MemoryContext context = NULL;
static Regex *regexes[MAX_REGEXES]; /* in the context; the first nregexes */
static int nregexes = 0;
static Regex *last = NULL; /* the one found last */

static void
forget_all(void)
{
	last = NULL;
	while (nregexes > 0)
	{
		if (regexes[--nregexes]->valid)
			pg_regfree(&regexes[nregexes]->regex);
	}
	if (context != NULL)
		MemoryContextReset(context);
	else
		context = AllocSetContextCreate(CacheMemoryContext, "swipesavvy regular expressions", ALLOCSET_DEFAULT_SIZES);
}

/* Compiles into the cache. Until it is complete nothing points to it. */
static Regex *
compile(SSText pattern, bool any_case, uint32 hash)
{
	MemoryContext caller = CurrentMemoryContext;
	pg_wchar *translated;
	int length;
	bool expressible;
	Regex *regex;

	expressible = ss_regex_translate(pattern, any_case, &translated, &length);
	if (context == NULL || nregexes == MAX_REGEXES)
		forget_all();
	MemoryContextSwitchTo(context);
	regex = palloc0(sizeof(Regex));
	regex->hash = hash;
	regex->any_case = any_case;
	regex->length = pattern.length;
	regex->pattern = pnstrdup(pattern.data, pattern.length);
	regex->valid = expressible &&
				   pg_regcomp(&regex->regex, translated, length, REG_ADVANCED | REG_NOSUB, C_COLLATION_OID) == REG_OKAY;
	MemoryContextSwitchTo(caller);
	CHECK_FOR_INTERRUPTS(); /* one that made the engine stop */
	regexes[nregexes++] = regex;
	return regex;
}

static bool
is_same(const Regex *regex, SSText pattern, bool any_case, uint32 hash)
{
	return regex->hash == hash && regex->any_case == any_case && regex->length == pattern.length &&
		   memcmp(regex->pattern, pattern.data, pattern.length) == 0;
}

static Regex *
find(SSText pattern, bool any_case)
{
	uint32 hash = hash_bytes((const unsigned char *) pattern.data, pattern.length);

	if (last != NULL && is_same(last, pattern, any_case, hash))
		return last;
	for (int i = 0; i < nregexes; i++)
	{
		if (is_same(regexes[i], pattern, any_case, hash))
			return last = regexes[i];
	}
	return last = compile(pattern, any_case, hash);
}

SSRegexAnswer
ss_regex_search(SSText pattern, bool any_case, SSText text)
{
	Regex *regex = find(pattern, any_case);
	pg_wchar *units;
	int count;
	int result;

	if (!regex->valid)
		return SS_REGEX_INVALID;
	units = ss_utf8_to_units(text.data, text.length, &count);
	for (int i = 0; any_case && i < count; i++)
		units[i] = ss_canonical_unit(units[i]);
	result = pg_regexec(&regex->regex, units, count, 0, NULL, 0, NULL, 0);
	pfree(units);
	if (result == REG_OKAY)
		return SS_REGEX_MATCH;
	if (result != REG_NOMATCH)
		CHECK_FOR_INTERRUPTS();
	return result == REG_NOMATCH ? SS_REGEX_NO_MATCH : SS_REGEX_INVALID;
}
