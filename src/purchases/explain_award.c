/*
 * explain_award.c: explain_award(): why a purchase earned what it did.
 *
 * Called by support, and by customers for their own purchases. Reads only. What
 * was looked at when the purchase was processed comes from its decision record,
 * which has room for so many; those that applied are known by their redemptions
 * whatever their number. Other campaigns are tested again, as they were then, and
 * marked so. A purchase that was settled for another amount shows both: its
 * campaigns were chosen by the recorded one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "call/refusal.h"
#include "engine/decision.h"
#include "engine/match.h"
#include "rules/load.h"
#include "rules/load_ab_tests.h"

#define OTHERS_MAX "100" /* campaigns that were no candidates, at most */

/* The reason of a campaign that must have fallen to a limit, another one or its budget, while nothing says to which. */
#define NOT_RECORDED "not recorded"

PG_FUNCTION_INFO_V1(swipesavvy_explain_award);

SS_QUERY(
	purchase_query,
	"SELECT t.user_id, coalesce(s.recorded_amount_minor, t.amount_minor), t.currency, t.occurred_at, t.status::text, t.category_no, t.merchant_id,"
	"       t.recorded_at, t.points_base, t.points_bonus, t.discount_minor, t.decision,"
	"       t.request, t.amount_minor"
	"  FROM swipesavvy.transactions t"
	"  LEFT JOIN swipesavvy.settlements s ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"
	" WHERE t.transaction_id = $1 AND ($2 IS NULL OR t.user_id = $2)",
	UUIDOID, UUIDOID);
SS_QUERY(segments_query,
		 "SELECT m.segment_no FROM swipesavvy.segment_members m WHERE m.user_id = $1 AND m.added_at <= $2", UUIDOID,
		 TIMESTAMPTZOID);
/* What the redemption r gave, and what it had given before the purchase was settled for another amount. */
#define GIVEN "r.points, r.discount_minor, (a.award ->> 'points')::bigint, (a.award ->> 'discount_minor')::bigint"
#define GIVEN_BEFORE                                                                                                   \
	"  LEFT JOIN swipesavvy.settlements s ON s.user_id = r.user_id AND s.transaction_id = r.transaction_id"            \
	" CROSS JOIN LATERAL (SELECT s.recorded_awards -> (r.position - 1) AS award) a"

SS_QUERY(candidate_query,
		 "SELECT c.campaign_id, c.name, " GIVEN "  FROM swipesavvy.campaigns c"
		 "  LEFT JOIN swipesavvy.campaign_redemptions r"
		 "    ON r.user_id = $2 AND r.transaction_id = $3 AND r.campaign_no = c.campaign_no" GIVEN_BEFORE
		 " WHERE c.campaign_no = $1",
		 INT4OID, UUIDOID, UUIDOID);
/* Those that applied but for some. */
SS_QUERY(
	applied_query,
	"SELECT r.campaign_no, c.campaign_id, c.name, r.campaign_version, " GIVEN
	"  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no" GIVEN_BEFORE
	" WHERE r.user_id = $2 AND r.transaction_id = $3 AND NOT r.campaign_no = ANY ($1) ORDER BY r.position",
	INT4ARRAYOID, UUIDOID, UUIDOID);
SS_QUERY(
	others_query,
	"SELECT " SS_CAMPAIGN_COLUMNS ", k.status, k.name"
	"  FROM swipesavvy.campaigns n"
	"  LEFT JOIN LATERAL (SELECT v.campaign FROM swipesavvy.campaign_versions v"
	"                      WHERE v.campaign_no = n.campaign_no AND v.valid_until > $2 ORDER BY v.version LIMIT 1) o ON true"
	" CROSS JOIN LATERAL jsonb_populate_record(NULL::swipesavvy.campaigns, coalesce(o.campaign, to_jsonb(n))) k"
	"  LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
	" WHERE NOT n.campaign_no = ANY ($1) AND n.created_at <= $2"
	" ORDER BY k.status <> 'running', k.campaign_no DESC LIMIT " OTHERS_MAX,
	INT4ARRAYOID, TIMESTAMPTZOID);

