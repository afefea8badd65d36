/*
 * args.c: reading and checking arguments (args.h).
 *
 * Called by every SQL entry point before it touches a table. No state.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/time_text.h"

/* --- checks of values ---------------------------------------------------------- */

void
ss_check_text(const char *value, const char *name, int max_chars)
{
	int length = strlen(value);
	int chars = pg_mbstrlen_with_len(value, length);
	bool blank = true;

	for (const char *p = value; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
			ss_bad_value(name, "It contains a control character.");
		if (!isspace(c))
			blank = false;
	}
	if (blank)
		ss_bad_value(name, "It is empty.");
	if (chars > max_chars)
		ss_bad_value(name, "It is %d characters long; at most %d are allowed.", chars, max_chars);
}

int
ss_check_choice(const char *value, const char *name, const char *const *choices)
{
	StringInfoData list;

	for (int i = 0; choices[i] != NULL; i++)
	{
		if (strcmp(choices[i], value) == 0)
			return i;
	}
	initStringInfo(&list);
	for (int i = 0; choices[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ", choices[i]);
	ss_bad_value(name, "\"%.*s\" is none of: %s.", pg_mbcliplen(value, strlen(value), 100), value, list.data);
}

bool
ss_text_is_filter(const char *value)
{
	static const char *const operators[] = {
		"eq",  "neq",	"gt",	 "gte",	 "lt", "lte", "like", "ilike", "match", "imatch", "in",	 "is",	"isdistinct",
		"fts", "plfts", "phfts", "wfts", "cs", "cd",  "ov",	  "sl",	   "sr",	"nxr",	  "nxl", "adj", "not"};
	size_t length = strcspn(value, ".");

	for (int i = 0; i < (int) lengthof(operators); i++)
	{
		if (strlen(operators[i]) == length && strncmp(operators[i], value, length) == 0)
			return true;
	}
	return false;
}

void
ss_check_time(TimestampTz value, const char *name)
{
	if (TIMESTAMP_NOT_FINITE(value))
		ss_bad_value(name, "It is infinite.");
}

/* --- arguments by position ------------------------------------------------------- */

/* Is the argument absent? A required one that is raises. */
static bool
is_absent(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	if (!PG_ARGISNULL(n))
		return false;
	if (required)
		ss_missing_value(name);
	return true;
}

char *
ss_arg_text(FunctionCallInfo fcinfo, int n, const char *name, int max_chars, bool required)
{
	char *value;

	if (is_absent(fcinfo, n, name, required))
		return NULL;
	value = text_to_cstring(PG_GETARG_TEXT_PP(n));
	ss_check_text(value, name, max_chars);
	return value;
}

pg_uuid_t *
ss_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	return is_absent(fcinfo, n, name, required) ? NULL : PG_GETARG_UUID_P(n);
}

Jsonb *
ss_arg_jsonb(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	return is_absent(fcinfo, n, name, required) ? NULL : PG_GETARG_JSONB_P(n);
}

Numeric
ss_arg_numeric(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	return is_absent(fcinfo, n, name, required) ? NULL : PG_GETARG_NUMERIC(n);
}

bool
ss_arg_bool(FunctionCallInfo fcinfo, int n, bool when_null)
{
	return PG_ARGISNULL(n) ? when_null : PG_GETARG_BOOL(n);
}

static void
check_bounds(int64 value, const char *name, int64 minimum, int64 maximum)
{
	if (value < minimum || value > maximum)
		ss_bad_value(name, INT64_FORMAT " is not between " INT64_FORMAT " and " INT64_FORMAT ".", value, minimum,
					 maximum);
}

static int64
integer(FunctionCallInfo fcinfo, int n, bool is_int8, const char *name, int64 minimum, int64 maximum, bool *isnull)
{
	bool absent = is_absent(fcinfo, n, name, isnull == NULL);
	int64 value = 0;

	if (!absent)
	{
		value = is_int8 ? PG_GETARG_INT64(n) : PG_GETARG_INT32(n);
		check_bounds(value, name, minimum, maximum);
	}
	if (isnull != NULL)
		*isnull = absent;
	return value;
}

int64
ss_arg_int4(FunctionCallInfo fcinfo, int n, const char *name, int64 minimum, int64 maximum, bool *isnull)
{
	return integer(fcinfo, n, false, name, minimum, maximum, isnull);
}

int64
ss_arg_int8(FunctionCallInfo fcinfo, int n, const char *name, int64 minimum, int64 maximum, bool *isnull)
{
	return integer(fcinfo, n, true, name, minimum, maximum, isnull);
}

TimestampTz
ss_arg_time(FunctionCallInfo fcinfo, int n, const char *name, bool *isnull)
{
	bool absent = is_absent(fcinfo, n, name, isnull == NULL);
	TimestampTz value = absent ? 0 : PG_GETARG_TIMESTAMPTZ(n);

	if (isnull != NULL)
		*isnull = absent;
	if (!absent)
		ss_check_time(value, name);
	return value;
}

TimestampTz
ss_arg_as_of(FunctionCallInfo fcinfo, int n, bool required)
{
	TimestampTz now = GetCurrentTimestamp();
	bool isnull = false;
	TimestampTz value = ss_arg_time(fcinfo, n, "as_of", required ? NULL : &isnull);

	if (isnull)
		return now;
	if (value > now)
		ss_bad_value("as_of", "It lies ahead: nothing is due before its time.");
	return value;
}

SSPage
ss_arg_page(FunctionCallInfo fcinfo, int limit_n, int offset_n, int after_n, int max_limit, int default_limit)
{
	SSPage page = {.limit = default_limit, .offset = 0, .after = NULL};
	bool isnull;
	int64 value;

	if (limit_n >= 0)
	{
		value = ss_arg_int4(fcinfo, limit_n, "page_size", 1, max_limit, &isnull);
		if (!isnull)
			page.limit = value;
	}
	if (offset_n >= 0)
		page.offset = ss_arg_int4(fcinfo, offset_n, "page_offset", 0, PG_INT32_MAX, &isnull);
	if (after_n >= 0)
		page.after = ss_arg_text(fcinfo, after_n, "after", SS_KEY_MAX, false);
	return page;
}

/* --- jsonb documents ------------------------------------------------------------- */

void
ss_check_keys(Jsonb *document, const char *name, const char *const *allowed)
{
	JsonbIterator *iterator;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(document))
		ss_bad_value(name, "It is not a JSON object.");
	iterator = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		char *key = pnstrdup(value.val.string.val, value.val.string.len);

		(void) ss_check_choice(key, name, allowed);
		(void) JsonbIteratorNext(&iterator, &value, true);
		pfree(key);
	}
}

