/*
 * track_event.c: track_event: what is seen of campaigns outside the database.
 *
 * Events are appended, one row each, and counted when somebody reads a
 * campaign; there is no counter that all of them would wait for. The insert
 * shares the campaign's row with others (a foreign key). A phone that is not
 * sure whether its event arrived sends it again under its event_id.
 */
#include "postgres.h"

#include "access/xact.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"

PG_FUNCTION_INFO_V1(swipesavvy_track_event);

static const char *const kinds[] = {"impression", "view", "click", "conversion", NULL};

SS_QUERY(find_user, "SELECT 1 FROM swipesavvy.users u WHERE u.user_id = $1", UUIDOID);

/* what it was worth is compared as a number */
SS_QUERY(insert_event,
		 "INSERT INTO swipesavvy.campaign_events AS e (user_id, event_id, campaign_no, kind, value, occurred_at)"
		 " VALUES ($1, $2, $3, $4, $5, coalesce($6, $7))"
		 " ON CONFLICT (user_id, event_id) DO NOTHING RETURNING e.recorded_at",
		 UUIDOID, UUIDOID, INT4OID, TEXTOID, NUMERICOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(find_event,
		 "SELECT e.recorded_at, e.campaign_no = $3 AND e.kind = $4 AND e.value IS NOT DISTINCT FROM $5"
		 " AND ($6 IS NULL OR e.occurred_at = $6)"
		 " FROM swipesavvy.campaign_events e WHERE e.user_id = $1 AND e.event_id = $2",
		 UUIDOID, UUIDOID, INT4OID, TEXTOID, NUMERICOID, TIMESTAMPTZOID);

/* The arguments of track_event, and as what they are stored. */
typedef struct Event
{
	char *campaign_id;
	char *kind;
	bool of_customer;
	pg_uuid_t *user_id; /* NULL: nobody in particular */
	pg_uuid_t *event_id;
	Numeric value; /* NULL: none */
	TimestampTz occurred_at;
	bool is_now; /* occurred_at was not given */
} Event;

/* A customer's events are its own, and what it says of conversions is not believed; others may name anybody or nobody. */
static void
check_customer(SSCall *call, Event *event)
{
	pg_uuid_t *customer = (pg_uuid_t *) ss_campaign_customer(call);

	if (event->user_id == NULL)
		event->user_id = customer;
	ss_call_require_user(call, 0, event->user_id);
	if (strcmp(event->kind, "conversion") == 0)
		ss_not_allowed("permission denied", "Conversions are not reported by customers.");
}

static void
read_event(FunctionCallInfo fcinfo, SSCall *call, Event *event)
{
	event->campaign_id = ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true);
	event->kind = ss_arg_text(fcinfo, 1, "kind", SS_KEY_MAX, true);
	(void) ss_check_choice(event->kind, "kind", kinds);
	event->user_id = ss_arg_uuid(fcinfo, 2, "user_id", false);
	event->of_customer = !ss_call_has(call, SS_BACKEND | SS_ADMIN);
	if (event->of_customer)
		check_customer(call, event);
	event->value = ss_arg_numeric(fcinfo, 3, "value", false);
	if (event->value != NULL)
		(void) ss_scaled_from_numeric(event->value, SS_MAX_EXPONENT, 0, PG_INT64_MAX, "value");
	event->occurred_at = ss_arg_time(fcinfo, 4, "occurred_at", &event->is_now);
	if (!event->is_now && event->occurred_at > GetCurrentTransactionStartTimestamp() + USECS_PER_DAY)
		ss_bad_value("occurred_at", "It is more than a day ahead.");
	event->event_id = ss_arg_uuid(fcinfo, 5, "event_id", false);
	if (event->event_id == NULL)
		event->event_id = ss_uuid7_new();
}

/* The campaign, for a customer one that runs for it: others do not exist for it, nor can it feed their counters. */
static int32
campaign_of_event(const SSCall *call, const Event *event)
{
	int32 no = event->of_customer ? ss_campaign_shown(event->campaign_id, ss_campaign_customer(call), true)
								  : ss_campaign_find(event->campaign_id);

	if (no == 0)
		ss_not_found("campaign", event->campaign_id);
	return no;
}

/*
 * Appends the event, unless it was already: then it must have been the same.
 * When it was recorded is then in the last query's first column. Returns whether
 * it is a repeat.
 */
static bool
insert_row(const Event *event, int32 campaign_no)
{
	static const pg_uuid_t nobody = {{0}};
	const pg_uuid_t *user_id = event->user_id == NULL ? &nobody : event->user_id;
	Datum values[7] = {UUIDPGetDatum(user_id),
					   UUIDPGetDatum(event->event_id),
					   Int32GetDatum(campaign_no),
					   CStringGetTextDatum(event->kind),
					   NumericGetDatum(event->value),
					   TimestampTzGetDatum(event->occurred_at),
					   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	bool nulls[7] = {false, false, false, false, event->value == NULL, event->is_now, false};

	if (event->user_id != NULL && ss_query_read(&find_user, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(event->user_id));
	if (ss_query_write(&insert_event, values, nulls) > 0)
		return false;
	if (ss_query_latest(&find_event, values, nulls) == 0)
		elog(ERROR, "event is gone");
	if (!ss_value_bool(0, 2))
		ss_duplicate("event_id was used with other arguments", "The event_id is \"%s\".",
					 ss_uuid_text(event->event_id));
	return true;
}

/*
 * track_event(campaign_id, kind, user_id, value, occurred_at, event_id): appends
 * one event. A customer's are its own.
 */
Datum
swipesavvy_track_event(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Event event;
	bool replayed;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the event is its own record */
	read_event(fcinfo, &call, &event);
	replayed = insert_row(&event, campaign_of_event(&call, &event));
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "event_id", event.event_id);
	ss_json_text(&json, "campaign_id", event.campaign_id);
	ss_json_text(&json, "kind", event.kind);
	ss_json_time(&json, "recorded_at", ss_value_time(0, 1));
	ss_json_bool(&json, "replayed", replayed);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
