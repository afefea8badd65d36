/*
 * campaign_segments.c: what a campaign brings among the members of each segment.
 *
 * SQL entry points get_campaign_segments and refresh_campaign_segments, which is
 * a daily job, too. Membership changes on its own, so no figure could be kept up
 * by the change of a fact: it is worked out of the facts and of the members of
 * one moment, as_of, and read back. A user in several segments counts in each.
 *
 * An advisory lock keeps two refreshes apart; nothing else waits for one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "analytics/campaign_figures.h"
#include "analytics/facts.h"
#include "analytics/state.h"
#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_campaign_segments);
PG_FUNCTION_INFO_V1(swipesavvy_refresh_campaign_segments);

#define CAMPAIGNS_MOST 500 /* of one statement */

/*
 * What has to be worked out: campaigns that never were, drafts only with a fact; those with a fact since, or
 * to which somebody may have come who is a new member of a segment; and those of before $1, if it is not null.
 */
SS_QUERY(
	find_due,
	"SELECT c.campaign_no FROM swipesavvy.campaigns c"
	"  LEFT JOIN swipesavvy.campaign_segments g ON g.campaign_no = c.campaign_no AND g.segment_no = 0"
	"  LEFT JOIN (SELECT d.campaign_no, max(d.updated_at) AS changed_at FROM swipesavvy.campaign_days d GROUP BY 1) d"
	"    ON d.campaign_no = c.campaign_no"
	"  LEFT JOIN (SELECT DISTINCT t.campaign_no FROM (" SS_TAIL_FACTS(
		"$2") ") t) t ON t.campaign_no = c.campaign_no"
			  " WHERE CASE WHEN g.as_of IS NULL THEN c.status <> 'draft' OR d.changed_at IS NOT NULL OR t.campaign_no IS NOT NULL"
			  "        ELSE d.changed_at >= g.as_of OR t.campaign_no IS NOT NULL"
			  "        OR g.as_of < $1 OR g.as_of <= (SELECT max(m.added_at) FROM swipesavvy.segment_members m) END"
			  " ORDER BY c.campaign_no",
	TIMESTAMPTZOID, INT4OID);

SS_QUERY(drop_segments, "DELETE FROM swipesavvy.campaign_segments g WHERE g.campaign_no = ANY ($1)", INT4ARRAYOID);

/* $1 campaigns, $2 as_of. Segment 0: users who are in none. Money is in the campaign's present currency. */
SS_QUERY(
	make_segments,
	"WITH sizes AS ("
	" SELECT m.segment_no, count(*) AS members FROM swipesavvy.segment_members m GROUP BY m.segment_no"
	"  UNION ALL SELECT 0, count(*) FROM swipesavvy.users u WHERE u.erased_at IS NULL"
	"    AND NOT EXISTS (SELECT FROM swipesavvy.segment_members m WHERE m.user_id = u.user_id)),"
	"facts AS MATERIALIZED ("
	" SELECT f.campaign_no, f.user_id, f.currency, false AS saw, sum(f.purchase_conversions) AS conversions,"
	"        sum(f.revenue) AS revenue, sum(f.cost) AS cost, sum(f.discount) AS discount"
	"   FROM (SELECT r.user_id, " SS_REDEMPTION_COLUMNS SS_REDEMPTION_FROM
	" WHERE r.campaign_no = ANY ($1)) f GROUP BY 1, 2, 3"
	"  UNION ALL SELECT DISTINCT e.campaign_no, e.user_id, 'XXX'::bpchar, true, 0::numeric, 0::numeric, 0::numeric, 0::numeric"
	"   FROM swipesavvy.campaign_events e"
	"  WHERE e.campaign_no = ANY ($1) AND e.kind IN ('impression', 'view') AND e.user_id IS NOT NULL),"
	"people AS ("
	" SELECT f.campaign_no, f.user_id, bool_or(f.saw) AS saw, sum(f.conversions) AS conversions,"
	"        sum(f.revenue) FILTER (WHERE f.currency = c.currency) AS revenue,"
	"        sum(f.cost) FILTER (WHERE f.currency = c.currency) AS cost,"
	"        sum(f.discount) FILTER (WHERE f.currency = c.currency) AS discount"
	"   FROM facts f JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no"
	"   JOIN swipesavvy.users u ON u.user_id = f.user_id AND u.erased_at IS NULL GROUP BY 1, 2),"
	"figures AS ("
	" SELECT p.campaign_no, coalesce(m.segment_no, 0) AS segment_no, count(*) FILTER (WHERE p.saw) AS reached,"
	"        count(*) FILTER (WHERE p.conversions > 0) AS converters, sum(p.conversions) AS conversions,"
	"        sum(p.revenue) AS revenue, sum(p.cost) AS cost, sum(p.discount) AS discount"
	"   FROM people p LEFT JOIN swipesavvy.segment_members m ON m.user_id = p.user_id GROUP BY 1, 2)"
	" INSERT INTO swipesavvy.campaign_segments (campaign_no, segment_no, as_of, members, reached, converters, conversions,"
	"    revenue, cost, discount)"
	" SELECT n.campaign_no, s.segment_no, $2, s.members, coalesce(f.reached, 0), coalesce(f.converters, 0),"
	"        coalesce(f.conversions, 0), coalesce(f.revenue, 0), coalesce(f.cost, 0), coalesce(f.discount, 0)"
	"   FROM unnest($1) n (campaign_no) CROSS JOIN sizes s"
	"   LEFT JOIN figures f ON f.campaign_no = n.campaign_no AND f.segment_no = s.segment_no"
	"  ORDER BY 1, 2",
	INT4ARRAYOID, TIMESTAMPTZOID);

