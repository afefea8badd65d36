/*
 * model_kinds.h: the models there are, and what each is made of.
 */
#ifndef SS_MODEL_KINDS_H
#define SS_MODEL_KINDS_H

#include "postgres.h"

#include "learning/examples.h"

typedef struct SSModelKind
{
	const char *name;
	int features;
	const char *const *beside;							 /* names of the features beside the user's */
	bool mixes;											 /* some are others, standardised, by the type of an offer */
	SSExamples *(*examples)(const SSTraining *training); /* what it is trained on and tested with */
} SSModelKind;

/* The kind of that name; NULL if there is none. */
extern const SSModelKind *ss_model_kind(const char *name);

/* The name of a feature, by position from 0. */
extern const char *ss_model_kind_feature(const SSModelKind *kind, int i);

#endif /* SS_MODEL_KINDS_H */
