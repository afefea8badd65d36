/*
 * rewards.c: what points can be spent on: rewards and charities.
 *
 * SQL entry points. A stock is counted down by redemptions (redeem.c), which
 * lock the reward's row last; changes here lock nothing but that row, so the
 * two wait for each other and none forgets what the other did. Lists go on
 * after a row that is looked up first, so that the row comparison is one range
 * of an index.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_reward);
PG_FUNCTION_INFO_V1(swipesavvy_update_reward);
PG_FUNCTION_INFO_V1(swipesavvy_list_rewards);
PG_FUNCTION_INFO_V1(swipesavvy_create_charity);
PG_FUNCTION_INFO_V1(swipesavvy_update_charity);
PG_FUNCTION_INFO_V1(swipesavvy_list_charities);

#define REWARD_COLUMNS                                                                                                 \
	"reward_id, name, description, points, stock, starts_at, ends_at, is_active, created_at, updated_at"
#define CHARITY_COLUMNS "charity_id, name, description, is_active, created_at, updated_at"

SS_QUERY(insert_reward,
		 "INSERT INTO swipesavvy.rewards (reward_id, name, points, stock, description, starts_at, ends_at, stocked)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($4, 0))"
		 " ON CONFLICT (reward_id) DO NOTHING RETURNING " REWARD_COLUMNS,
		 UUIDOID, TEXTOID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(lock_reward, "SELECT " REWARD_COLUMNS " FROM swipesavvy.rewards WHERE reward_id = $1 FOR NO KEY UPDATE",
		 UUIDOID);

/* $8 to $10: description, stock and end are given, be it as null */
SS_QUERY(update_reward,
		 "UPDATE swipesavvy.rewards"
		 "   SET name = coalesce($2, name), points = coalesce($3, points),"
		 "       stock = CASE WHEN $9 THEN $4 ELSE stock END,"
		 "       stocked = CASE WHEN $9 THEN stocked - coalesce(stock, 0) + coalesce($4, 0) ELSE stocked END,"
		 "       description = CASE WHEN $8 THEN $5 ELSE description END, starts_at = coalesce($6, starts_at),"
		 "       ends_at = CASE WHEN $10 THEN $7 ELSE ends_at END, is_active = coalesce($11, is_active),"
		 "       updated_at = now()"
		 " WHERE reward_id = $1 RETURNING " REWARD_COLUMNS,
		 UUIDOID, TEXTOID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, BOOLOID, BOOLOID,
		 BOOLOID);

/* $2: any, not only one that has been on show */
SS_QUERY(find_reward_cursor,
		 "SELECT points FROM swipesavvy.rewards WHERE reward_id = $1 AND ($2 OR starts_at <= now())", UUIDOID, BOOLOID);

/* $1: all of them, not only those that can be redeemed */
#define REWARDS_SHOWN "($1 OR (is_active AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now())))"
SS_QUERY(count_rewards,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.rewards WHERE " REWARDS_SHOWN SS_PAGE_COUNT_LIMIT ") r",
		 BOOLOID);
SS_QUERY(list_rewards,
		 "SELECT " REWARD_COLUMNS " FROM swipesavvy.rewards"
		 " WHERE " REWARDS_SHOWN " AND (points, reward_id) > ($2, $3) ORDER BY points, reward_id LIMIT $4 OFFSET $5",
		 BOOLOID, INT8OID, UUIDOID, INT8OID, INT8OID);

SS_QUERY(insert_charity,
		 "INSERT INTO swipesavvy.charities (charity_id, name, description) VALUES ($1, $2, $3)"
		 " ON CONFLICT (charity_id) DO NOTHING RETURNING " CHARITY_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID);

SS_QUERY(lock_charity, "SELECT " CHARITY_COLUMNS " FROM swipesavvy.charities WHERE charity_id = $1 FOR NO KEY UPDATE",
		 UUIDOID);

