/*
 * load_ab_tests.h: which running A/B test each campaign is in.
 */
#ifndef SS_LOAD_AB_TESTS_H
#define SS_LOAD_AB_TESTS_H

#include "rules/rules.h"

/*
 * Says of the rules' campaigns which running A/B test each is in, if any. A
 * database of an older release has no tests.
 */
extern void ss_rules_take_ab_tests(SSRules *rules);

/* The same for rules of one campaign, and the test that ran at that moment. */
extern void ss_rules_take_ab_test_then(SSRules *rules, TimestampTz moment);

#endif /* SS_LOAD_AB_TESTS_H */
