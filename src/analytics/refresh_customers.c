/*
 * refresh_customers.c: refresh_customer_analytics(): who buys how often, who
 * comes back, who has fallen silent, and what points are owed.
 *
 * SQL entry point, and a daily job. The purchases are read once, in one
 * statement and so in one snapshot, and added up by user and local day; all
 * figures are made of these sums. What does not fit work_mem goes to disk. The
 * statement waits for nobody and locks no row but those that it writes; of
 * customer_figures these are the rows that changed.
 *
 * An advisory lock keeps two refreshes apart. erase_user() shares it: a refresh
 * that has read a user would write a row of a person who has been erased since.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "analytics/customers.h"
#include "audit/audit.h"
#include "base/locks.h"
#include "base/query.h"
#include "call/call.h"
#include "programme/segments.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_customer_analytics);

const char *const ss_rfm_segments[] = {SS_RFM_SEGMENTS, NULL};

/* What changes altogether every day: taken away first. */
static SSQuery clear[] = {
	SS_QUERY_OF("DELETE FROM swipesavvy.customer_scores"),
	SS_QUERY_OF("DELETE FROM swipesavvy.customer_cohorts"),
	SS_QUERY_OF("DELETE FROM swipesavvy.points_by_month"),
};

/*
 * The figures: $1 time zone, $2 today, $3 the programme's currency, $4 months
 * until points expire (0 = never), $5 as_of, $6 value of a point.
 */

#define ACTIVE "t.currency = $3 AND t.refunded_minor < t.amount_minor"

/* Purchases by user and local day; those of customers before today; and what each of these has bought. */
#define BOUGHT                                                                                                                     \
	"bought AS MATERIALIZED ("                                                                                                     \
	" SELECT t.user_id, (t.occurred_at AT TIME ZONE $1)::date AS day, count(*) FILTER (WHERE " ACTIVE                              \
	") AS purchases,"                                                                                                              \
	"        sum(t.amount_minor - t.refunded_minor) FILTER (WHERE " ACTIVE                                                         \
	") AS net, sum(t.points_base + t.points_bonus) AS points"                                                                      \
	"   FROM swipesavvy.transactions t WHERE t.status = 'completed' GROUP BY 1, 2),"                                               \
	"days AS MATERIALIZED ("                                                                                                       \
	" SELECT b.user_id, b.day, b.purchases, b.net FROM bought b JOIN swipesavvy.users u ON u.user_id = b.user_id"                  \
	"  WHERE b.purchases > 0 AND b.day < $2 AND u.role = 'customer' AND u.erased_at IS NULL),"                                     \
	"totals AS MATERIALIZED ("                                                                                                     \
	" SELECT d.user_id, min(d.day) AS first_day, max(d.day) AS last_day, sum(d.purchases)::bigint AS purchases, count(*) AS days," \
	"        coalesce(sum(d.purchases) FILTER (WHERE d.day >= $2 - " SS_RFM_DAYS "), 0)::bigint AS frequency,"                     \
	"        coalesce(sum(d.net) FILTER (WHERE d.day >= $2 - " SS_RFM_DAYS "), 0) AS monetary"                                     \
	"   FROM days d GROUP BY d.user_id)"

/* A score is 1 and how many fifths of the population are strictly worse. */
#define SCORE(order) "(1 + 5 * (rank() OVER (ORDER BY " order ") - 1) / count(*) OVER ())::smallint"
#define SCORES                                                                                                         \
	"scores AS ("                                                                                                      \
	" SELECT t.user_id, " SCORE("t.last_day") " AS r, " SCORE("t.frequency") " AS f, " SCORE(                          \
		"t.monetary") " AS m"                                                                                          \
					  "   FROM totals t WHERE t.frequency > 0)"

