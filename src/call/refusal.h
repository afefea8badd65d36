/*
 * refusal.h: the ways to refuse a caller. Those for want of a right leave an
 * audit row although the call is rolled back (refused.h).
 */
#ifndef SS_REFUSAL_H
#define SS_REFUSAL_H

#include "postgres.h"

#include "utils/uuid.h"

#include "base/compat.h"

/* From now on it is this function's call that would be refused; InvalidOid: a statement on the view, which leaves no row. */
extern void ss_refusal_begin(Oid function);

/* The call is about to be refused for what it is about: this user. */
extern void ss_refusal_about(const pg_uuid_t *user_id);

/* 42501 */
pg_noreturn extern void ss_not_allowed(const char *message, const char *detail);

/* 42501 for whoever has signed in with a temporary password and calls anything but change_password() */
pg_noreturn extern void ss_temporary_password(void);

/* PT429: the calls that a user may make in a minute, and the seconds until the next one begins */
pg_noreturn extern void ss_rate_limited(int limit, int seconds);

/* PT503 */
pg_noreturn extern void ss_in_maintenance(void);

/* The seconds after which a call that either of these two has just refused may be made again. */
extern int ss_refusal_retry_after(void);

#endif /* SS_REFUSAL_H */
