/*
 * exposures.c: assign_ab_test and track_exposures.
 *
 * A group is worked out from the test's definition (assignable.c), as the award
 * engine does. Where a test counts by assignment, the first call for a user
 * writes down the exposure; of two at once one inserts, and the other finds its
 * row. SDKs that evaluated a document themselves report what they showed.
 *
 * A row of users is locked FOR SHARE before an exposure is inserted: a user who
 * is being erased gets none afterwards.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/attempt.h"
#include "base/errors.h"
#include "base/rows.h"
#include "call/call.h"
#include "experiments/exposures.h"
#include "experiments/flag_values.h"
#include "rules/rules.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_assign_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_track_exposures);

#define EXPOSURES_MAX  10000
#define KEY_LENGTH_MAX 100
#define AHEAD_MAX	   (60 * USECS_PER_SEC)

SS_QUERY(read_exposure,
		 "SELECT e.group_no::integer, e.first_at, e.multiple FROM swipesavvy.ab_test_exposures e"
		 " WHERE e.user_id = $1 AND e.test_no = $2",
		 UUIDOID, INT4OID);

SS_QUERY(insert_exposure,
		 "INSERT INTO swipesavvy.ab_test_exposures (user_id, test_no, group_no, first_at) VALUES ($1, $2, $3, $4)"
		 " ON CONFLICT (user_id, test_no) DO NOTHING",
		 UUIDOID, INT4OID, INT2OID, TIMESTAMPTZOID);

SS_QUERY(correct_exposure,
		 "UPDATE swipesavvy.ab_test_exposures e SET first_at = least(e.first_at, $4),"
		 " multiple = e.multiple OR e.group_no <> $3 WHERE e.user_id = $1 AND e.test_no = $2",
		 UUIDOID, INT4OID, INT2OID, TIMESTAMPTZOID);

/* --- one exposure ---------------------------------------------------------------------------------- */

typedef struct Exposure
{
	int group;
	TimestampTz first_at;
	bool multiple;
} Exposure;

static bool
find_exposure(const SSAssignable *test, const pg_uuid_t *user_id, Exposure *found)
{
	Datum values[2] = {UUIDPGetDatum(user_id), Int32GetDatum(test->compiled.no)};
	SSRows rows = ss_rows_latest(&read_exposure, values, NULL);
	SSRow row;

	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	found->group = ss_next_int32(&row);
	found->first_at = ss_next_time(&row);
	found->multiple = ss_next_bool(&row);
	return true;
}

bool
ss_exposure_record(const SSAssignable *test, const pg_uuid_t *user_id, int group, TimestampTz at)
{
	Datum values[4] = {UUIDPGetDatum(user_id), Int32GetDatum(test->compiled.no), Int16GetDatum((int16) group),
					   TimestampTzGetDatum(at)};
	Exposure found;

	if (!find_exposure(test, user_id, &found))
	{
		if (ss_users_is_erased(user_id))
			return false;
		if (ss_query_latest(&insert_exposure, values, NULL) > 0)
			return true;
		if (!find_exposure(test, user_id, &found))
			elog(ERROR, "an exposure has come and gone");
	}
	if (at < found.first_at || (group != found.group && !found.multiple))
		(void) ss_query_latest(&correct_exposure, values, NULL);
	return false;
}

/* --- assign_ab_test ---------------------------------------------------------------------------------- */

/* When the user was told its group first, DT_NOEND for never; writes it down if this is the first time. */
static TimestampTz
expose(const SSAssignable *test, const pg_uuid_t *user_id, int group)
{
	Exposure found;

	if (!test->by_assignment)
		return DT_NOEND;
	if (find_exposure(test, user_id, &found))
		return found.first_at;
	if (test->status != SS_TEST_RUNNING || group < 0 || (test->of_flag && !ss_flag_values_are_given(test)))
		return DT_NOEND;
	(void) ss_exposure_record(test, user_id, group, GetCurrentStatementStartTimestamp());
	return find_exposure(test, user_id, &found) ? found.first_at : DT_NOEND;
}

/* In the order in which jsonb keeps them: they need not be sorted, which would cost a quarter of the call. */
static void
write_assignment(SSJson *json, const SSAssignable *test, const pg_uuid_t *user_id, int group, TimestampTz exposed)
{
	int served = group >= 0 ? group : (test->control_outside && !test->of_flag ? 0 : -1);

	if (group >= 0)
		ss_json_int(json, "group", group);
	else
		ss_json_null(json, "group");
	ss_json_jsonb(json, "value", served >= 0 ? test->groups[served].value : NULL);
	ss_json_text(json, "status", ss_test_statuses[test->status]);
	ss_json_bool(json, "in_test", group >= 0);
	ss_json_uuid(json, "test_id", &test->id);
	ss_json_uuid(json, "user_id", user_id);
	ss_json_datum(json, "exposed_at", TimestampTzGetDatum(exposed), exposed == DT_NOEND, TIMESTAMPTZOID);
	ss_json_text(json, "group_name", group >= 0 ? test->groups[group].name : NULL);
	ss_json_text(json, "campaign_id", served >= 0 ? test->groups[served].campaign_id : NULL);
}