/* By r from 1 to 5, each by the rounded mean of f and m from 1 to 5 */
#define SEGMENT                                                                                                        \
	"('{{lost,hibernating,at_risk,cannot_lose,cannot_lose},"                                                           \
	"   {hibernating,hibernating,at_risk,at_risk,cannot_lose},"                                                        \
	"   {about_to_sleep,about_to_sleep,needs_attention,loyal,loyal},"                                                  \
	"   {promising,promising,potential_loyalist,loyal,champion},"                                                      \
	"   {new,promising,potential_loyalist,champion,champion}}'::text[])[s.r][(s.f + s.m + 1) / 2]"

/* The median of the gaps between purchase days, twice, which is an integer: the sum of the two in the middle, or twice the one there. */
#define RHYTHMS                                                                                                        \
	"gaps AS (SELECT d.user_id, d.day - lag(d.day) OVER (PARTITION BY d.user_id ORDER BY d.day) AS gap FROM days d),"  \
	"places AS ("                                                                                                      \
	" SELECT g.user_id, g.gap, row_number() OVER (PARTITION BY g.user_id ORDER BY g.gap) AS place,"                    \
	"        count(*) OVER (PARTITION BY g.user_id) AS n FROM gaps g WHERE g.gap IS NOT NULL),"                        \
	"rhythms AS ("                                                                                                     \
	" SELECT p.user_id, sum(p.gap * ((p.place = (p.n + 1) / 2)::integer + (p.place = p.n / 2 + 1)::integer)) AS twice" \
	"   FROM places p WHERE p.n >= 2 GROUP BY p.user_id)"

#define FIGURES                                                                                                        \
	"figures AS MATERIALIZED ("                                                                                        \
	" SELECT t.user_id, coalesce(" SEGMENT                                                                             \
	", 'inactive') COLLATE \"C\" AS segment, s.r, s.f, s.m, t.last_day, t.frequency, t.monetary,"                      \
	"        t.purchases, 0.5 * h.twice AS gap, " SS_QUOTIENT(                                                         \
		"(2 * ($2 - t.last_day))::numeric", "h.twice::numeric", "100",                                                 \
		"0.01") " AS ratio"                                                                                            \
				"   FROM totals t LEFT JOIN scores s ON s.user_id = t.user_id LEFT JOIN rhythms h ON h.user_id = t.user_id)"

#define FIGURE_COLUMNS                                                                                                 \
	"segment, recency_score, frequency_score, monetary_score, last_purchase_date, frequency, monetary_minor, purchases, typical_gap_days, ratio"
#define WRITE_FIGURES                                                                                                                            \
	"changed AS MATERIALIZED ("                                                                                                                  \
	" SELECT o.user_id AS old_id, n.* FROM figures n FULL JOIN swipesavvy.customer_figures o ON o.user_id = n.user_id"                           \
	"  WHERE o.user_id IS NULL OR n.user_id IS NULL"                                                                                             \
	"     OR (n.segment, n.r, n.f, n.m, n.last_day, n.frequency, n.monetary, n.purchases, n.gap, n.ratio) IS DISTINCT FROM"                      \
	"        (o.segment, o.recency_score, o.frequency_score, o.monetary_score, o.last_purchase_date, o.frequency, o.monetary_minor,"             \
	"         o.purchases, o.typical_gap_days, o.ratio)),"                                                                                       \
	"gone AS (DELETE FROM swipesavvy.customer_figures o USING changed c WHERE c.user_id IS NULL AND o.user_id = c.old_id RETURNING 1),"          \
	"written AS ("                                                                                                                               \
	" INSERT INTO swipesavvy.customer_figures AS o (user_id, " FIGURE_COLUMNS ")"                                                                \
	" SELECT c.user_id, c.segment, c.r, c.f, c.m, c.last_day, c.frequency, c.monetary, c.purchases, c.gap, c.ratio"                              \
	"   FROM changed c WHERE c.user_id IS NOT NULL ORDER BY c.user_id"                                                                           \
	" ON CONFLICT (user_id) DO UPDATE SET (" FIGURE_COLUMNS                                                                                      \
	") = ROW (excluded.segment, excluded.recency_score, excluded.frequency_score,"                                                               \
	"     excluded.monetary_score, excluded.last_purchase_date, excluded.frequency, excluded.monetary_minor, excluded.purchases,"                \
	"     excluded.typical_gap_days, excluded.ratio) RETURNING 1),"                                                                              \
	"write_scores AS ("                                                                                                                          \
	" INSERT INTO swipesavvy.customer_scores (segment, recency_score, frequency_score, monetary_score, users, recency_days, frequency,"          \
	"                                         monetary_minor)"                                                                                   \
	" SELECT f.segment, coalesce(f.r, 0), coalesce(f.f, 0), coalesce(f.m, 0), count(*), sum($2 - f.last_day), sum(f.frequency), sum(f.monetary)" \
	"   FROM figures f GROUP BY 1, 2, 3, 4)"

