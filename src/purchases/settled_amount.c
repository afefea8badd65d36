/*
 * settled_amount.c: what a pending purchase earns when it is settled for another
 * amount: a tip, a fuel pump (settled_amount.h).
 *
 * Called by settle_transaction(), under the lock on the user's account, which
 * is the lock on its purchases, too; then locks slots, in their order.
 *
 * Base points go by the product of rate and multipliers that was kept with the
 * purchase. The campaigns are those that it was awarded, each by its recorded
 * version and cut in the recorded order; nothing is chosen anew, and of limits,
 * dates and least amounts nothing is looked at again. What an award costs more must be
 * there in its campaign's budget as a whole, else the award stays what it was,
 * as far as the amount goes. Points are worth what the setting says now.
 *
 * First all differences are tried without locks on slots. Only if that comes to
 * nothing are all slots of these budgets locked, and decided on one by one: so a
 * budget that others may give back is waited for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/money.h"
#include "base/query.h"
#include "engine/match.h"
#include "ledger/entry.h"
#include "purchases/settled_amount.h"
#include "rules/load.h"

/* An award of the purchase. */
typedef struct Award
{
	SSAward held;	 /* as it was recorded */
	SSAward settled; /* as it becomes */
	SSGift gift;	 /* of the new amount, by the recorded version, before anything is cut */
} Award;

/* The purchase on its way to its new amount. */
typedef struct Settling
{
	SSPurchase purchase; /* of the new amount, as far as the rules read it */
	int64 recorded_base;
	int64 recorded_bonus;
	int64 recorded_discount;
	int nawards;
	Award *awards; /* in the order in which they were applied */
} Settling;

SS_QUERY(held_query,
		 "SELECT t.base_rate, t.points_base, t.points_bonus, t.discount_minor, t.metadata"
		 "  FROM swipesavvy.transactions t WHERE t.transaction_id = $1 AND t.user_id = $2",
		 UUIDOID, UUIDOID);
SS_QUERY(
	awards_query,
	"SELECT " SS_CAMPAIGN_COLUMNS ", r.points, r.discount_minor, r.cost_minor, r.campaign_version"
	"  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns n ON n.campaign_no = r.campaign_no"
	"  LEFT JOIN swipesavvy.campaign_versions v ON v.campaign_no = r.campaign_no AND v.version = r.campaign_version"
	" CROSS JOIN LATERAL jsonb_populate_record(NULL::swipesavvy.campaigns, coalesce(v.campaign, to_jsonb(n))) k"
	"  LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
	" WHERE r.transaction_id = $1 AND r.user_id = $2 ORDER BY r.position",
	UUIDOID, UUIDOID);
SS_QUERY(
	write_awards_query,
	"UPDATE swipesavvy.campaign_redemptions r SET points = k.points, discount_minor = k.discount, cost_minor = k.cost"
	"  FROM unnest($3, $4, $5, $6) k (campaign_no, points, discount, cost)"
	" WHERE r.transaction_id = $1 AND r.user_id = $2 AND r.campaign_no = k.campaign_no",
	UUIDOID, UUIDOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID);
SS_QUERY(write_purchase_query,
		 "UPDATE swipesavvy.transactions t"
		 "   SET amount_minor = $3, points_base = $4, points_bonus = $5, discount_minor = $6"
		 " WHERE t.transaction_id = $1 AND t.user_id = $2",
		 UUIDOID, UUIDOID, INT8OID, INT8OID, INT8OID, INT8OID);
SS_QUERY(write_settlement_query,
		 "INSERT INTO swipesavvy.settlements (transaction_id, user_id, recorded_amount_minor, recorded_points_base,"
		 "       recorded_points_bonus, recorded_discount_minor, recorded_awards, settled_at)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		 UUIDOID, UUIDOID, INT8OID, INT8OID, INT8OID, INT8OID, JSONBOID, TIMESTAMPTZOID);

int64
ss_settled_amount_arg(const SSRules *rules, const SSRecorded *purchase, Numeric amount)
{
	Datum value = NumericGetDatum(amount);
	Datum zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));

	if (DatumGetBool(DirectFunctionCall2(numeric_le, value, zero)))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid value for argument \"amount\""),
				errdetail("%s is not above 0.", DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				errhint("A purchase of which nothing is taken is declined: decline_transaction()."));
	return ss_scaled_from_numeric(amount, ss_rules_exponent(rules, purchase->currency), 1, PG_INT64_MAX, "amount");
}

/* --- what it becomes ---------------------------------------------------------------------- */

