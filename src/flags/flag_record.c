/*
 * flag_record.c: a flag under lock, as it is shown, and the record of its
 * changes (flag_record.h).
 *
 * Called by flags.c, flag_timeline.c and flag_overrides.c between
 * ss_call_enter and ss_call_leave. The flag's row is the first lock of a change.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/rows.h"
#include "flags/flag_record.h"
#include "outbox/outbox.h"

SS_QUERY(tests_of, "SELECT t.test_id, t.status FROM swipesavvy.ab_tests t WHERE t.flag_no = $1 ORDER BY t.test_no",
		 INT4OID);
SS_QUERY(active_test,
		 "SELECT t.test_key FROM swipesavvy.ab_tests t WHERE t.flag_no = $1 AND t.status IN ('running', 'paused')"
		 " ORDER BY t.test_no LIMIT 1",
		 INT4OID);
#define FLAG_ROW                                                                                                       \
	"SELECT f.flag_no, f.version, f.archived_at IS NOT NULL, f.value_type, f"                                          \
	"  FROM swipesavvy.feature_flags f WHERE f.flag_key = $1"
SS_QUERY(read_flag, FLAG_ROW, TEXTOID);
SS_QUERY(lock_flag, FLAG_ROW " FOR NO KEY UPDATE", TEXTOID);
SS_QUERY(insert_log,
		 "INSERT INTO swipesavvy.feature_flag_audit_log (flag_no, action, actor_id, reason, version, before, after)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7)",
		 INT4OID, TEXTOID, UUIDOID, TEXTOID, INT4OID, JSONBOID, JSONBOID);
SS_QUERY(
	select_flag,
	"SELECT f.flag_key, f.name, f.description, f.category, f.value_type, f.default_value, f.value, f.targeting, f.rules,"
	"       f.prerequisites, f.audience, f.hash_attribute, f.seed, f.sticky, f.owner, f.version, f.created_at, f.updated_at,"
	"       f.updated_by, f.archived_at IS NOT NULL AS archived,"
	"       (SELECT count(*) FROM swipesavvy.feature_flag_overrides o WHERE o.flag_no = f.flag_no) AS overrides"
	"  FROM swipesavvy.feature_flags f WHERE f.flag_key = $1",
	TEXTOID);
SS_QUERY(step_at,
		 "SELECT enabled, from_bp, to_bp, starts_at, coalesce(ends_at, 'infinity')"
		 "  FROM swipesavvy.feature_flag_rollouts WHERE flag_no = $1 AND starts_at <= $2"
		 " ORDER BY starts_at DESC LIMIT 1",
		 INT4OID, TIMESTAMPTZOID);
SS_QUERY(delete_step, "DELETE FROM swipesavvy.feature_flag_rollouts WHERE flag_no = $1 AND starts_at = $2", INT4OID,
		 TIMESTAMPTZOID);
SS_QUERY(
	insert_step,
	"INSERT INTO swipesavvy.feature_flag_rollouts (flag_no, starts_at, enabled, from_bp, to_bp, ends_at, set_by, reason)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	INT4OID, TIMESTAMPTZOID, BOOLOID, INT4OID, INT4OID, TIMESTAMPTZOID, UUIDOID, TEXTOID);

/* Takes the flag's row by one of the two queries that find it. */
static void
take_row(SSFlagRow *row, const char *key, SSQuery *query, bool archived_too)
{
	Datum value = CStringGetTextDatum(key);
	SSRows rows = ss_rows_latest(query, &value, NULL);
	SSRow found;

	if (rows.count == 0)
		ss_not_found("flag", key);
	found = ss_row(rows, 0);
	row->key = key;
	row->no = ss_next_int32(&found);
	row->version = ss_next_int32(&found);
	row->is_archived = ss_next_bool(&found);
	row->value_type = ss_next_text(&found);
	row->document = ss_next_document(&found, SS_FLAG_HIDDEN);
	if (row->is_archived && !archived_too)
		ss_bad_state("the flag is archived", "The key is \"%s\".", key);
}

void
ss_flag_lock(SSFlagRow *row, const char *key, bool archived_too)
{
	take_row(row, key, &lock_flag, archived_too);
}

