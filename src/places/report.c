/*
 * report.c: report_location: a user is somewhere, and so arrives, stays or leaves.
 *
 * SQL entry point. Reports of one user follow one another under the lock on the
 * user's row of user_positions, which is there as long as the user agrees to be
 * located: who takes that back deletes it. Everything else is read under the
 * latest snapshot after that lock. Fences are not locked, and no track is kept: a
 * report takes the place of the one before.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "call/call.h"
#include "places/report.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_report_location);

#define DEFAULT_ACCURACY 50
#define MAX_ACCURACY	 1000.0
#define MAX_AHEAD		 (60 * USECS_PER_SEC)
#define MAX_SPEED		 340.0 /* metres a second */
#define MAX_FENCES		 50
#define NO_LATITUDE		 PG_INT32_MAX

/* A report, or the one before. */
typedef struct Report
{
	bool has_point; /* of one before it may be known when it was, and no more where */
	SSPoint point;
	double accuracy;   /* metres */
	int32 accuracy_mm; /* the same as it is kept */
	TimestampTz at;	   /* DT_NOBEGIN: there is none, or it was too long ago */
} Report;

SS_QUERY(lock_position,
		 "SELECT p.occurred_at, p.lat_e7, p.lon_e7, p.accuracy_mm FROM swipesavvy.user_positions p WHERE p.user_id = $1"
		 " FOR NO KEY UPDATE",
		 UUIDOID);

SS_QUERY(
	update_position,
	"UPDATE swipesavvy.user_positions SET occurred_at = $2, lat_e7 = $3, lon_e7 = $4, accuracy_mm = $5 WHERE user_id = $1",
	UUIDOID, TIMESTAMPTZOID, INT4OID, INT4OID, INT4OID);

#define FENCE_COLUMNS                                                                                                  \
	"SELECT " SS_FENCE_GEOMETRY ", " SS_FENCE_HOLDS_SQL(                                                               \
		"$2") ", f.merchant_id, f.campaign_no, f.dwell_seconds,"                                                       \
			  " f.max_accuracy_meters, s.inside, s.entered_at, s.last_in_at, s.leaving_at, s.dwelt_at, s.exited_at"

SS_QUERY(find_inside,
		 FENCE_COLUMNS " FROM swipesavvy.geofence_states s JOIN swipesavvy.geofences f ON f.geofence_id = s.geofence_id"
					   " WHERE s.user_id = $1 AND s.inside",
		 UUIDOID, TIMESTAMPTZOID);

SS_QUERY(find_near,
		 FENCE_COLUMNS " FROM swipesavvy.geofences_near($3, $4, $5, $6) f"
					   " LEFT JOIN swipesavvy.geofence_states s ON s.user_id = $1 AND s.geofence_id = f.geofence_id"
					   " WHERE " SS_FENCE_HOLDS_SQL("$2") " AND s.inside IS NOT TRUE",
		 UUIDOID, TIMESTAMPTZOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID);

/* --- the report, and the one before -------------------------------------------------- */

/* In millimetres, halves away from zero: of the decimal number, for its double may lie on the other side of a half. */
static int32
millimetres(Numeric metres)
{
	Datum scaled =
		DirectFunctionCall2(numeric_mul, NumericGetDatum(metres), NumericGetDatum(int64_to_numeric(SS_MILLI)));

	return DatumGetInt32(DirectFunctionCall1(numeric_int4, scaled));
}

static void
read_accuracy(FunctionCallInfo fcinfo, Report *report)
{
	Numeric accuracy = ss_arg_numeric(fcinfo, 3, "accuracy_meters", false);

	if (accuracy == NULL)
		accuracy = int64_to_numeric(DEFAULT_ACCURACY);
	report->accuracy = ss_sphere_degrees(accuracy);
	if (!(report->accuracy >= 0))
		ss_bad_value("accuracy_meters", "It is below 0, or no number.");
	if (report->accuracy <= MAX_ACCURACY)
		report->accuracy_mm = millimetres(accuracy);
}

