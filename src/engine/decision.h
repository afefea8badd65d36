/*
 * decision.h: the record of why each campaign did or did not apply to a
 * purchase: made when the purchase is processed, kept with it, read by
 * explain_award.
 */
#ifndef SS_DECISION_H
#define SS_DECISION_H

#include "postgres.h"

#define SS_DECISION_MAX 64 /* candidates that are kept */

/* The rules in the order in which they exclude a campaign; numbers are stored. */
typedef enum SSReason
{
	SS_APPLIED,
	SS_NOT_STATUS,
	SS_NOT_AMOUNT,
	SS_NOT_START_DATE,
	SS_NOT_END_DATE,
	SS_NOT_CURRENCY,
	SS_NOT_MERCHANT,
	SS_NOT_CATEGORY,
	SS_NOT_SEGMENT,
	SS_NOT_MIN_SPEND,
	SS_NOT_AB_GROUP,
	SS_NOT_HOLD_OUT,
	SS_NOT_PER_USER_LIMIT,
	SS_NOT_DAILY_LIMIT,
	SS_NOT_EXCLUSIVE,
	SS_NOT_NO_GAIN,
	SS_NOT_BUDGET,
	SS_REASONS /* their number */
} SSReason;

typedef struct SSCandidate
{
	int32 campaign_no;
	int32 version;
	SSReason reason;
} SSCandidate;

typedef struct SSDecision
{
	int count; /* of candidates, also those beyond the maximum */
	int kept;
	SSCandidate *candidates; /* NULL until the first */
} SSDecision;

/*
 * Adds a candidate. When there is no more room, one that applied takes the
 * place of one that did not, and one that fell to a limit, to another campaign
 * or to the budget that of one that never matched.
 */
extern void ss_decision_add(SSDecision *decision, int32 campaign_no, int32 version, SSReason reason);

/* As it is stored, and back; what cannot be read is an error (data corrupted). */
extern bytea *ss_decision_encode(const SSDecision *decision);
extern void ss_decision_decode(const bytea *stored, SSDecision *decision);

/* The name of a reason; NULL for SS_APPLIED. */
extern const char *ss_reason_name(SSReason reason);

#endif /* SS_DECISION_H */
