/*
 * flags.c: feature flags are created, changed, listed and archived.
 *
 * SQL entry points create_flag, get_flag, update_flag, list_flags, delete_flag,
 * restore_flag and get_flag_audit. A change locks the flag's row first; the key
 * of a flag is never used again, because installed apps ask for it for years.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/money.h"
#include "base/page.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/flag_check.h"
#include "flags/flag_record.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_flag);
PG_FUNCTION_INFO_V1(swipesavvy_get_flag);
PG_FUNCTION_INFO_V1(swipesavvy_update_flag);
PG_FUNCTION_INFO_V1(swipesavvy_list_flags);
PG_FUNCTION_INFO_V1(swipesavvy_delete_flag);
PG_FUNCTION_INFO_V1(swipesavvy_restore_flag);
PG_FUNCTION_INFO_V1(swipesavvy_get_flag_audit);

#define AUDIT_MAX 500

static const char *const categories[] = {"ui", "advanced", "experimental", "rollout", NULL};
static const char *const value_types[] = {"boolean", "string", "number", "json", NULL};
static const char *const audiences[] = {"server", "client", "public", NULL};

SS_QUERY(
	insert_flag,
	"INSERT INTO swipesavvy.feature_flags AS f (flag_key, name, description, category, value_type, default_value, value, targeting,"
	"    rules, prerequisites, audience, hash_attribute, seed, sticky, owner, created_by, updated_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $1, $13, $14, $15, $15)"
	" ON CONFLICT (flag_key) DO NOTHING RETURNING f.flag_no, f",
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, TEXTOID, TEXTOID,
	BOOLOID, TEXTOID, UUIDOID);

/* What is not in the document stays; values and rules are given apart, because a JSON null is a value. */
SS_QUERY(
	update_flag,
	"UPDATE swipesavvy.feature_flags f SET name = r.name, description = r.description, category = r.category,"
	"    targeting = r.targeting, prerequisites = r.prerequisites, audience = r.audience, hash_attribute = r.hash_attribute,"
	"    sticky = r.sticky, owner = r.owner, default_value = coalesce($3, f.default_value), value = coalesce($4, f.value),"
	"    rules = coalesce($5, f.rules), seed = CASE WHEN $6 THEN f.flag_key || '#' || f.version + 1 ELSE f.seed END,"
	"    version = f.version + 1, updated_at = statement_timestamp(), updated_by = $7"
	"  FROM jsonb_populate_record((SELECT g FROM swipesavvy.feature_flags g WHERE g.flag_no = $1), $2) r"
	" WHERE f.flag_no = $1 RETURNING f.version, f",
	INT4OID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, BOOLOID, UUIDOID);
SS_QUERY(
	archive_flag,
	"UPDATE swipesavvy.feature_flags f SET archived_at = CASE WHEN $2 THEN statement_timestamp() END, version = f.version + 1,"
	"    updated_at = statement_timestamp(), updated_by = $3"
	" WHERE f.flag_no = $1 RETURNING f.version, f, f.archived_at",
	INT4OID, BOOLOID, UUIDOID);
SS_QUERY(delete_overrides, "DELETE FROM swipesavvy.feature_flag_overrides WHERE flag_no = $1", INT4OID);
SS_QUERY(
	find_child,
	"SELECT f.flag_key FROM swipesavvy.feature_flags f WHERE f.archived_at IS NULL"
	"   AND (f.prerequisites @> jsonb_build_array(jsonb_build_object('id', $1))"
	"        OR f.rules @> jsonb_build_array(jsonb_build_object('parentConditions', jsonb_build_array(jsonb_build_object('id', $1)))))"
	"   AND ($2 IS NULL OR f.audience = $2) ORDER BY 1 LIMIT 1",
	TEXTOID, TEXTOID);

/* --- arguments ------------------------------------------------------------------------------ */

