/*
 * history.c: samples of health summed up by the minute and the hour, and
 * how a figure went.
 *
 * SQL entry points: roll_up_health is a job of the background worker,
 * get_health_history an admin's. A period is summed up once it is over; what
 * was left out while nobody did so is made up for, an hour of samples a call,
 * and a period that two do at once is the same twice. No locks but those of the
 * rows that are written.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/query.h"
#include "call/call.h"
#include "health/figures.h"

PG_FUNCTION_INFO_V1(swipesavvy_roll_up_health);
PG_FUNCTION_INFO_V1(swipesavvy_get_health_history);

#define MINUTES_MAX	 60 /* that a call sums up */
#define HOURS_MAX	 24
#define SLACK		 (10 * USECS_PER_SEC) /* a sample is seen a moment after it was taken */
#define SAMPLES_KEPT USECS_PER_DAY		  /* samples.c */
#define MINUTES_KEPT (7 * USECS_PER_DAY)

#define POINTS_MAX	10000
#define POINTS_GOOD 1500 /* as many as a chart is wide: a finer resolution is no use */

/* Periods of the server's epoch, which begin when those of UTC do */
#define PERIOD(length, time) "date_bin(" length ", " time ", timestamptz '2000-01-01 00:00+00')"

/* --- summing up --------------------------------------------------------------------- */

/* The beginning of the first period before $1 that has something which is not summed up yet. */
#define FIND(length, from, at, into)                                                                                   \
	"SELECT " PERIOD(length, "min(s." at ")") " FROM swipesavvy." from " s WHERE s." at " < $1 AND s." at " >="        \
											  " coalesce((SELECT max(p.starts_at) + " length " FROM swipesavvy." into  \
											  " p WHERE p.starts_at < $1), '-infinity')"

SS_QUERY(find_minute, FIND("interval '1 minute'", "health_samples", "sampled_at", "health_minutes"), TIMESTAMPTZOID);
SS_QUERY(find_hour, FIND("interval '1 hour'", "health_minutes", "starts_at", "health_hours"), TIMESTAMPTZOID);

/* From `parts`, the values of each figure in its period: least, sum, greatest, number; `periods`: how many samples each has. */
#define WRITE(into)                                                                                                                 \
	" INSERT INTO swipesavvy." into " AS o (starts_at, samples, figures)"                                                           \
	" SELECT p.starts_at, p.samples, coalesce(jsonb_object_agg(f.key, CASE WHEN f.least = f.greatest AND f.samples = p.samples"     \
	"             THEN to_jsonb(f.least) ELSE jsonb_build_array(f.least, f.total, f.greatest, f.samples) END)"                      \
	"             FILTER (WHERE f.key IS NOT NULL), '{}')"                                                                          \
	"   FROM periods p LEFT JOIN (SELECT v.starts_at, v.key, trim_scale(min(v.least)) AS least, trim_scale(sum(v.total)) AS total," \
	"             trim_scale(max(v.greatest)) AS greatest, sum(v.samples)::integer AS samples"                                      \
	"        FROM parts v WHERE v.least IS NOT NULL GROUP BY 1, 2) f ON f.starts_at = p.starts_at"                                  \
	"  GROUP BY p.starts_at, p.samples"                                                                                             \
	" ON CONFLICT (starts_at) DO UPDATE SET samples = excluded.samples, figures = excluded.figures"

SS_QUERY(
	write_minutes,
	"WITH samples AS (SELECT " PERIOD(
		"interval '1 minute'",
		"s.sampled_at") " AS starts_at, s.figures"
						"                   FROM swipesavvy.health_samples s WHERE s.sampled_at >= $1 AND s.sampled_at < $2),"
						" periods AS (SELECT s.starts_at, count(*)::integer AS samples FROM samples s GROUP BY 1),"
						" parts AS (SELECT s.starts_at, f.key, n.value AS least, n.value AS total, n.value AS greatest, 1 AS samples"
						"             FROM samples s CROSS JOIN LATERAL jsonb_each(s.figures) f"
						"            CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(f.value) WHEN 'number' THEN round(f.value::numeric, 3) END AS value) n"
						"            WHERE f.key NOT LIKE '%\\_total')" WRITE("health_minutes"),
	TIMESTAMPTZOID, TIMESTAMPTZOID);

/* What a period keeps of a figure: an element of the array, or what stands for it where each of its $samples is the same. */
#define PART(value, element, same)                                                                                     \
	"CASE jsonb_typeof(" value ") WHEN 'array' THEN (" value " ->> " element ")::numeric ELSE " same " END"
