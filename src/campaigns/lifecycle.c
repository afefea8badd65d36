/*
 * lifecycle.c: update_campaign, launch_campaign, pause_campaign,
 * delete_campaign and complete_campaigns: what a campaign may become, and every version it had.
 *
 * Each call locks the campaign's row first (FOR NO KEY UPDATE: changes of one
 * campaign follow one another, purchases don't wait), then slots as
 * limits.c says. The row as it was is kept before the call ends. The
 * trigger on the table tells every session to compile the rules again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "campaigns/campaigns.h"
#include "campaigns/input.h"
#include "campaigns/simulation.h"
#include "rules/load.h"

PG_FUNCTION_INFO_V1(swipesavvy_update_campaign);
PG_FUNCTION_INFO_V1(swipesavvy_launch_campaign);
PG_FUNCTION_INFO_V1(swipesavvy_pause_campaign);
PG_FUNCTION_INFO_V1(swipesavvy_delete_campaign);
PG_FUNCTION_INFO_V1(swipesavvy_complete_campaigns);

#define COMPLETE_MAX 100 /* campaigns that one call completes */

/* in the order of ss_campaign_statuses */
typedef enum Status
{
	DRAFT,
	RUNNING,
	PAUSED,
	COMPLETED,
	ARCHIVED
} Status;

static const bool may_become[ARCHIVED + 1][ARCHIVED + 1] = {
	[DRAFT] = {[RUNNING] = true, [ARCHIVED] = true},
	[RUNNING] = {[PAUSED] = true, [COMPLETED] = true, [ARCHIVED] = true},
	[PAUSED] = {[RUNNING] = true, [COMPLETED] = true, [ARCHIVED] = true},
	[COMPLETED] = {[ARCHIVED] = true},
};

static const char *const schedules[] = {"immediate", "scheduled", NULL};

/* A campaign whose row this transaction has locked. */
typedef struct Locked
{
	int32 no;
	int32 version;
	char *id;
	Status status;
	Jsonb *before; /* the row */
	SSCampaignInput input;
	SSCampaignLimits limits;
} Locked;

/* Two queries: one that locks and joins at once would join the rows of before its wait. */
SS_QUERY(lock_row, "SELECT c.campaign_no FROM swipesavvy.campaigns c WHERE c.campaign_id = $1 FOR NO KEY UPDATE",
		 TEXTOID);

/* the fields in the order of SSCampaignField and in the API's units, then what else Locked has */
/* The types of the first columns of read_row. */
static const Oid field_types[SS_CAMPAIGN_FIELDS] = {
	[SS_CAMPAIGN_NAME] = TEXTOID,
	[SS_CAMPAIGN_TYPE] = TEXTOID,
	[SS_CAMPAIGN_OFFER_AMOUNT] = NUMERICOID,
	[SS_CAMPAIGN_OFFER_TYPE] = TEXTOID,
	[SS_CAMPAIGN_START_DATE] = TIMESTAMPTZOID,
	[SS_CAMPAIGN_END_DATE] = TIMESTAMPTZOID,
	[SS_CAMPAIGN_DESCRIPTION] = TEXTOID,
	[SS_CAMPAIGN_SEGMENT] = TEXTOID,
	[SS_CAMPAIGN_MERCHANT] = UUIDOID,
	[SS_CAMPAIGN_CATEGORY] = TEXTOID,
	[SS_CAMPAIGN_BUDGET] = NUMERICOID,
	[SS_CAMPAIGN_CURRENCY] = TEXTOID,
	[SS_CAMPAIGN_PER_USER_LIMIT] = INT4OID,
	[SS_CAMPAIGN_DAILY_LIMIT] = INT4OID,
	[SS_CAMPAIGN_MIN_SPEND] = NUMERICOID,
	[SS_CAMPAIGN_MAX_DISCOUNT] = NUMERICOID,
	[SS_CAMPAIGN_PRIORITY] = INT4OID,
	[SS_CAMPAIGN_STACKABLE] = BOOLOID,
	[SS_CAMPAIGN_MULTIPLIER] = NUMERICOID,
	[SS_CAMPAIGN_BONUS_POINTS] = INT4OID,
	[SS_CAMPAIGN_HOLD_OUT] = NUMERICOID,
	[SS_CAMPAIGN_ID] = TEXTOID,
};