static char *
key_of_new(FunctionCallInfo fcinfo)
{
	char *key = ss_flag_key_arg(fcinfo, 0);

	ss_flag_check_key(key);
	return key;
}

static SSNode *
document_arg(FunctionCallInfo fcinfo, int n, const char *name, const char *when_null)
{
	Jsonb *document = ss_arg_jsonb(fcinfo, n, name, when_null == NULL);

	if (document == NULL)
		document = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(when_null)));
	return ss_node_read(document);
}

static const char *
choice_arg(FunctionCallInfo fcinfo, int n, const char *name, const char *const *choices, const char *when_null)
{
	char *value = ss_arg_text(fcinfo, n, name, SS_NAME_MAX, false);

	if (value == NULL)
		return when_null;
	(void) ss_check_choice(value, name, choices);
	return value;
}

/* Values of a boolean flag are false and true unless given. */
static SSNode *
value_arg(FunctionCallInfo fcinfo, int n, const char *name, const char *value_type, const char *of_boolean)
{
	return document_arg(fcinfo, n, name, strcmp(value_type, "boolean") == 0 ? of_boolean : NULL);
}

static void
show(SSJson *json, const char *key, const char *message)
{
	ss_json_open_object(json, NULL);
	ss_flag_show(json, key, false);
	ss_json_text(json, "message", message);
	ss_json_close_object(json);
}

/*
 * create_flag(key, name, description, category, value_type, default_value,
 * value, enabled, rollout_percentage, targeting, rules, prerequisites, audience,
 * hash_attribute, sticky, owner, reason)
 */
Datum
swipesavvy_create_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFlagInput input = {0};
	SSFlagRow row = {.version = 1};
	SSFlagStep step = {GetCurrentStatementStartTimestamp(), DT_NOEND, false, 0, 0};
	char *reason;
	Datum values[15];
	bool nulls[15] = {false};
	SSRows inserted;
	SSRow written;

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	input.key = row.key = key_of_new(fcinfo);
	ss_param_text(values, nulls, 0, input.key);
	ss_param_text(values, nulls, 1, ss_arg_text(fcinfo, 1, "name", SS_NAME_MAX, true));
	ss_param_text(values, nulls, 2, ss_arg_text(fcinfo, 2, "description", SS_TEXT_MAX, false));
	ss_param_text(values, nulls, 3, choice_arg(fcinfo, 3, "category", categories, "experimental"));
	input.value_type = choice_arg(fcinfo, 4, "value_type", value_types, "boolean");
	input.default_value = value_arg(fcinfo, 5, "default_value", input.value_type, "false");
	input.value = value_arg(fcinfo, 6, "value", input.value_type, "true");
	step.enabled = ss_arg_bool(fcinfo, 7, false);
	step.from_bp = step.to_bp = ss_flag_share_arg(fcinfo, 8, "rollout_percentage", false, SS_EVERYBODY_BP);
	input.targeting = document_arg(fcinfo, 9, "targeting", "{}");
	input.rules = document_arg(fcinfo, 10, "rules", "[]");
	input.prerequisites = document_arg(fcinfo, 11, "prerequisites", "[]");
	input.audience = choice_arg(fcinfo, 12, "audience", audiences, "client");
	input.hash_attribute = ss_arg_text(fcinfo, 13, "hash_attribute", SS_NAME_MAX, false);
	if (input.hash_attribute == NULL)
		input.hash_attribute = "id";
	input.sticky = ss_arg_bool(fcinfo, 14, false);
	ss_param_text(values, nulls, 13, ss_arg_text(fcinfo, 15, "owner", SS_NAME_MAX, false));
	reason = ss_arg_text(fcinfo, 16, "reason", SS_TEXT_MAX, false);
	ss_lock_take(SS_LOCK_FLAG_NEEDS, 0);
	ss_flag_check(&input, ss_flag_set_get());

	ss_param_text(values, nulls, 4, input.value_type);
	values[5] = JsonbPGetDatum(ss_node_as_jsonb(input.default_value));
	values[6] = JsonbPGetDatum(ss_node_as_jsonb(input.value));
	values[7] = JsonbPGetDatum(ss_node_as_jsonb(input.targeting));
	values[8] = JsonbPGetDatum(ss_node_as_jsonb(input.rules));
	values[9] = JsonbPGetDatum(ss_node_as_jsonb(input.prerequisites));
	ss_param_text(values, nulls, 10, input.audience);
	ss_param_text(values, nulls, 11, input.hash_attribute);
	values[12] = BoolGetDatum(input.sticky);
	ss_param_pointer(values, nulls, 14, call.has_identity ? &call.identity : NULL);
	inserted = ss_rows_write(&insert_flag, values, nulls);
	if (inserted.count == 0)
		ss_duplicate("a flag with this key exists already", "The key is \"%s\".", input.key);
	written = ss_row(inserted, 0);
	row.no = ss_next_int32(&written);
	row.document = ss_next_document(&written, SS_FLAG_HIDDEN);
	ss_flag_write_step(&call, &row, &step, reason);
	ss_flag_record(&call, &row, "create", reason, NULL, row.document);
	show(&json, row.key, "The flag has been created.");
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * get_flag(key)
 */
