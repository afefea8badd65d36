/*
 * units.c: who is counted in a test, from when, and what of the user counts.
 *
 * Called by refresh.c for one user after another. Integers only; no table, no
 * state, no locks.
 */
#include "postgres.h"

#include "base/uuid.h"
#include "experiments/units.h"

/* --- units ------------------------------------------------------------------------------------------------ */

/* The first moment at which the test took the user in: its coverage may have risen since it started. */
static int
group_since(const SSTestRun *run, const SSUnitUser *user, TimestampTz *since)
{
	for (int i = 0; i < run->nraises; i++)
	{
		int group = ss_ab_group(&run->raised[i], &user->id, true);

		if (group != SS_AB_OUTSIDE)
		{
			*since = run->raised_at[i];
			return group;
		}
	}
	return SS_AB_OUTSIDE;
}

static void
begin_of_population(SSTestRun *run, SSUnit *unit, const SSUnitUser *user, TimestampTz added_at)
{
	TimestampTz since = run->start;

	if (!user->is_user || user->created_at >= run->end)
		return;
	if (run->test.segment_no != 0 && added_at >= run->end)
		return;
	unit->group = group_since(run, user, &since);
	unit->from = Max(Max(run->start, since), user->created_at);
	if (run->test.segment_no != 0)
		unit->from = Max(unit->from, added_at);
}

static void
begin_of_assignment(SSTestRun *run, SSUnit *unit, const SSUnitExposure *exposure)
{
	if (exposure == NULL || exposure->first_at < run->start || exposure->first_at >= run->end)
		return;
	run->exposed++;
	if (exposure->first_at >= run->recent_from && exposure->first_at < run->recent_to)
		run->recent++;
	if (exposure->multiple)
	{
		run->multiple++;
		return;
	}
	unit->group = exposure->group;
	unit->from = exposure->first_at;
}

void
ss_unit_begin(SSTestRun *run, SSUnit *unit, const SSUnitUser *user, TimestampTz added_at,
			  const SSUnitExposure *exposure)
{
	memset(unit, 0, sizeof(SSUnit));
	unit->group = SS_AB_OUTSIDE;
	if (run->test.by_assignment)
		begin_of_assignment(run, unit, exposure);
	else
		begin_of_population(run, unit, user, added_at);
	unit->to = run->end;
	if (unit->group == SS_AB_OUTSIDE || run->test.window_days == 0)
		return;
	unit->to = unit->from + run->test.window_days * USECS_PER_DAY;
	if (unit->to > run->end) /* its window is not over: it would have had less time than others */
		unit->group = SS_AB_OUTSIDE;
}

/* --- facts ------------------------------------------------------------------------------------------------ */

static bool
in_pause(const SSTest *test, TimestampTz moment)
{
	for (int i = 0; i < test->npauses; i++)
	{
		if (moment >= test->pauses[i].from && moment < test->pauses[i].to)
			return true;
	}
	return false;
}

static bool
is_counted(const SSTestRun *run, const SSUnit *unit, TimestampTz moment)
{
	return moment >= unit->from && moment < unit->to && !in_pause(&run->test, moment);
}

static bool
at_target(const SSTestRun *run, const SSUnitPurchase *purchase)
{
	if (!run->test.target_only)
		return true;
	if (run->has_merchant && !(purchase->has_merchant && ss_uuid_equal(&purchase->merchant_id, &run->merchant_id)))
		return false;
	return run->category_no == 0 || purchase->category_no == run->category_no;
}

void
ss_unit_purchase(const SSTestRun *run, SSUnit *unit, const SSUnitPurchase *purchase)
{
	int64 net = purchase->amount - purchase->refunded;
	bool active = purchase->refunded < purchase->amount;
	bool in_currency = strcmp(purchase->currency, run->test.currency) == 0;
	TimestampTz before = run->start - run->test.covariate_days * USECS_PER_DAY;

	if (unit->group == SS_AB_OUTSIDE || !at_target(run, purchase))
		return;
	if (purchase->occurred_at >= before && purchase->occurred_at < run->start)
	{
		unit->orders_before += active ? 1 : 0;
		unit->revenue_before += in_currency ? net : 0;
	}
	if (!is_counted(run, unit, purchase->occurred_at))
		return;
	unit->orders += active ? 1 : 0;
	if (in_currency)
	{
		unit->revenue += net;
		unit->refunded += purchase->refunded;
		unit->amount += purchase->amount;
	}
}

static bool
is_of_test(const SSTest *test, int32 campaign_no)
{
	if (test->of_flag)
		return true;
	for (int i = 0; i < test->ngroups; i++)
	{
		if (test->groups[i].campaign_no == campaign_no)
			return true;
	}
	return false;
}

void
ss_unit_redemption(const SSTestRun *run, SSUnit *unit, const SSUnitRedemption *redemption)
{
	const SSTest *test = &run->test;

	if (unit->group == SS_AB_OUTSIDE || !is_of_test(test, redemption->campaign_no) ||
		!is_counted(run, unit, redemption->occurred_at))
		return;
	unit->reached = true;
	if (strcmp(redemption->currency, test->currency) == 0)
		unit->cost += redemption->cost;
	if (!redemption->counts)
		return;
	unit->points += redemption->points;
	if (test->of_flag || test->groups[unit->group].campaign_no == redemption->campaign_no)
		unit->converted = true;
}

void
ss_unit_saw(const SSTestRun *run, SSUnit *unit, int32 campaign_no, TimestampTz occurred_at)
{
	if (unit->group != SS_AB_OUTSIDE && !run->test.of_flag && is_of_test(&run->test, campaign_no) &&
		is_counted(run, unit, occurred_at))
		unit->reached = true;
}

/* --- sums -------------------------------------------------------------------------------------------------- */

/* y over d, with covariate x */
static void
add(SSTestRun *run, SSMetric metric, int group, int64 y, int64 d, int64 x)
{
	struct SSRunSums *sums = &run->sums[metric][group];

	sums->n++;
	sums->s += y;
	sums->q += (int128) y * y;
	sums->s_d += d;
	sums->q_d += (int128) d * d;
	sums->s_md += (int128) y * d;
	sums->s_x += x;
	sums->q_x += (int128) x * x;
	sums->s_yx += (int128) y * x;
}

void
ss_unit_end(SSTestRun *run, const SSUnit *unit)
{
	int group = unit->group;
	int64 bought_before = unit->orders_before > 0 ? 1 : 0;

	if (group == SS_AB_OUTSIDE)
		return;
	run->reached[group] += unit->reached ? 1 : 0;
	add(run, SS_METRIC_CONVERSION, group, unit->converted ? 1 : 0, 0, bought_before);
	add(run, SS_METRIC_BUYERS, group, unit->orders > 0 ? 1 : 0, 0, bought_before);
	add(run, SS_METRIC_ORDERS, group, unit->orders, 0, unit->orders_before);
	add(run, SS_METRIC_REVENUE, group, unit->revenue, 0, unit->revenue_before);
	add(run, SS_METRIC_COST, group, unit->cost, 0, 0);
	add(run, SS_METRIC_BONUS_POINTS, group, unit->points, 0, 0);
	add(run, SS_METRIC_NET_REVENUE, group, unit->revenue - unit->cost, 0, unit->revenue_before);
	add(run, SS_METRIC_AVERAGE_ORDER, group, unit->revenue, unit->orders, 0);
	add(run, SS_METRIC_REFUND_RATE, group, unit->refunded, unit->amount, 0);
}