SS_QUERY(
	read_row,
	"SELECT c.name, c.campaign_type, " SS_CAMPAIGN_OFFER_SQL ", c.offer_type, c.start_date, c.end_date,"
	" c.description, s.name, c.target_merchant_id, c.target_category,"
	" swipesavvy.minor_to_major(c.budget, k.minor_unit), c.currency::text, c.per_user_limit, c.daily_limit,"
	" swipesavvy.minor_to_major(c.min_spend, k.minor_unit), swipesavvy.minor_to_major(c.max_discount, k.minor_unit),"
	" c.priority, c.stackable, swipesavvy.minor_to_major(c.points_multiplier_milli, 3), c.bonus_points,"
	" swipesavvy.minor_to_major(c.hold_out, 2), c.campaign_id,"
	" c.version, c.status, c, c.budget"
	" FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
	" LEFT JOIN swipesavvy.segments s ON s.segment_no = c.target_segment_no"
	" WHERE c.campaign_no = $1",
	INT4OID);

/*
 * Each moment is that of the last time the campaign came into the state. It is a
 * parameter, $3: a table that is spread over nodes takes no function in CASE.
 */
#define BECOME_SQL                                                                                                     \
	"status = $2, version = c.version + 1, updated_at = $3,"                                                           \
	" launched_at = CASE WHEN $2 = 'running' AND c.status <> $2 THEN $3 ELSE c.launched_at END,"                       \
	" paused_at = CASE WHEN $2 = 'paused' AND c.status <> $2 THEN $3 ELSE c.paused_at END,"                            \
	" completed_at = CASE WHEN $2 = 'completed' AND c.status <> $2 THEN $3 ELSE c.completed_at END,"                   \
	" archived_at = CASE WHEN $2 = 'archived' AND c.status <> $2 THEN $3 ELSE c.archived_at END"

/* the changeable fields from $4 on, in the order of SSCampaignField */
SS_QUERY(
	update_fields,
	"UPDATE swipesavvy.campaigns c SET " BECOME_SQL ","
	" name = $4, campaign_type = $5, offer_amount = $6, offer_type = $7, start_date = $8, end_date = $9,"
	" description = $10, target_segment_no = $11, target_merchant_id = $12, target_category = $13, budget = $14,"
	" currency = $15, per_user_limit = $16, daily_limit = $17, min_spend = $18, max_discount = $19, priority = $20,"
	" stackable = $21, points_multiplier_milli = $22, bonus_points = $23, hold_out = $24"
	" WHERE c.campaign_no = $1"
	" AND ROW(c.status, c.name, c.campaign_type, c.offer_amount, c.offer_type, c.start_date, c.end_date, c.description,"
	" c.target_segment_no, c.target_merchant_id, c.target_category, c.budget, c.currency::text, c.per_user_limit,"
	" c.daily_limit, c.min_spend, c.max_discount, c.priority, c.stackable, c.points_multiplier_milli, c.bonus_points,"
	" c.hold_out)"
	" IS DISTINCT FROM ROW($2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,"
	" $22, $23, $24)",
	INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
	INT4OID, UUIDOID, TEXTOID, INT8OID, TEXTOID, INT4OID, INT4OID, INT8OID, INT8OID, INT4OID, BOOLOID, INT4OID, INT4OID,
	INT4OID);

