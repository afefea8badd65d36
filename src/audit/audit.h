/*
 * audit.h: the record of who did what.
 *
 * A function that changes something writes its row after ss_call_enter, in the
 * transaction of the change. ss_call_leave refuses to end a call that has
 * changed rows and has neither written a row here nor said that it leaves none.
 */
#ifndef SS_AUDIT_H
#define SS_AUDIT_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/rows.h"
#include "call/call.h"

/* What took place, on what, of whom. */
typedef struct SSAudit
{
	const char *resource;	  /* "user" */
	const char *action;		  /* "update"; the event type is "user.update" */
	const char *resource_id;  /* NULL = none */
	const pg_uuid_t *user_id; /* whose data it was about; NULL = nobody's */
	bool refused;			  /* an attempt that failed, and returns normally all the same */
} SSAudit;

/*
 * Writes the row. `before` and `after` are objects or NULL (there was nothing,
 * or there is nothing left); of their keys only those are kept whose values
 * differ, and secrets and card data are masked.
 */
extern void ss_audit_write(SSCall *call, const SSAudit *audit, Jsonb *before, Jsonb *after);

/* A row as it was or is; its tuple is NULL if there is none. */
typedef SSRow SSAuditRow;

/* The first row of the last query, to be compared later; valid until the call ends. */
extern SSAuditRow ss_audit_row(void);

/* The same for two versions of a row from queries with the same columns: cheaper than two documents. */
extern void ss_audit_write_rows(SSCall *call, const SSAudit *audit, SSAuditRow before, SSAuditRow after);

/* This call's changes leave no row: another record is theirs. */
extern void ss_audit_none(SSCall *call);

/* Has anything been noted in this database, and not only in those whose dumps were restored here? Needs no rights. */
extern bool ss_audit_has_begun(void);

#endif /* SS_AUDIT_H */
