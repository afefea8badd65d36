/*
 * points_owed.c: the points that users hold, as the last refresh found them:
 * what they are worth, how old they are, and how many are likely to expire.
 *
 * SQL entry points. They read what refresh_customers.c has written. No lock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "analytics/customers.h"
#include "base/args.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_points_liability);
PG_FUNCTION_INFO_V1(swipesavvy_get_points_ageing);

/* $1 unit of money; the last refresh. The rate is null where fewer than twelve months have matured. */
SS_QUERY(
	read_liability,
	"SELECT l.points_available, l.points_overdrawn, l.points_pending, l.points_available * l.point_value_minor * $1 AS value,"
	"       r.rate AS breakage_rate, b.points AS expected_breakage_points,"
	"       (l.points_available - b.points) * l.point_value_minor * $1 AS expected_liability"
	"  FROM swipesavvy.points_liability l JOIN swipesavvy.customer_analytics a ON a.today = l.day"
	" CROSS JOIN LATERAL (SELECT " SS_QUOTIENT(
		"l.points_expired", "l.points_matured", "1000000",
		"0.000001") " AS rate) r"
					" CROSS JOIN LATERAL (SELECT floor(l.points_available * r.rate) AS points) b",
	NUMERICOID);
/* $1 unit of money, $2 days; the value of a day when the programme had another currency is null. */
SS_QUERY(
	read_history,
	"SELECT l.day AS date, l.points_available,"
	"       CASE WHEN l.currency = a.currency THEN l.points_available * l.point_value_minor * $1 END AS value"
	"  FROM swipesavvy.customer_analytics a JOIN swipesavvy.points_liability l ON l.day > a.today - $2 AND l.day <= a.today"
	" ORDER BY l.day",
	NUMERICOID, INT4OID);
SS_QUERY(read_ageing,
		 "SELECT m.month, m.credited, m.remaining, m.expires_at, m.remaining * l.point_value_minor * $1 AS value"
		 "  FROM swipesavvy.points_by_month m CROSS JOIN swipesavvy.customer_analytics a"
		 "  JOIN swipesavvy.points_liability l ON l.day = a.today ORDER BY m.month",
		 NUMERICOID);
SS_QUERY(
	sum_ageing,
	"SELECT coalesce((SELECT sum(m.remaining) FROM swipesavvy.points_by_month m), 0) AS total_remaining, l.points_overdrawn"
	"  FROM swipesavvy.customer_analytics a JOIN swipesavvy.points_liability l ON l.day = a.today");

/* Null under each key: nothing has been worked out yet. */
static void
add_nulls(SSJson *json, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		ss_json_null(json, *keys);
}

static void
add_first_row(SSJson *json, SSRows rows)
{
	ss_json_columns(json, ss_row(rows, 0));
}

/*
 * get_points_liability(days)
 */
Datum
swipesavvy_get_points_liability(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"points_available", "points_overdrawn",		   "points_pending",	 "value",
									   "breakage_rate",	   "expected_breakage_points", "expected_liability", NULL};
	SSCall call;
	SSJson json = {0};
	SSRefreshed refreshed;
	SSRows rows;
	Datum values[2];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	values[1] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 0, "days", 1, 1830, NULL));
	refreshed = ss_customers_refreshed();
	values[0] = NumericGetDatum(refreshed.unit);
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	rows = ss_rows_read(&read_liability, values, NULL);
	if (rows.count > 0)
		add_first_row(&json, rows);
	else
		add_nulls(&json, keys);
	(void) ss_query_read(&read_history, values, NULL);
	ss_json_rows(&json, "history");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * get_points_ageing()
 */
Datum
swipesavvy_get_points_ageing(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"total_remaining", "points_overdrawn", NULL};
	SSCall call;
	SSJson json = {0};
	SSRefreshed refreshed;
	SSRows rows;
	Datum values[1];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	refreshed = ss_customers_refreshed();
	values[0] = NumericGetDatum(refreshed.unit);
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	(void) ss_query_read(&read_ageing, values, NULL);
	ss_json_rows(&json, "buckets");
	rows = ss_rows_read(&sum_ageing, NULL, NULL);
	if (rows.count > 0)
		add_first_row(&json, rows);
	else
		add_nulls(&json, keys);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