/*
 * assign_ab_test(test_id, user_id): the user's group, for ever the same; the
 * first call of a running test that counts by assignment is the exposure.
 */
Datum
swipesavvy_assign_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSAssignable *test;
	SSJson json = {0};
	pg_uuid_t *user_id;
	TimestampTz exposed;
	int group;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* an exposure is a fact of its own, not a change of the test */
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, user_id);
	test = ss_assignable_by_id(ss_arg_uuid(fcinfo, 0, "test_id", true));
	if (test->started_at == DT_NOEND)
		ss_bad_state("test has not started", "Until then the group of a user may change.");
	group = ss_assignable_group(test, user_id);
	exposed = expose(test, user_id, group);
	ss_json_open_object(&json, NULL);
	write_assignment(&json, test, user_id, group, exposed);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- track_exposures ----------------------------------------------------------------------------------- */

static const char *const exposure_keys[] = {"test_key", "user_id", "variation", "occurred_at", NULL};

/* An element of the argument, and what came of it. */
typedef struct Report
{
	JsonbValue value;
	TimestampTz latest; /* that occurred_at may be */
	bool recorded;
} Report;

/* The variation's index, or its key, which is the name of the group. */
static int
variation_of(const SSAssignable *test, const JsonbValue *value)
{
	char *name;

	if (value->type == jbvNumeric)
		return (int) ss_json_as_int(value, "variation", 0, test->ngroups - 1);
	name = ss_json_as_text(value, "variation", KEY_LENGTH_MAX);
	for (int i = 0; i < test->ngroups; i++)
	{
		if (strcmp(test->groups[i].name, name) == 0)
			return i;
	}
	ss_bad_value("variation", "\"%s\" is no group of the test.", name);
}

static void
record_report(void *argument)
{
	Report *report = argument;
	Jsonb *document;
	SSAssignable *test;
	pg_uuid_t *user_id;
	TimestampTz at;

	if (report->value.type != jbvBinary || !JsonContainerIsObject(report->value.val.binary.data))
		ss_bad_value("exposures", "It is not a JSON object.");
	document = JsonbValueToJsonb(&report->value);
	ss_check_keys(document, "exposures", exposure_keys);
	test =
		ss_assignable_by_key(ss_json_as_text(ss_document_required(document, "test_key"), "test_key", KEY_LENGTH_MAX));
	user_id = ss_json_as_uuid(ss_document_required(document, "user_id"), "user_id");
	at = ss_json_as_time(ss_document_required(document, "occurred_at"), "occurred_at",
						 ss_rules_get()->settings.timezone);
	if (TIMESTAMP_NOT_FINITE(at) || at > report->latest)
		ss_bad_value("occurred_at", "It lies ahead.");
	if (!test->by_assignment)
		ss_bad_state("test does not count exposures", "It counts its population.");
	if (!ss_assignable_ran(test, at))
		ss_bad_state("test was not running", "It was not at occurred_at.");
	report->recorded =
		ss_exposure_record(test, user_id, variation_of(test, ss_document_required(document, "variation")), at);
}

/* Takes the elements one by one; what is wrong with one goes into the open array. */
static void
record_reports(Jsonb *document, SSJson *errors, int64 *recorded, int64 *repeated)
{
	Report report = {.latest = GetCurrentStatementStartTimestamp() + AHEAD_MAX};
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	int index = 0;

	(void) JsonbIteratorNext(&iterator, &report.value, true);
	for (; JsonbIteratorNext(&iterator, &report.value, true) == WJB_ELEM; index++)
	{
		ErrorData *error = ss_attempt(record_report, &report, false);

		if (error == NULL)
			report.recorded ? (*recorded)++ : (*repeated)++;
		else
		{
			ss_json_open_object(errors, NULL);
			ss_json_int(errors, "index", index);
			ss_attempt_json_members(errors, error);
			ss_json_close_object(errors);
		}
	}
}

/*
 * track_exposures(exposures): what SDKs report of tests that count by
 * assignment. Each is taken or refused by itself.
 */
Datum
swipesavvy_track_exposures(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Jsonb *exposures;
	int64 recorded = 0;
	int64 repeated = 0;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* facts of their own */
	exposures = ss_arg_jsonb(fcinfo, 0, "exposures", true);
	if (!JB_ROOT_IS_ARRAY(exposures) || JB_ROOT_IS_SCALAR(exposures))
		ss_bad_value("exposures", "It is not a JSON array.");
	if (JB_ROOT_COUNT(exposures) > EXPOSURES_MAX)
		ss_bad_value("exposures", "It has %d elements; at most %d are allowed.", JB_ROOT_COUNT(exposures),
					 EXPOSURES_MAX);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "errors");
	record_reports(exposures, &json, &recorded, &repeated);
	ss_json_close_array(&json);
	ss_json_int(&json, "recorded", recorded);
	ss_json_int(&json, "repeated", repeated);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
