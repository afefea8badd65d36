/*
 * refresh_merchants.c: refresh_merchant_analytics(): how many customers each merchant has.
 *
 * SQL entry point, and a daily job. Purchases are read once, in one statement; of
 * merchant_customers the rows that changed are written, in the order of merchants. What
 * is kept are numbers of users, and no user. An advisory lock keeps two refreshes apart.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_merchant_analytics);

/* Beside that of figures of customers, which is 0 */
#define LOCK_KEY 1

/*
 * $1 the first moment of today, $2, $3 and $4 those 30, 90 and 365 days before. A user
 * who was erased is a customer all the same: a number that fell would tell that one was.
 */
SS_QUERY(
	refresh,
	"WITH bought AS ("
	" SELECT t.merchant_id, t.user_id, min(t.occurred_at) AS first, max(t.occurred_at) AS last"
	"   FROM swipesavvy.transactions t"
	"  WHERE t.status = 'completed' AND t.refunded_minor < t.amount_minor AND t.merchant_id IS NOT NULL AND t.occurred_at < $1"
	"  GROUP BY 1, 2),"
	"counted AS MATERIALIZED ("
	" SELECT b.merchant_id, count(*) FILTER (WHERE b.last >= $2) AS last_30_days,"
	"        count(*) FILTER (WHERE b.last >= $3) AS last_90_days, count(*) AS last_365_days,"
	"        count(*) FILTER (WHERE b.first >= $2) AS new_30_days"
	"   FROM bought b WHERE b.last >= $4 GROUP BY b.merchant_id),"
	"gone AS (DELETE FROM swipesavvy.merchant_customers o WHERE NOT EXISTS"
	" (SELECT FROM counted n WHERE n.merchant_id = o.merchant_id) RETURNING 1),"
	"written AS ("
	" INSERT INTO swipesavvy.merchant_customers AS o (merchant_id, last_30_days, last_90_days, last_365_days, new_30_days)"
	" SELECT n.merchant_id, n.last_30_days, n.last_90_days, n.last_365_days, n.new_30_days FROM counted n ORDER BY n.merchant_id"
	" ON CONFLICT (merchant_id) DO UPDATE SET last_30_days = excluded.last_30_days, last_90_days = excluded.last_90_days,"
	"    last_365_days = excluded.last_365_days, new_30_days = excluded.new_30_days"
	"  WHERE (o.last_30_days, o.last_90_days, o.last_365_days, o.new_30_days) IS DISTINCT FROM"
	"        (excluded.last_30_days, excluded.last_90_days, excluded.last_365_days, excluded.new_30_days) RETURNING 1)"
	" SELECT (SELECT count(*) FROM counted) AS merchants, (SELECT count(*) FROM written) AS written,"
	"        (SELECT count(*) FROM gone) AS removed",
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(note_refresh,
		 "INSERT INTO swipesavvy.merchant_analytics (as_of, today) VALUES ($1, $2)"
		 " ON CONFLICT (only_row) DO UPDATE SET as_of = excluded.as_of, today = excluded.today",
		 TIMESTAMPTZOID, DATEOID);

/*
 * refresh_merchant_analytics(): merchants with customers, and how many rows of them
 * were written and removed
 */
Datum
swipesavvy_refresh_merchant_analytics(PG_FUNCTION_ARGS)
{
	static const int days[] = {0, 30, 90, 365};
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	TimestampTz as_of;
	DateADT today;
	Datum values[lengthof(days)];

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	ss_lock_take(SS_LOCK_CUSTOMER_ANALYTICS, LOCK_KEY);
	rules = ss_rules_get();
	as_of = GetCurrentTimestamp();
	today = ss_rules_day(rules, as_of);
	values[0] = TimestampTzGetDatum(as_of);
	values[1] = DateADTGetDatum(today);
	(void) ss_query_latest(&note_refresh, values, NULL);
	for (int i = 0; i < (int) lengthof(days); i++)
		values[i] = TimestampTzGetDatum(ss_rules_day_start(rules, today - days[i]));
	(void) ss_query_latest(&refresh, values, NULL);
	ss_json_row(&json, NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
