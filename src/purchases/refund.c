/*
 * refund.c: takes back what a completed purchase earned, wholly or in part.
 *
 * SQL entry point. Locks are those of a purchase, in the same order: the table
 * campaign_redemptions, the user's account, slots. After refunds of R of an
 * amount A, floor(x * R / A) of every x is back: of the points as one sum, of
 * the discount and the cost of each redemption by itself. Each refund books
 * the difference to what was back before.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "base/uuid7.h"
#include "call/call.h"
#include "ledger/points_messages.h"
#include "purchases/fact_changes.h"
#include "purchases/recorded.h"

PG_FUNCTION_INFO_V1(swipesavvy_refund_transaction);

/* One refund, new or repeated. */
typedef struct Refund
{
	pg_uuid_t refund_id;
	int64 amount; /* minor units */
	int64 before; /* what was refunded before it */
	int64 points;
	bool replayed;
} Refund;

SS_QUERY(known_key_query,
		 "SELECT r.refund_id, r.transaction_id, r.amount_minor, r.refunded_before_minor, r.points, r.amount_was_given"
		 "  FROM swipesavvy.refunds r WHERE r.user_id = $1 AND r.idempotency_key = $2",
		 UUIDOID, TEXTOID);
SS_QUERY(
	write_refund_query,
	"INSERT INTO swipesavvy.refunds (user_id, refund_id, transaction_id, amount_minor, refunded_before_minor, points,"
	"       amount_was_given, idempotency_key, recorded_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	UUIDOID, UUIDOID, UUIDOID, INT8OID, INT8OID, INT8OID, BOOLOID, TEXTOID, TIMESTAMPTZOID);
SS_QUERY(write_transaction_query,
		 "UPDATE swipesavvy.transactions t"
		 "   SET refunded_minor = t.refunded_minor + $3, points_refunded = t.points_refunded + $4"
		 " WHERE t.transaction_id = $1 AND t.user_id = $2",
		 UUIDOID, UUIDOID, INT8OID, INT8OID);

/* What refunds from $3 to $4 of an amount $5 give back of each award. */
#define BACK(x) "(div(" x "::numeric * $4, $5) - div(" x "::numeric * $3, $5))::bigint"
SS_QUERY(
	returns_query,
	"SELECT c.campaign_id, r.campaign_no, r.day, " BACK("r.discount_minor") ", " BACK(
		"r.cost_minor") "  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no"
						" WHERE r.user_id = $1 AND r.transaction_id = $2 ORDER BY r.position",
	UUIDOID, UUIDOID, INT8OID, INT8OID, INT8OID);
SS_QUERY(write_returns_query,
		 "UPDATE swipesavvy.campaign_redemptions r"
		 "   SET cost_returned_minor = r.cost_returned_minor + " BACK(
			 "r.cost_minor") ", counts = $4 < $5"
							 " WHERE r.user_id = $1 AND r.transaction_id = $2",
		 UUIDOID, UUIDOID, INT8OID, INT8OID, INT8OID);

/* floor(points * refunded / amount) */
static int64
points_of(const SSRecorded *purchase, int64 refunded)
{
	return (int64) ((int128) purchase->points * refunded / purchase->amount);
}

/* Was this key used before? Then that refund, if it was asked for with the same arguments. */
static bool
find_known(const SSRecorded *purchase, const int64 *amount, const char *key, Refund *refund)
{
	Datum values[2] = {UUIDPGetDatum(&purchase->user_id)};
	const pg_uuid_t *transaction_id;
	bool amount_was_given;
	SSRows rows;
	SSRow row;

	if (key == NULL)
		return false;
	values[1] = CStringGetTextDatum(key);
	rows = ss_rows_latest(&known_key_query, values, NULL);
	if (rows.count == 0)
		return false;
	row = ss_row(rows, 0);
	refund->refund_id = *ss_next_uuid(&row);
	transaction_id = ss_next_uuid(&row);
	refund->amount = ss_next_int64(&row);
	refund->before = ss_next_int64(&row);
	refund->points = ss_next_int64(&row);
	amount_was_given = ss_next_bool(&row);
	refund->replayed = true;
	if (!ss_uuid_equal(transaction_id, &purchase->transaction_id) || amount_was_given != (amount != NULL) ||
		(amount != NULL && *amount != refund->amount))
		ss_duplicate("idempotency_key was used with other arguments", "The key is \"%s\".", key);
	return true;
}

/* What this refund takes back; refuses what cannot be refunded. */
static void
make_refund(const SSRecorded *purchase, const int64 *amount, Refund *refund)
{
	int64 left = purchase->amount - purchase->refunded;

	ss_recorded_require(purchase, SS_COMPLETED);
	if (left == 0)
		ss_exhausted("nothing is left to be refunded", "The amount of transaction \"%s\" is refunded already.",
					 ss_uuid_text(&purchase->transaction_id));
	if (amount != NULL && *amount > left)
		ss_exhausted("amount is more than is left to be refunded",
					 "The amount is " INT64_FORMAT " and " INT64_FORMAT " are left, in minor units.", *amount, left);
	ss_uuid7_make(&refund->refund_id);
	refund->amount = amount != NULL ? *amount : left;
	refund->before = purchase->refunded;
	refund->points = points_of(purchase, refund->before + refund->amount) - purchase->points_refunded;
	refund->replayed = false;
}

/* The parameters of the queries about awards. */
static void
set_parameters(const SSRecorded *purchase, const Refund *refund, Datum *values)
{
	values[0] = UUIDPGetDatum(&purchase->user_id);
	values[1] = UUIDPGetDatum(&purchase->transaction_id);
	values[2] = Int64GetDatum(refund->before);
	values[3] = Int64GetDatum(refund->before + refund->amount);
	values[4] = Int64GetDatum(purchase->amount);
}

/* Gives back to budgets, and to the limits when nothing is left of the purchase. */
static void
return_awards(const SSRecorded *purchase, const Refund *refund)
{
	bool whole = refund->before + refund->amount == purchase->amount;
	Datum values[5];
	SSRows rows;
	SSTake *takes;

	set_parameters(purchase, refund, values);
	rows = ss_rows_latest(&returns_query, values, NULL);
	if (rows.count == 0)
		return;
	takes = palloc(2 * rows.count * sizeof(SSTake));
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int32 campaign_no;
		DateADT day;

		ss_next_skip(&row, 1);
		campaign_no = ss_next_int32(&row);
		day = ss_next_date(&row);
		ss_next_skip(&row, 1);
		ss_slots_takes_of_award(&takes[2 * i], campaign_no, day, ss_next_int64(&row), whole);
	}
	(void) ss_query_latest(&write_returns_query, values, NULL);
	ss_slots_give_back(takes, 2 * (int) rows.count);
}

