/*
 * scored_users.h: the users who are most likely to use a campaign.
 */
#ifndef SS_SCORED_USERS_H
#define SS_SCORED_USERS_H

#include "postgres.h"

#include "base/json.h"
#include "call/call.h"

/* The keys of get_recommendations(campaign_id) into the object that is open. 42501 for customers. */
extern void ss_scored_users_add(SSCall *call, SSJson *json, const char *campaign_id, int limit);

#endif /* SS_SCORED_USERS_H */
