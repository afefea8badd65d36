/*
 * zone.c: time zones by name (zone.h).
 *
 * Called for settings and for places. Which names are in the server's list is
 * kept, for to ask costs a look at some hundred files; the server keeps the zones
 * themselves as long as the process lives, and so a zone is known by its address.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/query.h"
#include "base/zone.h"

SS_QUERY(find_timezone, "SELECT FROM pg_catalog.pg_timezone_names WHERE name = $1", TEXTOID);

static HTAB *listed = NULL; /* of pg_tz * */

static bool
is_listed(pg_tz *zone)
{
	HASHCTL control = {.keysize = sizeof(pg_tz *), .entrysize = sizeof(pg_tz *), .hcxt = TopMemoryContext};
	Datum canonical = CStringGetTextDatum(pg_get_timezone_name(zone));

	if (listed == NULL)
		listed = hash_create("swipesavvy time zones", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (hash_search(listed, &zone, HASH_FIND, NULL) != NULL)
		return true;
	if (ss_query_read(&find_timezone, &canonical, NULL) == 0)
		return false;
	(void) hash_search(listed, &zone, HASH_ENTER, NULL);
	return true;
}

pg_tz *
ss_zone_by_name(const char *name, const char *argument)
{
	pg_tz *zone = pg_tzset(name);

	if (zone == NULL || !is_listed(zone))
		ss_bad_value(argument, "\"%s\" is not the name of a time zone such as Europe/Berlin.", name);
	return zone;
}

pg_tz *
ss_zone_stored(const char *name)
{
	pg_tz *zone = pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR, errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("a time zone is not in the server's list"),
				errdetail("\"%s\" was there when it was stored.", name));
	return zone;
}