Datum
swipesavvy_get_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};

	ss_call_enter(&call, SS_FLAG_STAFF);
	ss_json_open_object(&json, NULL);
	ss_flag_show(&json, ss_flag_key_arg(fcinfo, 0), true);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- changes ----------------------------------------------------------------------------------- */

/* Members of the document that are columns of text; null clears those that may be. */
static void
check_texts(Jsonb *changes)
{
	static const struct
	{
		const char *key;
		int max;
		bool clears;
	} texts[] = {{"name", SS_NAME_MAX, false},			 {"description", SS_TEXT_MAX, true},
				 {"category", SS_NAME_MAX, false},		 {"audience", SS_NAME_MAX, false},
				 {"hash_attribute", SS_NAME_MAX, false}, {"owner", SS_NAME_MAX, true}};

	for (size_t i = 0; i < lengthof(texts); i++)
	{
		if (!texts[i].clears || !ss_document_has_null(changes, texts[i].key))
			(void) ss_document_text(changes, texts[i].key, texts[i].max);
	}
	if (ss_document_get(changes, "category") != NULL)
		(void) ss_check_choice(ss_document_text(changes, "category", SS_NAME_MAX), "category", categories);
	if (ss_document_get(changes, "audience") != NULL)
		(void) ss_check_choice(ss_document_text(changes, "audience", SS_NAME_MAX), "audience", audiences);
}

static bool
bool_of(Jsonb *changes, const char *key, bool when_missing)
{
	JsonbValue *value = ss_document_get(changes, key);

	return value == NULL ? when_missing : ss_json_as_bool(value, key);
}

/* A member of the changes, or else of the row. */
static SSNode *
either(Jsonb *changes, const SSFlagRow *row, const char *key)
{
	JsonbValue *value = ss_document_get(changes, key);

	if (value == NULL)
		value = ss_document_get(row->document, key);
	return ss_node_read(ss_json_as_jsonb(value));
}

static char *
either_text(Jsonb *changes, const SSFlagRow *row, const char *key)
{
	SSText text = ss_node_to_text(either(changes, row, key));

	return pnstrdup(text.data, text.length);
}

static void
read_input(Jsonb *changes, const SSFlagRow *row, SSFlagInput *input)
{
	input->key = row->key;
	input->value_type = row->value_type;
	input->audience = either_text(changes, row, "audience");
	input->hash_attribute = either_text(changes, row, "hash_attribute");
	input->sticky = bool_of(changes, "sticky", ss_document_get(row->document, "sticky")->val.boolean);
	input->default_value = either(changes, row, "default_value");
	input->value = either(changes, row, "value");
	input->targeting = either(changes, row, "targeting");
	input->rules = either(changes, row, "rules");
	input->prerequisites = either(changes, row, "prerequisites");
}

