/*
 * fact_changes.c: deltas of purchases that are settled, declined, lapse or are
 * refunded (fact_changes.h).
 *
 * Called by settlement.c and refund.c under the lock on campaign_redemptions and
 * the accounts. What a purchase counts for is worked out from its rows before and
 * after the change, by the same rule, so that no kind of change needs one of its own.
 */
#include "postgres.h"

#include "base/columns.h"
#include "base/money.h"
#include "base/query.h"
#include "direct/survey.h"
#include "engine/deltas.h"
#include "purchases/fact_changes.h"

struct SSFactChanges
{
	Datum keys[2]; /* transaction_id and user_id of each purchase */
	SSDeltaSums *sums;
};

/* A purchase and, in the columns from the tenth on, one of its redemptions, or nulls. */
SS_QUERY(read_facts,
		 "SELECT t.occurred_at, t.currency, t.merchant_id, t.category_no, t.status = 'pending', t.amount_minor,"
		 "       t.refunded_minor, t.points_base + t.points_bonus - t.points_refunded,"
		 "       r.campaign_no, r.position, r.counts, r.points, r.discount_minor, r.cost_minor - r.cost_returned_minor"
		 "  FROM unnest($1, $2) k (transaction_id, user_id)"
		 "  JOIN swipesavvy.transactions t ON t.transaction_id = k.transaction_id AND t.user_id = k.user_id"
		 "  LEFT JOIN swipesavvy.campaign_redemptions r"
		 "    ON r.user_id = k.user_id AND r.transaction_id = k.transaction_id AND r.user_id = ANY ($2)"
		 " WHERE t.user_id = ANY ($2) AND t.status IN ('pending', 'completed')",
		 UUIDARRAYOID, UUIDARRAYOID);

/* The purchase itself; of several rows only the first has it. */
static void
add_purchase(SSDeltaSums *sums, SSDelta *delta, bool pending, int64 amount, int64 refunded, int64 points, int sign)
{
	delta->measures[pending ? SS_PURCHASES_PENDING : SS_PURCHASES_COMPLETED] = 1;
	if (!pending)
	{
		delta->measures[SS_PURCHASES_REFUNDED] = refunded > 0 && refunded == amount ? 1 : 0;
		delta->measures[SS_AMOUNT] = amount;
		delta->measures[SS_REFUNDED] = refunded;
		delta->measures[SS_POINTS_EARNED] = points;
	}
	ss_delta_sums_add(sums, delta, sign);
}

/* What is left of a discount when that much of an amount was refunded. */
static int64
discount_left(int64 discount, int64 amount, int64 refunded)
{
	return amount == 0 ? discount : discount - (int64) ((int128) discount * refunded / amount);
}

static void
add_redemption(SSDeltaSums *sums, SSDelta *delta, SSRow *row, bool pending, int64 amount, int64 refunded, int sign)
{
	int16 position;
	int64 points;
	int64 discount;

	delta->key.campaign_no = ss_next_int32(row);
	position = ss_next_int16(row);
	if (ss_next_bool(row))
	{
		points = ss_next_int64(row);
		discount = ss_next_int64(row);
		delta->measures[SS_PURCHASE_CONVERSIONS] = 1;
		delta->measures[SS_PENDING_CONVERSIONS] = pending ? 1 : 0;
		delta->measures[SS_REVENUE] = amount - refunded;
		delta->measures[SS_REVENUE_PRIMARY] = position == 1 ? amount - refunded : 0;
		delta->measures[SS_DISCOUNT] = discount_left(discount, amount, refunded);
		delta->measures[SS_BONUS_POINTS] = points;
	}
	else
		ss_next_skip(row, 2);
	delta->measures[SS_COST] = ss_next_int64(row);
	ss_delta_sums_add(sums, delta, sign);
}

/* Adds what a row says; the purchase itself only from its first row. */
static void
add_row(SSDeltaSums *sums, SSRow row, int sign)
{
	TimestampTz occurred_at = ss_next_time(&row);
	const char *currency = ss_next_text(&row);
	const pg_uuid_t *merchant_id = ss_next_uuid_or_null(&row);
	int16 category_no = ss_next_int16_or(&row, 0);
	bool pending = ss_next_bool(&row);
	int64 amount = ss_next_int64(&row);
	int64 refunded = ss_next_int64(&row);
	int64 points = ss_next_int64(&row);
	SSRow rest = row;
	SSDelta delta;
	int32 campaign_no = ss_next_int32_or(&rest, 0);
	int16 position = ss_next_int16_or(&rest, 1);

	if (position == 1)
	{
		ss_delta_init(&delta, occurred_at, currency);
		delta.key.category_no = category_no;
		delta.key.has_merchant = merchant_id != NULL;
		if (merchant_id != NULL)
			delta.key.merchant_id = *merchant_id;
		add_purchase(sums, &delta, pending, amount, refunded, points, sign);
	}
	if (campaign_no == 0)
		return;
	ss_delta_init(&delta, occurred_at, currency);
	add_redemption(sums, &delta, &row, pending, amount, refunded, sign);
}

static void
add_facts(const SSFactChanges *changes, int sign)
{
	SSRows rows = ss_rows_latest(&read_facts, changes->keys, NULL);

	for (uint64 i = 0; i < rows.count; i++)
		add_row(changes->sums, ss_row(rows, i), sign);
	ss_rows_free(&rows);
}

SSFactChanges *
ss_fact_changes_begin(const SSRecorded *purchases, int count)
{
	SSFactChanges *changes;

	if (!ss_survey_has_deltas())
		return NULL;
	changes = palloc(sizeof(SSFactChanges));
	changes->keys[0] = ss_uuid_array(&purchases[0].transaction_id, count, sizeof(SSRecorded));
	changes->keys[1] = ss_uuid_array(&purchases[0].user_id, count, sizeof(SSRecorded));
	changes->sums = ss_delta_sums_begin(CurrentMemoryContext);
	add_facts(changes, -1);
	return changes;
}

void
ss_fact_changes_end(SSFactChanges *changes)
{
	SSDelta *deltas;
	int count;

	if (changes == NULL)
		return;
	add_facts(changes, 1);
	deltas = ss_delta_sums_all(changes->sums, &count);
	ss_deltas_write(deltas, count);
}
