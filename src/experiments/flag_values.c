/*
 * flag_values.c: A/B tests between values of a flag, as far as they touch
 * flags (flag_values.h).
 *
 * The rule of a running test is compiled into its flag by flags/flag_set.c;
 * what may be in it is what may be in any rule of the flag, and flags check it.
 * Ending a test with a winner locks the flag's row behind that of the test.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"

#include "base/json.h"
#include "experiments/exposures.h"
#include "experiments/flag_values.h"
#include "flags/assign_flag.h"
#include "flags/condition.h"
#include "flags/flag_check.h"
#include "flags/flag_record.h"
#include "flags/flag_subject.h"

static bool
has_condition(Jsonb *condition)
{
	return condition != NULL && JB_ROOT_COUNT(condition) > 0;
}

/* --- the flag's rule ------------------------------------------------------------------------------ */

void
ss_flag_values_check(SSTest *test)
{
	SSJson json = {0};
	SSFlagRow flag;

	ss_flag_read(&flag, test->flag_key);
	for (int i = 0; i < test->ngroups; i++)
		ss_flag_check_value(flag.value_type, ss_node_read(test->groups[i].value), "variations",
							psprintf("variations[%d]", i));
	ss_json_open_object(&json, NULL);
	ss_test_write_experiment(&json, test);
	if (has_condition(test->condition))
		ss_json_jsonb(&json, "condition", test->condition);
	ss_json_close_object(&json);
	test->flag_no = ss_flag_check_rule(test->flag_key, DatumGetJsonbP(ss_json_finish(&json)));
}

void
ss_flag_values_win(const SSTest *test, SSCall *call)
{
	SSJson json = {0};

	if (test->winner < 0)
		return;
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "id", test->key);
	if (has_condition(test->condition))
		ss_json_jsonb(&json, "condition", test->condition);
	ss_json_jsonb(&json, "force", test->groups[test->winner].value);
	ss_json_close_object(&json);
	ss_flag_append_rule(call, test->flag_key, DatumGetJsonbP(ss_json_finish(&json)), test->end_reason);
}

/* --- who is taken ----------------------------------------------------------------------------------- */

bool
ss_flag_values_take(const SSAssignable *test, const pg_uuid_t *user_id)
{
	SSNode *condition;
	SSFlagSubject subject;

	if (!has_condition(test->condition))
		return true;
	condition = ss_node_read(test->condition);
	ss_flag_subject_read(&subject, ss_flag_set_get(), user_id, NULL, ss_flag_reads(condition));
	return ss_condition_holds(condition, &subject.context.subject);
}

/* A rule of a flag gave the user a variation: if it is that of a running test, this is an exposure. */
static bool
expose(const SSFlag *flag, SSText rule_id, const pg_uuid_t *user_id, int variation)
{
	SSAssignable *test = ss_assignable_find(pnstrdup(rule_id.data, rule_id.length));

	if (test == NULL || !test->of_flag || test->status != SS_TEST_RUNNING)
		return false;
	return ss_exposure_record(test, user_id, variation, GetCurrentStatementStartTimestamp());
}

void
ss_flag_values_init(void)
{
	ss_flag_exposure = expose;
}
