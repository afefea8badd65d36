/*
 * flag_set.c: compiles the stored flags for this backend (flag_set.h).
 *
 * Called by everything that evaluates or shows stored flags. The set is a
 * cache like the compiled rules (rules/rules.c): one memory context that is
 * replaced as a whole, marked out of date by an invalidation of the empty table
 * flag_sentinel, compiled again under the latest snapshot in a loop on a
 * counter. Each flag is kept as the feature document that SDKs get, so that a
 * stored flag is evaluated by the same code as a document; what depends on the
 * time is arranged anew for each statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/errors.h"
#include "base/hash.h"
#include "base/query.h"
#include "base/sentinel.h"
#include "call/call.h"
#include "flags/flag_set.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_cache_status);

#define MAX_DOCUMENT_DEPTH 1000

static SSFlagSet *current = NULL;
static SSSentinel sentinel;
static uint64 seen = 0;	 /* of the sentinel when `current` was compiled */
static bool provisional; /* compiled in a parallel statement, under its snapshot: for that statement only */
static uint64 serials = 0;
static int64 last_build_us = 0;

/* Of the running tests on a flag, by their numbers: each is an experiment that hashes the id. */
#define TEST_RULES                                                                                                          \
	" coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.test_key, 'key', t.test_key, 'seed', t.seed, 'hashVersion', 2," \
	" 'hashAttribute', 'id', 'coverage', t.coverage, 'bucketVersion', t.bucket_version, 'variations', g.variations,"        \
	" 'weights', g.weights, 'meta', g.meta)"                                                                                \
	" || CASE WHEN t.condition = '{}' THEN '{}' ELSE jsonb_build_object('condition', t.condition) END"                      \
	" || CASE WHEN t.namespace_id IS NULL THEN '{}' ELSE jsonb_build_object('namespace',"                                   \
	" jsonb_build_array(t.namespace_id, t.namespace_start, t.namespace_end)) END ORDER BY t.test_no)"                       \
	" FROM swipesavvy.ab_tests t CROSS JOIN LATERAL (SELECT jsonb_agg(v.value ORDER BY v.group_no) AS variations,"          \
	" jsonb_agg(v.weight ORDER BY v.group_no) AS weights,"                                                                  \
	" jsonb_agg(jsonb_build_object('key', v.name) ORDER BY v.group_no) AS meta"                                             \
	" FROM swipesavvy.ab_test_groups v WHERE v.test_no = t.test_no) g"                                                      \
	" WHERE t.flag_no = f.flag_no AND t.status = 'running'), '[]')"

/* Those whose key is smaller in jsonb's order come first. */
SS_QUERY(
	flags_query,
	"SELECT flag_no, flag_key, audience, archived_at IS NOT NULL, sticky, updated_at, hash_attribute, seed, default_value, value,"
	"       targeting, rules, prerequisites," TEST_RULES
	"  FROM swipesavvy.feature_flags f ORDER BY octet_length(flag_key), flag_key");

/* What counts now, and what is to come. */
SS_QUERY(
	steps_query,
	"SELECT r.starts_at, coalesce(r.ends_at, 'infinity'), r.enabled, r.from_bp, r.to_bp"
	"  FROM swipesavvy.feature_flag_rollouts r"
	" WHERE r.flag_no = $1 AND r.starts_at >= coalesce((SELECT max(s.starts_at) FROM swipesavvy.feature_flag_rollouts s"
	"                                                    WHERE s.flag_no = $1 AND s.starts_at <= statement_timestamp()), '-infinity')"
	" ORDER BY r.starts_at",
	INT4OID);
SS_QUERY(overrides_query,
		 "SELECT user_id, coalesce(expires_at, 'infinity'), value FROM swipesavvy.feature_flag_overrides"
		 " WHERE flag_no = $1 AND (expires_at IS NULL OR expires_at > statement_timestamp())",
		 INT4OID);
SS_QUERY(
	segments_query,
	"SELECT segment_no, (row_number() OVER (ORDER BY name))::integer, name FROM swipesavvy.segments ORDER BY segment_no");
SS_QUERY(
	killed_query,
	"SELECT EXISTS (SELECT FROM swipesavvy.system_settings WHERE setting = 'feature_flags_enabled' AND value = 'false')");

