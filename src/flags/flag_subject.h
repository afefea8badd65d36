/*
 * flag_subject.h: whom stored flags are evaluated for.
 */
#ifndef SS_FLAG_SUBJECT_H
#define SS_FLAG_SUBJECT_H

#include "postgres.h"

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

/* The same where the values have been read already: of a row with the columns of SS_FLAG_USER_COLUMNS. */
typedef struct SSFlagUser
{
	bool exists;
	const char *role;
	const char *preferred_language;
	const char *account_status;
	const char *verification_status;
	const char *email;
	TimestampTz created_at;
	bool has_account;
	const char *tier;
	int64 lifetime_points;
	int64 transaction_count;
	ArrayType *segments; /* NULL: none */
} SSFlagUser;

extern void ss_flag_subject_set(SSFlagSubject *subject, SSFlagSet *set, const pg_uuid_t *user_id, Jsonb *given,
								const SSFlagUser *user);

/* Evaluates a flag of the set: the kill switch and the archive come before the rules. */
typedef struct SSFlagAnswer
{
	SSFeatureResult result;
	const char *source;
	SSNode *value;
} SSFlagAnswer;

extern void ss_flag_answer(SSFlagSubject *subject, const SSFlagSet *set, const SSFlag *flag, SSFlagAnswer *answer);

#endif /* SS_FLAG_SUBJECT_H */
