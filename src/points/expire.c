/*
 * expire.c: takes the points that are too old (awards.md, "The ledger").
 *
 * SQL entry point, for a daily job. Due at T is what was credited for months
 * that, with points_expiry_months after them, have ended by T, less all that
 * was ever taken. It is never more than the user has: that is all credits,
 * less the same.
 *
 * Users are found and taken in the order of their ids, a thousand at a time:
 * first those who seem to have something due, without locks; then, under the
 * locks on their accounts (balance.h), what is due is added up again. So users
 * with nothing due are not locked, and whoever spends meanwhile is not taken
 * from twice. Rows go out as arrays; what a thousand users need is freed with
 * them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/columns.h"
#include "base/errors.h"
#include "base/money.h"
#include "base/query.h"
#include "call/call.h"
#include "engine/write.h"
#include "ledger/account_write.h"
#include "ledger/balance.h"
#include "ledger/lots.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(swipesavvy_expire_points);

#define USERS_AT_ONCE 1000

SS_QUERY(
	write_entries,
	"INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)"
	" SELECT k.user_id, swipesavvy.uuid_v7(), k.points, $3, 'expire', 'available', 'expiry'"
	"   FROM unnest($1, $2) k (user_id, points)",
	UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID);

/* What was taken so far, and the user it came to. */
typedef struct Progress
{
	int64 users;
	int64 points;
	pg_uuid_t last;
} Progress;

/* Takes what is due from these users. */
static void
expire_users(const pg_uuid_t *ids, int count, TimestampTz before, Progress *progress)
{
	static const Oid types[] = {UUIDOID, INT8OID};
	SSBalance *balances = palloc(count * sizeof(SSBalance));
	SSAccount *accounts = palloc(count * sizeof(SSAccount));
	int64 *due = palloc(count * sizeof(int64));
	SSColumns entries;
	Datum values[3];

	ss_balance_lock_all(balances, ids, count);
	for (int i = 0; i < count; i++)
		accounts[i] = balances[i].account;
	ss_lots_left_before(accounts, count, before, due);
	ss_columns_init(&entries, lengthof(types), types, count);
	for (int i = 0; i < count; i++)
	{
		if (due[i] == 0)
			continue;
		accounts[i].available = ss_add(accounts[i].available, -due[i], "points balance");
		ss_lots_debit_before(&accounts[i], due[i], before);
		accounts[i].changed = true;
		progress->users++;
		progress->points = ss_add(progress->points, due[i], "points");
		ss_columns_next(&entries);
		ss_columns_set(&entries, 0, UUIDPGetDatum(&accounts[i].id));
		ss_columns_set(&entries, 1, Int64GetDatum(due[i]));
	}
	if (entries.nrows == 0)
		return;
	ss_columns_arrays(&entries, values);
	values[2] = TimestampTzGetDatum(balances[0].now);
	ss_query_latest_rows(&write_entries, values, NULL, entries.nrows);
	ss_account_write(NULL, accounts, count);
}

/* The next users, in an SPI connection of their own; false when there are none left. */
static bool
expire_some(TimestampTz before, Progress *progress, bool first)
{
	pg_uuid_t *ids;
	int count;

	ss_query_connect();
	ids = palloc(USERS_AT_ONCE * sizeof(pg_uuid_t));
	count = ss_lots_find_left_before(before, &progress->last, !first, USERS_AT_ONCE, ids);
	if (count > 0)
	{
		progress->last = ids[count - 1];
		expire_users(ids, count, before, progress);
	}
	ss_query_disconnect();
	return count == USERS_AT_ONCE;
}

static void
add_progress(SSJson *json, const Progress *progress, TimestampTz as_of, TimestampTz before)
{
	ss_json_open_object(json, NULL);
	ss_json_int(json, "users", progress->users);
	ss_json_int(json, "points", progress->points);
	ss_json_time(json, "as_of", as_of);
	if (before == DT_NOBEGIN)
		ss_json_null(json, "earned_before");
	else
		ss_json_time(json, "earned_before", before);
	ss_json_close_object(json);
}

/*
 * expire_points(as_of): users, points, as_of, and the first time of a purchase
 * whose points stay
 */
Datum
swipesavvy_expire_points(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	Progress progress = {0};
	TimestampTz as_of;
	TimestampTz before = DT_NOBEGIN;
	const SSRules *rules;

	ss_call_enter(&call, SS_ADMIN);
	as_of = ss_arg_as_of(fcinfo, 0, false);
	rules = ss_rules_get();
	if (rules->settings.points_expiry_months > 0)
	{
		before = ss_rules_month_start(rules, as_of, rules->settings.points_expiry_months);
		for (bool first = true; expire_some(before, &progress, first); first = false)
			CHECK_FOR_INTERRUPTS();
	}
	if (progress.users > 0)
	{
		SSAudit audit = {.resource = "points", .action = "expire"};
		SSJson details = {0};

		add_progress(&details, &progress, as_of, before);
		ss_audit_write(&call, &audit, NULL, DatumGetJsonbP(ss_json_finish(&details)));
	}
	else
		ss_audit_none(&call);
	add_progress(&json, &progress, as_of, before);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
