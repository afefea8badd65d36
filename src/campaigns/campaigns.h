/*
 * campaigns.h: what the files of the domain campaigns share.
 */
#ifndef SS_CAMPAIGNS_H
#define SS_CAMPAIGNS_H

#include "postgres.h"

#include "base/json.h"
#include "call/call.h"
#include "campaigns/input.h"
#include "engine/slots.h"

/*
 * SQL of one campaign `c` in currency `k`, for texts of queries: the amount of
 * its offer as the API shows it, and what its awards have cost so far.
 */
#define SS_CAMPAIGN_OFFER_SQL                                                                                          \
	"swipesavvy.minor_to_major(c.offer_amount, CASE WHEN c.offer_type IN ('FIXED_DISCOUNT', 'FREE_SHIPPING')"          \
	" THEN k.minor_unit ELSE 3 END)"
#define SS_CAMPAIGN_SPENT_SQL                                                                                          \
	"swipesavvy.minor_to_major(CASE WHEN c.budget IS NOT NULL"                                                         \
	" THEN (SELECT coalesce(sum(s.used), 0) FROM swipesavvy.campaign_slots s"                                          \
	" WHERE s.slot_key = " SS_SLOT_KEY_SQL " AND s.campaign_no = c.campaign_no AND s.day = '-infinity')"               \
	" ELSE (SELECT coalesce(sum(r.cost_minor - r.cost_returned_minor), 0)"                                             \
	" FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = c.campaign_no) END::bigint, k.minor_unit)"

/* How many of one kind of event a campaign `c` has; conversions are awards and what track_event was told. */
#define SS_CAMPAIGN_EVENTS_SQL(kind)                                                                                   \
	"(SELECT count(*) FROM swipesavvy.campaign_events e"                                                               \
	" WHERE e.campaign_no = c.campaign_no AND e.kind = '" kind "')"
#define SS_CAMPAIGN_CONVERSIONS_SQL                                                                                    \
	"(SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.campaign_no = c.campaign_no AND r.counts)"        \
	" + " SS_CAMPAIGN_EVENTS_SQL("conversion")

/*
 * Conditions on one campaign `c`, for texts of queries: that it runs now, and
 * that it is for all users or for a segment of the one who is that parameter.
 */
#define SS_CAMPAIGN_RUNS_SQL                                                                                           \
	"(c.status = 'running' AND c.start_date <= now() AND (c.end_date IS NULL OR now() < c.end_date))"
#define SS_CAMPAIGN_AIMED_SQL(user)                                                                                    \
	"(c.target_segment_no IS NULL OR EXISTS (SELECT 1 FROM swipesavvy.segment_members m"                               \
	" WHERE m.user_id = " user " AND m.segment_no = c.target_segment_no))"

/* What is held in slots: a budget in minor units, redemptions per day; 0 where there is none. */
typedef struct SSCampaignLimits
{
	bool has_budget;
	int64 budget;
	bool has_daily;
	int32 daily;
} SSCampaignLimits;

/*
 * The keys of get_campaign into the object that is open, with those that
 * customers don't see if `everything`. Sees own changes if `fresh`.
 */
extern void ss_campaign_write(SSJson *json, int32 campaign_no, bool everything, bool fresh);

/*
 * Writes the audit row of "create", "update", … and, where the campaign came into another state, the message about
 * it. `before` is the row as it was, as jsonb; NULL for a new one.
 */
extern void ss_campaign_record(SSCall *call, int32 campaign_no, const char *action, Jsonb *before);

extern void ss_campaign_row_limits(const SSCampaignRow *row, SSCampaignLimits *limits);

/* The slots of a new campaign. */
extern void ss_campaign_slots_create(int32 campaign_no, const SSCampaignLimits *limits);

/*
 * Keeps purchases away until the end of the transaction, after those under way
 * have ended. See limits.c.
 */
extern void ss_campaign_slots_quiesce(void);

/*
 * Moves the slots from the old limits to the new ones; the caller holds the
 * campaign's row, and quiesced if ss_campaign_slots_disturb says so. PT409 if
 * the new budget is below what is spent.
 */
extern void ss_campaign_slots_change(int32 campaign_no, const SSCampaignLimits *before, const SSCampaignLimits *after,
									 int exponent);
extern bool ss_campaign_slots_disturb(const SSCampaignLimits *before, const SSCampaignLimits *after);

/* The number of a campaign, 0 if there is none of that id. */
extern int32 ss_campaign_find(const char *campaign_id);

/* The customer who calls; 42501 if nobody is signed in. */
extern const pg_uuid_t *ss_campaign_customer(const SSCall *call);

/*
 * The number of the campaign if the user may know of it, else 0: it runs (or
 * ran once, unless it is to run now), it is for everybody or for a segment of
 * the user, and the user is not held out.
 */
extern int32 ss_campaign_shown(const char *campaign_id, const pg_uuid_t *user_id, bool now);

/* Does the A/B test that a campaign is in, if one runs, give it to the user? Needs an SPI connection. */
extern bool ss_campaign_served(int32 campaign_no, const pg_uuid_t *user_id);

/*
 * A campaign of an A/B test, whose row the caller has locked, runs from now on
 * (a start that lies ahead is brought to now), is paused, or is over; one that
 * is so already stays as it is.
 */
extern void ss_campaign_launch(char *id, SSCall *call);
extern void ss_campaign_pause(char *id, SSCall *call);
extern void ss_campaign_complete(char *id, SSCall *call);

#endif /* SS_CAMPAIGNS_H */
