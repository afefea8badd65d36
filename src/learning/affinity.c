/*
 * affinity.c: at which merchants a user is at home, and why.
 *
 * SQL entry point get_merchant_affinity, and predict() for the model affinity.
 * The weights are fixed: a score has to mean the same next year. Reads the
 * user's purchases of a year, by the index alone where that can be done, under
 * one snapshot. Components and score are exact decimals. No lock.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "learning/affinity.h"
#include "learning/exclusions.h"
#include "learning/model.h"
#include "learning/purchase_history.h"
#include "learning/six.h"
#include "places/ratings.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_affinity);

#define LIMIT_DEFAULT 10
#define MILLION		  1000000
#define HALF_LIFE	  30.0 /* days, from the day of the last visit to today */
#define NO_RATING	  "600000"

/* In hundredths, of components in millionths: the score in hundred-millionths. */
#define WEIGHT_VISITS	30
#define WEIGHT_AVERAGE	25
#define WEIGHT_RECENCY	20
#define WEIGHT_RATING	15
#define WEIGHT_CATEGORY 10

/* The rating is in millionths of the best one. */
SS_QUERY(select_merchants,
		 "SELECT m.merchant_id, m.name, m.category,"
		 "       coalesce(r.rating * 200000, (a.rating * 200000)::integer, " NO_RATING ")"
		 "  FROM unnest($1) v (id) JOIN swipesavvy.merchants m ON m.merchant_id = v.id AND m.is_active"
		 "  LEFT JOIN swipesavvy.merchant_reviews r ON r.user_id = $2 AND r.merchant_id = v.id"
		 "                                         AND " SS_REVIEW_COUNTS_SQL
		 "  LEFT JOIN swipesavvy.merchant_rating_averages a ON a.merchant_id = v.id",
		 UUIDARRAYOID, UUIDOID);

static void
count_purchase(SSAffinityMerchant *merchant, const SSPast *past)
{
	merchant->visits++;
	merchant->net += past->amount - past->refunded;
	if (past->at > merchant->last_visit)
	{
		merchant->last_visit = past->at;
		merchant->last_day = past->day;
	}
}

/* Visits, amounts and last visits, by the numbers that the history gives merchants. */
static SSAffinityMerchant *
gather(const SSHistory *history)
{
	SSAffinityMerchant *merchants = palloc0(Max(history->nmerchants, 1) * sizeof(SSAffinityMerchant));

	for (int i = 0; i < history->nmerchants; i++)
	{
		merchants[i].id = history->merchants[i];
		merchants[i].last_visit = DT_NOBEGIN;
	}
	for (int i = 0; i < history->count; i++)
	{
		const SSPast *past = &history->items[i];

		if (past->merchant >= 0 && past->counts && past->active)
			count_purchase(&merchants[past->merchant], past);
	}
	return merchants;
}

/*
 * Names, categories and ratings of the merchants of the history, which are numbered as there; those that are visited
 * and active come first then. Returns how many.
 */
static int
look_up(SSAffinityMerchant *merchants, const SSHistory *history, const pg_uuid_t *user_id)
{
	Datum *ids = palloc(Max(history->nmerchants, 1) * sizeof(Datum));
	int visited = 0;
	int found = 0;
	SSRows rows;

	for (int i = 0; i < history->nmerchants; i++)
	{
		if (merchants[i].visits > 0)
			ids[visited++] = UUIDPGetDatum(&merchants[i].id);
	}
	if (visited == 0)
		return 0;
	rows =
		ss_rows_read(&select_merchants,
					 (Datum[]){PointerGetDatum(construct_array(ids, visited, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)),
							   UUIDPGetDatum(user_id)},
					 NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSAffinityMerchant *merchant = &merchants[ss_history_merchant(history, ss_next_uuid(&row))];

		merchant->name = ss_next_text(&row);
		merchant->category = ss_next_text(&row);
		merchant->of_rating = ss_next_int32(&row);
	}
	ss_rows_free(&rows);
	for (int i = 0; i < history->nmerchants; i++)
	{
		if (merchants[i].name != NULL)
			merchants[found++] = merchants[i];
	}
	return found;
}

/* a / b in millionths, halves up; 0 of nothing */
static int64
share(int128 a, int128 b)
{
	if (b == 0)
		return 0;
	return (int64) ((2 * a * MILLION + b) / (2 * b));
}

/* The visits of each category; categories are few, and compared by the pointer of the first that has the name. */
static int64
visits_in(const SSAffinityMerchant *merchants, int count, const char *category)
{
	int64 visits = 0;

	for (int i = 0; i < count; i++)
	{
		if (strcmp(merchants[i].category, category) == 0)
			visits += merchants[i].visits;
	}
	return visits;
}

/* Gives each category of the merchants its number of visits once. */
static void
add_categories(SSAffinityMerchant *merchants, int count, int64 all)
{
	for (int i = 0; i < count; i++)
	{
		int before = 0;

		while (before < i && strcmp(merchants[before].category, merchants[i].category) != 0)
			before++;
		merchants[i].of_category =
			before < i ? merchants[before].of_category : share(visits_in(merchants, count, merchants[i].category), all);
	}
}