/* --- what is read of users ------------------------------------------------------------------ */

static int
reads_of_member(SSNode *object, SSText key)
{
	SSNode *name = ss_node_get(object, key);

	return ss_node_is(name, SS_NODE_STRING) ? ss_flag_reads_of(ss_node_string(name)) : 0;
}

static int
reads_of_rule(SSNode *rule)
{
	SSNode *filters = ss_node_get(rule, SS_TEXT("filters"));
	int reads = ss_flag_reads(ss_node_get(rule, SS_TEXT("condition"))) |
				reads_of_member(rule, SS_TEXT("hashAttribute")) | reads_of_member(rule, SS_TEXT("fallbackAttribute"));

	for (int i = 0; ss_node_is(filters, SS_NODE_ARRAY) && i < filters->count; i++)
		reads |= reads_of_member(&ss_node_items(filters)[i], SS_TEXT("attribute"));
	return reads;
}

/* The rules that are stored and those of tests, then the roll-out to a share. */
static SSNode *
rule_at(SSFlag *flag, int n)
{
	return n < flag->nstored ? &flag->rules->items[n] : &flag->partial;
}

/* Of the first so many rules. */
static int
own_reads(SSFlag *flag, int nrules)
{
	int reads = flag->is_sticky ? SS_READS_STICKY : 0;

	for (int i = 0; flag->feature != NULL && i < nrules; i++)
		reads |= reads_of_rule(rule_at(flag, i));
	return reads;
}

static int
reads_of_parents(const SSFlagSet *set, SSFlag *flag, int nrules)
{
	int reads = 0;

	for (int i = 0; flag->feature != NULL && i < nrules; i++)
	{
		SSNode *parents = ss_node_get(rule_at(flag, i), SS_TEXT("parentConditions"));

		for (int j = 0; ss_node_is(parents, SS_NODE_ARRAY) && j < parents->count; j++)
		{
			SSNode *id = ss_node_get(&ss_node_items(parents)[j], SS_TEXT("id"));
			SSFlag *parent = ss_node_is(id, SS_NODE_STRING) ? ss_flag_find(set, ss_node_string(id)) : NULL;

			reads |= parent == NULL ? 0 : parent->reads;
		}
	}
	return reads;
}

/* What each flag reads, with its parents and theirs: goes round until nothing is added, whatever leads to what. */
static void
find_reads(SSFlagSet *set)
{
	bool changed = true;

	for (int i = 0; i < set->nflags; i++)
		set->flags[i].reads = own_reads(&set->flags[i], set->flags[i].nstored + 1);
	while (changed)
	{
		changed = false;
		for (int i = 0; i < set->nflags; i++)
		{
			int more = reads_of_parents(set, &set->flags[i], set->flags[i].nstored + 1) & ~set->flags[i].reads;

			set->flags[i].reads |= more;
			changed |= more != 0;
		}
	}
	for (int i = 0; i < set->nflags; i++)
	{
		SSFlag *flag = &set->flags[i];

		flag->stored_reads = own_reads(flag, flag->nstored) | reads_of_parents(set, flag, flag->nstored);
		for (int j = 0; flag->feature != NULL && j <= flag->nstored; j++)
			flag->names |= ss_flag_names(rule_at(flag, j));
	}
}

/* --- compiling -------------------------------------------------------------------------------- */

/*
 * The row's next document, opened in the present memory context: nothing of the
 * set is opened later, in memory that a call gives back.
 */
static SSNode *
next_document(SSRow *row)
{
	SSNode *node = ss_node_read((Jsonb *) PG_DETOAST_DATUM_COPY(ss_next_value(row, JSONBOID)));

	if (!ss_node_open_all(node, MAX_DOCUMENT_DEPTH))
		ss_bad_state("a document of a flag is nested too deeply", "More than %d levels lie within each other.",
					 MAX_DOCUMENT_DEPTH);
	return node;
}

/* The same where it must be an array; what is none counts as an empty one. */
static SSNode *
next_array(SSRow *row)
{
	SSNode *node = next_document(row);

	if (!ss_node_is(node, SS_NODE_ARRAY))
		*node = ss_node_array(0);
	return node;
}

