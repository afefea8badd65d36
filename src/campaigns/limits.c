/*
 * limits.c: the slots in which a campaign's budget and daily limit are
 * held, when those limits are set.
 *
 * Called by the functions that create and change campaigns; who spends from
 * slots is the award engine.
 *
 * Locking. Whoever changes a campaign holds its row (FOR NO KEY UPDATE, which
 * leaves purchases alone), then locks its slots as the engine does: the first
 * of each day, then the others in the order (day, slot). A purchase that follows the rules from before a budget or a
 * daily limit was added holds no slot, though, so what has been used could miss
 * it; and one under a daily limit may be making the slot of a new day. Those
 * changes therefore first take a SHARE ROW EXCLUSIVE lock on
 * campaign_redemptions. The engine takes ROW EXCLUSIVE there before it looks at
 * the rules: so the change waits for the purchases and refunds under way, later
 * ones wait for its commit, and then see the new rules. It is rare: setting a
 * budget to another amount needs none of it. What was used is then counted
 * under the latest snapshot, as a REPEATABLE READ transaction's own one may be
 * older than the lock.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "campaigns/campaigns.h"

SS_QUERY(quiesce, "LOCK TABLE ONLY swipesavvy.campaign_redemptions IN SHARE ROW EXCLUSIVE MODE");

SS_QUERY(insert_budget,
		 "INSERT INTO swipesavvy.campaign_slots (slot_key, campaign_no, day, slot, used, allotted)"
		 " VALUES (" SS_SLOT_KEY_SQL ", $1, '-infinity', 0, $2, $3)",
		 INT4OID, INT8OID, INT8OID);

SS_QUERY(sum_costs,
		 "SELECT coalesce(sum(r.cost_minor - r.cost_returned_minor), 0)::bigint"
		 " FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = $1",
		 INT4OID);

SS_QUERY(lock_first_slots,
		 "SELECT 1 FROM swipesavvy.campaign_slots s WHERE s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.campaign_no = $1 AND s.slot = 0 ORDER BY s.day FOR UPDATE",
		 INT4OID);

/* only whoever holds a first slot adds others, so these are all */
SS_QUERY(lock_slots,
		 "SELECT s.used, s.day = '-infinity' FROM swipesavvy.campaign_slots s"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = $1 ORDER BY s.day, s.slot FOR UPDATE",
		 INT4OID);

/* what is left goes to the first slot */
SS_QUERY(spread_budget,
		 "UPDATE swipesavvy.campaign_slots s SET allotted = s.used + CASE WHEN s.slot = 0 THEN $2 ELSE 0 END"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = $1 AND s.day = '-infinity'",
		 INT4OID, INT8OID);

SS_QUERY(delete_budget,
		 "DELETE FROM swipesavvy.campaign_slots s WHERE s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.campaign_no = $1 AND s.day = '-infinity'",
		 INT4OID);

/* a day that is over the new limit already has nothing left */
SS_QUERY(insert_days,
		 "INSERT INTO swipesavvy.campaign_slots (slot_key, campaign_no, day, slot, used, allotted)"
		 " SELECT " SS_SLOT_KEY_SQL
		 ", r.campaign_no, r.day, 0, count(*), greatest(count(*), $2) FROM swipesavvy.campaign_redemptions r"
		 " WHERE r.campaign_no = $1 AND r.counts GROUP BY r.campaign_no, r.day",
		 INT4OID, INT8OID);

SS_QUERY(spread_days,
		 "UPDATE swipesavvy.campaign_slots s"
		 " SET allotted = s.used + CASE WHEN s.slot = 0 THEN greatest($2 - d.used, 0) ELSE 0 END"
		 " FROM (SELECT t.day, sum(t.used)::bigint AS used FROM swipesavvy.campaign_slots t"
		 " WHERE t.slot_key = " SS_SLOT_KEY_SQL " AND t.campaign_no = $1 AND t.day > '-infinity' GROUP BY t.day) d"
		 " WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = $1 AND s.day = d.day",
		 INT4OID, INT8OID);

