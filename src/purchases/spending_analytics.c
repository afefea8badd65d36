/*
 * spending_analytics.c: what a user has spent, on what, where and when.
 *
 * SQL entry point. One pass over the purchases of the period and of the one
 * before it, in the order of time, as an index holds them: sums, the median,
 * categories, merchants and the series are made on the way. Names of merchants
 * are looked up when it is known which are shown. Everything is counted in
 * minor units of the programme's currency. No lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "direct/direct.h"
#include "engine/purchase.h"
#include "rules/rules.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_user_spending_analytics);

/* What is read directly, where that can be done (direct.h). */
#define TABLES (SS_ONE_TABLE(SS_USERS) | SS_ONE_TABLE(SS_PURCHASES) | SS_ONE_TABLE(SS_MERCHANTS))

#define DAYS_DEFAULT  30
#define DAYS_MAX	  365
#define TOP_MERCHANTS 10
/* Spending has a trend from a change of so many hundredths of a percent on. */
#define TREND_THRESHOLD 500
/* The category of purchases that have none. */
#define NO_CATEGORY "Uncategorized"

typedef enum Granularity
{
	DAILY,
	WEEKLY,
	MONTHLY
} Granularity;

typedef struct Sum
{
	int128 amount; /* minor units, net of refunds */
	int64 count;
} Sum;

/* A day, week or month of the series: the part of it that lies in the period. */
typedef struct Bucket
{
	DateADT first; /* its first day, also before the period's */
	TimestampTz end;
	Sum sum;
} Bucket;

typedef struct Category
{
	int16 no; /* 0 = none */
	Sum sum;
} Category;

typedef struct Merchant
{
	pg_uuid_t id; /* key */
	char status;  /* of the hash table */
	Sum sum;
	const char *name;
} Merchant;

#define SH_PREFIX			 merchants
#define SH_ELEMENT_TYPE		 Merchant
#define SH_KEY_TYPE			 pg_uuid_t
#define SH_KEY				 id
#define SH_HASH_KEY(tb, key) ss_uuid_hash(key)
#define SH_EQUAL(tb, a, b)	 (ss_uuid_equal(&(a), &(b)))
#define SH_SCOPE			 static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

#define ST_SORT			 sort_amounts
#define ST_ELEMENT_TYPE	 int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE		 static
#define ST_DEFINE
#include "lib/sort_template.h"

typedef struct Spending
{
	const SSRules *rules;
	SSDirect *direct; /* NULL: by queries */
	int days;
	TimestampTz begin; /* of the period; what is before belongs to the one before */
	Sum before;
	Sum total;
	int64 *amounts; /* of each purchase of the period */
	int nbuckets;
	Bucket *buckets;
	int bucket; /* the one that the last purchase fell into */
	int ncategories;
	Category *categories;
	merchants_hash *merchants;
} Spending;

