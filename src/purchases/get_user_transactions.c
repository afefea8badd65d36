/*
 * get_user_transactions.c: the purchases of one user, newest first.
 *
 * SQL entry point. Reads one snapshot and takes no lock; currencies and
 * categories come from the compiled rules. Rows are read by their access
 * methods where the tables are the plain ones that the extension made
 * (direct.h), by queries otherwise.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/page.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "direct/direct.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_user_transactions);

/* What is read directly, where that can be done (direct.h). */
#define TABLES                                                                                                         \
	(SS_ONE_TABLE(SS_REWARD_ACCOUNTS) | SS_ONE_TABLE(SS_PURCHASES) | SS_ONE_TABLE(SS_MERCHANTS) |                      \
	 SS_ONE_TABLE(SS_ACCOUNTS))

/* What was asked for. */
typedef struct Range
{
	pg_uuid_t user_id;
	TimestampTz from;
	TimestampTz until;
	TimestampTz after_at; /* the purchase to go on after; DT_NOEND = from the newest on */
	pg_uuid_t after;
} Range;

typedef struct Purchase
{
	pg_uuid_t id;
	TimestampTz occurred_at;
	int64 amount;
	int64 refunded;
	char currency[4];
	Datum status;
	int64 points;
	int16 category_no; /* 0 = none */
	char *merchant;	   /* its name; NULL if it is not known */
	char *payment;	   /* what it was paid with, for people; NULL if it is not known */
} Purchase;

/*
 * $1 user, $2 and $3 from and before which time, $4 and $5 the purchase to go
 * on after, $6 rows, $7 offset. Names are joined to the rows of the page only.
 */
SS_QUERY(
	select_page,
	"SELECT t.transaction_id, t.occurred_at, t.amount_minor, t.refunded_minor, t.currency, t.status, t.points, t.category_no,"
	"       m.name, a.type, a.issuer, a.card_type, a.bank_name, a.account_type, a.last_four"
	"  FROM (SELECT p.transaction_id, p.occurred_at, p.amount_minor, p.refunded_minor, p.currency, p.status, p.category_no,"
	"               p.points_base + p.points_bonus AS points, p.user_id, p.merchant_id, p.account_id"
	"          FROM swipesavvy.transactions p"
	"         WHERE p.user_id = $1 AND p.occurred_at >= $2 AND p.occurred_at < $3"
	"           AND (p.occurred_at, p.transaction_id) < ($4, $5)"
	"         ORDER BY p.occurred_at DESC, p.transaction_id DESC LIMIT $6 OFFSET $7) t"
	"  LEFT JOIN swipesavvy.merchants m ON m.merchant_id = t.merchant_id"
	"  LEFT JOIN swipesavvy.accounts a ON a.user_id = t.user_id AND a.account_id = t.account_id"
	" ORDER BY t.occurred_at DESC, t.transaction_id DESC",
	UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT8OID, INT8OID);

SS_QUERY(find_cursor,
		 "SELECT t.occurred_at FROM swipesavvy.transactions t WHERE t.transaction_id = $1 AND t.user_id = $2", UUIDOID,
		 UUIDOID);