#define START_OF(unit, day) "date_trunc('" unit "', (" day ")::timestamp)::date"
#define COHORTS(granularity, unit)                                                                                     \
	" SELECT '" granularity "', c.cohort, c.period, count(*), sum(c.net)"                                              \
	"   FROM (SELECT d.user_id, " START_OF(unit, "t.first_day") " AS cohort, " START_OF(                               \
		unit, "d.day") " AS period, sum(d.net) AS net"                                                                 \
					   "           FROM days d JOIN totals t ON t.user_id = d.user_id GROUP BY 1, 2, 3) c"             \
					   "  GROUP BY c.cohort, c.period"
#define WRITE_COHORTS                                                                                                    \
	"write_cohorts AS (INSERT INTO swipesavvy.customer_cohorts (granularity, cohort, period, users, net_minor)" COHORTS( \
		"monthly", "month") " UNION ALL" COHORTS("weekly", "week") ")"

/* Credits by user and month, as lots.c has them; the oldest are used up first. */
#define WRITE_MONTHS                                                                                                                               \
	"credits AS ("                                                                                                                                 \
	" SELECT c.user_id, c.month, sum(c.points) AS points FROM"                                                                                     \
	"  (SELECT b.user_id, " START_OF(                                                                                                              \
		"month",                                                                                                                                   \
		"b.day") " AS month, b.points FROM bought b WHERE b.points > 0"                                                                            \
				 "    UNION ALL"                                                                                                                   \
				 "   SELECT e.user_id, date_trunc('month', e.recorded_at AT TIME ZONE $1)::date, e.points FROM swipesavvy.points_entries e"        \
				 "    WHERE e.kind IN ('adjust', 'referral') AND e.credit_account = 'available') c GROUP BY 1, 2),"                                \
				 "aged AS ("                                                                                                                       \
				 " SELECT c.month, c.points, greatest(0, least(c.points,"                                                                          \
				 "        sum(c.points) OVER (PARTITION BY c.user_id ORDER BY c.month) - a.points_debited)) AS remaining"                          \
				 "   FROM credits c JOIN swipesavvy.reward_accounts a ON a.user_id = c.user_id),"                                                  \
				 "months AS MATERIALIZED (SELECT a.month, sum(a.points) AS credited, sum(a.remaining) AS remaining FROM aged a GROUP BY a.month)," \
				 "write_months AS ("                                                                                                               \
				 " INSERT INTO swipesavvy.points_by_month (month, credited, remaining, expires_at)"                                                \
				 " SELECT m.month, m.credited, m.remaining,"                                                                                       \
				 "        CASE WHEN $4 > 0 THEN (m.month + make_interval(months => $4 + 1)) AT TIME ZONE $1 END FROM months m)"

/*
 * The twelve months whose expiry ended last are those whose points expired in
 * the twelve months before this one.
 */
