/*
 * distributions.h: what the library swipesavvy_gsl offers: distribution
 * functions, from GSL.
 *
 * Only a session that asks for statistics loads it (src/experiments/statistics.c).
 * Nothing here raises an error: an argument outside of a function's domain gives NaN.
 */
#ifndef SS_DISTRIBUTIONS_H
#define SS_DISTRIBUTIONS_H

typedef struct SSDistributions
{
	/* Standard normal: P(Z <= z), P(Z > z), and z by P(Z <= z) = p or P(Z > z) = q; density */
	double (*normal_lower)(double z);
	double (*normal_upper)(double z);
	double (*normal_lower_inverse)(double p);
	double (*normal_upper_inverse)(double q);
	double (*normal_density)(double z);
	/* Student's t with nu degrees of freedom, which need be no integer */
	double (*t_lower)(double t, double nu);
	double (*t_upper)(double t, double nu);
	double (*t_upper_inverse)(double q, double nu);
	/* chi squared: P(X > x) with nu degrees of freedom */
	double (*chi_squared_upper)(double x, double nu);
} SSDistributions;

/* The function to look up in the library */
#define SS_DISTRIBUTIONS_LIBRARY  "$libdir/swipesavvy_gsl"
#define SS_DISTRIBUTIONS_FUNCTION "swipesavvy_distributions"
typedef const SSDistributions *(*SSDistributionsFunction)(void);

#endif /* SS_DISTRIBUTIONS_H */