/* Those of a flag have no gate: one that is shut would give null, not the default. */
static SSNode *
next_prerequisites(SSRow *row)
{
	SSNode *parents = next_array(row);

	for (int i = 0; i < parents->count; i++)
	{
		if (ss_node_is(&parents->items[i], SS_NODE_OBJECT))
			ss_node_remove(&parents->items[i], SS_TEXT("gate"));
	}
	return parents;
}

static SSText
next_text(SSRow *row)
{
	char *text = ss_next_text(row);

	return ss_text_of_server(text, strlen(text));
}

/* The flag's prerequisites, then the rule's own; NULL if there are none. */
static SSNode *
joined_parents(SSNode *prerequisites, SSNode *own)
{
	int nown = ss_node_is(own, SS_NODE_ARRAY) ? own->count : 0;
	SSNode *parents;

	if (prerequisites->count + nown == 0)
		return NULL;
	parents = palloc(sizeof(SSNode));
	*parents = ss_node_array(prerequisites->count + nown);
	for (int i = 0; i < prerequisites->count; i++)
	{
		SSNode parent = prerequisites->items[i];
		SSNode is_true = ss_node_object();

		parent.raw = NULL;
		ss_node_set_bool(&is_true, SS_TEXT("value"), true);
		if (parent.kind == SS_NODE_OBJECT && ss_node_get(&parent, SS_TEXT("condition")) == NULL)
			ss_node_set(&parent, SS_TEXT("condition"), &is_true);
		parents->items[i] = parent;
	}
	for (int i = 0; i < nown; i++)
		parents->items[prerequisites->count + i] = ss_node_items(own)[i];
	return parents;
}

/* What every rule of the flag gets. */
static void
complete_rule(SSNode *rule, SSNode *prerequisites, bool sticky)
{
	SSNode *parents = joined_parents(prerequisites, ss_node_get(rule, SS_TEXT("parentConditions")));

	if (rule->kind != SS_NODE_OBJECT)
		return; /* it decides nothing */
	ss_node_set(rule, SS_TEXT("parentConditions"), parents);
	if (!sticky)
		ss_node_set_bool(rule, SS_TEXT("disableStickyBucketing"), true);
}

/* The roll-out as a rule, to everybody or to a share that is set later. */
static SSNode
rollout_rule(SSNode *value, SSNode *targeting, const SSText *hash_attribute, SSText seed)
{
	SSNode rule = ss_node_object();

	ss_node_set_text(&rule, SS_TEXT("id"), SS_TEXT("rollout"));
	ss_node_set(&rule, SS_TEXT("force"), value);
	if (targeting->count > 0)
		ss_node_set(&rule, SS_TEXT("condition"), targeting);
	if (hash_attribute != NULL)
	{
		ss_node_set_number(&rule, SS_TEXT("coverage"), 0);
		ss_node_set_text(&rule, SS_TEXT("hashAttribute"), *hash_attribute);
		ss_node_set_text(&rule, SS_TEXT("seed"), seed);
		ss_node_set_number(&rule, SS_TEXT("hashVersion"), 2);
	}
	return rule;
}

/* The feature of a flag, of the row from its seed on: its rules in an array with a place for the roll-out. */
static void
compile_feature(SSFlag *flag, SSRow *row)
{
	SSText seed = next_text(row);
	SSNode *value;
	SSNode *targeting;
	SSNode *stored;
	SSNode *prerequisites;
	SSNode *tests;
	SSNode rules;

	flag->default_value = next_document(row);
	value = next_document(row);
	targeting = next_document(row);
	stored = next_array(row);
	prerequisites = next_prerequisites(row);
	tests = next_array(row);
	flag->nstored = stored->count + tests->count;
	rules = ss_node_array(flag->nstored + 1);
	for (int i = 0; i < flag->nstored; i++)
	{
		rules.items[i] = i < stored->count ? stored->items[i] : tests->items[i - stored->count];
		complete_rule(&rules.items[i], prerequisites, flag->is_sticky);
	}
	flag->whole = rollout_rule(value, targeting, NULL, seed);
	flag->partial = rollout_rule(value, targeting, &flag->hash_attribute, seed);
	complete_rule(&flag->whole, prerequisites, flag->is_sticky);
	complete_rule(&flag->partial, prerequisites, flag->is_sticky);
	*flag->feature = ss_node_object();
	ss_node_set(flag->feature, SS_TEXT("defaultValue"), flag->default_value);
	ss_node_set(flag->feature, SS_TEXT("rules"), &rules);
	flag->rules = ss_node_get(flag->feature, SS_TEXT("rules"));
	flag->by_id = ss_node_get(&flag->partial, SS_TEXT("parentConditions")) == NULL &&
				  (ss_text_equals(flag->hash_attribute, SS_TEXT("id")) ||
				   ss_text_equals(flag->hash_attribute, SS_TEXT("user_id")));
	flag->seed_hash = ss_hash_begin(seed.data, seed.length);
}