/* With the columns of the index, which a row read directly has. */
SS_QUERY(
	select_purchases,
	"SELECT t.user_id, t.occurred_at, t.transaction_id, t.amount_minor, t.refunded_minor, t.status, t.category_no, t.currency,"
	"       t.merchant_id"
	"  FROM swipesavvy.transactions t"
	" WHERE t.user_id = $1 AND t.occurred_at >= $2 AND t.occurred_at < $3 AND t.status = 'completed'"
	" ORDER BY t.occurred_at",
	UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(select_names, "SELECT m.merchant_id, m.name FROM swipesavvy.merchants m WHERE m.merchant_id = ANY ($1)",
		 UUIDARRAYOID);

/* --- gathering ---------------------------------------------------------------------- */

static void
count_in(Sum *sum, int64 amount)
{
	sum->amount += amount;
	sum->count++;
}

static void
add_to_category(Spending *spending, int16 no, int64 amount)
{
	for (int i = 0; i < spending->ncategories; i++)
	{
		if (spending->categories[i].no == no)
		{
			count_in(&spending->categories[i].sum, amount);
			return;
		}
	}
	spending->categories = ss_array_grow(spending->categories, spending->ncategories, sizeof(Category));
	spending->categories[spending->ncategories++] = (Category){no, {amount, 1}};
}

static void
add_to_merchant(Spending *spending, const pg_uuid_t *id, int64 amount)
{
	bool found;
	Merchant *merchant = merchants_insert(spending->merchants, *id, &found);

	if (!found)
		merchant->sum = (Sum){0, 0};
	count_in(&merchant->sum, amount);
}

static void
add_to_period(Spending *spending, TimestampTz occurred_at, int64 amount)
{
	spending->amounts = ss_array_grow(spending->amounts, spending->total.count, sizeof(int64));
	spending->amounts[spending->total.count] = amount;
	count_in(&spending->total, amount);
	while (occurred_at >= spending->buckets[spending->bucket].end)
		spending->bucket++;
	count_in(&spending->buckets[spending->bucket].sum, amount);
}

/* One completed purchase; they come in the order of time. */
static void
add_purchase(Spending *spending, const Datum *values, const bool *nulls)
{
	const struct varlena *currency = (const struct varlena *) DatumGetPointer(values[PURCHASE_CURRENCY]);
	TimestampTz occurred_at = DatumGetTimestampTz(values[PURCHASE_OCCURRED_AT]);
	int64 amount = DatumGetInt64(values[PURCHASE_AMOUNT]) - DatumGetInt64(values[PURCHASE_REFUNDED]);

	ss_direct_check_purchase(nulls);
	if (memcmp(VARDATA_ANY(currency), spending->rules->settings.currency, 3) != 0)
		return;
	if (occurred_at < spending->begin)
	{
		count_in(&spending->before, amount);
		return;
	}
	add_to_period(spending, occurred_at, amount);
	add_to_category(spending, nulls[PURCHASE_CATEGORY_NO] ? 0 : DatumGetInt16(values[PURCHASE_CATEGORY_NO]), amount);
	if (!nulls[PURCHASE_MERCHANT_ID])
		add_to_merchant(spending, DatumGetUUIDP(values[PURCHASE_MERCHANT_ID]), amount);
}

static void
add_row(TupleTableSlot *row, void *state)
{
	slot_getallattrs(row);
	add_purchase(state, row->tts_values, row->tts_isnull);
}

/* Adds the completed purchases of that time. */
static void
add_purchases(Spending *spending, const pg_uuid_t *user_id, TimestampTz from, TimestampTz until)
{
	Datum values[3] = {UUIDPGetDatum(user_id), TimestampTzGetDatum(from), TimestampTzGetDatum(until)};
	SSScan scan;

	if (spending->direct == NULL)
	{
		ss_query_each(&select_purchases, values, add_row, spending);
		return;
	}
	scan = ss_direct_scan_entries(spending->direct, SS_PURCHASES, user_id, from, until);
	while (ss_direct_next_entry(&scan))
	{
		Datum entry[PURCHASE_COLUMNS];
		bool nulls[PURCHASE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		ss_direct_entry(&scan, entry, nulls);
		if (entry[PURCHASE_STATUS] == ss_direct_label(SS_LABEL_STATUS + SS_COMPLETED))
			add_purchase(spending, entry, nulls);
	}
	ss_direct_close(&scan);
}

/* --- the period ----------------------------------------------------------------------- */

/* The first day of the day, week (from Monday) or month that `day` is in, or of the next one. */
static DateADT
first_day(DateADT day, Granularity granularity, bool next)
{
	int year;
	int month;
	int mday;

	if (granularity == DAILY)
		return day + next;
	if (granularity == WEEKLY)
		return day - (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7 + (next ? 7 : 0);
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	if (next && ++month > 12)
	{
		year++;
		month = 1;
	}
	return date2j(year, month, 1) - POSTGRES_EPOCH_JDATE;
}

/* The series' days, weeks or months, from `first` to `last`. */
static void
make_buckets(Spending *spending, DateADT first, DateADT last, Granularity granularity)
{
	spending->buckets = palloc0((last - first + 1) * sizeof(Bucket));
	for (DateADT day = first; day <= last; day = first_day(day, granularity, true))
	{
		Bucket *bucket = &spending->buckets[spending->nbuckets++];

		bucket->first = first_day(day, granularity, false);
		bucket->end = ss_rules_day_start(spending->rules, Min(first_day(day, granularity, true), last + 1));
	}
}

/* The last `days` calendar days, today included, and as many before them. */
static void
gather(Spending *spending, const pg_uuid_t *user_id, Granularity granularity)
{
	DateADT today = ss_rules_day(spending->rules, GetCurrentTransactionStartTimestamp());
	DateADT first = today - spending->days + 1;

	make_buckets(spending, first, today, granularity);
	spending->begin = ss_rules_day_start(spending->rules, first);
	/* they begin here: the context in which rows come may be the executor's, and end before they do */
	spending->amounts = ss_array_grow(NULL, 0, sizeof(int64));
	spending->categories = ss_array_grow(NULL, 0, sizeof(Category));
	spending->merchants = merchants_create(CurrentMemoryContext, 64, NULL);
	add_purchases(spending, user_id, ss_rules_day_start(spending->rules, first - spending->days),
				  spending->buckets[spending->nbuckets - 1].end);
	sort_amounts(spending->amounts, spending->total.count);
}

/* --- the document ------------------------------------------------------------------------ */

/* a / b, rounded to the nearest, halves away from zero; b > 0. Bounded by what a bigint holds. */
static int64
quotient(int128 a, int128 b)
{
	int128 result = a >= 0 ? (2 * a + b) / (2 * b) : -((-2 * a + b) / (2 * b));

	return (int64) Min(Max(result, -(int128) PG_INT64_MAX), (int128) PG_INT64_MAX);
}

static void
add_money(SSJson *json, const Spending *spending, const char *key, int128 amount)
{
	ss_json_money(json, key, ss_narrow(amount, "amount"), spending->rules->settings.exponent);
}

/* `part` of `whole` in percent with two places; null where there is no whole. */
static void
add_percentage(SSJson *json, const char *key, int128 part, int128 whole)
{
	if (whole == 0)
		ss_json_null(json, key);
	else
		ss_json_money(json, key, quotient(part * 10000, whole), 2);
}

/* The middle amount, or half the sum of the two in the middle, with one more decimal if it needs that. */
static void
add_median(SSJson *json, const Spending *spending)
{
	const int64 *middle = &spending->amounts[(spending->total.count - 1) / 2];
	int128 twice = (int128) middle[0] + middle[spending->total.count % 2 == 0 ? 1 : 0];

	if (twice % 2 == 0)
		add_money(json, spending, "median_transaction", twice / 2);
	else
		ss_json_money(json, "median_transaction", ss_narrow(twice * 5, "amount"),
					  spending->rules->settings.exponent + 1);
}

static void
add_amounts(SSJson *json, const Spending *spending)
{
	const Sum *total = &spending->total;

	add_money(json, spending, "total_spent", total->amount);
	ss_json_int(json, "transaction_count", total->count);
	add_money(json, spending, "daily_average", quotient(total->amount, spending->days));
	if (total->count == 0)
	{
		ss_json_null(json, "average_transaction");
		ss_json_null(json, "median_transaction");
		ss_json_null(json, "min_transaction");
		ss_json_null(json, "max_transaction");
		return;
	}
	add_money(json, spending, "average_transaction", quotient(total->amount, total->count));
	add_median(json, spending);
	add_money(json, spending, "min_transaction", spending->amounts[0]);
	add_money(json, spending, "max_transaction", spending->amounts[total->count - 1]);
}

static void
add_trend(SSJson *json, const Spending *spending)
{
	int128 before = spending->before.amount;
	int128 change = spending->total.amount - before;
	int128 threshold = before * TREND_THRESHOLD;

	ss_json_text(json, "spending_trend",
				 change * 10000 > threshold	   ? "up"
				 : -change * 10000 > threshold ? "down"
											   : "stable");
	add_percentage(json, "trend_percentage", change, before);
}

/* By amount, the largest first; then by number. */
static int
compare_categories(const void *a, const void *b)
{
	const Category *x = a;
	const Category *y = b;

	if (x->sum.amount != y->sum.amount)
		return x->sum.amount > y->sum.amount ? -1 : 1;
	return x->no - y->no;
}

static void
add_categories(SSJson *json, const Spending *spending)
{
	qsort(spending->categories, spending->ncategories, sizeof(Category), compare_categories);
	ss_json_open_object(json, "spending_by_category");
	for (int i = 0; i < spending->ncategories; i++)
	{
		const Category *category = &spending->categories[i];
		const char *name = ss_rules_category_name(spending->rules, category->no);

		ss_json_open_object(json, name == NULL ? NO_CATEGORY : name);
		ss_json_int(json, "count", category->sum.count);
		add_money(json, spending, "amount", category->sum.amount);
		add_percentage(json, "percentage", category->sum.amount, spending->total.amount);
		ss_json_close_object(json);
	}
	ss_json_close_object(json);
}

/* By amount, then visits, the largest first; then by id. */
static int
compare_merchants(const Merchant *x, const Merchant *y)
{
	if (x->sum.amount != y->sum.amount)
		return x->sum.amount > y->sum.amount ? -1 : 1;
	if (x->sum.count != y->sum.count)
		return x->sum.count > y->sum.count ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

/* The merchants with the largest amounts, in order; returns how many. */
static int
find_top(const Spending *spending, Merchant **top)
{
	merchants_iterator iterator;
	Merchant *merchant;
	int count = 0;

	merchants_start_iterate(spending->merchants, &iterator);
	while ((merchant = merchants_iterate(spending->merchants, &iterator)) != NULL)
	{
		int place = count;

		while (place > 0 && compare_merchants(merchant, top[place - 1]) < 0)
			place--;
		if (place == TOP_MERCHANTS)
			continue;
		count = Min(count + 1, TOP_MERCHANTS);
		memmove(&top[place + 1], &top[place], (count - place - 1) * sizeof(Merchant *));
		top[place] = merchant;
	}
	return count;
}

static const char *
find_name(SSDirect *direct, const pg_uuid_t *merchant_id)
{
	Datum key = UUIDPGetDatum(merchant_id);
	SSScan scan = ss_direct_scan(direct, SS_MERCHANTS, 1, &key);
	const char *name = NULL;

	if (ss_direct_next(&scan))
		name = TextDatumGetCString(ss_direct_get(direct, SS_MERCHANTS, scan.slot, MERCHANT_NAME));
	ss_direct_close(&scan);
	return name;
}

static void
query_names(const Spending *spending, Merchant **top, int count)
{
	Datum ids[TOP_MERCHANTS];
	Datum values[1];
	SSRows rows;

	for (int i = 0; i < count; i++)
	{
		ids[i] = UUIDPGetDatum(&top[i]->id);
		top[i]->name = NULL;
	}
	values[0] = PointerGetDatum(construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	rows = ss_rows_read(&select_names, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		Merchant *merchant = merchants_lookup(spending->merchants, *ss_next_uuid(&row));

		merchant->name = ss_next_text(&row);
	}
}

static void
add_top_merchants(SSJson *json, const Spending *spending)
{
	Merchant *top[TOP_MERCHANTS];
	int count = find_top(spending, top);

	if (spending->direct == NULL && count > 0)
		query_names(spending, top, count);
	for (int i = 0; spending->direct != NULL && i < count; i++)
		top[i]->name = find_name(spending->direct, &top[i]->id);
	ss_json_open_array(json, "top_merchants");
	for (int i = 0; i < count; i++)
	{
		ss_json_open_object(json, NULL);
		ss_json_text(json, "name", top[i]->name);
		add_money(json, spending, "amount", top[i]->sum.amount);
		ss_json_int(json, "visit_count", top[i]->sum.count);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

static void
add_series(SSJson *json, const Spending *spending)
{
	ss_json_open_array(json, "series");
	for (int i = 0; i < spending->nbuckets; i++)
	{
		const Bucket *bucket = &spending->buckets[i];
		struct pg_tm tm = {0};
		char *period = palloc(MAXDATELEN + 1);

		j2date(bucket->first + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, period);
		ss_json_open_object(json, NULL);
		/* in the order in which jsonb keeps keys: so it need not sort them */
		ss_json_int(json, "count", bucket->sum.count);
		add_money(json, spending, "amount", bucket->sum.amount);
		ss_json_text(json, "period", period);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/* PT404 when there is no such user. */
static void
require_user(SSDirect *direct, const pg_uuid_t *user_id)
{
	Datum key = UUIDPGetDatum(user_id);

	if (direct == NULL)
		ss_users_require(user_id);
	else if (!ss_direct_exists(direct, SS_USERS, 1, &key))
		ss_not_found("user", ss_uuid_text(user_id));
}

/*
 * get_user_spending_analytics(user_id, days, granularity): the last `days`
 * calendar days in the programme's time zone
 */
Datum
swipesavvy_get_user_spending_analytics(PG_FUNCTION_ARGS)
{
	static const char *const granularities[] = {"daily", "weekly", "monthly", NULL};
	SSCall call;
	SSJson json = {0};
	Spending spending = {0};
	pg_uuid_t *user_id;
	char *granularity;
	bool no_days;

	ss_call_enter(&call, SS_CUSTOMER | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_ADMIN, user_id);
	spending.days = ss_arg_int4(fcinfo, 1, "days", 1, DAYS_MAX, &no_days);
	if (no_days)
		spending.days = DAYS_DEFAULT;
	granularity = ss_arg_text(fcinfo, 2, "granularity", SS_NAME_MAX, false);
	spending.rules = ss_rules_get();
	spending.direct = ss_direct_begin_reading(TABLES);
	require_user(spending.direct, user_id);
	gather(&spending, user_id,
		   granularity == NULL ? DAILY : (Granularity) ss_check_choice(granularity, "granularity", granularities));

	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "period_days", spending.days);
	ss_json_time(&json, "analysis_date", GetCurrentTransactionStartTimestamp());
	add_amounts(&json, &spending);
	add_trend(&json, &spending);
	add_categories(&json, &spending);
	add_top_merchants(&json, &spending);
	add_series(&json, &spending);
	ss_json_close_object(&json);
	if (spending.direct != NULL)
		ss_direct_end_reading(spending.direct);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
