/*
 * load.c: reads settings, currencies, categories, tiers, boosts and
 * running campaigns into compiled rules, and builds the index over the
 * campaigns.
 *
 * Called by rules.c, under the snapshot that it chose, and for other campaigns
 * than those that run by simulations. No locks.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/rows.h"
#include "rules/load.h"
#include "rules/load_ab_tests.h"

SS_QUERY(settings_query, "SELECT setting, value FROM swipesavvy.system_settings");
SS_QUERY(currencies_query, "SELECT code, minor_unit FROM swipesavvy.currencies WHERE minor_unit IS NOT NULL");
SS_QUERY(categories_query,
		 "SELECT category, category_no FROM swipesavvy.merchant_categories ORDER BY category_no DESC");
SS_QUERY(tiers_query,
		 "SELECT tier, threshold, multiplier_milli, benefits FROM swipesavvy.tiers WHERE is_active ORDER BY threshold");
SS_QUERY(boosts_query,
		 "SELECT b.boost_id, b.multiplier_milli, c.category_no, b.starts_at, b.expires_at"
		 "  FROM swipesavvy.boosts b LEFT JOIN swipesavvy.merchant_categories c ON c.category = b.category");
SS_QUERY(campaigns_query,
		 "SELECT " SS_CAMPAIGN_COLUMNS
		 "  FROM swipesavvy.campaigns k LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
		 " WHERE k.status = 'running' ORDER BY k.campaign_no");

static struct HTAB *
make_table(SSRules *rules, const char *name, Size keysize, Size entrysize, long rows)
{
	HASHCTL control = {.keysize = keysize, .entrysize = entrysize, .hcxt = rules->context};

	return hash_create(name, Max(rows, 8), &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
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
	SSRows rows = ss_rows_read(&settings_query, NULL, NULL);

	for (int pass = 0; pass < 2; pass++)
	{
		for (uint64 i = 0; i < rows.count; i++)
		{
			SSRow row = ss_row(rows, i);
			char *name = ss_next_text(&row);
			Jsonb *document = ss_next_jsonb(&row);
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
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the settings \"currency\" and \"timezone\" are not usable"),
					errdetail("Somebody has written to system_settings past update_system_settings()."));
	}
}

/* --- small tables ---------------------------------------------------------------------- */

static void
load_currencies(SSRules *rules)
{
	SSRows rows = ss_rows_read(&currencies_query, NULL, NULL);

	rules->currencies = make_table(rules, "swipesavvy currencies", 4, sizeof(SSCurrencyEntry), rows.count);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		char key[4] = {0};
		SSCurrencyEntry *entry;

		memcpy(key, ss_next_text(&row), 3);
		entry = hash_search(rules->currencies, key, HASH_ENTER, NULL);
		entry->exponent = ss_next_int32(&row);
	}
}

static void
load_categories(SSRules *rules)
{
	HASHCTL control = {.keysize = SS_CATEGORY_KEY, .entrysize = sizeof(SSCategoryEntry), .hcxt = rules->context};
	SSRows rows = ss_rows_read(&categories_query, NULL, NULL);

	rules->categories = hash_create("swipesavvy categories", 16, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const char *name = ss_next_text(&row);
		SSCategoryEntry *entry = hash_search(rules->categories, name, HASH_ENTER, NULL);

		entry->category_no = ss_next_int16(&row);
		if (i == 0) /* the highest number comes first */
		{
			rules->ncategory_names = Max(entry->category_no, 0) + 1;
			rules->category_names = MemoryContextAllocZero(rules->context, rules->ncategory_names * sizeof(char *));
		}
		if (entry->category_no >= 0)
			rules->category_names[entry->category_no] = MemoryContextStrdup(rules->context, name);
	}
}

static Jsonb *
copy_jsonb(SSRules *rules, const Jsonb *document)
{
	Jsonb *copy = MemoryContextAlloc(rules->context, VARSIZE(document));

	memcpy(copy, document, VARSIZE(document));
	return copy;
}

