/*
 * flag_enabled.c: is a flag on for a user, in queries over many?
 *
 * SQL entry point flag_enabled. The role is checked, the flag found and its
 * rules tested on the given attributes once for each statement and call site;
 * what is then left for a row is, where rules ask for nothing but the id, to
 * look for a value of the user's own, hash the id and compare. Any other flag is
 * evaluated as evaluate_flag does it, row by row. A statement keeps the flags it
 * began with, unless another function of the statement has compiled them anew.
 * Nothing is locked or written.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/args.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "call/call.h"
#include "flags/flag_call.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_enabled);

#define STEPS_MAX 8

/* A rule that may give its value to a user: to everybody, or by the hash of the id. */
typedef struct Step
{
	bool by_hash;
	int version;
	SSText seed;
	uint32 seed_hash; /* of the seed alone, where it comes first */
	double to;		  /* the last bucket that is in */
	bool enabled;	  /* the truthiness of what it gives */
} Step;

/* What is known of the calls of one call site in one statement. */
typedef struct Site
{
	TimestampTz statement;
	CommandId command;
	Oid role;
	uint64 serial;
	text *key;
	Jsonb *attributes; /* NULL: none */
	SSFlag *flag;
	int32 flag_no;
	bool simple; /* the steps decide */
	int nsteps;
	Step steps[STEPS_MAX];
	bool otherwise; /* the truthiness of the default */
	bool overrides; /* users may have a value of their own */
	bool customer;	/* may ask for this user alone */
	pg_uuid_t identity;
	MemoryContext context; /* for what is gone after each call */
} Site;

static bool
same_bytes(const void *a, const void *b)
{
	return VARSIZE_ANY(a) == VARSIZE_ANY(b) && memcmp(a, b, VARSIZE_ANY(a)) == 0;
}

/* Do these calls differ from the last one in nothing but the user? */
static bool
still_holds(const Site *site, FunctionCallInfo fcinfo)
{
	return site->statement == GetCurrentStatementStartTimestamp() && site->command == GetCurrentCommandId(false) &&
		   site->role == GetUserId() && site->serial == ss_flag_set_serial() &&
		   same_bytes(site->key, DatumGetPointer(PG_GETARG_DATUM(0))) &&
		   (PG_ARGISNULL(2)
				? site->attributes == NULL
				: site->attributes != NULL && same_bytes(site->attributes, DatumGetPointer(PG_GETARG_DATUM(2))));
}

/* --- what is known before any row ------------------------------------------------------------ */

/* Does the condition name the id, or what is stored of users? */
static bool
asks_for_user(SSNode *condition)
{
	SSNode *items;

	if (!ss_node_is(condition, SS_NODE_ARRAY) && !ss_node_is(condition, SS_NODE_OBJECT))
		return false;
	items = ss_node_items(condition);
	for (int i = 0; i < condition->count; i++)
	{
		if (condition->kind == SS_NODE_OBJECT)
		{
			SSText key = condition->keys[i];

			if ((key.length >= 2 && memcmp(key.data, "id", 2) == 0) ||
				(key.length >= 7 && memcmp(key.data, "user_id", 7) == 0))
				return true;
		}
		if (asks_for_user(&items[i]))
			return true;
	}
	return ss_flag_reads(condition) != 0;
}

static bool
is_text(SSNode *node, SSText text)
{
	return ss_node_is(node, SS_NODE_STRING) && ss_text_equals(ss_node_string(node), text);
}

/* The buckets of a rule that forces a value, if nothing but them decides. */
static bool
read_buckets(SSNode *rule, SSText key, Step *step)
{
	SSNode *range = ss_node_present(rule, SS_TEXT("range"));
	SSNode *coverage = ss_node_present(rule, SS_TEXT("coverage"));
	SSNode *attribute = ss_node_get(rule, SS_TEXT("hashAttribute"));
	SSNode *version = ss_node_get(rule, SS_TEXT("hashVersion"));

	step->by_hash = range != NULL || coverage != NULL;
	if (!step->by_hash)
		return true;
	if (range != NULL || !ss_node_is(coverage, SS_NODE_NUMBER) ||
		(ss_node_truthy(attribute) && !is_text(attribute, SS_TEXT("id")) && !is_text(attribute, SS_TEXT("user_id"))))
		return false;
	step->version = ss_node_truthy(version) ? (ss_node_is(version, SS_NODE_NUMBER) ? (int) version->number : 0) : 1;
	step->seed = ss_text_or(rule, SS_TEXT("seed"), key);
	step->to = coverage->number;
	step->seed_hash = ss_hash_begin(step->seed.data, step->seed.length);
	return step->version == 1 || step->version == 2;
}

/* A rule as a step; false if rows decide more than that. A rule that never holds makes none. */
static bool
add_step(Site *site, SSNode *rule, const SSSubject *subject)
{
	SSNode *force = ss_node_get(rule, SS_TEXT("force"));
	SSNode *condition = ss_node_present(rule, SS_TEXT("condition"));
	Step *step = &site->steps[site->nsteps];

	if (force == NULL || site->nsteps == STEPS_MAX || ss_node_present(rule, SS_TEXT("parentConditions")) != NULL ||
		ss_node_present(rule, SS_TEXT("filters")) != NULL || asks_for_user(condition))
		return false;
	if (!ss_condition_holds(condition, subject))
		return true;
	memset(step, 0, sizeof(Step));
	if (!read_buckets(rule, site->flag->key, step))
		return false;
	if (step->by_hash && step->to == 0)
		return true; /* a coverage of 0 takes nobody */
	step->enabled = ss_node_truthy(force);
	site->nsteps++;
	return true;
}