SS_QUERY(read_as_of, "SELECT g.as_of FROM swipesavvy.campaign_segments g WHERE g.campaign_no = $1 AND g.segment_no = 0",
		 INT4OID);
SS_QUERY(read_segments,
		 "SELECT s.name, g.members, g.reached, g.converters, g.conversions, g.revenue, g.cost, g.discount"
		 "  FROM swipesavvy.campaign_segments g LEFT JOIN swipesavvy.segments s ON s.segment_no = g.segment_no"
		 " WHERE g.campaign_no = $1 AND g.members > 0 ORDER BY g.revenue DESC, s.name NULLS LAST",
		 INT4OID);

/* --- reading ---------------------------------------------------------------------------------- */

static void
add_segment(SSJson *json, SSRow row, int exponent)
{
	int64 members;
	int64 converters;

	ss_json_open_object(json, NULL);
	ss_json_text(json, "segment", ss_next_text_or_null(&row));
	members = ss_next_int64(&row);
	ss_json_int(json, "members", members);
	ss_json_int(json, "reached", ss_next_int64(&row));
	converters = ss_next_int64(&row);
	ss_json_int(json, "converters", converters);
	ss_json_int(json, "conversions", ss_next_int64(&row));
	ss_json_decimal(json, "revenue", ss_next_integer(&row), exponent);
	ss_json_decimal(json, "cost", ss_next_integer(&row), exponent);
	ss_json_decimal(json, "discount", ss_next_integer(&row), exponent);
	ss_json_ratio(json, "converter_rate", converters, members, 6);
	ss_json_close_object(json);
}

/*
 * get_campaign_segments(campaign_id)
 */
Datum
swipesavvy_get_campaign_segments(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSAnalyticsState state;
	SSFiguresOf campaign;
	SSRows rows;
	Datum key;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	ss_figures_of(ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true), &campaign);
	ss_analytics_require(&state);
	key = Int32GetDatum(campaign.campaign_no);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", campaign.campaign_id);
	rows = ss_rows_read(&read_as_of, &key, NULL);
	if (rows.count == 0)
		ss_json_null(&json, "as_of");
	else
	{
		SSRow row = ss_row(rows, 0);

		ss_json_time(&json, "as_of", ss_next_time(&row));
	}
	rows = ss_rows_read(&read_segments, &key, NULL);
	ss_json_open_array(&json, "segments");
	for (uint64 i = 0; i < rows.count; i++)
		add_segment(&json, ss_row(rows, i), campaign.exponent);
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- working it out ------------------------------------------------------------------------------ */

/* On Mondays all campaigns are due that were not worked out on that day: who left a segment leaves no trace. */
static Datum
all_before(TimestampTz now, bool *isnull)
{
	const SSRules *rules = ss_rules_get();
	DateADT today = ss_rules_day(rules, now);

	*isnull = j2day(today + POSTGRES_EPOCH_JDATE) != 1;
	return TimestampTzGetDatum(ss_rules_day_start(rules, today));
}

/* The campaigns that are due, as `values`; returns how many. */
static int
find(const SSFiguresOf *only, TimestampTz now, Snapshot snapshot, Datum **campaigns)
{
	Datum values[2] = {0};
	bool nulls[2] = {false, true};
	SSRows rows;

	if (only != NULL)
	{
		*campaigns = palloc(sizeof(Datum));
		**campaigns = Int32GetDatum(only->campaign_no);
		return 1;
	}
	values[0] = all_before(now, &nulls[0]);
	rows = ss_rows_at(&find_due, values, nulls, snapshot);
	*campaigns = palloc(Max(rows.count, 1) * sizeof(Datum));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		(*campaigns)[i] = ss_next_value(&row, INT4OID);
	}
	return (int) rows.count;
}

/* As of now, under one snapshot; of that campaign, or, of NULL, of all that are due. Returns how many these are. */
static int
refresh(const SSFiguresOf *only, TimestampTz *as_of)
{
	Snapshot snapshot;
	Datum *campaigns;
	int count;

	ss_lock_take(SS_LOCK_CAMPAIGN_SEGMENTS, 0);
	ss_query_sum_all();
	*as_of = GetCurrentTimestamp();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	count = find(only, *as_of, snapshot, &campaigns);
	for (int i = 0; i < count; i += CAMPAIGNS_MOST)
	{
		Datum values[2];

		values[0] = PointerGetDatum(
			construct_array(campaigns + i, Min(CAMPAIGNS_MOST, count - i), INT4OID, sizeof(int32), true, TYPALIGN_INT));
		values[1] = TimestampTzGetDatum(*as_of);
		(void) ss_query_at(&drop_segments, values, NULL, snapshot);
		(void) ss_query_at(&make_segments, values, NULL, snapshot);
	}
	UnregisterSnapshot(snapshot);
	return count;
}

/*
 * refresh_campaign_segments(campaign_id): of that campaign, or of all that are due
 */
Datum
swipesavvy_refresh_campaign_segments(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFiguresOf campaign;
	char *id;
	TimestampTz as_of;
	int count;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	id = ss_figures_of_argument(fcinfo, &campaign);
	count = refresh(id == NULL ? NULL : &campaign, &as_of);
	ss_json_open_object(&json, NULL);
	ss_json_time(&json, "as_of", as_of);
	ss_json_int(&json, "campaigns", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
