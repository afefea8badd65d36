/*
 * load.c: reads settings, currencies, categories, tiers, boosts and
 * running campaigns into compiled rules, and builds the index over the
 * campaigns.
 *
 * Called by rules.c, under the snapshot that it chose, and for other campaigns
 * than those that run by simulations. No locks.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "rules/load.h"

static SSQuery settings_query = {"SELECT setting, value FROM swipesavvy.system_settings", 0, {0}, NULL};
static SSQuery currencies_query = {
	"SELECT code, minor_unit FROM swipesavvy.currencies WHERE minor_unit IS NOT NULL", 0, {0}, NULL};
static SSQuery categories_query = {
	"SELECT category, category_no FROM swipesavvy.merchant_categories ORDER BY category_no DESC", 0, {0}, NULL};
static SSQuery tiers_query = {
	"SELECT tier, threshold, multiplier_milli, benefits FROM swipesavvy.tiers WHERE is_active ORDER BY threshold",
	0,
	{0},
	NULL};
static SSQuery boosts_query = {
	"SELECT b.boost_id, b.multiplier_milli, c.category_no, b.starts_at, coalesce(b.expires_at, 'infinity')"
	"  FROM swipesavvy.boosts b LEFT JOIN swipesavvy.merchant_categories c ON c.category = b.category",
	0,
	{0},
	NULL};
static SSQuery campaigns_query = {
	"SELECT " SS_CAMPAIGN_COLUMNS
	"  FROM swipesavvy.campaigns k LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
	" WHERE k.status = 'running' ORDER BY k.campaign_no",
	0,
	{0},
	NULL};

static struct HTAB *
make_table(SSRules *rules, const char *name, Size keysize, Size entrysize, long rows)
{
	HASHCTL control = {.keysize = keysize, .entrysize = entrysize, .hcxt = rules->context};

	return hash_create(name, Max(rows, 8), &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static int32
int32_or(uint64 row, int column, int32 when_null)
{
	bool isnull;
	Datum value = ss_value(row, column, &isnull);

	return isnull ? when_null : DatumGetInt32(value);
}

static int16
int16_or(uint64 row, int column, int16 when_null)
{
	bool isnull;
	Datum value = ss_value(row, column, &isnull);

	return isnull ? when_null : DatumGetInt16(value);
}

/* --- settings ------------------------------------------------------------------------ */

/* A number of the settings, scaled to an integer; when_null for JSON null. Excess decimals are cut. */
static int64
number_setting(const JsonbValue *value, int decimals, int64 when_null)
{
	Datum scaled;

	if (value->type != jbvNumeric)
		return when_null;
	scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(value->val.numeric),
								 NumericGetDatum(int64_to_numeric(ss_minor_per_major(decimals))));
	return DatumGetInt64(
		DirectFunctionCall1(numeric_int8, DirectFunctionCall2(numeric_trunc, scaled, Int32GetDatum(0))));
}

static void
load_setting(SSRules *rules, const char *name, const JsonbValue *value)
{
	SSSettings *settings = &rules->settings;
	const struct
	{
		const char *name;
		int32 *target;
	} integers[] = {
		{"points_expiry_months", &settings->points_expiry_months},
		{"pending_expiry_days", &settings->pending_expiry_days},
		{"late_posting_days", &settings->late_posting_days},
		{"referral_bonus_points", &settings->referral_bonus_points},
	};

	for (size_t i = 0; i < lengthof(integers); i++)
	{
		if (strcmp(name, integers[i].name) == 0)
			*integers[i].target = (int32) number_setting(value, 0, 0);
	}
	if (strcmp(name, "earn_rate") == 0)
		settings->earn_rate_milli = number_setting(value, 3, 0);
	else if (strcmp(name, "point_value_minor") == 0)
		settings->point_value_minor = number_setting(value, 0, 0);
	else if (strcmp(name, "max_transaction_amount") == 0)
		settings->max_transaction_minor = number_setting(value, settings->exponent, -1);
	else if (strcmp(name, "daily_spending_limit") == 0)
		settings->daily_spending_minor = number_setting(value, settings->exponent, -1);
}

/* Currency and time zone come first: money settings are in the one, days in the other. */
static void
load_settings(SSRules *rules)
{
	SSSettings *settings = &rules->settings;
	uint64 rows = ss_query_read(&settings_query, NULL, NULL);

	for (int pass = 0; pass < 2; pass++)
	{
		for (uint64 i = 0; i < rows; i++)
		{
			char *name = ss_value_text(i, 1);
			Jsonb *document = DatumGetJsonbP(ss_value_not_null(i, 2));
			JsonbValue value;

			if (!JsonbExtractScalar(&document->root, &value))
				continue;
			if (pass == 1)
				load_setting(rules, name, &value);
			else if (value.type != jbvString)
				continue;
			else if (strcmp(name, "currency") == 0)
				strlcpy(settings->currency, pnstrdup(value.val.string.val, value.val.string.len),
						sizeof(settings->currency));
			else if (strcmp(name, "timezone") == 0)
				settings->timezone = pg_tzset(pnstrdup(value.val.string.val, value.val.string.len));
		}
		settings->exponent = ss_rules_exponent(rules, settings->currency);
		if (settings->exponent < 0 || settings->timezone == NULL)
			elog(ERROR, "the settings \"currency\" and \"timezone\" are not usable");
	}
}

