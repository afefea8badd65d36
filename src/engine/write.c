/*
 * write.c: writes what a chunk of purchases earned (write.h).
 *
 * Called by the engine as its last step, under the locks on the accounts and
 * slots that are written. Rows travel as arrays, one query per table: a row
 * that several purchases of the chunk changed is written once.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/columns.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "engine/write.h"
#include "ledger/account_write.h"

static SSQuery write_transactions_query = {
	"INSERT INTO swipesavvy.transactions (transaction_id, user_id, amount_minor, occurred_at, recorded_at, points_base,"
	"       points_bonus, discount_minor, refunded_minor, points_refunded, status, currency, category_no, request,"
	"       merchant_id, account_id, idempotency_key, metadata, decision, base_rate)"
	" SELECT k.transaction_id, k.user_id, k.amount, k.occurred_at, k.recorded_at, k.base, k.bonus, k.discount,"
	"        0, 0, k.status::swipesavvy.purchase_status, k.currency, k.category_no, k.request, k.merchant_id, k.account_id,"
	"        k.idempotency_key, k.metadata, k.decision, k.base_rate"
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
	"        k (transaction_id, user_id, amount, occurred_at, recorded_at, base, bonus, discount, status, currency,"
	"           category_no, request, merchant_id, account_id, idempotency_key, metadata, decision, base_rate)",
	18,
	{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	 INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID, INT2ARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID,
	 JSONBARRAYOID, BYTEAARRAYOID, INT8ARRAYOID},
	NULL};
static SSQuery write_entries_query = {
	"INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account,"
	"       campaign_no, transaction_id, reason)"
	" SELECT k.user_id, k.entry_id, k.points, k.recorded_at, k.kind::swipesavvy.entry_kind, 'issuance',"
	"        k.credit::swipesavvy.ledger_account, k.campaign_no, k.transaction_id, NULL"
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
	"        k (user_id, entry_id, points, recorded_at, kind, credit, campaign_no, transaction_id)",
	8,
	{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
	 UUIDARRAYOID},
	NULL};
static SSQuery write_redemptions_query = {
	"INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points,"
	"       discount_minor, cost_minor, cost_returned_minor, day, position, counts)"
	" SELECT k.user_id, k.transaction_id, k.campaign_no, k.version, k.points, k.discount, k.cost, 0, k.day, k.position, true"
	"   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	"        k (user_id, transaction_id, campaign_no, version, points, discount, cost, day, position)",
	9,
	{UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, DATEARRAYOID,
	 INT2ARRAYOID},
	NULL};

static void
add_transaction(SSColumns *columns, const SSPurchase *purchase)
{
	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(&purchase->transaction_id));
	ss_columns_set(columns, 1, UUIDPGetDatum(&purchase->user_id));
	ss_columns_set(columns, 2, Int64GetDatum(purchase->amount));
	ss_columns_set(columns, 3, TimestampTzGetDatum(purchase->occurred_at));
	ss_columns_set(columns, 4, TimestampTzGetDatum(purchase->recorded_at));
	ss_columns_set(columns, 5, Int64GetDatum(purchase->points_base));
	ss_columns_set(columns, 6, Int64GetDatum(purchase->points_bonus));
	ss_columns_set(columns, 7, Int64GetDatum(purchase->discount));
	ss_columns_set(columns, 8, CStringGetTextDatum(ss_status_names[purchase->status]));
	ss_columns_set(columns, 9, CStringGetTextDatum(purchase->currency));
	if (purchase->category_no != 0)
		ss_columns_set(columns, 10, Int16GetDatum(purchase->category_no));
	ss_columns_set(columns, 11, Int16GetDatum(purchase->given));
	if (purchase->has_merchant)
		ss_columns_set(columns, 12, UUIDPGetDatum(&purchase->merchant_id));
	if (purchase->has_account)
		ss_columns_set(columns, 13, UUIDPGetDatum(&purchase->account_id));
	if (purchase->idempotency_key != NULL)
		ss_columns_set(columns, 14, CStringGetTextDatum(purchase->idempotency_key));
	if (purchase->metadata != NULL)
		ss_columns_set(columns, 15, JsonbPGetDatum(purchase->metadata));
	ss_columns_set(columns, 16, PointerGetDatum(ss_decision_encode(&purchase->decision)));
	if (purchase->status == SS_PENDING)
		ss_columns_set(columns, 17, Int64GetDatum(purchase->base_rate));
}

/* One entry of that user's, unless it moves nothing. */
static void
add_entry(SSColumns *columns, const SSPurchase *purchase, const pg_uuid_t *user_id, const char *kind, int64 points,
		  int32 campaign_no)
{
	if (points == 0)
		return;
	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(user_id));
	ss_columns_set(columns, 1, UUIDPGetDatum(ss_uuid7_new()));
	ss_columns_set(columns, 2, Int64GetDatum(points));
	ss_columns_set(columns, 3, TimestampTzGetDatum(purchase->recorded_at));
	ss_columns_set(columns, 4, CStringGetTextDatum(kind));
	ss_columns_set(columns, 5, CStringGetTextDatum(purchase->status == SS_PENDING ? "pending" : "available"));
	if (campaign_no != 0)
		ss_columns_set(columns, 6, Int32GetDatum(campaign_no));
	ss_columns_set(columns, 7, UUIDPGetDatum(&purchase->transaction_id));
}

