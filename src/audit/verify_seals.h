/*
 * verify_seals.h: compares the log with its seals, seal by seal.
 */
#ifndef SS_VERIFY_SEALS_H
#define SS_VERIFY_SEALS_H

#include "postgres.h"

#include "audit/seal.h"

/* What was found so far; begins as zeros. */
typedef struct SSVerification
{
	SSSeal seal; /* the last one that was looked at */
	int64 seals;
	int64 retired;
	int64 rows;
	int64 altered;
	int64 missing;
	int64 inserted;
	int64 broken_seals;
	const char *first_problem; /* NULL = none */
	int64 first_seal_no;
	bool first_has_id;
	pg_uuid_t first_log_id;
} SSVerification;

/* Compares the next seal, a row of ss_seal_find, with the chain and with the rows that it covers. */
extern void ss_verify_seal(SSVerification *verification, const SSSeal *seal);

#endif /* SS_VERIFY_SEALS_H */
