/*
 * result_schemas.c: the schemas of all domains as one table (result_schemas.h).
 *
 * Called by openapi() alone. Constants; no locks.
 */
#include "postgres.h"

#include "routes/result_schemas.h"

static const SSResultSchema *const tables[] = {ss_programme_schemas, ss_places_schemas, ss_people_schemas,
											   ss_service_schemas};

const SSResultSchema *
ss_result_schema_at(int n)
{
	for (size_t i = 0; i < lengthof(tables); i++)
	{
		for (const SSResultSchema *line = tables[i]; line->name != NULL; line++)
		{
			if (n-- == 0)
				return line;
		}
	}
	return NULL;
}

const SSResultSchema *
ss_result_schema(const char *name)
{
	const SSResultSchema *line;

	for (int n = 0; (line = ss_result_schema_at(n)) != NULL; n++)
	{
		if (strcmp(line->name, name) == 0)
			return line;
	}
	return NULL;
}
