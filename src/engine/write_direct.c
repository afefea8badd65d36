/*
 * write_direct.c: writes what a chunk of purchases earned, without the
 * executor (write.h).
 *
 * Called by write.c, under the locks on the accounts that are written.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/uuid.h"
#include "base/uuid7.h"
#include "direct/direct.h"
#include "engine/write.h"
#include "ledger/account_write.h"

static void
add_transaction(SSDirect *direct, const SSPurchase *purchase)
{
	const SSTable table = SS_TRANSACTIONS;

	ss_direct_add(direct, table);
	ss_direct_set(direct, table, TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
	ss_direct_set(direct, table, TRANSACTION_USER_ID, UUIDPGetDatum(&purchase->user_id));
	ss_direct_set(direct, table, TRANSACTION_AMOUNT, Int64GetDatum(purchase->amount));
	ss_direct_set(direct, table, TRANSACTION_OCCURRED_AT, TimestampTzGetDatum(purchase->occurred_at));
	ss_direct_set(direct, table, TRANSACTION_RECORDED_AT, TimestampTzGetDatum(purchase->recorded_at));
	ss_direct_set(direct, table, TRANSACTION_BASE, Int64GetDatum(purchase->points_base));
	ss_direct_set(direct, table, TRANSACTION_BONUS, Int64GetDatum(purchase->points_bonus));
	ss_direct_set(direct, table, TRANSACTION_DISCOUNT, Int64GetDatum(purchase->discount));
	ss_direct_set(direct, table, TRANSACTION_REFUNDED, Int64GetDatum(0));
	ss_direct_set(direct, table, TRANSACTION_POINTS_REFUNDED, Int64GetDatum(0));
	ss_direct_set(direct, table, TRANSACTION_STATUS, ss_direct_label((SSLabel) (SS_LABEL_STATUS + purchase->status)));
	ss_direct_set(direct, table, TRANSACTION_CURRENCY, CStringGetTextDatum(purchase->currency));
	if (purchase->category_no != 0)
		ss_direct_set(direct, table, TRANSACTION_CATEGORY_NO, Int16GetDatum(purchase->category_no));
	ss_direct_set(direct, table, TRANSACTION_REQUEST, Int16GetDatum(purchase->given));
	if (purchase->has_merchant)
		ss_direct_set(direct, table, TRANSACTION_MERCHANT_ID, UUIDPGetDatum(&purchase->merchant_id));
	if (purchase->has_account)
		ss_direct_set(direct, table, TRANSACTION_ACCOUNT_ID, UUIDPGetDatum(&purchase->account_id));
	if (purchase->idempotency_key != NULL)
		ss_direct_set(direct, table, TRANSACTION_KEY, CStringGetTextDatum(purchase->idempotency_key));
	if (purchase->metadata != NULL)
		ss_direct_set(direct, table, TRANSACTION_METADATA, JsonbPGetDatum(purchase->metadata));
	if (purchase->status == SS_PENDING)
		ss_direct_set(direct, table, TRANSACTION_BASE_RATE, Int64GetDatum(purchase->base_rate));
	ss_direct_set(direct, table, TRANSACTION_DECISION, PointerGetDatum(ss_decision_encode(&purchase->decision)));
}

/* One entry of that user's, unless it moves nothing. */
static void
add_entry(SSDirect *direct, const SSPurchase *purchase, const pg_uuid_t *user_id, SSLabel kind, int64 points,
		  int32 campaign_no)
{
	const SSTable table = SS_POINTS_ENTRIES;

	if (points == 0)
		return;
	ss_direct_add(direct, table);
	ss_direct_set(direct, table, ENTRY_USER_ID, UUIDPGetDatum(user_id));
	ss_direct_set(direct, table, ENTRY_ID, UUIDPGetDatum(ss_uuid7_new()));
	ss_direct_set(direct, table, ENTRY_POINTS, Int64GetDatum(points));
	ss_direct_set(direct, table, ENTRY_RECORDED_AT, TimestampTzGetDatum(purchase->recorded_at));
	ss_direct_set(direct, table, ENTRY_KIND, ss_direct_label(kind));
	ss_direct_set(direct, table, ENTRY_DEBIT, ss_direct_label(SS_LABEL_ISSUANCE));
	ss_direct_set(direct, table, ENTRY_CREDIT,
				  ss_direct_label(purchase->status == SS_PENDING ? SS_LABEL_PENDING : SS_LABEL_AVAILABLE));
	if (campaign_no != 0)
		ss_direct_set(direct, table, ENTRY_CAMPAIGN_NO, Int32GetDatum(campaign_no));
	ss_direct_set(direct, table, ENTRY_TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
}

static void
add_redemption(SSDirect *direct, const SSPurchase *purchase, int position)
{
	const SSTable table = SS_REDEMPTIONS;
	const SSAward *award = &purchase->awards[position];

	ss_direct_add(direct, table);
	ss_direct_set(direct, table, REDEMPTION_USER_ID, UUIDPGetDatum(&purchase->user_id));
	ss_direct_set(direct, table, REDEMPTION_TRANSACTION_ID, UUIDPGetDatum(&purchase->transaction_id));
	ss_direct_set(direct, table, REDEMPTION_CAMPAIGN_NO, Int32GetDatum(award->campaign_no));
	ss_direct_set(direct, table, REDEMPTION_VERSION, Int32GetDatum(award->campaign_version));
	ss_direct_set(direct, table, REDEMPTION_POINTS, Int64GetDatum(award->points));
	ss_direct_set(direct, table, REDEMPTION_DISCOUNT, Int64GetDatum(award->discount));
	ss_direct_set(direct, table, REDEMPTION_COST, Int64GetDatum(award->cost));
	ss_direct_set(direct, table, REDEMPTION_RETURNED, Int64GetDatum(0));
	ss_direct_set(direct, table, REDEMPTION_DAY, DateADTGetDatum(purchase->day));
	ss_direct_set(direct, table, REDEMPTION_POSITION, Int16GetDatum((int16) (position + 1)));
	ss_direct_set(direct, table, REDEMPTION_COUNTS, BoolGetDatum(true));
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

void
ss_write_chunk_directly(const SSChunk *chunk)
{
	const SSPurchase **purchases = by_user(chunk);

	for (int i = 0; i < chunk->count; i++)
		add_transaction(chunk->direct, &chunk->purchases[i]);
	for (int i = 0; i < chunk->count; i++)
	{
		const SSPurchase *purchase = purchases[i];

		add_entry(chunk->direct, purchase, &purchase->user_id, SS_LABEL_EARN, purchase->points_base, 0);
		for (int j = 0; j < purchase->nawards; j++)
		{
			add_entry(chunk->direct, purchase, &purchase->user_id, SS_LABEL_BONUS, purchase->awards[j].points,
					  purchase->awards[j].campaign_no);
			add_redemption(chunk->direct, purchase, j);
		}
		add_entry(chunk->direct, purchase, &purchase->user_id, SS_LABEL_REFERRAL, purchase->referral_points, 0);
		if (purchase->referrer_paid)
			add_entry(chunk->direct, purchase, &purchase->referrer, SS_LABEL_REFERRAL, purchase->referral_points, 0);
	}
	if (chunk->statement == NULL)
		ss_account_write(chunk->direct, chunk->accounts, chunk->naccounts);
}