#define PARTS(value, samples)                                                                                          \
	PART(value, "0", value "::numeric")                                                                                \
	" AS least, " PART(value, "1", value "::numeric * " samples) " AS total, " PART(                                   \
		value, "2", value "::numeric") " AS greatest, " PART(value, "3", samples) " AS samples"

SS_QUERY(
	write_hours,
	"WITH minutes AS (SELECT " PERIOD(
		"interval '1 hour'",
		"m.starts_at") " AS starts_at, m.samples, m.figures"
					   "                   FROM swipesavvy.health_minutes m WHERE m.starts_at >= $1 AND m.starts_at < $2),"
					   " periods AS (SELECT m.starts_at, sum(m.samples)::integer AS samples FROM minutes m GROUP BY 1),"
					   " parts AS (SELECT m.starts_at, f.key, " PARTS(
						   "f.value",
						   "m.samples") "             FROM minutes m CROSS JOIN LATERAL jsonb_each(m.figures) f)" WRITE("health_hours"),
	TIMESTAMPTZOID, TIMESTAMPTZOID);

/* A few of those that are too old, each time */
#define FORGET(from, age)                                                                                              \
	{                                                                                                                  \
		"DELETE FROM swipesavvy." from " WHERE starts_at = ANY (ARRAY(SELECT starts_at FROM swipesavvy." from          \
		"  WHERE starts_at < $1 - interval '" age "' ORDER BY starts_at LIMIT 100))",                                  \
			1, {TIMESTAMPTZOID}, NULL                                                                                  \
	}

static SSQuery forget_minutes = FORGET("health_minutes", "7 days");
static SSQuery forget_hours = FORGET("health_hours", "400 days");

static TimestampTz
floor_to(TimestampTz time, int64 period)
{
	return time - (time % period + period) % period;
}

/*
 * Sums up what there is before *until, which becomes the end of what was done:
 * at most so many periods. Returns how many have been written.
 */
static uint64
sum_up(SSQuery *find, SSQuery *write, int64 period, int most, TimestampTz *until)
{
	Datum values[2] = {TimestampTzGetDatum(*until)};
	SSRow row = ss_row(ss_rows_write(find, values, NULL), 0);
	bool nothing;
	Datum first = ss_next_value_or_null(&row, TIMESTAMPTZOID, &nothing);

	if (nothing)
		return 0;
	*until = Min(*until, DatumGetTimestampTz(first) + most * period);
	values[0] = first;
	values[1] = TimestampTzGetDatum(*until);
	return ss_query_write(write, values, NULL);
}

/*
 * roll_up_health(): minutes and hours that were written, and whether there is
 * more to do
 */
