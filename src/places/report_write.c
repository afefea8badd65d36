/*
 * report_write.c: what a report of a location leaves behind: states, visits, and
 * campaigns triggered (report.h).
 *
 * Called by report.c under the lock on the user's row of user_positions. States and
 * visits are written in the order of fences. An event of a campaign shares its
 * row with others (a foreign key).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/columns.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "campaigns/campaigns.h"
#include "engine/deltas.h"
#include "outbox/outbox.h"
#include "places/report.h"

#define MAX_TRIGGERED 5
#define TRIGGER_PAUSE "interval '24 hours'"

SS_QUERY(
	write_states,
	"INSERT INTO swipesavvy.geofence_states AS s (user_id, geofence_id, inside, entered_at, last_in_at, leaving_at, dwelt_at,"
	" exited_at) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT (user_id, geofence_id) DO UPDATE SET inside = excluded.inside, entered_at = excluded.entered_at,"
	" last_in_at = excluded.last_in_at, leaving_at = excluded.leaving_at, dwelt_at = excluded.dwelt_at,"
	" exited_at = excluded.exited_at",
	UUIDARRAYOID, UUIDARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
	TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID);

SS_QUERY(write_visits,
		 "INSERT INTO swipesavvy.geofence_visits AS v (user_id, geofence_id, entered_at, dwelt_at, exited_at)"
		 " SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT (user_id, geofence_id, entered_at)"
		 " DO UPDATE SET dwelt_at = excluded.dwelt_at, exited_at = excluded.exited_at",
		 UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID);

/* What the user could use now, of the fences' own campaigns, or of deals at their merchants; hold-outs and tests are looked at here. */
SS_QUERY(
	find_campaigns,
	"SELECT c.campaign_no, c.campaign_id, c.name, c.offer_type, " SS_CAMPAIGN_OFFER_SQL
	", c.hold_out, coalesce(z.merchant_id, c.target_merchant_id), z.geofence_id"
	" FROM unnest($2, $3, $4) WITH ORDINALITY z (geofence_id, merchant_id, campaign_no, n)"
	" JOIN swipesavvy.campaigns c ON CASE WHEN z.campaign_no IS NOT NULL THEN c.campaign_no = z.campaign_no"
	" ELSE c.campaign_type = 'LOCATION_DEAL' AND c.target_merchant_id = z.merchant_id END"
	" JOIN swipesavvy.currencies k ON k.code = c.currency"
	" WHERE " SS_CAMPAIGN_RUNS_SQL " AND " SS_CAMPAIGN_AIMED_SQL(
		"$1") " AND (c.per_user_limit IS NULL OR c.per_user_limit = 0 OR c.per_user_limit >"
			  " (SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.user_id = $1 AND r.campaign_no = c.campaign_no AND r.counts))"
			  " AND NOT EXISTS (SELECT 1 FROM swipesavvy.geofence_triggers t WHERE t.user_id = $1 AND t.campaign_no = c.campaign_no"
			  " AND t.triggered_at > $5 - " TRIGGER_PAUSE ")"
			  " ORDER BY c.priority DESC, c.campaign_id, z.n",
	UUIDOID, UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID);

SS_QUERY(write_trigger,
		 "INSERT INTO swipesavvy.geofence_triggers AS t (user_id, campaign_no, triggered_at) VALUES ($1, $2, $3)"
		 " ON CONFLICT (user_id, campaign_no) DO UPDATE SET triggered_at = excluded.triggered_at",
		 UUIDOID, INT4OID, TIMESTAMPTZOID);

SS_QUERY(insert_event,
		 "INSERT INTO swipesavvy.campaign_events (user_id, event_id, campaign_no, kind, occurred_at)"
		 " VALUES ($1, $2, $3, 'impression', $4)",
		 UUIDOID, UUIDOID, INT4OID, TIMESTAMPTZOID);

/* --- states and visits ------------------------------------------------------------------ */

static void
set_time(SSColumns *columns, int column, TimestampTz value)
{
	if (value != DT_NOBEGIN)
		ss_columns_set(columns, column, TimestampTzGetDatum(value));
}

