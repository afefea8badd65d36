/*
 * money.c: exact money and points (money.h).
 *
 * Called by every domain that handles amounts. Touches no state.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/errors.h"
#include "base/money.h"

PG_FUNCTION_INFO_V1(swipesavvy_minor_to_major);

int64
ss_minor_per_major(int exponent)
{
	static const int64 powers[SS_MAX_EXPONENT + 1] = {1, 10, 100, 1000, 10000};

	if (exponent < 0 || exponent > SS_MAX_EXPONENT)
		elog(ERROR, "currency exponent %d out of range", exponent);
	return powers[exponent];
}

static char *
numeric_text(Numeric value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
}

/* The bound as the caller would write it, for the detail of an error. */
static char *
bound_text(int64 bound, int decimals)
{
	return numeric_text(
		DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(ss_money_to_major(bound, decimals)))));
}

int64
ss_scaled_from_numeric(Numeric value, int decimals, int64 minimum, int64 maximum, const char *argument)
{
	Numeric scaled;
	Numeric whole;
	bool failed = false;
	int64 result;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		ss_bad_value(argument, "%s is not a finite number.", numeric_text(value));
	scaled = numeric_mul_opt_error(value, int64_to_numeric(ss_minor_per_major(decimals)), &failed);
	if (failed)
		ss_bad_value(argument, "The number is too large.");
	whole = DatumGetNumeric(DirectFunctionCall2(numeric_trunc, NumericGetDatum(scaled), Int32GetDatum(0)));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(scaled), NumericGetDatum(whole))))
		ss_bad_value(argument, "%s has more than %d decimal places.", numeric_text(value), decimals);
	if (DatumGetBool(
			DirectFunctionCall2(numeric_lt, NumericGetDatum(whole), NumericGetDatum(int64_to_numeric(minimum)))) ||
		DatumGetBool(
			DirectFunctionCall2(numeric_gt, NumericGetDatum(whole), NumericGetDatum(int64_to_numeric(maximum)))))
		ss_bad_value(argument, "%s is not between %s and %s.", numeric_text(value), bound_text(minimum, decimals),
					 bound_text(maximum, decimals));
	result = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(whole)));
	return result;
}

Numeric
ss_money_to_major(int64 minor, int exponent)
{
	/* int64_div_fast_to_numeric computes minor / 10^exponent, but trims the scale that money shows */
	Numeric value = int64_div_fast_to_numeric(minor, exponent);

	return DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(value), Int32GetDatum(exponent)));
}

int64
ss_add(int64 a, int64 b, const char *quantity)
{
	int64 result;

	if (pg_add_s64_overflow(a, b, &result))
		ss_out_of_range(quantity);
	return result;
}

int64
ss_narrow(int128 value, const char *quantity)
{
	if (value > PG_INT64_MAX || value < PG_INT64_MIN)
		ss_out_of_range(quantity);
	return (int64) value;
}

/*
 * minor_to_major(amount, minor_unit): for the queries of results
 */
Datum
swipesavvy_minor_to_major(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(ss_money_to_major(PG_GETARG_INT64(0), PG_GETARG_INT32(1)));
}