static void
read_report(FunctionCallInfo fcinfo, Report *report)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	bool isnull;

	report->point = ss_sphere_arg(fcinfo, 1, 2);
	read_accuracy(fcinfo, report);
	report->at = ss_arg_time(fcinfo, 4, "occurred_at", &isnull);
	if (isnull)
		report->at = now;
	if (report->at > GetCurrentTimestamp() + MAX_AHEAD)
		ss_bad_value("occurred_at", "It is more than a minute ahead.");
}

/* Locks the user's row, and reads the last report. PT404; PT400 without consent. */
static Report
lock_last(const pg_uuid_t *user_id)
{
	Datum value = UUIDPGetDatum(user_id);
	SSRows rows = ss_rows_latest(&lock_position, &value, NULL);
	Report last;
	SSRow row;

	if (rows.count == 0)
	{
		ss_users_require(user_id);
		ss_bad_state("no consent to location", "User \"%s\" has not agreed to be located.", ss_uuid_text(user_id));
	}
	row = ss_row(rows, 0);
	last.at = ss_next_time_or(&row, DT_NOBEGIN);
	last.point.lat_e7 = ss_next_int32_or(&row, NO_LATITUDE);
	last.has_point = last.point.lat_e7 != NO_LATITUDE;
	last.point.lon_e7 = ss_next_int32_or(&row, 0);
	last.accuracy_mm = ss_next_int32_or(&row, 0);
	last.accuracy = last.accuracy_mm / (double) SS_MILLI;
	return last;
}

/* Why the report counts for nothing; NULL: it counts. */
static const char *
ignored(const Report *report, const Report *last)
{
	double moved;

	if (report->accuracy > MAX_ACCURACY)
		return "accuracy";
	if (report->at <= last->at || report->at < GetCurrentTimestamp() - SS_REPORT_AGE_MAX)
		return "late";
	if (!last->has_point)
		return NULL;
	moved = ss_sphere_distance(last->point, report->point) - report->accuracy - last->accuracy;
	return Max(moved, 0.0) / ((report->at - last->at) / (double) USECS_PER_SEC) > MAX_SPEED ? "speed" : NULL;
}

static void
write_position(const pg_uuid_t *user_id, const Report *report)
{
	Datum values[5] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(report->at), Int32GetDatum(report->point.lat_e7),
					   Int32GetDatum(report->point.lon_e7), Int32GetDatum(report->accuracy_mm)};

	ss_query_latest_rows(&update_position, values, NULL, 1);
}

/* --- the fences ------------------------------------------------------------------------- */

static SSReportFence
read_fence(SSRow row, SSPoint from)
{
	SSReportFence read = {0};

	ss_fence_next(&row, from, &read.fence);
	read.holds = ss_next_bool(&row);
	read.merchant_id = ss_next_uuid_or_null(&row);
	read.campaign_no = ss_next_int32_or(&row, 0);
	read.dwell_seconds = ss_next_int32(&row);
	read.max_accuracy = ss_next_int32(&row);
	read.state.inside = ss_next_bool_or(&row, false);
	read.state.entered_at = ss_next_time_or(&row, DT_NOBEGIN);
	read.state.last_in_at = ss_next_time_or(&row, DT_NOBEGIN);
	read.state.leaving_at = ss_next_time_or(&row, DT_NOBEGIN);
	read.state.dwelt_at = ss_next_time_or(&row, DT_NOBEGIN);
	read.state.exited_at = ss_next_time_or(&row, DT_NOBEGIN);
	read.state.known = read.state.entered_at != DT_NOBEGIN;
	read.before = read.state;
	return read;
}

static int
compare_near(const void *a, const void *b)
{
	const SSReportFence *x = a;
	const SSReportFence *y = b;

	if (x->fence.signed_metres != y->fence.signed_metres)
		return x->fence.signed_metres < y->fence.signed_metres ? -1 : 1;
	return ss_uuid_compare(&x->fence.geofence_id, &y->fence.geofence_id);
}

