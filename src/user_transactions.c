/*
 * user_transactions.c: the purchases of one user, newest first.
 *
 * SQL entry point. Reads one snapshot and takes no lock; currencies and
 * categories come from the compiled rules.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "args.h"
#include "call.h"
#include "errors.h"
#include "page.h"
#include "query.h"
#include "rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_user_transactions);

/* Columns of select_page. */
enum
{
	COLUMN_ID = 1, COLUMN_OCCURRED_AT, COLUMN_AMOUNT, COLUMN_CURRENCY, COLUMN_STATUS, COLUMN_POINTS, COLUMN_CATEGORY,
	COLUMN_MERCHANT, COLUMN_TYPE, COLUMN_ISSUER, COLUMN_CARD, COLUMN_BANK, COLUMN_ACCOUNT, COLUMN_LAST_FOUR
};

/*
 * $1 user, $2 and $3 from and before which time, $4 and $5 the purchase to go
 * on after, $6 rows, $7 offset. Names are joined to the rows of the page only.
 */
static SSQuery select_page = {
	"SELECT t.transaction_id, t.occurred_at, t.amount_minor, t.currency, t.status::text, t.points, t.category_no,"
	"       m.name, a.type, a.issuer, a.card_type, a.bank_name, a.account_type, a.last_four"
	"  FROM (SELECT p.transaction_id, p.occurred_at, p.amount_minor, p.currency, p.status, p.category_no,"
	"               p.points_base + p.points_bonus AS points, p.user_id, p.merchant_id, p.account_id"
	"          FROM swipesavvy.transactions p"
	"         WHERE p.user_id = $1 AND p.occurred_at >= $2 AND p.occurred_at < $3"
	"           AND (p.occurred_at, p.transaction_id) < ($4, $5)"
	"         ORDER BY p.occurred_at DESC, p.transaction_id DESC LIMIT $6 OFFSET $7) t"
	"  LEFT JOIN swipesavvy.merchants m ON m.merchant_id = t.merchant_id"
	"  LEFT JOIN swipesavvy.accounts a ON a.user_id = t.user_id AND a.account_id = t.account_id"
	" ORDER BY t.occurred_at DESC, t.transaction_id DESC", 7,
	{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT8OID, INT8OID}, NULL};

static SSQuery find_cursor = {
	"SELECT t.occurred_at FROM swipesavvy.transactions t WHERE t.transaction_id = $1 AND t.user_id = $2", 2,
	{UUIDOID, UUIDOID}, NULL};

/* The account counts its purchases; a range of time is counted as far as totals go. */
static SSQuery count_all = {
	"SELECT r.transaction_count FROM swipesavvy.reward_accounts r WHERE r.user_id = $1", 1, {UUIDOID}, NULL};
