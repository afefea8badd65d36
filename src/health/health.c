/*
 * health.c: get_system_health and health: what the database can measure by
 * itself, and what of it is worth an alert.
 *
 * SQL entry points that read counters, a few rows of indexes and small files:
 * nothing that grows with the data. What cannot be measured is null, and
 * alerts nobody. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/host.h"
#include "base/query.h"
#include "call/call.h"
#include "call/gate.h"
#include "call/metrics.h"
#include "health/figures.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_system_health);
PG_FUNCTION_INFO_V1(swipesavvy_health);

/* Fewer blocks than these say nothing about the share that is found. */
#define ENOUGH_BLOCKS 100000

/* Grants that are named; all are counted. */
#define GRANTS_SHOWN 20

typedef enum Service
{
	DATABASE,
	CACHE,
	API,
	BACKGROUND_JOBS,
	HOST,
	SERVICES
} Service;

typedef enum Status
{
	HEALTHY,
	DEGRADED,
	UNHEALTHY
} Status;

static const char *const status_names[] = {"healthy", "degraded", "unhealthy"};

/* What is measured; NaN where it cannot be. */
typedef enum Measure
{
	CONNECTION_USAGE,
	TRANSACTION_AGE,
	CACHE_MISS_RATE,
	API_ERROR_RATE,
	API_P99_MS,
	OLDEST_JOB_SECONDS,
	FAILED_JOBS,
	CPU_PERCENT,
	MEMORY_PERCENT,
	LOGGED_ERRORS,
	MAINTENANCE,
	MEASURES
} Measure;

/*
 * What a measure is called, whose it is and what is wrong beyond its limits.
 * Those that the worker samples, too, have the thresholds of that figure, which
 * is in a unit of so many to one of ours; the others have limits of their own.
 * doc/operations.md shows these.
 */
static const struct
{
	const char *name;
	Service service;
	const char *message;
	const char *figure; /* NULL = it is not sampled */
	double scale;
	double degraded;
	double unhealthy;
} limits[MEASURES] = {
	[CONNECTION_USAGE] = {"connection_usage", DATABASE, "few connections are left", "connections_percent", 100},
	[TRANSACTION_AGE] = {"transaction_age", DATABASE, "transaction ids will run out: vacuum does not keep up",
						 "transaction_age", 1},
	[CACHE_MISS_RATE] = {"cache_miss_rate", CACHE, "much is read that is not in shared buffers", NULL, 1, 0.10,
						 INFINITY},
	[API_ERROR_RATE] = {"api_error_rate", API, "calls fail, and not by their callers' fault", "api_error_percent", 100},
	[API_P99_MS] = {"api_p99_ms", API, "one call of a hundred is slow", "api_p99_ms", 1},
	[OLDEST_JOB_SECONDS] = {"oldest_job_seconds", BACKGROUND_JOBS, "messages wait in the outbox",
							"outbox_oldest_seconds", 1},
	[FAILED_JOBS] = {"failed_jobs_last_hour", BACKGROUND_JOBS, "messages were given up", "outbox_dead", 1},
	[CPU_PERCENT] = {"cpu_percent", HOST, "the processors are busy", "cpu_percent", 1},
	[MEMORY_PERCENT] = {"memory_percent", HOST, "little memory is left", "memory_percent", 1},
	[LOGGED_ERRORS] = {"errors_last_hour", HOST, "the server logs many errors", "errors_last_hour", 1},
	[MAINTENANCE] = {"maintenance_mode", API, "only admins may call", NULL, 1, 1, INFINITY},
};

/* All there is to say. */
typedef struct Health
{
	double measures[MEASURES];
	double degraded[MEASURES]; /* from which value on */
	double unhealthy[MEASURES];
	Status services[SERVICES];
	Status status;
	int64 connections;
	int64 max_connections;
	int64 blocks; /* that were asked for since the statistics were reset */
	SSHealthOutbox outbox;
	double response_ms;
	int64 calls; /* in the last minute */
	double requests_per_second;
	bool has_log;
	SSLogMetrics log;
	bool has_sample; /* the worker has measured lately */
	double disk_percent;
	double uptime_percent;
} Health;

