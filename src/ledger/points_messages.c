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
put(const char *event, const SSUser *user, SSJson *json)
{
	ss_json_close_object(json);
	ss_outbox_put(event, 1, psprintf("user:%s", ss_uuid_text(&user->id)), DatumGetJsonbP(ss_json_finish(json)), NULL);
}

void
ss_points_tell_tier(const SSUser *user)
{
	SSJson json = {0};

	if (strcmp(user->tier, user->tier_read) == 0)
		return;
	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "user_id", &user->id);
	ss_json_text(&json, "tier", user->tier);
	ss_json_text(&json, "previous_tier", user->tier_read);
	ss_json_int(&json, "lifetime_points", user->lifetime);
	ss_json_time(&json, "changed_at", GetCurrentTimestamp());
	put("user.tier_changed", user, &json);
}

void
ss_points_tell_refund(const SSUser *user, const SSRefunded *refund)
{
	SSJson json = {0};

	ss_json_open_object(&json, NULL);
	ss_json_uuid(&json, "refund_id", refund->refund_id);
	ss_json_uuid(&json, "transaction_id", refund->transaction_id);
	ss_json_uuid(&json, "user_id", &user->id);
	ss_json_money(&json, "refunded", refund->amount, refund->exponent);
	ss_json_money(&json, "refunded_total", refund->total, refund->exponent);
	ss_json_text(&json, "currency", refund->currency);
	ss_json_int(&json, "points_reversed", refund->points);
	ss_json_int(&json, "points_balance", user->available);
	ss_json_time(&json, "refunded_at", refund->at);
	put("purchase.refunded", user, &json);
}
