/*
 * campaigns.c: create_campaign and get_campaign.
 *
 * Creating inserts a draft and its budget slot and locks nothing. Reading takes
 * all parts of a campaign from one snapshot; its counters are sums of what the
 * roll-ups of analytics have and of what is not folded yet.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/sequence.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "campaigns/input.h"
#include "direct/survey.h"

PG_FUNCTION_INFO_V1(swipesavvy_create_campaign);
PG_FUNCTION_INFO_V1(swipesavvy_get_campaign);

/* A generated id: the prefix and 80 bits of a UUID version 7 in Crockford's base 32. */
#define ID_PREFIX  "CAMP-"
#define ID_SYMBOLS 16
#define ID_SIZE	   (sizeof(ID_PREFIX) + ID_SYMBOLS)

/* in the order of SSCampaignField, then who did it */
SS_QUERY(insert_campaign,
		 "INSERT INTO swipesavvy.campaigns AS c (name, campaign_type, offer_amount, offer_type, start_date, end_date,"
		 " description, target_segment_no, target_merchant_id, target_category, budget, currency, per_user_limit,"
		 " daily_limit, min_spend, max_discount, priority, stackable, points_multiplier_milli, bonus_points, hold_out,"
		 " campaign_id, created_by, campaign_no)"
		 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
		 " $23, " SS_NEXT_NO(
			 "campaigns", "campaign_no",
			 "campaigns_campaign_no_seq") ")"
										  " ON CONFLICT (campaign_id) DO NOTHING"
										  " RETURNING c.campaign_no, c.campaign_id, c.name, c.status, c.created_at",
		 TEXTOID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT4OID, UUIDOID, TEXTOID,
		 INT8OID, TEXTOID, INT4OID, INT4OID, INT8OID, INT8OID, INT4OID, BOOLOID, INT4OID, INT4OID, INT4OID, TEXTOID,
		 UUIDOID);

SS_QUERY(find_campaign, "SELECT c.campaign_no FROM swipesavvy.campaigns c WHERE c.campaign_id = $1", TEXTOID);

SS_QUERY(read_campaign,
		 "SELECT c.campaign_id, c.name, c.description, c.campaign_type, c.status, c.offer_type,"
		 " " SS_CAMPAIGN_OFFER_SQL " AS offer_amount, c.currency, c.start_date, c.end_date, s.name AS target_segment,"
		 " c.target_merchant_id, c.target_category, c.per_user_limit, c.daily_limit,"
		 " swipesavvy.minor_to_major(c.min_spend, k.minor_unit) AS min_spend,"
		 " swipesavvy.minor_to_major(c.max_discount, k.minor_unit) AS max_discount, c.priority, c.stackable,"
		 " swipesavvy.minor_to_major(c.points_multiplier_milli, 3) AS points_multiplier, c.bonus_points, c.version,"
		 " c.created_at, c.updated_at, c.launched_at, c.paused_at, c.completed_at, c.archived_at"
		 " FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
		 " LEFT JOIN swipesavvy.segments s ON s.segment_no = c.target_segment_no"
		 " WHERE c.campaign_no = $1",
		 INT4OID);

/* what customers don't see */
SS_QUERY(read_figures,
		 "SELECT swipesavvy.minor_to_major(c.budget, k.minor_unit) AS budget, " SS_CAMPAIGN_SPENT_SQL " AS spent,"
		 " swipesavvy.minor_to_major(c.hold_out, 2) AS hold_out,"
		 " " SS_CAMPAIGN_EVENTS_SQL("impression") " AS impressions, " SS_CAMPAIGN_EVENTS_SQL(
			 "view") " AS views,"
					 " " SS_CAMPAIGN_EVENTS_SQL(
						 "click") " AS clicks, " SS_CAMPAIGN_CONVERSIONS_SQL " AS conversions"
								  " FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
								  " WHERE c.campaign_no = $1",
		 INT4OID);

/* the same from the roll-ups of analytics and what they do not hold yet */
SS_QUERY(
	read_summed_figures,
	"SELECT swipesavvy.minor_to_major(c.budget, k.minor_unit) AS budget, " SS_CAMPAIGN_SPENT_SQL " AS spent,"
	" swipesavvy.minor_to_major(c.hold_out, 2) AS hold_out,"
	" f.impressions, f.views, f.clicks, f.conversions"
	" FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
	" CROSS JOIN (SELECT coalesce(sum(s.impressions), 0)::bigint AS impressions, coalesce(sum(s.views), 0)::bigint AS views,"
	"        coalesce(sum(s.clicks), 0)::bigint AS clicks,"
	"        coalesce(sum(s.tracked_conversions + s.purchase_conversions), 0)::bigint AS conversions"
	"   FROM (SELECT d.impressions, d.views, d.clicks, d.tracked_conversions, d.purchase_conversions"
	"           FROM swipesavvy.campaign_days d WHERE d.campaign_no = $1"
	"          UNION ALL SELECT u.impressions, u.views, u.clicks, u.tracked_conversions, u.purchase_conversions"
	"           FROM swipesavvy.unfolded_deltas($1) u) s) f"
	" WHERE c.campaign_no = $1",
	INT4OID);
SS_QUERY(are_summed, "SELECT 1 FROM swipesavvy.analytics_state");

/* Are there roll-ups? A database at release 1.0.0 has none, and one that was upgraded none until they are built. */
static bool
has_sums(void)
{
	return ss_survey_has_deltas() && ss_query_read(&are_summed, NULL, NULL) > 0;
}

