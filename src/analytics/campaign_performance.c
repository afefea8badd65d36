/*
 * campaign_performance.c: each campaign, with what it has brought since it was
 * made.
 *
 * SQL entry point campaign_performance, which the view
 * v_campaign_performance_summary shows: nobody may read the tables themselves,
 * and a view over them would keep their columns from being altered. Roll-ups and
 * what is not folded yet are added in one statement. No locks.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "analytics/facts.h"
#include "analytics/state.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/slots.h"

PG_FUNCTION_INFO_V1(swipesavvy_campaign_performance);

/* The columns of the view, in their order. $1 zone, $2 null: of all campaigns. */
#define TOTALS                                                                                                         \
	"SELECT f.campaign_no, sum(f.impressions) AS impressions, sum(f.views) AS views, sum(f.clicks) AS clicks,"         \
	"       sum(f.purchase_conversions + f.tracked_conversions) AS conversions,"                                       \
	"       sum(f.revenue) FILTER (WHERE f.currency = c.currency) AS revenue,"                                         \
	"       sum(f.cost) FILTER (WHERE f.currency = c.currency) AS cost, max(f.day) AS last_fact_day"                   \
	"  FROM (SELECT f.campaign_no, f.day, f.currency, " SS_CAMPAIGN_SUMS " FROM ("                                     \
	"         SELECT d.campaign_no, d.day, d.currency, " SS_CAMPAIGN_MEASURES " FROM swipesavvy.campaign_days d"       \
	"          UNION ALL " SS_TAIL_DAYS(                                                                               \
		"$2", "$1") ") f"                                                                                              \
					"         GROUP BY 1, 2, 3 HAVING " SS_CAMPAIGN_ANY ") f"                                          \
					"  JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no GROUP BY f.campaign_no"
/* Exact, halves up: of integers that are not negative. */
#define RATIO(a, b, scale, unit)                                                                                       \
	"CASE WHEN f." b " > 0 THEN div(2 * f." a " * " scale " + f." b ", 2 * f." b ") * " unit " END"
#define RATES                                                                                                          \
	RATIO("views", "impressions", "1000000", "0.000001")                                                               \
	", " RATIO("clicks", "impressions", "1000000", "0.000001") ", " RATIO(                                             \
		"conversions", "clicks", "1000000",                                                                            \
		"0.000001") ", " RATIO("cost", "conversions", "10000", "0.0001 * u.minor") ", " RATIO("revenue", "cost",       \
																							  "1000000", "0.000001")
#define SPENT                                                                                                          \
	"CASE WHEN c.budget IS NULL THEN f.cost ELSE (SELECT coalesce(sum(b.used), 0) FROM swipesavvy.campaign_slots b"    \
	" WHERE b.slot_key = " SS_SLOT_KEY_SQL " AND b.campaign_no = c.campaign_no AND b.day = '-infinity') END"

SS_QUERY(
	read_campaigns,
	"SELECT c.campaign_id, c.name, c.campaign_type, c.status, c.offer_type, c.currency::text, c.start_date, c.end_date,"
	"       c.budget * u.minor, s.spent * u.minor, (c.budget - s.spent) * u.minor,"
	"       f.impressions::bigint, f.views::bigint, f.clicks::bigint, f.conversions::bigint, f.revenue * u.minor,"
	"       f.cost * u.minor, " RATES ", f.last_fact_day"
	"  FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
	" CROSS JOIN LATERAL (SELECT ('1e-' || k.minor_unit)::numeric) u (minor)"
	"  LEFT JOIN (" TOTALS ") t ON t.campaign_no = c.campaign_no"
	" CROSS JOIN LATERAL (SELECT coalesce(t.impressions, 0), coalesce(t.views, 0), coalesce(t.clicks, 0),"
	"    coalesce(t.conversions, 0), coalesce(t.revenue, 0), coalesce(t.cost, 0), t.last_fact_day)"
	"    f (impressions, views, clicks, conversions, revenue, cost, last_fact_day)"
	" CROSS JOIN LATERAL (SELECT " SPENT ") s (spent)",
	TEXTOID, INT4OID);

/*
 * campaign_performance()
 */
Datum
swipesavvy_campaign_performance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SSCall call;
	SSAnalyticsState state;
	Datum parameters[2] = {0};
	bool nulls[2] = {false, true};
	SSRows rows;

	InitMaterializedSRF(fcinfo, 0);
	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	ss_analytics_require(&state);
	parameters[0] = CStringGetTextDatum(state.zone_name);
	rows = ss_rows_read(&read_campaigns, parameters, nulls);
	for (uint64 i = 0; i < rows.count; i++)
		tuplestore_puttuple(result->setResult, rows.table->vals[i]);
	ss_call_leave(&call);
	return (Datum) 0;
}
