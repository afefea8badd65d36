/*
 * check_ledger.c: check_ledger(): verifies a few accounts at random, and those
 * that were found wrong again until they are right.
 *
 * SQL entry point, and a job of the background worker. It reads one snapshot,
 * the latest, in which each purchase is whole; it waits for nobody, and locks
 * nothing but its own rows. Its work does not grow with the ledger: the sample is made of
 * random blocks of the accounts' table, and ends when it has so many purchases.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/audit.h"
#include "base/args.h"
#include "base/array.h"
#include "base/errors.h"
#include "base/query.h"
#include "call/call.h"
#include "ledger/verify.h"

PG_FUNCTION_INFO_V1(swipesavvy_check_ledger);

#define ACCOUNTS_DEFAULT 25
#define ACCOUNTS_MAX	 10000
#define PURCHASES_EACH                                                                                                 \
	10 /* so many times the accounts a sample has purchases at most; one account, if it is the first, 20 times as many */
#define BLOCKS			 100  /* that the sample is taken from, at least */
#define TIMES			 3	  /* as many accounts as wanted are in them: not each block has as many */
#define ACCOUNTS_A_BLOCK 30.0 /* where nobody has counted */

/* How many blocks the accounts have, and as far as anybody has counted, how many accounts a block has: many may be all but empty. */
SS_QUERY(
	count_blocks,
	"SELECT s.blocks, least(c.reltuples / nullif(c.relpages, 0), c.reltuples / nullif(s.blocks, 0))::float8"
	"  FROM pg_class c, (SELECT pg_relation_size('swipesavvy.reward_accounts') / current_setting('block_size')::int8 AS blocks) s"
	" WHERE c.oid = 'swipesavvy.reward_accounts'::regclass");

/*
 * Of so many percent ($1) of the blocks at most so many accounts ($2) with so
 * many purchases altogether ($3), or one with 20 times as many; and those known
 * to be wrong, the one first that has not been looked at for longest. A number
 * of purchases that cannot be is not believed. Purchases are counted of those
 * that were drawn alone: the blocks may hold a thousand accounts more.
 */
#define COUNT(account, most)                                                                                           \
	"(SELECT count(*) FROM (SELECT 1 FROM swipesavvy.transactions p WHERE p.user_id = " account ".user_id LIMIT " most \
	") p)"
SS_QUERY(
	choose_accounts,
	"SELECT array_agg(DISTINCT c.user_id) FROM ("
	" (SELECT t.user_id FROM"
	"   (SELECT s.user_id, s.purchases, sum(s.purchases) OVER (ORDER BY s.place) AS until FROM"
	"     (SELECT d.user_id, d.place, n.purchases"
	"        FROM (SELECT r.user_id, r.transaction_count, random() AS place"
	"                FROM swipesavvy.reward_accounts r TABLESAMPLE SYSTEM ($1) ORDER BY place LIMIT $2) d"
	"       CROSS JOIN LATERAL (SELECT CASE WHEN d.transaction_count BETWEEN 0 AND $3 THEN d.transaction_count"
	"             ELSE " COUNT(
		"d",
		"$3 + 1") " END AS purchases OFFSET 0) n) s) t"
				  "   WHERE t.until <= $3 OR (t.until = t.purchases AND " COUNT(
					  "t",
					  "20 * $3 + 1") " <= 20 * $3))"
									 " UNION ALL (SELECT m.user_id FROM swipesavvy.ledger_mismatches m ORDER BY m.checked_at, m.user_id LIMIT $2)) c (user_id)",
	FLOAT8OID, INT8OID, INT8OID);

/* Both: $1 the accounts that were looked at, $2 when, $3 and $4 the account and the check of each mismatch */
SS_QUERY(note_right, "DELETE FROM swipesavvy.ledger_mismatches WHERE user_id = ANY ($1) AND user_id <> ALL ($3)",
		 UUIDARRAYOID, TIMESTAMPTZOID, UUIDARRAYOID, TEXTARRAYOID);
SS_QUERY(
	note_wrong,
	"INSERT INTO swipesavvy.ledger_mismatches AS m (user_id, checks, found_at, checked_at)"
	" SELECT f.user_id, array_agg(f.name ORDER BY f.name COLLATE \"C\"), $2, $2 FROM unnest($3, $4) f (user_id, name)"
	"  GROUP BY f.user_id ORDER BY f.user_id"
	" ON CONFLICT (user_id) DO UPDATE SET checks = excluded.checks, checked_at = excluded.checked_at",
	UUIDARRAYOID, TIMESTAMPTZOID, UUIDARRAYOID, TEXTARRAYOID);
SS_QUERY(
	count_checked,
	"INSERT INTO swipesavvy.ledger_check_days AS d (day, accounts, mismatches, last_at) VALUES (($1 AT TIME ZONE 'UTC')::date, $2, $3, $1)"
	" ON CONFLICT (day) DO UPDATE SET accounts = d.accounts + excluded.accounts, mismatches = d.mismatches + excluded.mismatches,"
	"    last_at = excluded.last_at",
	TIMESTAMPTZOID, INT8OID, INT8OID);
