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

/*
 * The workers of a database: what has to be done in time is not kept waiting
 * by what may take long. Each is a line of ssw_lanes in worker.c.
 */
typedef enum SSWLane
{
	SSW_JOBS,
	SSW_HEALTH,
	SSW_LANES
} SSWLane;

extern const char *const ssw_lane_names[SSW_LANES];

/* What the launcher tells a worker, in bgw_extra. */
typedef struct SSWStart
{
	NameData	database;
	SSWLane		lane;
} SSWStart;

StaticAssertDecl(sizeof(SSWStart) <= BGW_EXTRALEN, "a worker's database and lane fit into bgw_extra");

/*
 * The locks that databases are used under: one that keeps it from being
 * dropped, renamed or copied, which every connection holds while it begins,
 * and one that the worker of a lane holds as long as it lives.
 */
#define SSW_LOCK_KIND 19027		/* jobs.c knows it, too */

extern void ssw_lock_of_database(LOCKTAG *tag, Oid database);
extern void ssw_lock_of_lane(LOCKTAG *tag, Oid database, SSWLane lane);

/* How full the fullest of the server's file systems is, in percent; -1 if that cannot be known. */
extern double ssw_disk_percent(void);

/* What is measured, by pg_monitor: one jsonb value of $1, that figure, $2, the milliseconds of the last commit, and $3, is the size of the database wanted? */
extern const char *const ssw_measure_sql;

extern PGDLLEXPORT void swipesavvy_launcher_main(Datum arg);
extern PGDLLEXPORT void swipesavvy_worker_main(Datum arg);

#endif							/* SSW_WORKER_H */
