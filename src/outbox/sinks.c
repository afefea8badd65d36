/*
 * sinks.c: who outside is told what happens here.
 *
 * SQL entry points for admins, and what the other files of sinks share
 * (sinks.h). What there is to send is put by outbox.c, and sent by the
 * background worker through sink_requests.c.
 *
 * Locks, in this order: the sink's row, the row of its secret, messages by
 * their ids, the sink's state. Who puts a message locks no sink: what is put
 * for one that is being deleted is given up by apply_outbox_retention().
 */
#include "postgres.h"

#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/secret.h"
#include "call/call.h"
#include "direct/survey.h"
#include "outbox/sinks.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_sink);
PG_FUNCTION_INFO_V1(swipesavvy_update_sink);
PG_FUNCTION_INFO_V1(swipesavvy_delete_sink);
PG_FUNCTION_INFO_V1(swipesavvy_list_sinks);

#define URL_MAX			  2000
#define PATTERN_MAX		  100
#define PATTERNS_MAX	  50
#define IN_FLIGHT_DEFAULT 16
#define IN_FLIGHT_MAX	  256
#define MILLI_MAX		  10000000 /* ten thousand a second */

/* A sink as it is to be. */
typedef struct Draft
{
	char *name;
	char *kind;
	char *url;		   /* NULL = the kind's own */
	char *secret;	   /* NULL = none */
	ArrayType *events; /* NULL = none are given */
	Jsonb *options;
	Numeric max_per_second; /* NULL = no limit */
	int max_in_flight;
	bool enabled;
} Draft;

#define COLUMNS "sink, kind, url, secret, to_jsonb(events) AS events, options, max_per_second, max_in_flight, enabled"

SS_QUERY(
	insert_sink,
	"INSERT INTO swipesavvy.sinks (sink, kind, url, secret, events, options, max_per_second, max_in_flight, enabled)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (sink) DO NOTHING RETURNING " COLUMNS,
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, JSONBOID, NUMERICOID, INT4OID, BOOLOID);

SS_QUERY(
	update_sink,
	"UPDATE swipesavvy.sinks SET url = $3, secret = $4, events = $5, options = $6, max_per_second = $7, max_in_flight = $8,"
	"    enabled = $9, updated_at = clock_timestamp()"
	" WHERE sink = $1 AND kind = $2 RETURNING " COLUMNS,
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, JSONBOID, NUMERICOID, INT4OID, BOOLOID);

SS_QUERY(lock_sink, "SELECT " COLUMNS " FROM swipesavvy.sinks WHERE sink = $1 FOR UPDATE", TEXTOID);

SS_QUERY(delete_sink, "DELETE FROM swipesavvy.sinks WHERE sink = $1", TEXTOID);

SS_QUERY(insert_state, "INSERT INTO swipesavvy.sink_states (sink) VALUES ($1)", TEXTOID);

/* What failed as the sink was is tried at once as it is. */
SS_QUERY(
	reset_state,
	"UPDATE swipesavvy.sink_states SET failures_in_a_row = 0, not_before = NULL, tokens = NULL, tokens_at = NULL WHERE sink = $1",
	TEXTOID);

SS_QUERY(
	give_up_messages,
	"UPDATE swipesavvy.outbox m SET dead_at = clock_timestamp(), leased = false, last_error = 'the sink was deleted'"
	"  FROM (SELECT o.message_id FROM swipesavvy.outbox o"
	"         WHERE o.sink = $1 AND o.delivered_at IS NULL AND o.dead_at IS NULL ORDER BY o.message_id FOR NO KEY UPDATE) d"
	" WHERE m.message_id = d.message_id",
	TEXTOID);

/* Its value fits until whoever changes it comes, who looks at the sinks that use it. */
SS_QUERY(read_secret, "SELECT value FROM swipesavvy_private.sink_secrets WHERE secret = $1 FOR SHARE", TEXTOID);

