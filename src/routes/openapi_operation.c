/*
 * openapi_operation.c: a route as an operation of OpenAPI
 * (openapi_operation.h): parameters and body from the catalogue, answers from
 * result_schemas.c, examples from route_examples.c.
 *
 * Called by openapi.c. No locks.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "routes/notation.h"
#include "routes/openapi_operation.h"
#include "routes/result_schemas.h"
#include "routes/route_examples.h"
#include "routes/route_parameters.h"

/* --- names --------------------------------------------------------------------------------------- */

/* Parts of the API that have no word of their own in their paths. */
static const struct
{
	const char *begins;
	const char *tag;
} tags[] = {
	{"/api/campaigns", "campaigns"},	{"/api/events", "campaigns"},  {"/api/users", "users"},
	{"/api/admin", "administration"},	{"/api/flags", "flags"},	   {"/api/analytics", "analytics"},
	{"/api/ab-tests", "A/B tests"},		{"/api/ml", "optimisation"},   {"/api/merchants", "merchants"},
	{"/api/geofences", "places"},		{"/api/locations", "places"},  {"/api/auth", "signing in"},
	{"/api/transactions", "purchases"}, {"/api/rewards", "programme"}, {"/api/charities", "programme"},
	{"/api/leaderboard", "programme"},	{"/api/tiers", "programme"},   {"/api/boosts", "programme"},
};

const char *
ss_openapi_tag(const char *path)
{
	for (size_t i = 0; i < lengthof(tags); i++)
	{
		if (strncmp(path, tags[i].begins, strlen(tags[i].begins)) == 0)
			return tags[i].tag;
	}
	return "service";
}

char *
ss_openapi_result_name(const char *function)
{
	StringInfoData name;
	bool capital = true;

	initStringInfo(&name);
	for (; *function != '\0'; function++)
	{
		if (*function != '_')
			appendStringInfoChar(&name, capital ? (char) toupper((unsigned char) *function) : *function);
		capital = *function == '_';
	}
	appendStringInfoString(&name, "Result");
	return name.data;
}

/* The function's name; of a function that several routes have, all but the first have their method with it. */
static char *
operation_id(const SSRoute *route)
{
	for (const SSRoute *other = ss_routes; other < route; other++)
	{
		if (strcmp(other->function, route->function) == 0)
			return psprintf("%s_by_%s", route->function, asc_tolower(route->method, strlen(route->method)));
	}
	return pstrdup(route->function);
}

/* What COMMENT ON FUNCTION says: its first sentence and, if there are more, all of it. */
static void
add_comment(SSJson *json, const SSRouteFunction *function)
{
	char *comment = GetComment(function->oid, ProcedureRelationId, 0);
	char *end;

	if (comment == NULL)
		return;
	end = strstr(comment, ". ");
	ss_json_text(json, "summary", end == NULL ? comment : pnstrdup(comment, end + 1 - comment));
	if (end != NULL)
		ss_json_text(json, "description", comment);
}

/* --- what is asked --------------------------------------------------------------------------------- */

/* A type of the catalogue, as a schema. */
static SSSchema *
schema_of_type(Oid type)
{
	switch (type)
	{
		case UUIDOID:
			return ss_schema_read("uuid");
		case TIMESTAMPTZOID:
			return ss_schema_read("time");
		case DATEOID:
			return ss_schema_read("date");
		case BOOLOID:
			return ss_schema_read("bool");
		case INT4OID:
		case INT8OID:
			return ss_schema_read("int");
		case NUMERICOID:
		case FLOAT8OID:
			return ss_schema_read("number");
		case TEXTARRAYOID:
			return ss_schema_read("[text]");
		case NUMERICARRAYOID:
			return ss_schema_read("[number]");
		case JSONBOID:
			return ss_schema_read("any");
		default:
			return ss_schema_read("text");
	}
}

/* What the table of schemas says of the parameter, or else what its type says. */
static SSSchema *
schema_of_parameter(const char *function, const SSRouteParameter *parameter)
{
	const SSResultSchema *line = ss_result_schema(function);
	SSSchema *schema = NULL;

	if (line != NULL && line->arguments != NULL)
	{
		SSSchema *arguments = ss_schema_read(line->arguments);
		const char *argument = ss_route_argument_of(parameter->name);

		schema = ss_schema_member(arguments, parameter->name);
		if (schema == NULL && argument != NULL)
			schema = ss_schema_member(arguments, argument);
	}
	if (schema == NULL)
		schema = schema_of_type(parameter->type);
	if (parameter->has_default)
		ss_schema_set_default(schema, parameter->value, parameter->type);
	return schema;
}

/* A value as the query of an example has it. */
static void
add_example_value(SSJson *json, const char *value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT8OID:
			ss_json_jsonb(json, "example", ss_route_example_json(value));
			break;
		default:
			ss_json_text(json, "example", value);
	}
}

