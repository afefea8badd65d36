/*
 * origin.c: where a call came from (origin.h).
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

#include "base/json_members.h"
#include "call/gateway.h"
#include "call/origin.h"

/* A header's value; its length is 0 if there is none. */
typedef struct Header
{
	const char *text;
	int length;
} Header;

static Header
header_of(const SSPicked *picked)
{
	return (Header){picked->text, picked->text == NULL ? 0 : (int) strlen(picked->text)};
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
	int start = list.length;

	while (start > 0 && list.text[start - 1] != ',')
		start--;
	while (start < list.length && list.text[start] == ' ')
		start++;
	while (list.length > start && list.text[list.length - 1] == ' ')
		list.length--;
	return (Header){list.text + start, list.length - start};
}

/* An address without the port and the brackets that some proxies add: [2001:db8::1]:443, 192.0.2.1:443. */
static Header
address_in(Header value)
{
	const char *colon;

	if (value.length == 0)
		return value;
	if (value.text[0] == '[')
	{
		const char *end = memchr(value.text, ']', value.length);

		return end == NULL ? value : (Header){value.text + 1, (int) (end - value.text) - 1};
	}
	colon = memchr(value.text, ':', value.length);
	if (colon == NULL || memchr(colon + 1, ':', value.text + value.length - colon - 1) != NULL)
		return value;
	return (Header){value.text, (int) (colon - value.text)};
}

static void
read_headers(SSOrigin *origin, const char *text)
{
	/* PostgREST gives the names in lower case */
	SSPicked picked[] = {
		{.name = "user-agent"}, {.name = "x-forwarded-for"}, {.name = "x-real-ip"}, {.name = "x-request-id"}};
	Header agent;
	Header forwarded;

	ss_pick_members(text, picked, lengthof(picked));
	agent = header_of(&picked[0]);
	forwarded = header_of(&picked[1]);
	copy_plain(origin->id, sizeof(origin->id), header_of(&picked[3]), "-_.:+/=");
	copy_plain(origin->address, sizeof(origin->address),
			   address_in(last_of_list(forwarded.length > 0 ? forwarded : header_of(&picked[2]))), ".:");
	if (agent.length > 0)
	{
		int length = pg_mbcliplen(agent.text, agent.length, SS_AGENT_MAX);

		memcpy(origin->agent, agent.text, length);
		origin->agent[length] = '\0';
	}
}

/* Of the connection; none through a Unix socket. */
static void
read_connection(SSOrigin *origin)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum address;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(fcinfo);
	if (!fcinfo->isnull)
		strlcpy(origin->address, DatumGetCString(DirectFunctionCall1(inet_out, address)), sizeof(origin->address));
}

void
ss_origin_read(SSOrigin *origin)
{
	const char *headers;

	memset(origin, 0, sizeof(*origin));
	if (!ss_gateway_is_trusted())
	{
		read_connection(origin);
		return;
	}
	headers = GetConfigOption("request.headers", true, false);
	if (headers != NULL && headers[0] != '\0')
		read_headers(origin, headers);
}
