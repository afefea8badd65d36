/*
 * flag_call.h: who may ask for which flags, and for whom.
 */
#ifndef SS_FLAG_CALL_H
#define SS_FLAG_CALL_H

#include "postgres.h"

#include "call/call.h"
#include "flags/flag_subject.h"

/* Who sees every flag, and may ask for any user. */
#define SS_FLAG_STAFF (SS_BACKEND | SS_ANALYTICS | SS_ADMIN)

/* May the caller see the flag? A customer not those of the server, anybody else than staff only public ones. */
extern bool ss_flag_is_visible(const SSCall *call, const SSFlag *flag);

/* The flag of that key that the caller may see; PT404. */
extern SSFlag *ss_flag_require(const SSCall *call, const SSFlagSet *set, const char *key);

/* Whom is asked for: staff any user, a customer itself (by default, too), anybody else nobody; 42501. NULL is nobody known. */
extern const pg_uuid_t *ss_flag_user(const SSCall *call, const pg_uuid_t *given);

/* What a flag gives, and why, in the object that is open, with the flag's key unless it is NULL. */
extern void ss_flag_add_answer(SSJson *json, const char *key, const SSFlagAnswer *answer);

/* The key of a flag as an argument. */
extern char *ss_flag_key_arg(FunctionCallInfo fcinfo, int n);

#endif /* SS_FLAG_CALL_H */
