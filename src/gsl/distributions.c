/*
 * distributions.c: the library swipesavvy_gsl, which hands GSL's distribution
 * functions to the main library.
 *
 * GSL and its BLAS stand in a library of their own because loading them takes
 * longer than most calls; only a session that works out statistics has them.
 * GSL's own error handler ends the process, so it is switched off once, when
 * the library is loaded. No state, no locks.
 */
#include "postgres.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "fmgr.h"

#include "base/distributions.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);
extern PGDLLEXPORT const SSDistributions *swipesavvy_distributions(void);

void
_PG_init(void)
{
	(void) gsl_set_error_handler_off();
}

const SSDistributions *
swipesavvy_distributions(void)
{
	static const SSDistributions distributions = {
		.normal_lower = gsl_cdf_ugaussian_P,
		.normal_upper = gsl_cdf_ugaussian_Q,
		.normal_lower_inverse = gsl_cdf_ugaussian_Pinv,
		.normal_upper_inverse = gsl_cdf_ugaussian_Qinv,
		.normal_density = gsl_ran_ugaussian_pdf,
		.t_lower = gsl_cdf_tdist_P,
		.t_upper = gsl_cdf_tdist_Q,
		.t_upper_inverse = gsl_cdf_tdist_Qinv,
		.chi_squared_upper = gsl_cdf_chisq_Q,
	};

	return &distributions;
}
