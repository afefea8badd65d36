/*
 * customers.c: customers as the last refresh found them: RFM segments, cohorts,
 * and who has fallen silent.
 *
 * SQL entry points. They read what refresh_customers.c has written, and add
 * nothing live; without a refresh as_of is null and all lists are empty. No lock.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "analytics/customers.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_rfm_segments);
PG_FUNCTION_INFO_V1(swipesavvy_list_rfm_users);
PG_FUNCTION_INFO_V1(swipesavvy_get_cohort_retention);
PG_FUNCTION_INFO_V1(swipesavvy_get_churn_list);

#define COHORTS_DEFAULT 12
#define RATIO_MAX		1000000 /* hundredths times as long as usual: longer than anybody can be silent */

static const char *const granularities[] = {"weekly", "monthly", NULL};

SS_QUERY(find_refresh, "SELECT a.as_of, a.today, a.currency::text FROM swipesavvy.customer_analytics a");

/* $1 all segments in their order, $2 the unit of money. Those without scores are not of the population. */
SS_QUERY(
	sum_segments,
	"WITH population AS (SELECT coalesce(sum(s.users), 0) AS users FROM swipesavvy.customer_scores s WHERE s.recency_score > 0)"
	" SELECT k.segment, n.users, CASE WHEN k.segment <> 'inactive' THEN " SS_QUOTIENT(
		"n.users", "p.users", "1000000",
		"0.000001") " END AS share,"
					"       " SS_QUOTIENT(
						"n.recency_days", "n.users", "100",
						"0.01") " AS average_recency_days,"
								"       " SS_QUOTIENT(
									"n.frequency", "n.users", "100",
									"0.01") " AS average_frequency,"
											"       " SS_QUOTIENT(
												"n.monetary_minor", "n.users", "1",
												"$2") " AS average_monetary, n.monetary_minor * $2 AS total_monetary"
													  "  FROM unnest($1) WITH ORDINALITY k (segment, n) CROSS JOIN population p CROSS JOIN LATERAL"
													  " (SELECT coalesce(sum(s.users), 0) AS users, sum(s.recency_days) AS recency_days, sum(s.frequency) AS frequency,"
													  "         coalesce(sum(s.monetary_minor), 0) AS monetary_minor"
													  "    FROM swipesavvy.customer_scores s WHERE s.segment = k.segment COLLATE \"C\") n ORDER BY k.n",
	TEXTARRAYOID, NUMERICOID);
SS_QUERY(count_population,
		 "SELECT coalesce(sum(s.users), 0)::bigint FROM swipesavvy.customer_scores s WHERE s.recency_score > 0");
SS_QUERY(
	read_scores,
	"SELECT s.recency_score AS r, s.frequency_score AS f, s.monetary_score AS m, s.users FROM swipesavvy.customer_scores s"
	" WHERE s.recency_score > 0 ORDER BY 1, 2, 3");

/* $1 segment, $2 today, $3 unit of money, $4 cursor, $5 rows */
SS_QUERY(count_segment,
		 "SELECT coalesce(sum(s.users), 0)::bigint FROM swipesavvy.customer_scores s WHERE s.segment = $1", TEXTOID);
SS_QUERY(list_segment,
		 "SELECT f.user_id, f.segment, f.recency_score AS r, f.frequency_score AS f, f.monetary_score AS m,"
		 "       $2 - f.last_purchase_date AS recency_days, f.frequency, f.monetary_minor * $3 AS monetary"
		 "  FROM swipesavvy.customer_figures f WHERE f.segment = $1 AND f.user_id > $4 ORDER BY f.user_id LIMIT $5",
		 TEXTOID, DATEOID, NUMERICOID, UUIDOID, INT8OID);

/*
 * $1 granularity, $2 cohorts, $3 periods, $4 today, $5 unit of money: a row for
 * each cohort and period; null users for a period that has not ended.
 */
#define LATER(start, n, unit) "(" start " + " n " * " unit ")"
SS_QUERY(
	read_cohorts,
	"WITH unit AS (SELECT CASE $1 WHEN 'weekly' THEN interval '7 days' ELSE interval '1 month' END AS length)"
	" SELECT c.cohort, c.users, p.ended, CASE WHEN p.ended THEN coalesce(r.users, 0) END AS active,"
	"        CASE WHEN p.ended THEN " SS_QUOTIENT(
		"coalesce(r.users, 0)::numeric", "c.users::numeric", "1000000",
		"0.000001") " END AS retention,"
					"        CASE WHEN p.ended THEN coalesce(r.net_minor, 0) * $5 END AS net_amount"
					"   FROM unit u CROSS JOIN"
					" (SELECT s.cohort, s.users FROM swipesavvy.customer_cohorts s WHERE s.granularity = $1 AND s.period = s.cohort"
					"   ORDER BY s.cohort DESC LIMIT $2) c"
					"  CROSS JOIN generate_series(0, $3 - 1) k (n) CROSS JOIN LATERAL"
					" (SELECT (" LATER("c.cohort", "k.n", "u.length") ")::date AS first, " LATER(
						"c.cohort", "(k.n + 1)",
						"u.length") " <= $4 AS ended) p"
									"   LEFT JOIN swipesavvy.customer_cohorts r ON r.granularity = $1 AND r.cohort = c.cohort AND r.period = p.first"
									"  ORDER BY c.cohort DESC, k.n",
	TEXTOID, INT4OID, INT4OID, DATEOID, NUMERICOID);