void
ss_flag_read(SSFlagRow *row, const char *key)
{
	take_row(row, key, &read_flag, false);
}

void
ss_flag_check_untested(const SSFlagRow *row)
{
	Datum no = Int32GetDatum(row->no);
	SSRows rows = ss_rows_latest(&active_test, &no, NULL);
	SSRow found;

	if (rows.count == 0)
		return;
	found = ss_row(rows, 0);
	ss_bad_state("the flag is in an A/B test", "Test \"%s\" rests on what it is now.", ss_next_text(&found));
}

void
ss_flag_check_hash_attribute(const SSFlagRow *row, const char *wanted, int bp)
{
	JsonbValue *present = ss_document_get(row->document, "hash_attribute");

	if (strcmp(wanted, pnstrdup(present->val.string.val, present->val.string.len)) == 0)
		return;
	ss_flag_check_untested(row);
	if (bp > 0 && bp < SS_EVERYBODY_BP)
		ss_bad_state("the flag is rolled out in part", "With another hash attribute, other users would have it.");
}

/* --- the record -------------------------------------------------------------------------------- */

static void
tell(const SSFlagRow *row, const char *action)
{
	SSJson body = {0};

	ss_json_open_object(&body, NULL);
	ss_json_text(&body, "flag_key", row->key);
	ss_json_text(&body, "action", action);
	ss_json_int(&body, "version", row->version);
	ss_json_time(&body, "changed_at", GetCurrentTransactionStartTimestamp());
	ss_json_close_object(&body);
	ss_outbox_put("flag.changed", 1, psprintf("flag:%s", row->key), DatumGetJsonbP(ss_json_finish(&body)), NULL);
}

void
ss_flag_record(SSCall *call, const SSFlagRow *row, const char *action, const char *reason, Jsonb *before, Jsonb *after)
{
	Datum values[7];
	bool nulls[7] = {false};

	values[0] = Int32GetDatum(row->no);
	ss_param_text(values, nulls, 1, action);
	ss_param_pointer(values, nulls, 2, call->has_identity ? &call->identity : NULL);
	ss_param_text(values, nulls, 3, reason);
	values[4] = Int32GetDatum(row->version);
	ss_param_pointer(values, nulls, 5, before);
	ss_param_pointer(values, nulls, 6, after);
	(void) ss_query_write(&insert_log, values, nulls);
	ss_audit_write(call, &(SSAudit){.resource = "flag", .action = action, .resource_id = row->key}, before, after);
	tell(row, action);
}

/* --- as it is shown ------------------------------------------------------------------------------ */

