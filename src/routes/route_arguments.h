/*
 * route_arguments.h: the function behind a route, and its arguments from path,
 * query and body.
 */
#ifndef SS_ROUTE_ARGUMENTS_H
#define SS_ROUTE_ARGUMENTS_H

#include "postgres.h"

#include "routes/http_request.h"
#include "routes/routes.h"

/* A function as the catalogue has it. */
typedef struct SSRouteFunction
{
	const char *name;
	Oid oid;
	Oid result;
	bool is_volatile;
	int nargs;
	int nrequired; /* the first ones, which have no default */
	Oid *types;
	char **names;
} SSRouteFunction;

/* What a request gives for an argument. */
typedef struct SSRouteValue
{
	bool is_given;
	bool isnull;
	Datum value;
	const char *text; /* as it was given; a document's is its JSON */
} SSRouteValue;

/* False where the database has no such function: its SQL is of an earlier release. */
extern bool ss_route_function(const char *name, SSRouteFunction *function);

/* The number of the argument that has this name, or may be called so; -1: none. */
extern int ss_route_argument(const SSRouteFunction *function, const char *name);

/*
 * One value for each argument of the function. Errors as the routes of the
 * original had them: PT404 for an id in the path that cannot be one; 22023 for
 * an argument that there is not, that is given twice, or that is not given and
 * has no default; that of the type's input function for what is no value of it,
 * and *reading is then the argument's name.
 */
extern SSRouteValue *ss_route_arguments(const SSRoute *route, const SSRouteFunction *function,
										const SSHttpRequest *request, const char **reading);

/* 42501 unless the caller may execute the function; the attempt is noted, as one that the server refuses is. */
extern void ss_route_require(const SSRouteFunction *function);

/* Calls the function with the caller's rights, as a statement would that names the arguments. */
extern Datum ss_route_call(const SSRouteFunction *function, const SSRouteValue *values, bool *isnull);

#endif /* SS_ROUTE_ARGUMENTS_H */
