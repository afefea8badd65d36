/*
 * call.c: the door of every API function (call.h).
 *
 * Called first and last by each SQL entry point. The invoking role is
 * GetUserId(): what SET ROLE, a SECURITY DEFINER wrapper or PostgREST made it.
 * No state but the ids of roles outlives a call; nothing is locked.
 *
 * Whose identity it has is identity.c's to say. A user who has signed in with a
 * temporary password is let into nothing but what changes it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "call/gate.h"
#include "call/identity.h"
#include "call/metrics.h"
#include "call/owner.h"
#include "call/rates.h"
#include "call/refusal.h"

PG_FUNCTION_INFO_V1(swipesavvy_current_user_id);

static const struct
{
	int bit;
	const char *name;
} role_names[] = {
	{SS_ANON, "swipesavvy_anon"},			{SS_CUSTOMER, "swipesavvy_customer"}, {SS_SUPPORT, "swipesavvy_support"},
	{SS_ANALYTICS, "swipesavvy_analytics"}, {SS_BACKEND, "swipesavvy_backend"},	  {SS_DELIVERY, "swipesavvy_delivery"},
	{SS_ADMIN, "swipesavvy_admin"},
};

/* The roles by name, InvalidOid where there is none, until any role is changed: each is asked for in every call. */
static Oid role_ids[lengthof(role_names)];
static bool roles_known = false;

static void
forget_roles(Datum arg, int cache, uint32 hash)
{
	roles_known = false;
}

static void
find_roles(void)
{
	static bool watched = false;

	if (!watched)
	{
		CacheRegisterSyscacheCallback(AUTHOID, forget_roles, (Datum) 0);
		watched = true;
	}
	roles_known = true; /* unless one changes meanwhile */
	for (size_t i = 0; i < lengthof(role_names); i++)
		role_ids[i] = get_role_oid(role_names[i].name, true);
}

/* Which of these roles' privileges does the role have? */
static int
roles_of(Oid role, int wanted)
{
	int found = 0;

	if (!roles_known)
		find_roles();

	for (size_t i = 0; i < lengthof(role_names); i++)
	{
		if ((role_names[i].bit & wanted) != 0 && OidIsValid(role_ids[i]) && has_privs_of_role(role, role_ids[i]))
			found |= role_names[i].bit;
	}
	return found;
}

/* Whom the caller acts for, NULL for nobody; 42501 for a user who must change a temporary password and calls something else. */
static const pg_uuid_t *
identify(SSIdentity *identity, int allowed)
{
	if (!ss_identity_get(identity))
		return NULL;
	if (identity->must_change && (allowed & SS_TEMPORARY) == 0)
		ss_temporary_password();
	return &identity->user_id;
}

/* PT503 for a role that is no admin, PT429 for a user with too many calls. No function: a statement on the view, which writes. */
static void
let_in(Oid role, int allowed, const pg_uuid_t *identity, Oid function)
{
	const SSGate *gate = ss_gate_get();

	if (gate->maintenance && (allowed & SS_IN_MAINTENANCE) == 0 && roles_of(role, SS_ADMIN) == 0)
		ss_in_maintenance();
	if (gate->rate_limit > 0 && identity != NULL)
		ss_rates_count(identity, gate->rate_limit,
					   !XactReadOnly && (!OidIsValid(function) || func_volatile(function) == PROVOLATILE_VOLATILE));
}

void
ss_call_let_in(void)
{
	SSIdentity identity;

	ss_refusal_begin(InvalidOid);
	let_in(GetUserId(), 0, identify(&identity, 0), InvalidOid);
}

void
ss_call_refuse_in_maintenance(void)
{
	let_in(GetUserId(), 0, NULL, InvalidOid);
}

void
ss_call_check_function(SSCall *call, int allowed, Oid function)
{
	SSIdentity identity = {0};

	ss_metrics_begin();
	ss_refusal_begin(function);
	call->function = function;
	call->allowed = allowed;
	call->roles = roles_of(GetUserId(), allowed);
	if (call->roles == 0)
		ss_not_allowed("permission denied", "The role that calls is none of those that may.");
	call->has_identity = identify(&identity, allowed) != NULL;
	call->identity = identity.user_id;
	let_in(GetUserId(), allowed, call->has_identity ? &call->identity : NULL, function);
}

void
ss_call_enter_function(SSCall *call, int allowed, Oid function)
{
	ss_call_check_function(call, allowed, function);
	call->changes = ss_query_changes();
	call->recorded = false;
	call->context = CurrentMemoryContext;
	ss_owner_become(call);
	ss_query_connect();
}

void
ss_call_require_user(const SSCall *call, int any_user, const pg_uuid_t *user_id)
{
	if ((call->roles & any_user) != 0)
		return;
	if ((call->roles & SS_CUSTOMER) != 0 && call->has_identity && ss_uuid_equal(&call->identity, user_id))
		return;
	ss_refusal_about(user_id);
	ss_not_allowed("permission denied", "A customer may only act for the user that is signed in.");
}

bool
ss_call_has(const SSCall *call, int roles)
{
	return (call->roles & roles) != 0;
}

bool
ss_call_is_anonymous(void)
{
	return roles_of(GetUserId(), SS_ANYONE & ~SS_ANON) == 0;
}

/* A change that leaves no record is refused: whoever adds a function cannot forget it. */
static void
require_record(const SSCall *call)
{
	if (!call->recorded && ss_query_changes() != call->changes)
		elog(ERROR, "function \"%s\" has changed rows and left no audit row", get_func_name(call->function));
}

void
ss_call_make_personal(SSCall *call)
{
	if (call->has_identity)
		call->allowed &= ~SS_ANON;
}

void
ss_call_leave(SSCall *call)
{
	require_record(call);
	ss_query_disconnect();
	ss_owner_leave(call);
	MemoryContextSwitchTo(call->context);
	ss_metrics_end();
	if ((call->allowed & SS_CREATES) != 0)
		ss_gate_created();
	if (XactReadOnly)
		ss_gate_answer((call->allowed & SS_NOT_CACHED) != 0 ? 0 : ss_gate_get()->cache_ttl,
					   (call->allowed & SS_ANON) != 0);
}

Datum
ss_call_leave_json(SSCall *call, SSJson *json)
{
	MemoryContext spi = MemoryContextSwitchTo(call->context);
	Datum result = ss_json_finish(json);

	MemoryContextSwitchTo(spi);
	ss_call_leave(call);
	return result;
}

/*
 * current_user_id(): the user that this session acts for, NULL for nobody.
 */
Datum
swipesavvy_current_user_id(PG_FUNCTION_ARGS)
{
	SSIdentity identity;
	pg_uuid_t *user_id;

	if (!ss_identity_get(&identity))
		PG_RETURN_NULL();
	if (identity.must_change)
	{
		ss_refusal_begin(fcinfo->flinfo->fn_oid);
		ss_temporary_password();
	}
	user_id = palloc(sizeof(pg_uuid_t));
	*user_id = identity.user_id;
	PG_RETURN_UUID_P(user_id);
}