/* Steps to come, and a ramp that is under way. */
static void
add_schedule(SSJson *json, const SSFlagSet *set, const SSFlag *flag)
{
	ss_json_open_array(json, "schedule");
	for (int i = 0; i < flag->nsteps; i++)
	{
		const SSFlagStep *step = &flag->steps[i];
		bool under_way = step == ss_flag_step_at(flag->steps, flag->nsteps, set->arranged_at) &&
						 step->ends_at != DT_NOEND && set->arranged_at < step->ends_at;

		if (step->starts_at <= set->arranged_at && !under_way)
			continue;
		ss_json_open_object(json, NULL);
		ss_json_time(json, "starts_at", step->starts_at);
		if (step->ends_at == DT_NOEND)
			ss_json_null(json, "ends_at");
		else
			ss_json_time(json, "ends_at", step->ends_at);
		ss_json_bool(json, "enabled", step->enabled);
		ss_json_money(json, "from_percentage", step->from_bp, 2);
		ss_json_money(json, "to_percentage", step->to_bp, 2);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

void
ss_flag_show(SSJson *json, const char *key, bool reader)
{
	Datum value = CStringGetTextDatum(key);
	SSFlagSet *set = ss_flag_set_get();
	const SSFlag *flag = ss_flag_find(set, (SSText){key, strlen(key)});
	SSNode document;
	SSText name = SS_TEXT("document");

	if (flag == NULL ||
		(reader ? ss_query_read(&select_flag, &value, NULL) : ss_query_write(&select_flag, &value, NULL)) == 0)
		ss_not_found("flag", key);
	ss_json_columns(json, ss_row_of_last(0));
	ss_json_bool(json, "enabled", flag->enabled);
	ss_json_money(json, "rollout_percentage", flag->bp, 2);
	add_schedule(json, set, flag);
	value = Int32GetDatum(flag->no);
	(void) (reader ? ss_query_read(&tests_of, &value, NULL) : ss_query_write(&tests_of, &value, NULL));
	ss_json_rows(json, "tests");
	document = ss_flag_feature(set, flag);
	ss_node_push(&json->state, &name, &document, &json->result);
}

/* --- the time line ---------------------------------------------------------------------------------- */

/* By the last step that has begun at `begun`. */
static SSFlagState
state_by(const SSFlagRow *row, TimestampTz begun, TimestampTz moment)
{
	Datum values[2] = {Int32GetDatum(row->no), TimestampTzGetDatum(begun)};
	SSFlagState state = {moment, DT_NOBEGIN, false, 0};
	SSFlagStep step;
	SSRows rows = ss_rows_latest(&step_at, values, NULL);
	SSRow row_of_step;

	if (rows.count == 0)
		return state;
	row_of_step = ss_row(rows, 0);
	step.enabled = ss_next_bool(&row_of_step);
	step.from_bp = ss_next_int32(&row_of_step);
	step.to_bp = ss_next_int32(&row_of_step);
	step.starts_at = ss_next_time(&row_of_step);
	step.ends_at = ss_next_time(&row_of_step);
	state.enabled = step.enabled;
	state.bp = ss_flag_share_at(&step, moment);
	state.since = step.starts_at;
	return state;
}

SSFlagState
ss_flag_state(const SSFlagRow *row, TimestampTz moment)
{
	return state_by(row, moment, moment);
}

SSFlagState
ss_flag_state_before(const SSFlagRow *row, TimestampTz moment)
{
	return state_by(row, moment - 1, moment);
}

SSFlagState
ss_flag_state_now(const SSFlagRow *row)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	/* another change may have been written, by whoever had the lock, after this statement began: this one follows it */
	TimestampTz written = ss_flag_state(row, GetCurrentTimestamp()).since;

	return ss_flag_state(row, Max(statement, written));
}

void
ss_flag_write_step(const SSCall *call, const SSFlagRow *row, const SSFlagStep *step, const char *reason)
{
	Datum values[8];
	bool nulls[8] = {false};

	values[0] = Int32GetDatum(row->no);
	values[1] = TimestampTzGetDatum(step->starts_at);
	(void) ss_query_write(&delete_step, values, NULL);
	values[2] = BoolGetDatum(step->enabled);
	values[3] = Int32GetDatum(step->from_bp);
	values[4] = Int32GetDatum(step->to_bp);
	values[5] = TimestampTzGetDatum(step->ends_at);
	nulls[5] = step->ends_at == DT_NOEND;
	ss_param_pointer(values, nulls, 6, call->has_identity ? &call->identity : NULL);
	ss_param_text(values, nulls, 7, reason);
	(void) ss_query_write(&insert_step, values, nulls);
}

Jsonb *
ss_flag_step_document(const SSFlagStep *step)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_time(&json, "starts_at", step->starts_at);
	ss_json_bool(&json, "enabled", step->enabled);
	ss_json_money(&json, "from_percentage", step->from_bp, 2);
	ss_json_money(&json, "rollout_percentage", step->to_bp, 2);
	if (step->ends_at == DT_NOEND)
		ss_json_null(&json, "ends_at");
	else
		ss_json_time(&json, "ends_at", step->ends_at);
	ss_json_close_object(&json);
	return DatumGetJsonbP(ss_json_finish(&json));
}

int
ss_flag_share_arg(FunctionCallInfo fcinfo, int n, const char *name, bool required, int when_null)
{
	Numeric percentage = ss_arg_numeric(fcinfo, n, name, required);

	return percentage == NULL ? when_null : (int) ss_scaled_from_numeric(percentage, 2, 0, SS_EVERYBODY_BP, name);
}
