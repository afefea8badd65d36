/*
 * affinity_version.h: a version of the model affinity: neighbours of merchants,
 * tried on what came after them, and what is popular.
 */
#ifndef SS_AFFINITY_VERSION_H
#define SS_AFFINITY_VERSION_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "learning/examples.h"

/* How good neighbours were: of so many users, how many found a merchant that was new to them among ten. */
typedef struct SSAffinityVersion
{
	int64 readers; /* users whose merchants it is made of */
	int64 users;   /* whom it was tried with */
	int64 hits;
	int64 popular_hits;
	double gain;
	double popular_gain;
	bool serves; /* neighbours did better than what is popular by a tenth, or more */
	const char *reason;
} SSAffinityVersion;

/* Makes the rows of a version and takes those of all others away. */
extern void ss_affinity_make(const SSTraining *training, int32 number, SSAffinityVersion *version);

/* What is kept in ml_models.metrics. */
extern Jsonb *ss_affinity_document(const SSAffinityVersion *version);

#endif /* SS_AFFINITY_VERSION_H */
