/*
 * routes.h: the REST routes of the service that this extension replaces, and
 * those of ours in the same manner: which function each is, and how what a
 * client sends becomes its arguments.
 */
#ifndef SS_ROUTES_H
#define SS_ROUTES_H

#include "postgres.h"

/* What a function's answer is. */
typedef enum SSRouteAnswer
{
	SS_ROUTE_DOCUMENT, /* a document, as JSON */
	SS_ROUTE_FILE,	   /* a text, to be saved as a file: an export */
	SS_ROUTE_PAGE	   /* a text, to be shown: HTML */
} SSRouteAnswer;

typedef struct SSRoute
{
	const char *method;
	const char *path; /* with {names} of arguments, each a whole segment */
	const char *function;
	const char *whole_body;		/* the argument that the body is; NULL: its keys are arguments */
	const char *array_argument; /* what a body that is an array is given as; NULL: it may not be one */
	const char *array_function; /* and to which function; NULL: the same */
	const char *location;		/* where the new thing is: a path with {keys} of the answer, or of the path; or NULL */
	const char *left_out;		/* an argument that only a call by name has, or NULL */
	int status;					/* of success */
	SSRouteAnswer answer;
	bool tagged; /* with an ETag, so that it is sent again only when it has changed */
} SSRoute;

/* All of them, in the order of the documentation; paths that differ by {names} come after those that do not. */
extern const SSRoute ss_routes[];
extern const int ss_routes_count;

#define SS_ROUTE_SEGMENTS_MAX 8

/* A segment of a path of ours. A walk begins with {.next = path, .n = -1}. */
typedef struct SSRouteSegment
{
	const char *next; /* what follows it */
	int n;			  /* its number, from 0 */
	const char *text; /* `length` bytes of the path */
	size_t length;
	char *name; /* of the argument that it stands for, without the braces, palloc'd; or NULL */
} SSRouteSegment;

/* Goes on to the next segment; false when there is none. */
extern bool ss_route_next_segment(SSRouteSegment *segment);

/* The route of that method whose path these segments are, or NULL. *path_known: perhaps there are others of that path. */
extern const SSRoute *ss_route_find(const char *method, char *const *segments, int count, bool *path_known);

/* The methods of the path that these segments are, as the header Allow names them; HEAD goes with GET. */
extern char *ss_route_allowed(char *const *segments, int count);

/* The name by which requests give that argument ("limit" for page_size), and the argument of another name, or NULL. */
extern const char *ss_route_shown_name(const char *argument);
extern const char *ss_route_argument_of(const char *other_name);

#endif /* SS_ROUTES_H */
