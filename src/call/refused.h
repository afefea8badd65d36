/*
 * refused.h: attempts that were refused, kept over the rollback of the call.
 *
 * What is refused: a call of an API function for want of a role, of an identity
 * or of the right to another user's data (42501 by the library), and what the
 * server refuses for want of a privilege on a function, procedure, table, view or the schema
 * of ours. Bad values, states and limits (22023, PT4xx) are not: anybody could fill the log with them.
 */
#ifndef SS_REFUSED_H
#define SS_REFUSED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "call/origin.h"

#define SS_REFUSED_MAX 1024 /* that wait at a time; what comes then is counted */

#define SS_REFUSED_EXPORT "export" /* the kind of what was not refused, but read where no row can be written */

/* What was exported. */
typedef struct SSReadExport
{
	const char *dataset; /* constants of the library's */
	const char *format;
	int32 campaign_no; /* 0 = of all */
	int64 rows;
	char digest[65];
} SSReadExport;

/* An attempt. */
typedef struct SSRefused
{
	Oid database;
	pg_uuid_t log_id;
	TimestampTz moment;
	const char *kind; /* "function", "table", …: a constant of the library's */
	NameData name;
	Oid session_role;
	Oid invoking_role;
	bool has_actor;
	bool has_user;
	pg_uuid_t actor;
	pg_uuid_t user;
	SSOrigin origin;
	SSReadExport export; /* of that kind alone */
} SSRefused;

/* For shmem.c: the queue in shared memory, NULL without preload. */
extern Size ss_refused_size(void);
extern void ss_refused_fill(void *area);
extern void *ss_refused_area;

/*
 * Notes the call that is under way as refused; `user_id` (NULL = none) is whom
 * it was about. Waits for nobody and does no I/O but, without shared memory or on
 * a replica, a line in the server's log.
 */
extern void ss_refused_note(Oid function, Oid invoking_role, const pg_uuid_t *actor, const pg_uuid_t *user_id);

/*
 * Notes an export of a caller that may write nothing (GET, a replica): it waits
 * for the audit log as refused attempts do.
 */
extern void ss_refused_note_export(const SSReadExport *export, Oid invoking_role, const pg_uuid_t *actor);

/* Are there any, perhaps of this database? Costs nothing. */
extern bool ss_refused_waiting(void);

/*
 * Takes up to `max` of this database to be written down in the present
 * transaction: they leave the queue when it commits, and go back when it
 * aborts. Only outside of subtransactions. *dropped gets the number of those
 * there was no room for.
 */
extern int ss_refused_take(SSRefused *attempts, int max, uint64 *dropped);

/* Called by _PG_init. */
extern void ss_refused_init(void);

#endif /* SS_REFUSED_H */
