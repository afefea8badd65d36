/*
 * page.c: list envelopes (page.h).
 *
 * Called by the list functions between ss_call_enter and ss_call_leave. Reads
 * the last SPI result. No locks, and no state but what a list remembers of its
 * length.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "base/page.h"
#include "base/sentinel.h"
#include "base/text_keys.h"

#define REMEMBERED (10 * USECS_PER_SEC)

static void
add_total(SSJson *json, const SSPage *page, int64 total, bool exact)
{
	bool capped = !exact && total > SS_PAGE_TOTAL_MAX;

	ss_json_int(json, "total", capped ? SS_PAGE_TOTAL_MAX : total);
	if (capped)
		ss_json_bool(json, "total_capped", true);
	ss_json_int(json, "limit", page->limit);
	ss_json_int(json, "offset", page->offset);
}

void
ss_page_end(SSJson *json, const SSPage *page, int64 total, bool exact, const char *next_cursor)
{
	add_total(json, page, total, exact);
	ss_json_text(json, "next_cursor", next_cursor);
}

void
ss_page_add(SSJson *json, const char *things, const SSPage *page, int64 counted, const char *cursor)
{
	SSRows rows = ss_rows_of_last();
	int64 shown = Min((int64) rows.count, page->limit);

	ss_json_open_array(json, things);
	for (int64 i = 0; i < shown; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_columns(json, ss_row(rows, i));
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	add_total(json, page, counted, false);
	if (cursor == NULL)
		return;
	if ((int64) rows.count > shown)
	{
		SSRow last = ss_row(rows, shown - 1);

		ss_json_text(json, "next_cursor", SPI_getvalue(last.tuple, last.desc, SPI_fnumber(last.desc, cursor)));
	}
	else
		ss_json_null(json, "next_cursor");
}

bool
ss_page_is_beyond(const SSPageBeyond *beyond)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	/* further ahead than it was ever set: by a clock that was */
	return now < beyond->until && beyond->until <= now + REMEMBERED &&
		   beyond->changes == ss_sentinel_changes(&ss_rule_sentinel) &&
		   !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

void
ss_page_remember(SSPageBeyond *beyond, int64 counted)
{
	beyond->until = 0;
	if (counted <= SS_PAGE_TOTAL_MAX || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	beyond->until = GetCurrentStatementStartTimestamp() + REMEMBERED;
	beyond->changes = ss_sentinel_changes(&ss_rule_sentinel);
}

char *
ss_page_search_key(const char *search)
{
	char *key = ss_key_of_search(search, strlen(search));

	return *key == '\0' ? pstrdup(search) : key; /* accents alone: found nowhere, and not everywhere */
}

char *
ss_page_pattern(const char *search)
{
	const char *key = ss_page_search_key(search);
	StringInfoData pattern;

	initStringInfo(&pattern);
	appendStringInfoChar(&pattern, '%');
	for (const char *p = key; *p != '\0'; p++)
	{
		if (*p == '%' || *p == '_' || *p == '\\')
			appendStringInfoChar(&pattern, '\\');
		appendStringInfoChar(&pattern, *p);
	}
	appendStringInfoChar(&pattern, '%');
	return pattern.data;
}
