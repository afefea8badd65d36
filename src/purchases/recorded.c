/*
 * recorded.c: a purchase that was recorded before (recorded.h).
 *
 * Called by settlement.c and refund.c. The lock on the user's account is the
 * lock on its purchases, too; they are read under the latest snapshot, which
 * sees what that lock waited for.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/query.h"
#include "ledger/entry.h"
#include "purchases/recorded.h"

SS_QUERY(find_user_query, "SELECT t.user_id FROM swipesavvy.transactions t WHERE t.transaction_id = $1", UUIDOID);
SS_QUERY(read_query,
		 "SELECT t.amount_minor, t.refunded_minor, (t.points_base + t.points_bonus), t.points_refunded, t.currency,"
		 "       t.status::text, t.occurred_at, t.recorded_at"
		 "  FROM swipesavvy.transactions t WHERE t.transaction_id = $1 AND t.user_id = $2",
		 UUIDOID, UUIDOID);
SS_QUERY(set_status_query,
		 "UPDATE swipesavvy.transactions t SET status = $3::swipesavvy.purchase_status"
		 "  FROM unnest($1, $2) k (transaction_id, user_id)"
		 " WHERE t.transaction_id = k.transaction_id AND t.user_id = k.user_id"
		 "   AND t.user_id = ANY ($2)",
		 UUIDARRAYOID, UUIDARRAYOID, TEXTOID);

const pg_uuid_t *
ss_recorded_find_user(const pg_uuid_t *transaction_id)
{
	Datum key = UUIDPGetDatum(transaction_id);
	SSRows rows = ss_rows_latest(&find_user_query, &key, NULL);

	if (rows.count == 0)
		ss_not_found("transaction", ss_uuid_text(transaction_id));
	return ss_one_uuid(rows);
}

void
ss_recorded_read(const pg_uuid_t *user_id, const pg_uuid_t *transaction_id, SSRecorded *purchase)
{
	Datum keys[2] = {UUIDPGetDatum(transaction_id), UUIDPGetDatum(user_id)};
	SSRows rows;
	SSRow row;

	rows = ss_rows_latest(&read_query, keys, NULL);
	if (rows.count == 0)
		ss_not_found("transaction", ss_uuid_text(transaction_id));
	purchase->transaction_id = *transaction_id;
	purchase->user_id = *user_id;
	row = ss_row(rows, 0);
	purchase->amount = ss_next_int64(&row);
	purchase->refunded = ss_next_int64(&row);
	purchase->points = ss_next_int64(&row);
	purchase->points_refunded = ss_next_int64(&row);
	strlcpy(purchase->currency, ss_next_text(&row), sizeof(purchase->currency));
	purchase->status = (SSStatus) ss_check_choice(ss_next_text(&row), "status", ss_status_names);
	purchase->occurred_at = ss_next_time(&row);
	purchase->recorded_at = ss_next_time(&row);
}

void
ss_recorded_require(const SSRecorded *purchase, SSStatus status)
{
	if (purchase->status != status)
		ss_bad_state(status == SS_PENDING ? "transaction is not pending" : "transaction is not completed",
					 "The status of transaction \"%s\" is %s.", ss_uuid_text(&purchase->transaction_id),
					 ss_status_names[purchase->status]);
}

void
ss_recorded_set_status(const SSRecorded *purchases, int count, SSStatus status)
{
	Datum values[3] = {ss_uuid_array(&purchases[0].transaction_id, count, sizeof(SSRecorded)),
					   ss_uuid_array(&purchases[0].user_id, count, sizeof(SSRecorded)),
					   CStringGetTextDatum(ss_status_names[status])};

	(void) ss_query_latest(&set_status_query, values, NULL);
}

void
ss_recorded_move(const SSRecorded *purchase, const char *kind, const char *debit, const char *credit, int64 points,
				 TimestampTz now)
{
	(void) ss_entry_write(&(SSEntry){
		.user_id = &purchase->user_id,
		.kind = kind,
		.debit = debit,
		.credit = credit,
		.points = points,
		.transaction_id = &purchase->transaction_id,
		.recorded_at = now,
	});
}