/* Sessions and not processes: what max_connections limits. */
SS_QUERY(read_database,
		 "SELECT (SELECT sum(numbackends) FROM pg_stat_database WHERE datid <> 0)::int8,"
		 "       current_setting('max_connections')::int8, s.blks_hit, s.blks_read, age(d.datfrozenxid)::int8"
		 "  FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()");

/* Of the figures that have them, the thresholds that an admin has set */
SS_QUERY(read_thresholds, "SELECT t.figure, t.warning::float8, t.critical::float8 FROM swipesavvy.health_thresholds t");

/*
 * What the worker says, if it has within three intervals of $1 seconds: the
 * newest sample, uptime since the first heartbeat of the last 30 days.
 */
SS_QUERY(read_sample,
		 "SELECT (s.figures ->> 'disk_percent')::float8, (s.figures ->> 'commit_ms')::float8,"
		 "       (SELECT 100 * sum(d.seconds_up) / nullif(extract(epoch FROM max(d.last_at) - min(d.first_at)), 0)"
		 "          FROM swipesavvy.health_days d WHERE d.day >= (now() AT TIME ZONE 'UTC')::date - 30)::float8"
		 "  FROM swipesavvy.health_samples s WHERE s.sampled_at > clock_timestamp() - make_interval(secs => 3 * $1)"
		 "   AND s.sampled_at <= clock_timestamp()"
		 " ORDER BY s.sampled_at DESC LIMIT 1",
		 FLOAT8OID);

/* Its open alerts, but for those of the figures $1, about which enough is said */
SS_QUERY(
	read_alerts,
	"SELECT a.figure, a.severity, round(a.value::numeric, 3), round(a.threshold::numeric, 3), a.opened_at FROM swipesavvy.health_alerts a"
	" WHERE a.resolved_at IS NULL AND a.figure <> ALL ($1) ORDER BY a.opened_at, a.figure",
	TEXTARRAYOID);

/*
 * Grants on tables of ours that neither the extension nor its owner made: each
 * table, column or the schema of secrets, and to whom. Membership in the
 * library's role is one on all tables.
 */
SS_QUERY(
	read_grants,
	"SELECT o.name || ' to ' || coalesce(r.rolname, 'PUBLIC') AS grant"
	"  FROM (SELECT c.oid::regclass::text AS name, c.relowner AS owner, c.relacl AS acl, i.initprivs AS initial"
	"          FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'"
	"          JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'swipesavvy'"
	"          LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0"
	"         WHERE c.relkind IN ('r', 'p')"
	"         UNION ALL"
	"        SELECT c.oid::regclass::text || '.' || quote_ident(a.attname), c.relowner, a.attacl, NULL"
	"          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
	"         WHERE c.relnamespace IN ('swipesavvy'::regnamespace, 'swipesavvy_private'::regnamespace)"
	"           AND c.relkind IN ('r', 'p') AND a.attacl IS NOT NULL"
	"         UNION ALL"
	"        SELECT 'schema swipesavvy_private', n.nspowner, n.nspacl, i.initprivs"
	"          FROM pg_namespace n LEFT JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid"
	"         WHERE n.nspname = 'swipesavvy_private') o"
	" CROSS JOIN LATERAL (SELECT x.grantee, x.privilege_type FROM aclexplode(o.acl) x"
	"                     EXCEPT SELECT x.grantee, x.privilege_type FROM aclexplode(o.initial) x) g"
	"  LEFT JOIN pg_roles r ON r.oid = g.grantee WHERE g.grantee <> o.owner"
	" UNION"
	" SELECT 'swipesavvy_owner to ' || m.member::regrole::text FROM pg_auth_members m"
	"  WHERE m.roleid = 'swipesavvy_owner'::regrole"
	" ORDER BY 1");

SS_QUERY(look_up, "SELECT value FROM swipesavvy.system_settings WHERE setting = 'currency'");

/* --- measuring ---------------------------------------------------------------------- */

static double
known(double value)
{
	return value < 0 ? NAN : value;
}

