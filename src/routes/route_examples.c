/*
 * route_examples.c: the examples of all domains as one table
 * (route_examples.h).
 *
 * Called by openapi() alone. Constants; no locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "routes/route_examples.h"

static const SSRouteExample *const tables[] = {ss_people_examples, ss_places_examples, ss_programme_examples,
											   ss_service_examples};

const SSRouteExample *
ss_route_example(const SSRoute *route)
{
	for (size_t i = 0; i < lengthof(tables); i++)
	{
		for (const SSRouteExample *example = tables[i]; example->method != NULL; example++)
		{
			if (strcmp(example->method, route->method) == 0 && strcmp(example->path, route->path) == 0)
				return example;
		}
	}
	return NULL;
}

/* path and uri have as many segments */
static char *
value_in_path(const SSRouteExample *example, const char *name)
{
	SSRouteSegment segment = {.next = example->path, .n = -1};
	const char *uri = example->uri;

	while (ss_route_next_segment(&segment))
	{
		size_t given = strcspn(++uri, "/?");

		if (segment.name != NULL && strcmp(segment.name, name) == 0)
			return pnstrdup(uri, given);
		uri += given;
	}
	return NULL;
}

static char *
value_in_query(const SSRouteExample *example, const char *name)
{
	const char *query = strchr(example->uri, '?');

	while (query != NULL && *query != '\0')
	{
		size_t length = strcspn(++query, "=");
		const char *value = query + length + 1;
		size_t given = strcspn(value, "&");

		if (strlen(name) == length && strncmp(query, name, length) == 0)
			return pnstrdup(value, given);
		query = value + given;
	}
	return NULL;
}

char *
ss_route_example_value(const SSRouteExample *example, const char *name)
{
	char *value = value_in_path(example, name);

	return value != NULL ? value : value_in_query(example, name);
}

Jsonb *
ss_route_example_json(const char *json)
{
	char *copy = pstrdup(json);

	for (char *c = copy; *c != '\0'; c++)
	{
		if (*c == '\'')
			*c = '"';
	}
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)));
}
