/*
 * refresh_uplift.c: refresh_campaign_uplift: adds up what those spend who are
 * held out of a campaign, and those who are not.
 *
 * SQL entry points refresh_campaign_uplift, a daily job, and hold_out_bucket,
 * for its query (ids of campaigns are ASCII). Whoever was held out for a part of the time only is in neither
 * arm. Purchases are read once for each campaign, and all of them under one
 * snapshot. An advisory lock keeps two refreshes apart; nothing else waits.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "analytics/campaign_figures.h"
#include "analytics/state.h"
#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_campaign_uplift);
PG_FUNCTION_INFO_V1(swipesavvy_hold_out_bucket);

#define BUCKETS		   10000
#define COVARIATE_MOST (90 * USECS_PER_DAY)

/* Campaigns that ran with a hold-out and have not been over for long, or campaign $1. */
SS_QUERY(find_due,
		 "SELECT c.campaign_no, c.campaign_id, c.currency, c.start_date, c.end_date,"
		 "       (SELECT min((v.campaign ->> 'launched_at')::timestamptz) FROM swipesavvy.campaign_versions v"
		 "         WHERE v.campaign_no = c.campaign_no), c.launched_at,"
		 "       c.target_merchant_id, k.category_no, c.target_segment_no"
		 "  FROM swipesavvy.campaigns c LEFT JOIN swipesavvy.merchant_categories k ON k.category = c.target_category"
		 " WHERE (c.hold_out > 0 OR EXISTS (SELECT 1 FROM swipesavvy.campaign_versions v"
		 "          WHERE v.campaign_no = c.campaign_no AND (v.campaign ->> 'hold_out')::integer > 0))"
		 "   AND CASE WHEN $1 IS NOT NULL THEN c.campaign_no = $1"
		 "            ELSE c.launched_at IS NOT NULL AND (c.status IN ('running', 'paused')"
		 "                 OR coalesce(c.completed_at, c.archived_at) > $2 - interval '90 days') END"
		 " ORDER BY c.campaign_no",
		 INT4OID, TIMESTAMPTZOID);

/* Its versions, the present one last: what was held out, whether it ran, and until when. */
SS_QUERY(
	read_versions,
	"SELECT (v.campaign ->> 'hold_out')::integer, v.campaign ->> 'status' = 'running', v.valid_until"
	"  FROM (SELECT v.version, v.campaign, v.valid_until FROM swipesavvy.campaign_versions v WHERE v.campaign_no = $1"
	"         UNION ALL SELECT c.version, to_jsonb(c), 'infinity' FROM swipesavvy.campaigns c"
	"         WHERE c.campaign_no = $1) v ORDER BY v.version",
	INT4OID);

SS_QUERY(is_older,
		 "SELECT 1 FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t"
		 "    ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"
		 " WHERE r.campaign_no = $1 AND t.occurred_at < $2 LIMIT 1",
		 INT4OID, TIMESTAMPTZOID);

/*
 * $1, $2 campaign, $3 currency, $4 and $5 period, $6 since when the covariate counts, $7 merchant, $8 category,
 * $9 segment, $10 and $11 the least and greatest hold-out, $12 as_of. Arm 0 are those who are always held out, 1 those
 * who never are.
 */
#define SPENT  "sum(t.amount_minor - t.refunded_minor)"
#define TARGET "(($7 IS NULL OR t.merchant_id = $7) AND ($8 IS NULL OR t.category_no = $8))"
#define ARM(name, number)                                                                                              \
	"count(*) FILTER (WHERE u.arm = " number "), count(*) FILTER (WHERE u.arm = " number " AND u.y > 0),"              \
	" coalesce(sum(u.y) FILTER (WHERE u.arm = " number "), 0), coalesce(sum(u.y * u.y) FILTER (WHERE u.arm = " number  \
	"), 0), coalesce(sum(u.x) FILTER (WHERE u.arm = " number "), 0),"                                                  \
	" coalesce(sum(u.x * u.x) FILTER (WHERE u.arm = " number "), 0),"                                                  \
	" coalesce(sum(u.y * u.x) FILTER (WHERE u.arm = " number "), 0)"
#define COLUMNS                                                                                                        \
	"as_of, starts_at, ends_at, control_share, exposed_share, cost_minor, excluded_users,"                             \
	" control_users, control_buyers, control_s, control_q, control_s_x, control_q_x, control_s_yx,"                    \
	" exposed_users, exposed_buyers, exposed_s, exposed_q, exposed_s_x, exposed_q_x, exposed_s_yx"
