/*
 * offers.c: add_merchant_offer, update_merchant_offer, remove_merchant_offer.
 *
 * SQL entry points. A change locks the offer's merchant (FOR SHARE), so that a change of its
 * state or category comes before it or after it, then the offer. What becomes of the campaign
 * afterwards is looked at when the offer is shown (offers_shown.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "merchants/merchants.h"
#include "places/offers.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_add_merchant_offer);
PG_FUNCTION_INFO_V1(swipesavvy_update_merchant_offer);
PG_FUNCTION_INFO_V1(swipesavvy_remove_merchant_offer);

/* As it is stored. */
typedef struct Offer
{
	const pg_uuid_t *offer_id;
	const pg_uuid_t *merchant_id;
	bool is_active;
	char *title;
	char *description;	   /* NULL: none */
	char *terms;		   /* NULL: none */
	TimestampTz starts_at; /* DT_NOBEGIN: not said, or the campaign's */
	TimestampTz ends_at;   /* DT_NOEND: it does not end, or as the campaign does */
	int32 campaign_no;	   /* 0: none */
} Offer;

/* A campaign, and whether it is aimed at the merchant or at its category. */
SS_QUERY(find_campaign,
		 "SELECT c.campaign_no, coalesce(CASE WHEN c.target_merchant_id IS NULL THEN c.target_category = m.category"
		 " ELSE c.target_merchant_id = m.merchant_id AND coalesce(c.target_category = m.category, true) END, false)"
		 " FROM swipesavvy.campaigns c JOIN swipesavvy.merchants m ON m.merchant_id = $2 WHERE c.campaign_id = $1",
		 TEXTOID, UUIDOID);

SS_QUERY(find_merchant_of, "SELECT o.merchant_id FROM swipesavvy.merchant_offers o WHERE o.offer_id = $1", UUIDOID);

SS_QUERY(lock_offer,
		 "SELECT o.is_active, o.title, o.description, o.terms, o.starts_at, o.ends_at, o.campaign_no"
		 " FROM swipesavvy.merchant_offers o WHERE o.offer_id = $1 FOR NO KEY UPDATE",
		 UUIDOID);

SS_QUERY(
	insert_offer,
	"INSERT INTO swipesavvy.merchant_offers (offer_id, merchant_id, is_active, title, description, terms, starts_at,"
	" ends_at, campaign_no) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (offer_id) DO NOTHING",
	UUIDOID, UUIDOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID);

SS_QUERY(update_offer,
		 "UPDATE swipesavvy.merchant_offers o SET is_active = $3, title = $4, description = $5, terms = $6,"
		 " starts_at = $7, ends_at = $8, campaign_no = $9, updated_at = now() WHERE o.offer_id = $1"
		 " AND o.merchant_id = $2",
		 UUIDOID, UUIDOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID);

SS_QUERY(read_offer,
		 "SELECT " SS_OFFER_COLUMNS ", o.merchant_id, o.is_active, o.created_at, o.updated_at"
		 " FROM swipesavvy.merchant_offers o" SS_OFFER_JOINS " WHERE o.offer_id = $1",
		 UUIDOID);

/* The row as it is shown, by the latest snapshot; it is there. */
static SSAuditRow
read_row(const Offer *offer)
{
	Datum value = UUIDPGetDatum(offer->offer_id);

	if (ss_query_latest(&read_offer, &value, NULL) != 1)
		ss_query_refuse_loss(0, 1);
	return ss_audit_row();
}

/* Writes with one of the two queries above. Returns how many rows that were. */
static uint64
write_offer(SSQuery *query, const Offer *offer)
{
	Datum values[9];
	bool nulls[9] = {false};

	values[0] = UUIDPGetDatum(offer->offer_id);
	values[1] = UUIDPGetDatum(offer->merchant_id);
	values[2] = BoolGetDatum(offer->is_active);
	ss_param_text(values, nulls, 3, offer->title);
	ss_param_text(values, nulls, 4, offer->description);
	ss_param_text(values, nulls, 5, offer->terms);
	values[6] = TimestampTzGetDatum(offer->starts_at);
	nulls[6] = offer->starts_at == DT_NOBEGIN;
	values[7] = TimestampTzGetDatum(offer->ends_at);
	nulls[7] = offer->ends_at == DT_NOEND;
	values[8] = Int32GetDatum(offer->campaign_no);
	nulls[8] = offer->campaign_no == 0;
	return ss_query_latest(query, values, nulls);
}

