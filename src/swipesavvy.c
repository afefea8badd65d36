/*
 * swipesavvy.c: the library's magic block and its initialisation, nothing
 * else.
 *
 * A process has one copy of it. A second one, found in another directory, would
 * have settings, shared memory and hooks of its own beside the first.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "base/background.h"
#include "base/guc.h"
#include "base/sentinel.h"
#include "call/identity.h"
#include "call/metrics.h"
#include "call/refused.h"
#include "experiments/flag_values.h"
#include "flags/usage.h"
#include "outbox/outbox.h"
#include "purchases/view.h"
#include "shmem.h"

PG_MODULE_MAGIC;

void _PG_init(void);

/* Where this copy was loaded from. The address is that of a static function, as every library has a _PG_init. */
static const char *
own_file(void)
{
	Dl_info info;

	return dladdr((void *) own_file, &info) != 0 ? info.dli_fname : "unknown";
}

static void
refuse_second_copy(void)
{
	const char **file = (const char **) find_rendezvous_variable("swipesavvy library");

	if (*file != NULL && strcmp(*file, own_file()) != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("another copy of the library swipesavvy is loaded already"),
				errdetail("It is \"%s\", and this one is \"%s\".", *file, own_file()),
				errhint("Put the directory of the one that you want first into dynamic_library_path, write "
						"shared_preload_libraries = 'swipesavvy', and restart."));
	*file = own_file();
}

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;
	refuse_second_copy();
	ss_guc_define();
	ss_sentinel_init();
	ss_identity_init();
	ss_view_init();
	ss_outbox_init();
	ss_metrics_init();
	ss_refused_init();
	ss_usage_init();
	ss_flag_values_init();
	ss_shmem_init();
	ss_background_init();
}
