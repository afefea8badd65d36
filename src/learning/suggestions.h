/*
 * suggestions.h: which merchants a user may like, and because of which others.
 */
#ifndef SS_SUGGESTIONS_H
#define SS_SUGGESTIONS_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/uuid.h"

#include "learning/purchase_history.h"

#define SS_BECAUSE_MAX 3

/* A merchant. */
typedef struct SSSuggestion
{
	pg_uuid_t merchant_id;
	char *name;
	char *category;
	Numeric score;
	bool of_neighbours; /* else it is popular */
	int nbecause;
	pg_uuid_t because[SS_BECAUSE_MAX]; /* merchants of the user, the one that counts most first */
} SSSuggestion;

/* A merchant that the user has been at. */
typedef struct SSKnown
{
	pg_uuid_t id;
	DateADT day; /* of the last time */
	TimestampTz last;
} SSKnown;

/* For whom, and what has been suggested so far. */
typedef struct SSSuggesting
{
	int32 version; /* of the model affinity */
	bool latest;   /* what this transaction has written counts: not for readers */
	int limit;
	int nknown;
	SSKnown *known; /* the last first, then by id */
	int ncategories;
	int16 *categories; /* by the user's visits, the most first */
	int nleft_out;
	pg_uuid_t *left_out;
	int count;
	SSSuggestion *suggestions;
} SSSuggesting;

/* What the history of a user, of whom nothing is known if it is NULL, says at this time; lives in the current memory context. */
extern void ss_suggesting_begin(SSSuggesting *suggesting, const SSHistory *history, int32 version, int limit);

/* One that is not to be suggested. */
extern void ss_suggesting_leave_out(SSSuggesting *suggesting, const pg_uuid_t *merchant_id);

/* Leaves out all that the user knows. */
extern void ss_suggesting_leave_out_known(SSSuggesting *suggesting);

/* Adds neighbours of what the user knows as of that day, unless it knows too little; then what is popular. Until there are `limit`. */
extern void ss_suggest_neighbours(SSSuggesting *suggesting, DateADT today);
extern void ss_suggest_popular(SSSuggesting *suggesting);

#endif /* SS_SUGGESTIONS_H */
