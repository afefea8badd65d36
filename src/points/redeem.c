/*
 * redeem.c: spending points: redeeming them, for a reward or for their value,
 * and donating them.
 *
 * SQL entry points. Locks, in this order: the user's reward account
 * (balance.h), then, last and only if its stock is limited, the reward's row:
 * whoever waits for that row holds nothing but a user of its own. A stock is
 * taken by an UPDATE of its row that asks for what is left, so the last piece
 * goes to one. Keys are looked up under the lock on the account: whoever used
 * one before us has committed by then, or never will.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "ledger/balance.h"
#include "ledger/entry.h"
#include "outbox/outbox.h"

PG_FUNCTION_INFO_V1(swipesavvy_redeem_points);
PG_FUNCTION_INFO_V1(swipesavvy_donate_points);

#define CODE_GROUPS		 4
#define CODE_GROUP_CHARS 4

#define UNLIMITED (-1) /* as a reward's stock */

/* Points that are to be spent, the reward or charity they are spent on, and the result. */
typedef struct Spending
{
	pg_uuid_t *user_id;
	pg_uuid_t *target; /* the reward or charity, or NULL */
	int64 points;	   /* 0: those of the reward */
	char *key;
	bool from_stock;
	bool replayed;
	const pg_uuid_t *entry_id;
	char *code;
} Spending;

/* How redeeming and donating differ. */
typedef struct Operation
{
	const char *kind;
	const char *account; /* of the ledger, that is credited */
	const char *id_key;	 /* of the result */
	const char *target_key;
	const char *event; /* of the outbox */
	SSQuery *find_key;
} Operation;

SS_QUERY(find_redemption_key,
		 "SELECT entry_id, confirmation_code, points, reward_id FROM swipesavvy.reward_redemptions"
		 " WHERE user_id = $1 AND idempotency_key = $2",
		 UUIDOID, TEXTOID);
SS_QUERY(find_donation_key,
		 "SELECT entry_id, confirmation_code, points, charity_id FROM swipesavvy.donations"
		 " WHERE user_id = $1 AND idempotency_key = $2",
		 UUIDOID, TEXTOID);
