/*
 * json.h: builds the jsonb results of the API over the server's own
 * pushJsonbValue.
 *
 * Keys are constants of ours; a NULL key adds an element to the array that is
 * open. Everything lives in the memory context that is current at
 * ss_json_finish.
 */
#ifndef SS_JSON_H
#define SS_JSON_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/rows.h"

typedef struct SSJson
{
	JsonbParseState *state;
	JsonbValue *result;
} SSJson;

/* Objects and arrays; the outermost one is opened with a NULL key. */
extern void ss_json_open_object(SSJson *json, const char *key);
extern void ss_json_close_object(SSJson *json);
extern void ss_json_open_array(SSJson *json, const char *key);
extern void ss_json_close_array(SSJson *json);

/* Scalars. A NULL text, uuid or jsonb pointer adds null; what it points to must live until ss_json_finish. */
extern void ss_json_null(SSJson *json, const char *key);
extern void ss_json_bool(SSJson *json, const char *key, bool value);
extern void ss_json_int(SSJson *json, const char *key, int64 value);
extern void ss_json_text(SSJson *json, const char *key, const char *value);
extern void ss_json_uuid(SSJson *json, const char *key, const pg_uuid_t *value);
extern void ss_json_jsonb(SSJson *json, const char *key, Jsonb *value);

/* ISO 8601 in UTC with a Z; and as a text, palloc'd */
extern char *ss_json_time_text(TimestampTz value);
extern void ss_json_time(SSJson *json, const char *key, TimestampTz value);

/* The same in a document that a query makes: there a timestamptz would have the session's time zone. */
#define SS_JSON_TIME_SQL(at) "(to_jsonb((" at ") AT TIME ZONE 'UTC') #>> '{}') || 'Z'"

/* ISO 8601, whatever DateStyle is; an infinite one, which has no text here, adds null */
extern char *ss_json_date_text(DateADT value);
extern void ss_json_date(SSJson *json, const char *key, DateADT value);

/* minor units of a currency with that many decimals, as a decimal number in major units */
extern void ss_json_money(SSJson *json, const char *key, int64 minor, int exponent);

/* What was measured, with three decimals; NaN adds null */
extern void ss_json_measure(SSJson *json, const char *key, double value);

/* A double with its shortest digits; NaN and the infinities add null */
extern void ss_json_double(SSJson *json, const char *key, double value);

/* a / b with exactly that many decimals, halves away from zero; null where b is 0 */
extern void ss_json_quotient(SSJson *json, const char *key, int128 a, int128 b, int decimals);

/*
 * A value of an SQL type: numbers, booleans, dates, timestamps, uuids, jsonb and text as above; arrays of one dimension as
 * arrays; others by their output function.
 */
extern void ss_json_datum(SSJson *json, const char *key, Datum value, bool isnull, Oid type);

/* The columns of a row as keys of the object that is open, each under its own name. */
extern void ss_json_columns(SSJson *json, SSRow row);

/* The first row of the last query as an object under key. */
extern void ss_json_row(SSJson *json, const char *key);

/* All rows of the last query as an array of objects under key. */
extern void ss_json_rows(SSJson *json, const char *key);

/* The next value, a whole row of a table, as a document of its columns, but for one: to_jsonb would have times in the session's zone. */
extern Jsonb *ss_next_document(SSRow *row, const char *except);

/* The finished document. */
extern Datum ss_json_finish(SSJson *json);

#endif /* SS_JSON_H */
