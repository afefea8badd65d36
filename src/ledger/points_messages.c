/*
 * points_messages.c: what the world outside hears of points (points_messages.h).
 *
 * Called by whatever writes accounts and refunds, in its transaction, with the
 * account locked. Takes no locks. Messages of one user follow one another.
 */
#include "postgres.h"

#include "base/args.h"
#include "base/json.h"
#include "ledger/points_messages.h"
#include "outbox/outbox.h"

static void
put(const char *event, const SSAccount *account, SSJson *json)
{
	ss_json_close_object(json);
	ss_outbox_put(event, 1, psprintf("user:%s", ss_uuid_text(&account->id)), DatumGetJsonbP(ss_json_finish(json)),
				  NULL);
}

void
ss_points_tell_tier(const SSAccount *account)
{
	SSJson json = {0};

	if (strcmp(account->tier, account->tier_read) == 0)
		return;
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", &account->id);
	ss_json_text(&json, "tier", account->tier);
	ss_json_text(&json, "previous_tier", account->tier_read);
	ss_json_int(&json, "lifetime_points", account->lifetime);
	ss_json_time(&json, "changed_at", GetCurrentTimestamp());
	put("user.tier_changed", account, &json);
}

void
ss_points_tell_refund(const SSAccount *account, const SSRefunded *refund)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "refund_id", refund->refund_id);
	ss_json_uuid(&json, "transaction_id", refund->transaction_id);
	ss_json_uuid(&json, "user_id", &account->id);
	ss_json_money(&json, "refunded", refund->amount, refund->exponent);
	ss_json_money(&json, "refunded_total", refund->total, refund->exponent);
	ss_json_text(&json, "currency", refund->currency);
	ss_json_int(&json, "points_reversed", refund->points);
	ss_json_int(&json, "points_balance", account->available);
	ss_json_time(&json, "refunded_at", refund->at);
	put("purchase.refunded", account, &json);
}
