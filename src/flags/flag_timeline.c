/*
 * flag_timeline.c: when a flag is on, and for what share of the users.
 *
 * SQL entry points toggle_flag, set_flag_rollout, schedule_flag and
 * cancel_flag_schedule. What a flag gives at a moment is worked out from its
 * time line whenever it is asked for: nothing has to run when a ramp goes on.
 * The flag's row is locked first.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "flags/flag_call.h"
#include "flags/flag_record.h"

PG_FUNCTION_INFO_V1(swipesavvy_toggle_flag);
PG_FUNCTION_INFO_V1(swipesavvy_set_flag_rollout);
PG_FUNCTION_INFO_V1(swipesavvy_schedule_flag);
PG_FUNCTION_INFO_V1(swipesavvy_cancel_flag_schedule);

SS_QUERY(
	delete_planned,
	"DELETE FROM swipesavvy.feature_flag_rollouts WHERE flag_no = $1 AND starts_at > $2 AND ($3 IS NULL OR starts_at = $3)"
	" RETURNING starts_at",
	INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static char *
reason_arg(FunctionCallInfo fcinfo, int n)
{
	return ss_arg_text(fcinfo, n, "reason", SS_TEXT_MAX, false);
}

/* Writes a step that follows on the state before it, and the record. */
static void
change(SSCall *call, const SSFlagRow *row, const SSFlagState *before, SSFlagStep step, const char *action,
	   const char *reason)
{
	SSFlagStep was = {before->moment, DT_NOEND, before->enabled, before->bp, before->bp};

	ss_flag_write_step(call, row, &step, reason);
	ss_flag_record(call, row, action, reason, ss_flag_step_document(&was), ss_flag_step_document(&step));
}

/* flag_key, enabled, rollout_percentage, changed_at */
static Datum
leave(SSCall *call, const SSFlagRow *row, const SSFlagState *state)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "flag_key", row->key);
	ss_json_bool(&json, "enabled", state->enabled);
	ss_json_money(&json, "rollout_percentage", state->bp, 2);
	ss_json_time(&json, "changed_at", state->moment);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * toggle_flag(key, enabled, reason): a ramp ends where it stands
 */
Datum
swipesavvy_toggle_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	SSFlagState state;
	char *reason;
	bool enabled;

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	reason = reason_arg(fcinfo, 2);
	state = ss_flag_state_now(&row);
	enabled = PG_ARGISNULL(1) ? !state.enabled : PG_GETARG_BOOL(1);
	if (enabled != state.enabled)
	{
		change(&call, &row, &state, (SSFlagStep){state.moment, DT_NOEND, enabled, state.bp, state.bp}, "toggle",
			   reason);
		state.enabled = enabled;
	}
	PG_RETURN_DATUM(leave(&call, &row, &state));
}

/*
 * set_flag_rollout(key, percentage, until, reason)
 */
Datum
swipesavvy_set_flag_rollout(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSFlagRow row;
	SSFlagState state;
	SSFlagStep step;
	bool at_once;
	int to;

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	to = ss_flag_share_arg(fcinfo, 1, "percentage", true, 0);
	step.ends_at = ss_arg_time(fcinfo, 2, "until", &at_once);
	state = ss_flag_state_now(&row);
	if (!at_once && step.ends_at <= state.moment)
		ss_bad_value("until", "It is not in the future.");
	step.starts_at = state.moment;
	step.enabled = state.enabled;
	step.from_bp = at_once ? to : state.bp;
	step.to_bp = to;
	if (at_once)
		step.ends_at = DT_NOEND;
	change(&call, &row, &state, step, "rollout", reason_arg(fcinfo, 3));
	state.bp = step.from_bp;
	PG_RETURN_DATUM(leave(&call, &row, &state));
}

/*
 * schedule_flag(key, at, enabled, percentage, until, reason)
 */
Datum
swipesavvy_schedule_flag(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFlagRow row;
	SSFlagState before;
	SSFlagStep step;
	bool at_once;

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	step.starts_at = ss_arg_time(fcinfo, 1, "at", NULL);
	if (step.starts_at <= Max(GetCurrentStatementStartTimestamp(), ss_flag_state_now(&row).moment))
		ss_bad_value("at", "It is not in the future.");
	step.ends_at = ss_arg_time(fcinfo, 4, "until", &at_once);
	if (!at_once && step.ends_at <= step.starts_at)
		ss_bad_value("until", "It is not after \"at\".");
	before = ss_flag_state_before(&row, step.starts_at);
	step.enabled = PG_ARGISNULL(2) ? before.enabled : PG_GETARG_BOOL(2);
	step.to_bp = ss_flag_share_arg(fcinfo, 3, "percentage", false, before.bp);
	step.from_bp = at_once ? step.to_bp : before.bp;
	if (at_once)
		step.ends_at = DT_NOEND;
	change(&call, &row, &before, step, "schedule", reason_arg(fcinfo, 5));
	ss_json_open_object(&json, NULL);
	ss_flag_show(&json, row.key, false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * cancel_flag_schedule(key, at): what is planned for that moment, or all
 */
Datum
swipesavvy_cancel_flag_schedule(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSJson before = {0};
	SSFlagRow row;
	Datum values[3];
	bool nulls[3] = {false};
	uint64 rows;

	ss_call_enter(&call, SS_ADMIN);
	ss_flag_lock(&row, ss_flag_key_arg(fcinfo, 0), false);
	values[0] = Int32GetDatum(row.no);
	values[1] = TimestampTzGetDatum(ss_flag_state_now(&row).moment);
	values[2] = TimestampTzGetDatum(ss_arg_time(fcinfo, 1, "at", &nulls[2]));
	rows = ss_query_write(&delete_planned, values, nulls);
	if (rows == 0 && !nulls[2])
		ss_not_found("planned change", ss_json_time_text(DatumGetTimestampTz(values[2])));
	if (rows > 0)
	{
		ss_json_open_object(&before, NULL);
		ss_json_rows(&before, "planned");
		ss_json_close_object(&before);
		ss_flag_record(&call, &row, "cancel", NULL, DatumGetJsonbP(ss_json_finish(&before)), NULL);
	}
	ss_json_open_object(&json, NULL);
	ss_flag_show(&json, row.key, false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