static void
read_purchase(const SSRules *rules, const SSRecorded *recorded, int64 amount, Settling *settling)
{
	Datum keys[2] = {UUIDPGetDatum(&recorded->transaction_id), UUIDPGetDatum(&recorded->user_id)};
	SSPurchase *purchase = &settling->purchase;
	SSRow row = ss_row(ss_rows_latest(&held_query, keys, NULL), 0);

	purchase->amount = amount;
	strlcpy(purchase->currency, recorded->currency, sizeof(purchase->currency));
	purchase->base_rate = ss_next_int64(&row);
	settling->recorded_base = ss_next_int64(&row);
	settling->recorded_bonus = ss_next_int64(&row);
	settling->recorded_discount = ss_next_int64(&row);
	purchase->metadata = ss_next_jsonb_or_null(&row);
	ss_purchase_read_shipping(rules, purchase);
	purchase->points_base = ss_match_base(rules, purchase);
}

static void
read_awards(const SSRules *rules, const SSRecorded *recorded, Settling *settling)
{
	Datum keys[2] = {UUIDPGetDatum(&recorded->transaction_id), UUIDPGetDatum(&recorded->user_id)};
	SSRows rows = ss_rows_latest(&awards_query, keys, NULL);

	settling->nawards = (int) rows.count;
	settling->awards = palloc0(Max(settling->nawards, 1) * sizeof(Award));
	for (int i = 0; i < settling->nawards; i++)
	{
		Award *award = &settling->awards[i];
		SSRow row = ss_row(rows, i);
		SSCampaign campaign = {0};
		int32 version;

		ss_rules_read_campaign(CurrentMemoryContext, &row, &campaign);
		award->held = (SSAward){.campaign_no = campaign.no, .campaign_id = campaign.id};
		award->held.points = ss_next_int64(&row);
		award->held.discount = ss_next_int64(&row);
		award->held.cost = ss_next_int64(&row);
		version = ss_next_int32(&row);
		if (campaign.version != version)
			elog(ERROR, "version %d of campaign %d is gone", version, campaign.no);
		award->settled = award->held;
		award->gift = ss_match_gift(rules, &campaign, &settling->purchase, settling->purchase.points_base);
	}
}

/* The award computed anew, with its discount cut to what is left of the amount. */
static void
settle_award(Award *award, int64 left)
{
	int128 discount = Min(award->gift.discount, left);

	award->settled.points = ss_narrow(award->gift.bonus, "points");
	award->settled.discount = (int64) discount;
	award->settled.cost = ss_narrow(award->gift.cost - award->gift.discount + discount, "cost");
}

/* The award as it was recorded, with its discount cut to what is left of the amount. */
static void
keep_award(Award *award, int64 left)
{
	award->settled = award->held;
	award->settled.discount = Min(award->held.discount, left);
	award->settled.cost -= award->held.discount - award->settled.discount;
}

/* What the award costs more when it is computed anew; below 0: less. */
static int128
more_of(const Award *award, int64 left)
{
	return award->gift.cost - award->gift.discount + Min(award->gift.discount, left) - award->held.cost;
}

/* --- budgets -------------------------------------------------------------------------------- */

/* All awards anew, if each budget covers that at once; false: nothing was done. */
static bool
try_all(Settling *settling)
{
	SSTake *takes = palloc(Max(settling->nawards, 1) * sizeof(SSTake));
	int64 left = settling->purchase.amount;

	for (int i = 0; i < settling->nawards; i++)
	{
		Award *award = &settling->awards[i];

		if (more_of(award, left) > PG_INT64_MAX - award->held.cost)
			return false; /* beyond what is stored, which is an error only where no budget says no */
		settle_award(award, left);
		left -= award->settled.discount;
		takes[i] = (SSTake){{award->held.campaign_no, SS_BUDGET_DAY}, award->settled.cost - award->held.cost};
	}
	return ss_slots_try(takes, settling->nawards);
}

/* One after the other, with all slots of their budgets locked. */
static void
decide_locked(Settling *settling)
{
	int32 *numbers = palloc(settling->nawards * sizeof(int32));
	int64 left = settling->purchase.amount;
	SSSlotBook *budgets;

	for (int i = 0; i < settling->nawards; i++)
		numbers[i] = settling->awards[i].held.campaign_no;
	budgets = ss_slots_lock_budgets(numbers, settling->nawards);
	for (int i = 0; i < settling->nawards; i++)
	{
		Award *award = &settling->awards[i];

		if (ss_slots_take_of_budget(budgets, award->held.campaign_no, more_of(award, left)))
			settle_award(award, left);
		else
		{
			keep_award(award, left);
			(void) ss_slots_take_of_budget(budgets, award->held.campaign_no, award->settled.cost - award->held.cost);
		}
		left -= award->settled.discount;
	}
	ss_slots_write(budgets);
}

