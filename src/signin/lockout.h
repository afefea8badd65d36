/*
 * lockout.h: counting wrong passwords, per e-mail address whether somebody has
 * it or not.
 */
#ifndef SS_LOCKOUT_H
#define SS_LOCKOUT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "base/secret.h"

typedef struct SSSignInTry
{
	uint8 email[SS_DIGEST_BYTES]; /* of the address's key */
	bool locked;				  /* too many failures: no password is right at present */
} SSSignInTry;

/*
 * Begins to check a password for this address: locks the address until the
 * transaction ends, so that attempts at once are counted one by one.
 */
extern void ss_lockout_begin(const char *email, SSSignInTry *attempt);

/* What a failure has led to. */
typedef struct SSLockout
{
	int failures; /* in a row */
	TimestampTz until;
} SSLockout;

/*
 * Counts a failure; true if the address is locked out from now on, *lockout
 * says how. While it is locked out already none is counted, with the same work.
 */
extern bool ss_lockout_failed(const SSSignInTry *attempt, SSLockout *lockout);

/* Forgets the failures. */
extern void ss_lockout_clear(const SSSignInTry *attempt);

#endif /* SS_LOCKOUT_H */
