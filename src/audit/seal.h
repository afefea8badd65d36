/*
 * seal.h: the chain of seals over the audit log, and the comparison of
 * the log with it.
 */
#ifndef SS_SEAL_H
#define SS_SEAL_H

#include "postgres.h"

#include "access/transam.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "base/query.h"

#define SS_SEAL_ROWS 10000 /* that one seal covers, at most */

/* What a seal keeps of a row. */
typedef struct SSLeaf
{
	pg_uuid_t log_id;
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
} SSLeaf;

/* Where a row stands in the order of sealing. */
typedef struct SSLogKey
{
	int32 installation_no;
	FullTransactionId xid;
	pg_uuid_t log_id;
} SSLogKey;

typedef struct SSSeal
{
	int64 seal_no;
	TimestampTz sealed_at;
	pg_uuid_t installation_id;
	SSLogKey last; /* the last row that it covers */
	int64 row_count;
	SSLeaf *leaves;	  /* NULL once its rows are retired */
	int64 leaf_count; /* row_count, unless somebody has changed one of them */
	bool retired;
	uint8 leaves_hash[PG_SHA256_DIGEST_LENGTH];
	uint8 previous[PG_SHA256_DIGEST_LENGTH];
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
} SSSeal;

/* The columns of a row of the log that a leaf is made of, in the order of ss_seal_leaf: the key first, two hashes last. */
#define SS_LOG_COLUMNS                                                                                                 \
	"installation_no, xid, log_id, logged_at, event_type, resource, resource_id, status, user_id, actor_id,"           \
	" session_role, invoking_role, request_id, origin_hash, details_hash"
#define SS_LOG_COLUMNS_COUNT 15

/* The key of such a row. */
extern SSLogKey ss_seal_key(SSRow row);
extern int ss_seal_compare(const SSLogKey *one, const SSLogKey *other);

/* Its leaf; the context is the caller's, for many rows. */
extern void ss_seal_leaf(SSRow row, pg_cryptohash_ctx *context, SSLeaf *leaf);

extern void ss_seal_hash_leaves(SSSeal *seal);
extern void ss_seal_digest(const SSSeal *seal, uint8 *digest);

/* The seal after this one, a row or none; it is read into memory that is the row's in part. */
extern SSRows ss_seal_find(int64 after);
extern void ss_seal_read(SSRow row, SSSeal *seal);

/* Hashes what was given since the last time. */
extern void ss_seal_hash(pg_cryptohash_ctx *context, const void *data, size_t length, uint8 *digest);

#endif /* SS_SEAL_H */
