/*
 * settlement.c: what becomes of pending purchases: settled, declined or lapsed.
 *
 * SQL entry points. Locks are those of a purchase, in the same order: the
 * table campaign_redemptions, accounts by user_id (when a purchase is settled,
 * also of whoever is to be paid for bringing its user), slots. Points and
 * discounts are those of when the purchase was recorded, unless it is settled
 * for another amount (settled_amount.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "base/uuid.h"
#include "call/call.h"
#include "ledger/entry.h"
#include "ledger/referral.h"
#include "purchases/fact_changes.h"
#include "purchases/recorded.h"
#include "purchases/settled_amount.h"

PG_FUNCTION_INFO_V1(swipesavvy_settle_transaction);
PG_FUNCTION_INFO_V1(swipesavvy_decline_transaction);
PG_FUNCTION_INFO_V1(swipesavvy_lapse_transactions);

#define LAPSE_MAX	  10000 /* purchases of one call of lapse_transactions() */
#define LAPSE_DEFAULT 1000

SS_QUERY(referrer_query,
		 "SELECT b.user_id FROM swipesavvy.reward_accounts a"
		 "  JOIN swipesavvy.reward_accounts b ON b.user_id = a.referral_for WHERE a.user_id = $1",
		 UUIDOID);
SS_QUERY(awards_query,
		 "SELECT c.campaign_id, r.points, r.discount_minor"
		 "  FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no"
		 " WHERE r.transaction_id = $1 AND r.user_id = $2 ORDER BY r.position",
		 UUIDOID, UUIDOID);
SS_QUERY(due_query,
		 "SELECT t.user_id, t.transaction_id FROM swipesavvy.transactions t"
		 " WHERE t.status = 'pending' AND t.recorded_at < $1 ORDER BY t.recorded_at LIMIT $2",
		 TIMESTAMPTZOID, INT8OID);
SS_QUERY(return_awards_query,
		 "UPDATE swipesavvy.campaign_redemptions r SET counts = false, cost_returned_minor = r.cost_minor"
		 "  FROM unnest($1, $2) k (transaction_id, user_id)"
		 " WHERE r.user_id = k.user_id AND r.transaction_id = k.transaction_id AND r.user_id = ANY ($2)"
		 " RETURNING r.campaign_no, r.day, r.cost_minor",
		 UUIDARRAYOID, UUIDARRAYOID);

/* When a pending purchase must have been recorded to be due at that moment: before this. */
static TimestampTz
due_before(const SSRules *rules, TimestampTz moment)
{
	TimestampTz result;

	if (pg_sub_s64_overflow(moment, rules->settings.pending_expiry_days * USECS_PER_DAY, &result))
		return DT_NOBEGIN;
	return result;
}

/* The keys that both answers have. */
static void
begin_result(SSJson *json, const SSRecorded *purchase, SSStatus status, const char *points_key,
			 const SSAccount *account, const char *tier)
{
	ss_json_open_object(json, NULL);
	ss_json_uuid(json, "transaction_id", &purchase->transaction_id);
	ss_json_text(json, "status", ss_status_names[status]);
	ss_json_int(json, points_key, purchase->points);
	ss_json_int(json, "points_balance", account->available);
	ss_json_int(json, "points_pending", account->pending);
	ss_json_text(json, "tier", tier);
}

/* --- settling ------------------------------------------------------------------------- */

/*
 * Locks the account of a user, and that of whoever brought it if that is to be
 * paid still: balances[0] and, when this is true, balances[1].
 */
static bool
lock_with_referrer(SSBalance *balances, const pg_uuid_t *user_id)
{
	Datum key = UUIDPGetDatum(user_id);
	SSRows referrer = ss_rows_latest(&referrer_query, &key, NULL);
	pg_uuid_t ids[2] = {*user_id};
	SSBalance first;

	if (referrer.count == 0)
	{
		ss_balance_lock(&balances[0], user_id);
		return false;
	}
	ids[1] = *ss_one_uuid(referrer);
	if (ss_uuid_compare(&ids[0], &ids[1]) < 0)
	{
		ss_balance_lock_all(balances, ids, 2);
		return true;
	}
	ids[0] = ids[1];
	ids[1] = *user_id;
	ss_balance_lock_all(balances, ids, 2);
	first = balances[0];
	balances[0] = balances[1];
	balances[1] = first;
	return true;
}

static void
require_in_time(const SSBalance *balance, const SSRecorded *purchase)
{
	if (purchase->recorded_at < due_before(balance->rules, balance->now))
		ss_bad_state("transaction has lapsed", "Transaction \"%s\" was pending for more than %d days.",
					 ss_uuid_text(&purchase->transaction_id), balance->rules->settings.pending_expiry_days);
}

/* Makes the points of a pending purchase, for which so many were held, available, in memory. */
static void
credit(SSBalance *balance, const SSRecorded *purchase, int64 held)
{
	SSAccount *account = &balance->account;

	account->pending -= held;
	if (strcmp(purchase->currency, account->spent_currency) == 0)
		account->spent = ss_add(account->spent, purchase->amount, "spent amount");
	ss_balance_credit(balance, purchase->points, purchase->occurred_at, true);
}

