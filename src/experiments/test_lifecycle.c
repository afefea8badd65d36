/*
 * test_lifecycle.c: create_ab_test, create_flag_test, update_ab_test,
 * start_ab_test, pause_ab_test, end_ab_test and delete_ab_test.
 *
 * draft → running ⇄ paused; running, paused → ended; draft, ended → archived.
 * Each call locks the campaigns of the test and then the test (store.c), so
 * tests and changes of their campaigns follow one another, and purchases do not
 * wait. What a started test hashes by never changes; its groups' rows do only
 * in `active`. The triggers of the tables tell every session to compile the
 * rules again: a purchase after the commit of a start obeys it.
 *
 * A start, a pause and an end take place when they are called, with the test
 * locked, and not when their transaction began: by these moments purchases,
 * which have their own, are counted or not, and explain_award compares them with
 * those at which purchases were processed. A campaign that is launched or paused
 * along has the time of the transaction, as always: its dates are compared with
 * those of purchases, which have that time unless told another one. The moment
 * is taken before campaigns change, so that the version of each that ends by the
 * change was in force at it (paused_by_test).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/rows.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "experiments/ab_test.h"
#include "experiments/flag_values.h"
#include "experiments/results.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_create_flag_test);
PG_FUNCTION_INFO_V1(swipesavvy_update_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_start_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_pause_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_end_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_delete_ab_test);

#define DEFAULT_TUNING 5000

SS_QUERY(find_overlap,
		 "SELECT t.test_key FROM swipesavvy.ab_tests t WHERE t.namespace_id = $1 AND t.status IN ('running', 'paused')"
		 " AND t.test_no <> $2 AND t.namespace_start < $4 AND t.namespace_end > $3 ORDER BY t.test_no LIMIT 1",
		 TEXTOID, INT4OID, NUMERICOID, NUMERICOID);

SS_QUERY(find_other_test,
		 "SELECT t.test_key FROM swipesavvy.ab_test_groups g JOIN swipesavvy.ab_tests t USING (test_no)"
		 " WHERE g.campaign_no = $1 AND g.active AND g.test_no <> $2 LIMIT 1",
		 INT4OID, INT4OID);

/* The lock under which ranges of a namespace are compared: of all tests, as starts are rare. */
SS_QUERY(lock_starts, "SELECT pg_advisory_xact_lock(hashtextextended('swipesavvy.start_ab_test', 0))");

SS_QUERY(open_pause,
		 "INSERT INTO swipesavvy.ab_test_pauses (test_no, paused_at) VALUES ($1, $2)"
		 " ON CONFLICT (test_no, paused_at) DO UPDATE SET resumed_at = NULL",
		 INT4OID, TIMESTAMPTZOID);

SS_QUERY(close_pause,
		 "UPDATE swipesavvy.ab_test_pauses p SET resumed_at = greatest($2, p.paused_at)"
		 " WHERE p.test_no = $1 AND p.resumed_at IS NULL",
		 INT4OID, TIMESTAMPTZOID);

/* Campaigns that the pause which is going on has paused: their version of that moment was running. */
SS_QUERY(paused_by_test,
		 "SELECT g.campaign_no FROM swipesavvy.ab_test_pauses p JOIN swipesavvy.ab_test_groups g USING (test_no)"
		 " WHERE p.test_no = $1 AND p.resumed_at IS NULL AND 'running' ="
		 " (SELECT v.campaign ->> 'status' FROM swipesavvy.campaign_versions v WHERE v.campaign_no = g.campaign_no"
		 " AND v.valid_until >= p.paused_at ORDER BY v.version LIMIT 1)",
		 INT4OID);

/* --- answers ----------------------------------------------------------------------------------------- */

static void
open_answer(SSJson *json, const SSTest *test)
{
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "test_id", &test->id);
	ss_json_text(json, "status", ss_test_statuses[test->status]);
}