static void
add_parameter(SSJson *json, const SSRoute *route, const SSRouteParameter *parameter)
{
	const SSRouteExample *example = ss_route_example(route);
	char *value = example == NULL ? NULL : ss_route_example_value(example, parameter->name);
	SSSchema *schema = schema_of_parameter(route->function, parameter);

	ss_json_open_object(json, NULL);
	ss_json_text(json, "name", parameter->name);
	ss_json_text(json, "in", ss_route_source_name(parameter->source));
	ss_json_bool(json, "required", parameter->required);
	if (parameter->type == JSONBOID)
	{
		ss_json_open_object(json, "content");
		ss_json_open_object(json, "application/json");
		ss_schema_json(json, "schema", schema);
		ss_json_close_object(json);
		ss_json_close_object(json);
	}
	else
		ss_schema_json(json, "schema", schema);
	if (value != NULL)
		add_example_value(json, value, parameter->type);
	ss_json_close_object(json);
}

static void
add_parameters(SSJson *json, const SSRoute *route, const SSRouteParameter *parameters, int count)
{
	ss_json_open_array(json, "parameters");
	for (int i = 0; i < count; i++)
	{
		if (parameters[i].source != SS_ROUTE_BODY)
			add_parameter(json, route, &parameters[i]);
	}
	if (route->tagged)
		ss_schema_reference(json, NULL, "parameters", "IfNoneMatch");
	ss_json_close_array(json);
}

/* An object whose keys are arguments. */
static void
add_keys(SSJson *json, const char *key, const char *function, const SSRouteParameter *parameters, int count)
{
	ss_json_open_object(json, key);
	ss_json_text(json, "type", "object");
	ss_json_open_object(json, "properties");
	for (int i = 0; i < count; i++)
	{
		SSSchema *schema;

		if (parameters[i].source != SS_ROUTE_BODY)
			continue;
		schema = schema_of_parameter(function, &parameters[i]);
		if (!parameters[i].required && !parameters[i].has_default)
			ss_schema_allow_null(schema);
		ss_schema_json(json, parameters[i].name, schema);
	}
	ss_json_close_object(json);
	ss_json_open_array(json, "required");
	for (int i = 0; i < count; i++)
	{
		if (parameters[i].source == SS_ROUTE_BODY && parameters[i].required)
			ss_json_text(json, NULL, parameters[i].name);
	}
	ss_json_close_array(json);
	ss_json_bool(json, "additionalProperties", false);
	ss_json_close_object(json);
}

/* Where an array may be sent: one of the two. */
static void
add_keys_or_array(SSJson *json, const SSRoute *route, const SSRouteParameter *parameters, int count)
{
	const char *function = route->array_function != NULL ? route->array_function : route->function;
	const SSResultSchema *line = ss_result_schema(function);

	ss_json_open_object(json, "schema");
	ss_json_open_array(json, "oneOf");
	add_keys(json, NULL, route->function, parameters, count);
	ss_schema_json(json, NULL, ss_schema_member(ss_schema_read(line->arguments), route->array_argument));
	ss_json_close_array(json);
	ss_json_close_object(json);
}

static void
add_body_schema(SSJson *json, const SSRoute *route, const SSRouteParameter *parameters, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (parameters[i].whole)
		{
			SSSchema *schema = schema_of_parameter(route->function, &parameters[i]);

			ss_schema_close(schema);
			ss_schema_json(json, "schema", schema);
			return;
		}
	}
	if (route->array_argument != NULL)
		add_keys_or_array(json, route, parameters, count);
	else
		add_keys(json, "schema", route->function, parameters, count);
}

static void
add_body(SSJson *json, const SSRoute *route, const SSRouteParameter *parameters, int count)
{
	const SSRouteExample *example = ss_route_example(route);
	bool any = false;
	bool required = false;

	for (int i = 0; i < count; i++)
	{
		any |= parameters[i].source == SS_ROUTE_BODY;
		required |= parameters[i].source == SS_ROUTE_BODY && parameters[i].required;
	}
	if (!any)
		return;
	ss_json_open_object(json, "requestBody");
	ss_json_bool(json, "required", required);
	ss_json_open_object(json, "content");
	ss_json_open_object(json, "application/json");
	add_body_schema(json, route, parameters, count);
	if (example != NULL && example->body != NULL)
		ss_json_jsonb(json, "example", ss_route_example_json(example->body));
	ss_json_close_object(json);
	ss_json_close_object(json);
	ss_json_close_object(json);
}

/* --- what is answered ---------------------------------------------------------------------------------- */

static void
add_answer_schema(SSJson *json, const SSRoute *route)
{
	if (route->array_function == NULL)
	{
		ss_schema_reference(json, "schema", "schemas", ss_openapi_result_name(route->function));
		return;
	}
	ss_json_open_object(json, "schema");
	ss_json_open_array(json, "oneOf");
	ss_schema_reference(json, NULL, "schemas", ss_openapi_result_name(route->function));
	ss_schema_reference(json, NULL, "schemas", ss_openapi_result_name(route->array_function));
	ss_json_close_array(json);
	ss_json_close_object(json);
}