/*
 * A new id: ids sort by the time they were made. One process never makes one
 * twice; two in the same quarter of a microsecond differ in 20 random bits,
 * and in the worst case the insert finds the conflict.
 */
static void
make_campaign_id(char id[ID_SIZE])
{
	static const char symbols[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	pg_uuid_t uuid;
	unsigned char bytes[10];

	ss_uuid7_make(&uuid);
	/* 48 bits of milliseconds, 12 of their fraction without the version before them, 20 random ones */
	memcpy(bytes, uuid.data, 6);
	bytes[6] = (unsigned char) (uuid.data[6] << 4 | uuid.data[7] >> 4);
	bytes[7] = (unsigned char) (uuid.data[7] << 4 | (uuid.data[9] & 0x0f));
	memcpy(bytes + 8, uuid.data + 10, 2);
	memcpy(id, ID_PREFIX, sizeof(ID_PREFIX));
	for (int i = 0; i < ID_SYMBOLS; i++)
	{
		int bit = i * 5;
		int word = bytes[bit / 8] << 8 | (bit / 8 + 1 < (int) sizeof(bytes) ? bytes[bit / 8 + 1] : 0);

		id[sizeof(ID_PREFIX) - 1 + i] = symbols[word >> (11 - bit % 8) & 0x1f];
	}
	id[ID_SIZE - 1] = '\0';
}

/* Inserts the row as a draft; returns what insert_campaign does. 23505 if a given id is taken. */
static SSRow
insert_row(const SSCampaignRow *row, const SSCall *call)
{
	Datum values[SS_CAMPAIGN_FIELDS + 1];
	bool nulls[SS_CAMPAIGN_FIELDS + 1];
	char id[ID_SIZE];
	bool generated = row->isnull[SS_CAMPAIGN_ID];
	SSRows inserted;

	memcpy(values, row->value, sizeof(row->value));
	memcpy(nulls, row->isnull, sizeof(row->isnull));
	values[SS_CAMPAIGN_FIELDS] = UUIDPGetDatum(&call->identity);
	nulls[SS_CAMPAIGN_FIELDS] = !call->has_identity;
	do
	{
		if (generated)
		{
			make_campaign_id(id);
			values[SS_CAMPAIGN_ID] = CStringGetTextDatum(id);
			nulls[SS_CAMPAIGN_ID] = false;
		}
		inserted = ss_rows_write(&insert_campaign, values, nulls);
	} while (generated && inserted.count == 0);
	if (inserted.count == 0)
		ss_duplicate("campaign_id is already used", "There is a campaign \"%s\" already.",
					 TextDatumGetCString(values[SS_CAMPAIGN_ID]));
	return ss_row(inserted, 0);
}

/*
 * create_campaign(name, campaign_type, …): a new draft.
 */
Datum
swipesavvy_create_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSCampaignInput input;
	SSCampaignRow row;
	SSCampaignLimits limits;
	SSJson json = {0};
	SSRow inserted;
	int32 campaign_no;

	ss_call_enter(&call, SS_ADMIN | SS_CREATES);
	ss_campaign_input_from_args(&input, fcinfo);
	ss_campaign_input_check(&input, ss_rules_get(), &row);
	inserted = insert_row(&row, &call);
	campaign_no = ss_next_int32(&inserted);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", ss_next_text(&inserted));
	ss_json_text(&json, "name", ss_next_text(&inserted));
	ss_json_text(&json, "status", ss_next_text(&inserted));
	ss_json_time(&json, "created_at", ss_next_time(&inserted));
	ss_json_text(&json, "message", "The campaign was created as a draft; launch_campaign() starts it.");
	ss_json_close_object(&json);

	ss_campaign_row_limits(&row, &limits);
	ss_campaign_slots_create(campaign_no, &limits);
	ss_campaign_record(&call, campaign_no, "create", NULL);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

void
ss_campaign_write(SSJson *json, int32 campaign_no, bool everything, bool fresh)
{
	SSRows (*run)(SSQuery *, const Datum *, const bool *) = fresh ? ss_rows_write : ss_rows_read;
	Datum key = Int32GetDatum(campaign_no);

	ss_json_columns(json, ss_row(run(&read_campaign, &key, NULL), 0));
	if (everything)
		ss_json_columns(json, ss_row(run(has_sums() ? &read_summed_figures : &read_figures, &key, NULL), 0));
}

int32
ss_campaign_find(const char *campaign_id)
{
	Datum key = CStringGetTextDatum(campaign_id);
	SSRows rows = ss_rows_read(&find_campaign, &key, NULL);

	return rows.count == 0 ? 0 : ss_one_int32(rows);
}

/*
 * get_campaign(campaign_id): the campaign; for a customer one that runs for it,
 * without what is not meant for customers.
 */
Datum
swipesavvy_get_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	char *id;
	int32 no;
	bool everything;

	ss_call_enter(&call, SS_CUSTOMER | SS_ANALYTICS | SS_ADMIN);
	id = ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true);
	everything = ss_call_has(&call, SS_ANALYTICS | SS_ADMIN);
	no = everything ? ss_campaign_find(id) : ss_campaign_shown(id, ss_campaign_customer(&call), true);
	if (no == 0)
		ss_not_found("campaign", id);
	ss_json_open_object(&json, NULL);
	ss_campaign_write(&json, no, everything, false);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
