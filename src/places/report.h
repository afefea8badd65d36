/*
 * report.h: what the files of a report of a location share.
 */
#ifndef SS_REPORT_H
#define SS_REPORT_H

#include "postgres.h"

#include "base/json.h"
#include "places/fence.h"
#include "places/fence_state.h"

/* A report that is older comes too late. */
#define SS_REPORT_AGE_MAX (24 * USECS_PER_HOUR)

/* A fence that a report is held against, with what is stored of the user there. */
typedef struct SSReportFence
{
	SSFence fence;
	bool holds; /* it is in force */
	const pg_uuid_t *merchant_id;
	int32 campaign_no; /* 0: none of its own */
	int dwell_seconds;
	int max_accuracy;
	SSFenceState before;
	SSFenceState state;
	int events; /* of the report; and then */
	int again;	/* what followed them, for a visit that was over and began anew */
} SSReportFence;

/* Writes the states and visits that a report has changed, in the order of fences. */
extern void ss_report_write(const pg_uuid_t *user_id, const SSReportFence *fences, int count);

/*
 * Triggers campaigns for a user who has stayed at these fences: an event and a message each. Adds them to the array that
 * is open.
 */
extern void ss_report_trigger(SSJson *json, const pg_uuid_t *user_id, TimestampTz at, const SSReportFence *fences,
							  int count);

#endif /* SS_REPORT_H */
