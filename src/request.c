/*
 * request.c: where a call came from (request.h).
 *
 * Called for each row of the audit log. Touches no state but the session's
 * setting request.headers.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "call.h"
#include "request.h"

/* A header's value; its length is 0 if there is none. */
typedef struct Header
{
	const char *text;
	int			length;
} Header;

/* PostgREST gives the names in lower case. */
static Header
header_of(Jsonb *headers, const char *name)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(headers) ||
		getKeyJsonValueFromContainer(&headers->root, name, strlen(name), &value) == NULL || value.type != jbvString)
		return (Header){NULL, 0};
	return (Header){value.val.string.val, value.val.string.len};
}

/* Copies a value made of these characters and letters and digits only; nothing of any other one. */
static void
copy_plain(char *target, size_t size, Header value, const char *also)
{
	target[0] = '\0';
	if (value.length == 0 || (size_t) value.length >= size)
		return;
	for (int i = 0; i < value.length; i++)
		if (!isalnum((unsigned char) value.text[i]) && strchr(also, value.text[i]) == NULL)
			return;
	memcpy(target, value.text, value.length);
	target[value.length] = '\0';
}

/* What stands after the last comma. */
static Header
last_of_list(Header list)
{
	int			start = list.length;

	while (start > 0 && list.text[start - 1] != ',')
		start--;
	while (start < list.length && list.text[start] == ' ')
		start++;
	return (Header){list.text + start, list.length - start};
}

static void
read_headers(SSRequest *request, const char *text)
{
	Jsonb	   *headers = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	Header		agent = header_of(headers, "user-agent");
	Header		forwarded = header_of(headers, "x-forwarded-for");

	copy_plain(request->id, sizeof(request->id), header_of(headers, "x-request-id"), "-_.:+/=");
	copy_plain(request->address, sizeof(request->address),
			   forwarded.length > 0 ? last_of_list(forwarded) : header_of(headers, "x-real-ip"), ".:");
	if (agent.length > 0)
	{
		int			length = pg_mbcliplen(agent.text, agent.length, SS_AGENT_MAX);

		memcpy(request->agent, agent.text, length);
		request->agent[length] = '\0';
	}
}

/* Of the connection; none through a Unix socket. */
static void
read_connection(SSRequest *request)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum		address;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(fcinfo);
	if (!fcinfo->isnull)
		strlcpy(request->address, DatumGetCString(DirectFunctionCall1(inet_out, address)), sizeof(request->address));
}

void
ss_request_read(SSRequest *request)
{
	const char *headers;

	memset(request, 0, sizeof(*request));
	if (!ss_call_session_is_trusted())
	{
		read_connection(request);
		return;
	}
	headers = GetConfigOption("request.headers", true, false);
	if (headers != NULL && headers[0] != '\0')
		read_headers(request, headers);
}