/* $1 the sink, or null for all */
SS_QUERY(
	select_sinks,
	"SELECT s.sink, s.kind, s.url, s.secret, to_jsonb(s.events) AS events, s.options, s.max_per_second, s.max_in_flight, s.enabled,"
	"       CASE WHEN NOT s.enabled THEN 'disabled'"
	"            WHEN t.failures_in_a_row >= " SS_SINK_BROKEN_TEXT " THEN 'failing'"
	"            WHEN t.not_before > statement_timestamp() THEN 'held' ELSE 'ok' END AS state,"
	"       CASE WHEN s.events IS NOT NULL THEN"
	"            (SELECT count(*) FROM (SELECT 1 FROM swipesavvy.outbox m"
	"              WHERE m.sink = s.sink AND m.delivered_at IS NULL AND m.dead_at IS NULL LIMIT 10000) q) END AS queued,"
	"       coalesce(t.failures_in_a_row, 0) AS failures_in_a_row,"
	"       CASE WHEN t.not_before > statement_timestamp() THEN t.not_before END AS not_before,"
	"       t.last_success_at, t.last_failure_at, t.last_error, t.sent_through, s.created_at, s.updated_at"
	"  FROM swipesavvy.sinks s LEFT JOIN swipesavvy.sink_states t ON t.sink = s.sink"
	" WHERE $1 IS NULL OR s.sink = $1 ORDER BY s.sink",
	TEXTOID);

/* --- for the other files ----------------------------------------------------------------- */

bool
ss_sinks_exist(void)
{
	Relation sinks;
	bool exist;

	if (!ss_survey_take(SS_ONE_TABLE(SS_SINKS)))
		return true; /* its rows may be elsewhere */
	sinks = table_open(ss_survey.tables[SS_SINKS].relid, AccessShareLock);
	exist = RelationGetNumberOfBlocks(sinks) > 0;
	table_close(sinks, AccessShareLock);
	return exist;
}

void
ss_sink_read(SSRow *row, SSSink *sink)
{
	bytea *secret;

	memset(sink, 0, sizeof(*sink));
	sink->name = ss_next_text(row);
	sink->kind = ss_next_text(row);
	sink->url = ss_next_text_or_null(row);
	sink->options = ss_next_jsonb(row);
	secret = ss_next_bytea_or_null(row);
	if (secret != NULL)
	{
		sink->secret_length = VARSIZE_ANY_EXHDR(secret);
		sink->secret = palloc(sink->secret_length + 1);
		memcpy(sink->secret, VARDATA_ANY(secret), sink->secret_length);
		sink->secret[sink->secret_length] = '\0';
		ss_secret_wipe(VARDATA_ANY(secret), sink->secret_length);
	}
}

void
ss_sink_forget(SSSink *sink)
{
	if (sink->secret != NULL)
		ss_secret_wipe(sink->secret, sink->secret_length);
	sink->secret = NULL;
}

void
ss_sink_check_name(const char *name, const char *argument)
{
	size_t length = strlen(name);

	if (length == 0 || length > SS_SINK_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != length ||
		name[0] == '_' || name[0] == '-')
		ss_bad_value(argument,
					 "\"%s\" is not 1 to %d lower-case letters, digits, _ and -, with a letter or digit first.", name,
					 SS_SINK_NAME_MAX);
}

/* --- checks ---------------------------------------------------------------------------------- */

/* Host and port as they stand in a URL; what is wrong with them, or NULL. */
static const char *
fault_of_authority(const char *authority)
{
	const char *host_end = authority[0] == '[' ? strchr(authority, ']') : strchr(authority, ':');
	const char *port;

	if (strchr(authority, '@') != NULL)
		return "It has a user or a password in it; a secret is for that.";
	if (authority[0] == '[' && host_end == NULL)
		return "It has no host.";
	port = authority[0] == '[' ? host_end + 1 : host_end;
	if (authority[0] == '\0' || port == authority || strncmp(authority, "[]", 2) == 0)
		return "It has no host.";
	if (port == NULL || *port == '\0')
		return NULL;
	if (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1) || strlen(port + 1) > 5 ||
		strtol(port + 1, NULL, 10) < 1 || strtol(port + 1, NULL, 10) > 65535)
		return "Its port is not a number from 1 to 65535.";
	return NULL;
}

