/*
 * verify_seals.c: verify_audit_log: is the log what was sealed?
 *
 * SQL entry point, and ss_verify_seal for retention. It reads under one
 * snapshot, also on a replica, and locks nothing. Each seal's rows are those
 * between the last row of the seal before and its own last row; they and the
 * seal's leaves are merged in the order of sealing, which names every row that
 * is on one side only, and every one that says something else.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/xid8.h"

#include "audit/audit_internal.h"
#include "audit/verify_seals.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/rows.h"
#include "base/uuid.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_verify_audit_log);

#define BETWEEN                                                                                                        \
	" FROM swipesavvy.audit_logs WHERE (installation_no, xid, log_id) > ($1, $2, $3)"                                  \
	" AND (installation_no, xid, log_id) <= ($4, $5, $6)"

SS_QUERY(sealed_rows,
		 "SELECT " SS_LOG_COLUMNS ", origin_salt, origin, details_salt, details" BETWEEN
		 " ORDER BY installation_no, xid, log_id",
		 INT4OID, XID8OID, UUIDOID, INT4OID, XID8OID, UUIDOID);

SS_QUERY(count_unsealed,
		 "SELECT count(*) FROM swipesavvy.audit_logs WHERE (installation_no, xid, log_id) > ($1, $2, $3)", INT4OID,
		 XID8OID, UUIDOID);

/* --- problems ---------------------------------------------------------------------- */

static void
note(SSVerification *v, int64 *count, const char *problem, int64 seal_no, const pg_uuid_t *log_id)
{
	++*count;
	if (v->first_problem != NULL)
		return;
	v->first_problem = problem;
	v->first_seal_no = seal_no;
	v->first_has_id = (log_id != NULL);
	if (log_id != NULL)
		v->first_log_id = *log_id;
}

/* --- rows ----------------------------------------------------------------------------- */

/* Is the content, whose salt and text come next in the row, what its hash was made of? Erased content is. */
static bool
keeps_commitment(SSRow *row, pg_cryptohash_ctx *context, bytea *hash)
{
	bytea *salt = ss_next_bytea_or_null(row);
	bool erased;
	Datum content = ss_next_value_or_null(row, JSONOID, &erased);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];

	if (erased)
		return true;
	if (salt == NULL || hash == NULL)
		return false;
	ss_audit_commitment(context, digest, salt, DatumGetTextPP(content));
	return VARSIZE_ANY_EXHDR(hash) == sizeof(digest) && memcmp(VARDATA_ANY(hash), digest, sizeof(digest)) == 0;
}

/* Does the row say what the leaf was made of? */
static bool
fits(SSRow row, pg_cryptohash_ctx *context, const SSLeaf *leaf)
{
	SSLeaf now;
	bytea *origin_hash;
	bytea *details_hash;

	ss_seal_leaf(row, context, &now);
	if (memcmp(now.digest, leaf->digest, sizeof(now.digest)) != 0)
		return false;
	ss_next_skip(&row, SS_LOG_COLUMNS_COUNT - 2);
	origin_hash = ss_next_bytea_or_null(&row);
	details_hash = ss_next_bytea_or_null(&row);
	return keeps_commitment(&row, context, origin_hash) && keeps_commitment(&row, context, details_hash);
}

static int
compare_ids(const void *one, const void *other)
{
	return memcmp(*(const SSLeaf *const *) one, *(const SSLeaf *const *) other, sizeof(pg_uuid_t));
}

/*
 * Which leaf is the row's? Usually the next one. Leaves are in the order of
 * transactions and not of ids, so that otherwise all are looked through, by an
 * index that is made when it is first needed.
 */