SS_QUERY(update_charity,
		 "UPDATE swipesavvy.charities"
		 "   SET name = coalesce($2, name), description = CASE WHEN $4 THEN $3 ELSE description END,"
		 "       is_active = coalesce($5, is_active), updated_at = now()"
		 " WHERE charity_id = $1 RETURNING " CHARITY_COLUMNS,
		 UUIDOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID);

SS_QUERY(find_charity_cursor, "SELECT name FROM swipesavvy.charities WHERE charity_id = $1", UUIDOID);
SS_QUERY(count_charities,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.charities WHERE $1 OR is_active" SS_PAGE_COUNT_LIMIT ") c",
		 BOOLOID);
SS_QUERY(list_charities,
		 "SELECT " CHARITY_COLUMNS " FROM swipesavvy.charities"
		 " WHERE ($1 OR is_active) AND (name, charity_id) > ($2, $3) ORDER BY name, charity_id LIMIT $4 OFFSET $5",
		 BOOLOID, TEXTOID, UUIDOID, INT8OID, INT8OID);

/* Writes down what became of a reward or charity; without `before` it is new. */
static void
record(SSCall *call, const char *resource, const pg_uuid_t *id, SSAuditRow before, SSAuditRow after)
{
	SSAudit audit = {
		.resource = resource, .action = before.tuple == NULL ? "create" : "update", .resource_id = ss_uuid_text(id)};

	ss_audit_write_rows(call, &audit, before, after);
}

/* --- rewards ------------------------------------------------------------------------- */

/*
 * create_reward(name, points, stock, description, starts_at, ends_at,
 * reward_id): from now on unless told
 */