static void
measure_database(Health *health)
{
	instr_time start;
	instr_time took;
	int64 hit;
	SSRow row;

	(void) ss_query_read(&look_up, NULL, NULL);
	INSTR_TIME_SET_CURRENT(start);
	(void) ss_query_read(&look_up, NULL, NULL);
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, start);
	health->response_ms = INSTR_TIME_GET_MILLISEC(took);

	row = ss_row(ss_rows_read(&read_database, NULL, NULL), 0);
	health->connections = ss_next_int64_or(&row, 0);
	health->max_connections = ss_next_int64(&row);
	hit = ss_next_int64(&row);
	health->blocks = hit + ss_next_int64(&row);
	health->measures[CONNECTION_USAGE] = (double) health->connections / health->max_connections;
	health->measures[TRANSACTION_AGE] = (double) ss_next_int64(&row);
	if (health->blocks > 0)
		health->measures[CACHE_MISS_RATE] = 1 - (double) hit / health->blocks;
}

static void
measure_jobs(Health *health)
{
	ss_health_outbox(&health->outbox);
	health->measures[FAILED_JOBS] = (double) health->outbox.dead;
	health->measures[OLDEST_JOB_SECONDS] = (double) health->outbox.oldest_seconds;
}

static void
measure_api(Health *health)
{
	SSApiMetrics api;

	health->requests_per_second = NAN;
	health->measures[MAINTENANCE] = ss_gate_get()->maintenance;
	health->has_log = ss_metrics_log(&health->log);
	if (health->has_log)
		health->measures[LOGGED_ERRORS] = (double) health->log.errors;
	if (!ss_metrics_api(&api))
		return;
	health->requests_per_second = api.calls / Max(api.seconds, 1);
	if (api.calls == 0)
		return;
	health->measures[API_ERROR_RATE] = (double) api.errors / api.calls;
	health->measures[API_P99_MS] = api.p99_us / 1000.0;
	health->calls = api.calls;
}

/* What only the worker knows. */
static void
read_worker(Health *health)
{
	Datum interval = Float8GetDatum(ss_health_interval);
	SSRows rows = ss_rows_read(&read_sample, &interval, NULL);
	SSRow row;

	health->disk_percent = health->uptime_percent = NAN;
	health->has_sample = rows.count > 0;
	if (!health->has_sample)
		return;
	row = ss_row(rows, 0);
	health->disk_percent = ss_next_float8_or(&row, NAN);
	health->response_ms = ss_next_float8_or(&row, NAN);
	health->uptime_percent = ss_next_float8_or(&row, NAN);
}

/* --- judging ------------------------------------------------------------------------- */

static void
read_limits(Health *health)
{
	SSRows rows = ss_rows_read(&read_thresholds, NULL, NULL);

	for (int i = 0; i < MEASURES; i++)
	{
		const char *name = limits[i].figure;
		const SSHealthFigure *figure = name == NULL ? NULL : &ss_health_figures[ss_health_find_figure(name)];

		health->degraded[i] = figure == NULL ? limits[i].degraded : figure->warning / limits[i].scale;
		health->unhealthy[i] = figure == NULL ? limits[i].unhealthy : figure->critical / limits[i].scale;
		for (uint64 n = 0; figure != NULL && n < rows.count; n++)
		{
			SSRow row = ss_row(rows, n);
			double warning;
			double critical;

			if (strcmp(ss_next_text(&row), name) != 0)
				continue;
			warning = ss_next_float8_or(&row, NAN);
			critical = ss_next_float8_or(&row, NAN);
			if (!isnan(warning))
				health->degraded[i] = warning / limits[i].scale;
			if (!isnan(critical))
				health->unhealthy[i] = critical / limits[i].scale;
		}
	}
}

static Status
status_of(const Health *health, Measure measure)
{
	double value = health->measures[measure];

	if (measure == CACHE_MISS_RATE && health->blocks < ENOUGH_BLOCKS)
		return HEALTHY;
	if ((measure == API_ERROR_RATE || measure == API_P99_MS) && health->calls < SS_HEALTH_ENOUGH_CALLS)
		return HEALTHY;
	if (value >= health->unhealthy[measure])
		return UNHEALTHY;
	return value >= health->degraded[measure] ? DEGRADED : HEALTHY; /* NaN is not */
}

