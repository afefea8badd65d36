/*
 * verify.c: recomputes every balance, budget and limit from the entries and
 * redemptions they are made of: all of them (verify_ledger()), or those of some
 * accounts (verify.h).
 *
 * Called by admins, analysts and tests. Reads only, under one snapshot, so it
 * may run beside any load: the latest one, as the engine writes by it. What a
 * REPEATABLE READ transaction has written would not fit what it sees. Each check is a query that counts what disagrees;
 * the references that the engine's tables have no foreign keys for are among
 * them.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "fmgr.h"
#include "utils/snapmgr.h"

#include "base/query.h"
#include "call/call.h"
#include "ledger/verify.h"

PG_FUNCTION_INFO_V1(swipesavvy_verify_ledger);

typedef struct Check
{
	const char *name;
	SSQuery query;
} Check;

/*
 * Checks that are of one account each, written once for two uses: CHECK(name,
 * whose, from) is given whose account a row is about that disagrees, and
 * TABLE() is what is read of a table that has a user_id.
 */
#define CHECKS_OF_ACCOUNTS(CHECK, TABLE)                                                                                                                                                         \
	CHECK(                                                                                                                                                                                       \
		"balances", "coalesce(a.user_id, s.user_id)",                                                                                                                                            \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_accounts") " a FULL JOIN"                                                                                                                                                    \
							   " (SELECT e.user_id,"                                                                                                                                             \
							   "         sum(CASE WHEN e.credit_account = 'available' THEN e.points WHEN e.debit_account = 'available'"                                                          \
							   "                  THEN -e.points ELSE 0 END) AS available,"                                                                                                      \
							   "         sum(CASE WHEN e.credit_account = 'pending' THEN e.points WHEN e.debit_account = 'pending'"                                                              \
							   "                  THEN -e.points ELSE 0 END) AS pending,"                                                                                                        \
							   "         sum(CASE WHEN e.kind IN ('earn', 'bonus', 'settle', 'referral') AND e.credit_account = 'available'"                                                     \
							   "                  THEN e.points WHEN e.kind = 'refund' THEN -e.points ELSE 0 END) AS lifetime"                                                                   \
							   "    FROM " TABLE(                                                                                                                                                \
								   "points_entries") " e GROUP BY e.user_id) s ON s.user_id = a.user_id"                                                                                         \
													 " WHERE a.user_id IS NULL OR a.points_available <> coalesce(s.available, 0)"                                                                \
													 "    OR a.points_pending <> coalesce(s.pending, 0) OR a.lifetime_points <> coalesce(s.lifetime, 0)")                                        \
	CHECK(                                                                                                                                                                                       \
		"totals_of_accounts", "a.user_id",                                                                                                                                                       \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_accounts") " a LEFT JOIN"                                                                                                                                                    \
							   " (SELECT t.user_id, t.currency, sum(t.amount_minor - t.refunded_minor) AS spent"                                                                                 \
							   "    FROM " TABLE(                                                                                                                                                \
								   "transactions") " t WHERE t.status = 'completed' GROUP BY t.user_id, t.currency) s"                                                                           \
												   "    ON s.user_id = a.user_id AND s.currency = a.spent_currency"                                                                              \
												   " WHERE a.spent_minor <> coalesce(s.spent, 0)")                                                                                               \
	CHECK(                                                                                                                                                                                       \
		"transaction_counts", "coalesce(a.user_id, s.user_id)",                                                                                                                                  \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_accounts") " a FULL JOIN"                                                                                                                                                    \
							   " (SELECT t.user_id, count(*) AS transactions FROM " TABLE(                                                                                                       \
								   "transactions") " t GROUP BY t.user_id) s"                                                                                                                    \
												   "    ON s.user_id = a.user_id"                                                                                                                \
												   " WHERE a.user_id IS NULL OR a.transaction_count <> coalesce(s.transactions, 0)")                                                             \
	CHECK(                                                                                                                                                                                       \
		"points_of_purchases", "coalesce(t.user_id, s.user_id)",                                                                                                                                 \
		"FROM " TABLE(                                                                                                                                                                           \
			"transactions") " t FULL JOIN"                                                                                                                                                       \
							" (SELECT e.user_id, e.transaction_id, sum(e.points) FILTER (WHERE e.kind = 'earn') AS base,"                                                                        \
							"         sum(e.points) FILTER (WHERE e.kind = 'bonus') AS bonus,"                                                                                                   \
							"         sum(e.points) FILTER (WHERE e.kind = 'refund') AS refunded,"                                                                                               \
							"         sum(e.points) FILTER (WHERE e.kind = 'settle') AS settled,"                                                                                                \
							"         sum(e.points) FILTER (WHERE e.kind = 'decline' AND e.campaign_no IS NULL) AS declined,"                                                                    \
							"         sum(e.points) FILTER (WHERE e.kind = 'decline' AND e.campaign_no IS NOT NULL) AS bonus_declined"                                                           \
							"    FROM " TABLE(                                                                                                                                                   \
								"points_entries") " e WHERE e.kind IN ('earn', 'bonus', 'refund', 'settle', 'decline')"                                                                          \
												  "   GROUP BY e.user_id, e.transaction_id) s"                                                                                                   \
												  "    ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"                                                                         \
												  " WHERE t.user_id IS NULL OR t.points_refunded <> coalesce(s.refunded, 0)"                                                                     \
												  "    OR t.points_base <> coalesce(s.base, 0) - CASE WHEN t.status = 'failed' THEN 0 ELSE coalesce(s.declined, 0) END"                          \
												  "    OR t.points_bonus <> coalesce(s.bonus, 0) - coalesce(s.bonus_declined, 0)"                                                                \
												  "    OR s.settled <> t.points_base + t.points_bonus"                                                                                           \
												  "    OR (t.status = 'failed' AND s.declined <> t.points_base + t.points_bonus)"                                                                \
												  "    OR (t.status <> 'completed' AND s.bonus_declined > 0)")                                                                                   \
	CHECK(                                                                                                                                                                                       \
		"awards_of_purchases", "coalesce(t.user_id, s.user_id)",                                                                                                                                 \
		"FROM " TABLE(                                                                                                                                                                           \
			"transactions") " t FULL JOIN"                                                                                                                                                       \
							" (SELECT r.user_id, r.transaction_id, sum(r.points) AS bonus, sum(r.discount_minor) AS discount"                                                                    \
							"    FROM " TABLE(                                                                                                                                                   \
								"campaign_redemptions") " r GROUP BY r.user_id, r.transaction_id) s"                                                                                             \
														"    ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"                                                                   \
														" WHERE t.user_id IS NULL OR t.points_bonus <> coalesce(s.bonus, 0)"                                                                     \
														"    OR t.discount_minor <> coalesce(s.discount, 0)")                                                                                    \
	CHECK(                                                                                                                                                                                       \
		"bonus_entries", "coalesce(r.user_id, e.user_id)",                                                                                                                                       \
		"FROM (SELECT r.user_id, r.transaction_id, r.campaign_no, r.points"                                                                                                                      \
		"    FROM " TABLE(                                                                                                                                                                       \
			"campaign_redemptions") " r WHERE r.points > 0) r"                                                                                                                                   \
									"  FULL JOIN (SELECT e.user_id, e.transaction_id, e.campaign_no,"                                                                                            \
									"                    sum(CASE e.kind WHEN 'bonus' THEN e.points ELSE -e.points END) AS points"                                                               \
									"    FROM " TABLE(                                                                                                                                           \
										"points_entries") " e WHERE e.kind = 'bonus' OR (e.kind = 'decline' AND e.campaign_no IS NOT NULL)"                                                      \
														  "   GROUP BY e.user_id, e.transaction_id, e.campaign_no"                                                                               \
														  "  HAVING sum(CASE e.kind WHEN 'bonus' THEN e.points ELSE -e.points END) <> 0) e"                                                      \
														  "    ON e.user_id = r.user_id AND e.transaction_id = r.transaction_id AND e.campaign_no = r.campaign_no"                               \
														  " WHERE r.points IS DISTINCT FROM e.points")                                                                                           \
	CHECK(                                                                                                                                                                                       \
		"refunds", "coalesce(t.user_id, s.user_id)",                                                                                                                                             \
		"FROM " TABLE(                                                                                                                                                                           \
			"transactions") " t FULL JOIN"                                                                                                                                                       \
							" (SELECT r.user_id, r.transaction_id, sum(r.amount_minor) AS amount, sum(r.points) AS points,"                                                                      \
							"         max(r.refunded_before_minor + r.amount_minor) AS last,"                                                                                                    \
							"         count(*) <> count(DISTINCT r.refunded_before_minor) AS twice"                                                                                              \
							"    FROM " TABLE(                                                                                                                                                   \
								"refunds") " r GROUP BY r.user_id, r.transaction_id) s"                                                                                                          \
										   "    ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"                                                                                \
										   " WHERE t.user_id IS NULL OR t.refunded_minor <> coalesce(s.amount, 0) OR t.points_refunded <> coalesce(s.points, 0)"                                 \
										   "    OR s.last <> t.refunded_minor OR s.twice OR (t.refunded_minor > 0 AND t.status <> 'completed')"                                                  \
										   "    OR t.points_refunded <> coalesce(div((t.points_base + t.points_bonus)::numeric * t.refunded_minor,"                                              \
										   "                                         nullif(t.amount_minor, 0)), 0)")                                                                            \
	CHECK(                                                                                                                                                                                       \
		"returned_costs", "r.user_id",                                                                                                                                                           \
		"FROM " TABLE(                                                                                                                                                                           \
			"campaign_redemptions") " r"                                                                                                                                                         \
									"  JOIN " TABLE(                                                                                                                                             \
										"transactions") " t ON t.user_id = r.user_id AND t.transaction_id = r.transaction_id"                                                                    \
														" WHERE r.cost_returned_minor <> CASE WHEN t.status IN ('pending', 'completed')"                                                         \
														"       THEN coalesce(div(r.cost_minor::numeric * t.refunded_minor, nullif(t.amount_minor, 0)), 0) ELSE r.cost_minor END"                \
														"    OR r.counts <> (t.status = 'pending' OR (t.status = 'completed' AND t.refunded_minor < t.amount_minor))")                           \
	CHECK(                                                                                                                                                                                       \
		"settled_purchases", "t.user_id",                                                                                                                                                        \
		"FROM " TABLE(                                                                                                                                                                           \
			"transactions") " t JOIN"                                                                                                                                                            \
							" (SELECT e.user_id, e.transaction_id, bool_or(e.kind = 'settle') AS settled, bool_or(e.kind = 'decline') AS declined,"                                              \
							"         bool_or(e.kind IN ('earn', 'bonus') AND e.credit_account = 'pending') AS held,"                                                                            \
							"         sum(CASE WHEN e.credit_account = 'pending' THEN e.points WHEN e.debit_account = 'pending' THEN -e.points ELSE 0 END) AS left_over"                         \
							"    FROM " TABLE(                                                                                                                                                   \
								"points_entries") " e WHERE e.kind IN ('earn', 'bonus', 'settle', 'decline')"                                                                                    \
												  "   GROUP BY e.user_id, e.transaction_id) s"                                                                                                   \
												  "    ON s.user_id = t.user_id AND s.transaction_id = t.transaction_id"                                                                         \
												  "  LEFT JOIN swipesavvy.settlements o ON o.user_id = t.user_id AND o.transaction_id = t.transaction_id"                                        \
												  " WHERE s.left_over <> CASE WHEN t.status = 'pending' THEN t.points_base + t.points_bonus ELSE 0 END"                                          \
												  "    OR (t.status = 'pending' AND (s.settled OR s.declined OR NOT s.held))"                                                                    \
												  "    OR (s.settled AND t.status <> 'completed')"                                                                                               \
												  "    OR (s.declined AND t.status <> 'failed' AND o.user_id IS NULL)"                                                                           \
												  "    OR (s.held AND t.status NOT IN ('pending', 'completed', 'failed'))")                                                                      \
	CHECK(                                                                                                                                                                                       \
		"settlements", "s.user_id",                                                                                                                                                              \
		"FROM " TABLE("settlements") " s LEFT JOIN " TABLE(                                                                                                                                      \
			"transactions") " t"                                                                                                                                                                 \
							"    ON t.user_id = s.user_id AND t.transaction_id = s.transaction_id"                                                                                               \
							"  LEFT JOIN swipesavvy.currencies c ON c.code = t.currency"                                                                                                         \
							" WHERE t.status IS DISTINCT FROM 'completed' OR t.amount_minor = s.recorded_amount_minor"                                                                           \
							"    OR (t.points_base = div(t.amount_minor * t.base_rate::numeric, 10::numeric ^ (9 + c.minor_unit))) IS NOT TRUE"                                                  \
							"    OR (s.recorded_points_base = div(s.recorded_amount_minor * t.base_rate::numeric, 10::numeric ^ (9 + c.minor_unit))) IS NOT TRUE"                                \
							"    OR (s.recorded_points_bonus, s.recorded_discount_minor)"                                                                                                        \
							"       <> (SELECT coalesce(sum((a ->> 'points')::bigint), 0), coalesce(sum((a ->> 'discount_minor')::bigint), 0)"                                                   \
							"             FROM jsonb_array_elements(s.recorded_awards) a)")                                                                                                      \
	CHECK(                                                                                                                                                                                       \
		"referrals_due", "a.user_id",                                                                                                                                                            \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_accounts") " a WHERE a.referral_for IS NOT NULL"                                                                                                                             \
							   "   AND EXISTS (SELECT FROM swipesavvy.transactions t WHERE t.user_id = a.user_id AND t.status = 'completed')")                                                   \
	CHECK(                                                                                                                                                                                       \
		"references", "t.user_id",                                                                                                                                                               \
		"FROM " TABLE(                                                                                                                                                                           \
			"transactions") " t"                                                                                                                                                                 \
							" WHERE NOT EXISTS (SELECT FROM swipesavvy.users u WHERE u.user_id = t.user_id)"                                                                                     \
							"    OR (t.merchant_id IS NOT NULL AND NOT EXISTS (SELECT FROM swipesavvy.merchants m"                                                                               \
							"                                                   WHERE m.merchant_id = t.merchant_id))"                                                                           \
							"    OR (t.account_id IS NOT NULL AND NOT EXISTS (SELECT FROM swipesavvy.accounts a"                                                                                 \
							"                                                  WHERE a.user_id = t.user_id AND a.account_id = t.account_id))")                                                   \
	CHECK(                                                                                                                                                                                       \
		"references_of_redemptions", "r.user_id",                                                                                                                                                \
		"FROM " TABLE(                                                                                                                                                                           \
			"campaign_redemptions") " r"                                                                                                                                                         \
									" WHERE NOT EXISTS (SELECT FROM swipesavvy.campaigns c WHERE c.campaign_no = r.campaign_no)")                                                                \
	CHECK(                                                                                                                                                                                       \
		"redemptions", "coalesce(r.user_id, e.user_id)",                                                                                                                                         \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_redemptions") " r FULL JOIN"                                                                                                                                                 \
								  " (SELECT e.* FROM " TABLE(                                                                                                                                    \
									  "points_entries") " e WHERE e.kind = 'redeem') e"                                                                                                          \
														"    ON e.user_id = r.user_id AND e.entry_id = r.entry_id WHERE r.points IS DISTINCT FROM e.points"                                      \
														"    OR e.debit_account <> 'available' OR e.credit_account <> 'redemption'")                                                             \
	CHECK(                                                                                                                                                                                       \
		"donations", "coalesce(d.user_id, e.user_id)",                                                                                                                                           \
		"FROM " TABLE(                                                                                                                                                                           \
			"donations") " d FULL JOIN"                                                                                                                                                          \
						 " (SELECT e.* FROM " TABLE(                                                                                                                                             \
							 "points_entries") " e WHERE e.kind = 'donate') e"                                                                                                                   \
											   "    ON e.user_id = d.user_id AND e.entry_id = d.entry_id WHERE d.points IS DISTINCT FROM e.points"                                               \
											   "    OR e.debit_account <> 'available' OR e.credit_account <> 'donation'")                                                                        \
	CHECK(                                                                                                                                                                                       \
		"returns", "coalesce(x.user_id, e.user_id)",                                                                                                                                             \
		"FROM " TABLE(                                                                                                                                                                           \
			"redemption_returns") " x FULL JOIN"                                                                                                                                                 \
								  " (SELECT e.* FROM " TABLE(                                                                                                                                    \
									  "points_entries") " e WHERE e.kind = 'return') e"                                                                                                          \
														"    ON e.user_id = x.user_id AND e.entry_id = x.entry_id"                                                                               \
														"  LEFT JOIN (SELECT r.user_id, r.entry_id, r.points, 'redemption' AS account FROM " TABLE(                                              \
															"reward_redemptions") " r"                                                                                                           \
																				  "   UNION ALL SELECT d.user_id, d.entry_id, d.points, 'donation' FROM " TABLE(                                 \
																					  "donations") " d) o"                                                                                       \
																								   "    ON o.user_id = x.user_id AND o.entry_id = x.redemption_id"                               \
																								   " WHERE x.points IS DISTINCT FROM e.points OR o.points IS DISTINCT FROM x.points"             \
																								   "    OR e.debit_account::text IS DISTINCT FROM o.account OR e.credit_account <> 'available'") \
	CHECK(                                                                                                                                                                                       \
		"adjustments", "coalesce(a.user_id, e.user_id)",                                                                                                                                         \
		"FROM " TABLE(                                                                                                                                                                           \
			"points_adjustments") " a FULL JOIN"                                                                                                                                                 \
								  " (SELECT e.user_id, e.entry_id, CASE WHEN e.credit_account = 'available' THEN e.points ELSE -e.points END"                                                    \
								  "         AS points FROM " TABLE(                                                                                                                              \
									  "points_entries") " e WHERE e.kind = 'adjust') e"                                                                                                          \
														"    ON e.user_id = a.user_id AND e.entry_id = a.entry_id WHERE a.points IS DISTINCT FROM e.points")                                     \
	CHECK(                                                                                                                                                                                       \
		"ages_of_points", "a.user_id",                                                                                                                                                           \
		"FROM " TABLE(                                                                                                                                                                           \
			"reward_accounts") " a LEFT JOIN"                                                                                                                                                    \
							   " (SELECT e.user_id, sum(CASE e.kind WHEN 'return' THEN -e.points ELSE e.points END) AS debited FROM " TABLE(                                                     \
								   "points_entries") " e"                                                                                                                                        \
													 "   WHERE e.debit_account = 'available' OR e.kind = 'return' GROUP BY e.user_id) d ON d.user_id = a.user_id"                                \
													 " WHERE a.points_debited <> coalesce(d.debited, 0)"                                                                                         \
													 "    OR a.lot_before <> (SELECT coalesce(sum(c.points), 0) FROM"                                                                            \
													 " (SELECT t.points_base + t.points_bonus AS points FROM swipesavvy.transactions t"                                                          \
													 "   WHERE t.user_id = a.user_id AND t.status = 'completed' AND t.occurred_at < a.lot_at"                                                    \
													 "  UNION ALL SELECT e.points FROM swipesavvy.points_entries e WHERE e.user_id = a.user_id"                                                  \
													 "     AND e.kind IN ('adjust', 'referral') AND e.credit_account = 'available' AND e.recorded_at < a.lot_at) c)")

/* Of all accounts how many there are, and of some ($1) which. */
#define CHECK_ALL(name, whose, from)  {name, SS_QUERY_OF("SELECT count(*) " from)},
#define CHECK_SOME(name, whose, from) {name, SS_QUERY_OF("SELECT DISTINCT " whose " " from, UUIDARRAYOID)},
#define ALL_OF(table)				  "swipesavvy." table
#define SOME_OF(table)				  "(SELECT * FROM swipesavvy." table " WHERE user_id = ANY ($1))"

static Check checks_of_some[] = {CHECKS_OF_ACCOUNTS(CHECK_SOME, SOME_OF)};

#define CHECK(name, sql)                                                                                               \
	{                                                                                                                  \
		name,                                                                                                          \
		{                                                                                                              \
			sql, 0, {0}, NULL                                                                                          \
		}                                                                                                              \
	}

SS_QUERY(totals_query,
		 "SELECT (SELECT count(*) FROM swipesavvy.reward_accounts), (SELECT count(*) FROM swipesavvy.points_entries)");

static Check checks[] = {
	CHECKS_OF_ACCOUNTS(CHECK_ALL, ALL_OF) CHECK(
		"budgets",
		"SELECT count(*) FROM (SELECT c.campaign_no, c.budget, s.slots, s.used, s.allotted,"
		"         coalesce((SELECT sum(r.cost_minor - r.cost_returned_minor) FROM swipesavvy.campaign_redemptions r"
		"                    WHERE r.campaign_no = c.campaign_no), 0) AS spent"
		"    FROM swipesavvy.campaigns c LEFT JOIN (SELECT s.campaign_no, count(*) AS slots, sum(s.used) AS used,"
		"         sum(s.allotted) AS allotted FROM swipesavvy.campaign_slots s WHERE s.day = '-infinity'"
		"         GROUP BY s.campaign_no) s ON s.campaign_no = c.campaign_no) b"
		" WHERE (b.budget IS NULL) <> (b.slots IS NULL) OR b.used <> b.spent OR b.allotted <> b.budget"
		"    OR b.spent > b.budget"),
	CHECK("daily_limits",
		  "SELECT count(*) FROM (SELECT s.campaign_no, s.day, sum(s.used) AS used FROM swipesavvy.campaign_slots s"
		  "    WHERE s.day > '-infinity' GROUP BY s.campaign_no, s.day) s FULL JOIN"
		  " (SELECT r.campaign_no, r.day, count(*) AS used FROM swipesavvy.campaign_redemptions r"
		  "    JOIN swipesavvy.campaigns c ON c.campaign_no = r.campaign_no AND c.daily_limit IS NOT NULL"
		  "   WHERE r.counts GROUP BY r.campaign_no, r.day) r ON r.campaign_no = s.campaign_no AND r.day = s.day"
		  " WHERE coalesce(s.used, 0) <> coalesce(r.used, 0)"),
	CHECK(
		"referrals_paid",
		"SELECT count(*) FROM (SELECT t.user_id, count(DISTINCT e.transaction_id) AS purchases, count(*) AS entries,"
		"         count(*) FILTER (WHERE e.user_id = t.user_id) AS own, min(e.points) <> max(e.points) AS differ,"
		"         bool_or(t.transaction_id IS NULL OR t.status <> 'completed') AS wrong"
		"    FROM swipesavvy.points_entries e LEFT JOIN swipesavvy.transactions t ON t.transaction_id = e.transaction_id"
		"   WHERE e.kind = 'referral' GROUP BY t.user_id) s"
		" WHERE s.purchases <> 1 OR s.own <> 1 OR s.entries > 2 OR s.differ OR s.wrong"),
	CHECK("references_of_slots",
		  "SELECT count(*) FROM swipesavvy.campaign_slots s"
		  " WHERE NOT EXISTS (SELECT FROM swipesavvy.campaigns c WHERE c.campaign_no = s.campaign_no)"),
	CHECK(
		"stocks",
		"SELECT count(*) FROM swipesavvy.rewards w LEFT JOIN"
		" (SELECT r.reward_id, count(*) AS taken FROM swipesavvy.reward_redemptions r WHERE r.from_stock"
		"     AND NOT EXISTS (SELECT FROM swipesavvy.redemption_returns x WHERE x.user_id = r.user_id AND x.redemption_id = r.entry_id)"
		"   GROUP BY r.reward_id) r ON r.reward_id = w.reward_id"
		" WHERE w.stocked <> coalesce(w.stock, 0) + coalesce(r.taken, 0)"),
};

void
ss_verify_accounts(Datum accounts, void (*found)(const pg_uuid_t *user_id, const char *check, void *state), void *state)
{
	for (size_t i = 0; i < lengthof(checks_of_some); i++)
	{
		SSRows rows = ss_rows_read(&checks_of_some[i].query, &accounts, NULL);

		for (uint64 n = 0; n < rows.count; n++)
		{
			SSRow row = ss_row(rows, n);

			found(ss_next_uuid(&row), checks_of_some[i].name, state);
		}
	}
}

/*
 * verify_ledger(): accounts_checked, entries_checked, mismatches, and the
 * number of mismatches of each check that found some.
 */
Datum
swipesavvy_verify_ledger(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	int64 mismatches = 0;
	int64 found[lengthof(checks)];
	SSRow row;

	ss_call_enter(&call, SS_ANALYTICS | SS_ADMIN);
	/* there is no latest snapshot beside parallel workers */
	PushActiveSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	for (size_t i = 0; i < lengthof(checks); i++)
	{
		row = ss_row(ss_rows_read(&checks[i].query, NULL, NULL), 0);
		found[i] = ss_next_int64(&row);
		mismatches += found[i];
	}
	row = ss_row(ss_rows_read(&totals_query, NULL, NULL), 0);
	PopActiveSnapshot();
	ss_json_open_object(&json, NULL);
	ss_json_int(&json, "accounts_checked", ss_next_int64(&row));
	ss_json_int(&json, "entries_checked", ss_next_int64(&row));
	ss_json_int(&json, "mismatches", mismatches);
	ss_json_open_object(&json, "checks");
	for (size_t i = 0; i < lengthof(checks); i++)
		ss_json_int(&json, checks[i].name, found[i]);
	ss_json_close_object(&json);
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