static void
add_state(SSColumns *columns, const pg_uuid_t *user_id, const SSReportFence *fence)
{
	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(user_id));
	ss_columns_set(columns, 1, UUIDPGetDatum(&fence->fence.geofence_id));
	ss_columns_set(columns, 2, BoolGetDatum(fence->state.inside));
	set_time(columns, 3, fence->state.entered_at);
	set_time(columns, 4, fence->state.last_in_at);
	set_time(columns, 5, fence->state.leaving_at);
	set_time(columns, 6, fence->state.dwelt_at);
	set_time(columns, 7, fence->state.exited_at);
}

static void
add_visit(SSColumns *columns, const pg_uuid_t *user_id, const pg_uuid_t *geofence_id, TimestampTz entered_at,
		  TimestampTz dwelt_at, TimestampTz exited_at)
{
	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(user_id));
	ss_columns_set(columns, 1, UUIDPGetDatum(geofence_id));
	set_time(columns, 2, entered_at);
	set_time(columns, 3, dwelt_at);
	set_time(columns, 4, exited_at);
}

static bool
same_visit(const SSFenceState *a, const SSFenceState *b)
{
	return a->entered_at == b->entered_at && a->dwelt_at == b->dwelt_at && a->exited_at == b->exited_at;
}

static int
compare_ids(const void *a, const void *b)
{
	const SSReportFence *x = *(const SSReportFence *const *) a;
	const SSReportFence *y = *(const SSReportFence *const *) b;

	return ss_uuid_compare(&x->fence.geofence_id, &y->fence.geofence_id);
}

void
ss_report_write(const pg_uuid_t *user_id, const SSReportFence *fences, int count)
{
	const SSReportFence **sorted = palloc(Max(count, 1) * sizeof(SSReportFence *));
	SSColumns states;
	SSColumns visits;

	ss_columns_begin(&states, &write_states, count);
	ss_columns_begin(&visits, &write_visits, count);
	for (int i = 0; i < count; i++)
		sorted[i] = &fences[i];
	qsort(sorted, count, sizeof(SSReportFence *), compare_ids);
	for (int i = 0; i < count; i++)
	{
		const SSReportFence *fence = sorted[i];
		const SSFenceState *before = &fence->before;
		const SSFenceState *state = &fence->state;

		if (same_visit(before, state) && before->last_in_at == state->last_in_at &&
			before->leaving_at == state->leaving_at)
			continue;
		add_state(&states, user_id, fence);
		/* over by silence, and begun anew by the same report: the old one ended with its last report from inside */
		if (before->inside && before->entered_at != state->entered_at)
			add_visit(&visits, user_id, &fence->fence.geofence_id, before->entered_at, before->dwelt_at,
					  before->last_in_at);
		if (!same_visit(before, state))
			add_visit(&visits, user_id, &fence->fence.geofence_id, state->entered_at, state->dwelt_at,
					  state->exited_at);
	}
	ss_columns_write(&write_states, &states);
	ss_columns_write(&write_visits, &visits);
}

/* --- campaigns ---------------------------------------------------------------------------- */

/* A campaign that a stay triggers. */
typedef struct Triggered
{
	int32 campaign_no;
	char *campaign_id;
	char *name;
	char *offer_type;
	Datum offer_amount;
	int32 hold_out;
	const pg_uuid_t *merchant_id;
	const pg_uuid_t *geofence_id;
} Triggered;

static Triggered
read_triggered(SSRow row)
{
	Triggered triggered;

	triggered.campaign_no = ss_next_int32(&row);
	triggered.campaign_id = ss_next_text(&row);
	triggered.name = ss_next_text(&row);
	triggered.offer_type = ss_next_text(&row);
	triggered.offer_amount = ss_next_value(&row, NUMERICOID);
	triggered.hold_out = ss_next_int32(&row);
	triggered.merchant_id = ss_next_uuid_or_null(&row);
	triggered.geofence_id = ss_next_uuid(&row);
	return triggered;
}

