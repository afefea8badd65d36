/*
 * rivals.h: other users' transactions of an id that a caller chose: recorded,
 * or about to be. The primary key alone would allow two users to have the same.
 *
 * Of two that record the same id at once, each looks when its own row is there,
 * so one finds the other, and waits for its transaction. They could wait for
 * each other: whoever records one purchase therefore has a turn with its id,
 * from before it looks first until its row is there.
 */
#ifndef SS_RIVALS_H
#define SS_RIVALS_H

#include "postgres.h"

#include "utils/rel.h"
#include "utils/uuid.h"

/*
 * Does another user have a transaction of that id? Waits for whoever is about
 * to. `index` begins with transaction_id.
 */
extern bool ss_rivals_exist(Relation table, Relation index, const pg_uuid_t *transaction_id, const pg_uuid_t *user_id);

/*
 * The same for those who write through the executor: 55000 where no index of the table begins with transaction_id. Of a
 * table whose rows are elsewhere, what has not committed is not seen.
 */
extern bool ss_rivals_find(const pg_uuid_t *transaction_id, const pg_uuid_t *user_id);

/* The turn with an id; an error in between ends it too. */
extern void ss_rivals_begin_turn(const pg_uuid_t *transaction_id);
extern void ss_rivals_end_turn(const pg_uuid_t *transaction_id);

#endif /* SS_RIVALS_H */