static SSQuery count_range = {
	"SELECT count(*) FROM (SELECT FROM swipesavvy.transactions t"
	"                       WHERE t.user_id = $1 AND t.occurred_at >= $2 AND t.occurred_at < $3 LIMIT 10001) t", 3,
	{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL};

/* The range of time that the caller asked for, into parameters 1 and 2; is it not everything? */
static bool
read_range(FunctionCallInfo fcinfo, Datum *values)
{
	bool		no_start;
	bool		no_end;
	TimestampTz start = ss_arg_time(fcinfo, 3, "start_date", &no_start);
	TimestampTz end = ss_arg_time(fcinfo, 4, "end_date", &no_end);

	if (!no_start && !no_end && end < start)
		ss_bad_value("end_date", "It is before start_date.");
	values[1] = TimestampTzGetDatum(no_start ? DT_NOBEGIN : start);
	values[2] = TimestampTzGetDatum(no_end ? DT_NOEND : end);
	return !(no_start && no_end);
}

/* The purchase to go on after, into parameters 3 and 4. */
static void
read_cursor(const char *after, const pg_uuid_t *user_id, Datum *values)
{
	static const pg_uuid_t last = {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
	Datum		keys[2];

	values[3] = TimestampTzGetDatum(DT_NOEND);
	values[4] = UUIDPGetDatum(&last);
	if (after == NULL)
		return;
	keys[0] = UUIDPGetDatum(ss_uuid_from_text(after, "after"));
	keys[1] = UUIDPGetDatum(user_id);
	if (ss_query_read(&find_cursor, keys, NULL) == 0)
		ss_bad_value("after", "\"%s\" is not the next_cursor of a page of this list.", after);
	values[3] = ss_value_not_null(0, 1);
	values[4] = keys[0];
}

/* What a purchase was paid with, for people: type, issuer or bank, kind of card or account, last four digits. */
static char *
payment_method(uint64 row)
{
	StringInfoData text;

	if (ss_value_text(row, COLUMN_TYPE) == NULL)
		return NULL;
	initStringInfo(&text);
	for (int column = COLUMN_TYPE; column <= COLUMN_LAST_FOUR; column++)
	{
		const char *part = ss_value_text(row, column);

		if (part != NULL)
			appendStringInfo(&text, "%s%s", text.len == 0 ? "" : " ", part);
	}
	return text.data;
}

static void
add_purchase(SSJson *json, const SSRules *rules, uint64 row)
{
	const char *currency = ss_value_text(row, COLUMN_CURRENCY);
	bool		no_category;
	Datum		category = ss_value(row, COLUMN_CATEGORY, &no_category);

	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "transaction_id", DatumGetUUIDP(ss_value_not_null(row, COLUMN_ID)));
	ss_json_text(json, "merchant", ss_value_text(row, COLUMN_MERCHANT));
	ss_json_text(json, "merchant_category",
				 no_category ? NULL : ss_rules_category_name(rules, DatumGetInt16(category)));
	ss_json_money(json, "amount", ss_value_int64(row, COLUMN_AMOUNT, 0), ss_rules_exponent(rules, currency));
	ss_json_text(json, "currency", currency);
	ss_json_time(json, "timestamp", DatumGetTimestampTz(ss_value_not_null(row, COLUMN_OCCURRED_AT)));
	ss_json_text(json, "status", ss_value_text(row, COLUMN_STATUS));
	ss_json_text(json, "payment_method", payment_method(row));
	ss_json_int(json, "points_earned", ss_value_int64(row, COLUMN_POINTS, 0));
	ss_json_close_object(json);
}

/* Adds the purchases of the page; returns the cursor of the next one, NULL if there is none. */
static char *
add_purchases(SSJson *json, const SSRules *rules, const SSPage *page, Datum *values)
{
	int64		found;
	int64		shown;

	values[5] = Int64GetDatum(SS_PAGE_ROWS(page));
	values[6] = Int64GetDatum(page->offset);
	found = ss_query_read(&select_page, values, NULL);
	shown = Min(found, page->limit);
	ss_json_open_array(json, "transactions");
	for (int64 row = 0; row < shown; row++)
		add_purchase(json, rules, row);
	ss_json_close_array(json);
	return found > shown ? ss_uuid_text(DatumGetUUIDP(ss_value_not_null(shown - 1, COLUMN_ID))) : NULL;
}

/*
 * get_user_transactions(user_id, "limit", "offset", start_date, end_date,
 * after): from start_date on and before end_date
 */
Datum
swipesavvy_get_user_transactions(PG_FUNCTION_ARGS)
{
	SSCall		call;
	SSJson		json = {0};
	const SSRules *rules;
	pg_uuid_t  *user_id;
	SSPage		page;
	Datum		values[7];
	bool		filtered;
	int64		total;
	char	   *next;

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	page = ss_arg_page(fcinfo, 1, 2, 5, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	filtered = read_range(fcinfo, values);
	values[0] = UUIDPGetDatum(user_id);
	rules = ss_rules_get();
	if (ss_query_read(&count_all, values, NULL) == 0)
		ss_not_found("user", ss_uuid_text(user_id));
	total = ss_value_int64(0, 1, 0);
	if (filtered && ss_query_read(&count_range, values, NULL) == 1)
		total = ss_value_int64(0, 1, 0);
	read_cursor(page.after, user_id, values);

	ss_json_open_object(&json, NULL);
	next = add_purchases(&json, rules, &page, values);
	ss_page_end(&json, &page, total, !filtered, next);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
