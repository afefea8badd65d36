/*
 * replay.h: recognises purchases that were recorded before under the same
 * idempotency key (awards.md §8).
 */
#ifndef SS_REPLAY_H
#define SS_REPLAY_H

#include "postgres.h"

#include "engine/chunk.h"

/*
 * Marks the chunk's purchases whose key is known as replayed and fills in what
 * was recorded then, with the present status, balance and tier; returns how
 * many. A key known with another payload is 23505. The users must be locked.
 */
extern int ss_replay_find(SSChunk *chunk);

#endif /* SS_REPLAY_H */