SS_QUERY(delete_days,
		 "DELETE FROM swipesavvy.campaign_slots s WHERE s.slot_key = " SS_SLOT_KEY_SQL
		 " AND s.campaign_no = $1 AND s.day > '-infinity'",
		 INT4OID);

void
ss_campaign_slots_create(int32 campaign_no, const SSCampaignLimits *limits)
{
	Datum values[3] = {Int32GetDatum(campaign_no), Int64GetDatum(0), Int64GetDatum(limits->budget)};

	if (limits->has_budget)
		(void) ss_query_write(&insert_budget, values, NULL);
}

void
ss_campaign_row_limits(const SSCampaignRow *row, SSCampaignLimits *limits)
{
	limits->has_budget = !row->isnull[SS_CAMPAIGN_BUDGET];
	limits->budget = limits->has_budget ? DatumGetInt64(row->value[SS_CAMPAIGN_BUDGET]) : 0;
	limits->has_daily = !row->isnull[SS_CAMPAIGN_DAILY_LIMIT];
	limits->daily = limits->has_daily ? DatumGetInt32(row->value[SS_CAMPAIGN_DAILY_LIMIT]) : 0;
}

static bool
daily_differs(const SSCampaignLimits *before, const SSCampaignLimits *after)
{
	return before->has_daily != after->has_daily || before->daily != after->daily;
}

bool
ss_campaign_slots_disturb(const SSCampaignLimits *before, const SSCampaignLimits *after)
{
	return before->has_budget != after->has_budget || daily_differs(before, after);
}

void
ss_campaign_slots_quiesce(void)
{
	(void) ss_query_write(&quiesce, NULL, NULL);
}

static void
check_budget(int64 budget, int64 spent, int exponent)
{
	if (budget < spent)
		ss_exhausted(
			"budget is below what is spent", "The campaign has spent %s.",
			DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(ss_money_to_major(spent, exponent)))));
}

/* `spent`: the sum of the budget's slots, which are locked */
static void
change_budget(int32 campaign_no, const SSCampaignLimits *before, const SSCampaignLimits *after, int64 spent,
			  int exponent)
{
	Datum values[3] = {Int32GetDatum(campaign_no)};

	if (!after->has_budget)
	{
		(void) ss_query_latest(&delete_budget, values, NULL);
		return;
	}
	if (!before->has_budget)
		spent = ss_one_int64(ss_rows_latest(&sum_costs, values, NULL));
	check_budget(after->budget, spent, exponent);
	values[1] = Int64GetDatum(before->has_budget ? after->budget - spent : spent);
	values[2] = Int64GetDatum(after->budget);
	(void) ss_query_latest(before->has_budget ? &spread_budget : &insert_budget, values, NULL);
}

static void
change_daily(int32 campaign_no, const SSCampaignLimits *before, const SSCampaignLimits *after)
{
	Datum values[2] = {Int32GetDatum(campaign_no), Int64GetDatum(after->daily)};

	if (!after->has_daily)
		(void) ss_query_latest(&delete_days, values, NULL);
	else if (!before->has_daily)
		(void) ss_query_latest(&insert_days, values, NULL);
	else
		(void) ss_query_latest(&spread_days, values, NULL);
}

void
ss_campaign_slots_change(int32 campaign_no, const SSCampaignLimits *before, const SSCampaignLimits *after, int exponent)
{
	bool budget_differs = before->has_budget != after->has_budget || before->budget != after->budget;
	Datum key = Int32GetDatum(campaign_no);
	SSRows slots;
	int64 spent = 0;

	if (!budget_differs && !daily_differs(before, after))
		return;
	(void) ss_query_latest(&lock_first_slots, &key, NULL);
	slots = ss_rows_latest(&lock_slots, &key, NULL);
	for (uint64 i = 0; i < slots.count; i++)
	{
		SSRow row = ss_row(slots, i);
		int64 used = ss_next_int64(&row);

		if (ss_next_bool(&row))
			spent = ss_add(spent, used, "spent");
	}
	if (budget_differs)
		change_budget(campaign_no, before, after, spent, exponent);
	if (daily_differs(before, after))
		change_daily(campaign_no, before, after);
}
