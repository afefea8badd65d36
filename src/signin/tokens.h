/*
 * tokens.h: access tokens of this programme: issued and believed.
 */
#ifndef SS_TOKENS_H
#define SS_TOKENS_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * An access token for a user of that role (of users.role), and how long it is
 * good for, in seconds. With a temporary password it is one of an anonymous
 * caller who may change it.
 */
extern char *ss_tokens_issue(const pg_uuid_t *user_id, const char *role, const pg_uuid_t *session_id, bool must_change,
							 int64 *lifetime);

#endif /* SS_TOKENS_H */
