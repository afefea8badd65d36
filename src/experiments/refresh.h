/*
 * refresh.h: the sums of A/B tests, added up from facts.
 */
#ifndef SS_REFRESH_H
#define SS_REFRESH_H

#include "call/call.h"
#include "experiments/ab_test.h"

/* Adds up the sums of one test as of now, within the call of an admin. */
extern void ss_test_refresh_one(SSCall *call, const SSTest *test);

#endif /* SS_REFRESH_H */
