/*
 * entry.c: writes one entry of the ledger (entry.h).
 *
 * Called by whatever changes points, under the lock on the account.
 */
#include "postgres.h"

#include "base/query.h"
#include "base/uuid7.h"
#include "ledger/entry.h"

SS_QUERY(
	insert_entry_query,
	"INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account,"
	"       transaction_id, reason, campaign_no)"
	" VALUES ($1, $2, $3, $4, $5::swipesavvy.entry_kind, $6::swipesavvy.ledger_account, $7::swipesavvy.ledger_account,"
	"         $8, $9, $10)",
	UUIDOID, UUIDOID, INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID, INT4OID);

const pg_uuid_t *
ss_entry_write(const SSEntry *entry)
{
	const pg_uuid_t *entry_id = ss_uuid7_new();
	Datum values[10];
	bool nulls[10] = {false};

	if (entry->points == 0)
		return entry_id;
	ss_param_pointer(values, nulls, 0, entry->user_id);
	ss_param_pointer(values, nulls, 1, entry_id);
	values[2] = Int64GetDatum(entry->points);
	values[3] = TimestampTzGetDatum(entry->recorded_at);
	ss_param_text(values, nulls, 4, entry->kind);
	ss_param_text(values, nulls, 5, entry->debit);
	ss_param_text(values, nulls, 6, entry->credit);
	ss_param_pointer(values, nulls, 7, entry->transaction_id);
	ss_param_text(values, nulls, 8, entry->reason);
	values[9] = Int32GetDatum(entry->campaign_no);
	nulls[9] = entry->campaign_no == 0;
	(void) ss_query_latest(&insert_entry_query, values, nulls);
	return entry_id;
}
