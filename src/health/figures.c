/*
 * figures.c: the figures of health (figures.h).
 *
 * Called by samples.c for each sample and by health.c for each look. What
 * grows with the data is not read; counts of messages stop at a limit. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "base/host.h"
#include "base/json.h"
#include "base/query.h"
#include "call/metrics.h"
#include "flags/usage.h"
#include "health/figures.h"
#include "learning/drift.h"
#include "outbox/sinks.h"

/* In the order of the alphabet. doc/operations.md shows these. */
const SSHealthFigure ss_health_figures[] = {
	{"api_error_percent", 1, 10},
	{"api_p99_ms", 1000, 5000},
	{"archive_failing", 1, INFINITY},
	{"autovacuum_backlog", 20, INFINITY},
	{"commit_ms", 100, 1000},
	{"connections_percent", 80, 95},
	{"cpu_percent", 90, INFINITY},
	{"database_bytes", INFINITY, INFINITY},
	{"deadlocks_delta", 5, INFINITY},
	{"disk_percent", 85, 95},
	{"errors_last_hour", 100, INFINITY},
	{"flag_evaluations_lost", INFINITY, INFINITY},
	{"idle_transaction_seconds", 300, 1800},
	{"inactive_slots", 1, INFINITY},
	{"ledger_mismatches", 1, 1},
	{"lock_wait_seconds", 30, 300},
	{"memory_percent", 90, 97},
	{"models_drifting", 1, INFINITY},
	{"multixact_age", 1.0e9, 1.8e9},
	{"oldest_transaction_seconds", 600, 3600},
	{"outbox_dead", 1, INFINITY},
	{"outbox_oldest_seconds", 900, 3600},
	{"outbox_queued", INFINITY, INFINITY},
	{"replicas_lost", 1, INFINITY},
	{"replication_lag_bytes", 1.0e9, 1.0e10},
	{"replication_lag_seconds", 30, 300},
	{"sinks_failing", 1, INFINITY},
	{"slot_retained_bytes", 1.0e10, 1.0e11},
	{"temp_bytes_delta", 1.0e10, INFINITY},
	{"transaction_age", 1.0e9, 1.8e9},
	{"warnings_last_hour", INFINITY, INFINITY},
};
const int ss_health_figures_count = lengthof(ss_health_figures);

/* What waits for a sink that is disabled, or was for one that was deleted, is nobody's fault. The parts are those of the indexes. */
SS_QUERY(
	read_outbox,
	"SELECT (SELECT count(*) FROM ((SELECT 1 FROM swipesavvy.outbox WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NULL LIMIT 10000)"
	"         UNION ALL (SELECT 1 FROM swipesavvy.outbox WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NOT NULL LIMIT 10000) LIMIT 10000) q),"
	"       (SELECT count(*) FROM (SELECT 1 FROM swipesavvy.outbox WHERE delivered_at > now() - interval '1 hour' LIMIT 10000) c),"
	"       (SELECT count(*) FROM (SELECT 1 FROM swipesavvy.outbox m WHERE m.dead_at > now() - interval '1 hour'"
	"           AND (m.sink IS NULL OR EXISTS (SELECT FROM swipesavvy.sinks s WHERE s.sink = m.sink)) LIMIT 10000) f),"
	"       extract(epoch FROM clock_timestamp() - least("
	"           (SELECT min(due_at) FROM swipesavvy.outbox WHERE delivered_at IS NULL AND dead_at IS NULL AND sink IS NULL),"
	"           (SELECT min((SELECT min(m.due_at) FROM swipesavvy.outbox m"
	"                         WHERE m.delivered_at IS NULL AND m.dead_at IS NULL AND m.sink = s.sink))"
	"              FROM swipesavvy.sinks s WHERE s.enabled)))::int8");

SS_QUERY(count_failing, "SELECT count(*) FROM swipesavvy.sinks s JOIN swipesavvy.sink_states t ON t.sink = s.sink"
						" WHERE s.enabled AND t.failures_in_a_row >= " SS_SINK_BROKEN_TEXT);

SS_QUERY(count_mismatches, "SELECT count(*) FROM swipesavvy.ledger_mismatches");

int
ss_health_find_figure(const char *name)
{
	for (size_t i = 0; i < lengthof(ss_health_figures); i++)
	{
		if (strcmp(ss_health_figures[i].name, name) == 0)
			return (int) i;
	}
	return -1;
}

void
ss_health_outbox(SSHealthOutbox *outbox)
{
	SSRow row = ss_row(ss_rows_read(&read_outbox, NULL, NULL), 0);

	outbox->queued = ss_next_int64(&row);
	outbox->completed = ss_next_int64(&row);
	outbox->dead = ss_next_int64(&row);
	outbox->oldest_seconds = ss_next_int64_or(&row, 0);
	outbox->oldest_seconds = Max(outbox->oldest_seconds, 0);
}

/* --- of a sample -------------------------------------------------------------------- */

/* A share that may not be known, which is less than 0 then. */
static void
add_percent(SSJson *json, const char *key, double percent)
{
	if (percent >= 0)
		ss_json_measure(json, key, percent);
}

static void
add_host(SSJson *json)
{
	static SSHostCpu before = {0}; /* when this session last asked: no harm if it never has */
	SSHostCpu now;

	if (ss_host_cpu(&now))
	{
		add_percent(json, "cpu_percent", ss_host_cpu_percent(&before, &now));
		before = now;
	}
	add_percent(json, "memory_percent", ss_host_memory_percent());
}

static void
add_api(SSJson *json)
{
	SSApiMetrics api;
	SSLogMetrics log;

	if (ss_metrics_api(&api))
	{
		ss_json_int(json, "api_calls", api.calls);
		if (api.calls > 0)
		{
			ss_json_measure(json, "api_error_percent", 100.0 * api.errors / api.calls);
			ss_json_measure(json, "api_p99_ms", api.p99_us / 1000.0);
		}
	}
	if (ss_metrics_log(&log))
	{
		ss_json_int(json, "errors_last_hour", log.errors);
		ss_json_int(json, "warnings_last_hour", log.warnings);
	}
}

static void
add_outbox(SSJson *json)
{
	SSHealthOutbox outbox;

	ss_health_outbox(&outbox);
	ss_json_int(json, "outbox_queued", outbox.queued);
	ss_json_int(json, "outbox_oldest_seconds", outbox.oldest_seconds);
	ss_json_int(json, "outbox_dead", outbox.dead);
}

/* Sinks that are left alone for their failures: whoever hears of it does so by another. */
static void
add_sinks(SSJson *json)
{
	ss_json_int(json, "sinks_failing", ss_sinks_exist() ? ss_one_int64(ss_rows_read(&count_failing, NULL, NULL)) : 0);
}

/* Evaluations of flags that there was no room to count. */
static void
add_flags(SSJson *json)
{
	int64 lost = ss_usage_lost();

	if (lost >= 0)
		ss_json_int(json, "flag_evaluations_lost", lost);
}

static void
add_ledger(SSJson *json)
{
	ss_json_int(json, "ledger_mismatches", ss_one_int64(ss_rows_read(&count_mismatches, NULL, NULL)));
}

/* Models whose users are not like those they were trained on any more. */
static void
add_models(SSJson *json)
{
	int64 drifting = ss_drift_models();

	if (drifting >= 0)
		ss_json_int(json, "models_drifting", drifting);
}

Jsonb *
ss_health_own_figures(void)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	add_host(&json);
	add_api(&json);
	add_outbox(&json);
	add_ledger(&json);
	add_flags(&json);
	add_sinks(&json);
	add_models(&json);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}
