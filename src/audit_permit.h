/*
 * audit_permit.h: what the files of the audit log share.
 */
#ifndef SS_AUDIT_PERMIT_H
#define SS_AUDIT_PERMIT_H

#include "postgres.h"

#include "common/cryptohash.h"

/* Runs a function that may change and delete rows of the audit log: erasing a person, retiring old seals. */
extern void ss_audit_permitted(void (*change) (void *), void *argument);

/* The number of this installation, noted if it is new; with the owner's rights and SPI connected. */
extern int32 ss_audit_installation(void);

/* SHA-256 of salt and content; the context is the caller's, for many. */
extern void ss_audit_commitment(pg_cryptohash_ctx *context, uint8 *digest, const bytea *salt, const text *content);

#endif							/* SS_AUDIT_PERMIT_H */
