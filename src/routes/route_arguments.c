/*
 * route_arguments.c: what a client sends becomes the arguments of a function
 * (route_arguments.h).
 *
 * Called by http_entry.c, and about functions alone by list_routes() and
 * openapi(). The function is found in the catalogue with each request: it may
 * have been dropped and made again. No locks but those of a call by name.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/uuid.h"
#include "call/refusal.h"
#include "routes/route_arguments.h"

/* --- the function ---------------------------------------------------------------------------------- */

static void
read_function(HeapTuple tuple, SSRouteFunction *function)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	char *modes;

	function->oid = form->oid;
	function->result = form->prorettype;
	function->is_volatile = form->provolatile == PROVOLATILE_VOLATILE;
	function->nargs = get_func_arg_info(tuple, &function->types, &function->names, &modes);
	function->nrequired = form->pronargs - form->pronargdefaults;
}

bool
ss_route_function(const char *name, SSRouteFunction *function)
{
	Oid schema = get_namespace_oid("swipesavvy", true);
	CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool found = false;

	function->name = name;
	for (int i = 0; i < list->n_members && !found; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;

		found =
			((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == schema; /* none of ours is overloaded but http_write() */
		if (found)
			read_function(tuple, function);
	}
	ReleaseSysCacheList(list);
	return found;
}

static int
argument_named(const SSRouteFunction *function, const char *name)
{
	for (int i = 0; i < function->nargs; i++)
	{
		if (strcmp(function->names[i], name) == 0)
			return i;
	}
	return -1;
}

int
ss_route_argument(const SSRouteFunction *function, const char *name)
{
	int n = argument_named(function, name);
	const char *argument = n < 0 ? ss_route_argument_of(name) : NULL;

	return argument == NULL ? n : argument_named(function, argument);
}

/* --- one value ---------------------------------------------------------------------------------------- */

/* What a text is as a value of the type, by its input function. */
static Datum
read_text(const char *text, Oid type)
{
	Oid input;
	Oid element;

	getTypeInputInfo(type, &input, &element);
	return OidInputFunctionCall(input, unconstify(char *, text), element, -1);
}

/* The text of a value of JSON: that of a string without its quotes. Null is the caller's to handle. */
static char *
text_of(const JsonbValue *value)
{
	Jsonb *document;

	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			document = JsonbValueToJsonb(unconstify(JsonbValue *, value));
			return JsonbToCString(NULL, &document->root, VARSIZE(document));
	}
}

/* An array of JSON as one of the server's with elements of that type. */
static Datum
read_array(JsonbValue *value, Oid element)
{
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	ArrayBuildState *array = initArrayResult(element, CurrentMemoryContext, false);
	JsonbIteratorToken token;
	JsonbValue item;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		array = accumArrayResult(array, item.type == jbvNull ? (Datum) 0 : read_text(text_of(&item), element),
								 item.type == jbvNull, element, CurrentMemoryContext);
	}
	return makeArrayResult(array, CurrentMemoryContext);
}

