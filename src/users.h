/*
 * users.h: what other domains need of users.
 */
#ifndef SS_USERS_H
#define SS_USERS_H

#include "postgres.h"

#include "utils/uuid.h"

/* PT404 when there is no such user. For readers. */
extern void ss_users_require(const pg_uuid_t *user_id);

/*
 * Locks the user's reward account, as everything does that a purchase of the
 * user must not overlap; PT404 when there is no such user.
 */
extern void ss_users_lock(const pg_uuid_t *user_id);

#endif							/* SS_USERS_H */
