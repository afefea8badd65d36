/*
 * samples.c: keeps what the background worker measures, and opens and resolves
 * alerts by it.
 *
 * SQL entry points: record_health is the worker's (src/worker/measure.c),
 * set_health_threshold an admin's. One worker of a database records at a time;
 * a state is changed under the lock of its row.
 *
 * A state changes when so many samples in a row (two, unless set otherwise) say
 * the same: so it does not flap, and still follows within two intervals. What a
 * sample does not know says nothing.
 */
#include "postgres.h"

#include <math.h>

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/query.h"
#include "call/call.h"
#include "health/figures.h"
#include "outbox/outbox.h"

PG_FUNCTION_INFO_V1(swipesavvy_record_health);
PG_FUNCTION_INFO_V1(swipesavvy_set_health_threshold);

#define SAMPLES_DEFAULT 2
#define SAMPLES_MAX		100

/*
 * $1 now, $2 the figures, $3 what is measured here unless it was given: with what changed since the sample before, if
 * that is of the same run of the statistics. The size of the database is not measured each time.
 */
SS_QUERY(
	insert_sample,
	"INSERT INTO swipesavvy.health_samples (sampled_at, figures)"
	" SELECT $1, jsonb_strip_nulls(jsonb_build_object('database_bytes', p.figures -> 'database_bytes')) || $3 || $2"
	"           || coalesce((SELECT jsonb_object_agg(replace(f.key, '_total', '_delta'), f.value::numeric - (p.figures ->> f.key)::numeric)"
	"                         FROM jsonb_each_text($2) f"
	"                        WHERE f.key LIKE '%\\_total' AND f.value::numeric >= (p.figures ->> f.key)::numeric), '{}')"
	"           || jsonb_build_object('replicas_lost',"
	"                  (SELECT max((r.figures ->> 'replicas')::integer) FROM swipesavvy.health_samples r"
	"                    WHERE r.sampled_at > $1 - interval '1 hour') - ($2 ->> 'replicas')::integer,"
	"                  'interval_seconds', extract(epoch FROM $1 - p.sampled_at))"
	"   FROM (SELECT) one LEFT JOIN"
	"        (SELECT s.sampled_at, s.figures FROM swipesavvy.health_samples s ORDER BY s.sampled_at DESC LIMIT 1) p ON true"
	" RETURNING figures",
	TIMESTAMPTZOID, JSONBOID, JSONBOID);

/*
 * What lies after $1 was measured by a clock that was ahead and has been set
 * right since: it would be the newest sample until then. The time that the
 * server was up in days that have not come yet goes to the present one.
 */
static SSQuery forget_future[] = {
	SS_QUERY_OF("DELETE FROM swipesavvy.health_samples WHERE sampled_at > $1", TIMESTAMPTZOID),
	SS_QUERY_OF("DELETE FROM swipesavvy.health_minutes WHERE starts_at > $1", TIMESTAMPTZOID),
	SS_QUERY_OF("DELETE FROM swipesavvy.health_hours WHERE starts_at > $1", TIMESTAMPTZOID),
	SS_QUERY_OF(
		"WITH gone AS (DELETE FROM swipesavvy.health_days WHERE day > ($1 AT TIME ZONE 'UTC')::date RETURNING seconds_up)"
		" UPDATE swipesavvy.health_days d SET first_at = least(d.first_at, $1), last_at = least(d.last_at, $1),"
		"        seconds_up = d.seconds_up + coalesce((SELECT sum(g.seconds_up) FROM gone g), 0)"
		"  WHERE d.day = ($1 AT TIME ZONE 'UTC')::date AND (d.last_at > $1 OR EXISTS (SELECT FROM gone))",
		TIMESTAMPTZOID),
};

/* The server was up between two samples that are no more than three intervals ($2 seconds each) apart. */
SS_QUERY(count_uptime,
		 "INSERT INTO swipesavvy.health_days AS d (day, first_at, last_at, seconds_up)"
		 " SELECT ($1 AT TIME ZONE 'UTC')::date, $1, $1,"
		 "        CASE WHEN $1 - max(b.last_at) BETWEEN interval '0' AND make_interval(secs => 3 * $2)"
		 "             THEN extract(epoch FROM $1 - max(b.last_at)) ELSE 0 END FROM swipesavvy.health_days b"
		 " ON CONFLICT (day) DO UPDATE SET last_at = excluded.last_at, seconds_up = d.seconds_up + excluded.seconds_up",
		 TIMESTAMPTZOID, FLOAT8OID);