SS_QUERY(
	insert_redemption,
	"INSERT INTO swipesavvy.reward_redemptions (user_id, entry_id, points, reward_id, confirmation_code, idempotency_key,"
	"       redeemed_at, from_stock) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	UUIDOID, UUIDOID, INT8OID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID);
SS_QUERY(insert_donation,
		 "INSERT INTO swipesavvy.donations (user_id, entry_id, points, charity_id, confirmation_code, idempotency_key,"
		 "       donated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		 UUIDOID, UUIDOID, INT8OID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID);
SS_QUERY(find_reward,
		 "SELECT points, stock, is_active AND starts_at <= $2 AND (ends_at IS NULL OR ends_at > $2)"
		 "  FROM swipesavvy.rewards WHERE reward_id = $1",
		 UUIDOID, TIMESTAMPTZOID);
/* as it was found, with one at least left */
SS_QUERY(take_reward,
		 "UPDATE swipesavvy.rewards SET stock = stock - 1"
		 " WHERE reward_id = $1 AND is_active AND starts_at <= $2 AND (ends_at IS NULL OR ends_at > $2)"
		 "   AND points = $3 AND stock > 0",
		 UUIDOID, TIMESTAMPTZOID, INT8OID);
SS_QUERY(find_charity, "SELECT is_active FROM swipesavvy.charities WHERE charity_id = $1", UUIDOID);

static const Operation redeeming = {"redeem",	 "redemption",		"redemption_id",
									"reward_id", "points.redeemed", &find_redemption_key};
static const Operation donating = {"donate",	 "donation",	   "donation_id",
								   "charity_id", "points.donated", &find_donation_key};

/*
 * Was this key used before? Then what came of it, after checking that it was
 * for the same: the same target and, where points were named, as many.
 */
static void
find_replay(const Operation *operation, Spending *spending)
{
	Datum values[2];
	const pg_uuid_t *target;
	int64 points;
	bool same;
	SSRows rows;
	SSRow row;

	if (spending->key == NULL)
		return;
	values[0] = UUIDPGetDatum(spending->user_id);
	values[1] = CStringGetTextDatum(spending->key);
	rows = ss_rows_latest(operation->find_key, values, NULL);
	if (rows.count == 0)
		return;
	row = ss_row(rows, 0);
	spending->entry_id = ss_next_uuid(&row);
	spending->code = ss_next_text(&row);
	points = ss_next_int64(&row);
	target = ss_next_uuid_or_null(&row);
	same =
		target == NULL ? spending->target == NULL : spending->target != NULL && ss_uuid_equal(target, spending->target);
	if (spending->points != 0 && spending->points != points)
		same = false;
	if (!same)
		ss_duplicate("idempotency_key was used with other arguments", "The key is \"%s\".", spending->key);
	spending->points = points;
	spending->replayed = true;
}

static void
require_points(const SSBalance *balance, int64 points)
{
	if (balance->account.available < points)
		ss_exhausted("not enough points", "It takes " INT64_FORMAT " points, of which " INT64_FORMAT " are available.",
					 points, balance->account.available);
}

/*
 * Sets the points of the reward and takes one from its stock. Between reading
 * it and taking one it may change: then it is looked at again.
 */
static void
take_one(const SSBalance *balance, Spending *spending)
{
	Datum values[3] = {UUIDPGetDatum(spending->target), TimestampTzGetDatum(balance->now)};

	do
	{
		SSRows rows = ss_rows_latest(&find_reward, values, NULL);
		int32 stock;
		SSRow row;

		if (rows.count == 0)
			ss_not_found("reward", ss_uuid_text(spending->target));
		row = ss_row(rows, 0);
		spending->points = ss_next_int64(&row);
		stock = ss_next_int32_or(&row, UNLIMITED);
		if (!ss_next_bool(&row))
			ss_bad_state("the reward is not available", "The reward_id is \"%s\".", ss_uuid_text(spending->target));
		require_points(balance, spending->points);
		spending->from_stock = stock != UNLIMITED;
		if (stock == UNLIMITED)
			return;
		if (stock == 0)
			ss_exhausted("the reward is out of stock", "The reward_id is \"%s\".", ss_uuid_text(spending->target));
		values[2] = Int64GetDatum(spending->points);
	} while (ss_query_latest(&take_reward, values, NULL) == 0);
}

/*
 * Nobody can guess it, nobody has it, and it can be read aloud: 80 random bits
 * in an alphabet without I, L, O and U. So many bits do not come twice; among
 * the codes of a user an index sees to it.
 */
static char *
make_code(void)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8 bytes[CODE_GROUPS * CODE_GROUP_CHARS];
	char *code = palloc(CODE_GROUPS * (CODE_GROUP_CHARS + 1));
	char *end = code;

	if (!pg_strong_random(bytes, sizeof(bytes)))
		elog(ERROR, "no random numbers");
	for (int i = 0; i < CODE_GROUPS * CODE_GROUP_CHARS; i++)
	{
		if (i > 0 && i % CODE_GROUP_CHARS == 0)
			*end++ = '-';
		*end++ = alphabet[bytes[i] % 32];
	}
	*end = '\0';
	return code;
}

/* Takes the points from the balance; parameters 0 to 6 of the row that says for what. */
static void
spend(const Operation *operation, SSBalance *balance, Spending *spending, Datum *values, bool *nulls)
{
	SSEntry entry = {.user_id = spending->user_id,
					 .kind = operation->kind,
					 .debit = "available",
					 .credit = operation->account,
					 .points = spending->points,
					 .recorded_at = balance->now};

	spending->code = make_code();
	ss_balance_debit(balance, spending->points, false);
	spending->entry_id = ss_entry_write(&entry);
	ss_balance_write(balance);
	ss_param_pointer(values, nulls, 0, spending->user_id);
	ss_param_pointer(values, nulls, 1, spending->entry_id);
	values[2] = Int64GetDatum(spending->points);
	nulls[2] = false;
	ss_param_pointer(values, nulls, 3, spending->target);
	ss_param_text(values, nulls, 4, spending->code);
	ss_param_text(values, nulls, 5, spending->key);
	values[6] = TimestampTzGetDatum(balance->now);
	nulls[6] = false;
}

/* Locks the account and looks for a repeat; a user who is not active may only repeat. */
static void
begin(const Operation *operation, SSBalance *balance, Spending *spending)
{
	ss_balance_lock(balance, spending->user_id);
	find_replay(operation, spending);
	if (!spending->replayed && !balance->account.active)
		ss_bad_state("user is not active", "The user_id is \"%s\".", ss_uuid_text(spending->user_id));
}

/* Tells the world outside, which hands out rewards and pays charities. */
static void
announce(const Operation *operation, const SSBalance *balance, const Spending *spending)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, operation->id_key, spending->entry_id);
	ss_json_uuid(&json, "user_id", spending->user_id);
	ss_json_uuid(&json, operation->target_key, spending->target);
	ss_json_int(&json, "points", spending->points);
	ss_json_text(&json, "confirmation_code", spending->code);
	ss_json_time(&json, "occurred_at", balance->now);
	ss_json_close_object(&json);
	ss_outbox_put(operation->event, 1, psprintf("user:%s", ss_uuid_text(spending->user_id)),
				  DatumGetJsonbP(ss_json_finish(&json)), NULL);
}

