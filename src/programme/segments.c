/*
 * segments.c: named groups of users.
 *
 * SQL entry points. Rows of members are inserted and deleted in order of
 * user_id, so that two calls for overlapping lists wait for each other and do
 * not deadlock.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/sequence.h"
#include "call/call.h"
#include "programme/segments.h"

#define MEMBERS_MAX		 100000
#define MEMBERS_RECORDED 100 /* of a list that the record names */

PG_FUNCTION_INFO_V1(swipesavvy_create_segment);
PG_FUNCTION_INFO_V1(swipesavvy_add_segment_members);
PG_FUNCTION_INFO_V1(swipesavvy_remove_segment_members);
PG_FUNCTION_INFO_V1(swipesavvy_list_segments);

SS_QUERY(
	insert_segment,
	"INSERT INTO swipesavvy.segments (name, description, segment_no) VALUES ($1, $2,"
	" " SS_NEXT_NO(
		"segments", "segment_no",
		"segments_segment_no_seq") ")"
								   " ON CONFLICT (name) DO NOTHING RETURNING name, description, 0 AS members, created_at",
	TEXTOID, TEXTOID);

SS_QUERY(find_segment, "SELECT segment_no FROM swipesavvy.segments WHERE name = $1", TEXTOID);

SS_QUERY(find_unknown_user,
		 "SELECT m.user_id FROM unnest($1) m(user_id)"
		 " WHERE NOT EXISTS (SELECT FROM swipesavvy.users u WHERE u.user_id = m.user_id)"
		 " ORDER BY m.user_id LIMIT 1",
		 UUIDARRAYOID);

/* since when, by the clock: explain_award() tells purchases of the same transaction that came before */
SS_QUERY(
	insert_members,
	"INSERT INTO swipesavvy.segment_members (user_id, segment_no, added_at)"
	" SELECT DISTINCT m.user_id, $2, c.moment FROM unnest($1) m(user_id), (SELECT clock_timestamp() AS moment OFFSET 0) c ORDER BY m.user_id"
	" ON CONFLICT DO NOTHING",
	UUIDARRAYOID, INT4OID);

SS_QUERY(delete_members,
		 "WITH found AS (SELECT user_id FROM swipesavvy.segment_members"
		 "                WHERE user_id = ANY ($1) AND segment_no = $2 ORDER BY user_id FOR UPDATE)"
		 " DELETE FROM swipesavvy.segment_members m USING found f"
		 "  WHERE m.user_id = f.user_id AND m.segment_no = $2",
		 UUIDARRAYOID, INT4OID);

SS_QUERY(count_members, "SELECT count(*) FROM swipesavvy.segment_members WHERE segment_no = $1", INT4OID);

SS_QUERY(select_segments,
		 "SELECT s.name, s.description,"
		 "       (SELECT count(*) FROM swipesavvy.segment_members m WHERE m.segment_no = s.segment_no) AS members,"
		 "       (SELECT count(*) FROM swipesavvy.campaigns c WHERE c.target_segment_no = s.segment_no"
		 "           AND c.status = 'running') AS running_campaigns,"
		 "       s.created_at"
		 "  FROM swipesavvy.segments s ORDER BY s.name");

void
ss_segments_make(const char *name, const char *description)
{
	Datum values[2] = {CStringGetTextDatum(name), CStringGetTextDatum(description)};

	if (ss_query_latest(&find_segment, values, NULL) == 0)
		(void) ss_query_latest(&insert_segment, values, NULL);
}

/*
 * create_segment(name, description)
 */
Datum
swipesavvy_create_segment(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	Datum values[2];
	bool nulls[2];

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	name = ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true);
	ss_param_text(values, nulls, 0, name);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 1, "description", SS_TEXT_MAX, false));
	if (ss_query_write(&insert_segment, values, nulls) == 0)
		ss_duplicate("a segment with this name exists already", "The name is \"%s\".", name);
	ss_json_row(&json, NULL);
	ss_audit_write_rows(&call, &(SSAudit){.resource = "segment", .action = "create", .resource_id = name},
						(SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* The array argument 1 of user ids: one dimension, no nulls, not too many. */
static ArrayType *
arg_user_ids(FunctionCallInfo fcinfo)
{
	ArrayType *ids;
	int count;

	if (PG_ARGISNULL(1))
		ss_missing_value("user_ids");
	ids = PG_GETARG_ARRAYTYPE_P(1);
	if (ARR_NDIM(ids) > 1)
		ss_bad_value("user_ids", "It has more than one dimension.");
	if (array_contains_nulls(ids))
		ss_bad_value("user_ids", "It has a null element.");
	count = ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));
	if (count > MEMBERS_MAX)
		ss_bad_value("user_ids", "It has %d elements; at most %d are allowed.", count, MEMBERS_MAX);
	return ids;
}

/* PT404 for the first of the ids that is no user. */
static void
require_users(ArrayType *ids)
{
	Datum values[] = {PointerGetDatum(ids)};
	SSRows unknown = ss_rows_write(&find_unknown_user, values, NULL);

	if (unknown.count > 0)
		ss_not_found("user", ss_uuid_text(ss_one_uuid(unknown)));
}

/* Writes down how many members were added or removed, and of which list; of a long one the first. */
static void
record(SSCall *call, const char *action, const char *segment, const char *changed, uint64 rows, ArrayType *ids)
{
	SSAudit audit = {.resource = "segment", .action = action, .resource_id = segment};
	SSJson json = {0};
	Datum *users;
	int count;

	deconstruct_array(ids, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &users, NULL, &count);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, changed, rows);
	ss_json_int(&json, "listed", count);
	ss_json_open_array(&json, "user_ids");
	for (int i = 0; i < Min(count, MEMBERS_RECORDED); i++)
		ss_json_uuid(&json, NULL, DatumGetUUIDP(users[i]));
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	ss_audit_write(call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&json)));
}

/* Runs the query on the members of arguments (name, user_ids); the number of rows goes under `changed`. */
static Datum
change_members(FunctionCallInfo fcinfo, const char *action, SSQuery *query, const char *changed)
{
	SSCall call;
	SSJson json = {0};
	char *name;
	ArrayType *ids;
	Datum values[2];
	SSRows segment;
	uint64 rows;

	ss_call_enter(&call, SS_ADMIN);
	name = ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true);
	ids = arg_user_ids(fcinfo);
	values[0] = CStringGetTextDatum(name);
	segment = ss_rows_write(&find_segment, values, NULL);
	if (segment.count == 0)
		ss_not_found("segment", name);
	values[1] = Int32GetDatum(ss_one_int32(segment));
	require_users(ids);
	values[0] = PointerGetDatum(ids);
	rows = ss_query_write(query, values, NULL);
	if (rows > 0)
		record(&call, action, name, changed, rows, ids);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "segment", name);
	ss_json_int(&json, changed, rows);
	ss_json_int(&json, "members", ss_one_int64(ss_rows_write(&count_members, &values[1], NULL)));
	ss_json_close_object(&json);
	return ss_call_leave_json(&call, &json);
}

/*
 * add_segment_members(name, user_ids), remove_segment_members: members that
 * are in it already, or not in it, are not counted
 */
Datum
swipesavvy_add_segment_members(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(change_members(fcinfo, "add_members", &insert_members, "added"));
}

Datum
swipesavvy_remove_segment_members(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(change_members(fcinfo, "remove_members", &delete_members, "removed"));
}

/*
 * list_segments()
 */
Datum
swipesavvy_list_segments(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	(void) ss_query_read(&select_segments, NULL, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_rows(&json, "segments");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
