/*
 * export_customers.c: figures of customers and of points for other programs.
 *
 * Called by export_analytics. They are those of the last refresh; without one
 * there are no rows. Users are their ids. No locks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "analytics/customers.h"
#include "analytics/export_datasets.h"
#include "base/query.h"

/* $1 today, $2 unit of money */
#define RFM_COLUMNS "user_id", "segment", "r", "f", "m", "recency_days", "frequency", "monetary"
SS_QUERY(read_rfm,
		 "SELECT f.user_id, f.segment, f.recency_score, f.frequency_score, f.monetary_score, $1 - f.last_purchase_date,"
		 "       f.frequency, f.monetary_minor * $2 FROM swipesavvy.customer_figures f ORDER BY f.user_id",
		 DATEOID, NUMERICOID);

/* The same; who would be listed unless asked otherwise. */
#define CHURN_COLUMNS                                                                                                  \
	"user_id", "last_purchase_date", "days_since", "typical_gap_days", "ratio", "purchases", "net_amount_365"
SS_QUERY(read_churn,
		 "SELECT f.user_id, f.last_purchase_date, $1 - f.last_purchase_date, f.typical_gap_days, f.ratio, f.purchases,"
		 "       f.monetary_minor * $2 FROM swipesavvy.customer_figures f WHERE f.ratio >= 2 ORDER BY f.user_id",
		 DATEOID, NUMERICOID);

/* The same; a row for each period of a cohort that has ended. */
#define COHORT_COLUMNS "granularity", "cohort", "period", "period_start", "size", "active", "retention", "net_amount"
SS_QUERY(
	read_cohorts,
	"SELECT c.granularity, c.cohort, k.n - 1, k.first::date, c.users, coalesce(r.users, 0)," SS_QUOTIENT(
		"coalesce(r.users, 0)::numeric", "c.users::numeric", "1000000",
		"0.000001") ", coalesce(r.net_minor, 0) * $2"
					"  FROM (SELECT s.*, CASE s.granularity WHEN 'weekly' THEN interval '7 days' ELSE interval '1 month' END AS length"
					"          FROM swipesavvy.customer_cohorts s WHERE s.period = s.cohort) c"
					" CROSS JOIN LATERAL generate_series(c.cohort::timestamp, $1::timestamp, c.length) WITH ORDINALITY k (first, n)"
					"  LEFT JOIN swipesavvy.customer_cohorts r ON r.granularity = c.granularity AND r.cohort = c.cohort AND r.period = k.first::date"
					" WHERE k.first + c.length <= $1::timestamp ORDER BY c.granularity, c.cohort, k.n",
	DATEOID, NUMERICOID);

/* $1 and $2 the days; money is in the currency that the programme had then. */
#define LIABILITY_COLUMNS                                                                                              \
	"date", "as_of", "points_available", "points_overdrawn", "points_pending", "currency", "value", "breakage_rate",   \
		"expected_breakage_points", "expected_liability"
#define WORTH(points) "round((" points ") * l.point_value_minor / 10::numeric ^ k.minor_unit, k.minor_unit)"
SS_QUERY(
	read_liability,
	"SELECT l.day, l.as_of, l.points_available, l.points_overdrawn, l.points_pending, l.currency::text,"
	"       " WORTH("l.points_available") ", r.rate, b.points, " WORTH(
		"l.points_available - b.points") "  FROM swipesavvy.points_liability l JOIN swipesavvy.currencies k ON k.code = l.currency"
										 " CROSS JOIN LATERAL (SELECT " SS_QUOTIENT(
											 "l.points_expired", "l.points_matured", "1000000",
											 "0.000001") "                           AS rate) r"
														 " CROSS JOIN LATERAL (SELECT floor(l.points_available * r.rate) AS points) b"
														 " WHERE l.day >= $1 AND l.day <= $2 ORDER BY l.day",
	DATEOID, DATEOID);

/* $1 unit of money */
#define AGEING_COLUMNS "month", "credited", "remaining", "expires_at", "value"
SS_QUERY(read_ageing,
		 "SELECT m.month, m.credited, m.remaining, m.expires_at, m.remaining * l.point_value_minor * $1"
		 "  FROM swipesavvy.points_by_month m CROSS JOIN swipesavvy.customer_analytics a"
		 "  JOIN swipesavvy.points_liability l ON l.day = a.today ORDER BY m.month",
		 NUMERICOID);

static void
put_rows(SSExport *export, const char *const *columns, SSQuery *query, const Datum *values)
{
	ss_records_begin(&export->records, export->format, columns, export->header, &export->target);
	ss_query_each(query, values, ss_records_row, &export->records);
}

/* Of the last refresh. */
static void
put_refreshed(SSExport *export, const char *const *columns, SSQuery *query)
{
	SSRefreshed refreshed = ss_customers_refreshed();
	Datum values[2] = {DateADTGetDatum(refreshed.today), NumericGetDatum(refreshed.unit)};

	put_rows(export, columns, query, values);
}

void
ss_export_rfm(SSExport *export)
{
	static const char *const columns[] = {RFM_COLUMNS, NULL};

	put_refreshed(export, columns, &read_rfm);
}

void
ss_export_churn(SSExport *export)
{
	static const char *const columns[] = {CHURN_COLUMNS, NULL};

	put_refreshed(export, columns, &read_churn);
}

void
ss_export_cohorts(SSExport *export)
{
	static const char *const columns[] = {COHORT_COLUMNS, NULL};

	put_refreshed(export, columns, &read_cohorts);
}

void
ss_export_liability(SSExport *export)
{
	static const char *const columns[] = {LIABILITY_COLUMNS, NULL};
	Datum values[2] = {DateADTGetDatum(export->period.start), DateADTGetDatum(export->period.end)};

	put_rows(export, columns, &read_liability, values);
}

void
ss_export_ageing(SSExport *export)
{
	static const char *const columns[] = {AGEING_COLUMNS, NULL};
	SSRefreshed refreshed = ss_customers_refreshed();
	Datum value = NumericGetDatum(refreshed.unit);

	put_rows(export, columns, &read_ageing, &value);
}