/* The fences that the user is inside of, then those that are near, nearest first; at most MAX_FENCES. */
static int
find_fences(const pg_uuid_t *user_id, const Report *report, SSReportFence **fences)
{
	SSVector p = ss_sphere_vector(report->point);
	Datum values[6] = {UUIDPGetDatum(user_id),
					   TimestampTzGetDatum(report->at),
					   Float8GetDatum(SS_EARTH_RADIUS * p.x),
					   Float8GetDatum(SS_EARTH_RADIUS * p.y),
					   Float8GetDatum(SS_EARTH_RADIUS * p.z),
					   Float8GetDatum(ss_sphere_side(ss_fence_band(report->accuracy)))};
	SSRows inside = ss_rows_latest(&find_inside, values, NULL);
	SSRows near = ss_rows_latest(&find_near, values, NULL);
	SSReportFence *found = palloc(Max(inside.count + near.count, 1) * sizeof(SSReportFence));
	int count = 0;

	for (uint64 i = 0; i < inside.count; i++)
		found[count++] = read_fence(ss_row(inside, i), report->point);
	qsort(found, count, sizeof(SSReportFence), compare_near);
	for (uint64 i = 0; i < near.count; i++)
		found[count++] = read_fence(ss_row(near, i), report->point);
	qsort(found + inside.count, near.count, sizeof(SSReportFence), compare_near);
	*fences = found;
	return Min(count, MAX_FENCES);
}

/* A visit that was over by this report has ended; then the report is held against the fence, if that is in force. */
static void
step(SSReportFence *fence, const Report *report, bool silent)
{
	SSFenceReport seen = {report->at, report->accuracy, fence->fence.signed_metres, fence->dwell_seconds,
						  fence->max_accuracy};

	if (silent || !fence->holds)
		fence->events = ss_fence_close(&fence->state);
	if (fence->holds)
		fence->again = ss_fence_step(&fence->state, &seen);
}

static void
add_zones(SSJson *json, const SSReportFence *fence, int events, TimestampTz since)
{
	static const char *const names[] = {"exited", "entered", "dwelt", "inside"};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if ((events & (1 << i)) == 0)
			continue;
		ss_json_open_object(json, NULL);
		ss_json_uuid(json, "geofence_id", &fence->fence.geofence_id);
		ss_json_text(json, "name", fence->fence.name);
		ss_json_text(json, "event", names[i]);
		ss_json_uuid(json, "merchant_id", fence->merchant_id);
		ss_json_time(json, "since", since);
		ss_json_close_object(json);
	}
}

/* --- the call ------------------------------------------------------------------------------ */

static void
add_result(SSJson *json, const pg_uuid_t *user_id, const Report *report, const char *why_not,
		   const SSReportFence *fences, int count)
{
	ss_json_open_object(json, NULL);
	ss_json_bool(json, "accepted", why_not == NULL);
	ss_json_text(json, "ignored", why_not);
	ss_json_open_array(json, "zones");
	for (int i = 0; i < count; i++)
	{
		add_zones(json, &fences[i], fences[i].events, fences[i].before.entered_at);
		add_zones(json, &fences[i], fences[i].again, fences[i].state.entered_at);
	}
	ss_json_close_array(json);
	ss_json_open_array(json, "campaigns_triggered");
	ss_report_trigger(json, user_id, report->at, fences, count);
	ss_json_close_array(json);
	ss_json_close_object(json);
}

/*
 * report_location(user_id, latitude, longitude, accuracy_meters, occurred_at)
 */
Datum
swipesavvy_report_location(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *user_id;
	Report report;
	Report last;
	const char *why_not;
	SSReportFence *fences = NULL;
	int count = 0;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, user_id);
	read_report(fcinfo, &report);
	ss_audit_none(&call); /* where somebody is stays out of the log */
	ss_query_plan_once();
	ss_query_avoid_scans();
	last = lock_last(user_id);
	why_not = ignored(&report, &last);
	if (why_not == NULL)
	{
		bool silent = last.at == DT_NOBEGIN || report.at - last.at >= SS_FENCE_SILENCE;

		count = find_fences(user_id, &report, &fences);
		for (int i = 0; i < count; i++)
			step(&fences[i], &report, silent);
		ss_report_write(user_id, fences, count);
		write_position(user_id, &report);
	}
	add_result(&json, user_id, &report, why_not, fences, count);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