/* As PostgREST reads a body for a function that is called by name: null is SQL's null. */
static SSRouteValue
read_json(JsonbValue *value, Oid type)
{
	SSRouteValue read = {.is_given = true, .isnull = value->type == jbvNull};
	Oid element = get_element_type(type);

	if (read.isnull)
		return read;
	read.text = text_of(value);
	if (type == JSONBOID)
		read.value = JsonbPGetDatum(JsonbValueToJsonb(value));
	else if (OidIsValid(element) && value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		read.value = read_array(value, element);
	else
		read.value = read_text(read.text, type);
	return read;
}

/* --- all of a request ------------------------------------------------------------------------------------ */

typedef struct Reading
{
	const SSRoute *route;
	const SSRouteFunction *function;
	SSRouteValue *values;
	bool *in_path;
	const char **reading; /* the argument whose value is being read */
} Reading;

/* PT404: "campaign not found" for {campaign_id}. */
static void
raise_not_found(const char *placeholder, const char *key)
{
	size_t length = strlen(placeholder);

	if (length > 3 && strcmp(placeholder + length - 3, "_id") == 0)
		length -= 3;
	ss_not_found(strcmp(placeholder, "flag_key") == 0 ? "flag" : pnstrdup(placeholder, length), key);
}

static void
read_placeholder(Reading *reading, const char *placeholder, char *segment)
{
	int n = ss_route_argument(reading->function, placeholder);
	pg_uuid_t id;

	if (n < 0)
		elog(ERROR, "function \"%s\" has no argument for {%s}", reading->function->name, placeholder);
	if (reading->function->types[n] == UUIDOID && !ss_uuid_parse(segment, strlen(segment), &id))
		raise_not_found(placeholder, segment);
	reading->values[n] =
		(SSRouteValue){.is_given = true, .value = read_text(segment, reading->function->types[n]), .text = segment};
	reading->in_path[n] = true;
}

static void
read_path(Reading *reading, char *const *segments)
{
	SSRouteSegment segment = {.next = reading->route->path, .n = -1};

	while (ss_route_next_segment(&segment))
	{
		if (segment.name != NULL)
			read_placeholder(reading, segment.name, segments[segment.n]);
	}
}

/* 22023: there is no such parameter; the hint has those that there are. */
static void
raise_unknown(const SSRouteFunction *function, const char *name, const char *left_out)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < function->nargs; i++)
	{
		if (left_out != NULL && strcmp(function->names[i], left_out) == 0)
			continue;
		appendStringInfo(&known, "%s%s", known.len > 0 ? ", " : "", ss_route_shown_name(function->names[i]));
	}
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown parameter"),
			errdetail("There is no parameter \"%.*s\".", pg_mbcliplen(name, strlen(name), SS_NAME_MAX), name),
			known.len > 0 ? errhint("The parameters are: %s.", known.data) : 0);
}

/* The argument that a parameter or a key of the body is for: -1 where the path has given it and says the same. */
static int
place_for(Reading *reading, const char *name, const char *text, const char *where)
{
	const char *left_out = reading->route->left_out;
	int n = ss_route_argument(reading->function, name);

	if (n < 0 || (left_out != NULL && strcmp(reading->function->names[n], left_out) == 0))
		raise_unknown(reading->function, name, left_out);
	if (!reading->values[n].is_given)
		return n;
	if (!reading->in_path[n])
		ss_bad_value(reading->function->names[n], "It is given twice.");
	if (text == NULL || pg_strcasecmp(text, reading->values[n].text) != 0)
		ss_bad_value(reading->function->names[n], "The path has another value than the %s.", where);
	return -1;
}

static void
read_query(Reading *reading, const SSHttpRequest *request)
{
	for (int i = 0; i < request->nparameters; i++)
	{
		const SSHttpParameter *parameter = &request->parameters[i];
		int n = place_for(reading, parameter->name, parameter->value, "query");

		if (n < 0)
			continue;
		*reading->reading = reading->function->names[n];
		reading->values[n] = (SSRouteValue){.is_given = true,
											.value = read_text(parameter->value, reading->function->types[n]),
											.text = parameter->value};
		*reading->reading = NULL;
	}
}

/* The keys of the body are arguments. */
static void
read_keys(Reading *reading, Jsonb *body)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue key;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		char *name;
		int n;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		name = pnstrdup(key.val.string.val, key.val.string.len);
		n = place_for(reading, name, value.type == jbvNull ? NULL : text_of(&value), "body");
		if (n < 0)
			continue;
		*reading->reading = reading->function->names[n];
		reading->values[n] = read_json(&value, reading->function->types[n]);
		*reading->reading = NULL;
	}
}

/* Gives the whole document as that argument. */
static void
give_document(Reading *reading, const char *argument, Jsonb *document)
{
	int n = argument_named(reading->function, argument);

	if (n < 0)
		elog(ERROR, "function \"%s\" has no argument \"%s\"", reading->function->name, argument);
	if (reading->values[n].is_given)
		ss_bad_value(argument, "It is given twice.");
	reading->values[n] = (SSRouteValue){.is_given = true, .value = JsonbPGetDatum(document), .text = ""};
}