/* Is the mean amount of a larger than that of b? Without dividing. */
static bool
spends_more(const SSAffinityMerchant *a, const SSAffinityMerchant *b)
{
	return (int128) a->net * b->visits > (int128) b->net * a->visits;
}

static void
score(SSAffinityMerchant *merchants, int count, DateADT today)
{
	const SSAffinityMerchant *dearest = merchants;
	int64 most = 0;
	int64 all = 0;

	for (int i = 0; i < count; i++)
	{
		most = Max(most, merchants[i].visits);
		all += merchants[i].visits;
		if (spends_more(&merchants[i], dearest))
			dearest = &merchants[i];
	}
	add_categories(merchants, count, all);
	for (int i = 0; i < count; i++)
	{
		SSAffinityMerchant *merchant = &merchants[i];

		merchant->of_visits = share(merchant->visits, most);
		merchant->of_average =
			share((int128) merchant->net * dearest->visits, (int128) dearest->net * merchant->visits);
		merchant->of_recency = llround(exp2(-(today - merchant->last_day) / HALF_LIFE) * MILLION);
		merchant->score = (WEIGHT_VISITS * merchant->of_visits + WEIGHT_AVERAGE * merchant->of_average +
						   WEIGHT_RECENCY * merchant->of_recency + WEIGHT_RATING * merchant->of_rating +
						   WEIGHT_CATEGORY * merchant->of_category + 5000) /
						  10000;
	}
}

static int
compare_scores(const void *a, const void *b)
{
	const SSAffinityMerchant *x = a;
	const SSAffinityMerchant *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->visits != y->visits)
		return x->visits > y->visits ? -1 : 1;
	return ss_uuid_compare(&x->id, &y->id);
}

int
ss_affinity(const SSRules *rules, const pg_uuid_t *user_id, TimestampTz as_of, SSAffinityMerchant **merchants)
{
	DateADT today = ss_rules_day(rules, as_of);
	SSHistory *history = ss_history_create(rules);
	int count;

	ss_exclusions_get();
	ss_history_read(history, user_id, ss_rules_day_start(rules, today - SS_AFFINITY_DAYS),
					ss_rules_day_start(rules, today));
	*merchants = gather(history);
	count = look_up(*merchants, history, user_id);
	if (count > 0)
		score(*merchants, count, today);
	qsort(*merchants, count, sizeof(SSAffinityMerchant), compare_scores);
	return count;
}

void
ss_affinity_json(SSJson *json, const SSRules *rules, const SSAffinityMerchant *merchant)
{
	ss_json_uuid(json, "merchant_id", &merchant->id);
	ss_json_text(json, "name", merchant->name);
	ss_json_text(json, "category", merchant->category);
	ss_json_money(json, "score", merchant->score, 4);
	ss_json_open_object(json, "components");
	ss_json_money(json, "visits", merchant->of_visits, 6);
	ss_json_money(json, "average_value", merchant->of_average, 6);
	ss_json_money(json, "recency", merchant->of_recency, 6);
	ss_json_money(json, "rating", merchant->of_rating, 6);
	ss_json_money(json, "category", merchant->of_category, 6);
	ss_json_close_object(json);
	ss_json_int(json, "visits", merchant->visits);
	ss_json_money(json, "net_amount", merchant->net, rules->settings.exponent);
	ss_json_time(json, "last_visit_at", merchant->last_visit);
}

/*
 * get_merchant_affinity(user_id, page_size)
 */
Datum
swipesavvy_get_merchant_affinity(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	const SSRules *rules;
	SSAffinityMerchant *merchants;
	pg_uuid_t *user_id;
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	SSProfiling profiling;
	SSPage page;
	int32 version;
	int count = 0;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN | SS_NOT_CACHED);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, user_id);
	page = ss_arg_page(fcinfo, 1, -1, -1, 100, LIMIT_DEFAULT);
	profiling = ss_model_ask_about("affinity", user_id, &version);
	if (profiling == SS_ERASED || (profiling == SS_REFUSED && ss_call_has(&call, SS_BACKEND | SS_ADMIN)))
		ss_model_refuse(profiling, user_id);
	rules = ss_rules_get();
	if (profiling == SS_PROFILED)
		count = ss_affinity(rules, user_id, now, &merchants);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", user_id);
	ss_json_time(&json, "as_of", ss_rules_day_start(rules, ss_rules_day(rules, now)));
	ss_json_open_array(&json, "merchants");
	for (int i = 0; i < Min(count, page.limit); i++)
	{
		ss_json_open_object(&json, NULL);
		ss_affinity_json(&json, rules, &merchants[i]);
		ss_json_close_object(&json);
	}
	ss_json_close_array(&json);
	ss_json_int(&json, "total", count);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
