/*
 * casing.h: upper and lower case as Unicode has it, whatever the locale.
 */
#ifndef SS_CASING_H
#define SS_CASING_H

#include "postgres.h"

#include "mb/pg_wchar.h"

/*
 * The next code point of a UTF-8 text that ends at `end`, and where the one
 * after it begins. A byte that starts no character counts as U+FFFD.
 */
extern pg_wchar ss_utf8_next(const char **at, const char *end);

/* The UTF-16 units of a UTF-8 text, palloc'd. */
extern pg_wchar *ss_utf8_to_units(const char *text, int length, int *count);

/* A UTF-8 text in lower case, palloc'd, with a final sigma where a word ends; the length goes to *lower_length. */
extern char *ss_lower_case(const char *text, int length, int *lower_length);

/* The form in which ECMAScript compares a unit when case does not matter: the upper case, if it is one unit of the same sort. */
extern pg_wchar ss_canonical_unit(pg_wchar unit);

/*
 * What the units of a range become by that: calls the function for each run of
 * units that become others (step 1 or 2), with the canonical ones.
 */
typedef void (*SSUnitRange)(pg_wchar from, pg_wchar to, int step, void *state);
extern void ss_canonical_range(pg_wchar from, pg_wchar to, SSUnitRange function, void *state);

#endif /* SS_CASING_H */
