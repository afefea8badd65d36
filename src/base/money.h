/*
 * money.h: exact money and points: integers inside, decimals at the edge,
 * every addition checked.
 */
#ifndef SS_MONEY_H
#define SS_MONEY_H

#include "postgres.h"

#include "common/int.h"
#include "utils/numeric.h"

#define SS_MILLI		1000
#define SS_MAX_EXPONENT 4

/* 10^exponent for the exponents that ISO 4217 has */
extern int64 ss_minor_per_major(int exponent);

/*
 * The decimal number times 10^decimals as an integer. More decimals than that,
 * NaN, infinity, or a value outside minimum to maximum is 22023 naming the
 * argument. For milli values decimals is 3.
 */
extern int64 ss_scaled_from_numeric(Numeric value, int decimals, int64 minimum, int64 maximum, const char *argument);

/* A decimal with exactly that many places. */
extern Numeric ss_money_to_major(int64 minor, int exponent);

/* a + b; 22003 naming the quantity when the result does not fit */
extern int64 ss_add(int64 a, int64 b, const char *quantity);

/* A 128-bit intermediate that becomes a stored value; 22003 when it does not fit. */
extern int64 ss_narrow(int128 value, const char *quantity);

#endif /* SS_MONEY_H */
