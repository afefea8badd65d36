/*
 * refusal.c: refuses a caller (refusal.h).
 *
 * Called by call.c, and by functions that look closer at who calls. Nothing is
 * locked.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/errors.h"
#include "call/gateway.h"
#include "call/identity.h"
#include "call/refusal.h"
#include "call/refused.h"

/* The call that is under way: what is known of it should it be refused. */
static struct
{
	Oid function; /* InvalidOid = none */
	Oid invoking_role;
	bool has_user; /* whom it is about */
	pg_uuid_t user;
} under_way;

#define MAINTENANCE_SECONDS 60 /* nobody knows how long it takes: after so long a client asks again */

/* Of the last call that was refused for a while. */
static int retry_after;

int
ss_refusal_retry_after(void)
{
	return retry_after;
}

void
ss_refusal_begin(Oid function)
{
	under_way.function = function;
	under_way.invoking_role = GetUserId();
	under_way.has_user = false;
}

void
ss_refusal_about(const pg_uuid_t *user_id)
{
	under_way.has_user = true;
	under_way.user = *user_id;
}

/* Keeps the attempt over the rollback of the call. */
static void
note_attempt(void)
{
	SSIdentity identity;

	if (OidIsValid(under_way.function))
		ss_refused_note(under_way.function, under_way.invoking_role,
						ss_identity_get(&identity) ? &identity.user_id : NULL,
						under_way.has_user ? &under_way.user : NULL);
	under_way.function = InvalidOid;
}

void
ss_not_allowed(const char *message, const char *detail)
{
	const char *ignored = ss_gateway_ignored();

	note_attempt();
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s", message), errdetail("%s", detail),
			ignored == NULL ? 0
							: errhint("The claims of the request are ignored: the session user \"%s\" is not in "
									  "swipesavvy.trusted_gateways.",
									  ignored));
	pg_unreachable();
}

void
ss_temporary_password(void)
{
	note_attempt();
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied"),
			errdetail("The user has signed in with a temporary password."), errhint("Call change_password() first."));
	pg_unreachable();
}

void
ss_rate_limited(int limit, int seconds)
{
	retry_after = seconds;
	ereport(ERROR, errcode(SS_ERRCODE_RATE_LIMIT), errmsg("too many calls"),
			errdetail("A user may make %d calls in a minute; the next minute begins in %d seconds.", limit, seconds));
	pg_unreachable();
}

void
ss_in_maintenance(void)
{
	retry_after = MAINTENANCE_SECONDS;
	ereport(ERROR, errcode(SS_ERRCODE_MAINTENANCE), errmsg("the service is under maintenance"),
			errdetail("Only admins may call now."));
	pg_unreachable();
}
