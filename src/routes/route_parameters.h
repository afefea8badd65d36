/*
 * route_parameters.h: what a request of a route may give, told to people and
 * programs.
 */
#ifndef SS_ROUTE_PARAMETERS_H
#define SS_ROUTE_PARAMETERS_H

#include "postgres.h"

#include "base/json.h"
#include "routes/route_arguments.h"
#include "routes/routes.h"

typedef enum SSRouteSource
{
	SS_ROUTE_PATH,
	SS_ROUTE_QUERY,
	SS_ROUTE_BODY /* a key of it, or all of it */
} SSRouteSource;

typedef struct SSRouteParameter
{
	const char *name; /* by which a request gives it */
	SSRouteSource source;
	bool whole; /* the body is it */
	Oid type;
	bool required;
	bool has_default; /* one that is a constant and not null */
	Datum value;	  /* the default */
} SSRouteParameter;

/* The parameters of a route, in the order of the function's arguments; *count says how many. */
extern SSRouteParameter *ss_route_parameters(const SSRoute *route, const SSRouteFunction *function, int *count);

/* "path", "query" or "body" */
extern const char *ss_route_source_name(SSRouteSource source);

/* May that role of ours, named without the prefix, call the function? */
extern bool ss_route_may_call(const char *role, const SSRouteFunction *function);

/* The roles that may call the function, as an array under the key. */
extern void ss_route_roles(SSJson *json, const char *key, const SSRouteFunction *function);

#endif /* SS_ROUTE_PARAMETERS_H */