/* --- small tables ---------------------------------------------------------------------- */

static void
load_currencies(SSRules *rules)
{
	uint64 rows = ss_query_read(&currencies_query, NULL, NULL);

	rules->currencies = make_table(rules, "swipesavvy currencies", 4, sizeof(SSCurrencyEntry), rows);
	for (uint64 i = 0; i < rows; i++)
	{
		char key[4] = {0};
		SSCurrencyEntry *entry;

		memcpy(key, ss_value_text(i, 1), 3);
		entry = hash_search(rules->currencies, key, HASH_ENTER, NULL);
		entry->exponent = int32_or(i, 2, -1);
	}
}

static void
load_categories(SSRules *rules)
{
	HASHCTL control = {.keysize = SS_CATEGORY_KEY, .entrysize = sizeof(SSCategoryEntry), .hcxt = rules->context};
	uint64 rows = ss_query_read(&categories_query, NULL, NULL);

	rules->categories = hash_create("swipesavvy categories", 16, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	rules->ncategory_names = rows == 0 ? 0 : Max(int16_or(0, 2, 0), 0) + 1;
	rules->category_names = MemoryContextAllocZero(rules->context, Max(rules->ncategory_names, 1) * sizeof(char *));
	for (uint64 i = 0; i < rows; i++)
	{
		const char *name = ss_value_text(i, 1);
		SSCategoryEntry *entry = hash_search(rules->categories, name, HASH_ENTER, NULL);

		entry->category_no = int16_or(i, 2, 0);
		if (entry->category_no >= 0)
			rules->category_names[entry->category_no] = MemoryContextStrdup(rules->context, name);
	}
}

static Jsonb *
copy_jsonb(SSRules *rules, Datum value)
{
	const Jsonb *document = DatumGetJsonbP(value);
	Jsonb *copy = MemoryContextAlloc(rules->context, VARSIZE(document));

	memcpy(copy, document, VARSIZE(document));
	return copy;
}

static void
load_tiers(SSRules *rules)
{
	uint64 rows = ss_query_read(&tiers_query, NULL, NULL);

	rules->ntiers = rows;
	rules->tiers = MemoryContextAlloc(rules->context, Max(rows, 1) * sizeof(SSTier));
	for (uint64 i = 0; i < rows; i++)
	{
		rules->tiers[i].name = MemoryContextStrdup(rules->context, ss_value_text(i, 1));
		rules->tiers[i].threshold = ss_value_int64(i, 2, 0);
		rules->tiers[i].multiplier_milli = int32_or(i, 3, SS_MILLI);
		rules->tiers[i].benefits = copy_jsonb(rules, ss_value_not_null(i, 4));
	}
	if (rows == 0 || rules->tiers[0].threshold != 0)
		elog(ERROR, "there is no tier with threshold 0");
}

/* A boost widens the times of its category (somebody's odd number counts as every category). */
static void
note_boost_times(SSRules *rules, const SSBoost *boost)
{
	SSBoostTimes *times = &rules->boost_times[Max(boost->category_no, 0)];

	times->from = Min(times->from, boost->starts_at);
	times->until = Max(times->until, boost->expires_at);
}

static void
load_boosts(SSRules *rules)
{
	uint64 rows = ss_query_read(&boosts_query, NULL, NULL);

	rules->nboost_times = Max(rules->ncategory_names, 1);
	rules->boost_times = MemoryContextAlloc(rules->context, rules->nboost_times * sizeof(SSBoostTimes));
	for (int i = 0; i < rules->nboost_times; i++)
		rules->boost_times[i] = (SSBoostTimes){DT_NOEND, DT_NOBEGIN};

	rules->boosts = make_table(rules, "swipesavvy boosts", sizeof(pg_uuid_t), sizeof(SSBoost), rows);
	for (uint64 i = 0; i < rows; i++)
	{
		SSBoost *boost = hash_search(rules->boosts, DatumGetUUIDP(ss_value_not_null(i, 1)), HASH_ENTER, NULL);

		boost->multiplier_milli = int32_or(i, 2, SS_MILLI);
		boost->category_no = int16_or(i, 3, 0);
		boost->starts_at = DatumGetTimestampTz(ss_value_not_null(i, 4));
		boost->expires_at = DatumGetTimestampTz(ss_value_not_null(i, 5));
		note_boost_times(rules, boost);
	}
}

/* --- campaigns -------------------------------------------------------------------------- */

static SSOffer
offer_of(const char *name)
{
	static const char *const names[] = {"FIXED_DISCOUNT", "PERCENTAGE", "BOGO", "FREE_SHIPPING", "OTHER", NULL};

	return (SSOffer) ss_check_choice(name, "offer_type", names);
}

void
ss_rules_read_campaign(MemoryContext context, uint64 row, SSCampaign *campaign)
{
	bool isnull;
	Datum merchant = ss_value(row, 10, &isnull);

	campaign->has_merchant = !isnull;
	if (!isnull)
		campaign->merchant_id = *DatumGetUUIDP(merchant);
	campaign->no = int32_or(row, 1, 0);
	campaign->version = int32_or(row, 2, 0);
	campaign->id = MemoryContextStrdup(context, ss_value_text(row, 3));
	campaign->offer = offer_of(ss_value_text(row, 4));
	campaign->offer_amount = ss_value_int64(row, 5, 0);
	strlcpy(campaign->currency, ss_value_text(row, 6), sizeof(campaign->currency));
	campaign->start_date = DatumGetTimestampTz(ss_value_not_null(row, 7));
	campaign->end_date = DatumGetTimestampTz(ss_value_not_null(row, 8));
	campaign->segment_no = int32_or(row, 9, 0);
	campaign->category_no = int16_or(row, 11, 0);
	campaign->budget = ss_value_int64(row, 12, -1);
	campaign->has_budget = campaign->budget >= 0;
	campaign->per_user_limit = int32_or(row, 13, 0);
	campaign->daily_limit = int32_or(row, 14, 0);
	campaign->min_spend = ss_value_int64(row, 15, 0);
	campaign->max_discount = ss_value_int64(row, 16, -1);
	campaign->priority = int32_or(row, 17, 0);
	campaign->stackable = DatumGetBool(ss_value_not_null(row, 18));
	campaign->multiplier_milli = int32_or(row, 19, SS_MILLI);
	campaign->bonus_points = int32_or(row, 20, 0);
	campaign->hold_out = int32_or(row, 21, 0);
}

/* Appends a position; the array doubles at powers of two. */
static void
append_to(SSRules *rules, SSCampaignList *list, bool found, int item)
{
	if (!found)
	{
		list->count = 0;
		list->items = MemoryContextAlloc(rules->context, sizeof(int));
	}
	else if ((list->count & (list->count - 1)) == 0)
		list->items = repalloc(list->items, sizeof(int) * 2 * list->count);
	list->items[list->count++] = item;
}

/* Each campaign stands in one list: of its merchant, else its category, else its segment, else `any`. */
static void
index_campaigns(SSRules *rules)
{
	rules->by_merchant =
		make_table(rules, "swipesavvy campaigns by merchant", sizeof(pg_uuid_t), sizeof(SSMerchantEntry), 64);
	rules->by_category =
		make_table(rules, "swipesavvy campaigns by category", sizeof(int32), sizeof(SSNumberEntry), 16);
	rules->by_segment = make_table(rules, "swipesavvy campaigns by segment", sizeof(int32), sizeof(SSNumberEntry), 64);
	for (int i = 0; i < rules->ncampaigns; i++)
	{
		SSCampaign *campaign = &rules->campaigns[i];
		bool found;

		rules->has_segments |= campaign->segment_no != 0;
		if (campaign->has_merchant)
		{
			SSMerchantEntry *entry = hash_search(rules->by_merchant, &campaign->merchant_id, HASH_ENTER, &found);

			append_to(rules, &entry->list, found, i);
		}
		else if (campaign->category_no != 0)
		{
			int32 key = campaign->category_no;
			SSNumberEntry *entry = hash_search(rules->by_category, &key, HASH_ENTER, &found);

			append_to(rules, &entry->list, found, i);
		}
		else if (campaign->segment_no != 0)
		{
			SSNumberEntry *entry = hash_search(rules->by_segment, &campaign->segment_no, HASH_ENTER, &found);

			append_to(rules, &entry->list, found, i);
		}
		else
			append_to(rules, &rules->any, rules->any.count > 0, i);
	}
}

void
ss_rules_take_campaigns(SSRules *rules, uint64 rows)
{
	rules->has_segments = false;
	rules->any = (SSCampaignList){0};
	rules->ncampaigns = rows;
	rules->campaigns = MemoryContextAllocExtended(rules->context, Max(rows, 1) * sizeof(SSCampaign),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < rows; i++)
		ss_rules_read_campaign(rules->context, i, &rules->campaigns[i]);
	index_campaigns(rules);
}

void
ss_rules_load(SSRules *rules)
{
	load_currencies(rules);
	load_categories(rules);
	load_settings(rules);
	load_tiers(rules);
	load_boosts(rules);
	ss_rules_take_campaigns(rules, ss_query_read(&campaigns_query, NULL, NULL));
}
