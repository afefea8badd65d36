/*
 * network_figures.c: merchant_network_figures(): how all merchants fare, for the view
 * merchant_network_performance.
 *
 * SQL entry point. One statement, in one snapshot: roll-up rows of the last 365 days, what
 * is not folded yet, and partnerships; older days only of merchants that have sold nothing
 * since. No locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "analytics/period.h"
#include "base/query.h"
#include "call/call.h"
#include "places/partnership.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_merchant_network_figures);

#define MAJOR(minor) "round(" minor " / 10::numeric ^ k.minor_unit, k.minor_unit)"

/*
 * $1 zone of the roll-ups, $2 today there, $3 the programme's currency. Amounts are not
 * negative, so round() rounds halves away from zero; what is divided is so in whole numbers.
 */
SS_QUERY(
	read_network,
	"WITH tail AS MATERIALIZED ("
	" SELECT u.merchant_id, swipesavvy.analytics_day(u.slot, $1) AS day, u.currency::bpchar AS currency, u.purchases,"
	"        u.amount - u.refunded AS net FROM swipesavvy.unfolded_deltas(0) u WHERE u.merchant_id IS NOT NULL),"
	"days AS MATERIALIZED ("
	" SELECT f.merchant_id, f.currency, f.day, sum(f.purchases) AS purchases, sum(f.net) AS net"
	"   FROM (SELECT d.merchant_id, d.currency, d.day, d.purchases, d.amount - d.refunded AS net"
	"           FROM swipesavvy.merchant_days d WHERE d.day > $2 - 365 AND d.day <= $2"
	"          UNION ALL SELECT t.merchant_id, t.currency, t.day, t.purchases, t.net FROM tail t"
	"          WHERE t.day > $2 - 365 AND t.day <= $2) f GROUP BY 1, 2, 3 HAVING sum(f.purchases) <> 0),"
	"figures AS ("
	" SELECT d.merchant_id, d.currency, sum(d.purchases) AS purchases_365, sum(d.net) AS net_365,"
	"        coalesce(sum(d.purchases) FILTER (WHERE d.day > $2 - 30), 0) AS purchases_30,"
	"        coalesce(sum(d.net) FILTER (WHERE d.day > $2 - 30), 0) AS net_30,"
	"        coalesce(sum(d.net * v.rate_milli) FILTER (WHERE d.day > $2 - 30), 0) AS due_30"
	"   FROM days d LEFT JOIN (" SS_PARTNERSHIPS_SQL("true") ") v ON v.merchant_id = d.merchant_id AND " SS_IN_FORCE_SQL(
		"d.day") " GROUP BY 1, 2),"
				 "lasts AS (SELECT d.merchant_id, max(d.day) AS day FROM days d GROUP BY 1)"
				 " SELECT m.merchant_id, v.tier, round(v.rate_milli / 1000.0, 3), k.code::text, coalesce(f.purchases_30, 0)::bigint,"
				 "        " MAJOR(
					 "coalesce(f.net_30, 0)") ","
											  "        CASE WHEN f.purchases_30 > 0 THEN " MAJOR(
												  "div(2 * f.net_30 + f.purchases_30, 2 * f.purchases_30)") " END,"
																											"        " MAJOR(
																												"round(coalesce(f.due_30, 0) * 0.00001)") ", coalesce(f.purchases_365, 0)::bigint,"
																																						  "        " MAJOR(
																																							  "coalesce(f.net_365, 0)") ","
																																														"        coalesce(l.day, (SELECT o.day FROM (SELECT d.day, d.purchases FROM swipesavvy.merchant_days d"
																																														"                                             WHERE d.merchant_id = m.merchant_id AND d.day <= $2 - 365"
																																														"                                             UNION ALL SELECT t.day, t.purchases FROM tail t"
																																														"                                             WHERE t.merchant_id = m.merchant_id AND t.day <= $2 - 365) o"
																																														"                          GROUP BY o.day HAVING sum(o.purchases) > 0 ORDER BY o.day DESC LIMIT 1))"
																																														"   FROM swipesavvy.merchants m LEFT JOIN figures f ON f.merchant_id = m.merchant_id"
																																														"   JOIN swipesavvy.currencies k ON k.code = coalesce(f.currency, $3)"
																																														"   LEFT JOIN lasts l ON l.merchant_id = m.merchant_id"
																																														"   LEFT JOIN (" SS_PARTNERSHIPS_SQL("true") ") v ON v.merchant_id = m.merchant_id AND " SS_IN_FORCE_SQL(
																																															"$2"),
	TEXTOID, DATEOID, BPCHAROID);

/*
 * merchant_network_figures()
 */
Datum
swipesavvy_merchant_network_figures(PG_FUNCTION_ARGS)
{
	SSCall call;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SSAnalyticsState state;
	Datum values[3];
	SSRows rows;

	InitMaterializedSRF(fcinfo, 0);
	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	ss_analytics_require(&state);
	values[0] = CStringGetTextDatum(state.zone_name);
	values[1] = DateADTGetDatum(ss_period_today(&state));
	values[2] = CStringGetTextDatum(ss_rules_get()->settings.currency);
	rows = ss_rows_read(&read_network, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
		tuplestore_puttuple(result->setResult, ss_row(rows, i).tuple);
	ss_call_leave(&call);
	PG_RETURN_NULL();
}
