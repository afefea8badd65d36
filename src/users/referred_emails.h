/*
 * referred_emails.h: addresses that have brought their referral bonus, beyond
 * the users who had them.
 */
#ifndef SS_REFERRED_EMAILS_H
#define SS_REFERRED_EMAILS_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * Keeps a digest of the user's address if its referral has been settled, before
 * the address is changed or erased. The user's row is locked.
 */
extern void ss_referred_emails_keep(const pg_uuid_t *user_id);

/* Has a user of that address been brought before, and the bonus been paid? */
extern bool ss_referred_emails_has(const char *email);

#endif /* SS_REFERRED_EMAILS_H */
