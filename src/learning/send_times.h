/*
 * send_times.h: at which hours and on which days users are there.
 */
#ifndef SS_SEND_TIMES_H
#define SS_SEND_TIMES_H

#include "postgres.h"

#include "rules/rules.h"

/*
 * Counts everybody's events anew, and keeps the shares as what is thought of a user of whom little is known. The caller
 * holds the lock on figures of customers.
 */
extern void ss_send_times_refresh(const SSRules *rules);

#endif /* SS_SEND_TIMES_H */
