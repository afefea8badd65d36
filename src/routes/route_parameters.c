/*
 * route_parameters.c: the parameters of routes (route_parameters.h).
 *
 * Called by list_routes() and openapi(), so that neither says anything that the
 * catalogue and the table of routes do not. No locks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "nodes/nodes.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "routes/route_parameters.h"

const char *
ss_route_source_name(SSRouteSource source)
{
	static const char *const names[] = {"path", "query", "body"};

	return names[source];
}

/* The {name} in the path that stands for the argument, or NULL. */
static char *
placeholder_of(const SSRoute *route, const SSRouteFunction *function, int n)
{
	SSRouteSegment segment = {.next = route->path, .n = -1};

	while (ss_route_next_segment(&segment))
	{
		if (segment.name != NULL && ss_route_argument(function, segment.name) == n)
			return segment.name;
	}
	return NULL;
}

/* The body has what is not in the path, unless there is none, or it is one argument alone. */
static SSRouteSource
source_of(const SSRoute *route, const char *argument)
{
	if (strcmp(route->method, "GET") == 0 || strcmp(route->method, "DELETE") == 0)
		return SS_ROUTE_QUERY;
	if (route->whole_body != NULL && strcmp(route->whole_body, argument) != 0)
		return SS_ROUTE_QUERY;
	return SS_ROUTE_BODY;
}

/* The default expressions of the function's last arguments. */
static List *
defaults_of(const SSRouteFunction *function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function->oid));
	List *defaults = NIL;
	bool isnull;
	Datum stored;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function->oid);
	stored = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	if (!isnull)
		defaults = (List *) stringToNode(TextDatumGetCString(stored));
	ReleaseSysCache(tuple);
	return defaults;
}

static void
describe(const SSRoute *route, const SSRouteFunction *function, int n, Node *value, SSRouteParameter *parameter)
{
	char *placeholder = placeholder_of(route, function, n);

	*parameter = (SSRouteParameter){
		.name = placeholder != NULL ? placeholder : ss_route_shown_name(function->names[n]),
		.source = placeholder != NULL ? SS_ROUTE_PATH : source_of(route, function->names[n]),
		.whole = route->whole_body != NULL && strcmp(route->whole_body, function->names[n]) == 0,
		.type = function->types[n],
		.required = n < function->nrequired || placeholder != NULL,
	};
	if (value == NULL || !IsA(value, Const) || ((Const *) value)->constisnull)
		return;
	parameter->has_default = placeholder == NULL;
	parameter->value = ((Const *) value)->constvalue;
}

SSRouteParameter *
ss_route_parameters(const SSRoute *route, const SSRouteFunction *function, int *count)
{
	SSRouteParameter *parameters = palloc(Max(function->nargs, 1) * sizeof(SSRouteParameter));
	List *defaults = defaults_of(function);

	*count = 0;
	for (int n = 0; n < function->nargs; n++)
	{
		Node *value = n < function->nrequired ? NULL : list_nth(defaults, n - function->nrequired);

		if (route->left_out == NULL || strcmp(route->left_out, function->names[n]) != 0)
			describe(route, function, n, value, &parameters[(*count)++]);
	}
	return parameters;
}

bool
ss_route_may_call(const char *role, const SSRouteFunction *function)
{
	Oid oid = get_role_oid(psprintf("swipesavvy_%s", role), true);

	return OidIsValid(oid) && ss_compat_may_execute(function->oid, oid);
}

void
ss_route_roles(SSJson *json, const char *key, const SSRouteFunction *function)
{
	static const char *const roles[] = {"anon", "customer", "support", "analytics", "backend", "delivery", "admin"};

	ss_json_open_array(json, key);
	for (size_t i = 0; i < lengthof(roles); i++)
	{
		if (ss_route_may_call(roles[i], function))
			ss_json_text(json, NULL, psprintf("swipesavvy_%s", roles[i]));
	}
	ss_json_close_array(json);
}
