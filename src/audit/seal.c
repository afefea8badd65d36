/*
 * seal.c: seal_audit_log and latest_audit_seal: a chain of hashes over
 * the audit log.
 *
 * A seal covers the rows that follow the last sealed one in the order of
 * (installation, transaction id, log id) and whose transactions had all ended:
 * those below the xmin of the snapshot. Ids or times alone would not do: a
 * transaction that commits late would put its rows behind the seal. Rows of an
 * installation before this one (a dump was restored) have all ended.
 *
 * It keeps a leaf for each row: the id and the SHA-256 of what the row says, so
 * that a row that is altered, missing or inserted is found by name. Personal
 * data is in a leaf only by the salted hash that stands in the row. The digest
 * is the SHA-256 of the seal's own figures, of its leaves' hash and of the
 * digest before it: whoever holds one digest holds all of the log up to it.
 *
 * Sealing takes audit_seals in SHARE ROW EXCLUSIVE mode: one at a time; writers
 * of the log and readers go on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "audit/audit.h"
#include "audit/audit_internal.h"
#include "audit/seal.h"
#include "base/args.h"
#include "base/rows.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "call/call.h"

#define DOMAIN_OF_DIGEST "swipesavvy audit seal 1"

PG_FUNCTION_INFO_V1(swipesavvy_seal_audit_log);
PG_FUNCTION_INFO_V1(swipesavvy_latest_audit_seal);

SS_QUERY(lock_seals, "LOCK TABLE swipesavvy.audit_seals IN SHARE ROW EXCLUSIVE MODE");

#define SEAL_COLUMNS                                                                                                   \
	"s.seal_no, s.sealed_at, i.installation_id, s.installation_no, s.last_xid, s.last_log_id, s.row_count,"            \
	" s.leaves, s.leaves_hash, s.previous, s.digest"
#define SEALS " FROM swipesavvy.audit_seals s JOIN swipesavvy.audit_installations i USING (installation_no)"

SS_QUERY(last_seal, "SELECT " SEAL_COLUMNS SEALS " ORDER BY s.seal_no DESC LIMIT 1");

SS_QUERY(next_seal, "SELECT " SEAL_COLUMNS SEALS " WHERE s.seal_no > $1 ORDER BY s.seal_no LIMIT 1", INT8OID);

/* $1 to $3: the last sealed row; $4: this installation. The snapshot is the one that the query runs under. */
SS_QUERY(rows_to_seal,
		 "SELECT " SS_LOG_COLUMNS " FROM swipesavvy.audit_logs"
		 " WHERE (installation_no, xid, log_id) > ($1, $2, $3)"
		 "   AND (installation_no < $4 OR (installation_no = $4 AND xid < pg_snapshot_xmin(pg_current_snapshot())))"
		 " ORDER BY installation_no, xid, log_id LIMIT $5",
		 INT4OID, XID8OID, UUIDOID, INT4OID, INT8OID);

SS_QUERY(find_installation, "SELECT installation_id FROM swipesavvy.audit_installations WHERE installation_no = $1",
		 INT4OID);