SS_QUERY(update_status,
		 "UPDATE swipesavvy.campaigns c SET " BECOME_SQL ", start_date = coalesce($4, c.start_date)"
		 " WHERE c.campaign_no = $1",
		 INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

SS_QUERY(insert_version,
		 "INSERT INTO swipesavvy.campaign_versions (campaign_no, version, valid_until, changed_by, campaign)"
		 " VALUES ($1, $2, clock_timestamp(), $3, $4)",
		 INT4OID, INT4OID, UUIDOID, JSONBOID);

SS_QUERY(find_redemption, "SELECT FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = $1 LIMIT 1", INT4OID);

SS_QUERY(read_rule,
		 "SELECT " SS_CAMPAIGN_COLUMNS
		 " FROM swipesavvy.campaigns k LEFT JOIN swipesavvy.merchant_categories c ON c.category = k.target_category"
		 " WHERE k.campaign_no = $1",
		 INT4OID);

/* what the other campaigns of the type had on average, of those that had any */
SS_QUERY(expect_impressions,
		 "SELECT round(count(*)::numeric / nullif(count(DISTINCT e.campaign_no), 0))::bigint"
		 " FROM swipesavvy.campaigns c"
		 " JOIN swipesavvy.campaigns o ON o.campaign_type = c.campaign_type AND o.campaign_no <> c.campaign_no"
		 " JOIN swipesavvy.campaign_events e ON e.campaign_no = o.campaign_no AND e.kind = 'impression'"
		 " WHERE c.campaign_no = $1",
		 INT4OID);

SS_QUERY(
	read_metrics,
	"SELECT " SS_CAMPAIGN_EVENTS_SQL(
		"impression") " AS impressions_before_pause,"
					  " " SS_CAMPAIGN_CONVERSIONS_SQL " AS conversions_before_pause,"
					  " swipesavvy.minor_to_major((SELECT coalesce(sum(t.amount_minor - t.refunded_minor), 0)"
					  " FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t"
					  " ON t.transaction_id = r.transaction_id AND t.user_id = r.user_id"
					  " WHERE r.campaign_no = c.campaign_no AND r.counts)::bigint, k.minor_unit) AS revenue_generated"
					  " FROM swipesavvy.campaigns c JOIN swipesavvy.currencies k ON k.code = c.currency"
					  " WHERE c.campaign_no = $1",
	INT4OID);

/*
 * What is due at $1, or the one that is named if it still is: nothing is posted
 * late any more, neither since its end nor since it was last launched, which may
 * be long after it (history is loaded that way).
 */
#define DUE_SQL                                                                                                        \
	"SELECT c.campaign_id FROM swipesavvy.campaigns c"                                                                 \
	" WHERE c.status IN ('running', 'paused') AND c.end_date <= $1 AND coalesce(c.launched_at <= $1, true)"
SS_QUERY(find_due, DUE_SQL " ORDER BY c.campaign_no LIMIT $2", TIMESTAMPTZOID, INT8OID);
SS_QUERY(is_due, DUE_SQL " AND c.campaign_no = $2", TIMESTAMPTZOID, INT4OID);

/* A database of an older release has no tests, and the table is asked for only where there is one. */
SS_QUERY(find_test,
		 "SELECT t.test_key FROM swipesavvy.ab_test_groups g JOIN swipesavvy.ab_tests t USING (test_no)"
		 " WHERE g.campaign_no = $1 AND g.active",
		 INT4OID);

static Status
status_of(const char *name)
{
	return ss_check_choice(name, "status", ss_campaign_statuses);
}

/* Locks and reads a campaign; PT404 if there is none. */
static void
lock_one(char *id, Locked *locked)
{
	Datum key = CStringGetTextDatum(id);
	SSRows rows = ss_rows_write(&lock_row, &key, NULL);
	SSRow row;

	if (rows.count == 0)
		ss_not_found("campaign", id);
	locked->no = ss_one_int32(rows);
	locked->id = id;
	key = Int32GetDatum(locked->no);
	row = ss_row(ss_rows_write(&read_row, &key, NULL), 0);
	for (int i = 0; i < SS_CAMPAIGN_FIELDS; i++)
		locked->input.value[i] = ss_next_value_or_null(&row, field_types[i], &locked->input.isnull[i]);
	locked->version = ss_next_int32(&row);
	locked->status = status_of(ss_next_text(&row));
	locked->before = ss_next_document(&row, NULL);
	locked->limits.has_budget = !locked->input.isnull[SS_CAMPAIGN_BUDGET];
	locked->limits.budget = ss_next_int64_or(&row, 0);
	locked->limits.has_daily = !locked->input.isnull[SS_CAMPAIGN_DAILY_LIMIT];
	locked->limits.daily = locked->limits.has_daily ? DatumGetInt32(locked->input.value[SS_CAMPAIGN_DAILY_LIMIT]) : 0;
}

/* The same for the one that the first argument names. */
static void
lock_campaign(FunctionCallInfo fcinfo, Locked *locked)
{
	lock_one(ss_arg_text(fcinfo, 0, "campaign_id", SS_KEY_MAX, true), locked);
}

static void
keep_version(const Locked *locked, const SSCall *call)
{
	Datum values[4] = {Int32GetDatum(locked->no), Int32GetDatum(locked->version), UUIDPGetDatum(&call->identity),
					   JsonbPGetDatum(locked->before)};
	bool nulls[4] = {false, false, !call->has_identity, false};

	(void) ss_query_write(&insert_version, values, nulls);
}

/* Puts the campaign into a state, at a new start if one is given, and writes it down; returns the moment. */
static TimestampTz
become(const Locked *locked, const char *action, Status status, const TimestampTz *start, SSCall *call)
{
	TimestampTz moment = GetCurrentTransactionStartTimestamp();
	Datum values[4] = {Int32GetDatum(locked->no), CStringGetTextDatum(ss_campaign_statuses[status]),
					   TimestampTzGetDatum(moment), start == NULL ? (Datum) 0 : TimestampTzGetDatum(*start)};
	bool nulls[4] = {false, false, false, start == NULL};

	if (ss_query_write(&update_status, values, nulls) != 1)
		ss_query_refuse_loss(0, 1);
	keep_version(locked, call);
	ss_campaign_record(call, locked->no, action, locked->before);
	return moment;
}

/* --- in an A/B test --------------------------------------------------------------------- */

/* PT400 for a change that would break a test which the campaign is in. */
static void
refuse_in_test(const Locked *locked)
{
	Datum key = Int32GetDatum(locked->no);
	SSRows tests;

	if (!OidIsValid(get_relname_relid("ab_tests", get_namespace_oid("swipesavvy", false))))
		return;
	tests = ss_rows_latest(&find_test, &key, NULL);
	if (tests.count > 0)
		ss_bad_state("campaign is in an A/B test", "Test \"%s\" rests on what it is now.", ss_one_text(tests));
}

static bool
differs(const SSCampaignInput *a, const SSCampaignInput *b, SSCampaignField field)
{
	if (a->isnull[field] || b->isnull[field])
		return a->isnull[field] != b->isnull[field];
	if (field == SS_CAMPAIGN_HOLD_OUT)
		return !DatumGetBool(DirectFunctionCall2(numeric_eq, a->value[field], b->value[field]));
	return !DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a->value[field], b->value[field]));
}

