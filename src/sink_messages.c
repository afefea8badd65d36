/*
 * sink_messages.c: messages of the outbox as requests: webhooks, signed as the
 * Standard Webhooks specification says, and PagerDuty's Events API v2.
 *
 * Called through sink_format.c. No state, no locks.
 */
#include "postgres.h"

#include "common/base64.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "args.h"
#include "compat.h"
#include "json.h"
#include "secret.h"
#include "sink_format.h"

#define SUMMARY_MAX 1024

static char *
jsonb_text(Jsonb *document)
{
	return JsonbToCString(NULL, &document->root, VARSIZE(document));
}

/* --- webhooks ---------------------------------------------------------------------------- */

/* Standard base64, as the signature wants it. */
static char *
encode(const uint8 *bytes, int length)
{
	int			size = pg_b64_enc_len(length);
	char	   *text = palloc(size + 1);
	int			written = pg_b64_encode((const ss_b64_byte *) bytes, length, text, size);

	if (written < 0)
		elog(ERROR, "could not encode a signature");
	text[written] = '\0';
	return text;
}

/* The key: what follows whsec_ in base64, else the secret as it is. */
static void
signing_key(const SSSink *sink, uint8 **key, int *length)
{
	static const char prefix[] = "whsec_";
	int			skip = strlen(prefix);

	if (sink->secret_length > skip && memcmp(sink->secret, prefix, skip) == 0)
	{
		int			size = pg_b64_dec_len(sink->secret_length - skip);

		*key = palloc(size);
		*length = pg_b64_decode((const char *) sink->secret + skip, sink->secret_length - skip, (ss_b64_byte *) *key, size);
		if (*length > 0)
			return;
	}
	*key = sink->secret;
	*length = sink->secret_length;
}

/* v1 and the HMAC of id, moment and body, as these go over the wire. */
static char *
signature(const SSSink *sink, const char *id, const char *moment, const char *body)
{
	char	   *content = psprintf("%s.%s.%s", id, moment, body);
	char	   *wire = pg_server_to_any(content, strlen(content), PG_UTF8);
	uint8	   *key;
	int			length;
	uint8		digest[SS_DIGEST_BYTES];

	signing_key(sink, &key, &length);
	ss_secret_hmac(key, length, wire, strlen(wire), digest);
	if (key != sink->secret)
		ss_secret_wipe(key, length);
	return psprintf("v1,%s", encode(digest, sizeof(digest)));
}

/* Replaces each value of the secret part by ***. */
static Jsonb *
mask(Jsonb *secret)
{
	SSJson		json = {0};
	JsonbIterator *iterator = JsonbIteratorInit(&secret->root);
	JsonbIteratorToken token;
	JsonbValue	item;

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
ss_format_webhook(const SSSink *sink, const SSMessage *message, bool masked, SSRequest *request)
{
	SSJson		json = {0};
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
	ss_format_header(request, "webhook-signature", masked ? "v1,***" : signature(sink, id, moment, request->body));
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
	JsonbValue *value = ss_document_get(body, key);

	if (value == NULL || value->type == jbvNull)
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
ss_format_pagerduty(const SSSink *sink, const SSMessage *message, bool masked, SSRequest *request)
{
	SSJson		json = {0};
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
