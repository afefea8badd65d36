/*
 * rebuild.c: builds the roll-ups from the facts, and what they keep of facts
 * that are gone.
 *
 * SQL entry points rebuild_analytics, refresh_analytics and
 * apply_event_retention. Hold the lock of analytics (state.h). All statements of
 * a build share one snapshot: what it shows of the facts is counted, and the
 * deltas that it shows are deleted, which are those of the same transactions.
 * Purchases go on meanwhile, and their deltas stay for the next fold.
 *
 * Events may be deleted when they are old. Their counts are then in rows of
 * campaign_hours that no build touches: those of events have a currency of their
 * own, so they are told from what purchases brought, which is always counted anew.
 * No hour has both what is kept and what is counted anew: where the moment between
 * them is within an hour of a new zone, it moves on to the end of that hour.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "analytics/facts.h"
#include "analytics/fold.h"
#include "analytics/rollup_zone.h"
#include "audit/audit.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/deltas.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_rebuild_analytics);
PG_FUNCTION_INFO_V1(swipesavvy_refresh_analytics);
PG_FUNCTION_INFO_V1(swipesavvy_apply_event_retention);

#define DELETE_ROWS 10000 /* events of one call */

/* Hours of events that may be gone: the rows are kept. */
#define KEPT "(h.currency = 'XXX' AND h.hour < $2)"

SS_QUERY(drop_deltas, "DELETE FROM swipesavvy.rollup_deltas");
SS_QUERY(drop_days, "DELETE FROM swipesavvy.campaign_days");
SS_QUERY(drop_hours, "DELETE FROM swipesavvy.campaign_hours h WHERE $1 IS NOT NULL AND NOT " KEPT, TEXTOID,
		 TIMESTAMPTZOID);
/* The facts are read once, and summed by hour and day: an hour is of one day, but where clocks once skipped a part of it. */
#define UNITS(facts)                                                                                                   \
	"SELECT f.campaign_no, swipesavvy.analytics_hour(f.occurred_at, $1) AS hour,"                                      \
	" swipesavvy.analytics_day(f.occurred_at, $1) AS day, f.currency, " SS_CAMPAIGN_SUMS " FROM (" facts               \
	") f (campaign_no, occurred_at, currency, " SS_CAMPAIGN_MEASURES ") GROUP BY 1, 2, 3, 4"
#define EVENTS SS_EVENT_FACTS " WHERE e.occurred_at >= $4"
#define HOURS                                                                                                          \
	"INSERT INTO swipesavvy.campaign_hours (campaign_no, hour, currency, " SS_CAMPAIGN_MEASURES ")"                    \
	" SELECT f.campaign_no, f.hour, f.currency, " SS_CAMPAIGN_SUMS                                                     \
	"   FROM sums f GROUP BY 1, 2, 3 HAVING " SS_CAMPAIGN_ANY " RETURNING 1"
/* Also days of which all was taken back, as a fold leaves them: whoever asks for what has changed is to see that. */
#define DAYS                                                                                                           \
	"INSERT INTO swipesavvy.campaign_days (campaign_no, day, currency, updated_at, " SS_CAMPAIGN_MEASURES ")"          \
	" SELECT f.campaign_no, f.day, f.currency, $3, " SS_CAMPAIGN_SUMS                                                  \
	"   FROM (SELECT s.campaign_no, s.day, s.currency, " SS_CAMPAIGN_MEASURES " FROM sums s"                           \
	"          UNION ALL SELECT h.campaign_no, swipesavvy.analytics_day(h.hour, $1), h.currency,"                      \
	"           " SS_CAMPAIGN_MEASURES " FROM swipesavvy.campaign_hours h WHERE " KEPT ") f"                           \
	"  GROUP BY 1, 2, 3 RETURNING 1"
SS_QUERY(make_campaigns,
		 "WITH sums AS MATERIALIZED (" UNITS(SS_REDEMPTION_FACTS) " UNION ALL " UNITS(
			 EVENTS) "),"
					 " hours AS (" HOURS "), days AS (" DAYS ")"
					 " SELECT (SELECT count(*) FROM hours) + (SELECT count(*) FROM days)",
		 TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID);
SS_QUERY(drop_merchants, "DELETE FROM swipesavvy.merchant_days");
SS_QUERY(
	make_merchants,
	"INSERT INTO swipesavvy.merchant_days (merchant_id, day, category_no, currency, updated_at, " SS_PURCHASE_MEASURES
	")"
	" SELECT f.merchant_id, swipesavvy.analytics_day(f.occurred_at, $1), f.category_no, f.currency, $2, " SS_PURCHASE_SUMS
	"   FROM (" SS_PURCHASE_FACTS ") f GROUP BY 1, 2, 3, 4",
	TEXTOID, TIMESTAMPTZOID);
SS_QUERY(note_build,
		 "INSERT INTO swipesavvy.analytics_state AS s (zone, generation, rebuilt_at, folded_at) VALUES ($1, 1, $2, $2)"
		 " ON CONFLICT (state_no) DO UPDATE SET zone = excluded.zone, generation = s.generation + 1,"
		 "       rebuilt_at = excluded.rebuilt_at, folded_at = excluded.folded_at"
		 " RETURNING s.generation",
		 TEXTOID, TIMESTAMPTZOID);

SS_QUERY(read_retention, "SELECT (s.value #>> '{}')::integer FROM swipesavvy.system_settings s"
						 " WHERE s.setting = 'event_retention_days'");
