/*
 * origin.h: where a call came from: PostgREST's headers, or the connection.
 */
#ifndef SS_ORIGIN_H
#define SS_ORIGIN_H

#include "postgres.h"

#define SS_REQUEST_ID_MAX 128
#define SS_ADDRESS_MAX	  46
#define SS_AGENT_MAX	  256

/* Empty texts where nothing is known. */
typedef struct SSOrigin
{
	char id[SS_REQUEST_ID_MAX + 1];
	char address[SS_ADDRESS_MAX + 1];
	char agent[SS_AGENT_MAX + 1];
} SSOrigin;

/*
 * Of a trusted gateway's session: X-Request-Id, the last address of
 * X-Forwarded-For (what the proxy before the gateway saw; what the client says
 * of itself stands before it) or else X-Real-IP, and User-Agent. Of any other
 * session: the address of its connection. Malformed headers of a gateway tell
 * nothing.
 */
extern void ss_origin_read(SSOrigin *origin);

#endif /* SS_ORIGIN_H */