static void
write_referral(const SSRecorded *purchase, const pg_uuid_t *user_id, int64 points, TimestampTz now)
{
	(void) ss_entry_write(&(SSEntry){
		.user_id = user_id,
		.kind = "referral",
		.debit = "issuance",
		.credit = "available",
		.points = points,
		.transaction_id = &purchase->transaction_id,
		.recorded_at = now,
	});
}

/* Settles a purchase whose account is locked, and pays for bringing its user if that is due. */
static void
settle(SSBalance *balances, bool has_referrer, SSRecorded *purchase, const int64 *amount, const char **tier)
{
	const pg_uuid_t *user_id = &purchase->user_id;
	TimestampTz now = balances[0].now;
	int64 held = purchase->points;
	int64 bonus = 0;
	bool paid = false;
	SSFactChanges *changes;

	require_in_time(&balances[0], purchase);
	changes = ss_fact_changes_begin(purchase, 1);
	if (amount != NULL && *amount != purchase->amount)
	{
		ss_settled_amount_change(balances[0].rules, purchase, *amount, now);
		balances[0].rules = balances[1].rules = ss_rules_get();
	}
	credit(&balances[0], purchase, held);
	if (balances[0].account.has_referrer)
		bonus = ss_referral_pay(balances[0].rules, &balances[0].account, has_referrer ? &balances[1].account : NULL,
								now, &paid);
	*tier = pstrdup(ss_balance_tier(&balances[0]));
	ss_recorded_set_status(purchase, 1, SS_COMPLETED);
	ss_recorded_move(purchase, "settle", "pending", "available", purchase->points, now);
	write_referral(purchase, user_id, bonus, now);
	ss_balance_write(&balances[0]);
	if (paid)
	{
		write_referral(purchase, &balances[1].account.id, bonus, now);
		ss_balance_write(&balances[1]);
	}
	ss_fact_changes_end(changes);
}

/* What the purchase came to: its amount, and what each campaign gave. */
static void
add_settled(SSJson *json, const SSRecorded *purchase, int exponent)
{
	Datum keys[2] = {UUIDPGetDatum(&purchase->transaction_id), UUIDPGetDatum(&purchase->user_id)};
	SSRows rows = ss_rows_latest(&awards_query, keys, NULL);

	ss_json_money(json, "amount", purchase->amount, exponent);
	ss_json_text(json, "currency", purchase->currency);
	ss_json_open_array(json, "awards");
	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);

		ss_json_open_object(json, NULL);
		ss_json_text(json, "campaign_id", ss_next_text(&row));
		ss_json_int(json, "points", ss_next_int64(&row));
		ss_json_money(json, "discount", ss_next_int64(&row), exponent);
		ss_json_close_object(json);
	}
	ss_json_close_array(json);
}

/*
 * settle_transaction(transaction_id, user_id, amount): amount in major units of
 * the purchase's currency; null = the one that was recorded.
 */
