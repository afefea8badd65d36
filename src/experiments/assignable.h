/*
 * assignable.h: started tests as this backend keeps them, to say who is in
 * which group without reading a row.
 */
#ifndef SS_ASSIGNABLE_H
#define SS_ASSIGNABLE_H

#include "postgres.h"

#include "experiments/ab_test.h"

typedef struct SSAssignableGroup
{
	char *name;
	char *campaign_id; /* NULL: the hold-out, or a test of a flag */
	Jsonb *value;	   /* NULL: a test of campaigns */
} SSAssignableGroup;

typedef struct SSAssignable
{
	pg_uuid_t id;
	char *key;
	SSTestStatus status;
	bool of_flag;
	char *flag_key; /* NULL: a test of campaigns */
	bool by_assignment;
	Jsonb *condition; /* of a test of a flag */
	bool control_outside;
	TimestampTz started_at;
	TimestampTz ended_at; /* DT_NOEND = not yet */
	int npauses;
	SSTestPause *pauses;
	int ngroups;
	SSAssignableGroup groups[SS_AB_GROUPS_MAX];
	SSAbTest compiled;
} SSAssignable;

/* The test as it is now, whatever the snapshot; valid until the next call. PT404 if there is none. */
extern SSAssignable *ss_assignable_by_id(const pg_uuid_t *id);
extern SSAssignable *ss_assignable_by_key(const char *key);

/* The same; NULL if there is none. */
extern SSAssignable *ss_assignable_find(const char *key);

/* Did it run at that moment? */
extern bool ss_assignable_ran(const SSAssignable *test, TimestampTz moment);

/* The user's group, or SS_AB_OUTSIDE. */
extern int ss_assignable_group(SSAssignable *test, const pg_uuid_t *user_id);

#endif /* SS_ASSIGNABLE_H */