/* A few of those that are too old, each time */
SS_QUERY(
	forget_samples,
	"DELETE FROM swipesavvy.health_samples WHERE sampled_at = ANY (ARRAY("
	"SELECT sampled_at FROM swipesavvy.health_samples WHERE sampled_at < $1 - interval '1 day' ORDER BY sampled_at LIMIT 100))",
	TIMESTAMPTZOID);
SS_QUERY(forget_days, "DELETE FROM swipesavvy.health_days WHERE day < ($1 AT TIME ZONE 'UTC')::date - 400",
		 TIMESTAMPTZOID);
SS_QUERY(
	forget_alerts,
	"DELETE FROM swipesavvy.health_alerts WHERE opened_at < $1 - interval '400 days' AND resolved_at < $1 - interval '400 days'",
	TIMESTAMPTZOID);

/*
 * Of each watched figure ($1 names, $2 and $3 thresholds) that the sample $4
 * knows, what it says now; those that are and were all right are left out. Of
 * fewer calls than $5 nothing can be wrong.
 */
SS_QUERY(
	judge,
	"INSERT INTO swipesavvy.health_states AS s (figure, seen, in_a_row)"
	" SELECT w.figure, w.level, 1 FROM"
	"  (SELECT k.figure, CASE WHEN k.idle THEN 0"
	"                         WHEN ($4 ->> k.figure)::float8 >= coalesce(t.critical, k.critical) THEN 2"
	"                         WHEN ($4 ->> k.figure)::float8 >= coalesce(t.warning, k.warning) THEN 1 ELSE 0 END AS level"
	"     FROM (SELECT u.*, coalesce(u.figure IN ('api_error_percent', 'api_p99_ms') AND ($4 ->> 'api_calls')::numeric < $5, false)"
	"             FROM unnest($1, $2, $3) u (figure, warning, critical)) k (figure, warning, critical, idle)"
	"     LEFT JOIN swipesavvy.health_thresholds t ON t.figure = k.figure COLLATE \"C\""
	"    WHERE $4 ->> k.figure IS NOT NULL OR k.idle) w"
	"  LEFT JOIN swipesavvy.health_states o ON o.figure = w.figure COLLATE \"C\""
	" WHERE w.level > 0 OR o.level > 0 OR o.seen > 0"
	" ON CONFLICT (figure) DO UPDATE SET seen = excluded.seen,"
	"    in_a_row = CASE WHEN s.seen = excluded.seen THEN least(s.in_a_row + 1, 100) ELSE 1 END",
	TEXTARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, JSONBOID, INT4OID);

/* Those that have been seen often enough ($1 by default) to be believed. */
SS_QUERY(change_states,
		 "UPDATE swipesavvy.health_states s SET level = s.seen"
		 "  FROM swipesavvy.health_states o LEFT JOIN swipesavvy.health_thresholds t ON t.figure = o.figure"
		 " WHERE o.figure = s.figure AND o.seen <> o.level AND o.in_a_row >= coalesce(t.samples, $1)"
		 " RETURNING s.figure, s.level",
		 INT4OID);

#define ALERT_COLUMNS "alert_id, figure, severity, value, threshold, opened_at, resolved_at"

SS_QUERY(
	resolve_alert,
	"UPDATE swipesavvy.health_alerts SET resolved_at = greatest($2, opened_at) WHERE figure = $1 AND resolved_at IS NULL RETURNING " ALERT_COLUMNS,
	TEXTOID, TIMESTAMPTZOID);
