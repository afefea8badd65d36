/*
 * prospect.h: would a purchase to come be awarded a campaign?
 *
 * The engine's own matching and choosing (engine/match.h, engine/choose.h) for purchases that
 * nobody has made: so whoever promises a campaign promises what the engine gives.
 */
#ifndef SS_PROSPECT_H
#define SS_PROSPECT_H

#include "postgres.h"

#include "engine/match.h"
#include "rules/rules.h"

/* For whom it is asked. */
typedef enum SSProspectOf
{
	SS_PROSPECT_OF_USER,   /* a user, as the engine knows it */
	SS_PROSPECT_OF_NOBODY, /* somebody of whom nothing is known: in no segment, and in no test */
	SS_PROSPECT_OF_STAFF   /* anybody: all that runs */
} SSProspectOf;

/* Begun by ss_prospect_begin; what it takes to answer is read once it is asked. */
typedef struct SSProspect
{
	SSProspectOf of;
	pg_uuid_t user_id;
	TimestampTz at; /* of the purchases */
	bool loaded;
	bool refused; /* purchases of the user are not recorded */
	int64 spent;  /* by the user on the day of the purchases, if a limit of the programme asks */
	SSBuyer buyer;
	int nleft;
	struct SSProspectLeft *left; /* what is left of limits and budgets of the campaigns that were asked for */
} SSProspect;

/* user_id: of SS_PROSPECT_OF_USER. */
extern void ss_prospect_begin(SSProspect *prospect, SSProspectOf of, const pg_uuid_t *user_id, TimestampTz at);

/*
 * Would some purchase at the merchant, of the campaign's least amount, of ten, a hundred, … times as much,
 * or of the most that the programme's limits leave, be awarded the campaign? Under the active snapshot, and the rules of now; SPI is connected.
 */
extern bool ss_prospect_earns(SSProspect *prospect, int32 campaign_no, const pg_uuid_t *merchant_id, int16 category_no);

#endif /* SS_PROSPECT_H */