/* The URL is told to nobody: there may be more in it than there should be. */
static void
check_url(const char *url)
{
	const char *authority;
	const char *fault;

	ss_check_text(url, "url", URL_MAX);
	for (const char *c = url; *c != '\0'; c++)
	{
		if (*c <= ' ' || *c > '~' || strchr("\\\"<>^`{|}", *c) != NULL)
			ss_bad_value("url", "It has characters that belong in no URL unless they are encoded as %%XX.");
	}
	if (pg_strncasecmp(url, "https://", 8) != 0 && pg_strncasecmp(url, "http://", 7) != 0)
		ss_bad_value("url", "It begins with neither https:// nor http://.");
	authority = strstr(url, "://") + 3;
	fault = fault_of_authority(pnstrdup(authority, strcspn(authority, "/?#")));
	if (fault != NULL)
		ss_bad_value("url", "%s", fault);
	if (strchr(url, '#') != NULL)
		ss_bad_value("url", "It has a #, and what comes after it is never sent.");
}

/* Words of lower-case letters, digits, _ and -, with dots between them; the last may be * in a pattern. */
void
ss_sink_check_event(const char *kind, const char *event, const char *argument, bool is_pattern)
{
	const char *c = event;

	if (strlen(event) > PATTERN_MAX)
		ss_bad_value(argument, "An event of it is longer than %d characters.", PATTERN_MAX);
	for (;;)
	{
		size_t length = strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_-");

		if (is_pattern && strcmp(c, "*") == 0)
			break;
		if (length == 0 || (c[length] != '.' && c[length] != '\0'))
			ss_bad_value(argument,
						 is_pattern ? "\"%s\" is neither an event such as user.locked_out nor a pattern such as user.*."
									: "\"%s\" is not the name of an event, such as user.locked_out.",
						 event);
		if (c[length] == '\0')
			break;
		c += length + 1;
	}
	if (!ss_format_takes_event(kind, event))
		ss_bad_value(argument, "\"%s\" is not an alert, and a sink of this kind gets nothing else.", event);
}

static void
check_events(const char *kind, ArrayType *events)
{
	Datum *items;
	bool *nulls;
	int count;

	if (ARR_NDIM(events) > 1)
		ss_bad_value("events", "It has more than one dimension.");
	deconstruct_array(events, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	if (count < 1 || count > PATTERNS_MAX)
		ss_bad_value("events", "It has %d elements; 1 to %d are allowed.", count, PATTERNS_MAX);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ss_bad_value("events", "It has a null element.");
		ss_sink_check_event(kind, TextDatumGetCString(items[i]), "events", true);
	}
}

