/*
 * sink_messages.c: messages of the outbox as requests: webhooks, signed as the
 * Standard Webhooks specification says, and PagerDuty's Events API v2.
 *
 * Called through sink_kinds.c. No state, no locks.
 */
#include "postgres.h"

#include "common/base64.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/secret.h"
#include "outbox/sink_kinds.h"

#define SUMMARY_MAX 1024

static char *
jsonb_text(Jsonb *document)
{
	return JsonbToCString(NULL, &document->root, VARSIZE(document));
}

/* --- webhooks ---------------------------------------------------------------------------- */

#define PREFIX		  "whsec_"
#define PREFIX_LENGTH 6
#define KEY_MIN		  24 /* bytes, as the specification says */

/* One secret as a key: what follows whsec_ in base64. False if it is none. */
static bool
decode_key(const char *secret, int length, uint8 **key, int *key_length)
{
	int size = pg_b64_dec_len(length);

	if (length <= PREFIX_LENGTH || memcmp(secret, PREFIX, PREFIX_LENGTH) != 0)
		return false;
	*key = palloc(size);
	*key_length = pg_b64_decode(secret + PREFIX_LENGTH, length - PREFIX_LENGTH, (ss_b64_byte *) *key, size);
	return *key_length >= KEY_MIN;
}

/* Does it begin like one or several of them, with spaces between? Others sign as the bytes that they are. */
static bool
is_standard(const uint8 *secret, int length)
{
	return length >= PREFIX_LENGTH && memcmp(secret, PREFIX, PREFIX_LENGTH) == 0;
}

/* The length of the next of several secrets, which begins at *at; 0 if there is none. */
static int
next_secret(const char *secrets, int length, int *at)
{
	int end;

	while (*at < length && secrets[*at] == ' ')
		(*at)++;
	for (end = *at; end < length && secrets[end] != ' '; end++)
		;
	return end - *at;
}

void
ss_format_check_signing_secret(const uint8 *secret, int length, const char *argument)
{
	int at = 0;
	int part;

	if (!is_standard(secret, length))
		return;
	while ((part = next_secret((const char *) secret, length, &at)) > 0)
	{
		uint8 *key;
		int key_length;

		if (!decode_key((const char *) secret + at, part, &key, &key_length))
			ss_bad_value(argument, "It is not \"" PREFIX "\" and at least %d bytes in base64, or several of these.",
						 KEY_MIN);
		ss_secret_wipe(key, key_length);
		at += part;
	}
}

/* v1 and the HMAC. */
static char *
sign(const uint8 *key, int length, const char *content)
{
	uint8 digest[SS_DIGEST_BYTES];

	ss_secret_hmac(key, length, content, strlen(content), digest);
	return psprintf("v1,%s", ss_secret_base64(digest, sizeof(digest)));
}

/* The signatures of id, moment and body, as these go over the wire: by each of the secrets, so that a receiver can go from one to the next. */
static char *
signatures(const SSSink *sink, const char *id, const char *moment, const char *body)
{
	char *content = psprintf("%s.%s.%s", id, moment, body);
	char *wire = pg_server_to_any(content, strlen(content), PG_UTF8);
	const char *secrets = (const char *) sink->secret;
	StringInfoData list;
	int at = 0;
	int part;

	if (!is_standard(sink->secret, sink->secret_length))
		return sign(sink->secret, sink->secret_length, wire);
	initStringInfo(&list);
	while ((part = next_secret(secrets, sink->secret_length, &at)) > 0)
	{
		uint8 *key;
		int length;

		if (!decode_key(secrets + at, part, &key, &length))
			ss_bad_state("the secret of the sink is not one", "Sink \"%s\".", sink->name);
		appendStringInfo(&list, "%s%s", list.len == 0 ? "" : " ", sign(key, length, wire));
		ss_secret_wipe(key, length);
		at += part;
	}
	return list.data;
}

