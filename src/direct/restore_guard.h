/*
 * restore_guard.h: the one trigger that rows written past the executor need not
 * fire: it refuses the rows of a dump (operations/restore.c).
 */
#ifndef SS_RESTORE_GUARD_H
#define SS_RESTORE_GUARD_H

#include "postgres.h"

#include "utils/reltrigger.h"

/* Is it that one, by its function and not by its name? */
extern bool ss_refuses_restores(const Trigger *trigger);

#endif /* SS_RESTORE_GUARD_H */