/* Alerts of the worker that say what is not said by what was measured just now. */
static SSRows
other_alerts(const Health *health)
{
	Datum said[MEASURES];
	int count = 0;
	Datum figures;

	if (!health->has_sample)
		return (SSRows){NULL, 0};
	for (int i = 0; i < MEASURES; i++)
	{
		if (limits[i].figure != NULL && status_of(health, i) != HEALTHY)
			said[count++] = CStringGetTextDatum(limits[i].figure);
	}
	figures = PointerGetDatum(construct_array(said, count, TEXTOID, -1, false, TYPALIGN_INT));
	return ss_rows_read(&read_alerts, &figures, NULL);
}

/* The service that a figure is about: the database, unless there is a measure that says otherwise. */
static Service
service_of(const char *figure)
{
	static const char *const of_jobs[] = {"models_drifting", "outbox_queued", "sinks_failing"};

	for (int i = 0; i < MEASURES; i++)
	{
		if (limits[i].figure != NULL && strcmp(limits[i].figure, figure) == 0)
			return limits[i].service;
	}
	if (strcmp(figure, "disk_percent") == 0 || strcmp(figure, "warnings_last_hour") == 0)
		return HOST;
	for (size_t i = 0; i < lengthof(of_jobs); i++)
	{
		if (strcmp(figure, of_jobs[i]) == 0)
			return BACKGROUND_JOBS;
	}
	return DATABASE;
}

static void
judge(Health *health)
{
	SSRows alerts;

	read_limits(health);
	for (int i = 0; i < MEASURES; i++)
	{
		Status *service = &health->services[limits[i].service];

		*service = Max(*service, status_of(health, i));
	}
	alerts = other_alerts(health);
	for (uint64 i = 0; i < alerts.count; i++)
	{
		SSRow row = ss_row(alerts, i);
		Status *service = &health->services[service_of(ss_next_text(&row))];
		Status status = strcmp(ss_next_text(&row), "critical") == 0 ? UNHEALTHY : DEGRADED;

		*service = Max(*service, status);
	}
	for (int i = 0; i < SERVICES; i++)
		health->status = Max(health->status, health->services[i]);
}

static void
measure(Health *health)
{
	memset(health, 0, sizeof(*health));
	for (int i = 0; i < MEASURES; i++)
		health->measures[i] = NAN;
	measure_database(health);
	measure_jobs(health);
	measure_api(health);
	health->measures[CPU_PERCENT] = known(ss_metrics_cpu_percent());
	health->measures[MEMORY_PERCENT] = known(ss_host_memory_percent());
	read_worker(health);
	judge(health);
}

/* --- saying so -------------------------------------------------------------------------- */

static void
open_service(SSJson *json, const Health *health, const char *key, Service service)
{
	ss_json_open_object(json, key);
	ss_json_text(json, "status", status_names[health->services[service]]);
}

static void
add_services(SSJson *json, const Health *health)
{
	ss_json_open_object(json, "services");
	open_service(json, health, "database", DATABASE);
	ss_json_measure(json, "response_time_ms", health->response_ms);
	ss_json_int(json, "active_connections", health->connections);
	ss_json_int(json, "max_connections", health->max_connections);
	ss_json_measure(json, "connection_pool_usage", health->measures[CONNECTION_USAGE]);
	ss_json_int(json, "transaction_age", (int64) health->measures[TRANSACTION_AGE]);
	ss_json_time(json, "last_check", GetCurrentTimestamp());
	ss_json_close_object(json);
	open_service(json, health, "cache", CACHE);
	ss_json_measure(json, "hit_rate", 1 - health->measures[CACHE_MISS_RATE]);
	ss_json_close_object(json);
	open_service(json, health, "api", API);
	ss_json_measure(json, "requests_per_second", health->requests_per_second);
	ss_json_measure(json, "error_rate", health->measures[API_ERROR_RATE]);
	ss_json_measure(json, "p99_latency_ms", health->measures[API_P99_MS]);
	ss_json_close_object(json);
	open_service(json, health, "background_jobs", BACKGROUND_JOBS);
	ss_json_int(json, "queued_jobs", health->outbox.queued);
	ss_json_int(json, "completed_jobs_last_hour", health->outbox.completed);
	ss_json_int(json, "failed_jobs_last_hour", health->outbox.dead);
	ss_json_int(json, "oldest_job_seconds", health->outbox.oldest_seconds);
	ss_json_close_object(json);
	ss_json_close_object(json);
}

