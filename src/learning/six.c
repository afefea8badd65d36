/*
 * six.c: figures of this domain in JSON (six.h). No locks.
 */
#include "postgres.h"

#include <math.h>

#include "learning/six.h"

#define PLACES	6
#define MILLION 1e6
#define BOUND	1e12

void
ss_json_six(SSJson *json, const char *key, double value)
{
	if (isnan(value) || fabs(value) > BOUND)
		ss_json_null(json, key);
	else
		ss_json_money(json, key, llround(value * MILLION), PLACES);
}