/* The whole body is an argument; a client may leave the ids of the path in it. */
static void
read_whole(Reading *reading, Jsonb *body)
{
	for (int n = 0; n < reading->function->nargs; n++)
	{
		const char *name = reading->function->names[n];
		JsonbValue *given = reading->in_path[n] ? ss_document_get(body, name) : NULL;

		if (given == NULL)
			continue;
		if (given->type == jbvNull || pg_strcasecmp(text_of(given), reading->values[n].text) != 0)
			ss_bad_value(name, "The path has another value than the body.");
		body = DatumGetJsonbP(
			DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(body), PointerGetDatum(cstring_to_text(name))));
	}
	give_document(reading, reading->route->whole_body, body);
}

/* PostgREST hands on an empty object as no body: where the whole body is an argument, none is an empty object. */
static Jsonb *
empty_object(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

static void
read_body(Reading *reading, Jsonb *body)
{
	if (body == NULL && reading->route->whole_body != NULL)
		body = empty_object();
	if (body == NULL)
		return;
	if (JB_ROOT_IS_ARRAY(body) && !JB_ROOT_IS_SCALAR(body) && reading->route->array_argument != NULL)
		give_document(reading, reading->route->array_argument, body);
	else if (!JB_ROOT_IS_OBJECT(body))
		ss_bad_value("body", "It is a JSON object%s.", reading->route->array_argument != NULL ? ", or an array" : "");
	else if (reading->route->whole_body != NULL)
		read_whole(reading, body);
	else
		read_keys(reading, body);
}

SSRouteValue *
ss_route_arguments(const SSRoute *route, const SSRouteFunction *function, const SSHttpRequest *request,
				   const char **reading_argument)
{
	Reading reading = {.route = route,
					   .function = function,
					   .values = palloc0(Max(function->nargs, 1) * sizeof(SSRouteValue)),
					   .in_path = palloc0(Max(function->nargs, 1) * sizeof(bool)),
					   .reading = reading_argument};

	read_path(&reading, request->segments);
	read_query(&reading, request);
	read_body(&reading, request->body);
	for (int n = 0; n < function->nrequired; n++)
	{
		if (!reading.values[n].is_given)
			ss_missing_value(function->names[n]);
	}
	return reading.values;
}

/* --- the call -------------------------------------------------------------------------------------------- */

void
ss_route_require(const SSRouteFunction *function)
{
	if (ss_compat_may_execute(function->oid, GetUserId()))
		return;
	ss_refusal_begin(function->oid);
	ss_not_allowed("permission denied", "The role that calls is none of those that may.");
}

/* The arguments that are given, by name: the others have their defaults. */
static List *
make_arguments(const SSRouteFunction *function, const SSRouteValue *values)
{
	List *arguments = NIL;

	for (int n = 0; n < function->nargs; n++)
	{
		NamedArgExpr *argument;
		int16 length;
		bool by_value;

		if (!values[n].is_given)
			continue;
		get_typlenbyval(function->types[n], &length, &by_value);
		argument = makeNode(NamedArgExpr);
		argument->arg = (Expr *) makeConst(function->types[n], -1, get_typcollation(function->types[n]), length,
										   values[n].value, values[n].isnull, by_value);
		argument->name = function->names[n];
		argument->argnumber = n;
		argument->location = -1;
		arguments = lappend(arguments, argument);
	}
	return arguments;
}

Datum
ss_route_call(const SSRouteFunction *function, const SSRouteValue *values, bool *isnull)
{
	EState *state;
	ExprState *call;
	Datum result;
	int16 length;
	bool by_value;

	state = CreateExecutorState();
	call = ExecPrepareExpr((Expr *) makeFuncExpr(function->oid, function->result, make_arguments(function, values),
												 InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL),
						   state);
	result = ExecEvalExprSwitchContext(call, GetPerTupleExprContext(state), isnull);
	get_typlenbyval(function->result, &length, &by_value);
	if (!*isnull)
		result = datumCopy(result, by_value, length);
	FreeExecutorState(state);
	return result;
}
