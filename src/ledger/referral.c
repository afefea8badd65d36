/*
 * referral.c: the bonus for bringing a user (referral.h).
 *
 * Called by the engine and by settle_transaction(), under the locks on both
 * accounts, which are taken by user_id like all others.
 */
#include "postgres.h"

#include "base/query.h"
#include "ledger/earn.h"
#include "ledger/referral.h"

SS_QUERY(erased_query, "SELECT FROM swipesavvy.users u WHERE u.user_id = $1 AND u.erased_at IS NOT NULL", UUIDOID);

int64
ss_referral_pay(const SSRules *rules, SSAccount *account, SSAccount *referrer, TimestampTz now, bool *referrer_paid)
{
	int64 points = rules->settings.referral_bonus_points;
	Datum key = UUIDPGetDatum(&account->referrer);

	account->has_referrer = false;
	account->changed = true;
	*referrer_paid = points > 0 && referrer != NULL && ss_query_latest(&erased_query, &key, NULL) == 0;
	ss_earn_points(rules, account, points, now, now);
	if (*referrer_paid)
		ss_earn_points(rules, referrer, points, now, now);
	return points;
}
