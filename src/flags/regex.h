/*
 * regex.h: regular expressions of ECMAScript, run by the server's own engine.
 */
#ifndef SS_REGEX_H
#define SS_REGEX_H

#include "postgres.h"

#include "mb/pg_wchar.h"

#include "flags/node.h"

/* What an ECMAScript pattern is as an advanced regular expression over UTF-16 units; false if it is invalid or cannot be expressed. */
extern bool ss_regex_translate(SSText pattern, bool any_case, pg_wchar **translated, int *length);

typedef enum SSRegexAnswer
{
	SS_REGEX_INVALID,
	SS_REGEX_NO_MATCH,
	SS_REGEX_MATCH
} SSRegexAnswer;

/* Is there a match anywhere in the text? Never an error, but that of a cancelled query. */
extern SSRegexAnswer ss_regex_search(SSText pattern, bool any_case, SSText text);

#endif /* SS_REGEX_H */
