/*
 * gate.h: what settings of the programme demand of every call: maintenance
 * mode, the rate limit, and how long an answer may be kept.
 *
 * Called by call.c; others answer PostgREST by it.
 */
#ifndef SS_GATE_H
#define SS_GATE_H

#include "postgres.h"

typedef struct SSGate
{
	bool maintenance;
	int32 rate_limit; /* calls of a user in a minute; 0 = no limit */
	int32 cache_ttl;  /* seconds */
} SSGate;

/* The settings as they are now; the pointer stays good. */
extern const SSGate *ss_gate_get(void);

/*
 * Says to caches how long they may keep what a GET of PostgREST is answered
 * with, unless somebody has said something already. Outside of one it does
 * nothing. Seconds of 0: not at all. What is not for everybody is asked for
 * again each time: it is somebody's own, and changes by what they do. A browser
 * in which somebody else signs in must not answer with it (Vary).
 */
extern void ss_gate_answer(int32 seconds, bool for_everybody);

/* Has PostgREST answer 201, unless somebody has said something already. Outside of it it does nothing. */
extern void ss_gate_created(void);

/* Sets what PostgREST answers with, response.status or response.headers, until the transaction ends. */
extern void ss_gate_respond(const char *name, const char *value);

/* Adds a header to those that PostgREST answers with, until the transaction ends. */
extern void ss_gate_add_header(const char *name, const char *value);

#endif /* SS_GATE_H */