SS_QUERY(forget_days, "DELETE FROM swipesavvy.ledger_check_days WHERE day < ($1 AT TIME ZONE 'UTC')::date - 400",
		 TIMESTAMPTZOID);

SS_QUERY(read_mismatches,
		 "SELECT user_id, checks, found_at FROM (SELECT user_id, to_jsonb(checks) AS checks, found_at, checked_at"
		 "  FROM swipesavvy.ledger_mismatches ORDER BY found_at, user_id LIMIT 100) m ORDER BY found_at, user_id");
SS_QUERY(count_mismatches, "SELECT count(*) FROM swipesavvy.ledger_mismatches");

/* What was found: the account and the name of the check, of each mismatch */
typedef struct Found
{
	int count;
	Datum *accounts;
	Datum *checks;
} Found;

static void
add_mismatch(const pg_uuid_t *user_id, const char *check, void *state)
{
	Found *found = state;
	pg_uuid_t *copy = palloc(sizeof(pg_uuid_t));

	found->accounts = ss_array_grow(found->accounts, found->count, sizeof(Datum));
	found->checks = ss_array_grow(found->checks, found->count, sizeof(Datum));
	*copy = *user_id;
	found->accounts[found->count] = UUIDPGetDatum(copy);
	found->checks[found->count++] = CStringGetTextDatum(check);
}

static Datum
array_of(Datum *items, int count, Oid type)
{
	return PointerGetDatum(construct_array(items, count, type, type == UUIDOID ? UUID_LEN : -1, false,
										   type == UUIDOID ? TYPALIGN_CHAR : TYPALIGN_INT));
}

/* The accounts (uuid[]) to be looked at, and how many they are; false if there are none. */
static bool
choose(int64 accounts, Datum *chosen, int64 *count)
{
	int64 blocks;
	double density;
	double wanted;
	bool none;
	SSRow row = ss_row(ss_rows_read(&count_blocks, NULL, NULL), 0);

	blocks = ss_next_int64(&row);
	blocks = Max(blocks, 1);
	density = ss_next_float8_or(&row, 0);
	if (density <= 0)
		density = ACCOUNTS_A_BLOCK;
	wanted = Max(BLOCKS, TIMES * accounts / density);
	row = ss_row(ss_rows_read(&choose_accounts,
							  (Datum[]){Float8GetDatum(Min(100.0, 100.0 * wanted / blocks)), Int64GetDatum(accounts),
										Int64GetDatum(accounts * PURCHASES_EACH)},
							  NULL),
				 0);
	*chosen = ss_next_value_or_null(&row, UUIDARRAYOID, &none);
	if (none)
		return false;
	*count = ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(*chosen)), ARR_DIMS(DatumGetArrayTypeP(*chosen)));
	return true;
}

static void
write_down(Datum accounts, int64 count, const Found *found)
{
	Datum values[4] = {accounts, TimestampTzGetDatum(GetCurrentTimestamp()),
					   array_of(found->accounts, found->count, UUIDOID),
					   array_of(found->checks, found->count, TEXTOID)};
	int64 wrong;

	(void) ss_query_latest(&note_right, values, NULL);
	wrong = (int64) ss_query_latest(&note_wrong, values, NULL);
	(void) ss_query_latest(&count_checked, (Datum[]){values[1], Int64GetDatum(count), Int64GetDatum(wrong)}, NULL);
	(void) ss_query_latest(&forget_days, &values[1], NULL);
}

/*
 * check_ledger(accounts): how many accounts were looked at, and all that are
 * known to be wrong
 */
Datum
swipesavvy_check_ledger(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	bool by_default;
	int64 wanted;
	int64 checked = 0;
	Datum accounts;
	Found found = {0};
	SSRow row;

	ss_call_enter(&call, SS_ADMIN | SS_IN_MAINTENANCE);
	ss_audit_none(&call); /* it keeps its own record */
	wanted = ss_arg_int4(fcinfo, 0, "accounts", 1, ACCOUNTS_MAX, &by_default);
	if (by_default)
		wanted = ACCOUNTS_DEFAULT;
	ss_query_avoid_scans();
	ss_query_plan_once(); /* making the plans would take longer than the checks */
	PushActiveSnapshot(GetLatestSnapshot());
	if (choose(wanted, &accounts, &checked))
	{
		ss_verify_accounts(accounts, add_mismatch, &found);
		PopActiveSnapshot();
		write_down(accounts, checked, &found);
	}
	else
		PopActiveSnapshot();
	row = ss_row(ss_rows_latest(&count_mismatches, NULL, NULL), 0);
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "accounts_checked", checked);
	ss_json_int(&json, "mismatches", ss_next_int64(&row));
	(void) ss_query_latest(&read_mismatches, NULL, NULL);
	ss_json_rows(&json, "accounts");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
