/*
 * sink_kinds.c: the kinds of sinks, what each takes, and what their requests
 * have in common (sink_kinds.h).
 *
 * Called by sinks.c (checks, previews) and sink_requests.c (what is sent). The
 * formats themselves are in sink_messages.c, sink_reports.c and
 * sink_prometheus.c. No locks; secrets are in the request and nowhere else.
 */
#include "postgres.h"

#include <unistd.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "outbox/sink_kinds.h"

/* Of an option: what it may be */
typedef enum Shape
{
	TEXT,
	HEADER,		/* the name of an HTTP header */
	REGION,		/* of AWS; a part of a host name */
	NAMESPACE,	/* of CloudWatch */
	TEXTS,		/* an array of texts */
	ATTRIBUTES, /* an object of texts */
	LABELS		/* the same, with names as Prometheus wants them */
} Shape;

typedef struct Option
{
	const char *key;
	Shape shape;
	bool required;
} Option;

#define OPTIONS_MAX 4
#define LISTED_MAX	50 /* tags, labels, attributes */

typedef void (*MessageFormat)(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request);
typedef bool (*ReportFormat)(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
							 SSSinkRequest *request);

typedef struct Kind
{
	const char *url; /* NULL = each sink has its own */
	bool needs_secret;
	MessageFormat message; /* one of the two */
	ReportFormat report;
	Option options[OPTIONS_MAX];
} Kind;

const char *const ss_sink_kinds[] = {"alertmanager", "cloudwatch",	"datadog", "otlp",
									 "pagerduty",	 "pushgateway", "webhook", NULL};

/* In that order. doc/monitoring.md shows these. */
static const Kind kinds[] = {
	{NULL, false, NULL, ss_format_alertmanager, {{"labels", LABELS, false}, {"auth_header", HEADER, false}}},
	{"https://monitoring.%s.amazonaws.com/",
	 true,
	 NULL,
	 ss_format_cloudwatch,
	 {{"region", REGION, true}, {"namespace", NAMESPACE, false}}},
	{"https://api.datadoghq.com", true, NULL, ss_format_datadog, {{"host", TEXT, false}, {"tags", TEXTS, false}}},
	{NULL, false, NULL, ss_format_otlp, {{"resource", ATTRIBUTES, false}, {"auth_header", HEADER, false}}},
	{"https://events.pagerduty.com",
	 true,
	 ss_format_pagerduty,
	 NULL,
	 {{"source", TEXT, false}, {"component", TEXT, false}, {"client_url", TEXT, false}}},
	{NULL,
	 false,
	 NULL,
	 ss_format_pushgateway,
	 {{"job", TEXT, false}, {"grouping", LABELS, false}, {"auth_header", HEADER, false}}},
	{NULL, true, ss_format_webhook, NULL, {{0}}},
};

StaticAssertDecl(lengthof(kinds) == lengthof(ss_sink_kinds) - 1, "each kind of sinks has its line");

static const Kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(ss_sink_kinds[i], name) == 0)
			return &kinds[i];
	}
	elog(ERROR, "unknown kind of sinks \"%s\"", name);
}

bool
ss_format_takes_messages(const char *kind)
{
	return find_kind(kind)->message != NULL;
}

bool
ss_format_takes_event(const char *kind, const char *pattern)
{
	return find_kind(kind)->message == ss_format_webhook || strncmp(pattern, "alert.", 6) == 0;
}

bool
ss_format_needs_secret(const char *kind)
{
	return find_kind(kind)->needs_secret;
}

const char *
ss_format_default_url(const char *kind, Jsonb *options)
{
	const char *url = find_kind(kind)->url;

	if (url == NULL || strstr(url, "%s") == NULL)
		return url;
	return psprintf("https://monitoring.%s.amazonaws.com/", ss_document_text(options, "region", SS_KEY_MAX));
}

/* --- checks ---------------------------------------------------------------------------- */