Datum
swipesavvy_roll_up_health(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz over = floor_to(now - SLACK, USECS_PER_MINUTE);
	TimestampTz minutes_until = over;
	TimestampTz hours_until;
	TimestampTz whole_hours;
	uint64 minutes;
	uint64 hours;
	Datum value = TimestampTzGetDatum(now);

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_audit_none(&call); /* what it makes is made of records */
	minutes = sum_up(&find_minute, &write_minutes, USECS_PER_MINUTE, MINUTES_MAX, &minutes_until);
	hours_until = whole_hours = floor_to(minutes_until, USECS_PER_HOUR);
	hours = sum_up(&find_hour, &write_hours, USECS_PER_HOUR, HOURS_MAX, &hours_until);
	(void) ss_query_write(&forget_minutes, &value, NULL);
	(void) ss_query_write(&forget_hours, &value, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "minutes", (int64) minutes);
	ss_json_int(&json, "hours", (int64) hours);
	ss_json_bool(&json, "more", minutes_until < over || hours_until < whole_hours);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- reading -------------------------------------------------------------------------- */

typedef enum Resolution
{
	SAMPLE,
	MINUTE,
	HOUR,
	RESOLUTIONS
} Resolution;

static const char *const resolution_names[] = {"sample", "minute", "hour", "auto", NULL};

/* $1 figure, $2 and $3 from when until before when, $4 how many at most */
#define READ(from)                                                                                                         \
	SS_QUERY_OF(                                                                                                           \
		"SELECT p.starts_at AS at, v.least AS min, trim_scale(round(v.total / v.samples, 3)) AS avg, v.greatest AS max,"   \
		"       v.samples::integer AS samples"                                                                             \
		"  FROM swipesavvy." from " p CROSS JOIN LATERAL (SELECT " PARTS(                                                  \
			"(p.figures -> $1)",                                                                                           \
			"p.samples") ") v"                                                                                             \
						 " WHERE p.starts_at >= $2 AND p.starts_at < $3 AND p.figures ? $1 ORDER BY p.starts_at LIMIT $4", \
		TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID)

static SSQuery read_points[RESOLUTIONS] = {
	[SAMPLE] = SS_QUERY_OF(
		"SELECT s.sampled_at AS at, v.value AS min, v.value AS avg, v.value AS max, 1 AS samples"
		"  FROM swipesavvy.health_samples s CROSS JOIN LATERAL"
		"       (SELECT CASE jsonb_typeof(s.figures -> $1) WHEN 'number' THEN (s.figures -> $1)::numeric END AS value) v"
		" WHERE s.sampled_at >= $2 AND s.sampled_at < $3 AND v.value IS NOT NULL ORDER BY s.sampled_at LIMIT $4",
		TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID),
	[MINUTE] = READ("health_minutes"),
	[HOUR] = READ("health_hours"),
};

/* Has anything of late a figure of this name? */
SS_QUERY(
	find_figure,
	"SELECT FROM ((SELECT figures FROM swipesavvy.health_samples ORDER BY sampled_at DESC LIMIT 1)"
	" UNION ALL (SELECT figures FROM swipesavvy.health_minutes ORDER BY starts_at DESC LIMIT 1)"
	" UNION ALL (SELECT figures FROM swipesavvy.health_hours ORDER BY starts_at DESC LIMIT 1)) f WHERE f.figures ? $1",
	TEXTOID);

static int64
length_of(Resolution resolution)
{
	switch (resolution)
	{
		case SAMPLE:
			return ss_health_interval * USECS_PER_SEC;
		case MINUTE:
			return USECS_PER_MINUTE;
		default:
			return USECS_PER_HOUR;
	}
}

/* The finest resolution that reaches back that far and does not have too many points. */
static Resolution
choose(TimestampTz now, TimestampTz start, TimestampTz end)
{
	for (Resolution resolution = SAMPLE; resolution < HOUR; resolution++)
	{
		int64 kept = resolution == SAMPLE ? SAMPLES_KEPT : MINUTES_KEPT;

		if (start >= now - kept - USECS_PER_MINUTE && (Min(end, now) - start) / length_of(resolution) <= POINTS_GOOD)
			return resolution;
	}
	return HOUR;
}

static void
check_figure(const char *figure)
{
	Datum value = CStringGetTextDatum(figure);
	size_t length = strlen(figure);

	if (length > strlen("_total") && strcmp(figure + length - strlen("_total"), "_total") == 0)
		ss_bad_value("figure",
					 "It is a counter, of which the differences are kept: a figure whose name ends in _delta.");
	if (ss_health_find_figure(figure) < 0 && ss_query_read(&find_figure, &value, NULL) == 0)
		ss_not_found("figure", figure);
}

/*
 * get_health_history(figure, start_date, end_date, resolution): points, from the
 * first to before the last moment
 */
Datum
swipesavvy_get_health_history(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	char *figure;
	char *name;
	TimestampTz start;
	TimestampTz end;
	Resolution resolution;
	bool no_start;
	bool no_end;
	bool any;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	figure = ss_arg_text(fcinfo, 0, "figure", SS_KEY_MAX, true);
	start = ss_arg_time(fcinfo, 1, "start_date", &no_start);
	end = ss_arg_time(fcinfo, 2, "end_date", &no_end);
	name = ss_arg_text(fcinfo, 3, "resolution", SS_KEY_MAX, false);
	resolution = ss_check_choice(name == NULL ? "auto" : name, "resolution", resolution_names);
	any = resolution == RESOLUTIONS;
	if (no_end)
		end = now;
	if (no_start)
		start = end - USECS_PER_DAY;
	if (end < start)
		ss_bad_value("end_date", "It lies before start_date.");
	check_figure(figure);
	if (any)
		resolution = choose(now, start, end);
	while (ss_query_read(
			   &read_points[resolution],
			   (Datum[]){CStringGetTextDatum(figure),
						 TimestampTzGetDatum(resolution == SAMPLE ? start : floor_to(start, length_of(resolution))),
						 TimestampTzGetDatum(end), Int32GetDatum(POINTS_MAX + 1)},
			   NULL) > POINTS_MAX)
	{
		if (!any || resolution == HOUR)
			ss_bad_value("resolution", "There are more than %d points: take a coarser one, or a shorter time.",
						 POINTS_MAX);
		resolution++;
	}
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "figure", figure);
	ss_json_text(&json, "resolution", resolution_names[resolution]);
	ss_json_time(&json, "start_date", start);
	ss_json_time(&json, "end_date", end);
	ss_json_rows(&json, "points");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