#define MONTHS_AGO(months) "(" START_OF("month", "$2") " - make_interval(months => " months "))"
#define WRITE_LIABILITY                                                                                                                                                                             \
	"matured AS ("                                                                                                                                                                                  \
	" SELECT sum(m.credited) FILTER (WHERE m.month >= " MONTHS_AGO("$4 + 13") " AND m.month < " MONTHS_AGO(                                                                                         \
		"$4 + 1") ") AS points"                                                                                                                                                                     \
				  "   FROM months m WHERE $4 > 0 HAVING min(m.month) <= " MONTHS_AGO(                                                                                                               \
					  "$4 + 13") "),"                                                                                                                                                               \
								 "expired AS ("                                                                                                                                                     \
								 " SELECT coalesce(sum(e.points), 0) AS points FROM swipesavvy.points_entries e"                                                                                    \
								 "  WHERE e.kind = 'expire' AND e.recorded_at >= " MONTHS_AGO(                                                                                                      \
									 "12") " AT TIME ZONE $1"                                                                                                                                       \
										   "    AND e.recorded_at < " MONTHS_AGO(                                                                                                                   \
											   "0") " AT TIME ZONE $1),"                                                                                                                            \
													"write_liability AS ("                                                                                                                          \
													" INSERT INTO swipesavvy.points_liability AS o (day, as_of, points_available, points_overdrawn, points_pending, point_value_minor,"             \
													"                                               currency, points_expired, points_matured)"                                                      \
													" SELECT $2, $5, coalesce(sum(greatest(a.points_available, 0)), 0), coalesce(sum(greatest(-a.points_available, 0)), 0),"                        \
													"        coalesce(sum(a.points_pending), 0), $6, $3, CASE WHEN (SELECT points FROM matured) IS NOT NULL THEN (SELECT points FROM expired) END," \
													"        (SELECT points FROM matured)"                                                                                                          \
													"   FROM swipesavvy.reward_accounts a"                                                                                                          \
													" ON CONFLICT (day) DO UPDATE SET (as_of, points_available, points_overdrawn, points_pending, point_value_minor, currency,"                     \
													"     points_expired, points_matured) = ROW (excluded.as_of, excluded.points_available, excluded.points_overdrawn, excluded.points_pending,"    \
													"     excluded.point_value_minor, excluded.currency, excluded.points_expired, excluded.points_matured))"

SS_QUERY(refresh,
		 "WITH " BOUGHT "," SCORES "," RHYTHMS "," FIGURES "," WRITE_FIGURES "," WRITE_COHORTS "," WRITE_MONTHS
		 "," WRITE_LIABILITY
		 " SELECT count(*), count(f.r), (SELECT count(*) FROM written), (SELECT count(*) FROM gone) FROM figures f",
		 TEXTOID, DATEOID, BPCHAROID, INT4OID, TIMESTAMPTZOID, INT8OID);

SS_QUERY(
	note_refresh,
	"INSERT INTO swipesavvy.customer_analytics (timezone, today, currency, as_of) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (only_row) DO UPDATE SET as_of = excluded.as_of, today = excluded.today, timezone = excluded.timezone,"
	"    currency = excluded.currency",
	TEXTOID, DATEOID, BPCHAROID, TIMESTAMPTZOID);

/* --- segments ---------------------------------------------------------------------------- */

SS_QUERY(segments_wanted, "SELECT 1 FROM swipesavvy.system_settings WHERE setting = 'rfm_segments' AND value = 'true'");
/* $1 the names of all RFM segments */
SS_QUERY(
	remove_members,
	"WITH found AS (SELECT m.user_id, m.segment_no FROM swipesavvy.segment_members m JOIN swipesavvy.segments s ON s.segment_no = m.segment_no"
	"                WHERE s.name = ANY (SELECT 'rfm:' || k.name FROM unnest($1) k (name))"
	"                  AND NOT EXISTS (SELECT FROM swipesavvy.customer_figures f WHERE f.user_id = m.user_id AND 'rfm:' || f.segment = s.name)"
	"                ORDER BY m.user_id, m.segment_no FOR UPDATE OF m)"
	" DELETE FROM swipesavvy.segment_members m USING found f WHERE m.user_id = f.user_id AND m.segment_no = f.segment_no",
	TEXTARRAYOID);