static void
check_test_allows(const Locked *locked, const SSCampaignInput *wanted, Status status)
{
	if (status == ARCHIVED || differs(&locked->input, wanted, SS_CAMPAIGN_CURRENCY) ||
		differs(&locked->input, wanted, SS_CAMPAIGN_SEGMENT) || differs(&locked->input, wanted, SS_CAMPAIGN_HOLD_OUT))
		refuse_in_test(locked);
}

void
ss_campaign_launch(char *id, SSCall *call)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Locked locked;
	bool ahead;

	lock_one(id, &locked);
	if (locked.status == RUNNING)
		return;
	if (locked.status != DRAFT && locked.status != PAUSED)
		ss_bad_state("the campaign cannot be launched", "\"%s\" is %s.", id, ss_campaign_statuses[locked.status]);
	ahead = DatumGetTimestampTz(locked.input.value[SS_CAMPAIGN_START_DATE]) > now;
	(void) become(&locked, "launch", RUNNING, ahead ? &now : NULL, call);
}

void
ss_campaign_pause(char *id, SSCall *call)
{
	Locked locked;

	lock_one(id, &locked);
	if (locked.status == RUNNING)
		(void) become(&locked, "pause", PAUSED, NULL, call);
}

void
ss_campaign_complete(char *id, SSCall *call)
{
	Locked locked;

	lock_one(id, &locked);
	if (locked.status == RUNNING || locked.status == PAUSED)
		(void) become(&locked, "complete", COMPLETED, NULL, call);
}

/* --- update ------------------------------------------------------------------------- */

/* The state asked for, or the present one; PT400 if there is no way from here to there. */
static Status
next_status(const Locked *locked, Jsonb *changes)
{
	JsonbValue *value = ss_document_get(changes, "status");
	Status next;

	if (value == NULL)
		return locked->status;
	if (value->type == jbvNull)
		ss_missing_value("status");
	next = status_of(ss_json_as_text(value, "status", SS_KEY_MAX));
	if (next != locked->status && !may_become[locked->status][next])
		ss_bad_state("the campaign's status does not allow this", "A campaign that is %s cannot become %s.",
					 ss_campaign_statuses[locked->status], ss_campaign_statuses[next]);
	return next;
}

/* Slots follow the limits; a currency stays once something was spent in it. */
static void
move_limits(const Locked *locked, const SSCampaignRow *row)
{
	SSCampaignLimits after;
	Datum key = Int32GetDatum(locked->no);
	char *before_currency = TextDatumGetCString(locked->input.value[SS_CAMPAIGN_CURRENCY]);
	bool new_currency = strcmp(before_currency, TextDatumGetCString(row->value[SS_CAMPAIGN_CURRENCY])) != 0;

	ss_campaign_row_limits(row, &after);
	if (new_currency || ss_campaign_slots_disturb(&locked->limits, &after))
		ss_campaign_slots_quiesce();
	if (new_currency && ss_query_latest(&find_redemption, &key, NULL) > 0)
		ss_exhausted("the campaign's currency can no longer be changed", "It has redemptions in %s.", before_currency);
	ss_campaign_slots_change(locked->no, &locked->limits, &after, row->exponent);
}