static void
check_version(Jsonb *changes, const SSFlagRow *row)
{
	JsonbValue *version = ss_document_get(changes, "version");

	if (version != NULL && ss_json_as_int(version, "version", 1, PG_INT32_MAX) != row->version)
		ss_exhausted("flag was changed by somebody else", "It has version %d.", row->version);
}

/* Switch and share go to the time line. */
static void
change_timeline(SSCall *call, Jsonb *changes, const SSFlagRow *row, SSFlagState *state, const char *reason)
{
	JsonbValue *share = ss_document_get(changes, "rollout_percentage");
	SSFlagStep before = {state->moment, DT_NOEND, state->enabled, state->bp, state->bp};
	SSFlagStep after = before;

	after.enabled = bool_of(changes, "enabled", state->enabled);
	if (share != NULL)
		after.from_bp = after.to_bp = (int) ss_scaled_from_numeric(ss_json_as_numeric(share, "rollout_percentage"), 2,
																   0, SS_EVERYBODY_BP, "rollout_percentage");
	if (after.enabled == before.enabled && after.to_bp == before.to_bp && share == NULL)
		return;
	ss_flag_write_step(call, row, &after, reason);
	ss_flag_record(call, row, share != NULL ? "rollout" : "toggle", reason, ss_flag_step_document(&before),
				   ss_flag_step_document(&after));
}

/* Is there anything but what goes to the time line? */
static bool
changes_row(Jsonb *changes)
{
	int others = (ss_document_get(changes, "enabled") != NULL) +
				 (ss_document_get(changes, "rollout_percentage") != NULL) +
				 (ss_document_get(changes, "version") != NULL);

	return (int) JB_ROOT_COUNT(changes) > others;
}

/* A flag, of that audience or (NULL) of any, that has this one as a prerequisite; NULL: there is none. */
static char *
child_of(const char *key, const char *audience)
{
	Datum values[2];
	bool nulls[2];
	SSRows children;

	ss_param_text(values, nulls, 0, key);
	ss_param_text(values, nulls, 1, audience);
	children = ss_rows_latest(&find_child, values, nulls);
	return children.count > 0 ? ss_one_text(children) : NULL;
}

/* Phones evaluate public flags, and know nothing of a prerequisite that is not public. */
static void
check_audience(const SSFlagInput *input)
{
	char *child = strcmp(input->audience, "public") == 0 ? NULL : child_of(input->key, "public");

	if (child != NULL)
		ss_bad_state("a public flag needs public prerequisites", "Flag \"%s\" is public and needs this one.", child);
}

/* Do these changes concern what flags need of one another? */
static bool
changes_needs(Jsonb *changes)
{
	return ss_document_get(changes, "prerequisites") != NULL || ss_document_get(changes, "rules") != NULL ||
		   ss_document_get(changes, "audience") != NULL;
}

static void
update_row(SSCall *call, Jsonb *changes, bool with_winner, SSFlagRow *row, const char *reason)
{
	SSFlagInput input = {.with_winner = with_winner};
	Datum values[7];
	bool nulls[7] = {false};
	bool reshuffle = bool_of(changes, "reshuffle", false);
	SSRow written;

	read_input(changes, row, &input);
	ss_flag_check(&input, ss_flag_set_get());
	check_audience(&input);
	values[0] = Int32GetDatum(row->no);
	values[1] = JsonbPGetDatum(changes);
	values[2] = JsonbPGetDatum(ss_node_as_jsonb(input.default_value));
	values[3] = JsonbPGetDatum(ss_node_as_jsonb(input.value));
	values[4] = JsonbPGetDatum(ss_node_as_jsonb(input.rules));
	values[5] = BoolGetDatum(reshuffle);
	ss_param_pointer(values, nulls, 6, call->has_identity ? &call->identity : NULL);
	written = ss_row(ss_rows_latest(&update_flag, values, nulls), 0);
	row->version = ss_next_int32(&written);
	ss_flag_record(call, row, reshuffle ? "reshuffle" : "update", reason, row->document,
				   ss_next_document(&written, SS_FLAG_HIDDEN));
}

