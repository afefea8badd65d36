/*
 * entry.h: one entry of the ledger, for everything but purchases, which write
 * theirs with the chunk (write.h).
 */
#ifndef SS_ENTRY_H
#define SS_ENTRY_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Kind and accounts are labels of the types entry_kind and ledger_account. */
typedef struct SSEntry
{
	const pg_uuid_t *user_id;
	const char *kind;
	const char *debit;
	const char *credit;
	int64 points;
	const pg_uuid_t *transaction_id; /* or NULL */
	int32 campaign_no;				 /* or 0 */
	const char *reason;				 /* or NULL */
	TimestampTz recorded_at;
} SSEntry;

/* Writes an entry, unless it moves nothing; returns its id (of no entry: a new one). */
extern const pg_uuid_t *ss_entry_write(const SSEntry *entry);

#endif /* SS_ENTRY_H */
