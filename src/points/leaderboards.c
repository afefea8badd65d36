/*
 * leaderboards.c: who earned most this week, this month and ever.
 *
 * SQL entry points. A job fills the table leaderboard_entries; it adds up the
 * purchases of the period anew, found by the BRIN index on their time, and
 * writes only rows that changed, so that nothing can be counted twice or be
 * missed. Two refreshes follow one another: the row of the period in
 * leaderboards is the lock. Readers read that table alone.
 *
 * Counted is what changes lifetime points, in the week and month in which the
 * purchase was made: base and bonus points of completed purchases less those
 * refunded, and referral bonuses with the purchase that they were paid for. So
 * history that is loaded, a late posting or a refund counts where it belongs.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "ledger/tier.h"
#include "rules/rules.h"
#include "users/shown_name.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_leaderboards);
PG_FUNCTION_INFO_V1(swipesavvy_get_leaderboard);

static const char *const periods[] = {"weekly", "monthly", "all_time", NULL};

SS_QUERY(lock_period,
		 "INSERT INTO swipesavvy.leaderboards (period, starts_at, as_of) VALUES ($1, '-infinity', '-infinity')"
		 " ON CONFLICT (period) DO UPDATE SET period = excluded.period",
		 TEXTOID);
SS_QUERY(end_period, "UPDATE swipesavvy.leaderboards SET starts_at = $2, as_of = $3 WHERE period = $1", TEXTOID,
		 TIMESTAMPTZOID, TIMESTAMPTZOID);

/*
 * $1 period; the rows that are to be there. Those that are not any more are taken away, and only changes are written:
 * ON CONFLICT DO UPDATE alone would lock every row that stays.
 */
#define REPLACE(earned)                                                                                                \
	"WITH earned AS (" earned "),"                                                                                     \
	" ranked AS (SELECT e.user_id, e.points FROM earned e JOIN swipesavvy.users u ON u.user_id = e.user_id"            \
	"             WHERE e.points > 0 AND u.status = 'active' AND u.erased_at IS NULL),"                                \
	" changed AS (SELECT l.user_id AS old_id, r.user_id, r.points FROM ranked r FULL JOIN"                             \
	"              (SELECT * FROM swipesavvy.leaderboard_entries WHERE period = $1) l ON l.user_id = r.user_id"        \
	"             WHERE l.points IS DISTINCT FROM r.points),"                                                          \
	" gone AS (DELETE FROM swipesavvy.leaderboard_entries l USING changed c"                                           \
	"           WHERE c.user_id IS NULL AND l.user_id = c.old_id AND l.period = $1)"                                   \
	" INSERT INTO swipesavvy.leaderboard_entries (user_id, period, points)"                                            \
	" SELECT c.user_id, $1, c.points FROM changed c WHERE c.user_id IS NOT NULL"                                       \
	" ON CONFLICT (user_id, period) DO UPDATE SET points = excluded.points"

/* How much earlier than its time a purchase may be recorded (awards.md). */
#define AHEAD "interval '1 day'"

SS_QUERY(replace_recent,
		 REPLACE("SELECT p.user_id, sum(p.points)::bigint AS points FROM ("
				 "     SELECT t.user_id, t.points_base + t.points_bonus - t.points_refunded AS points"
				 "       FROM swipesavvy.transactions t"
				 "      WHERE t.status = 'completed' AND t.occurred_at >= $2 AND t.occurred_at < $3"
				 "     UNION ALL"
				 "     SELECT e.user_id, e.points FROM swipesavvy.points_entries e"
				 "       JOIN swipesavvy.transactions t ON t.transaction_id = e.transaction_id"
				 "      WHERE e.kind = 'referral' AND e.credit_account = 'available' AND e.recorded_at >= $2 - " AHEAD
				 "        AND t.occurred_at >= $2 AND t.occurred_at < $3) p GROUP BY p.user_id"),
		 TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);