static void
write_refund(const SSRecorded *purchase, const Refund *refund, bool amount_was_given, const char *key, TimestampTz now)
{
	Datum values[9] = {
		UUIDPGetDatum(&purchase->user_id), UUIDPGetDatum(&refund->refund_id), UUIDPGetDatum(&purchase->transaction_id),
		Int64GetDatum(refund->amount),	   Int64GetDatum(refund->before),	  Int64GetDatum(refund->points),
		BoolGetDatum(amount_was_given)};
	bool nulls[9] = {false};
	Datum changes[4] = {values[2], values[0], values[3], values[5]};

	ss_param_text(values, nulls, 7, key);
	values[8] = TimestampTzGetDatum(now);
	(void) ss_query_latest(&write_refund_query, values, nulls);
	(void) ss_query_latest(&write_transaction_query, changes, NULL);
}

/* Books a new refund: account, purchase, entry, budgets and limits; and tells of it. */
static void
book(SSBalance *balance, const SSRecorded *purchase, const Refund *refund, bool amount_was_given, const char *key,
	 int exponent)
{
	SSFactChanges *changes = ss_fact_changes_begin(purchase, 1);

	return_awards(purchase, refund);
	write_refund(purchase, refund, amount_was_given, key, balance->now);
	ss_recorded_move(purchase, "refund", "available", "issuance", refund->points, balance->now);
	ss_points_tell_refund(&balance->account, &(SSRefunded){
												 .refund_id = &refund->refund_id,
												 .transaction_id = &purchase->transaction_id,
												 .currency = purchase->currency,
												 .exponent = exponent,
												 .amount = refund->amount,
												 .total = refund->before + refund->amount,
												 .points = refund->points,
												 .at = balance->now,
											 });
	ss_balance_write(balance);
	ss_fact_changes_end(changes);
}

