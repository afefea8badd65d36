/*
 * sink_prometheus.c: what Prometheus' companions are told: the newest sample to
 * a Pushgateway, and alerts to an Alertmanager (API v2).
 *
 * Called through sink_kinds.c. Both are told the present state, so that what
 * was lost on the way matters no more with the next report. No locks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/query.h"
#include "base/secret.h"
#include "outbox/prometheus.h"
#include "outbox/sink_kinds.h"

SS_QUERY(newest_sample,
		 "SELECT s.sampled_at, current_database()::text FROM swipesavvy.health_samples s WHERE s.sampled_at > $1"
		 " ORDER BY s.sampled_at DESC LIMIT 1",
		 TIMESTAMPTZOID);

#define MOMENT(at) "to_char(" at " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/*
 * $1 the host, $2 labels. Of each figure and severity the last alert, if it is
 * open or has not been resolved for long. An open one ends by itself unless it
 * is told again within five minutes.
 */
SS_QUERY(
	read_alerts,
	"SELECT jsonb_agg(jsonb_build_object("
	"   'labels', jsonb_build_object('database', current_database(), 'instance', $1::text) || $2"
	"             || jsonb_build_object('alertname', 'swipesavvy_' || a.figure, 'figure', a.figure, 'severity', a.severity),"
	"   'annotations', jsonb_build_object('summary', format('%s is %s (%s from %s on) in database %s of %s', a.figure, trim_scale(a.value),"
	"                                                       a.severity, trim_scale(a.threshold), current_database(), $1),"
	"                                     'value', trim_scale(a.value)::text, 'threshold', trim_scale(a.threshold)::text),"
	"   'startsAt', " MOMENT(
		"a.opened_at") ","
					   "   'endsAt', " MOMENT(
						   "coalesce(a.resolved_at, clock_timestamp() + interval '5 minutes')") ") ORDER BY a.opened_at, a.figure)::text"
																								"  FROM (SELECT DISTINCT ON (h.figure, h.severity) h.* FROM swipesavvy.health_alerts h"
																								"         WHERE h.resolved_at IS NULL OR h.resolved_at > clock_timestamp() - interval '1 hour'"
																								"         ORDER BY h.figure, h.severity, h.opened_at DESC) a",
	TEXTOID, JSONBOID);

/* --- Pushgateway -------------------------------------------------------------------------- */

/* A label of the group as two parts of the path; what a path cannot hold, slashes, "." and "..", goes in base64url. */
static void
add_label(StringInfo path, const char *name, const char *value)
{
	if (strchr(value, '/') != NULL || value[0] == '.')
	{
		const char *wire = pg_server_to_any(value, strlen(value), PG_UTF8);

		appendStringInfo(path, "/%s@base64/%s", name, ss_secret_encode(wire, strlen(wire)));
		return;
	}
	appendStringInfo(path, "/%s/", name);
	ss_format_encode(path, value);
}

static char *
group_path(const SSSink *sink, const char *database)
{
	const char *job = ss_format_option(sink, "job");
	Jsonb *grouping = ss_format_option_jsonb(sink, "grouping", "{}");
	JsonbIterator *iterator = JsonbIteratorInit(&grouping->root);
	JsonbIteratorToken token;
	JsonbValue item;
	StringInfoData path;
	char *name = NULL;

	initStringInfo(&path);
	appendStringInfoString(&path, "/metrics");
	add_label(&path, "job", job == NULL ? "swipesavvy" : job);
	if (ss_document_get(grouping, "database") == NULL)
		add_label(&path, "database", database);
	if (ss_document_get(grouping, "instance") == NULL)
		add_label(&path, "instance", ss_format_host());
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			add_label(&path, name, pnstrdup(item.val.string.val, item.val.string.len));
	}
	return path.data;
}

bool
ss_format_pushgateway(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	SSRows rows = ss_rows_read(&newest_sample, (Datum[]){TimestampTzGetDatum(after)}, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	*through = ss_next_time(&row);
	ss_format_begin(sink, group_path(sink, ss_next_text(&row)), "text/plain; version=0.0.4; charset=utf-8", request);
	request->method = "PUT"; /* what is no longer measured goes away */
	ss_format_authorize(sink, masked, request);
	request->body = ss_prometheus_text();
	return true;
}

/* --- Alertmanager ---------------------------------------------------------------------------- */

bool
ss_format_alertmanager(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	Datum values[2] = {CStringGetTextDatum(ss_format_host()),
					   JsonbPGetDatum(ss_format_option_jsonb(sink, "labels", "{}"))};
	SSRow row = ss_row(ss_rows_read(&read_alerts, values, NULL), 0);

	*through = GetCurrentTimestamp();
	ss_format_begin(sink, "/api/v2/alerts", "application/json", request);
	ss_format_authorize(sink, masked, request);
	request->body = ss_next_text_or_null(&row);
	return request->body != NULL;
}
