/*
 * args.h: reading and checking the arguments of API functions.
 *
 * Every reader raises 22023 naming the argument when the value is not one that
 * is allowed; a null where `required` is false gives the C value for "absent".
 * The checks are also there for values that come from a jsonb document.
 */
#ifndef SS_ARGS_H
#define SS_ARGS_H

#include "postgres.h"

#include "fmgr.h"
#include "pgtime.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/uuid.h"

/* Usual lengths, in characters. */
#define SS_NAME_MAX		200
#define SS_TEXT_MAX		4000
#define SS_KEY_MAX		200
#define SS_METADATA_MAX 65536 /* bytes of a metadata document */

/* What a list function pages by. */
typedef struct SSPage
{
	int64 limit;
	int64 offset;
	char *after; /* a cursor given back by the caller, or NULL */
} SSPage;

/* --- arguments by position (n from 0) and name ------------------------------- */

extern char *ss_arg_text(FunctionCallInfo fcinfo, int n, const char *name, int max_chars, bool required);
extern pg_uuid_t *ss_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name, bool required);
extern Jsonb *ss_arg_jsonb(FunctionCallInfo fcinfo, int n, const char *name, bool required);
extern Numeric ss_arg_numeric(FunctionCallInfo fcinfo, int n, const char *name, bool required);
extern bool ss_arg_bool(FunctionCallInfo fcinfo, int n, bool when_null);

/* An int4 argument within bounds; *isnull tells absence (pass NULL to require it). */
extern int64 ss_arg_int4(FunctionCallInfo fcinfo, int n, const char *name, int64 minimum, int64 maximum, bool *isnull);

/* An int8 argument, as above. */
extern int64 ss_arg_int8(FunctionCallInfo fcinfo, int n, const char *name, int64 minimum, int64 maximum, bool *isnull);

/* A finite timestamp; *isnull as above. */
extern TimestampTz ss_arg_time(FunctionCallInfo fcinfo, int n, const char *name, bool *isnull);

/* The moment "as_of" which a job does what was due: not one to come. Null, unless required, is now. */
extern TimestampTz ss_arg_as_of(FunctionCallInfo fcinfo, int n, bool required);

/* page_size, page_offset, after: the arguments at those positions; a position of -1 says there is none. */
extern SSPage ss_arg_page(FunctionCallInfo fcinfo, int limit_n, int offset_n, int after_n, int max_limit,
						  int default_limit);

/* --- checks of values ---------------------------------------------------------- */

/* Not empty or blank, not longer than max_chars, no control characters but line breaks and tabs. */
extern void ss_check_text(const char *value, const char *name, int max_chars);

/* One of the choices (a NULL-terminated list); returns its index. */
extern int ss_check_choice(const char *value, const char *name, const char *const *choices);

/*
 * Would a GET over PostgREST take it for a filter? So it takes values that are
 * one of its operators, or begin with one and a dot ("eq.1"): an id of that
 * form could not be asked for.
 */
extern bool ss_text_is_filter(const char *value);

/* A finite timestamp. */
extern void ss_check_time(TimestampTz value, const char *name);

/* --- jsonb documents ------------------------------------------------------------- */

/*
 * Checks that the document is an object whose keys are all in the list (a
 * NULL-terminated one), naming the argument and the key otherwise.
 */
extern void ss_check_keys(Jsonb *document, const char *name, const char *const *allowed);

/* The value under a key: NULL if the key is absent; jbvNull counts as a value. */
extern JsonbValue *ss_document_get(Jsonb *document, const char *key);

/* The same where null is as good as absent: NULL for both; the second refuses both, 22023 naming the key. */
extern JsonbValue *ss_document_given(Jsonb *document, const char *key);
extern JsonbValue *ss_document_required(Jsonb *document, const char *key);

/* Is the key there with the value null? */
extern bool ss_document_has_null(Jsonb *document, const char *key);

/* The text under a key, NULL if the key is absent; a null is 22023. */
extern char *ss_document_text(Jsonb *document, const char *key, int max_chars);

/* The value as a C value; 22023 naming the key when it is of another JSON type. Null is for the caller to handle first. */
extern char *ss_json_as_text(const JsonbValue *value, const char *key, int max_chars);
extern bool ss_json_as_bool(const JsonbValue *value, const char *key);
extern Numeric ss_json_as_numeric(const JsonbValue *value, const char *key);
extern int64 ss_json_as_int(const JsonbValue *value, const char *key, int64 minimum, int64 maximum);
/* In the zone, which is the programme's, unless the text says otherwise. */
extern TimestampTz ss_json_as_time(const JsonbValue *value, const char *key, pg_tz *zone);
extern pg_uuid_t *ss_json_as_uuid(const JsonbValue *value, const char *key);
/* Any value as a jsonb document of its own. */
extern Jsonb *ss_json_as_jsonb(JsonbValue *value);

#endif /* SS_ARGS_H */