SS_QUERY(insert_seal,
		 "INSERT INTO swipesavvy.audit_seals (seal_no, sealed_at, installation_no, last_xid, last_log_id, row_count,"
		 "       leaves, leaves_hash, previous, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		 INT8OID, TIMESTAMPTZOID, INT4OID, XID8OID, UUIDOID, INT8OID, BYTEAOID, BYTEAOID, BYTEAOID, BYTEAOID);

/* --- hashes ------------------------------------------------------------------------- */

void
ss_seal_hash(pg_cryptohash_ctx *context, const void *data, size_t length, uint8 *digest)
{
	if (pg_cryptohash_init(context) < 0 || pg_cryptohash_update(context, data, length) < 0 ||
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not hash: %s", pg_cryptohash_error(context));
}

static void
hash_once(const void *data, size_t length, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	ss_seal_hash(context, data, length, digest);
	pg_cryptohash_free(context);
}

/* A column as its length (-1 for null) and its bytes, so that no two rows read alike. */
static void
append_column(StringInfo buffer, Datum value, bool isnull, Oid type)
{
	struct varlena *bytes;

	if (isnull)
	{
		pq_sendint32(buffer, -1);
		return;
	}
	switch (type)
	{
		case INT4OID:
			pq_sendint32(buffer, 4);
			pq_sendint32(buffer, DatumGetInt32(value));
			break;
		case XID8OID:
			pq_sendint32(buffer, 8);
			pq_sendint64(buffer, U64FromFullTransactionId(DatumGetFullTransactionId(value)));
			break;
		case TIMESTAMPTZOID:
			pq_sendint32(buffer, 8);
			pq_sendint64(buffer, DatumGetTimestampTz(value));
			break;
		case UUIDOID:
			pq_sendint32(buffer, UUID_LEN);
			pq_sendbytes(buffer, (char *) DatumGetUUIDP(value)->data, UUID_LEN);
			break;
		default: /* text and bytea */
			bytes = PG_DETOAST_DATUM_PACKED(value);
			pq_sendint32(buffer, VARSIZE_ANY_EXHDR(bytes));
			pq_sendbytes(buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
}

static SSLogKey
next_key(SSRow *row)
{
	SSLogKey key;

	key.installation_no = ss_next_int32(row);
	key.xid = DatumGetFullTransactionId(ss_next_value(row, XID8OID));
	key.log_id = *ss_next_uuid(row);
	return key;
}

SSLogKey
ss_seal_key(SSRow row)
{
	return next_key(&row);
}

int
ss_seal_compare(const SSLogKey *one, const SSLogKey *other)
{
	if (one->installation_no != other->installation_no)
		return one->installation_no < other->installation_no ? -1 : 1;
	if (!FullTransactionIdEquals(one->xid, other->xid))
		return FullTransactionIdPrecedes(one->xid, other->xid) ? -1 : 1;
	return ss_uuid_compare(&one->log_id, &other->log_id);
}

void
ss_seal_leaf(SSRow row, pg_cryptohash_ctx *context, SSLeaf *leaf)
{
	Datum values[SS_LOG_COLUMNS_COUNT + 4];
	bool nulls[SS_LOG_COLUMNS_COUNT + 4];
	StringInfoData buffer;

	Assert(row.desc->natts >= SS_LOG_COLUMNS_COUNT && row.desc->natts <= (int) lengthof(values));
	heap_deform_tuple(row.tuple, row.desc, values, nulls);
	initStringInfo(&buffer);
	for (int i = 0; i < SS_LOG_COLUMNS_COUNT; i++)
		append_column(&buffer, values[i], nulls[i], TupleDescAttr(row.desc, i)->atttypid);
	leaf->log_id = *DatumGetUUIDP(values[2]);
	ss_seal_hash(context, buffer.data, buffer.len, leaf->digest);
	pfree(buffer.data);
}

void
ss_seal_hash_leaves(SSSeal *seal)
{
	hash_once(seal->leaves, sizeof(SSLeaf) * seal->leaf_count, seal->leaves_hash);
}

void
ss_seal_digest(const SSSeal *seal, uint8 *digest)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	pq_sendbytes(&buffer, DOMAIN_OF_DIGEST, strlen(DOMAIN_OF_DIGEST));
	pq_sendint64(&buffer, seal->seal_no);
	pq_sendint64(&buffer, seal->sealed_at);
	pq_sendbytes(&buffer, (const char *) seal->installation_id.data, UUID_LEN);
	pq_sendint32(&buffer, seal->last.installation_no);
	pq_sendint64(&buffer, U64FromFullTransactionId(seal->last.xid));
	pq_sendbytes(&buffer, (const char *) seal->last.log_id.data, UUID_LEN);
	pq_sendint64(&buffer, seal->row_count);
	pq_sendbytes(&buffer, (const char *) seal->leaves_hash, PG_SHA256_DIGEST_LENGTH);
	pq_sendbytes(&buffer, (const char *) seal->previous, PG_SHA256_DIGEST_LENGTH);
	hash_once(buffer.data, buffer.len, digest);
	pfree(buffer.data);
}

/* --- seals as rows ---------------------------------------------------------------------- */

/* A digest that somebody has cut or lengthened is none. */
static void
copy_digest(uint8 *target, const bytea *bytes)
{
	memset(target, 0, PG_SHA256_DIGEST_LENGTH);
	if (VARSIZE_ANY_EXHDR(bytes) == PG_SHA256_DIGEST_LENGTH)
		memcpy(target, VARDATA_ANY(bytes), PG_SHA256_DIGEST_LENGTH);
}

void
ss_seal_read(SSRow row, SSSeal *seal)
{
	Datum leaves;

	*seal = (SSSeal){0};
	seal->seal_no = ss_next_int64(&row);
	seal->sealed_at = ss_next_time(&row);
	seal->installation_id = *ss_next_uuid(&row);
	seal->last = next_key(&row);
	seal->row_count = ss_next_int64(&row);
	leaves = ss_next_value_or_null(&row, BYTEAOID, &seal->retired);
	if (!seal->retired)
	{
		struct varlena *bytes = PG_DETOAST_DATUM(leaves);

		/* a bytea has no alignment to speak of, and neither has a leaf */
		seal->leaves = (SSLeaf *) VARDATA(bytes);
		seal->leaf_count = (VARSIZE(bytes) - VARHDRSZ) / sizeof(SSLeaf);
	}
	copy_digest(seal->leaves_hash, ss_next_bytea(&row));
	copy_digest(seal->previous, ss_next_bytea(&row));
	copy_digest(seal->digest, ss_next_bytea(&row));
}

SSRows
ss_seal_find(int64 after)
{
	Datum value = Int64GetDatum(after);

	return ss_rows_read(&next_seal, &value, NULL);
}

static void
write_seal(const SSSeal *seal)
{
	Datum values[] = {Int64GetDatum(seal->seal_no),
					  TimestampTzGetDatum(seal->sealed_at),
					  Int32GetDatum(seal->last.installation_no),
					  FullTransactionIdGetDatum(seal->last.xid),
					  UUIDPGetDatum(&seal->last.log_id),
					  Int64GetDatum(seal->row_count),
					  ss_secret_bytea((const uint8 *) seal->leaves, sizeof(SSLeaf) * seal->row_count),
					  ss_secret_bytea(seal->leaves_hash, PG_SHA256_DIGEST_LENGTH),
					  ss_secret_bytea(seal->previous, PG_SHA256_DIGEST_LENGTH),
					  ss_secret_bytea(seal->digest, PG_SHA256_DIGEST_LENGTH)};

	(void) ss_query_latest(&insert_seal, values, NULL);
}

/* What an outside witness keeps; nulls where there is no seal. */
static void
add_seal(SSJson *json, const SSSeal *seal)
{
	static const char *const keys[] = {"seal_no", "sealed_at", "installation_id", "row_count", "digest"};
	char hex[2 * PG_SHA256_DIGEST_LENGTH + 1];

	if (seal->seal_no == 0)
	{
		for (size_t i = 0; i < lengthof(keys); i++)
			ss_json_null(json, keys[i]);
		return;
	}
	hex[hex_encode((const char *) seal->digest, PG_SHA256_DIGEST_LENGTH, hex)] = '\0';
	ss_json_int(json, keys[0], seal->seal_no);
	ss_json_time(json, keys[1], seal->sealed_at);
	ss_json_text(json, keys[2], ss_uuid_text(&seal->installation_id));
	ss_json_int(json, keys[3], seal->row_count);
	ss_json_text(json, keys[4], pstrdup(hex));
}

/* --- sealing ------------------------------------------------------------------------------ */

/* The rows that come next under a seal, none of them if there are none; the seal before is `seal`, which becomes the new one. */
static bool
make_seal(SSSeal *seal, int32 installation_no)
{
	pg_cryptohash_ctx *context;
	Datum values[] = {Int32GetDatum(seal->last.installation_no), FullTransactionIdGetDatum(seal->last.xid),
					  UUIDPGetDatum(&seal->last.log_id), Int32GetDatum(installation_no), Int64GetDatum(SS_SEAL_ROWS)};
	SSRows rows = ss_rows_latest(&rows_to_seal, values, NULL);
	uint64 count = 0;
	Datum key;
	SSRows installation;

	if (rows.count == 0)
		return false;
	memcpy(seal->previous, seal->digest, sizeof(seal->previous));
	seal->seal_no++;
	seal->sealed_at = GetCurrentTimestamp();
	seal->leaves = palloc(sizeof(SSLeaf) * rows.count);
	context = pg_cryptohash_create(PG_SHA256);
	/* a seal is of one installation */
	for (; count < rows.count; count++)
	{
		SSLogKey row_key = ss_seal_key(ss_row(rows, count));

		if (count > 0 && row_key.installation_no != seal->last.installation_no)
			break;
		ss_seal_leaf(ss_row(rows, count), context, &seal->leaves[count]);
		seal->last = row_key;
	}
	pg_cryptohash_free(context);
	seal->row_count = seal->leaf_count = count;
	ss_rows_free(&rows);
	key = Int32GetDatum(seal->last.installation_no);
	installation = ss_rows_latest(&find_installation, &key, NULL);
	if (installation.count == 0)
		elog(ERROR, "there is no installation %d", seal->last.installation_no);
	seal->installation_id = *ss_one_uuid(installation);
	ss_seal_hash_leaves(seal);
	ss_seal_digest(seal, seal->digest);
	write_seal(seal);
	pfree(seal->leaves);
	return true;
}

/*
 * seal_audit_log(): seals all rows whose transactions have ended
 */
Datum
swipesavvy_seal_audit_log(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSSeal seal = {0};
	SSRows last;
	int32 installation_no;
	int64 seals = 0;
	int64 rows = 0;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call);
	(void) ss_query_write(&lock_seals, NULL, NULL);
	ss_query_keep_order();
	installation_no = ss_audit_installation();
	last = ss_rows_latest(&last_seal, NULL, NULL);
	if (last.count > 0)
		ss_seal_read(ss_row(last, 0), &seal);
	while (make_seal(&seal, installation_no))
	{
		seals++;
		rows += seal.row_count;
	}
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "new_seals", seals);
	ss_json_int(&json, "new_rows", rows);
	ss_json_open_object(&json, "latest_seal");
	add_seal(&json, &seal);
	ss_json_close_object(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * latest_audit_seal(): what an outside witness keeps
 */
Datum
swipesavvy_latest_audit_seal(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSSeal seal = {0};
	SSRows last;

	ss_call_enter(&call, SS_ADMIN);
	last = ss_rows_read(&last_seal, NULL, NULL);
	if (last.count > 0)
		ss_seal_read(ss_row(last, 0), &seal);
	ss_json_open_object(&json, NULL);
	add_seal(&json, &seal);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
