/*
 * adjust.c: points that an admin gives or takes.
 *
 * SQL entry point. Locks the user's reward account (balance.h); the key is
 * looked up under it. Lifetime points, and so the tier, stay as they are.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "ledger/balance.h"
#include "ledger/entry.h"

PG_FUNCTION_INFO_V1(swipesavvy_adjust_points);

SS_QUERY(
	find_key,
	"SELECT entry_id, points, reason FROM swipesavvy.points_adjustments WHERE user_id = $1 AND idempotency_key = $2",
	UUIDOID, TEXTOID);
SS_QUERY(insert_adjustment,
		 "INSERT INTO swipesavvy.points_adjustments (user_id, entry_id, points, reason, idempotency_key, adjusted_at)"
		 " VALUES ($1, $2, $3, $4, $5, $6)",
		 UUIDOID, UUIDOID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

/* The entry made under this key, NULL if there is none; 23505 when it was made for something else. */
static const pg_uuid_t *
find_replay(const pg_uuid_t *user_id, const char *key, int64 points, const char *reason)
{
	Datum values[2] = {UUIDPGetDatum(user_id)};
	const pg_uuid_t *entry_id;
	SSRows rows;
	SSRow row;

	if (key == NULL)
		return NULL;
	values[1] = CStringGetTextDatum(key);
	rows = ss_rows_latest(&find_key, values, NULL);
	if (rows.count == 0)
		return NULL;
	row = ss_row(rows, 0);
	entry_id = ss_next_uuid(&row);
	if (ss_next_int64(&row) != points || strcmp(ss_next_text(&row), reason) != 0)
		ss_duplicate("idempotency_key was used with other arguments", "The key is \"%s\".", key);
	return entry_id;
}

/* Moves the points; what is taken must be there. The ledger is for ever, and a reason may name somebody: it stands beside it. */
static const pg_uuid_t *
adjust(SSBalance *balance, int64 points)
{
	SSEntry entry = {.user_id = &balance->account.id,
					 .kind = "adjust",
					 .debit = "issuance",
					 .credit = "available",
					 .points = points,
					 .recorded_at = balance->now};
	int64 available = balance->account.available;
	const pg_uuid_t *entry_id;

	if (points > 0)
		ss_balance_credit(balance, points, balance->now, false);
	else
	{
		if (available < 0 || points < -available)
			ss_exhausted("not enough points", "There are " INT64_FORMAT " points available.", available);
		entry.debit = "available";
		entry.credit = "issuance";
		entry.points = -points;
		ss_balance_debit(balance, -points, false);
	}
	entry_id = ss_entry_write(&entry);
	ss_balance_write(balance);
	return entry_id;
}

/* Who gave or took, how many, and why. */
static void
record(SSCall *call, const pg_uuid_t *user_id, const pg_uuid_t *entry_id, int64 points, const char *reason)
{
	SSAudit audit = {
		.resource = "points", .action = "adjust", .resource_id = ss_uuid_text(user_id), .user_id = user_id};
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "entry_id", entry_id);
	ss_json_int(&json, "points", points);
	ss_json_text(&json, "reason", reason);
	ss_json_close_object(&json);
	ss_audit_write(call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&json)));
}

/*
 * adjust_points(user_id, points, reason, idempotency_key)
 */
Datum
swipesavvy_adjust_points(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSBalance balance;
	pg_uuid_t *user_id;
	int64 points;
	char *reason;
	char *key;
	const pg_uuid_t *entry_id;
	bool replayed;

	ss_call_enter(&call, SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	points = ss_arg_int8(fcinfo, 1, "points", PG_INT64_MIN, PG_INT64_MAX, NULL);
	if (points == 0)
		ss_bad_value("points", "It is 0.");
	reason = ss_arg_text(fcinfo, 2, "reason", SS_TEXT_MAX, true);
	key = ss_arg_text(fcinfo, 3, "idempotency_key", SS_KEY_MAX, false);

	ss_balance_lock(&balance, user_id);
	entry_id = find_replay(user_id, key, points, reason);
	replayed = (entry_id != NULL);
	if (!replayed)
	{
		Datum values[6];
		bool nulls[6] = {false};

		entry_id = adjust(&balance, points);
		ss_param_pointer(values, nulls, 0, user_id);
		ss_param_pointer(values, nulls, 1, entry_id);
		values[2] = Int64GetDatum(points);
		ss_param_text(values, nulls, 3, reason);
		ss_param_text(values, nulls, 4, key);
		values[5] = TimestampTzGetDatum(balance.now);
		(void) ss_query_latest(&insert_adjustment, values, nulls);
		record(&call, user_id, entry_id, points, reason);
	}
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "entry_id", entry_id);
	ss_json_int(&json, "points", points);
	ss_json_int(&json, "points_balance", balance.account.available);
	ss_json_bool(&json, "replayed", replayed);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
