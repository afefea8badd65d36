/*
 * assignable.c: started tests, kept by this backend (assignable.h).
 *
 * Called wherever a user is told its group. A test is read when it is asked
 * for, under the latest snapshot, and kept in one context that is emptied when
 * tests or anything else that rules are made of has changed: triggers of the
 * tables of tests send what tells the rules, too (rules.c). No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/rows.h"
#include "base/uuid.h"
#include "experiments/assignable.h"
#include "experiments/flag_values.h"
#include "rules/rules.h"

#define KEPT_MAX 64

SS_QUERY(find_by_key, "SELECT t.test_id FROM swipesavvy.ab_tests t WHERE t.test_key = $1", TEXTOID);

SS_QUERY(is_member, "SELECT 1 FROM swipesavvy.segment_members m WHERE m.user_id = $1 AND m.segment_no = $2", UUIDOID,
		 INT4OID);

static MemoryContext context = NULL;
static uint64 seen = 0; /* generation of the rules that the kept tests belong to */
static int count = 0;
static SSAssignable *kept[KEPT_MAX];

/* --- what is kept --------------------------------------------------------------------------- */

static Jsonb *
copy_jsonb(const Jsonb *document)
{
	Jsonb *copy;

	if (document == NULL)
		return NULL;
	copy = palloc(VARSIZE(document));
	memcpy(copy, document, VARSIZE(document));
	return copy;
}

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

/* A copy in the current context. */
static SSAssignable *
copy(const SSTest *test)
{
	SSAssignable *made = palloc0(sizeof(SSAssignable));

	made->id = test->id;
	made->key = pstrdup(test->key);
	made->status = test->status;
	made->of_flag = test->of_flag;
	made->flag_key = copy_text(test->flag_key);
	made->by_assignment = test->by_assignment;
	made->control_outside = test->control_outside;
	made->condition = copy_jsonb(test->condition);
	made->started_at = test->started_at;
	made->ended_at = test->ended_at;
	made->npauses = test->npauses;
	made->pauses = palloc(Max(test->npauses, 1) * sizeof(SSTestPause));
	memcpy(made->pauses, test->pauses, test->npauses * sizeof(SSTestPause));
	made->ngroups = test->ngroups;
	for (int i = 0; i < test->ngroups; i++)
		made->groups[i] = (SSAssignableGroup){
			copy_text(test->groups[i].name),
			copy_text(test->groups[i].campaign_id),
			copy_jsonb(test->groups[i].value),
		};
	ss_test_compile(test, &made->compiled);
	made->compiled.seed = pstrdup(test->seed);
	return made;
}

static SSAssignable *
take(const pg_uuid_t *id)
{
	SSTest test;
	SSAssignable *made;
	MemoryContext outer;

	PushActiveSnapshot(GetLatestSnapshot());
	ss_test_read(id, &test);
	PopActiveSnapshot();
	if (count == KEPT_MAX)
	{
		MemoryContextReset(context);
		count = 0;
	}
	outer = MemoryContextSwitchTo(context);
	made = copy(&test);
	MemoryContextSwitchTo(outer);
	kept[count++] = made;
	return made;
}

/* Forgets what may have changed. */
static void
refresh(void)
{
	uint64 generation = ss_rules_get()->generation;

	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "swipesavvy tests", ALLOCSET_DEFAULT_SIZES);
	if (generation == seen)
		return;
	MemoryContextReset(context);
	count = 0;
	seen = generation;
}

SSAssignable *
ss_assignable_by_id(const pg_uuid_t *id)
{
	refresh();
	for (int i = 0; i < count; i++)
	{
		if (ss_uuid_equal(&kept[i]->id, id))
			return kept[i];
	}
	return take(id);
}

SSAssignable *
ss_assignable_find(const char *key)
{
	Datum value;
	SSRows rows;
	SSRow row;

	refresh();
	for (int i = 0; i < count; i++)
	{
		if (strcmp(kept[i]->key, key) == 0)
			return kept[i];
	}
	value = CStringGetTextDatum(key);
	rows = ss_rows_latest(&find_by_key, &value, NULL);
	if (rows.count == 0)
		return NULL;
	row = ss_row(rows, 0);
	return take(ss_next_uuid(&row));
}

SSAssignable *
ss_assignable_by_key(const char *key)
{
	SSAssignable *test = ss_assignable_find(key);

	if (test == NULL)
		ss_not_found("test", key);
	return test;
}

/* --- what it says ---------------------------------------------------------------------------- */

bool
ss_assignable_ran(const SSAssignable *test, TimestampTz moment)
{
	if (moment < test->started_at || moment >= test->ended_at)
		return false;
	for (int i = 0; i < test->npauses; i++)
	{
		if (moment >= test->pauses[i].from && moment < test->pauses[i].to)
			return false;
	}
	return true;
}

int
ss_assignable_group(SSAssignable *test, const pg_uuid_t *user_id)
{
	Datum values[2] = {UUIDPGetDatum(user_id), Int32GetDatum(test->compiled.segment_no)};
	bool in_segment = test->compiled.segment_no == 0 || ss_query_read(&is_member, values, NULL) > 0;
	int kept = test->of_flag ? ss_flag_values_kept(test, user_id) : -1;

	if (kept >= 0)
		return kept;
	if (test->of_flag && !ss_flag_values_take(test, user_id))
		return SS_AB_OUTSIDE;
	return ss_ab_group(&test->compiled, user_id, in_segment);
}
