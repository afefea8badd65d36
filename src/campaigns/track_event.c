/*
 * track_event.c: track_event and track_events: what is seen of campaigns
 * outside the database.
 *
 * Events are appended, one row each, and what they count for is appended too
 * (deltas.h); there is no counter that all of them would wait for. The insert
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
#include "base/attempt.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"
#include "engine/deltas.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_track_event);
PG_FUNCTION_INFO_V1(swipesavvy_track_events);

#define MAX_EVENTS 10000 /* of one call */

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

/* Many at once; those that are there already are not returned. */
SS_QUERY(insert_events,
		 "INSERT INTO swipesavvy.campaign_events AS e (user_id, event_id, campaign_no, kind, value, occurred_at)"
		 " SELECT k.* FROM unnest($1, $2, $3, $4, $5, $6) k ON CONFLICT (user_id, event_id) DO NOTHING"
		 " RETURNING e.user_id, e.event_id",
		 UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, TIMESTAMPTZARRAYOID);

static const pg_uuid_t nobody = {{0}};

/* The arguments of track_event, and as what they are stored. */
typedef struct Event
{
	char *campaign_id;
	int32 campaign_no;
	char *kind;
	bool of_customer;
	pg_uuid_t *user_id; /* NULL: nobody in particular */
	pg_uuid_t *event_id;
	Numeric value; /* NULL: none */
	int64 worth;   /* the same in ten-thousandths, 0 for none */
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

/* What is asked of every event, wherever its arguments come from. */
static void
check_event(Event *event)
{
	if (event->value != NULL)
		event->worth = ss_scaled_from_numeric(event->value, SS_MAX_EXPONENT, 0, PG_INT64_MAX, "value");
	if (!event->is_now && event->occurred_at > GetCurrentTransactionStartTimestamp() + USECS_PER_DAY)
		ss_bad_value("occurred_at", "It is more than a day ahead.");
	if (event->event_id == NULL)
		event->event_id = ss_uuid7_new();
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
	event->occurred_at = ss_arg_time(fcinfo, 4, "occurred_at", &event->is_now);
	event->event_id = ss_arg_uuid(fcinfo, 5, "event_id", false);
	check_event(event);
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

static void
require_user(const Event *event)
{
	Datum user_id = UUIDPGetDatum(event->user_id);

	if (event->user_id != NULL && ss_query_read(&find_user, &user_id, NULL) == 0)
		ss_not_found("user", ss_uuid_text(event->user_id));
}

/* What it counts for. */
static void
make_delta(const Event *event, SSDelta *delta)
{
	static const SSMeasure counted[] = {SS_IMPRESSIONS, SS_VIEWS, SS_CLICKS, SS_TRACKED_CONVERSIONS};
	SSMeasure measure = counted[ss_check_choice(event->kind, "kind", kinds)];

	ss_delta_init(delta, event->is_now ? GetCurrentTransactionStartTimestamp() : event->occurred_at, SS_NO_CURRENCY);
	delta->key.campaign_no = event->campaign_no;
	delta->measures[measure] = 1;
	if (measure == SS_TRACKED_CONVERSIONS)
		delta->measures[SS_TRACKED_VALUE] = event->worth;
}

static void
set_parameters(const Event *event, Datum *values, bool *nulls)
{
	values[0] = UUIDPGetDatum(event->user_id == NULL ? &nobody : event->user_id);
	values[1] = UUIDPGetDatum(event->event_id);
	values[2] = Int32GetDatum(event->campaign_no);
	values[3] = CStringGetTextDatum(event->kind);
	ss_param_pointer(values, nulls, 4, event->value);
	values[5] = TimestampTzGetDatum(event->occurred_at);
	nulls[5] = event->is_now;
	values[6] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
}

/* An event of that id is there: it must be the same. Returns when it was recorded. */
static TimestampTz
require_same(const Event *event)
{
	Datum values[7];
	bool nulls[7] = {false};
	TimestampTz recorded_at;
	SSRow row;

	set_parameters(event, values, nulls);
	row = ss_row(ss_rows_latest(&find_event, values, nulls), 0);
	recorded_at = ss_next_time(&row);
	if (!ss_next_bool(&row))
		ss_duplicate("event_id was used with other arguments", "The event_id is \"%s\".",
					 ss_uuid_text(event->event_id));
	return recorded_at;
}

/*
 * Appends the event, unless it was already. When it was recorded is then in
 * *recorded_at. Returns whether it is a repeat.
 */
static bool
insert_row(const Event *event, TimestampTz *recorded_at)
{
	Datum values[7];
	bool nulls[7] = {false};
	SSRows inserted;
	SSDelta delta;

	require_user(event);
	set_parameters(event, values, nulls);
	inserted = ss_rows_write(&insert_event, values, nulls);
	if (inserted.count == 0)
	{
		*recorded_at = require_same(event);
		return true;
	}
	*recorded_at = ss_one_time(inserted);
	make_delta(event, &delta);
	ss_deltas_write(&delta, 1);
	return false;
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
	Event event = {0};
	TimestampTz recorded_at;
	bool replayed;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the event is its own record */
	read_event(fcinfo, &call, &event);
	event.campaign_no = campaign_of_event(&call, &event);
	replayed = insert_row(&event, &recorded_at);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "event_id", event.event_id);
	ss_json_text(&json, "campaign_id", event.campaign_id);
	ss_json_text(&json, "kind", event.kind);
	ss_json_time(&json, "recorded_at", recorded_at);
	ss_json_bool(&json, "replayed", replayed);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- several ------------------------------------------------------------------------- */

/* One element of the argument. */
typedef struct Element
{
	JsonbValue value;
	Event event;
	ErrorData *error; /* NULL: none */
	bool inserted;
} Element;

static char *
get_text(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_given(document, key);

	if (value == NULL)
		ss_missing_value(key);
	return ss_json_as_text(value, key, SS_KEY_MAX);
}

static pg_uuid_t *
get_uuid(Jsonb *document, const char *key)
{
	JsonbValue *value = ss_document_given(document, key);

	return value == NULL ? NULL : ss_json_as_uuid(value, key);
}

/* Reads one element: an object with the arguments of track_event() as keys. */
static void
read_element(void *argument)
{
	static const char *const keys[] = {"campaign_id", "kind", "user_id", "value", "occurred_at", "event_id", NULL};
	Element *element = argument;
	Event *event = &element->event;
	JsonbValue *value;
	Jsonb *document;

	if (element->value.type != jbvBinary)
		ss_bad_value("events", "An element is not a JSON object.");
	document = ss_json_as_jsonb(&element->value);
	ss_check_keys(document, "events", keys);
	event->campaign_id = get_text(document, "campaign_id");
	event->kind = get_text(document, "kind");
	(void) ss_check_choice(event->kind, "kind", kinds);
	event->user_id = get_uuid(document, "user_id");
	value = ss_document_given(document, "value");
	event->value = value == NULL ? NULL : ss_json_as_numeric(value, "value");
	value = ss_document_given(document, "occurred_at");
	event->is_now = value == NULL;
	if (value != NULL)
		event->occurred_at = ss_json_as_time(value, "occurred_at", ss_rules_get()->settings.timezone);
	event->event_id = get_uuid(document, "event_id");
	check_event(event);
	event->campaign_no = ss_campaign_find(event->campaign_id);
	if (event->campaign_no == 0)
		ss_not_found("campaign", event->campaign_id);
	require_user(event);
}

static Element *
read_elements(Jsonb *document, int *count)
{
	JsonbIterator *iterator;
	JsonbValue value;
	Element *elements;
	int n = 0;

	if (!JB_ROOT_IS_ARRAY(document) || JB_ROOT_IS_SCALAR(document))
		ss_bad_value("events", "It is not a JSON array.");
	*count = JB_ROOT_COUNT(document);
	if (*count < 1 || *count > MAX_EVENTS)
		ss_bad_value("events", "It has %d elements; 1 to %d are allowed.", *count, MAX_EVENTS);
	elements = palloc0(*count * sizeof(Element));
	iterator = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		elements[n].value = value;
		elements[n].error = ss_attempt(read_element, &elements[n], false);
		n++;
	}
	return elements;
}

static int
compare_ids(const Event *a, const Event *b)
{
	int order = ss_uuid_compare(a->event_id, b->event_id);

	if (order != 0)
		return order;
	return ss_uuid_compare(a->user_id == NULL ? &nobody : a->user_id, b->user_id == NULL ? &nobody : b->user_id);
}

/* By id; those of the same id in the order of the argument. */
static int
compare_elements(const void *a, const void *b)
{
	const Element *x = *(Element *const *) a;
	const Element *y = *(Element *const *) b;
	int order = compare_ids(&x->event, &y->event);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Marks the first of the elements with that id. */
static void
mark_inserted(Element **sorted, int count, const pg_uuid_t *user_id, const pg_uuid_t *event_id)
{
	Event wanted = {.user_id = (pg_uuid_t *) user_id, .event_id = (pg_uuid_t *) event_id};
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (compare_ids(&sorted[middle]->event, &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	sorted[low]->inserted = true;
}

/* Inserts those that were read, all at once; those that are there already are compared. */
static void
insert_elements(Element **sorted, int count)
{
	SSColumns columns;
	Datum arrays[6];
	SSRows rows;

	ss_columns_begin(&columns, &insert_events, count);
	for (int i = 0; i < count; i++)
	{
		Datum values[7];
		bool nulls[7] = {false};

		set_parameters(&sorted[i]->event, values, nulls);
		if (nulls[5])
			values[5] = values[6];
		nulls[5] = false;
		ss_columns_next(&columns);
		for (int n = 0; n < (int) lengthof(arrays); n++)
		{
			if (!nulls[n])
				ss_columns_set(&columns, n, values[n]);
		}
	}
	ss_columns_arrays(&columns, arrays);
	rows = ss_rows_write(&insert_events, arrays, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const pg_uuid_t *user_id = ss_next_uuid(&row);

		mark_inserted(sorted, count, user_id, ss_next_uuid(&row));
	}
}

static void
compare_element(void *argument)
{
	(void) require_same(&((Element *) argument)->event);
}

/* Of those that were inserted the deltas, of the others the comparison with what is there; returns how many were inserted. */
static int
finish_elements(Element **sorted, int count)
{
	SSDelta *deltas = palloc(count * sizeof(SSDelta));
	int inserted = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->inserted)
			make_delta(&sorted[i]->event, &deltas[inserted++]);
		else
			sorted[i]->error = ss_attempt(compare_element, sorted[i], false);
	}
	ss_deltas_write(deltas, inserted);
	return inserted;
}

/*
 * track_events(events): {recorded, replayed, errors}; what is wrong with one
 * element does not touch the others.
 */
Datum
swipesavvy_track_events(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Element *elements;
	Element **sorted;
	int count;
	int read = 0;
	int recorded = 0;
	int failed = 0;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* events are their own record */
	elements = read_elements(ss_arg_jsonb(fcinfo, 0, "events", true), &count);
	sorted = palloc(count * sizeof(Element *));
	for (int i = 0; i < count; i++)
	{
		if (elements[i].error == NULL)
			sorted[read++] = &elements[i];
	}
	if (read > 0)
	{
		qsort(sorted, read, sizeof(Element *), compare_elements);
		insert_elements(sorted, read);
		recorded = finish_elements(sorted, read);
	}
	for (int i = 0; i < count; i++)
		failed += elements[i].error != NULL ? 1 : 0;
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "recorded", recorded);
	ss_json_int(&json, "replayed", count - recorded - failed);
	ss_json_open_array(&json, "errors");
	for (int i = 0; i < count; i++)
	{
		const ErrorData *error = elements[i].error;

		if (error == NULL)
			continue;
		ss_json_open_object(&json, NULL);
		ss_json_int(&json, "index", i);
		ss_attempt_json_members(&json, error);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
