/*
 * audit_internal.h: what the files of the audit log share.
 */
#ifndef SS_AUDIT_INTERNAL_H
#define SS_AUDIT_INTERNAL_H

#include "postgres.h"

#include "common/cryptohash.h"
#include "datatype/timestamp.h"

#include "audit/audit.h"
#include "call/origin.h"

/* Runs a function that may change and delete rows of the audit log: erasing a person, retiring old seals. */
extern void ss_audit_permitted(void (*change)(void *), void *argument);

/* The number of this installation, noted if it is new; with the owner's rights and SPI connected. */
extern int32 ss_audit_installation(void);

/* SHA-256 of salt and content; the context is the caller's, for many. */
extern void ss_audit_commitment(pg_cryptohash_ctx *context, uint8 *digest, const bytea *salt, const text *content);

/* Who, when, from where. */
typedef struct SSAuditCircumstances
{
	pg_uuid_t log_id;
	TimestampTz moment;
	const pg_uuid_t *actor; /* NULL = nobody was signed in */
	Oid session_role;
	Oid invoking_role;
	const SSOrigin *origin;
} SSAuditCircumstances;

/* Inserts a row; the details are as they shall be kept. With the owner's rights and SPI connected. */
extern void ss_audit_insert(const SSAudit *audit, const SSAuditCircumstances *when, Jsonb *details);

/*
 * Writes down refused attempts that wait in shared memory, up to `max`, in the
 * present transaction; nothing in a subtransaction or without shared memory.
 * Returns how many there were. With the owner's rights and SPI connected.
 */
extern int ss_audit_drain(int max);

#endif /* SS_AUDIT_INTERNAL_H */