SS_QUERY(
	write_sums,
	"WITH bought AS ("
	" SELECT t.user_id, " SPENT " FILTER (WHERE t.occurred_at >= $4) AS y, " SPENT
	" FILTER (WHERE t.occurred_at < $4) AS x,"
	"        " SPENT " FILTER (WHERE t.occurred_at >= $4 AND " TARGET ") AS y_target,"
	"        " SPENT " FILTER (WHERE t.occurred_at < $4 AND " TARGET ") AS x_target"
	"   FROM swipesavvy.transactions t WHERE t.status = 'completed' AND t.currency = $3 AND t.occurred_at >= $6"
	"    AND t.occurred_at < $5 GROUP BY t.user_id),"
	"people AS ("
	" SELECT swipesavvy.hold_out_bucket($2, u.user_id) AS bucket, b.y, b.x, b.y_target, b.x_target"
	"   FROM swipesavvy.users u LEFT JOIN bought b ON b.user_id = u.user_id"
	"  WHERE u.role = 'customer' AND ($9 IS NULL OR EXISTS (SELECT 1 FROM swipesavvy.segment_members m"
	"          WHERE m.user_id = u.user_id AND m.segment_no = $9 AND m.added_at < $5))"
	"    AND (u.created_at < $5 OR coalesce((SELECT true FROM swipesavvy.transactions t WHERE t.user_id = u.user_id"
	"          AND t.occurred_at < $5 AND t.status IN ('pending', 'completed') LIMIT 1), false))),"
	"units AS ("
	" SELECT s.scope, CASE WHEN p.bucket < $10 THEN 0 WHEN p.bucket >= $11 THEN 1 WHEN p.bucket IS NOT NULL THEN 2 END AS arm,"
	"        coalesce(CASE s.scope WHEN 'all' THEN p.y ELSE p.y_target END, 0) AS y,"
	"        coalesce(CASE s.scope WHEN 'all' THEN p.x ELSE p.x_target END, 0) AS x"
	"   FROM (VALUES ('campaign'), ('all')) s (scope) LEFT JOIN people p ON true)"
	" INSERT INTO swipesavvy.campaign_uplift AS o (campaign_no, scope, " COLUMNS ")"
	" SELECT $1, u.scope, $12, $4, $5, $10, 10000 - $11,"
	"        (SELECT coalesce(sum(r.cost_minor - r.cost_returned_minor), 0) FROM swipesavvy.campaign_redemptions r"
	"           JOIN swipesavvy.transactions t ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"
	"          WHERE r.campaign_no = $1 AND t.currency = $3 AND t.occurred_at >= $4 AND t.occurred_at < $5),"
	"        count(*) FILTER (WHERE u.arm = 2), " ARM("control", "0") ", " ARM(
		"exposed",
		"1") "   FROM units u GROUP BY u.scope ORDER BY u.scope"
			 " ON CONFLICT (campaign_no, scope) DO UPDATE SET (" COLUMNS
			 ") = ROW (excluded.as_of, excluded.starts_at, excluded.ends_at,"
			 "    excluded.control_share, excluded.exposed_share, excluded.cost_minor, excluded.excluded_users, excluded.control_users,"
			 "    excluded.control_buyers, excluded.control_s, excluded.control_q, excluded.control_s_x, excluded.control_q_x,"
			 "    excluded.control_s_yx, excluded.exposed_users, excluded.exposed_buyers, excluded.exposed_s, excluded.exposed_q,"
			 "    excluded.exposed_s_x, excluded.exposed_q_x, excluded.exposed_s_yx)",
	INT4OID, TEXTOID, BPCHAROID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT2OID, INT4OID, INT4OID,
	INT4OID, TIMESTAMPTZOID);

/* A campaign as find_due has it. */
typedef struct Due
{
	int32 campaign_no;
	char *campaign_id;
	char *currency;
	TimestampTz start;
	TimestampTz end;		 /* DT_NOEND: none */
	TimestampTz launched_at; /* first; DT_NOEND: never */
	const pg_uuid_t *merchant_id;
	int16 category_no;
	int32 segment_no;
} Due;

/* When it counts, and who is held out. */
typedef struct Span
{
	TimestampTz start;
	TimestampTz end;
	bool older; /* there are purchases from before it was launched */
	int least;
	int greatest;
} Span;

static void
read_due(SSRow row, Due *due)
{
	TimestampTz before;

	due->campaign_no = ss_next_int32(&row);
	due->campaign_id = ss_next_text(&row);
	due->currency = ss_next_text(&row);
	due->start = ss_next_time(&row);
	due->end = ss_next_time_or(&row, DT_NOEND);
	before = ss_next_time_or(&row, DT_NOEND);
	due->launched_at = ss_next_time_or(&row, DT_NOEND);
	due->launched_at = Min(due->launched_at, before);
	due->merchant_id = ss_next_uuid_or_null(&row);
	due->category_no = ss_next_int16_or(&row, 0);
	due->segment_no = ss_next_int32_or(&row, 0);
}

/*
 * The least and greatest hold-out of the versions that were in force while it ran within the span; false if there is
 * none. Purchases from before the launch were processed by the first version that ran.
 */