/*
 * update_flag(key, changes, reason)
 */
Datum
swipesavvy_update_flag(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {
		"name",		 "description",	  "category", "default_value",		"value",  "targeting",
		"rules",	 "prerequisites", "audience", "hash_attribute",		"sticky", "owner",
		"reshuffle", "version",		  "enabled",  "rollout_percentage", NULL};
	SSCall call;
	SSJson json = {0};
	SSFlagRow row;
	SSFlagState state;
	Jsonb *changes;
	char *reason;
	char *key;

	ss_call_enter(&call, SS_ADMIN);
	key = ss_flag_key_arg(fcinfo, 0);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	reason = ss_arg_text(fcinfo, 2, "reason", SS_TEXT_MAX, false);
	ss_check_keys(changes, "changes", keys);
	check_texts(changes);
	if (changes_needs(changes))
		ss_lock_take(SS_LOCK_FLAG_NEEDS, 0);
	ss_flag_lock(&row, key, false);
	check_version(changes, &row);
	state = ss_flag_state_now(&row);
	ss_flag_check_hash_attribute(&row, either_text(changes, &row, "hash_attribute"), state.bp);
	if (changes_row(changes))
		update_row(&call, changes, false, &row, reason);
	change_timeline(&call, changes, &row, &state, reason);
	show(&json, key, "The flag has been updated.");
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- rules of A/B tests ------------------------------------------------------------------------- */

int32
ss_flag_check_rule(const char *key, const char *test_key, Jsonb *rule)
{
	SSFlagRow row;
	SSFlagInput input = {0};
	SSNode *rules;

	ss_flag_read(&row, key);
	rules = palloc(sizeof(SSNode));
	*rules = ss_node_array(1);
	rules->items[0] = *ss_node_read(rule);
	read_input(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))), &row, &input);
	ss_flag_check_test_key(&input, test_key);
	input.rules = rules;
	input.rules_argument = "condition"; /* its values are checked before */
	ss_flag_check(&input, ss_flag_set_get());
	return row.no;
}

void
ss_flag_append_rule(SSCall *call, const char *key, Jsonb *rule, const char *reason)
{
	SSFlagRow row;
	SSJson json = {0};
	SSNode *stored;
	Jsonb *changes;

	ss_flag_lock(&row, key, false);
	stored = ss_node_read(ss_json_as_jsonb(ss_document_get(row.document, "rules")));
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "rules");
	for (int i = 0; i < stored->count; i++)
		ss_json_jsonb(&json, NULL, ss_node_as_jsonb(&ss_node_items(stored)[i]));
	ss_json_jsonb(&json, NULL, rule);
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	changes = DatumGetJsonbP(ss_json_finish(&json));
	update_row(call, changes, true, &row, reason);
}

/* --- the archive ---------------------------------------------------------------------------------- */

static Jsonb *
set_archived(SSCall *call, SSFlagRow *row, bool archived)
{
	Datum values[3] = {Int32GetDatum(row->no), BoolGetDatum(archived)};
	bool nulls[3] = {false};
	SSRow written;

	ss_param_pointer(values, nulls, 2, call->has_identity ? &call->identity : NULL);
	written = ss_row(ss_rows_latest(&archive_flag, values, nulls), 0);
	row->version = ss_next_int32(&written);
	return ss_next_document(&written, SS_FLAG_HIDDEN);
}

/* A flag that comes out of the archive, or goes into it, is off. */
static void
switch_off(SSCall *call, const SSFlagRow *row, const char *reason)
{
	SSFlagState state = ss_flag_state_now(row);
	SSFlagStep step = {state.moment, DT_NOEND, false, state.bp, state.bp};

	if (state.enabled)
		ss_flag_write_step(call, row, &step, reason);
}

