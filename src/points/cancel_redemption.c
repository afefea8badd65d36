/*
 * cancel_redemption.c: undoes a redemption or a donation, once.
 *
 * SQL entry point. Locks, in the order of redeem.c: the user's reward account
 * (balance.h), then, last and only if a piece came from its stock, the reward's
 * row. The points are as old as they were: a return makes what was ever taken
 * less (lots.h), so what has fallen due meanwhile goes with the next
 * expire_points().
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "call/refusal.h"
#include "ledger/balance.h"
#include "ledger/entry.h"
#include "outbox/outbox.h"

PG_FUNCTION_INFO_V1(swipesavvy_cancel_redemption);

/* What is undone. */
typedef struct Redemption
{
	const pg_uuid_t *user_id;
	const pg_uuid_t *id;
	bool donation;
	int64 points;
	const pg_uuid_t *target; /* the reward or charity, or NULL */
	const char *code;
	bool from_stock;
	const pg_uuid_t *entry_id; /* of the return */
} Redemption;

SS_QUERY(find_user,
		 "SELECT user_id FROM swipesavvy.reward_redemptions WHERE entry_id = $1"
		 " UNION ALL SELECT user_id FROM swipesavvy.donations WHERE entry_id = $1",
		 UUIDOID);
SS_QUERY(find_redemption,
		 "SELECT r.points, r.reward_id, r.confirmation_code, r.from_stock, false, x.returned_at"
		 "  FROM swipesavvy.reward_redemptions r"
		 "  LEFT JOIN swipesavvy.redemption_returns x ON x.user_id = r.user_id AND x.redemption_id = r.entry_id"
		 " WHERE r.user_id = $1 AND r.entry_id = $2"
		 " UNION ALL "
		 "SELECT d.points, d.charity_id, d.confirmation_code, false, true, x.returned_at"
		 "  FROM swipesavvy.donations d"
		 "  LEFT JOIN swipesavvy.redemption_returns x ON x.user_id = d.user_id AND x.redemption_id = d.entry_id"
		 " WHERE d.user_id = $1 AND d.entry_id = $2",
		 UUIDOID, UUIDOID);
SS_QUERY(insert_return,
		 "INSERT INTO swipesavvy.redemption_returns (user_id, entry_id, redemption_id, points, reason, returned_at)"
		 " VALUES ($1, $2, $3, $4, $5, $6)",
		 UUIDOID, UUIDOID, UUIDOID, INT8OID, TEXTOID, TIMESTAMPTZOID);
/* where the stock has no limit any more, there is nothing to put the piece back into */
SS_QUERY(put_back,
		 "UPDATE swipesavvy.rewards"
		 "   SET stock = stock + 1, stocked = stocked - CASE WHEN stock IS NULL THEN 1 ELSE 0 END"
		 " WHERE reward_id = $1",
		 UUIDOID);

/* Whose it is, read without a lock. */
static const pg_uuid_t *
user_of(const pg_uuid_t *redemption_id)
{
	Datum key = UUIDPGetDatum(redemption_id);
	SSRows rows = ss_rows_latest(&find_user, &key, NULL);

	if (rows.count == 0)
		ss_not_found("redemption", ss_uuid_text(redemption_id));
	return ss_one_uuid(rows);
}

/* Reads what is to be undone, under the lock on the account; refuses what is not there, or was undone before. */
static void
read_redemption(const SSCall *call, Redemption *redemption)
{
	Datum keys[2] = {UUIDPGetDatum(redemption->user_id), UUIDPGetDatum(redemption->id)};
	SSRows rows = ss_rows_latest(&find_redemption, keys, NULL);
	bool not_returned;
	SSRow row;

	if (rows.count == 0)
		ss_not_found("redemption", ss_uuid_text(redemption->id));
	row = ss_row(rows, 0);
	redemption->points = ss_next_int64(&row);
	redemption->target = ss_next_uuid_or_null(&row);
	redemption->code = ss_next_text(&row);
	redemption->from_stock = ss_next_bool(&row);
	redemption->donation = ss_next_bool(&row);
	(void) ss_next_value_or_null(&row, TIMESTAMPTZOID, &not_returned);
	if (redemption->donation && !ss_call_has(call, SS_ADMIN))
		ss_not_allowed("permission denied", "Only an admin cancels a donation.");
	if (!not_returned)
		ss_bad_state("redemption is cancelled already", "The points of redemption \"%s\" were returned.",
					 ss_uuid_text(redemption->id));
}

