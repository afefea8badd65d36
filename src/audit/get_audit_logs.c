/*
 * get_audit_logs.c: get_audit_logs: reads the record of who did what.
 *
 * SQL entry point. Entries come newest first, in the order of their ids, which
 * are made of the time. The indexes by event type and by user end with the id,
 * so that a page is one range of them. Reads only, locks nothing.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"

#define LOGS_MAX	 500
#define LOGS_DEFAULT 100

PG_FUNCTION_INFO_V1(swipesavvy_get_audit_logs);

/*
 * The lists: a condition left out is another query, so that each has the plan
 * of its own. $1 event type, $2 user, $3 resource, $4 and $5 first and last
 * time, $6 and $7 between which ids, $8 rows, $9 offset.
 */
#define BY_EVENT	" AND event_type = $1"
#define BY_USER		" AND user_id = $2"
#define BY_RESOURCE " AND resource = $3"
#define IN_TIME		"log_id >= $6 AND log_id < $7 AND logged_at >= $4 AND logged_at <= $5"
#define ARGUMENTS                                                                                                      \
	{                                                                                                                  \
		TEXTOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, UUIDOID, INT8OID, INT8OID                  \
	}

/* as they are shown, of rows that were chosen */
#define SHOW                                                                                                           \
	"SELECT log_id, logged_at AS timestamp, event_type, user_id, actor_id,"                                            \
	" substr(event_type, length(resource) + 2) AS action, resource, resource_id, status,"                              \
	" origin ->> 'ip_address' AS ip_address, origin ->> 'user_agent' AS user_agent,"                                   \
	" details::jsonb AS details, request_id, session_role, invoking_role FROM ("

/* along the index that begins with the event type or with the user */
#define LIST(conditions)                                                                                               \
	{                                                                                                                  \
		SHOW "SELECT * FROM swipesavvy.audit_logs WHERE " IN_TIME conditions                                           \
			 " ORDER BY log_id DESC LIMIT $8 OFFSET $9) l ORDER BY log_id DESC",                                       \
			9, ARGUMENTS, NULL                                                                                         \
	}
#define COUNT(conditions)                                                                                              \
	{                                                                                                                  \
		"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.audit_logs WHERE " IN_TIME conditions SS_PAGE_COUNT_LIMIT      \
		") l",                                                                                                         \
			9, ARGUMENTS, NULL                                                                                         \
	}

/*
 * Over several event types, a few dozen at most: each one's newest rows along
 * its part of the index, and of these the newest. An index more would cost every
 * change; this costs a reader a millisecond. A resource's types begin with its
 * name and a dot, which a slash follows.
 */
#define OF_RESOURCE " AND event_type >= $3 || '.' AND event_type < $3 || '/'"
#define EACH_TYPE(bounds)                                                                                              \
	"WITH RECURSIVE types AS ("                                                                                        \
	"    SELECT min(event_type) AS type FROM swipesavvy.audit_logs WHERE event_type >= ''" bounds "    UNION ALL"      \
	"    SELECT (SELECT min(event_type) FROM swipesavvy.audit_logs WHERE event_type > type" bounds ")"                 \
	"      FROM types WHERE type IS NOT NULL) "
#define LIST_TYPES(bounds, conditions)                                                                                 \
	{                                                                                                                  \
		EACH_TYPE(bounds)                                                                                              \
		SHOW "SELECT l.* FROM types CROSS JOIN LATERAL ("                                                              \
			 "SELECT * FROM swipesavvy.audit_logs WHERE event_type = type AND " IN_TIME conditions                     \
			 " ORDER BY log_id DESC LIMIT $8 + $9) l"                                                                  \
			 " ORDER BY log_id DESC LIMIT $8 OFFSET $9) l ORDER BY log_id DESC",                                       \
			9, ARGUMENTS, NULL                                                                                         \
	}
#define COUNT_TYPES(bounds, conditions)                                                                                \
	{                                                                                                                  \
		EACH_TYPE(bounds)                                                                                              \
		"SELECT count(*) FROM (SELECT 1 FROM types CROSS JOIN LATERAL ("                                               \
		"SELECT 1 FROM swipesavvy.audit_logs WHERE event_type = type AND " IN_TIME conditions SS_PAGE_COUNT_LIMIT      \
		") l" SS_PAGE_COUNT_LIMIT ") l",                                                                               \
			9, ARGUMENTS, NULL                                                                                         \
	}

