/*
 * track_event.c: track_event: what is seen of campaigns outside the database.
 *
 * Events are appended, one row each, and counted when somebody reads a
 * campaign; there is no counter that all of them would wait for. The insert
 * shares the campaign's and the user's row with others (foreign keys).
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

PG_FUNCTION_INFO_V1(swipesavvy_track_event);

static const char *const kinds[] = {"impression", "view", "click", "conversion", NULL};

static SSQuery find_campaign = {
	.sql = "SELECT c.campaign_no FROM swipesavvy.campaigns c WHERE c.campaign_id = $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static SSQuery find_user = {
	.sql = "SELECT FROM swipesavvy.users u WHERE u.user_id = $1",
	.nargs = 1,
	.argtypes = {UUIDOID},
};

static SSQuery insert_event = {
	.sql = "INSERT INTO swipesavvy.campaign_events (event_id, campaign_no, user_id, kind, value, occurred_at)"
		   " VALUES ($1, $2, $3, $4, $5, coalesce($6, now()))"
		   " RETURNING recorded_at",
	.nargs = 6,
	.argtypes = {UUIDOID, INT4OID, UUIDOID, TEXTOID, NUMERICOID, TIMESTAMPTZOID},
};

/* The arguments of track_event, and as what they are stored. */
typedef struct Event
{
	char *campaign_id;
	char *kind;
	pg_uuid_t *user_id; /* NULL: nobody in particular */
	Numeric value;		/* NULL: none */
	TimestampTz occurred_at;
	bool is_now; /* occurred_at was not given */
} Event;

/* Whose event it is: a customer's own unless it says so itself; others may name anybody or nobody. */
static pg_uuid_t *
user_of_event(FunctionCallInfo fcinfo, SSCall *call)
{
	pg_uuid_t *user_id = ss_arg_uuid(fcinfo, 2, "user_id", false);

	if (ss_call_has(call, SS_BACKEND | SS_ADMIN))
		return user_id;
	if (user_id == NULL && !call->has_identity)
		ss_not_allowed("permission denied", "No customer is signed in.");
	if (user_id == NULL)
		return &call->identity;
	ss_call_require_user(call, 0, user_id);
	return user_id;
}

static void
read_event(FunctionCallInfo fcinfo, SSCall *call, Event *event)
{
	event->campaign_id = ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true);
	event->kind = ss_arg_text(fcinfo, 1, "kind", SS_KEY_MAX, true);
	(void) ss_check_choice(event->kind, "kind", kinds);
	event->user_id = user_of_event(fcinfo, call);
	event->value = ss_arg_numeric(fcinfo, 3, "value", false);
	if (event->value != NULL)
		(void) ss_scaled_from_numeric(event->value, SS_MAX_EXPONENT, 0, PG_INT64_MAX, "value");
	event->occurred_at = ss_arg_time(fcinfo, 4, "occurred_at", &event->is_now);
	if (!event->is_now && event->occurred_at > GetCurrentTransactionStartTimestamp() + USECS_PER_DAY)
		ss_bad_value("occurred_at", "It is more than a day ahead.");
}

/* Appends the event; its recorded_at is then the last query's result. */
static void
insert_row(const Event *event, const pg_uuid_t *event_id)
{
	Datum key = CStringGetTextDatum(event->campaign_id);
	Datum user = UUIDPGetDatum(event->user_id);
	Datum values[6] = {UUIDPGetDatum(event_id),
					   0,
					   user,
					   CStringGetTextDatum(event->kind),
					   NumericGetDatum(event->value),
					   TimestampTzGetDatum(event->occurred_at)};
	bool nulls[6] = {false, false, event->user_id == NULL, false, event->value == NULL, event->is_now};

	if (ss_query_read(&find_campaign, &key, NULL) == 0)
		ss_not_found("campaign", event->campaign_id);
	values[1] = ss_value_not_null(0, 1);
	if (event->user_id != NULL && ss_query_read(&find_user, &user, NULL) == 0)
		ss_not_found("user", ss_uuid_text(event->user_id));
	(void) ss_query_write(&insert_event, values, nulls);
}

/*
 * track_event(campaign_id, kind, user_id, value, occurred_at): appends one
 * event. A customer's are its own.
 */
Datum
swipesavvy_track_event(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Event event;
	pg_uuid_t event_id;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the event is its own record */
	read_event(fcinfo, &call, &event);
	ss_uuid7_make(&event_id);
	insert_row(&event, &event_id);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "event_id", &event_id);
	ss_json_text(&json, "campaign_id", event.campaign_id);
	ss_json_text(&json, "kind", event.kind);
	ss_json_time(&json, "recorded_at", DatumGetTimestampTz(ss_value_not_null(0, 1)));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