SS_QUERY(note_horizon, "UPDATE swipesavvy.analytics_state SET events_since = $1", TIMESTAMPTZOID);
SS_QUERY(delete_events,
		 "DELETE FROM swipesavvy.campaign_events e WHERE e.ctid = ANY (ARRAY (SELECT o.ctid"
		 "  FROM swipesavvy.campaign_events o WHERE o.occurred_at < $1 LIMIT $2))",
		 TIMESTAMPTZOID, INT8OID);

/* --- building ------------------------------------------------------------------------------ */

typedef struct Build
{
	int64 generation;
	int64 rows;
} Build;

/* The first full hour of the zone that is not before the moment. */
static TimestampTz
next_hour(pg_tz *zone, TimestampTz moment)
{
	TimestampTz slot = ss_delta_slot(moment);

	while (ss_zone_hour(zone, slot) < moment)
		slot += SS_SLOT_USECS;
	return ss_zone_hour(zone, slot);
}

/* Under the lock, with a snapshot taken after it. */
static Build
build(const SSAnalyticsState *before, const char *zone, Snapshot snapshot)
{
	TimestampTz since = before == NULL ? DT_NOBEGIN : before->events_since;
	TimestampTz kept = since;
	TimestampTz now = GetCurrentTimestamp();
	Datum values[4] = {CStringGetTextDatum(zone), TimestampTzGetDatum(since), TimestampTzGetDatum(now),
					   TimestampTzGetDatum(since)};
	Datum merchant_values[2] = {values[0], values[2]};
	Build result = {0};

	/* counts of events that may be gone must not be lost with their deltas */
	if (since != DT_NOBEGIN)
	{
		(void) ss_fold(before, PG_INT64_MAX, snapshot);
		/* an earlier release may have left an hour with both: nothing of it is gone, so it is counted anew */
		values[1] = TimestampTzGetDatum(ss_zone_hour(before->zone, ss_delta_slot(since)));
		kept = next_hour(ss_zone(zone), since);
	}
	else
		(void) ss_query_at(&drop_deltas, NULL, NULL, snapshot);
	ss_query_sum_all();
	(void) ss_query_at(&drop_days, NULL, NULL, snapshot);
	(void) ss_query_at(&drop_hours, values, NULL, snapshot);
	result.rows = ss_one_int64(ss_rows_at(&make_campaigns, values, NULL, snapshot));
	(void) ss_query_at(&drop_merchants, NULL, NULL, snapshot);
	result.rows += (int64) ss_query_at(&make_merchants, merchant_values, NULL, snapshot);
	result.generation = ss_one_int64(ss_rows_latest(&note_build, merchant_values, NULL));
	if (kept != since)
	{
		values[0] = TimestampTzGetDatum(kept);
		(void) ss_query_latest(&note_horizon, values, NULL);
	}
	return result;
}

/* Builds what there is, of the zone that is set now; only if it is missing or of another zone, unless `always`. */
static bool
build_if(bool always, Build *result)
{
	SSAnalyticsState state;
	const char *zone = pstrdup(pg_get_timezone_name(ss_rules_get()->settings.timezone));
	Snapshot snapshot;
	bool built;
	bool needed;

	ss_analytics_lock();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	built = ss_analytics_find(&state);
	PopActiveSnapshot();
	needed = always || !built || strcmp(state.zone_name, zone) != 0;
	if (needed)
		*result = build(built ? &state : NULL, zone, snapshot);
	UnregisterSnapshot(snapshot);
	return needed;
}

/*
 * rebuild_analytics(): {generation, rows, duration_ms}
 */
Datum
swipesavvy_rebuild_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz begun = GetCurrentTimestamp();
	Build result = {0};

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	(void) build_if(true, &result);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "generation", result.generation);
	ss_json_int(&json, "rows", result.rows);
	ss_json_int(&json, "duration_ms", (GetCurrentTimestamp() - begun) / 1000);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * refresh_analytics(): {rebuilt, more}
 */
Datum
swipesavvy_refresh_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Build result = {0};

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	ss_json_open_object(&json, NULL);
	ss_json_bool(&json, "rebuilt", build_if(false, &result));
	ss_json_bool(&json, "more", false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- old events -------------------------------------------------------------------------------- */

/* The days that events are kept; 0 = for ever. */
static int32
retention_days(void)
{
	SSRows rows = ss_rows_read(&read_retention, NULL, NULL);
	SSRow row;

	if (rows.count == 0)
		return 0;
	row = ss_row(rows, 0);
	return ss_next_int32_or(&row, 0);
}

/* Deletes events of days that lie that far back; a day that is kept is kept as a whole. */
static int64
delete_old(const SSAnalyticsState *state, int32 days)
{
	DateADT today = ss_zone_day(state->zone, GetCurrentTimestamp() / SS_SLOT_USECS * SS_SLOT_USECS);
	TimestampTz since = Max(ss_zone_day_start(state->zone, today - days), state->events_since);
	Datum values[2] = {TimestampTzGetDatum(since), Int64GetDatum(DELETE_ROWS)};

	if (since > state->events_since)
		(void) ss_query_latest(&note_horizon, values, NULL);
	return (int64) ss_query_latest(&delete_events, values, NULL);
}

/*
 * apply_event_retention(): {deleted, more}
 */
Datum
swipesavvy_apply_event_retention(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	int64 deleted = 0;
	int32 days;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* the setting that says so is */
	ss_analytics_lock();
	PushActiveSnapshot(GetLatestSnapshot());
	days = retention_days();
	if (days > 0 && ss_analytics_find(&state))
		deleted = delete_old(&state, days);
	PopActiveSnapshot();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "deleted", deleted);
	ss_json_bool(&json, "more", deleted == DELETE_ROWS);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
