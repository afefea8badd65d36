/*
 * flag_check.h: what may be stored of a flag.
 *
 * Documents that are merely evaluated may be wrong, and then reach nobody; a
 * typing error in a flag that is stored must not mean "nobody".
 */
#ifndef SS_FLAG_CHECK_H
#define SS_FLAG_CHECK_H

#include "postgres.h"

#include "flags/flag_set.h"

/* A flag as it is to be stored. */
typedef struct SSFlagInput
{
	const char *key;
	const char *value_type;
	const char *audience;
	const char *hash_attribute;
	bool sticky;
	SSNode *default_value;
	SSNode *value;
	SSNode *targeting;
	SSNode *rules;				/* gets ids where they are missing */
	const char *rules_argument; /* that errors name; NULL: "rules" */
	bool with_winner;			/* the last rule is not the caller's: an A/B test has put it behind the others */
	SSNode *prerequisites;
} SSFlagInput;

#define SS_FLAG_KEY_MAX 100

/* 22023 for what can be no flag's key. */
extern void ss_flag_check_key(const char *key);

/* 22023 with the place of what is wrong, or PT400 for prerequisites that are none, or go round in a circle, and where a winner's rule finds no room. */
extern void ss_flag_check(SSFlagInput *input, const SSFlagSet *set);

/* 22023 unless the key of an A/B test can be the id of its rule beside those of the flag. */
extern void ss_flag_check_test_key(const SSFlagInput *input, const char *key);

/* A value of the flag's type. */
extern void ss_flag_check_value(const char *value_type, SSNode *value, const char *argument, const char *place);

#endif /* SS_FLAG_CHECK_H */
