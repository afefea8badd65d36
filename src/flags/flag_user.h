/*
 * flag_user.h: what is stored of one user, for flags.
 */
#ifndef SS_FLAG_USER_H
#define SS_FLAG_USER_H

#include "postgres.h"

#include "utils/uuid.h"

#include "flags/flag_subject.h"

typedef struct SSFlagUser
{
	bool is_user;	  /* it is there, and not erased */
	bool has_account; /* it is a user, and has one */
	Datum columns[SS_FLAG_COLUMNS];
	int nsegments;
	int32 *segments; /* their numbers */
} SSFlagUser;

/*
 * Reads so much of the user (SS_READS_USER, SS_READS_ACCOUNT, SS_READS_SEGMENTS), past the executor and under the active
 * snapshot; valid until the next call. NULL where a query must do it.
 */
extern const SSFlagUser *ss_flag_user_read(const pg_uuid_t *user_id, int reads);

#endif /* SS_FLAG_USER_H */
