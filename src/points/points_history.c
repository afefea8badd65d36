/*
 * points_history.c: what changed a user's points, entry by entry.
 *
 * SQL entry point, read only. The key of the ledger is (user_id, entry_id), and
 * ids ascend with time: a page is one range of it, however long the history.
 */
#include "postgres.h"

#include "base/args.h"
#include "base/page.h"
#include "base/query.h"
#include "call/call.h"
#include "users/users.h"

PG_FUNCTION_INFO_V1(swipesavvy_get_points_history);

SS_QUERY(count_entries,
		 "SELECT count(*) FROM (SELECT 1 FROM swipesavvy.points_entries WHERE user_id = $1" SS_PAGE_COUNT_LIMIT ") e",
		 UUIDOID);

SS_QUERY(
	list_entries,
	"SELECT e.entry_id, e.kind::text AS kind,"
	"       CASE WHEN e.credit_account IN ('available', 'pending') THEN e.points ELSE -e.points END AS points,"
	"       CASE 'available'::swipesavvy.ledger_account WHEN e.credit_account THEN e.points WHEN e.debit_account THEN -e.points ELSE 0 END"
	"         AS balance_change,"
	"       CASE 'pending'::swipesavvy.ledger_account WHEN e.credit_account THEN e.points WHEN e.debit_account THEN -e.points ELSE 0 END"
	"         AS pending_change,"
	"       e.transaction_id, m.name AS merchant, c.campaign_id, c.name AS campaign, w.name AS reward,"
	"       h.name AS charity, coalesce(r.confirmation_code, d.confirmation_code) AS confirmation_code,"
	"       coalesce(r.entry_id, d.entry_id) AS redemption_id, u.returned_at AS cancelled_at,"
	"       coalesce(a.reason, x.reason, e.reason) AS reason,"
	"       coalesce(t.occurred_at, e.recorded_at) AS occurred_at, e.recorded_at"
	"  FROM (SELECT * FROM swipesavvy.points_entries"
	"         WHERE user_id = $1 AND entry_id < $2 ORDER BY entry_id DESC LIMIT $3) e"
	"  LEFT JOIN swipesavvy.transactions t ON t.transaction_id = e.transaction_id AND t.user_id = e.user_id"
	"  LEFT JOIN swipesavvy.merchants m ON m.merchant_id = t.merchant_id"
	"  LEFT JOIN swipesavvy.campaigns c ON c.campaign_no = e.campaign_no"
	"  LEFT JOIN swipesavvy.redemption_returns x ON x.user_id = e.user_id AND x.entry_id = e.entry_id"
	"  LEFT JOIN swipesavvy.reward_redemptions r ON r.user_id = e.user_id AND r.entry_id = coalesce(x.redemption_id, e.entry_id)"
	"  LEFT JOIN swipesavvy.rewards w ON w.reward_id = r.reward_id"
	"  LEFT JOIN swipesavvy.donations d ON d.user_id = e.user_id AND d.entry_id = coalesce(x.redemption_id, e.entry_id)"
	"  LEFT JOIN swipesavvy.redemption_returns u ON u.user_id = e.user_id AND u.redemption_id = e.entry_id"
	"  LEFT JOIN swipesavvy.points_adjustments a ON a.user_id = e.user_id AND a.entry_id = e.entry_id"
	"  LEFT JOIN swipesavvy.charities h ON h.charity_id = d.charity_id"
	" ORDER BY e.entry_id DESC",
	UUIDOID, UUIDOID, INT8OID);

/*
 * get_points_history(user_id, page_size, after)
 */
Datum
swipesavvy_get_points_history(PG_FUNCTION_ARGS)
{
	SSCall call;
	SSJson json = {0};
	SSPage page;
	pg_uuid_t *user_id;
	pg_uuid_t *before;
	int64 counted;
	Datum values[3];

	ss_call_enter(&call, SS_CUSTOMER | SS_SUPPORT | SS_ADMIN);
	user_id = ss_arg_uuid(fcinfo, 0, "user_id", true);
	page = ss_arg_page(fcinfo, 1, -1, 2, SS_PAGE_MAX, SS_PAGE_DEFAULT);
	ss_call_require_user(&call, SS_SUPPORT | SS_ADMIN, user_id);
	ss_users_require(user_id);
	if (page.after != NULL)
		before = ss_uuid_from_text(page.after, "after");
	else
	{
		before = palloc(sizeof(pg_uuid_t));
		memset(before, 0xff, sizeof(pg_uuid_t));
	}
	values[0] = UUIDPGetDatum(user_id);
	values[1] = UUIDPGetDatum(before);
	values[2] = Int64GetDatum(SS_PAGE_ROWS(&page));
	ss_query_avoid_scans();
	counted = ss_one_int64(ss_rows_read(&count_entries, values, NULL));
	(void) ss_query_read(&list_entries, values, NULL);
	ss_json_open_object(&json, NULL);
	ss_page_add(&json, "entries", &page, counted, "entry_id");
	ss_json_close_object(&json);
	PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
}