SS_QUERY(replace_all_time, REPLACE("SELECT a.user_id, a.lifetime_points AS points FROM swipesavvy.reward_accounts a"),
		 TEXTOID);

/* each value of points that holds a thousandth row, and how many users have at least as many */
SS_QUERY(clear_marks, "DELETE FROM swipesavvy.leaderboard_marks WHERE period = $1", TEXTOID);
SS_QUERY(write_marks,
		 "INSERT INTO swipesavvy.leaderboard_marks (period, points, at_least)"
		 " SELECT $1, n.points, max(n.n) FROM"
		 " (SELECT l.points, row_number() OVER (ORDER BY l.points DESC) AS n"
		 "    FROM swipesavvy.leaderboard_entries l WHERE l.period = $1) n"
		 " GROUP BY n.points HAVING max(n.n) / 1000 > (min(n.n) - 1) / 1000",
		 TEXTOID);

SS_QUERY(find_period, "SELECT starts_at, as_of FROM swipesavvy.leaderboards WHERE period = $1", TEXTOID);
SS_QUERY(select_leaders,
		 "SELECT l.user_id, l.points, u.name, a.lifetime_points, a.tier, coalesce(a.tier_until, '-infinity')"
		 "  FROM swipesavvy.leaderboard_entries l JOIN swipesavvy.users u ON u.user_id = l.user_id"
		 "  JOIN swipesavvy.reward_accounts a ON a.user_id = l.user_id"
		 " WHERE l.period = $1 AND u.status = 'active' AND u.erased_at IS NULL"
		 " ORDER BY l.points DESC, l.user_id LIMIT $2",
		 TEXTOID, INT8OID);
/* counted from the next mark above on: less than a thousand rows */
SS_QUERY(find_own,
		 "SELECT o.points, coalesce(m.at_least, 0) + 1 +"
		 "       (SELECT count(*) FROM swipesavvy.leaderboard_entries l WHERE l.period = $1 AND l.points > o.points"
		 "           AND l.points < coalesce(m.points, 9223372036854775807))"
		 "  FROM swipesavvy.leaderboard_entries o LEFT JOIN LATERAL"
		 " (SELECT m.points, m.at_least FROM swipesavvy.leaderboard_marks m WHERE m.period = $1 AND m.points > o.points"
		 "   ORDER BY m.points LIMIT 1) m ON true"
		 " WHERE o.user_id = $2 AND o.period = $1",
		 TEXTOID, UUIDOID);

/* --- refreshing ------------------------------------------------------------------------ */

