/*
 * condition.h: does a condition hold for these attributes?
 */
#ifndef SS_CONDITION_H
#define SS_CONDITION_H

#include "postgres.h"

#include "flags/node.h"

/* What conditions are tested against. */
typedef struct SSSubject
{
	SSNode *attributes;
	SSNode *groups; /* saved groups: id to array; NULL for none */

	/* Asked instead of `groups` if it is set: is who is evaluated in the group? */
	bool (*in_group)(SSText group, void *state);
	void *state;
} SSSubject;

/* A condition that is no object does not hold; a NULL one is an empty one and does. */
extern bool ss_condition_holds(SSNode *condition, const SSSubject *subject);

/* The versions that $veq and the like compare, as texts that sort as the versions do. */
extern SSText ss_version_padded(SSNode *value);

/* Is this one of the operators that conditions know? */
extern bool ss_condition_is_operator(SSText name);

#endif /* SS_CONDITION_H */