/* The purchase with the amount it was recorded with, by which its campaigns were chosen; returns the present amount. */
static int64
read_purchase(const pg_uuid_t *transaction_id, const pg_uuid_t *user_id, SSPurchase *purchase)
{
	Datum values[2] = {UUIDPGetDatum(transaction_id), UUIDPGetDatum(user_id)};
	bool nulls[2] = {false, user_id == NULL};
	SSRows rows = ss_rows_read(&purchase_query, values, nulls);
	const pg_uuid_t *merchant_id;
	SSRow row;

	if (rows.count == 0)
		ss_not_found("transaction", ss_uuid_text(transaction_id));
	if (rows.count > 1)
		ss_bad_value("user_id", "Several users have a transaction \"%s\": say whose.", ss_uuid_text(transaction_id));
	memset(purchase, 0, sizeof(*purchase));
	purchase->transaction_id = *transaction_id;
	row = ss_row(rows, 0);
	purchase->user_id = *ss_next_uuid(&row);
	purchase->amount = ss_next_int64(&row);
	strlcpy(purchase->currency, ss_next_text(&row), sizeof(purchase->currency));
	purchase->occurred_at = ss_next_time(&row);
	purchase->status = (SSStatus) ss_check_choice(ss_next_text(&row), "status", ss_status_names);
	purchase->category_no = ss_next_int16_or(&row, 0);
	merchant_id = ss_next_uuid_or_null(&row);
	purchase->has_merchant = merchant_id != NULL;
	if (merchant_id != NULL)
		purchase->merchant_id = *merchant_id;
	purchase->recorded_at = ss_next_time(&row);
	purchase->points_base = ss_next_int64(&row);
	purchase->points_bonus = ss_next_int64(&row);
	purchase->discount = ss_next_int64(&row);
	ss_decision_decode(ss_next_bytea(&row), &purchase->decision);
	purchase->given = ss_next_int16(&row);
	return ss_next_int64(&row);
}

/* reason: NULL for a campaign that applied */
static void
add_candidate(SSJson *json, const char *campaign_id, const char *name, int32 version, const char *reason, bool recorded)
{
	ss_json_text(json, "campaign_id", campaign_id);
	ss_json_text(json, "name", name);
	ss_json_int(json, "version", version);
	ss_json_bool(json, "applied", reason == NULL);
	ss_json_text(json, "reason", reason);
	ss_json_bool(json, "recorded", recorded);
}

/* What one that applied gave: GIVEN, the last columns of the row. */
static void
add_given(SSJson *json, SSRow *row, int exponent)
{
	Datum recorded_points;
	bool not_changed;

	ss_json_int(json, "points", ss_next_int64_or(row, 0));
	ss_json_money(json, "discount", ss_next_int64_or(row, 0), exponent);
	recorded_points = ss_next_value_or_null(row, INT8OID, &not_changed);
	if (not_changed)
		return;
	ss_json_int(json, "recorded_points", DatumGetInt64(recorded_points));
	ss_json_money(json, "recorded_discount", ss_next_int64_or(row, 0), exponent);
}

/* Numbers of campaigns that were told of. */
typedef struct Told
{
	int count;
	Datum *numbers;
} Told;

static Datum
told_array(const Told *told)
{
	return PointerGetDatum(construct_array(told->numbers, told->count, INT4OID, sizeof(int32), true, 'i'));
}

/* The candidates of the decision record, with what those that applied gave. */
static void
add_recorded(SSJson *json, const SSPurchase *purchase, int exponent, Told *told)
{
	told->numbers = palloc(Max(purchase->decision.kept, 1) * sizeof(Datum));
	for (int i = 0; i < purchase->decision.kept; i++)
	{
		const SSCandidate *candidate = &purchase->decision.candidates[i];
		Datum values[3] = {Int32GetDatum(candidate->campaign_no), UUIDPGetDatum(&purchase->user_id),
						   UUIDPGetDatum(&purchase->transaction_id)};
		SSRows rows = ss_rows_read(&candidate_query, values, NULL);
		const char *id;
		const char *name;
		SSRow row;

		told->numbers[told->count++] = values[0];
		if (rows.count == 0)
			continue;
		row = ss_row(rows, 0);
		id = ss_next_text(&row);
		name = ss_next_text(&row);
		ss_json_open_object(json, NULL);
		add_candidate(json, id, name, candidate->version, ss_reason_name(candidate->reason), true);
		if (candidate->reason == SS_APPLIED)
			add_given(json, &row, exponent);
		ss_json_close_object(json);
	}
}

/* Those that applied and found no room in the decision record. */
static void
add_applied(SSJson *json, const SSPurchase *purchase, int exponent, Told *told)
{
	Datum values[3] = {told_array(told), UUIDPGetDatum(&purchase->user_id), UUIDPGetDatum(&purchase->transaction_id)};
	SSRows rows = ss_rows_read(&applied_query, values, NULL);

	told->numbers = repalloc(told->numbers, Max(told->count + (int) rows.count, 1) * sizeof(Datum));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		const char *id;
		const char *name;

		told->numbers[told->count++] = ss_next_value(&row, INT4OID);
		id = ss_next_text(&row);
		name = ss_next_text(&row);
		ss_json_open_object(json, NULL);
		add_candidate(json, id, name, ss_next_int32(&row), NULL, true);
		add_given(json, &row, exponent);
		ss_json_close_object(json);
	}
}

