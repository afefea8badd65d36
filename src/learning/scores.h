/*
 * scores.h: what models think of everybody, once a day.
 */
#ifndef SS_SCORES_H
#define SS_SCORES_H

#include "postgres.h"

#include "rules/rules.h"

/*
 * Asks the active versions of churn and conversion anew, and takes away what they thought before. Returns how many
 * trainings were queued, since users are not like those in train any more. The caller holds the lock on figures of customers.
 */
extern uint64 ss_scores_refresh(const SSRules *rules);

#endif /* SS_SCORES_H */
