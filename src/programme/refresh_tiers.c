/*
 * refresh_tiers.c: writes down the tiers that users hold once the time is over
 * for which they were kept.
 *
 * SQL entry point, for the end of a year. Everybody who reads a tier works that
 * out already (tier.c), so nothing depends on when it runs. Locks are the
 * engine's: accounts by user_id.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/query.h"
#include "call/call.h"
#include "ledger/balance.h"
#include "ledger/tier.h"

PG_FUNCTION_INFO_V1(swipesavvy_refresh_tiers);

#define REFRESH_MAX		100000 /* accounts of one call */
#define REFRESH_DEFAULT 10000

/* Accounts that were kept in a tier until $1 at the latest which their points do not make, or which is gone. */
SS_QUERY(due_query,
		 "SELECT a.user_id FROM swipesavvy.reward_accounts a"
		 "  LEFT JOIN swipesavvy.tiers t ON t.tier = a.tier AND t.is_active"
		 " WHERE a.tier_until <= $1 AND (t.tier IS NULL OR t.threshold > a.lifetime_points)"
		 " ORDER BY a.user_id LIMIT $2",
		 TIMESTAMPTZOID, INT8OID);

/*
 * refresh_tiers(as_of, page_size): {refreshed, more}
 */
Datum
swipesavvy_refresh_tiers(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	TimestampTz as_of;
	Datum values[2];
	bool isnull;
	int64 limit;
	SSRows due;
	int found;
	int refreshed = 0;
	pg_uuid_t *users;
	SSBalance *balances;

	ss_call_enter(&call, SS_ADMIN);
	ss_audit_none(&call); /* nothing changes but how it is written down */
	as_of = ss_arg_as_of(fcinfo, 0, true);
	limit = ss_arg_int4(fcinfo, 1, "page_size", 1, REFRESH_MAX, &isnull);
	if (isnull)
		limit = REFRESH_DEFAULT;
	values[0] = TimestampTzGetDatum(as_of);
	values[1] = Int64GetDatum(limit);
	due = ss_rows_latest(&due_query, values, NULL);
	found = (int) due.count;
	users = palloc(Max(found, 1) * sizeof(pg_uuid_t));
	for (int i = 0; i < found; i++)
	{
		SSRow row = ss_row(due, i);

		users[i] = *ss_next_uuid(&row);
	}
	balances = palloc(Max(found, 1) * sizeof(SSBalance));
	if (found > 0)
		ss_balance_lock_all(balances, users, found);
	for (int i = 0; i < found; i++)
	{
		const char *held = ss_tier_held(balances[i].rules, &balances[i].account, as_of)->name;

		if (strcmp(held, balances[i].account.tier) == 0)
			continue;
		balances[i].account.tier = pstrdup(held);
		balances[i].account.changed = true;
		refreshed++;
	}
	for (int i = 0; i < found; i++)
		ss_balance_write(&balances[i]);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "refreshed", refreshed);
	ss_json_bool(&json, "more", found == limit);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