static void
add_document(SSJson *json, const SSRoute *route)
{
	const SSRouteExample *example = ss_route_example(route);

	ss_json_open_object(json, "content");
	ss_json_open_object(json, "application/json");
	add_answer_schema(json, route);
	if (example != NULL && example->answer != NULL)
		ss_json_jsonb(json, "example", ss_route_example_json(example->answer));
	ss_json_close_object(json);
	ss_json_close_object(json);
}

/* A file, by its format, or a page. */
static void
add_text(SSJson *json, const SSRoute *route)
{
	static const char *const of_file[] = {"text/csv", "application/x-ndjson", NULL};
	static const char *const of_page[] = {"text/html", NULL};
	const char *const *types = route->answer == SS_ROUTE_FILE ? of_file : of_page;
	const SSRouteExample *example = ss_route_example(route);

	ss_json_open_object(json, "content");
	for (int i = 0; types[i] != NULL; i++)
	{
		ss_json_open_object(json, types[i]);
		add_answer_schema(json, route);
		if (i == 0 && example != NULL)
			ss_json_text(json, "example", example->answer);
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
}

static void
add_headers(SSJson *json, const SSRoute *route)
{
	ss_json_open_object(json, "headers");
	if (route->location != NULL)
		ss_schema_reference(json, "Location", "headers", "Location");
	if (route->tagged)
		ss_schema_reference(json, "ETag", "headers", "ETag");
	if (route->answer == SS_ROUTE_FILE)
		ss_schema_reference(json, "Content-Disposition", "headers", "ContentDisposition");
	if (strcmp(route->method, "GET") == 0)
		ss_schema_reference(json, "Cache-Control", "headers", "CacheControl");
	ss_json_close_object(json);
}

static const char *
status_text(int status)
{
	return status == 201 ? "Created." : status == 202 ? "Accepted: it will be done." : "Done.";
}

static void
add_success(SSJson *json, const SSRoute *route)
{
	ss_json_open_object(json, psprintf("%d", route->status));
	ss_json_text(json, "description", status_text(route->status));
	add_headers(json, route);
	if (route->answer == SS_ROUTE_DOCUMENT)
		add_document(json, route);
	else
		add_text(json, route);
	ss_json_close_object(json);
	if (route->tagged)
		ss_schema_reference(json, "304", "responses", "NotModified");
}

/* Errors: what every route can have, what follows from its path and roles, and what the table of schemas adds. */
static void
add_errors(SSJson *json, const SSRoute *route, const SSRouteFunction *function)
{
	const SSResultSchema *line = ss_result_schema(route->function);
	const char *more = line != NULL && line->errors != NULL ? line->errors : "";
	bool for_all = ss_route_may_call("anon", function);

	ss_schema_reference(json, "400", "responses", "BadRequest");
	if (!for_all || strstr(more, "401") != NULL)
		ss_schema_reference(json, "401", "responses", "Unauthorized");
	if (!for_all || strstr(more, "403") != NULL)
		ss_schema_reference(json, "403", "responses", "Forbidden");
	if (strchr(route->path, '{') != NULL || strstr(more, "404") != NULL)
		ss_schema_reference(json, "404", "responses", "NotFound");
	if (strstr(more, "409") != NULL)
		ss_schema_reference(json, "409", "responses", "Conflict");
	ss_schema_reference(json, "429", "responses", "TooManyRequests");
	ss_schema_reference(json, "503", "responses", "Unavailable");
}

/* --- who may ask ------------------------------------------------------------------------------------------- */

static void
add_scheme(SSJson *json, const char *scheme)
{
	ss_json_open_object(json, NULL);
	if (scheme != NULL)
	{
		ss_json_open_array(json, scheme);
		ss_json_close_array(json);
	}
	ss_json_close_object(json);
}

/* Services act for nobody, so what customers alone may ask is for users. */
static void
add_security(SSJson *json, const SSRouteFunction *function)
{
	static const char *const services[] = {"support", "analytics", "backend", "admin"};
	bool for_services = false;

	for (size_t i = 0; i < lengthof(services); i++)
		for_services |= ss_route_may_call(services[i], function);
	ss_json_open_array(json, "security");
	if (ss_route_may_call("anon", function))
		add_scheme(json, NULL);
	add_scheme(json, "user");
	if (for_services)
		add_scheme(json, "service");
	ss_json_close_array(json);
}

void
ss_openapi_operation(SSJson *json, const SSRoute *route, const SSRouteFunction *function)
{
	int count;
	SSRouteParameter *parameters = ss_route_parameters(route, function, &count);

	ss_json_open_object(json, asc_tolower(route->method, strlen(route->method)));
	ss_json_text(json, "operationId", operation_id(route));
	add_comment(json, function);
	ss_json_open_array(json, "tags");
	ss_json_text(json, NULL, ss_openapi_tag(route->path));
	ss_json_close_array(json);
	add_parameters(json, route, parameters, count);
	add_body(json, route, parameters, count);
	ss_json_open_object(json, "responses");
	add_success(json, route);
	add_errors(json, route, function);
	ss_json_close_object(json);
	add_security(json, function);
	ss_route_roles(json, "x-roles", function);
	ss_json_close_object(json);
}