/* Where the period that is under way begins, and the next one. */
static void
bounds_of(int period, TimestampTz now, TimestampTz *start, TimestampTz *end)
{
	const SSRules *rules = ss_rules_get();
	DateADT day;

	*start = DT_NOBEGIN;
	*end = DT_NOEND;
	if (period == 1)
	{
		*start = ss_rules_month_start(rules, now, 0);
		*end = ss_rules_month_start(rules, now, -1);
	}
	else if (period == 0)
	{
		day = ss_rules_day(rules, now);
		/* j2day counts from Sunday */
		day -= (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7;
		*start = ss_rules_day_start(rules, day);
		*end = ss_rules_day_start(rules, day + 7);
	}
}

/*
 * refresh_leaderboards(): as_of, and how many rows of each period were written
 */
Datum
swipesavvy_refresh_leaderboards(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = 0;

	ss_call_enter(&call, SS_ADMIN);
	ss_json_open_object(&json, NULL);
	for (int i = 0; periods[i] != NULL; i++)
	{
		Datum values[3] = {CStringGetTextDatum(periods[i])};
		TimestampTz start;
		TimestampTz end;

		(void) ss_query_latest(&lock_period, values, NULL);
		if (now == 0)
		{
			now = GetCurrentTimestamp();
			ss_json_time(&json, "as_of", now);
		}
		bounds_of(i, now, &start, &end);
		values[1] = TimestampTzGetDatum(start);
		values[2] = TimestampTzGetDatum(end);
		ss_json_int(&json, periods[i],
					(int64) ss_query_latest(start == DT_NOBEGIN ? &replace_all_time : &replace_recent, values, NULL));
		(void) ss_query_latest(&clear_marks, values, NULL);
		(void) ss_query_latest(&write_marks, values, NULL);
		values[2] = TimestampTzGetDatum(now);
		(void) ss_query_latest(&end_period, values, NULL);
	}
	ss_audit_none(&call);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- reading --------------------------------------------------------------------------- */

/* The rows of select_leaders; who has as many points as the one before has its rank. */
static void
add_leaders(SSJson *json, const SSRules *rules, SSRows rows, const SSCall *call)
{
	int64 rank = 0;
	int64 before = -1;

	ss_json_open_array(json, "leaders");
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const pg_uuid_t *user_id = ss_next_uuid(&row);
		int64 points = ss_next_int64(&row);
		char *name = ss_next_text(&row);
		SSAccount account = {0};

		account.lifetime = ss_next_int64(&row);
		account.tier = ss_next_text(&row);
		account.tier_until = ss_next_time(&row);
		if (points != before)
			rank = i + 1;
		before = points;
		ss_json_open_object(json, NULL);
		ss_json_int(json, "rank", rank);
		ss_json_text(json, "name", ss_users_shown_name(name));
		ss_json_int(json, "points", points);
		ss_json_text(json, "tier", ss_tier_held(rules, &account, GetCurrentTimestamp())->name);
		ss_json_bool(json, "is_you", call->has_identity && ss_uuid_equal(user_id, &call->identity));
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/* The rank of a customer who calls; null points for a customer without any, null for other callers. */
static void
add_own(SSJson *json, const SSCall *call, const char *period)
{
	Datum values[2] = {CStringGetTextDatum(period), UUIDPGetDatum(&call->identity)};
	SSRows own;

	if (!ss_call_has(call, SS_CUSTOMER) || !call->has_identity)
	{
		ss_json_null(json, "own");
		return;
	}
	ss_json_open_object(json, "own");
	own = ss_rows_read(&find_own, values, NULL);
	if (own.count > 0)
	{
		SSRow row = ss_row(own, 0);

		ss_json_int(json, "points", ss_next_int64(&row));
		ss_json_int(json, "rank", ss_next_int64(&row));
	}
	else
	{
		ss_json_null(json, "rank");
		ss_json_int(json, "points", 0);
	}
	ss_json_close_object(json);
}

/*
 * get_leaderboard(period, page_size)
 */
Datum
swipesavvy_get_leaderboard(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	char *period;
	const SSRules *rules;
	Datum values[2];
	SSRows board;

	ss_call_enter(&call, SS_CUSTOMER | SS_ANALYTICS | SS_ADMIN);
	period = ss_arg_text(fcinfo, 0, "period", SS_NAME_MAX, true);
	(void) ss_check_choice(period, "period", periods);
	page = ss_arg_page(fcinfo, 1, -1, -1, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	values[0] = CStringGetTextDatum(period);
	values[1] = Int64GetDatum(page.limit);

	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "period", period);
	board = ss_rows_read(&find_period, values, NULL);
	if (board.count > 0)
	{
		SSRow row = ss_row(board, 0);
		TimestampTz starts_at = ss_next_time(&row);

		if (starts_at == DT_NOBEGIN)
			ss_json_null(&json, "starts_at");
		else
			ss_json_time(&json, "starts_at", starts_at);
		ss_json_time(&json, "as_of", ss_next_time(&row));
	}
	else
	{
		ss_json_null(&json, "starts_at");
		ss_json_null(&json, "as_of");
	}
	ss_query_avoid_scans();
	add_own(&json, &call, period);
	rules = ss_rules_get();
	add_leaders(&json, rules, ss_rows_read(&select_leaders, values, NULL), &call);
	ss_json_int(&json, "limit", page.limit);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
