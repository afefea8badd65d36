/*
 * load_ab_tests.c: reads the running A/B tests between campaigns into compiled
 * rules.
 *
 * Called by load.c under the snapshot that rules.c chose, by simulations, and
 * by explain_award for a test of the past. No locks.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/rows.h"
#include "rules/load_ab_tests.h"

/* groups with their campaigns, and the hold-out; the tests in the order of their numbers */
#define AB_TESTS                                                                                                       \
	"SELECT t.test_no, t.seed, t.coverage::float8, t.namespace_id, (t.namespace_start * 1000)::integer,"               \
	" (t.namespace_end * 1000)::integer, t.segment_no, t.outside = 'control', g.campaign_no, g.weight::float8"         \
	"  FROM swipesavvy.ab_tests t JOIN swipesavvy.ab_test_groups g USING (test_no) WHERE t.kind = 'campaign' AND "

SS_QUERY(ab_tests_query, AB_TESTS "t.status = 'running' ORDER BY t.test_no, g.group_no");

/* the one that ran at $2 with campaign $1 */
SS_QUERY(ab_test_then_query,
		 AB_TESTS
		 "t.test_no = (SELECT r.test_no FROM swipesavvy.ab_test_groups c JOIN swipesavvy.ab_tests r USING (test_no)"
		 " WHERE c.campaign_no = $1 AND r.started_at <= $2 AND (r.ended_at IS NULL OR r.ended_at > $2)"
		 " AND NOT EXISTS (SELECT 1 FROM swipesavvy.ab_test_pauses p WHERE p.test_no = r.test_no"
		 " AND p.paused_at <= $2 AND (p.resumed_at IS NULL OR p.resumed_at > $2)) LIMIT 1) ORDER BY g.group_no",
		 INT4OID, TIMESTAMPTZOID);

/* A row of either query. */
typedef struct GroupRow
{
	SSAbTest test; /* without groups */
	char *namespace_id;
	double coverage;
	int32 campaign_no; /* 0 = the hold-out */
	double weight;
} GroupRow;

static GroupRow
read_group(SSRow row)
{
	GroupRow group = {0};

	group.test.no = ss_next_int32(&row);
	group.test.seed = ss_next_text(&row);
	group.coverage = ss_next_float8(&row);
	group.namespace_id = ss_next_text_or_null(&row);
	group.test.namespace_range.start = ss_next_int32_or(&row, 0);
	group.test.namespace_range.end = ss_next_int32_or(&row, 0);
	group.test.segment_no = ss_next_int32_or(&row, 0);
	group.test.control_outside = ss_next_bool(&row);
	group.campaign_no = ss_next_int32_or(&row, 0);
	group.weight = ss_next_float8(&row);
	return group;
}

/* A test of the rules from the first of its rows, as yet without groups. */
static SSAbTest *
make_test(SSRules *rules, const GroupRow *row)
{
	SSAbTest *test = MemoryContextAlloc(rules->context, sizeof(SSAbTest));

	*test = row->test;
	test->seed = MemoryContextStrdup(rules->context, row->test.seed);
	test->seed_length = (int) strlen(test->seed);
	if (row->namespace_id != NULL)
		test->namespace_seed = MemoryContextStrdup(rules->context, psprintf("__%s", row->namespace_id));
	rules->has_segments |= test->segment_no != 0;
	return test;
}

/* The rows of one test, from n on; returns the first row of the next one. */
static uint64
load_test(SSRules *rules, SSRows rows, uint64 n)
{
	GroupRow row = read_group(ss_row(rows, n));
	SSAbTest *test = make_test(rules, &row);
	double coverage = row.coverage;
	double weights[SS_AB_GROUPS_MAX];

	while (row.test.no == test->no)
	{
		SSCampaign *campaign = ss_rules_campaign(rules, row.campaign_no);

		if (test->ngroups == SS_AB_GROUPS_MAX)
			elog(ERROR, "test %d has too many groups", test->no);
		if (campaign != NULL)
		{
			campaign->ab_test = test;
			campaign->ab_group = test->ngroups;
		}
		weights[test->ngroups++] = row.weight;
		if (++n == rows.count)
			break;
		row = read_group(ss_row(rows, n));
	}
	ss_ab_ranges(test->ngroups, coverage, weights, test->groups);
	return n;
}

static bool
has_ab_tests(void)
{
	return OidIsValid(get_relname_relid("ab_tests", get_namespace_oid("swipesavvy", false)));
}

void
ss_rules_take_ab_test_then(SSRules *rules, TimestampTz moment)
{
	Datum values[2] = {Int32GetDatum(rules->campaigns[0].no), TimestampTzGetDatum(moment)};
	SSRows rows;

	if (!has_ab_tests())
		return;
	rows = ss_rows_read(&ab_test_then_query, values, NULL);
	if (rows.count > 0)
		(void) load_test(rules, rows, 0);
}

void
ss_rules_take_ab_tests(SSRules *rules)
{
	SSRows rows;

	if (!has_ab_tests())
		return;
	rows = ss_rows_read(&ab_tests_query, NULL, NULL);
	for (uint64 n = 0; n < rows.count;)
		n = load_test(rules, rows, n);
}
