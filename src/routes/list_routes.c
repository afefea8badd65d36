/*
 * list_routes.c: which routes there are, as a document.
 *
 * SQL entry point. Arguments, defaults and roles are those of the functions as
 * the catalogue has them. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/json.h"
#include "call/call.h"
#include "routes/route_parameters.h"
#include "routes/routes.h"

PG_FUNCTION_INFO_V1(swipesavvy_list_routes);

static void
add_parameters(SSJson *json, const SSRoute *route, const SSRouteFunction *function)
{
	int count;
	SSRouteParameter *parameters = ss_route_parameters(route, function, &count);

	ss_json_open_array(json, "arguments");
	for (int i = 0; i < count; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", parameters[i].name);
		ss_json_text(json, "in", ss_route_source_name(parameters[i].source));
		ss_json_text(json, "type", format_type_be(parameters[i].type));
		ss_json_bool(json, "required", parameters[i].required);
		ss_json_datum(json, "default", parameters[i].value, !parameters[i].has_default, parameters[i].type);
		ss_json_bool(json, "whole_body", parameters[i].whole);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_route(SSJson *json, const SSRoute *route, const SSRouteFunction *function)
{
	ss_json_open_object(json, NULL);
	ss_json_text(json, "method", route->method);
	ss_json_text(json, "path", route->path);
	ss_json_text(json, "function", route->function);
	add_parameters(json, route, function);
	ss_json_int(json, "status", route->status);
	ss_route_roles(json, "roles", function);
	ss_json_close_object(json);
}

/*
 * list_routes()
 */
Datum
swipesavvy_list_routes(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANYONE);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "routes");
	for (int i = 0; i < ss_routes_count; i++)
	{
		SSRouteFunction function;

		if (ss_route_function(ss_routes[i].function, &function))
			add_route(&json, &ss_routes[i], &function);
	}
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