static Datum
leave_archive(SSCall *call, const SSFlagRow *row, bool archived, const char *message)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", row->key);
	if (archived)
		ss_json_time(&json, "archived_at", GetCurrentStatementStartTimestamp());
	else
		ss_json_null(&json, "archived_at");
	ss_json_text(&json, "message", message);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * delete_flag(key, reason): to the archive
 */
Datum
swipesavvy_delete_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	Datum value;
	char *reason;
	char *child;
	Jsonb *after;

	ss_call_enter(&call, SS_ADMIN);
	ss_lock_take(SS_LOCK_FLAG_NEEDS, 0);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	reason = ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, false);
	child = child_of(row.key, NULL);
	if (child != NULL)
		ss_bad_state("the flag is a prerequisite", "Flag \"%s\" needs it.", child);
	ss_flag_check_untested(&row);
	value = Int32GetDatum(row.no);
	(void) ss_query_write(&delete_overrides, &value, NULL);
	after = set_archived(&call, &row, true);
	ss_flag_record(&call, &row, "archive", reason, row.document, after);
	PG_RETURN_DATUM(leave_archive(&call, &row, true, "The flag has been archived; it gives its default."));
}

static void
check_needed(const SSFlagSet *set, SSNode *parents)
{
	for (int i = 0; ss_node_is(parents, SS_NODE_ARRAY) && i < parents->count; i++)
	{
		SSNode *id = ss_node_get(&ss_node_items(parents)[i], SS_TEXT("id"));
		SSFlag *parent = ss_node_is(id, SS_NODE_STRING) ? ss_flag_find(set, ss_node_string(id)) : NULL;

		if (parent != NULL && parent->is_archived)
			ss_bad_state("a prerequisite is archived", "The flag needs \"%s\".", parent->key.data);
	}
}

/* What was right when the flag went into the archive need not be so any more: flags that it needs may have gone after it. */
static void
check_restorable(const SSFlagRow *row)
{
	const SSFlagSet *set = ss_flag_set_get();
	SSFlagInput input = {0};

	read_input(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))), row, &input);
	check_needed(set, input.prerequisites);
	for (int i = 0; i < input.rules->count; i++)
		check_needed(set, ss_node_get(&ss_node_items(input.rules)[i], SS_TEXT("parentConditions")));
	ss_flag_check(&input, set);
}

/*
 * restore_flag(key, reason)
 */
Datum
swipesavvy_restore_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	char *reason;
	Jsonb *after;

	ss_call_enter(&call, SS_ADMIN);
	ss_lock_take(SS_LOCK_FLAG_NEEDS, 0);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), true);
	reason = ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, false);
	if (!row.is_archived)
		ss_bad_state("the flag is not archived", "The key is \"%s\".", row.key);
	check_restorable(&row);
	switch_off(&call, &row, reason);
	after = set_archived(&call, &row, false);
	ss_flag_record(&call, &row, "restore", reason, row.document, after);
	PG_RETURN_DATUM(leave_archive(&call, &row, false, "The flag is back, and off."));
}

/* --- lists --------------------------------------------------------------------------------------------- */

/* Is the flag one of those that the list is of? */
static bool
is_listed(const SSFlag *flag, const char *status)
{
	if ((status != NULL && strcmp(status, "archived") == 0) != flag->is_archived)
		return false;
	return status == NULL || flag->is_archived || flag->enabled == (strcmp(status, "on") == 0);
}

SS_QUERY(
	search_flags,
	"SELECT f.flag_key, f.name, f.category, f.value_type, f.audience, f.owner, f.updated_at FROM swipesavvy.feature_flags f"
	" WHERE ($1 IS NULL OR f.category = $1) AND ($2 IS NULL OR f.name ILIKE $2 OR f.flag_key ILIKE $2)"
	"   AND ($3 IS NULL OR f.flag_key > $3) ORDER BY f.flag_key",
	TEXTOID, TEXTOID, TEXTOID);