/* The document of a changed offer, and its row in the audit log. */
static void
finish(SSCall *call, SSJson *json, const char *action, const Offer *offer, SSAuditRow before)
{
	SSAudit audit = {.resource = "offer", .action = action, .resource_id = ss_uuid_text(offer->offer_id)};
	SSAuditRow after = read_row(offer);

	ss_json_open_object(json, NULL);
	ss_json_columns(json, after);
	ss_json_close_object(json);
	ss_audit_write_rows(call, &audit, before, after);
}

/* Takes the campaign, which must be for purchases at the merchant. PT404, PT400. */
static void
take_campaign(Offer *offer, const char *campaign_id)
{
	Datum values[2] = {CStringGetTextDatum(campaign_id), UUIDPGetDatum(offer->merchant_id)};
	SSRows rows = ss_rows_latest(&find_campaign, values, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("campaign", campaign_id);
	row = ss_row(rows, 0);
	offer->campaign_no = ss_next_int32(&row);
	if (!ss_next_bool(&row))
		ss_bad_state("campaign is not aimed at the merchant or its category", "The campaign_id is \"%s\".",
					 campaign_id);
}

/* Dates belong to an offer without a campaign; `said`: the caller gave one. */
static void
check_dates(Offer *offer, bool starts_said, bool ends_said)
{
	if (offer->campaign_no != 0)
	{
		if (starts_said || ends_said)
			ss_bad_value(starts_said ? "starts_at" : "ends_at", "An offer of a campaign has the campaign's dates.");
		offer->starts_at = DT_NOBEGIN;
		offer->ends_at = DT_NOEND;
		return;
	}
	if (offer->starts_at == DT_NOBEGIN)
		offer->starts_at = GetCurrentTransactionStartTimestamp();
	if (offer->ends_at <= offer->starts_at)
		ss_bad_value("ends_at", "It is not after starts_at.");
}

/*
 * add_merchant_offer(merchant_id, title, description, terms, starts_at, ends_at,
 * campaign_id, offer_id)
 */
Datum
swipesavvy_add_merchant_offer(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Offer offer = {.is_active = true, .starts_at = DT_NOBEGIN, .ends_at = DT_NOEND};
	char *campaign_id;
	TimestampTz time;
	bool no_start;
	bool no_end;

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	offer.merchant_id = ss_arg_uuid(fcinfo, 0, "merchant_id", true);
	offer.title = ss_arg_text(fcinfo, 1, "title", SS_NAME_MAX, true);
	offer.description = ss_arg_text(fcinfo, 2, "description", SS_TEXT_MAX, false);
	offer.terms = ss_arg_text(fcinfo, 3, "terms", SS_TEXT_MAX, false);
	time = ss_arg_time(fcinfo, 4, "starts_at", &no_start);
	if (!no_start)
		offer.starts_at = time;
	time = ss_arg_time(fcinfo, 5, "ends_at", &no_end);
	if (!no_end)
		offer.ends_at = time;
	campaign_id = ss_arg_text(fcinfo, 6, "campaign_id", SS_KEY_MAX, false);
	offer.offer_id = ss_arg_uuid(fcinfo, 7, "offer_id", false);
	if (offer.offer_id == NULL)
		offer.offer_id = ss_uuid7_new();
	ss_merchant_share_active(offer.merchant_id);
	if (campaign_id != NULL)
		take_campaign(&offer, campaign_id);
	check_dates(&offer, !no_start, !no_end);
	if (write_offer(&insert_offer, &offer) == 0)
		ss_duplicate("an offer with this offer_id exists already", "The offer_id is \"%s\".",
					 ss_uuid_text(offer.offer_id));
	finish(&call, &json, "add", &offer, (SSAuditRow){0});
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* Locks the offer after its merchant, and reads it. PT404. */
static void
lock(const pg_uuid_t *offer_id, Offer *offer)
{
	Datum key = UUIDPGetDatum(offer_id);
	SSRows rows = ss_rows_latest(&find_merchant_of, &key, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("offer", ss_uuid_text(offer_id));
	row = ss_row(rows, 0);
	offer->offer_id = offer_id;
	offer->merchant_id = ss_next_uuid(&row);
	(void) ss_merchant_share(offer->merchant_id);
	row = ss_row(ss_rows_latest(&lock_offer, &key, NULL), 0);
	offer->is_active = ss_next_bool(&row);
	offer->title = ss_next_text(&row);
	offer->description = ss_next_text_or_null(&row);
	offer->terms = ss_next_text_or_null(&row);
	offer->starts_at = ss_next_time_or(&row, DT_NOBEGIN);
	offer->ends_at = ss_next_time_or(&row, DT_NOEND);
	offer->campaign_no = ss_next_int32_or(&row, 0);
}

/* A text that null takes away. */
static void
overlay_text(Jsonb *changes, const char *key, char **text)
{
	if (ss_document_has_null(changes, key))
		*text = NULL;
	else if (ss_document_get(changes, key) != NULL)
		*text = ss_document_text(changes, key, SS_TEXT_MAX);
}

/* A date that null takes away; returns whether one is given. */
static bool
overlay_time(Jsonb *changes, const char *key, TimestampTz *time, TimestampTz when_null)
{
	JsonbValue *value = ss_document_get(changes, key);

	if (value == NULL)
		return false;
	*time = value->type == jbvNull ? when_null : ss_json_as_time(value, key, ss_rules_get()->settings.timezone);
	return value->type != jbvNull;
}

/* Lays the changes over the offer. */
static void
overlay(Offer *offer, Jsonb *changes)
{
	JsonbValue *campaign = ss_document_get(changes, "campaign_id");
	JsonbValue *is_active = ss_document_get(changes, "is_active");
	bool starts_said;
	bool ends_said;

	if (ss_document_get(changes, "title") != NULL)
		offer->title = ss_document_text(changes, "title", SS_NAME_MAX);
	overlay_text(changes, "description", &offer->description);
	overlay_text(changes, "terms", &offer->terms);
	starts_said = overlay_time(changes, "starts_at", &offer->starts_at, DT_NOBEGIN);
	ends_said = overlay_time(changes, "ends_at", &offer->ends_at, DT_NOEND);
	if (campaign != NULL && campaign->type == jbvNull)
		offer->campaign_no = 0;
	else if (campaign != NULL)
		take_campaign(offer, ss_json_as_text(campaign, "campaign_id", SS_KEY_MAX));
	if (is_active != NULL)
		offer->is_active = ss_json_as_bool(is_active, "is_active");
	check_dates(offer, starts_said, ends_said);
}

/*
 * update_merchant_offer(offer_id, changes)
 */
Datum
swipesavvy_update_merchant_offer(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"title",	  "description", "terms",	  "starts_at",
									   "ends_at", "campaign_id", "is_active", NULL};
	SSCall call;
	SSJson json = {0};
	Offer offer = {0};
	pg_uuid_t *offer_id;
	Jsonb *changes;
	SSAuditRow before;

	ss_call_enter(&call, SS_ADMIN);
	offer_id = ss_arg_uuid(fcinfo, 0, "offer_id", true);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	ss_check_keys(changes, "changes", keys);
	lock(offer_id, &offer);
	before = read_row(&offer);
	overlay(&offer, changes);
	if (write_offer(&update_offer, &offer) != 1)
		ss_query_refuse_loss(0, 1);
	finish(&call, &json, "update", &offer, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * remove_merchant_offer(offer_id): it is kept, and not shown any more
 */
Datum
swipesavvy_remove_merchant_offer(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Offer offer = {0};
	pg_uuid_t *offer_id;
	SSAuditRow before;

	ss_call_enter(&call, SS_ADMIN);
	offer_id = ss_arg_uuid(fcinfo, 0, "offer_id", true);
	lock(offer_id, &offer);
	before = read_row(&offer);
	offer.is_active = false;
	if (write_offer(&update_offer, &offer) != 1)
		ss_query_refuse_loss(0, 1);
	finish(&call, &json, "remove", &offer, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
