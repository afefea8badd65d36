/*
 * owner.c: the rights of swipesavvy_owner, taken and given back (owner.h).
 *
 * Called by call.c for each API function, and by what runs outside of one. An
 * error needs no cleaning up: the abort restores user, security context and
 * settings.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include "base/query.h"
#include "call/owner.h"

int
ss_owner_guard_path(void)
{
	int level = NewGUCNestLevel();

	ss_query_guard_path();
	return level;
}

void
ss_owner_restore_path(int level)
{
	AtEOXact_GUC(true, level);
}

void
ss_owner_become(SSCall *call)
{
	Oid owner = get_role_oid("swipesavvy_owner", false);

	GetUserIdAndSecContext(&call->caller, &call->security);
	call->guc_level = NewGUCNestLevel(); /* query.c sets the path when it needs it */
	SetUserIdAndSecContext(owner, call->security | SECURITY_LOCAL_USERID_CHANGE);
}

void
ss_owner_leave(SSCall *call)
{
	ss_owner_restore_path(call->guc_level);
	SetUserIdAndSecContext(call->caller, call->security);
}