static int64
leaf_of(const SSSeal *seal, const pg_uuid_t *log_id, int64 next, const SSLeaf ***index)
{
	const SSLeaf *key = (const SSLeaf *) log_id;
	const SSLeaf **found;

	if (next < seal->leaf_count && ss_uuid_equal(&seal->leaves[next].log_id, log_id))
		return next;
	if (*index == NULL)
	{
		*index = palloc(sizeof(SSLeaf *) * Max(seal->leaf_count, 1));
		for (int64 i = 0; i < seal->leaf_count; i++)
			(*index)[i] = &seal->leaves[i];
		qsort(*index, seal->leaf_count, sizeof(SSLeaf *), compare_ids);
	}
	found = bsearch(&key, *index, seal->leaf_count, sizeof(SSLeaf *), compare_ids);
	return found == NULL ? -1 : *found - seal->leaves;
}

/* The rows that the seal covers, each against its leaf. */
static void
compare_rows(SSVerification *v, const SSSeal *seal, SSRows rows)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool *seen = palloc0(Max(seal->leaf_count, 1));
	const SSLeaf **index = NULL;
	int64 next = 0;

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		pg_uuid_t log_id = ss_seal_key(row).log_id;
		int64 leaf = leaf_of(seal, &log_id, next, &index);

		CHECK_FOR_INTERRUPTS();
		if (leaf < 0 || seen[leaf])
		{
			note(v, &v->inserted, "inserted_row", seal->seal_no, &log_id);
			continue;
		}
		for (; next < leaf; next++)
			if (!seen[next])
			{
				seen[next] = true;
				note(v, &v->missing, "missing_row", seal->seal_no, &seal->leaves[next].log_id);
			}
		seen[leaf] = true;
		next = Max(next, leaf + 1);
		if (!fits(row, context, &seal->leaves[leaf]))
			note(v, &v->altered, "altered_row", seal->seal_no, &log_id);
	}
	for (; next < seal->leaf_count; next++)
		if (!seen[next])
			note(v, &v->missing, "missing_row", seal->seal_no, &seal->leaves[next].log_id);
	pg_cryptohash_free(context);
	pfree(seen);
	if (index != NULL)
		pfree(index);
}

/* --- seals ------------------------------------------------------------------------------ */

/* Is the seal what it was when it was made, and the one that follows? */
static void
compare_seal(SSVerification *v, const SSSeal *seal)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	SSSeal leaves = *seal;

	if (!seal->retired)
		ss_seal_hash_leaves(&leaves);
	ss_seal_digest(&leaves, digest);
	if (memcmp(leaves.leaves_hash, seal->leaves_hash, sizeof(digest)) != 0 ||
		memcmp(digest, seal->digest, sizeof(digest)) != 0)
		note(v, &v->broken_seals, "altered_seal", seal->seal_no, NULL);
	else if (seal->seal_no != v->seal.seal_no + 1)
		note(v, &v->broken_seals, "missing_seal", v->seal.seal_no + 1, NULL);
	else if (memcmp(seal->previous, v->seal.digest, sizeof(digest)) != 0)
		note(v, &v->broken_seals, "altered_seal", seal->seal_no, NULL);
}

void
ss_verify_seal(SSVerification *v, const SSSeal *seal)
{
	Datum values[] = {Int32GetDatum(v->seal.last.installation_no), FullTransactionIdGetDatum(v->seal.last.xid),
					  UUIDPGetDatum(&v->seal.last.log_id),		   Int32GetDatum(seal->last.installation_no),
					  FullTransactionIdGetDatum(seal->last.xid),   UUIDPGetDatum(&seal->last.log_id)};
	SSRows rows;
	SSSeal none = *seal;

	compare_seal(v, seal);
	rows = ss_rows_read(&sealed_rows, values, NULL);
	if (seal->retired)
		none.leaf_count = 0;
	compare_rows(v, &none, rows);
	v->seals++;
	v->retired += seal->retired;
	v->rows += rows.count;
	v->seal = *seal;
	ss_rows_free(&rows);
}

/* --- the call ------------------------------------------------------------------------------ */

/* What a witness holds: a seal's number and digest. Both or none. */
typedef struct Witness
{
	bool given;
	int64 seal_no;
	char *digest; /* 64 hexadecimal digits, in lower case */
} Witness;

