/*
 * scored_users.c: the users who are most likely to use a campaign
 * (scored_users.h).
 *
 * Called by get_recommendations. Reads one snapshot; no locks.
 */
#include "postgres.h"

#include "base/errors.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"
#include "learning/model.h"
#include "learning/scored_users.h"

void
ss_scored_users_add(SSCall *call, SSJson *json, const char *campaign_id, int limit)
{
	if (!ss_call_has(call, SS_BACKEND | SS_ANALYTICS | SS_ADMIN))
		ss_not_allowed("permission denied", "Customers are not shown who uses a campaign.");
	if (ss_campaign_find(campaign_id) == 0)
		ss_not_found("campaign", campaign_id);
	ss_model_refuse_none(SS_MODEL_CONVERSION);
}