SS_QUERY(
	add_members,
	"INSERT INTO swipesavvy.segment_members (user_id, segment_no, added_at)"
	" SELECT f.user_id, s.segment_no, c.moment FROM swipesavvy.customer_figures f JOIN swipesavvy.segments s ON s.name = 'rfm:' || f.segment"
	"  CROSS JOIN (SELECT clock_timestamp() AS moment OFFSET 0) c"
	"  WHERE NOT EXISTS (SELECT FROM swipesavvy.segment_members m WHERE m.user_id = f.user_id AND m.segment_no = s.segment_no)"
	"  ORDER BY f.user_id ON CONFLICT DO NOTHING");

/* The segments rfm:NAME get the customers of each as members; what changed is recorded, for campaigns may be aimed at them. */
static void
refresh_segments(SSCall *call)
{
	SSAudit audit = {.resource = "segment", .action = "refresh", .resource_id = "rfm:*"};
	SSJson details = {0};
	Datum names[lengthof(ss_rfm_segments) - 1];
	Datum value;
	uint64 removed;
	uint64 added;

	for (size_t i = 0; i < lengthof(names); i++)
	{
		names[i] = CStringGetTextDatum(ss_rfm_segments[i]);
		ss_segments_make(psprintf("rfm:%s", ss_rfm_segments[i]),
						 "Customers by recency, frequency and amount; a job keeps its members");
	}
	value = PointerGetDatum(construct_array(names, lengthof(names), TEXTOID, -1, false, TYPALIGN_INT));
	removed = ss_query_latest(&remove_members, &value, NULL);
	added = ss_query_latest(&add_members, NULL, NULL);
	if (removed + added == 0)
	{
		ss_audit_none(call);
		return;
	}
	ss_json_open_object(&details, NULL);
	ss_json_int(&details, "removed", (int64) removed);
	ss_json_int(&details, "added", (int64) added);
	ss_json_close_object(&details);
	ss_audit_write(call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&details)));
}

/* --- the job ------------------------------------------------------------------------------- */

static void
add_result(SSJson *json, TimestampTz as_of, SSRow row)
{
	ss_json_open_object(json, NULL);
	ss_json_time(json, "as_of", as_of);
	ss_json_int(json, "users", ss_next_int64(&row));
	ss_json_int(json, "population", ss_next_int64(&row));
	ss_json_int(json, "written", ss_next_int64(&row));
	ss_json_int(json, "removed", ss_next_int64(&row));
	ss_json_close_object(json);
}

/*
 * refresh_customer_analytics(): as_of, customers with purchases, those in the
 * window of RFM, and how many rows of them were written and removed
 */
Datum
swipesavvy_refresh_customer_analytics(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	TimestampTz as_of;
	Datum values[6];

	ss_call_enter(&call, SS_ADMIN);
	ss_lock_take(SS_LOCK_CUSTOMER_ANALYTICS, 0);
	rules = ss_rules_get();
	as_of = GetCurrentTimestamp();
	for (size_t i = 0; i < lengthof(clear); i++)
		(void) ss_query_latest(&clear[i], NULL, NULL);
	values[0] = CStringGetTextDatum(pg_get_timezone_name(rules->settings.timezone));
	values[1] = DateADTGetDatum(ss_rules_day(rules, as_of));
	values[2] = CStringGetTextDatum(rules->settings.currency);
	values[3] = TimestampTzGetDatum(as_of);
	(void) ss_query_latest(&note_refresh, values, NULL);
	values[3] = Int32GetDatum(rules->settings.points_expiry_months);
	values[4] = TimestampTzGetDatum(as_of);
	values[5] = Int64GetDatum(rules->settings.point_value_minor);
	add_result(&json, as_of, ss_row(ss_rows_latest(&refresh, values, NULL), 0));
	if (ss_query_latest(&segments_wanted, NULL, NULL) > 0)
		refresh_segments(&call);
	else
		ss_audit_none(&call);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