static void
add_result(SSJson *json, const SSRecorded *purchase, const Refund *refund, int exponent, int64 points_balance,
		   const char *tier)
{
	Datum values[5];
	SSRows rows;

	set_parameters(purchase, refund, values);
	rows = ss_rows_latest(&returns_query, values, NULL);
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "refund_id", &refund->refund_id);
	ss_json_uuid(json, "transaction_id", &purchase->transaction_id);
	ss_json_text(json, "status", ss_status_names[purchase->status]);
	ss_json_money(json, "refunded", refund->amount, exponent);
	ss_json_money(json, "refunded_total", refund->before + refund->amount, exponent);
	ss_json_int(json, "points_reversed", refund->points);
	ss_json_int(json, "points_balance", points_balance);
	ss_json_text(json, "tier", tier);
	ss_json_open_array(json, "returned");
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", ss_next_text(&row));
		ss_next_skip(&row, 2);
		ss_json_money(json, "discount", ss_next_int64(&row), exponent);
		ss_json_money(json, "cost", ss_next_int64(&row), exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
	ss_json_bool(json, "replayed", refund->replayed);
	ss_json_close_object(json);
}

/*
 * refund_transaction(transaction_id, amount, idempotency_key, user_id): amount
 * in major units of the purchase's currency; null = all that is left.
 */
Datum
swipesavvy_refund_transaction(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *transaction_id;
	Numeric major;
	char *key;
	const pg_uuid_t *user_id;
	SSBalance balance;
	SSRecorded purchase;
	Refund refund;
	int64 minor;
	int64 *amount = NULL;
	int exponent;
	const char *tier;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the ledger is its record */
	transaction_id = ss_arg_uuid(fcinfo, 0, "transaction_id", true);
	major = ss_arg_numeric(fcinfo, 1, "amount", false);
	key = ss_arg_text(fcinfo, 2, "idempotency_key", SS_KEY_MAX, false);
	user_id = ss_arg_uuid(fcinfo, 3, "user_id", false);
	if (user_id == NULL)
		user_id = ss_recorded_find_user(transaction_id);
	ss_balance_lock(&balance, user_id);
	ss_recorded_read(user_id, transaction_id, &purchase);
	exponent = ss_rules_exponent(balance.rules, purchase.currency);
	if (major != NULL)
	{
		minor = ss_scaled_from_numeric(major, exponent, 1, PG_INT64_MAX, "amount");
		amount = &minor;
	}
	if (!find_known(&purchase, amount, key, &refund))
	{
		make_refund(&purchase, amount, &refund);
		if (strcmp(purchase.currency, balance.account.spent_currency) == 0)
			balance.account.spent -= refund.amount;
		ss_balance_debit(&balance, refund.points, true);
	}
	tier = pstrdup(ss_balance_tier(&balance));
	if (!refund.replayed)
		book(&balance, &purchase, &refund, amount != NULL, key, exponent);
	add_result(&json, &purchase, &refund, exponent, balance.account.available, tier);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