Datum
swipesavvy_create_reward(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *reward_id;
	TimestampTz starts_at;
	TimestampTz ends_at;
	Datum values[7];
	bool nulls[7] = {false};

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true));
	values[2] = Int64GetDatum(ss_arg_int8(fcinfo, 1, "points", 1, PG_INT64_MAX, NULL));
	values[3] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 2, "stock", 0, PG_INT32_MAX, &nulls[3]));
	ss_param_text(values, nulls, 4, ss_arg_text(fcinfo, 3, "description", SS_TEXT_MAX, false));
	starts_at = ss_arg_time(fcinfo, 4, "starts_at", &nulls[5]);
	if (nulls[5])
		starts_at = GetCurrentTransactionStartTimestamp();
	ends_at = ss_arg_time(fcinfo, 5, "ends_at", &nulls[6]);
	if (!nulls[6] && ends_at <= starts_at)
		ss_bad_value("ends_at", "It is not after starts_at.");
	reward_id = ss_arg_uuid(fcinfo, 6, "reward_id", false);
	if (reward_id == NULL)
		reward_id = ss_uuid7_new();

	ss_param_pointer(values, nulls, 0, reward_id);
	values[5] = TimestampTzGetDatum(starts_at);
	values[6] = TimestampTzGetDatum(ends_at);
	nulls[5] = false;
	if (ss_query_write(&insert_reward, values, nulls) == 0)
		ss_duplicate("a reward with this reward_id exists already", "The reward_id is \"%s\".",
					 ss_uuid_text(reward_id));
	ss_json_row(&json, NULL);
	record(&call, "reward", reward_id, (SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* A key's value as a bool parameter, null where the key is absent. */
static void
set_bool(Datum *values, bool *nulls, int n, Jsonb *changes, const char *key)
{
	JsonbValue *value = ss_document_get(changes, key);

	nulls[n] = (value == NULL);
	values[n] = BoolGetDatum(value != NULL && ss_json_as_bool(value, key));
}

/* Sets a parameter and whether there is anything to set, for a key that null clears. */
static bool
is_given(Jsonb *changes, const char *key, Datum *values, bool *nulls, int n, int given_n)
{
	values[given_n] = BoolGetDatum(ss_document_get(changes, key) != NULL);
	nulls[given_n] = false;
	values[n] = (Datum) 0;
	nulls[n] = ss_document_get(changes, key) == NULL || ss_document_has_null(changes, key);
	return !nulls[n];
}

static void
set_reward_changes(Jsonb *changes, Datum *values, bool *nulls)
{
	static const char *const keys[] = {"name",		"points",  "stock",		"description",
									   "starts_at", "ends_at", "is_active", NULL};
	pg_tz *zone = ss_rules_get()->settings.timezone;
	JsonbValue *value;

	ss_check_keys(changes, "changes", keys);
	ss_param_text(values, nulls, 1, ss_document_text(changes, "name", SS_NAME_MAX));
	value = ss_document_get(changes, "points");
	nulls[2] = (value == NULL);
	if (value != NULL)
		values[2] = Int64GetDatum(ss_json_as_int(value, "points", 1, PG_INT64_MAX));
	if (is_given(changes, "stock", values, nulls, 3, 8))
		values[3] = Int32GetDatum((int32) ss_json_as_int(ss_document_get(changes, "stock"), "stock", 0, PG_INT32_MAX));
	if (is_given(changes, "description", values, nulls, 4, 7))
		ss_param_text(values, nulls, 4, ss_document_text(changes, "description", SS_TEXT_MAX));
	value = ss_document_get(changes, "starts_at");
	nulls[5] = (value == NULL);
	if (value != NULL)
		values[5] = TimestampTzGetDatum(ss_json_as_time(value, "starts_at", zone));
	if (is_given(changes, "ends_at", values, nulls, 6, 9))
		values[6] = TimestampTzGetDatum(ss_json_as_time(ss_document_get(changes, "ends_at"), "ends_at", zone));
	set_bool(values, nulls, 10, changes, "is_active");
}

/* Dates as they will be must be in order; the last result is the row as it is, under lock. */
static void
check_dates(SSRow reward, const Datum *values, const bool *nulls)
{
	TimestampTz starts_at;
	TimestampTz ends_at;

	ss_next_skip(&reward, 5);
	starts_at = ss_next_time(&reward);
	ends_at = ss_next_time_or(&reward, DT_NOEND);
	if (!nulls[5])
		starts_at = DatumGetTimestampTz(values[5]);
	if (DatumGetBool(values[9]))
		ends_at = nulls[6] ? DT_NOEND : DatumGetTimestampTz(values[6]);
	if (ends_at <= starts_at)
		ss_bad_value("ends_at", "It is not after starts_at.");
}

/*
 * update_reward(reward_id, changes): stock is what is there from now on
 */
Datum
swipesavvy_update_reward(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *reward_id;
	SSAuditRow before;
	Datum values[11] = {0};
	bool nulls[11] = {false};
	SSRows rows;

	ss_call_enter(&call, SS_ADMIN);
	reward_id = ss_arg_uuid(fcinfo, 0, "reward_id", true);
	set_reward_changes(ss_arg_jsonb(fcinfo, 1, "changes", true), values, nulls);
	values[0] = UUIDPGetDatum(reward_id);
	rows = ss_rows_latest(&lock_reward, values, NULL);
	if (rows.count == 0)
		ss_not_found("reward", ss_uuid_text(reward_id));
	before = ss_audit_row();
	check_dates(ss_row(rows, 0), values, nulls);
	(void) ss_query_latest(&update_reward, values, nulls);
	ss_json_row(&json, NULL);
	record(&call, "reward", reward_id, before, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- charities ----------------------------------------------------------------------- */

/*
 * create_charity(name, description, charity_id)
 */
Datum
swipesavvy_create_charity(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *charity_id;
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 0, "name", SS_NAME_MAX, true));
	ss_param_text(values, nulls, 2, ss_arg_text(fcinfo, 1, "description", SS_TEXT_MAX, false));
	charity_id = ss_arg_uuid(fcinfo, 2, "charity_id", false);
	if (charity_id == NULL)
		charity_id = ss_uuid7_new();
	ss_param_pointer(values, nulls, 0, charity_id);
	if (ss_query_write(&insert_charity, values, nulls) == 0)
		ss_duplicate("a charity with this charity_id exists already", "The charity_id is \"%s\".",
					 ss_uuid_text(charity_id));
	ss_json_row(&json, NULL);
	record(&call, "charity", charity_id, (SSAuditRow){0}, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * update_charity(charity_id, changes)
 */
Datum
swipesavvy_update_charity(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"name", "description", "is_active", NULL};
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *charity_id;
	Jsonb *changes;
	SSAuditRow before;
	Datum values[5];
	bool nulls[5];

	ss_call_enter(&call, SS_ADMIN);
	charity_id = ss_arg_uuid(fcinfo, 0, "charity_id", true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	ss_check_keys(changes, "changes", keys);
	ss_param_pointer(values, nulls, 0, charity_id);
	ss_param_text(values, nulls, 1, ss_document_text(changes, "name", SS_NAME_MAX));
	if (is_given(changes, "description", values, nulls, 2, 3))
		ss_param_text(values, nulls, 2, ss_document_text(changes, "description", SS_TEXT_MAX));
	set_bool(values, nulls, 4, changes, "is_active");
	if (ss_query_latest(&lock_charity, values, NULL) == 0)
		ss_not_found("charity", ss_uuid_text(charity_id));
	before = ss_audit_row();
	(void) ss_query_latest(&update_charity, values, nulls);
	ss_json_row(&json, NULL);
	record(&call, "charity", charity_id, before, ss_audit_row());
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- lists ---------------------------------------------------------------------------- */

/* A catalogue and what it is ordered by: a column of that type, then the id. */
typedef struct Catalogue
{
	const char *thing;
	const char *things;
	const char *id;
	Datum first; /* before every value of the column */
	SSQuery *cursor;
	SSQuery *count;
	SSQuery *list;
} Catalogue;

static Datum
show_catalogue(FunctionCallInfo fcinfo, SSCall *call, const Catalogue *catalogue)
{
	SSJson json = {0};
	SSPage page = ss_arg_page(fcinfo, 0, 1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	pg_uuid_t *id = palloc0(sizeof(pg_uuid_t));
	Datum values[5] = {0};
	int64 counted;

	values[0] = BoolGetDatum(ss_call_has(call, SS_ADMIN));
	values[1] = catalogue->first;
	if (page.after != NULL)
	{
		Datum cursor[2];
		SSRows rows;
		SSRow row;

		id = ss_uuid_from_text(page.after, "after");
		cursor[0] = UUIDPGetDatum(id);
		cursor[1] = values[0];
		rows = ss_rows_read(catalogue->cursor, cursor, NULL);
		if (rows.count == 0)
			ss_bad_value("after", "There is no %s \"%s\".", catalogue->thing, page.after);
		row = ss_row(rows, 0);
		values[1] = ss_next_value(&row, catalogue->list->argtypes[1]);
	}
	values[2] = UUIDPGetDatum(id);
	values[3] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[4] = Int64GetDatum(page.offset);
	counted = ss_one_int64(ss_rows_read(catalogue->count, values, NULL));
	(void) ss_query_read(catalogue->list, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, catalogue->things, &page, counted, catalogue->id);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * list_rewards(page_size, page_offset, after)
 */
Datum
swipesavvy_list_rewards(PG_FUNCTION_ARGS)
{
	Catalogue rewards = {"reward",		 "rewards",	   "reward_id", Int64GetDatum(0), &find_reward_cursor,
						 &count_rewards, &list_rewards};
	SSCall call;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	PG_RETURN_DATUM(show_catalogue(fcinfo, &call, &rewards));
}

/*
 * list_charities(page_size, page_offset, after)
 */
Datum
swipesavvy_list_charities(PG_FUNCTION_ARGS)
{
	Catalogue charities = {"charity",		 "charities",	 "charity_id", (Datum) 0, &find_charity_cursor,
						   &count_charities, &list_charities};
	SSCall call;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	charities.first = CStringGetTextDatum("");
	PG_RETURN_DATUM(show_catalogue(fcinfo, &call, &charities));
}
