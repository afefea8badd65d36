/*
 * fact_changes.h: what a change of recorded purchases means for the figures of
 * analytics.
 *
 * Usage, under the locks on the accounts:
 *
 *		SSFactChanges *changes = ss_fact_changes_begin(purchases, count);
 *
 *		… change the purchases and their redemptions …
 *		ss_fact_changes_end(changes);
 */
#ifndef SS_FACT_CHANGES_H
#define SS_FACT_CHANGES_H

#include "postgres.h"

#include "purchases/recorded.h"

typedef struct SSFactChanges SSFactChanges;

/* Takes note of purchases as they are; only the ids of the array are read. NULL where the database keeps no figures. */
extern SSFactChanges *ss_fact_changes_begin(const SSRecorded *purchases, int count);

/* Writes how what they count for differs now. */
extern void ss_fact_changes_end(SSFactChanges *changes);

#endif /* SS_FACT_CHANGES_H */
