/*
 * purchase.h: a purchase on its way through the award engine: what a door
 * hands in, and what comes of it.
 */
#ifndef SS_PURCHASE_H
#define SS_PURCHASE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"
#include "utils/uuid.h"

#include "direct/labels.h"
#include "engine/decision.h"
#include "rules/rules.h"

extern const char *const ss_status_names[];

/* Bits of transactions.request: what the caller first passed; needed to recognise a repeat. */
#define SS_GIVEN_STATUS	  0x03 /* the status, as SSStatus */
#define SS_GIVEN_CURRENCY 0x04
#define SS_GIVEN_TIME	  0x08
#define SS_GIVEN_ID		  0x10

/* A campaign that a purchase was awarded. */
typedef struct SSAward
{
	int32 campaign_no;
	int32 campaign_version;
	const char *campaign_id;
	int64 points;
	int64 discount;
	int64 cost;
} SSAward;

typedef struct SSPurchase
{
	/* what came in, checked by ss_purchase_check */
	pg_uuid_t transaction_id;
	pg_uuid_t user_id;
	bool has_merchant;
	pg_uuid_t merchant_id;
	bool has_account;
	pg_uuid_t account_id;
	int64 amount; /* minor units */
	char currency[4];
	TimestampTz occurred_at;
	SSStatus status;
	int16 given;		   /* SS_GIVEN_* */
	char *idempotency_key; /* or NULL */
	Jsonb *metadata;	   /* or NULL */
	bool has_shipping;
	int64 shipping; /* metadata.shipping_amount, minor units */

	/* what comes of it */
	TimestampTz recorded_at;
	int16 category_no; /* 0 = none */
	DateADT day;	   /* of occurred_at, in the programme's time zone */
	int64 base_rate;   /* earn rate x tier x boost, each in thousandths; of one that earns */
	int64 points_base;
	int64 points_bonus;
	int64 discount;
	int64 referral_points; /* for the user and, if paid, whoever brought it */
	bool referrer_paid;
	pg_uuid_t referrer;
	int nawards;
	SSAward *awards;
	SSDecision decision;
	int64 balance;			 /* available points afterwards */
	const char *tier;		 /* the one held afterwards */
	bool replayed;			 /* the key was known: nothing was recorded */
	SSStatus present_status; /* of the recorded purchase */
} SSPurchase;

/*
 * What a door has read, in the forms that callers use; absent values NULL.
 * amount is in major units for calls, amount_minor for bulk.
 */
typedef struct SSPurchaseInput
{
	const pg_uuid_t *transaction_id;
	const pg_uuid_t *user_id;
	const pg_uuid_t *merchant_id;
	const pg_uuid_t *account_id;
	struct NumericData *amount;
	const int64 *amount_minor;
	const char *currency;
	const TimestampTz *occurred_at;
	const char *status;
	const char *idempotency_key;
	Jsonb *metadata;
} SSPurchaseInput;

/*
 * Makes a purchase of what a door has read: fills in defaults and a new id,
 * and refuses (22023, naming the argument) what awards.md refuses. Texts and
 * documents are not copied.
 */
extern void ss_purchase_make(const SSRules *rules, const SSPurchaseInput *input, SSPurchase *purchase);

/* Works out has_shipping and shipping of a purchase whose metadata and currency are set. */
extern void ss_purchase_read_shipping(const SSRules *rules, SSPurchase *purchase);

/* The first two columns of rows that ss_purchase_sort sorts. */
#define SS_SORT_OCCURRED_AT	   0
#define SS_SORT_TRANSACTION_ID 1

/*
 * Begins a sort, within work_mem, of rows into the order in which purchases are
 * processed: their first columns are occurred_at and transaction_id.
 */
extern Tuplesortstate *ss_purchase_sort(TupleDesc desc);

static inline bool
ss_status_earns(SSStatus status)
{
	return status == SS_PENDING || status == SS_COMPLETED;
}

#endif /* SS_PURCHASE_H */
