/*
 * shmem.c: asks for the shared memory of each domain and hands it out
 * (shmem.h).
 *
 * Called by _PG_init. A domain has a line in the table below: how much it
 * needs, how it is first filled, and the pointer that is set in every process;
 * the pointer stays NULL without preload. What protects an area is said by its
 * domain.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "call/metrics.h"
#include "call/rates.h"
#include "call/refused.h"
#include "flags/usage.h"
#include "shmem.h"

typedef struct Area
{
	const char *name;
	Size (*size)(void);
	void (*fill)(void *area); /* from zeroes */
	void **area;
} Area;

static const Area areas[] = {
	{"swipesavvy rates", ss_rates_size, ss_rates_fill, &ss_rates_area},
	{"swipesavvy metrics", ss_metrics_size, ss_metrics_fill, &ss_metrics_area},
	{"swipesavvy flag usage", ss_usage_size, ss_usage_fill, &ss_usage_area},
	{"swipesavvy refused attempts", ss_refused_size, ss_refused_fill, &ss_refused_area},
};

static shmem_request_hook_type next_request = NULL;
static shmem_startup_hook_type next_startup = NULL;

static void
request(void)
{
	if (next_request != NULL)
		next_request();
	for (size_t i = 0; i < lengthof(areas); i++)
		RequestAddinShmemSpace(areas[i].size());
}

static void
startup(void)
{
	if (next_startup != NULL)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (size_t i = 0; i < lengthof(areas); i++)
	{
		bool found;

		*areas[i].area = ShmemInitStruct(areas[i].name, areas[i].size(), &found);
		if (!found)
		{
			memset(*areas[i].area, 0, areas[i].size());
			areas[i].fill(*areas[i].area);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
ss_shmem_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	next_request = shmem_request_hook;
	shmem_request_hook = request;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}
