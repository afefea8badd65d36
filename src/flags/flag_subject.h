/*
 * flag_subject.h: whom stored flags are evaluated for.
 */
#ifndef SS_FLAG_SUBJECT_H
#define SS_FLAG_SUBJECT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "flags/flag_set.h"

/* One user, or nobody known, as flags see it. */
typedef struct SSFlagSubject
{
	SSContext context;
	SSNode attributes;
	SSNode segments; /* an array of names */
	SSNode forced;	 /* values of its own */
	SSNode sticky;
	const pg_uuid_t *user_id;
} SSFlagSubject;

/* Checks the attributes that a caller gives: an object, at most 100 members and 64 kB; 22023. */
extern void ss_flag_check_attributes(Jsonb *attributes);

/*
 * Reads what flags that read so much (SS_READS_…) need of the user; user_id
 * NULL: the given attributes are all there is. With the owner's rights and SPI
 * connected. `given` is what a caller gives, or NULL.
 */
extern void ss_flag_subject_read(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given,
								 int reads);

/*
 * The same for many users: what the callers gave of attributes, once, without
 * those that are stored; then for each user a beginning with these, and what a row says of it.
 */
extern SSNode ss_flag_attributes_of(Jsonb *given, bool of_user);
extern void ss_flag_subject_begin(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id,
								  const SSNode *given);
extern void ss_flag_subject_take(SSFlagSubject *subject, TupleTableSlot *row, int reads);

/* The names of the segments that somebody is in, in the order of bytes. */
extern void ss_flag_subject_set_segments(SSFlagSubject *subject, const SSNode *names);

/* The columns of such a row, from 0; null where there is nothing, or it is not read. */
enum
{
	SS_FLAG_USER,
	SS_FLAG_ROLE,
	SS_FLAG_LANGUAGE,
	SS_FLAG_STATUS,
	SS_FLAG_VERIFICATION,
	SS_FLAG_EMAIL,
	SS_FLAG_CREATED_AT,
	SS_FLAG_ACCOUNT, /* null: the user has none */
	SS_FLAG_TIER,
	SS_FLAG_POINTS,
	SS_FLAG_TRANSACTIONS,
	SS_FLAG_SEGMENTS,
	SS_FLAG_KEPT, /* keys of experiments with their versions; variations are in the next one */
	SS_FLAG_COLUMNS = SS_FLAG_KEPT + 2
};

/* Evaluates a flag of the set: the kill switch and the archive come before the rules. */
typedef struct SSFlagAnswer
{
	SSFeatureResult result;
	const char *source;
	SSNode *value;
} SSFlagAnswer;

extern void ss_flag_answer(SSFlagSubject *subject, const SSFlagSet *set, const SSFlag *flag, SSFlagAnswer *answer);

#endif /* SS_FLAG_SUBJECT_H */