static void
load_tiers(SSRules *rules)
{
	SSRows rows = ss_rows_read(&tiers_query, NULL, NULL);

	rules->ntiers = (int) rows.count;
	rules->tiers = MemoryContextAlloc(rules->context, Max(rows.count, 1) * sizeof(SSTier));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSTier *tier = &rules->tiers[i];

		tier->name = MemoryContextStrdup(rules->context, ss_next_text(&row));
		tier->threshold = ss_next_int64(&row);
		tier->multiplier_milli = ss_next_int32(&row);
		tier->benefits = copy_jsonb(rules, ss_next_jsonb(&row));
	}
	if (rows.count == 0 || rules->tiers[0].threshold != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("there is no active tier with threshold 0"),
				errdetail("Somebody has written to tiers past update_tiers()."));
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
	SSRows rows = ss_rows_read(&boosts_query, NULL, NULL);

	rules->nboost_times = Max(rules->ncategory_names, 1);
	rules->boost_times = MemoryContextAlloc(rules->context, rules->nboost_times * sizeof(SSBoostTimes));
	for (int i = 0; i < rules->nboost_times; i++)
		rules->boost_times[i] = (SSBoostTimes){DT_NOEND, DT_NOBEGIN};

	rules->boosts = make_table(rules, "swipesavvy boosts", sizeof(pg_uuid_t), sizeof(SSBoost), rows.count);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSBoost *boost = hash_search(rules->boosts, ss_next_uuid(&row), HASH_ENTER, NULL);

		boost->multiplier_milli = ss_next_int32(&row);
		boost->category_no = ss_next_int16_or(&row, 0);
		boost->starts_at = ss_next_time(&row);
		boost->expires_at = ss_next_time_or(&row, DT_NOEND);
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
ss_rules_read_campaign(MemoryContext context, SSRow *row, SSCampaign *campaign)
{
	const pg_uuid_t *merchant;

	campaign->no = ss_next_int32(row);
	campaign->version = ss_next_int32(row);
	campaign->id = MemoryContextStrdup(context, ss_next_text(row));
	campaign->offer = offer_of(ss_next_text(row));
	campaign->offer_amount = ss_next_int64_or(row, 0);
	strlcpy(campaign->currency, ss_next_text(row), sizeof(campaign->currency));
	campaign->start_date = ss_next_time(row);
	campaign->end_date = ss_next_time_or(row, DT_NOEND);
	campaign->segment_no = ss_next_int32_or(row, 0);
	merchant = ss_next_uuid_or_null(row);
	campaign->has_merchant = merchant != NULL;
	if (merchant != NULL)
		campaign->merchant_id = *merchant;
	campaign->category_no = ss_next_int16_or(row, 0);
	campaign->budget = ss_next_int64_or(row, -1);
	campaign->has_budget = campaign->budget >= 0;
	campaign->per_user_limit = ss_next_int32_or(row, 0);
	campaign->daily_limit = ss_next_int32_or(row, 0);
	campaign->min_spend = ss_next_int64_or(row, 0);
	campaign->max_discount = ss_next_int64_or(row, -1);
	campaign->priority = ss_next_int32_or(row, 0);
	campaign->stackable = ss_next_bool(row);
	campaign->multiplier_milli = ss_next_int32_or(row, SS_MILLI);
	campaign->bonus_points = ss_next_int32_or(row, 0);
	campaign->hold_out = ss_next_int32_or(row, 0);
	campaign->ab_test = NULL;
}

/* Appends a position to a list, which is empty where it was not found. */
static void
append_to(SSRules *rules, SSCampaignList *list, bool found, int item)
{
	if (!found)
		*list = (SSCampaignList){0};
	list->items = ss_array_grow_in(rules->context, list->items, list->count, sizeof(int));
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
ss_rules_take_campaigns(SSRules *rules, SSRows rows)
{
	rules->has_segments = false;
	rules->any = (SSCampaignList){0};
	rules->ncampaigns = (int) rows.count;
	rules->campaigns = MemoryContextAllocExtended(rules->context, Max(rows.count, 1) * sizeof(SSCampaign),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_rules_read_campaign(rules->context, &row, &rules->campaigns[i]);
	}
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
	ss_rules_take_campaigns(rules, ss_rows_read(&campaigns_query, NULL, NULL));
	ss_rules_take_ab_tests(rules);
}
