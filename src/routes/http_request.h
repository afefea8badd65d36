/*
 * http_request.h: the request as a client sent it, which the proxy hands on in
 * two headers.
 */
#ifndef SS_HTTP_REQUEST_H
#define SS_HTTP_REQUEST_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "routes/routes.h"

/* A parameter of the query, decoded, in the server's encoding. */
typedef struct SSHttpParameter
{
	char *name;
	char *value;
} SSHttpParameter;

typedef struct SSHttpRequest
{
	const char *method;
	char *segments[SS_ROUTE_SEGMENTS_MAX]; /* of the path, decoded */
	int nsegments;						   /* one more than there is room for: too many, so no path of ours */
	SSHttpParameter *parameters;
	int nparameters;
	Jsonb *body; /* NULL: none */
} SSHttpRequest;

/*
 * Reads X-Original-Method and X-Original-URI, as PostgREST hands them on in the
 * setting request.headers. Whoever forges them chooses among functions that
 * the caller may call in any case. PT400 if one is missing, 22023 for a path or
 * query that is not percent-encoded as it should be.
 */
extern void ss_http_request_read(SSHttpRequest *request);

#endif /* SS_HTTP_REQUEST_H */
