/*
 * http_entry.c: the two functions that PostgREST calls for whatever path is under
 * /api, and what they do for it.
 *
 * SQL entry points. The proxy says in two headers which route the client asked
 * for; the function behind it checks role and identity, and it is its call that
 * is counted, limited and recorded: these two check nothing, and write nothing.
 *
 * A request runs in a subtransaction: an error of the caller's undoes what it
 * did and becomes an answer with a status and headers of our own, which an error
 * could not have. The server's own errors go on as they are. No locks but those
 * of the function.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "call/metrics.h"
#include "routes/http_answer.h"
#include "routes/http_request.h"
#include "routes/route_arguments.h"
#include "routes/routes.h"

PG_FUNCTION_INFO_V1(swipesavvy_http_read);
PG_FUNCTION_INFO_V1(swipesavvy_http_write);

/* A request, and what becomes of it. */
typedef struct Work
{
	bool reads;
	Jsonb *body;
	SSHttpRequest request;
	const char *reading; /* the argument whose value is being read */
	text *answer;
} Work;

static void
raise_other_method(const SSHttpRequest *request)
{
	ereport(ERROR, errcode(SS_ERRCODE_METHOD), errmsg("the route has other methods"),
			errdetail("The path can be asked for with: %s.", ss_route_allowed(request->segments, request->nsegments)));
}

/* The route; of GET those that only read, of anything else the others, whichever function a client has reached. */
static const SSRoute *
find_route(const Work *work)
{
	const SSHttpRequest *request = &work->request;
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	bool path_known = false;
	const SSRoute *route = NULL;

	if (request->nsegments <= SS_ROUTE_SEGMENTS_MAX)
		route = ss_route_find(method, request->segments, request->nsegments, &path_known);
	if (!path_known)
		ereport(ERROR, errcode(SS_ERRCODE_NOT_FOUND), errmsg("no such route"),
				errhint("list_routes() has all of them."));
	if (route == NULL || (strcmp(method, "GET") == 0) != work->reads)
		raise_other_method(request);
	return route;
}

/* An array goes to another function where the route has one. */
static const char *
function_of(const SSRoute *route, const Jsonb *body)
{
	if (route->array_function != NULL && body != NULL && JB_ROOT_IS_ARRAY(body) && !JB_ROOT_IS_SCALAR(body))
		return route->array_function;
	return route->function;
}

static void
answer_request(void *argument)
{
	Work *work = argument;
	SSRouteFunction function;
	SSRouteValue *values;
	const SSRoute *route;
	Datum result;
	bool isnull;

	ss_http_request_read(&work->request);
	work->request.body = work->body;
	route = find_route(work);
	if (!ss_route_function(function_of(route, work->body), &function))
		ereport(ERROR, errcode(SS_ERRCODE_NOT_FOUND), errmsg("no such route"),
				errhint("It is of a later release: ALTER EXTENSION swipesavvy UPDATE."));
	ss_route_require(&function);
	values = ss_route_arguments(route, &function, &work->request, &work->reading);
	result = ss_route_call(&function, values, &isnull);
	work->answer = ss_http_answer(route, &work->request, result, isnull);
}

/* What the type's input function says of a value becomes the detail: the message is ours, and names the argument. */
static void
name_argument(ErrorData *error, const char *argument)
{
	error->detail = error->message;
	error->message = psprintf("invalid value for argument \"%s\"", argument);
}

static Datum
handle(bool reads, Jsonb *body)
{
	Work work = {.reads = reads, .body = body};
	ErrorData *error;

	ss_http_answer_begin();
	error = ss_attempt_if(answer_request, &work, ss_http_is_answered);
	if (error != NULL)
	{
		ss_metrics_end_answered();
		if (work.reading != NULL)
			name_argument(error, work.reading);
		work.answer = ss_http_answer_error(error, &work.request);
	}
	PG_RETURN_TEXT_P(work.answer);
}

/*
 * http_read()
 */
Datum
swipesavvy_http_read(PG_FUNCTION_ARGS)
{
	return handle(true, NULL);
}

/*
 * http_write(jsonb): the body; null is none. And http_write(), without one.
 */
Datum
swipesavvy_http_write(PG_FUNCTION_ARGS)
{
	return handle(false, PG_NARGS() == 0 || PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0));
}