/* The account counts its purchases; a range of time is counted as far as totals go. */
SS_QUERY(count_all, "SELECT r.transaction_count FROM swipesavvy.reward_accounts r WHERE r.user_id = $1", UUIDOID);
SS_QUERY(
	count_range,
	"SELECT count(*) FROM (SELECT 1 FROM swipesavvy.transactions t"
	"                       WHERE t.user_id = $1 AND t.occurred_at >= $2 AND t.occurred_at < $3" SS_PAGE_COUNT_LIMIT
	") t",
	UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* The range of time that the caller asked for; is it not everything? */
static bool
read_range(FunctionCallInfo fcinfo, Range *range)
{
	bool no_start;
	bool no_end;
	TimestampTz start = ss_arg_time(fcinfo, 3, "start_date", &no_start);
	TimestampTz end = ss_arg_time(fcinfo, 4, "end_date", &no_end);

	if (!no_start && !no_end && end < start)
		ss_bad_value("end_date", "It is before start_date.");
	range->from = no_start ? DT_NOBEGIN : start;
	range->until = no_end ? DT_NOEND : end;
	return !(no_start && no_end);
}

/* The purchase to go on after. */
static void
read_cursor(const char *after, Range *range)
{
	Datum keys[2];
	SSRows cursor;

	range->after_at = DT_NOEND;
	memset(&range->after, 0xff, sizeof(pg_uuid_t));
	if (after == NULL)
		return;
	range->after = *ss_uuid_from_text(after, "after");
	keys[0] = UUIDPGetDatum(&range->after);
	keys[1] = UUIDPGetDatum(&range->user_id);
	cursor = ss_rows_read(&find_cursor, keys, NULL);
	if (cursor.count == 0)
		ss_bad_value("after", "\"%s\" is not the next_cursor of a page of this list.", after);
	range->after_at = ss_one_time(cursor);
}

/* How many purchases the user has in that range, as far as totals go; PT404 when there is no such user. */
static int64
count_purchases(SSDirect *direct, const Range *range, bool filtered)
{
	Datum values[3] = {UUIDPGetDatum(&range->user_id), TimestampTzGetDatum(range->from),
					   TimestampTzGetDatum(range->until)};
	int64 total = -1;

	if (direct != NULL)
	{
		SSScan scan = ss_direct_scan(direct, SS_REWARD_ACCOUNTS, 1, values);

		if (ss_direct_next(&scan))
			total = DatumGetInt64(ss_direct_get(direct, SS_REWARD_ACCOUNTS, scan.slot, ACCOUNT_TRANSACTIONS));
		ss_direct_close(&scan);
	}
	else
	{
		SSRows account = ss_rows_read(&count_all, values, NULL);

		if (account.count > 0)
			total = ss_one_int64(account);
	}
	if (total < 0)
		ss_not_found("user", ss_uuid_text(&range->user_id));
	return filtered ? ss_one_int64(ss_rows_read(&count_range, values, NULL)) : total;
}

/* What a purchase was paid with, for people: type, issuer or bank, kind of card or account, last four digits. */
static char *
payment_method(const Datum *parts, const bool *nulls)
{
	StringInfoData result;

	initStringInfo(&result);
	for (int i = PAYMENT_TYPE; i <= PAYMENT_LAST_FOUR; i++)
	{
		const text *part;

		if (nulls[i])
			continue;
		part = DatumGetTextPP(parts[i]);
		if (result.len > 0)
			appendStringInfoChar(&result, ' ');
		appendBinaryStringInfo(&result, VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part));
	}
	return result.data;
}

static void
set_currency(Purchase *purchase, Datum value)
{
	memcpy(purchase->currency, VARDATA_ANY(DatumGetPointer(value)), 3);
	purchase->currency[3] = '\0';
}

/* --- directly ------------------------------------------------------------------------- */

/* What is looked up for the purchases of a page. */
typedef struct LookUp
{
	SSDirect *direct;
	const pg_uuid_t *user_id;
	SSScan merchants;	  /* no scan before the first */
	pg_uuid_t account_id; /* the last one looked up: users mostly pay with one */
	bool account_known;
	char *payment;
} LookUp;

static char *
find_merchant(LookUp *look_up, Datum merchant_id)
{
	char *name = NULL;

	if (look_up->merchants.scan == NULL)
		look_up->merchants = ss_direct_scan(look_up->direct, SS_MERCHANTS, 1, &merchant_id);
	else
		ss_direct_seek(look_up->direct, SS_MERCHANTS, &look_up->merchants, 1, &merchant_id);
	if (ss_direct_next(&look_up->merchants))
		name =
			TextDatumGetCString(ss_direct_get(look_up->direct, SS_MERCHANTS, look_up->merchants.slot, MERCHANT_NAME));
	return name;
}

static char *
find_payment(SSDirect *direct, const pg_uuid_t *user_id, Datum account_id)
{
	Datum keys[2] = {UUIDPGetDatum(user_id), account_id};
	SSScan scan = ss_direct_scan(direct, SS_ACCOUNTS, 2, keys);
	char *payment = NULL;

	if (ss_direct_next(&scan))
	{
		Datum parts[PAYMENT_LAST_FOUR + 1];
		bool nulls[PAYMENT_LAST_FOUR + 1];

		for (int i = PAYMENT_TYPE; i <= PAYMENT_LAST_FOUR; i++)
			parts[i] = ss_direct_get_or_null(direct, SS_ACCOUNTS, scan.slot, i, &nulls[i]);
		payment = payment_method(parts, nulls);
	}
	ss_direct_close(&scan);
	return payment;
}