static void
write_campaigns(SSJson *json, const SSTest *test)
{
	ss_json_open_array(json, "campaigns");
	for (int i = 0; i < test->ngroups; i++)
	{
		if (test->groups[i].campaign_no == 0)
			continue;
		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", test->groups[i].campaign_id);
		ss_json_text(json, "status", test->groups[i].campaign_status);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static Datum
close_answer(SSCall *call, SSJson *json, const char *message)
{
	ss_json_text(json, "message", message);
	ss_json_close_object(json);
	return ss_call_leave_json(call, json);
}

/* The whole test as an answer, as it is now. */
static Datum
answer_test(SSCall *call, const pg_uuid_t *id, const char *message)
{
	SSTest test;
	SSJson json = {0};

	ss_test_lock(id, &test);
	ss_json_open_object(&json, NULL);
	ss_test_write(&json, &test);
	return close_answer(call, &json, message);
}

/* --- create and update ---------------------------------------------------------------------------------- */

static Datum
create_test(FunctionCallInfo fcinfo, bool of_flag)
{
	SSCall call;
	SSTest test = {
		.started_at = DT_NOEND, .ended_at = DT_NOEND, .archived_at = DT_NOEND, .winner = -1, .recommended = -1};

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	ss_test_check(ss_test_describe_call(fcinfo, of_flag), of_flag, &test);
	ss_test_insert(&test, &call);
	ss_test_record(&call, &test, "create", NULL, NULL);
	return answer_test(&call, &test.id, "The test was created as a draft; start_ab_test() starts it.");
}

/*
 * create_ab_test(test_name, control_campaign_id, variant_campaign_ids, …): a
 * draft of a test between campaigns.
 */
Datum
swipesavvy_create_ab_test(PG_FUNCTION_ARGS)
{
	return create_test(fcinfo, false);
}

/*
 * create_flag_test(test_name, flag_key, variations, …): one between values of a
 * flag.
 */
Datum
swipesavvy_create_flag_test(PG_FUNCTION_ARGS)
{
	return create_test(fcinfo, true);
}

/* The size at which the test ends by its plan: the one it was given, or else the required one; 0 where neither is known. */
static int64
present_target(const SSTest *test)
{
	SSTestFigures figures;

	if (test->target_sample_size > 0)
		return test->target_sample_size;
	ss_test_figures(test, &figures);
	return ss_test_required_size(test, &figures);
}

/* An end moved nearer after looking is a false positive; less coverage would take users out of their groups. */
static void
check_only_up(const SSTest *before, const SSTest *after)
{
	int64 target = present_target(before);

	if (after->coverage < before->coverage)
		ss_bad_state("coverage of a started test can only rise", "It is %d.%04d.", before->coverage / 10000,
					 before->coverage % 10000);
	if (after->minimum_days < before->minimum_days)
		ss_bad_state("minimum_days of a started test can only rise", "It is %d.", before->minimum_days);
	if (after->target_sample_size == 0 ? before->target_sample_size > 0 : after->target_sample_size < target)
		ss_bad_state("target_sample_size of a started test can only rise", "It is " INT64_FORMAT ".", target);
}

/* What was checked of a started test, over what it is: only what may change does. */
static void
take_over(SSTest *test, const SSTest *wanted)
{
	test->name = wanted->name;
	test->hypothesis = wanted->hypothesis;
	test->coverage = wanted->coverage;
	test->metrics = wanted->metrics;
	test->guardrails = wanted->guardrails;
	test->minimum_days = wanted->minimum_days;
	test->target_sample_size = wanted->target_sample_size;
}

/*
 * update_ab_test(test_id, changes): of a draft any argument but the id, of a
 * started test what does no harm to its statistics.
 */
Datum
swipesavvy_update_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSTest wanted;
	pg_uuid_t id;
	Jsonb *before;
	Jsonb *description;

	ss_call_enter(&call, SS_ADMIN);
	id = *ss_arg_uuid(fcinfo, 0, "test_id", true);
	ss_test_lock(&id, &test);
	before = ss_test_row(test.no);
	description = ss_test_change(&test, ss_arg_jsonb(fcinfo, 1, "changes", true));
	wanted = test;
	if (test.status == SS_TEST_DRAFT)
	{
		ss_test_check(description, test.of_flag, &wanted);
		test = wanted;
	}
	else
	{
		ss_test_check_started(description, &wanted);
		check_only_up(&test, &wanted);
		take_over(&test, &wanted);
	}
	ss_test_update(&test, &call);
	ss_test_record(&call, &test, "update", NULL, before);
	return answer_test(&call, &id, "The test was changed.");
}

/* --- start and pause ----------------------------------------------------------------------------------------- */

static void
check_namespace(const SSTest *test)
{
	Datum values[4] = {CStringGetTextDatum(test->namespace_id == NULL ? "" : test->namespace_id),
					   Int32GetDatum(test->no), NumericGetDatum(ss_money_to_major(test->namespace_start, 3)),
					   NumericGetDatum(ss_money_to_major(test->namespace_end, 3))};

	SSRows rows;
	SSRow row;

	if (test->namespace_id == NULL)
		return;
	(void) ss_query_write(&lock_starts, NULL, NULL);
	rows = ss_rows_latest(&find_overlap, values, NULL);
	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	ss_bad_state("ranges of a namespace overlap", "Test \"%s\" has a part of the same range of \"%s\".",
				 ss_next_text(&row), test->namespace_id);
}

static void
check_campaign_is_free(const SSTest *test, const SSTestGroup *group)
{
	Datum values[2] = {Int32GetDatum(group->campaign_no), Int32GetDatum(test->no)};

	SSRows rows = ss_rows_latest(&find_other_test, values, NULL);
	SSRow row;

	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	ss_bad_state("campaign is in another test",
				 "\"%s\" is in test \"%s\": two draws would leave it a part of its users.", group->campaign_id,
				 ss_next_text(&row));
}

static bool
is(const char *status, const char *one)
{
	return strcmp(status, one) == 0;
}

static bool
is_among(SSRows rows, int32 campaign_no)
{
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		if (ss_next_int32(&row) == campaign_no)
			return true;
	}
	return false;
}

