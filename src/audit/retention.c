/*
 * retention.c: what leaves the audit log: the rows of old seals, whole seals
 * only.
 *
 * SQL entry point. It takes audit_seals in SHARE ROW EXCLUSIVE mode, as
 * sealing does; writers of the log go on. What stays still fits: a retired seal
 * keeps its digest and the hash of its leaves.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "audit/audit.h"
#include "audit/audit_internal.h"
#include "audit/verify_seals.h"
#include "base/errors.h"
#include "base/rows.h"
#include "call/call.h"

/* Seals that one call retires, at most; its transaction shall not grow without bounds. */
#define RETIRE_MAX 100

PG_FUNCTION_INFO_V1(swipesavvy_apply_audit_retention);

SS_QUERY(lock_seals, "LOCK TABLE swipesavvy.audit_seals IN SHARE ROW EXCLUSIVE MODE");

SS_QUERY(read_days,
		 "SELECT (value #>> '{}')::bigint FROM swipesavvy.system_settings WHERE setting = 'log_retention_days'");

/* the last one that was retired, 0 if none was */
SS_QUERY(last_retired, "SELECT coalesce(max(seal_no), 0) FROM swipesavvy.audit_seals WHERE retired_at IS NOT NULL");

SS_QUERY(delete_rows,
		 "DELETE FROM swipesavvy.audit_logs WHERE (installation_no, xid, log_id) > ($1, $2, $3)"
		 " AND (installation_no, xid, log_id) <= ($4, $5, $6)",
		 INT4OID, XID8OID, UUIDOID, INT4OID, XID8OID, UUIDOID);

SS_QUERY(retire_seal, "UPDATE swipesavvy.audit_seals SET leaves = NULL, retired_at = now() WHERE seal_no = $1",
		 INT8OID);

/* --- retention ---------------------------------------------------------------------- */

/* A seal with the end of the one before it. */
typedef struct Retiring
{
	SSLogKey after;
	const SSSeal *seal;
	uint64 rows; /* that were deleted */
} Retiring;

static void
retire(void *argument)
{
	Retiring *retiring = argument;
	const SSSeal *seal = retiring->seal;
	Datum values[] = {Int32GetDatum(retiring->after.installation_no), FullTransactionIdGetDatum(retiring->after.xid),
					  UUIDPGetDatum(&retiring->after.log_id),		  Int32GetDatum(seal->last.installation_no),
					  FullTransactionIdGetDatum(seal->last.xid),	  UUIDPGetDatum(&seal->last.log_id)};
	Datum seal_no = Int64GetDatum(seal->seal_no);

	retiring->rows = ss_query_latest(&delete_rows, values, NULL);
	(void) ss_query_latest(&retire_seal, &seal_no, NULL);
}

/* Evidence of tampering is not thrown away: PT400 unless the seal still fits. */
static void
require_sound(const SSVerification *v, const SSSeal *seal)
{
	if (v->first_problem != NULL)
		ss_bad_state("the audit log does not fit its seals", "Seal " INT64_FORMAT " is kept: %s.", seal->seal_no,
					 v->first_problem);
}

/* Retires the seals from before the time, oldest first; the last retired one has number `after`. Returns how many; rows go to *rows. */
static int64
retire_seals(int64 after, TimestampTz before, int64 *rows)
{
	SSVerification v = {0};
	SSSeal seal;
	SSRows next;
	int64 count = 0;

	if (after > 0)
	{
		SSRows last = ss_seal_find(after - 1);

		if (last.count > 0)
			ss_seal_read(ss_row(last, 0), &v.seal);
	}
	while (count < RETIRE_MAX && (next = ss_seal_find(v.seal.seal_no)).count > 0)
	{
		Retiring retiring = {.after = v.seal.last, .seal = &seal};

		ss_seal_read(ss_row(next, 0), &seal);
		if (seal.sealed_at >= before)
			break;
		ss_verify_seal(&v, &seal);
		require_sound(&v, &seal);
		ss_audit_permitted(retire, &retiring);
		*rows += retiring.rows;
		count++;
	}
	return count;
}

/*
 * apply_audit_retention(): drops what is older than log_retention_days
 */
Datum
swipesavvy_apply_audit_retention(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAudit audit = {.resource = "audit_log", .action = "retire"};
	int64 days;
	int64 retired;
	int64 rows = 0;
	int64 seals;

	ss_call_enter(&call, SS_ADMIN);
	(void) ss_query_write(&lock_seals, NULL, NULL);
	ss_query_keep_order();
	PushActiveSnapshot(GetLatestSnapshot());
	days = ss_one_int64(ss_rows_read(&read_days, NULL, NULL));
	retired = ss_one_int64(ss_rows_read(&last_retired, NULL, NULL));
	seals = retire_seals(retired, GetCurrentTimestamp() - days * USECS_PER_DAY, &rows);
	PopActiveSnapshot();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "retired_seals", seals);
	ss_json_int(&json, "deleted_rows", rows);
	ss_json_bool(&json, "more", seals == RETIRE_MAX);
	ss_json_close_object(&json);
	if (seals > 0)
		ss_audit_write(&call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&json)));
	else
		ss_audit_none(&call);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
