/*
 * http_request.c: reads the request of a client (http_request.h).
 *
 * Called by http_entry.c, once for each request. Touches no state but the
 * session's setting request.headers; no locks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "base/array.h"
#include "base/errors.h"
#include "base/json_members.h"
#include "routes/http_request.h"

/* The value of a hexadecimal digit, -1 of anything else. */
static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Decodes percent-encoding once; in a query a plus is a blank. The bytes are
 * UTF-8 on their way, whatever the database's encoding is. 22023 naming the
 * part for a percent sign without two digits, and for a NUL; 22021 for bytes
 * that are no characters.
 */
static char *
decode(const char *text, size_t length, const char *part, bool plus_is_blank)
{
	char *decoded = palloc(length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
	{
		char c = text[i];

		if (c == '+' && plus_is_blank)
			c = ' ';
		else if (c == '%')
		{
			int high = i + 2 < length ? digit_of(text[i + 1]) : -1;
			int low = high < 0 ? -1 : digit_of(text[i + 2]);

			if (low < 0)
				ss_bad_value(part, "A percent sign stands before two hexadecimal digits, or is %%25 itself.");
			c = (char) (high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			ss_bad_value(part, "A text cannot contain the character NUL.");
		decoded[used++] = c;
	}
	decoded[used] = '\0';
	return pg_any_to_server(decoded, (int) used, PG_UTF8);
}

static void
read_path(SSHttpRequest *request, const char *path, size_t length)
{
	const char *end = path + length;

	request->nsegments = 0;
	while (path < end && *path == '/')
	{
		size_t segment = 0;

		path++;
		while (path + segment < end && path[segment] != '/')
			segment++;
		if (request->nsegments == SS_ROUTE_SEGMENTS_MAX)
		{
			request->nsegments++;
			return;
		}
		request->segments[request->nsegments++] = decode(path, segment, "path", false);
		path += segment;
	}
	if (path < end)
		request->nsegments = SS_ROUTE_SEGMENTS_MAX + 1; /* it does not begin with a slash */
}

static void
read_query(SSHttpRequest *request, const char *query)
{
	while (*query != '\0')
	{
		size_t length = strcspn(query, "&");
		size_t name = strcspn(query, "=&");

		if (length > 0)
		{
			bool has_value = name < length;

			request->parameters = ss_array_grow(request->parameters, request->nparameters, sizeof(SSHttpParameter));
			request->parameters[request->nparameters++] = (SSHttpParameter){
				.name = decode(query, name, "query", true),
				.value = has_value ? decode(query + name + 1, length - name - 1, "query", true) : pstrdup("")};
		}
		query += length;
		if (*query == '&')
			query++;
	}
}

void
ss_http_request_read(SSHttpRequest *request)
{
	/* PostgREST gives the names in lower case */
	SSPicked picked[] = {{.name = "x-original-method"}, {.name = "x-original-uri"}};
	const char *headers = GetConfigOption("request.headers", true, false);
	const char *uri;
	size_t path;

	if (headers != NULL && headers[0] != '\0')
		ss_pick_members(headers, picked, lengthof(picked));
	if (picked[0].text == NULL || picked[1].text == NULL)
		ss_bad_state("the request names no route",
					 "The proxy hands on the method and the path in the headers X-Original-Method and X-Original-URI.");
	request->method = picked[0].text;
	uri = picked[1].text;
	path = strcspn(uri, "?");
	read_path(request, uri, path);
	if (uri[path] == '?')
		read_query(request, uri + path + 1);
}
