/*
 * offers_shown.c: get_merchant_offers, get_merchant (1.2.0), and how many offers merchants
 * have (offers.h).
 *
 * SQL entry points, and what get_nearby_merchants asks. Reads one snapshot, and the
 * rules of now; locks nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/page.h"
#include "campaigns/campaigns.h"
#include "merchants/merchants.h"
#include "places/offers.h"
#include "places/ratings.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_offers);
PG_FUNCTION_INFO_V1(swipesavvy_get_merchant_1_2);

#define STAFF (SS_SUPPORT | SS_ANALYTICS | SS_BACKEND | SS_DELIVERY | SS_ADMIN)

/* Of these merchants those that may be shown at that moment; what has a campaign is then asked of the engine. */
SS_QUERY(
	find_offers,
	"SELECT o.merchant_id, o.campaign_no FROM swipesavvy.merchant_offers o WHERE o.merchant_id = ANY ($1) AND o.is_active"
	" AND (o.campaign_no IS NOT NULL OR (o.starts_at <= $2 AND (o.ends_at IS NULL OR $2 < o.ends_at)))",
	UUIDARRAYOID, TIMESTAMPTZOID);

/* The same of one merchant, in the order of the list, with what is shown. */
SS_QUERY(list_offers,
		 "SELECT o.campaign_no, g.category_no, " SS_OFFER_COLUMNS " FROM swipesavvy.merchant_offers o"
		 " JOIN swipesavvy.merchants m ON m.merchant_id = o.merchant_id"
		 " JOIN swipesavvy.merchant_categories g ON g.category = m.category" SS_OFFER_JOINS
		 " WHERE o.merchant_id = $1 AND o.is_active AND m.is_active"
		 " AND (o.campaign_no IS NOT NULL OR (o.starts_at <= $2 AND (o.ends_at IS NULL OR $2 < o.ends_at)))"
		 " ORDER BY o.offer_id",
		 UUIDOID, TIMESTAMPTZOID);

SS_QUERY(read_merchant,
		 "SELECT " SS_MERCHANT_COLUMNS ", (SELECT count(*) FROM swipesavvy.merchant_locations l"
		 " WHERE l.merchant_id = m.merchant_id AND l.is_active) AS locations"
		 " FROM swipesavvy.merchants m WHERE m.merchant_id = $1",
		 UUIDOID);

SS_QUERY(
	find_category,
	"SELECT g.category_no FROM swipesavvy.merchants m JOIN swipesavvy.merchant_categories g ON g.category = m.category"
	" WHERE m.merchant_id = $1 AND m.is_active",
	UUIDOID);

void
ss_offers_begin(SSProspect *prospect, SSCall *call, TimestampTz at)
{
	if (ss_call_has(call, STAFF))
		ss_prospect_begin(prospect, SS_PROSPECT_OF_STAFF, NULL, at);
	else if (call->has_identity)
		ss_prospect_begin(prospect, SS_PROSPECT_OF_USER, &call->identity, at);
	else
		ss_prospect_begin(prospect, SS_PROSPECT_OF_NOBODY, NULL, at);
	ss_call_make_personal(call);
}

/* An offer of that merchant: counts it wherever the merchant stands, if it is shown. */
static void
count_offer(SSProspect *prospect, SSOffering *merchants, int count, const pg_uuid_t *merchant_id, int32 campaign_no)
{
	bool asked = campaign_no == 0;

	for (int i = 0; i < count; i++)
	{
		if (!ss_uuid_equal(&merchants[i].merchant_id, merchant_id))
			continue;
		if (!asked && !ss_prospect_earns(prospect, campaign_no, merchant_id, merchants[i].category_no))
			return;
		asked = true;
		merchants[i].offers++;
	}
}

void
ss_offers_count(SSProspect *prospect, SSOffering *merchants, int count)
{
	Datum values[2];
	SSRows rows;

	if (count == 0)
		return;
	values[0] = ss_uuid_array(merchants, count, sizeof(SSOffering));
	values[1] = TimestampTzGetDatum(prospect->at);
	rows = ss_rows_read(&find_offers, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const pg_uuid_t *merchant_id = ss_next_uuid(&row);

		count_offer(prospect, merchants, count, merchant_id, ss_next_int32_or(&row, 0));
	}
}