/* Gives the points back, and the piece. */
static void
undo(SSBalance *balance, Redemption *redemption, const char *reason)
{
	Datum values[6] = {UUIDPGetDatum(redemption->user_id), 0, UUIDPGetDatum(redemption->id),
					   Int64GetDatum(redemption->points)};
	bool nulls[6] = {false};
	Datum reward = PointerGetDatum(redemption->target);

	ss_balance_return(balance, redemption->points);
	redemption->entry_id = ss_entry_write(&(SSEntry){
		.user_id = redemption->user_id,
		.kind = "return",
		.debit = redemption->donation ? "donation" : "redemption",
		.credit = "available",
		.points = redemption->points,
		.recorded_at = balance->now,
	});
	ss_balance_write(balance);
	values[1] = UUIDPGetDatum(redemption->entry_id);
	ss_param_text(values, nulls, 4, reason);
	values[5] = TimestampTzGetDatum(balance->now);
	(void) ss_query_latest(&insert_return, values, nulls);
	if (redemption->from_stock)
		(void) ss_query_latest(&put_back, &reward, NULL);
}

/* Who undid what, and why. */
static void
record(SSCall *call, const Redemption *redemption, const char *reason)
{
	SSAudit audit = {.resource = redemption->donation ? "donation" : "redemption",
					 .action = "cancel",
					 .resource_id = ss_uuid_text(redemption->id),
					 .user_id = redemption->user_id};
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "entry_id", redemption->entry_id);
	ss_json_int(&json, "points", redemption->points);
	ss_json_text(&json, "reason", reason);
	ss_json_close_object(&json);
	ss_audit_write(call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&json)));
}

/* Tells the world outside, which was told to hand out a reward or to pay a charity. */
static void
announce(const SSBalance *balance, const Redemption *redemption)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, redemption->donation ? "donation_id" : "redemption_id", redemption->id);
	ss_json_uuid(&json, "user_id", redemption->user_id);
	ss_json_uuid(&json, redemption->donation ? "charity_id" : "reward_id", redemption->target);
	ss_json_int(&json, "points", redemption->points);
	ss_json_text(&json, "confirmation_code", redemption->code);
	ss_json_time(&json, "occurred_at", balance->now);
	ss_json_close_object(&json);
	ss_outbox_put("points.returned", 1, psprintf("user:%s", ss_uuid_text(redemption->user_id)),
				  DatumGetJsonbP(ss_json_finish(&json)), NULL);
}

/*
 * cancel_redemption(redemption_id, reason, user_id)
 */
Datum
swipesavvy_cancel_redemption(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSBalance balance;
	Redemption redemption = {0};
	char *reason;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	redemption.id = ss_arg_uuid(fcinfo, 0, "redemption_id", true);
	reason = ss_arg_text(fcinfo, 1, "reason", SS_TEXT_MAX, true);
	redemption.user_id = ss_arg_uuid(fcinfo, 2, "user_id", false);
	if (redemption.user_id == NULL)
		redemption.user_id = user_of(redemption.id);
	ss_balance_lock(&balance, redemption.user_id);
	read_redemption(&call, &redemption);
	undo(&balance, &redemption, reason);
	record(&call, &redemption, reason);
	announce(&balance, &redemption);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "redemption_id", redemption.id);
	ss_json_text(&json, "status", "cancelled");
	ss_json_uuid(&json, "entry_id", redemption.entry_id);
	ss_json_int(&json, "points_returned", redemption.points);
	ss_json_int(&json, "points_balance", balance.account.available);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
