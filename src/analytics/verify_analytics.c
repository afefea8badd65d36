/*
 * verify_analytics.c: whether the roll-ups, with what is not folded yet, are
 * what the facts say.
 *
 * SQL entry point verify_analytics. Reads everything under the caller's
 * snapshot; no locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "analytics/facts.h"
#include "analytics/state.h"
#include "analytics/rollup_zone.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "campaigns/campaigns.h"

PG_FUNCTION_INFO_V1(swipesavvy_verify_analytics);

#define SAME(column) "coalesce(a." column ", 0) = coalesce(b." column ", 0)"
#define SAME_CAMPAIGN                                                                                                                                                       \
	SAME("impressions")                                                                                                                                                     \
	" AND " SAME("views") " AND " SAME("clicks") " AND " SAME("tracked_conversions") " AND " SAME("purchase_conversions") " AND " SAME("pending_conversions") " AND " SAME( \
		"tracked_value") " AND " SAME("revenue") " AND " SAME("revenue_primary") " AND " SAME("cost") " AND " SAME("discount") " AND " SAME("bonus_points")
#define SAME_PURCHASE                                                                                                  \
	SAME("purchases")                                                                                                  \
	" AND " SAME("pending_purchases") " AND " SAME("refunded_purchases") " AND " SAME("amount") " AND " SAME(          \
		"refunded") " AND " SAME("points_earned")

/* $1 zone, $2 the campaign (0: all), $3 before which events may be gone: their hours are as they are */
#define COUNTED " ($2 = 0 OR f.campaign_no = $2) AND (f.currency <> 'XXX' OR f.occurred_at >= $3)"
#define CHECK_CAMPAIGNS(unit, table, bucket)                                                                           \
	"WITH a AS (SELECT f.campaign_no, swipesavvy." bucket "(f.occurred_at, $1) AS unit, f.currency, " SS_CAMPAIGN_SUMS \
	"             FROM (" SS_REDEMPTION_FACTS " UNION ALL " SS_EVENT_FACTS ") f WHERE" COUNTED " GROUP BY 1, 2, 3),"   \
	"     b AS (SELECT f.campaign_no, f.unit, f.currency, " SS_CAMPAIGN_SUMS " FROM ("                                 \
	"             SELECT h.campaign_no, h." unit " AS unit, h.currency, " SS_CAMPAIGN_MEASURES                         \
	"               FROM swipesavvy." table " h WHERE ($2 = 0 OR h.campaign_no = $2) AND (h.currency <> 'XXX'"         \
	"                OR h." unit " >= swipesavvy." bucket "($3, $1))"                                                  \
	"              UNION ALL SELECT f.campaign_no, swipesavvy." bucket                                                 \
	"(f.occurred_at, $1), f.currency, " SS_CAMPAIGN_MEASURES " FROM (" SS_TAIL_FACTS(                                  \
		"nullif($2, 0)") ") f WHERE" COUNTED ") f GROUP BY 1, 2, 3)"                                                   \
						 " SELECT count(DISTINCT campaign_no), count(*), count(*) FILTER (WHERE NOT (" SAME_CAMPAIGN   \
						 "))"                                                                                          \
						 "   FROM a FULL JOIN b USING (campaign_no, unit, currency)"

SS_QUERY(check_days, CHECK_CAMPAIGNS("day", "campaign_days", "analytics_day"), TEXTOID, INT4OID, TIMESTAMPTZOID);
SS_QUERY(check_hours, CHECK_CAMPAIGNS("hour", "campaign_hours", "analytics_hour"), TEXTOID, INT4OID, TIMESTAMPTZOID);
SS_QUERY(
	check_merchants,
	"WITH a AS (SELECT f.merchant_id, swipesavvy.analytics_day(f.occurred_at, $1) AS day, f.category_no, f.currency,"
	" " SS_PURCHASE_SUMS " FROM (" SS_PURCHASE_FACTS ") f GROUP BY 1, 2, 3, 4),"
	"     b AS (SELECT f.merchant_id, f.day, f.category_no, f.currency, " SS_PURCHASE_SUMS " FROM ("
	"             SELECT m.merchant_id, m.day, m.category_no, m.currency, " SS_PURCHASE_MEASURES
	"               FROM swipesavvy.merchant_days m"
	"              UNION ALL SELECT coalesce(d.merchant_id, '00000000-0000-0000-0000-000000000000'),"
	"                    swipesavvy.analytics_day(d.slot, $1), coalesce(d.category_no, 0::smallint), d.currency::bpchar,"
	"                    " SS_PURCHASE_MEASURES " FROM swipesavvy.unfolded_deltas(0) d) f GROUP BY 1, 2, 3, 4)"
	" SELECT count(*), count(*) FILTER (WHERE NOT (" SAME_PURCHASE "))"
	"   FROM a FULL JOIN b USING (merchant_id, day, category_no, currency)",
	TEXTOID);

/* The first day all of whose events are there: its beginning. */
static TimestampTz
whole_since(const SSAnalyticsState *state)
{
	TimestampTz since = state->events_since;
	DateADT day;

	if (TIMESTAMP_NOT_FINITE(since))
		return since;
	day = ss_zone_day(state->zone, since);
	if (ss_zone_day_start(state->zone, day) < since)
		day++;
	return ss_zone_day_start(state->zone, day);
}

/*
 * verify_analytics(campaign_id): {campaigns_checked, days_checked, mismatches}
 */
Datum
swipesavvy_verify_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	char *id;
	int32 no = 0;
	Datum values[3];
	int64 campaigns;
	int64 days;
	int64 mismatches;
	SSRow row;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	id = ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, false);
	ss_analytics_require(&state);
	if (id != NULL && (no = ss_campaign_find(id)) == 0)
		ss_not_found("campaign", id);
	values[0] = CStringGetTextDatum(state.zone_name);
	values[1] = Int32GetDatum(no);
	values[2] = TimestampTzGetDatum(whole_since(&state));
	ss_query_sum_all();
	row = ss_row(ss_rows_read(&check_days, values, NULL), 0);
	campaigns = ss_next_int64(&row);
	days = ss_next_int64(&row);
	mismatches = ss_next_int64(&row);
	row = ss_row(ss_rows_read(&check_hours, values, NULL), 0);
	ss_next_skip(&row, 2);
	mismatches += ss_next_int64(&row);
	if (no == 0)
	{
		row = ss_row(ss_rows_read(&check_merchants, values, NULL), 0);
		days += ss_next_int64(&row);
		mismatches += ss_next_int64(&row);
	}
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "campaigns_checked", campaigns);
	ss_json_int(&json, "days_checked", days);
	ss_json_int(&json, "mismatches", mismatches);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
