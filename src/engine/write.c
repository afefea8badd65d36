/*
 * write.c: writes what a chunk of purchases earned (write.h).
 *
 * Called by the engine as its last step, under the locks on the accounts and
 * slots that are written. Each table is written once, by one of two ways
 * (direct/row_writer.h).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/uuid.h"
#include "base/uuid7.h"
#include "direct/row_writer.h"
#include "engine/write.h"
#include "ledger/account_write.h"

static void
add_transaction(SSRowWriter *rows, const SSPurchase *purchase)
{
	ss_writer_add(rows);
	ss_writer_set(rows, TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
	ss_writer_set(rows, TRANSACTION_USER_ID, UUIDPGetDatum(&purchase->user_id));
	ss_writer_set(rows, TRANSACTION_AMOUNT, Int64GetDatum(purchase->amount));
	ss_writer_set(rows, TRANSACTION_OCCURRED_AT, TimestampTzGetDatum(purchase->occurred_at));
	ss_writer_set(rows, TRANSACTION_RECORDED_AT, TimestampTzGetDatum(purchase->recorded_at));
	ss_writer_set(rows, TRANSACTION_BASE, Int64GetDatum(purchase->points_base));
	ss_writer_set(rows, TRANSACTION_BONUS, Int64GetDatum(purchase->points_bonus));
	ss_writer_set(rows, TRANSACTION_DISCOUNT, Int64GetDatum(purchase->discount));
	ss_writer_set(rows, TRANSACTION_REFUNDED, Int64GetDatum(0));
	ss_writer_set(rows, TRANSACTION_POINTS_REFUNDED, Int64GetDatum(0));
	ss_writer_set_label(rows, TRANSACTION_STATUS, (SSLabel) (SS_LABEL_STATUS + purchase->status));
	ss_writer_set(rows, TRANSACTION_CURRENCY, CStringGetTextDatum(purchase->currency));
	if (purchase->category_no != 0)
		ss_writer_set(rows, TRANSACTION_CATEGORY_NO, Int16GetDatum(purchase->category_no));
	ss_writer_set(rows, TRANSACTION_REQUEST, Int16GetDatum(purchase->given));
	if (purchase->has_merchant)
		ss_writer_set(rows, TRANSACTION_MERCHANT_ID, UUIDPGetDatum(&purchase->merchant_id));
	if (purchase->has_account)
		ss_writer_set(rows, TRANSACTION_ACCOUNT_ID, UUIDPGetDatum(&purchase->account_id));
	if (purchase->idempotency_key != NULL)
		ss_writer_set(rows, TRANSACTION_KEY, CStringGetTextDatum(purchase->idempotency_key));
	if (purchase->metadata != NULL)
		ss_writer_set(rows, TRANSACTION_METADATA, JsonbPGetDatum(purchase->metadata));
	ss_writer_set(rows, TRANSACTION_DECISION, PointerGetDatum(ss_decision_encode(&purchase->decision)));
	if (purchase->status == SS_PENDING)
		ss_writer_set(rows, TRANSACTION_BASE_RATE, Int64GetDatum(purchase->base_rate));
}

/* One entry of that user's, unless it moves nothing. */
static void
add_entry(SSRowWriter *rows, const SSPurchase *purchase, const pg_uuid_t *user_id, SSLabel kind, int64 points,
		  int32 campaign_no)
{
	if (points == 0)
		return;
	ss_writer_add(rows);
	ss_writer_set(rows, ENTRY_USER_ID, UUIDPGetDatum(user_id));
	ss_writer_set(rows, ENTRY_ID, UUIDPGetDatum(ss_uuid7_new()));
	ss_writer_set(rows, ENTRY_POINTS, Int64GetDatum(points));
	ss_writer_set(rows, ENTRY_RECORDED_AT, TimestampTzGetDatum(purchase->recorded_at));
	ss_writer_set_label(rows, ENTRY_KIND, kind);
	ss_writer_set_label(rows, ENTRY_DEBIT, SS_LABEL_ISSUANCE);
	ss_writer_set_label(rows, ENTRY_CREDIT, purchase->status == SS_PENDING ? SS_LABEL_PENDING : SS_LABEL_AVAILABLE);
	if (campaign_no != 0)
		ss_writer_set(rows, ENTRY_CAMPAIGN_NO, Int32GetDatum(campaign_no));
	ss_writer_set(rows, ENTRY_TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
}

static void
add_redemption(SSRowWriter *rows, const SSPurchase *purchase, int position)
{
	const SSAward *award = &purchase->awards[position];

	ss_writer_add(rows);
	ss_writer_set(rows, REDEMPTION_USER_ID, UUIDPGetDatum(&purchase->user_id));
	ss_writer_set(rows, REDEMPTION_TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
	ss_writer_set(rows, REDEMPTION_CAMPAIGN_NO, Int32GetDatum(award->campaign_no));
	ss_writer_set(rows, REDEMPTION_VERSION, Int32GetDatum(award->campaign_version));
	ss_writer_set(rows, REDEMPTION_POINTS, Int64GetDatum(award->points));
	ss_writer_set(rows, REDEMPTION_DISCOUNT, Int64GetDatum(award->discount));
	ss_writer_set(rows, REDEMPTION_COST, Int64GetDatum(award->cost));
	ss_writer_set(rows, REDEMPTION_RETURNED, Int64GetDatum(0));
	ss_writer_set(rows, REDEMPTION_DAY, DateADTGetDatum(purchase->day));
	ss_writer_set(rows, REDEMPTION_POSITION, Int16GetDatum((int16) (position + 1)));
	ss_writer_set(rows, REDEMPTION_COUNTS, BoolGetDatum(true));
}

/* By user, then in the order of processing. */
static int
compare_purchases(const void *a, const void *b)
{
	const SSPurchase *x = *(const SSPurchase *const *) a;
	const SSPurchase *y = *(const SSPurchase *const *) b;
	int order = ss_uuid_compare(&x->user_id, &y->user_id);

	if (order != 0)
		return order;
	return (x > y) - (x < y);
}

/*
 * The chunk's purchases by user: entries and redemptions are indexed by user
 * first, and an index takes neighbours one after the other more cheaply.
 */
static const SSPurchase **
by_user(const SSChunk *chunk)
{
	const SSPurchase **purchases = palloc(chunk->count * sizeof(SSPurchase *));

	for (int i = 0; i < chunk->count; i++)
		purchases[i] = &chunk->purchases[i];
	if (chunk->count > 1)
		qsort(purchases, chunk->count, sizeof(SSPurchase *), compare_purchases);
	return purchases;
}

/* What a purchase brought: its entries, and the campaigns that it was awarded. */
static void
add_earnings(SSRowWriter *entries, SSRowWriter *redemptions, const SSPurchase *purchase)
{
	add_entry(entries, purchase, &purchase->user_id, SS_LABEL_EARN, purchase->points_base, 0);
	for (int i = 0; i < purchase->nawards; i++)
	{
		add_entry(entries, purchase, &purchase->user_id, SS_LABEL_BONUS, purchase->awards[i].points,
				  purchase->awards[i].campaign_no);
		add_redemption(redemptions, purchase, i);
	}
	add_entry(entries, purchase, &purchase->user_id, SS_LABEL_REFERRAL, purchase->referral_points, 0);
	if (purchase->referrer_paid)
		add_entry(entries, purchase, &purchase->referrer, SS_LABEL_REFERRAL, purchase->referral_points, 0);
}

void
ss_write_chunk(const SSChunk *chunk)
{
	const SSPurchase **purchases = by_user(chunk);
	SSRowWriter transactions;
	SSRowWriter entries;
	SSRowWriter redemptions;

	ss_writer_begin(&transactions, chunk->direct, SS_TRANSACTIONS, chunk->count);
	ss_writer_begin(&entries, chunk->direct, SS_POINTS_ENTRIES, 2 * chunk->count);
	ss_writer_begin(&redemptions, chunk->direct, SS_REDEMPTIONS, chunk->count);
	for (int i = 0; i < chunk->count; i++)
		add_transaction(&transactions, &chunk->purchases[i]);
	for (int i = 0; i < chunk->count; i++)
		add_earnings(&entries, &redemptions, purchases[i]);
	ss_writer_end(&transactions);
	ss_writer_end(&entries);
	ss_writer_end(&redemptions);
	if (chunk->statement == NULL)
		ss_account_write(chunk->direct, chunk->accounts, chunk->naccounts);
}
