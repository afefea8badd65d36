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
#include "base/rows.h"
#include "experiments/exposures.h"
#include "experiments/flag_values.h"
#include "flags/assign_flag.h"
#include "flags/condition.h"
#include "flags/flag_check.h"
#include "flags/flag_record.h"
#include "flags/flag_subject.h"

SS_QUERY(kept_variation,
		 "SELECT a.variation FROM swipesavvy.feature_flag_assignments a JOIN swipesavvy.ab_tests t"
		 " ON t.test_key = a.experiment_key AND t.bucket_version = a.bucket_version"
		 " WHERE a.user_id = $1 AND t.test_no = $2",
		 UUIDOID, INT4OID);

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
	test->flag_no = ss_flag_check_rule(test->flag_key, test->key, DatumGetJsonbP(ss_json_finish(&json)));
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

static const SSFlag *
flag_of(const SSAssignable *test, const SSFlagSet *set)
{
	return ss_flag_find(set, (SSText){test->flag_key, strlen(test->flag_key)});
}

int
ss_flag_values_kept(const SSAssignable *test, const pg_uuid_t *user_id)
{
	const SSFlag *flag = flag_of(test, ss_flag_set_get());
	Datum values[2] = {UUIDPGetDatum(user_id), Int32GetDatum(test->compiled.no)};
	SSRows rows;
	char *kept;

	if (flag == NULL || !flag->is_sticky)
		return -1;
	rows = ss_rows_latest(&kept_variation, values, NULL);
	kept = rows.count == 0 ? NULL : ss_one_text(rows);
	for (int i = 0; kept != NULL && i < test->ngroups; i++)
	{
		if (strcmp(test->groups[i].name, kept) == 0)
			return i;
	}
	return -1;
}

bool
ss_flag_values_are_given(const SSAssignable *test)
{
	const SSFlagSet *set = ss_flag_set_get();
	const SSFlag *flag = flag_of(test, set);

	return !set->killed && flag != NULL && flag->enabled;
}

/* A rule of a flag gave the user a variation: if it is that of a running test of this flag, this is an exposure. */
static bool
expose(const SSFlag *flag, SSText rule_id, const pg_uuid_t *user_id, int variation)
{
	SSAssignable *test = ss_assignable_find(pnstrdup(rule_id.data, rule_id.length));

	if (test == NULL || !test->of_flag || test->status != SS_TEST_RUNNING ||
		!ss_text_equals(flag->key, (SSText){test->flag_key, strlen(test->flag_key)}))
		return false;
	return ss_exposure_record(test, user_id, variation, GetCurrentStatementStartTimestamp());
}

void
ss_flag_values_init(void)
{
	ss_flag_exposure = expose;
}
