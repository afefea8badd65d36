/*
 * http_answer.c: status, headers and body of an answer (http_answer.h).
 *
 * Called by http_entry.c. PostgREST reads both from the settings response.status
 * and response.headers, which last until the transaction ends. No locks.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "base/args.h"
#include "base/json.h"
#include "call/call.h"
#include "call/etag.h"
#include "call/gate.h"
#include "call/refusal.h"
#include "routes/http_answer.h"

#define JSON_TYPE "application/json; charset=utf-8"

void
ss_http_answer_begin(void)
{
	ss_gate_respond("response.status", "");
	ss_gate_respond("response.headers", "");
}

/* --- success --------------------------------------------------------------------------------------- */

/* A value as a segment of a path: all but unreserved characters (RFC 3986) percent-encoded, in UTF-8. */
static void
append_segment(StringInfo path, const char *value)
{
	const char *bytes = pg_server_to_any(value, (int) strlen(value), PG_UTF8);

	for (; *bytes != '\0'; bytes++)
	{
		if (isalnum((unsigned char) *bytes) || strchr("-._~", *bytes) != NULL)
			appendStringInfoChar(path, *bytes);
		else
			appendStringInfo(path, "%%%02X", (unsigned char) *bytes);
	}
}

/* The segment of the request that stands where the route's path has this {name}; NULL if it has none. */
static const char *
segment_of(const SSRoute *route, const SSHttpRequest *request, const char *name)
{
	SSRouteSegment segment = {.next = route->path, .n = -1};

	while (ss_route_next_segment(&segment))
	{
		if (segment.name != NULL && strcmp(segment.name, name) == 0)
			return request->segments[segment.n];
	}
	return NULL;
}

/* The id of the new thing under that name: it stands in the answer, or in the path. */
static const char *
id_of(const SSRoute *route, const SSHttpRequest *request, Jsonb *document, const char *name)
{
	JsonbValue *made = ss_document_given(document, name);
	const char *value = made != NULL && made->type == jbvString ? pnstrdup(made->val.string.val, made->val.string.len)
																: segment_of(route, request, name);

	if (value == NULL)
		elog(ERROR, "the answer of \"%s\" has no \"%s\"", route->function, name);
	return value;
}

static void
add_location(const SSRoute *route, const SSHttpRequest *request, Jsonb *document)
{
	SSRouteSegment segment = {.next = route->location, .n = -1};
	StringInfoData location;

	initStringInfo(&location);
	while (ss_route_next_segment(&segment))
	{
		appendStringInfoChar(&location, '/');
		if (segment.name == NULL)
			appendBinaryStringInfo(&location, segment.text, (int) segment.length);
		else
			append_segment(&location, id_of(route, request, document, segment.name));
	}
	ss_gate_add_header("Location", location.data);
}

/* What it is now: a weak tag. True if the client has it already. */
static bool
is_unchanged(const char *body)
{
	char *tag = ss_etag_make(body);

	ss_gate_add_header("ETag", psprintf("W/%s", tag));
	return ss_etag_is_known(tag);
}

/* An export is saved under its dataset's name. */
static text *
answer_file(const SSHttpRequest *request, Datum result)
{
	const char *dataset = "export";
	bool is_json = false;

	for (int i = 0; i < request->nparameters; i++)
	{
		if (strcmp(request->parameters[i].name, "dataset") == 0)
			dataset = request->parameters[i].value; /* one of the known words, or it would have been refused */
		if (strcmp(request->parameters[i].name, "format") == 0)
			is_json = strcmp(request->parameters[i].value, "json") == 0;
	}
	ss_gate_add_header("Content-Type", is_json ? "application/x-ndjson" : "text/csv; charset=utf-8");
	ss_gate_add_header("Content-Disposition",
					   psprintf("attachment; filename=\"%s.%s\"", dataset, is_json ? "ndjson" : "csv"));
	return DatumGetTextPP(result);
}

/* The status that the function has set, unless it is the one of whatever creates something: the route knows better. */
static bool
has_own_status(void)
{
	const char *status = GetConfigOption("response.status", true, false);

	return status != NULL && status[0] != '\0' && strcmp(status, "201") != 0;
}