/* Launches what does not run yet: of a draft test its draft and paused campaigns, of a paused one those it paused. */
static void
launch_campaigns(SSTest *test, SSCall *call)
{
	Datum key = Int32GetDatum(test->no);
	SSRows paused = {0};

	if (test->status == SS_TEST_PAUSED)
		paused = ss_rows_latest(&paused_by_test, &key, NULL);
	for (int i = 0; i < test->ngroups; i++)
	{
		SSTestGroup *group = &test->groups[i];

		if (group->campaign_no == 0 || is(group->campaign_status, "running"))
			continue;
		if (is(group->campaign_status, "completed") || is(group->campaign_status, "archived"))
		{
			/* one that has come to its end meanwhile does not keep the others paused */
			if (test->status == SS_TEST_PAUSED && is(group->campaign_status, "completed"))
				continue;
			ss_bad_state("campaign of the test is over", "\"%s\" is %s.", group->campaign_id, group->campaign_status);
		}
		if (test->status == SS_TEST_PAUSED && !is_among(paused, group->campaign_no))
			continue;
		ss_campaign_launch(group->campaign_id, call);
		group->campaign_status = pstrdup("running");
		group->version++;
	}
}

/* A draft may have changed since it was described: its campaigns have, and other tests have started. */
static void
check_draft(SSTest *test)
{
	SSTest again = {0};

	ss_test_check(ss_test_describe(test), test->of_flag, &again);
	check_namespace(test);
	for (int i = 0; i < test->ngroups; i++)
	{
		if (test->groups[i].campaign_no != 0)
			check_campaign_is_free(test, &test->groups[i]);
	}
}

/* What is fixed now and never after: a tuning chosen from the data is not valid at every look. */
static void
fix_tuning(SSTest *test)
{
	int64 required;

	if (test->sequential_tuning > 0)
		return;
	required = test->target_sample_size > 0 ? test->target_sample_size : ss_test_required_size(test, NULL);
	test->sequential_tuning = required > 0 ? (int32) Min(required, PG_INT32_MAX) : DEFAULT_TUNING;
}

