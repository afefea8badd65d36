/*
 * flag_overrides.c: values of a flag that single users get whatever its rules
 * say.
 *
 * SQL entry points set_flag_override, remove_flag_override and
 * list_flag_overrides. A change locks the flag's row first. All overrides of a
 * flag are held compiled, so that no row of a query looks one up: hence their
 * number is bounded.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/flag_check.h"
#include "flags/flag_record.h"

PG_FUNCTION_INFO_V1(swipesavvy_set_flag_override);
PG_FUNCTION_INFO_V1(swipesavvy_remove_flag_override);
PG_FUNCTION_INFO_V1(swipesavvy_list_flag_overrides);

#define OVERRIDES_MAX 10000

SS_QUERY(find_user, "SELECT FROM swipesavvy.users WHERE user_id = $1 AND erased_at IS NULL", UUIDOID);
SS_QUERY(count_others,
		 "SELECT count(*) FROM swipesavvy.feature_flag_overrides"
		 " WHERE flag_no = $1 AND user_id <> $2 AND (expires_at IS NULL OR expires_at > statement_timestamp())",
		 INT4OID, UUIDOID);

#define SHOWN                                                                                                          \
	"jsonb_build_object('user_id', o.user_id, 'value', o.value, 'expires_at', " SS_JSON_TIME_SQL("o.expires_at") ")"
SS_QUERY(find_override,
		 "SELECT " SHOWN " FROM swipesavvy.feature_flag_overrides o WHERE o.flag_no = $1 AND o.user_id = $2", INT4OID,
		 UUIDOID);
SS_QUERY(write_override,
		 "INSERT INTO swipesavvy.feature_flag_overrides AS o (flag_no, user_id, value, expires_at, reason, set_by)"
		 " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, flag_no) DO UPDATE"
		 "    SET value = $3, expires_at = $4, reason = $5, set_by = $6, set_at = now() RETURNING " SHOWN,
		 INT4OID, UUIDOID, JSONBOID, TIMESTAMPTZOID, TEXTOID, UUIDOID);
SS_QUERY(delete_override,
		 "DELETE FROM swipesavvy.feature_flag_overrides o WHERE o.flag_no = $1 AND o.user_id = $2 RETURNING " SHOWN,
		 INT4OID, UUIDOID);
SS_QUERY(find_flag, "SELECT flag_no FROM swipesavvy.feature_flags WHERE flag_key = $1", TEXTOID);
SS_QUERY(
	list_overrides,
	"SELECT o.user_id, o.value, o.expires_at, o.reason, o.set_at, o.set_by FROM swipesavvy.feature_flag_overrides o"
	" WHERE o.flag_no = $1 AND ($2 IS NULL OR o.user_id > $2) ORDER BY o.user_id LIMIT $3",
	INT4OID, UUIDOID, INT8OID);
SS_QUERY(count_overrides, "SELECT count(*) FROM swipesavvy.feature_flag_overrides WHERE flag_no = $1", INT4OID);

/* An override, which is SHOWN in the only row; NULL if there is none. */
static Jsonb *
shown(SSRows rows)
{
	SSRow row;

	if (rows.count == 0)
		return NULL;
	row = ss_row(rows, 0);
	return ss_next_jsonb(&row);
}

static Datum
leave(SSCall *call, const char *key, Jsonb *override, bool is_there)
{
	SSJson json = {0};
	JsonbValue *user_id = ss_document_get(override, "user_id");

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", key);
	ss_json_text(&json, "user_id", pnstrdup(user_id->val.string.val, user_id->val.string.len));
	ss_json_jsonb(&json, "value", is_there ? ss_json_as_jsonb(ss_document_get(override, "value")) : NULL);
	ss_json_jsonb(&json, "expires_at", is_there ? ss_json_as_jsonb(ss_document_get(override, "expires_at")) : NULL);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * set_flag_override(key, user_id, value, expires_at, reason)
 */
Datum
swipesavvy_set_flag_override(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	pg_uuid_t *user_id;
	Jsonb *value;
	Jsonb *before;
	Jsonb *after;
	Datum values[6];
	bool nulls[6] = {false};
	SSRow written;

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	value = ss_arg_jsonb(fcinfo, 2, "value", true);
	ss_flag_check_value(row.value_type, ss_node_read(value), "value", "value");
	values[0] = Int32GetDatum(row.no);
	values[1] = UUIDPGetDatum(user_id);
	if (ss_query_read(&find_user, &values[1], NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	if (ss_one_int64(ss_rows_latest(&count_others, values, NULL)) >= OVERRIDES_MAX)
		ereport(ERROR, errcode(SS_ERRCODE_BAD_STATE), errmsg("too many overrides"),
				errdetail("A flag has at most %d.", OVERRIDES_MAX),
				errhint("Put the users into a segment, and name it in the flag's targeting."));
	before = shown(ss_rows_latest(&find_override, values, NULL));
	values[2] = JsonbPGetDatum(value);
	values[3] = TimestampTzGetDatum(ss_arg_time(fcinfo, 3, "expires_at", &nulls[3]));
	ss_param_text(values, nulls, 4, ss_arg_text(fcinfo, 4, "reason", SS_TEXT_MAX, false));
	ss_param_pointer(values, nulls, 5, call.has_identity ? &call.identity : NULL);
	written = ss_row(ss_rows_write(&write_override, values, nulls), 0);
	after = ss_next_jsonb(&written);
	ss_flag_record(&call, &row, "override", nulls[4] ? NULL : TextDatumGetCString(values[4]), before, after);
	PG_RETURN_DATUM(leave(&call, row.key, after, true));
}

/*
 * remove_flag_override(key, user_id)
 */
Datum
swipesavvy_remove_flag_override(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	pg_uuid_t *user_id;
	Jsonb *before;
	Datum values[2];

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), true);
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	values[0] = Int32GetDatum(row.no);
	values[1] = UUIDPGetDatum(user_id);
	before = shown(ss_rows_write(&delete_override, values, NULL));
	if (before == NULL)
		ss_not_found("override", ss_uuid_text(user_id));
	ss_flag_record(&call, &row, "override", NULL, before, NULL);
	PG_RETURN_DATUM(leave(&call, row.key, before, false));
}

/*
 * list_flag_overrides(key, page_size, after)
 */
Datum
swipesavvy_list_flag_overrides(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *key;
	SSPage page;
	Datum values[3];
	bool nulls[3] = {false};
	int64 counted;
	SSRows flag;

	ss_call_enter(&call, SS_SUPPORT | SS_ADMIN);
	key = ss_flag_key_arg(fcinfo, 0);
	page = ss_arg_page(fcinfo, 1, -1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[0] = CStringGetTextDatum(key);
	flag = ss_rows_read(&find_flag, values, NULL);
	if (flag.count == 0)
		ss_not_found("flag", key);
	values[0] = Int32GetDatum(ss_one_int32(flag));
	counted = ss_one_int64(ss_rows_read(&count_overrides, values, NULL));
	ss_param_pointer(values, nulls, 1, page.after == NULL ? NULL : ss_uuid_from_text(page.after, "after"));
	values[2] = Int64GetDatum(SS_PAGE_ROWS(&page));
	(void) ss_query_read(&list_overrides, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", key);
	ss_page_add(&json, "overrides", &page, counted, "user_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