/* $1 the least ratio, $2 ratio and $3 user of the cursor, $4 today, $5 unit of money, $6 rows */
SS_QUERY(count_silent,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.customer_figures f WHERE f.ratio >= $1" SS_PAGE_COUNT_LIMIT
		 ") n",
		 NUMERICOID);
/* The probability is that of the model churn, which 1.2.0 brings. */
#define LIST_SILENT(probability)                                                                                       \
	"SELECT f.user_id, f.last_purchase_date, $4 - f.last_purchase_date AS days_since, f.typical_gap_days, f.ratio,"    \
	"       f.purchases, f.monetary_minor * $5 AS net_amount_365, " probability " AS churn_probability"                \
	"  FROM swipesavvy.customer_figures f"                                                                             \
	" WHERE f.ratio >= $1 AND ($2 IS NULL OR (f.ratio <= $2 AND (f.ratio < $2 OR f.user_id > $3)))"                    \
	" ORDER BY f.ratio DESC, f.user_id LIMIT $6"
SS_QUERY(list_silent, LIST_SILENT("NULL::numeric"), NUMERICOID, NUMERICOID, UUIDOID, DATEOID, NUMERICOID, INT8OID);
SS_QUERY(list_silent_scored,
		 LIST_SILENT("(SELECT s.probability FROM swipesavvy.ml_scores s"
					 " WHERE s.user_id = f.user_id AND s.model_name = 'churn' AND s.campaign_no = 0)"),
		 NUMERICOID, NUMERICOID, UUIDOID, DATEOID, NUMERICOID, INT8OID);
SS_QUERY(find_silent, "SELECT f.ratio FROM swipesavvy.customer_figures f WHERE f.user_id = $1 AND f.ratio IS NOT NULL",
		 UUIDOID);

/* --- the last refresh ---------------------------------------------------------------------- */

SSRefreshed
ss_customers_refreshed(void)
{
	SSRefreshed refreshed = {.unit = ss_money_to_major(1, 0)};
	SSRows rows = ss_rows_read(&find_refresh, NULL, NULL);
	SSRow row;

	if (rows.count == 0)
		return refreshed;
	row = ss_row(rows, 0);
	refreshed.ever = true;
	refreshed.as_of = ss_next_time(&row);
	refreshed.today = ss_next_date(&row);
	refreshed.currency = ss_next_text(&row);
	refreshed.exponent = ss_rules_exponent(ss_rules_get(), refreshed.currency);
	refreshed.unit = ss_money_to_major(1, refreshed.exponent);
	return refreshed;
}

void
ss_customers_add_as_of(SSJson *json, const SSRefreshed *refreshed)
{
	if (refreshed->ever)
		ss_json_time(json, "as_of", refreshed->as_of);
	else
		ss_json_null(json, "as_of");
}

/* --- RFM ------------------------------------------------------------------------------------- */