static void
begin_running(SSTest *test, SSCall *call)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum values[2] = {Int32GetDatum(test->no), TimestampTzGetDatum(now)};

	launch_campaigns(test, call);
	if (test->status == SS_TEST_DRAFT)
	{
		fix_tuning(test);
		test->started_at = now;
		for (int i = 0; i < test->ngroups; i++)
			test->groups[i].version_at_start = test->groups[i].version;
	}
	else
		ss_query_latest_rows(&close_pause, values, NULL, 1);
	test->status = SS_TEST_RUNNING;
}

/*
 * start_ab_test(test_id): a draft starts, a paused test goes on; its campaigns
 * run from then on, each for its own group alone.
 */
Datum
swipesavvy_start_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSJson json = {0};
	Jsonb *before;
	bool resumed;

	ss_call_enter(&call, SS_ADMIN);
	ss_test_lock(ss_arg_uuid(fcinfo, 0, "test_id", true), &test);
	before = ss_test_row(test.no);
	if (test.status != SS_TEST_DRAFT && test.status != SS_TEST_PAUSED)
		ss_bad_state("test cannot be started", "It is %s; only a draft or a paused test can.",
					 ss_test_statuses[test.status]);
	resumed = test.status == SS_TEST_PAUSED;
	if (!resumed)
		check_draft(&test);
	begin_running(&test, &call);
	ss_test_update(&test, &call);
	ss_test_record(&call, &test, "start", NULL, before);
	open_answer(&json, &test);
	ss_json_time(&json, "started_at", test.started_at);
	write_campaigns(&json, &test);
	PG_RETURN_DATUM(close_answer(&call, &json, resumed ? "The test goes on." : "The test is running."));
}

/*
 * pause_ab_test(test_id, reason): pauses the test and its running campaigns:
 * without the test everybody would get every one of them.
 */
Datum
swipesavvy_pause_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSJson json = {0};
	Jsonb *before;
	char *reason;
	TimestampTz now;
	Datum values[2];

	ss_call_enter(&call, SS_ADMIN);
	reason = ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, false);
	ss_test_lock(ss_arg_uuid(fcinfo, 0, "test_id", true), &test);
	before = ss_test_row(test.no);
	if (test.status != SS_TEST_RUNNING)
		ss_bad_state("test is not running", "It is %s.", ss_test_statuses[test.status]);
	now = GetCurrentTimestamp();
	for (int i = 0; i < test.ngroups; i++)
	{
		if (test.groups[i].campaign_no == 0 || !is(test.groups[i].campaign_status, "running"))
			continue;
		ss_campaign_pause(test.groups[i].campaign_id, &call);
		test.groups[i].campaign_status = pstrdup("paused");
	}
	values[0] = Int32GetDatum(test.no);
	values[1] = TimestampTzGetDatum(now);
	ss_query_latest_rows(&open_pause, values, NULL, 1);
	test.status = SS_TEST_PAUSED;
	ss_test_update(&test, &call);
	ss_test_record(&call, &test, "pause", reason, before);
	open_answer(&json, &test);
	ss_json_time(&json, "paused_at", now);
	write_campaigns(&json, &test);
	PG_RETURN_DATUM(close_answer(&call, &json, "The test and its campaigns are paused."));
}

/* --- end and delete ---------------------------------------------------------------------------------------------- */

static const char *const endings[] = {"winner", "leave", NULL};

/* The group that the caller names by its campaign or its name; 0, the control, for none. */
static int
winner_of(const SSTest *test, const char *winner)
{
	if (winner == NULL)
		return 0;
	for (int i = 0; i < test->ngroups - (test->has_hold_out ? 1 : 0); i++)
	{
		const SSTestGroup *group = &test->groups[i];

		if (is(group->name, winner) || (group->campaign_id != NULL && is(group->campaign_id, winner)))
			return i;
	}
	ss_bad_value("winner", "\"%s\" is neither a campaign nor a group of the test that can win.", winner);
}

/* The winner runs on for everybody; the others are completed. */
static void
end_campaigns(SSTest *test, int winner, SSCall *call)
{
	for (int i = 0; i < test->ngroups; i++)
	{
		SSTestGroup *group = &test->groups[i];
		const char *wanted = i == winner ? "running" : "completed";

		if (group->campaign_no == 0 || is(group->campaign_status, wanted) || is(group->campaign_status, "completed") ||
			is(group->campaign_status, "archived"))
			continue;
		if (i == winner)
			ss_campaign_launch(group->campaign_id, call);
		else
			ss_campaign_complete(group->campaign_id, call);
		group->campaign_status = pstrdup(wanted);
	}
}

