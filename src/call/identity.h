/*
 * identity.h: whom the session acts for.
 */
#ifndef SS_IDENTITY_H
#define SS_IDENTITY_H

#include "postgres.h"

#include "utils/uuid.h"

typedef struct SSIdentity
{
	pg_uuid_t user_id;
	bool must_change; /* signed in with a temporary password */
	bool has_session; /* by a token of sign_in() */
	pg_uuid_t session;
} SSIdentity;

/* The identity; false for nobody. */
extern bool ss_identity_get(SSIdentity *identity);

/* Makes it the identity of this transaction, or of the rest of it if a savepoint is rolled back to. */
extern void ss_identity_set(const SSIdentity *identity);

/* Called by _PG_init. */
extern void ss_identity_init(void);

#endif /* SS_IDENTITY_H */
