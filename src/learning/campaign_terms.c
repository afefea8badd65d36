/*
 * campaign_terms.c: what campaigns offered, and when (campaign_terms.h).
 *
 * Called by examples, which need all versions of all campaigns, and by
 * predictions, which need one of one. A version that has been replaced is a
 * document with the columns of then; columns that came later are null in it.
 * Reads one snapshot; no locks.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/array.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "learning/campaign_terms.h"

#define THOUSANDTHS 1000.0

const char *const ss_offer_type_names[SS_OFFER_TYPES + 1] = {"FIXED_DISCOUNT", "PERCENTAGE", "BOGO",
															 "FREE_SHIPPING",  "OTHER",		 NULL};

static const char *const campaign_types[SS_CAMPAIGN_TYPES + 1] = {"LOCATION_DEAL", "EMAIL_OFFER", "SEASONAL",
																  "LOYALTY_BOOST", "FLASH_SALE",  NULL};

/* Of k, a row of campaigns as it is or was. */
#define TERMS_COLUMNS                                                                                                  \
	" k.offer_type, k.campaign_type, k.offer_amount, u.minor_unit::integer, coalesce(k.min_spend, 0),"                 \
	" k.points_multiplier_milli, k.bonus_points, k.hold_out, k.target_merchant_id, c.category_no, k.target_segment_no"

#define TERMS_JOINS                                                                                                    \
	"  JOIN swipesavvy.currencies u ON u.code = k.currency"                                                            \
	"  LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"

SS_QUERY(
	select_all,
	"SELECT n.campaign_no, n.campaign_id,"
	"       greatest(n.start_date, least(n.launched_at, (SELECT min((f.campaign ->> 'launched_at')::timestamptz)"
	"                                                      FROM swipesavvy.campaign_versions f WHERE f.campaign_no = n.campaign_no))),"
	"       n.launched_at IS NULL, v.valid_until," TERMS_COLUMNS "  FROM swipesavvy.campaigns n"
	" CROSS JOIN LATERAL (SELECT v.valid_until, v.version, v.campaign FROM swipesavvy.campaign_versions v"
	"                      WHERE v.campaign_no = n.campaign_no AND v.valid_until > $1"
	"                     UNION ALL SELECT 'infinity', n.version, to_jsonb(n)) v"
	" CROSS JOIN LATERAL jsonb_populate_record(NULL::swipesavvy.campaigns, v.campaign) k" TERMS_JOINS
	" ORDER BY n.campaign_id, v.version",
	TIMESTAMPTZOID);

/* The present version, and that of the moment, if it is another one. */
SS_QUERY(select_present,
		 "SELECT k.campaign_no, (SELECT min(v.version) FROM swipesavvy.campaign_versions v"
		 "                        WHERE v.campaign_no = k.campaign_no AND v.valid_until > $2)," TERMS_COLUMNS
		 "  FROM swipesavvy.campaigns k" TERMS_JOINS " WHERE k.campaign_id = $1",
		 TEXTOID, TIMESTAMPTZOID);

SS_QUERY(select_version,
		 "SELECT" TERMS_COLUMNS "  FROM swipesavvy.campaign_versions v"
		 " CROSS JOIN LATERAL jsonb_populate_record(NULL::swipesavvy.campaigns, v.campaign) k" TERMS_JOINS
		 " WHERE v.campaign_no = $1 AND v.version = $2",
		 INT4OID, INT4OID);

static int
index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	elog(ERROR, "\"%s\" is no type of campaigns or offers", name);
}

static void
read_terms(SSTerms *terms, SSRow *row)
{
	const pg_uuid_t *merchant_id;
	int64 amount;
	int64 min_spend;
	double major;

	terms->offer_type = index_of(ss_offer_type_names, ss_next_text(row));
	terms->campaign_type = index_of(campaign_types, ss_next_text(row));
	amount = ss_next_int64(row);
	major = (double) ss_minor_per_major(ss_next_int32(row));
	min_spend = ss_next_int64(row);
	/* thousandths of a percent, or minor units */
	terms->offer_amount =
		(double) amount / (strcmp(ss_offer_type_names[terms->offer_type], "PERCENTAGE") == 0 ? THOUSANDTHS : major);
	terms->min_spend = (double) min_spend / major;
	terms->points_multiplier = ss_next_int32(row) / THOUSANDTHS;
	terms->bonus_points = ss_next_int32(row);
	terms->hold_out = ss_next_int32_or(row, 0);
	merchant_id = ss_next_uuid_or_null(row);
	terms->has_merchant = merchant_id != NULL;
	if (terms->has_merchant)
		terms->merchant_id = *merchant_id;
	terms->category_no = ss_next_int16_or(row, 0);
	terms->segment_no = ss_next_int32_or(row, 0);
}