/* --- the offers of a merchant --------------------------------------------------------------- */

/* The columns from the third on; the first two say what campaign it is of. */
static void
add_offer(SSJson *json, SSRow row)
{
	ss_json_open_object(json, NULL);
	for (int column = 3; column <= row.desc->natts; column++)
	{
		Form_pg_attribute attribute = TupleDescAttr(row.desc, column - 1);
		bool isnull;
		Datum value = SPI_getbinval(row.tuple, row.desc, column, &isnull);

		ss_json_datum(json, NameStr(attribute->attname), value, isnull, attribute->atttypid);
	}
	ss_json_close_object(json);
}

/* Adds the page to the array that is open; returns how many there are in all. *more: there are further ones behind it. */
static int64
add_offers(SSJson *json, SSProspect *prospect, const pg_uuid_t *merchant_id, const SSPage *page, pg_uuid_t *last,
		   bool *more)
{
	Datum values[2] = {UUIDPGetDatum(merchant_id), TimestampTzGetDatum(prospect->at)};
	const pg_uuid_t *after = page->after == NULL ? NULL : ss_uuid_from_text(page->after, "after");
	SSRows rows = ss_rows_read(&list_offers, values, NULL);
	int64 total = 0;
	int64 added = 0;

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int32 campaign_no = ss_next_int32_or(&row, 0);
		int16 category_no = ss_next_int16(&row);
		const pg_uuid_t *offer_id = ss_next_uuid(&row);

		if (campaign_no != 0 && !ss_prospect_earns(prospect, campaign_no, merchant_id, category_no))
			continue;
		total++;
		if (after != NULL && ss_uuid_compare(offer_id, after) <= 0)
			continue;
		*more = added == page->limit;
		if (*more)
			continue;
		add_offer(json, ss_row(rows, i));
		*last = *offer_id;
		added++;
	}
	return total;
}

/*
 * get_merchant_offers(merchant_id, at, page_size, after)
 */
Datum
swipesavvy_get_merchant_offers(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSProspect prospect;
	SSPage page;
	pg_uuid_t *merchant_id;
	pg_uuid_t last;
	bool more = false;
	TimestampTz at;
	bool isnull;
	int64 total;

	ss_call_enter(&call, SS_ANYONE);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	at = ss_arg_time(fcinfo, 1, "at", &isnull);
	page = ss_arg_page(fcinfo, 2, -1, 3, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	ss_merchant_require(merchant_id);
	ss_offers_begin(&prospect, &call, isnull ? GetCurrentTransactionStartTimestamp() : at);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "offers");
	total = add_offers(&json, &prospect, merchant_id, &page, &last, &more);
	ss_json_close_array(&json);
	ss_page_end(&json, &page, total, true, more ? ss_uuid_text(&last) : NULL);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- a merchant --------------------------------------------------------------------------------- */

/* How many offers of the merchant are shown to the caller now; none of one that is not active. */
static int
offers_of(SSCall *call, const pg_uuid_t *merchant_id)
{
	Datum value = UUIDPGetDatum(merchant_id);
	SSRows rows = ss_rows_read(&find_category, &value, NULL);
	SSOffering offering = {.merchant_id = *merchant_id};
	SSProspect prospect;

	ss_offers_begin(&prospect, call, GetCurrentTransactionStartTimestamp());
	if (rows.count > 0)
	{
		SSRow row = ss_row(rows, 0);

		offering.category_no = ss_next_int16(&row);
		ss_offers_count(&prospect, &offering, 1);
	}
	return offering.offers;
}

/*
 * get_merchant(merchant_id): of 1.2.0; merchants.c has the earlier one
 */
Datum
swipesavvy_get_merchant_1_2(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *merchant_id;
	Datum value;
	SSRows rows;

	ss_call_enter(&call, SS_ANYONE);
	merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	value = UUIDPGetDatum(merchant_id);
	rows = ss_rows_read(&read_merchant, &value, NULL);
	if (rows.count == 0)
		ss_not_found("merchant", ss_uuid_text(merchant_id));
	ss_json_open_object(&json, NULL);
	ss_json_columns(&json, ss_row(rows, 0));
	ss_rating_add(&json, merchant_id, false);
	ss_json_int(&json, "offers", offers_of(&call, merchant_id));
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