/* --- what is written ------------------------------------------------------------------------- */

/* Points held for the purchase, or for one campaign of it, become others. */
static void
write_points(const SSRecorded *recorded, const char *kind, int32 campaign_no, int64 before, int64 after,
			 TimestampTz now)
{
	bool more = after > before;

	(void) ss_entry_write(&(SSEntry){
		.user_id = &recorded->user_id,
		.kind = more ? kind : "decline",
		.debit = more ? "issuance" : "pending",
		.credit = more ? "pending" : "issuance",
		.points = more ? after - before : before - after,
		.transaction_id = &recorded->transaction_id,
		.campaign_no = campaign_no,
		.recorded_at = now,
	});
}

/* The awards, with their points in the ledger; sums them up for the purchase. */
static void
write_awards(const SSRecorded *recorded, Settling *settling, TimestampTz now)
{
	static const Oid types[] = {INT4OID, INT8OID, INT8OID, INT8OID};
	Datum values[6] = {UUIDPGetDatum(&recorded->transaction_id), UUIDPGetDatum(&recorded->user_id)};
	SSColumns columns;

	ss_columns_init(&columns, lengthof(types), types, Max(settling->nawards, 1));
	for (int i = 0; i < settling->nawards; i++)
	{
		const SSAward *award = &settling->awards[i].settled;

		ss_columns_next(&columns);
		ss_columns_set(&columns, 0, Int32GetDatum(award->campaign_no));
		ss_columns_set(&columns, 1, Int64GetDatum(award->points));
		ss_columns_set(&columns, 2, Int64GetDatum(award->discount));
		ss_columns_set(&columns, 3, Int64GetDatum(award->cost));
		write_points(recorded, "bonus", award->campaign_no, settling->awards[i].held.points, award->points, now);
		settling->purchase.points_bonus = ss_add(settling->purchase.points_bonus, award->points, "points");
		settling->purchase.discount += award->discount;
	}
	if (settling->nawards == 0)
		return;
	ss_columns_arrays(&columns, &values[2]);
	(void) ss_query_latest(&write_awards_query, values, NULL);
}

/* The awards as they were recorded, for repeats and explanations. */
static Datum
recorded_awards(const Settling *settling)
{
	SSJson json = {0};

	ss_json_open_array(&json, NULL);
	for (int i = 0; i < settling->nawards; i++)
	{
		const SSAward *award = &settling->awards[i].held;

		ss_json_open_object(&json, NULL);
		ss_json_text(&json, "campaign_id", award->campaign_id);
		ss_json_int(&json, "points", award->points);
		ss_json_int(&json, "discount_minor", award->discount);
		ss_json_int(&json, "cost_minor", award->cost);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	return ss_json_finish(&json);
}

static void
write_purchase(const SSRecorded *recorded, const Settling *settling, TimestampTz now)
{
	const SSPurchase *purchase = &settling->purchase;
	Datum keys[2] = {UUIDPGetDatum(&recorded->transaction_id), UUIDPGetDatum(&recorded->user_id)};

	(void) ss_query_latest(&write_settlement_query,
						   (Datum[]){keys[0], keys[1], Int64GetDatum(recorded->amount),
									 Int64GetDatum(settling->recorded_base), Int64GetDatum(settling->recorded_bonus),
									 Int64GetDatum(settling->recorded_discount), recorded_awards(settling),
									 TimestampTzGetDatum(now)},
						   NULL);
	(void) ss_query_latest(&write_purchase_query,
						   (Datum[]){keys[0], keys[1], Int64GetDatum(purchase->amount),
									 Int64GetDatum(purchase->points_base), Int64GetDatum(purchase->points_bonus),
									 Int64GetDatum(purchase->discount)},
						   NULL);
}

void
ss_settled_amount_change(const SSRules *rules, SSRecorded *recorded, int64 amount, TimestampTz now)
{
	Settling settling = {0};

	read_purchase(rules, recorded, amount, &settling);
	read_awards(rules, recorded, &settling);
	if (!try_all(&settling))
		decide_locked(&settling);
	write_points(recorded, "earn", 0, settling.recorded_base, settling.purchase.points_base, now);
	write_awards(recorded, &settling, now);
	write_purchase(recorded, &settling, now);
	recorded->amount = amount;
	recorded->points = ss_add(settling.purchase.points_base, settling.purchase.points_bonus, "points");
}
