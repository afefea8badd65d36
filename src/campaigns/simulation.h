/*
 * simulation.h: what a campaign would have given to the purchases of a period
 * (awards.md §9).
 */
#ifndef SS_SIMULATION_H
#define SS_SIMULATION_H

#include "postgres.h"

#include "engine/decision.h"
#include "rules/rules.h"

/* What was given, in minor units and points. */
typedef struct SSFigures
{
	int64 redemptions;
	int64 users; /* of the proposed campaign only */
	int64 discount;
	int64 points;
	int64 cost;
} SSFigures;

typedef struct SSDayFigures
{
	DateADT day; /* key */
	SSFigures figures;
} SSDayFigures;

/* What became of the proposed campaign. */
typedef struct SSOutcome
{
	SSFigures total;
	int64 reasons[SS_REASONS]; /* purchases that it did not apply to, by the first rule */
	DateADT short_on;		   /* the day of the first cost that its budget did not cover; DATEVAL_NOEND: none */
	int ndays;
	SSDayFigures *days; /* with redemptions, ascending */
} SSOutcome;

typedef struct SSSimulation
{
	int64 purchases; /* that were looked at */
	SSOutcome alone;
	SSOutcome together;
	SSFigures *without; /* of the others, by position in their rules: as if there were no proposed campaign, */
	SSFigures *with;	/* and beside it; both NULL without others */
} SSSimulation;

/*
 * Replays the pending and completed purchases with from <= occurred_at < until
 * that the active snapshot sees, with their stored base points, gross of
 * refunds, by the programme's rules: past the proposed campaign alone, past the
 * others (`others`: the rules with these as campaigns, or NULL), and past all
 * of them; each time budgets and limits begin full. What the status of a
 * campaign is does not matter. Writes nothing, locks nothing; SPI is connected.
 */
extern void ss_simulate(const SSRules *rules, const SSCampaign *proposed, const SSRules *others, TimestampTz from,
						TimestampTz until, SSSimulation *result);

#endif /* SS_SIMULATION_H */
