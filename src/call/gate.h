/*
 * gate.h: what settings of the programme demand of every call: maintenance
 * mode, the rate limit, and how long an answer may be kept.
 *
 * Called by call.c alone.
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
 * nothing. Seconds of 0: not at all.
 */
extern void ss_gate_answer(int32 seconds, bool for_everybody);

#endif /* SS_GATE_H */
