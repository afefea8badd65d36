/*
 * consent.c: set_location_consent, close_geofence_visits,
 * apply_location_retention: whether a user is located at all, and how long what
 * that left is kept.
 *
 * SQL entry points. Consent is given and taken back under the lock on the user's
 * reward account, then on the user's row of user_positions, as a report takes it.
 * The jobs take those rows, too, and let be what somebody else has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "places/report.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_set_location_consent);
PG_FUNCTION_INFO_V1(swipesavvy_close_geofence_visits);
PG_FUNCTION_INFO_V1(swipesavvy_apply_location_retention);

/* What one call of a job takes, at most. */
#define BATCH 1000

SS_QUERY(read_consent,
		 "SELECT c.consent AS location_consent, c.since FROM swipesavvy.location_consents c WHERE c.user_id = $1",
		 UUIDOID);

SS_QUERY(write_consent,
		 "INSERT INTO swipesavvy.location_consents AS c (user_id, consent, since) VALUES ($1, $2, $3)"
		 " ON CONFLICT (user_id) DO UPDATE SET consent = excluded.consent,"
		 " since = CASE WHEN c.consent = excluded.consent THEN c.since ELSE excluded.since END"
		 " RETURNING c.consent AS location_consent, c.since",
		 UUIDOID, BOOLOID, TIMESTAMPTZOID);

SS_QUERY(insert_position,
		 "INSERT INTO swipesavvy.user_positions (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING", UUIDOID);

/* The row that reports wait for goes first. */
static SSSweep forget[] = {
	SS_SWEEP_DELETE("swipesavvy.user_positions", "user_id = $1", UUIDOID),
	SS_SWEEP_DELETE("swipesavvy.geofence_states", "user_id = $1", UUIDOID),
	SS_SWEEP_DELETE("swipesavvy.geofence_visits", "user_id = $1", UUIDOID),
	SS_SWEEP_DELETE("swipesavvy.geofence_triggers", "user_id = $1", UUIDOID),
};

/*
 * set_location_consent(user_id, consent)
 */
Datum
swipesavvy_set_location_consent(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "location_consent", .action = "set"};
	SSAuditRow before = {0};
	Datum values[3];
	bool consent;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	audit.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, audit.user_id);
	audit.resource_id = ss_uuid_text(audit.user_id);
	if (PG_ARGISNULL(1))
		ss_missing_value("consent");
	consent = PG_GETARG_BOOL(1);
	ss_users_lock(audit.user_id);
	if (consent)
		ss_users_refuse_erased(audit.user_id);
	values[0] = UUIDPGetDatum(audit.user_id);
	values[1] = BoolGetDatum(consent);
	values[2] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	if (consent)
		(void) ss_query_latest(&insert_position, values, NULL);
	for (int i = 0; !consent && i < (int) lengthof(forget); i++)
		(void) ss_query_sweep(&forget[i], values, NULL);
	if (ss_query_latest(&read_consent, values, NULL) > 0)
		before = ss_audit_row();
	(void) ss_query_latest(&write_consent, values, NULL);
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call, &audit, before, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- visits that are over ------------------------------------------------------------------ */

/* Users who are inside of something and have not been heard of for long enough, with their rows locked. */
SS_QUERY(
	lock_silent,
	"SELECT p.user_id FROM swipesavvy.user_positions p"
	" WHERE p.user_id IN (SELECT s.user_id FROM swipesavvy.geofence_states s WHERE s.inside)"
	"   AND (p.occurred_at IS NULL OR p.occurred_at <= $1) ORDER BY p.user_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
	TIMESTAMPTZOID, INT8OID);

SS_QUERY(close_states,
		 "UPDATE swipesavvy.geofence_states s SET inside = false, exited_at = s.last_in_at, leaving_at = NULL"
		 " WHERE s.user_id = ANY ($1) AND s.inside",
		 UUIDARRAYOID);

SS_QUERY(close_visits,
		 "UPDATE swipesavvy.geofence_visits v SET exited_at = s.last_in_at FROM swipesavvy.geofence_states s"
		 " WHERE s.user_id = ANY ($1) AND s.inside AND v.user_id = s.user_id AND v.geofence_id = s.geofence_id"
		 "   AND v.entered_at = s.entered_at",
		 UUIDARRAYOID);

/*
 * close_geofence_visits(): ends the visits of users who have not been heard of
 * for half an hour
 */