static SSAudience
audience_of(SSText name)
{
	if (ss_text_equals(name, SS_TEXT("public")))
		return SS_AUDIENCE_PUBLIC;
	return ss_text_equals(name, SS_TEXT("client")) ? SS_AUDIENCE_CLIENT : SS_AUDIENCE_SERVER;
}

static void
compile_flag(SSFlagSet *set, SSFlag *flag, SSRow row)
{
	flag->no = ss_next_int32(&row);
	flag->key = next_text(&row);
	flag->audience = audience_of(next_text(&row));
	flag->is_archived = ss_next_bool(&row);
	flag->is_sticky = ss_next_bool(&row);
	flag->updated_at = ss_next_time(&row);
	flag->hash_attribute = next_text(&row);
	if (flag->is_archived)
	{
		ss_next_skip(&row, 1);
		flag->default_value = next_document(&row);
		return;
	}
	flag->feature = &set->features.items[set->features.count];
	set->features.keys[set->features.count++] = flag->key;
	compile_feature(flag, &row);
}

static void
load_steps(SSFlagSet *set, SSFlag *flag)
{
	Datum no = Int32GetDatum(flag->no);
	SSRows rows = ss_rows_read(&steps_query, &no, NULL);

	MemoryContextSwitchTo(set->context);
	flag->nsteps = rows.count;
	flag->steps = palloc(sizeof(SSFlagStep) * Max(flag->nsteps, 1));
	for (int i = 0; i < flag->nsteps; i++)
	{
		SSRow row = ss_row(rows, i);

		flag->steps[i].starts_at = ss_next_time(&row);
		flag->steps[i].ends_at = ss_next_time(&row);
		flag->steps[i].enabled = ss_next_bool(&row);
		flag->steps[i].from_bp = ss_next_int32(&row);
		flag->steps[i].to_bp = ss_next_int32(&row);
	}
}

static void
load_overrides(SSFlagSet *set, SSFlag *flag)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(SSFlagOverride), .hcxt = set->context};
	Datum no = Int32GetDatum(flag->no);
	SSRows rows = ss_rows_read(&overrides_query, &no, NULL);

	MemoryContextSwitchTo(set->context);
	if (rows.count == 0)
		return;
	set->noverrides += rows.count;
	flag->overrides =
		hash_create("swipesavvy flag overrides", rows.count, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSFlagOverride *override = hash_search(flag->overrides, ss_next_uuid(&row), HASH_ENTER, NULL);

		override->expires_at = ss_next_time(&row);
		override->value = *next_document(&row);
	}
}

static void
load_segments(SSFlagSet *set)
{
	SSRows rows = ss_rows_read(&segments_query, NULL, NULL);

	MemoryContextSwitchTo(set->context);
	set->nsegments = rows.count;
	set->segments = palloc_extended(sizeof(SSFlagSegment) * Max(set->nsegments, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < set->nsegments; i++)
	{
		SSRow row = ss_row(rows, i);

		set->segments[i].no = ss_next_int32(&row);
		set->segments[i].place = ss_next_int32(&row);
		set->segments[i].name = next_text(&row);
	}
}

/* After each query the present memory context is SPI's. */
static void
load(SSFlagSet *set)
{
	SSRows rows;

	set->killed = ss_one_bool(ss_rows_read(&killed_query, NULL, NULL));
	rows = ss_rows_read(&flags_query, NULL, NULL);
	MemoryContextSwitchTo(set->context);
	set->nflags = rows.count;
	set->flags = palloc0(sizeof(SSFlag) * Max(set->nflags, 1));
	set->features = ss_node_object();
	set->features.items = palloc0(sizeof(SSNode) * Max(set->nflags, 1));
	set->features.keys = palloc0(sizeof(SSText) * Max(set->nflags, 1));
	for (int i = 0; i < set->nflags; i++)
	{
		CHECK_FOR_INTERRUPTS();
		compile_flag(set, &set->flags[i], ss_row(rows, i));
		load_steps(set, &set->flags[i]);
		load_overrides(set, &set->flags[i]);
	}
	load_segments(set);
	find_reads(set);
}

static SSFlagSet *
compile(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "swipesavvy flags", ALLOCSET_DEFAULT_SIZES);
	SSFlagSet *set = MemoryContextAllocZero(context, sizeof(SSFlagSet));

	set->context = context;
	set->arranged_at = DT_NOBEGIN;
	/* beside workers no new snapshot may be taken: the statement's own, for this statement */
	PushActiveSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	ss_query_connect();
	load(set);
	ss_query_disconnect();
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	return set;
}