/* by [event type given][user given][resource given] */
static SSQuery list_queries[2][2][2] = {
	{{LIST_TYPES("", ""), LIST_TYPES(OF_RESOURCE, BY_RESOURCE)}, {LIST(BY_USER), LIST(BY_USER BY_RESOURCE)}},
	{{LIST(BY_EVENT), LIST(BY_EVENT BY_RESOURCE)}, {LIST(BY_EVENT BY_USER), LIST(BY_EVENT BY_USER BY_RESOURCE)}}};
static SSQuery count_queries[2][2][2] = {
	{{COUNT_TYPES("", ""), COUNT_TYPES(OF_RESOURCE, BY_RESOURCE)}, {COUNT(BY_USER), COUNT(BY_USER BY_RESOURCE)}},
	{{COUNT(BY_EVENT), COUNT(BY_EVENT BY_RESOURCE)}, {COUNT(BY_EVENT BY_USER), COUNT(BY_EVENT BY_USER BY_RESOURCE)}}};

/* The least id that can have been made at a time, an hour's slack taken off: clocks are set back, and ids are not. */
static pg_uuid_t *
first_id(TimestampTz moment, int64 slack)
{
	pg_uuid_t *id = palloc0(sizeof(pg_uuid_t));
	int64 millis;

	if (moment == DT_NOEND)
	{
		memset(id->data, 0xff, sizeof(id->data));
		return id;
	}
	millis = moment == DT_NOBEGIN
				 ? 0
				 : (moment + slack) / 1000 + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
	millis = Min(Max(millis, 0), (INT64CONST(1) << 48) - 1); /* an id has 48 bits of them */
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (millis >> (40 - 8 * i));
	return id;
}

/* A time argument, or what stands for its absence. */
static TimestampTz
arg_bound(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz when_null)
{
	bool isnull;
	TimestampTz value = ss_arg_time(fcinfo, n, name, &isnull);

	return isnull ? when_null : value;
}

/*
 * get_audit_logs(event_type, user_id, resource, page_size, page_offset, start_date,
 * end_date, after): the newest first
 */
Datum
swipesavvy_get_audit_logs(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	Datum values[9];
	bool nulls[9] = {false};
	TimestampTz start;
	TimestampTz end;
	int64 counted;

	ss_call_enter(&call, SS_ADMIN | SS_NOT_CACHED);
	ss_param_text(values, nulls, 0, ss_arg_text(fcinfo, 0, "event_type", SS_KEY_MAX, false));
	ss_param_pointer(values, nulls, 1, ss_arg_uuid(fcinfo, 1, "user_id", false));
	ss_param_text(values, nulls, 2, ss_arg_text(fcinfo, 2, "resource", SS_KEY_MAX, false));
	page = ss_arg_page(fcinfo, 3, 4, 7, LOGS_MAX, LOGS_DEFAULT);
	start = arg_bound(fcinfo, 5, "start_date", DT_NOBEGIN);
	end = arg_bound(fcinfo, 6, "end_date", DT_NOEND);
	if (end < start)
		ss_bad_value("end_date", "It lies before start_date.");
	values[3] = TimestampTzGetDatum(start);
	values[4] = TimestampTzGetDatum(end);
	values[5] = UUIDPGetDatum(first_id(start, -USECS_PER_HOUR));
	values[6] = UUIDPGetDatum(first_id(end, USECS_PER_HOUR));
	values[7] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[8] = Int64GetDatum(page.offset);
	counted = ss_one_int64(ss_rows_read(&count_queries[!nulls[0]][!nulls[1]][!nulls[2]], values, nulls));
	if (page.after != NULL)
	{
		pg_uuid_t *after = ss_uuid_from_text(page.after, "after");

		if (ss_uuid_compare(after, DatumGetUUIDP(values[6])) < 0)
			values[6] = UUIDPGetDatum(after);
	}
	(void) ss_query_read(&list_queries[!nulls[0]][!nulls[1]][!nulls[2]], values, nulls);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "logs", &page, counted, "log_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
