/*
 * learn.c: the library swipesavvy_learn, which hands LIBLINEAR's logistic
 * regression to the main library.
 *
 * LIBLINEAR stands in a library of its own because only training needs it:
 * predictions are made by the main library from stored coefficients. What
 * LIBLINEAR would print is swallowed. No state, no locks.
 */
#include "postgres.h"

#include <linear.h>

#include "fmgr.h"

#include "base/learn.h"

PG_MODULE_MAGIC;

StaticAssertDecl(sizeof(SSLearnValue) == sizeof(struct feature_node) &&
					 offsetof(SSLearnValue, value) == offsetof(struct feature_node, value),
				 "values of examples are LIBLINEAR's nodes");

extern PGDLLEXPORT void _PG_init(void);
extern PGDLLEXPORT const SSLearnApi *swipesavvy_learn_api(void);

static void
print_nothing(const char *text)
{
}

void
_PG_init(void)
{
	set_print_string_function(print_nothing);
}

static const char *
fit(const SSLearnProblem *problem, double cost, double eps, double *weights)
{
	struct problem data = {.l = problem->examples, .n = problem->features, .y = problem->labels, .bias = 1};
	struct parameter parameter = {.solver_type = L2R_LR, .C = cost, .eps = eps};
	struct model *model;
	const char *fault;

	data.x = (struct feature_node **) problem->values;
	fault = check_parameter(&data, &parameter);
	if (fault != NULL)
		return fault;
	model = train(&data, &parameter);
	if (model == NULL)
		return "no model";
	/* with labels 1 and -1 the first class is 1, whatever the order of the examples */
	memcpy(weights, model->w, problem->features * sizeof(double));
	free_and_destroy_model(&model);
	return NULL;
}

const SSLearnApi *
swipesavvy_learn_api(void)
{
	static const SSLearnApi api = {.fit = fit};

	return &api;
}
