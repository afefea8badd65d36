/*
 * shown.c: which campaigns a customer may know of (campaigns.h).
 *
 * Called by whatever takes a campaign_id from a customer, so that all of them
 * give one answer: a campaign that the customer is not shown does not exist for
 * it. Reads only; who is held out, and which group of a test a user is in, is
 * decided by hashes that only C knows.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/errors.h"
#include "base/hash.h"
#include "base/rows.h"
#include "call/call.h"
#include "call/refusal.h"
#include "campaigns/campaigns.h"
#include "rules/rules.h"

SS_QUERY(find_shown,
		 "SELECT c.campaign_no, c.hold_out, " SS_CAMPAIGN_RUNS_SQL " FROM swipesavvy.campaigns c"
		 " WHERE c.campaign_id = $1 AND c.status <> 'draft'"
		 " AND (c.status <> 'archived' OR c.launched_at IS NOT NULL) AND c.start_date <= now()"
		 " AND " SS_CAMPAIGN_AIMED_SQL("$2"),
		 TEXTOID, UUIDOID);

SS_QUERY(is_member, "SELECT 1 FROM swipesavvy.segment_members m WHERE m.user_id = $1 AND m.segment_no = $2", UUIDOID,
		 INT4OID);

const pg_uuid_t *
ss_campaign_customer(const SSCall *call)
{
	if (!call->has_identity)
		ss_not_allowed("permission denied", "No customer is signed in.");
	return &call->identity;
}

bool
ss_campaign_served(int32 campaign_no, const pg_uuid_t *user_id)
{
	const SSCampaign *campaign = ss_rules_campaign(ss_rules_get(), campaign_no);
	SSAbTest *test = campaign == NULL ? NULL : campaign->ab_test;
	Datum values[2];
	bool in_segment;

	if (test == NULL)
		return true;
	values[0] = UUIDPGetDatum(user_id);
	values[1] = Int32GetDatum(test->segment_no);
	in_segment = test->segment_no == 0 || ss_query_read(&is_member, values, NULL) > 0;
	return ss_ab_serves(test, campaign->ab_group, ss_ab_group(test, user_id, in_segment));
}

int32
ss_campaign_shown(const char *campaign_id, const pg_uuid_t *user_id, bool now)
{
	Datum values[2] = {CStringGetTextDatum(campaign_id), UUIDPGetDatum(user_id)};
	SSRows rows = ss_rows_read(&find_shown, values, NULL);
	SSRow row;
	int32 no;
	int hold_out;

	if (rows.count == 0)
		return 0;
	row = ss_row(rows, 0);
	no = ss_next_int32(&row);
	hold_out = ss_next_int32(&row);
	if (now && !ss_next_bool(&row))
		return 0;
	if (hold_out > 0 && ss_held_out(campaign_id, user_id, hold_out))
		return 0;
	/* a cursor may be a campaign that a test has taken away since */
	return !now || ss_campaign_served(no, user_id) ? no : 0;
}