/* Returns whether anything was another value than before. */
static bool
write_fields(const Locked *locked, Status status, const SSCampaignRow *row)
{
	Datum values[SS_CAMPAIGN_CHANGEABLE + 3];
	bool nulls[SS_CAMPAIGN_CHANGEABLE + 3] = {false};

	values[0] = Int32GetDatum(locked->no);
	values[1] = CStringGetTextDatum(ss_campaign_statuses[status]);
	values[2] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	memcpy(values + 3, row->value, SS_CAMPAIGN_CHANGEABLE * sizeof(Datum));
	memcpy(nulls + 3, row->isnull, SS_CAMPAIGN_CHANGEABLE * sizeof(bool));
	return ss_query_write(&update_fields, values, nulls) == 1;
}

/*
 * update_campaign(campaign_id, changes): any field of create_campaign but the
 * id, and the status.
 */
Datum
swipesavvy_update_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	Locked locked;
	SSCampaignRow row;
	SSJson json = {0};
	Jsonb *changes;
	SSCampaignInput wanted;
	Status status;
	bool changed;

	ss_call_enter(&call, SS_ADMIN);
	changes = ss_arg_jsonb(fcinfo, 1, "changes", true);
	lock_campaign(fcinfo, &locked);
	wanted = locked.input;
	ss_campaign_input_change(&wanted, changes, "changes");
	if (locked.status == ARCHIVED)
		ss_bad_state("the campaign is archived", "An archived campaign cannot be changed.");
	status = next_status(&locked, changes);
	check_test_allows(&locked, &wanted, status);
	ss_campaign_input_check(&wanted, ss_rules_get(), &row);
	move_limits(&locked, &row);
	changed = write_fields(&locked, status, &row);
	if (changed)
	{
		keep_version(&locked, &call);
		ss_campaign_record(&call, locked.no, "update", locked.before);
	}
	ss_json_open_object(&json, NULL);
	ss_campaign_write(&json, locked.no, true, true);
	ss_json_text(&json, "message", changed ? "The campaign was changed." : "The campaign is as it was.");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- launch, pause, delete ------------------------------------------------------------ */

/* A figure of the campaign from a query of one value, null if that is. */
static void
write_figure(SSJson *json, const char *key, SSQuery *query, const Datum *values)
{
	SSRow row = ss_row(ss_rows_write(query, values, NULL), 0);
	bool isnull;
	Datum value = ss_next_value_or_null(&row, INT8OID, &isnull);

	ss_json_datum(json, key, value, isnull, INT8OID);
}

/*
 * How often the campaign would have been redeemed by the purchases of the last
 * 30 days if it alone had run then: whatever its dates, its budget full.
 */
static int64
expect_conversions(const Locked *locked)
{
	Datum key = Int32GetDatum(locked->no);
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	SSCampaign campaign = {0};
	SSSimulation result;
	SSRow row = ss_row(ss_rows_write(&read_rule, &key, NULL), 0);

	ss_rules_read_campaign(CurrentMemoryContext, &row, &campaign);
	campaign.start_date = DT_NOBEGIN;
	campaign.end_date = DT_NOEND;
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	/* a purchase of this transaction is one of now(): the end itself is part of it */
	ss_simulate(ss_rules_get(), &campaign, NULL, now - 30 * USECS_PER_DAY, now + 1, &result);
	PopActiveSnapshot();
	return result.alone.total.redemptions;
}

/*
 * launch_campaign(campaign_id, schedule): a draft or paused campaign runs from
 * now on; `immediate` brings a start that lies ahead to now.
 */
