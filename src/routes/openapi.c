/*
 * openapi.c: the routes as a document of OpenAPI 3.1.
 *
 * SQL entry point. Made with each call: what the catalogue says of a function
 * stands in the document from the moment on when it is so. No locks.
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/json.h"
#include "base/query.h"
#include "base/rows.h"
#include "call/call.h"
#include "routes/notation.h"
#include "routes/openapi_operation.h"
#include "routes/result_schemas.h"
#include "routes/routes.h"

PG_FUNCTION_INFO_V1(swipesavvy_openapi);

SS_QUERY(read_version, "SELECT x.extversion FROM pg_catalog.pg_extension x WHERE x.extname = 'swipesavvy'");

/* --- what answers have in common ------------------------------------------------------------------- */

static const char error_schema[] =
	"{code: text 'SQLSTATE, or a code of PostgREST', message: text 'constant; at most the name of an argument is in it',"
	" details?: text? 'the value, and what is wrong with it', hint?: text?,"
	" error?: text 'the message, or a word for it; PostgREST itself leaves it out'}";

/* An answer that is an error. */
static const struct
{
	const char *name;
	const char *description;
	const char *header; /* a component; NULL: none */
	const char *header_name;
} errors[] = {
	{"BadRequest",
	 "A value is wrong, a parameter or key is unknown or missing, or the present state does not allow it."},
	{"Unauthorized", "Who asks is not known: there is no token, it is not good, or the credentials are wrong.",
	 "WWWAuthenticate", "WWW-Authenticate"},
	{"Forbidden", "Who asks is known, and may not: the role may not ask this, or not about that user."},
	{"NotFound", "There is no such thing, or not for who asks."},
	{"MethodNotAllowed", "The path has other methods.", "Allow", "Allow"},
	{"Conflict", "It is used already, or a limit, budget or balance does not allow it."},
	{"TooManyRequests", "More calls of the user than the setting rate_limit_per_minute.", "RetryAfter", "Retry-After"},
	{"Unavailable", "Under maintenance, for everybody but admins; or the database cannot be reached.", "RetryAfter",
	 "Retry-After"},
};

static const struct
{
	const char *name;
	const char *notation; /* its description is that of the header */
} headers[] = {
	{"Location", "text 'where the new thing is'"},
	{"ETag", "text 'what the answer is now: sent in If-None-Match, an unchanged one is 304'"},
	{"CacheControl", "text 'how long the answer may be kept'"},
	{"ContentDisposition", "text 'the name of the file'"},
	{"WWWAuthenticate", "text 'Bearer'"},
	{"RetryAfter", "seconds 'after how many seconds to ask again'"},
	{"Allow", "text 'the methods of the path'"},
};

static const struct
{
	const char *name;
	const char *description;
} schemes[] = {
	{"user",
	 "The access token of a user, which POST /api/auth/sign-in and /api/auth/refresh answer with. Its claim role says"
	 " what the user may do, and sub who it is."},
	{"service",
	 "A token of a service that is trusted, signed with a key that was made known by add_token_key(). Its claim role is"
	 " swipesavvy_backend, swipesavvy_analytics, swipesavvy_support or swipesavvy_admin; it acts for no user."},
};

/* The tags that ss_openapi_tag() gives. */
static const struct
{
	const char *name;
	const char *description;
} tags[] = {
	{"service", "The service itself."},
	{"signing in", "Tokens, and what becomes of them."},
	{"users", "What a user has, sees and does."},
	{"programme", "Rewards, charities, tiers, boosts and the leaderboard."},
	{"purchases", "What was bought, and what it earned."},
	{"campaigns", "Campaigns, and events seen outside the database."},
	{"merchants", "Merchants, their locations, offers, ratings and partnerships."},
	{"places", "Fences, and where users are."},
	{"flags", "Feature flags."},
	{"A/B tests", "Tests of campaigns and flags, and their statistics."},
	{"analytics", "Figures of campaigns, reports and exports."},
	{"optimisation", "Models: what they say, and what became of it."},
	{"administration", "Users, settings, the audit log and health."},
};

static void
add_schemas(SSJson *json)
{
	const SSResultSchema *line;

	ss_json_open_object(json, "schemas");
	ss_schema_json(json, "Error", ss_schema_read(error_schema));
	for (int n = 0; (line = ss_result_schema_at(n)) != NULL; n++)
	{
		bool is_part = line->name[0] >= 'A' && line->name[0] <= 'Z';

		ss_schema_json(json, is_part ? line->name : ss_openapi_result_name(line->name), ss_schema_read(line->result));
	}
	ss_json_close_object(json);
}