Datum
swipesavvy_settle_transaction(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *transaction_id;
	const pg_uuid_t *user_id;
	Numeric major;
	SSRecorded purchase;
	SSBalance balances[2];
	bool has_referrer;
	int64 amount = 0;
	int exponent;
	const char *tier;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the ledger and the row of settlements are its record */
	transaction_id = ss_arg_uuid(fcinfo, 0, "transaction_id", true);
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", false);
	major = ss_arg_numeric(fcinfo, 2, "amount", false);
	if (user_id == NULL)
		user_id = ss_recorded_find_user(transaction_id);
	has_referrer = lock_with_referrer(balances, user_id);
	ss_recorded_read(user_id, transaction_id, &purchase);
	exponent = ss_rules_exponent(balances[0].rules, purchase.currency);
	if (major != NULL)
		amount = ss_settled_amount_arg(balances[0].rules, &purchase, major);
	ss_recorded_require(&purchase, SS_PENDING);
	settle(balances, has_referrer, &purchase, major != NULL ? &amount : NULL, &tier);
	begin_result(&json, &purchase, SS_COMPLETED, "points_earned", &balances[0].account, tier);
	add_settled(&json, &purchase, exponent);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- declining ------------------------------------------------------------------------- */

/* Gives back what purchases hold of budgets and limits. */
static void
return_awards(const SSRecorded *purchases, int count)
{
	Datum values[2] = {ss_uuid_array(&purchases[0].transaction_id, count, sizeof(SSRecorded)),
					   ss_uuid_array(&purchases[0].user_id, count, sizeof(SSRecorded))};
	SSRows rows = ss_rows_latest(&return_awards_query, values, NULL);
	SSTake *takes = palloc(Max(2 * rows.count, 1) * sizeof(SSTake));

	for (uint64 i = 0; i < rows.count; i++)
	{
		SSRow row = ss_row(rows, i);
		int32 campaign_no = ss_next_int32(&row);
		DateADT day = ss_next_date(&row);

		ss_slots_takes_of_award(&takes[2 * i], campaign_no, day, ss_next_int64(&row), true);
	}
	ss_slots_give_back(takes, 2 * (int) rows.count);
}

/* Declines pending purchases of locked users; balances and purchases are in the order of user_id. */
static void
decline(SSBalance *balances, const SSRecorded *purchases, int count)
{
	SSBalance *balance = balances;
	SSFactChanges *changes = ss_fact_changes_begin(purchases, count);

	for (int i = 0; i < count; i++)
	{
		while (!ss_uuid_equal(&balance->account.id, &purchases[i].user_id))
			balance++;
		balance->account.pending -= purchases[i].points;
		balance->account.changed = true;
	}
	ss_recorded_set_status(purchases, count, SS_FAILED);
	return_awards(purchases, count);
	for (int i = 0; i < count; i++)
		ss_recorded_move(&purchases[i], "decline", "pending", "issuance", purchases[i].points, balances[0].now);
	for (SSBalance *b = balances; b <= balance; b++)
		ss_balance_write(b);
	ss_fact_changes_end(changes);
}

/*
 * decline_transaction(transaction_id, user_id)
 */
Datum
swipesavvy_decline_transaction(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	pg_uuid_t *transaction_id;
	const pg_uuid_t *user_id;
	SSRecorded purchase;
	SSBalance balance;
	const char *tier;

	ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
	ss_audit_none(&call); /* the ledger is its record */
	transaction_id = ss_arg_uuid(fcinfo, 0, "transaction_id", true);
	user_id = ss_arg_uuid(fcinfo, 1, "user_id", false);
	if (user_id == NULL)
		user_id = ss_recorded_find_user(transaction_id);
	ss_balance_lock(&balance, user_id);
	ss_recorded_read(user_id, transaction_id, &purchase);
	ss_recorded_require(&purchase, SS_PENDING);
	tier = pstrdup(ss_balance_tier(&balance));
	decline(&balance, &purchase, 1);
	begin_result(&json, &purchase, SS_FAILED, "points_released", &balance.account, tier);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}

/* --- lapsing ------------------------------------------------------------------------------ */

static int
compare_by_user(const void *a, const void *b)
{
	const SSRecorded *x = a;
	const SSRecorded *y = b;
	int order = ss_uuid_compare(&x->user_id, &y->user_id);

	return order != 0 ? order : ss_uuid_compare(&x->transaction_id, &y->transaction_id);
}

/* The ids of pending purchases that are due, in the order of user_id; *found is their number. */
static SSRecorded *
find_due(TimestampTz before, int64 limit, int *found)
{
	Datum values[2] = {TimestampTzGetDatum(before), Int64GetDatum(limit)};
	SSRows rows = ss_rows_latest(&due_query, values, NULL);
	SSRecorded *purchases = palloc(Max(rows.count, 1) * sizeof(SSRecorded));

	*found = (int) rows.count;
	for (int i = 0; i < *found; i++)
	{
		SSRow row = ss_row(rows, i);

		purchases[i].user_id = *ss_next_uuid(&row);
		purchases[i].transaction_id = *ss_next_uuid(&row);
	}
	qsort(purchases, *found, sizeof(SSRecorded), compare_by_user);
	return purchases;
}

/* Locks the users of these purchases, and reads them; those that are no longer pending fall out. */
static int
lock_and_read(SSBalance *balances, SSRecorded *purchases, int count)
{
	pg_uuid_t *users = palloc(count * sizeof(pg_uuid_t));
	int nusers = 0;
	int pending = 0;

	for (int i = 0; i < count; i++)
	{
		if (i == 0 || !ss_uuid_equal(&purchases[i].user_id, &users[nusers - 1]))
			users[nusers++] = purchases[i].user_id;
	}
	ss_balance_lock_all(balances, users, nusers);
	for (int i = 0; i < count; i++)
	{
		SSRecorded purchase;

		ss_recorded_read(&purchases[i].user_id, &purchases[i].transaction_id, &purchase);
		if (purchase.status == SS_PENDING)
			purchases[pending++] = purchase;
	}
	return pending;
}

/*
 * lapse_transactions(as_of, page_size): {lapsed, more}. All accounts are locked
 * before any slot, so a call is one batch.
 */
Datum
swipesavvy_lapse_transactions(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz as_of;
	int64 limit;
	bool isnull;
	int found;
	int count = 0;
	SSRecorded *purchases;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* the ledger is its record */
	as_of = ss_arg_as_of(fcinfo, 0, true);
	limit = ss_arg_int4(fcinfo, 1, "page_size", 1, LAPSE_MAX, &isnull);
	if (isnull)
		limit = LAPSE_DEFAULT;
	purchases = find_due(due_before(ss_rules_get(), as_of), limit, &found);
	if (found > 0)
	{
		SSBalance *balances = palloc(found * sizeof(SSBalance));

		count = lock_and_read(balances, purchases, found);
		if (count > 0)
			decline(balances, purchases, count);
	}
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "lapsed", count);
	ss_json_bool(&json, "more", found == limit);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