/* $1 figure, $2 now, $3 level, $4 the sample, $5 and $6 thresholds */
SS_QUERY(open_alert,
		 "INSERT INTO swipesavvy.health_alerts (figure, severity, value, threshold, opened_at)"
		 " SELECT $1, CASE $3 WHEN 2 THEN 'critical' ELSE 'warning' END, ($4 ->> $1)::numeric,"
		 "        (CASE $3 WHEN 2 THEN coalesce(t.critical, $6) ELSE coalesce(t.warning, $5) END)::numeric, $2"
		 "   FROM (SELECT) one LEFT JOIN swipesavvy.health_thresholds t ON t.figure = $1 RETURNING " ALERT_COLUMNS,
		 TEXTOID, TIMESTAMPTZOID, INT4OID, JSONBOID, FLOAT8OID, FLOAT8OID);

/* As text: JSON has no infinity. */
SS_QUERY(
	read_threshold,
	"SELECT t.figure, t.warning::text, t.critical::text, t.samples FROM swipesavvy.health_thresholds t WHERE t.figure = $1 FOR UPDATE",
	TEXTOID);
SS_QUERY(set_threshold,
		 "INSERT INTO swipesavvy.health_thresholds (figure, warning, critical, samples) VALUES ($1, $2, $3, $4)"
		 " ON CONFLICT (figure) DO UPDATE SET warning = $2, critical = $3, samples = $4",
		 TEXTOID, FLOAT8OID, FLOAT8OID, INT4OID);
SS_QUERY(show_threshold,
		 "SELECT t.figure, nullif(coalesce(t.warning, $2), 'infinity')::numeric AS warning,"
		 "       nullif(coalesce(t.critical, $3), 'infinity')::numeric AS critical, coalesce(t.samples, $4) AS samples"
		 "  FROM swipesavvy.health_thresholds t WHERE t.figure = $1",
		 TEXTOID, FLOAT8OID, FLOAT8OID, INT4OID);

/* --- what is watched ------------------------------------------------------------------ */

/* The number of a figure, from 0; PT404 if none of that name is watched. */
static int
find_figure(const char *name)
{
	int n = ss_health_find_figure(name);

	if (n < 0)
		ss_not_found("figure", name);
	return n;
}

static Datum
array_of(Datum *items, Oid type)
{
	return PointerGetDatum(construct_array(items, ss_health_figures_count, type,
										   type == TEXTOID ? -1 : (int) sizeof(float8), type != TEXTOID,
										   type == TEXTOID ? TYPALIGN_INT : TYPALIGN_DOUBLE));
}

static void
judge_sample(Jsonb *sample)
{
	Datum *names = palloc(3 * ss_health_figures_count * sizeof(Datum));
	Datum *warning = names + ss_health_figures_count;
	Datum *critical = warning + ss_health_figures_count;

	for (int i = 0; i < ss_health_figures_count; i++)
	{
		names[i] = CStringGetTextDatum(ss_health_figures[i].name);
		warning[i] = Float8GetDatum(ss_health_figures[i].warning);
		critical[i] = Float8GetDatum(ss_health_figures[i].critical);
	}
	(void) ss_query_write(&judge,
						  (Datum[]){array_of(names, TEXTOID), array_of(warning, FLOAT8OID),
									array_of(critical, FLOAT8OID), JsonbPGetDatum(sample),
									Int32GetDatum(SS_HEALTH_ENOUGH_CALLS)},
						  NULL);
}

/* --- alerts -------------------------------------------------------------------------------- */

/* A message about that alert. */
static void
announce(const char *event, const char *figure, SSRow alert)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_columns(&json, alert);
	ss_json_close_object(&json);
	ss_outbox_put(event, 1, psprintf("alert:%s", figure), DatumGetJsonbP(ss_json_finish(&json)), NULL);
}

/* A figure has changed its state: resolves the alert that was open, and opens the one of the new state. True if one was opened. */
static bool
change_alert(const char *figure, int level, Jsonb *sample, TimestampTz now)
{
	int n = find_figure(figure);
	Datum values[6] = {CStringGetTextDatum(figure),
					   TimestampTzGetDatum(now),
					   Int32GetDatum(level),
					   JsonbPGetDatum(sample),
					   Float8GetDatum(ss_health_figures[n].warning),
					   Float8GetDatum(ss_health_figures[n].critical)};
	SSRows resolved = ss_rows_write(&resolve_alert, values, NULL);

	if (resolved.count > 0)
		announce("alert.resolved", figure, ss_row(resolved, 0));
	if (level == 0)
		return false;
	announce("alert.opened", figure, ss_row(ss_rows_write(&open_alert, values, NULL), 0));
	return true;
}