Datum
swipesavvy_launch_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	Locked locked;
	SSJson json = {0};
	char *schedule;
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz launched_at;
	bool ahead;
	int64 conversions;
	Datum key;

	ss_call_enter(&call, SS_ADMIN);
	schedule = ss_arg_text(fcinfo, 1, "schedule", SS_KEY_MAX, true);
	ahead = (ss_check_choice(schedule, "schedule", schedules) == 0);
	lock_campaign(fcinfo, &locked);
	if (locked.status != DRAFT && locked.status != PAUSED)
		ss_bad_state("the campaign cannot be launched", "It is %s; only a draft or paused campaign can.",
					 ss_campaign_statuses[locked.status]);
	ahead = ahead && DatumGetTimestampTz(locked.input.value[SS_CAMPAIGN_START_DATE]) > now;
	conversions = expect_conversions(&locked);
	launched_at = become(&locked, "launch", RUNNING, ahead ? &now : NULL, &call);
	key = Int32GetDatum(locked.no);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", locked.id);
	ss_json_text(&json, "status", ss_campaign_statuses[RUNNING]);
	ss_json_time(&json, "launched_at", launched_at);
	ss_json_int(&json, "expected_conversions", conversions);
	write_figure(&json, "expected_impressions", &expect_impressions, &key);
	ss_json_text(&json, "message", "The campaign is running.");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * pause_campaign(campaign_id): a running campaign no longer matches; with what
 * it has brought so far.
 */
Datum
swipesavvy_pause_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	Locked locked;
	SSJson json = {0};
	TimestampTz paused_at;
	SSRow metrics;
	Datum key;

	ss_call_enter(&call, SS_ADMIN);
	lock_campaign(fcinfo, &locked);
	if (locked.status != RUNNING)
		ss_bad_state("the campaign cannot be paused", "It is %s; only a running campaign can.",
					 ss_campaign_statuses[locked.status]);
	paused_at = become(&locked, "pause", PAUSED, NULL, &call);
	key = Int32GetDatum(locked.no);
	metrics = ss_row(ss_rows_write(&read_metrics, &key, NULL), 0);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", locked.id);
	ss_json_text(&json, "status", ss_campaign_statuses[PAUSED]);
	ss_json_time(&json, "paused_at", paused_at);
	ss_json_open_object(&json, "metrics");
	ss_json_columns(&json, metrics);
	ss_json_close_object(&json);
	ss_json_text(&json, "message", "The campaign is paused; launch_campaign() resumes it.");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/*
 * delete_campaign(campaign_id): the campaign is archived, for good; its
 * history stays.
 */
Datum
swipesavvy_delete_campaign(PG_FUNCTION_ARGS)
{
	SSCall call;
	Locked locked;
	SSJson json = {0};
	TimestampTz archived_at;

	ss_call_enter(&call, SS_ADMIN);
	lock_campaign(fcinfo, &locked);
	if (locked.status == ARCHIVED)
		ss_bad_state("the campaign is archived", "It was deleted before.");
	refuse_in_test(&locked);
	archived_at = become(&locked, "delete", ARCHIVED, NULL, &call);
	ss_json_open_object(&json, NULL);
	ss_json_text(&json, "campaign_id", locked.id);
	ss_json_text(&json, "status", ss_campaign_statuses[ARCHIVED]);
	ss_json_time(&json, "archived_at", archived_at);
	ss_json_text(&json, "message", "The campaign is archived; its history stays.");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- complete ------------------------------------------------------------------------- */

/*
 * complete_campaigns(as_of): completed, as a list of ids, and whether there are
 * more
 */
Datum
swipesavvy_complete_campaigns(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz as_of;
	Datum values[2];
	bool isnull;
	SSRows due;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* if there are none; each has its own row */
	as_of = ss_arg_time(fcinfo, 0, "as_of", &isnull);
	if (isnull)
		as_of = now;
	if (as_of > now)
		ss_bad_value("as_of", "It lies ahead: campaigns do not end before their time.");
	values[0] = TimestampTzGetDatum(as_of - ss_rules_get()->settings.late_posting_days * USECS_PER_DAY);
	values[1] = Int64GetDatum(COMPLETE_MAX);
	due = ss_rows_latest(&find_due, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_json_open_array(&json, "completed");
	for (uint64 i = 0; i < due.count; i++)
	{
		SSRow row = ss_row(due, i);
		Locked locked;

		lock_one(ss_next_text(&row), &locked);
		values[1] = Int32GetDatum(locked.no);
		if (ss_query_latest(&is_due, values, NULL) == 0)
			continue; /* somebody was faster, or gave it more time */
		(void) become(&locked, "complete", COMPLETED, NULL, &call);
		ss_json_text(&json, NULL, locked.id);
	}
	ss_json_close_array(&json);
	ss_json_bool(&json, "more", due.count == COMPLETE_MAX);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
