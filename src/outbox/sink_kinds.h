/*
 * sink_kinds.h: the requests that tell sinks (webhooks, monitoring systems)
 * what has happened or how the database is, in each one's published format.
 */
#ifndef SS_SINK_KINDS_H
#define SS_SINK_KINDS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/json.h"

/* A sink, as far as formats want to know. */
typedef struct SSSink
{
	char *name;
	char *kind;		/* one of ss_sink_kinds */
	char *url;		/* NULL = the kind's own */
	Jsonb *options; /* NULL = none */
	uint8 *secret;	/* with a NUL behind it; NULL = none */
	int secret_length;
} SSSink;

/* A message of the outbox. */
typedef struct SSMessage
{
	const pg_uuid_t *id;
	char *event;
	int version;
	TimestampTz created_at;
	Jsonb *body;
	Jsonb *secret; /* NULL = none */
} SSMessage;

/* A request that is to be sent. Its texts live in the caller's memory context. */
typedef struct SSSinkRequest
{
	const char *method;
	char *url;
	List *headers;	 /* of char *, "Name: value" */
	char *body;		 /* in the server's encoding; UTF-8 on the wire */
	char *aws_sigv4; /* NULL, or for libcurl: how to sign */
	char *user;		 /* NULL, or for libcurl: with which key */
} SSSinkRequest;

/* The kinds there are; a NULL-terminated list. */
extern const char *const ss_sink_kinds[];

/* Does the kind get messages one by one, rather than reports on the samples of health? */
extern bool ss_format_takes_messages(const char *kind);

/* Does it get this pattern of events? Only alerts page somebody. */
extern bool ss_format_takes_event(const char *kind, const char *pattern);

extern bool ss_format_needs_secret(const char *kind);

/* The kind's own URL; NULL if there is none. The options have been checked. */
extern const char *ss_format_default_url(const char *kind, Jsonb *options);

/* Each raises 22023, naming the argument, for what the kind cannot do with. */
extern void ss_format_check_options(const char *kind, Jsonb *options);
extern void ss_format_check_url(const char *kind, const char *url);
extern void ss_format_check_secret(const char *kind, const uint8 *secret, int length, const char *argument);

/*
 * The request for a message; `masked` shows *** for whatever is secret. PT400
 * if the kind needs a secret and there is none, also for a report.
 */
extern void ss_format_message(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request);

/*
 * The request for a report of what was sampled after a moment (for an hour at
 * most), as much as fits into one; false if there is nothing to report.
 * `through` is what the next one is to be after. Reads with SPI.
 */
extern bool ss_format_report(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
							 SSSinkRequest *request);

/* Adds a request to an object, but for the key to sign with: for the worker, and for previews. */
extern void ss_format_show(const SSSinkRequest *request, SSJson *json);

/* --- for the files of formats ----------------------------------------------------------- */

extern void ss_format_webhook(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request);
extern void ss_format_pagerduty(const SSSink *sink, const SSMessage *message, bool masked, SSSinkRequest *request);
extern bool ss_format_datadog(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
							  SSSinkRequest *request);
extern bool ss_format_cloudwatch(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
								 SSSinkRequest *request);
extern bool ss_format_otlp(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
						   SSSinkRequest *request);
extern bool ss_format_pushgateway(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
								  SSSinkRequest *request);
extern bool ss_format_alertmanager(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through,
								   SSSinkRequest *request);

/* The text of an option, NULL if it is not given; the object or array of one, or the default (JSON). */
extern char *ss_format_option(const SSSink *sink, const char *key);
extern Jsonb *ss_format_option_jsonb(const SSSink *sink, const char *key, const char *otherwise);

/* Raises 22023 for what begins like a secret of Standard Webhooks and is none. */
extern void ss_format_check_signing_secret(const uint8 *secret, int length, const char *argument);

/* Adds a text with everything but letters, digits and -._~ as %XX of its UTF-8. */
extern void ss_format_encode(StringInfo target, const char *text);

/* The name of this machine, as it is told to others. */
extern const char *ss_format_host(void);

/* The sink's secret as text, or ***. */
extern const char *ss_format_secret(const SSSink *sink, bool masked);

/* Begins a request for a path below the sink's URL ("" for the URL itself), unless that ends with it, with a type of content. */
extern void ss_format_begin(const SSSink *sink, const char *path, const char *content_type, SSSinkRequest *request);
extern void ss_format_header(SSSinkRequest *request, const char *name, const char *value);

/* Adds the sink's secret, if it has one, as the value of its header of authorization. */
extern void ss_format_authorize(const SSSink *sink, bool masked, SSSinkRequest *request);

#endif /* SS_SINK_KINDS_H */
