/*
 * result_schemas.h: what the functions behind routes answer with, and what the
 * catalogue does not say of their arguments.
 *
 * A fact that the catalogue or the table of routes has does not stand here
 * again: names, types and defaults of arguments, statuses, roles. That each line
 * is true of real answers, both ways, is tested.
 */
#ifndef SS_RESULT_SCHEMAS_H
#define SS_RESULT_SCHEMAS_H

#include "postgres.h"

/* Of a function; or of a part that several answers have, whose name begins with a capital. */
typedef struct SSResultSchema
{
	const char *name;
	const char *result;	   /* in the notation of notation.h */
	const char *arguments; /* an object of those that are more than their type says: words, bounds, units; or NULL */
	const char *errors;	   /* statuses that do not follow from route and roles; or NULL */
} SSResultSchema;

/* Each ends with a line without a name. */
extern const SSResultSchema ss_programme_schemas[]; /* campaigns, flags, A/B tests, analytics */
extern const SSResultSchema ss_places_schemas[];	/* merchants, their places, fences */
extern const SSResultSchema ss_people_schemas[];	/* users, signing in, purchases, points */
extern const SSResultSchema ss_service_schemas[];	/* models, administration, the service itself */

/* The line of that name, or NULL. */
extern const SSResultSchema *ss_result_schema(const char *name);

/* The n-th of all lines; NULL: there are no more. */
extern const SSResultSchema *ss_result_schema_at(int n);

#endif /* SS_RESULT_SCHEMAS_H */
