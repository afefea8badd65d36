/*
 * sink_reports.c: samples of health as requests: Datadog's series v2,
 * CloudWatch's PutMetricData and OpenTelemetry's OTLP/HTTP in JSON.
 *
 * Called through sink_kinds.c. Each reads the samples after a moment, as many
 * as fit into one request. Counters go as what they have grown by (_delta), to
 * OpenTelemetry as they are (_total). No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/query.h"
#include "outbox/sink_kinds.h"

#define POINTS_MAX		  3000
#define POINTS_MAX_OF_AWS 1000 /* data of one PutMetricData */

/*
 * Parameters of all: $1 after when, $2 how many points. Numbers of samples and
 * the alerts that were open then; whole samples, at least one.
 */
#define POINTS                                                                                                                        \
	"WITH recent AS ("                                                                                                                \
	"  SELECT s.sampled_at AS at, s.figures FROM swipesavvy.health_samples s"                                                         \
	"   WHERE s.sampled_at > greatest($1, clock_timestamp() - interval '1 hour') ORDER BY s.sampled_at LIMIT 50),"                    \
	" known AS ("                                                                                                                     \
	"  SELECT r.at, f.key AS figure, f.value::numeric AS value, (r.figures ->> 'interval_seconds')::numeric AS seconds"               \
	"    FROM recent r, jsonb_each_text(r.figures) f WHERE jsonb_typeof(r.figures -> f.key) = 'number'"                               \
	"  UNION ALL"                                                                                                                     \
	"  SELECT r.at, 'alerts_' || v.severity,"                                                                                         \
	"         (SELECT count(*) FROM swipesavvy.health_alerts a WHERE a.severity = v.severity AND a.opened_at <= r.at"                 \
	"             AND coalesce(a.resolved_at > r.at, true)), NULL"                                                                    \
	"    FROM recent r, (VALUES ('warning'), ('critical')) v (severity)),"                                                            \
	" counted AS (SELECT k.*, count(*) OVER (ORDER BY k.at) AS so_far, min(k.at) OVER () AS first FROM known k),"                     \
	" points AS ("                                                                                                                    \
	"  SELECT c.*, CASE WHEN c.figure LIKE '%\\_percent' THEN 'percent' WHEN c.figure LIKE '%\\_ms' THEN 'ms'"                        \
	"                   WHEN c.figure LIKE '%\\_seconds' THEN 's' WHEN c.figure ~ '_bytes(_total|_delta)?$' THEN 'bytes' END AS unit" \
	"    FROM counted c WHERE c.so_far <= $2 OR c.at = c.first)"

#define SECONDS(at) "floor(extract(epoch FROM " at "))::bigint"

/* $3 the host, $4 tags */
SS_QUERY(
	to_datadog,
	POINTS
	" SELECT max(s.through), jsonb_build_object('series', jsonb_agg(s.series ORDER BY s.figure))::text"
	"  FROM (SELECT p.figure, max(p.at) AS through,"
	"               jsonb_build_object('metric', 'swipesavvy.' || regexp_replace(p.figure, '_delta$', ''),"
	"                   'type', CASE WHEN p.figure LIKE '%\\_delta' THEN 1 ELSE 3 END,"
	"                   'points', jsonb_agg(jsonb_build_object('timestamp', " SECONDS(
		"p.at") ", 'value', p.value) ORDER BY p.at),"
				"                   'resources', jsonb_build_array(jsonb_build_object('name', $3::text, 'type', 'host')),"
				"                   'tags', $4::jsonb || jsonb_build_array('database:' || current_database()))"
				"               || CASE WHEN p.figure LIKE '%\\_delta' THEN jsonb_build_object('interval', greatest(round(avg(p.seconds)), 1)) ELSE '{}' END"
				"               || CASE p.unit WHEN 'percent' THEN '{\"unit\": \"percent\"}' WHEN 'ms' THEN '{\"unit\": \"millisecond\"}'"
				"                              WHEN 's' THEN '{\"unit\": \"second\"}' WHEN 'bytes' THEN '{\"unit\": \"byte\"}' ELSE '{}' END::jsonb AS series"
				"          FROM points p WHERE p.figure NOT LIKE '%\\_total' GROUP BY p.figure, p.unit) s",
	TIMESTAMPTZOID, INT8OID, TEXTOID, JSONBOID);

/* $3 the host, $4 an object of attributes */
SS_QUERY(
	to_otlp,
	POINTS
	","
	" metrics AS ("
	"  SELECT p.figure, max(p.at) AS through,"
	"         jsonb_build_object('name', 'swipesavvy.' || regexp_replace(p.figure, '_total$', ''),"
	"             'unit', CASE p.unit WHEN 'percent' THEN '%' WHEN 'bytes' THEN 'By' ELSE coalesce(p.unit, '1') END)"
	"         || CASE WHEN p.figure LIKE '%\\_total'"
	"                 THEN jsonb_build_object('sum', jsonb_build_object('aggregationTemporality', 2, 'isMonotonic', true, 'dataPoints', d.points))"
	"                 ELSE jsonb_build_object('gauge', jsonb_build_object('dataPoints', d.points)) END AS metric"
	"    FROM points p CROSS JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('timeUnixNano',"
	"                     (extract(epoch FROM q.at) * 1000000000)::bigint::text, 'asDouble', q.value) ORDER BY q.at)"
	"              FROM points q WHERE q.figure = p.figure) d (points)"
	"   WHERE p.figure NOT LIKE '%\\_delta' GROUP BY p.figure, p.unit, d.points)"
	" SELECT max(m.through), jsonb_build_object('resourceMetrics', jsonb_build_array(jsonb_build_object("
	"            'resource', jsonb_build_object('attributes', (SELECT jsonb_agg(jsonb_build_object('key', a.key,"
	"                    'value', jsonb_build_object('stringValue', a.value)) ORDER BY a.key)"
	"                FROM jsonb_each_text(jsonb_build_object('service.name', 'swipesavvy', 'host.name', $3::text,"
	"                    'db.system.name', 'postgresql', 'db.namespace', current_database()) || $4::jsonb) a)),"
	"            'scopeMetrics', jsonb_build_array(jsonb_build_object('scope', jsonb_build_object('name', 'swipesavvy'),"
	"                'metrics', jsonb_agg(m.metric ORDER BY m.figure))))))::text"
	"  FROM metrics m",
	TIMESTAMPTZOID, INT8OID, TEXTOID, JSONBOID);

