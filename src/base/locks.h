/*
 * locks.h: locks on what is no row: an e-mail address, a session, the id of a
 * purchase to come, the turn to hash a password.
 *
 * They are advisory locks of classes of our own, which no SQL function can
 * take, so nobody holds them from outside. Taken in the order of SSLockClass;
 * rows come after SS_LOCK_SESSION. SS_LOCK_PASSWORD_HASH is a leaf: whoever
 * holds it waits for nothing.
 */
#ifndef SS_LOCKS_H
#define SS_LOCKS_H

#include "postgres.h"

typedef enum SSLockClass
{
	SS_LOCK_CUSTOMER_ANALYTICS = 0x5300, /* figures of customers: those who work them out, and those who erase a user */
	SS_LOCK_EMAIL,						 /* the count of failures and the password of an e-mail address */
	SS_LOCK_SESSION,					 /* the refresh token of a session */
	SS_LOCK_TOKEN_KEYS,					 /* the making of token keys */
	SS_LOCK_TRANSACTION_ID,	   /* the recording of a purchase under an id that its caller chose; after the accounts */
	SS_LOCK_ANALYTICS,		   /* the folding and building of roll-ups; before rows */
	SS_LOCK_PASSWORD_HASH,	   /* one of the places to hash at; of the whole server */
	SS_LOCK_FLAG_USAGE,		   /* the summing of evaluations of flags */
	SS_LOCK_TRAINING,		   /* the training of a model; nobody waits for it */
	SS_LOCK_CAMPAIGN_SEGMENTS, /* what campaigns bring in segments: those who work it out */
	SS_LOCK_CAMPAIGN_UPLIFT,   /* the sums of hold-outs, likewise */
	SS_LOCK_FLAG_NEEDS,		   /* what flags need of one another; before the rows of flags */
	SS_LOCK_ACTIVE_MODEL, /* which version of a model, by its name, is asked; after the row of the one that is to be */
} SSLockClass;

/* Exclusive until the transaction ends, or it is released; waits, and can be cancelled meanwhile. */
extern void ss_lock_take(SSLockClass class, uint64 key);
extern void ss_lock_share(SSLockClass class, uint64 key); /* the same beside others who share it */
extern void ss_lock_release(SSLockClass class, uint64 key);

/* The same without waiting: false if somebody else has it. */
extern bool ss_lock_try(SSLockClass class, uint64 key);

/*
 * Takes one of `count` places of the class, for the whole server and not only
 * this database; waits while all are taken. Returns what ss_lock_leave gives
 * back; an error in between gives it back too.
 */
extern int ss_lock_enter(SSLockClass class, int count);
extern void ss_lock_leave(SSLockClass class, int place);

#endif /* SS_LOCKS_H */
