/*
 * identity.c: whom the session acts for (identity.h).
 *
 * Called by call.c for every API function. Two sources, in this order:
 *
 * 1. authenticate(): a token verified here. It holds for the transaction in
 * which it was called and not longer, so that a pooled connection takes it to
 * nobody else; ROLLBACK TO takes it back like any other change. It is kept in
 * memory of the transaction, as a stack by nesting level, which no setting or
 * SQL function reaches.
 *
 * 2. PostgREST's setting request.jwt.claims, if and only if the session user is
 * in swipesavvy.trusted_gateways: any other session can set that variable too,
 * and is nobody for it.
 *
 * Nothing is locked.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/json_members.h"
#include "base/uuid.h"
#include "call/gateway.h"
#include "call/identity.h"

/* What authenticate() set at a nesting level, over what was set at lower ones. */
typedef struct Verified
{
	struct Verified *below;
	int level;
	SSIdentity identity;
} Verified;

static Verified *verified = NULL; /* in TopTransactionContext */

/* --- of this transaction ------------------------------------------------------------ */

void
ss_identity_set(const SSIdentity *identity)
{
	int level = GetCurrentTransactionNestLevel();

	if (verified == NULL || verified->level < level)
	{
		Verified *top = MemoryContextAlloc(TopTransactionContext, sizeof(Verified));

		top->below = verified;
		top->level = level;
		verified = top;
	}
	verified->identity = *identity;
}

static void
forget_at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE ||
		event == XACT_EVENT_PARALLEL_COMMIT || event == XACT_EVENT_PARALLEL_ABORT)
		verified = NULL;
}

/* What a savepoint had set becomes its parent's when it is released, and is gone when it is rolled back. */
static void
end_of_savepoint(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (verified != NULL && verified->level >= level)
			verified = verified->below;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB && verified != NULL && verified->level >= level)
	{
		verified->level = level - 1;
		if (verified->below != NULL && verified->below->level >= level - 1)
			verified->below = verified->below->below;
	}
}

void
ss_identity_init(void)
{
	RegisterXactCallback(forget_at_end, NULL);
	RegisterSubXactCallback(end_of_savepoint, NULL);
}

/* --- what a trusted gateway says ------------------------------------------------------ */

static bool
read_uuid(const SSPicked *claim, pg_uuid_t *value)
{
	return claim->text != NULL && ss_uuid_parse(claim->text, strlen(claim->text), value);
}

/* The `sub` of a trusted gateway's claims; false where there is none: that caller is nobody. */
static bool
read_claims(SSIdentity *identity)
{
	SSPicked claims[] = {{.name = "sub"}, {.name = "sid"}, {.name = "must_change_password"}};
	const char *text;

	if (!ss_gateway_is_trusted())
		return false;
	text = GetConfigOption("request.jwt.claims", true, false);
	if (text == NULL || text[0] == '\0')
		return false;
	ss_pick_members(text, claims, lengthof(claims));
	identity->has_session = read_uuid(&claims[1], &identity->session);
	identity->must_change = (claims[2].type != JSON_TOKEN_INVALID && claims[2].type != JSON_TOKEN_FALSE);
	return read_uuid(&claims[0], &identity->user_id);
}

/* --- the two together -------------------------------------------------------------------- */

bool
ss_identity_get(SSIdentity *identity)
{
	if (verified != NULL)
	{
		*identity = verified->identity;
		return true;
	}
	return read_claims(identity);
}
