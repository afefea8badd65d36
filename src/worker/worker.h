/*
 * worker.h: what the files of the background workers' library share.
 *
 * The library has no symbols in common with the main one: workers use the SQL
 * functions of the extension, and settings by their names. What is extern here
 * begins with ssw_, so that where both are loaded neither's functions stand in
 * for the other's.
 */
#ifndef SSW_WORKER_H
#define SSW_WORKER_H

#include "postgres.h"

#include "postmaster/bgworker.h"
#include "storage/lock.h"

#include "base/jobs.h"
#include "worker/run.h"

extern const char *const ssw_lane_names[SS_LANES];

/* What the launcher tells a worker, in bgw_extra. */
typedef struct SSWStart
{
	NameData database;
	SSLane lane;
} SSWStart;

StaticAssertDecl(sizeof(SSWStart) <= BGW_EXTRALEN, "a worker's database and lane fit into bgw_extra");

/*
 * The locks that databases are used under: one that keeps it from being
 * dropped, renamed or copied, which every connection holds while it begins,
 * and that of a lane (jobs.h).
 */
extern void ssw_lock_of_database(LOCKTAG *tag, Oid database);
extern void ssw_lock_of_lane(LOCKTAG *tag, Oid database, SSLane lane);

/* --- worker.c: transactions with the rights of swipesavvy_admin, one at a time --- */

/* What a step leaves here is there until the next turn, of a job or of deliveries. */
extern MemoryContext ssw_turn_context;

/* Begins one, which may take so long; false if the extension is not there. The current context is SPI's then. */
extern bool ssw_begin(const char *activity, int max_ms);

/* Ends it; connected is what ssw_begin said. */
extern void ssw_commit(bool connected);

/*
 * Runs a step, which may throw errors. Returns NULL, or the error, which has been
 * logged, its transaction undone. Of a step that has secrets in its hands (secret)
 * nothing is logged that could quote one.
 */
extern char *ssw_attempt(void (*step)(void *arg), void *arg, bool secret);

/* Milliseconds of a clock that nobody sets */
extern int64 ssw_now_ms(void);

/* --- deliveries.c: only in the lane of health --- */

/* Does what there is to do now; returns the milliseconds until there may be more. */
extern int ssw_deliver(void);

/* Waits for that long, for the latch, or for an answer. Returns at once if ms is 0. */
extern void ssw_wait(int ms);

/* The configuration has been read anew. */
extern void ssw_configure_deliveries(void);

/* --- measure.c --- */

/* How full the fullest of the server's file systems is, in percent; -1 if that cannot be known. */
extern double ssw_disk_percent(void);

/* What is measured, by pg_monitor: one jsonb value of $1, that figure, $2, the milliseconds of the last commit, and $3, is the size of the database wanted? */
extern SSQuery ssw_measure;

extern PGDLLEXPORT void swipesavvy_launcher_main(Datum arg);
extern PGDLLEXPORT void swipesavvy_worker_main(Datum arg);

#endif /* SSW_WORKER_H */