/* No coordinates: the fence says where. */
static void
send(const pg_uuid_t *user_id, const Triggered *triggered, TimestampTz at)
{
	SSJson body = {0};

	ss_json_open_object(&body, NULL);
	ss_json_uuid(&body, "user_id", user_id);
	ss_json_uuid(&body, "geofence_id", triggered->geofence_id);
	ss_json_text(&body, "campaign_id", triggered->campaign_id);
	ss_json_uuid(&body, "merchant_id", triggered->merchant_id);
	ss_json_time(&body, "occurred_at", at);
	ss_json_close_object(&body);
	ss_outbox_put("location.triggered", 1, psprintf("user:%s", ss_uuid_text(user_id)),
				  DatumGetJsonbP(ss_json_finish(&body)), NULL);
}

static void
trigger(SSJson *json, const pg_uuid_t *user_id, const Triggered *triggered, TimestampTz at)
{
	Datum values[3] = {UUIDPGetDatum(user_id), Int32GetDatum(triggered->campaign_no), TimestampTzGetDatum(at)};
	Datum event[4] = {UUIDPGetDatum(user_id), UUIDPGetDatum(ss_uuid7_new()), Int32GetDatum(triggered->campaign_no),
					  TimestampTzGetDatum(at)};
	SSDelta delta;

	(void) ss_query_latest(&write_trigger, values, NULL);
	(void) ss_query_write(&insert_event, event, NULL);
	ss_delta_init(&delta, at, SS_NO_CURRENCY);
	delta.key.campaign_no = triggered->campaign_no;
	delta.measures[SS_IMPRESSIONS] = 1;
	ss_deltas_write(&delta, 1);
	send(user_id, triggered, at);
	ss_json_open_object(json, NULL);
	ss_json_text(json, "campaign_id", triggered->campaign_id);
	ss_json_text(json, "name", triggered->name);
	ss_json_text(json, "offer_type", triggered->offer_type);
	ss_json_datum(json, "offer_amount", triggered->offer_amount, false, NUMERICOID);
	ss_json_uuid(json, "merchant_id", triggered->merchant_id);
	ss_json_uuid(json, "geofence_id", triggered->geofence_id);
	ss_json_close_object(json);
}

/* The fences at which a stay began with this report, as the parameters of find_campaigns. */
static int
stays(const SSReportFence *fences, int count, Datum *arrays)
{
	static const Oid types[] = {UUIDOID, UUIDOID, INT4OID};
	SSColumns columns;

	ss_columns_init(&columns, lengthof(types), types, count);
	for (int i = 0; i < count; i++)
	{
		if ((fences[i].again & SS_FENCE_DWELT) == 0)
			continue;
		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, UUIDPGetDatum(&fences[i].fence.geofence_id));
		if (fences[i].merchant_id != NULL)
			ss_columns_set(&columns, 1, UUIDPGetDatum(fences[i].merchant_id));
		if (fences[i].campaign_no != 0)
			ss_columns_set(&columns, 2, Int32GetDatum(fences[i].campaign_no));
	}
	if (columns.nrows > 0)
		ss_columns_arrays(&columns, arrays);
	return columns.nrows;
}

void
ss_report_trigger(SSJson *json, const pg_uuid_t *user_id, TimestampTz at, const SSReportFence *fences, int count)
{
	Datum values[5] = {UUIDPGetDatum(user_id)};
	int32 done[MAX_TRIGGERED] = {0};
	int ndone = 0;
	SSRows rows;

	if (stays(fences, count, values + 1) == 0)
		return;
	values[4] = TimestampTzGetDatum(at);
	rows = ss_rows_latest(&find_campaigns, values, NULL);
	for (uint64 i = 0; i < rows.count && ndone < MAX_TRIGGERED; i++)
	{
		Triggered triggered = read_triggered(ss_row(rows, i));
		bool again = false;

		for (int k = 0; k < ndone; k++)
			again |= done[k] == triggered.campaign_no;
		if (again || (triggered.hold_out > 0 && ss_held_out(triggered.campaign_id, user_id, triggered.hold_out)) ||
			!ss_campaign_served(triggered.campaign_no, user_id))
			continue;
		done[ndone++] = triggered.campaign_no;
		trigger(json, user_id, &triggered, at);
	}
}