static void
add_responses(SSJson *json)
{
	ss_json_open_object(json, "responses");
	ss_json_open_object(json, "NotModified");
	ss_json_text(json, "description", "It is what the client has already.");
	ss_json_close_object(json);
	for (size_t i = 0; i < lengthof(errors); i++)
	{
		ss_json_open_object(json, errors[i].name);
		ss_json_text(json, "description", errors[i].description);
		if (errors[i].header != NULL)
		{
			ss_json_open_object(json, "headers");
			ss_schema_reference(json, errors[i].header_name, "headers", errors[i].header);
			ss_json_close_object(json);
		}
		ss_json_open_object(json, "content");
		ss_json_open_object(json, "application/json");
		ss_schema_reference(json, "schema", "schemas", "Error");
		ss_json_close_object(json);
		ss_json_close_object(json);
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
}

static void
add_headers(SSJson *json)
{
	ss_json_open_object(json, "headers");
	for (size_t i = 0; i < lengthof(headers); i++)
	{
		ss_json_open_object(json, headers[i].name);
		ss_schema_json(json, "schema", ss_schema_read(headers[i].notation));
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
}

static void
add_components(SSJson *json)
{
	ss_json_open_object(json, "components");
	ss_json_open_object(json, "securitySchemes");
	for (size_t i = 0; i < lengthof(schemes); i++)
	{
		ss_json_open_object(json, schemes[i].name);
		ss_json_text(json, "type", "http");
		ss_json_text(json, "scheme", "bearer");
		ss_json_text(json, "bearerFormat", "JWT");
		ss_json_text(json, "description", schemes[i].description);
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
	ss_json_open_object(json, "parameters");
	ss_json_open_object(json, "IfNoneMatch");
	ss_json_text(json, "name", "If-None-Match");
	ss_json_text(json, "in", "header");
	ss_schema_json(json, "schema", ss_schema_read("text 'the ETag of an answer that the client has'"));
	ss_json_close_object(json);
	ss_json_close_object(json);
	add_headers(json);
	add_responses(json);
	add_schemas(json);
	ss_json_close_object(json);
}

/* --- the routes ---------------------------------------------------------------------------------------- */

/* Is it the first route of its path? */
static bool
is_first(const SSRoute *route)
{
	for (const SSRoute *other = ss_routes; other < route; other++)
	{
		if (strcmp(other->path, route->path) == 0)
			return false;
	}
	return true;
}

/* All methods of a path; whatever other method is sent gets the same answer, for which OpenAPI has no place. */
static void
add_path(SSJson *json, const char *path)
{
	ss_json_open_object(json, path);
	for (int i = 0; i < ss_routes_count; i++)
	{
		SSRouteFunction function;

		if (strcmp(ss_routes[i].path, path) == 0 && ss_route_function(ss_routes[i].function, &function))
			ss_openapi_operation(json, &ss_routes[i], &function);
	}
	ss_schema_reference(json, "x-other-methods", "responses", "MethodNotAllowed");
	ss_json_close_object(json);
}

static void
add_tags(SSJson *json)
{
	ss_json_open_array(json, "tags");
	for (size_t i = 0; i < lengthof(tags); i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", tags[i].name);
		ss_json_text(json, "description", tags[i].description);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_info(SSJson *json)
{
	SSRow row = ss_row(ss_rows_read(&read_version, NULL, NULL), 0);

	ss_json_text(json, "openapi", "3.1.0");
	ss_json_open_object(json, "info");
	ss_json_text(json, "title", "swipesavvy");
	ss_json_text(json, "summary",
				 "Card-linked rewards: purchases, points, campaigns, flags, tests, places and models.");
	ss_json_text(
		json, "description",
		"Money is a decimal number in major units, points are integers, times are ISO 8601 in UTC. An unknown"
		" parameter is refused (400), as is an unknown key of a body; a path that there is not is 404, and a method that"
		" a path has not is 405 with the header Allow. HEAD goes with GET. Later releases may add keys to answers.");
	ss_json_text(json, "version", ss_next_text(&row));
	ss_json_open_object(json, "license");
	ss_json_text(json, "name", "PostgreSQL Licence");
	ss_json_text(json, "identifier", "PostgreSQL");
	ss_json_close_object(json);
	ss_json_close_object(json);
	ss_json_open_array(json, "servers");
	ss_json_open_object(json, NULL);
	ss_json_text(json, "url", "/");
	ss_json_close_object(json);
	ss_json_close_array(json);
}

/*
 * openapi()
 */
Datum
swipesavvy_openapi(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANYONE);
	ss_json_open_object(&json, NULL);
	add_info(&json);
	add_tags(&json);
	ss_json_open_object(&json, "paths");
	for (int i = 0; i < ss_routes_count; i++)
	{
		if (is_first(&ss_routes[i]))
			add_path(&json, ss_routes[i].path);
	}
	ss_json_close_object(&json);
	add_components(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