JsonbValue *
ss_document_get(Jsonb *document, const char *key)
{
	if (!JB_ROOT_IS_OBJECT(document))
		return NULL;
	return getKeyJsonValueFromContainer(&document->root, key, strlen(key), NULL);
}

JsonbValue *
ss_document_given(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_get(document, key);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

JsonbValue *
ss_document_required(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_given(document, key);

	if (value == NULL)
		ss_missing_value(key);
	return value;
}

bool
ss_document_has_null(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_get(document, key);

	return value != NULL && value->type == jbvNull;
}

char *
ss_document_text(Jsonb *document, const char *key, int max_chars)
{
	JsonbValue *value = ss_document_get(document, key);

	if (value == NULL)
		return NULL;
	if (value->type == jbvNull)
		ss_missing_value(key);
	return ss_json_as_text(value, key, max_chars);
}

char *
ss_json_as_text(const JsonbValue *value, const char *key, int max_chars)
{
	char *text;

	if (value->type != jbvString)
		ss_bad_value(key, "It is not a JSON string.");
	text = pnstrdup(value->val.string.val, value->val.string.len);
	ss_check_text(text, key, max_chars);
	return text;
}

bool
ss_json_as_bool(const JsonbValue *value, const char *key)
{
	if (value->type != jbvBool)
		ss_bad_value(key, "It is neither true nor false.");
	return value->val.boolean;
}

Numeric
ss_json_as_numeric(const JsonbValue *value, const char *key)
{
	if (value->type != jbvNumeric)
		ss_bad_value(key, "It is not a JSON number.");
	return value->val.numeric;
}

int64
ss_json_as_int(const JsonbValue *value, const char *key, int64 minimum, int64 maximum)
{
	return ss_scaled_from_numeric(ss_json_as_numeric(value, key), 0, minimum, maximum, key);
}

TimestampTz
ss_json_as_time(const JsonbValue *value, const char *key, pg_tz *zone)
{
	char *text = ss_json_as_text(value, key, 100);
	TimestampTz result;

	if (!ss_time_from_text(text, zone, &result))
		ss_bad_value(key, "\"%s\" is not a time of ISO 8601 such as 2026-03-01T12:00:00Z or 2026-03-01.", text);
	return result;
}

pg_uuid_t *
ss_json_as_uuid(const JsonbValue *value, const char *key)
{
	if (value->type != jbvString)
		ss_bad_value(key, "It is not a JSON string.");
	return ss_uuid_from_text(pnstrdup(value->val.string.val, value->val.string.len), key);
}

Jsonb *
ss_json_as_jsonb(JsonbValue *value)
{
	return JsonbValueToJsonb(value);
}
