/*
 * six.h: figures of this domain in JSON: six decimals, halves away from zero.
 */
#ifndef SS_SIX_H
#define SS_SIX_H

#include "postgres.h"

#include "base/json.h"

/* NaN and what no number of that form can hold add null. */
extern void ss_json_six(SSJson *json, const char *key, double value);

#endif /* SS_SIX_H */
