/*
 * gateway.c: whether what the session says of its request is believed
 * (gateway.h).
 *
 * Called by identity.c and origin.c. Any session can set request.*, so who it is
 * that has done it decides. Nothing is locked.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "call/gateway.h"

const char *
ss_gateway_ignored(void)
{
	const char *claims = GetConfigOption("request.jwt.claims", true, false);

	if (claims == NULL || claims[0] == '\0' || ss_gateway_is_trusted())
		return NULL;
	return GetUserNameFromId(GetSessionUserId(), true);
}

bool
ss_gateway_is_trusted(void)
{
	char *names;
	List *list;
	ListCell *cell;
	const char *session_user;
	bool trusted = false;

	if (ss_trusted_gateways == NULL || ss_trusted_gateways[0] == '\0')
		return false;
	session_user = GetUserNameFromId(GetSessionUserId(), true);
	names = pstrdup(ss_trusted_gateways);
	if (session_user == NULL || !SplitIdentifierString(names, ',', &list))
		return false;
	foreach (cell, list)
		trusted |= (strcmp(lfirst(cell), session_user) == 0);
	list_free(list);
	pfree(names);
	return trusted;
}