/* --- as they are at a moment ----------------------------------------------------------------- */

const SSFlagStep *
ss_flag_step_at(const SSFlagStep *steps, int nsteps, TimestampTz moment)
{
	const SSFlagStep *found = NULL;

	for (int i = 0; i < nsteps && steps[i].starts_at <= moment; i++)
		found = &steps[i];
	return found;
}

int
ss_flag_share_at(const SSFlagStep *step, TimestampTz moment)
{
	int64 way = step->to_bp - step->from_bp;
	int64 done;

	if (step->ends_at == DT_NOEND || moment >= step->ends_at)
		return step->to_bp;
	/* exact: at most 10,000 times the microseconds of some 300,000 years, which 128 bits hold */
	done = (int64) ((int128) (way < 0 ? -way : way) * (moment - step->starts_at) / (step->ends_at - step->starts_at));
	return step->from_bp + (int) (way < 0 ? -done : done);
}

static void
arrange_flag(const SSFlagSet *set, SSFlag *flag, TimestampTz moment)
{
	const SSFlagStep *step = ss_flag_step_at(flag->steps, flag->nsteps, moment);

	flag->enabled = step != NULL && step->enabled && !flag->is_archived;
	flag->bp = step == NULL ? 0 : ss_flag_share_at(step, moment);
	if (flag->is_archived)
		return;
	flag->rules->count = 0;
	if (set->killed || !flag->enabled)
		return;
	flag->rules->count = flag->nstored;
	if (flag->bp == 0)
		return;
	if (flag->bp < SS_EVERYBODY_BP)
	{
		SSNode *coverage = ss_node_get(&flag->partial, SS_TEXT("coverage"));

		coverage->number = flag->bp / (double) SS_EVERYBODY_BP;
	}
	flag->rules->items[flag->rules->count++] = flag->bp < SS_EVERYBODY_BP ? flag->partial : flag->whole;
}

/* Until when the flag stays as it is at the moment; the moment itself while its share grows or shrinks. */
static TimestampTz
next_change(const SSFlag *flag, TimestampTz moment)
{
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < flag->nsteps; i++)
	{
		const SSFlagStep *step = &flag->steps[i];

		if (step->starts_at > moment)
			return Min(next, step->starts_at);
		next = step->ends_at == DT_NOEND || step->ends_at <= moment ? DT_NOEND : moment;
	}
	return next;
}

/* Flags that have not changed since they were arranged are not looked at, unless the clock was set back. */
static void
arrange(SSFlagSet *set)
{
	TimestampTz moment = GetCurrentStatementStartTimestamp();
	bool all = set->arranged_at == DT_NOBEGIN || moment < set->arranged_at;
	TimestampTz next = DT_NOEND;

	if (!all && moment < set->changes_at)
	{
		set->arranged_at = moment;
		return;
	}
	set->arranged_at = DT_NOBEGIN; /* after an error meanwhile all are looked at */
	for (int i = 0; i < set->nflags; i++)
	{
		SSFlag *flag = &set->flags[i];

		if (all || moment >= flag->changes_at)
		{
			arrange_flag(set, flag, moment);
			flag->changes_at = next_change(flag, moment);
		}
		next = Min(next, flag->changes_at);
	}
	set->changes_at = next;
	set->arranged_at = moment;
}