/* Only letters, digits and what else is allowed, and not a digit first unless it may be one. */
static bool
is_word(const char *text, const char *else_allowed, bool digit_first)
{
	if (*text == '\0' || (!digit_first && isdigit((unsigned char) *text)))
		return false;
	for (; *text != '\0'; text++)
	{
		if (((unsigned char) *text & 0x80) != 0 ||
			(!isalnum((unsigned char) *text) && strchr(else_allowed, *text) == NULL))
			return false;
	}
	return true;
}

static void
check_text_option(const char *key, Shape shape, const JsonbValue *value)
{
	char *text = ss_json_as_text(value, key, SS_KEY_MAX);

	ss_check_text(text, key, SS_KEY_MAX);
	if (shape == HEADER && !is_word(text, "-_", true))
		ss_bad_value(key, "\"%s\" is not the name of an HTTP header.", text);
	if (shape == REGION && !is_word(text, "-", true))
		ss_bad_value(key, "\"%s\" is not a region of AWS, such as eu-west-1.", text);
	if (shape == NAMESPACE && (!is_word(text, "-_./# ", true) || strncmp(text, "AWS/", 4) == 0))
		ss_bad_value(key, "\"%s\" is not a namespace: letters, digits, spaces and -_./#, and not one of AWS.", text);
}

/* An array of texts, or an object of texts. */
static void
check_listed_option(const char *key, Shape shape, JsonbValue *value)
{
	bool array = shape == TEXTS;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	int count = 0;

	if (value->type != jbvBinary ||
		(array ? !JsonContainerIsArray(value->val.binary.data) : !JsonContainerIsObject(value->val.binary.data)))
		ss_bad_value(key, array ? "It is not an array of texts." : "It is not an object of texts.");
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
		{
			char *text = ss_json_as_text(&item, key, SS_KEY_MAX);

			ss_check_text(text, key, SS_KEY_MAX);
			if (token == WJB_KEY && shape == LABELS && (!is_word(text, "_", false) || strncmp(text, "__", 2) == 0))
				ss_bad_value(key, "\"%s\" is not the name of a label: letters, digits and _.", text);
			if (token == WJB_KEY && strcmp(key, "grouping") == 0 && strcmp(text, "job") == 0)
				ss_bad_value(key, "The job is an option of its own.");
			count += token != WJB_KEY;
		}
	}
	if (count > LISTED_MAX)
		ss_bad_value(key, "It has %d elements; at most %d are allowed.", count, LISTED_MAX);
}

void
ss_format_check_options(const char *kind, Jsonb *options)
{
	const Option *known = find_kind(kind)->options;
	const char *keys[OPTIONS_MAX + 1] = {NULL};
	int count = 0;

	while (count < OPTIONS_MAX && known[count].key != NULL)
	{
		keys[count] = known[count].key;
		count++;
	}
	if (options != NULL && count == 0 && JB_ROOT_IS_OBJECT(options) && JB_ROOT_COUNT(options) > 0)
		ss_bad_value("options", "A sink of this kind has none.");
	if (options != NULL)
		ss_check_keys(options, "options", keys);
	for (int i = 0; i < count; i++)
	{
		JsonbValue *value = options == NULL ? NULL : ss_document_get(options, keys[i]);

		if (value == NULL && known[i].required)
			ss_bad_value("options", "The key \"%s\" is required.", keys[i]);
		if (value != NULL && known[i].shape >= TEXTS)
			check_listed_option(keys[i], known[i].shape, value);
		else if (value != NULL)
			check_text_option(keys[i], known[i].shape, value);
	}
}

void
ss_format_check_url(const char *kind, const char *url)
{
	if (find_kind(kind)->message != ss_format_webhook && strpbrk(url, "?#") != NULL)
		ss_bad_value("url", "It has a ? or #: the URL of a sink of this kind is one that a path is added to.");
}