/* Adds the rows of the last query that are listed: those of the page, and counts all. */
static int64
add_flags(SSJson *json, const SSFlagSet *set, const SSPage *page, const char *status, char **next)
{
	SSRows rows = ss_rows_of_last();
	int64 count = 0;
	char *last = NULL;

	*next = NULL;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		char *key = ss_next_text(&row);
		SSFlag *flag = ss_flag_find(set, (SSText){key, strlen(key)});

		if (flag == NULL || !is_listed(flag, status) || count++ < page->offset)
			continue;
		if (count > page->offset + page->limit)
		{
			*next = last;
			continue;
		}
		last = key;
		ss_json_open_object(json, NULL);
		ss_json_columns(json, row);
		ss_json_bool(json, "enabled", flag->enabled);
		ss_json_money(json, "rollout_percentage", flag->bp, 2);
		ss_json_close_object(json);
	}
	return count;
}

/*
 * list_flags(category, page_size, page_offset, status, search, after)
 */
Datum
swipesavvy_list_flags(PG_FUNCTION_ARGS)
{
	static const char *const statuses[] = {"on", "off", "archived", NULL};
	SSCall call;
	SSJson json = {0};
	SSPage page;
	const char *status;
	char *search;
	char *next;
	int64 count;
	Datum values[3];
	bool nulls[3];

	ss_call_enter(&call, SS_FLAG_STAFF);
	ss_param_text(values, nulls, 0, choice_arg(fcinfo, 0, "category", categories, NULL));
	page = ss_arg_page(fcinfo, 1, 2, 5, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	status = choice_arg(fcinfo, 3, "status", statuses, NULL);
	search = ss_arg_text(fcinfo, 4, "search", SS_NAME_MAX, false);
	ss_param_text(values, nulls, 1, search == NULL ? NULL : ss_page_pattern(search));
	ss_param_text(values, nulls, 2, page.after);
	(void) ss_query_read(&search_flags, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "flags");
	count = add_flags(&json, ss_flag_set_get(), &page, status, &next);
	ss_json_close_array(&json);
	ss_page_end(&json, &page, count, true, next);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

SS_QUERY(list_log,
		 "SELECT l.log_id, l.changed_at, l.action, l.actor_id, l.reason, l.version, l.before, l.after"
		 "  FROM swipesavvy.feature_flag_audit_log l JOIN swipesavvy.feature_flags f ON f.flag_no = l.flag_no"
		 " WHERE f.flag_key = $1 AND l.changed_at > now() - make_interval(days => $2) ORDER BY l.log_id DESC LIMIT $3",
		 TEXTOID, INT4OID, INT8OID);
SS_QUERY(find_key, "SELECT FROM swipesavvy.feature_flags WHERE flag_key = $1", TEXTOID);

/*
 * get_flag_audit(key, days, page_size)
 */
Datum
swipesavvy_get_flag_audit(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *key;
	bool isnull;
	int64 number;
	Datum values[3];

	ss_call_enter(&call, SS_ADMIN);
	key = ss_flag_key_arg(fcinfo, 0);
	values[0] = CStringGetTextDatum(key);
	number = ss_arg_int4(fcinfo, 1, "days", 1, 3650, &isnull);
	values[1] = Int32GetDatum(isnull ? 30 : (int32) number);
	number = ss_arg_int4(fcinfo, 2, "page_size", 1, AUDIT_MAX, &isnull);
	values[2] = Int64GetDatum(isnull ? 50 : number);
	if (ss_query_read(&find_key, values, NULL) == 0)
		ss_not_found("flag", key);
	(void) ss_query_read(&list_log, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", key);
	ss_json_rows(&json, "entries");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