/* --- look-ups -------------------------------------------------------------------------------- */

uint64
ss_flag_set_serial(void)
{
	return current == NULL ? 0 : current->serial;
}

SSFlagSet *
ss_flag_set_get(void)
{
	(void) ss_sentinel_changes(&sentinel);
	while (current == NULL || !ss_sentinel_holds(&sentinel, seen) || (provisional && !IsInParallelMode()))
	{
		instr_time start;
		instr_time took;
		uint64 begun;
		SSFlagSet *fresh;

		INSTR_TIME_SET_CURRENT(start);
		begun = ss_sentinel_watch(&sentinel, "flag_sentinel");
		fresh = compile();
		MemoryContextSetParent(fresh->context, CacheMemoryContext);
		if (current != NULL)
			MemoryContextDelete(current->context);
		current = fresh;
		current->serial = ++serials;
		seen = begun;
		provisional = IsInParallelMode();
		INSTR_TIME_SET_CURRENT(took);
		INSTR_TIME_SUBTRACT(took, start);
		last_build_us = INSTR_TIME_GET_MICROSEC(took);
		(void) ss_sentinel_changes(&sentinel);
	}
	arrange(current);
	return current;
}

SSFlag *
ss_flag_find(const SSFlagSet *set, SSText key)
{
	int low = 0;
	int high = set->nflags;

	while (low < high)
	{
		int middle = (low + high) / 2;
		SSText *here = &set->flags[middle].key;
		int order = here->length != key.length ? here->length - key.length : memcmp(here->data, key.data, key.length);

		if (order == 0)
			return &set->flags[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const SSFlagSegment *
ss_flag_segment(const SSFlagSet *set, int32 no)
{
	int low = 0;
	int high = set->nsegments;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (set->segments[middle].no == no)
			return &set->segments[middle];
		if (set->segments[middle].no < no)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

SSNode *
ss_flag_override_of(const SSFlag *flag, const pg_uuid_t *user_id, TimestampTz moment)
{
	SSFlagOverride *override;

	if (flag->overrides == NULL || user_id == NULL)
		return NULL;
	override = hash_search(flag->overrides, user_id, HASH_FIND, NULL);
	return override == NULL || override->expires_at <= moment ? NULL : &override->value;
}

int
ss_flag_reads_for(const SSFlag *flag, const pg_uuid_t *user_id)
{
	if (flag->is_archived || flag->rules->count == 0)
		return 0;
	if (user_id == NULL || !flag->by_id || flag->reads == flag->stored_reads || flag->bp == SS_EVERYBODY_BP ||
		ss_hash_v2_uuid(flag->seed_hash, user_id) <= (uint32) flag->bp)
		return flag->reads;
	return flag->stored_reads;
}

SSNode
ss_flag_feature(const SSFlagSet *set, const SSFlag *flag)
{
	SSNode feature = ss_node_object();

	ss_node_set(&feature, SS_TEXT("defaultValue"), flag->default_value);
	if (!set->killed && !flag->is_archived && flag->enabled)
		ss_node_set(&feature, SS_TEXT("rules"), flag->rules);
	return feature;
}

/*
 * flag_cache_status(): what this backend holds.
 */
Datum
swipesavvy_flag_cache_status(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSFlagSet *set;
	TimestampTz valid_until = DT_NOEND;

	ss_call_enter(&call, SS_ADMIN);
	set = ss_flag_set_get();
	for (int i = 0; i < set->nflags; i++)
	{
		for (int j = 0; j < set->flags[i].nsteps; j++)
		{
			if (set->flags[i].steps[j].starts_at > set->arranged_at)
				valid_until = Min(valid_until, set->flags[i].steps[j].starts_at);
		}
	}
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "flags", set->features.count);
	ss_json_int(&json, "overrides", set->noverrides);
	ss_json_int(&json, "bytes", MemoryContextMemAllocated(set->context, true));
	ss_json_int(&json, "generation", seen);
	ss_json_int(&json, "builds", serials);
	ss_json_money(&json, "last_build_ms", last_build_us, 3);
	if (valid_until == DT_NOEND)
		ss_json_null(&json, "valid_until");
	else
		ss_json_time(&json, "valid_until", valid_until);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
