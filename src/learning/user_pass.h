/*
 * user_pass.h: goes through what users have done, one user after another.
 *
 * Whoever may be learned of: customers who are not erased and have not refused
 * it. Of a user what was asked for is in memory at a time, and no more.
 */
#ifndef SS_USER_PASS_H
#define SS_USER_PASS_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "learning/examples.h"
#include "learning/purchase_history.h"

/* What is to be read. */
#define SS_PASS_PURCHASES	0x01
#define SS_PASS_REDEMPTIONS 0x02 /* of purchases that are in the history */
#define SS_PASS_REDEEMED	0x04 /* when which campaign was redeemed */
#define SS_PASS_SHOWN		0x08 /* when which campaign was shown */
#define SS_PASS_MEMBERS		0x10 /* since when the user is in the segments given */

/* Of responses at most so many of a kind are looked at, the newest. */
#define SS_RESPONSES_MAX 10000

/* A redemption of a campaign, or that it was shown. */
typedef struct SSResponse
{
	TimestampTz at;
	int32 campaign_no;
} SSResponse;

typedef struct SSResponses
{
	int count;
	SSResponse *items; /* in the order of time */
} SSResponses;

typedef struct SSMembership
{
	int32 segment_no;
	TimestampTz added_at;
} SSMembership;

/* Rows of one query, in the order of their users. */
typedef struct SSUserStream
{
	Portal cursor; /* NULL: they have come to their end, or are not asked for */
	SSRows rows;
	uint64 next;
	bool has_row;
	pg_uuid_t user_id;
	SSRow row; /* read up to the user */
} SSUserStream;

typedef struct SSUserPass
{
	/* the user whose turn it is */
	pg_uuid_t user_id;
	SSHistory *history;
	SSResponses redeemed;
	SSResponses shown;
	SSResponses first_shown; /* the first time of each campaign */
	int nmemberships;
	SSMembership *memberships;

	const SSTraining *training;
	SSUserStream purchases;
	SSUserStream redemptions;
	SSUserStream redeeming;
	SSUserStream showing;
	SSUserStream members;
	pg_uuid_t *ids; /* of the user's redemptions */
	int64 nids;
	int64 ids_room;
} SSUserPass;

/*
 * Begins with what happened before `until`; segments are an array of their
 * numbers. ss_exclusions_get() has been called.
 */
extern void ss_user_pass_begin(SSUserPass *pass, const SSTraining *training, int what, TimestampTz until,
							   Datum segments);

/* Goes to the next user who has bought, or to whom a campaign was shown; false at the end. */
extern bool ss_user_pass_next(SSUserPass *pass, bool shown);

extern void ss_user_pass_end(SSUserPass *pass);

/* Responses to other campaigns in [from, until). */
extern int64 ss_responses_to_others(const SSResponses *responses, int32 campaign_no, TimestampTz from,
									TimestampTz until);

#endif /* SS_USER_PASS_H */
