/*
 * choose.h: which of the matching campaigns a purchase gets (awards.md §4).
 */
#ifndef SS_CHOOSE_H
#define SS_CHOOSE_H

#include "postgres.h"

#include "chunk.h"

/*
 * Chooses among the open campaigns of the chunk's purchase at this position:
 * fills in awards, bonus points, discount and the rest of the decision record,
 * and takes budget and limits in the chunk's memory. points_base must be set.
 */
extern void ss_choose_awards(SSChunk *chunk, int position);

#endif							/* SS_CHOOSE_H */
