/*
 * errors.c: raises the errors of errors.h.
 *
 * Called by every domain. Touches no state.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/errors.h"

/* Formats a detail; the values in it are cut, so that a megabyte of input does not come back. */
static char *format_detail(const char *fmt, va_list args) pg_attribute_printf(1, 0);

static char *
format_detail(const char *fmt, va_list args)
{
	char *text = palloc(1024);

	vsnprintf(text, 1024, fmt, args);
	text[pg_mbcliplen(text, strlen(text), 1000)] = '\0';
	return text;
}

#define WITH_DETAIL(raise)                                                                                             \
	do                                                                                                                 \
	{                                                                                                                  \
		va_list args;                                                                                                  \
		char *text;                                                                                                    \
                                                                                                                       \
		va_start(args, detail);                                                                                        \
		text = format_detail(detail, args);                                                                            \
		va_end(args);                                                                                                  \
		raise;                                                                                                         \
	} while (0)

void
ss_bad_value(const char *argument, const char *detail, ...)
{
	WITH_DETAIL(ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for argument \"%s\"", argument), errdetail("%s", text)));
	pg_unreachable();
}

void
ss_missing_value(const char *argument)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"%s\" must be given", argument),
			errdetail("It is null."));
	pg_unreachable();
}

void
ss_not_found(const char *thing, const char *key)
{
	ereport(ERROR, errcode(SS_ERRCODE_NOT_FOUND), errmsg("%s not found", thing),
			errdetail("There is no %s \"%.*s\".", thing, pg_mbcliplen(key, strlen(key), 200), key));
	pg_unreachable();
}

void
ss_bad_state(const char *message, const char *detail, ...)
{
	WITH_DETAIL(ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("%s", message), errdetail("%s", text)));
	pg_unreachable();
}

void
ss_exhausted(const char *message, const char *detail, ...)
{
	WITH_DETAIL(ereport(ERROR, errcode(SS_ERRCODE_EXHAUSTED), errmsg("%s", message), errdetail("%s", text)));
	pg_unreachable();
}

void
ss_duplicate(const char *message, const char *detail, ...)
{
	WITH_DETAIL(ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION), errmsg("%s", message), errdetail("%s", text)));
	pg_unreachable();
}

void
ss_unauthenticated(const char *message, const char *detail)
{
	ereport(ERROR, errcode(SS_ERRCODE_UNAUTHENTICATED), errmsg("%s", message), errdetail("%s", detail));
	pg_unreachable();
}

void
ss_out_of_range(const char *quantity)
{
	ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("%s out of range", quantity),
			errdetail("The result does not fit into 64 bits."));
	pg_unreachable();
}
