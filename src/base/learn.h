/*
 * learn.h: what the library swipesavvy_learn offers: the coefficients of a
 * logistic regression, from LIBLINEAR.
 *
 * Only a process that trains a model loads it (src/learning/train.c). fit()
 * raises no error, allocates outside of memory contexts and gives all of it
 * back; it does not look for interrupts. With the same examples in the same order it gives the same
 * coefficients: its solver draws no random numbers.
 */
#ifndef SS_LEARN_H
#define SS_LEARN_H

/* A value of an example, as LIBLINEAR has it; index from 1, and -1 after the last. */
typedef struct SSLearnValue
{
	int index;
	double value;
} SSLearnValue;

typedef struct SSLearnProblem
{
	int examples;
	int features;		   /* the constant, which each example has as its last value, among them */
	double *labels;		   /* 1 or -1 */
	SSLearnValue **values; /* of each example */
} SSLearnProblem;

typedef struct SSLearnApi
{
	/* Minimises half the squared length of `weights` plus cost times the sum of the losses; returns NULL, or what is wrong. */
	const char *(*fit)(const SSLearnProblem *problem, double cost, double eps, double *weights);
} SSLearnApi;

/* The function to look up in the library */
#define SS_LEARN_LIBRARY  "$libdir/swipesavvy_learn"
#define SS_LEARN_FUNCTION "swipesavvy_learn_api"
typedef const SSLearnApi *(*SSLearnFunction)(void);

#endif /* SS_LEARN_H */
