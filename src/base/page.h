/*
 * page.h: the envelope of list results, and the pattern of their `search`.
 *
 * A list function counts first, by tally.h or by a query that stops at
 * SS_PAGE_COUNT_LIMIT, then asks for SS_PAGE_ROWS(&page) rows after the cursor and offset, and
 * hands both to ss_page_add.
 */
#ifndef SS_PAGE_H
#define SS_PAGE_H

#include "postgres.h"

#include "base/args.h"
#include "base/json.h"

/* page_size of most lists */
#define SS_PAGE_DEFAULT 20
#define SS_PAGE_MAX		100

/* Totals are exact up to here. */
#define SS_PAGE_TOTAL_MAX 10000

/* Where a query that counts them stops: one more tells that there are more. */
#define SS_PAGE_COUNT_LIMIT " LIMIT " CppAsString2(SS_PAGE_TOTAL_MAX) " + 1"

/* How many rows to ask for: one more than is shown tells whether there are more. */
#define SS_PAGE_ROWS(page) ((page)->limit + 1)

/*
 * Adds to the open object: the rows of the last query under `things`, total
 * (of `counted` rows), limit, offset, and, where `cursor` names the column to
 * go on from, next_cursor (null on the last page).
 */
extern void ss_page_add(SSJson *json, const char *things, const SSPage *page, int64 counted, const char *cursor);

/*
 * The same for a list that adds its rows itself: total, limit, offset and
 * next_cursor (NULL on the last page). An exact total is never capped.
 */
extern void ss_page_end(SSJson *json, const SSPage *page, int64 total, bool exact, const char *next_cursor);

/*
 * Remembers, for ten seconds and in this session, that a list without any
 * filter has more than SS_PAGE_TOTAL_MAX rows: counting so many costs more than
 * the page. A transaction that has written counts for itself.
 */
typedef struct SSPageBeyond
{
	TimestampTz until;
	uint64 changes; /* of ss_rule_sentinel by then */
} SSPageBeyond;

extern bool ss_page_is_beyond(const SSPageBeyond *beyond);
extern void ss_page_remember(SSPageBeyond *beyond, int64 counted);

/* What the search key of a text must contain to be found. */
extern char *ss_page_search_key(const char *search);

/* The LIKE pattern that finds it anywhere in a search key; its own %, _ and \ are escaped. */
extern char *ss_page_pattern(const char *search);

#endif /* SS_PAGE_H */