static bool
find_hold_outs(const Due *due, Snapshot snapshot, Span *span)
{
	Datum key = Int32GetDatum(due->campaign_no);
	uint64 count = ss_query_at(&read_versions, &key, NULL, snapshot);
	TimestampTz from = DT_NOBEGIN;
	bool ran = false;

	span->least = BUCKETS;
	span->greatest = 0;
	for (uint64 i = 0; i < count; i++)
	{
		SSRow row = ss_row_of_last(i);
		int hold_out = ss_next_int32(&row);
		bool running = ss_next_bool(&row);
		TimestampTz until = ss_next_time(&row);

		if (running && !ran && span->older)
			from = DT_NOBEGIN;
		if (running && Max(from, span->start) < Min(until, span->end))
		{
			span->least = Min(span->least, hold_out);
			span->greatest = Max(span->greatest, hold_out);
			ran = true;
		}
		from = until;
	}
	return ran;
}

/* False if nothing of it is over yet. */
static bool
find_span(const Due *due, TimestampTz as_of, Snapshot snapshot, Span *span)
{
	Datum values[2] = {Int32GetDatum(due->campaign_no), TimestampTzGetDatum(due->launched_at)};

	if (due->launched_at == DT_NOEND)
		return false;
	span->older = due->start < due->launched_at && ss_query_at(&is_older, values, NULL, snapshot) > 0;
	span->start = span->older ? due->start : Max(due->start, due->launched_at);
	span->end = Min(due->end, as_of);
	return span->start < span->end && find_hold_outs(due, snapshot, span);
}

static bool
add_up(const Due *due, TimestampTz as_of, Snapshot snapshot)
{
	Span span = {0};
	TimestampTz before;
	Datum values[12];
	bool nulls[12] = {false};

	if (!find_span(due, as_of, snapshot, &span))
		return false;
	before = span.start - Min(span.end - span.start, COVARIATE_MOST);
	values[0] = Int32GetDatum(due->campaign_no);
	values[1] = CStringGetTextDatum(due->campaign_id);
	values[2] = CStringGetTextDatum(due->currency);
	values[3] = TimestampTzGetDatum(span.start);
	values[4] = TimestampTzGetDatum(span.end);
	values[5] = TimestampTzGetDatum(before);
	ss_param_pointer(values, nulls, 6, due->merchant_id);
	values[7] = Int16GetDatum(due->category_no);
	nulls[7] = due->category_no == 0;
	values[8] = Int32GetDatum(due->segment_no);
	nulls[8] = due->segment_no == 0;
	values[9] = Int32GetDatum(span.least);
	values[10] = Int32GetDatum(span.greatest);
	values[11] = TimestampTzGetDatum(as_of);
	(void) ss_query_at(&write_sums, values, nulls, snapshot);
	return true;
}

/* As of now, of one campaign (0: of all that are due); returns of how many. */
static int
refresh(int32 campaign_no, TimestampTz *as_of, uint64 *found)
{
	Datum values[2] = {Int32GetDatum(campaign_no), (Datum) 0};
	bool nulls[2] = {campaign_no == 0, false};
	Snapshot snapshot;
	Due *due;
	int count = 0;

	ss_lock_take(SS_LOCK_CAMPAIGN_UPLIFT, 0);
	ss_query_sum_all();
	*as_of = GetCurrentTimestamp();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	values[1] = TimestampTzGetDatum(*as_of);
	*found = ss_query_at(&find_due, values, nulls, snapshot);
	due = palloc0(Max(*found, 1) * sizeof(Due));
	for (uint64 i = 0; i < *found; i++)
		read_due(ss_row_of_last(i), &due[i]);
	for (uint64 i = 0; i < *found; i++)
		count += add_up(&due[i], *as_of, snapshot) ? 1 : 0;
	UnregisterSnapshot(snapshot);
	return count;
}

/*
 * refresh_campaign_uplift(campaign_id): of that campaign, or of all that are due
 */
Datum
swipesavvy_refresh_campaign_uplift(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSFiguresOf campaign = {0};
	TimestampTz as_of;
	uint64 found;
	char *id;
	int count;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* it changes no fact */
	id = ss_figures_of_argument(fcinfo, &campaign);
	count = refresh(campaign.campaign_no, &as_of, &found);
	if (id != NULL && found == 0)
		ss_bad_state("campaign never had a hold-out", "\"%s\" goes to everybody it is for.", id);
	if (id != NULL && count == 0)
		ss_bad_state("campaign has not run yet", "Nothing of the time of \"%s\" is over.", id);
	ss_json_open_object(&json, NULL);
	ss_json_time(&json, "as_of", as_of);
	ss_json_int(&json, "campaigns", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * hold_out_bucket(campaign_id, user_id): what ss_held_out() compares with the hold-out
 */
Datum
swipesavvy_hold_out_bucket(PG_FUNCTION_ARGS)
{
	char *seed = psprintf("holdout:%s", text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_INT32((int32) ss_hash_v2_uuid(ss_hash_begin(seed, (int) strlen(seed)), PG_GETARG_UUID_P(1)));
}
