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
#include "base/uuid.h"
#include "call/call.h"
#include "flags/flag_call.h"
#include "flags/flag_plan.h"
#include "flags/usage.h"

PG_FUNCTION_INFO_V1(swipesavvy_flag_enabled);

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
	bool simple; /* the plan decides */
	SSFlagPlan plan;
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

static void
make_plan(Site *site, const SSFlagSet *set, Jsonb *attributes)
{
	SSSubject subject = {ss_node_read(attributes), NULL, NULL, NULL};

	site->simple = ss_flag_plan_make(&site->plan, set, site->flag, &subject, 0);
	site->overrides = site->flag->overrides != NULL && !site->flag->is_archived && !set->killed;
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
	make_plan(site, set, attributes);
	MemoryContextSwitchTo(caller);
	ss_call_leave(&call);
	site->statement = GetCurrentStatementStartTimestamp();
	site->command = GetCurrentCommandId(false);
	site->role = GetUserId();
	site->serial = set->serial;
}

/* --- for each row --------------------------------------------------------------------------------- */

static bool
decide(const Site *site, const pg_uuid_t *user_id)
{
	SSNode *own;

	if (site->overrides && (own = ss_flag_override_of(site->flag, user_id, site->statement)) != NULL)
		return ss_node_truthy(own);
	return ss_node_truthy(ss_flag_plan_value(&site->plan, user_id));
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
	ss_flag_subject_read(&subject, set, user_id, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2),
						 ss_flag_reads_for(site->flag, user_id));
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