/* --- all ------------------------------------------------------------------------------------------ */

/* The campaign of the row: the last one, or another. */
static SSTermsOfCampaign *
campaign_of(SSTermsOfAll *all, SSRow *row)
{
	int32 campaign_no = ss_next_int32(row);
	char *campaign_id = ss_next_text(row);
	TimestampTz launched = ss_next_time(row);
	bool never = ss_next_bool(row);
	SSTermsOfCampaign *last = all->count == 0 ? NULL : &all->campaigns[all->count - 1];

	if (last != NULL && last->campaign_no == campaign_no)
		return last;
	all->campaigns = ss_array_grow(all->campaigns, all->count, sizeof(SSTermsOfCampaign));
	last = &all->campaigns[all->count++];
	*last = (SSTermsOfCampaign){
		.campaign_no = campaign_no, .campaign_id = campaign_id, .launched = never ? DT_NOEND : launched};
	return last;
}

static int
compare_numbers(const void *a, const void *b, void *campaigns)
{
	const SSTermsOfCampaign *of = campaigns;
	int32 x = of[*(const int *) a].campaign_no;
	int32 y = of[*(const int *) b].campaign_no;

	return x < y ? -1 : x > y;
}

SSTermsOfAll *
ss_terms_load(TimestampTz from)
{
	SSTermsOfAll *all = palloc0(sizeof(SSTermsOfAll));
	SSRows rows = ss_rows_read(&select_all, (Datum[]){TimestampTzGetDatum(from)}, NULL);

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSTermsOfCampaign *campaign = campaign_of(all, &row);
		SSTerms *terms;

		campaign->terms = ss_array_grow(campaign->terms, campaign->count, sizeof(SSTerms));
		terms = &campaign->terms[campaign->count++];
		terms->campaign_no = campaign->campaign_no;
		terms->campaign_id = campaign->campaign_id;
		terms->valid_until = ss_next_time_or(&row, DT_NOEND);
		read_terms(terms, &row);
	}
	ss_rows_free(&rows);
	all->by_no = palloc((all->count + 1) * sizeof(int));
	for (int i = 0; i < all->count; i++)
		all->by_no[i] = i;
	qsort_arg(all->by_no, all->count, sizeof(int), compare_numbers, all->campaigns);
	return all;
}

int
ss_terms_find(const SSTermsOfAll *all, int32 campaign_no)
{
	int low = 0;
	int high = all->count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (all->campaigns[all->by_no[middle]].campaign_no < campaign_no)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == all->count || all->campaigns[all->by_no[low]].campaign_no != campaign_no)
		return -1;
	return all->by_no[low];
}

const SSTerms *
ss_terms_at(const SSTermsOfCampaign *campaign, TimestampTz moment)
{
	int i = 0;

	while (i + 1 < campaign->count && campaign->terms[i].valid_until <= moment)
		i++;
	return &campaign->terms[i];
}

/* --- one -------------------------------------------------------------------------------------------- */

SSTerms *
ss_terms_of(const char *campaign_id, TimestampTz moment)
{
	SSRows rows =
		ss_rows_read(&select_present, (Datum[]){CStringGetTextDatum(campaign_id), TimestampTzGetDatum(moment)}, NULL);
	SSTerms *terms = palloc0(sizeof(SSTerms));
	int32 version;
	SSRow row;

	if (rows.count == 0)
		ss_not_found("campaign", campaign_id);
	row = ss_row(rows, 0);
	terms->campaign_no = ss_next_int32(&row);
	terms->campaign_id = campaign_id;
	terms->valid_until = DT_NOEND;
	version = ss_next_int32_or(&row, 0);
	if (version > 0)
	{
		rows =
			ss_rows_read(&select_version, (Datum[]){Int32GetDatum(terms->campaign_no), Int32GetDatum(version)}, NULL);
		row = ss_row(rows, 0);
	}
	read_terms(terms, &row);
	ss_rows_free(&rows);
	return terms;
}