/* The ledger and the row beside it are the record of what was done. */
static Datum
leave(SSCall *call, const Operation *operation, const SSBalance *balance, const Spending *spending)
{
	SSJson json = {0};

	if (!spending->replayed)
		announce(operation, balance, spending);
	ss_audit_none(call);
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "entry_id", spending->entry_id);
	ss_json_uuid(&json, operation->id_key, spending->entry_id);
	ss_json_int(&json, "points", spending->points);
	ss_json_int(&json, "points_balance", balance->account.available);
	ss_json_text(&json, "confirmation_code", spending->code);
	ss_json_bool(&json, "replayed", spending->replayed);
	ss_json_close_object(&json);
	return ss_call_leave_json(call, &json);
}

/*
 * redeem_points(user_id, reward_id or points, idempotency_key)
 */
Datum
swipesavvy_redeem_points(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSBalance balance;
	Spending spending = {0};
	bool no_points;

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	spending.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	spending.target = ss_arg_uuid(fcinfo, 1, "reward_id", false);
	spending.points = ss_arg_int8(fcinfo, 2, "points", 1, PG_INT64_MAX, &no_points);
	spending.key = ss_arg_text(fcinfo, 3, "idempotency_key", SS_KEY_MAX, false);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, spending.user_id);
	if (spending.target != NULL && !no_points)
		ss_bad_value("points", "It is given together with reward_id; a reward has its own points.");
	if (spending.target == NULL && no_points)
		ss_bad_value("points", "Neither points nor reward_id is given.");

	begin(&redeeming, &balance, &spending);
	if (!spending.replayed)
	{
		Datum values[8];
		bool nulls[8];

		if (spending.target != NULL)
			take_one(&balance, &spending);
		else
			require_points(&balance, spending.points);
		spend(&redeeming, &balance, &spending, values, nulls);
		values[7] = BoolGetDatum(spending.from_stock);
		nulls[7] = false;
		(void) ss_query_latest(&insert_redemption, values, nulls);
	}
	PG_RETURN_DATUM(leave(&call, &redeeming, &balance, &spending));
}

/*
 * donate_points(user_id, points, charity_id, idempotency_key)
 */
Datum
swipesavvy_donate_points(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSBalance balance;
	Spending spending = {0};

	ss_call_enter(&call, SS_CUSTOMER | SS_BACKEND | SS_ADMIN);
	spending.user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	spending.points = ss_arg_int8(fcinfo, 1, "points", 1, PG_INT64_MAX, NULL);
	spending.target = ss_arg_uuid(fcinfo, 2, "charity_id", true);
	spending.key = ss_arg_text(fcinfo, 3, "idempotency_key", SS_KEY_MAX, false);
	ss_call_require_user(&call, SS_BACKEND | SS_ADMIN, spending.user_id);

	begin(&donating, &balance, &spending);
	if (!spending.replayed)
	{
		Datum values[7] = {UUIDPGetDatum(spending.target)};
		bool nulls[7];
		SSRows charity = ss_rows_latest(&find_charity, values, NULL);

		if (charity.count == 0)
			ss_not_found("charity", ss_uuid_text(spending.target));
		if (!ss_one_bool(charity))
			ss_bad_state("the charity is not active", "The charity_id is \"%s\".", ss_uuid_text(spending.target));
		require_points(&balance, spending.points);
		spend(&donating, &balance, &spending, values, nulls);
		(void) ss_query_latest(&insert_donation, values, nulls);
	}
	PG_RETURN_DATUM(leave(&call, &donating, &balance, &spending));
}