static Witness
arg_witness(FunctionCallInfo fcinfo)
{
	Witness witness = {.given = !PG_ARGISNULL(0)};

	witness.digest = ss_arg_text(fcinfo, 1, "digest", SS_KEY_MAX, witness.given);
	if (!witness.given)
	{
		if (witness.digest != NULL)
			ss_missing_value("seal_no");
		return witness;
	}
	witness.seal_no = PG_GETARG_INT64(0);
	if (witness.seal_no < 1)
		ss_bad_value("seal_no", INT64_FORMAT " is not the number of a seal.", witness.seal_no);
	if (strlen(witness.digest) != 2 * PG_SHA256_DIGEST_LENGTH ||
		strspn(witness.digest, "0123456789abcdef") != 2 * PG_SHA256_DIGEST_LENGTH)
		ss_bad_value("digest", "It is not 64 hexadecimal digits in lower case.");
	return witness;
}

static void
compare_witness(SSVerification *v, const SSSeal *seal, const Witness *witness)
{
	char hex[2 * PG_SHA256_DIGEST_LENGTH];

	if (!witness->given || seal->seal_no != witness->seal_no)
		return;
	(void) hex_encode((const char *) seal->digest, PG_SHA256_DIGEST_LENGTH, hex);
	if (memcmp(hex, witness->digest, sizeof(hex)) != 0)
		note(v, &v->broken_seals, "witness_differs", seal->seal_no, NULL);
}

static void
write_result(SSJson *json, const SSVerification *v, int64 unsealed)
{
	ss_json_open_object(json, NULL);
	ss_json_text(json, "status", v->first_problem == NULL ? "intact" : "broken");
	ss_json_int(json, "seals_checked", v->seals);
	ss_json_int(json, "seals_retired", v->retired);
	ss_json_int(json, "rows_checked", v->rows);
	ss_json_int(json, "rows_unsealed", unsealed);
	ss_json_int(json, "altered_rows", v->altered);
	ss_json_int(json, "missing_rows", v->missing);
	ss_json_int(json, "inserted_rows", v->inserted);
	ss_json_int(json, "broken_seals", v->broken_seals);
	if (v->first_problem == NULL)
		ss_json_null(json, "first_problem");
	else
	{
		ss_json_open_object(json, "first_problem");
		ss_json_text(json, "problem", v->first_problem);
		ss_json_int(json, "seal_no", v->first_seal_no);
		ss_json_uuid(json, "log_id", v->first_has_id ? &v->first_log_id : NULL);
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
}

/*
 * verify_audit_log(seal_no, digest): the log against its seals, and, if a
 * witness has kept one, the seals against that
 */
Datum
swipesavvy_verify_audit_log(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSVerification v = {0};
	Witness witness;
	MemoryContext scratch;
	SSRows rows;

	ss_call_enter(&call, SS_ADMIN);
	witness = arg_witness(fcinfo);
	ss_query_keep_order();
	scratch = AllocSetContextCreate(CurrentMemoryContext, "swipesavvy verification", ALLOCSET_DEFAULT_SIZES);
	while ((rows = ss_seal_find(v.seal.seal_no)).count > 0)
	{
		SSSeal seal;
		MemoryContext outer = MemoryContextSwitchTo(scratch);

		ss_seal_read(ss_row(rows, 0), &seal);
		ss_verify_seal(&v, &seal);
		compare_witness(&v, &seal, &witness);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(scratch);
		ss_rows_free(&rows);
	}
	if (witness.given && witness.seal_no > v.seal.seal_no)
		note(&v, &v.broken_seals, "missing_seal", v.seal.seal_no + 1, NULL);
	{
		Datum values[] = {Int32GetDatum(v.seal.last.installation_no), FullTransactionIdGetDatum(v.seal.last.xid),
						  UUIDPGetDatum(&v.seal.last.log_id)};

		write_result(&json, &v, ss_one_int64(ss_rows_read(&count_unsealed, values, NULL)));
	}
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
