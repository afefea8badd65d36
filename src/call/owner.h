/*
 * owner.h: the rights of swipesavvy_owner, taken and given back.
 */
#ifndef SS_OWNER_H
#define SS_OWNER_H

#include "postgres.h"

#include "utils/uuid.h"

/* A call of an API function; call.h fills in what owner.h does not need. */
typedef struct SSCall
{
	Oid caller;			   /* the invoking role */
	int security;		   /* its security context */
	int guc_level;		   /* to undo search_path */
	MemoryContext context; /* where the result must live */
	int allowed;		   /* as it was given to ss_call_enter */
	int roles;			   /* those of the allowed ones that the caller has */
	bool has_identity;	   /* a user is signed in */
	pg_uuid_t identity;
	Oid function;	/* that was called */
	uint64 changes; /* rows that the session had changed by then */
	bool recorded;	/* its changes are in the audit log, or are none of it */
} SSCall;

/*
 * The two halves for whatever cannot be entered as a function call: triggers
 * (the executor checked the privilege on the view), what call.c itself reads, and
 * the importer, which leaves before each commit. They do not touch SPI.
 */
extern void ss_owner_become(SSCall *call);
extern void ss_owner_leave(SSCall *call);

/* Only the safe search_path, for a query that runs with the caller's own rights; returns what restores it. */
extern int ss_owner_guard_path(void);
extern void ss_owner_restore_path(int level);

#endif /* SS_OWNER_H */
