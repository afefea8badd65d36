/*
 * merchant_figures.c: what was bought at a merchant, day by day (merchant_figures.h).
 *
 * Called by the readers of a merchant's figures. One statement adds roll-up rows, what
 * is not folded yet, and the rate that is in force on each day, so that all are of one
 * snapshot. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "analytics/campaign_figures.h"
#include "base/query.h"
#include "places/merchant_figures.h"
#include "places/partnership.h"

/* $1 merchant, $2 currency, $3 first day, $4 the day after the last, $5 zone of the roll-ups */
SS_QUERY(
	read_days,
	"SELECT f.day, sum(f.purchases)::numeric, sum(f.refunded_purchases)::numeric, sum(f.amount)::numeric,"
	"       sum(f.refunded)::numeric, coalesce(max(v.rate_milli), 0)"
	"  FROM (SELECT d.day, d.purchases, d.refunded_purchases, d.amount, d.refunded"
	"          FROM swipesavvy.merchant_days d WHERE d.merchant_id = $1 AND d.currency = $2 AND d.day >= $3 AND d.day < $4"
	"         UNION ALL"
	"        SELECT t.day, t.purchases, t.refunded_purchases, t.amount, t.refunded"
	"          FROM (SELECT swipesavvy.analytics_day(u.slot, $5) AS day, u.* FROM swipesavvy.unfolded_deltas(0) u"
	"                 WHERE u.merchant_id = $1 AND u.currency = $2) t WHERE t.day >= $3 AND t.day < $4) f"
	"  LEFT JOIN (" SS_PARTNERSHIPS_SQL("p.merchant_id = $1") ") v ON " SS_IN_FORCE_SQL(
		"f.day") " GROUP BY f.day ORDER BY f.day",
	UUIDOID, BPCHAROID, DATEOID, DATEOID, TEXTOID);

static void
read_figures(SSRow *row, SSMerchantFigures *figures)
{
	figures->purchases = ss_next_integer(row);
	figures->refunded_purchases = ss_next_integer(row);
	figures->amount = ss_next_integer(row);
	figures->refunded = ss_next_integer(row);
	figures->commission = (figures->amount - figures->refunded) * ss_next_int32(row);
}

SSMerchantDay *
ss_merchant_days(const SSAnalyticsState *state, const pg_uuid_t *merchant_id, const char *currency, DateADT from,
				 DateADT until)
{
	Datum values[] = {UUIDPGetDatum(merchant_id), CStringGetTextDatum(currency), DateADTGetDatum(from),
					  DateADTGetDatum(until), CStringGetTextDatum(state->zone_name)};
	SSMerchantDay *days = palloc0((until - from) * sizeof(SSMerchantDay));
	SSRows rows = ss_rows_read(&read_days, values, NULL);

	for (DateADT day = from; day < until; day++)
		days[day - from].day = day;
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		DateADT day = ss_next_date(&row);

		read_figures(&row, &days[day - from].figures);
	}
	ss_rows_free(&rows);
	return days;
}

void
ss_merchant_figures_add(SSMerchantFigures *sum, const SSMerchantFigures *figures)
{
	sum->purchases += figures->purchases;
	sum->refunded_purchases += figures->refunded_purchases;
	sum->amount += figures->amount;
	sum->refunded += figures->refunded;
	sum->commission += figures->commission;
}