static bool
is_refused(void)
{
	const char *status = GetConfigOption("response.status", true, false);

	return status != NULL && strcmp(status, "401") == 0;
}

/* The result as the body of an answer; *document is what it was made of, NULL for a page. */
static char *
make_body(const SSRoute *route, Datum result, bool isnull, Jsonb **document)
{
	*document = NULL;
	if (isnull)
		return pstrdup("");
	if (route->answer == SS_ROUTE_PAGE)
		return TextDatumGetCString(result);
	*document = DatumGetJsonbP(result);
	return JsonbToCString(NULL, &(*document)->root, VARSIZE(*document));
}

text *
ss_http_answer(const SSRoute *route, const SSHttpRequest *request, Datum result, bool isnull)
{
	Jsonb *document;
	char *body;

	if (route->answer == SS_ROUTE_FILE)
		return answer_file(request, result);
	body = make_body(route, result, isnull, &document);
	ss_gate_add_header("Content-Type", route->answer == SS_ROUTE_PAGE ? "text/html; charset=utf-8" : JSON_TYPE);
	if (has_own_status())
	{
		if (is_refused())
			ss_gate_add_header("WWW-Authenticate", "Bearer");
		return cstring_to_text(body);
	}
	ss_gate_respond("response.status", psprintf("%d", route->status));
	if (route->location != NULL && document != NULL)
		add_location(route, request, document);
	if (route->tagged && is_unchanged(body))
	{
		ss_gate_respond("response.status", "304");
		body[0] = '\0';
	}
	return cstring_to_text(body);
}

/* --- errors ------------------------------------------------------------------------------------------ */

/* The status of an error's code, as PostgREST has it; 0 for those that are the server's own. */
static int
status_of(int sqlerrcode)
{
	const char *code = unpack_sql_state(sqlerrcode);

	if (strncmp(code, "PT", 2) == 0)
		return (int) strtol(code + 2, NULL, 10);
	switch (sqlerrcode)
	{
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return ss_call_is_anonymous() ? 401 : 403;
		case ERRCODE_FOREIGN_KEY_VIOLATION:
		case ERRCODE_UNIQUE_VIOLATION:
			return 409;
		case ERRCODE_READ_ONLY_SQL_TRANSACTION:
			return 405;
		default:
			return strncmp(code, "22", 2) == 0 || strncmp(code, "23", 2) == 0 ? 400 : 0;
	}
}

bool
ss_http_is_answered(int sqlerrcode)
{
	return status_of(sqlerrcode) != 0;
}

static void
add_error_headers(int status, const SSHttpRequest *request)
{
	ss_gate_add_header("Content-Type", JSON_TYPE);
	ss_gate_add_header("Cache-Control", "no-store");
	if (status == 401)
		ss_gate_add_header("WWW-Authenticate", "Bearer");
	if (status == 405 && request->nsegments <= SS_ROUTE_SEGMENTS_MAX)
		ss_gate_add_header("Allow", ss_route_allowed(request->segments, request->nsegments));
	if (status == 429 || status == 503)
		ss_gate_add_header("Retry-After", psprintf("%d", ss_refusal_retry_after()));
}

text *
ss_http_answer_error(const ErrorData *error, const SSHttpRequest *request)
{
	int status = status_of(error->sqlerrcode);
	SSJson json = {0};
	Jsonb *document;

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "code", pstrdup(unpack_sql_state(error->sqlerrcode)));
	ss_json_text(&json, "message", error->message);
	ss_json_text(&json, "details", error->detail);
	ss_json_text(&json, "hint", error->hint);
	ss_json_text(&json, "error", error->message);
	ss_json_close_object(&json);
	document = DatumGetJsonbP(ss_json_finish(&json));
	ss_http_answer_begin();
	ss_gate_respond("response.status", psprintf("%d", status));
	add_error_headers(status, request);
	return cstring_to_text(JsonbToCString(NULL, &document->root, VARSIZE(document)));
}