static void
add_redemption(SSColumns *columns, const SSPurchase *purchase, int position)
{
	const SSAward *award = &purchase->awards[position];

	ss_columns_next(columns);
	ss_columns_set(columns, 0, UUIDPGetDatum(&purchase->user_id));
	ss_columns_set(columns, 1, UUIDPGetDatum(&purchase->transaction_id));
	ss_columns_set(columns, 2, Int32GetDatum(award->campaign_no));
	ss_columns_set(columns, 3, Int32GetDatum(award->campaign_version));
	ss_columns_set(columns, 4, Int64GetDatum(award->points));
	ss_columns_set(columns, 5, Int64GetDatum(award->discount));
	ss_columns_set(columns, 6, Int64GetDatum(award->cost));
	ss_columns_set(columns, 7, DateADTGetDatum(purchase->day));
	ss_columns_set(columns, 8, Int16GetDatum((int16) (position + 1)));
}

void
ss_write_chunk(const SSChunk *chunk)
{
	SSColumns transactions;
	SSColumns entries;
	SSColumns redemptions;

	if (chunk->direct != NULL)
	{
		ss_write_chunk_directly(chunk);
		return;
	}
	ss_columns_begin(&transactions, &write_transactions_query, chunk->count);
	ss_columns_begin(&entries, &write_entries_query, 2 * chunk->count);
	ss_columns_begin(&redemptions, &write_redemptions_query, chunk->count);
	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = &chunk->purchases[i];

		add_transaction(&transactions, purchase);
		add_entry(&entries, purchase, &purchase->user_id, "earn", purchase->points_base, 0);
		for (int j = 0; j < purchase->nawards; j++)
		{
			add_entry(&entries, purchase, &purchase->user_id, "bonus", purchase->awards[j].points,
					  purchase->awards[j].campaign_no);
			add_redemption(&redemptions, purchase, j);
		}
		add_entry(&entries, purchase, &purchase->user_id, "referral", purchase->referral_points, 0);
		if (purchase->referrer_paid)
			add_entry(&entries, purchase, &purchase->referrer, "referral", purchase->referral_points, 0);
	}
	ss_columns_write(&write_transactions_query, &transactions);
	ss_columns_write(&write_entries_query, &entries);
	ss_columns_write(&write_redemptions_query, &redemptions);
	ss_account_write(NULL, chunk->accounts, chunk->naccounts);
}