/* --- entry points ---------------------------------------------------------------------------- */

/*
 * record_health(figures): sampled_at, and how many alerts it opened and
 * states it changed
 */
Datum
swipesavvy_record_health(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	Datum values[3];
	Jsonb *sample;
	SSRows changed;
	int opened = 0;
	SSRow row;

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_audit_none(&call); /* measurements and alerts keep their own record */
	sample = ss_arg_jsonb(fcinfo, 0, "figures", true);
	if (!JB_ROOT_IS_OBJECT(sample))
		ss_bad_value("figures", "It is not an object.");
	values[0] = TimestampTzGetDatum(now);
	values[1] = JsonbPGetDatum(sample);
	values[2] = JsonbPGetDatum(ss_health_own_figures());
	for (size_t i = 0; i < lengthof(forget_future); i++)
		(void) ss_query_write(&forget_future[i], values, NULL);
	row = ss_row(ss_rows_write(&insert_sample, values, NULL), 0);
	sample = ss_next_jsonb(&row);
	values[1] = Float8GetDatum(ss_health_interval);
	(void) ss_query_write(&count_uptime, values, NULL);
	(void) ss_query_write(&forget_samples, values, NULL);
	(void) ss_query_write(&forget_days, values, NULL);
	(void) ss_query_write(&forget_alerts, values, NULL);
	judge_sample(sample);
	changed = ss_rows_write(&change_states, (Datum[]){Int32GetDatum(SAMPLES_DEFAULT)}, NULL);
	for (uint64 i = 0; i < changed.count; i++)
	{
		const char *figure;

		row = ss_row(changed, i);
		figure = ss_next_text(&row);
		opened += change_alert(figure, ss_next_int32(&row), sample, now);
	}
	ss_json_open_object(&json, NULL);
	ss_json_time(&json, "sampled_at", now);
	ss_json_int(&json, "changed", (int64) changed.count);
	ss_json_int(&json, "opened", opened);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * set_health_threshold(figure, warning, critical, samples)
 */
Datum
swipesavvy_set_health_threshold(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAuditRow before = {0};
	char *figure;
	int n;
	double warning;
	double critical;
	Datum values[4];
	bool nulls[4] = {false};

	ss_call_enter(&call, SS_ADMIN);
	figure = ss_arg_text(fcinfo, 0, "figure", SS_KEY_MAX, true);
	n = find_figure(figure);
	nulls[1] = PG_ARGISNULL(1);
	nulls[2] = PG_ARGISNULL(2);
	warning = nulls[1] ? ss_health_figures[n].warning : PG_GETARG_FLOAT8(1);
	critical = nulls[2] ? ss_health_figures[n].critical : PG_GETARG_FLOAT8(2);
	if (isnan(warning) || warning <= 0)
		ss_bad_value("warning", "It is not above 0.");
	if (isnan(critical) || critical < warning)
		ss_bad_value("critical", "It is below the value from which on there is a warning.");
	values[0] = CStringGetTextDatum(figure);
	values[1] = Float8GetDatum(warning);
	values[2] = Float8GetDatum(critical);
	values[3] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 3, "samples", 1, SAMPLES_MAX, &nulls[3]));
	if (ss_query_latest(&read_threshold, values, NULL) > 0)
		before = ss_audit_row();
	(void) ss_query_latest(&set_threshold, values, nulls);
	(void) ss_query_latest(&read_threshold, values, NULL);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "health_threshold", .action = "update", .resource_id = figure},
						before, ss_audit_row());
	values[1] = Float8GetDatum(ss_health_figures[n].warning);
	values[2] = Float8GetDatum(ss_health_figures[n].critical);
	values[3] = Int32GetDatum(SAMPLES_DEFAULT);
	(void) ss_query_latest(&show_threshold, values, NULL);
	ss_json_row(&json, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
