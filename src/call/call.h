/*
 * call.h: the door of every API function: who calls, what may they do, and
 * the switch to the owner's rights and a safe search_path.
 *
 * Usage, always in this shape:
 *
 *		SSCall		call;
 *
 *		ss_call_enter(&call, SS_BACKEND | SS_ADMIN);
 *		... queries of query.h, ss_json_* ...
 *		PG_RETURN_DATUM(ss_call_leave_json(&call, &json));
 *
 * An error between the two needs no cleaning up: the abort of the transaction
 * or subtransaction restores user, security context, settings and SPI.
 */
#ifndef SS_CALL_H
#define SS_CALL_H

#include "postgres.h"

#include "utils/uuid.h"

#include "base/json.h"
#include "call/owner.h"

/* The roles of api.md as bits; a caller is whatever its role is a member of. */
#define SS_ANON		 0x01
#define SS_CUSTOMER	 0x02
#define SS_SUPPORT	 0x04
#define SS_ANALYTICS 0x08
#define SS_BACKEND	 0x10
#define SS_DELIVERY	 0x20
#define SS_ADMIN	 0x40
#define SS_ANYONE	 0x7f

/* Beside the roles: answers under maintenance too; the answer is not for caches; also for a user who must change a temporary password. */
#define SS_IN_MAINTENANCE 0x100
#define SS_NOT_CACHED	  0x200
#define SS_TEMPORARY	  0x400
#define SS_CREATES		  0x800 /* something new: HTTP status 201 */

/* Functions of sign-in: for everybody at any time, admins who end the maintenance among them. */
#define SS_SIGN_IN (SS_ANYONE | SS_IN_MAINTENANCE | SS_NOT_CACHED | SS_TEMPORARY)

/*
 * Checks that the caller has one of the allowed roles (42501 otherwise), reads
 * its identity, and lets it in: PT503 under maintenance, PT429 beyond the rate
 * limit. Like PG_GETARG, both take the fcinfo of the function they are in.
 */
#define ss_call_check(call, allowed) ss_call_check_function(call, allowed, (fcinfo)->flinfo->fn_oid)
extern void ss_call_check_function(SSCall *call, int allowed, Oid function);

/*
 * Checks as above, becomes swipesavvy_owner under a safe search_path and
 * connects to SPI. The memory context becomes SPI's.
 */
#define ss_call_enter(call, allowed) ss_call_enter_function(call, allowed, (fcinfo)->flinfo->fn_oid)
extern void ss_call_enter_function(SSCall *call, int allowed, Oid function);

/*
 * Lets in whoever runs a statement on the view, where the executor checked the
 * privilege: the statement counts as one call. And PT503 for whoever has been
 * let in before, and goes on with something that takes long.
 */
extern void ss_call_let_in(void);
extern void ss_call_refuse_in_maintenance(void);

/*
 * A customer may only name itself: 42501 unless the caller has one of the
 * roles in `any_user`, or user_id is the identity of a caller with SS_CUSTOMER.
 */
extern void ss_call_require_user(const SSCall *call, int any_user, const pg_uuid_t *user_id);

/* Does the caller have one of these roles (of those allowed at ss_call_enter)? */
extern bool ss_call_has(const SSCall *call, int roles);

/* Is the caller none of those who sign in? Then a token may help where it is refused. */
extern bool ss_call_is_anonymous(void);

/* The answer of a function for everybody is somebody's own where one is signed in: caches may not give it to others. */
extern void ss_call_make_personal(SSCall *call);

/* Back to the caller; the document is finished in the caller's memory context. */
extern Datum ss_call_leave_json(SSCall *call, SSJson *json);

/* The same for a result that is not made of SPI's memory, or for none. */
extern void ss_call_leave(SSCall *call);

#endif /* SS_CALL_H */