static void
close_test(SSTest *test, TimestampTz now)
{
	Datum values[2] = {Int32GetDatum(test->no), TimestampTzGetDatum(now)};

	if (test->status == SS_TEST_PAUSED)
		ss_query_latest_rows(&close_pause, values, NULL, 1);
	test->status = SS_TEST_ENDED;
	test->ended_at = now;
	test->recommended = ss_test_recommended_group(test);
}

static const char *
ending_message(const SSTest *test, bool leave, const char *winner)
{
	if (leave)
		return "The test is over; everybody gets each of its campaigns that runs.";
	if (winner == NULL)
		return test->of_flag ? "The test is over; the flag's other rules decide."
							 : "The test is over; the control stays.";
	return test->of_flag ? "The test is over; its users get the winner's value."
						 : "The test is over; the winner runs on for everybody.";
}

/*
 * end_ab_test(test_id, winner, campaigns, reason): ends the test, and its
 * campaigns but the winner's, unless they are to be left.
 */
Datum
swipesavvy_end_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSJson json = {0};
	Jsonb *before;
	char *winner;
	char *ending;
	bool leave;
	int group;

	ss_call_enter(&call, SS_ADMIN);
	winner = ss_arg_text(fcinfo, 1, "winner", SS_KEY_MAX, false);
	ending = ss_arg_text(fcinfo, 2, "campaigns", SS_KEY_MAX, false);
	leave = ending != NULL && ss_check_choice(ending, "campaigns", endings) == 1;
	ss_test_lock(ss_arg_uuid(fcinfo, 0, "test_id", true), &test);
	before = ss_test_row(test.no);
	if (test.status != SS_TEST_RUNNING && test.status != SS_TEST_PAUSED)
		ss_bad_state("test is not running", "It is %s; only a running or paused test can end.",
					 ss_test_statuses[test.status]);
	group = winner_of(&test, winner);
	test.winner = winner == NULL ? -1 : group;
	test.end_reason = ss_arg_text(fcinfo, 3, "reason", SS_TEXT_MAX, false);
	close_test(&test, GetCurrentTimestamp());
	/* no group is active any more before campaigns change: their functions refuse what is in a test */
	ss_test_update(&test, &call);
	if (test.of_flag)
		ss_flag_values_win(&test, &call);
	else if (!leave)
		end_campaigns(&test, group, &call);
	ss_test_record(&call, &test, "end", NULL, before);
	open_answer(&json, &test);
	ss_json_time(&json, "ended_at", test.ended_at);
	ss_json_text(&json, "winner", ss_test_group_said(&test, test.winner));
	write_campaigns(&json, &test);
	PG_RETURN_DATUM(close_answer(&call, &json, ending_message(&test, leave, winner)));
}

/*
 * delete_ab_test(test_id): archives a draft, or a test that is over; its rows
 * stay.
 */
Datum
swipesavvy_delete_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSJson json = {0};
	Jsonb *before;

	ss_call_enter(&call, SS_ADMIN);
	ss_test_lock(ss_arg_uuid(fcinfo, 0, "test_id", true), &test);
	before = ss_test_row(test.no);
	if (test.status == SS_TEST_RUNNING || test.status == SS_TEST_PAUSED)
		ss_bad_state("test is not over", "It is %s: end_ab_test() ends it.", ss_test_statuses[test.status]);
	if (test.status == SS_TEST_ARCHIVED)
		ss_bad_state("test is archived already", "That was at an earlier time.");
	test.status = SS_TEST_ARCHIVED;
	test.archived_at = GetCurrentTimestamp();
	ss_test_update(&test, &call);
	ss_test_record(&call, &test, "delete", NULL, before);
	open_answer(&json, &test);
	ss_json_time(&json, "archived_at", test.archived_at);
	PG_RETURN_DATUM(close_answer(&call, &json, "The test is archived; its rows stay."));
}