Datum
swipesavvy_close_geofence_visits(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Datum values[2] = {TimestampTzGetDatum(GetCurrentTimestamp() - SS_FENCE_SILENCE), Int64GetDatum(BATCH)};
	SSRows rows;
	uint64 closed = 0;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call);
	rows = ss_rows_latest(&lock_silent, values, NULL);
	if (rows.count > 0)
	{
		pg_uuid_t *users = palloc(rows.count * sizeof(pg_uuid_t));
		Datum ids;

		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ss_row(rows, i);

			users[i] = *ss_next_uuid(&row);
		}
		ids = ss_uuid_array(users, (int) rows.count, sizeof(pg_uuid_t));
		(void) ss_query_latest(&close_visits, &ids, NULL);
		closed = ss_query_latest(&close_states, &ids, NULL);
	}
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "closed", (int64) closed);
	ss_json_bool(&json, "more", rows.count == BATCH);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- retention ------------------------------------------------------------------------------ */

SS_QUERY(
	read_settings,
	"SELECT (SELECT (value #>> '{}')::bigint FROM swipesavvy.system_settings WHERE setting = 'position_retention_hours'),"
	" (SELECT (value #>> '{}')::bigint FROM swipesavvy.system_settings WHERE setting = 'visit_retention_days')");

SS_QUERY(
	clear_positions,
	"UPDATE swipesavvy.user_positions p SET lat_e7 = NULL, lon_e7 = NULL, accuracy_mm = NULL"
	" WHERE p.user_id = ANY (ARRAY(SELECT o.user_id FROM swipesavvy.user_positions o"
	" WHERE o.occurred_at < $1 AND o.lat_e7 IS NOT NULL ORDER BY o.user_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))",
	TIMESTAMPTZOID, INT8OID);

/* When the last report was is known as long as one from before it might come. */
SS_QUERY(clear_times,
		 "UPDATE swipesavvy.user_positions p SET occurred_at = NULL"
		 " WHERE p.user_id = ANY (ARRAY(SELECT o.user_id FROM swipesavvy.user_positions o"
		 " WHERE o.occurred_at < $1 AND o.lat_e7 IS NULL ORDER BY o.user_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))",
		 TIMESTAMPTZOID, INT8OID);

SS_QUERY(delete_visits,
		 "WITH old AS MATERIALIZED (SELECT o.user_id, o.geofence_id, o.entered_at"
		 " FROM swipesavvy.geofence_visits o WHERE o.entered_at < $1 LIMIT $2)"
		 " DELETE FROM swipesavvy.geofence_visits v USING old"
		 " WHERE v.user_id = old.user_id AND v.geofence_id = old.geofence_id AND v.entered_at = old.entered_at",
		 TIMESTAMPTZOID, INT8OID);

SS_QUERY(delete_states,
		 "WITH old AS MATERIALIZED (SELECT o.user_id, o.geofence_id"
		 " FROM swipesavvy.geofence_states o WHERE NOT o.inside AND o.exited_at < $1 LIMIT $2)"
		 " DELETE FROM swipesavvy.geofence_states s USING old"
		 " WHERE s.user_id = old.user_id AND s.geofence_id = old.geofence_id AND NOT s.inside AND s.exited_at < $1",
		 TIMESTAMPTZOID, INT8OID);

SS_QUERY(delete_triggers,
		 "WITH old AS MATERIALIZED (SELECT o.user_id, o.campaign_no"
		 " FROM swipesavvy.geofence_triggers o WHERE o.triggered_at < $1 LIMIT $2)"
		 " DELETE FROM swipesavvy.geofence_triggers t USING old"
		 " WHERE t.user_id = old.user_id AND t.campaign_no = old.campaign_no AND t.triggered_at < $1",
		 TIMESTAMPTZOID, INT8OID);

static int64
drop_old(SSQuery *query, TimestampTz before, bool *more)
{
	Datum values[2] = {TimestampTzGetDatum(before), Int64GetDatum(BATCH)};
	int64 count = (int64) ss_query_latest(query, values, NULL);

	*more |= count == BATCH;
	return count;
}

/*
 * apply_location_retention(): drops what is older than position_retention_hours
 * and visit_retention_days
 */
Datum
swipesavvy_apply_location_retention(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz positions;
	TimestampTz visits;
	SSRow settings;
	bool more = false;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call);
	settings = ss_row(ss_rows_latest(&read_settings, NULL, NULL), 0);
	positions = now - ss_next_int64_or(&settings, 24) * USECS_PER_HOUR;
	visits = now - ss_next_int64_or(&settings, 90) * USECS_PER_DAY;
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "positions", drop_old(&clear_positions, positions, &more));
	(void) drop_old(&clear_times, now - SS_REPORT_AGE_MAX, &more);
	ss_json_int(&json, "visits", drop_old(&delete_visits, visits, &more));
	ss_json_int(&json, "states", drop_old(&delete_states, visits, &more));
	ss_json_int(&json, "triggers", drop_old(&delete_triggers, now - USECS_PER_DAY, &more));
	ss_json_bool(&json, "more", more);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