static void
take_row(LookUp *look_up, const TupleTableSlot *row, Purchase *purchase)
{
	Datum category_no;
	Datum account_id;
	Datum merchant_id;
	bool no_account;
	bool no_merchant;
	bool no_category;

#define GET(column) ss_direct_get(look_up->direct, SS_TRANSACTIONS, row, column)
	purchase->id = *DatumGetUUIDP(GET(TRANSACTION_ID));
	purchase->occurred_at = DatumGetTimestampTz(GET(TRANSACTION_OCCURRED_AT));
	purchase->amount = DatumGetInt64(GET(TRANSACTION_AMOUNT));
	purchase->refunded = DatumGetInt64(GET(TRANSACTION_REFUNDED));
	set_currency(purchase, GET(TRANSACTION_CURRENCY));
	purchase->status = GET(TRANSACTION_STATUS);
	purchase->points = DatumGetInt64(GET(TRANSACTION_BASE)) + DatumGetInt64(GET(TRANSACTION_BONUS));
	category_no = ss_direct_get_or_null(look_up->direct, SS_TRANSACTIONS, row, TRANSACTION_CATEGORY_NO, &no_category);
	purchase->category_no = no_category ? 0 : DatumGetInt16(category_no);
	merchant_id = ss_direct_get_or_null(look_up->direct, SS_TRANSACTIONS, row, TRANSACTION_MERCHANT_ID, &no_merchant);
	account_id = ss_direct_get_or_null(look_up->direct, SS_TRANSACTIONS, row, TRANSACTION_ACCOUNT_ID, &no_account);
#undef GET
	purchase->merchant = no_merchant ? NULL : find_merchant(look_up, merchant_id);
	purchase->payment = NULL;
	if (no_account)
		return;
	if (!look_up->account_known || !ss_uuid_equal(&look_up->account_id, DatumGetUUIDP(account_id)))
	{
		look_up->account_id = *DatumGetUUIDP(account_id);
		look_up->payment = find_payment(look_up->direct, look_up->user_id, account_id);
		look_up->account_known = true;
	}
	purchase->payment = look_up->payment;
}

/* Is the purchase that the scan stands on no later than the one to go on after? */
static bool
is_before(SSDirect *direct, const TupleTableSlot *row, const Range *range)
{
	if (DatumGetTimestampTz(ss_direct_get(direct, SS_TRANSACTIONS, row, TRANSACTION_OCCURRED_AT)) != range->after_at)
		return true;
	return ss_uuid_compare(DatumGetUUIDP(ss_direct_get(direct, SS_TRANSACTIONS, row, TRANSACTION_ID)), &range->after) <
		   0;
}

static int64
find_purchases(SSDirect *direct, const Range *range, const SSPage *page, Purchase *purchases)
{
	TimestampTz until = range->after_at == DT_NOEND ? DT_NOEND : range->after_at + 1;
	SSScan scan = ss_direct_scan_times(direct, SS_PURCHASES, &range->user_id, range->from, Min(until, range->until),
									   BackwardScanDirection);
	LookUp look_up = {.direct = direct, .user_id = &range->user_id};
	int64 skip = page->offset;
	int64 found = 0;

	while (found < SS_PAGE_ROWS(page) && ss_direct_next(&scan))
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_before(direct, scan.slot, range) || skip-- > 0)
			continue;
		if (found < page->limit) /* that there is one more is all that is told of it */
			take_row(&look_up, scan.slot, &purchases[found]);
		found++;
	}
	if (look_up.merchants.scan != NULL)
		ss_direct_close(&look_up.merchants);
	ss_direct_close(&scan);
	return found;
}

/* --- by queries ------------------------------------------------------------------------- */

