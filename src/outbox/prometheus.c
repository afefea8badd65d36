/*
 * prometheus.c: metrics(): what the worker measured, the open alerts, the jobs
 * and the sinks as Prometheus reads it.
 *
 * SQL entry point that reads one sample and a few rows; a Pushgateway gets the
 * same (sink_prometheus.c). Units are those that Prometheus wants: seconds and
 * ratios. No label may be called job or instance: those are the scraper's, and
 * a Pushgateway puts its own in their place. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/query.h"
#include "call/call.h"
#include "outbox/prometheus.h"

PG_FUNCTION_INFO_V1(swipesavvy_metrics);

/* name, help, type and the lines of each metric */
SS_QUERY(
	read_metrics,
	"WITH sample AS (SELECT sampled_at, figures FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1),"
	" figures AS (SELECT f.key, CASE WHEN f.key LIKE '%\\_percent' THEN replace(f.key, '_percent', '_ratio')"
	"                         WHEN f.key LIKE '%\\_ms' THEN replace(f.key, '_ms', '_seconds') ELSE f.key END AS name,"
	"                    CASE WHEN f.key LIKE '%\\_percent' THEN f.value::numeric / 100"
	"                         WHEN f.key LIKE '%\\_ms' THEN f.value::numeric / 1000 ELSE f.value::numeric END AS value"
	"               FROM sample, jsonb_each_text(sample.figures) f"
	"              WHERE f.key NOT LIKE '%\\_delta' AND jsonb_typeof(sample.figures -> f.key) = 'number'),"
	" metrics (name, help, labels, value) AS ("
	"   SELECT name, format('The figure %s of the last sample: doc/operations.md.', key), '', value FROM figures"
	"   UNION ALL SELECT 'sample_timestamp_seconds', 'When the last sample was taken.', '', extract(epoch FROM sampled_at) FROM sample"
	"   UNION ALL SELECT 'alert', 'Open alerts: 1 is a warning, 2 is critical.', format('{figure=\"%s\"}', figure),"
	"                    CASE severity WHEN 'critical' THEN 2 ELSE 1 END FROM swipesavvy.health_alerts WHERE resolved_at IS NULL"
	"   UNION ALL SELECT 'job_runs_total', 'Runs of the background worker''s jobs.', format('{name=\"%s\"}', job), runs FROM swipesavvy.jobs"
	"   UNION ALL SELECT 'job_failures_total', 'Runs of the background worker''s jobs that failed.', format('{name=\"%s\"}', job), failures FROM swipesavvy.jobs"
	"   UNION ALL SELECT 'job_last_success_timestamp_seconds', 'When the job last succeeded.', format('{name=\"%s\"}', job),"
	"                    extract(epoch FROM succeeded_at) FROM swipesavvy.jobs WHERE succeeded_at IS NOT NULL"
	"   UNION ALL SELECT 'sink_enabled', '1 unless the sink is disabled.', format('{sink=\"%s\"}', sink), enabled::integer FROM swipesavvy.sinks"
	"   UNION ALL SELECT 'sink_failures_in_a_row', 'Requests that failed since the sink last answered.', format('{sink=\"%s\"}', sink),"
	"                    failures_in_a_row FROM swipesavvy.sink_states"
	"   UNION ALL SELECT 'sink_last_success_timestamp_seconds', 'When the sink last took a request.', format('{sink=\"%s\"}', sink),"
	"                    extract(epoch FROM last_success_at) FROM swipesavvy.sink_states WHERE last_success_at IS NOT NULL"
	"   UNION ALL SELECT 'sink_queued', 'Messages that wait for the sink, up to 10,000.', format('{sink=\"%s\"}', s.sink),"
	"                    (SELECT count(*) FROM (SELECT 1 FROM swipesavvy.outbox m WHERE m.sink = s.sink AND m.delivered_at IS NULL AND m.dead_at IS NULL"
	"                                            LIMIT 10000) q) FROM swipesavvy.sinks s WHERE s.events IS NOT NULL)"
	" SELECT coalesce(string_agg(format(E'# HELP swipesavvy_%s %s\\n# TYPE swipesavvy_%s %s\\n%s', name, help, name,"
	"                   CASE WHEN name LIKE '%\\_total' THEN 'counter' ELSE 'gauge' END, lines), '' ORDER BY name), '')"
	"   FROM (SELECT name, min(help) AS help,"
	"                string_agg(format(E'swipesavvy_%s%s %s\\n', name, labels, trim_scale(value::numeric)), '' ORDER BY labels) AS lines"
	"           FROM metrics GROUP BY name) m");

char *
ss_prometheus_text(void)
{
	return ss_one_text(ss_rows_read(&read_metrics, NULL, NULL));
}

/*
 * metrics()
 */
Datum
swipesavvy_metrics(PG_FUNCTION_ARGS)
{
	SSCall call;
	MemoryContext spi;
	char *metrics;
	text *result;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	metrics = ss_prometheus_text();
	spi = MemoryContextSwitchTo(call.context);
	result = cstring_to_text(metrics);
	MemoryContextSwitchTo(spi);
	ss_call_leave(&call);
	PG_RETURN_TEXT_P(result);
}