static void
plan_steps(Site *site, const SSFlagSet *set, Jsonb *attributes)
{
	SSFlag *flag = site->flag;
	SSSubject subject = {ss_node_read(attributes), NULL, NULL, NULL};

	site->otherwise = ss_node_truthy(flag->default_value);
	site->nsteps = 0;
	site->simple = true;
	site->overrides = flag->overrides != NULL && !flag->is_archived && !set->killed;
	if (flag->is_archived || set->killed)
		return;
	for (int i = 0; i < flag->rules->count && site->simple; i++)
		site->simple = add_step(site, &flag->rules->items[i], &subject);
}

/* Lets the caller in, and finds out what is the same for every row. */
static void
prepare(Site *site, FunctionCallInfo fcinfo)
{
	SSCall call;
	SSFlagSet *set;
	MemoryContext caller = CurrentMemoryContext;
	Jsonb *attributes = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	char *key;

	site->serial = 0;
	ss_call_enter(&call, SS_CUSTOMER | SS_FLAG_STAFF);
	key = ss_flag_key_arg(fcinfo, 0);
	ss_flag_check_attributes(attributes);
	set = ss_flag_set_get();
	site->flag = ss_flag_require(&call, set, key);
	site->flag_no = site->flag->no;
	site->customer = !ss_call_has(&call, SS_FLAG_STAFF);
	site->identity = call.identity;
	if (site->customer)
		ss_call_require_user(&call, 0, ss_arg_uuid(fcinfo, 1, "user_id", true));
	MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site->key = (text *) DatumGetPointer(datumCopy(PG_GETARG_DATUM(0), false, -1));
	site->attributes = PG_ARGISNULL(2) ? NULL : (Jsonb *) DatumGetPointer(datumCopy(PG_GETARG_DATUM(2), false, -1));
	plan_steps(site, set, attributes);
	MemoryContextSwitchTo(caller);
	ss_call_leave(&call);
	site->statement = GetCurrentStatementStartTimestamp();
	site->command = GetCurrentCommandId(false);
	site->role = GetUserId();
	site->serial = set->serial;
}

/* --- for each row --------------------------------------------------------------------------------- */

static bool
step_takes(const Step *step, const pg_uuid_t *id)
{
	double n;

	if (!step->by_hash)
		return true;
	if (step->version == 2)
		n = ss_hash_v2_uuid(step->seed_hash, id) / 10000.0;
	else
		n = ss_hash_v1(step->seed.data, step->seed.length, ss_uuid_text(id), 36) / 1000.0;
	return n <= step->to;
}

static bool
decide(const Site *site, const pg_uuid_t *user_id)
{
	SSNode *own;

	if (site->overrides && (own = ss_flag_override_of(site->flag, user_id, site->statement)) != NULL)
		return ss_node_truthy(own);
	for (int i = 0; i < site->nsteps; i++)
	{
		if (step_takes(&site->steps[i], user_id))
			return site->steps[i].enabled;
	}
	return site->otherwise;
}

/* A flag whose rules ask for more: with everything that they name. */
static bool
evaluate(Site *site, FunctionCallInfo fcinfo, const pg_uuid_t *user_id)
{
	SSCall call;
	SSFlagSet *set;
	SSFlagSubject subject;
	SSFlagAnswer answer;
	MemoryContext caller = MemoryContextSwitchTo(site->context);
	bool enabled;

	ss_call_enter(&call, SS_CUSTOMER | SS_FLAG_STAFF);
	set = ss_flag_set_get();
	site->flag = ss_flag_find(set, site->flag->key);
	ss_flag_subject_read(&subject, set, user_id, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), site->flag->reads);
	ss_flag_answer(&subject, set, site->flag, &answer);
	enabled = ss_node_truthy(answer.value);
	ss_call_leave(&call);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(site->context);
	return enabled;
}

/*
 * flag_enabled(key, user_id, attributes)
 */
Datum
swipesavvy_flag_enabled(PG_FUNCTION_ARGS)
{
	Site *site = fcinfo->flinfo->fn_extra;
	const pg_uuid_t *user_id;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Site));
		site->context =
			AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "swipesavvy flag of a row", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = site;
	}
	if (PG_ARGISNULL(0) || site->serial == 0 || !still_holds(site, fcinfo))
		prepare(site, fcinfo);
	user_id = PG_ARGISNULL(1) ? ss_arg_uuid(fcinfo, 1, "user_id", true) : PG_GETARG_UUID_P(1);
	if (site->customer && !ss_uuid_equal(user_id, &site->identity))
		prepare(site, fcinfo);
	ss_usage_count_rows(site->flag_no, 1);
	PG_RETURN_BOOL(site->simple ? decide(site, user_id) : evaluate(site, fcinfo, user_id));
}