SS_QUERY(
	to_cloudwatch,
	POINTS
	" SELECT regexp_replace(p.figure, '_delta$', ''), to_char(p.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), p.value::text,"
	"        CASE p.unit WHEN 'percent' THEN 'Percent' WHEN 'ms' THEN 'Milliseconds' WHEN 's' THEN 'Seconds' WHEN 'bytes' THEN 'Bytes'"
	"                    ELSE 'Count' END, current_database()::text, p.at"
	"  FROM points p WHERE p.figure NOT LIKE '%\\_total' ORDER BY p.at, p.figure",
	TIMESTAMPTZOID, INT8OID);

/* Datadog and OpenTelemetry: the last moment of the body, null where there is nothing to report, and the body. */
static bool
run(SSQuery *query, const SSSink *sink, TimestampTz after, const char *host, Jsonb *listed, TimestampTz *through,
	SSSinkRequest *request)
{
	Datum values[4] = {TimestampTzGetDatum(after), Int64GetDatum(POINTS_MAX), CStringGetTextDatum(host),
					   JsonbPGetDatum(listed)};
	SSRow row = ss_row(ss_rows_read(query, values, NULL), 0);
	bool nothing;
	Datum moment = ss_next_value_or_null(&row, TIMESTAMPTZOID, &nothing);

	if (nothing)
		return false;
	*through = DatumGetTimestampTz(moment);
	request->body = ss_next_text(&row);
	return true;
}

bool
ss_format_datadog(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	const char *host = ss_format_option(sink, "host");

	ss_format_begin(sink, "/api/v2/series", "application/json", request);
	ss_format_header(request, "Accept", "application/json");
	ss_format_header(request, "DD-API-KEY", ss_format_secret(sink, masked));
	return run(&to_datadog, sink, after, host == NULL ? ss_format_host() : host,
			   ss_format_option_jsonb(sink, "tags", "[]"), through, request);
}

bool
ss_format_otlp(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	ss_format_begin(sink, "/v1/metrics", "application/json", request);
	ss_format_authorize(sink, masked, request);
	return run(&to_otlp, sink, after, ss_format_host(), ss_format_option_jsonb(sink, "resource", "{}"), through,
			   request);
}

/* --- CloudWatch: a form ------------------------------------------------------------------ */

static void
add_field(StringInfo form, const char *name, const char *value)
{
	appendStringInfo(form, "&%s=", name);
	ss_format_encode(form, value);
}

/* Values of dimensions are ASCII without control characters, and not empty. */
static const char *
plain(const char *text)
{
	char *result = pstrdup(text);

	for (char *c = result; *c != '\0'; c++)
	{
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	}
	return result[strspn(result, " ")] == '\0' ? "?" : result;
}

/* Returns the point's moment. */
static TimestampTz
add_datum(StringInfo form, int n, SSRow row, const char *host)
{
	const char *prefix = psprintf("MetricData.member.%d", n);

	add_field(form, psprintf("%s.MetricName", prefix), ss_next_text(&row));
	add_field(form, psprintf("%s.Timestamp", prefix), ss_next_text(&row));
	add_field(form, psprintf("%s.Value", prefix), ss_next_text(&row));
	add_field(form, psprintf("%s.Unit", prefix), ss_next_text(&row));
	add_field(form, psprintf("%s.Dimensions.member.1.Name", prefix), "Database");
	add_field(form, psprintf("%s.Dimensions.member.1.Value", prefix), plain(ss_next_text(&row)));
	add_field(form, psprintf("%s.Dimensions.member.2.Name", prefix), "Host");
	add_field(form, psprintf("%s.Dimensions.member.2.Value", prefix), plain(host));
	return ss_next_time(&row);
}

bool
ss_format_cloudwatch(const SSSink *sink, TimestampTz after, bool masked, TimestampTz *through, SSSinkRequest *request)
{
	const char *namespace = ss_format_option(sink, "namespace");
	StringInfoData form;
	SSRows rows;

	ss_format_begin(sink, "", "application/x-www-form-urlencoded; charset=utf-8", request);
	request->aws_sigv4 = psprintf("aws:amz:%s:monitoring", ss_format_option(sink, "region"));
	request->user = pstrdup(ss_format_secret(sink, masked));
	initStringInfo(&form);
	appendStringInfoString(&form, "Action=PutMetricData&Version=2010-08-01");
	add_field(&form, "Namespace", namespace == NULL ? "swipesavvy" : namespace);
	rows = ss_rows_read(&to_cloudwatch, (Datum[]){TimestampTzGetDatum(after), Int64GetDatum(POINTS_MAX_OF_AWS)}, NULL);
	if (rows.count == 0)
		return false;
	for (uint64 i = 0; i < rows.count; i++)
		*through = add_datum(&form, (int) i + 1, ss_row(rows, i), ss_format_host());
	request->body = form.data;
	return true;
}
