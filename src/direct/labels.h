/*
 * labels.h: labels of the enum types, by number.
 */
#ifndef SS_LABELS_H
#define SS_LABELS_H

/* In the order of the type purchase_status. */
typedef enum SSStatus
{
	SS_PENDING,
	SS_COMPLETED,
	SS_FAILED,
	SS_CANCELLED
} SSStatus;

/* Labels of the enum types that the engine writes. */
typedef enum SSLabel
{
	SS_LABEL_STATUS, /* the first of four, in the order of SSStatus */
	SS_LABEL_EARN = 4,
	SS_LABEL_BONUS,
	SS_LABEL_REFERRAL,
	SS_LABEL_ADJUST,
	SS_LABEL_AVAILABLE,
	SS_LABEL_PENDING,
	SS_LABEL_ISSUANCE,
	SS_LABELS
} SSLabel;

#endif /* SS_LABELS_H */