void
ss_format_check_secret(const char *kind, const uint8 *secret, int length, const char *argument)
{
	bool has_colon = memchr(secret, ':', length) != NULL;

	if (find_kind(kind)->message == ss_format_webhook)
	{
		ss_format_check_signing_secret(secret, length, argument);
		return; /* signs, and is not sent */
	}
	for (int i = 0; i < length; i++)
	{
		if (secret[i] < 0x20 || secret[i] > 0x7e)
			ss_bad_value(argument, "It has characters that a header cannot have.");
	}
	if (strcmp(kind, "cloudwatch") == 0 && !has_colon)
		ss_bad_value(argument, "It is not \"ACCESS_KEY_ID:SECRET_ACCESS_KEY\".");
}

/* --- requests ------------------------------------------------------------------------------- */

char *
ss_format_option(const SSSink *sink, const char *key)
{
	return sink->options == NULL ? NULL : ss_document_text(sink->options, key, SS_KEY_MAX);
}

Jsonb *
ss_format_option_jsonb(const SSSink *sink, const char *key, const char *otherwise)
{
	JsonbValue *value = sink->options == NULL ? NULL : ss_document_get(sink->options, key);

	if (value == NULL)
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(otherwise)));
	return ss_json_as_jsonb(value);
}

void
ss_format_encode(StringInfo target, const char *text)
{
	char *wire = pg_server_to_any(text, strlen(text), PG_UTF8);

	for (const char *c = wire; *c != '\0'; c++)
	{
		char letter[2] = {*c, '\0'};

		if (is_word(letter, "-._~", true))
			appendStringInfoChar(target, *c);
		else
			appendStringInfo(target, "%%%02X", (unsigned char) *c);
	}
}

const char *
ss_format_host(void)
{
	static char name[256];

	if (gethostname(name, sizeof(name)) != 0)
		return "unknown";
	name[sizeof(name) - 1] = '\0';
	return name;
}

const char *
ss_format_secret(const SSSink *sink, bool masked)
{
	return masked || sink->secret == NULL ? "***" : (const char *) sink->secret;
}

void
ss_format_show(const SSSinkRequest *request, SSJson *json)
{
	ListCell *cell;

	ss_json_text(json, "method", request->method);
	ss_json_text(json, "url", request->url);
	ss_json_open_array(json, "headers");
	foreach (cell, request->headers)
		ss_json_text(json, NULL, lfirst(cell));
	ss_json_close_array(json);
	ss_json_text(json, "body", request->body);
	ss_json_text(json, "aws_sigv4", request->aws_sigv4);
}

void
ss_format_header(SSSinkRequest *request, const char *name, const char *value)
{
	request->headers = lappend(request->headers, psprintf("%s: %s", name, value));
}

void
ss_format_begin(const SSSink *sink, const char *path, const char *content_type, SSSinkRequest *request)
{
	const char *base = sink->url != NULL ? sink->url : ss_format_default_url(sink->kind, sink->options);
	int length = strlen(base);
	int added = strlen(path);

	memset(request, 0, sizeof(*request));
	while (added > 0 && length > 0 && base[length - 1] == '/')
		length--;
	if (length >= added && strncmp(base + length - added, path, added) == 0)
		length -= added; /* it has the path already, as vendors' pages show it */
	request->method = "POST";
	request->url = psprintf("%.*s%s", length, base, path);
	ss_format_header(request, "Content-Type", content_type);
	ss_format_header(request, "User-Agent", "swipesavvy");
}

void
ss_format_authorize(const SSSink *sink, bool masked, SSSinkRequest *request)
{
	const char *header = ss_format_option(sink, "auth_header");

	if (sink->secret != NULL)
		ss_format_header(request, header == NULL ? "Authorization" : header, ss_format_secret(sink, masked));
}

/* A dump may have been restored without its secrets; then nothing is sent, rather than something unsigned. */
static void
require_secret(const SSSink *sink, bool masked)
{
	if (!masked && sink->secret == NULL && find_kind(sink->kind)->needs_secret)
		ss_bad_state("the secret of the sink is gone", "Sink \"%s\".", sink->name);
}

void
ss_format_message(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request)
{
	require_secret(sink, masked);
	find_kind(sink->kind)->message(sink, message, masked, request);
}

bool
ss_format_report(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	require_secret(sink, masked);
	return find_kind(sink->kind)->report(sink, after, masked, through, request);
}
