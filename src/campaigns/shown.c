/*
 * shown.c: which campaigns a customer may know of (campaigns.h).
 *
 * Called by whatever takes a campaign_id from a customer, so that all of them
 * give one answer: a campaign that the customer is not shown does not exist for
 * it. Reads only; who is held out is decided by a hash that only C knows.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/errors.h"
#include "base/hash.h"
#include "base/query.h"
#include "call/call.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"

SS_QUERY(find_shown,
		 "SELECT c.campaign_no, c.hold_out, " SS_CAMPAIGN_RUNS_SQL " FROM swipesavvy.campaigns c"
		 " WHERE c.campaign_id = $1 AND c.status <> 'draft'"
		 " AND (c.status <> 'archived' OR c.launched_at IS NOT NULL) AND c.start_date <= now()"
		 " AND " SS_CAMPAIGN_AIMED_SQL("$2"),
		 TEXTOID, UUIDOID);

const pg_uuid_t *
ss_campaign_customer(const SSCall *call)
{
	if (!call->has_identity)
		ss_not_allowed("permission denied", "No customer is signed in.");
	return &call->identity;
}

int32
ss_campaign_shown(const char *campaign_id, const pg_uuid_t *user_id, bool now)
{
	Datum values[2] = {CStringGetTextDatum(campaign_id), UUIDPGetDatum(user_id)};
	int hold_out;

	if (ss_query_read(&find_shown, values, NULL) == 0 || (now && !ss_value_bool(0, 3)))
		return 0;
	hold_out = ss_value_int32(0, 2);
	if (hold_out > 0 && ss_held_out(campaign_id, user_id, hold_out))
		return 0;
	return ss_value_int32(0, 1);
}
