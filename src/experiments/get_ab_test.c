/*
 * get_ab_test.c: get_ab_test and list_ab_tests. Readers lock nothing.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/page.h"
#include "base/rows.h"
#include "call/call.h"
#include "experiments/ab_test.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_ab_test);
PG_FUNCTION_INFO_V1(swipesavvy_list_ab_tests);

/* $1 status (null: all but archived), $2 pattern, $3 and $4 the cursor's created_at and number */
#define LISTED                                                                                                         \
	" FROM swipesavvy.ab_tests t WHERE (t.status = $1 OR ($1 IS NULL AND t.status <> 'archived'))"                     \
	" AND ($2 IS NULL OR t.test_name ILIKE $2)"

SS_QUERY(count_tests, "SELECT count(*) FROM (SELECT 1" LISTED SS_PAGE_COUNT_LIMIT ") l", TEXTOID, TEXTOID);

SS_QUERY(list_tests,
		 "SELECT t.test_id, t.test_name, t.kind, t.status, t.started_at, t.ended_at,"
		 " (SELECT c.campaign_id FROM swipesavvy.ab_test_groups g JOIN swipesavvy.campaigns c USING (campaign_no)"
		 " WHERE g.test_no = t.test_no AND g.group_no = 0) AS control_campaign_id,"
		 " (SELECT jsonb_agg(c.campaign_id ORDER BY g.group_no) FROM swipesavvy.ab_test_groups g"
		 " JOIN swipesavvy.campaigns c USING (campaign_no)"
		 " WHERE g.test_no = t.test_no AND g.group_no > 0) AS variant_campaign_ids,"
		 " (SELECT sum(s.n)::bigint FROM swipesavvy.ab_test_sums s WHERE s.test_no = t.test_no AND s.metric = 'buyers'"
		 " AND s.day = (SELECT max(l.day) FROM swipesavvy.ab_test_sums l WHERE l.test_no = t.test_no)) AS users,"
		 " t.target_sample_size, (SELECT coalesce(c.campaign_id, g.name) FROM swipesavvy.ab_test_groups g"
		 " LEFT JOIN swipesavvy.campaigns c USING (campaign_no)"
		 " WHERE g.test_no = t.test_no AND g.group_no = t.winner_group) AS winner" LISTED
		 " AND ($3 IS NULL OR (t.created_at, t.test_no) < ($3, $4))"
		 " ORDER BY t.created_at DESC, t.test_no DESC LIMIT $5 OFFSET $6",
		 TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, INT8OID, INT8OID);

SS_QUERY(find_cursor, "SELECT t.created_at, t.test_no FROM swipesavvy.ab_tests t WHERE t.test_id = $1", UUIDOID);

/* --- the test as a document ----------------------------------------------------------------------------- */

static void
write_time(SSJson *json, const char *key, TimestampTz value)
{
	ss_json_datum(json, key, TimestampTzGetDatum(value), value == DT_NOEND, TIMESTAMPTZOID);
}

static void
write_count(SSJson *json, const char *key, int64 value)
{
	if (value == 0)
		ss_json_null(json, key);
	else
		ss_json_int(json, key, value);
}