static void
add_metrics(SSJson *json, const Health *health)
{
	ss_json_open_object(json, "metrics");
	if (health->has_log)
	{
		ss_json_int(json, "errors_last_hour", health->log.errors);
		ss_json_int(json, "warnings_last_hour", health->log.warnings);
	}
	else
	{
		ss_json_null(json, "errors_last_hour");
		ss_json_null(json, "warnings_last_hour");
	}
	ss_json_measure(json, "cpu_percent", health->measures[CPU_PERCENT]);
	ss_json_measure(json, "memory_percent", health->measures[MEMORY_PERCENT]);
	ss_json_measure(json, "disk_usage_percent", health->disk_percent);
	ss_json_close_object(json);
}

/* Nothing is ill for it, so the status stays; but somebody reads what is not meant for them. */
static void
add_grants(SSJson *json)
{
	SSRows grants = ss_rows_read(&read_grants, NULL, NULL);

	if (grants.count == 0)
		return;
	ss_json_open_object(json, NULL);
	ss_json_text(json, "name", "foreign_grants");
	ss_json_text(json, "severity", "warning");
	ss_json_text(json, "message", "tables are open to roles that the extension did not grant them to");
	ss_json_int(json, "value", (int64) grants.count);
	ss_json_int(json, "threshold", 1);
	ss_json_open_array(json, "grants");
	for (uint64 i = 0; i < Min(grants.count, GRANTS_SHOWN); i++)
	{
		SSRow row = ss_row(grants, i);

		ss_json_text(json, NULL, ss_next_text(&row));
	}
	ss_json_close_array(json);
	ss_json_close_object(json);
}

static void
add_alerts(SSJson *json, const Health *health)
{
	SSRows alerts;

	ss_json_open_array(json, "alerts");
	for (int i = 0; i < MEASURES; i++)
	{
		Status status = status_of(health, i);

		if (status == HEALTHY)
			continue;
		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", limits[i].name);
		ss_json_text(json, "severity", status == UNHEALTHY ? "critical" : "warning");
		ss_json_text(json, "message", limits[i].message);
		ss_json_measure(json, "value", health->measures[i]);
		ss_json_measure(json, "threshold", status == UNHEALTHY ? health->unhealthy[i] : health->degraded[i]);
		ss_json_close_object(json);
	}
	alerts = other_alerts(health);
	for (uint64 i = 0; i < alerts.count; i++)
	{
		SSRow row = ss_row(alerts, i);

		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", ss_next_text(&row));
		ss_json_text(json, "severity", ss_next_text(&row));
		ss_json_text(json, "message", "the background worker measured it");
		ss_json_datum(json, "value", ss_next_value(&row, NUMERICOID), false, NUMERICOID);
		ss_json_datum(json, "threshold", ss_next_value(&row, NUMERICOID), false, NUMERICOID);
		ss_json_time(json, "opened_at", ss_next_time(&row));
		ss_json_close_object(json);
	}
	add_grants(json);
	ss_json_close_array(json);
}

/*
 * get_system_health()
 */
Datum
swipesavvy_get_system_health(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Health health;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	measure(&health);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "status", status_names[health.status]);
	ss_json_time(&json, "timestamp", GetCurrentTimestamp());
	ss_json_measure(&json, "uptime_percent", health.uptime_percent);
	add_services(&json, &health);
	add_metrics(&json, &health);
	add_alerts(&json, &health);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * health(): for load balancers; it says no more than it must
 */
Datum
swipesavvy_health(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Health health;

	ss_call_enter(&call, SS_ANYONE | SS_IN_MAINTENANCE | SS_NOT_CACHED);
	measure(&health);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "status", status_names[health.status]);
	ss_json_time(&json, "timestamp", GetCurrentTimestamp());
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