/* Replaces each value of the secret part by ***. */
static Jsonb *
mask(Jsonb *secret)
{
	SSJson json = {0};
	JsonbIterator *iterator = JsonbIteratorInit(&secret->root);
	JsonbIteratorToken token;
	JsonbValue item;

	ss_json_open_object(&json, NULL);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			ss_json_text(&json, pnstrdup(item.val.string.val, item.val.string.len), "***");
	}
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

void
ss_format_webhook(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request)
{
	SSJson json = {0};
	const char *id = ss_uuid_text(message->id);
	const char *moment = psprintf(INT64_FORMAT, timestamptz_to_time_t(GetCurrentTimestamp()));

	ss_format_begin(sink, "", "application/json", request);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "type", message->event);
	ss_json_int(&json, "version", message->version);
	ss_json_time(&json, "timestamp", message->created_at);
	ss_json_jsonb(&json, "data", message->body);
	if (message->secret != NULL)
		ss_json_jsonb(&json, "secret", masked ? mask(message->secret) : message->secret);
	ss_json_close_object(&json);
	request->body = jsonb_text(DatumGetJsonbP(ss_json_finish(&json)));
	ss_format_header(request, "webhook-id", id);
	ss_format_header(request, "webhook-timestamp", moment);
	ss_format_header(request, "webhook-signature", masked ? "v1,***" : signatures(sink, id, moment, request->body));
}

/* --- PagerDuty ------------------------------------------------------------------------------ */

/* What is to be done about the incident; NULL if the message is about none. */
static const char *
action(const char *event)
{
	if (strcmp(event, "alert.opened") == 0)
		return "trigger";
	if (strcmp(event, "alert.acknowledged") == 0)
		return "acknowledge";
	return strcmp(event, "alert.resolved") == 0 ? "resolve" : NULL;
}

/* A member of the alert as text: its value, whatever the type. */
static const char *
member(Jsonb *body, const char *key)
{
	JsonbValue *value = ss_document_given(body, key);

	if (value == NULL)
		return "";
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	return jsonb_text(ss_json_as_jsonb(value));
}

static void
add_payload(SSJson *json, const SSSink *sink, Jsonb *body)
{
	const char *database = get_database_name(MyDatabaseId);
	const char *source = ss_format_option(sink, "source");
	const char *component = ss_format_option(sink, "component");
	const char *summary;

	if (source == NULL)
		source = ss_format_host();
	summary = psprintf("%s is %s (%s from %s on) in database %s of %s", member(body, "figure"), member(body, "value"),
					   member(body, "severity"), member(body, "threshold"), database, source);
	ss_json_open_object(json, "payload");
	ss_json_text(json, "summary", pnstrdup(summary, pg_mbcliplen(summary, strlen(summary), SUMMARY_MAX)));
	ss_json_text(json, "source", source);
	ss_json_text(json, "severity", member(body, "severity"));
	ss_json_text(json, "timestamp", member(body, "opened_at"));
	ss_json_text(json, "component", component == NULL ? "postgresql" : component);
	ss_json_text(json, "group", database);
	ss_json_text(json, "class", member(body, "figure"));
	ss_json_jsonb(json, "custom_details", body);
	ss_json_close_object(json);
}

void
ss_format_pagerduty(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request)
{
	SSJson json = {0};
	const char *what = action(message->event);
	const char *url = ss_format_option(sink, "client_url");

	ss_format_begin(sink, "/v2/enqueue", "application/json", request);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "routing_key", ss_format_secret(sink, masked));
	ss_json_text(&json, "event_action", what == NULL ? "trigger" : what);
	ss_json_text(&json, "dedup_key", member(message->body, "alert_id"));
	if (what == NULL || strcmp(what, "trigger") == 0)
	{
		ss_json_text(&json, "client", "swipesavvy");
		if (url != NULL)
			ss_json_text(&json, "client_url", url);
		add_payload(&json, sink, message->body);
	}
	ss_json_close_object(&json);
	request->body = jsonb_text(DatumGetJsonbP(ss_json_finish(&json)));
}
