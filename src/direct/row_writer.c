/*
 * row_writer.c: writes rows of a table by one of two ways (row_writer.h).
 *
 * Called by the engine and by account_write.c, under their locks. Past the
 * executor a row goes into a slot of direct.c; through it rows travel as one
 * array for each column, in the order of tables.h, and one statement for each
 * table takes them in.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/query.h"
#include "direct/row_writer.h"

SS_QUERY(
	insert_transactions,
	"INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base,"
	"       points_bonus, discount_minor, refunded_minor, points_refunded, status, currency, category_no, request,"
	"       merchant_id, account_id, idempotency_key, metadata, decision, base_rate)"
	" SELECT k.c1, k.c2, k.c3, k.c4, k.c5, k.c6, k.c7, k.c8, k.c9, k.c10, k.c11::swipesavvy.purchase_status, k.c12,"
	"        k.c13, k.c14, k.c15, k.c16, k.c17, k.c18, k.c19, k.c20"
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
	"        k (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20)",
	UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID, INT2ARRAYOID, UUIDARRAYOID,
	UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, BYTEAARRAYOID, INT8ARRAYOID);
SS_QUERY(
	insert_entries,
	"INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account,"
	"       campaign_no, transaction_id, reason)"
	" SELECT k.c1, k.c2, k.c3, k.c4, k.c5::swipesavvy.entry_kind, k.c6::swipesavvy.ledger_account,"
	"        k.c7::swipesavvy.ledger_account, k.c8, k.c9, k.c10"
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) k (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10)",
	UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID);
SS_QUERY(insert_redemptions,
		 "INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points,"
		 "       discount_minor, cost_minor, cost_returned_minor, day, position, counts)"
		 " SELECT k.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) k",
		 UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
		 DATEARRAYOID, INT2ARRAYOID, BOOLARRAYOID);

/*
 * Only the very version that was locked and read, which is the last column: a trigger on one of our tables may have moved
 * points of the user meanwhile, and these must not be written over.
 */
SS_QUERY(
	update_accounts,
	"UPDATE swipesavvy.reward_accounts a"
	"   SET points_available = k.c2, points_pending = k.c3, lifetime_points = k.c4, tier = k.c5, tier_until = k.c6,"
	"       transaction_count = k.c7, spent_minor = k.c8, spent_currency = k.c9, points_debited = k.c10, lot_at = k.c11,"
	"       lot_before = k.c12, referral_for = k.c13"
	"  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	"       k (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, tid)"
	" WHERE a.user_id = k.c1 AND a.ctid = k.tid AND a.user_id = ANY ($1)",
	UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, UUIDARRAYOID, TIDARRAYOID);

static SSQuery *const statements[SS_TABLES] = {[SS_TRANSACTIONS] = &insert_transactions,
											   [SS_POINTS_ENTRIES] = &insert_entries,
											   [SS_REDEMPTIONS] = &insert_redemptions,
											   [SS_REWARD_ACCOUNTS] = &update_accounts};

void
ss_writer_begin(SSRowWriter *writer, SSDirect *direct, SSTable table, int rows)
{
	writer->direct = direct;
	writer->table = table;
	if (direct == NULL)
		ss_columns_begin(&writer->columns, statements[table], rows);
}

void
ss_writer_add(SSRowWriter *writer)
{
	if (writer->direct != NULL)
		ss_direct_add(writer->direct, writer->table);
	else
		ss_columns_next(&writer->columns);
}

void
ss_writer_replace(SSRowWriter *writer, const ItemPointerData *locked)
{
	if (writer->direct != NULL)
		ss_direct_replace(writer->direct, writer->table, locked);
	else
	{
		ss_columns_next(&writer->columns);
		ss_columns_set(&writer->columns, writer->columns.ncolumns - 1, PointerGetDatum(locked));
	}
}

void
ss_writer_replaced(SSRowWriter *writer)
{
	if (writer->direct != NULL)
		ss_direct_update(writer->direct, writer->table);
}

void
ss_writer_set_label(SSRowWriter *writer, int column, SSLabel label)
{
	ss_writer_set(writer, column,
				  writer->direct != NULL ? ss_direct_label(label) : CStringGetTextDatum(ss_label_specs[label].label));
}

void
ss_writer_end(SSRowWriter *writer)
{
	if (writer->direct == NULL)
		ss_columns_write(statements[writer->table], &writer->columns);
}
