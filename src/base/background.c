/*
 * background.c: asks the server to start the launcher of the background
 * workers.
 *
 * Called by _PG_init. The launcher is there whenever the library is preloaded,
 * as swipesavvy.databases may change with a reload. Its code is in a library
 * that nobody else loads. On a standby it starts with the promotion.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "base/background.h"

#define RESTART_SECONDS 5

void
ss_background_init(void)
{
	BackgroundWorker worker = {
		.bgw_name = "swipesavvy launcher",
		.bgw_type = "swipesavvy launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_library_name = SS_WORKER_LIBRARY,
		.bgw_function_name = "swipesavvy_launcher_main",
	};

	if (process_shared_preload_libraries_in_progress)
		RegisterBackgroundWorker(&worker);
}
