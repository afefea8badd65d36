/*
 * route_examples.h: a request of each route, and what it is answered with.
 *
 * They are those of doc/api.md where that has one. JSON is written with ' in
 * the place of ", and \u0027 where a text has one. A test sends them in turn.
 */
#ifndef SS_ROUTE_EXAMPLES_H
#define SS_ROUTE_EXAMPLES_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "routes/routes.h"

typedef struct SSRouteExample
{
	const char *method;
	const char *path;	/* as in the table of routes */
	const char *uri;	/* the same with values, and perhaps a query; nothing in it is percent-encoded */
	const char *body;	/* JSON; NULL: none */
	const char *answer; /* JSON, or the text of a file */
} SSRouteExample;

/* Each ends with a line without a method. */
extern const SSRouteExample ss_people_examples[];
extern const SSRouteExample ss_places_examples[];
extern const SSRouteExample ss_programme_examples[];
extern const SSRouteExample ss_service_examples[];

/* NULL: there is none. */
extern const SSRouteExample *ss_route_example(const SSRoute *route);

/* What the request of the example gives in its path for {name}, or in its query for name; NULL: nothing. */
extern char *ss_route_example_value(const SSRouteExample *example, const char *name);

/* The JSON of an example. */
extern Jsonb *ss_route_example_json(const char *json);

#endif /* SS_ROUTE_EXAMPLES_H */