static Datum
all_segments(void)
{
	Datum names[32];
	int count = 0;

	while (ss_rfm_segments[count] != NULL)
	{
		names[count] = CStringGetTextDatum(ss_rfm_segments[count]);
		count++;
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * get_rfm_segments()
 */
Datum
swipesavvy_get_rfm_segments(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSRefreshed refreshed;
	Datum values[2];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	refreshed = ss_customers_refreshed();
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	ss_json_int(&json, "population", ss_one_int64(ss_rows_read(&count_population, NULL, NULL)));
	values[0] = all_segments();
	values[1] = NumericGetDatum(refreshed.unit);
	if (refreshed.ever)
	{
		(void) ss_query_read(&sum_segments, values, NULL);
		ss_json_rows(&json, "segments");
	}
	else
	{
		ss_json_open_array(&json, "segments");
		ss_json_close_array(&json);
	}
	(void) ss_query_read(&read_scores, NULL, NULL);
	ss_json_rows(&json, "scores");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * list_rfm_users(segment, page_size, after)
 */
Datum
swipesavvy_list_rfm_users(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	SSRefreshed refreshed;
	const char *segment;
	int known = 0;
	int64 counted;
	Datum values[5];
	bool nulls[5];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	segment = ss_arg_text(fcinfo, 0, "segment", SS_NAME_MAX, true);
	page = ss_arg_page(fcinfo, 1, -1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	while (ss_rfm_segments[known] != NULL && strcmp(ss_rfm_segments[known], segment) != 0)
		known++;
	if (ss_rfm_segments[known] == NULL)
		ss_not_found("segment", segment);
	refreshed = ss_customers_refreshed();
	memset(nulls, false, sizeof(nulls));
	values[0] = CStringGetTextDatum(segment);
	values[1] = DateADTGetDatum(refreshed.today);
	values[2] = NumericGetDatum(refreshed.unit);
	values[3] = UUIDPGetDatum(page.after == NULL ? palloc0(sizeof(pg_uuid_t)) : ss_uuid_from_text(page.after, "after"));
	values[4] = Int64GetDatum(SS_PAGE_ROWS(&page));
	counted = ss_one_int64(ss_rows_read(&count_segment, values, nulls));
	ss_query_avoid_sorts();
	(void) ss_query_read(&list_segment, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	ss_page_add(&json, "users", &page, counted, "user_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- cohorts ------------------------------------------------------------------------------- */

/* A list under key of one column (from 1) of the rows of read_cohorts from `first` on. */
static void
add_series(SSJson *json, const char *key, SSRows rows, uint64 first, int periods, int column, Oid type)
{
	ss_json_open_array(json, key);
	for (uint64 i = first; i < first + periods; i++)
	{
		SSRow row = ss_row(rows, i);
		bool isnull;
		Datum value;

		ss_next_skip(&row, column - 1);
		value = ss_next_value_or_null(&row, type, &isnull);
		ss_json_datum(json, NULL, value, isnull, type);
	}
	ss_json_close_array(json);
}

/*
 * get_cohort_retention(granularity, cohorts, periods)
 */
Datum
swipesavvy_get_cohort_retention(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSRefreshed refreshed;
	char *granularity;
	int periods;
	SSRows rows;
	Datum values[5];

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	granularity = ss_arg_text(fcinfo, 0, "granularity", SS_NAME_MAX, true);
	(void) ss_check_choice(granularity, "granularity", granularities);
	values[0] = CStringGetTextDatum(granularity);
	values[1] = Int32GetDatum((int32) ss_arg_int4(fcinfo, 1, "cohorts", 1, SS_COHORTS_MAX, NULL));
	periods = (int) ss_arg_int4(fcinfo, 2, "periods", 1, SS_COHORTS_MAX, NULL);
	refreshed = ss_customers_refreshed();
	values[2] = Int32GetDatum(periods);
	values[3] = DateADTGetDatum(refreshed.today);
	values[4] = NumericGetDatum(refreshed.unit);
	rows = ss_rows_read(&read_cohorts, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	ss_json_open_array(&json, "cohorts");
	for (uint64 i = 0; i < rows.count; i += periods)
	{
		SSRow row = ss_row(rows, i);

		ss_json_open_object(&json, NULL);
		ss_json_date(&json, "cohort", ss_next_date(&row));
		ss_json_int(&json, "size", ss_next_int64(&row));
		add_series(&json, "active", rows, i, periods, 4, INT8OID);
		add_series(&json, "retention", rows, i, periods, 5, NUMERICOID);
		add_series(&json, "net_amount", rows, i, periods, 6, NUMERICOID);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- silence ------------------------------------------------------------------------------- */

/* Ratio and user of the cursor: where the page goes on. */
static void
set_cursor(Datum *values, bool *nulls, const char *after)
{
	pg_uuid_t *user_id;
	Datum value;
	SSRows cursor;
	SSRow row;

	nulls[1] = nulls[2] = after == NULL;
	if (after == NULL)
		return;
	user_id = ss_uuid_from_text(after, "after");
	value = UUIDPGetDatum(user_id);
	cursor = ss_rows_read(&find_silent, &value, NULL);
	if (cursor.count == 0)
		ss_bad_value("after", "There is no user \"%s\" with a rhythm.", after);
	row = ss_row(cursor, 0);
	values[1] = ss_next_value(&row, NUMERICOID);
	values[2] = value;
}

/*
 * get_churn_list(min_ratio, page_size, after)
 */
Datum
swipesavvy_get_churn_list(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	SSRefreshed refreshed;
	Numeric min_ratio;
	int64 counted;
	bool scored;
	Datum values[6] = {0};
	bool nulls[6] = {false};

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	min_ratio = ss_arg_numeric(fcinfo, 0, "min_ratio", true);
	(void) ss_scaled_from_numeric(min_ratio, 2, 0, RATIO_MAX * INT64CONST(100), "min_ratio");
	page = ss_arg_page(fcinfo, 1, -1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	refreshed = ss_customers_refreshed();
	values[0] = NumericGetDatum(min_ratio);
	set_cursor(values, nulls, page.after);
	values[3] = DateADTGetDatum(refreshed.today);
	values[4] = NumericGetDatum(refreshed.unit);
	values[5] = Int64GetDatum(SS_PAGE_ROWS(&page));
	counted = ss_one_int64(ss_rows_read(&count_silent, values, nulls));
	ss_query_avoid_sorts();
	scored = OidIsValid(get_relname_relid("ml_scores", get_namespace_oid("swipesavvy", false)));
	(void) ss_query_read(scored ? &list_silent_scored : &list_silent, values, nulls);
	ss_json_open_object(&json, NULL);
	ss_customers_add_as_of(&json, &refreshed);
	ss_page_add(&json, "users", &page, counted, "user_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