static int64
query_purchases(const Range *range, const SSPage *page, Purchase *purchases)
{
	Datum keys[7] = {UUIDPGetDatum(&range->user_id),	TimestampTzGetDatum(range->from),
					 TimestampTzGetDatum(range->until), TimestampTzGetDatum(range->after_at),
					 UUIDPGetDatum(&range->after),		Int64GetDatum(SS_PAGE_ROWS(page)),
					 Int64GetDatum(page->offset)};
	SSRows rows = ss_rows_read(&select_page, keys, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Purchase *purchase = &purchases[i];
		Datum parts[PAYMENT_LAST_FOUR + 1];
		bool nulls[PAYMENT_LAST_FOUR + 1];

		purchase->id = *ss_next_uuid(&row);
		purchase->occurred_at = ss_next_time(&row);
		purchase->amount = ss_next_int64(&row);
		purchase->refunded = ss_next_int64(&row);
		set_currency(purchase, ss_next_value(&row, BPCHAROID));
		purchase->status = ss_next_enum(&row);
		purchase->points = ss_next_int64(&row);
		purchase->category_no = ss_next_int16_or(&row, 0);
		purchase->merchant = ss_next_text_or_null(&row);
		for (int part = PAYMENT_TYPE; part <= PAYMENT_LAST_FOUR; part++)
			parts[part] = ss_next_value_or_null(&row, TEXTOID, &nulls[part]);
		purchase->payment = nulls[PAYMENT_TYPE] ? NULL : payment_method(parts, nulls);
	}
	return (int64) rows.count;
}

/* ------------------------------------------------------------------------------------------ */

/* Of what was bought, how much was given back; nothing can be of an amount of 0. */
static const char *
refund_status(const Purchase *purchase)
{
	if (purchase->refunded == 0)
		return "none";
	return purchase->refunded < purchase->amount ? "partial" : "full";
}

static void
add_purchase(SSJson *json, const SSRules *rules, const Purchase *purchase)
{
	int exponent = ss_rules_exponent(rules, purchase->currency);

	/* in the order in which jsonb keeps keys: so it need not sort them */
	ss_json_open_object(json, NULL);
	ss_json_money(json, "amount", purchase->amount, exponent);
	ss_json_text(json, "status", DatumGetCString(DirectFunctionCall1(enum_out, purchase->status)));
	ss_json_text(json, "currency", purchase->currency);
	ss_json_text(json, "merchant", purchase->merchant);
	ss_json_time(json, "timestamp", purchase->occurred_at);
	ss_json_int(json, "points_earned", purchase->points);
	ss_json_text(json, "refund_status", refund_status(purchase));
	ss_json_text(json, "payment_method", purchase->payment);
	ss_json_uuid(json, "transaction_id", &purchase->id);
	ss_json_money(json, "refunded_amount", purchase->refunded, exponent);
	ss_json_text(json, "merchant_category", ss_rules_category_name(rules, purchase->category_no));
	ss_json_close_object(json);
}

/*
 * get_user_transactions(user_id, page_size, page_offset, start_date, end_date,
 * after): from start_date on and before end_date
 */
Datum
swipesavvy_get_user_transactions(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	SSDirect *direct;
	pg_uuid_t *user_id;
	SSPage page;
	Range range;
	Purchase *purchases;
	bool filtered;
	int64 total;
	int64 found;

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	page = ss_arg_page(fcinfo, 1, 2, 5, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	range.user_id = *user_id;
	filtered = read_range(fcinfo, &range);
	rules = ss_rules_get();
	direct = ss_direct_begin_reading(TABLES);
	total = count_purchases(direct, &range, filtered);
	read_cursor(page.after, &range);
	purchases = palloc(SS_PAGE_ROWS(&page) * sizeof(Purchase));
	found =
		direct != NULL ? find_purchases(direct, &range, &page, purchases) : query_purchases(&range, &page, purchases);

	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "transactions");
	for (int64 row = 0; row < Min(found, page.limit); row++)
		add_purchase(&json, rules, &purchases[row]);
	ss_json_close_array(&json);
	ss_page_end(&json, &page, total, !filtered,
				found > page.limit ? ss_uuid_text(&purchases[page.limit - 1].id) : NULL);
	ss_json_close_object(&json);
	if (direct != NULL)
		ss_direct_end_reading(direct);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