/* The segments that the user is still in since before the purchase was processed. */
static void
read_segments(const SSPurchase *purchase, SSBuyer *buyer)
{
	Datum values[2] = {UUIDPGetDatum(&purchase->user_id), TimestampTzGetDatum(purchase->recorded_at)};
	SSRows rows = ss_rows_read(&segments_query, values, NULL);

	memset(buyer, 0, sizeof(*buyer));
	buyer->nsegments = (int) rows.count;
	buyer->segments = palloc(Max(buyer->nsegments, 1) * sizeof(int32));
	for (int i = 0; i < buyer->nsegments; i++)
	{
		SSRow row = ss_row(rows, i);

		buyer->segments[i] = ss_next_int32(&row);
	}
}

/*
 * The first rule that excluded a campaign that was no candidate, as it was then:
 * its own status, or that of the purchase, which nothing is awarded for.
 * When only its segment is left to explain that, its segment it is: the user
 * joined it in a transaction that had not committed. One that no such rule
 * excludes was a candidate for which the record had no room.
 */
static const char *
reason_then(SSCampaign *campaign, const char *status, const SSPurchase *purchase, const SSBuyer *buyer)
{
	SSReason reason = SS_NOT_STATUS;
	SSRules rules = {.context = CurrentMemoryContext, .ncampaigns = 1, .campaigns = campaign};

	ss_rules_take_ab_test_then(&rules, purchase->recorded_at);
	if (strcmp(status, "running") == 0 && ss_status_earns((SSStatus) (purchase->given & SS_GIVEN_STATUS)))
		reason = ss_match_campaign(campaign, purchase, buyer);
	if (reason == SS_APPLIED && campaign->segment_no != 0 && purchase->decision.count == purchase->decision.kept)
		reason = SS_NOT_SEGMENT;
	return reason == SS_APPLIED ? NOT_RECORDED : ss_reason_name(reason);
}

/* Campaigns that were not told of yet, explained from their versions then. */
static void
add_others(SSJson *json, const SSPurchase *purchase, const Told *told)
{
	SSBuyer buyer;
	SSRows rows;
	Datum values[2] = {told_array(told), TimestampTzGetDatum(purchase->recorded_at)};

	read_segments(purchase, &buyer);
	rows = ss_rows_read(&others_query, values, NULL);
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		SSCampaign campaign = {0};
		const char *status;
		const char *name;

		ss_rules_read_campaign(CurrentMemoryContext, &row, &campaign);
		status = ss_next_text(&row);
		name = ss_next_text(&row);
		ss_json_open_object(json, NULL);
		add_candidate(json, campaign.id, name, campaign.version, reason_then(&campaign, status, purchase, &buyer),
					  false);
		ss_json_close_object(json);
	}
}

/* Whose purchase may be meant: a customer's own alone, so that another's is not even known to exist. */
static const pg_uuid_t *
user_of_purchase(FunctionCallInfo fcinfo, const SSCall *call)
{
	const pg_uuid_t *user_id = ss_arg_uuid(fcinfo, 1, "user_id", false);

	if (ss_call_has(call, SS_SUPPORT | SS_ADMIN))
		return user_id;
	if (user_id == NULL && !call->has_identity)
		ss_not_allowed("permission denied", "Nobody is signed in.");
	if (user_id == NULL)
		return &call->identity;
	ss_call_require_user(call, 0, user_id);
	return user_id;
}

/*
 * explain_award(transaction_id, user_id)
 */
Datum
swipesavvy_explain_award(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPurchase purchase;
	Told told = {0};
	int64 amount;
	int exponent;

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	amount = read_purchase(ss_arg_uuid(fcinfo, 0, "transaction_id", true), user_of_purchase(fcinfo, &call), &purchase);
	exponent = ss_rules_exponent(ss_rules_get(), purchase.currency);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "transaction_id", &purchase.transaction_id);
	ss_json_uuid(&json, "user_id", &purchase.user_id);
	ss_json_text(&json, "status", ss_status_names[purchase.status]);
	ss_json_money(&json, "amount", amount, exponent);
	ss_json_money(&json, "recorded_amount", purchase.amount, exponent);
	ss_json_text(&json, "currency", purchase.currency);
	ss_json_time(&json, "occurred_at", purchase.occurred_at);
	ss_json_time(&json, "recorded_at", purchase.recorded_at);
	ss_json_int(&json, "points_base", purchase.points_base);
	ss_json_int(&json, "points_bonus", purchase.points_bonus);
	ss_json_money(&json, "discount", purchase.discount, exponent);
	ss_json_int(&json, "candidate_count", purchase.decision.count);
	ss_json_open_array(&json, "candidates");
	add_recorded(&json, &purchase, exponent, &told);
	add_applied(&json, &purchase, exponent, &told);
	if (ss_call_has(&call, SS_SUPPORT | SS_ADMIN))
		add_others(&json, &purchase, &told);
	ss_json_close_array(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