/* PT404 if there is none of that name. */
static void
check_secret(const char *kind, const char *name)
{
	Datum key = CStringGetTextDatum(name);
	SSRows rows = ss_rows_latest(&read_secret, &key, NULL);
	bytea *value;
	SSRow row;

	if (rows.count == 0)
		ss_not_found("secret", name);
	row = ss_row(rows, 0);
	value = ss_next_bytea(&row);
	ss_format_check_secret(kind, (uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), "secret");
	ss_secret_wipe(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* An array of one text. */
static ArrayType *
single(const char *text)
{
	Datum item = CStringGetTextDatum(text);

	return construct_array(&item, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Checks a sink as it is to be, whole, and adds the events that its kind gets unless told. */
static void
check_draft(Draft *draft)
{
	ss_format_check_options(draft->kind, draft->options);
	if (draft->url != NULL)
	{
		check_url(draft->url);
		ss_format_check_url(draft->kind, draft->url);
	}
	else if (ss_format_default_url(draft->kind, draft->options) == NULL)
		ss_missing_value("url");
	if (draft->secret != NULL)
		check_secret(draft->kind, draft->secret);
	else if (ss_format_needs_secret(draft->kind))
		ss_missing_value("secret");
	if (!ss_format_takes_messages(draft->kind))
	{
		if (draft->events != NULL)
			ss_bad_value("events", "A sink of this kind gets reports on samples, and no messages.");
	}
	else if (draft->events == NULL)
		draft->events = single(ss_format_takes_event(draft->kind, "*") ? "*" : "alert.*");
	else
		check_events(draft->kind, draft->events);
	if (draft->max_per_second != NULL)
		(void) ss_scaled_from_numeric(draft->max_per_second, 3, 1, MILLI_MAX, "max_per_second");
}

static uint64
write_draft(SSQuery *query, const Draft *draft)
{
	Datum values[9];
	bool nulls[9] = {false};

	ss_param_text(values, nulls, 0, draft->name);
	ss_param_text(values, nulls, 1, draft->kind);
	ss_param_text(values, nulls, 2, draft->url);
	ss_param_text(values, nulls, 3, draft->secret);
	ss_param_pointer(values, nulls, 4, draft->events);
	ss_param_pointer(values, nulls, 5, draft->options);
	ss_param_pointer(values, nulls, 6, draft->max_per_second);
	values[7] = Int32GetDatum(draft->max_in_flight);
	values[8] = BoolGetDatum(draft->enabled);
	return ss_query_latest(query, values, nulls);
}

/* --- entry points ---------------------------------------------------------------------------- */

/* The sink as list_sinks() shows it is the result. */
static Datum
leave_with_sink(SSCall *call, const char *name)
{
	SSJson json = {0};
	Datum key = CStringGetTextDatum(name);

	ss_query_avoid_scans();
	(void) ss_query_write(&select_sinks, &key, NULL);
	ss_json_row(&json, NULL);
	return ss_call_leave_json(call, &json);
}

/*
 * create_sink(sink, kind, url, secret, events, options, max_per_second,
 * max_in_flight, enabled)
 */
Datum
swipesavvy_create_sink(PG_FUNCTION_ARGS)
{
	SSCall call;
	Draft draft = {0};
	Datum key;
	bool isnull;

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	draft.name = ss_arg_text(fcinfo, 0, "sink", SS_KEY_MAX, true);
	ss_sink_check_name(draft.name, "sink");
	draft.kind = ss_arg_text(fcinfo, 1, "kind", SS_KEY_MAX, true);
	(void) ss_check_choice(draft.kind, "kind", ss_sink_kinds);
	draft.url = ss_arg_text(fcinfo, 2, "url", URL_MAX, false);
	draft.secret = ss_arg_text(fcinfo, 3, "secret", SS_KEY_MAX, false);
	draft.events = PG_ARGISNULL(4) ? NULL : PG_GETARG_ARRAYTYPE_P(4);
	draft.options = ss_arg_jsonb(fcinfo, 5, "options", false);
	if (draft.options == NULL)
		draft.options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	draft.max_per_second = ss_arg_numeric(fcinfo, 6, "max_per_second", false);
	draft.max_in_flight = (int) ss_arg_int4(fcinfo, 7, "max_in_flight", 1, IN_FLIGHT_MAX, &isnull);
	if (isnull)
		draft.max_in_flight = IN_FLIGHT_DEFAULT;
	draft.enabled = ss_arg_bool(fcinfo, 8, true);
	check_draft(&draft);
	if (write_draft(&insert_sink, &draft) == 0)
		ss_duplicate("a sink with this name exists already", "The name is \"%s\".", draft.name);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "sink", .action = "create", .resource_id = draft.name},
						(SSAuditRow){0}, ss_audit_row());
	key = CStringGetTextDatum(draft.name);
	(void) ss_query_latest(&insert_state, &key, NULL);
	PG_RETURN_DATUM(leave_with_sink(&call, draft.name));
}

/* An array of texts from an array of a document; NULL for a null. */
static ArrayType *
events_of(const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	Datum items[PATTERNS_MAX + 1];
	int count = 0;

	if (value->type == jbvNull)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		ss_bad_value("events", "It is not an array of texts.");
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && count <= PATTERNS_MAX)
			items[count++] = CStringGetTextDatum(ss_json_as_text(&item, "events", SS_KEY_MAX));
	}
	return construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* The draft of the row in the last result. */
static void
read_draft(SSRow row, Draft *draft)
{
	Jsonb *events;

	draft->name = ss_next_text(&row);
	draft->kind = ss_next_text(&row);
	draft->url = ss_next_text_or_null(&row);
	draft->secret = ss_next_text_or_null(&row);
	events = ss_next_jsonb_or_null(&row);
	if (events != NULL)
		draft->events =
			events_of(&(JsonbValue){.type = jbvBinary, .val.binary = {VARSIZE(events) - VARHDRSZ, &events->root}});
	draft->options = ss_next_jsonb(&row);
	draft->max_per_second = ss_next_numeric_or_null(&row);
	draft->max_in_flight = ss_next_int32(&row);
	draft->enabled = ss_next_bool(&row);
}

static void
apply_changes(Draft *draft, Jsonb *changes)
{
	static const char *const keys[] = {"url",			"secret",  "events", "options", "max_per_second",
									   "max_in_flight", "enabled", NULL};
	const JsonbValue *value;

	ss_check_keys(changes, "changes", keys);
	if ((value = ss_document_get(changes, "url")) != NULL)
		draft->url = value->type == jbvNull ? NULL : ss_json_as_text(value, "url", URL_MAX);
	if ((value = ss_document_get(changes, "secret")) != NULL)
		draft->secret = value->type == jbvNull ? NULL : ss_json_as_text(value, "secret", SS_KEY_MAX);
	if ((value = ss_document_get(changes, "events")) != NULL)
		draft->events = events_of(value);
	if (ss_document_get(changes, "options") != NULL)
		draft->options = ss_json_as_jsonb(ss_document_get(changes, "options"));
	if ((value = ss_document_get(changes, "max_per_second")) != NULL)
		draft->max_per_second = value->type == jbvNull ? NULL : ss_json_as_numeric(value, "max_per_second");
	if ((value = ss_document_get(changes, "max_in_flight")) != NULL)
		draft->max_in_flight = (int) ss_json_as_int(value, "max_in_flight", 1, IN_FLIGHT_MAX);
	if ((value = ss_document_get(changes, "enabled")) != NULL)
		draft->enabled = ss_json_as_bool(value, "enabled");
}

/*
 * update_sink(sink, changes)
 */
Datum
swipesavvy_update_sink(PG_FUNCTION_ARGS)
{
	SSCall call;
	Draft draft = {0};
	SSAuditRow before;
	char *name;
	Jsonb *changes;
	SSRows rows;
	Datum key;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "sink", SS_KEY_MAX, true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	key = CStringGetTextDatum(name);
	rows = ss_rows_latest(&lock_sink, &key, NULL);
	if (rows.count == 0)
		ss_not_found("sink", name);
	before = ss_audit_row();
	read_draft(ss_row(rows, 0), &draft);
	apply_changes(&draft, changes);
	check_draft(&draft);
	(void) write_draft(&update_sink, &draft);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "sink", .action = "update", .resource_id = name}, before,
						ss_audit_row());
	(void) ss_query_latest(&reset_state, &key, NULL);
	PG_RETURN_DATUM(leave_with_sink(&call, name));
}

/*
 * delete_sink(sink): and how many messages were given up
 */
Datum
swipesavvy_delete_sink(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAuditRow before;
	char *name;
	Datum key;
	uint64 given_up;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "sink", SS_KEY_MAX, true);
	key = CStringGetTextDatum(name);
	if (ss_query_latest(&lock_sink, &key, NULL) == 0)
		ss_not_found("sink", name);
	before = ss_audit_row();
	given_up = ss_query_latest(&give_up_messages, &key, NULL);
	ss_query_latest_rows(&delete_sink, &key, NULL, 1);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "sink", .action = "delete", .resource_id = name}, before,
						(SSAuditRow){0});
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "sink", name);
	ss_json_text(&json, "status", "deleted");
	ss_json_int(&json, "given_up_messages", (int64) given_up);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * list_sinks()
 */
Datum
swipesavvy_list_sinks(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum nothing = 0;
	bool isnull = true;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	ss_query_avoid_scans();
	(void) ss_query_read(&select_sinks, &nothing, &isnull);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "sinks");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