static void
write_groups(SSJson *json, const SSTest *test)
{
	ss_json_open_array(json, "groups");
	for (int i = 0; i < test->ngroups; i++)
	{
		const SSTestGroup *group = &test->groups[i];

		ss_json_open_object(json, NULL);
		ss_json_int(json, "group", i);
		ss_json_text(json, "name", group->name);
		ss_json_text(json, "campaign_id", group->campaign_id);
		ss_json_jsonb(json, "value", group->value);
		ss_json_money(json, "weight", group->weight, 4);
		ss_json_text(json, "campaign_status", group->campaign_status);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
write_pauses(SSJson *json, const SSTest *test)
{
	ss_json_open_array(json, "pauses");
	for (int i = 0; i < test->npauses; i++)
	{
		ss_json_open_object(json, NULL);
		write_time(json, "paused_at", test->pauses[i].from);
		write_time(json, "resumed_at", test->pauses[i].to);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
write_namespace(SSJson *json, const char *key, const SSTest *test)
{
	ss_json_open_array(json, key);
	ss_json_text(json, NULL, test->namespace_id);
	ss_json_double(json, NULL, test->namespace_start / 1000.0);
	ss_json_double(json, NULL, test->namespace_end / 1000.0);
	ss_json_close_array(json);
}

static void
write_variations(SSJson *json, const SSTest *test)
{
	ss_json_open_array(json, "variations");
	for (int i = 0; i < test->ngroups; i++)
	{
		if (test->of_flag)
			ss_json_jsonb(json, NULL, test->groups[i].value);
		else if (test->groups[i].campaign_id != NULL)
			ss_json_text(json, NULL, test->groups[i].campaign_id);
		else
			ss_json_null(json, NULL);
	}
	ss_json_close_array(json);
}

void
ss_test_write_experiment(SSJson *json, const SSTest *test)
{
	ss_json_text(json, "key", test->key);
	write_variations(json, test);
	ss_json_open_array(json, "weights");
	for (int i = 0; i < test->ngroups; i++)
		ss_json_double(json, NULL, test->groups[i].weight / 10000.0);
	ss_json_close_array(json);
	ss_json_double(json, "coverage", test->coverage / 10000.0);
	if (test->namespace_id != NULL)
		write_namespace(json, "namespace", test);
	ss_json_text(json, "seed", test->seed);
	ss_json_int(json, "hashVersion", SS_AB_HASH_VERSION);
	ss_json_text(json, "hashAttribute", "id");
	ss_json_open_array(json, "meta");
	for (int i = 0; i < test->ngroups; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "key", test->groups[i].name);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
write_document(SSJson *json, const SSTest *test)
{
	ss_json_open_object(json, "document");
	ss_test_write_experiment(json, test);
	ss_json_close_object(json);
}

static void
write_design(SSJson *json, const SSTest *test)
{
	ss_json_text(json, "exposure", test->by_assignment ? "assignment" : "population");
	ss_json_text(json, "outside", test->control_outside ? "control" : "none");
	ss_json_text(json, "seed", test->seed);
	ss_json_int(json, "hash_version", SS_AB_HASH_VERSION);
	ss_json_int(json, "bucket_version", test->bucket_version);
	ss_json_money(json, "coverage", test->coverage, 4);
	if (test->namespace_id != NULL)
		write_namespace(json, "namespace", test);
	else
		ss_json_null(json, "namespace");
	ss_json_text(json, "currency", test->currency);
	ss_json_text(json, "scope", test->target_only ? "target" : "all");
	ss_json_text(json, "primary_metric", ss_metric_specs[test->primary].name);
	ss_metrics_add(json, "metrics", test->metrics);
	ss_metrics_add(json, "guardrails", test->guardrails);
	write_count(json, "window_days", test->window_days);
	ss_json_int(json, "covariate_days", test->covariate_days);
	ss_json_money(json, "confidence_level", test->confidence, 2);
	ss_json_money(json, "power", test->power, 2);
	ss_json_datum(json, "minimum_effect_size", NumericGetDatum(test->minimum_effect), false, NUMERICOID);
	ss_json_datum(json, "baseline", NumericGetDatum(test->baseline), test->baseline == NULL, NUMERICOID);
	write_count(json, "target_sample_size", test->target_sample_size);
	ss_json_bool(json, "sequential", test->sequential);
	write_count(json, "sequential_tuning", test->sequential_tuning);
	ss_json_int(json, "minimum_days", test->minimum_days);
	ss_json_int(json, "minimum_conversions", test->minimum_conversions);
}

void
ss_test_write(SSJson *json, const SSTest *test)
{
	double days = ss_test_days_running(test, GetCurrentTimestamp());

	ss_json_uuid(json, "test_id", &test->id);
	ss_json_text(json, "test_key", test->key);
	ss_json_text(json, "test_name", test->name);
	ss_json_text(json, "hypothesis", test->hypothesis);
	ss_json_text(json, "kind", test->of_flag ? "flag" : "campaign");
	ss_json_text(json, "status", ss_test_statuses[test->status]);
	ss_json_int(json, "version", test->version);
	ss_json_text(json, "flag_key", test->flag_key);
	if (test->of_flag)
		ss_json_jsonb(json, "condition", test->condition);
	ss_json_text(json, "segment", test->segment);
	write_design(json, test);
	write_groups(json, test);
	write_time(json, "created_at", test->created_at);
	ss_json_datum(json, "created_by", UUIDPGetDatum(&test->created_by), !test->has_creator, UUIDOID);
	write_time(json, "updated_at", test->updated_at);
	write_time(json, "started_at", test->started_at);
	write_time(json, "ended_at", test->ended_at);
	write_time(json, "archived_at", test->archived_at);
	ss_json_text(json, "winner", ss_test_group_said(test, test->winner));
	ss_json_text(json, "recommended", ss_test_group_said(test, test->recommended));
	ss_json_text(json, "end_reason", test->end_reason);
	ss_json_money(json, "days_running", (int64) floor(days * 100 + 0.5), 2);
	write_pauses(json, test);
	write_document(json, test);
}

/*
 * get_ab_test(test_id): the whole test.
 */
Datum
swipesavvy_get_ab_test(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSTest test;
	SSJson json = {0};

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	ss_test_read(ss_arg_uuid(fcinfo, 0, "test_id", true), &test);
	ss_json_open_object(&json, NULL);
	ss_test_write(&json, &test);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- the list --------------------------------------------------------------------------------------------- */

/*
 * list_ab_tests(status, page_size, page_offset, search, after): newest first.
 */
Datum
swipesavvy_list_ab_tests(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	char *status;
	char *search;
	SSRow counted_row;
	int64 counted;
	Datum values[6] = {0};
	bool nulls[6] = {false, false, true, true, false, false};

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	status = ss_arg_text(fcinfo, 0, "status", SS_KEY_MAX, false);
	if (status != NULL)
		(void) ss_check_choice(status, "status", ss_test_statuses);
	page = ss_arg_page(fcinfo, 1, 2, 4, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	search = ss_arg_text(fcinfo, 3, "search", SS_NAME_MAX, false);
	ss_param_text(values, nulls, 0, status);
	ss_param_text(values, nulls, 1, search == NULL ? NULL : ss_page_pattern(search));
	if (page.after != NULL)
	{
		Datum key = UUIDPGetDatum(ss_uuid_from_text(page.after, "after"));

		SSRows rows = ss_rows_read(&find_cursor, &key, NULL);
		SSRow row;

		if (rows.count == 0)
			ss_bad_value("after", "\"%s\" is no test.", page.after);
		row = ss_row(rows, 0);
		values[2] = TimestampTzGetDatum(ss_next_time(&row));
		values[3] = Int32GetDatum(ss_next_int32(&row));
		nulls[2] = nulls[3] = false;
	}
	counted_row = ss_row(ss_rows_read(&count_tests, values, nulls), 0);
	counted = ss_next_int64(&counted_row);
	values[4] = Int64GetDatum(SS_PAGE_ROWS(&page));
	values[5] = Int64GetDatum(page.offset);
	(void) ss_query_read(&list_tests, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "tests", &page, counted, "test_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
